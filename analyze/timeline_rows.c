/* timeline_rows.c -- records become rows: which are shown, what is said of them in few words, and in whose columns.
 *
 * Consecutive records of one kind from one step are one row: sends to several, entries appended or applied in a run.
 * The network's own records are shown only where the replica at that end has none. */
#include "timeline_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "mem.h"
#include "words.h"

/* ---- reading ---- */

struct timeline_rows {
    struct db *db;
    const struct timeline_options *o;
    const struct timeline_columns *columns;
    struct timeline_columns traced, black; /* replicas that left records, and that left none; with a column or not */
    sqlite3_stmt *q, *fate, *answered, *operation;
    struct body *body;
    int64_t folded;
    struct timeline_row row; /* the one handed out, or pending */
    /* What the pending row is of, for the records that go on with it. */
    struct {
        bool open;
        char ev[64], node[TIMELINE_NAME];
        int64_t cause, first, last, count;
        char *head, *rest, *to, *lost; /* of sends: "app_req", ", term 1", " 0001 0002", " 0003 (loss)" */
    } pending;
    bool ended;
    /* The record read ahead. */
    struct {
        bool valid, heartbeat;
        int64_t id, t, cause;
        char ev[64], node[TIMELINE_NAME];
        struct words_context c;
        const struct trace_record *f;
    } next;
};

static const char records[] =
    "SELECT id, t, ev, node, coalesce(cause, 0), term, role, commit_idx, applied_idx, last_idx, body FROM records"
    " WHERE run_id = :run AND t BETWEEN :from AND :to ORDER BY t, id";
/* What became of what a record sent. */
static const char fates[] = "SELECT dst, fate = 'dropped', why, (SELECT f FROM faults f WHERE f.fault_id = m.fault_id)"
                            " FROM messages m WHERE send_rec = :rec ORDER BY fate = 'dropped' LIMIT 1";
/* The append that an answer answers: the input during whose handling it was sent. */
static const char answers[] = "SELECT i.body FROM messages m JOIN records s ON s.id = m.send_rec JOIN records i"
                              " ON i.id = s.cause WHERE m.recv_rec = :rec AND i.ev = 'msg.recv' LIMIT 1";
static const char operations[] =
    "SELECT f, key, CASE WHEN f <> 'get' THEN val END FROM ops WHERE run_id = :run AND invoke_rec = :rec";

struct timeline_rows *timeline_rows_new(struct db *db, const struct timeline_options *o,
                                        const struct timeline_columns *c)
{
    struct timeline_rows *r = mem_new(sizeof *r);
    r->db = db;
    r->o = o;
    r->columns = c;
    r->body = body_new();
    sqlite3_stmt *q =
        db_prepare(db, "SELECT node, instrumented FROM nodes WHERE run_id = :run AND kind = 'replica' ORDER BY node");
    db_bind_int(db, q, ":run", o->run_id);
    while (db_row(db, q)) {
        struct timeline_columns *of = sqlite3_column_int(q, 1) != 0 ? &r->traced : &r->black;
        if (of->n < TIMELINE_COLUMNS)
            snprintf(of->name[of->n++], TIMELINE_NAME, "%s", (const char *)sqlite3_column_text(q, 0));
    }
    db_done(db, q);
    r->fate = db_prepare(db, fates);
    r->answered = db_prepare(db, answers);
    r->operation = db_prepare(db, operations);
    r->q = db_prepare(db, records);
    db_bind_int(db, r->q, ":run", o->run_id);
    db_bind_int(db, r->q, ":from", o->from);
    db_bind_int(db, r->q, ":to", o->to);
    return r;
}

void timeline_rows_free(struct timeline_rows *r)
{
    db_done(r->db, r->q);
    db_done(r->db, r->fate);
    db_done(r->db, r->answered);
    db_done(r->db, r->operation);
    body_free(r->body);
    free(r->row.text);
    free(r->pending.head);
    free(r->pending.to);
    free(r->pending.rest);
    free(r->pending.lost);
    free(r);
}

int64_t timeline_folded(const struct timeline_rows *r)
{
    return r->folded;
}

static int64_t column_or(sqlite3_stmt *q, int i)
{
    return sqlite3_column_type(q, i) == SQLITE_NULL ? -1 : sqlite3_column_int64(q, i);
}

