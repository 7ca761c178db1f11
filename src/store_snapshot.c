/* store_snapshot.c -- the state machine in its tables moves on, and the log loses what it contains (Raft paper §7).
 *
 * In the normal case only what changed is written. Pairs go in order of their keys, so that each page of the table is
 * touched once. */
#include "store_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- writing pairs and requests ---- */

struct rows {
    struct store *s;
    sqlite3_stmt *pair, *request;
    bool ok;
};

static struct rows open_rows(struct store *s)
{
    struct rows r = {.s = s};
    r.ok = store_prepare(s, &r.pair, "INSERT OR REPLACE INTO map(key, value) VALUES(?, ?)") &&
           store_prepare(s, &r.request, "INSERT INTO request(client, idx, mid) VALUES(?, ?, ?)");
    return r;
}

static bool close_rows(struct rows *r)
{
    sqlite3_finalize(r->pair);
    sqlite3_finalize(r->request);
    return r->ok;
}

static void write_pair(void *ctx, const char *key, const char *value)
{
    struct rows *r = ctx;
    if (!r->ok)
        return;
    store_bind_text(r->pair, 1, key);
    store_bind_text(r->pair, 2, value);
    r->ok = store_run(r->s, r->pair);
}

static void write_request(void *ctx, node_id client, const char *mid, uint64_t index)
{
    struct rows *r = ctx;
    char text[5];
    if (!r->ok)
        return;
    store_id_text(client, text);
    store_bind_text(r->request, 1, text);
    store_bind_number(r->request, 2, index);
    store_bind_text(r->request, 3, mid);
    r->ok = store_run(r->s, r->request);
}

/* ---- what changed ---- */

struct pair {
    const char *key, *value;
};

struct pairs {
    struct pair *v;
    size_t n, room;
};

static void collect_pair(void *ctx, const char *key, const char *value)
{
    struct pairs *all = ctx;
    if (all->n == all->room) {
        all->room = all->room ? all->room * 2 : 1024;
        all->v = realloc(all->v, all->room * sizeof *all->v);
        if (!all->v)
            abort();
    }
    all->v[all->n++] = (struct pair){key, value};
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void advance_map(struct rows *r, const struct kv *kv, uint64_t from)
{
    struct pairs changed = {.n = 0};
    kv_each_pair_since(kv, from, collect_pair, &changed);
    if (changed.n)
        qsort(changed.v, changed.n, sizeof *changed.v, by_key);
    for (size_t i = 0; i < changed.n; i++)
        write_pair(r, changed.v[i].key, changed.v[i].value);
    free(changed.v);
}

/* The requests of one client, oldest first: what is older than the first is forgotten, what is new is added. */
struct advance {
    struct rows *r;
    sqlite3_stmt *forget;
    uint64_t from;
    node_id client;
};

static void advance_request(void *ctx, node_id client, const char *mid, uint64_t index)
{
    struct advance *a = ctx;
    if (client != a->client && a->r->ok) {
        char text[5];
        store_id_text(client, text);
        store_bind_text(a->forget, 1, text);
        store_bind_number(a->forget, 2, index);
        a->r->ok = store_run(a->r->s, a->forget);
        a->client = client;
    }
    if (index >= a->from)
        write_request(a->r, client, mid, index);
}

static void advance_requests(struct rows *r, const struct kv *kv, uint64_t from)
{
    struct advance a = {.r = r, .from = from, .client = NODE_NONE};
    r->ok = r->ok && store_prepare(r->s, &a.forget, "DELETE FROM request WHERE client = ? AND idx < ?");
    if (r->ok)
        kv_each_request_since(kv, from, advance_request, &a);
    sqlite3_finalize(a.forget);
}

/* ---- what both have in common ---- */

static bool move_base(struct store *s, const struct store_change *c)
{
    struct meta *m = &s->meta;
    free(m->base_conf);
    m->base_conf = strdup(c->base_conf ? c->base_conf : "");
    if (!m->base_conf)
        abort();
    m->applied = kv_applied(c->kv);
    m->digest = kv_digest(c->kv);
    m->base_index = c->base_index;
    m->base_term = c->base_term;
    return true;
}

bool store_advance(struct store *s, const struct store_change *c)
{
    uint64_t applied = kv_applied(c->kv);
    if (c->base_index < s->meta.base_index || applied < s->meta.applied || c->base_index > applied || applied > s->last)
        return store_fail(s, STORE_IO_ERROR, "the log cannot be compacted up to %llu (this is a defect of the program)",
                          (unsigned long long)c->base_index);
    struct rows r = open_rows(s);
    advance_map(&r, c->kv, s->meta.applied + 1);
    advance_requests(&r, c->kv, s->meta.applied + 1);
    return close_rows(&r) && store_run_once(s, "DELETE FROM log WHERE idx <= ?", 1, &c->base_index) && move_base(s, c);
}

bool store_replace(struct store *s, const struct store_change *c)
{
    if (!store_exec(s, "DELETE FROM map; DELETE FROM request; DELETE FROM log"))
        return false;
    struct rows r = open_rows(s);
    if (r.ok) {
        kv_each_pair(c->kv, write_pair, &r);
        kv_each_request(c->kv, write_request, &r);
    }
    s->last = c->base_index;
    return close_rows(&r) && move_base(s, c);
}
