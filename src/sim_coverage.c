#include "sim_coverage_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct sim_coverage *sim_coverage_new(void)
{
    /* Zeros, and no page of it is there before it is touched. */
    void *p = mmap(NULL, sizeof(struct sim_coverage), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

void sim_coverage_free(struct sim_coverage *c)
{
    if (c)
        munmap(c, sizeof *c);
}

void coverage_reach(_Atomic uint64_t *by, uint64_t seed)
{
    uint64_t now = atomic_load_explicit(by, memory_order_relaxed);
    while ((now == 0 || seed + 1 < now) && !atomic_compare_exchange_weak(by, &now, seed + 1)) {
        /* `now` is what another process has made of it */
    }
}

void sim_coverage_state(struct sim_coverage *c, uint64_t seed, uint64_t state)
{
    const uint64_t hash = state ? state : 1;
    size_t at = (size_t)hash & (COVERAGE_ROOM - 1);
    for (;; at = (at + 1) & (COVERAGE_ROOM - 1)) {
        struct coverage_state *s = &c->state[at];
        uint64_t there = atomic_load_explicit(&s->hash, memory_order_relaxed);
        if (there == 0) {
            if (atomic_load_explicit(&c->states, memory_order_relaxed) >= COVERAGE_ROOM / 4 * 3) {
                atomic_fetch_add(&c->dropped, 1);
                return;
            }
            if (atomic_compare_exchange_strong(&s->hash, &there, hash)) {
                atomic_fetch_add(&c->states, 1);
                there = hash;
            }
        }
        if (there == hash) {
            coverage_reach(&s->by, seed);
            return;
        }
    }
}

/* ---- which seed was first ---- */

struct gains {
    struct sim_gain *v;
    size_t n, room;
    uint64_t from, to;
};

enum what { STATE, KIND, EDGE };

static void gain(struct gains *g, const _Atomic uint64_t *by, enum what what)
{
    uint64_t at = atomic_load_explicit(by, memory_order_relaxed);
    if (at == 0 || at - 1 < g->from || at - 1 > g->to)
        return;
    if (g->n == g->room) {
        g->room = g->room ? 2 * g->room : 256;
        g->v = realloc(g->v, g->room * sizeof *g->v);
        if (!g->v)
            abort();
    }
    g->v[g->n++] =
        (struct sim_gain){.seed = at - 1, .states = what == STATE, .kinds = what == KIND, .edges = what == EDGE};
}

static int by_seed(const void *a, const void *b)
{
    const struct sim_gain *x = a, *y = b;
    return (x->seed > y->seed) - (x->seed < y->seed);
}

struct sim_gain *sim_coverage_gains(const struct sim_coverage *c, uint64_t from, uint64_t to, size_t *n)
{
    struct gains g = {.from = from, .to = to};
    for (size_t i = 0; i < COVERAGE_KINDS_MAX; i++) {
        gain(&g, &c->kind[i], KIND);
        for (size_t k = 0; k < COVERAGE_KINDS_MAX; k++)
            gain(&g, &c->edge[i][k], EDGE);
    }
    for (size_t i = 0; i < COVERAGE_ROOM; i++)
        gain(&g, &c->state[i].by, STATE);
    if (g.n > 0)
        qsort(g.v, g.n, sizeof *g.v, by_seed);
    *n = 0;
    for (size_t i = 0; i < g.n; i++)
        if (*n > 0 && g.v[*n - 1].seed == g.v[i].seed) {
            g.v[*n - 1].states += g.v[i].states;
            g.v[*n - 1].kinds += g.v[i].kinds;
            g.v[*n - 1].edges += g.v[i].edges;
        } else
            g.v[(*n)++] = g.v[i];
    return g.v;
}
