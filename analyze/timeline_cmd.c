/* timeline_cmd.c -- analyze timeline: which stretch of the run, and how wide. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"
#include "commands.h"
#include "explain_int.h"
#include "timeline_int.h"

enum { WIDTH = 100, WIDTH_LEAST = 40, LIMIT = 500 };
#define WINDOW_NS INT64_C(50000000)

static const char help[] =
    "usage: analyze timeline RUN|DB [options]\n"
    "Shows a stretch of a run, time downwards, with a column for each replica and a line for each event.\n"
    "\n"
    "  analyze timeline runs/latest                                around the worst violation\n"
    "  analyze timeline runs/latest --around V1 --window 12ms\n"
    "  analyze timeline runs/latest --from 4.1s --to 4.6s --node 0003,0000 --ev 'role.*,vote.*'\n"
    "\n"
    "  --from TIME     from here (4.1s, 4100ms; a plain number is ms) ...\n"
    "  --to TIME       ... to here; default the end of the run\n"
    "  --around WHAT   around V1, a record 0003.1:1462, op:0010:24, leader:0000@3, F1 or d:1316\n"
    "  --window TIME   how much around it; default 50ms\n"
    "  --node LIST     these replicas only: names or patterns ('000[0-2]')\n"
    "  --ev LIST       these events only: names or patterns ('role.*,msg.*'); '*' shows everything, heartbeats too\n"
    "  --limit N       at most N lines; default 500\n"
    "  --width N       columns; default those of the terminal, else 100\n"
    "  --run NAME      this run, when the database has several\n"
    "  --ascii         nothing but ASCII\n"
    "  --color WHEN    auto, always or never\n"
    "\n"
    "A cell tells what the replica did: L3 leads term 3 (F follows, C candidate, P asks for pre-votes), S sends, R "
    "receives;\n"
    "a line under the table explains the marks in it. A lost message ends in x, in the column of who would have got "
    "it.\n"
    "Heartbeats and their answers are left out, and counted. Exit status: 0 shown, 65 there is no such thing.\n";

struct options {
    const char *where, *run, *around, *color;
    int64_t from, to, window; /* ns; -1 = not given */
    struct timeline_options o;
};

/* "4.1s", "4100ms", "4100": ns; -1 = no time. */
static int64_t time_of(const char *s)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"", 1e6}, {"ms", 1e6}, {"s", 1e9}, {"us", 1e3}, {"ns", 1}, {"m", 60e9}};
    char *end;
    errno = 0;
    double v = strtod(s, &end);
    if (end == s || errno != 0 || !(v >= 0))
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) == 0)
            return v * units[i].ns < 9e18 ? (int64_t)(v * units[i].ns) : -1;
    }
    return -1;
}

/* A whole number of at least `least`; -1 = none. */
static int64_t number_of(const char *s, int64_t least)
{
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    return end != s && *end == '\0' && errno == 0 && v >= least && v <= 1000000000 ? v : -1;
}

static int terminal_width(void)
{
    struct winsize w;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= WIDTH_LEAST ? w.ws_col : WIDTH;
}

static int parse(int argc, char **argv, struct options *o)
{
    enum { FROM = 256, TO, AROUND, WINDOW, NODE, EV, LINES, COLUMNS, RUN, ASCII, COLOR };
    static const struct option longs[] = {{"from", required_argument, NULL, FROM},
                                          {"to", required_argument, NULL, TO},
                                          {"around", required_argument, NULL, AROUND},
                                          {"window", required_argument, NULL, WINDOW},
                                          {"node", required_argument, NULL, NODE},
                                          {"ev", required_argument, NULL, EV},
                                          {"limit", required_argument, NULL, LINES},
                                          {"width", required_argument, NULL, COLUMNS},
                                          {"run", required_argument, NULL, RUN},
                                          {"ascii", no_argument, NULL, ASCII},
                                          {"color", required_argument, NULL, COLOR},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int opt;
    optind = 1;
    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
        int64_t *time = opt == FROM ? &o->from : opt == TO ? &o->to : &o->window, n;
        switch (opt) {
        case FROM:
        case TO:
        case WINDOW:
            *time = time_of(optarg);
            if (*time < 0)
                return cli_fail(EXIT_USAGE, "timeline", "%s is no time; write 4.1s or 4100ms", optarg);
            break;
        case AROUND:
            o->around = optarg;
            break;
        case NODE:
            o->o.nodes = optarg;
            break;
        case EV:
            o->o.ev = optarg;
            break;
        case LINES:
        case COLUMNS:
            n = number_of(optarg, opt == LINES ? 1 : WIDTH_LEAST);
            if (n < 0)
                return cli_fail(EXIT_USAGE, "timeline", "--%s needs a number of at least %d",
                                opt == LINES ? "limit" : "width", opt == LINES ? 1 : WIDTH_LEAST);
            if (opt == LINES)
                o->o.limit = n;
            else
                o->o.width = (int)n;
            break;
        case RUN:
            o->run = optarg;
            break;
        case ASCII:
            o->o.ascii = true;
            break;
        case COLOR:
            o->color = optarg;
            if (strcmp(optarg, "auto") != 0 && strcmp(optarg, "always") != 0 && strcmp(optarg, "never") != 0)
                return cli_fail(EXIT_USAGE, "timeline", "--color %s: auto, always or never", optarg);
            break;
        case 'h':
            fputs(help, stdout);
            return -1;
        default:
            return cli_bad_option("timeline", argc, argv, longs);
        }
    }
    if (optind + 1 != argc)
        return cli_fail(EXIT_USAGE, "timeline",
                        optind >= argc ? "which run? (see analyze timeline --help)"
                                       : "one run at a time (see analyze timeline --help)");
    o->where = argv[optind];
    if (o->around != NULL && (o->from >= 0 || o->to >= 0))
        return cli_fail(EXIT_USAGE, "timeline", "--around chooses the time: --from and --to do not go with it");
    if (o->from >= 0 && o->to >= 0 && o->from > o->to)
        return cli_fail(EXIT_USAGE, "timeline", "--from must be before --to");
    return 0;
}

