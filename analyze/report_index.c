/* report_index.c -- one page over many runs: what went wrong in which, and the smallest run that shows it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "explain_class.h"
#include "pairmap.h"
#include "report_int.h"
#include "run_dirs.h"

enum { STRIP_MAX = 400, SEEDS_SHOWN = 16 };

struct run {
    const char *dir; /* in index.dirs */
    char *page;      /* from where the index is */
    char *name;
    char again[1024];
    const char *mood;             /* "fail", "unknown", "pass" */
    int64_t seed, records, lasts; /* ns */
    bool seeded, complete;
    struct report_counts counts;
};

/* A class of violation: the same check and fingerprint, in however many runs. */
struct class
{
    char *check, *name, *title;
    int64_t violations;
    size_t *run; /* indexes, in order */
    size_t n, room;
};

struct index {
    const char *root;
    struct run_dirs dirs;
    struct run *run; /* one for each of dirs */
    size_t n;
    struct class *class;
    size_t classes, class_room;
};

static char *copy(const char *s)
{
    char *p = strdup(s != NULL ? s : "");
    if (p == NULL)
        abort();
    return p;
}

static void index_free(struct index *x)
{
    for (size_t i = 0; i < x->n; i++) {
        free(x->run[i].page);
        free(x->run[i].name);
    }
    for (size_t i = 0; i < x->classes; i++) {
        free(x->class[i].check);
        free(x->class[i].name);
        free(x->class[i].title);
        free(x->class[i].run);
    }
    run_dirs_free(&x->dirs);
    free(x->run);
    free(x->class);
}

bool report_is_index(const char *path)
{
    if (run_dirs_is_run(path))
        return false;
    struct run_dirs dirs = {.n = 0};
    run_dirs_find(&dirs, path);
    bool found = dirs.n > 0;
    run_dirs_free(&dirs);
    return found;
}

/* ---- what the databases say ---- */

static struct class *class_of(struct index *x, const char *check, const char *name, const char *title)
{
    for (size_t i = 0; i < x->classes; i++) {
        if (strcmp(x->class[i].check, check) == 0 && strcmp(x->class[i].name, name) == 0)
            return &x->class[i];
    }
    x->class = vector_grow(x->class, &x->class_room, x->classes, sizeof *x->class);
    x->class[x->classes] = (struct class){.check = copy(check), .name = copy(name), .title = copy(title)};
    return &x->class[x->classes++];
}

static int read_run(struct index *x, size_t i)
{
    struct db db = {0};
    struct run *run = &x->run[i];
    char path[4096];
    int status = cli_open(&db, "report", run->dir, false, path, sizeof path);
    if (status != 0)
        return status;
    sqlite3_stmt *q = db_prepare(
        &db, "SELECT run_id, name, seed, (SELECT coalesce(sum(records), 0) FROM sources s WHERE s.run_id = r.run_id),"
             " coalesce(t_end, 0) - coalesce((SELECT min(t_start) FROM boots b WHERE b.run_id = r.run_id), 0)"
             " FROM runs r ORDER BY run_id LIMIT 1");
    if (db_row(&db, q)) {
        int64_t id = sqlite3_column_int64(q, 0);
        run->name = copy((const char *)sqlite3_column_text(q, 1));
        run->seeded = sqlite3_column_type(q, 2) != SQLITE_NULL;
        run->seed = sqlite3_column_int64(q, 2);
        run->records = sqlite3_column_int64(q, 3);
        run->lasts = sqlite3_column_int64(q, 4);
        report_again(&db, id, path, run->again, sizeof run->again);
        run->counts = report_count(&db, id, NULL);
        run->mood = report_mood(&db, id, &run->counts);
        run->complete = report_lost(&db, id) == 0;
    }
    db_done(&db, q);
    q = db_prepare(&db, "SELECT \"check\", fingerprint, count(*), title FROM violations GROUP BY 1, 2"
                        " HAVING violation_id = min(violation_id) ORDER BY min(violation_id)");
    while (db_row(&db, q)) {
        struct class *c = class_of(x, (const char *)sqlite3_column_text(q, 0), (const char *)sqlite3_column_text(q, 1),
                                   (const char *)sqlite3_column_text(q, 3));
        c->violations += sqlite3_column_int64(q, 2);
        c->run = vector_grow(c->run, &c->room, c->n, sizeof *c->run);
        c->run[c->n++] = i;
    }
    db_done(&db, q);
    if (db.failed)
        status = cli_fail(db.status, "report", "%s: %s", run->dir, db.err);
    db_close(&db);
    return status;
}

