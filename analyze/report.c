/* report.c -- `analyze report`: options, the run, where the page goes. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"
#include "commands.h"
#include "report_int.h"

static const char usage[] =
    "usage: analyze report RUN|DB|RUNS [options]\n"
    "Writes one HTML page about a run: the verdict and its explanation, and a drawing of who sent what to whom, with "
    "the\n"
    "state of every replica at any moment. It needs no network and no server: open it in a browser.\n"
    "\n"
    "  analyze report runs/latest                      runs/latest/report.html\n"
    "  analyze report runs/latest --around V2 -o v2.html\n"
    "  analyze report runs                             a page for each run below runs, and runs/report.html over them\n"
    "\n"
    "  -o, --output FILE  write there; default: report.html beside the database\n"
    "  --around V1        what surrounds this violation, and nothing else\n"
    "  --from T --to T    this span: milliseconds of the run, or 4.1s\n"
    "  --max-size SIZE    leave out what would make the page larger (default 4M); it says what and how to get it\n"
    "  --all              every record: a directory (RUN/report) of report.html and what it loads on demand\n"
    "  --run NAME         this run, when the database has several\n"
    "  -f, --force        replace FILE although it is no report\n"
    "\n"
    "A page holds the surroundings of violations, changes of leader and faults; a run of up to 20,000 records whole.\n"
    "Exit status: 0 written, 64 and above: could not do it.\n";

/* ---- files ---- */

static bool ours(const char *path)
{
    char head[256] = "";
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return errno == ENOENT;
    size_t n = fread(head, 1, sizeof head - 1, f);
    fclose(f);
    head[n] = '\0';
    return n == 0 || strstr(head, REPORT_MARK) != NULL;
}

int report_write_file(const char *path, bool force, void (*write)(FILE *f, void *arg), void *arg)
{
    char tmp[4300];
    if (strcmp(path, "-") == 0) {
        write(stdout, arg);
        return fflush(stdout) == 0 ? 0 : cli_fail(EXIT_IO, "report", "cannot write the page: %s", strerror(errno));
    }
    bool renames = cli_renames(path);
    if (renames && !force && !ours(path))
        return cli_fail(EXIT_CANTCREATE, "report",
                        "%s is there and is no report; -f replaces it, -o FILE writes elsewhere", path);
    snprintf(tmp, sizeof tmp, renames ? "%s.tmp" : "%s", path);
    FILE *f = fopen(tmp, "wb");
    if (f == NULL)
        return cli_fail(EXIT_CANTCREATE, "report", "cannot create %s: %s", tmp, strerror(errno));
    write(f, arg);
    bool written = !ferror(f);
    written &= fclose(f) == 0;
    if (!written || (renames && rename(tmp, path) != 0)) {
        int status = cli_fail(EXIT_IO, "report", "cannot write %s: %s", path, strerror(errno));
        if (renames)
            unlink(tmp);
        return status;
    }
    return 0;
}

/* ---- one run ---- */

void report_again(struct db *db, int64_t run_id, const char *path, char *again, size_t n)
{
    again[0] = '\0';
    sqlite3_stmt *q = db_prepare(db, "SELECT json_extract(body, '$.argv') FROM records WHERE run_id = :run"
                                     " AND ev = 'trace.open' AND node = 'sim' LIMIT 1");
    db_bind_int(db, q, ":run", run_id);
    if (db_row(db, q) && sqlite3_column_type(q, 0) == SQLITE_TEXT)
        snprintf(again, n, "%s", (const char *)sqlite3_column_text(q, 0));
    db_done(db, q);
    if (again[0] != '\0' || db_int(db, "SELECT count(*) FROM runs", 0) != 1)
        return;
    char file[4200];
    const char *slash = strrchr(path, '/');
    snprintf(file, sizeof file, "%.*srun.json", slash != NULL ? (int)(slash - path) + 1 : 0, path);
    json_t *run = json_load_file(file, 0, NULL);
    const char *rerun = json_string_value(json_object_get(run, "rerun"));
    if (rerun != NULL)
        snprintf(again, n, "%s", rerun);
    json_decref(run);
}

