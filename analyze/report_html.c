/* report_html.c -- the plain part of a run's page: it is all there without JavaScript. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "check.h"
#include "embedded.h"
#include "explain.h"
#include "explain_class.h"
#include "report_int.h"

size_t report_files(FILE *f, const char *suffix)
{
    size_t size = 0;
    for (size_t i = 0; i < embedded_files_n; i++) {
        size_t n = strlen(embedded_files[i].name), end = strlen(suffix);
        if (strncmp(embedded_files[i].name, "report/", 7) != 0 || n <= end ||
            strcmp(embedded_files[i].name + n - end, suffix) != 0)
            continue;
        if (f != NULL)
            fwrite(embedded_files[i].text, 1, embedded_files[i].size, f);
        size += embedded_files[i].size;
    }
    return size;
}

void report_head(FILE *f, const char *title, bool chunks)
{
    fputs("<!doctype html>\n" REPORT_MARK "\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'",
          f);
    fputs(chunks ? " file: 'self'" : "", f);
    fputs("; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" "
          "content=\"no-referrer\">\n<title>",
          f);
    html(f, title);
    fputs("</title>\n<style>\n", f);
    report_files(f, ".css");
    fputs("</style>\n</head>\n<body>\n", f);
}

/* ---- small pieces ---- */

static sqlite3_stmt *ask(const struct report *r, const char *sql)
{
    sqlite3_stmt *q = db_prepare(r->db, sql);
    db_bind_int(r->db, q, ":run", r->run_id);
    return q;
}

static int64_t ask_int(const struct report *r, const char *sql)
{
    sqlite3_stmt *q = ask(r, sql);
    int64_t v = db_row(r->db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(r->db, q);
    return v;
}

void report_tally(FILE *f, const char *class, int64_t n, const char *what)
{
    if (n > 0)
        fprintf(f, "<li class=\"%s\"><b>%" PRId64 "</b> %s</li>", class, n, what);
}

const char *report_mood(struct db *db, int64_t run_id, const struct report_counts *c)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT 1 FROM checks WHERE run_id = :run AND verdict = 'pass' AND \"check\" NOT"
                                     " GLOB 'T*' LIMIT 1");
    db_bind_int(db, q, ":run", run_id);
    bool shown = db_row(db, q);
    db_done(db, q);
    return c->fail > 0 ? "fail" : c->unknown > 0 || !shown ? "unknown" : "pass";
}

/* Strata that have slipped along a fault. */
static const char logo[] =
    "<svg class=\"logo\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M2 6h8l2 3h10M2 12h6"
    "l2 3h12M2 18h4l2 3h14\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2.2\""
    " stroke-linejoin=\"round\" stroke-linecap=\"round\"/></svg>";

void report_bar_begin(FILE *f, const char *name)
{
    fputs("<header class=\"bar\">\n<span class=\"brand\">", f);
    fputs(logo, f);
    fputs("Faultline</span>\n<span class=\"run\"><b>", f);
    html(f, name);
    fputs("</b>", f);
}

static void print_bar(FILE *f, const struct report *r)
{
    fputs("<a class=\"skip\" href=\"#story\">Skip to the explanation</a>\n", f);
    report_bar_begin(f, r->run_name);
    sqlite3_stmt *q = ask(r, "SELECT seed FROM runs WHERE run_id = :run AND seed IS NOT NULL");
    if (db_row(r->db, q))
        fprintf(f, " <span>seed %" PRId64 "</span>", (int64_t)sqlite3_column_int64(q, 0));
    db_done(r->db, q);
    fputs("</span>\n<ul class=\"tally\">", f);
    report_tally(f, "fail", r->counts.fail, "failed");
    report_tally(f, "unknown", r->counts.unknown, "undecided");
    report_tally(f, "pass", r->counts.pass, "passed");
    report_tally(f, "skipped", r->counts.skipped, "skipped");
    fprintf(f, "</ul>\n<span class=\"%s\">%s</span>\n<span class=\"tools\" id=\"tools\"></span>\n</header>\n",
            r->complete ? "complete" : "lossy", r->complete ? "trace complete" : "records are missing");
}

/* ---- the verdict ---- */

