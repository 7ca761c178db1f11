/* derive_msg_row.c -- rows of `messages`: when a copy is complete, what its fate was. */
#include "derive_msg_int.h"

#include <stdlib.h>
#include <string.h>

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

void free_recv(struct msgs *m, struct recv *r)
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

void free_datagram(struct msgs *m, struct datagram *g)
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

void link_live(struct msgs *m, struct datagram *g)
{
    g->newer = NULL;
    g->older = m->newest;
    *(m->newest != NULL ? &m->newest->newer : &m->oldest) = g;
    m->newest = g;
    m->live++;
}

void unlink_live(struct msgs *m, struct datagram *g)
{
    *(g->older != NULL ? &g->older->newer : &m->oldest) = g->newer;
    *(g->newer != NULL ? &g->newer->older : &m->newest) = g->older;
    m->live--;
}

/* Writes the copies that need nothing more, and lets the datagram go when it has no other. */
void settle(struct msgs *m, struct datagram *g)
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
void give_up(struct msgs *m, struct datagram *g)
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

/* Clients choose their ids by chance, and a replica that joins later may have the same. */
static bool of_clients(const struct name *type)
{
    static const char *const types[] = {"get", "put", "change", "status"};
    bool is = false;
    for (size_t i = 0; type != NULL && i < sizeof types / sizeof *types; i++)
        is = is || strcmp(type->text, types[i]) == 0;
    return is;
}

void write_orphan(struct msgs *m, struct recv *r)
{
    const struct node *sender = r->w.key.src->user;
    write_row(m, NULL, NULL, r);
    bool for_another = r->ignored != NULL && strcmp(r->ignored->text, "wrong_dst") == 0; /* the address was wrong */
    if (!m->l->has_net && (sender == NULL || !sender->sends || for_another || of_clients(r->w.key.type))) {
        free_recv(m, r); /* nobody was there who could have recorded it */
        return;
    }
    /* Where the simulator's or the sender's trace has holes, that explains it; else a tracer is at fault. */
    load_note(m->l, trace_incomplete(m->l, r->w.key.src) ? SEV_LOSS : SEV_ERROR, "orphan_recv",
              r->boot->node->name->text, r->source, r->line, 1, "received from %s, but nobody recorded that it was %s",
              r->w.key.src->text, m->l->has_net ? "delivered" : "sent");
    free_recv(m, r);
}

struct datagram *new_datagram(struct msgs *m, const struct name *src, const struct name *dst, const struct name *type,
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
    link_live(m, g);
    return g;
}

struct copy *new_copy(struct datagram *g, int64_t cp, const struct name *dst)
{
    struct copy *c = mem_new(sizeof *c);
    *c = (struct copy){.g = g, .cp = cp, .dst = dst, .t_out = NONE, .out_rec = NONE, .drop_rec = NONE, .fault = NONE};
    struct copy **at = &g->copies;
    while (*at != NULL)
        at = &(*at)->next;
    *at = c;
    return c;
}

void received(struct msgs *m, struct copy *c, struct recv *r)
{
    wait_no_more(m, &c->w);
    wait_no_more(m, &r->w);
    c->need_recv = false;
    c->recv = r;
    r->copy = c;
    settle(m, c->g);
}
