/* sim_coverage.h -- what the runs of a campaign have reached, together:
 *
 *   states   of the whole group, as sim_states.h abstracts them
 *   kinds    types of records, each with each reason ("why") that trace/records.def has for it
 *   edges    from the kind of a record to the kind of one that it caused ("c")
 *
 * Of each, the lowest seed that reached it is kept: so what comes out does not depend on the order of the runs, and a
 * seed that reached what no lower one did is known by that. Many processes may add at once: the memory is shared with
 * children that are forked later. Aborts on out of memory. */
#ifndef FAULTLINE_SIM_COVERAGE_H
#define FAULTLINE_SIM_COVERAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "sim_tape.h"

struct sim_coverage;

/* One that a seed was the first to reach: how many of each. */
struct sim_gain {
    uint64_t seed;
    unsigned states, kinds, edges;
};

struct sim_coverage *sim_coverage_new(void);
void sim_coverage_free(struct sim_coverage *c); /* NULL is allowed */
/* The run of this seed has been in this state, by its hash. */
void sim_coverage_state(struct sim_coverage *c, uint64_t seed, uint64_t state);
/* The run of this seed has written these traces. */
void sim_coverage_tapes(struct sim_coverage *c, uint64_t seed, const struct sim_tapes *tapes);

/* The seeds from..to that reached something that no lower seed did, ascending; the caller's. */
struct sim_gain *sim_coverage_gains(const struct sim_coverage *c, uint64_t from, uint64_t to, size_t *n);

/* What was reached by seeds up to `last`: a few lines, and all of it. */
void sim_coverage_print(const struct sim_coverage *c, uint64_t last, FILE *out);
json_t *sim_coverage_json(const struct sim_coverage *c, uint64_t last);

#endif