static void fact(FILE *f, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void fact(FILE *f, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(f, "<div><dt>%s</dt><dd>", name);
    vfprintf(f, fmt, ap);
    fputs("</dd></div>\n", f);
    va_end(ap);
}

static void print_facts(FILE *f, const struct report *r)
{
    char a[REPORT_NUMBER], b[REPORT_NUMBER];
    int64_t traced = ask_int(r, "SELECT count(*) FROM nodes WHERE run_id = :run AND kind = 'replica' AND instrumented");
    int64_t replicas = ask_int(r, "SELECT count(*) FROM nodes WHERE run_id = :run AND kind = 'replica'");
    int64_t sent = ask_int(r, "SELECT count(*) FROM messages WHERE run_id = :run");
    int64_t lost = ask_int(r, "SELECT count(*) FROM messages WHERE run_id = :run AND fate = 'dropped'");
    fputs("<dl class=\"facts\">\n", f);
    fact(f, "length", "%.1f s", (double)(r->t1 - r->t0) / 1e9);
    fact(f, "records", "%s", report_number(ask_int(r, "SELECT sum(records) FROM sources WHERE run_id = :run"), a));
    if (traced == replicas)
        fact(f, "replicas", "%" PRId64, replicas);
    else
        fact(f, "replicas", "%" PRId64 ", %" PRId64 " with a trace", replicas, traced);
    fact(f, "clients", "%" PRId64, ask_int(r, "SELECT count(*) FROM nodes WHERE run_id = :run AND kind = 'client'"));
    fact(f, "operations", "%s", report_number(ask_int(r, "SELECT count(*) FROM ops WHERE run_id = :run"), a));
    fact(f, "datagrams", "%s, %s lost (%.1f %%)", report_number(sent, a), report_number(lost, b),
         sent > 0 ? 100.0 * (double)lost / (double)sent : 0.0);
    fact(f, "faults", "%" PRId64, ask_int(r, "SELECT count(*) FROM faults WHERE run_id = :run"));
    fputs("</dl>\n", f);
}

static void print_losses(FILE *f, const struct report *r)
{
    sqlite3_stmt *q =
        ask(r, "SELECT coalesce(l.node, ''), l.name, sum(l.value), coalesce(s.path, ''), coalesce(max(l.note), ''),"
               " l.severity FROM load_stats l LEFT JOIN sources s USING (source_id) WHERE l.run_id = :run"
               " AND l.severity <> 'info' GROUP BY 1, 2, 4, 6 ORDER BY l.severity, 1, 2 LIMIT 20");
    int n = 0;
    while (db_row(r->db, q)) {
        fputs(n++ == 0 ? "<div class=\"losses\" role=\"note\"><p>What depends on missing records is undecided, not"
                         " passed.</p><ul>\n<li>"
                       : "<li>",
              f);
        for (int i = 0; i < 5; i++) {
            static const char *const before[] = {"", " ", " ", " in ", ": "};
            const char *s = (const char *)sqlite3_column_text(q, i);
            if (s == NULL || *s == '\0')
                continue;
            fputs(before[i], f);
            html(f, s);
        }
        fputs("</li>\n", f);
    }
    db_done(r->db, q);
    fputs(n > 0 ? "</ul></div>\n" : "", f);
}

enum { TITLE_SHORT = 56 }; /* bytes that fit in one large line */

static void print_verdict(FILE *f, const struct report *r, int64_t worst)
{
    const char *mood = report_mood(r->db, r->run_id, &r->counts);
    fprintf(f, "<section class=\"verdict %s\" aria-labelledby=\"says\">\n", mood);
    sqlite3_stmt *q = db_prepare(
        r->db,
        "SELECT v.\"check\", v.title, v.fingerprint, (SELECT count(*) FROM violations o WHERE o.run_id = v.run_id)"
        " FROM violations v WHERE violation_id = :v");
    db_bind_int(r->db, q, ":v", worst);
    if (worst != 0 && db_row(r->db, q)) {
        const struct check *c = check_find((const char *)sqlite3_column_text(q, 0));
        const struct violation_class *is = class_find((const char *)sqlite3_column_text(q, 2));
        int64_t others = sqlite3_column_int64(q, 3) - 1;
        fputs("<p class=\"kicker\"><span class=\"stamp\">\u2715 Failed</span> ", f);
        html(f, (const char *)sqlite3_column_text(q, 2));
        fprintf(f, "</p>\n<h1 id=\"says\"%s>", sqlite3_column_bytes(q, 1) > TITLE_SHORT ? " class=\"long\"" : "");
        html(f, (const char *)sqlite3_column_text(q, 1));
        fputs("</h1>\n<p class=\"lede\">", f);
        html(f, is != NULL ? is->says : c != NULL ? c->help : "");
        if (others > 0)
            fprintf(f, " <a href=\"#story\">%" PRId64 " more violation%s.</a>", others, others > 1 ? "s" : "");
        fputs("</p>\n", f);
    } else if (strcmp(mood, "pass") == 0) {
        fprintf(f,
                "<p class=\"kicker\"><span class=\"stamp\">\u2713 Passed</span> nothing is wrong with this run</p>\n"
                "<h1 id=\"says\">All %" PRId64 " checks passed</h1>\n<p class=\"lede\">",
                r->counts.pass);
        if (r->counts.skipped > 0)
            fprintf(f, "%" PRId64 " more had nothing to look at, and say so. ", r->counts.skipped);
        if (ask_int(r, "SELECT verdict = 'pass' FROM checks WHERE run_id = :run AND \"check\" = 'C1'") != 0)
            fputs("Every key is linearizable. ", f);
        fputs("No rule of Raft that this trace can show was broken.</p>\n", f);
    } else if (r->counts.unknown == 0) {
        fputs("<p class=\"kicker\"><span class=\"stamp\">? Undecided</span> nothing failed, but</p>\n"
              "<h1 id=\"says\">Nothing could be checked but the trace itself</h1>\n<p class=\"lede\">What each check "
              "lacked"
              " is said below.</p>\n",
              f);
    } else {
        fprintf(f,
                "<p class=\"kicker\"><span class=\"stamp\">? Undecided</span> nothing failed, but</p>\n"
                "<h1 id=\"says\">%" PRId64 " checks could not be decided</h1>\n<p class=\"lede\">%" PRId64
                " passed, %" PRId64 " had nothing to look at. What is missing is said below.</p>\n",
                r->counts.unknown, r->counts.pass, r->counts.skipped);
    }
    db_done(r->db, q);
    print_facts(f, r);
    print_losses(f, r);
    fputs("</section>\n", f);
}

void report_page_begin(FILE *f, const struct report *r)
{
    int64_t worst = explain_worst_of(r->db, r->run_id);
    print_bar(f, r);
    fputs("<main>\n", f);
    print_verdict(f, r, worst);
    fprintf(f,
            "<div class=\"work\" id=\"work\">\n<section class=\"story\" id=\"story\" aria-labelledby=\"how\" "
            "tabindex=\"0\">\n"
            "<h2 id=\"how\">%s</h2>\n",
            worst != 0 ? "How it happened" : "What happened");
    if (worst != 0)
        report_stories(f, r, worst);
    else
        report_course(f, r);
    fputs(
        "</section>\n<section class=\"stage\" id=\"stage\" aria-label=\"Space-time diagram\">\n"
        "<noscript><p class=\"note\">The drawing of the run, the state of every replica at any moment, and the search"
        " need JavaScript. Everything that was found is on this page without it.</p></noscript>\n</section>\n</div>\n",
        f);
    if (worst != 0) {
        fputs("<section class=\"block course\"><h2>What happened in the run</h2>\n", f);
        report_course(f, r);
        fputs("</section>\n", f);
    }
}

/* ---- below the drawing ---- */

static const struct {
    const char *verdict, *mark, *title;
} groups[] = {{"fail", "\u2715", "Failed"},
              {"unknown", "?", "Undecided"},
              {"pass", "\u2713", "Passed"},
              {"skipped", "\u2013", "Skipped"}};

static void print_checks(FILE *f, const struct report *r)
{
    fputs("<section class=\"block\" id=\"checks\"><h2>Checks</h2>\n", f);
    sqlite3_stmt *q = ask(r, "SELECT verdict, note, examined FROM checks WHERE run_id = :run AND \"check\" = :check");
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        const struct check *c;
        int n = 0;
        for (size_t i = 0; (c = check_at(i)) != NULL; i++) {
            db_bind_int(r->db, q, ":run", r->run_id);
            db_bind_text(r->db, q, ":check", c->id);
            if (db_row(r->db, q) && strcmp((const char *)sqlite3_column_text(q, 0), groups[g].verdict) == 0) {
                if (n++ == 0)
                    fprintf(f,
                            "<h3 class=\"%s\"><span class=\"mark\" aria-hidden=\"true\">%s</span> %s</h3>\n<ul "
                            "class=\"checks"
                            " %s\">\n",
                            groups[g].verdict, groups[g].mark, groups[g].title, groups[g].verdict);
                fprintf(f, "<li title=\"");
                html(f, c->help);
                fprintf(f, "\"><b>%s</b> <span>%s", c->id, c->title);
                const char *note = (const char *)sqlite3_column_text(q, 1);
                if (note != NULL && *note != '\0') {
                    fputs(" <small>", f);
                    html(f, note);
                    fputs("</small>", f);
                }
                fputs("</span></li>\n", f);
            }
            sqlite3_reset(q);
        }
        if (n > 0)
            fputs("</ul>\n", f);
    }
    db_done(r->db, q);
    fputs("</section>\n", f);
}

