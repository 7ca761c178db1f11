/* import_store.c -- a history as rows: one record a call, a return and a line of a nemesis, in order of time; and the
 * tables that load would derive from them. */
#include "import_int.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"

#define EMITTER "history" /* the node whose records these are */

enum what { CALL, EVENT, RETURN }; /* order of what happens at one instant: closed intervals overlap */

struct moment {
    int64_t t;
    enum what what;
    size_t i; /* in m->op or m->event */
};

struct store {
    struct import *m;
    struct db *db;
    int64_t run_id, first_source, next_id, seq, t_first, t_last;
    sqlite3_stmt *record;
    int64_t *call_rec, *return_rec, *event_rec, *op_number;
    const char **event_ev; /* what each event's record is called, and its body */
    char **event_body;
};

static int in_order(const void *pa, const void *pb)
{
    const struct moment *a = pa, *b = pb;
    if (a->t != b->t)
        return a->t < b->t ? -1 : 1;
    if (a->what != b->what)
        return a->what < b->what ? -1 : 1;
    return a->i < b->i ? -1 : a->i > b->i;
}

/* ---- bodies of records: built by jansson, so that whatever stands in a value is escaped ---- */

static void set(json_t *body, const char *key, const struct name *s)
{
    if (s != NULL)
        json_object_set_new(body, key, json_stringn(s->text, s->n));
}

static char *dump(json_t *body)
{
    char *p = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return p != NULL ? p : mem_text("{}", 2);
}

static char *op_name(const struct store *s, size_t i, char *out, size_t n)
{
    snprintf(out, n, "%.200s:%lld", s->m->op[i].client->text, (long long)s->op_number[i]);
    return out;
}

static char *call_body(const struct store *s, size_t i)
{
    const struct import_op *op = &s->m->op[i];
    char name[256];
    json_t *j = json_object();
    json_object_set_new(j, "op", json_string(op_name(s, i, name, sizeof name)));
    set(j, "cli", op->client);
    set(j, "f", op->f);
    set(j, "key", op->key);
    if (strcmp(op->f->text, "get") != 0)
        set(j, "val", op->val);
    if (strcmp(op->f->text, "cas") == 0)
        json_object_set_new(j, "old",
                            op->expect != NULL ? json_stringn(op->expect->text, op->expect->n) : json_string(""));
    return dump(j);
}

static const char *result_word(enum import_outcome o)
{
    return o == IMPORT_OK ? "ok" : o == IMPORT_FAIL ? "fail" : "info";
}

static char *return_body(const struct store *s, size_t i)
{
    const struct import_op *op = &s->m->op[i];
    char name[256];
    json_t *j = json_object();
    json_object_set_new(j, "op", json_string(op_name(s, i, name, sizeof name)));
    json_object_set_new(j, "res", json_string(result_word(op->outcome)));
    if (strcmp(op->f->text, "get") == 0)
        set(j, "val", op->val);
    set(j, "why", op->why);
    return dump(j);
}

static char *output_body(const struct import_event *e)
{
    json_t *j = json_object();
    set(j, "of", e->who);
    json_object_set_new(j, "fd", json_integer(1));
    set(j, "line", e->text);
    return dump(j);
}

static char *nemesis_body(const struct import_event *e)
{
    json_t *j = json_object();
    size_t n = e->what->n + (e->text != NULL ? e->text->n + 1 : 0);
    char *words = mem_new(n + 1);
    snprintf(words, n + 1, "%s%s%s", e->what->text, e->text != NULL ? " " : "", e->text != NULL ? e->text->text : "");
    json_object_set_new(j, "text", json_string(words));
    free(words);
    return dump(j);
}

/* ---- rows ---- */

static void bind(sqlite3_stmt *q, int i, const struct name *s)
{
    if (s != NULL)
        sqlite3_bind_text64(q, i, s->text, s->n, SQLITE_STATIC, SQLITE_UTF8);
    else
        sqlite3_bind_null(q, i);
}

/* The file that a line is in: of several files each begins at some place in the list of operations. */
static int64_t source_of(const struct store *s, size_t i, bool event)
{
    size_t f = s->m->n_files;
    while (f > 1 && (event ? s->m->file[f - 1].first_event : s->m->file[f - 1].first_op) > i)
        f--;
    return s->first_source + (int64_t)f;
}

