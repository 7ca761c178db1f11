/* lin_search.h -- linearizability by search, for what zones cannot decide: repeated values, cas, append.
 *
 * Depth first over configurations, with the visited ones remembered (Wing and Gong 1993; Lowe, Testing for
 * linearizability, CCPE 2017). A configuration is: which operations took effect, and the value. It is kept short: the
 * number of leading operations that did, and a mask of the later ones, so it grows with the concurrency and not with
 * the history. A legal read that may go next goes at once (it changes nothing and can only free others). Operations
 * of unknown outcome are optional: one is tried only where an operation that may go next needs its effect.
 *
 * Exponential in the number of concurrent writes at worst; hence the limits. */
#ifndef FAULTLINE_LIN_SEARCH_H
#define FAULTLINE_LIN_SEARCH_H

#include "history.h"

enum lin_answer { LIN_OK, LIN_BAD, LIN_UNDECIDED };

struct lin_limits {
    int64_t steps;       /* configurations to visit at most; 0 = no limit */
    size_t memory;       /* bytes to remember them in; 0 = LIN_MEMORY */
    int64_t deadline_ns; /* of trace_mono_ns(); 0 = none */
};
#define LIN_MEMORY ((size_t)512 << 20)

/* `values` gives the texts of values: appended pieces make new ones, which are added to it. Operations must be sorted
 * by call. *steps (may be NULL) gets the number of configurations visited. LIN_UNDECIDED also without memory. */
enum lin_answer lin_search(const struct op *ops, size_t n, struct intern *values, bool failed_cas_reads,
                           const struct lin_limits *limits, int64_t *steps);

#endif
