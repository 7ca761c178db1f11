/* report_summary.c -- what the page of a run always has, however long the run: its nodes, faults, terms, links, gaps,
 * an overview, the violations with their evidence, the sentences of records, and the SQL behind the panels. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "queries.h"
#include "report_int.h"
#include "words.h"

enum { BINS = 1000, ROWS_MAX = 2000 };

/* The rows of a query, each an array. */
static void rows(FILE *f, const struct report *r, const char *key, sqlite3_stmt *q)
{
    fprintf(f, ",\"%s\":[", key);
    for (int n = 0; db_row(r->db, q); n++) {
        fputs(n > 0 ? ",[" : "[", f);
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            if (i > 0)
                fputc(',', f);
            if (sqlite3_column_type(q, i) == SQLITE_INTEGER)
                json_column_int(f, q, i);
            else
                json_column_text(f, q, i);
        }
        fputc(']', f);
    }
    db_done(r->db, q);
    fputc(']', f);
}

static void named_rows(FILE *f, const struct report *r, const char *name)
{
    sqlite3_stmt *q = report_query(r, name);
    if (q != NULL && sqlite3_bind_parameter_index(q, ":limit") > 0)
        db_bind_int(r->db, q, ":limit", ROWS_MAX);
    rows(f, r, name, q);
}

static void sql_rows(FILE *f, const struct report *r, const char *key, const char *sql)
{
    sqlite3_stmt *q = db_prepare(r->db, sql);
    db_bind_int(r->db, q, ":run", r->run_id);
    rows(f, r, key, q);
}

/* ---- the overview ---- */

static int bin_of(const struct report *r, int64_t t)
{
    int64_t whole = r->t1 - r->t0 + 1, at = t < r->t0 ? 0 : t - r->t0;
    int bin = (int)((double)at / (double)whole * BINS);
    return bin < BINS ? bin : BINS - 1;
}

/* Trailing zeros are left out. */
static void bins(FILE *f, const char *key, const int64_t *v)
{
    int n = BINS;
    while (n > 0 && v[n - 1] == 0)
        n--;
    fprintf(f, "\"%s\":[", key);
    for (int i = 0; i < n; i++)
        fprintf(f, i > 0 ? ",%" PRId64 : "%" PRId64, v[i]);
    fputc(']', f);
}

static void overview_records(FILE *f, const struct report *r)
{
    int64_t count[BINS] = {0};
    char node[256] = "";
    int n = 0;
    fputs("\"records\":[", f);
    sqlite3_stmt *q = report_query(r, "overview-records");
    for (bool more = true; more;) {
        more = db_row(r->db, q);
        const char *this = more ? (const char *)sqlite3_column_text(q, 0) : "";
        bool other = n == 0 || !more || strcmp(this, node) != 0;
        if (n > 0 && other) {
            bins(f, "n", count);
            fputc('}', f);
            memset(count, 0, sizeof count);
        }
        if (more && other) {
            fputs(n++ > 0 ? ",{\"node\":" : "{\"node\":", f);
            json_text(f, this);
            fputc(',', f);
            snprintf(node, sizeof node, "%s", this);
        }
        if (more)
            count[bin_of(r, sqlite3_column_int64(q, 1))]++;
    }
    db_done(r->db, q);
    fputc(']', f);
}

