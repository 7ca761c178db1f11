/* derive_fault.c -- the tables `faults` and `nodes`, and what faults and exits tell about the ends of processes. */
#include "derive_int.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fault {
    int64_t id, f, t_begin, t_end, begin_rec, end_rec;
    const struct name *kind, *node;
    char *target;
};

struct faults {
    struct load *l;
    struct fault *row;
    size_t n, room;
    int64_t next_id;
};

/* {"groups":[["0001"],["0002"]]}: the fields that say what the fault hits and how, as they stand in the record. */
static char *target_of(const struct trace_record *r)
{
    static const char *const keys[] = {"groups", "links",  "sig",    "skew_us", "ppm",
                                       "p",      "min_us", "max_us", "cap",     "cause"};
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);
    if (f == NULL)
        return NULL;
    const char *sep = "{";
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct trace_field *x = trace_find(r, keys[i]);
        if (x == NULL)
            continue;
        fprintf(f, "%s\"%s\":%.*s", sep, keys[i], (int)x->raw.n, x->raw.p);
        sep = ",";
    }
    if (*sep == ',')
        fputc('}', f);
    fclose(f);
    if (n == 0) {
        free(out);
        out = NULL;
    }
    return out;
}

static struct boot *running(const struct load *l, struct trace_text node)
{
    struct node *n = load_node_find(l, node);
    return n != NULL ? n->current : NULL;
}

static void ended(struct node *n)
{
    n->ended = n->current;
    n->spoke = false;
}

static void killed(struct boot *b, int64_t t)
{
    ended(b->node);
    if (!b->killed || t < b->t_killed)
        b->t_killed = t;
    b->killed = true;
}

void fault_begin(struct context *c)
{
    struct faults *s = c->d->faults;
    const struct trace_record *r = c->r;
    if (s->n == s->room) {
        s->room = s->room > 0 ? s->room * 2 : 16;
        s->row = mem_grow(s->row, s->room, sizeof *s->row);
    }
    const struct name *kind = field_name(c->l, r, "kind"), *node = field_name(c->l, r, "node");
    if (kind == NULL)
        kind = names_get(&c->l->names, "?", 1);
    s->row[s->n++] = (struct fault){.id = ++s->next_id,
                                    .f = field_int(r, "f"),
                                    .t_begin = r->t,
                                    .t_end = NONE,
                                    .begin_rec = c->id,
                                    .end_rec = NONE,
                                    .kind = kind,
                                    .node = node,
                                    .target = target_of(r)};
    if (node == NULL)
        return;
    load_node(c->l, node->text, node->n)->is_replica = true;
    if (strcmp(kind->text, "kill") == 0) {
        struct boot *b = running(c->l, trace_find_text(r, "node"));
        int64_t sig = field_int(r, "sig");
        if (b != NULL && (sig == NONE || sig == SIGKILL))
            killed(b, r->t);
        lead_down(c, load_node(c->l, node->text, node->n), "killed");
    }
}

void fault_end(struct context *c)
{
    struct faults *s = c->d->faults;
    int64_t f = field_int(c->r, "f");
    for (size_t i = s->n; i > 0 && f != NONE; i--) {
        struct fault *x = &s->row[i - 1];
        if (x->f == f && x->end_rec == NONE) {
            x->t_end = c->r->t;
            x->end_rec = c->id;
            return;
        }
    }
    load_note(c->l, SEV_ERROR, "orphan_fault_end", c->node->name->text, c->source, c->r->line, 1,
              "fault.end of a fault that did not begin");
}

int64_t fault_id(const struct faults *s, int64_t number)
{
    for (size_t i = s->n; i > 0; i--) {
        if (s->row[i - 1].f == number)
            return s->row[i - 1].id;
    }
    return NONE;
}

void node_exit(struct context *c)
{
    struct trace_text of = trace_find_text(c->r, "of"), why = trace_find_text(c->r, "why");
    if (of.p == NULL)
        return;
    struct node *n = load_node(c->l, of.p, of.n);
    n->is_replica = true;
    /* A crash by a signal is a kill as far as the trace goes: all that other nodes saw was written before. */
    bool stopped = trace_text_is(why, "stopped"), wanted = stopped || trace_text_is(why, "killed");
    bool vain = !wanted && n->current == n->ended && !n->spoke;
    /* One that exited with a status had the time to end its trace, whatever it was sent. */
    if (n->current != NULL && !stopped && field_int(c->r, "status") == NONE) {
        int64_t unread = field_int(c->r, "unread");
        killed(n->current, c->r->t);
        n->current->unread = unread != NONE ? unread : -1;
    } else if (n->current != NULL && !wanted)
        n->current->crashed = true;
    if (vain)
        (*(n->current != NULL ? &n->current->vain : &n->vain))++;
    ended(n);
    lead_down(c, n, stopped ? "stopped" : wanted ? "killed" : "crashed");
}

