/* replay_int.h -- the state of the replay and the doors between its files; for replay*.c only. */
#ifndef FAULTLINE_REPLAY_INT_H
#define FAULTLINE_REPLAY_INT_H

#include "pairmap.h"
#include "replay.h"
#include "trace.h"

#define TERM_UNKNOWN (-1)

/* ---- a record, as the handlers see it ---- */

struct rec {
    int64_t id, seq, t, lc, cause, boot;
    bool has_state; /* term, role, ci, ai, li are there (a tracer may leave them out) */
    int64_t term, ci, ai, li;
    char role;
    const struct trace_record *f; /* the event's own fields; valid during the handler */
};

int64_t rec_int(const struct rec *r, const char *key, int64_t dflt);
struct trace_text rec_text(const struct rec *r, const char *key);
/* A number for the text: its value when it is 16 hexadecimal digits, else its hash; never 0. 0 = no such text. */
uint64_t rec_hash(const struct rec *r, const char *key);
uint64_t text_hash(const char *p, size_t n);
/* epoch_ns of a trace.open, which may be as large as a clock. */
int64_t rec_epoch(const struct rec *r);
bool rec_why(const struct rec *r, const char *word);

/* ---- messages ---- */

enum message_kind {
    KIND_OTHER,
    KIND_APP_REQ,
    KIND_APP_RES,
    KIND_VOTE_REQ,
    KIND_VOTE_RES,
    KIND_PREVOTE_REQ,
    KIND_PREVOTE_RES,
    KIND_SNAP_REQ,
    KIND_SNAP_RES,
    KIND_TRANSFER,
    KIND_GET,
    KIND_PUT
};

struct log_ref {
    int64_t idx, term;
    uint64_t h;
};

/* A message as a msg.send or msg.recv record tells it. -1 = the field is not there. */
struct msg {
    enum message_kind kind;
    int peer;         /* the other side */
    uint64_t mid, re; /* hashes, 0 = none */
    int64_t mterm, pi, pt, lci, mi, lli, llt, ts, si, st, off, size;
    int ok;    /* 1, 0, -1 = not there */
    bool xfer; /* a vote that the leader asked for */
    int conf;  /* number of a configuration, 0 = none */
    struct log_ref *ents;
    size_t n_ents, room;
};

/* What a sent message said, for those who answer it. */
struct sent {
    int64_t rec, seq, boot, lc, mterm, pi, n, size;
    int node;
    enum message_kind kind;
};

/* ---- replicas ---- */

enum { PEERS_MAX = 32 };

/* Who votes. Numbered from 1 in the order in which they are met; 0 = not known. */
struct conf {
    unsigned n;
    int node[PEERS_MAX];
};

struct log_entry {
    int64_t term;
    uint64_t h;
    int64_t rec; /* of its log.append */
    int conf;    /* 0 = it is no configuration */
};

/* A log, in memory or on stable storage. */
struct node_log {
    int64_t base, base_term; /* it begins after this entry; base_term may be TERM_UNKNOWN */
    int base_conf;           /* the configuration there */
    struct log_entry *v;     /* v[i] is the entry base + 1 + i */
    size_t n, room;
};

/* What a node has heard from one peer in its current term. */
struct peer {
    int node;
    int64_t vote_rec;                   /* msg.recv of a granted vote of this candidacy, 0 = none */
    int64_t acked, acked_rec;           /* highest index acknowledged, bounded by the request answered */
    int64_t since_seq;                  /* s of the record by which it begins anew: it was no member */
    int64_t answered_seq, answered_rec; /* latest own append that this peer answered: its s */
    int64_t answered_t, answered_t_rec; /* the latest time at which an append that it answered was sent, as `t` */
    int64_t match;                      /* the leader's own view of it (peer.state), -1 = none in this term */
};

/* Of the leader of the current term, by appends and snapshots. */
struct heard {
    int64_t t, rec, term, ts; /* the latest, by when it was sent: what came later, but was sent before, promises nothing */
    int from;                 /* node number; t -1 and from -1 = none */
    int64_t alive_t;          /* the last that came, in whatever order; -1 = none */
};
#define HEARD_NOTHING ((struct heard){.t = -1, .from = -1, .alive_t = -1})

