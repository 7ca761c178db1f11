/* export_cmd.c -- analyze export. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "export.h"

static const char help[] =
    "usage: analyze export DB|RUN --to FORMAT [-o FILE] [options]\n"
    "Hands a run over to other programs.\n"
    "\n"
    "  analyze export runs/7 --to chrome -o trace.json          for ui.perfetto.dev\n"
    "  analyze export runs/7 --to shiviz --around V1 -o v1.log  for ShiViz\n"
    "  analyze export runs/7 --to jepsen | lein run -m knossos\n"
    "\n"
    "  --to FORMAT\n"
    "    jepsen     history.edn: a map a line, values [key value]; faults as a nemesis\n"
    "    porcupine  an array of its Operation {ClientId, Input, Call, Output, Return}\n"
    "    shiviz     two lines an event with vector clocks, after the expression that reads them\n"
    "    chrome     trace events: operations, leaders and faults as bars, messages as arrows\n"
    "    otlp       OpenTelemetry logs, a LogsData object a line\n"
    "    etcd-tla   what the TLA+ specification of etcd's raft validates\n"
    "    csv        a table (--table, default ops)\n"
    "    scenario   for simulate: the group, its clients, and the faults of that time\n"
    "  -o, --output FILE  write there instead of to standard output\n"
    "  --run NAME         which run, when the database has several\n"
    "  --since TIME       what happened from then on (4.1s, 4100ms, as the trace counts)\n"
    "  --until TIME       what happened until then\n"
    "  --around WHAT      a time, or a violation (V1): what happened around it\n"
    "  --window TIME      how long before and after it; default 50ms\n"
    "  --table NAME       csv: of which table or view\n"
    "\n"
    "Exit status: 0 exported, 64 usage, 65 bad data, 66 no input, 73 cannot create, 74 I/O error.\n";

static const struct {
    const char *name;
    export_fn *write;
} formats[] = {{"jepsen", export_jepsen}, {"porcupine", export_porcupine}, {"shiviz", export_shiviz},
               {"chrome", export_chrome}, {"otlp", export_otlp},           {"etcd-tla", export_etcd_tla},
               {"csv", export_csv},       {"scenario", export_scenario}};

struct options {
    const char *out, *run, *since, *until, *around, *window, *table;
    export_fn *write;
};

/* "4.1s", "500ms", "2m" in ns. */
static bool time_of(const char *s, int64_t *ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"s", 1e9}, {"", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    char *end;
    double v = strtod(s, &end);
    for (size_t i = 0; end != s && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) == 0 && v * units[i].ns < 9e18 && v * units[i].ns > -9e18) {
            *ns = (int64_t)(v * units[i].ns);
            return true;
        }
    }
    return false;
}

static int bad_time(const char *option, const char *word)
{
    return cli_fail(EXIT_USAGE, "export", "%s %s: a time is wanted, like 4.1s or 500ms", option, word);
}

/* The moment that --around names; a violation also names its run. */
static int around(struct export *e, const char *what, int64_t *t, int64_t *run)
{
    *run = 0;
    if (what[0] != 'V')
        return time_of(what, t) ? 0
                                : cli_fail(EXIT_USAGE, "export", "--around %s: neither a time nor a violation", what);
    sqlite3_stmt *q = db_prepare(e->db, "SELECT t, run_id FROM violations WHERE violation_id = :id");
    db_bind_int(e->db, q, ":id", strtoll(what + 1, NULL, 10));
    bool found = db_row(e->db, q);
    if (found) {
        *t = sqlite3_column_int64(q, 0);
        *run = sqlite3_column_int64(q, 1);
    }
    db_done(e->db, q);
    return found ? 0
                 : cli_fail(EXIT_USAGE, "export", "--around %s: there is no such violation (analyze check finds them)",
                            what);
}

static int choose_time(struct export *e, const struct options *o, int64_t *run)
{
    int64_t t = 0, width = 50000000;
    *run = 0;
    if (o->window != NULL && (!time_of(o->window, &width) || width < 0))
        return bad_time("--window", o->window);
    if (o->around != NULL) {
        int status = around(e, o->around, &t, run);
        if (status != 0)
            return status;
        if (__builtin_sub_overflow(t, width, &e->from))
            e->from = INT64_MIN;
        if (__builtin_add_overflow(t, width, &e->to))
            e->to = INT64_MAX;
    }
    if (o->since != NULL && !time_of(o->since, &e->from))
        return bad_time("--since", o->since);
    if (o->until != NULL && !time_of(o->until, &e->to))
        return bad_time("--until", o->until);
    return 0;
}

