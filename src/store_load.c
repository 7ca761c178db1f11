/* store_load.c -- what a start needs: the log, row by row, and the state machine from its tables. */
#include "store_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the log ---- */

bool store_rewind(struct store *s)
{
    struct cursor *c = &s->cursor;
    c->index = s->meta.base_index;
    c->term = s->meta.base_term;
    if (c->row)
        return sqlite3_reset(c->row) == SQLITE_OK || store_sql_failed(s);
    return store_prepare(s, &c->row, "SELECT idx, term, op, client, mid, key, value, sum FROM log ORDER BY idx");
}

bool store_next_entry(void *ctx, struct entry *e)
{
    struct store *s = ctx;
    struct cursor *c = &s->cursor;
    if (s->failed || !c->row || !store_next(s, c->row))
        return false;
    bool sound = store_entry(c->row, e);
    if (sound && e->index == c->index + 1 && e->term >= c->term && e->term <= s->meta.term) {
        c->index = e->index;
        c->term = e->term;
        return true;
    }
    char what[128];
    snprintf(what, sizeof what, "table log: the row after idx %llu is %s", (unsigned long long)c->index,
             !sound                     ? "not as it was written"
             : e->index != c->index + 1 ? "missing"
                                        : "of a wrong term");
    return store_damaged(s, what);
}

bool store_check_log(struct store *s)
{
    struct entry e;
    if (!store_rewind(s))
        return false;
    while (store_next_entry(s, &e)) {
    }
    if (s->failed)
        return false;
    s->last = s->cursor.index;
    return s->meta.applied <= s->last || store_damaged(s, "table log ends before what was applied");
}

bool store_restored(struct store *s, char err[STORE_ERR_LEN])
{
    sqlite3_finalize(s->cursor.row);
    s->cursor.row = NULL;
    if (!s->failed)
        return true;
    snprintf(err, STORE_ERR_LEN, "%s", s->error);
    return false;
}

/* ---- the state machine ---- */

static bool load_map(struct store *s, struct kv *kv)
{
    sqlite3_stmt *st;
    bool ok = true;
    if (!store_prepare(s, &st, "SELECT key, value FROM map"))
        return false;
    while (ok && store_next(s, st)) {
        const char *key = store_text(st, 0, DATAGRAM_MAX), *value = store_text(st, 1, DATAGRAM_MAX);
        ok = key && value;
        if (ok)
            kv_put_pair(kv, key, value);
    }
    sqlite3_finalize(st);
    return ok && !s->failed;
}

static bool load_requests(struct store *s, struct kv *kv)
{
    sqlite3_stmt *st;
    bool ok = true;
    if (!store_prepare(s, &st, "SELECT client, idx, mid FROM request ORDER BY client, idx"))
        return false;
    while (ok && store_next(s, st)) {
        node_id client;
        uint64_t index;
        const char *mid = store_text(st, 2, MID_MAX);
        ok = mid && store_id_value(store_text(st, 0, 4), &client) && client != NODE_NONE && store_number(st, 1, &index);
        if (ok)
            kv_put_request(kv, client, mid, index);
    }
    sqlite3_finalize(st);
    return ok && !s->failed;
}

struct kv *store_load_kv(struct store *s)
{
    struct kv *kv = kv_new();
    if (!kv)
        abort(); /* as kv itself does */
    kv_set_applied(kv, s->meta.applied);
    if (load_map(s, kv) && load_requests(s, kv) && kv_digest(kv) == s->meta.digest)
        return kv;
    kv_free(kv);
    store_damaged(s, "tables map and request are not as they were written");
    return NULL;
}
