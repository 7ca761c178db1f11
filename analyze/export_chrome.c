/* export_chrome.c -- Chrome's trace event format (JSON), for Perfetto and chrome://tracing.
 *
 * Operations, terms of leaders and faults last, and may overlap: async events (b, e). Messages are arrows (s, f)
 * between short slices (X), which on one track must not overlap: each lasts a nanosecond and begins after the one
 * before. What else happened is an instant (i). Times are microseconds with a fraction. */
#include "export_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "mem.h"
#include "names.h"

struct chrome {
    struct export *e;
    FILE *out;
    struct names names;
    struct track {
        const struct name *name;
        int64_t free_from; /* its last slice has ended */
    } * track;
    size_t tracks;
    bool any;
    int64_t t_end;
};

static void event(struct chrome *c, const char *phase, size_t pid, int64_t t)
{
    uint64_t ns = t < 0 ? 0 - (uint64_t)t : (uint64_t)t;
    fprintf(c->out, "%s{\"ph\":\"%s\",\"pid\":%zu,\"tid\":1,\"ts\":%s%" PRIu64 ".%03" PRIu64, c->any ? ",\n" : "",
            phase, pid, t < 0 ? "-" : "", ns / 1000, ns % 1000);
    c->any = true;
}

static void named(struct chrome *c, const char *key, const char *value)
{
    fprintf(c->out, ",\"%s\":", key);
    json_out_text(c->out, value != NULL ? value : "");
}

/* Number of the process that stands for a node; from 1. */
static size_t pid_of(struct chrome *c, const char *node)
{
    struct name *name = names_get(&c->names, node, strlen(node));
    if (name->user == NULL) {
        c->track = mem_grow(c->track, c->tracks + 1, sizeof *c->track);
        c->track[c->tracks++] = (struct track){name, INT64_MIN};
        name->user = (void *)(uintptr_t)c->tracks;
        event(c, "M", c->tracks, 0);
        fputs(",\"name\":\"process_name\",\"args\":{\"name\":", c->out);
        json_out_text(c->out, node);
        fputs("}}", c->out);
    }
    return (size_t)(uintptr_t)name->user;
}

static const char *text(sqlite3_stmt *q, int i)
{
    return (const char *)sqlite3_column_text(q, i);
}

static sqlite3_stmt *ask(struct chrome *c, const char *sql)
{
    sqlite3_stmt *q = db_prepare(c->e->db, sql);
    db_bind_int(c->e->db, q, ":run", c->e->run_id);
    db_bind_int(c->e->db, q, ":from", c->e->from);
    db_bind_int(c->e->db, q, ":to", c->e->to);
    return q;
}

/* Columns: whose, begin, end (NULL: the end of the run), name, id, and up to four more named as they are. */
static void bands(struct chrome *c, const char *category, const char *sql)
{
    sqlite3_stmt *q = ask(c, sql);
    while (db_row(c->e->db, q)) {
        size_t pid = pid_of(c, text(q, 0));
        int64_t begin = sqlite3_column_int64(q, 1);
        int64_t end = sqlite3_column_type(q, 2) == SQLITE_NULL ? c->t_end : sqlite3_column_int64(q, 2);
        for (int closes = 0; closes < 2; closes++) {
            event(c, closes ? "e" : "b", pid, closes && end > begin ? end : begin);
            named(c, "cat", category);
            named(c, "name", text(q, 3));
            named(c, "id", text(q, 4));
            fputs(",\"args\":{", c->out);
            for (int i = 5; !closes && i < sqlite3_column_count(q); i++) {
                fputs(i > 5 ? "," : "", c->out);
                json_out_text(c->out, sqlite3_column_name(q, i));
                fputc(':', c->out);
                if (text(q, i) != NULL)
                    json_out(c->out, text(q, i), (size_t)sqlite3_column_bytes(q, i));
                else
                    fputs("null", c->out);
            }
            fputs("}}", c->out);
        }
    }
    db_done(c->e->db, q);
}