void node_stop(struct context *c)
{
    struct trace_text why = trace_find_text(c->r, "why");
    if (trace_text_is(why, "assert") || trace_text_is(why, "error"))
        c->boot->crashed = true;
    c->boot->told = true;
    lead_down(c, c->node, "stopped");
}

void trace_closed(struct context *c)
{
    int64_t n = field_int(c->r, "records");
    c->boot->closed = true;
    c->boot->close_records = n != NONE ? n : -1;
}

void trace_confessed(struct context *c)
{
    int64_t first = field_int(c->r, "first"), last = field_int(c->r, "last");
    if (first != NONE && last != NONE && first >= 1 && first <= last)
        boot_declare_lost(c->boot, first, last);
}

struct faults *faults_new(struct load *l)
{
    struct faults *s = mem_new(sizeof *s);
    s->l = l;
    s->next_id = db_int(&l->db, "SELECT max(fault_id) FROM faults", 0);
    return s;
}

void faults_end(struct faults *s)
{
    struct db *db = &s->l->db;
    sqlite3_stmt *q =
        db_prepare(db, "INSERT INTO faults(fault_id, run_id, f, kind, node, target, t_begin, t_end, begin_rec,"
                       " end_rec) VALUES (?,?,?,?,?,?,?,?,?,?)");
    for (size_t i = 0; i < s->n && !db->failed; i++) {
        const struct fault *x = &s->row[i];
        bind_int(q, 1, x->id);
        bind_int(q, 2, s->l->run_id);
        bind_int(q, 3, x->f);
        bind_name(q, 4, x->kind);
        bind_name(q, 5, x->node);
        bind_text(q, 6, x->target, x->target != NULL ? strlen(x->target) : 0);
        bind_int(q, 7, x->t_begin);
        bind_int(q, 8, x->t_end);
        bind_int(q, 9, x->begin_rec);
        bind_int(q, 10, x->end_rec);
        db_step(db, q);
    }
    db_done(db, q);
}

void faults_free(struct faults *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->row[i].target);
    free(s->row);
    free(s);
}

/* ---- nodes ---- */

static int by_name(const void *a, const void *b)
{
    const struct node *const *x = a, *const *y = b;
    return strcmp((*x)->name->text, (*y)->name->text);
}

void nodes_store(struct load *l)
{
    qsort(l->node, l->n_nodes, sizeof(struct node *), by_name);
    sqlite3_stmt *q =
        db_prepare(&l->db, "INSERT INTO nodes(run_id, node, kind, impl, instrumented) VALUES (?,?,?,?,?)");
    bool replicas_known = false;
    for (size_t i = 0; i < l->n_nodes; i++)
        replicas_known = replicas_known || l->node[i]->is_replica;
    for (size_t i = 0; i < l->n_nodes && !l->db.failed; i++) {
        struct node *n = l->node[i];
        if (!n->emits && !n->is_client && !n->is_replica && !n->crossed_net)
            continue;
        bool replica = n->is_replica || n->emits_raft || (!n->is_client && (n->emits || !replicas_known));
        const char *kind = n->is_sim ? "sim" : replica ? "replica" : "client";
        replica = replica && !n->is_sim;
        bind_int(q, 1, l->run_id);
        bind_name(q, 2, n->name);
        sqlite3_bind_text(q, 3, kind, -1, SQLITE_STATIC);
        bind_text(q, 4, n->impl, n->impl != NULL ? strlen(n->impl) : 0);
        bind_int(q, 5, replica ? n->emits_raft : n->emits);
        db_step(&l->db, q);
        if (replica && !n->emits)
            load_note(l, SEV_INFO, "black_box", n->name->text, 0, 0, 1,
                      "no trace of this replica: only what crossed the network is known of it");
    }
    db_done(&l->db, q);
}
