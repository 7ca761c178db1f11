/* stat.c -- analyze stat: what is in a run. The sections are the queries of stat.sql. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "cli.h"
#include "commands.h"
#include "queries.h"
#include "table.h"

static const char help[] =
    "usage: analyze stat DB|RUN [SECTION...] [--format FORMAT]\n"
    "Says what is in a run: nodes, boots, completeness, leaders, faults, clocks, loss, latencies, operations, reads\n"
    "and what they rested on, events; and which records more would switch on which checks.\n"
    "\n"
    "  analyze stat runs/7\n"
    "  analyze stat runs/7 links ops\n"
    "  analyze stat run.db links --format csv\n"
    "\n"
    "  --format FORMAT  " TABLE_FORMATS " (default table)\n"
    "json of several sections is one object, keyed by section.\n"
    "Sections: run nodes leaders faults clocks fates links ops reads events findings advice\n";

static bool wanted(const struct named_query *q, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], q->name) == 0)
            return true;
    }
    return argc == 0;
}

/* For the one section that is not made of tables alone. */
static void bind_advice(struct db *db, sqlite3_stmt *stmt)
{
    int at = stmt != NULL ? sqlite3_bind_parameter_index(stmt, ":advice") : 0;
    if (at == 0)
        return;
    char *json = advice_json(db);
    sqlite3_bind_text(stmt, at, json, -1, free);
}

/* Returns the number of rows. */
static long long section(struct db *db, const struct named_query *q, enum table_format format, bool first, bool keyed)
{
    char sql[4096];
    snprintf(sql, sizeof sql, "%.*s", (int)q->n, q->sql);
    sqlite3_stmt *stmt = db_prepare(db, sql);
    bind_advice(db, stmt);
    if (stmt == NULL || !db_row(db, stmt)) {
        db_done(db, stmt);
        if (format == TABLE_JSON && !keyed && !db->failed)
            puts("[]");
        return 0;
    }
    if (keyed)
        printf("%s\"%s\": ", first ? "{" : ",", q->name);
    if (format == TABLE_TABLE || format == TABLE_MD)
        printf("%s%s%s\n\n", first ? "" : "\n", format == TABLE_MD ? "## " : "", q->help);
    struct table *t = table_new(stdout, format, stmt);
    do
        table_row(t, stmt);
    while (db_row(db, stmt));
    db_done(db, stmt);
    return table_end(t);
}

int cmd_stat(int argc, char **argv)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'F'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    enum table_format format = TABLE_TABLE;
    struct named_query q;
    int opt;
    optind = 1;
    opterr = 0;
    while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (opt == 'h') {
            fputs(help, stdout);
            return EXIT_PASSED;
        }
        if (opt != 'F')
            return cli_bad_option("stat", argc, argv, longs);
        if (!table_format_named(optarg, &format))
            return cli_fail(EXIT_USAGE, "stat", "--format %s: the formats are " TABLE_FORMATS, optarg);
    }
    if (optind >= argc)
        return cli_fail(EXIT_USAGE, "stat", "which run? (see analyze stat --help)");
    const char *where = argv[optind++];
    for (int i = optind; i < argc; i++) {
        if (!query_find("stat.sql", argv[i], &q))
            return cli_fail(EXIT_USAGE, "stat", "there is no section %s (see analyze stat --help)", argv[i]);
    }

    struct db db;
    int status = cli_open(&db, "stat", where, false, NULL, 0);
    if (status != 0)
        return status;
    const char *at = NULL;
    long long rows = 0;
    bool keyed =
        format == TABLE_JSON && argc - optind != 1; /* one object of the sections; one section alone: its array */
    while (!db.failed && query_next("stat.sql", &at, &q)) {
        if (wanted(&q, argc - optind, argv + optind))
            rows += section(&db, &q, format, rows == 0, keyed);
    }
    if (keyed && !db.failed)
        puts(rows > 0 ? "}" : "{}");
    if (db.failed)
        status = cli_fail(db.status, "stat", "%s", db.err);
    db_close(&db);
    return status;
}
