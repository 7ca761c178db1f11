/* derive_op.c -- the tables `ops` and `op_tries`: client operations as the client saw them. */
#include "derive_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct op {
    struct op *older, *newer, *same; /* all open ones; in its bucket */
    uint64_t hash;
    int64_t id, t, rec, tries;
    const struct name *client, *f;
    char *op, *key, *val;
};

struct ops {
    struct load *l;
    sqlite3_stmt *insert, *insert_try;
    int64_t next_id;
    struct op **bucket;
    size_t buckets, open;
    struct op *oldest, *newest;
    uint64_t *seen; /* hashes of all ids so far, 0 = free: an id is for one operation, also after its return */
    size_t n_seen, seen_size;
};

char *field_value(const struct trace_record *r)
{
    struct trace_text val = trace_find_text(r, "val"), hash = trace_find_text(r, "vh");
    if (val.p != NULL || hash.p == NULL)
        return val.p != NULL ? mem_text(val.p, val.n) : NULL;
    int64_t length = 0;
    trace_find_int(r, "vl", &length);
    char *s = mem_new(hash.n + 32);
    snprintf(s, hash.n + 32, "#%.*s:%lld", (int)hash.n, hash.p, (long long)length);
    return s;
}

/* A key, owned, NULL = none. Texts end at a NUL byte in the tables: one inside is written as \\x00, so that two keys do
 * not become one. */
static char *key_copy(const struct trace_record *r)
{
    struct trace_text t = trace_find_text(r, "key");
    if (t.p == NULL || memchr(t.p, '\0', t.n) == NULL)
        return field_copy(r, "key");
    char *out = mem_new(t.n * 4 + 1), *to = out;
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] == '\0')
            to = stpcpy(to, "\\x00");
        else
            *to++ = t.p[i];
    }
    *to = '\0';
    return out;
}

static uint64_t *seen_at(const struct ops *o, uint64_t hash)
{
    size_t i = (size_t)hash & (o->seen_size - 1);
    while (o->seen[i] != 0 && o->seen[i] != hash)
        i = (i + 1) & (o->seen_size - 1);
    return &o->seen[i];
}

/* Was the id seen before? It is now. */
static bool seen(struct ops *o, uint64_t hash)
{
    if (o->n_seen * 2 >= o->seen_size) {
        struct ops bigger = {.seen_size = o->seen_size > 0 ? o->seen_size * 2 : 256};
        bigger.seen = mem_new(bigger.seen_size * sizeof *bigger.seen);
        for (size_t i = 0; i < o->seen_size; i++) {
            if (o->seen[i] != 0)
                *seen_at(&bigger, o->seen[i]) = o->seen[i];
        }
        free(o->seen);
        o->seen = bigger.seen;
        o->seen_size = bigger.seen_size;
    }
    hash = hash != 0 ? hash : 1;
    uint64_t *at = seen_at(o, hash);
    if (*at == hash)
        return true;
    *at = hash;
    o->n_seen++;
    return false;
}

static struct op **slot(const struct ops *o, uint64_t hash)
{
    return &o->bucket[hash & (o->buckets - 1)];
}

static struct op *find(const struct ops *o, struct trace_text id)
{
    if (o->buckets == 0 || id.p == NULL)
        return NULL;
    uint64_t hash = trace_hash(id.p, id.n);
    struct op *op = *slot(o, hash);
    while (op != NULL && (op->hash != hash || strlen(op->op) != id.n || memcmp(op->op, id.p, id.n) != 0))
        op = op->same;
    return op;
}

static void add(struct ops *o, struct op *op)
{
    if (o->open >= o->buckets) {
        free(o->bucket);
        o->buckets = o->buckets > 0 ? o->buckets * 4 : 256;
        o->bucket = mem_new(o->buckets * sizeof(struct op *));
        for (struct op *x = o->oldest; x != NULL; x = x->newer) {
            x->same = *slot(o, x->hash);
            *slot(o, x->hash) = x;
        }
    }
    op->same = *slot(o, op->hash);
    *slot(o, op->hash) = op;
    op->older = o->newest;
    *(o->newest != NULL ? &o->newest->newer : &o->oldest) = op;
    o->newest = op;
    o->open++;
}

static void drop(struct ops *o, struct op *op)
{
    struct op **at = slot(o, op->hash);
    while (*at != op)
        at = &(*at)->same;
    *at = op->same;
    *(op->older != NULL ? &op->older->newer : &o->oldest) = op->newer;
    *(op->newer != NULL ? &op->newer->older : &o->newest) = op->older;
    o->open--;
    free(op->op);
    free(op->key);
    free(op->val);
    free(op);
}