static int64_t record(struct store *s, const struct moment *at, const char *ev, int64_t cause, int64_t line, char *body)
{
    sqlite3_stmt *q = s->record;
    int64_t id = s->next_id++;
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int64(q, 2, s->run_id);
    sqlite3_bind_int64(q, 3, ++s->seq);
    sqlite3_bind_int64(q, 4, at->t);
    sqlite3_bind_text(q, 5, ev, -1, SQLITE_STATIC);
    if (cause != 0)
        sqlite3_bind_int64(q, 6, cause);
    else
        sqlite3_bind_null(q, 6);
    sqlite3_bind_int64(q, 7, source_of(s, at->i, at->what == EVENT));
    sqlite3_bind_int64(q, 8, line);
    sqlite3_bind_text(q, 9, body, -1, SQLITE_STATIC);
    db_step(s->db, q);
    return id;
}

static void one(struct store *s, const struct moment *at)
{
    char *body = NULL;
    switch (at->what) {
    case CALL:
        body = call_body(s, at->i);
        s->call_rec[at->i] = record(s, at, "op.invoke", 0, s->m->op[at->i].call_line, body);
        break;
    case RETURN:
        body = return_body(s, at->i);
        s->return_rec[at->i] = record(s, at, "op.return", s->call_rec[at->i], s->m->op[at->i].ret_line, body);
        break;
    case EVENT:
        s->event_rec[at->i] = record(s, at, s->event_ev[at->i], 0, s->m->event[at->i].line, s->event_body[at->i]);
        break;
    }
    free(body);
}

static void records(struct store *s)
{
    struct import *m = s->m;
    size_t n = 0;
    struct moment *all = mem_new((m->n_ops * 2 + m->n_events + 1) * sizeof *all);
    for (size_t i = 0; i < m->n_ops; i++) {
        all[n++] = (struct moment){m->op[i].call, CALL, i};
        if (m->op[i].ret != IMPORT_OPEN)
            all[n++] = (struct moment){m->op[i].ret, RETURN, i};
    }
    for (size_t i = 0; i < m->n_events; i++)
        all[n++] = (struct moment){m->event[i].t, EVENT, i};
    qsort(all, n, sizeof *all, in_order);
    s->record =
        db_prepare(s->db, "INSERT INTO records(id, run_id, node, boot, seq, t, lc, ev, cause, source_id, line, body)"
                          " VALUES (?1, ?2, '" EMITTER "', 1, ?3, ?4, ?3, ?5, ?6, ?7, ?8, ?9)");
    for (size_t i = 0; i < n && !s->db->failed; i++)
        one(s, &all[i]);
    db_done(s->db, s->record);
    s->t_first = n > 0 ? all[0].t : 0;
    s->t_last = n > 0 ? all[n - 1].t : 0;
    free(all);
}

static void operations(struct store *s)
{
    const struct import *m = s->m;
    int64_t base = db_int(s->db, "SELECT max(op_id) FROM ops", 0);
    sqlite3_stmt *q =
        db_prepare(s->db, "INSERT INTO ops(op_id, run_id, op, client, f, key, val, t_invoke, t_return, result,"
                          " tries, why, invoke_rec, return_rec) VALUES (?,?,?,?,?,?,?,?,?,?,1,?,?,?)");
    for (size_t i = 0; i < m->n_ops && !s->db->failed; i++) {
        const struct import_op *op = &m->op[i];
        char name[256];
        sqlite3_bind_int64(q, 1, base + (int64_t)i + 1);
        sqlite3_bind_int64(q, 2, s->run_id);
        sqlite3_bind_text(q, 3, op_name(s, i, name, sizeof name), -1, SQLITE_STATIC);
        bind(q, 4, op->client);
        bind(q, 5, op->f);
        bind(q, 6, op->key);
        bind(q, 7, op->val);
        /* nil is the value of a key that nobody wrote, which we call "" */
        if (op->val == NULL && (op->outcome == IMPORT_OK || strcmp(op->f->text, "get") != 0))
            sqlite3_bind_text(q, 7, "", 0, SQLITE_STATIC);
        sqlite3_bind_int64(q, 8, op->call);
        if (op->ret != IMPORT_OPEN)
            sqlite3_bind_int64(q, 9, op->ret);
        else
            sqlite3_bind_null(q, 9);
        sqlite3_bind_text(q, 10, result_word(op->outcome), -1, SQLITE_STATIC);
        bind(q, 11, op->why);
        sqlite3_bind_int64(q, 12, s->call_rec[i]);
        if (s->return_rec[i] != 0)
            sqlite3_bind_int64(q, 13, s->return_rec[i]);
        else
            sqlite3_bind_null(q, 13);
        db_step(s->db, q);
    }
    db_done(s->db, q);
}

