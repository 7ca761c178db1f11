/* explain.c -- `analyze explain`: what the user named, and how far back to go. */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cli.h"
#include "commands.h"
#include "explain_int.h"
#include "minimal.h"

static const char help[] =
    "usage: analyze explain RUN|DB [WHAT] [--run NAME] [--depth N]\n"
    "       analyze explain --minimal RUN\n"
    "Tells the story of WHAT, in order of time, with the records that prove it; of a violation also what led to it, "
    "from\n"
    "when on it was inevitable, the first wrong step of each layer, and where in a program to look.\n"
    "\n"
    "  analyze explain runs/latest              the worst violation\n"
    "  analyze explain runs/latest op:0010:24   an operation of a client\n"
    "  analyze explain runs/latest lost:V1      the lost messages that would have prevented violation 1\n"
    "\n"
    "WHAT is V1, a check R45 (its first violation), op:0010:24, a record 0003.1:1462 (node.boot:number), a value\n"
    "k3=0012.22, an election leader:0000@3, a fault F1, a datagram d:1316, or the lost messages that carried a value\n"
    "(lost:k3=0012.22) or mattered for a violation (lost:V1). For a name that is not there the nearest are named.\n"
    "  --run NAME  look in this run only, when the database has several\n"
    "  --depth N   go N causal steps back\n"
    "  --minimal   of a run in virtual time: a smallest set of faults and lost messages without which the worst "
    "violation\n"
    "              does not happen; `simulate` makes the run again without them, 80 times at most. Status 2: none "
    "found\n"
    "Exit status: 0 told, 65 there is no such thing, 66 cannot open.\n";

static int not_found(struct db *db, const char *what, int64_t run_id)
{
    char nearest[600];
    explain_nearest(db, run_id, what, nearest, sizeof nearest);
    fputs("analyze explain: nothing here is called \"", stderr);
    cli_print(stderr, what);
    fputs("\"; ", stderr);
    if (nearest[0] != '\0') {
        fputs("there is ", stderr);
        cli_print(stderr, nearest);
    } else {
        fputs("name ", stderr);
        explain_kinds(stderr);
    }
    fputc('\n', stderr);
    return EXIT_DATA;
}

/* The first stored answer of a check, "" when it did not run. Static. */
static const char *verdict_of(struct db *db, const char *check, int64_t only)
{
    const char *words = "";
    sqlite3_stmt *q = db_prepare(db, "SELECT verdict FROM checks WHERE \"check\" = :check AND :run IN (0, run_id)");
    db_bind_text(db, q, ":check", check);
    db_bind_int(db, q, ":run", only);
    if (db_row(db, q)) {
        for (enum verdict v = VERDICT_PASS; v <= VERDICT_SKIPPED; v++) {
            if (strcmp((const char *)sqlite3_column_text(q, 0), verdict_word(v)) == 0)
                words = verdict_word(v);
        }
    }
    db_done(db, q);
    return words;
}

/* "V12": 12; "R45": the first violation of that check; 0 = neither. In run `only`, if that is not 0. */
static int64_t violation_named(struct db *db, const char *what, int64_t only)
{
    char *end;
    if (what[0] == 'V') {
        int64_t v = strtoll(what + 1, &end, 10);
        return *end == '\0' && v > 0 ? v : 0;
    }
    sqlite3_stmt *q = db_prepare(db, "SELECT coalesce(min(violation_id), 0) FROM violations WHERE \"check\" = :check"
                                     " AND :run IN (0, run_id)");
    db_bind_text(db, q, ":check", what);
    db_bind_int(db, q, ":run", only);
    int64_t v = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    return v;
}

static int explain_named(struct db *db, const char *what, int64_t run_id, int depth)
{
    int64_t v = what == NULL ? explain_worst_of(db, run_id) : violation_named(db, what, run_id);
    if (db->failed)
        return cli_fail(db->status, "explain", "%s", db->err);
    if (v == 0 && (what == NULL || check_find(what) != NULL)) {
        const char *verdict = what == NULL ? "" : verdict_of(db, what, run_id);
        if (check_due(db))
            puts("not checked yet: analyze check");
        else
            printf("no violation to explain%s%s%s%s\n", what != NULL ? " of " : "", what != NULL ? what : "",
                   verdict[0] != '\0' ? ": it answered " : "", verdict);
        return EXIT_PASSED;
    }
    bool told = v > 0 ? explain_violation(db, v, depth, stdout) : explain_thing(db, what, run_id, depth, stdout);
    if (db->failed)
        return cli_fail(db->status, "explain", "%s", db->err);
    return told ? EXIT_PASSED : not_found(db, what, run_id);
}

/* The number of the run of this name; 0 = there is none. */
static int64_t run_named(struct db *db, const char *name)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id FROM runs WHERE name = :name");
    db_bind_text(db, q, ":name", name);
    int64_t id = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    return id;
}

int cmd_explain(int argc, char **argv)
{
    const char *where = NULL, *what = NULL, *run = NULL;
    int depth = EXPLAIN_DEPTH;
    bool minimal = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return EXIT_PASSED;
        }
        if (strcmp(argv[i], "--run") == 0) {
            run = i + 1 < argc ? argv[++i] : NULL;
            if (run == NULL)
                return cli_fail(EXIT_USAGE, "explain", "--run needs the name of a run");
        } else if (strcmp(argv[i], "--depth") == 0) {
            char *end = NULL;
            long n = i + 1 < argc ? strtol(argv[++i], &end, 10) : -1;
            if (end == NULL || *end != '\0' || n < 0 || n > 10000)
                return cli_fail(EXIT_USAGE, "explain", "--depth needs a number from 0 to 10000");
            depth = (int)n;
        } else if (strcmp(argv[i], "--minimal") == 0) {
            minimal = true;
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            return cli_fail(EXIT_USAGE, "explain", "unknown option %s (see analyze explain --help)", argv[i]);
        } else if (where == NULL) {
            where = argv[i];
        } else if (what == NULL) {
            what = argv[i];
        } else {
            return cli_fail(EXIT_USAGE, "explain", "one thing at a time: %s is too much", argv[i]);
        }
    }
    if (minimal && (what != NULL || run != NULL || depth != EXPLAIN_DEPTH))
        return cli_fail(EXIT_USAGE, "explain", "--minimal takes the directory of a run, and nothing else");
    if (where == NULL)
        return cli_fail(EXIT_USAGE, "explain", "which run? (see analyze explain --help)");
    struct db db = {0};
    int status = cli_open(&db, "explain", where, true, NULL, 0);
    if (status != 0)
        return status;
    /* Violations exist only after the checks have run; a person who asks for one wants them now. */
    enum verdict worst;
    if (check_due(&db) && !check_all(&db, &(struct check_options){0}, &worst))
        status = cli_fail(db.status, "explain", "%s", db.err);
    else if (run != NULL && run_named(&db, run) == 0)
        status = cli_fail(EXIT_DATA, "explain", "there is no run %s here; analyze sql DB 'SELECT name FROM runs'", run);
    else if (minimal)
        status = explain_minimal(&db, where);
    else
        status = explain_named(&db, what, run != NULL ? run_named(&db, run) : 0, depth);
    db_close(&db);
    return status;
}