/* The input being handled: everything caused by it comes before the next input. */
struct input {
    int64_t rec, t;
    const struct msg *m; /* NULL: not a message. The last of the node's step */
    bool ignored;
    int64_t term_before, commit_before;
    struct heard heard_before;
    char role_before;
    bool granted;      /* a vote was granted while handling it */
    bool denied_alive; /* a vote was refused because a leader lives */
    struct {
        int64_t rec, t;
    } vote_timer; /* the election timer was restarted for a granted vote */
};

/* What is on stable storage, by the records. */
struct disk {
    bool used;      /* the node records disk.sync somewhere in the run */
    bool known;     /* nothing that may have been written is missing */
    bool term_told; /* some record told of the term */
    int64_t term, sync_rec;
    int vote; /* node number, -1 = nobody */
    struct node_log log;
    int64_t blind;   /* a log that begins by here may in truth begin earlier: of what was before, no record is here */
    int64_t changed; /* the log in memory may differ from this index on; INT64_MAX = nowhere */
    /* at a boot: what memory held when the boot before ended */
    struct node_log was;
    int64_t was_term, was_applied;
    int64_t vote_told; /* the last term in which it told anybody of its vote */
    bool snap_synced;  /* in the handling of this input, before the record that tells of the snapshot */
    int64_t snap_due;  /* record of a snap.save or snap.install that no sync has followed yet, 0 = none */
};

/* A leader's lease of the present (dissertation §6.4.1). */
struct lease {
    int64_t rec, term, since, until; /* rec 0 = none */
    bool given_up;
    int64_t transfer_t, transfer_rec; /* leadership was handed over then: others need not wait; rec 0 = no */
};

/* R31b: what a quorum has acknowledged and is not committed yet. */
struct due {
    int64_t idx, t, rec; /* idx 0 = nothing */
};

/* From trace.open; 0 = not said. */
struct timing {
    int64_t epoch_ns, heartbeat_ns, election_min_ns, election_max_ns, drift_ppm;
    bool leases; /* reads rest on leases: nobody may vote while a leader lives */
};

struct node {
    char *name;
    bool traced;      /* a replica that left records */
    bool network;     /* records datagrams: the simulator */
    bool member_list; /* trace.open named its peers */
    /* Which changes of its state it records as events, in any of its boots; what it does not is taken from the
     * envelope. */
    bool tells_term, tells_role, tells_commit, tells_apply;
    int64_t boot, seq;
    int64_t boots; /* seen so far, of this life */
    int64_t lives; /* disks that it has lost, as declared */
    bool open_end; /* of the boot before the last records may be missing */
    int64_t records, missing;
    bool resync;       /* records are missing: the next state is taken from the envelope */
    int64_t hole_term; /* what was heard in this term or before may have been lost: no verdict on quorums */
    bool stateless;    /* some records did not carry the state */
    bool saw_msgs;     /* this boot records messages */
    /* replayed */
    int64_t term, commit, applied;
    char role;
    int leader;       /* believed: node number, -1 = nobody */
    bool wrong_clock; /* a fault made it run wrong: times of its own cannot be compared with times of records */
    bool leader_told; /* leader.change is recorded */
    struct node_log log;
    int first_conf;              /* by trace.open or node.start */
    int conf;                    /* the latest in the log, or at its base */
    int64_t conf_idx;            /* its index, or the base */
    int64_t cand_term, cand_rec; /* of the last candidacy, 0 = none */
    struct peer peer[PEERS_MAX];
    unsigned n_peers;
    int64_t bound, bound_term; /* how far a leader of bound_term has confirmed this follower's log (R30) */
    int64_t max_sent_term;     /* over all boots (R1) */
    int64_t max_commit;        /* likewise (R52) */
    struct disk disk;
    struct lease lease;
    struct due due;
    struct timing cfg;
    int64_t t_start, start_rec; /* of this boot; restored: it brought something back */
    bool restored;
    struct heard heard;
    int64_t removed_t, removed_rec; /* a leader: the configuration without it was committed; rec 0 = no */
    /* The inputs of one step, in order: what is done once for all of them has the last as its cause. */
    struct msg *step;
    size_t n_step, step_room;
    bool step_over;
    struct input in;
    /* the envelope of the last record, for T1 */
    struct rec last_state;
    int64_t last_t, last_lc;
    int64_t last_rec;
};

