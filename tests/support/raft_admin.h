/* raft_admin.h -- an administrator of a group under test: changes of members and leaders at random, and what must hold
 * whenever a configuration is appended. */
#ifndef FAULTLINE_TESTS_RAFT_ADMIN_H
#define FAULTLINE_TESTS_RAFT_ADMIN_H

#include "../../src/raft.h"
#include "../../src/rng.h"

#define ADMIN ((node_id)0x1ff)

/* How many voters the configuration has; and is the node one? */
unsigned admin_voters(const char *conf);
bool admin_is_voter(const char *conf, node_id id);

/* The n-th request for a change at random, among nodes 0..nodes-1; dst is the caller's. Static strings only. */
struct message admin_request(struct rng *rng, unsigned n, unsigned nodes);

/* A leader has appended the configuration `e`: NULL, or which rule it breaks. `first`: the group's first configuration.
 */
const char *admin_objection(const struct raft *r, const struct raft_effect *e, const char *first);

#endif
