/* sim_coverage_int.h -- for the sim_coverage*.c only. */
#ifndef FAULTLINE_SIM_COVERAGE_INT_H
#define FAULTLINE_SIM_COVERAGE_INT_H

#include <stdatomic.h>
#include "sim_coverage.h"
#include "trace.h"

/* ROOM: a power of two. States beyond three quarters of it are counted, not kept. */
enum { COVERAGE_KINDS_MAX = 512, COVERAGE_ROOM = 1 << 21 };

struct coverage_state {
    _Atomic uint64_t hash; /* 0: free */
    _Atomic uint64_t by;
};

/* `by`: the lowest seed that reached it, and 1; 0: none did. */
struct sim_coverage {
    _Atomic uint64_t kind[COVERAGE_KINDS_MAX];
    _Atomic uint64_t edge[COVERAGE_KINDS_MAX][COVERAGE_KINDS_MAX]; /* from, to */
    _Atomic uint64_t states, dropped;
    struct coverage_state state[COVERAGE_ROOM];
};

/* A type of record, and a reason. `why`: n bytes that are not terminated; NULL: of a type that has none, or may go
 * without. */
struct coverage_kind {
    const struct trace_record_type *type;
    const char *why;
    size_t n;
};

/* ---- sim_coverage_kinds.c ---- */
struct coverage_kinds {
    size_t n;
    struct coverage_kind v[COVERAGE_KINDS_MAX];
    size_t first[COVERAGE_KINDS_MAX]; /* of each type, in the order of the catalogue */
};
/* All there are, from the catalogue. */
void coverage_kinds_make(struct coverage_kinds *k);
/* "log.truncate conflict" */
void coverage_kind_name(const struct coverage_kind *k, char name[64]);

static inline bool coverage_by(const _Atomic uint64_t *by, uint64_t last)
{
    uint64_t at = atomic_load_explicit(by, memory_order_relaxed);
    return at != 0 && at - 1 <= last;
}

/* ---- sim_coverage.c ---- */
void coverage_reach(_Atomic uint64_t *by, uint64_t seed);

/* ---- sim_coverage_never.c ---- */
/* Why this kind cannot occur in a run in virtual time; NULL: it can. */
const char *coverage_never(const char *kind);

#endif