static void overview_messages(FILE *f, const struct report *r)
{
    int64_t sent[BINS] = {0}, lost[BINS] = {0};
    sqlite3_stmt *q = report_query(r, "overview-messages");
    while (db_row(r->db, q)) {
        int bin = bin_of(r, sqlite3_column_int64(q, 0));
        sent[bin]++;
        lost[bin] += sqlite3_column_int(q, 1);
    }
    db_done(r->db, q);
    fputc(',', f);
    bins(f, "sent", sent);
    fputc(',', f);
    bins(f, "lost", lost);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Median and 99th percentile of the latencies of each bin, in us; 0 where nothing was answered. */
static void overview_operations(FILE *f, const struct report *r)
{
    enum { LATENCIES_MAX = 1 << 16 };
    int64_t p50[BINS] = {0}, p99[BINS] = {0}, *latency = malloc(LATENCIES_MAX * sizeof *latency);
    if (latency == NULL)
        abort();
    size_t n = 0;
    int at = 0;
    sqlite3_stmt *q = report_query(r, "overview-operations");
    for (bool more = true; more;) {
        more = db_row(r->db, q);
        int bin = more ? bin_of(r, sqlite3_column_int64(q, 0)) : BINS;
        if (bin != at && n > 0) {
            qsort(latency, n, sizeof *latency, by_value);
            p50[at] = 1 + latency[n / 2] / 1000;
            p99[at] = 1 + latency[n - 1 - (n - 1) / 100] / 1000;
            n = 0;
        }
        at = bin;
        if (more && n < LATENCIES_MAX)
            latency[n++] = sqlite3_column_int64(q, 1);
    }
    db_done(r->db, q);
    free(latency);
    fputc(',', f);
    bins(f, "p50", p50);
    fputc(',', f);
    bins(f, "p99", p99);
}

/* ---- violations ---- */

static void violation_parts(FILE *f, const struct report *r, int64_t v)
{
    static const char *const parts[] = {"evidence", "lifetimes"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        sqlite3_stmt *q = report_query(r, parts[i]);
        db_bind_int(r->db, q, ":violation", v);
        rows(f, r, parts[i], q);
    }
}

static void violations(FILE *f, const struct report *r)
{
    static const char *const keys[] = {"id", "check", "severity", "t", "node", "key", "title", "class", "bad"};
    fputs(",\"violations\":[", f);
    sqlite3_stmt *q = report_query(r, "violations");
    for (int n = 0; n < REPORT_VIOLATIONS && db_row(r->db, q); n++) {
        fputs(n > 0 ? ",{" : "{", f);
        for (int i = 0; i < (int)(sizeof keys / sizeof *keys); i++) {
            fprintf(f, "%s\"%s\":", i > 0 ? "," : "", keys[i]);
            if (sqlite3_column_type(q, i) == SQLITE_INTEGER)
                json_column_int(f, q, i);
            else
                json_column_text(f, q, i);
        }
        violation_parts(f, r, sqlite3_column_int64(q, 0));
        fputc('}', f);
    }
    db_done(r->db, q);
    fputc(']', f);
}

/* ---- words and queries ---- */

static void words(FILE *f)
{
    struct words_template t;
    fputs(",\"words\":[", f);
    for (size_t i = 0; words_template(i, &t); i++) {
        fputs(i > 0 ? ",[" : "[", f);
        json_text(f, t.ev);
        fputc(',', f);
        json_text(f, t.ty);
        fprintf(f, ",%d,", t.ok);
        json_text(f, t.words);
        fputc(']', f);
    }
    fputc(']', f);
}

static void queries(FILE *f)
{
    struct named_query q;
    const char *at = NULL;
    int n = 0;
    fputs(",\"sql\":{", f);
    while (query_next("report.sql", &at, &q)) {
        fputs(n++ > 0 ? "," : "", f);
        json_text(f, q.name);
        fputs(":[", f);
        json_text(f, q.help);
        fputc(',', f);
        json_str(f, q.sql, q.n);
        fputc(']', f);
    }
    fputc('}', f);
}

static bool missing(const struct report *r)
{
    sqlite3_stmt *q = db_prepare(r->db, "SELECT 1 FROM boots WHERE run_id = :run AND missing > 0 LIMIT 1");
    db_bind_int(r->db, q, ":run", r->run_id);
    bool some = db_row(r->db, q);
    db_done(r->db, q);
    return some;
}

void report_summary(FILE *f, const struct report *r)
{
    fputs("\"schema\":\"faultline-report/1\",\"run\":{\"name\":", f);
    json_text(f, r->run_name);
    fputs(",\"where\":", f);
    json_text(f, r->where);
    fprintf(f, ",\"id\":%" PRId64 ",\"t0\":%" PRId64 ",\"t1\":%" PRId64 "}", r->run_id, r->t0, r->t1);
    sql_rows(f, r, "nodes", "SELECT node, kind, instrumented FROM nodes WHERE run_id = :run ORDER BY node");
    sql_rows(f, r, "sources", "SELECT source_id, path FROM sources WHERE run_id = :run");
    static const char *const named[] = {"boots", "faults", "terms", "links"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        named_rows(f, r, named[i]);
    if (missing(r)) /* the view looks at every record */
        named_rows(f, r, "gaps");
    else
        fputs(",\"gaps\":[]", f);
    fprintf(f, ",\"overview\":{\"bins\":%d,", BINS);
    overview_records(f, r);
    overview_messages(f, r);
    overview_operations(f, r);
    fputc('}', f);
    violations(f, r);
    words(f);
    queries(f);
}
