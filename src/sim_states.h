/* sim_states.h -- in which states a group has been, for the coverage of a campaign.
 *
 * The state of the group is abstracted so that it stays small and says what matters to Raft. Of each replica: does it
 * run; its role; how far its term is behind the highest; its log against the most up to date (Raft paper §5.4.1); how
 * much of it is not committed; is its commit index behind; is its latest configuration not committed; does it need a
 * snapshot of somebody to catch up. Sorted, so that names do not matter, and hashed. Numbers are 0, 1 or many.
 *
 * One thread. Aborts on out of memory. */
#ifndef FAULTLINE_SIM_STATES_H
#define FAULTLINE_SIM_STATES_H

#include "raft.h"
#include "sim_coverage.h"

struct sim_states;

/* States go to `c`, as reached by `seed`; it stays the caller's. */
struct sim_states *sim_states_new(struct sim_coverage *c, uint64_t seed, unsigned replicas);
void sim_states_free(struct sim_states *s); /* NULL is allowed, here and below: nothing is done */
/* Replica `node` (its index) has started or done a step. */
void sim_states_step(struct sim_states *s, unsigned node, const struct raft *core);
/* It is gone. */
void sim_states_end(struct sim_states *s, unsigned node);

#endif
