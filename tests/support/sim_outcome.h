/* sim_outcome.h -- for tests: a run in virtual time, in this process, and what came of it.
 *
 * Nothing is printed and no file is written. Whatever goes wrong fails the test and names the seed. */
#ifndef FAULTLINE_TESTS_SIM_OUTCOME_H
#define FAULTLINE_TESTS_SIM_OUTCOME_H

#include "../../src/sim_run.h"

struct sim_outcome {
    struct sim_config c;
    struct sim_result r;
    uint64_t seed;
};

/* Runs `scenario` (JSON, or the path of a file) by `plan`, whose cfg, version, quiet and silent are filled in here. To
 * be given back with sim_outcome_free(). */
struct sim_outcome *sim_outcome_run(const char *scenario, struct sim_plan plan);
/* The same by this seed, and its traces are kept in memory. */
struct sim_outcome *sim_outcome_of(const char *scenario, uint64_t seed);
void sim_outcome_free(struct sim_outcome *o);

/* How often `text` stands in the traces of the run, all nodes together. */
unsigned sim_outcome_count(const struct sim_outcome *o, const char *text);

/* Fails the test unless the run came to its end, served its clients, and broke no rule. */
void sim_outcome_well(const struct sim_outcome *o);

#endif
