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
    uint32_t lies; /* so many reads, three quarters through, return what had been overwritten; where values repeat
                    * any other value, since an overwritten one can have been written again */
    uint64_t seed;
};

/* Fills an initialised history, sorted by call. False without memory. */
bool history_make(struct history *h, const struct history_shape *shape);

#endif
