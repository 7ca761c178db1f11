/* export_record.c -- see export_int.h. */
#include "export_int.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "words.h"

sqlite3_stmt *export_records(struct export *e)
{
    sqlite3_stmt *q =
        db_prepare(e->db, "SELECT id, node, boot, seq, t, lc, ev, coalesce(cause, 0), term, role, commit_idx,"
                          " applied_idx, last_idx, coalesce(body, '{}') FROM records"
                          " WHERE run_id = :run AND t BETWEEN :from AND :to ORDER BY id");
    db_bind_int(e->db, q, ":run", e->run_id);
    db_bind_int(e->db, q, ":from", e->from);
    db_bind_int(e->db, q, ":to", e->to);
    return q;
}

void export_record_row(sqlite3_stmt *q, struct export_record *r)
{
    const char *role = (const char *)sqlite3_column_text(q, 9);
    *r = (struct export_record){.id = sqlite3_column_int64(q, 0),
                                .node = (const char *)sqlite3_column_text(q, 1),
                                .boot = sqlite3_column_int64(q, 2),
                                .seq = sqlite3_column_int64(q, 3),
                                .t = sqlite3_column_int64(q, 4),
                                .lc = sqlite3_column_int64(q, 5),
                                .ev = (const char *)sqlite3_column_text(q, 6),
                                .cause = sqlite3_column_int64(q, 7),
                                .has_state = role != NULL,
                                .term = sqlite3_column_int64(q, 8),
                                .role = role != NULL ? role[0] : '\0',
                                .ci = sqlite3_column_int64(q, 10),
                                .ai = sqlite3_column_int64(q, 11),
                                .li = sqlite3_column_int64(q, 12)};
    r->body = (struct trace_text){(const char *)sqlite3_column_text(q, 13), (size_t)sqlite3_column_bytes(q, 13)};
}

char *export_words(const struct export_record *r, const struct trace_record *fields)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (f == NULL)
        return mem_text("", 0);
    words_of_record(f,
                    &(struct words_context){.ev = r->ev,
                                            .term = r->has_state ? r->term : -1,
                                            .ci = r->has_state ? r->ci : -1,
                                            .ai = r->has_state ? r->ai : -1,
                                            .li = r->has_state ? r->li : -1,
                                            .role = r->role},
                    fields);
    fclose(f);
    if (n > 0)
        return text;
    free(text);
    return mem_text(r->body.p, r->body.n < 200 ? r->body.n : 200);
}

void export_fail(struct export *e, int status, const char *fmt, ...)
{
    va_list ap;
    if (e->status != 0)
        return;
    va_start(ap, fmt);
    vsnprintf(e->err, sizeof e->err, fmt, ap);
    va_end(ap);
    e->status = status;
}
