/* check_cmd.c -- analyze check: runs the checks, stores what they find, and says so as text, JSON or JUnit XML. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "check_out.h"
#include "cli.h"
#include "commands.h"

static const char usage[] = "analyze check - run the checks on a run or a database, and store what they find in it\n"
                            "\n"
                            "  analyze check runs/7\n"
                            "  analyze check run.db --only C1,C2 --format json -o check.json\n"
                            "  analyze check runs/7 --skip R --budget 5m\n"
                            "\n"
                            "  --only LIST      these checks only: ids, or letters for whole families (C,R13)\n"
                            "  --skip LIST      all but these\n"
                            "  --budget TIME    time for all searches together (30s, 5m, 500ms; default 30s)\n"
                            "  --format FORMAT  text, json or junit\n"
                            "  -o FILE          write there instead of to standard output\n"
                            "  --exit-zero      exit with 0 even when checks fail\n"
                            "  --unknown-ok     exit with 0 instead of 2 when something could not be decided\n"
                            "\n"
                            "Exit status: 0 all passed, 1 a violation, 2 something could not be decided or nothing "
                            "was, 64 and up: no verdict.\n";

struct options {
    struct check_options check;
    const char *format, *out;
    bool exit_zero, unknown_ok;
};

static const struct {
    const char *name;
    check_out_fn *write;
} formats[] = {{"text", check_out_text}, {"json", check_out_json}, {"junit", check_out_junit}};

static check_out_fn *format_of(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, name) == 0)
            return formats[i].write;
    }
    return NULL;
}

/* "30s", "5m", "500ms" in ns; 0 when it is no time. */
static int64_t time_of(const char *s)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"", 1e9}};
    char *end;
    errno = 0;
    double v = strtod(s, &end);
    if (end == s || errno != 0 || !(v > 0))
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) == 0)
            return v * units[i].ns < 9e18 ? (int64_t)(v * units[i].ns) : 0;
    }
    return 0;
}

static bool chooses(const struct check_options *o)
{
    const struct check *c;
    for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
        if (check_chosen(o, c->id))
            return true;
    }
    return false;
}

/* "there is no check Z9; the checks are C1 C2 ..." */
static int no_such_check(const char *bad)
{
    char ids[1024] = "";
    const struct check *c;
    for (size_t i = 0, n = 0; (c = check_at(i)) != NULL && n < sizeof ids; i++)
        n += (size_t)snprintf(ids + n, sizeof ids - n, " %s", c->id);
    return cli_fail(EXIT_USAGE, "check", "there is no check %s; a letter names a family, and the checks are%s", bad,
                    ids);
}

static int parse(int argc, char **argv, struct options *o)
{
    enum { ONLY = 256, SKIP, BUDGET, FORMAT, EXIT_ZERO, UNKNOWN_OK, HELP };
    static const struct option longs[] = {{"only", required_argument, NULL, ONLY},
                                          {"skip", required_argument, NULL, SKIP},
                                          {"budget", required_argument, NULL, BUDGET},
                                          {"format", required_argument, NULL, FORMAT},
                                          {"exit-zero", no_argument, NULL, EXIT_ZERO},
                                          {"unknown-ok", no_argument, NULL, UNKNOWN_OK},
                                          {"output", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, HELP},
                                          {NULL, 0, NULL, 0}};
    char bad[64];
    int opt;
    optind = 1;
    opterr = 0; /* said here, with control characters escaped */
    while ((opt = getopt_long(argc, argv, ":o:h", longs, NULL)) != -1) {
        switch (opt) {
        case ONLY:
        case SKIP:
            if (!check_list_ok(optarg, bad, sizeof bad))
                return no_such_check(bad);
            *(opt == ONLY ? &o->check.only : &o->check.skip) = optarg;
            break;
        case BUDGET:
            o->check.budget_ns = time_of(optarg);
            if (o->check.budget_ns == 0)
                return cli_fail(EXIT_USAGE, "check", "--budget %s is no time; write 30s, 5m or 500ms", optarg);
            break;
        case FORMAT:
            o->format = optarg;
            if (format_of(optarg) == NULL)
                return cli_fail(EXIT_USAGE, "check", "--format %s: the formats are text, json and junit", optarg);
            break;
        case 'o':
            o->out = optarg;
            break;
        case EXIT_ZERO:
            o->exit_zero = true;
            break;
        case UNKNOWN_OK:
            o->unknown_ok = true;
            break;
        case 'h':
        case HELP:
            fputs(usage, stdout);
            return -1;
        default:
            return cli_bad_option("check", argc, argv, longs);
        }
    }
    if (!chooses(&o->check))
        return cli_fail(EXIT_USAGE, "check", "--only and --skip leave no check to run");
    if (optind >= argc)
        return cli_fail(EXIT_USAGE, "check", "name a run directory or a database (analyze check --help)");
    return 0;
}

static int status_of(enum verdict v, const struct options *o)
{
    bool undecided = v == VERDICT_UNKNOWN || v == VERDICT_SKIPPED;
    if (o->exit_zero || v == VERDICT_PASS || (undecided && o->unknown_ok))
        return EXIT_PASSED;
    return v == VERDICT_FAIL ? EXIT_VIOLATION : EXIT_UNDECIDED;
}

/* One database: its verdict, or an exit status above 2. */
static int check_one(const char *name, const struct options *o, struct check_out *out)
{
    struct db db = {0};
    char path[4096];
    int status = cli_open(&db, "check", name, true, path, sizeof path);
    if (status != 0)
        return status;
    enum verdict v;
    if (check_all(&db, &o->check, &v)) {
        format_of(o->format)(out, &db, name);
        status = status_of(v, o);
    }
    if (db.failed)
        status = cli_fail(db.status, "check", "%s: %s", path, db.err);
    db_close(&db);
    return status;
}

/* Of the statuses of several databases the one to exit with: a tool's error, a violation, something undecided. */
static int worse_status(int a, int b)
{
    static const int weight[] = {[EXIT_PASSED] = 0, [EXIT_VIOLATION] = 2, [EXIT_UNDECIDED] = 1};
    int wa = a < 3 ? weight[a] : a, wb = b < 3 ? weight[b] : b;
    return wb > wa ? b : a;
}

int cmd_check(int argc, char **argv)
{
    struct options o = {.format = "text"};
    int status = parse(argc, argv, &o);
    if (status != 0)
        return status < 0 ? EXIT_PASSED : status;
    FILE *f = o.out != NULL ? fopen(o.out, "w") : stdout;
    if (f == NULL)
        return cli_fail(EXIT_CANTCREATE, "check", "%s: %s", o.out, strerror(errno));
    struct check_out out = {.f = f, .many = argc - optind > 1, .ran = &o.check};
    for (int i = optind; i < argc; i++)
        status = worse_status(status, check_one(argv[i], &o, &out));
    check_out_end(&out);
    bool written = fflush(f) == 0 && !ferror(f);
    if (o.out != NULL)
        written &= fclose(f) == 0;
    if (!written)
        return cli_fail(EXIT_IO, "check", "%s: %s", o.out != NULL ? o.out : "standard output", strerror(errno));
    return status;
}
