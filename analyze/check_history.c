/* check_history.c -- loading a history for a check, and telling operations in words. */
#include "check_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double check_ms(int64_t ns)
{
    return (double)ns / 1e6;
}

const char *check_short(const char *text, char buf[CHECK_SHORT_LEN])
{
    enum { ROOM = CHECK_SHORT_LEN - 4 };
    size_t n = strlen(text);
    if (n == 0)
        return "nothing";
    if (n <= ROOM) {
        memcpy(buf, text, n + 1);
        return buf;
    }
    n = ROOM;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) /* not inside a character */
        n--;
    memcpy(buf, text, n);
    memcpy(buf + n, "...", 4);
    return buf;
}

const char *check_value(const struct check_history *x, uint32_t value, char buf[CHECK_SHORT_LEN])
{
    return check_short(intern_text(&x->h.values, value, NULL), buf);
}

const char *check_key(const struct check_history *x, size_t key)
{
    return intern_text(&x->h.names, x->h.keys[key].name, NULL);
}

const char *check_client_name(const struct check_history *x, const struct op *op)
{
    return intern_text(&x->h.clients, op->client, NULL);
}

bool check_operations_missing(struct check_run *c, char *why, size_t n)
{
    sqlite3_stmt *q = db_prepare(
        c->db,
        "SELECT coalesce(node, 'the input'), what FROM ("
        " SELECT b.node, b.missing || ' records of operations are missing' AS what FROM boots b JOIN nodes n USING"
        " (run_id, node) WHERE b.run_id = :run AND n.kind <> 'replica' AND b.missing > 0"
        " UNION ALL SELECT l.node, l.value || ' ' || l.name || ': records of operations are missing'"
        " FROM load_stats l LEFT JOIN nodes n USING (run_id, node) WHERE l.run_id = :run AND l.severity = 'data_loss'"
        " AND coalesce(n.kind, '') <> 'replica'"
        " UNION ALL SELECT b.node, 'records of operations end without a close' FROM boots b JOIN nodes n USING"
        " (run_id, node) WHERE b.run_id = :run AND n.kind <> 'replica' AND b.end_kind NOT IN ('close', 'killed', "
        "'stopped')"
        ") LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    bool yes = db_row(c->db, q);
    if (yes)
        snprintf(why, n, "%.60s: %.120s", (const char *)sqlite3_column_text(q, 0),
                 (const char *)sqlite3_column_text(q, 1));
    db_done(c->db, q);
    return yes;
}

/* Is there a client whose clock cannot be compared with the others'? Its operations may have been at any time. */
static bool clock_unknown(struct check_run *c, char *why, size_t n)
{
    sqlite3_stmt *q = db_prepare(
        c->db,
        "SELECT k.node FROM clocks k WHERE k.run_id = :run AND k.error_ns IS NULL AND EXISTS (SELECT 1 FROM ops o JOIN"
        " records r ON r.id = o.invoke_rec WHERE o.run_id = :run AND r.node = k.node AND r.boot = k.boot) LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    bool yes = db_row(c->db, q);
    if (yes)
        snprintf(why, n, "no messages tell how the clock of %.60s goes beside the others: analyze stat DB clocks",
                 (const char *)sqlite3_column_text(q, 0));
    db_done(c->db, q);
    return yes;
}

bool check_key_left_out(const struct check_history *x, size_t key)
{
    return !x->r.keys[key].zoned && x->r.keys[key].answer != LIN_OK;
}

enum verdict check_history_answer(struct check_run *c, const struct check_history *x)
{
    if ((x->lossy || x->unclocked) && c->violations == 0) {
        c->incomplete = true;
        size_t n = strlen(c->note);
        if (strstr(c->note, "missing") == NULL)
            snprintf(c->note + n, sizeof c->note - n, "%s%s", n > 0 ? "; " : "", x->missing);
    }
    return check_answer(c);
}

static void release(void *history)
{
    struct check_history *x = history;
    lin_report_free(&x->r);
    history_free(&x->h);
    free(x);
}

static bool load(struct check_run *c, struct check_history *x)
{
    history_init(&x->h);
    if (!history_load(&x->h, c->db, c->run_id)) {
        snprintf(c->note, sizeof c->note, "%s", c->db->failed ? "database error" : "not enough memory for the history");
        return false;
    }
    x->lossy = check_operations_missing(c, x->missing, sizeof x->missing);
    x->unclocked = !x->lossy && clock_unknown(c, x->missing, sizeof x->missing);
    for (size_t k = 0; k < x->h.n; k++) {
        for (size_t i = 0; i < x->h.keys[k].n; i++)
            x->ops += !x->h.keys[k].ops[i].ghost;
    }
    return true;
}

/* With a search where there was none before: once more, from the start. */
static bool judge(struct check_run *c, struct check_history *x, bool search)
{
    struct lin_options o = {.deadline_ns = c->deadline_ns, .no_search = !search};
    lin_report_free(&x->r);
    x->searched = search;
    if (!lin_judge(&x->r, &x->h, &o)) {
        snprintf(c->note, sizeof c->note, "not enough memory for the history");
        return false;
    }
    c->searched_ns = x->r.searched_ns;
    return true;
}

struct check_history *check_history_open(struct check_run *c, bool search, enum verdict *v)
{
    struct check_history *x = c->shared->history;
    *v = VERDICT_UNKNOWN;
    if (x == NULL) {
        x = calloc(1, sizeof *x);
        if (x == NULL) {
            snprintf(c->note, sizeof c->note, "not enough memory for the history");
            return NULL;
        }
        c->shared->history = x;
        c->shared->release_history = release;
        x->ready = load(c, x) && judge(c, x, search);
    } else if (x->ready && search && !x->searched) {
        x->ready = judge(c, x, true);
    } else if (!x->ready) {
        snprintf(c->note, sizeof c->note, "the history could not be loaded");
    }
    if (x->ready && x->h.n > 0)
        return x;
    if (x->ready) {
        snprintf(c->note, sizeof c->note, "no client operations in this trace");
        *v = VERDICT_SKIPPED;
    }
    return NULL;
}

static void when(char *out, size_t n, const char *how, sqlite3_stmt *q)
{
    const char *by = (const char *)sqlite3_column_text(q, 7);
    snprintf(out, n, ", %s " MS " ms%s%.20s", how, check_ms(sqlite3_column_int64(q, 5)), by != NULL ? " by " : "",
             by != NULL ? by : "");
}

void check_op_evidence(struct check_run *c, int64_t violation_id, const struct op *op)
{
    sqlite3_stmt *q =
        db_prepare(c->db, "SELECT client, f, key, val, t_invoke, coalesce(return_by, t_return), result, served_by,"
                          " coalesce(return_rec, invoke_rec) FROM ops WHERE op_id = :op");
    db_bind_int(c->db, q, ":op", op->id);
    char words[400] = "", end[100] = ", no answer", key[CHECK_SHORT_LEN], val[CHECK_SHORT_LEN];
    int64_t rec = 0;
    if (db_row(c->db, q)) {
        const char *f = (const char *)sqlite3_column_text(q, 1), *v = (const char *)sqlite3_column_text(q, 3);
        const char *k = (const char *)sqlite3_column_text(q, 2), *result = (const char *)sqlite3_column_text(q, 6);
        bool read = strcmp(f, "get") == 0;
        if (op->ghost)
            snprintf(end, sizeof end, ", given up and tried again");
        else if (strcmp(result, "ok") == 0)
            when(end, sizeof end, read ? "answered" : "acknowledged", q);
        else if (sqlite3_column_type(q, 5) != SQLITE_NULL)
            when(end, sizeof end, "given up", q);
        snprintf(words, sizeof words, "%.20s %s %s = %s: called " MS " ms%s", (const char *)sqlite3_column_text(q, 0),
                 read                    ? "read"
                 : strcmp(f, "put") == 0 ? "wrote"
                                         : f,
                 check_short(k == NULL ? "" : k, key), check_short(v == NULL ? "" : v, val), check_ms(op->call), end);
        rec = sqlite3_column_int64(q, 8);
    }
    db_done(c->db, q);
    check_evidence(c, violation_id, "witness", rec, op->id, 0, 0, words);
}