/* ---- what is true of the whole run ---- */

struct made { /* one (index, term) */
    uint64_t h;
    int64_t prev_term, rec, made_rec;
    int node, made_by; /* first holder; the leader that made it, -1 = not seen */
};
struct settled { /* one index: first commit, or first application */
    int64_t idx, eterm, rec, term;
    uint64_t h;
    int node;
};
struct arrival { /* a client request at a replica */
    int64_t seq, boot, commit, rec;
};
struct applied_req {
    int64_t idx, rec;
    int node;
};
struct led { /* a node became leader */
    int64_t term, t, rec;
    int node;
};

struct replay {
    struct db *db;
    int64_t run_id;
    struct rule_state rule[RULES];
    struct node **node;
    int n_nodes, last_node;
    size_t nodes_room;
    struct pairmap node_of; /* hash of name -> number + 1 */
    int replicas;           /* in the table nodes: how many there are, and how many are traced */
    int traced;
    char incomplete[200]; /* replicas whose records are missing, in words; "" = none */
    bool separate_clocks; /* several hosts or epochs: order between nodes is only by messages */
    bool clock_known;     /* from the first header with a monotonic clock: */
    int64_t clock_epoch;
    char clock_host[64]; /* "" = no header told it yet */
    struct conf *conf;   /* conf[number - 1] */
    size_t n_conf, conf_room;
    int conf_in_force; /* of the latest entry that anyone committed; 0 = not known */
    int64_t max_committed;
    struct led newest; /* the leader of the highest term so far */
    /* indexes into the vectors below + 1 */
    struct pairmap sent_of, made_of, committed_of, applied_of, hash_of, leader_of, vote_of, arrival_of, request_of,
        node_request_of, datagram_of, refused_of, open_end_of;
    struct sent *sent;
    size_t n_sent, sent_room;
    struct made *made;
    size_t n_made, made_room;
    struct settled *settled; /* commits, applications and state hashes */
    size_t n_settled, settled_room;
    struct settled *committed; /* in order of commit */
    size_t n_committed, committed_room;
    struct arrival *arrival;
    size_t n_arrivals, arrival_room;
    struct applied_req *request;
    size_t n_requests, request_room;
    struct msg out; /* scratch of msg.send */
};

/* Handlers: judge the record against the state, then change the state. */
typedef void replay_handler(struct replay *rp, struct node *n, const struct rec *r);
replay_handler replay_on_open, replay_on_term, replay_on_role, replay_on_leader, replay_on_grant,
    replay_on_deny;                                                    /* replay_vote.c */
replay_handler replay_on_append, replay_on_truncate, replay_on_peer;   /* replay_log.c */
replay_handler replay_on_sync, replay_on_start;                        /* replay_disk.c */
replay_handler replay_on_save, replay_on_snap_send, replay_on_install; /* replay_snap.c */
replay_handler replay_on_count, replay_on_confirm;                     /* replay_conf.c */
replay_handler replay_on_lease, replay_on_lease_end, replay_on_fault;  /* replay_lease.c */
replay_handler replay_on_commit, replay_on_apply, replay_on_hash;      /* replay_commit.c */
replay_handler replay_on_read_local, replay_on_read_index, replay_on_read_serve, replay_on_reply, replay_on_redirect,
    replay_on_timer_set;                                                                   /* replay_client.c */
replay_handler replay_on_send;                                                             /* replay_send.c */
replay_handler replay_on_recv, replay_on_ignore, replay_on_input;                          /* replay_recv.c */
replay_handler replay_on_net_in, replay_on_net_dup, replay_on_net_out, replay_on_net_drop; /* replay_net.c */
/* The input's handling is over: what must hold then (the records in between show states on the way). */
void replay_close_input(struct replay *rp, struct node *n); /* replay_close.c */

/* ---- for the handlers ---- */

