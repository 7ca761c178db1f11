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
#include "run_dirs.h"
#include "version.h"

static const char usage[] =
    "analyze check - run the checks on runs or databases, and store what they find in them\n"
    "\n"
    "  analyze check runs/7\n"
    "  analyze check run.db --only C1,C2 --format json -o check.json\n"
    "  analyze check runs --format github --junit junit.xml --sarif analyze.sarif --baseline known.json\n"
    "\n"
    "A directory of runs stands for all of them; of many runs the text has one line for each class of violation.\n"
    "\n"
    "  --only LIST      these checks only: ids, or letters for whole families (C,R13)\n"
    "  --skip LIST      all but these\n"
    "  --budget TIME    time for all searches together (30s, 5m, 500ms; default 30s)\n"
    "  --format FORMAT  " CHECK_FORMATS "; default text\n"
    "  -o FILE          write there instead of to standard output\n"
    "  --json FILE, --junit FILE, --sarif FILE, --github FILE, --tap FILE\n"
    "                   write this format as well; each may be given once\n"
    "  --baseline FILE  what an earlier --format json found is known: shown, and no failure\n"
    "  --exit-zero      exit with 0 even when checks fail\n"
    "  --unknown-ok     exit with 0 instead of 2 when something could not be decided\n"
    "\n"
    "Exit status: 0 all passed, 1 a violation, 2 something could not be decided or nothing was, 64 and up: no\n"
    "verdict.\n";

enum { OUTPUTS = 6 };

struct output {
    const struct check_format *format;
    const char *path; /* NULL: standard output */
    struct check_out out;
};

struct options {
    struct check_options check;
    struct output output[OUTPUTS]; /* the first is the one of --format and -o */
    size_t n_outputs;
    const char *baseline;
    bool exit_zero, unknown_ok;
};

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

/* A further output; false when there is one of this format already. */
static bool also(struct options *o, const char *format, const char *path)
{
    const struct check_format *f = check_format_find(format);
    for (size_t i = 1; i < o->n_outputs; i++) {
        if (o->output[i].format == f)
            return false;
    }
    o->output[o->n_outputs++] = (struct output){.format = f, .path = path};
    return true;
}

static int parse(int argc, char **argv, struct options *o)
{
    enum { ONLY = 256, SKIP, BUDGET, FORMAT, EXIT_ZERO, UNKNOWN_OK, BASELINE, HELP, ALSO };
    static const char *const files[] = {"json", "junit", "sarif", "github", "tap"}; /* in the order of longs */
    static const struct option longs[] = {{"only", required_argument, NULL, ONLY},
                                          {"skip", required_argument, NULL, SKIP},
                                          {"budget", required_argument, NULL, BUDGET},
                                          {"format", required_argument, NULL, FORMAT},
                                          {"exit-zero", no_argument, NULL, EXIT_ZERO},
                                          {"unknown-ok", no_argument, NULL, UNKNOWN_OK},
                                          {"output", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, HELP},
                                          {"baseline", required_argument, NULL, BASELINE},
                                          {"json", required_argument, NULL, ALSO},
                                          {"junit", required_argument, NULL, ALSO + 1},
                                          {"sarif", required_argument, NULL, ALSO + 2},
                                          {"github", required_argument, NULL, ALSO + 3},
                                          {"tap", required_argument, NULL, ALSO + 4},
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
            o->output[0].format = check_format_find(optarg);
            if (o->output[0].format == NULL)
                return cli_fail(EXIT_USAGE, "check", "--format %s: the formats are " CHECK_FORMATS, optarg);
            break;
        case BASELINE:
            o->baseline = optarg;
            break;
        case 'o':
            o->output[0].path = optarg;
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
            if (opt < ALSO)
                return cli_bad_option("check", argc, argv, longs);
            if (!also(o, files[opt - ALSO], optarg))
                return cli_fail(EXIT_USAGE, "check", "--%s is given twice", files[opt - ALSO]);
        }
    }
    if (!chooses(&o->check))
        return cli_fail(EXIT_USAGE, "check", "--only and --skip leave no check to run");
    if (optind >= argc)
        return cli_fail(EXIT_USAGE, "check", "name a run directory or a database (analyze check --help)");
    return 0;
}