/* `c` is the op.return, NULL for an operation that is still open at the end. */
static void write_op(struct ops *o, struct op *op, const struct context *c)
{
    sqlite3_stmt *q = o->insert;
    const struct trace_record *r = c != NULL ? c->r : NULL;
    struct trace_text res = {"info", 4}, by = {NULL, 0}, why = {NULL, 0};
    char *read = NULL;
    if (r != NULL) {
        res = trace_find_text(r, "res");
        by = trace_find_text(r, "by");
        why = trace_find_text(r, "why");
        bool known = trace_text_is(res, "ok") || trace_text_is(res, "fail") || trace_text_is(res, "info");
        if (!known) {
            load_note(o->l, SEV_ERROR, "bad_result", c->node->name->text, c->source, r->line, 1,
                      "operation %s returned \"%.*s\", which is not ok, fail or info: taken as info", op->op,
                      res.n < 64 ? (int)res.n : 64, res.p != NULL ? res.p : "");
            res = (struct trace_text){"info", 4};
        }
    }
    bool is_get = op->f != NULL && strcmp(op->f->text, "get") == 0;
    const char *val = op->val;
    if (is_get)
        val = trace_text_is(res, "ok") ? (read = field_value(r)) : NULL;
    /* An empty value may have been left out of the record. */
    if (val == NULL && op->f != NULL && (strcmp(op->f->text, "put") == 0 || (is_get && trace_text_is(res, "ok"))))
        val = "";

    bind_int(q, 1, op->id);
    bind_int(q, 2, o->l->run_id);
    bind_text(q, 3, op->op, strlen(op->op));
    bind_name(q, 4, op->client);
    bind_name(q, 5, op->f);
    bind_text(q, 6, op->key, op->key != NULL ? strlen(op->key) : 0);
    bind_text(q, 7, val, val != NULL ? strlen(val) : 0);
    bind_int(q, 8, op->t);
    bind_int(q, 9, r != NULL ? r->t : NONE);
    bind_text(q, 10, res.p, res.n);
    bind_text(q, 11, by.p, by.n);
    bind_int(q, 12, op->tries);
    bind_text(q, 13, why.p, why.n);
    bind_int(q, 14, op->rec);
    bind_int(q, 15, c != NULL ? c->id : NONE);
    db_step(&o->l->db, q);
    free(read);
    drop(o, op);
}

void op_invoke(struct context *c)
{
    struct ops *o = c->d->ops;
    const struct trace_record *r = c->r;
    struct trace_text id = trace_find_text(r, "op");
    const struct name *client = field_name(c->l, r, "cli");
    if (id.p == NULL)
        return;
    struct op *twice = find(o, id);
    if (twice != NULL) {
        load_note(c->l, SEV_ERROR, "op_twice", c->node->name->text, c->source, r->line, 1,
                  "operation %s is invoked again before it returned", twice->op);
        write_op(o, twice, NULL);
    }
    if (seen(o, trace_hash(id.p, id.n)) && twice == NULL)
        load_note(c->l, SEV_ERROR, "op_twice", c->node->name->text, c->source, r->line, 1,
                  "operation %.*s is invoked again after it returned", id.n < 64 ? (int)id.n : 64, id.p);
    struct op *op = mem_new(sizeof *op);
    op->hash = trace_hash(id.p, id.n);
    op->op = mem_text(id.p, id.n);
    op->client = client != NULL ? client : c->node->name;
    op->f = field_name(c->l, r, "f");
    if (op->f == NULL)
        op->f = names_get(&c->l->names, "", 0);
    op->key = key_copy(r);
    op->val = field_value(r);
    op->t = r->t;
    op->rec = c->id;
    op->id = ++o->next_id;
    add(o, op);
    load_node(c->l, op->client->text, op->client->n)->is_client = true;
}

void op_try(struct context *c)
{
    struct ops *o = c->d->ops;
    const struct trace_record *r = c->r;
    struct op *op = find(o, trace_find_text(r, "op"));
    const struct name *to = field_name(c->l, r, "to");
    if (op == NULL)
        return;
    int64_t att = field_int(r, "att");
    struct trace_text mid = trace_find_text(r, "mid");
    op->tries++;
    bind_int(o->insert_try, 1, c->l->run_id);
    bind_int(o->insert_try, 2, op->id);
    bind_int(o->insert_try, 3, att != NONE ? att : op->tries);
    bind_text(o->insert_try, 4, mid.p != NULL ? mid.p : "", mid.n);
    bind_name(o->insert_try, 5, to);
    bind_int(o->insert_try, 6, r->t);
    bind_int(o->insert_try, 7, c->id);
    db_step(&c->l->db, o->insert_try);
}

void op_return(struct context *c)
{
    struct op *op = find(c->d->ops, trace_find_text(c->r, "op"));
    if (op != NULL)
        write_op(c->d->ops, op, c);
    else
        load_note(c->l, SEV_ERROR, "orphan_return", c->node->name->text, c->source, c->r->line, 1,
                  "op.return of an operation that was never invoked, or returned before");
}

struct ops *ops_new(struct load *l)
{
    struct ops *o = mem_new(sizeof *o);
    o->l = l;
    o->next_id = db_int(&l->db, "SELECT max(op_id) FROM ops", 0);
    o->insert = db_prepare(
        &l->db, "INSERT INTO ops(op_id, run_id, op, client, f, key, val, t_invoke, t_return, result, served_by,"
                " tries, why, invoke_rec, return_rec) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    o->insert_try = db_prepare(&l->db, "INSERT OR IGNORE INTO op_tries(run_id, op_id, try, mid, node, t, rec)"
                                       " VALUES (?,?,?,?,?,?,?)");
    return o;
}

void ops_end(struct ops *o)
{
    while (o->oldest != NULL)
        write_op(o, o->oldest, NULL);
}

void ops_free(struct ops *o)
{
    while (o->oldest != NULL)
        drop(o, o->oldest);
    db_done(&o->l->db, o->insert);
    db_done(&o->l->db, o->insert_try);
    free(o->bucket);
    free(o->seen);
    free(o);
}
