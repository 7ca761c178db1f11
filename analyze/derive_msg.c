/* derive_msg.c -- the table `messages`: which send, which passage through the simulator and which receipt are the same
 * copy of the same datagram (trace/README.md, "Matching").
 *
 * The parts of a copy may come in any order: records of one instant are ordered by Lamport clocks that a simulator
 * need not share. So each part waits, in the queue of its key, for the parts it lacks; a row is written as soon as
 * nothing more is expected. What waits is bounded by what is in flight, and by LIVE_MAX whatever the trace does. */
#include "derive_msg_int.h"

#include <stdlib.h>
#include <string.h>

/* Without ids, several candidates cannot be told apart: not linked, and flagged. */
static bool ambiguous(struct msgs *m, const struct key *k, bool more, const struct context *c)
{
    if (!more || !k->by_bytes)
        return false;
    load_note(m->l, SEV_INFO, "ambiguous", c->node->name->text, c->source, c->r->line, 1,
              "datagrams without ids from %s to %s: several could be meant", k->src->text, k->dst->text);
    return true;
}

/* A simulator makes a handful of copies; a trace that claims more than this is not believed. */
static bool too_many_copies(const struct datagram *g)
{
    int n = 0;
    for (const struct copy *c = g->copies; c != NULL && n < COPIES_MAX; c = c->next)
        n++;
    return n == COPIES_MAX;
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

/* A message to everybody may cross the network without its id (the hello of the course's protocol has none): then the
 * only such message of its sender that nobody has seen yet is meant. NULL when there is none, or more than one. */
static struct datagram *lone_broadcast(const struct msgs *m, const struct name *src, const struct name *type)
{
    struct datagram *found = NULL;
    int looked = 0;
    for (struct datagram *g = m->newest; g != NULL && looked < ENDED_KEPT; g = g->older, looked++) {
        if (!g->broadcast || g->used || g->src != src || g->type != type)
            continue;
        if (found != NULL)
            return NULL;
        found = g;
    }
    return found;
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
    if (src->user != NULL)
        ((struct node *)src->user)->spoke = true;
    if (numbered(m, d) != NULL)
        load_note(l, SEV_ERROR, "conservation", c->node->name->text, c->source, r->line, 1,
                  "datagram d:%lld entered twice", (long long)d);

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
    if (send == NULL && dst == m->everybody && k.by_bytes)
        send = lone_broadcast(m, src, type);
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

/* All copies so far had ended, and here is one more. */
static void revive(struct msgs *m, struct datagram *g)
{
    if (!g->ended)
        return;
    for (size_t i = 0; i < ENDED_KEPT; i++) {
        if (m->ended[i] == g)
            m->ended[i] = NULL;
    }
    g->ended = false;
    link_live(m, g);
}

void net_dup(struct context *c)
{
    struct msgs *m = c->d->msgs;
    int64_t d = field_int(c->r, "d"), cp = field_int(c->r, "cp");
    struct datagram *g = numbered(m, d);
    if (g == NULL)
        return; /* its end will say that it is unknown */
    if (find_copy(g, cp) != NULL || too_many_copies(g)) {
        load_note(m->l, SEV_ERROR, "conservation", c->node->name->text, c->source, c->r->line, 1,
                  "copy d:%lld.%lld made twice, or one of too many", (long long)d, (long long)cp);
        return;
    }
    revive(m, g);
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
        load_note(l, SEV_ERROR, "conservation", c->node->name->text, c->source, r->line, 1,
                  "%s of d:%lld, which never entered", what, (long long)d);
        g = new_datagram(m, src, dst, NULL, (struct trace_text){NULL, 0});
        give_number(m, g, d);
    }
    struct copy *copy = find_copy(g, cp);
    if (copy == NULL && (!g->ended || g->dst == m->everybody) && !too_many_copies(g)) {
        revive(m, g);
        copy = new_copy(g, cp, dst);
    }
    if (copy == NULL || copy->ended) {
        load_note(l, SEV_ERROR, "conservation", c->node->name->text, c->source, r->line, 1,
                  "copy d:%lld.%lld has two ends", (long long)d, (long long)cp);
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
    copy->why = field_name(c->l, c->r, "why");

    struct datagram *g = copy->g;
    if (copy->why != NULL) { /* damaged: bytes arrive, but not the message */
        copy->drop_rec = c->id;
        int64_t f = field_int(c->r, "f");
        copy->fault = f != NONE ? fault_id(c->d->faults, f) : NONE;
    } else if (node_receives(copy->dst) && g->w.key.src != NULL) {
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
    *recv = (struct recv){.boot = c->boot,
                          .t = r->t,
                          .rec = c->id,
                          .lc = r->lc,
                          .seq = r->seq,
                          .line = r->line,
                          .source = c->source,
                          .term = field_int(r, "mterm"),
                          .w.key = k};
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
    m->insert = db_prepare(
        &l->db, "INSERT INTO messages(msg_id, run_id, d, copy, mid, src, dst, type, term, size, t_send, t_in,"
                " t_out, t_recv, fate, why, fault_id, send_rec, in_rec, out_rec, drop_rec, recv_rec, ambiguous)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    sqlite3_bind_int64(m->insert, 2, l->run_id); /* msg_id stays NULL: SQLite takes the next one */
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
