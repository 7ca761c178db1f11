/* derive_read.c -- the table `reads`: each read that a replica answered, and what proved to it that it led: the round
 * of appends that a majority answered, or a lease, or nothing. How old that proof was is the question behind each stale
 * read. */
#include "derive_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 256, PEERS = 32, BY_LEN = 400 };

/* A round of confirmation, by number modulo ROUNDS: a read waits for one of the last few. */
struct round {
    int64_t number, t_sent, rec; /* rec: of its read.confirm, 0 = none yet */
    char by[BY_LEN];
};

struct node_reads {
    int64_t boot, newest;
    struct round round[ROUNDS];
    struct {
        const struct name *name;
        int64_t round; /* the latest that it has answered */
    } peer[PEERS];
    size_t n_peers;
    struct {
        int64_t since, until, rec; /* rec 0 = none */
        char by[BY_LEN];
    } lease;
};

struct reads {
    struct load *l;
    sqlite3_stmt *insert;
};

static struct node_reads *reads_of(struct context *c)
{
    struct node *n = c->node;
    if (n->reads == NULL)
        n->reads = mem_new(sizeof *n->reads);
    if (n->reads->boot != c->r->boot) {
        memset(n->reads, 0, sizeof *n->reads);
        n->reads->boot = c->r->boot;
    }
    return n->reads;
}

static struct round *round_at(struct node_reads *g, int64_t number)
{
    return &g->round[(uint64_t)number % ROUNDS];
}

/* ---- rounds ---- */

void read_sent(struct context *c)
{
    int64_t number = field_int(c->r, "round");
    if (number == NONE || number <= 0 || !trace_text_is(trace_find_text(c->r, "ty"), "app_req"))
        return;
    struct node_reads *g = reads_of(c);
    if (number <= g->newest)
        return;
    g->newest = number;
    *round_at(g, number) = (struct round){.number = number, .t_sent = c->r->t};
}

void read_answered(struct context *c)
{
    int64_t number = field_int(c->r, "round");
    if (number == NONE || number <= 0 || !trace_text_is(trace_find_text(c->r, "ty"), "app_res"))
        return;
    struct node_reads *g = reads_of(c);
    const struct name *from = field_name(c->l, c->r, "from");
    size_t i = 0;
    while (i < g->n_peers && g->peer[i].name != from)
        i++;
    if (from == NULL || i == PEERS)
        return;
    if (i == g->n_peers) {
        g->peer[g->n_peers].name = from;
        g->peer[g->n_peers++].round = 0;
    }
    if (number > g->peer[i].round)
        g->peer[i].round = number;
}

static void add_name(char by[BY_LEN], const char *p, size_t n)
{
    size_t at = strlen(by);
    if (at + n + 2 <= BY_LEN)
        snprintf(by + at, BY_LEN - at, "%s%.*s", at > 0 ? " " : "", (int)n, p);
}

void read_confirmed(struct context *c)
{
    int64_t number = field_int(c->r, "round");
    struct node_reads *g = reads_of(c);
    if (number == NONE || number <= 0)
        return;
    struct round *x = round_at(g, number);
    if (x->number != number)
        *x = (struct round){.number = number, .t_sent = NONE};
    x->rec = c->id;
    x->by[0] = '\0';
    for (size_t i = 0; i < g->n_peers; i++) {
        if (g->peer[i].round >= number)
            add_name(x->by, g->peer[i].name->text, g->peer[i].name->n);
    }
}

/* ---- leases ---- */

void read_leased(struct context *c)
{
    struct node_reads *g = reads_of(c);
    const struct trace_field *by = trace_find(c->r, "by");
    g->lease.since = field_int(c->r, "since");
    g->lease.until = field_int(c->r, "until");
    g->lease.rec = c->id;
    g->lease.by[0] = '\0';
    const char *p = by != NULL && by->kind == TRACE_ARRAY ? by->raw.p : NULL, *end = p != NULL ? p + by->raw.n : NULL;
    while (p != NULL && (p = memchr(p, '"', (size_t)(end - p))) != NULL) { /* ids are plain words */
        const char *to = memchr(p + 1, '"', (size_t)(end - p - 1));
        if (to == NULL)
            return;
        add_name(g->lease.by, p + 1, (size_t)(to - p - 1));
        p = to + 1;
    }
}

/* ---- reads ---- */

struct proof {
    const char *kind, *by;
    int64_t round, t, until, rec;
};

static struct proof proof_of(struct context *c)
{
    struct node_reads *g = reads_of(c);
    struct proof p = {.kind = "local", .round = NONE, .t = NONE, .until = NONE, .rec = NONE};
    int64_t until = field_int(c->r, "lease"), number = field_int(c->r, "round");
    if (until != NONE) {
        bool known = g->lease.rec != 0 && g->lease.until == until;
        p = (struct proof){.kind = "lease",
                           .by = known ? g->lease.by : NULL,
                           .round = NONE,
                           .t = known ? g->lease.since : NONE,
                           .until = until,
                           .rec = known ? g->lease.rec : NONE};
    } else if (strcmp(c->r->type->ev, "read.serve") == 0) {
        const struct round *x = number != NONE && number > 0 ? round_at(g, number) : NULL;
        bool known = x != NULL && x->number == number;
        p = (struct proof){.kind = "round",
                           .by = known && x->rec != 0 ? x->by : NULL,
                           .round = number,
                           .t = known ? x->t_sent : NONE,
                           .until = NONE,
                           .rec = known && x->rec != 0 ? x->rec : NONE};
    }
    return p;
}

void read_answer(struct context *c)
{
    struct reads *s = c->d->reads;
    const struct trace_record *r = c->r;
    struct proof p = proof_of(c);
    char *val = field_value(r);
    struct trace_text key = trace_find_text(r, "key"), req = trace_find_text(r, "req");
    sqlite3_stmt *q = s->insert;
    bind_int(q, 1, c->id);
    bind_int(q, 2, s->l->run_id);
    bind_name(q, 3, c->node->name);
    bind_int(q, 4, r->boot);
    bind_int(q, 5, r->has_state ? r->term : NONE);
    bind_int(q, 6, r->t);
    bind_text(q, 7, req.p, req.n);
    bind_name(q, 8, field_name(s->l, r, "cli"));
    bind_text(q, 9, key.p, key.n);
    bind_text(q, 10, val, val != NULL ? strlen(val) : 0);
    bind_int(q, 11, field_int(r, "at"));
    bind_text(q, 12, p.kind, strlen(p.kind));
    bind_int(q, 13, p.round);
    bind_int(q, 14, p.t);
    bind_int(q, 15, p.until);
    bind_text(q, 16, p.by, p.by != NULL ? strlen(p.by) : 0);
    bind_int(q, 17, p.rec);
    db_step(&s->l->db, q);
    free(val);
}

struct reads *reads_new(struct load *l)
{
    struct reads *s = mem_new(sizeof *s);
    s->l = l;
    s->insert = db_prepare(&l->db, "INSERT INTO reads(rec, run_id, node, boot, term, t, req, client, key, val, applied,"
                                   " proof, round, t_proof, t_until, confirmed_by, proof_rec)"
                                   " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    return s;
}

void reads_free(struct reads *s)
{
    for (size_t k = 0; k < s->l->n_nodes; k++) {
        free(s->l->node[k]->reads);
        s->l->node[k]->reads = NULL;
    }
    db_done(&s->l->db, s->insert);
    free(s);
}
