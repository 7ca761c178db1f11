/* virtual_run.h -- for tests: a run in virtual time, in this process, and what came of it.
 *
 * Nothing is printed and no file is written. Whatever goes wrong fails the test and names the seed. */
#ifndef FAULTLINE_TESTS_VIRTUAL_RUN_H
#define FAULTLINE_TESTS_VIRTUAL_RUN_H

#include "../../src/sim_run.h"

struct virtual_run {
    struct sim_config c;
    struct sim_result r;
    uint64_t seed;
};

/* Runs `scenario` (JSON, or the path of a file) by `plan`, whose cfg, version, quiet and silent are filled in here. To
 * be given back with virtual_run_free(). */
struct virtual_run *virtual_run_by(const char *scenario, struct sim_plan plan);
/* The same by this seed, and its traces are kept in memory. */
struct virtual_run *virtual_run_of(const char *scenario, uint64_t seed);
void virtual_run_free(struct virtual_run *o);

/* How often `text` stands in the traces of the run, all nodes together. */
unsigned virtual_run_count(const struct virtual_run *o, const char *text);

/* Fails the test unless the run came to its end, served its clients, and broke no rule. */
void virtual_run_well(const struct virtual_run *o);

#endif
