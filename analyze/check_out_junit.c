/* check_out_junit.c -- JUnit XML, as Jenkins, GitLab and the like read it: a suite for each run, a case for each check.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check_out.h"
#include "cli.h"
#include "explain.h"
#include "report_text.h"

enum { STORIES = 3, TITLES = 50 }; /* violations of a check that are told in full, and that are named */

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

static void property(FILE *f, const char *name, const char *value)
{
    if (value == NULL)
        return;
    fprintf(f, "   <property name=\"%s\" value=\"", name);
    xml(f, value);
    fputs("\"/>\n", f);
}

/* What `analyze explain` prints. */
static void story(FILE *f, struct db *db, int64_t violation)
{
    char *text = NULL;
    size_t n;
    FILE *m = open_memstream(&text, &n);
    if (m == NULL)
        return;
    explain_violation(db, violation, EXPLAIN_DEPTH, m);
    fclose(m);
    xml(f, text);
    free(text);
}

static void failure(struct check_out *out, const struct check_result *r, const char *check, const char *note)
{
    FILE *f = out->f;
    sqlite3_stmt *q = db_prepare(
        r->db, "SELECT violation_id, fingerprint, title, count(*) OVER () FROM violations WHERE run_id = :run AND"
               " \"check\" = :check ORDER BY violation_id LIMIT 50");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_text(r->db, q, ":check", check);
    int64_t seen = 0, all = 0, told[STORIES];
    while (db_row(r->db, q)) {
        const char *class = (const char *)sqlite3_column_text(q, 1);
        if (seen == 0) {
            all = sqlite3_column_int64(q, 3);
            fputs("<failure type=\"", f);
            xml(f, class);
            fputs("\" message=\"", f);
            xml(f, note != NULL ? note : (const char *)sqlite3_column_text(q, 2));
            fputs("\">", f);
        }
        if (seen < STORIES)
            told[seen] = sqlite3_column_int64(q, 0);
        seen++;
        fprintf(f, "V%" PRId64 " ", (int64_t)sqlite3_column_int64(q, 0));
        xml(f, (const char *)sqlite3_column_text(q, 2));
        fputs(baseline_knows(out->baseline, check, class) ? " (in the baseline)\n" : "\n", f);
    }
    db_done(r->db, q);
    if (seen == 0)
        return;
    if (all > seen)
        fprintf(f, "%" PRId64 " more: analyze sql RUN 'SELECT * FROM violations'\n", all - seen);
    for (int64_t i = 0; i < seen && i < STORIES; i++) {
        fputs("\n", f);
        story(f, r->db, told[i]);
    }
    fputs("</failure>", f);
}

/* A check whose violations are all in the baseline is no failure. */
static bool only_known(struct check_out *out, const struct check_result *r, const char *check)
{
    int64_t known = 0, all = 0;
    const struct check_options one = {.only = check};
    baseline_count(out->baseline, r->db, r->run_id, &one, &known, &all);
    return all > 0 && known == all;
}

enum outcome { PASSED, FAILED, ERROR, SKIPPED };

static enum outcome outcome_of(struct check_out *out, const struct check_result *r, const char *check,
                               const char *verdict)
{
    if (strcmp(verdict, verdict_word(VERDICT_FAIL)) == 0)
        return only_known(out, r, check) ? SKIPPED : FAILED;
    if (strcmp(verdict, verdict_word(VERDICT_UNKNOWN)) == 0)
        return out->unknown_ok ? SKIPPED : ERROR;
    return strcmp(verdict, verdict_word(VERDICT_SKIPPED)) == 0 ? SKIPPED : PASSED;
}

