/* check_out_tap.c -- TAP 14, for prove and its kin: a test point for each check, with YAML about those that are not ok.
 */
#include <inttypes.h>
#include <string.h>

#include "check_out.h"
#include "cli.h"
#include "json_out.h"

/* In a description '#' begins a directive, and a backslash escapes. */
static void words(FILE *f, const char *s)
{
    for (; s != NULL && *s != '\0'; s++) {
        if (*s == '#' || *s == '\\')
            fputc('\\', f);
        cli_printn(f, s, 1);
    }
}

static void yaml(FILE *f, const char *key, const char *value)
{
    if (value == NULL)
        return;
    fprintf(f, "  %s: ", key);
    json_out_text(f, value); /* JSON strings are YAML */
    fputc('\n', f);
}

static void about(struct check_out *out, const struct check_result *r, const struct check *c, const char *verdict,
                  const char *note)
{
    FILE *f = out->f;
    fputs("  ---\n", f);
    yaml(f, "message", note);
    yaml(f, "severity", strcmp(verdict, verdict_word(VERDICT_FAIL)) == 0 ? "fail" : "todo");
    yaml(f, "verdict", verdict);
    yaml(f, "rule", c->help);
    sqlite3_stmt *q = db_prepare(
        r->db, "SELECT v.fingerprint, v.title, (SELECT path FROM sources s WHERE s.source_id = x.source_id), x.line"
               " FROM violations v LEFT JOIN records x ON x.id = v.first_bad_rec WHERE v.run_id = :run AND"
               " v.\"check\" = :check ORDER BY v.violation_id LIMIT 1");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_text(r->db, q, ":check", c->id);
    if (db_row(r->db, q)) {
        yaml(f, "class", (const char *)sqlite3_column_text(q, 0));
        yaml(f, "first", (const char *)sqlite3_column_text(q, 1));
        if (sqlite3_column_type(q, 2) == SQLITE_TEXT) {
            fputs("  at:\n  ", f);
            yaml(f, "file", (const char *)sqlite3_column_text(q, 2));
            fprintf(f, "    line: %" PRId64 "\n", (int64_t)sqlite3_column_int64(q, 3));
        }
    }
    db_done(r->db, q);
    if (r->info->has_seed)
        fprintf(f, "  seed: %" PRId64 "\n", r->info->seed);
    yaml(f, "rerun", r->info->rerun);
    yaml(f, "report", r->info->report);
    fputs("  ...\n", f);
}

static bool all_known(struct check_out *out, const struct check_result *r, const char *check)
{
    int64_t known = 0, all = 0;
    const struct check_options one = {.only = check};
    baseline_count(out->baseline, r->db, r->run_id, &one, &known, &all);
    return all > 0 && known == all;
}

static void point(struct check_out *out, const struct check_result *r, const struct check *c, const char *verdict,
                  const char *note)
{
    FILE *f = out->f;
    bool fail = strcmp(verdict, verdict_word(VERDICT_FAIL)) == 0,
         unknown = strcmp(verdict, verdict_word(VERDICT_UNKNOWN)) == 0,
         skipped = strcmp(verdict, verdict_word(VERDICT_SKIPPED)) == 0;
    bool known = fail && all_known(out, r, c->id);
    bool not_ok = fail || (unknown && !out->unknown_ok);
    fprintf(f, "%s %" PRId64 " - %s ", not_ok ? "not ok" : "ok", ++out->tests, c->id);
    words(f, c->title);
    if (out->many) {
        fputs(" in ", f);
        words(f, r->run);
    }
    if (known)
        fputs(" # TODO in the baseline", f); /* TAP's directive: a failure that is known */
    else if (skipped || (unknown && out->unknown_ok)) {
        fputs(" # SKIP ", f);
        words(f, note);
    }
    fputc('\n', f);
    if (not_ok)
        about(out, r, c, verdict, note);
}

static void tap_run(struct check_out *out, const struct check_result *r)
{
    if (!out->begun)
        fputs("TAP version 14\n", out->f);
    out->begun = true;
    fputs("# ", out->f);
    cli_print(out->f, r->name);
    fputc('\n', out->f);
    sqlite3_stmt *q = db_prepare(r->db, "SELECT verdict, note FROM checks WHERE run_id = :run AND \"check\" = :check");
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        if (!check_chosen(out->ran, c->id))
            continue;
        db_bind_int(r->db, q, ":run", r->run_id);
        db_bind_text(r->db, q, ":check", c->id);
        if (db_row(r->db, q))
            point(out, r, c, (const char *)sqlite3_column_text(q, 0), (const char *)sqlite3_column_text(q, 1));
        sqlite3_reset(q);
    }
    db_done(r->db, q);
}

static void tap_end(struct check_out *out)
{
    if (!out->begun)
        fputs("TAP version 14\n", out->f);
    fprintf(out->f, "1..%" PRId64 "\n", out->tests);
}

const struct check_format check_tap = {"tap", tap_run, tap_end};
