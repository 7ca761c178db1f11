/* lin_search.h -- linearizability by search, for what zones cannot decide: repeated values, cas, append.
 *
 * Breadth first along time: after each return of an operation, all configurations that the operations so far can have
 * led to (Lowe, Testing for linearizability, CCPE 2017: just-in-time linearization). A configuration is the value and
 * what became of the operations that are still open, so it grows with the concurrency and not with the history. Four
 * rules keep it from being exponential in the concurrency as well:
 *
 * - An operation takes effect only when some return forces it to, as late as possible; reads as soon as they can.
 * - A write that nobody reads may be put right before any other write that took effect while it was open. So it is not
 *   put anywhere: when it returns it is enough that there was such a write.
 * - Of open writes of the same value the one that returns first goes first.
 * - Values that nobody will look at again are all the same; of operations of unknown outcome that do the same, only the
 *   number is kept. Where a value is needed that can no longer come about, the configuration is given up.
 *
 * Narrow rounds come first: so many configurations are kept, those with most left to choose from. If one of them
 * reaches the end, the history is linearizable, whatever was left out; if all die and none was left out, it is not. */
#ifndef FAULTLINE_LIN_SEARCH_H
#define FAULTLINE_LIN_SEARCH_H

#include "history.h"

enum lin_answer { LIN_OK, LIN_BAD, LIN_UNDECIDED };

struct lin_limits {
    size_t width;        /* configurations to keep at a time; 0 = rounds of growing width, as far as memory goes */
    int64_t steps;       /* configurations to make at most; 0 = no limit */
    size_t memory;       /* bytes to keep them in; 0 = LIN_MEMORY */
    int64_t deadline_ns; /* of trace_mono_ns(); 0 = none */
};
#define LIN_MEMORY       ((size_t)512 << 20)
#define LIN_WIDTH        ((size_t)64) /* of the first round */
#define LIN_WIDTH_FACTOR 16

struct lin_found {
    int64_t steps;  /* configurations made */
    size_t returns; /* so many returns, in order of time, are certainly linearizable */
    bool narrow;    /* undecided for want of width alone */
};

/* Operations must be sorted by call; `values` gives the texts of their values. LIN_UNDECIDED also without memory.
 * Shares nothing with other searches: any number of threads may search at once. */
enum lin_answer lin_search(const struct op *ops, size_t n, const struct intern *values, bool failed_cas_reads,
                           const struct lin_limits *limits, struct lin_found *found);

#endif
