/* store_snapshot.c -- the state machine in its tables moves on, and the log loses what it contains (Raft paper §7).
 *
 * In the normal case only what changed is written: the entries between say which keys and requests that can be. */
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

/* ---- by the entries between ---- */

static bool between(struct store *s, sqlite3_stmt **st, const char *sql, uint64_t to)
{
    if (!store_prepare(s, st, sql))
        return false;
    store_bind_number(*st, 1, s->meta.applied);
    store_bind_number(*st, 2, to);
    return true;
}

/* A put that had been applied before may name a key that was never put. */
static bool advance_map(struct rows *r, const struct kv *kv)
{
    sqlite3_stmt *st;
    if (!between(r->s, &st, "SELECT DISTINCT key FROM log WHERE idx > ? AND idx <= ? AND op = 'put' ORDER BY key",
                 kv_applied(kv)))
        return false;
    while (r->ok && store_next(r->s, st)) {
        const char *key = (const char *)sqlite3_column_text(st, 0);
        if (key && kv_has(kv, key))
            write_pair(r, key, kv_get(kv, key));
    }
    sqlite3_finalize(st);
    return r->ok && !r->s->failed;
}

/* Those of the entries that are remembered, each client's oldest first; then the oldest of each are forgotten, as kv
 * does. `changed` gets a mark for each client. */
static bool add_requests(struct rows *r, const struct kv *kv, bool *changed)
{
    sqlite3_stmt *st;
    if (!between(r->s, &st, "SELECT client, mid, idx FROM log WHERE idx > ? AND idx <= ? AND op = 'put'",
                 kv_applied(kv)))
        return false;
    while (r->ok && store_next(r->s, st)) {
        const char *mid = (const char *)sqlite3_column_text(st, 1);
        uint64_t index = (uint64_t)sqlite3_column_int64(st, 2);
        node_id client;
        if (!mid || !store_id_value((const char *)sqlite3_column_text(st, 0), &client) ||
            kv_request_index(kv, client, mid) != index)
            continue;
        write_request(r, client, mid, index);
        changed[client] = true;
    }
    sqlite3_finalize(st);
    return r->ok && !r->s->failed;
}

static bool forget_requests(struct store *s, const bool *changed)
{
    sqlite3_stmt *st;
    bool ok = store_prepare(s, &st,
                            "DELETE FROM request WHERE client = ?1 AND idx <="
                            " (SELECT idx FROM request WHERE client = ?1 ORDER BY idx DESC LIMIT 1 OFFSET ?2)");
    for (unsigned id = 0; ok && id < NODE_NONE; id++)
        if (changed[id]) {
            char text[5];
            store_id_text((node_id)id, text);
            store_bind_text(st, 1, text);
            store_bind_number(st, 2, KV_REQUESTS_PER_CLIENT);
            ok = store_run(s, st);
        }
    sqlite3_finalize(st);
    return ok;
}

static bool advance_requests(struct rows *r, const struct kv *kv)
{
    bool *changed = calloc(NODE_NONE, sizeof *changed);
    if (!changed)
        abort();
    bool ok = add_requests(r, kv, changed) && forget_requests(r->s, changed);
    free(changed);
    return ok;
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
    r.ok = r.ok && advance_map(&r, c->kv) && advance_requests(&r, c->kv);
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
