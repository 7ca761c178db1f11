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
uint64_t rec_hash(const struct rec *r, const char *key); /* of the text; never 0; 0 = no such text */
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
    int64_t mterm, pi, pt, lci, mi, lli, llt;
    int ok; /* 1, 0, -1 = not there */
    struct log_ref *ents;
    size_t n_ents, room;
};

/* What a sent message said, for those who answer it. */
struct sent {
    int64_t rec, seq, boot, lc, mterm, pi, n;
    int node;
    enum message_kind kind;
};

/* ---- replicas ---- */

enum { PEERS_MAX = 64 };

struct log_entry {
    int64_t term;
    uint64_t h;
    int64_t rec; /* of its log.append */
};

/* What a node has heard from one peer in its current term. */
struct peer {
    int node;
    int64_t vote_rec;                   /* msg.recv of a granted vote of this candidacy, 0 = none */
    int64_t acked, acked_rec;           /* highest index acknowledged, bounded by the request answered */
    int64_t answered_seq, answered_rec; /* latest own append that this peer answered: its s */
};

/* The input being handled: everything caused by it comes before the next input. */
struct input {
    int64_t rec;
    bool is_msg, ignored;
    struct msg m;
    int64_t term_before;
    char role_before;
    bool granted;      /* a vote was granted while handling it */
    bool denied_alive; /* a vote was refused because a leader lives */
    struct {
        int64_t rec, t;
    } vote_timer; /* the election timer was restarted for a granted vote */
};

struct node {
    char *name;
    bool traced;      /* a replica that left records */
    bool network;     /* records datagrams: the simulator */
    bool member_list; /* trace.open named its peers */
    int64_t boot, seq;
    int64_t records, missing;
    bool resync;       /* records are missing: the next state is taken from the envelope */
    int64_t hole_term; /* what was heard in this term or before may have been lost: no verdict on quorums */
    bool stateless;    /* some records did not carry the state */
    bool saw_msgs;     /* this boot records messages */
    /* replayed */
    int64_t term, commit, applied;
    char role;
    int leader;              /* believed: node number, -1 = nobody */
    bool leader_told;        /* leader.change is recorded */
    int64_t base, base_term; /* the log begins after this entry; base_term may be TERM_UNKNOWN */
    struct log_entry *log;   /* log[i] is the entry base + 1 + i */
    size_t n_log, log_room;
    int64_t cand_term, cand_rec; /* of the last candidacy, 0 = none */
    struct peer peer[PEERS_MAX];
    unsigned n_peers;
    int64_t bound, bound_term;        /* how far a leader of bound_term has confirmed this follower's log (R30) */
    int64_t max_sent_term;            /* over all boots (R1) */
    int64_t synced_upto, synced_term; /* disk.sync of log: last durable entry; of vote: last durable term */
    uint64_t synced_vote;
    bool syncs;
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
    bool separate_clocks; /* several hosts: order between nodes is only by messages */
    bool conf_changes;    /* membership entries seen: quorums are not judged */
    /* indexes into the vectors below + 1 */
    struct pairmap sent_of, made_of, committed_of, applied_of, hash_of, leader_of, vote_of, arrival_of, request_of,
        node_request_of, datagram_of;
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
replay_handler replay_on_open, replay_on_start, replay_on_term, replay_on_role, replay_on_leader, replay_on_grant,
    replay_on_deny;                                                                     /* replay_vote.c */
replay_handler replay_on_append, replay_on_truncate, replay_on_install, replay_on_sync; /* replay_log.c */
replay_handler replay_on_commit, replay_on_apply, replay_on_hash;                       /* replay_commit.c */
replay_handler replay_on_read_local, replay_on_read_index, replay_on_read_serve, replay_on_reply, replay_on_redirect,
    replay_on_timer_set;                                                                   /* replay_client.c */
replay_handler replay_on_send, replay_on_recv, replay_on_ignore, replay_on_input;          /* replay_msg.c */
replay_handler replay_on_net_in, replay_on_net_dup, replay_on_net_out, replay_on_net_drop; /* replay_net.c */
/* The input's handling is over: what must hold then (the records in between show states on the way). */
void replay_close_input(struct replay *rp, struct node *n);

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
/* R30: takes account of an append that was handled. */
void replay_raise_bound(struct node *n, const struct msg *m);

struct node *replay_node(struct replay *rp, int number);
int replay_number(struct replay *rp, const char *p, size_t len); /* of the node with this name; made when new */
int replay_self(struct replay *rp, const struct node *n);
struct peer *replay_peer(struct node *n, int number); /* NULL: not a member */
/* Members of the group (n included), and how many make a majority. */
unsigned replay_members(const struct replay *rp, const struct node *n);
unsigned replay_majority(const struct replay *rp, const struct node *n);
/* Can quorums of this node's current term be judged? If not, says why in the rule. */
bool replay_quorum_known(struct replay *rp, const struct node *n, enum rule rule);

int64_t log_last(const struct node *n);
const struct log_entry *log_at(const struct node *n, int64_t idx); /* NULL: not there, or not known */
int64_t log_term(const struct node *n, int64_t idx);               /* TERM_UNKNOWN likewise; 0 for 0 */
void log_reset(struct node *n, int64_t base, int64_t base_term);

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
/* R5: judges a record that a message of an older term must not cause. `what` completes "a message of an old term ...".
 */
void replay_not_by_stale(struct replay *rp, struct node *n, const struct rec *r, const char *what);

/* Fills `m` from a msg.send or msg.recv; `peer_key` is "to" or "from". m->ents is reused. */
void replay_read_msg(struct replay *rp, const struct rec *r, const char *peer_key, struct msg *m);
/* The request that a reply answers; NULL: no `re`, or its msg.send is not in the trace. */
const struct sent *replay_sent(const struct replay *rp, uint64_t mid);

#endif
