/* history_brute.h -- linearizability by trying everything: what the real checkers are compared with, and small random
 * histories to compare them on. Written from the definition (Herlihy and Wing 1990), sharing nothing with analyze/lin*.
 */
#ifndef FAULTLINE_TESTS_HISTORY_BRUTE_H
#define FAULTLINE_TESTS_HISTORY_BRUTE_H

#include "../../analyze/history.h"

#define BRUTE_MAX 10 /* operations of a history */

/* Is there a legal order of the operations in `mask`? Those of unknown outcome may be left out. */
bool brute_linearizable(const struct op *ops, size_t n, unsigned mask, struct intern *values, bool failed_cas_reads);

struct brute_shape {
    unsigned ops_max; /* 1 .. ops_max operations */
    unsigned times;   /* instants 0 .. times-1: few of them make ties */
    unsigned values;  /* 0: each write its own value; else values 1..values, repeated */
    bool cas, append, ghosts;
    unsigned unknown_pct, failed_pct;
};

/* A random history of one key ("k"). `seed` is advanced. Values are "1", "2" ...; reads return mostly what somebody
 * wrote at some time, sometimes "" and rarely what nobody did. Call history_init() before, history_free() after. */
void brute_history(struct history *h, uint64_t *seed, const struct brute_shape *shape);
/* The next of a sequence of pseudo-random numbers, below `n`. */
unsigned brute_random(uint64_t *seed, unsigned n);

#endif
