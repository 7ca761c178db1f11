/* message.h -- every datagram as a struct: the vocabulary that the core and wire.c share.
 *
 * Strings are NUL-terminated UTF-8 without NUL inside (wire.c refuses others) and borrowed: they live as long as
 * whoever made the message says. */
#ifndef FAULTLINE_MESSAGE_H
#define FAULTLINE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A replica's or client's id: four hex digits on the wire. */
typedef uint16_t node_id;
#define NODE_NONE ((node_id)0xFFFF)      /* "FFFF": nobody known, or everybody as a destination */

#define MESSAGE_ENTRIES_MAX 512          /* entries in one append */
#define DATAGRAM_MAX 65507               /* bytes of payload in a UDP datagram over IPv4 */
#define MID_MAX 64                       /* bytes of a message id that we accept */

enum message_type {
    MESSAGE_HELLO,
    MESSAGE_GET, MESSAGE_PUT,                                   /* client to replica */
    MESSAGE_CHANGE, MESSAGE_STATUS,                             /* client to replica: an administrator's */
    MESSAGE_OK, MESSAGE_FAIL, MESSAGE_REDIRECT,                 /* replica to client */
    MESSAGE_STATUS_RES,                                         /* replica to client */
    MESSAGE_PREVOTE_REQ, MESSAGE_PREVOTE_RES,                   /* dissertation §9.6 */
    MESSAGE_VOTE_REQ, MESSAGE_VOTE_RES,                         /* Raft paper §5.2 */
    MESSAGE_APP_REQ, MESSAGE_APP_RES,                           /* Raft paper §5.3 */
    MESSAGE_SNAP_REQ, MESSAGE_SNAP_RES,                         /* Raft paper §7: one chunk of a snapshot, and its answer */
    MESSAGE_TRANSFER                                            /* dissertation §3.10: TimeoutNow */
};
#define MESSAGE_TYPES 18

enum entry_op { ENTRY_NOOP, ENTRY_PUT, ENTRY_CONF };

#define ADDRESS_MAX 255                  /* bytes of a member's address: "HOST:PORT", or "" where nobody needs one */
/* A configuration as text: its voters in order of id, each "ID" or "ID=ADDRESS", with commas between. */
#define CONF_TEXT_MAX (21 * (5 + ADDRESS_MAX + 1))

/* A log entry as it stands in the log and in an append. Immutable once made; shared by reference count inside the
 * core, borrowed everywhere else. */
struct entry {
    uint64_t index, term;
    uint64_t hash;                       /* of the command (op, client, mid, key, value): equal on all replicas */
    enum entry_op op;
    node_id client;                      /* NODE_NONE for a no-op */
    const char *mid, *key, *value;       /* "" for a no-op; ENTRY_CONF: key is "", value the configuration as text */
};

/* The value of `hash` for the entry's command; index and term do not matter. Whoever makes an entry calls it (the core
 * itself computes it anew for each entry that it stores). */
uint64_t entry_hash(const struct entry *e);

/* MESSAGE_CHANGE: what is asked for. Members come and go one at a time (dissertation §4). */
enum change_op { CHANGE_ADD, CHANGE_REMOVE, CHANGE_TRANSFER };

/* How a replica sees itself and, where it leads, the others: MESSAGE_STATUS_RES. Strings are borrowed. */
struct member_status {
    node_id id;
    const char *address;
    const char *state;                   /* leader's view: "self" "probe" "replicate" "snapshot" "learner"; others: "" */
    uint64_t match, next, silent_ms;     /* leader's view: acknowledged, next to be sent, time since its last answer */
};
struct status {
    const char *role;                    /* "follower" "precandidate" "candidate" "leader" */
    uint64_t boot, commit, applied, first, last; /* first: of the log, after the snapshot */
    uint64_t keys, lease_ms;             /* lease_ms: how long reads need no round from now; 0 = none */
    const char *durable;                 /* "memory" or "disk" */
    size_t n_members;
    const struct member_status *members; /* of the latest configuration, and learners */
};

struct message {
    enum message_type type;
    node_id src, dst, leader;
    char mid[MID_MAX + 1];               /* requests, answers and every message between replicas */
    /* between replicas */
    char re[MID_MAX + 1];                /* replies: the MID of the request that is answered */
    uint64_t lc;                         /* Lamport clock of the sender */
    uint64_t term;                       /* of the sender; PREVOTE_REQ, PREVOTE_RES granted: the term asked for */
    uint64_t last_index, last_term;      /* VOTE_REQ, PREVOTE_REQ: the candidate's tail */
    uint64_t prev_index, prev_term;      /* APP_REQ */
    uint64_t commit;                     /* APP_REQ: leaderCommit */
    uint64_t round;                      /* APP_REQ: ReadIndex round; APP_RES: echoed */
    uint64_t sent_us;                    /* APP_REQ, SNAP_REQ: when, on the sender's clock; their answers: echoed */
    bool transfer;                       /* VOTE_REQ: the leader asked for this election (TimeoutNow) */
    bool ok;                             /* VOTE_RES, PREVOTE_RES: granted; APP_RES: appended */
    uint64_t match;                      /* APP_RES ok: last index known to agree, never beyond what the request covered */
    uint64_t hint_index, hint_term;      /* APP_RES refused: the last entry of the sender that may agree with the leader
                                          * (below the refused prev_index, of no later term); 0, 0: none */
    size_t n_entries;
    const struct entry *const *entries;  /* APP_REQ, in index order from prev_index + 1 */
    /* SNAP_REQ: bytes offset..offset + n_data of the snapshot of `size` bytes at (snap_index, snap_term); SNAP_RES:
     * snap_index, snap_term and offset = how much is there without a gap (size: all of it, and installed) */
    uint64_t snap_index, snap_term, offset, size, digest; /* digest: snapshot_digest() of the whole */
    const unsigned char *data;           /* base64 on the wire */
    size_t n_data;
    const char *conf;                    /* SNAP_REQ: the configuration at snap_index */
    /* with clients */
    const char *key, *value;             /* GET: key; PUT: both; OK: value, NULL in the answer of a put */
    const char *why;                     /* FAIL: words for a person, NULL = none */
    enum change_op change;               /* CHANGE */
    node_id node;                        /* CHANGE: whom; NODE_NONE: CHANGE_TRANSFER to whoever is fit */
    const char *address;                 /* CHANGE_ADD: "" where nobody needs one */
    const struct status *status;         /* STATUS_RES; its term and leader are the message's */
};

#endif
