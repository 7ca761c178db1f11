/* history_load.c -- from tables to operations. */
#include "history_load.h"

#include <string.h>

struct row {
    const char *f, *result, *key, *val, *old, *client;
    int64_t id, call, ret;
};

static const char *text(sqlite3_stmt *q, int i)
{
    return (const char *)sqlite3_column_text(q, i);
}

/* Does the run's configuration say so, of whichever node? */
static bool configured(struct db *db, int64_t run_id, const char *key, const char *value)
{
    sqlite3_stmt *q =
        db_prepare(db, "SELECT 1 FROM runs, json_tree(CASE WHEN json_valid(config) THEN config ELSE 'null' END) j"
                       " WHERE run_id = :run AND j.key = :key AND j.value = :value");
    db_bind_int(db, q, ":run", run_id);
    db_bind_text(db, q, ":key", key);
    db_bind_text(db, q, ":value", value);
    bool yes = db_row(db, q);
    db_done(db, q);
    return yes;
}

static uint32_t value(struct history *h, const char *s)
{
    return s == NULL ? HISTORY_INITIAL : history_value(h, s, strlen(s));
}

/* False: what this operation does is not known. */
static bool to_op(struct history *h, const struct row *r, bool definite, struct op *op)
{
    static const struct {
        const char *f;
        enum op_kind kind;
        bool needs_old;
    } kinds[] = {{"get", OP_READ, false},
                 {"put", OP_WRITE, false},
                 {"del", OP_WRITE, false},
                 {"append", OP_APPEND, false},
                 {"cas", OP_CAS, true}};
    size_t k = 0;
    while (k < sizeof kinds / sizeof *kinds && strcmp(kinds[k].f, r->f) != 0)
        k++;
    if (k == sizeof kinds / sizeof *kinds || (kinds[k].needs_old && r->old == NULL))
        return false;
    bool ok = strcmp(r->result, "ok") == 0, failed = strcmp(r->result, "fail") == 0 && definite;
    *op = (struct op){
        .id = r->id,
        .client = history_client(h, r->client, strlen(r->client)),
        .kind = (uint8_t)kinds[k].kind,
        .outcome = ok       ? OUTCOME_OK
                   : failed ? OUTCOME_FAILED
                            : OUTCOME_UNKNOWN,
        .call = r->call,
        .ret = ok || failed ? r->ret : HISTORY_OPEN,
        .value = strcmp(r->f, "del") == 0 ? HISTORY_INITIAL : value(h, r->val),
        .expect = value(h, r->old),
    };
    return true;
}

static void load_ops(struct history *h, struct db *db, int64_t run_id, bool definite)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT op_id, client, f, key, val, coalesce(call_from, t_invoke), coalesce(return_by, t_return), result,"
            " CASE WHEN f = 'cas' THEN (SELECT CAST(json_extract(body, '$.old') AS TEXT) FROM "
            "records WHERE id = invoke_rec) END"
            " FROM ops WHERE run_id = :run AND key IS NOT NULL ORDER BY 6, op_id");
    db_bind_int(db, q, ":run", run_id);
    while (!h->no_memory && db_row(db, q)) {
        struct row r = {.id = sqlite3_column_int64(q, 0),
                        .client = text(q, 1),
                        .f = text(q, 2),
                        .key = text(q, 3),
                        .val = text(q, 4),
                        .call = sqlite3_column_int64(q, 5),
                        .result = text(q, 7),
                        .old = text(q, 8),
                        .ret = sqlite3_column_type(q, 6) == SQLITE_NULL ? HISTORY_OPEN : sqlite3_column_int64(q, 6)};
        struct op op;
        if (to_op(h, &r, definite, &op) && op.ret >= op.call)
            history_add(h, r.key, strlen(r.key), &op);
        else
            history_unread(h, r.key, strlen(r.key));
    }
    db_done(db, q);
}

static void load_ghosts(struct history *h, struct db *db, int64_t run_id, bool definite)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT o.op_id, o.client, o.f, o.key, o.val, coalesce(t.t_from, t.t) FROM ops o JOIN op_tries t ON "
            "t.run_id = o.run_id AND "
            "t.op_id = o.op_id"
            " WHERE o.run_id = :run AND o.tries > 1 AND o.f IN ('put', 'del', 'append') AND o.key IS NOT NULL AND t.t "
            "IS NOT NULL"
            " AND t.mid <> (SELECT mid FROM op_tries z WHERE z.run_id = t.run_id AND z.op_id = t.op_id ORDER BY z.try "
            "DESC LIMIT 1)"
            " AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.run_id = t.run_id AND m.mid = t.mid AND m.dst = o.client"
            "   AND (m.type = 'fail' AND :definite"
            "     OR m.type = 'redirect' AND EXISTS (SELECT 1 FROM leader_terms a WHERE a.run_id = m.run_id)"
            "       AND NOT EXISTS (SELECT 1 FROM leader_terms l WHERE l.run_id = m.run_id AND l.node = m.src"
            "         AND l.t_start <= coalesce(m.t_in, m.t_out) AND coalesce(l.t_end, 9223372036854775807) >= t.t)))"
            " ORDER BY 6, o.op_id, t.try");
    db_bind_int(db, q, ":run", run_id);
    db_bind_int(db, q, ":definite", definite);
    while (!h->no_memory && db_row(db, q)) {
        struct row r = {.id = sqlite3_column_int64(q, 0),
                        .client = text(q, 1),
                        .f = text(q, 2),
                        .key = text(q, 3),
                        .val = text(q, 4),
                        .call = sqlite3_column_int64(q, 5),
                        .ret = HISTORY_OPEN,
                        .result = "info"};
        struct op op;
        if (to_op(h, &r, definite, &op)) {
            op.ghost = true;
            history_add(h, r.key, strlen(r.key), &op);
        }
    }
    db_done(db, q);
}

bool history_load(struct history *h, struct db *db, int64_t run_id)
{
    bool definite = configured(db, run_id, "fail_is", "definite");
    h->failed_cas_reads = configured(db, run_id, "failed_cas", "reads");
    load_ops(h, db, run_id, definite);
    load_ghosts(h, db, run_id, definite);
    history_sort(h);
    return !db->failed && !h->no_memory;
}
