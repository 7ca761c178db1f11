/* report_story.c -- the violations of a run and their stories, as plain HTML. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "explain.h"
#include "explain_class.h"
#include "pairmap.h"
#include "report_int.h"

enum { CLASS_SHOWN = 12 }; /* violations of one class that are named one by one */

void report_command(FILE *f, const struct report *r, const char *command, const char *rest)
{
    fputs("<code class=\"cmd\">analyze ", f);
    html(f, command);
    fputc(' ', f);
    html(f, r->where);
    if (rest[0] != '\0')
        fputc(' ', f);
    html(f, rest);
    fputs("</code>", f);
}

/* "0003.1:1462  run7/0003.1.jsonl:1462": a link to the record, and where it is written, without the name of the run. */
static void print_where(FILE *f, const struct report *r, const char *where)
{
    char ref[256];
    size_t n = strcspn(where, " "), root = strlen(r->where);
    snprintf(ref, sizeof ref, "%.*s", (int)n, where);
    const char *file = where + n + strspn(where + n, " ");
    if (strncmp(file, r->where, root) == 0)
        file += root + strspn(file + root, "/");
    fputs("<span class=\"where\"><a href=\"#", f);
    html(f, ref);
    fputs("\">", f);
    html(f, ref);
    fputs("</a> <span class=\"file\">", f);
    html(f, file);
    fputs("</span></span>", f);
}

static void print_steps(FILE *f, const struct report *r, struct story *s)
{
    struct story_line line;
    fputs("<ol class=\"steps\">\n", f);
    for (size_t i = 0; story_line(s, i, &line); i++) {
        fprintf(f, "<li%s data-t=\"%" PRId64 "\" data-rec=\"%" PRId64 "\"><time>%.1f</time><b class=\"who\">",
                line.wrong ? " class=\"wrong\"" : "", line.t, line.rec, (double)line.t / 1e6);
        html(f, line.who);
        fputs("</b><span class=\"what\">", f);
        html(f, line.words);
        if (line.wrong)
            fputs(" <em class=\"first\">first wrong step</em>", f);
        fputs("</span>", f);
        if (line.where != NULL)
            print_where(f, r, line.where);
        fputs("</li>\n", f);
    }
    fputs("</ol>\n", f);
    const char *remark;
    for (size_t i = 0; (remark = story_remark_at(s, i)) != NULL; i++) {
        fputs(i == 0 ? "<ul class=\"remarks\">\n<li>" : "<li>", f);
        html(f, remark);
        fputs("</li>\n", f);
    }
    if (story_remark_at(s, 0) != NULL)
        fputs("</ul>\n", f);
}

struct item {
    int64_t id;
    char *check, *title, *class;
    bool told; /* printed already */
};

static char *column(sqlite3_stmt *q, int i)
{
    const char *s = (const char *)sqlite3_column_text(q, i);
    char *copy = strdup(s != NULL ? s : "");
    if (copy == NULL)
        abort();
    return copy;
}

/* What led to it, and where in a program to look. */
static void print_causes(FILE *f, const struct report *r, int64_t v, const char *class)
{
    int64_t chain[EXPLAIN_CAUSES];
    const struct violation_class *is = class_find(class);
    const char *look = is != NULL ? is->look : NULL;
    size_t n = explain_causes(r->db, v, chain);
    sqlite3_stmt *q = db_prepare(r->db, "SELECT title, fingerprint FROM violations WHERE violation_id = :v");
    for (size_t i = 0; i < n; i++) {
        db_bind_int(r->db, q, ":v", chain[i]);
        if (db_row(r->db, q)) {
            is = class_find((const char *)sqlite3_column_text(q, 1));
            fprintf(f, "<p class=\"because\"><b>because</b> <a href=\"#V%" PRId64 "\">V%" PRId64 "</a> ", chain[i],
                    chain[i]);
            html(f, (const char *)sqlite3_column_text(q, 0));
            if (is != NULL) {
                fputs(": ", f);
                html(f, is->says);
                look = is->look != NULL ? is->look : look;
            }
            fputs("</p>\n", f);
        }
        sqlite3_reset(q);
    }
    db_done(r->db, q);
    if (look != NULL) {
        fputs("<p class=\"because\"><b>look at</b> ", f);
        html(f, look);
        fputs("</p>\n", f);
    }
}

static void print_item(FILE *f, const struct report *r, const struct item *v, bool open, bool story)
{
    fprintf(f, "<details class=\"violation\" id=\"V%" PRId64 "\"%s><summary><b class=\"ref\">V%" PRId64 "</b> <span>",
            v->id, open ? " open" : "", v->id);
    html(f, v->title);
    fputs("</span></summary>\n", f);
    char name[32];
    snprintf(name, sizeof name, "V%" PRId64, v->id);
    struct story *s = story ? explain_story(r->db, v->id, EXPLAIN_DEPTH) : NULL;
    if (s != NULL) {
        print_steps(f, r, s);
        story_free(s);
        print_causes(f, r, v->id, v->class);
    } else {
        fputs("<p class=\"note\">Its story: ", f);
        report_command(f, r, "explain", name);
        fputs("</p>\n", f);
    }
    fputs("</details>\n", f);
}

