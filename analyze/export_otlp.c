/* export_otlp.c -- OpenTelemetry logs: one LogsData object a line, as its file exporter writes them (OTLP/JSON, where
 * 64-bit integers are strings). A record each: its node is the resource, its fields are attributes. */
#include "export_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"

static void attribute_int(FILE *out, const char *key, int64_t v)
{
    fprintf(out, ",{\"key\":\"%s\",\"value\":{\"intValue\":\"%" PRId64 "\"}}", key, v);
}

static void attribute(FILE *out, const struct trace_field *f)
{
    fputs(",{\"key\":", out);
    json_out(out, f->key.p, f->key.n);
    fputs(",\"value\":{", out);
    switch (f->kind) {
    case TRACE_INT:
        fprintf(out, "\"intValue\":\"%" PRId64 "\"", f->i);
        break;
    case TRACE_TRUE:
    case TRACE_FALSE:
        fprintf(out, "\"boolValue\":%s", f->kind == TRACE_TRUE ? "true" : "false");
        break;
    case TRACE_STRING:
        fputs("\"stringValue\":", out);
        json_out(out, f->text.p, f->text.n);
        break;
    case TRACE_REAL:
    case TRACE_NULL:
    case TRACE_ARRAY:
    case TRACE_OBJECT:
        fputs("\"stringValue\":", out);
        json_out(out, f->raw.p, f->raw.n);
        break;
    }
    fputs("}}", out);
}

static void one(FILE *out, const struct export_record *r, const struct trace_record *fields, int64_t zero_ns,
                const char *run)
{
    int64_t at;
    if (__builtin_add_overflow(zero_ns, r->t, &at) || at < 0)
        at = 0;
    fputs("{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
          "\"faultline\"}},{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":",
          out);
    json_out_text(out, r->node);
    fputs("}},{\"key\":\"faultline.run\",\"value\":{\"stringValue\":", out);
    json_out_text(out, run);
    fprintf(out,
            "}}]},\"scopeLogs\":[{\"scope\":{\"name\":\"faultline\"},\"logRecords\":[{\"timeUnixNano\":\"%" PRId64
            "\",\"severityNumber\":9,\"severityText\":\"INFO\",\"eventName\":",
            at);
    json_out_text(out, r->ev);
    fputs(",\"body\":{\"stringValue\":", out);
    char *words = export_words(r, fields);
    json_out_text(out, words);
    free(words);
    fprintf(out, "},\"attributes\":[{\"key\":\"boot\",\"value\":{\"intValue\":\"%" PRId64 "\"}}", r->boot);
    attribute_int(out, "seq", r->seq);
    attribute_int(out, "t", r->t);
    attribute_int(out, "lamport", r->lc);
    if (r->has_state) {
        attribute_int(out, "term", r->term);
        fprintf(out, ",{\"key\":\"role\",\"value\":{\"stringValue\":\"%c\"}}", r->role);
        attribute_int(out, "commit", r->ci);
        attribute_int(out, "applied", r->ai);
        attribute_int(out, "last", r->li);
    }
    for (size_t i = 0; i < fields->n_fields; i++)
        attribute(out, &fields->field[i]);
    fputs("]}]}]}]}\n", out);
}

void export_otlp(struct export *e)
{
    char run[256] = "";
    int64_t zero_ns = 0;
    sqlite3_stmt *q = db_prepare(e->db, "SELECT name, coalesce(started_us, 0) FROM runs WHERE run_id = :run");
    db_bind_int(e->db, q, ":run", e->run_id);
    if (db_row(e->db, q)) {
        snprintf(run, sizeof run, "%s", (const char *)sqlite3_column_text(q, 0));
        if (__builtin_mul_overflow(sqlite3_column_int64(q, 1), (int64_t)1000, &zero_ns))
            zero_ns = 0;
    }
    db_done(e->db, q);
    struct body *body = body_new();
    q = export_records(e);
    while (db_row(e->db, q)) {
        struct export_record r;
        export_record_row(q, &r);
        one(e->out, &r, body_parse(body, r.body.p, r.body.n), zero_ns, run);
    }
    db_done(e->db, q);
    body_free(body);
}
