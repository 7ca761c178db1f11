/* diff_cmd.c -- analyze diff: which two runs, and on which level. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "cli.h"
#include "commands.h"
#include "diff.h"

static const char help[] =
    "usage: analyze diff RUN|DB RUN|DB [--by raft|client|net]\n"
    "Finds where two runs part, as a failing and a passing one of the same scenario: the first thing that happened in "
    "one\n"
    "and not in the other, the message that made the difference, and what followed.\n"
    "\n"
    "  analyze diff runs/fail runs/pass\n"
    "  analyze diff runs/fail runs/pass --by client\n"
    "\n"
    "  --by LEVEL  raft    elections, entries, commits and applications of each replica, by term, index and operation\n"
    "              client  operations of each client, in its order\n"
    "              net     messages of each link, in order, and whether they were lost\n"
    "              default: raft, then client, then net, until the runs part\n"
    "\n"
    "Times, message ids and request ids do not count: they differ between any two runs.\n"
    "Exit status: 0 compared, 64 and above: could not do it.\n";

static bool level_named(const char *name, enum diff_level *level)
{
    static const char *const names[DIFF_LEVELS] = {[DIFF_RAFT] = "raft", [DIFF_CLIENT] = "client", [DIFF_NET] = "net"};
    for (int i = 0; i < DIFF_LEVELS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *level = (enum diff_level)i;
            return true;
        }
    }
    return false;
}

/* Opens it, with the checks done: what followed is told by violations. */
static int open_checked(struct db *db, const char *where)
{
    int status = cli_open(db, "diff", where, true, NULL, 0);
    enum verdict worst;
    if (status == 0 && check_due(db) && !check_all(db, &(struct check_options){0}, &worst))
        status = cli_fail(db->status, "diff", "%s: %s", where, db->err);
    return status;
}

static bool fails(struct db *db)
{
    return db_int(db, "SELECT count(*) FROM violations", 0) > 0;
}

int cmd_diff(int argc, char **argv)
{
    static const struct option longs[] = {
        {"by", required_argument, NULL, 'b'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    enum diff_level level = DIFF_LEVELS;
    int opt;
    optind = 1;
    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
        if (opt == 'h') {
            fputs(help, stdout);
            return EXIT_PASSED;
        }
        if (opt != 'b')
            return cli_bad_option("diff", argc, argv, longs);
        if (!level_named(optarg, &level))
            return cli_fail(EXIT_USAGE, "diff", "--by %s: raft, client or net", optarg);
    }
    if (argc - optind != 2)
        return cli_fail(EXIT_USAGE, "diff", "name two runs (see analyze diff --help)");
    struct db a = {0}, b = {0};
    int status = open_checked(&a, argv[optind]);
    if (status == 0)
        status = open_checked(&b, argv[optind + 1]);
    if (status == 0) {
        bool named = fails(&a) != fails(&b);
        const struct diff_run of_a = {&a, db_int(&a, "SELECT min(run_id) FROM runs", 1),
                                      !named      ? "A"
                                      : fails(&a) ? "fail"
                                                  : "pass"};
        const struct diff_run of_b = {&b, db_int(&b, "SELECT min(run_id) FROM runs", 1),
                                      !named      ? "B"
                                      : fails(&b) ? "fail"
                                                  : "pass"};
        if (!diff_print(&of_a, &of_b, level, stdout))
            status = cli_fail(a.failed ? a.status : b.status, "diff", "%s", a.failed ? a.err : b.err);
        else if (fflush(stdout) != 0)
            status = cli_fail(EXIT_IO, "diff", "cannot write the result");
    }
    db_close(&a);
    db_close(&b);
    return status;
}