static void faults(struct store *s, const struct import_fault *f, size_t n)
{
    sqlite3_stmt *q =
        db_prepare(s->db, "INSERT INTO faults(run_id, f, kind, target, t_begin, t_end, begin_rec, end_rec)"
                          " VALUES (:run, :f, :kind, :target, :from, :to, :begin, :end)");
    for (size_t i = 0; i < n && !s->db->failed; i++) {
        json_t *j = json_object();
        set(j, "cause", f[i].text);
        char *target = dump(j);
        db_bind_int(s->db, q, ":run", s->run_id);
        db_bind_int(s->db, q, ":f", (int64_t)i + 1);
        db_bind_text(s->db, q, ":kind", f[i].kind);
        db_bind_text(s->db, q, ":target", target);
        db_bind_int(s->db, q, ":from", f[i].t_begin);
        if (f[i].t_end != IMPORT_OPEN)
            db_bind_int(s->db, q, ":to", f[i].t_end);
        db_bind_int(s->db, q, ":begin", s->event_rec[f[i].begin]);
        if (f[i].end != SIZE_MAX)
            db_bind_int(s->db, q, ":end", s->event_rec[f[i].end]);
        db_run(s->db, q);
        free(target);
    }
    db_done(s->db, q);
}

static void sources(struct store *s)
{
    sqlite3_stmt *q = db_prepare(s->db, "INSERT INTO sources(source_id, run_id, path, bytes, lines, records)"
                                        " VALUES (:id, :run, :path, :bytes, :lines, 0)");
    for (size_t i = 0; i < s->m->n_files && !s->db->failed; i++) {
        const struct import_file *f = &s->m->file[i];
        db_bind_int(s->db, q, ":id", s->first_source + (int64_t)i + 1);
        db_bind_int(s->db, q, ":run", s->run_id);
        db_bind_text(s->db, q, ":path", f->shown);
        db_bind_int(s->db, q, ":bytes", f->bytes);
        db_bind_int(s->db, q, ":lines", f->lines);
        db_run(s->db, q);
    }
    db_done(s->db, q);
    q = db_prepare(s->db, "UPDATE sources SET records = (SELECT count(*) FROM records r WHERE r.source_id ="
                          " sources.source_id) WHERE run_id = :run");
    db_bind_int(s->db, q, ":run", s->run_id);
    db_run(s->db, q);
    db_done(s->db, q);
}

static void nodes(struct store *s)
{
    static const char *const inserts[] = {
        "INSERT INTO nodes(run_id, node, kind, instrumented) VALUES (:run, '" EMITTER "', 'sim', 1)",
        "INSERT OR IGNORE INTO nodes(run_id, node, kind, instrumented)"
        " SELECT DISTINCT run_id, client, 'client', 0 FROM ops WHERE run_id = :run",
        "INSERT OR IGNORE INTO nodes(run_id, node, kind, instrumented) SELECT DISTINCT run_id,"
        " json_extract(body, '$.of'), 'replica', 0 FROM records WHERE run_id = :run AND ev = 'node.out'"
        " AND json_extract(body, '$.of') <> 'sim'",
        "INSERT INTO boots(run_id, node, boot, t_start, t_end, end_kind, records, last_seq, missing)"
        " SELECT :run, '" EMITTER
        "', 1, min(t), max(t), 'close', count(*), count(*), 0 FROM records WHERE run_id = :run"};
    for (size_t i = 0; i < sizeof inserts / sizeof *inserts; i++) {
        sqlite3_stmt *q = db_prepare(s->db, inserts[i]);
        db_bind_int(s->db, q, ":run", s->run_id);
        db_run(s->db, q);
        db_done(s->db, q);
    }
}

static void run_row(struct store *s)
{
    static const char *const from[] = {
        [IMPORT_ANY] = "a guessed format", [IMPORT_JEPSEN] = "jepsen", [IMPORT_MAELSTROM] = "maelstrom",
        [IMPORT_PORCUPINE] = "porcupine",  [IMPORT_JSONL] = "jsonl",   [IMPORT_COURSE] = "course"};
    const struct import *m = s->m;
    bool reads =
        m->o->failed_cas_reads == CHOICE_YES || (m->o->failed_cas_reads == CHOICE_AUTO && !m->cas_fails_differ);
    json_t *j = json_pack("{s:{s:s, s:s, s:s, s:s}}", "import", "from", from[m->o->from], "fail_is", "definite",
                          "clock", m->timed ? "times" : "lines", "failed_cas", reads ? "reads" : "nothing");
    char *config = dump(j);
    sqlite3_stmt *q = db_prepare(s->db, "INSERT INTO runs(run_id, name, t_end, schema_v, config)"
                                        " VALUES (:run, :name, :end, 1, :config)");
    db_bind_int(s->db, q, ":run", s->run_id);
    db_bind_text(s->db, q, ":name", m->run);
    db_bind_int(s->db, q, ":end", s->t_last);
    db_bind_text(s->db, q, ":config", config);
    db_run(s->db, q);
    db_done(s->db, q);
    free(config);
}