static void text_of(char *out, size_t n, sqlite3_stmt *q, int i)
{
    const char *s = (const char *)sqlite3_column_text(q, i);
    snprintf(out, n, "%s", s != NULL ? s : "");
}

static bool empty_append(const struct trace_record *f)
{
    const struct trace_field *ents = trace_find(f, "ents");
    return trace_text_is(trace_find_text(f, "ty"), "app_req") && (ents == NULL || ents->raw.n <= 2);
}

/* Is it an append without entries, or the answer to one? */
static bool heartbeat(struct timeline_rows *r)
{
    const char *ev = r->next.ev;
    if (strcmp(ev, "timer.fire") == 0)
        return trace_text_is(trace_find_text(r->next.f, "tm"), "heartbeat");
    if (strcmp(ev, "msg.send") != 0 && strcmp(ev, "msg.recv") != 0)
        return false;
    if (empty_append(r->next.f))
        return true;
    int64_t ok;
    if (!trace_text_is(trace_find_text(r->next.f, "ty"), "app_res") || !trace_find_int(r->next.f, "ok", &ok) || ok == 0)
        return false;
    sqlite3_stmt *q = r->answered;
    if (strcmp(ev, "msg.send") == 0) {
        q = db_prepare(r->db, "SELECT body FROM records WHERE id = :rec AND ev = 'msg.recv'");
        db_bind_int(r->db, q, ":rec", r->next.cause);
    } else {
        db_bind_int(r->db, q, ":rec", r->next.id);
    }
    bool is = false;
    if (db_row(r->db, q)) {
        struct body *b = body_new();
        const char *body = (const char *)sqlite3_column_text(q, 0);
        is = body != NULL && empty_append(body_parse(b, body, strlen(body)));
        body_free(b);
    }
    if (q == r->answered)
        sqlite3_reset(q);
    else
        db_done(r->db, q);
    return is;
}

static bool names_one_of(const struct timeline_rows *r, const char *key, const struct timeline_columns *of)
{
    struct trace_text name = trace_find_text(r->next.f, key);
    return name.n > 0 && timeline_column(of, name.p, name.n) >= 0;
}

/* An answer to a client that arrives is told by req.reply and the operation's end. */
static bool plain_answer(struct timeline_rows *r)
{
    if (strcmp(r->next.ev, "msg.send") != 0 || names_one_of(r, "to", &r->traced) || names_one_of(r, "to", &r->black))
        return false;
    db_bind_int(r->db, r->fate, ":rec", r->next.id);
    bool lost = db_row(r->db, r->fate) && sqlite3_column_int(r->fate, 1) != 0;
    sqlite3_reset(r->fate);
    return !lost;
}

static bool is_shown(struct timeline_rows *r)
{
    const char *ev = r->next.ev, *asked = r->o->ev;
    if (asked != NULL)
        return timeline_fits(asked, ev);
    if (strcmp(ev, "net.in") == 0)
        return names_one_of(r, "src", &r->black);
    if (strcmp(ev, "net.out") == 0)
        return names_one_of(r, "dst", &r->black);
    if (strcmp(ev, "net.drop") == 0) /* a replica's own send says that it was lost */
        return !names_one_of(r, "src", &r->traced);
    return !timeline_kind(ev, trace_find_text(r->next.f, "ty"))->quiet && !plain_answer(r);
}

/* Reads ahead to the next record that is shown. */
static void read_ahead(struct timeline_rows *r)
{
    bool all = r->o->ev != NULL && strcmp(r->o->ev, "*") == 0;
    r->next.valid = false;
    while (!r->ended && !r->next.valid) {
        if (!db_row(r->db, r->q)) {
            r->ended = true;
            return;
        }
        r->next.id = sqlite3_column_int64(r->q, 0);
        r->next.t = sqlite3_column_int64(r->q, 1);
        text_of(r->next.ev, sizeof r->next.ev, r->q, 2);
        text_of(r->next.node, sizeof r->next.node, r->q, 3);
        r->next.cause = sqlite3_column_int64(r->q, 4);
        const char *role = (const char *)sqlite3_column_text(r->q, 6);
        r->next.c = (struct words_context){.ev = r->next.ev,
                                           .term = column_or(r->q, 5),
                                           .role = role != NULL ? role[0] : 0,
                                           .ci = column_or(r->q, 7),
                                           .ai = column_or(r->q, 8),
                                           .li = column_or(r->q, 9)};
        const char *body = (const char *)sqlite3_column_text(r->q, 10);
        r->next.f = body_parse(r->body, body != NULL ? body : "{}", body != NULL ? strlen(body) : 2);
        if (!is_shown(r))
            continue;
        if (!all && heartbeat(r))
            r->folded++;
        else
            r->next.valid = true;
    }
}

