/* lin.h -- is each key of a history linearizable, and if not, why not?
 *
 * Zones where the reads name their writes (exact, O(n log n)); else a search under a budget that the keys share.
 * Keys are independent of each other (Herlihy and Wing 1990), so all processors are at it. */
#ifndef FAULTLINE_LIN_H
#define FAULTLINE_LIN_H

#include "lin_search.h"
#include "lin_witness.h"

struct lin_options {
    int64_t deadline_ns; /* of trace_mono_ns(), for all searches together; 0 = none */
    int64_t steps;       /* configurations to make at most per key and round; 0 = no limit */
    size_t memory;       /* bytes, of all searches at a time; 0 = LIN_MEMORY */
    size_t threads;      /* at most; 0 = as many as there are processors, where the history is long */
    bool no_search;      /* leave what zones cannot decide undecided */
    bool first_bad_ends; /* one bad key settles the history: search no further, and for no short proof */
};

struct lin_key {
    enum lin_answer answer;
    const struct op *ops; /* what was judged: the key's operations, without ghosts where they do not matter */
    size_t n;
    struct op *own;         /* the array, when it is not the history's */
    bool zoned;             /* sources and zones are there (no: cas or append occurs) */
    bool unread;            /* as in the history: undecided, and no search could help */
    bool searched;          /* the answer comes from the search */
    struct lin_found found; /* how far the search came */
    struct lin_sources sources;
    struct zones zones;
    struct lin_witness witness; /* for LIN_BAD; witness.n == 0 when there is no short one */
};

struct lin_report {
    struct lin_key *keys; /* as in the history */
    size_t n, bad, undecided;
    int64_t searched_ns; /* by the clock on the wall */
};

/* The history must be sorted, and must live as long as the report. A ghost
 * (an attempt that its client gave up) may take effect or not: a key is linearizable already when it is without its
 * ghosts, and only bad when it is not with them either. False without memory. */
bool lin_judge(struct lin_report *r, const struct history *h, const struct lin_options *o);
void lin_report_free(struct lin_report *r);

#endif
