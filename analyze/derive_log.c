/* derive_log.c -- the table `log_entries`: each version of each index of each replica's log, from append to apply, or
 * until it was gone.
 *
 * An entry is written when it has been committed and applied, or is gone; until then it is kept here. Of a written one
 * only its place stays in memory: should a replica cut off what it had applied, the row is changed. */
#include "derive_int.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    char *key, *val, *req, *h;
    const struct name *op;
    int64_t t_append, t_sync, t_commit, t_apply, append_rec, apply_rec;
};

struct place { /* one index of a log */
    int64_t idx, term, id;
    uint64_t h;
    struct entry *entry; /* NULL: written */
    bool unsynced;       /* written without t_sync */
};

struct node_log {
    struct node *node;
    struct place *at; /* sorted by idx */
    size_t n, room;
    int64_t commit, synced; /* every place up to there has its time */
};

struct logs {
    struct load *l;
    sqlite3_stmt *insert, *gone, *sync;
    int64_t next_id;
};

static struct node_log *log_of(struct node *n)
{
    if (n->log == NULL) {
        n->log = mem_new(sizeof *n->log);
        n->log->node = n;
    }
    return n->log;
}

/* The first place whose index is >= idx. */
static size_t lower(const struct node_log *g, int64_t idx)
{
    size_t lo = 0, hi = g->n;
    if (g->n > 0 && g->at[g->n - 1].idx < idx)
        return g->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (g->at[mid].idx < idx)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static size_t text_len(const char *s)
{
    return s != NULL ? strlen(s) : 0;
}

static void free_entry(struct entry *e)
{
    if (e == NULL)
        return;
    free(e->key);
    free(e->val);
    free(e->req);
    free(e->h);
    free(e);
}

static void write_entry(struct logs *s, const struct node_log *g, struct place *p, int64_t t_gone, const char *why,
                        int64_t rec)
{
    sqlite3_stmt *q = s->insert;
    const struct entry *e = p->entry;
    bind_int(q, 1, p->id);
    bind_int(q, 2, s->l->run_id);
    bind_name(q, 3, g->node->name);
    bind_int(q, 4, p->idx);
    bind_int(q, 5, p->term);
    bind_name(q, 6, e->op);
    bind_text(q, 7, e->key, text_len(e->key));
    bind_text(q, 8, e->val, text_len(e->val));
    bind_text(q, 9, e->req, text_len(e->req));
    bind_int(q, 10, e->t_append);
    bind_int(q, 11, e->t_sync);
    bind_int(q, 12, e->t_commit);
    bind_int(q, 13, e->t_apply);
    bind_int(q, 14, t_gone);
    bind_text(q, 15, why, text_len(why));
    bind_int(q, 16, e->append_rec);
    bind_int(q, 17, e->apply_rec);
    bind_int(q, 18, rec);
    bind_text(q, 19, e->h, text_len(e->h));
    db_step(&s->l->db, q);
    p->unsynced = e->t_sync == NONE;
    free_entry(p->entry);
    p->entry = NULL;
}

static void write_if_done(struct logs *s, const struct node_log *g, struct place *p)
{
    const struct entry *e = p->entry;
    if (e->t_apply != NONE && e->t_commit != NONE)
        write_entry(s, g, p, NONE, NULL, NONE);
}

static void set_gone(struct logs *s, const struct node_log *g, struct place *p, const char *why,
                     const struct context *c)
{
    if (p->entry != NULL) {
        write_entry(s, g, p, c->r->t, why, c->id);
        return;
    }
    bind_int(s->gone, 1, c->r->t);
    bind_text(s->gone, 2, why, strlen(why));
    bind_int(s->gone, 3, c->id);
    bind_int(s->gone, 4, p->id);
    db_step(&s->l->db, s->gone);
}

/* The log ends before `from` now. */
static void cut(struct logs *s, struct node_log *g, int64_t from, const char *why, const struct context *c)
{
    if (from < 0)
        from = 0;
    size_t keep = lower(g, from);
    for (size_t i = keep; i < g->n; i++)
        set_gone(s, g, &g->at[i], why, c);
    g->n = keep;
    if (g->commit >= from)
        g->commit = from - 1;
    if (g->synced >= from)
        g->synced = from - 1;
}

static struct place *insert_place(struct node_log *g, size_t i)
{
    if (g->n == g->room) {
        g->room = g->room > 0 ? g->room * 2 : 64;
        g->at = mem_grow(g->at, g->room, sizeof *g->at);
    }
    memmove(&g->at[i + 1], &g->at[i], (g->n - i) * sizeof *g->at);
    g->n++;
    return &g->at[i];
}

static struct place *new_place(struct context *c, struct node_log *g, int64_t idx, int64_t term)
{
    struct place *p = insert_place(g, lower(g, idx));
    struct trace_text h = trace_find_text(c->r, "h");
    struct entry *e = mem_new(sizeof *e);
    *e = (struct entry){.key = field_copy(c->r, "key"),
                        .val = field_value(c->r),
                        .req = field_copy(c->r, "req"),
                        .h = field_copy(c->r, "h"),
                        .op = field_name(c->l, c->r, "op"),
                        .t_append = NONE,
                        .t_sync = NONE,
                        .t_commit = NONE,
                        .t_apply = NONE,
                        .append_rec = NONE,
                        .apply_rec = NONE};
    if (e->val == NULL && e->op != NULL && strcmp(e->op->text, "put") == 0)
        e->val = mem_text("", 0); /* an empty value may have been left out of the record */
    *p = (struct place){
        .idx = idx, .term = term, .id = ++c->d->logs->next_id, .h = h.p != NULL ? trace_hash(h.p, h.n) : 0, .entry = e};
    return p;
}

/* The place of an entry that a record tells of: the known one when it is the same entry, else a new one, in whose way
 * nothing is any more. */
static struct place *place_for(struct context *c, struct node_log *g, int64_t idx, int64_t term)
{
    size_t i = lower(g, idx);
    if (i < g->n && g->at[i].idx == idx) {
        struct trace_text h = trace_find_text(c->r, "h");
        bool same = g->at[i].term == term && (h.p == NULL || g->at[i].h == 0 || g->at[i].h == trace_hash(h.p, h.n));
        if (same)
            return &g->at[i];
        cut(c->d->logs, g, idx, "conflict", c);
    }
    return new_place(c, g, idx, term);
}

void log_append(struct context *c)
{
    int64_t idx = field_int(c->r, "idx"), term = field_int(c->r, "eterm");
    if (idx == NONE || term == NONE)
        return;
    struct place *p = place_for(c, log_of(c->node), idx, term);
    if (p->entry != NULL && p->entry->t_append == NONE) {
        p->entry->t_append = c->r->t;
        p->entry->append_rec = c->id;
    }
}

void log_truncate(struct context *c)
{
    int64_t from = field_int(c->r, "from");
    bool recovery = trace_text_is(trace_find_text(c->r, "why"), "recovery");
    if (from != NONE)
        cut(c->d->logs, log_of(c->node), from, recovery ? "crash" : "conflict", c);
}

void log_commit(struct context *c)
{
    struct node_log *g = log_of(c->node);
    int64_t upto = field_int(c->r, "new");
    if (upto == NONE || upto <= g->commit)
        return;
    for (size_t i = lower(g, g->commit + 1); i < g->n && g->at[i].idx <= upto; i++) {
        struct entry *e = g->at[i].entry;
        if (e != NULL && e->t_commit == NONE) {
            e->t_commit = c->r->t;
            write_if_done(c->d->logs, g, &g->at[i]);
        }
    }
    g->commit = upto;
}

void log_apply(struct context *c)
{
    int64_t idx = field_int(c->r, "idx"), term = field_int(c->r, "eterm");
    if (idx == NONE || term == NONE)
        return;
    struct node_log *g = log_of(c->node);
    struct place *p = place_for(c, g, idx, term);
    if (p->entry != NULL && p->entry->t_apply == NONE) {
        p->entry->t_apply = c->r->t;
        p->entry->apply_rec = c->id;
        write_if_done(c->d->logs, g, p);
    }
}

void log_sync(struct context *c)
{
    struct logs *s = c->d->logs;
    struct node_log *g = log_of(c->node);
    int64_t upto = field_int(c->r, "upto"), err = field_int(c->r, "err");
    if (err != NONE && err != 0)
        return;
    if (upto == NONE && !trace_text_is(trace_find_text(c->r, "what"), "log"))
        return; /* of the vote alone */
    if (upto == NONE)
        upto = g->n > 0 ? g->at[g->n - 1].idx : 0;
    if (upto <= g->synced)
        return;
    for (size_t i = lower(g, g->synced + 1); i < g->n && g->at[i].idx <= upto; i++) {
        struct place *p = &g->at[i];
        if (p->entry != NULL && p->entry->t_sync == NONE) {
            p->entry->t_sync = c->r->t;
        } else if (p->entry == NULL && p->unsynced) {
            bind_int(s->sync, 1, c->r->t);
            bind_int(s->sync, 2, p->id);
            db_step(&s->l->db, s->sync);
            p->unsynced = false;
        }
    }
    /* What is appended later at these indices is not synced yet. */
    if (g->n > 0 && upto > g->at[g->n - 1].idx)
        upto = g->at[g->n - 1].idx;
    g->synced = upto;
}

void log_start(struct context *c)
{
    struct node_log *g = log_of(c->node);
    int64_t last = field_int(c->r, "rlast");
    if (last != NONE && last < INT64_MAX)
        cut(c->d->logs, g, last + 1, "crash", c);
    g->commit = 0; /* commit index and applied index are volatile (Raft paper, Figure 2) */
}

void log_snapshot(struct context *c)
{
    struct logs *s = c->d->logs;
    struct node_log *g = log_of(c->node);
    int64_t idx = field_int(c->r, "idx"), last = c->r->has_state ? c->r->last : NONE;
    if (idx == NONE)
        return;
    /* Entries after the snapshot stay as far as the record says that the log goes on; entries before it that were never
     * applied may be others than the committed ones: they are not in the log any more either. */
    last = last == NONE || last < idx ? idx : last;
    cut(s, g, last < INT64_MAX ? last + 1 : last, "snapshot", c);
    size_t n = lower(g, idx), to = 0;
    for (size_t i = 0; i < g->n; i++) {
        if ((i < n || g->at[i].idx == idx) && g->at[i].entry != NULL && g->at[i].entry->t_apply == NONE)
            set_gone(s, g, &g->at[i], "snapshot", c);
        else
            g->at[to++] = g->at[i];
    }
    g->n = to;
    if (g->commit < idx)
        g->commit = idx;
}

struct logs *logs_new(struct load *l)
{
    struct logs *s = mem_new(sizeof *s);
    s->l = l;
    s->next_id = db_int(&l->db, "SELECT max(entry_id) FROM log_entries", 0);
    s->insert = db_prepare(
        &l->db, "INSERT INTO log_entries(entry_id, run_id, node, idx, eterm, op, key, val, req, t_append, t_sync,"
                " t_commit, t_apply, t_gone, gone_why, append_rec, apply_rec, gone_rec, h)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    s->gone = db_prepare(&l->db, "UPDATE log_entries SET t_gone = ?, gone_why = ?, gone_rec = ? WHERE entry_id = ?");
    s->sync = db_prepare(&l->db, "UPDATE log_entries SET t_sync = ? WHERE entry_id = ?");
    return s;
}

void logs_end(struct logs *s)
{
    for (size_t k = 0; k < s->l->n_nodes; k++) {
        struct node_log *g = s->l->node[k]->log;
        for (size_t i = 0; g != NULL && i < g->n; i++) {
            if (g->at[i].entry != NULL)
                write_entry(s, g, &g->at[i], NONE, NULL, NONE);
        }
    }
}

void logs_free(struct logs *s)
{
    for (size_t k = 0; k < s->l->n_nodes; k++) {
        struct node_log *g = s->l->node[k]->log;
        for (size_t i = 0; g != NULL && i < g->n; i++)
            free_entry(g->at[i].entry);
        if (g != NULL)
            free(g->at);
        free(g);
        s->l->node[k]->log = NULL;
    }
    db_done(&s->l->db, s->insert);
    db_done(&s->l->db, s->gone);
    db_done(&s->l->db, s->sync);
    free(s);
}