/* A violation counts unless the baseline knows all there are. */
static bool only_known(struct db *db, const struct options *o, const struct baseline *b)
{
    int64_t known = 0, all = 0, more = 0, sum = 0;
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id FROM runs");
    while (db_row(db, q)) {
        baseline_count(b, db, sqlite3_column_int64(q, 0), &o->check, &known, &all);
        more += all - known;
        sum += all;
    }
    db_done(db, q);
    return sum > 0 && more == 0;
}

static int status_of(enum verdict v, const struct options *o)
{
    bool undecided = v == VERDICT_UNKNOWN || v == VERDICT_SKIPPED;
    if (o->exit_zero || v == VERDICT_PASS || (undecided && o->unknown_ok))
        return EXIT_PASSED;
    return v == VERDICT_FAIL ? EXIT_VIOLATION : EXIT_UNDECIDED;
}

static void write_runs(struct options *o, struct db *db, const char *name, const char *path)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT run_id, name FROM runs ORDER BY run_id");
    while (db_row(db, q)) {
        struct run_info info;
        struct check_result r = {.db = db,
                                 .run_id = sqlite3_column_int64(q, 0),
                                 .name = name,
                                 .run = (const char *)sqlite3_column_text(q, 1),
                                 .info = &info};
        run_info_read(&info, db, r.run_id, path);
        for (size_t i = 0; i < o->n_outputs; i++)
            o->output[i].format->run(&o->output[i].out, &r);
        run_info_free(&info);
    }
    db_done(db, q);
}

/* One database: its verdict, or an exit status above 2. */
static int check_one(const char *name, struct options *o, const struct baseline *b)
{
    struct db db = {0};
    char path[4096];
    int status = cli_open(&db, "check", name, true, path, sizeof path);
    if (status != 0)
        return status;
    enum verdict v;
    if (check_all(&db, &o->check, &v)) {
        write_runs(o, &db, name, path);
        status = status_of(v == VERDICT_FAIL && only_known(&db, o, b) ? VERDICT_PASS : v, o);
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

static int open_outputs(struct options *o, const struct baseline *b, bool many)
{
    for (size_t i = 0; i < o->n_outputs; i++) {
        struct output *x = &o->output[i];
        FILE *f = x->path != NULL ? fopen(x->path, "w") : stdout;
        if (f == NULL)
            return cli_fail(EXIT_CANTCREATE, "check", "%s: %s", x->path, strerror(errno));
        x->out = (struct check_out){.f = f,
                                    .ran = &o->check,
                                    .baseline = b,
                                    .many = many,
                                    .unknown_ok = o->unknown_ok,
                                    .version = analyze_version};
    }
    return 0;
}

static int close_outputs(struct options *o, int status)
{
    for (size_t i = 0; i < o->n_outputs && o->output[i].out.f != NULL; i++) {
        struct output *x = &o->output[i];
        if (x->format->end != NULL)
            x->format->end(&x->out);
        classes_free(&x->out.classes);
        bool written = fflush(x->out.f) == 0 && !ferror(x->out.f);
        if (x->path != NULL)
            written &= fclose(x->out.f) == 0;
        if (!written)
            status =
                cli_fail(EXIT_IO, "check", "%s: %s", x->path != NULL ? x->path : "standard output", strerror(errno));
    }
    return status;
}

/* What the user named: databases, runs, and directories of runs. */
static void find_inputs(struct run_dirs *all, int argc, char **argv)
{
    for (int i = optind; i < argc; i++) {
        size_t before = all->n;
        run_dirs_find(all, argv[i]);
        if (all->n == before) /* no directory with runs: what it is shows when it is opened */
            run_dirs_add(all, argv[i]);
    }
}

int cmd_check(int argc, char **argv)
{
    struct options o = {.output[0].format = &check_text, .n_outputs = 1};
    int status = parse(argc, argv, &o);
    if (status != 0)
        return status < 0 ? EXIT_PASSED : status;
    char err[400];
    struct baseline *b = o.baseline != NULL ? baseline_read(o.baseline, &status, err) : NULL;
    if (status != 0)
        return cli_fail(status, "check", "%s", err);
    struct run_dirs inputs = {.n = 0};
    find_inputs(&inputs, argc, argv);
    status = open_outputs(&o, b, inputs.n > 1);
    for (size_t i = 0; i < inputs.n && status < EXIT_USAGE; i++)
        status = worse_status(status, check_one(inputs.path[i], &o, b));
    status = close_outputs(&o, status);
    run_dirs_free(&inputs);
    baseline_free(b);
    return status;
}