static int find_run(struct db *db, struct report *r, const char *name, char *run, size_t n)
{
    sqlite3_stmt *q =
        db_prepare(db, "SELECT run_id, name, coalesce((SELECT min(t_start) FROM boots b WHERE b.run_id = r.run_id), 0),"
                       " coalesce(t_end, 0), (SELECT count(*) FROM violations v WHERE v.run_id = r.run_id) FROM runs r"
                       " WHERE :name IS NULL OR name = :name ORDER BY 5 DESC, run_id LIMIT 1");
    db_bind_text(db, q, ":name", name);
    bool found = db_row(db, q);
    if (found) {
        r->run_id = sqlite3_column_int64(q, 0);
        snprintf(run, n, "%s", (const char *)sqlite3_column_text(q, 1));
        r->t0 = sqlite3_column_int64(q, 2);
        r->t1 = sqlite3_column_int64(q, 3);
        if (r->t1 <= r->t0)
            r->t1 = r->t0 + 1;
    }
    db_done(db, q);
    if (db->failed)
        return cli_fail(db->status, "report", "%s", db->err);
    if (!found)
        return cli_fail(EXIT_DATA, "report", "there is no run %s here; analyze sql DB 'SELECT name FROM runs'",
                        name != NULL ? name : "");
    r->run_name = run;
    r->counts = report_count(db, r->run_id, NULL);
    r->complete = report_lost(db, r->run_id) == 0;
    return 0;
}

static int plan(struct report_plan *p, const struct report *r, const struct report_options *o)
{
    if (o->around != NULL) {
        char *end;
        int64_t v = o->around[0] == 'V' ? strtoll(o->around + 1, &end, 10) : 0;
        if (v <= 0 || *end != '\0' || !plan_violation(p, r, v))
            return cli_fail(EXIT_DATA, "report", "there is no violation %s here; analyze check lists them", o->around);
    } else if (o->to > 0) {
        plan_add(p, o->from, o->to, 0, "asked");
    } else if (!o->all) {
        plan_run(p, r);
    }
    return r->db->failed ? cli_fail(r->db->status, "report", "%s", r->db->err) : 0;
}

int report_run_page(const struct report_options *o, struct report_result *result)
{
    struct db db = {0};
    char path[4096], run[512];
    int status = cli_open(&db, "report", o->where, true, path, sizeof path);
    if (status != 0)
        return status;
    enum verdict worst;
    struct report r = {.db = &db, .where = o->where, .chunks = o->all};
    struct report_plan p = {0};
    const char *slash = strrchr(path, '/');
    int dir = slash != NULL ? (int)(slash - path) + 1 : 0;
    snprintf(result->path, sizeof result->path, "%.*s%s", dir, path, o->all ? "report" : "report.html");
    if (o->out != NULL)
        snprintf(result->path, sizeof result->path, "%s", o->out);
    if (check_due(&db) && !check_all(&db, &(struct check_options){0}, &worst))
        status = cli_fail(db.status, "report", "%s", db.err);
    if (status == 0)
        status = find_run(&db, &r, o->run, run, sizeof run);
    if (status == 0)
        report_again(&db, r.run_id, path, r.again, sizeof r.again);
    if (status == 0)
        status = plan(&p, &r, o);
    if (status == 0)
        status = report_make(&r, &p, o, result);
    plan_free(&p);
    db_close(&db);
    return status;
}

/* ---- options ---- */

/* "4.1s", "4100ms", "4100" in ns. */
static bool read_time(const char *s, int64_t *t)
{
    char *end;
    double v = strtod(s, &end), unit = strcmp(end, "s") == 0 ? 1e9 : 1e6;
    if (end == s || !(v >= 0) || v * unit > 9e18 || (*end != '\0' && strcmp(end, "ms") != 0 && strcmp(end, "s") != 0))
        return false;
    *t = (int64_t)(v * unit);
    return true;
}

