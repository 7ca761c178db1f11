/* check_out.c -- the formats there are, and the one for people. */
#include "check_out.h"

#include <inttypes.h>
#include <string.h>

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

static void known_already(struct check_out *out, const struct check_result *r)
{
    int64_t known = 0, all = 0;
    baseline_count(out->baseline, r->db, r->run_id, out->ran, &known, &all);
    if (known > 0)
        fprintf(out->f, "known  %" PRId64 " of %" PRId64 " violations are of classes that the baseline has%s\n", known,
                all, known == all ? ": nothing new, so this fails nothing" : "");
}

static void text_run(struct check_out *out, const struct check_result *r)
{
    if (out->many) {
        classes_add(&out->classes, r, out->ran);
        return;
    }
    if (db_int(r->db, "SELECT count(*) FROM runs", 0) > 1) {
        fputs("== ", out->f);
        cli_print(out->f, r->name);
        fputs("  run ", out->f);
        cli_print(out->f, r->run);
        fputc('\n', out->f);
    }
    report_losses(out->f, r->db, r->run_id);
    report_checks(out->f, r->db, r->run_id, out->ran);
    print_classes(out->f, r->db, r->run_id, out->ran);
    report_totals(out->f, r->db, r->run_id, out->ran);
    known_already(out, r);
}

/* Of many runs one line for each class of violation, not one for each violation. */
static void text_end(struct check_out *out)
{
    const struct check_classes *all = &out->classes;
    if (!out->many)
        return;
    for (size_t i = 0; i < all->n; i++) {
        const struct check_class *c = &all->v[i];
        fputs(baseline_knows(out->baseline, c->check, c->class) ? "known " : "FAIL  ", out->f);
        fprintf(out->f, "%-4s ", c->check);
        cli_print(out->f, c->class);
        fprintf(out->f, "   %" PRId64 " of %" PRId64 " runs, first ", c->runs, all->runs);
        cli_print(out->f, c->first_name);
        if (c->smallest_name != NULL && strcmp(c->smallest_name, c->first_name) != 0) {
            fputs(", smallest ", out->f);
            cli_print(out->f, c->smallest_name);
        }
        fputs("\n      ", out->f);
        cli_print(out->f, c->title);
        fputc('\n', out->f);
        if (c->rerun != NULL) {
            fputs("      again: ", out->f);
            cli_print(out->f, c->rerun);
            fputc('\n', out->f);
        }
    }
    if (all->undecided > 0)
        fprintf(out->f, "UNKNOWN  %" PRId64 " of %" PRId64 " runs could not be decided, first ", all->undecided,
                all->runs);
    if (all->undecided > 0) {
        cli_print(out->f, all->first_undecided);
        fputc('\n', out->f);
    }
    fprintf(out->f, "%s    %" PRId64 " runs, %" PRId64 " passed\n", all->n > 0 ? "FAIL" : "ok  ", all->runs,
            all->passed);
}

const struct check_format check_text = {"text", text_run, text_end};

/* ---- all of them ---- */

const struct check_format *check_format_find(const char *name)
{
    static const struct check_format *const all[] = {&check_text,  &check_json,   &check_junit,
                                                     &check_sarif, &check_github, &check_tap};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    }
    return NULL;
}
