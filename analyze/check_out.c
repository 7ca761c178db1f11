/* check_out.c -- text for people; JSON, whose keys are an interface ("faultline-check/1": keys are only ever added). */
#include "check_out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cli.h"
#include "explain_class.h"
#include "report_text.h"

/* ---- text ---- */

/* What went wrong, by class: how often, the first of each to look at, and what it is. */
static void print_classes(FILE *f, struct db *db, int64_t run_id, const struct check_options *ran)
{
    char ids[REPORT_IDS];
    report_ids(ran, ids);
    sqlite3_stmt *q =
        db_prepare(db, "SELECT fingerprint, count(*), min(violation_id), \"check\" FROM violations WHERE run_id = :run"
                       " AND " REPORT_RAN " GROUP BY \"check\", fingerprint ORDER BY min(violation_id)");
    db_bind_int(db, q, ":run", run_id);
    db_bind_text(db, q, ":ids", ids);
    bool any = false;
    while (db_row(db, q)) {
        fputs(any ? "" : "\n", f);
        fprintf(f, "%6" PRId64 "  %-4s ", (int64_t)sqlite3_column_int64(q, 1), (const char *)sqlite3_column_text(q, 3));
        cli_print(f, (const char *)sqlite3_column_text(q, 0));
        fprintf(f, "   V%" PRId64 "\n", (int64_t)sqlite3_column_int64(q, 2));
        const struct violation_class *c = class_find((const char *)sqlite3_column_text(q, 0));
        if (c != NULL)
            fprintf(f, "             %s\n", c->says);
        any = true;
    }
    db_done(db, q);
    if (any)
        fputc('\n', f);
}

void check_out_text(struct check_out *out, struct db *db, const char *name)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id, name, count(*) OVER () FROM runs ORDER BY run_id");
    while (db_row(db, q)) {
        int64_t run_id = sqlite3_column_int64(q, 0);
        if (out->many || sqlite3_column_int64(q, 2) > 1) {
            fputs("== ", out->f);
            cli_print(out->f, name);
            fputs("  run ", out->f);
            cli_print(out->f, (const char *)sqlite3_column_text(q, 1));
            fputc('\n', out->f);
        }
        report_losses(out->f, db, run_id);
        report_checks(out->f, db, run_id, out->ran);
        print_classes(out->f, db, run_id, out->ran);
        report_totals(out->f, db, run_id, out->ran);
    }
    db_done(db, q);
}

/* ---- JSON ---- */

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

void check_out_json(struct check_out *out, struct db *db, const char *name)
{
    if (out->runs == NULL)
        out->runs = json_array();
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id, name, seed, loss_free FROM runs ORDER BY run_id");
    while (db_row(db, q)) {
        int64_t run_id = sqlite3_column_int64(q, 0);
        json_array_append_new(
            out->runs, json_pack("{s:s+, s:o, s:o, s:b, s:s, s:o, s:o}", "input", name, "", "run", text(q, 1), "seed",
                                 number(q, 2), "complete", (int)sqlite3_column_int64(q, 3), "verdict",
                                 verdict_of(report_count(db, run_id, out->ran)), "checks",
                                 checks_of(db, run_id, out->ran), "violations", violations_of(db, run_id, out->ran)));
    }
    db_done(db, q);
}

/* ---- JUnit XML ---- */

/* Text in XML 1.0: markup is escaped; control characters (which it cannot express), marks that reorder text and what is
 * no UTF-8 are left out. */
static void xml(FILE *f, const char *s)
{
    static const struct {
        char c;
        const char *as;
    } escapes[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}};
    const char *end = s != NULL ? s + strlen(s) : NULL;
    for (size_t len = 1; s < end; s += len) {
        size_t i = 0, n = cli_printable((const unsigned char *)s, (size_t)(end - s));
        len = n > 0 ? n : 1;
        while (i < sizeof escapes / sizeof *escapes && escapes[i].c != *s)
            i++;
        if (i < sizeof escapes / sizeof *escapes)
            fputs(escapes[i].as, f);
        else if (n > 0 || *s == '\n')
            fwrite(s, 1, len, f);
    }
}