/* A vote of `n` for `cand`, its own candidacy included: R7. */
void replay_voted(struct replay *rp, struct node *n, const struct rec *r, int cand, int64_t term);
/* R40: the record's "h" is the digest of the state after this index. */
void replay_state_agrees(struct replay *rp, struct node *n, const struct rec *r, int64_t at_index);
/* A client's request as one number, never 0. */
static inline uint64_t replay_request_key(uint64_t req, uint64_t cli)
{
    return (req ^ cli * UINT64_C(0x9E3779B97F4A7C15)) | 1;
}
/* R43: a request that was answered with fail (record `refused`) and took effect (`applied`); 0 = it did not. */
void replay_refused_and_applied(struct replay *rp, struct node *n, const struct rec *r, int64_t refused,
                                int64_t applied);
/* R30: takes account of an append that was handled. */
void replay_raise_bound(struct node *n, const struct msg *m);

struct node *replay_node(struct replay *rp, int number);
int replay_number(struct replay *rp, const char *p, size_t len); /* of the node with this name; made when new */
int replay_self(struct replay *rp, const struct node *n);
/* Its part of the key of vote_of, for the vote; 1 more for the record of it. */
uint64_t replay_voter(struct replay *rp, const struct node *n);
struct peer *replay_peer(struct node *n, int number);      /* NULL: not met yet */
struct peer *replay_peer_made(struct node *n, int number); /* NULL: too many */
/* Can quorums of this node's current term be judged? If not, says why in the rule. */
bool replay_quorum_known(struct replay *rp, const struct node *n, enum rule rule);

/* ---- logs ---- */

int64_t log_last(const struct node_log *g);
const struct log_entry *log_at(const struct node_log *g, int64_t idx); /* NULL: not there, or not known */
int64_t log_term(const struct node_log *g, int64_t idx);               /* TERM_UNKNOWN likewise; 0 for 0 */
void log_reset(struct node_log *g, int64_t base, int64_t base_term);
void log_push(struct node_log *g, const struct log_entry *e);
void log_cut(struct node_log *g, int64_t from); /* this entry and all that follow */
/* The log begins after idx now, whose term is eterm: what follows stays when idx is in it with this term, else nothing
 * does. */
void log_rebase(struct node_log *g, int64_t idx, int64_t eterm, int conf);
void log_copy(struct node_log *to, const struct node_log *from, int64_t upto);
/* The configuration in force at idx: the latest one up to there. */
int log_conf_at(const struct node_log *g, int64_t idx);
/* The log that survives a crash: on stable storage if the node has any, else the one in memory. */
static inline const struct node_log *log_stable(const struct node *n)
{
    return n->disk.used ? &n->disk.log : &n->log;
}
/* Does this log hold what was committed at idx? */
bool log_holds(const struct node_log *g, int64_t idx, int64_t eterm, uint64_t h);
/* Entries from..last are gone from the node's stable log: R36. */
void replay_lost_entries(struct replay *rp, struct node *n, const struct rec *r, int64_t from, int64_t last);
/* Is the replayed log of this node its log at this moment? */
bool replay_log_is_known(struct replay *rp, const struct node *n);

/* ---- configurations: replay_conf.c ---- */

/* "0001 0002 ...": its number, 0 = too many or none. */
int replay_conf_number(struct replay *rp, struct trace_text ids);
const struct conf *replay_conf(const struct replay *rp, int number); /* NULL for 0 */
bool conf_has(const struct conf *c, int node);
/* After a change of the node's log: what its latest configuration is. */
void replay_conf_refresh(struct node *n);
/* R57, R59: may a leader append this configuration now? Before it is in the log. */
void replay_conf_appended(struct replay *rp, struct node *n, const struct rec *r, int64_t idx, int conf);
/* R60: a leader that the committed configuration does not name steps down. At the end of an input. */
void replay_removed_leader(struct replay *rp, struct node *n, const struct rec *end);
/* Members of the node's latest configuration, and how many make a majority. */
unsigned replay_members(const struct replay *rp, const struct node *n);
unsigned replay_majority(const struct replay *rp, const struct node *n);

