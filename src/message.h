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
    MESSAGE_OK, MESSAGE_FAIL, MESSAGE_REDIRECT,                 /* replica to client */
    MESSAGE_PREVOTE_REQ, MESSAGE_PREVOTE_RES,                   /* dissertation §9.6 */
    MESSAGE_VOTE_REQ, MESSAGE_VOTE_RES,                         /* Raft paper §5.2 */
    MESSAGE_APP_REQ, MESSAGE_APP_RES                            /* Raft paper §5.3 */
};
#define MESSAGE_TYPES 12

enum entry_op { ENTRY_NOOP, ENTRY_PUT };

/* A log entry as it stands in the log and in an append. Immutable once made; shared by reference count inside the
 * core, borrowed everywhere else. */
struct entry {
    uint64_t index, term;
    uint64_t hash;                       /* of the command (op, client, mid, key, value): equal on all replicas */
    enum entry_op op;
    node_id client;                      /* NODE_NONE for a no-op */
    const char *mid, *key, *value;       /* "" for a no-op */
};

/* The value of `hash` for the entry's command; index and term do not matter. Whoever makes an entry calls it (the core
 * itself computes it anew for each entry that it stores). */
uint64_t entry_hash(const struct entry *e);

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
    bool ok;                             /* VOTE_RES, PREVOTE_RES: granted; APP_RES: appended */
    uint64_t match;                      /* APP_RES ok: last index known to agree, never beyond what the request covered */
    uint64_t hint_index, hint_term;      /* APP_RES refused: the last entry of the sender that may agree with the leader
                                          * (below the refused prev_index, of no later term); 0, 0: none */
    size_t n_entries;
    const struct entry *const *entries;  /* APP_REQ, in index order from prev_index + 1 */
    /* with clients */
    const char *key, *value;             /* GET: key; PUT: both; OK: value, NULL in the answer of a put */
};

#endif