/* Most runs first; then in the order in which they were found. */
static int by_runs(const void *a, const void *b)
{
    const struct class *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return strcmp(x->check, y->check) != 0 ? strcmp(x->check, y->check) : strcmp(x->name, y->name);
}

/* ---- the page ---- */

/* By the name of the run and its seed, or by its seed alone. */
static void link_to(FILE *f, const struct run *r, bool by_seed)
{
    fputs("<a href=\"", f);
    for (const unsigned char *p = (const unsigned char *)r->page; *p != '\0'; p++) { /* RFC 3986, section 2.3 */
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                     strchr("-._~/", *p) != NULL;
        fprintf(f, plain ? "%c" : "%%%02X", *p);
    }
    fputs("\">", f);
    if (by_seed)
        fprintf(f, "seed %" PRId64, r->seed);
    else
        html(f, r->name);
    fputs("</a>", f);
    if (r->seeded && !by_seed)
        fprintf(f, " <small>seed %" PRId64 "</small>", r->seed);
}

/* One mark for each run, in order; full where the class is. The words beside it say the same. */
static void write_strip(FILE *f, const struct index *x, const struct class *c)
{
    fputs("<p class=\"strip\" aria-hidden=\"true\">", f);
    for (size_t i = 0, k = 0; i < x->n && i < STRIP_MAX; i++) {
        bool in = k < c->n && c->run[k] == i;
        k += in;
        fputs(in ? "<i class=\"in\"></i>" : "<i></i>", f);
    }
    fputs("</p>\n<p class=\"seeds\">", f);
    for (size_t k = 0; k < c->n && k < SEEDS_SHOWN; k++) {
        fputs(k > 0 ? ", " : "in ", f);
        link_to(f, &x->run[c->run[k]], x->run[c->run[k]].seeded);
    }
    if (c->n > SEEDS_SHOWN)
        fprintf(f, " and %zu more", c->n - SEEDS_SHOWN);
    fputs("</p>\n", f);
}

static void write_classes(FILE *f, const struct index *x)
{
    fputs("<section class=\"block\"><h2>What went wrong</h2>\n<div class=\"kinds\">\n", f);
    for (size_t i = 0; i < x->classes; i++) {
        const struct class *c = &x->class[i];
        const struct run *small = &x->run[c->run[0]];
        for (size_t k = 1; k < c->n; k++) {
            if (x->run[c->run[k]].records < small->records)
                small = &x->run[c->run[k]];
        }
        char a[REPORT_NUMBER], b[REPORT_NUMBER];
        fputs("<article class=\"kind\"><h3><span class=\"check\">", f);
        html(f, c->check);
        fputs("</span> ", f);
        html(f, c->name);
        const struct violation_class *is = class_find(c->name);
        fputs("</h3>\n<p class=\"title\">", f);
        html(f, is != NULL ? is->says : c->title);
        fputs("</p>\n<dl class=\"facts\"><div><dt>runs</dt><dd>", f);
        fprintf(f, "%zu of %zu</dd></div><div><dt>violations</dt><dd>%s</dd></div><div><dt>first</dt><dd>", c->n, x->n,
                report_number(c->violations, a));
        link_to(f, &x->run[c->run[0]], false);
        fputs("</dd></div><div><dt>smallest</dt><dd>", f);
        link_to(f, small, false);
        fprintf(f, "<small>, %s records</small></dd></div></dl>\n", report_number(small->records, b));
        write_strip(f, x, c);
        if (small->again[0] != '\0') {
            fputs("<code class=\"cmd\">", f);
            html(f, small->again);
            fputs("</code>\n", f);
        }
        fputs("</article>\n", f);
    }
    if (x->classes == 0)
        fputs("<p>Nothing.</p>\n", f);
    fputs("</div></section>\n", f);
}

static void write_runs(FILE *f, const struct index *x)
{
    static const struct {
        const char *mood, *mark;
    } marks[] = {{"fail", "\u2715 failed"}, {"unknown", "? undecided"}, {"pass", "\u2713 passed"}};
    fputs(
        "<section class=\"block\"><h2>Runs</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\""
        " aria-label=\"Runs\"><table class=\"runs\"><thead><tr><th scope=\"col\">run</th><th scope=\"col\">verdict</th>"
        "<th scope=\"col\">what</th><th scope=\"col\" class=\"num\">records</th><th scope=\"col\" class=\"num\">seconds"
        "</th></tr></thead>\n<tbody>\n",
        f);
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++) {
        for (size_t i = 0; i < x->n; i++) {
            char a[REPORT_NUMBER];
            const struct run *r = &x->run[i];
            if (strcmp(r->mood, marks[m].mood) != 0)
                continue;
            fprintf(f, "<tr class=\"%s\"><th scope=\"row\">", marks[m].mood);
            link_to(f, r, false);
            fprintf(f, "</th><td class=\"is\">%s</td><td>", marks[m].mark);
            int shown = 0;
            for (size_t k = 0; k < x->classes; k++) {
                for (size_t j = 0; j < x->class[k].n; j++) {
                    if (x->class[k].run[j] != i)
                        continue;
                    fputs(shown++ > 0 ? ", <span class=\"check\">" : "<span class=\"check\">", f);
                    html(f, x->class[k].check);
                    fputs("</span> ", f);
                    html(f, x->class[k].name);
                }
            }
            fputs(r->complete ? "" : " <em>records are missing</em>", f);
            fprintf(f, "</td><td class=\"num\">%s</td><td class=\"num\">%.1f</td></tr>\n", report_number(r->records, a),
                    (double)r->lasts / 1e9);
        }
    }
    fputs("</tbody></table></div></section>\n", f);
}

