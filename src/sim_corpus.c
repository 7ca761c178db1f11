#include "sim_corpus.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rng.h"

enum { EDITS_LOG = 7 };

static uint64_t block_of(const struct sim_corpus *c, uint64_t seed)
{
    return (seed - c->from) / SIM_CORPUS_BLOCK;
}

uint64_t sim_corpus_block_end(const struct sim_corpus *c, uint64_t seed)
{
    return c->from + (block_of(c, seed) + 1) * SIM_CORPUS_BLOCK - 1;
}

static struct rng chance_of(uint64_t seed)
{
    struct rng r;
    rng_seed(&r, seed ^ UINT64_C(0x3c0a5e17));
    return r;
}

/* Which run it is made from; SIM_CORPUS_MAX: from none. Only runs of earlier blocks count, so that it is the same
 * one when the corpus has grown. */
static size_t parent(const struct sim_corpus *c, uint64_t seed, struct rng *rng)
{
    if (!c || !c->mutate || seed < c->from || block_of(c, seed) % 2 == 0)
        return SIM_CORPUS_MAX;
    size_t n = 0;
    while (n < c->n && c->run[n].seed < c->from + block_of(c, seed) * SIM_CORPUS_BLOCK)
        n++;
    return n > 0 ? (size_t)rng_below(rng, n) : SIM_CORPUS_MAX;
}

uint64_t sim_corpus_root(const struct sim_corpus *c, uint64_t seed)
{
    struct rng rng = chance_of(seed);
    size_t p = parent(c, seed, &rng);
    return p == SIM_CORPUS_MAX ? seed : c->run[p].root;
}

static void path_of(const struct sim_corpus *c, uint64_t seed, char path[SIM_PATH_MAX + 64])
{
    snprintf(path, SIM_PATH_MAX + 64, "%s/corpus/%" PRIu64, c->dir, seed);
}

static bool read_decisions(const char *dir, struct sim_case *into)
{
    char path[SIM_PATH_MAX + 96], line[4096];
    snprintf(path, sizeof path, "%s/decisions.jsonl", dir);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    while (fgets(line, sizeof line, f))
        sim_case_give_lines(into, line, strlen(line));
    fclose(f);
    return true;
}

/* ---- mutation ---- */

/* What another decision of its kind was: a value that makes sense. */
static int64_t of_another(const struct sim_case *c, size_t i, struct rng *rng)
{
    size_t start = (size_t)rng_below(rng, c->n_given);
    for (size_t k = 0; k < c->n_given; k++) {
        const struct sim_given *g = &c->given[(start + k) % c->n_given];
        if (strcmp(g->kind, c->given[i].kind) == 0 && g->value != c->given[i].value)
            return g->value;
    }
    return c->given[i].value;
}

static void drop_last(struct sim_case *c)
{
    struct sim_given *g = &c->given[--c->n_given];
    free((char *)(uintptr_t)g->kind);
    free((char *)(uintptr_t)g->name);
}

static void edit(struct sim_case *c, struct rng *rng)
{
    size_t i = (size_t)rng_below(rng, c->n_given);
    struct sim_given *g = &c->given[i], gone;
    switch (rng_below(rng, 3)) {
    case 0: /* left to chance: another is drawn */
        gone = *g;
        *g = c->given[c->n_given - 1];
        c->given[c->n_given - 1] = gone;
        drop_last(c);
        return;
    case 1: /* of yes and no the other one */
        g->value = g->value == 0 || g->value == 1 ? 1 - g->value : of_another(c, i, rng);
        return;
    default:
        g->value = of_another(c, i, rng);
    }
}

/* Either all is as it was up to some point and new from there on, or single decisions are changed. */
static void mutate(struct sim_case *c, struct rng *rng)
{
    if (c->n_given > 0 && rng_below(rng, 2)) {
        size_t n = (size_t)rng_below(rng, c->n_given);
        while (c->n_given > n)
            drop_last(c);
        return;
    }
    for (uint64_t n = UINT64_C(1) << rng_below(rng, EDITS_LOG); n > 0 && c->n_given > 0; n--)
        edit(c, rng);
}

bool sim_corpus_give(const struct sim_corpus *c, uint64_t seed, struct sim_case *into)
{
    char dir[SIM_PATH_MAX + 64];
    struct rng rng = chance_of(seed);
    size_t p = parent(c, seed, &rng);
    if (p == SIM_CORPUS_MAX)
        return true;
    path_of(c, c->run[p].seed, dir);
    if (!read_decisions(dir, into))
        return false;
    mutate(into, &rng);
    return true;
}

bool sim_corpus_add(struct sim_corpus *c, uint64_t seed, char path[SIM_PATH_MAX + 64])
{
    if (c->n == SIM_CORPUS_MAX)
        return false;
    uint64_t root = sim_corpus_root(c, seed);
    c->run[c->n].seed = seed;
    c->run[c->n++].root = root;
    path_of(c, seed, path);
    return true;
}