/* ---- rows ---- */

static void put(char **at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends to an owned text. */
static void put(char **at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *more, *whole;
    if (vasprintf(&more, fmt, ap) < 0 || asprintf(&whole, "%s%s", *at != NULL ? *at : "", more) < 0)
        abort();
    va_end(ap);
    free(more);
    free(*at);
    *at = whole;
}

static void mark(struct timeline_rows *r, const char *node, size_t n, const char *with)
{
    int i = timeline_column(r->columns, node, n);
    if (i < 0)
        return;
    if (strcmp(with, "$") == 0 && r->next.c.role != 0)
        snprintf(r->row.mark[i], TIMELINE_MARK, "%c%" PRId64, r->next.c.role, r->next.c.term);
    else
        snprintf(r->row.mark[i], TIMELINE_MARK, "%s", strcmp(with, "$") == 0 ? "*" : with);
}

static void mark_field(struct timeline_rows *r, const char *key, const char *with)
{
    struct trace_text name = trace_find_text(r->next.f, key);
    if (name.n > 0)
        mark(r, name.p, name.n, with);
}

static char *expanded(struct timeline_rows *r, const char *words)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        abort();
    if (words != NULL)
        words_expand(out, &r->next.c, r->next.f, words);
    else
        words_of_record(out, &r->next.c, r->next.f);
    if (fclose(out) != 0 || text == NULL)
        abort();
    return text;
}

/* One more receiver of the pending sends. */
static void add_receiver(struct timeline_rows *r)
{
    struct trace_text to = trace_find_text(r->next.f, "to");
    db_bind_int(r->db, r->fate, ":rec", r->next.id);
    bool known = db_row(r->db, r->fate), lost = known && sqlite3_column_int(r->fate, 1) != 0;
    put(&r->pending.to, " %.*s", (int)to.n, to.p != NULL ? to.p : "");
    if (lost) {
        const char *why = (const char *)sqlite3_column_text(r->fate, 2);
        put(&r->pending.lost, "%s %.*s (%s", r->pending.lost != NULL ? "," : "", (int)to.n, to.p != NULL ? to.p : "",
            why != NULL ? why : "unknown");
        if (sqlite3_column_type(r->fate, 3) != SQLITE_NULL)
            put(&r->pending.lost, " F%lld", (long long)sqlite3_column_int64(r->fate, 3));
        put(&r->pending.lost, ")");
        if (to.n > 0)
            mark(r, to.p, to.n, "x");
    }
    sqlite3_reset(r->fate);
    r->pending.count++;
}

/* What makes sends one row: type, and term and number of entries. */
static const char send_head[] = "{ty}",
                  send_rest[] = "[, term {mterm}][, {ents:count} entries][, ok {ok}][, up to {mi}][ {key}]";

static bool same_words(struct timeline_rows *r, const char *words, const char *as)
{
    char *text = expanded(r, words);
    bool same = strcmp(text, as) == 0;
    free(text);
    return same;
}

static bool goes_on(struct timeline_rows *r)
{
    const char *ev = r->next.ev;
    if (!r->pending.open || strcmp(r->pending.ev, ev) != 0 || strcmp(r->pending.node, r->next.node) != 0 ||
        r->pending.cause != r->next.cause)
        return false;
    if (strcmp(ev, "msg.send") == 0)
        return same_words(r, send_head, r->pending.head) && same_words(r, send_rest, r->pending.rest);
    int64_t idx;
    return (strcmp(ev, "log.append") == 0 || strcmp(ev, "apply") == 0) && trace_find_int(r->next.f, "idx", &idx) &&
           idx == r->pending.last + 1;
}

