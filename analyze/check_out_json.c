/* check_out_json.c -- JSON, whose keys are an interface ("faultline-check/1": keys are only ever added). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check_out.h"
#include "report_text.h"

/* Text of a column; NULL is null. Bytes that are no UTF-8 (a name cut in the middle) become '?'. */
static json_t *text(sqlite3_stmt *q, int i)
{
    const char *s = (const char *)sqlite3_column_text(q, i);
    if (s == NULL)
        return json_null();
    json_t *j = json_string(s);
    if (j != NULL)
        return j;
    char *plain = strdup(s);
    for (char *p = plain; p != NULL && *p != '\0'; p++) {
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    }
    j = plain != NULL ? json_string(plain) : json_null();
    free(plain);
    return j;
}

static json_t *number(sqlite3_stmt *q, int i)
{
    return sqlite3_column_type(q, i) == SQLITE_NULL ? json_null() : json_integer(sqlite3_column_int64(q, i));
}

/* "V1": ids are strings. */
static json_t *id_text(const char *prefix, sqlite3_stmt *q, int i)
{
    return sqlite3_column_type(q, i) == SQLITE_NULL
               ? json_null()
               : json_sprintf("%s%" PRId64, prefix, (int64_t)sqlite3_column_int64(q, i));
}

static json_t *checks_of(struct db *db, int64_t run_id, const struct check_options *ran)
{
    json_t *all = json_array();
    sqlite3_stmt *q =
        db_prepare(db, "SELECT verdict, examined, note,"
                       " (SELECT count(*) FROM violations v WHERE v.run_id = c.run_id AND v.\"check\" = c.\"check\")"
                       " FROM checks c WHERE run_id = :run AND \"check\" = :check");
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        if (!check_chosen(ran, c->id))
            continue;
        db_bind_int(db, q, ":run", run_id);
        db_bind_text(db, q, ":check", c->id);
        if (db_row(db, q))
            json_array_append_new(all,
                                  json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "id", c->id, "title", c->title,
                                            "severity", c->severity, "verdict", (const char *)sqlite3_column_text(q, 0),
                                            "examined", number(q, 1), "violations", number(q, 3), "note", text(q, 2)));
        sqlite3_reset(q);
    }
    db_done(db, q);
    return all;
}

#define RECORD_REF                                                                                                     \
    "r.node || '.' || r.boot || ':' || r.seq, (SELECT path FROM sources s WHERE s.source_id = r.source_id), r.line"

static json_t *evidence_of(struct db *db, int64_t violation)
{
    json_t *all = json_array();
    sqlite3_stmt *q = db_prepare(
        db, "SELECT e.part, e.note, o.op, m.d, f.f, " RECORD_REF ", coalesce(r.t, m.t_in, f.t_begin)"
            " FROM violation_evidence e LEFT JOIN records r ON r.id = e.rec LEFT JOIN ops o ON o.op_id = e.op_id"
            " LEFT JOIN messages m ON m.msg_id = e.msg_id LEFT JOIN faults f ON f.fault_id = e.fault_id"
            " WHERE e.violation_id = :v ORDER BY e.pos");
    db_bind_int(db, q, ":v", violation);
    while (db_row(db, q))
        json_array_append_new(all, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "part", text(q, 0),
                                             "note", text(q, 1), "t", number(q, 8), "op", text(q, 2), "datagram",
                                             id_text("d:", q, 3), "fault", id_text("F", q, 4), "record", text(q, 5),
                                             "file", text(q, 6), "line", number(q, 7)));
    db_done(db, q);
    return all;
}

static json_t *violations_of(struct db *db, int64_t run_id, const struct check_options *ran)
{
    char ids[REPORT_IDS];
    report_ids(ran, ids);
    json_t *all = json_array();
    sqlite3_stmt *q = db_prepare(
        db, "SELECT v.violation_id, v.\"check\", v.severity, v.fingerprint, v.title, v.t, v.node, v.key, " RECORD_REF
            " FROM violations v LEFT JOIN records r ON r.id = v.first_bad_rec"
            " WHERE v.run_id = :run AND " REPORT_RAN " ORDER BY v.violation_id");
    db_bind_int(db, q, ":run", run_id);
    db_bind_text(db, q, ":ids", ids);
    while (db_row(db, q)) {
        json_t *first = sqlite3_column_type(q, 8) == SQLITE_NULL ? json_null()
                                                                 : json_pack("{s:o, s:o, s:o}", "record", text(q, 8),
                                                                             "file", text(q, 9), "line", number(q, 10));
        json_array_append_new(all,
                              json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", id_text("V", q, 0),
                                        "check", text(q, 1), "severity", text(q, 2), "class", text(q, 3), "title",
                                        text(q, 4), "t", number(q, 5), "node", text(q, 6), "key", text(q, 7),
                                        "first_bad", first, "evidence", evidence_of(db, sqlite3_column_int64(q, 0))));
    }
    db_done(db, q);
    return all;
}

static const char *verdict_of(struct report_counts n)
{
    return verdict_word(n.fail > 0      ? VERDICT_FAIL
                        : n.unknown > 0 ? VERDICT_UNKNOWN
                        : n.pass > 0    ? VERDICT_PASS
                                        : VERDICT_SKIPPED);
}

static void json_run(struct check_out *out, const struct check_result *r)
{
    if (out->doc == NULL)
        out->doc = json_array();
    sqlite3_stmt *q = db_prepare(r->db, "SELECT name, seed, loss_free FROM runs WHERE run_id = :run");
    db_bind_int(r->db, q, ":run", r->run_id);
    if (db_row(r->db, q)) {
        json_t *run =
            json_pack("{s:s+, s:o, s:o, s:b, s:s, s:o, s:o}", "input", r->name, "", "run", text(q, 0), "seed",
                      number(q, 1), "complete", (int)sqlite3_column_int64(q, 2), "verdict",
                      verdict_of(report_count(r->db, r->run_id, out->ran)), "checks",
                      checks_of(r->db, r->run_id, out->ran), "violations", violations_of(r->db, r->run_id, out->ran));
        json_object_set_new(run, "rerun", r->info->rerun != NULL ? json_string(r->info->rerun) : json_null());
        json_object_set_new(run, "scenario", r->info->scenario != NULL ? json_string(r->info->scenario) : json_null());
        json_array_append_new(out->doc, run);
    }
    db_done(r->db, q);
}

static void json_end(struct check_out *out)
{
    json_t *j =
        json_pack("{s:s, s:o}", "schema", "faultline-check/1", "runs", out->doc != NULL ? out->doc : json_array());
    json_dumpf(j, out->f, JSON_INDENT(1) | JSON_ENSURE_ASCII); /* no control of a terminal gets through */
    fputc('\n', out->f);
    json_decref(j);
}

const struct check_format check_json = {"json", json_run, json_end};