/* How many of the node's latest configuration there are for something: `own` if it is a member itself. */
typedef bool peer_counts(const struct peer *p, int64_t arg);
struct tally {
    unsigned have, need, of;
    enum rule blame; /* when have < need: R58 an older configuration has its majority, R60 with others who do not vote
                      * there is one, else what was asked for */
};
struct tally replay_tally(struct replay *rp, struct node *n, enum rule rule, bool own, peer_counts *counts,
                          int64_t arg);
unsigned replay_in_conf(struct replay *rp, struct node *n, bool own, peer_counts *counts, int64_t arg);
peer_counts peer_voted, peer_acked, peer_answered_after, peer_answered_since;
/* The class of a finding for t->blame; `class` is that of the rule itself. */
const char *tally_class(const struct tally *t, enum rule rule, const char *class);

/* ---- replay_disk.c, replay_snap.c, replay_lease.c ---- */

/* R49, R50: what a message says must be on stable storage before it leaves. */
void replay_durable_first(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m);
/* The node's records go on with another boot: what it had in memory is kept for the comparison. */
void replay_boot_ends(struct node *n);
/* R56: the log was given up for a snapshot that is not on stable storage. */
void replay_snap_is_durable(struct replay *rp, struct node *n, const struct rec *r);
/* Does this answer say that all of the snapshot is there and installed? */
bool replay_snap_is_whole(const struct replay *rp, const struct node *n, const struct msg *m);
/* A snap_req that leaves. */
void replay_snap_sent(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m);
/* R48 for a read that rests on a lease. */
void replay_leased_read(struct replay *rp, struct node *n, const struct rec *r, int64_t until);
/* R9c: nobody votes, or follows a candidate into its term, while a leader lives. */
void replay_vote_while_leader_lives(struct replay *rp, struct node *n, const struct rec *r, const char *what);
/* R9b. */
void replay_refusal(struct replay *rp, struct node *n, const struct rec *r);
/* The leader of the current term was heard of. */
void replay_leader_heard(struct node *n, const struct rec *r, const struct msg *m);
/* The time at which message `ts` of the node was sent, as `t`; -1: not known. */
static inline int64_t replay_sent_at(const struct node *n, int64_t ts)
{
    return ts >= 0 && ts < INT64_C(1) << 52 ? ts * 1000 - n->cfg.epoch_ns : -1;
}

/* One case against a rule. Returns where evidence can be added, NULL when this class has its example already. */
struct finding *replay_found(struct replay *rp, enum rule rule, const struct node *n, const struct rec *r,
                             const char *class, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void finding_add(struct finding *f, const char *part, int64_t rec, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));                          /* f == NULL: does nothing */
void finding_rec(struct finding *f, const char *part, int64_t rec); /* the record speaks for itself */
void replay_unknown(struct replay *rp, enum rule rule, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static inline void judged(struct replay *rp, enum rule rule)
{
    rp->rule[rule].examined++;
}

/* The message whose handling the record belongs to: NULL when there is none, or it is not known. */
const struct msg *replay_input_msg(const struct node *n, const struct rec *r);
/* Begins another message of the node: of the same step unless something was done that ends one. */
struct msg *replay_next_in_step(struct node *n);
/* The message of the step with this id, NULL = none. */
const struct msg *replay_step_msg(const struct node *n, uint64_t mid);
/* Can this record, made at the end of a step, be due to something else than messages that `bad` says can have no
 * effect?
 */
bool replay_step_has_reason(const struct node *n, const struct rec *r,
                            bool (*bad)(const struct node *n, const struct msg *m));
/* R6: a reply of an older term, or to a role that has passed, changes nothing. */
void replay_not_by_stale_reply(struct replay *rp, struct node *n, const struct rec *r, const char *what);
/* R5: judges a record that a message of an older term must not cause. `what` completes "a message of an old term ...".
 */
void replay_not_by_stale(struct replay *rp, struct node *n, const struct rec *r, const char *what);

/* Fills `m` from a msg.send or msg.recv; `peer_key` is "to" or "from". m->ents is reused. */
void replay_read_msg(struct replay *rp, const struct rec *r, const char *peer_key, struct msg *m);
/* The request that a reply answers; NULL: no `re`, or its msg.send is not in the trace. */
const struct sent *replay_sent(const struct replay *rp, uint64_t mid);

#endif