static void junit_failure(FILE *f, struct db *db, int64_t run_id, const char *check, const char *note)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT violation_id, fingerprint, title FROM violations WHERE run_id = :run AND \"check\" = :check"
            " ORDER BY violation_id LIMIT 50");
    db_bind_int(db, q, ":run", run_id);
    db_bind_text(db, q, ":check", check);
    bool any = false;
    while (db_row(db, q)) {
        if (!any) {
            fputs("<failure type=\"", f);
            xml(f, (const char *)sqlite3_column_text(q, 1));
            fputs("\" message=\"", f);
            xml(f, note != NULL ? note : (const char *)sqlite3_column_text(q, 2));
            fputs("\">", f);
        }
        any = true;
        fprintf(f, "V%" PRId64 " ", (int64_t)sqlite3_column_int64(q, 0));
        xml(f, (const char *)sqlite3_column_text(q, 2));
        fputs("\n", f);
    }
    if (any)
        fputs("</failure>", f);
    db_done(db, q);
}

static void junit_case(FILE *f, struct db *db, int64_t run_id, const char *run, const struct check *c, sqlite3_stmt *q)
{
    const char *note = (const char *)sqlite3_column_text(q, 1), *verdict = (const char *)sqlite3_column_text(q, 0);
    fputs("  <testcase classname=\"faultline.", f);
    xml(f, run);
    fprintf(f, "\" name=\"%s ", c->id);
    xml(f, c->title);
    fprintf(f, "\" time=\"%.3f\">", (double)sqlite3_column_int64(q, 2) / 1e6);
    if (strcmp(verdict, verdict_word(VERDICT_FAIL)) == 0)
        junit_failure(f, db, run_id, c->id, note);
    if (strcmp(verdict, verdict_word(VERDICT_UNKNOWN)) == 0 || strcmp(verdict, verdict_word(VERDICT_SKIPPED)) == 0) {
        bool unknown = strcmp(verdict, verdict_word(VERDICT_UNKNOWN)) == 0;
        fputs(unknown ? "<error type=\"unknown\" message=\"" : "<skipped message=\"", f);
        xml(f, note);
        fputs("\"/>", f);
    }
    fputs("</testcase>\n", f);
}

void check_out_junit(struct check_out *out, struct db *db, const char *name)
{
    (void)name;
    if (!out->xml)
        fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out->f);
    out->xml = true;
    sqlite3_stmt *runs = db_prepare(db, "SELECT run_id, name FROM runs ORDER BY run_id");
    sqlite3_stmt *q =
        db_prepare(db, "SELECT verdict, note, elapsed_us FROM checks WHERE run_id = :run AND \"check\" = :check");
    while (db_row(db, runs)) {
        int64_t run_id = sqlite3_column_int64(runs, 0);
        const char *run = (const char *)sqlite3_column_text(runs, 1);
        struct report_counts n = report_count(db, run_id, out->ran);
        fputs(" <testsuite name=\"faultline.", out->f);
        xml(out->f, run);
        fprintf(out->f,
                "\" tests=\"%" PRId64 "\" failures=\"%" PRId64 "\" errors=\"%" PRId64 "\" skipped=\"%" PRId64 "\">\n",
                n.pass + n.fail + n.unknown + n.skipped, n.fail, n.unknown, n.skipped);
        const struct check *c;
        for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
            if (!check_chosen(out->ran, c->id))
                continue;
            db_bind_int(db, q, ":run", run_id);
            db_bind_text(db, q, ":check", c->id);
            if (db_row(db, q))
                junit_case(out->f, db, run_id, run, c, q);
            sqlite3_reset(q);
        }
        fputs(" </testsuite>\n", out->f);
    }
    db_done(db, q);
    db_done(db, runs);
}

void check_out_end(struct check_out *out)
{
    if (out->runs != NULL) {
        json_t *j = json_pack("{s:s, s:o}", "schema", "faultline-check/1", "runs", out->runs);
        json_dumpf(j, out->f, JSON_INDENT(1) | JSON_ENSURE_ASCII); /* no control of a terminal gets through */
        fputc('\n', out->f);
        json_decref(j);
    }
    if (out->xml)
        fputs("</testsuites>\n", out->f);
}