static int choose_run(struct export *e, const char *name, int64_t of_violation)
{
    sqlite3_stmt *q = db_prepare(e->db, "SELECT run_id FROM runs WHERE (:name IS NULL OR name = :name)"
                                        " AND (:run = 0 OR run_id = :run) ORDER BY run_id");
    int64_t n = 0;
    db_bind_text(e->db, q, ":name", name);
    db_bind_int(e->db, q, ":run", of_violation);
    while (db_row(e->db, q)) {
        if (n++ == 0)
            e->run_id = sqlite3_column_int64(q, 0);
    }
    db_done(e->db, q);
    if (n == 0)
        return cli_fail(EXIT_USAGE, "export", name != NULL ? "there is no run %s here" : "there is no run here%s",
                        name != NULL ? name : "");
    if (n > 1)
        return cli_fail(EXIT_USAGE, "export", "the database has %lld runs: which one? --run NAME (analyze stat DB run)",
                        (long long)n);
    return 0;
}

/* A plain FILE is whole or as it was: written as FILE.tmp, then renamed. */
static int write_file(struct export *e, const struct options *o)
{
    char tmp[4200];
    bool renames = o->out != NULL && cli_renames(o->out);
    snprintf(tmp, sizeof tmp, renames ? "%s.tmp" : "%s", o->out != NULL ? o->out : "");
    e->out = o->out != NULL ? fopen(tmp, "we") : stdout;
    if (e->out == NULL)
        return cli_fail(EXIT_CANTCREATE, "export", "cannot create %s: %s", tmp, strerror(errno));
    o->write(e);
    int status = e->status;
    if (status != 0)
        cli_fail(status, "export", "%s", e->err);
    else if (e->db->failed)
        status = cli_fail(e->db->status, "export", "%s", e->db->err);
    bool ok = fflush(e->out) == 0 && !ferror(e->out);
    if (o->out != NULL)
        ok = fclose(e->out) == 0 && ok;
    if (status == 0 && !ok)
        status = cli_fail(EXIT_IO, "export", "%s: %s", o->out != NULL ? tmp : "standard output", strerror(errno));
    if (status == 0 && renames && rename(tmp, o->out) != 0)
        status = cli_fail(EXIT_CANTCREATE, "export", "cannot rename %s to %s: %s", tmp, o->out, strerror(errno));
    if (status != 0 && renames)
        unlink(tmp);
    if (status == 0 && e->remark[0] != '\0')
        cli_fail(0, "export", "%s", e->remark);
    return status;
}

static int set_format(const char *word, struct options *o)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, word) == 0) {
            o->write = formats[i].write;
            return 0;
        }
    }
    return cli_fail(EXIT_USAGE, "export",
                    "--to %s: the formats are jepsen, porcupine, shiviz, chrome, otlp, etcd-tla, csv and scenario",
                    word);
}

/* 0, an exit status, or -1 when there is nothing left to do. */
static int read_options(int argc, char **argv, struct options *o)
{
    enum { TO = 256, RUN, SINCE, UNTIL, AROUND, WINDOW, TABLE };
    static const struct option longs[] = {{"to", required_argument, NULL, TO},
                                          {"output", required_argument, NULL, 'o'},
                                          {"run", required_argument, NULL, RUN},
                                          {"since", required_argument, NULL, SINCE},
                                          {"until", required_argument, NULL, UNTIL},
                                          {"around", required_argument, NULL, AROUND},
                                          {"window", required_argument, NULL, WINDOW},
                                          {"table", required_argument, NULL, TABLE},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int opt, status = 0;
    optind = 1;
    opterr = 0;
    while (status == 0 && (opt = getopt_long(argc, argv, "o:h", longs, NULL)) != -1) {
        switch (opt) {
        case TO:
            status = set_format(optarg, o);
            break;
        case 'o':
            o->out = optarg;
            break;
        case RUN:
            o->run = optarg;
            break;
        case SINCE:
            o->since = optarg;
            break;
        case UNTIL:
            o->until = optarg;
            break;
        case AROUND:
            o->around = optarg;
            break;
        case WINDOW:
            o->window = optarg;
            break;
        case TABLE:
            o->table = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return -1;
        default:
            return cli_bad_option("export", argc, argv, longs);
        }
    }
    return status;
}

int cmd_export(int argc, char **argv)
{
    struct options o = {.out = NULL};
    int status = read_options(argc, argv, &o);
    if (status != 0)
        return status < 0 ? EXIT_PASSED : status;
    if (o.write == NULL)
        return cli_fail(EXIT_USAGE, "export", "--to FORMAT: to what? (see analyze export --help)");
    if (argc - optind != 1)
        return cli_fail(EXIT_USAGE, "export", "which run? one, please (see analyze export --help)");
    struct db db;
    status = cli_open(&db, "export", argv[optind], false, NULL, 0);
    if (status != 0)
        return status;
    struct export e = {.db = &db, .from = INT64_MIN, .to = INT64_MAX, .table = o.table};
    int64_t run;
    status = choose_time(&e, &o, &run);
    if (status == 0)
        status = choose_run(&e, o.run, run);
    if (status == 0)
        status = write_file(&e, &o);
    db_close(&db);
    return status;
}
