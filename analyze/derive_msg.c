/* derive_msg.c -- the table `messages`: which send, which passage through the simulator and which receipt are the same
 * copy of the same datagram (trace/README.md, "Matching").
 *
 * The parts of a copy may come in any order: records of one instant are ordered by Lamport clocks that a simulator
 * need not share. So each part waits, in the queue of its key, for the parts it lacks; a row is written as soon as
 * nothing more is expected. What waits is bounded by what is in flight, and by LIVE_MAX whatever the trace does. */
#include "derive_int.h"

#include <stdlib.h>
#include <string.h>

enum {
    LIVE_MAX = 200000,           /* datagrams kept waiting; beyond that the oldest is written as it is */
    ENDED_KEPT = 4096,           /* datagrams remembered after their end, to recognize a second end */
    MID_INLINE = 46,
};

enum stage {
    WAITS_NOT,
    SENT,                        /* a datagram: msg.send waits for net.in, or for msg.recv where there is no simulator */
    ENTERED,                     /* a datagram: net.in waits for msg.send */
    LEFT,                        /* a copy: net.out waits for msg.recv */
    RECEIVED,                    /* a receipt: msg.recv waits for net.out or msg.send */
    UNENDED,                     /* a datagram, at the end of the trace: net.in, and no record of a copy's end */
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

struct waiter {                  /* first member of what can wait */
    struct waiter *next, *prev;  /* in its bucket, oldest first */
    enum stage stage;
    struct key key;
};

struct copy {
    struct waiter w;
    struct datagram *g;
    struct copy *next;           /* of the same datagram */
    const struct name *dst, *why;
    int64_t cp, t_out, out_rec, drop_rec, fault;
    struct recv *recv;
    bool ended, need_recv, written, ambiguous;
};

struct datagram {
    struct waiter w;
    struct datagram *older, *newer;      /* all live ones */
    struct datagram *same;               /* in its bucket of `by_number` */
    struct copy *copies;
    const struct name *src, *dst, *type;
    char *mid;
    size_t mid_n;
    int64_t d, size, term, t_send, send_rec, send_lc, t_in, in_rec;
    bool need_send, ambiguous, ended;
    bool broadcast, used;                /* sent to everybody; and at least one copy is known by itself */
};

struct recv {
    struct waiter w;
    struct copy *copy;
    struct boot *boot;
    struct recv *older, *newer;          /* those that wait */
    char *mid;
    size_t mid_n;
    const struct name *ignored;
    int64_t t, rec, lc, seq, line, source, term;
    bool done;                           /* the replica has handled it */
};

struct bucket { struct waiter *first, *last; };

struct msgs {
    struct load *l;
    sqlite3_stmt *insert;
    int64_t next_id;
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
    const struct name *everybody;        /* "FFFF" */
};

/* ---- keys and queues ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static struct key key_of(const struct name *src, const struct name *dst, const struct name *type, struct trace_text id,
                         bool by_bytes)
{
    struct key k = {.src = src, .dst = dst, .type = by_bytes ? NULL : type, .by_bytes = by_bytes};
    uint64_t h = trace_hash(id.p, id.n);
    if (id.n <= sizeof k.id) {
        memcpy(k.id, id.p, id.n);
        k.n = (uint8_t)id.n;
    } else {
        memcpy(k.id, id.p, sizeof k.id - sizeof h);
        memcpy(k.id + sizeof k.id - sizeof h, &h, sizeof h);
        k.n = (uint8_t)sizeof k.id;
    }
    k.hash = mix(mix(mix(h, src->hash), dst->hash), k.type != NULL ? k.type->hash : by_bytes);
    return k;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->hash == b->hash && a->src == b->src && a->dst == b->dst && a->type == b->type && a->by_bytes == b->by_bytes &&
           a->n == b->n && memcmp(a->id, b->id, a->n) == 0;
}

/* The key of a record's message: by its id, else by the hash of its bytes. False: it has neither. */
static bool record_key(const struct trace_record *r, const struct name *src, const struct name *dst, const struct name *type,
                       struct key *k)
{
    struct trace_text mid = trace_find_text(r, "mid"), h = trace_find_text(r, "h");
    if (src == NULL || dst == NULL || (mid.n == 0 && h.n == 0))
        return false;
    *k = mid.n > 0 ? key_of(src, dst, type, mid, false) : key_of(src, dst, NULL, h, true);
    return true;
}

static struct key towards(struct key k, const struct name *dst)
{
    struct trace_text id = {k.id, k.n};
    return key_of(k.src, dst, k.type, id, k.by_bytes);
}

static void enqueue_in(struct bucket *b, struct waiter *w)
{
    w->next = NULL;
    w->prev = b->last;
    *(b->last != NULL ? &b->last->next : &b->first) = w;
    b->last = w;
}

static void wait_in(struct msgs *m, struct waiter *w, enum stage stage)
{
    if (m->waiting >= m->buckets) {
        size_t size = m->buckets > 0 ? m->buckets * 4 : 1024;
        struct bucket *bigger = mem_new(size * sizeof *bigger);
        for (size_t i = 0; i < m->buckets; i++) {
            for (struct waiter *x = m->bucket[i].first, *next; x != NULL; x = next) {
                next = x->next;
                enqueue_in(&bigger[x->key.hash & (size - 1)], x);
            }
        }
        free(m->bucket);
        m->bucket = bigger;
        m->buckets = size;
    }
    w->stage = stage;
    enqueue_in(&m->bucket[w->key.hash & (m->buckets - 1)], w);
    m->waiting++;
}

static void wait_no_more(struct msgs *m, struct waiter *w)
{
    if (w->stage == WAITS_NOT)
        return;
    struct bucket *b = &m->bucket[w->key.hash & (m->buckets - 1)];
    *(w->prev != NULL ? &w->prev->next : &b->first) = w->next;
    *(w->next != NULL ? &w->next->prev : &b->last) = w->prev;
    w->stage = WAITS_NOT;
    m->waiting--;
}

/* The one that waits longest at that stage with that key; *more: others wait as well. */
static void *first_waiting(struct msgs *m, enum stage stage, const struct key *k, bool *more)
{
    struct waiter *found = NULL;
    *more = false;
    if (m->buckets == 0)
        return NULL;
    for (struct waiter *w = m->bucket[k->hash & (m->buckets - 1)].first; w != NULL; w = w->next) {
        if (w->stage != stage || !same_key(&w->key, k))
            continue;
        if (found != NULL) {
            *more = true;
            break;
        }
        found = w;
    }
    return found;
}

/* Without ids, several candidates cannot be told apart: not linked, and flagged. */
static bool ambiguous(struct msgs *m, const struct key *k, bool more, const struct context *c)
{
    if (!more || !k->by_bytes)
        return false;
    load_note(m->l, SEV_INFO, "ambiguous", c->node->name->text, c->source, c->r->line, 1,
              "datagrams without ids from %s to %s: several could be meant", k->src->text, k->dst->text);
    return true;
}

/* ---- datagrams by number ---- */

static struct datagram **number_slot(const struct msgs *m, int64_t d)
{
    return &m->by_number[mix(0, (uint64_t)d) & (m->numbers - 1)];
}

static struct datagram *numbered(const struct msgs *m, int64_t d)
{
    if (d == NONE || m->numbers == 0)
        return NULL;
    struct datagram *g = *number_slot(m, d);
    while (g != NULL && g->d != d)
        g = g->same;
    return g;
}

static void give_number(struct msgs *m, struct datagram *g, int64_t d)
{
    g->d = d;
    if (d == NONE)
        return;
    if (m->numbered >= m->numbers) {
        struct datagram **old = m->by_number;
        size_t n = m->numbers;
        m->numbers = n > 0 ? n * 4 : 1024;
        m->by_number = mem_new(m->numbers * sizeof(struct datagram *));
        for (size_t i = 0; i < n; i++) {
            for (struct datagram *x = old[i], *next; x != NULL; x = next) {
                next = x->same;
                struct datagram **slot = number_slot(m, x->d);
                x->same = *slot;
                *slot = x;
            }
        }
        free(old);
    }
    struct datagram **slot = number_slot(m, d);
    g->same = *slot;
    *slot = g;
    m->numbered++;
}

static void forget_number(struct msgs *m, struct datagram *g)
{
    if (g->d == NONE)
        return;
    struct datagram **at = number_slot(m, g->d);
    while (*at != g)
        at = &(*at)->same;
    *at = g->same;
    m->numbered--;
}

/* ---- rows ---- */

static void write_row(struct msgs *m, const struct datagram *g, const struct copy *c, const struct recv *r)
{
    static const char *const fates[] = {"delivered", "dropped", "ignored", "in_flight", "unseen"};
    enum { DELIVERED, DROPPED, IGNORED, IN_FLIGHT, UNSEEN } fate;
    sqlite3_stmt *q = m->insert;
    const struct name *src = g != NULL ? g->src : r->w.key.src;
    const struct name *dst = c != NULL ? c->dst : g != NULL ? g->dst : r->w.key.dst;
    const struct name *why = c != NULL ? c->why : NULL;

    if (c != NULL && c->drop_rec != NONE)
        fate = DROPPED;
    else if (r != NULL)
        fate = r->ignored != NULL ? IGNORED : DELIVERED;
    else if (c != NULL && c->out_rec != NONE)
        fate = c->need_recv ? UNSEEN : DELIVERED;
    else
        fate = g != NULL && g->in_rec != NONE ? IN_FLIGHT : UNSEEN;
    if (fate == IGNORED)
        why = r->ignored;

    bind_int(q, 1, ++m->next_id);
    bind_int(q, 2, m->l->run_id);
    bind_int(q, 3, g != NULL ? g->d : NONE);
    bind_int(q, 4, c != NULL ? c->cp : 1);
    bind_text(q, 5, g != NULL ? g->mid : r->mid, g != NULL ? g->mid_n : r->mid_n);
    bind_name(q, 6, src);
    bind_name(q, 7, dst);
    bind_name(q, 8, g != NULL ? g->type : r->w.key.type);
    bind_int(q, 9, g != NULL && g->term != NONE ? g->term : r != NULL ? r->term : NONE);
    bind_int(q, 10, g != NULL ? g->size : NONE);
    bind_int(q, 11, g != NULL ? g->t_send : NONE);
    bind_int(q, 12, g != NULL ? g->t_in : NONE);
    bind_int(q, 13, c != NULL ? c->t_out : NONE);
    bind_int(q, 14, r != NULL ? r->t : NONE);
    bind_text(q, 15, fates[fate], strlen(fates[fate]));
    bind_name(q, 16, why);
    bind_int(q, 17, c != NULL ? c->fault : NONE);
    bind_int(q, 18, g != NULL ? g->send_rec : NONE);
    bind_int(q, 19, g != NULL ? g->in_rec : NONE);
    bind_int(q, 20, c != NULL ? c->out_rec : NONE);
    bind_int(q, 21, c != NULL ? c->drop_rec : NONE);
    bind_int(q, 22, r != NULL ? r->rec : NONE);
    bind_int(q, 23, (g != NULL && g->ambiguous) || (c != NULL && c->ambiguous));
    db_step(&m->l->db, q);

    /* Clock condition: what was received was sent before (Lamport 1978). */
    if (r != NULL && g != NULL && g->send_rec != NONE && r->lc <= g->send_lc)
        load_note(m->l, SEV_ERROR, "clock", r->boot->node->name->text, r->source, r->line, 1,
                  "received at lc %lld what %s sent at lc %lld", (long long)r->lc, src->text, (long long)g->send_lc);
}

static void free_recv(struct msgs *m, struct recv *r)
{
    *(r->older != NULL ? &r->older->newer : &m->oldest_recv) = r->newer;
    *(r->newer != NULL ? &r->newer->older : &m->newest_recv) = r->older;
    m->recvs--;
    if (r->boot->handling == r)
        r->boot->handling = NULL;
    wait_no_more(m, &r->w);
    free(r->mid);
    free(r);
}

static void write_copy(struct msgs *m, struct copy *c)
{
    write_row(m, c->g, c, c->recv);
    c->written = true;
    wait_no_more(m, &c->w);
    if (c->recv != NULL)
        free_recv(m, c->recv);
    c->recv = NULL;
}

static void free_datagram(struct msgs *m, struct datagram *g)
{
    wait_no_more(m, &g->w);
    forget_number(m, g);
    for (struct copy *c = g->copies, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    free(g->mid);
    free(g);
}

static void unlink_live(struct msgs *m, struct datagram *g)
{
    *(g->older != NULL ? &g->older->newer : &m->oldest) = g->newer;
    *(g->newer != NULL ? &g->newer->older : &m->newest) = g->older;
    m->live--;
}

/* Writes the copies that need nothing more, and lets the datagram go when it has no other. */
static void settle(struct msgs *m, struct datagram *g)
{
    bool all = g->copies != NULL && !g->need_send && !g->broadcast;
    for (struct copy *c = g->copies; c != NULL; c = c->next) {
        bool complete = !g->need_send && c->ended && !c->need_recv && (c->recv == NULL || c->recv->done);
        if (complete && !c->written)
            write_copy(m, c);
        all = all && c->written;
    }
    if (!all || g->ended)
        return;
    unlink_live(m, g);
    if (g->d == NONE) {
        free_datagram(m, g);
        return;
    }
    g->ended = true;
    wait_no_more(m, &g->w);
    size_t at = m->ended_at++ % ENDED_KEPT;
    if (m->ended[at] != NULL)
        free_datagram(m, m->ended[at]);
    m->ended[at] = g;
}

/* Writes all that is known of a datagram that waits for more. */
static void give_up(struct msgs *m, struct datagram *g)
{
    if (g->copies == NULL && !g->used)
        write_row(m, g, NULL, NULL);
    for (struct copy *c = g->copies; c != NULL; c = c->next) {
        if (!c->written)
            write_copy(m, c);
    }
    unlink_live(m, g);
    free_datagram(m, g);
}

static bool trace_incomplete(const struct load *l, const struct name *node)
{
    return load_noted(l, NULL, node->text, SEV_LOSS) || (l->has_net && load_noted(l, NULL, "sim", SEV_LOSS));
}

static void write_orphan(struct msgs *m, struct recv *r)
{
    write_row(m, NULL, NULL, r);
    /* Where the simulator's or the sender's trace has holes, that explains it; else a tracer is at fault. */
    load_note(m->l, trace_incomplete(m->l, r->w.key.src) ? SEV_LOSS : SEV_ERROR, "orphan_recv", r->boot->node->name->text,
              r->source, r->line, 1, "received from %s, but nobody recorded that it was %s", r->w.key.src->text,
              m->l->has_net ? "delivered" : "sent");
    free_recv(m, r);
}

/* ---- parts ---- */

static struct datagram *new_datagram(struct msgs *m, const struct name *src, const struct name *dst, const struct name *type,
                                     struct trace_text mid)
{
    if (m->live >= LIVE_MAX) {
        load_note(m->l, SEV_INFO, "expired", m->oldest->src->text, 0, 0, 1,
                  "a datagram waited so long for its other records that it was written without them");
        give_up(m, m->oldest);
    }
    struct datagram *g = mem_new(sizeof *g);
    g->src = src;
    g->dst = dst;
    g->type = type;
    if (mid.p != NULL) {
        g->mid = mem_text(mid.p, mid.n);
        g->mid_n = mid.n;
    }
    g->d = g->size = g->term = g->t_send = g->send_rec = g->t_in = g->in_rec = NONE;
    g->older = m->newest;
    *(m->newest != NULL ? &m->newest->newer : &m->oldest) = g;
    m->newest = g;
    m->live++;
    return g;
}

static struct copy *new_copy(struct datagram *g, int64_t cp, const struct name *dst)
{
    struct copy *c = mem_new(sizeof *c);
    *c = (struct copy){.g = g, .cp = cp, .dst = dst, .t_out = NONE, .out_rec = NONE, .drop_rec = NONE, .fault = NONE};
    struct copy **at = &g->copies;
    while (*at != NULL)
        at = &(*at)->next;
    *at = c;
    return c;
}

static struct copy *find_copy(struct datagram *g, int64_t cp)
{
    struct copy *c = g->copies;
    while (c != NULL && c->cp != cp)
        c = c->next;
    return c;
}

static bool node_sends(const struct name *s)
{
    const struct node *n = s->user;
    return n != NULL && n->sends;
}

static bool node_receives(const struct name *s)
{
    const struct node *n = s->user;
    return n != NULL && n->receives;
}

static void sent_here(struct datagram *g, const struct datagram *send)
{
    g->t_send = send->t_send;
    g->send_rec = send->send_rec;
    g->send_lc = send->send_lc;
    g->need_send = false;
    if (g->term == NONE)
        g->term = send->term;
    if (g->type == NULL)
        g->type = send->type;
}

/* `send` was only a record of sending; the simulator's datagram takes its place. */
static void consume_send(struct msgs *m, struct datagram *send)
{
    if (send->broadcast) {
        send->used = true;
        return;
    }
    unlink_live(m, send);
    free_datagram(m, send);
}

static void received(struct msgs *m, struct copy *c, struct recv *r)
{
    wait_no_more(m, &c->w);
    wait_no_more(m, &r->w);
    c->need_recv = false;
    c->recv = r;
    r->copy = c;
    settle(m, c->g);
}

void msg_send(struct context *c)
{
    struct msgs *m = c->d->msgs;
    struct load *l = m->l;
    const struct trace_record *r = c->r;
    const struct name *src = c->node->name, *dst = field_name(l, r, "to"), *type = field_name(l, r, "ty");
    struct key k;
    bool has_key = record_key(r, src, dst, type, &k), more;
    if (dst == NULL)
        return;

    struct datagram *g = new_datagram(m, src, dst, type, trace_find_text(r, "mid"));
    g->t_send = r->t;
    g->send_rec = c->id;
    g->send_lc = r->lc;
    g->term = field_int(r, "mterm");
    g->broadcast = dst == m->everybody;
    if (!has_key)
        return;

    struct datagram *in = first_waiting(m, ENTERED, &k, &more);
    if (in != NULL && !g->broadcast) {
        wait_no_more(m, &in->w);
        in->need_send = false;
        if (ambiguous(m, &k, more, c))
            in->ambiguous = true;
        else
            sent_here(in, g);
        consume_send(m, g);
        settle(m, in);
        return;
    }
    if (!l->has_net) {
        struct recv *recv = first_waiting(m, RECEIVED, &k, &more);
        if (recv != NULL) {
            struct copy *copy = new_copy(g, 1, dst);
            copy->ended = true;
            received(m, copy, recv);
            return;
        }
    }
    g->w.key = k;
    wait_in(m, &g->w, SENT);
}

void net_in(struct context *c)
{
    struct msgs *m = c->d->msgs;
    struct load *l = m->l;
    const struct trace_record *r = c->r;
    const struct name *src = field_name(l, r, "src"), *dst = field_name(l, r, "dst"), *type = field_name(l, r, "ty");
    int64_t d = field_int(r, "d");
    struct key k;
    bool has_key = record_key(r, src, dst, type, &k), more = false;
    if (src == NULL || dst == NULL)
        return;
    if (numbered(m, d) != NULL)
        load_note(l, SEV_ERROR, "conservation", c->node->name->text, c->source, r->line, 1, "datagram d:%lld entered twice", (long long)d);

    struct datagram *g = new_datagram(m, src, dst, type, trace_find_text(r, "mid"));
    give_number(m, g, d);
    g->t_in = r->t;
    g->in_rec = c->id;
    g->size = field_int(r, "sz");
    g->term = field_int(r, "term");
    if (dst != m->everybody)
        new_copy(g, 1, dst);
    if (!has_key)
        return;
    g->w.key = k;
    if (!node_sends(src))
        return;
    struct datagram *send = first_waiting(m, SENT, &k, &more);
    if (send == NULL) {
        struct key all = towards(k, m->everybody);
        send = first_waiting(m, SENT, &all, &more);
    }
    if (send == NULL) {
        g->need_send = true;
        wait_in(m, &g->w, ENTERED);
        return;
    }
    if (ambiguous(m, &k, more, c))
        g->ambiguous = true;
    else
        sent_here(g, send);
    consume_send(m, send);
}

void net_bad(struct context *c)
{
    struct msgs *m = c->d->msgs;
    const struct trace_record *r = c->r;
    int64_t d = field_int(r, "d");
    struct datagram *g = numbered(m, d);
    if (g == NULL) {
        const struct name *src = field_name(m->l, r, "src"), *nobody = names_get(&m->l->names, "?", 1);
        g = new_datagram(m, src != NULL ? src : nobody, nobody, NULL, (struct trace_text){NULL, 0});
        give_number(m, g, d);
        g->t_in = r->t;
        g->in_rec = c->id;
        g->size = field_int(r, "sz");
        new_copy(g, 1, nobody);
    }
    struct copy *copy = g->copies != NULL ? g->copies : new_copy(g, 1, g->dst);
    if (copy->ended)
        return;
    copy->ended = true;
    copy->drop_rec = c->id;
    copy->why = field_name(m->l, r, "why");
    g->need_send = false;
    settle(m, g);
}

void net_dup(struct context *c)
{
    struct msgs *m = c->d->msgs;
    int64_t d = field_int(c->r, "d"), cp = field_int(c->r, "cp");
    struct datagram *g = numbered(m, d);
    if (g == NULL)
        return; /* its end will say that it is unknown */
    if (find_copy(g, cp) != NULL) {
        load_note(m->l, SEV_ERROR, "conservation", c->node->name->text, c->source, c->r->line, 1, "copy d:%lld.%lld made twice",
                  (long long)d, (long long)cp);
        return;
    }
    if (g->ended) {              /* all copies so far had ended: this one makes it live again */
        for (size_t i = 0; i < ENDED_KEPT; i++) {
            if (m->ended[i] == g)
                m->ended[i] = NULL;
        }
        g->ended = false;
        g->newer = NULL;
        g->older = m->newest;
        *(m->newest != NULL ? &m->newest->newer : &m->oldest) = g;
        m->newest = g;
        m->live++;
    }
    new_copy(g, cp, g->copies != NULL ? g->copies->dst : g->dst);
}

/* The copy that a net.out or net.drop ends, made up as far as needed; NULL when it had ended before. */
static struct copy *ending(struct context *c, const char *what)
{
    struct msgs *m = c->d->msgs;
    struct load *l = m->l;
    const struct trace_record *r = c->r;
    const struct name *src = field_name(l, r, "src"), *dst = field_name(l, r, "dst");
    int64_t d = field_int(r, "d"), cp = field_int(r, "cp");
    if (src == NULL || dst == NULL)
        return NULL;
    if (cp == NONE)
        cp = 1;

    struct datagram *g = numbered(m, d);
    if (g == NULL) {
        load_note(l, SEV_ERROR, "conservation", c->node->name->text, c->source, r->line, 1, "%s of d:%lld, which never entered", what,
                  (long long)d);
        g = new_datagram(m, src, dst, NULL, (struct trace_text){NULL, 0});
        give_number(m, g, d);
    }
    struct copy *copy = find_copy(g, cp);
    if (copy == NULL)
        copy = g->ended ? NULL : new_copy(g, cp, dst);
    if (copy == NULL || copy->ended) {
        load_note(l, SEV_ERROR, "conservation", c->node->name->text, c->source, r->line, 1, "copy d:%lld.%lld has two ends", (long long)d,
                  (long long)cp);
        return NULL;
    }
    copy->ended = true;
    copy->dst = dst;
    return copy;
}

void net_out(struct context *c)
{
    struct msgs *m = c->d->msgs;
    struct copy *copy = ending(c, "net.out");
    if (copy == NULL)
        return;
    copy->t_out = c->r->t;
    copy->out_rec = c->id;

    struct datagram *g = copy->g;
    if (node_receives(copy->dst) && g->w.key.src != NULL) {
        bool more;
        copy->w.key = towards(g->w.key, copy->dst);
        struct recv *recv = first_waiting(m, RECEIVED, &copy->w.key, &more);
        copy->need_recv = true;
        if (recv == NULL) {
            wait_in(m, &copy->w, LEFT);
        } else if (ambiguous(m, &copy->w.key, more, c)) {
            copy->ambiguous = true;
            copy->need_recv = false;
            free_recv(m, recv);
        } else {
            received(m, copy, recv);
            return;
        }
    }
    settle(m, g);
}

void net_drop(struct context *c)
{
    struct copy *copy = ending(c, "net.drop");
    if (copy == NULL)
        return;
    copy->drop_rec = c->id;
    copy->why = field_name(c->l, c->r, "why");
    int64_t f = field_int(c->r, "f");
    copy->fault = f != NONE ? fault_id(c->d->faults, f) : NONE;
    settle(c->d->msgs, copy->g);
}

void msg_recv(struct context *c)
{
    struct msgs *m = c->d->msgs;
    struct load *l = m->l;
    const struct trace_record *r = c->r;
    const struct name *src = field_name(l, r, "from"), *dst = c->node->name, *type = field_name(l, r, "ty");
    struct key k;
    bool more;
    if (!record_key(r, src, dst, type, &k))
        return;

    struct trace_text mid = trace_find_text(r, "mid");
    struct recv *recv = mem_new(sizeof *recv);
    *recv = (struct recv){.boot = c->boot, .t = r->t, .rec = c->id, .lc = r->lc, .seq = r->seq, .line = r->line,
                          .source = c->source, .term = field_int(r, "mterm"), .w.key = k};
    recv->mid = mid.p != NULL ? mem_text(mid.p, mid.n) : NULL;
    recv->mid_n = mid.n;
    recv->older = m->newest_recv;
    *(m->newest_recv != NULL ? &m->newest_recv->newer : &m->oldest_recv) = recv;
    m->newest_recv = recv;
    m->recvs++;
    c->boot->handling = recv;

    struct copy *copy = first_waiting(m, LEFT, &k, &more);
    if (copy != NULL) {
        if (ambiguous(m, &k, more, c)) {
            copy->ambiguous = true;
            copy->need_recv = false;
            wait_no_more(m, &copy->w);
            free_recv(m, recv);
            settle(m, copy->g);
        } else {
            received(m, copy, recv);
        }
        return;
    }
    if (!l->has_net) {
        struct datagram *send = first_waiting(m, SENT, &k, &more);
        if (send == NULL) {
            struct key all = towards(k, m->everybody);
            send = first_waiting(m, SENT, &all, &more);
        }
        if (send != NULL) {
            int64_t cp = 1;
            for (const struct copy *x = send->copies; x != NULL; x = x->next)
                cp++;
            if (!send->broadcast)
                wait_no_more(m, &send->w);
            copy = new_copy(send, cp, dst);
            copy->ended = true;
            copy->ambiguous = ambiguous(m, &k, more, c);
            if (copy->ambiguous) {
                free_recv(m, recv);
                settle(m, send);
            } else {
                received(m, copy, recv);
            }
            return;
        }
    }
    if (m->recvs > LIVE_MAX && m->oldest_recv->copy == NULL)
        write_orphan(m, m->oldest_recv);
    wait_in(m, &recv->w, RECEIVED);
}

void msg_ignore(struct context *c)
{
    struct recv *r = c->boot->handling;
    if (r != NULL && c->r->cause == r->seq)
        r->ignored = field_name(c->l, c->r, "why");
}

void msgs_input(struct context *c)
{
    struct recv *r = c->boot->handling;
    if (r == NULL)
        return;
    c->boot->handling = NULL;
    r->done = true;
    if (r->copy != NULL)
        settle(c->d->msgs, r->copy->g);
}

/* ---- the end ---- */

/* A receipt whose net.out is in no record: the datagram that entered, or was sent, with that key must be it. */
static bool adopt(struct msgs *m, struct recv *r)
{
    bool more;
    struct datagram *g = first_waiting(m, UNENDED, &r->w.key, &more);
    if (g == NULL)
        g = first_waiting(m, SENT, &r->w.key, &more);
    if (g == NULL || more)
        return false;
    struct copy *c = g->copies;
    while (c != NULL && c->ended)
        c = c->next;
    if (c == NULL)
        c = new_copy(g, 1, r->w.key.dst);
    wait_no_more(m, &g->w);
    c->ended = true;
    received(m, c, r);
    return true;
}

static struct recv *unmatched(struct recv *r)
{
    while (r != NULL && r->copy != NULL)
        r = r->newer;
    return r;
}

void msgs_end(struct msgs *m)
{
    for (struct datagram *g = m->oldest; g != NULL; g = g->newer) {
        bool open = false;
        for (const struct copy *c = g->copies; c != NULL; c = c->next)
            open = open || !c->ended;
        if (open && g->w.key.src != NULL) {
            wait_no_more(m, &g->w);
            wait_in(m, &g->w, UNENDED);
        }
    }
    for (struct recv *r = m->oldest_recv; r != NULL; r = r->newer)
        r->done = true;
    for (struct recv *r = unmatched(m->oldest_recv), *next; r != NULL; r = next) {
        next = unmatched(r->newer);
        if (!adopt(m, r))
            write_orphan(m, r);
    }
    while (m->oldest != NULL)
        give_up(m, m->oldest);
}

struct msgs *msgs_new(struct load *l)
{
    struct msgs *m = mem_new(sizeof *m);
    m->l = l;
    m->everybody = names_get(&l->names, "FFFF", 4);
    m->next_id = db_int(&l->db, "SELECT max(msg_id) FROM messages", 0);
    m->insert = db_prepare(&l->db, "INSERT INTO messages(msg_id, run_id, d, copy, mid, src, dst, type, term, size, t_send, t_in,"
                                   " t_out, t_recv, fate, why, fault_id, send_rec, in_rec, out_rec, drop_rec, recv_rec, ambiguous)"
                                   " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    return m;
}

void msgs_free(struct msgs *m)
{
    for (size_t i = 0; i < ENDED_KEPT; i++) {
        if (m->ended[i] != NULL)
            free_datagram(m, m->ended[i]);
    }
    while (m->oldest_recv != NULL) {
        if (m->oldest_recv->copy != NULL)
            m->oldest_recv->copy->recv = NULL;
        free_recv(m, m->oldest_recv);
    }
    while (m->oldest != NULL) {
        struct datagram *g = m->oldest;
        unlink_live(m, g);
        free_datagram(m, g);
    }
    db_done(&m->l->db, m->insert);
    free(m->by_number);
    free(m->bucket);
    free(m);
}