/* Sends and receipts in order of time. A message of which both are known is an arrow. */
static void messages(struct chrome *c)
{
    sqlite3_stmt *q = ask(c, "SELECT coalesce(t_send, t_in) AS t, 0 AS part, msg_id, src AS node, coalesce(type, "
                             "'message') || ' to ' || dst,"
                             "  fate, why, coalesce(t_recv, t_out) IS NOT NULL"
                             " FROM messages WHERE run_id = :run AND coalesce(t_send, t_in) BETWEEN :from AND :to"
                             " UNION ALL SELECT coalesce(t_recv, t_out), 1, msg_id, dst, coalesce(type, 'message') || "
                             "' from ' || src, fate, why,"
                             "  coalesce(t_send, t_in) IS NOT NULL AND coalesce(t_send, t_in) >= :from"
                             " FROM messages WHERE run_id = :run AND coalesce(t_recv, t_out) BETWEEN :from AND :to"
                             " ORDER BY 1, 2, 3");
    while (db_row(c->e->db, q)) {
        int64_t t = sqlite3_column_int64(q, 0);
        bool receipt = sqlite3_column_int(q, 1) != 0, arrow = sqlite3_column_int(q, 7) != 0;
        size_t pid = pid_of(c, text(q, 3));
        struct track *track = &c->track[pid - 1];
        if (t < track->free_from)
            t = track->free_from;
        track->free_from = t + 1;
        event(c, "X", pid, t);
        fputs(",\"dur\":0.001,\"cat\":\"msg\"", c->out);
        named(c, "name", text(q, 4));
        fputs(",\"args\":{\"fate\":", c->out);
        json_out_text(c->out, text(q, 5));
        fputs(",\"why\":", c->out);
        json_out_text(c->out, text(q, 6) != NULL ? text(q, 6) : "");
        fputs("}}", c->out);
        /* An arrow's end must not be left without its beginning: what a clock of another host puts before its send, or
         * outside the time that is exported, is no arrow. */
        if (!arrow)
            continue;
        event(c, receipt ? "f" : "s", pid, t);
        fprintf(c->out, "%s,\"cat\":\"msg\",\"name\":\"msg\",\"id\":%lld}", receipt ? ",\"bp\":\"e\"" : "",
                (long long)sqlite3_column_int64(q, 2));
    }
    db_done(c->e->db, q);
}

static void instants(struct chrome *c)
{
    sqlite3_stmt *q = export_records(c->e);
    struct body *body = body_new();
    while (db_row(c->e->db, q)) {
        struct export_record r;
        export_record_row(q, &r);
        if (strncmp(r.ev, "msg.", 4) == 0 || strncmp(r.ev, "net.", 4) == 0 || strncmp(r.ev, "op.", 3) == 0)
            continue;
        char *words = export_words(&r, body_parse(body, r.body.p, r.body.n));
        event(c, "i", pid_of(c, r.node), r.t);
        fputs(",\"s\":\"t\",\"cat\":\"record\"", c->out);
        named(c, "name", r.ev);
        fputs(",\"args\":{\"words\":", c->out);
        json_out_text(c->out, words);
        fprintf(c->out, ",\"record\":\"");
        fprintf(c->out, "%lld.%lld\"}}", (long long)r.boot, (long long)r.seq);
        free(words);
    }
    body_free(body);
    db_done(c->e->db, q);
}

void export_chrome(struct export *e)
{
    struct chrome c = {.e = e, .out = e->out};
    sqlite3_stmt *q = ask(&c, "SELECT t_end FROM runs WHERE run_id = :run AND :from <= :to");
    if (db_row(e->db, q))
        c.t_end = sqlite3_column_int64(q, 0);
    db_done(e->db, q);
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n", e->out);
    bands(&c, "op",
          "SELECT 'client ' || client, t_invoke, t_return, f || ' ' || coalesce(key, ''), 'op:' || op_id, op, val, "
          "result,"
          " served_by FROM ops WHERE run_id = :run AND t_invoke <= :to AND coalesce(t_return, t_invoke) >= :from"
          " ORDER BY t_invoke, op_id");
    bands(&c, "leader",
          "SELECT node, t_start, t_end, 'leader of term ' || term, 'leader:' || node || '@' || term || ':' || t_start, "
          "end_why,"
          " origin FROM leader_terms WHERE run_id = :run AND t_start <= :to AND coalesce(t_end, t_start) >= :from"
          " ORDER BY t_start, node");
    bands(&c, "fault",
          "SELECT 'faults', t_begin, t_end, kind || coalesce(' ' || node, ''), 'fault:' || fault_id, target FROM faults"
          " WHERE run_id = :run AND t_begin <= :to AND coalesce(t_end, t_begin) >= :from ORDER BY t_begin, fault_id");
    messages(&c);
    instants(&c);
    fputs("\n]}\n", e->out);
    free(c.track);
    names_free(&c.names);
}