/* The words of the pending row, now that it is whole. */
static void finish(struct timeline_rows *r)
{
    free(r->row.text);
    r->row.text = NULL;
    if (r->pending.to != NULL) {
        put(&r->row.text, "%s", r->pending.head);
        if (r->pending.count > 1)
            put(&r->row.text, " x%" PRId64, r->pending.count);
        put(&r->row.text, "%s, to%s", r->pending.rest, r->pending.to);
        if (r->pending.lost != NULL)
            put(&r->row.text, "; lost to%s", r->pending.lost);
    } else if (r->pending.last > r->pending.first) {
        put(&r->row.text, "%s entries %" PRId64 " to %" PRId64,
            strcmp(r->pending.ev, "apply") == 0 ? "applies" : "adds", r->pending.first, r->pending.last);
    } else {
        put(&r->row.text, "%s", r->pending.head != NULL ? r->pending.head : "");
    }
}

static void op_try(struct timeline_rows *r)
{
    char *head = expanded(r, "op:{op}");
    db_bind_int(r->db, r->operation, ":run", r->o->run_id);
    db_bind_int(r->db, r->operation, ":rec", r->next.cause);
    put(&r->pending.head, "%s", head);
    if (db_row(r->db, r->operation)) {
        const char *f = (const char *)sqlite3_column_text(r->operation, 0);
        const char *key = (const char *)sqlite3_column_text(r->operation, 1);
        const char *val = (const char *)sqlite3_column_text(r->operation, 2);
        put(&r->pending.head, " %s %.200s%s%.200s", f != NULL ? f : "", key != NULL ? key : "",
            val != NULL ? " = " : "", val != NULL ? val : "");
    }
    sqlite3_reset(r->operation);
    free(head);
    head = expanded(r, " -> {to}");
    put(&r->pending.head, "%s", head);
    free(head);
}

static void begin(struct timeline_rows *r)
{
    const struct timeline_kind *kind = timeline_kind(r->next.ev, trace_find_text(r->next.f, "ty"));
    memset(r->row.mark, 0, sizeof r->row.mark);
    r->row.t = r->next.t;
    r->row.rec = r->next.id;
    r->row.about_all = timeline_column(&r->traced, r->next.node, strlen(r->next.node)) < 0;
    free(r->pending.head);
    free(r->pending.to);
    free(r->pending.lost);
    free(r->pending.rest);
    r->pending.head = r->pending.rest = r->pending.to = r->pending.lost = NULL;
    r->pending.open = true;
    snprintf(r->pending.ev, sizeof r->pending.ev, "%s", r->next.ev);
    snprintf(r->pending.node, sizeof r->pending.node, "%s", r->next.node);
    r->pending.cause = r->next.cause;
    r->pending.first = r->pending.last = r->pending.count = 0;
    if (strcmp(r->next.ev, "msg.send") == 0) {
        r->pending.head = expanded(r, send_head);
        r->pending.rest = expanded(r, send_rest);
        mark(r, r->next.node, strlen(r->next.node), "S");
        add_receiver(r);
        return;
    }
    if (strcmp(r->next.ev, "log.append") == 0 || strcmp(r->next.ev, "apply") == 0) {
        bool apply = r->next.ev[0] == 'a';
        trace_find_int(r->next.f, "idx", &r->pending.first);
        r->pending.last = r->pending.first;
        r->pending.head = expanded(r, apply ? "applies {idx}: {op}[ {key}][ = {val}][, done before{dup:no}]"
                                            : "adds {idx} of term {eterm}: {op}[ {key}][ = {val}]");
        mark(r, r->next.node, strlen(r->next.node), apply ? "a" : "+");
        return;
    }
    if (strcmp(r->next.ev, "op.try") == 0)
        op_try(r);
    else
        r->pending.head = expanded(r, kind->words);
    if (kind->at == TIMELINE_AT_NODE)
        mark(r, r->next.node, strlen(r->next.node), kind->mark);
    else if (kind->at != TIMELINE_NOWHERE)
        mark_field(r, kind->at == TIMELINE_AT_SRC ? "src" : "dst", kind->mark);
    if (strncmp(r->next.ev, "fault.", 6) == 0)
        mark_field(r, "node", "X");
}

bool timeline_next(struct timeline_rows *r, struct timeline_row *row)
{
    if (!r->next.valid)
        read_ahead(r);
    if (!r->next.valid)
        return false;
    begin(r);
    read_ahead(r);
    while (r->next.valid && goes_on(r)) {
        if (strcmp(r->next.ev, "msg.send") == 0)
            add_receiver(r);
        else
            r->pending.last++;
        read_ahead(r);
    }
    finish(r);
    *row = r->row;
    return true;
}
