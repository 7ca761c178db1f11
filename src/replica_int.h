/* replica_int.h -- a replica's insides, for replica*.c only. */
#ifndef FAULTLINE_REPLICA_INT_H
#define FAULTLINE_REPLICA_INT_H

#include "replica.h"
#include "wire.h"

/* Encoded datagrams that wait for the records to be in the kernel. Grows as needed, is reused from input to input. */
struct outgoing {
    size_t at, n; /* in the outbox' bytes */
    node_id dst;
    bool to_replica;
    char answered[MID_MAX + 1]; /* the MID of the request, when it is for a client */
};
struct outbox {
    char *bytes;
    size_t used, room;
    struct outgoing *v;
    size_t n, n_room;
};

struct replica {
    struct raft *core;
    struct kv *kv;
    struct wire_decoder *decoder;
    struct raft_effects fx;
    bool open;   /* a step of the core is under way */
    size_t done; /* of its effects, so many are carried out */
    bool snapshot_wanted;
    int64_t cause; /* the record of the last input that the step is made of; 0 = a timer's, which is its own */
    struct replica_io io;
    struct outbox outbox;
    struct trace_writer *trace;
    node_id id;
    char name[NODE_TEXT];
    int64_t boot;
    uint64_t epoch_ns;
    uint64_t messages;   /* made so far: the last part of a MID of ours */
    char mid_prefix[32]; /* the parts before it, with hyphens */
    size_t mid_prefix_n;
    uint64_t lc; /* Lamport clock of the last message sent or received */
    unsigned hash_every;
};

/* ---- replica.c ---- */
/* A client's answer goes before appends: it must not wait behind them in a slow kernel. */
void replica_send_all(struct replica *rep);
/* Makes `change` durable, and with it all that the step of the core has to have so and has not yet. */
bool replica_persist(struct replica *rep, const struct raft_brief *after, struct store_change *change);

/* ---- replica_snapshot.c: RAFT_DO_SNAPSHOT, RAFT_DO_COMPACT, RAFT_DO_INSTALL ---- */
void replica_give_snapshot(struct replica *rep);
/* False: not durable. */
bool replica_compact(struct replica *rep, const struct raft_effect *e);
bool replica_install(struct replica *rep, const struct raft_effect *e);

/* ---- replica_record*.c: every record a replica writes; none of them changes the replica but for its Lamport clock ----
 */

void record_start(struct replica *rep, const struct replica_options *o, uint64_t now_ns);
/* The records to come are about an input handled now. */
void record_begin(struct replica *rep, uint64_t now_ns);
/* The records to come are about what follows from all inputs of the step: its last one is their cause. */
void record_end(struct replica *rep);
/* Inputs. The number of the record: the tag of the request, and the cause of all that follows. */
int64_t record_received(struct replica *rep, const struct message *m);
void record_refused(struct replica *rep, const void *bytes, size_t n, const struct wire_refusal *why, const char *addr);
/* A note of the core, or a decision of which only this is left to be done. `m` is the message being handled, NULL on a
 * tick. */
void record_note(struct replica *rep, const struct raft_effect *e, const struct message *m);
/* The entry of RAFT_DO_APPLY was handed to the state machine, which had not applied its request before (`fresh`). */
void record_applied(struct replica *rep, const struct raft_effect *e, bool fresh);
/* RAFT_DO_READ: what was read. */
void record_read(struct replica *rep, const struct raft_effect *e, const char *value);
/* The message is about to be encoded: sets its Lamport clock, greater than that of all it can depend on. */
void record_sent(struct replica *rep, const struct raft_brief *after, struct message *m);
/* RAFT_DO_COMPACT and RAFT_DO_INSTALL are done. */
void record_compacted(struct replica *rep, const struct raft_effect *e);
void record_installed(struct replica *rep, const struct raft_effect *e);
/* The change was made durable, or could not be. */
void record_synced(struct replica *rep, const struct raft_brief *after, const struct store_change *change,
                   bool durable);
void record_stop(struct replica *rep, const char *why, int sig);
/* Hands all records to the kernel. */
void record_flush(struct replica *rep);

#endif
