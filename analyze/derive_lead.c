/* derive_lead.c -- the table `leader_terms`: who believed to lead, in which term, from when to when.
 *
 * Replicas that record their roles tell it (origin 'trace'). Of the others only what they claim on the wire is known
 * (origin 'wire'): datagrams that name their sender as the leader. Such an interval ends with the last claim. */
#include "derive_int.h"

#include <stdlib.h>
#include <string.h>

struct node_lead {
    struct node *node;
    bool open, wire;
    int64_t term, boot, t_start, start_rec, t_last, last_rec;
    int64_t wire_term; /* newest term on the wire; NONE before the first */
};

struct leads {
    struct load *l;
    sqlite3_stmt *insert;
};

static struct node_lead *lead_of(struct node *n)
{
    if (n->lead == NULL) {
        n->lead = mem_new(sizeof *n->lead);
        n->lead->node = n;
        n->lead->wire_term = NONE;
    }
    return n->lead;
}

static void write_term(struct leads *s, struct node_lead *x, int64_t t_end, const char *why, size_t why_n,
                       int64_t end_rec)
{
    sqlite3_stmt *q = s->insert;
    bind_int(q, 1, s->l->run_id);
    bind_name(q, 2, x->node->name);
    bind_int(q, 3, x->boot);
    bind_int(q, 4, x->term);
    bind_int(q, 5, x->t_start);
    bind_int(q, 6, t_end);
    bind_text(q, 7, why, why_n);
    bind_int(q, 8, x->start_rec);
    bind_int(q, 9, end_rec);
    sqlite3_bind_text(q, 10, x->wire ? "wire" : "trace", -1, SQLITE_STATIC);
    db_step(&s->l->db, q);
    x->open = false;
}

static void start(struct context *c, struct node_lead *x, int64_t term, bool wire)
{
    x->open = true;
    x->wire = wire;
    x->term = term;
    x->boot = wire ? NONE : c->r->boot;
    x->t_start = x->t_last = c->r->t;
    x->start_rec = x->last_rec = c->id;
}

static void stop(struct context *c, struct node_lead *x, const char *why, size_t n)
{
    if (x->open && x->wire)
        write_term(c->d->leads, x, x->t_last, why, n, x->last_rec);
    else if (x->open)
        write_term(c->d->leads, x, c->r->t, why, n, c->id);
}

void lead_role(struct context *c)
{
    struct node_lead *x = lead_of(c->node);
    bool leads = trace_text_is(trace_find_text(c->r, "new"), "L");
    struct trace_text why = trace_find_text(c->r, "why");
    if (!leads || (x->open && x->term != c->r->term))
        stop(c, x, why.p, why.n);
    if (leads && !x->open && c->r->has_state)
        start(c, x, c->r->term, false);
}

/* The state on an input record is the state before its handling, so no passing state within the handling of one
 * (trace/README.md): a role that no role.change told of was changed in records that are missing. */
void lead_state(struct context *c)
{
    const struct trace_record *r = c->r;
    bool leads = r->has_state && r->role == 'L';
    if (!r->has_state || (c->node->lead == NULL && !leads))
        return;
    struct node_lead *x = lead_of(c->node);
    if (x->open && !x->wire && (!leads || x->term != r->term))
        stop(c, x, "unrecorded", strlen("unrecorded"));
    if (leads && !x->open)
        start(c, x, r->term, false);
}

void lead_wire(struct context *c)
{
    struct load *l = c->l;
    const struct name *src = field_name(l, c->r, "src"), *leader = field_name(l, c->r, "ld");
    int64_t term = field_int(c->r, "term");
    struct node *n = src != NULL ? src->user : NULL;
    if (n == NULL || n->roles || (leader == NULL && term == NONE))
        return;

    struct node_lead *x = lead_of(n);
    if (term != NONE)
        x->wire_term = term;
    bool claims = leader == src;
    /* A datagram without a leader field contradicts nothing but a claim of another term. */
    if (x->open && ((leader != NULL && !claims) || (term != NONE && term != x->term)))
        stop(c, x, "last_claim", strlen("last_claim"));
    if (!claims || x->wire_term == NONE)
        return;
    if (!x->open)
        start(c, x, x->wire_term, true);
    x->t_last = c->r->t;
    x->last_rec = c->id;
}

void lead_down(struct context *c, struct node *node, const char *why)
{
    if (node->lead != NULL)
        stop(c, node->lead, why, strlen(why));
}

struct leads *leads_new(struct load *l)
{
    struct leads *s = mem_new(sizeof *s);
    s->l = l;
    s->insert =
        db_prepare(&l->db, "INSERT OR REPLACE INTO leader_terms(run_id, node, boot, term, t_start, t_end, end_why,"
                           " start_rec, end_rec, origin) VALUES (?,?,?,?,?,?,?,?,?,?)");
    return s;
}

void leads_end(struct leads *s)
{
    for (size_t i = 0; i < s->l->n_nodes; i++) {
        struct node_lead *x = s->l->node[i]->lead;
        if (x == NULL || !x->open)
            continue;
        if (x->wire)
            write_term(s, x, x->t_last, "last_claim", strlen("last_claim"), x->last_rec);
        else
            write_term(s, x, NONE, NULL, 0, NONE);
    }
}

void leads_free(struct leads *s)
{
    for (size_t i = 0; i < s->l->n_nodes; i++) {
        free(s->l->node[i]->lead);
        s->l->node[i]->lead = NULL;
    }
    db_done(&s->l->db, s->insert);
    free(s);
}
