/* replica_group.h -- for tests: whole replicas in memory, in virtual time, with a network that delivers at once what
 * the test does not cut, and traces in a temporary directory. Anything that fails here fails the test. */
#ifndef FAULTLINE_TEST_REPLICA_GROUP_H
#define FAULTLINE_TEST_REPLICA_GROUP_H

#include "../../src/replica.h"
#include "../../src/rng.h"
#include "../../src/wire.h"
#include "../../trace/trace.h"
#include "replica_trace.h"

#define GROUP_MAX       5
#define GROUP_CLIENT    ((node_id)0x00A0)
#define GROUP_LOOKED_UP 150

struct group;

/* A datagram that a replica handed to the network. */
struct group_sent {
    char *bytes;
    size_t n;
    node_id dst;
    bool to_replica;
    bool in_trace; /* its msg.send stood in the file when it was sent (looked up for the first
                    * GROUP_LOOKED_UP: each costs a look at the whole file) */
};

struct group_replica {
    struct group *group;
    node_id id;
    struct replica *rep;
    struct trace_writer *trace;
    char path[4300];
    struct group_sent *sent; /* everything it ever sent, in order */
    size_t n_sent, n_routed;
    bool cut; /* neither sends to nor hears from other replicas */
    bool persist_fails;
    unsigned installed, compacted;      /* changes of the storage that were snapshots: its leader's, its own */
    unsigned persists, sent_at_persist; /* calls; datagrams sent before the last one */
};

struct group {
    unsigned n;
    struct group_replica v[GROUP_MAX];
    uint64_t now_ns;
    char dir[4096];
    struct wire_decoder *decoder;
    struct raft_config core; /* what all have in common; set by group_prepare(), the test may change it */
    bool traced;
    unsigned drop_percent;    /* of messages between replicas */
    unsigned steps_with_both; /* inputs that led to answers to clients and messages to replicas */
    struct rng rng;
};

/* Settings only; ids are 1 to n. */
void group_prepare(struct group *g, unsigned n);
void group_start(struct group *g);
void group_end(struct group *g);

/* Delivers all that waits, then lets time pass to `ns` from now, timer by timer. */
void group_run(struct group *g, uint64_t ns);
/* Runs until somebody leads with a majority's knowledge; returns it. */
struct group_replica *group_elect(struct group *g);
/* A datagram as it is, now. Fails when anything to a replica leaves before an answer to a client. */
void group_deliver(struct group *g, struct group_replica *to, const void *bytes, size_t n);
void group_deliver_message(struct group *g, struct group_replica *to, const struct message *m);
void group_get(struct group *g, struct group_replica *to, const char *mid, const char *key);
void group_put(struct group *g, struct group_replica *to, const char *mid, const char *key, const char *value);

bool group_same_state(const struct raft_brief *a, const struct raft_brief *b);
/* How many answers `from` has sent for this MID, and the last of them in `m` (unless NULL; valid until the next
 * decode). */
unsigned group_answers(struct group *g, const struct group_replica *from, const char *mid, struct message *m);
/* The trace as far as it is written. */
struct replica_trace group_trace(struct group_replica *r);

#endif