/* All of one class, the first of which is `first`. */
static void print_class(FILE *f, const struct report *r, struct item *v, size_t n, size_t first, int *stories)
{
    size_t all = 0, shown = 0;
    for (size_t i = 0; i < n; i++)
        all += strcmp(v[i].class, v[first].class) == 0 && strcmp(v[i].check, v[first].check) == 0;
    const struct check *c = check_find(v[first].check);
    fprintf(f, "<details class=\"class\"%s><summary><h3><span class=\"check\">", *stories == 0 ? " open" : "");
    html(f, v[first].check);
    fputs("</span> ", f);
    html(f, v[first].class);
    if (all > 1)
        fprintf(f, " <span class=\"count\">%zu of these</span>", all);
    fputs("</h3></summary>\n", f);
    const struct violation_class *is = class_find(v[first].class);
    if (is != NULL || c != NULL) {
        fputs("<p class=\"rule\">", f);
        html(f, is != NULL ? is->says : c->help);
        fputs("</p>\n", f);
    }
    bool begun = *stories > 0; /* only the very first story is open */
    for (size_t k = 0; k <= n; k++) {
        size_t i = k == 0 ? first : k - 1;
        if (v[i].told || strcmp(v[i].class, v[first].class) != 0 || strcmp(v[i].check, v[first].check) != 0)
            continue;
        v[i].told = true;
        if (shown++ >= CLASS_SHOWN)
            continue;
        bool story = shown == 1 || *stories < REPORT_STORIES;
        print_item(f, r, &v[i], !begun && shown == 1, story);
        *stories += story;
    }
    if (shown > CLASS_SHOWN) {
        fprintf(f, "<p class=\"note\">%zu more of this class: ", shown - CLASS_SHOWN);
        report_command(f, r, "sql", "'SELECT * FROM violations'");
        fputs("</p>\n", f);
    }
    fputs("</details>\n", f);
}

void report_stories(FILE *f, const struct report *r, int64_t worst)
{
    struct item *v = NULL;
    size_t n = 0, room = 0;
    int stories = 0;
    sqlite3_stmt *q = db_prepare(
        r->db, "SELECT violation_id, \"check\", title, fingerprint FROM violations WHERE run_id = :run ORDER BY 1");
    db_bind_int(r->db, q, ":run", r->run_id);
    while (db_row(r->db, q)) {
        v = vector_grow(v, &room, n, sizeof *v);
        v[n++] = (struct item){sqlite3_column_int64(q, 0), column(q, 1), column(q, 2), column(q, 3), false};
    }
    db_done(r->db, q);
    for (size_t i = 0; i < n; i++) {
        if (v[i].id == worst)
            print_class(f, r, v, n, i, &stories);
    }
    for (size_t i = 0; i < n; i++) {
        if (!v[i].told)
            print_class(f, r, v, n, i, &stories);
    }
    for (size_t i = 0; i < n; i++) {
        free(v[i].check);
        free(v[i].title);
        free(v[i].class);
    }
    free(v);
}

/* ---- what happened in the run ---- */

void report_course(FILE *f, const struct report *r)
{
    enum { SHOWN = 60 };
    struct story *s = story_new(r->db, r->run_id);
    sqlite3_stmt *q = db_prepare(r->db, "SELECT fault_id FROM faults WHERE run_id = :run ORDER BY t_begin LIMIT 60");
    db_bind_int(r->db, q, ":run", r->run_id);
    while (db_row(r->db, q))
        story_fault(s, sqlite3_column_int64(q, 0));
    db_done(r->db, q);
    q = report_query(r, "terms");
    db_bind_int(r->db, q, ":limit", SHOWN);
    while (db_row(r->db, q)) {
        const char *node = (const char *)sqlite3_column_text(q, 0), *why = (const char *)sqlite3_column_text(q, 5);
        char until[128] = "to the end";
        if (sqlite3_column_type(q, 4) != SQLITE_NULL)
            snprintf(until, sizeof until, "until %.1f ms%s%s%s", (double)sqlite3_column_int64(q, 4) / 1e6,
                     why != NULL ? " (" : "", why != NULL ? why : "", why != NULL ? ")" : "");
        story_step(s, sqlite3_column_int64(q, 3), node, "leads term %lld %s%s", (long long)sqlite3_column_int64(q, 2),
                   until, strcmp((const char *)sqlite3_column_text(q, 8), "wire") == 0 ? ", as seen on the wire" : "");
    }
    db_done(r->db, q);
    print_steps(f, r, s);
    story_free(s);
}