static void one_case(struct check_out *out, const struct check_result *r, const struct check *c, sqlite3_stmt *q,
                     enum outcome is)
{
    FILE *f = out->f;
    const char *note = (const char *)sqlite3_column_text(q, 1);
    fputs("  <testcase classname=\"faultline.", f);
    xml(f, r->run);
    fprintf(f, "\" name=\"%s ", c->id);
    xml(f, c->title);
    fprintf(f, "\" time=\"%.3f\">", (double)sqlite3_column_int64(q, 2) / 1e6);
    if (is == FAILED)
        failure(out, r, c->id, note);
    if (is == ERROR) {
        fputs("<error type=\"unknown\" message=\"", f);
        xml(f, note);
        fputs("\"/>", f);
    }
    if (is == SKIPPED) {
        /* As text: not every schema has an attribute for it. */
        bool known = strcmp((const char *)sqlite3_column_text(q, 0), verdict_word(VERDICT_FAIL)) == 0;
        fputs(known ? "<skipped>in the baseline: " : "<skipped>", f);
        xml(f, note);
        fputs("</skipped>", f);
    }
    fputs("</testcase>\n", f);
}

struct tally {
    int64_t of[SKIPPED + 1];
    double seconds;
};

/* Goes over the checks that ran: twice, because the suite's numbers stand before its cases. */
static void each_check(struct check_out *out, const struct check_result *r, struct tally *counted)
{
    sqlite3_stmt *q =
        db_prepare(r->db, "SELECT verdict, note, elapsed_us FROM checks WHERE run_id = :run AND \"check\" = :check");
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        if (!check_chosen(out->ran, c->id))
            continue;
        db_bind_int(r->db, q, ":run", r->run_id);
        db_bind_text(r->db, q, ":check", c->id);
        if (db_row(r->db, q)) {
            enum outcome is = outcome_of(out, r, c->id, (const char *)sqlite3_column_text(q, 0));
            if (counted != NULL) {
                counted->of[is]++;
                counted->seconds += (double)sqlite3_column_int64(q, 2) / 1e6;
            } else {
                one_case(out, r, c, q, is);
            }
        }
        sqlite3_reset(q);
    }
    db_done(r->db, q);
}

static void junit_run(struct check_out *out, const struct check_result *r)
{
    FILE *f = out->f;
    struct tally t = {.seconds = 0};
    char host[256] = "localhost", when[32] = "1970-01-01T00:00:00", seed[32];
    time_t started = (time_t)(r->info->started_us / 1000000);
    struct tm tm;
    if (gmtime_r(&started, &tm) != NULL)
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!r->info->virtual_time && gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "localhost");
    if (!out->begun)
        fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", f);
    out->begun = true;
    each_check(out, r, &t);
    fputs(" <testsuite name=\"faultline.", f);
    xml(f, r->run);
    fprintf(f, "\" timestamp=\"%s\" hostname=\"", when);
    xml(f, host);
    fprintf(f,
            "\" tests=\"%" PRId64 "\" failures=\"%" PRId64 "\" errors=\"%" PRId64 "\" skipped=\"%" PRId64
            "\" time=\"%.3f\">\n",
            t.of[PASSED] + t.of[FAILED] + t.of[ERROR] + t.of[SKIPPED], t.of[FAILED], t.of[ERROR], t.of[SKIPPED],
            t.seconds);
    snprintf(seed, sizeof seed, "%" PRId64, r->info->seed);
    fputs("  <properties>\n", f);
    property(f, "input", r->name);
    property(f, "seed", r->info->has_seed ? seed : NULL);
    property(f, "rerun", r->info->rerun);
    property(f, "scenario", r->info->scenario);
    property(f, "report", r->info->report);
    fputs("  </properties>\n", f);
    each_check(out, r, NULL);
    fputs("  <system-out>", f);
    if (r->info->rerun != NULL) {
        fputs("again: ", f);
        xml(f, r->info->rerun);
        fputc('\n', f);
    }
    fputs("explain: analyze explain ", f);
    xml(f, r->name);
    fputs("</system-out>\n  <system-err></system-err>\n </testsuite>\n", f);
}

static void junit_end(struct check_out *out)
{
    fputs(out->begun ? "</testsuites>\n" : "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites/>\n", out->f);
}

const struct check_format check_junit = {"junit", junit_run, junit_end};
