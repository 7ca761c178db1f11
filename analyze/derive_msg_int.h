/* derive_msg_int.h -- what the files of derive_msg*.c share. */
#ifndef FAULTLINE_DERIVE_MSG_INT_H
#define FAULTLINE_DERIVE_MSG_INT_H

#include "derive_int.h"

enum {
    LIVE_MAX = 200000, /* datagrams kept waiting; beyond that the oldest is written as it is */
    ENDED_KEPT = 4096, /* datagrams remembered after their end, to recognize a second end */
    COPIES_MAX = 1000,
    MID_INLINE = 46,
};

enum stage {
    WAITS_NOT,
    SENT,     /* a datagram: msg.send waits for net.in, or for msg.recv where there is no simulator */
    ENTERED,  /* a datagram: net.in waits for msg.send */
    LEFT,     /* a copy: net.out waits for msg.recv */
    RECEIVED, /* a receipt: msg.recv waits for net.out or msg.send */
    UNENDED,  /* a datagram, at the end of the trace: net.in, and no record of a copy's end */
};

/* What identifies a datagram between two records: sender, receiver, type and message id; or, where the messages have no
 * ids, a hash of the bytes. A long id is cut, and ends in its hash. */
struct key {
    const struct name *src, *dst, *type;
    uint64_t hash;
    bool by_bytes;
    uint8_t n;
    char id[MID_INLINE];
};

struct waiter {                 /* first member of what can wait */
    struct waiter *next, *prev; /* in its bucket, oldest first */
    enum stage stage;
    struct key key;
};

struct copy {
    struct waiter w;
    struct datagram *g;
    struct copy *next; /* of the same datagram */
    const struct name *dst, *why;
    int64_t cp, t_out, out_rec, drop_rec, fault;
    struct recv *recv;
    bool ended, need_recv, written, ambiguous;
};

struct datagram {
    struct waiter w;
    struct datagram *older, *newer; /* all live ones */
    struct datagram *same;          /* in its bucket of `by_number` */
    struct copy *copies;
    const struct name *src, *dst, *type;
    char *mid;
    size_t mid_n;
    int64_t d, size, term, t_send, send_rec, send_lc, t_in, in_rec;
    bool need_send, ambiguous, ended;
    bool broadcast, used; /* sent to everybody; and at least one copy is known by itself */
};

struct recv {
    struct waiter w;
    struct copy *copy;
    struct boot *boot;
    struct recv *older, *newer; /* those that wait */
    char *mid;
    size_t mid_n;
    const struct name *ignored;
    int64_t t, rec, lc, seq, line, source, term;
    bool done; /* the replica has handled it */
};

struct bucket {
    struct waiter *first, *last;
};

struct msgs {
    struct load *l;
    sqlite3_stmt *insert;
    struct bucket *bucket;
    size_t buckets, waiting;
    struct datagram **by_number;
    size_t numbers, numbered;
    struct datagram *oldest, *newest;
    size_t live;
    struct datagram *ended[ENDED_KEPT];
    size_t ended_at;
    struct recv *oldest_recv, *newest_recv;
    size_t recvs;
    const struct name *everybody; /* "FFFF" */
};

/* ---- derive_msg_queue.c: what waits, and datagrams by number ---- */

struct key key_of(const struct name *src, const struct name *dst, const struct name *type, struct trace_text id,
                  bool by_bytes);
/* The key of a record's message: by its id, else by the hash of its bytes. False: it has neither. */
bool record_key(const struct trace_record *r, const struct name *src, const struct name *dst, const struct name *type,
                struct key *k);
/* The same with another receiver. */
struct key towards(struct key k, const struct name *dst);
void wait_in(struct msgs *m, struct waiter *w, enum stage stage);
void wait_no_more(struct msgs *m, struct waiter *w);
/* The one that waits longest at that stage with that key; *more: others wait as well. */
void *first_waiting(struct msgs *m, enum stage stage, const struct key *k, bool *more);
/* NULL when no datagram of that number is alive or remembered. */
struct datagram *numbered(const struct msgs *m, int64_t d);
void give_number(struct msgs *m, struct datagram *g, int64_t d);
void forget_number(struct msgs *m, struct datagram *g);

/* ---- derive_msg_row.c: how datagrams begin and end ---- */

struct datagram *new_datagram(struct msgs *m, const struct name *src, const struct name *dst, const struct name *type,
                              struct trace_text mid);
struct copy *new_copy(struct datagram *g, int64_t cp, const struct name *dst);
/* Writes the copies that need nothing more, and lets the datagram go when it has no other. */
void settle(struct msgs *m, struct datagram *g);
/* Writes all that is known of a datagram that waits for more. */
void give_up(struct msgs *m, struct datagram *g);
/* A copy and its receipt found each other. */
void received(struct msgs *m, struct copy *c, struct recv *r);
void free_recv(struct msgs *m, struct recv *r);
void write_orphan(struct msgs *m, struct recv *r);
void free_datagram(struct msgs *m, struct datagram *g);
void link_live(struct msgs *m, struct datagram *g);
void unlink_live(struct msgs *m, struct datagram *g);

#endif
