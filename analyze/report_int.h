/* report_int.h -- the parts of the HTML report, for report*.c only.
 *
 * One file: what is plain (verdict, explanations, checks) as HTML, what the drawing needs as JSON in <script> elements
 * that no browser runs, and one style sheet and one script of ours (analyze/report/, embedded at build time). All of a
 * trace's text is hostile: it goes through the escapes below, and the script puts it into text nodes only. */
#ifndef FAULTLINE_REPORT_INT_H
#define FAULTLINE_REPORT_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "db.h"
#include "report_text.h"

struct report {
    struct db *db;
    const char *where; /* as the user named it: for the commands that the page prints */
    int64_t run_id;
    const char *run_name;
    int64_t t0, t1; /* of the whole run, ns */
    struct report_counts counts;
    char again[1024]; /* the command that makes the run again, "" when nobody tells */
    bool complete;
    bool chunks; /* the records are in files beside the page */
};

/* ---- escaping: report_write.c ---- */

/* Text of unknown origin as HTML text or inside a double-quoted attribute: markup is escaped; control characters, marks
 * that reorder text and bytes that are no UTF-8 become visible as \xNN. NULL writes nothing. */
void html(FILE *f, const char *s);
/* As a JSON string with its quotes, safe inside <script>: < > & U+2028 U+2029 are escaped; bytes that are no UTF-8
 * become U+FFFD. Long texts are cut, and say how much is left out. */
void json_str(FILE *f, const char *p, size_t n);
void json_text(FILE *f, const char *s); /* NULL: null */
/* JSON text that is valid already, made safe inside <script>. */
void json_raw(FILE *f, const char *p, size_t n);
/* Columns of a row: null where NULL. */
void json_column_int(FILE *f, sqlite3_stmt *q, int i);
void json_column_text(FILE *f, sqlite3_stmt *q, int i);

/* ---- queries: report.sql ---- */

/* Prepares the query of this name, with :run bound (when it has one). */
sqlite3_stmt *report_query(const struct report *r, const char *name);

/* ---- which parts of the run: report_window.c ---- */

struct report_span {
    int64_t from, to;  /* [from, to) */
    int64_t violation; /* that it was chosen for, 0 = none */
    const char *why;   /* "violation", "leader", "fault", "all", "asked" */
};

struct report_plan {
    struct report_span *span; /* worst first; may overlap */
    size_t n, room;
};

enum { REPORT_ALL_RECORDS = 20000 }; /* a run of at most so many records is embedded whole */

void plan_add(struct report_plan *p, int64_t from, int64_t to, int64_t violation, const char *why);
/* What a reader of this run needs: around each violation, worst of each class first; then where leaders changed and
 * faults began or ended. The whole of a small run. */
void plan_run(struct report_plan *p, const struct report *r);
/* Around one violation, from 200 ms before its first evidence to 50 ms after the last; false: there is none. */
bool plan_violation(struct report_plan *p, const struct report *r, int64_t v);
void plan_free(struct report_plan *p);

/* ---- the data: report_data.c, report_summary.c ---- */

/* The records, messages and operations of [from, to) as one JSON object; the number of records. */
int64_t report_segment(FILE *f, const struct report *r, int64_t from, int64_t to);
/* What the page always has, as the members of a JSON object, without braces. */
void report_summary(FILE *f, const struct report *r);

/* ---- the page: report_html.c, report_story.c ---- */

/* The second line of every page: tells ours from other files. */
#define REPORT_MARK "<!-- faultline report 1 -->"

enum {
    REPORT_VIOLATIONS = 200, /* in the data of a page */
    REPORT_STORIES = 40      /* told in plain HTML */
};

/* From <!doctype> to <body>, with the style sheet. `chunks`: the page may load scripts beside it. */
void report_head(FILE *f, const char *title, bool chunks);
/* The bar's beginning: our name, and what the page is about. The caller ends <header>. */
void report_bar_begin(FILE *f, const char *name);
/* "fail", "pass" or "unknown": a trace that is whole says nothing yet about what it tells of. */
const char *report_mood(struct db *db, int64_t run_id, const struct report_counts *c);
/* "<b>3</b> failed" as a list item, if it is not none. */
void report_tally(FILE *f, const char *class, int64_t n, const char *what);
/* The bar at the top, the verdict, the explanations, and the place of the drawing. */
void report_page_begin(FILE *f, const struct report *r);
/* Checks, links, faults, completeness, and how to make the run again. */
void report_page_end(FILE *f, const struct report *r);
/* Embedded files of report/ with this suffix, one after another, as they are (f NULL: not written). Their size. */
size_t report_files(FILE *f, const char *suffix);
/* Each violation with its story, those of one class together, worst first. */
void report_stories(FILE *f, const struct report *r, int64_t worst);
/* Leaders and faults in order of time. */
void report_course(FILE *f, const struct report *r);
/* "analyze COMMAND RUN REST", for the user to copy. */
void report_command(FILE *f, const struct report *r, const char *command, const char *rest);

/* ---- one run: report.c; many: report_index.c ---- */

struct report_options {
    const char *where, *out; /* out NULL: report.html beside the database */
    const char *run;         /* which of several in one database */
    const char *around;      /* "V1" */
    int64_t from, to;        /* ns; to 0 = not asked for */
    int64_t max_size;        /* bytes */
    bool all, force;
};

struct report_result {
    char path[4096]; /* of the page */
    int64_t records; /* in it */
};

/* Puts the page together (report_page.c): what the plan says, worst first, as long as it fits. 0 or an exit status. */
int report_make(const struct report *r, struct report_plan *plan, const struct report_options *o,
                struct report_result *result);
/* The command that makes the run again, as the simulator's trace or RUN/run.json beside the database at `path` tells.
 */
void report_again(struct db *db, int64_t run_id, const char *path, char *again, size_t n);
/* Opens, checks if needed, plans and writes the page of one run. 0 or an exit status, having said why. */
int report_run_page(const struct report_options *o, struct report_result *result);
/* Writes an index over the runs below the directory, and the page of each. */
int report_index(const struct report_options *o);
/* Is this a directory without a trace or database of its own, but with runs below it? */
bool report_is_index(const char *path);
/* Writes FILE.tmp, then renames it; refuses to replace what is no page of ours, unless forced. `write` gets `arg`. */
int report_write_file(const char *path, bool force, void (*write)(FILE *f, void *arg), void *arg);

#endif
