/* report_page.c -- puts the page of one run together, within its size. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"
#include "pairmap.h"
#include "report_int.h"

enum { CHUNK_RECORDS = 20000, RECORD_BYTES = 75, TRIES = 6, WORTH = 20 };

struct part {
    struct report_span span;
    int64_t records;
    char *text;
    size_t size;
};

struct page {
    const struct report *r;
    struct part *part; /* embedded, in no order until sorted; none overlaps another */
    size_t n, room;
    struct part *left; /* what did not fit: only span and records */
    size_t left_n, left_room;
    int64_t budget; /* bytes that are left */
};

static int64_t count_records(const struct report *r, int64_t from, int64_t to)
{
    sqlite3_stmt *q = db_prepare(r->db, "SELECT count(*) FROM records WHERE run_id = :run AND t >= :from AND t < :to");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_int(r->db, q, ":from", from);
    db_bind_int(r->db, q, ":to", to);
    int64_t n = db_row(r->db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(r->db, q);
    return n;
}

/* The time of the record that has `skip` others of the span before it, or (from the end) after it. */
static int64_t time_of_record(const struct report *r, const struct report_span *s, int64_t skip, bool from_end)
{
    sqlite3_stmt *q = db_prepare(
        r->db, from_end ? "SELECT t FROM records WHERE run_id = :run AND t >= :from AND t < :to ORDER BY t DESC"
                          " LIMIT 1 OFFSET :skip"
                        : "SELECT t FROM records WHERE run_id = :run AND t >= :from AND t < :to ORDER BY t"
                          " LIMIT 1 OFFSET :skip");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_int(r->db, q, ":from", s->from);
    db_bind_int(r->db, q, ":to", s->to);
    db_bind_int(r->db, q, ":skip", skip);
    int64_t t = db_row(r->db, q) ? sqlite3_column_int64(q, 0) : s->from;
    db_done(r->db, q);
    return t;
}

static void leave_out(struct page *p, struct report_span span)
{
    for (size_t i = 0; i < p->left_n; i++) { /* said already: violations overlap */
        if (p->left[i].span.from <= span.from && p->left[i].span.to >= span.to)
            return;
    }
    int64_t n = span.from < span.to ? count_records(p->r, span.from, span.to) : 0;
    if (n == 0)
        return;
    p->left = vector_grow(p->left, &p->left_room, p->left_n, sizeof *p->left);
    p->left[p->left_n++] = (struct part){.span = span, .records = n};
}

/* Embeds the span, if it fits; its size in *size. */
static bool embed_whole(struct page *p, struct report_span span, size_t *size)
{
    struct part part = {.span = span};
    FILE *f = open_memstream(&part.text, &part.size);
    if (f == NULL)
        abort();
    part.records = report_segment(f, p->r, span.from, span.to);
    fclose(f);
    *size = part.size;
    if ((int64_t)part.size > p->budget) {
        free(part.text);
        return false;
    }
    p->budget -= (int64_t)part.size;
    p->part = vector_grow(p->part, &p->room, p->n, sizeof *p->part);
    p->part[p->n++] = part;
    return true;
}

/* As much of the span as fits: of a violation its end, where the wrong step is, of others the beginning. */
static void embed(struct page *p, struct report_span span)
{
    bool tail = span.violation != 0;
    double bytes = RECORD_BYTES; /* a record takes; known better after each try */
    for (int i = 0; p->budget > (int64_t)WORTH * RECORD_BYTES && i < TRIES && span.from < span.to; i++) {
        int64_t n = count_records(p->r, span.from, span.to), fit = (int64_t)((double)p->budget * 0.96 / bytes);
        struct report_span piece = span;
        if (n == 0)
            return;
        if (fit < n) {
            if (fit < WORTH)
                break;
            *(tail ? &piece.from : &piece.to) = time_of_record(p->r, &span, fit, tail);
            n = fit;
        }
        size_t size = 0;
        if (piece.from >= piece.to)
            break;
        if (embed_whole(p, piece, &size))
            *(tail ? &span.to : &span.from) = tail ? piece.from : piece.to;
        bytes = 1.05 * (double)size / (double)n;
    }
    leave_out(p, span);
}

/* What of the span is not embedded yet. */
static void embed_missing(struct page *p, struct report_span span)
{
    if (span.from < p->r->t0)
        span.from = p->r->t0;
    if (span.to > p->r->t1 + 1)
        span.to = p->r->t1 + 1;
    while (span.from < span.to) {
        const struct part *over = NULL; /* the first embedded one that ends after the beginning */
        for (size_t i = 0; i < p->n; i++) {
            if (p->part[i].span.to > span.from && (over == NULL || p->part[i].span.from < over->span.from))
                over = &p->part[i];
        }
        struct report_span piece = span;
        if (over != NULL && over->span.from < span.to) {
            span.from = over->span.to;
            piece.to = over->span.from;
        } else {
            span.from = span.to;
        }
        if (piece.from < piece.to)
            embed(p, piece);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return (x->span.from > y->span.from) - (x->span.from < y->span.from);
}

/* ---- writing ---- */

static void write_parts(FILE *f, const char *key, const struct part *part, size_t n)
{
    fprintf(f, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%s[%" PRId64 ",%" PRId64 ",%" PRId64 ",\"%s\",%" PRId64 "]", i > 0 ? "," : "", part[i].span.from,
                part[i].span.to, part[i].span.violation, part[i].span.why, part[i].records);
    fputc(']', f);
}

static void write_left(FILE *f, const struct page *p)
{
    enum { SHOWN = 12 };
    char a[REPORT_NUMBER], b[REPORT_NUMBER], span[128];
    int64_t all = count_records(p->r, p->r->t0, p->r->t1 + 1), here = 0;
    for (size_t i = 0; i < p->n; i++)
        here += p->part[i].records;
    fprintf(f, "<footer class=\"block\" id=\"holds\"><h2>What this page holds</h2>\n<p>%s of the run\u2019s %s records",
            report_number(here, a), report_number(all, b));
    if (here >= all) {
        fputs(": all of them.</p>\n", f);
    } else {
        fputs(": what surrounds its violations, its changes of leader and its faults. Everything else is left out, and"
              " shaded in the drawing; this brings all of it: ",
              f);
        report_command(f, p->r, "report", "--all");
        fputs("</p>\n", f);
    }
    for (size_t i = 0; i < p->left_n && i < SHOWN; i++) {
        const struct part *left = &p->left[i];
        fprintf(f, "%s<li>%s records from %.1f to %.1f ms", i == 0 ? "<p>Too large for this page:</p>\n<ul>" : "",
                report_number(left->records, a), (double)left->span.from / 1e6, (double)left->span.to / 1e6);
        if (left->span.violation != 0)
            fprintf(f, ", around <a href=\"#V%" PRId64 "\">V%" PRId64 "</a>", left->span.violation,
                    left->span.violation);
        fputs(": ", f);
        snprintf(span, sizeof span, "--from %.3f --to %.3f", (double)left->span.from / 1e6,
                 (double)left->span.to / 1e6);
        report_command(f, p->r, "report", span);
        fputs("</li>\n", f);
    }
    if (p->left_n > SHOWN)
        fprintf(f, "<li>and %zu more stretches: --max-size 16M makes room</li>\n", p->left_n - SHOWN);
    fputs(p->left_n > 0 ? "</ul>\n</footer>\n</main>\n" : "</footer>\n</main>\n", f);
}

/* A buffer of the whole page: texts in order. */
struct whole {
    char *begin, *end, *summary;
    size_t begin_n, end_n, summary_n;
    struct page *page;
    int64_t chunks; /* files beside the page; 0 = everything is in it */
};

static void write_page(FILE *f, void *arg)
{
    const struct whole *w = arg;
    const struct page *p = w->page;
    fwrite(w->begin, 1, w->begin_n, f);
    fwrite(w->end, 1, w->end_n, f);
    write_left(f, p);
    fputs("<script type=\"application/json\" id=\"summary\">{", f);
    fwrite(w->summary, 1, w->summary_n, f);
    write_parts(f, "windows", p->part, p->n);
    write_parts(f, "left", p->left, p->left_n);
    fprintf(f, ",\"chunks\":%s}</script>\n", w->chunks > 0 ? "true" : "false");
    for (size_t i = 0; i < p->n && w->chunks == 0; i++) {
        fputs("<script type=\"application/json\" class=\"window\">", f);
        fwrite(p->part[i].text, 1, p->part[i].size, f);
        fputs("</script>\n", f);
    }
    fputs("<script type=\"module\">\n", f);
    report_files(f, ".js");
    fputs("</script>\n</body>\n</html>\n", f);
}

static char *made(void (*write)(FILE *f, const struct report *r), const struct report *r, size_t *n)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, n);
    if (f == NULL)
        abort();
    write(f, r);
    fclose(f);
    return text;
}

static void begin_with_head(FILE *f, const struct report *r)
{
    char title[512];
    snprintf(title, sizeof title, "%s \u2013 Faultline", r->run_name);
    report_head(f, title, r->chunks);
    report_page_begin(f, r);
}

/* ---- a directory with chunks: --all ---- */

struct chunk {
    const struct part *part;
    size_t i;
};

static void write_chunk(FILE *f, void *arg)
{
    const struct chunk *c = arg;
    fprintf(f, "/* " REPORT_MARK " */\nfaultline(%zu,", c->i);
    fwrite(c->part->text, 1, c->part->size, f);
    fputs(");\n", f);
}

static void plan_chunks(struct report_plan *plan, const struct report *r)
{
    sqlite3_stmt *q = db_prepare(r->db, "SELECT t FROM records WHERE run_id = :run ORDER BY t");
    db_bind_int(r->db, q, ":run", r->run_id);
    int64_t from = r->t0, n = 0;
    while (db_row(r->db, q)) {
        int64_t t = sqlite3_column_int64(q, 0);
        if (++n > CHUNK_RECORDS && t > from) {
            plan_add(plan, from, t, 0, "all");
            from = t;
            n = 1;
        }
    }
    db_done(r->db, q);
    plan_add(plan, from, r->t1 + 1, 0, "all");
}

static int write_chunks(struct page *p, const char *dir, bool force)
{
    int status = 0;
    for (size_t i = 0; i < p->n && status == 0; i++) {
        char path[4200];
        struct chunk c = {&p->part[i], i};
        snprintf(path, sizeof path, "%s/chunk-%03zu.js", dir, i);
        status = report_write_file(path, force, write_chunk, &c);
    }
    return status;
}

/* ---- the page ---- */

int report_make(const struct report *r, struct report_plan *plan, const struct report_options *o,
                struct report_result *result)
{
    struct page p = {.r = r};
    struct whole w = {.page = &p};
    w.begin = made(begin_with_head, r, &w.begin_n);
    w.end = made(report_page_end, r, &w.end_n);
    w.summary = made(report_summary, r, &w.summary_n);
    p.budget = r->chunks
                   ? INT64_MAX / 4
                   : o->max_size - (int64_t)(w.begin_n + w.end_n + w.summary_n + report_files(NULL, ".js")) - 8192;
    if (r->chunks)
        plan_chunks(plan, r);
    int status = 0;
    if (p.budget < 0)
        status = cli_fail(EXIT_USAGE, "report", "--max-size is too small: without any record the page has %lld bytes",
                          (long long)(o->max_size - p.budget));
    for (size_t i = 0; i < plan->n && status == 0 && !r->db->failed; i++)
        embed_missing(&p, plan->span[i]);
    if (p.n > 0)
        qsort(p.part, p.n, sizeof *p.part, by_time);
    char dir[4096];
    snprintf(dir, sizeof dir, "%s", result->path);
    if (r->chunks && status == 0) {
        if (mkdir(dir, 0777) != 0 && errno != EEXIST)
            status = cli_fail(EXIT_CANTCREATE, "report", "cannot create the directory %s: %s", dir, strerror(errno));
        w.chunks = (int64_t)p.n;
        snprintf(result->path, sizeof result->path, "%.4000s/report.html", dir);
        if (status == 0)
            status = write_chunks(&p, dir, o->force);
    }
    if (r->db->failed)
        status = cli_fail(r->db->status, "report", "%s", r->db->err);
    if (status == 0)
        status = report_write_file(result->path, o->force, write_page, &w);
    for (size_t i = 0; i < p.n; i++) {
        result->records += p.part[i].records;
        free(p.part[i].text);
    }
    free(p.part);
    free(p.left);
    free(w.begin);
    free(w.end);
    free(w.summary);
    return status;
}
