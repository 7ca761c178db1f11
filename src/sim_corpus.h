/* sim_corpus.h -- the runs of a campaign that reached something new, kept in DIR/corpus/SEED, and runs made from them.
 *
 * With mutants, seeds take turns in blocks of SIM_CORPUS_BLOCK: those of every other block are not fresh runs, but each
 * takes the scenario and the decisions of a run in the corpus, some of them changed: which run and what is changed
 * depends on the seed alone and on the blocks before its own. What is not given is drawn from the seed, as always. */
#ifndef FAULTLINE_SIM_CORPUS_H
#define FAULTLINE_SIM_CORPUS_H

#include "sim_case.h"
#include "sim_dir.h"

enum { SIM_CORPUS_BLOCK = 32, SIM_CORPUS_MAX = 256 /* runs */ };

struct sim_corpus {
    char dir[SIM_PATH_MAX]; /* of the campaign */
    uint64_t from;          /* the first seed of the campaign */
    bool mutate;
    size_t n;
    struct {
        uint64_t seed, root; /* root: whose scenario it has; the same for a fresh run */
    } run[SIM_CORPUS_MAX];   /* ascending */
};

/* The last seed of the block that `seed` is in. */
uint64_t sim_corpus_block_end(const struct sim_corpus *c, uint64_t seed);
/* The seed whose scenario the run of this one has: itself, unless it is a mutant. */
uint64_t sim_corpus_root(const struct sim_corpus *c, uint64_t seed);
/* Gives the decisions of a mutant to `into`, which is empty; of a fresh run, nothing. False: the parent's directory
 * cannot be read. */
bool sim_corpus_give(const struct sim_corpus *c, uint64_t seed, struct sim_case *into);
/* DIR/corpus/SEED; the run of `seed`, greater than all before it, belongs to the corpus. False: it is full. */
bool sim_corpus_add(struct sim_corpus *c, uint64_t seed, char path[SIM_PATH_MAX + 64]);

#endif
