/* raft_cluster_int.h -- what the files of raft_cluster share: the group, its clients and its disks, and all that is to
 * come, in order of time. Times are in microseconds of virtual time.
 *
 * raft_cluster.c runs it and makes faults; raft_cluster_node.c lets a core take a step; raft_cluster_disk.c keeps what
 * became durable; raft_cluster_client.c asks and looks at answers; raft_cluster_check.c checks; all use
 * raft_cluster_world.c: chance, events, the network. */
#ifndef FAULTLINE_TESTS_RAFT_CLUSTER_INT_H
#define FAULTLINE_TESTS_RAFT_CLUSTER_INT_H

#include "raft_cluster.h"

#include "../../src/kv.h"
#include "../../src/rng.h"

#define MS           UINT64_C(1000)
#define KEYS         4
#define CLIENTS_MAX  8
#define CLIENT_FIRST 0x100

enum what { DATAGRAM, ANSWER, CLIENT, CHANGE, FAULT, RESTART, FINISH };

struct event {
    uint64_t at, order;
    enum what what;
    unsigned to;             /* node or client */
    struct message *message; /* DATAGRAM, ANSWER: owned */
};

/* What a replica made durable. */
struct disk {
    uint64_t term, base_index, base_term;
    node_id voted;
    struct entry **log; /* after the base; each owned, with its strings */
    size_t n, room;
    char *conf;           /* at the base; NULL: the first */
    unsigned char *state; /* kv_save(); NULL: nothing was applied to it */
    size_t state_size;
    size_t read; /* entries that a restart has read so far */
};

struct node {
    struct raft *raft; /* NULL: it has crashed */
    struct kv *kv;
    struct disk disk;
    struct raft_effects fx;
    bool open;       /* a step that more inputs may join */
    size_t done;     /* how many effects of the step were carried out */
    uint64_t finish; /* `order` of the FINISH event that ends the open step */
    uint64_t paused_until;
    uint64_t slept; /* how much time its clock has missed */
    double rate;    /* of its clock against time: 0 = neither fast nor slow */
    uint64_t term_led;
};

/* One attempt of a client; `version` is the log index of a write, or of the value read. */
struct op {
    char mid[MID_MAX + 1];
    bool put, done, redirected, applied;
    unsigned key, tries;
    uint64_t floor; /* versions of this key that had been seen by anybody when it was invoked */
    uint64_t invoked;
};

struct committed {
    uint64_t term, hash, state; /* state: kv_digest() after it */
};

struct sim {
    const struct raft_cluster_config *cfg;
    struct raft_cluster_result *out;
    struct rng rng;
    uint64_t now, order, next_mid;
    struct event *heap;
    size_t n_heap, room_heap;
    struct node nodes[RAFT_MEMBERS_MAX];
    bool cut[RAFT_MEMBERS_MAX][RAFT_MEMBERS_MAX]; /* from, to */
    struct committed *log;                        /* [index - 1], as first applied anywhere */
    size_t n_log, room_log;
    node_id *leaders; /* by term: 1 + node, 0 = none so far */
    size_t n_leaders;
    struct op *ops;
    size_t n_ops, room_ops;
    size_t current[CLIENTS_MAX]; /* the op of each client */
    node_id believed[CLIENTS_MAX];
    uint64_t timer[CLIENTS_MAX]; /* `order` of the one CLIENT event of each that still counts */
    char first_conf[RAFT_MEMBERS_MAX * 5 + 1];
    unsigned voters, n_changes;  /* voters: of the latest committed configuration */
    uint64_t seen_version[KEYS]; /* highest that an acknowledged write or a completed read has shown */
};

/* ---- chance, events, the network ---- */

/* Ends the run with this error, unless it has one already. */
void cluster_failed(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* True with probability p; a number from low to high, both included. */
bool cluster_chance(struct sim *s, double p);
uint64_t cluster_between(struct sim *s, uint64_t low, uint64_t high);
/* v with room for `need` elements of this size, perhaps moved; what is new holds nothing yet. */
void *cluster_grown(void *v, size_t *room, size_t need, size_t size);
/* An event to come, which owns the message from now on. */
void cluster_push(struct sim *s, uint64_t at, enum what what, unsigned to, struct message *m);
/* The next one; there must be one. Its message is the caller's. */
struct event cluster_pop(struct sim *s);
/* Sends a copy of a replica's datagram to another, or none, or two. */
void cluster_transmit(struct sim *s, const struct message *m);

/* ---- properties: each fails the run where it does not hold ---- */

void cluster_check_leader(struct sim *s, unsigned id, uint64_t term);
void cluster_check_committed(struct sim *s, unsigned id, const struct raft_effect *e);
/* `state`: the digest of the state after the entry. */
void cluster_check_applied(struct sim *s, const struct entry *e, uint64_t state);
void cluster_check_logs(struct sim *s);
void cluster_check_end(struct sim *s, uint64_t acknowledged_at_heal);

/* ---- clients ---- */

/* NULL: there is no such request. Valid until the next is made. */
struct op *cluster_op(struct sim *s, const char *mid);
/* The client does something after so long; what it was going to do at another time, it does not. */
void cluster_client_arm(struct sim *s, unsigned client, uint64_t after);
void cluster_client_timer(struct sim *s, unsigned client);
void cluster_client_answer(struct sim *s, unsigned client, const struct message *m);

/* ---- disks ---- */

/* Makes durable what the step has changed. */
void cluster_disk_persist(struct sim *s, unsigned id);
/* The log begins after (index, term): the state stands in its place. */
void cluster_disk_rebase(struct node *node, uint64_t index, uint64_t term, const char *conf);
void cluster_disk_install(struct sim *s, unsigned id, const struct raft_effect *e);
/* What the disk held, for raft_new(); valid as long as nothing is written. */
struct raft_restored cluster_disk_restored(struct disk *d, uint64_t applied);
/* Frees what it holds, not `d`. */
void cluster_disk_free(struct disk *d);

/* ---- nodes ---- */

/* Starts with what its disk held. */
void cluster_boot(struct sim *s, unsigned id);
/* Whatever was not done yet is never done; it comes back later. */
void cluster_crash(struct sim *s, unsigned id);
/* When it next does something by itself; UINT64_MAX: never. */
uint64_t cluster_due(const struct sim *s, unsigned id);
/* Datagrams join the step that is open, until its time is over. NULL: time has passed, which is a step of its own. */
void cluster_step(struct sim *s, unsigned id, const struct message *m);
/* The time of the open step is over, if it is the one that began with the FINISH event of this `order`. */
void cluster_step_over(struct sim *s, unsigned id, uint64_t order);

#endif