static void write_index(FILE *f, void *arg)
{
    const struct index *x = arg;
    size_t failed = 0, undecided = 0;
    for (size_t i = 0; i < x->n; i++) {
        failed += strcmp(x->run[i].mood, "fail") == 0;
        undecided += strcmp(x->run[i].mood, "unknown") == 0;
    }
    char title[512];
    snprintf(title, sizeof title, "%.400s \u2013 Faultline", x->root);
    report_head(f, title, false);
    report_bar_begin(f, x->root);
    fputs("</span>\n<ul class=\"tally\">", f);
    report_tally(f, "fail", (int64_t)failed, "failed");
    report_tally(f, "unknown", (int64_t)undecided, "undecided");
    report_tally(f, "pass", (int64_t)(x->n - failed - undecided), "passed");
    fprintf(f, "</ul>\n</header>\n<main class=\"index\">\n<section class=\"verdict %s\">\n",
            failed > 0      ? "fail"
            : undecided > 0 ? "unknown"
                            : "pass");
    fprintf(f, "<p class=\"kicker\"><span class=\"stamp\">%s</span> %zu run%s</p>\n<h1>",
            failed > 0      ? "\u2715 Failed"
            : undecided > 0 ? "? Undecided"
                            : "\u2713 Passed",
            x->n, x->n == 1 ? "" : "s");
    if (failed > 0)
        fprintf(f, "%zu of %zu runs failed, in %zu way%s", failed, x->n, x->classes, x->classes == 1 ? "" : "s");
    else if (undecided > 0)
        fprintf(f, "%zu of %zu runs could not be decided", undecided, x->n);
    else
        fprintf(f, "All %zu runs passed", x->n);
    fputs("</h1>\n</section>\n", f);
    write_classes(f, x);
    write_runs(f, x);
    fputs("</main>\n</body>\n</html>\n", f);
}

int report_index(const struct report_options *o)
{
    if (o->around != NULL || o->to != 0 || o->run != NULL)
        return cli_fail(EXIT_USAGE, "report", "--around, --from, --to and --run are for one run: name it");
    char path[4096];
    struct index x = {.root = o->where};
    int status = 0;
    size_t root = strlen(o->where);
    while (root > 1 && o->where[root - 1] == '/')
        root--;
    char *dir = copy(o->where);
    dir[root] = '\0';
    run_dirs_find(&x.dirs, dir);
    for (size_t room = 0; x.n < x.dirs.n; x.n++) {
        x.run = vector_grow(x.run, &room, x.n, sizeof *x.run);
        x.run[x.n] = (struct run){.dir = x.dirs.path[x.n], .mood = "unknown"};
    }
    for (size_t i = 0; i < x.n && status == 0; i++) {
        struct report_options one = *o;
        struct report_result result = {.records = 0};
        one.where = x.run[i].dir;
        one.out = NULL;
        status = report_run_page(&one, &result);
        /* Beside the index, links stay good when the whole directory is moved or packed. */
        char *whole = o->out != NULL ? realpath(result.path, NULL) : NULL;
        x.run[i].page = whole != NULL ? whole : copy(result.path + root + 1);
        if (status == 0)
            status = read_run(&x, i);
    }
    if (x.classes > 0)
        qsort(x.class, x.classes, sizeof *x.class, by_runs);
    snprintf(path, sizeof path, "%s/report.html", dir);
    if (status == 0)
        status = report_write_file(o->out != NULL ? o->out : path, o->force, write_index, &x);
    if (status == 0 && (o->out == NULL || strcmp(o->out, "-") != 0)) {
        fputs("wrote ", stdout);
        cli_print(stdout, o->out != NULL ? o->out : path);
        printf(" over the pages of %zu runs: open it in a browser\n", x.n);
    }
    free(dir);
    index_free(&x);
    return status;
}
