/* replica.h -- a replica: the core, its state machine, and the order in which things happen.
 *
 * Handling inputs: record each, let the core decide, make durable what must be, record what follows, hand all records
 * to the kernel, and only then send: answers to clients first, then messages to replicas (Raft paper, Figure 2:
 * "updated on stable storage before responding"). Nothing here reads a clock or opens a socket: the world is the
 * caller's, through `now_ns` and struct replica_io, live or in virtual time.
 *
 * Times are nanoseconds on the caller's monotonic clock and never go back. One thread per replica. */
#ifndef FAULTLINE_REPLICA_H
#define FAULTLINE_REPLICA_H

#include "kv.h"
#include "raft.h"
#include "store.h"

struct trace_writer;

/* Why a datagram is refused that may well be a message. */
struct replica_denial {
    const char *why;  /* a reason of msg.bad; static */
    const char *what; /* in what part; static */
    char addr[80];    /* where it came from; "" = not known */
};

struct replica_io {
    void *ctx;
    /* Takes one encoded datagram for `dst` (NODE_NONE: everybody); `bytes` are borrowed for the call. It may be lost.
     * `answered`: it answers the client's request with this MID; NULL: it is for a replica. */
    void (*send)(void *ctx, const char *bytes, size_t n, node_id dst, const char *answered);
    /* Returns after `change` is on stable storage, as store_save() does; false when that failed: nothing that depends
     * on it is applied or sent then. NULL: everything is in memory only. */
    bool (*persist)(void *ctx, struct store_change *change);
    /* Can the decoded message that is being taken come from whom it names as its sender? If not: fills `denial`. NULL:
     * the network vouches for senders. */
    bool (*admit)(void *ctx, const struct message *m, struct replica_denial *denial);
};

/* What the header of the trace says; strings are borrowed for replica_new(). */
struct replica_header {
    const char *run, *clock, *host, *argv, *impl; /* host, argv: NULL = not said */
    int64_t wall_us, pid;
};

struct replica_options {
    struct raft_config core;
    struct trace_writer *trace; /* open and empty, borrowed until replica_free(); NULL: no trace */
    struct replica_header header;
    struct kv *kv;       /* the state at core.restored->applied; taken over. NULL: empty */
    bool direct;         /* members know each other's addresses: no network has to be told ours by a hello */
    int64_t boot;        /* >= 1; greater after each restart */
    uint64_t epoch_ns;   /* what the trace's times count from; not after any `now_ns` */
    unsigned hash_every; /* state.hash after each that many applied entries; 0 = never but at the stop */
};

#define REPLICA_HASH_EVERY 256

struct replica;

/* A replica that has written the beginning of its trace and (unless `direct`) sent its hello, nothing else. NULL: bad core options (see
 * raft_new()), persist failed, or out of memory. */
struct replica *replica_new(const struct replica_options *o, struct replica_io io, uint64_t now_ns);
/* Frees it without another record or datagram, as if it had been killed. NULL is allowed. */
void replica_free(struct replica *rep);

/* One datagram arrived: any bytes. What is no message is recorded and changes nothing. What follows from several is
 * done together, once, by replica_flush(): one write to stable storage, one append to each follower. False: persist
 * failed, the replica must not go on. */
bool replica_take(struct replica *rep, uint64_t now_ns, const void *bytes, size_t n);
/* Does what follows from the datagrams taken since the last flush. The same return value. */
bool replica_flush(struct replica *rep);
/* replica_take() of one datagram and replica_flush(). */
bool replica_on_datagram(struct replica *rep, uint64_t now_ns, const void *bytes, size_t n);
/* A datagram that came and is not to be taken: only recorded. */
void replica_refuse(struct replica *rep, uint64_t now_ns, const void *bytes, size_t n,
                    const struct replica_denial *denial);
/* Time has passed. Needless ticks do nothing. */
bool replica_on_tick(struct replica *rep, uint64_t now_ns);
/* When replica_on_tick() is due; UINT64_MAX = no timer is armed. */
uint64_t replica_deadline(const struct replica *rep);

/* The replica is about to end: the last records, handed to the kernel. `why` is a reason of node.stop; `sig` 0 = none.
 * The caller then closes the trace. */
void replica_stop(struct replica *rep, uint64_t now_ns, const char *why, int sig);

/* To look at, not to change. */
const struct raft *replica_core(const struct replica *rep);
const struct kv *replica_kv(const struct replica *rep);

#endif
