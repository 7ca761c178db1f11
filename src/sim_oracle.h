/* sim_oracle.h -- what must hold between replicas at every instant, checked while a run in virtual time goes on:
 * another, independent judge beside the analyzer, which looks at the trace afterwards.
 *
 * Raft paper, Figure 3, and what it rests on:
 *   R7   a replica votes for one candidate in a term (§5.2), over restarts too
 *   R13  one leader in a term (Election Safety)
 *   R29  commit and applied index never go back while a replica lives; its term never, over restarts too
 *   R33  replicas that have committed an index have the same entry there (with Log Matching, State Machine Safety)
 *   R34  who leads has all that was committed in earlier terms (Leader Completeness, §5.4)
 *   R40  replicas that have applied the same index are in the same state
 *
 * A step costs time by what is new in it, not by the length of the log. Aborts on out of memory. */
#ifndef FAULTLINE_SIM_ORACLE_H
#define FAULTLINE_SIM_ORACLE_H

#include <stdbool.h>
#include "kv.h"
#include "raft.h"

struct sim_oracle;

/* The first violation. */
struct sim_violation {
    bool found;
    const char *rule;  /* "R13" */
    const char *class; /* as the analyzer's: "two-leaders-one-term" */
    char words[200];
};

struct sim_oracle *sim_oracle_new(void);
void sim_oracle_free(struct sim_oracle *o); /* NULL is allowed */
/* Replica `node` (its index) has started; `durable`: it remembers what it had stored. One that does not has made no
 * promise yet: what it was before does not bind it, though it may well break what others rely on. */
void sim_oracle_start(struct sim_oracle *o, unsigned node, bool durable);
/* Its stable storage is empty from now on, and it is to come back as a new member. */
void sim_oracle_wipe(struct sim_oracle *o, unsigned node);
/* Replica `node` has done a step. */
void sim_oracle_step(struct sim_oracle *o, unsigned node, const struct raft *core, const struct kv *kv);
/* Stays the same once one was found. */
const struct sim_violation *sim_oracle_verdict(const struct sim_oracle *o);

#endif