/* Operations are numbered per client, in order of their calls. */
static void number_operations(struct store *s)
{
    const struct import *m = s->m;
    for (size_t i = 0; i < m->n_ops; i++)
        names_get(&s->m->names, m->op[i].client->text, m->op[i].client->n)->user = NULL;
    for (size_t i = 0; i < m->n_ops; i++) {
        struct name *client = names_get(&s->m->names, m->op[i].client->text, m->op[i].client->n);
        uintptr_t n = (uintptr_t)client->user + 1;
        client->user = (void *)n;
        s->op_number[i] = (int64_t)n;
    }
}

static void events(struct store *s, const struct import_fault *f, size_t n)
{
    for (size_t i = 0; i < s->m->n_events; i++) {
        const struct import_event *e = &s->m->event[i];
        s->event_ev[i] = e->kind == EVENT_OUTPUT ? "node.out" : "note";
        s->event_body[i] = e->kind == EVENT_OUTPUT ? output_body(e) : nemesis_body(e);
    }
    for (size_t i = 0; i < n; i++) {
        size_t ends[] = {f[i].begin, f[i].end};
        for (size_t k = 0; k < 2 && ends[k] != SIZE_MAX; k++) {
            json_t *j = json_pack("{s:I, s:s}", "f", (json_int_t)i + 1, "kind", f[i].kind);
            set(j, "cause", k == 0 ? f[i].text : NULL);
            free(s->event_body[ends[k]]);
            s->event_body[ends[k]] = dump(j);
            s->event_ev[ends[k]] = k == 0 ? "fault.begin" : "fault.end";
        }
    }
}

static void count(const struct import *m, size_t n_faults, struct import_result *r)
{
    static const char *const known[] = {"get", "put", "del", "cas", "append"};
    r->runs++;
    r->faults += (int64_t)n_faults;
    for (size_t i = 0; i < m->n_files; i++)
        r->lines += m->file[i].lines;
    for (size_t i = 0; i < m->n_ops; i++) {
        size_t k = 0;
        while (k < sizeof known / sizeof *known && strcmp(m->op[i].f->text, known[k]) != 0)
            k++;
        r->ops++;
        r->unknown += m->op[i].outcome == IMPORT_INFO;
        r->failed += m->op[i].outcome == IMPORT_FAIL;
        r->not_understood += k == sizeof known / sizeof *known;
    }
}

void import_store(struct import *m, struct db *db, struct import_result *r)
{
    struct store s = {.m = m,
                      .db = db,
                      .run_id = db_int(db, "SELECT max(run_id) FROM runs", 0) + 1,
                      .next_id = db_int(db, "SELECT max(id) FROM records", 0) + 1,
                      .first_source = db_int(db, "SELECT max(source_id) FROM sources", 0),
                      .call_rec = mem_new((m->n_ops + 1) * sizeof(int64_t)),
                      .return_rec = mem_new((m->n_ops + 1) * sizeof(int64_t)),
                      .op_number = mem_new((m->n_ops + 1) * sizeof(int64_t)),
                      .event_rec = mem_new((m->n_events + 1) * sizeof(int64_t)),
                      .event_ev = mem_new((m->n_events + 1) * sizeof(char *)),
                      .event_body = mem_new((m->n_events + 1) * sizeof(char *))};
    struct import_fault *f;
    size_t n = import_faults(m, &f);
    number_operations(&s);
    events(&s, f, n);
    db_exec(db, "BEGIN");
    records(&s);
    operations(&s);
    faults(&s, f, n);
    sources(&s);
    nodes(&s);
    run_row(&s);
    db_exec(db, "COMMIT");
    count(m, n, r);
    for (size_t i = 0; i < m->n_events; i++)
        free(s.event_body[i]);
    free(f);
    free(s.call_rec);
    free(s.return_rec);
    free(s.op_number);
    free(s.event_rec);
    free(s.event_ev);
    free(s.event_body);
}