/* Which link lost what: a table of the replicas, of the first 12 when they are many. */
static void print_links(FILE *f, const struct report *r)
{
    sqlite3_stmt *q =
        ask(r, "WITH n AS (SELECT node FROM nodes WHERE run_id = :run AND kind = 'replica' ORDER BY node LIMIT 12),"
               " m AS (SELECT src, dst, count(*) AS sent, sum(fate = 'dropped') AS lost FROM messages"
               " WHERE run_id = :run GROUP BY src, dst)"
               " SELECT a.node, b.node, sent, lost FROM n a, n b LEFT JOIN m ON src = a.node AND dst = b.node"
               " ORDER BY a.node, b.node");
    int64_t n = ask_int(r, "SELECT min(12, count(*)) FROM nodes WHERE run_id = :run AND kind = 'replica'");
    if (n == 0) {
        db_done(r->db, q);
        return;
    }
    fputs("<section class=\"block\" id=\"links\"><h2>Lost between replicas</h2>\n<div class=\"scroll\" tabindex=\"0\""
          " role=\"region\" aria-label=\"Lost datagrams of each link\"><table class=\"matrix\"><thead><tr>"
          "<th scope=\"col\">from \\ to</th>",
          f);
    for (int row = 0; db_row(r->db, q); row++) {
        if (row < n) {
            fputs("<th scope=\"col\">", f);
            html(f, (const char *)sqlite3_column_text(q, 1));
            fputs("</th>", f);
        }
    }
    sqlite3_reset(q);
    fputs("</tr></thead>\n<tbody>", f);
    for (int row = 0; db_row(r->db, q); row++) {
        if (row % n == 0) {
            fputs("<tr><th scope=\"row\">", f);
            html(f, (const char *)sqlite3_column_text(q, 0));
            fputs("</th>", f);
        }
        int64_t sent = sqlite3_column_int64(q, 2), lost = sqlite3_column_int64(q, 3);
        if (row % n == row / n)
            fputs("<td class=\"self\"></td>", f);
        else if (sent == 0)
            fputs("<td class=\"none\">\u2013</td>", f);
        else
            fprintf(f, "<td class=\"heat%d\"><b>%" PRId64 "</b> <small>of %" PRId64 "</small></td>",
                    lost == 0 ? 0 : 1 + (int)(3 * lost / (sent + 1)), lost, sent);
        if (row % n == n - 1)
            fputs("</tr>\n", f);
    }
    db_done(r->db, q);
    fputs("</tbody></table></div></section>\n", f);
}

static void print_again(FILE *f, const struct report *r)
{
    fputs(
        "<section class=\"block\" id=\"again\"><h2>Go on from here</h2>\n<ul class=\"commands\">\n<li><span>the verdict"
        " in the terminal</span><code class=\"cmd\">analyze ",
        f);
    html(f, r->where);
    fputs("</code></li>\n<li><span>any question, in SQL</span>", f);
    report_command(f, r, "sql", "--list");
    fputs("</li>\n<li><span>what is in the run</span>", f);
    report_command(f, r, "stat", "");
    fputs("</li>\n", f);
    if (r->again[0] != '\0') {
        fputs("<li><span>make the run again</span><code class=\"cmd\">", f);
        html(f, r->again);
        fputs("</code></li>\n", f);
    }
    fputs("</ul></section>\n", f);
}

void report_page_end(FILE *f, const struct report *r)
{
    fputs("<div class=\"below\">\n", f);
    print_checks(f, r);
    fputs("<div>\n", f);
    print_links(f, r);
    print_again(f, r);
    fputs("</div>\n</div>\n", f);
}