static int64_t run_of(struct db *db, const char *name)
{
    sqlite3_stmt *q =
        db_prepare(db, "SELECT run_id FROM runs WHERE :name IS NULL OR name = :name ORDER BY run_id LIMIT 1");
    db_bind_text(db, q, ":name", name);
    int64_t id = db_row(db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(db, q);
    return id;
}

/* A pattern that nothing fits would leave an empty table, which reads like a quiet run. `names`: a query for what there
 * is. */
static int something_fits(struct db *db, const struct options *o, const char *option, const char *patterns,
                          const char *names)
{
    char list[1000] = "";
    size_t used = 0;
    bool fits = patterns == NULL;
    sqlite3_stmt *q = db_prepare(db, names);
    db_bind_int(db, q, ":run", o->o.run_id);
    while (!fits && db_row(db, q)) {
        const char *name = (const char *)sqlite3_column_text(q, 0);
        fits = name != NULL && timeline_fits(patterns, name);
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, " %.60s", name != NULL ? name : "?");
    }
    db_done(db, q);
    return fits || db->failed ? 0
                              : cli_fail(EXIT_USAGE, "timeline", "%s %.200s: nothing here is called that; there is%s",
                                         option, patterns, *list != '\0' ? list : " none");
}

/* The stretch to show: what was named, else around the worst violation, else all. */
static int choose(struct db *db, struct options *o)
{
    o->o.run_id = run_of(db, o->run);
    if (o->o.run_id == 0)
        return cli_fail(EXIT_DATA, "timeline", "there is no run %s here; analyze sql DB 'SELECT name FROM runs'",
                        o->run != NULL ? o->run : "");
    int status = something_fits(db, o, "--node", o->o.nodes,
                                "SELECT node FROM nodes WHERE run_id = :run AND kind = 'replica' ORDER BY node");
    if (status == 0)
        status =
            something_fits(db, o, "--ev", o->o.ev, "SELECT DISTINCT ev FROM records WHERE run_id = :run ORDER BY ev");
    if (status != 0)
        return status;
    o->o.from = o->from >= 0 ? o->from : INT64_MIN;
    o->o.to = o->to >= 0 ? o->to : INT64_MAX;
    char worst[32];
    int64_t v;
    if (o->around == NULL && o->from < 0 && o->to < 0 && (v = explain_worst_of(db, o->o.run_id)) != 0) {
        snprintf(worst, sizeof worst, "V%lld", (long long)v);
        o->around = worst;
    }
    if (o->around == NULL)
        return 0;
    int64_t t, window = o->window >= 0 ? o->window : WINDOW_NS;
    if (!explain_when(db, &o->o.run_id, o->run != NULL, o->around, &t)) {
        char nearest[600];
        explain_nearest(db, o->run != NULL ? o->o.run_id : 0, o->around, nearest, sizeof nearest);
        return cli_fail(EXIT_DATA, "timeline", "nothing here is called \"%s\"%s%s", o->around,
                        nearest[0] != '\0' ? "; there is "
                                           : "; name V1, 0003.1:1462, op:0010:24, leader:0000@3, F1 or d:1316",
                        nearest);
    }
    o->o.from = t - window / 2;
    o->o.to = t + window / 2;
    return 0;
}

int cmd_timeline(int argc, char **argv)
{
    struct options o = {.from = -1, .to = -1, .window = -1, .color = "auto", .o = {.limit = LIMIT}};
    int status = parse(argc, argv, &o);
    if (status != 0)
        return status < 0 ? EXIT_PASSED : status;
    struct db db = {0};
    status = cli_open(&db, "timeline", o.where, true, NULL, 0);
    if (status != 0)
        return status;
    /* Which step was the first wrong one is known only after the checks have run. */
    enum verdict worst;
    if (check_due(&db))
        check_all(&db, &(struct check_options){0}, &worst);
    if (o.o.width == 0)
        o.o.width = terminal_width();
    o.o.color = cli_color(o.color, stdout);
    status = db.failed ? 0 : choose(&db, &o);
    if (status == 0 && !db.failed)
        timeline_print(&db, &o.o, stdout);
    if (db.failed)
        status = cli_fail(db.status, "timeline", "%s", db.err);
    else if (status == 0 && fflush(stdout) != 0)
        status = cli_fail(EXIT_IO, "timeline", "cannot write the result");
    db_close(&db);
    return status;
}