/* "4M", "600k" in bytes. */
static bool read_size(const char *s, int64_t *size)
{
    static const char units[] = "kMG";
    char *end;
    double v = strtod(s, &end);
    const char *unit = *end != '\0' ? strchr(units, *end == 'K' ? 'k' : *end) : NULL;
    if (end == s || !(v > 0) || (*end != '\0' && (unit == NULL || end[1] != '\0')))
        return false;
    for (const char *u = units; unit != NULL && u <= unit; u++)
        v *= 1000;
    *size = v < 1e15 ? (int64_t)v : (int64_t)1e15;
    return true;
}

static int parse(int argc, char **argv, struct report_options *o)
{
    enum { AROUND = 256, FROM, TO, MAX_SIZE, ALL, RUN, HELP };
    static const struct option longs[] = {{"output", required_argument, NULL, 'o'},
                                          {"around", required_argument, NULL, AROUND},
                                          {"from", required_argument, NULL, FROM},
                                          {"to", required_argument, NULL, TO},
                                          {"max-size", required_argument, NULL, MAX_SIZE},
                                          {"all", no_argument, NULL, ALL},
                                          {"run", required_argument, NULL, RUN},
                                          {"force", no_argument, NULL, 'f'},
                                          {"help", no_argument, NULL, HELP},
                                          {NULL, 0, NULL, 0}};
    int opt;
    bool from = false;
    optind = 1;
    opterr = 0; /* said here, with control characters escaped */
    while ((opt = getopt_long(argc, argv, ":o:fh", longs, NULL)) != -1) {
        switch (opt) {
        case 'o':
            o->out = optarg;
            break;
        case AROUND:
            o->around = optarg;
            break;
        case FROM:
        case TO:
            from |= opt == FROM;
            if (!read_time(optarg, opt == FROM ? &o->from : &o->to))
                return cli_fail(EXIT_USAGE, "report", "%s is no time; write 4100, 4100ms or 4.1s", optarg);
            break;
        case MAX_SIZE:
            if (!read_size(optarg, &o->max_size))
                return cli_fail(EXIT_USAGE, "report", "--max-size %s is no size; write 4M or 600k", optarg);
            break;
        case ALL:
            o->all = true;
            break;
        case RUN:
            o->run = optarg;
            break;
        case 'f':
            o->force = true;
            break;
        case 'h':
        case HELP:
            fputs(usage, stdout);
            return -1;
        default:
            return cli_bad_option("report", argc, argv, longs);
        }
    }
    if (optind != argc - 1)
        return cli_fail(EXIT_USAGE, "report", "name one run, database or directory of runs (analyze report --help)");
    if (from && o->to == 0)
        o->to = INT64_MAX;
    if (o->to != 0 && o->to <= o->from)
        return cli_fail(EXIT_USAGE, "report", "--from must be before --to");
    if ((o->around != NULL) + (o->to != 0) + o->all > 1)
        return cli_fail(EXIT_USAGE, "report", "one of --around, --from/--to and --all at a time");
    o->where = argv[optind];
    return 0;
}

int cmd_report(int argc, char **argv)
{
    struct report_options o = {.max_size = 4000000};
    int status = parse(argc, argv, &o);
    if (status != 0)
        return status < 0 ? EXIT_PASSED : status;
    if (report_is_index(o.where))
        return report_index(&o);
    struct report_result result = {.records = 0};
    status = report_run_page(&o, &result);
    struct stat st;
    if (status == 0 && strcmp(result.path, "-") != 0 && stat(result.path, &st) == 0) {
        fputs("wrote ", stdout);
        cli_print(stdout, result.path);
        printf(" (%.1f MB, %lld records): open it in a browser\n", (double)st.st_size / 1e6, (long long)result.records);
    }
    return status;
}
