/* verdict.c -- `analyze RUN`: load if needed, check everything, explain the worst. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cli.h"
#include "commands.h"
#include "explain.h"
#include "report_text.h"

static const char help[] = "usage: analyze RUN|DB [--depth N] [--exit-zero] [--unknown-ok]\n"
                           "Loads the run if needed, runs all checks, and explains the worst violation.\n"
                           "\n"
                           "  analyze runs/latest\n"
                           "  analyze runs/latest/run.db --depth 6     more of the causes\n"
                           "  analyze runs/latest --unknown-ok         missing records do not fail the build\n"
                           "\n"
                           "  --depth N      go N causal steps back in the explanation\n"
                           "  --exit-zero    exit with 0 whatever was found\n"
                           "  --unknown-ok   exit with 0 when nothing failed, although something could not be decided\n"
                           "Exit status: 0 all passed, 1 a violation, 2 not decided, 64 and above: could not do it.\n";

struct options {
    const char *where;
    int depth;
    bool exit_zero, unknown_ok;
};

/* 0, or an exit status with the reason said; -1: help was printed. */
static int read_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return -1;
        }
        if (strcmp(argv[i], "--exit-zero") == 0) {
            o->exit_zero = true;
        } else if (strcmp(argv[i], "--unknown-ok") == 0) {
            o->unknown_ok = true;
        } else if (strcmp(argv[i], "--depth") == 0) {
            char *end = NULL;
            long n = i + 1 < argc ? strtol(argv[++i], &end, 10) : -1;
            if (end == NULL || *end != '\0' || n < 0 || n > 10000)
                return cli_fail(EXIT_USAGE, "", "--depth needs a number from 0 to 10000");
            o->depth = (int)n;
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            return cli_fail(EXIT_USAGE, "", "unknown option %s (see analyze --help)", argv[i]);
        } else if (o->where == NULL) {
            o->where = argv[i];
        } else {
            return cli_fail(EXIT_USAGE, "", "one run at a time: %s is too much", argv[i]);
        }
    }
    return o->where != NULL ? 0 : cli_fail(EXIT_USAGE, "", "which run? (see analyze --help)");
}

/* Prints all runs of the database; adds up their checks. */
static struct report_counts print_runs(struct db *db)
{
    struct report_counts sum = {0, 0, 0, 0};
    int64_t n = db_int(db, "SELECT count(*) FROM runs", 0);
    for (int64_t i = 0; i < n && !db->failed; i++) {
        sqlite3_stmt *q = db_prepare(db, "SELECT run_id, name FROM runs ORDER BY run_id LIMIT 1 OFFSET :i");
        db_bind_int(db, q, ":i", i);
        int64_t run_id = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
        if (n > 1) {
            fputs(i > 0 ? "\nrun      " : "run      ", stdout);
            cli_print(stdout, (const char *)sqlite3_column_text(q, 1));
            fputc('\n', stdout);
        }
        db_done(db, q);
        report_run(stdout, db, run_id);
        report_losses(stdout, db, run_id);
        fputc('\n', stdout);
        report_checks(stdout, db, run_id, NULL);
        report_totals(stdout, db, run_id, NULL);
        struct report_counts c = report_count(db, run_id, NULL);
        sum.pass += c.pass;
        sum.fail += c.fail;
        sum.unknown += c.unknown;
        sum.skipped += c.skipped;
    }
    return sum;
}

static void print_next(struct db *db, const char *where, int64_t worst)
{
    fputs("\nnext  analyze explain ", stdout);
    cli_print(stdout, where);
    printf(" V%lld --depth 6\n      analyze timeline ", (long long)worst);
    cli_print(stdout, where);
    printf(" --around V%lld", (long long)worst);
    fputs("\n      analyze report ", stdout);
    cli_print(stdout, where);
    if (db_int(db, "SELECT max(violation_id) FROM violations", 0) > 1) {
        fputs("\n      analyze sql ", stdout);
        cli_print(stdout, where);
        fputs(" 'SELECT * FROM violations'", stdout);
    }
    fputc('\n', stdout);
    /* The simulator puts into its header the line that makes the same run again. */
    sqlite3_stmt *q =
        db_prepare(db, "SELECT json_extract(body, '$.argv') FROM records WHERE ev = 'trace.open'"
                       " AND node = 'sim' AND json_extract(body, '$.argv') IS NOT NULL ORDER BY id LIMIT 1");
    while (db_row(db, q)) {
        fputs("      ", stdout);
        cli_print(stdout, (const char *)sqlite3_column_text(q, 0));
        fputc('\n', stdout);
    }
    db_done(db, q);
}

static int judge(struct db *db, const struct options *o)
{
    enum verdict worst;
    if (!check_all(db, &(struct check_options){0}, &worst))
        return cli_fail(db->status, "", "%s", db->err);
    struct report_counts c = print_runs(db);
    int64_t v = explain_worst(db);
    if (v != 0) {
        fputc('\n', stdout);
        explain_violation(db, v, o->depth, stdout);
        print_next(db, o->where, v);
    }
    if (db->failed)
        return cli_fail(db->status, "", "%s", db->err);
    if (fflush(stdout) != 0)
        return cli_fail(EXIT_IO, "", "cannot write the result");
    if (o->exit_zero)
        return EXIT_PASSED;
    if (c.fail > 0)
        return EXIT_VIOLATION;
    /* A trace that is whole (T) says nothing yet about what it tells of. */
    bool shown = db_int(db, "SELECT count(*) FROM checks WHERE verdict = 'pass' AND \"check\" NOT GLOB 'T*'", 0) > 0;
    if (c.unknown == 0 && !shown)
        puts("\nUNKNOWN  nothing in this trace could be checked but the trace itself");
    return (c.unknown > 0 || !shown) && !o->unknown_ok ? EXIT_UNDECIDED : EXIT_PASSED;
}

int cmd_verdict(int argc, char **argv)
{
    struct options o = {.depth = EXPLAIN_DEPTH};
    int status = read_options(argc, argv, &o);
    if (status != 0)
        return status < 0 ? EXIT_PASSED : status;
    struct db db = {0};
    status = cli_open(&db, "", o.where, true, NULL, 0);
    if (status != 0)
        return status;
    status = judge(&db, &o);
    db_close(&db);
    return status;
}
