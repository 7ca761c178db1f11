/* history_make.h -- histories of any size for benchmarks and tests: clients at a store that is linearizable, on purpose
 * or not.
 *
 * Each client calls, its operation takes effect at some instant, and returns; then it calls again. Everything follows
 * from the seed. */
#ifndef FAULTLINE_BENCH_HISTORY_MAKE_H
#define FAULTLINE_BENCH_HISTORY_MAKE_H

#include "../../analyze/history.h"

struct history_shape {
    uint32_t ops, clients, keys;
    uint32_t values;      /* 0: no value is written twice; else so many, repeated */
    uint32_t unknown_pct; /* of the writes: their outcome is not known, half of them take effect */
    uint32_t cas_pct;     /* of the operations: compare and set, of two of the values (needs `values`) */
    bool stale;           /* one read, three quarters through, returns what had been overwritten */
    uint64_t seed;
};

/* Fills an initialised history, sorted by call. False without memory. */
bool history_make(struct history *h, const struct history_shape *shape);

#endif
