/* timeline.c -- lays out the rows of timeline_rows.c: a line each, no wider than the terminal. */
#include "timeline_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "pairmap.h"

enum { TIME_WIDTH = 10, TEXT_LEAST = 24, COLUMN_LEAST = 6 };

struct layout {
    const struct timeline_options *o;
    FILE *out;
    int column, text; /* widths */
};

/* ---- text of unknown origin, cut to a width ---- */

/* Prints at most `width` columns of it, escaped as by cli_print(); with an ellipsis when it is cut. Returns how many.
 * Every character is taken to be one column wide. */
static int print_cut(const struct layout *l, const char *s, int width)
{
    const char *more = l->o->ascii ? "..." : "\u2026";
    int room = width - (l->o->ascii ? 3 : 1), at = 0, fits = 0;
    size_t n = strlen(s), cut = 0;
    for (size_t i = 0, step; i < n; i += step) {
        size_t len = cli_printable((const unsigned char *)s + i, n - i);
        bool plain = len > 0 && (!l->o->ascii || len == 1);
        step = plain ? len : 1;
        at += plain ? 1 : 4;
        if (at <= room) {
            cut = i + step;
            fits = at;
        }
    }
    bool whole = at <= width;
    for (size_t i = 0, step; i < (whole ? n : cut); i += step) {
        size_t len = cli_printable((const unsigned char *)s + i, n - i);
        bool plain = len > 0 && (!l->o->ascii || len == 1);
        step = plain ? len : 1;
        if (plain)
            fwrite(s + i, 1, len, l->out);
        else
            fprintf(l->out, "\\x%02x", (unsigned char)s[i]);
    }
    if (whole)
        return at;
    fputs(more, l->out);
    return fits + (l->o->ascii ? 3 : 1);
}

static void spaces(const struct layout *l, int n)
{
    fprintf(l->out, "%*s", n > 0 ? n : 0, "");
}

static const char *color_of(const char *mark)
{
    switch (mark[0]) {
    case 'L':
        return "\033[32m";
    case 'C':
    case 'P':
        return "\033[33m";
    case 'x':
    case 'X':
        return "\033[31m";
    default:
        return NULL;
    }
}

static void print_cell(const struct layout *l, const char *mark)
{
    const char *color = l->o->color ? color_of(mark) : NULL;
    if (color != NULL)
        fputs(color, l->out);
    int at = mark[0] != '\0' ? print_cut(l, mark, l->column - 1) : fprintf(l->out, "%s", l->o->ascii ? "." : "\u00b7");
    if (mark[0] == '\0')
        at = 1;
    if (color != NULL)
        fputs("\033[0m", l->out);
    spaces(l, l->column - at);
}

/* ---- the head ---- */

/* Role, term and last index of each replica just before the window. */
static void print_states(struct db *db, const struct layout *l, const struct timeline_columns *c)
{
    spaces(l, TIME_WIDTH + 2);
    sqlite3_stmt *q =
        db_prepare(db, "SELECT role || term || ' ' || last_idx FROM records WHERE run_id = :run"
                       " AND node = :node AND t < :t AND role IS NOT NULL ORDER BY t DESC, id DESC LIMIT 1");
    for (int i = 0; i < c->n; i++) {
        db_bind_int(db, q, ":run", l->o->run_id);
        db_bind_text(db, q, ":node", c->name[i]);
        db_bind_int(db, q, ":t", l->o->from);
        const char *text = db_row(db, q) ? (const char *)sqlite3_column_text(q, 0) : NULL;
        print_cell(l, text != NULL ? text : "?");
        sqlite3_reset(q);
    }
    db_done(db, q);
    print_cut(l, "role and term, last index at the beginning", l->text);
    fputc('\n', l->out);
}

static void print_head(struct db *db, const struct layout *l, const struct timeline_columns *c)
{
    fprintf(l->out, "%*s  ", TIME_WIDTH, "ms");
    for (int i = 0; i < c->n; i++)
        spaces(l, l->column - print_cut(l, c->name[i], l->column - 1));
    fputs("event\n", l->out);
    print_states(db, l, c);
}

/* ---- lines ---- */

static void print_row(const struct layout *l, const struct timeline_columns *c, const struct timeline_row *row,
                      int64_t v)
{
    char first[48] = "";
    if (v != 0)
        snprintf(first, sizeof first, l->text < 48 ? "  V%" PRId64 " first wrong" : "   V%" PRId64 " first wrong step",
                 v);
    int text = l->text - (int)strlen(first);
    fprintf(l->out, "%*.3f  ", TIME_WIDTH, (double)row->t / 1e6);
    for (int i = 0; i < c->n; i++)
        print_cell(l, row->mark[i]);
    if (v != 0 && l->o->color)
        fputs("\033[1m", l->out);
    print_cut(l, row->text, text > 4 ? text : 4);
    fputs(first, l->out);
    if (v != 0 && l->o->color)
        fputs("\033[0m", l->out);
    fputc('\n', l->out);
}

static bool in_a_column(const struct timeline_columns *c, const struct timeline_row *row)
{
    for (int i = 0; i < c->n; i++) {
        if (row->mark[i][0] != '\0')
            return true;
    }
    return false;
}

/* What the marks in the lines stand for: those that occur. */
static void print_legend(const struct layout *l, const bool seen[128])
{
    static const struct {
        char mark;
        const char *words;
    } legend[] = {
        {'S', "sends"},   {'R', "receives"},     {'x', "message lost"}, {'T', "timer"},  {'V', "votes"},
        {'n', "refuses"}, {'+', "adds entries"}, {'-', "removes them"}, {'d', "stored"}, {'c', "commits"},
        {'a', "applies"}, {'!', "answers"},      {'*', "see event"},    {'X', "down"},
    };
    bool any = false;
    for (size_t i = 0; i < sizeof legend / sizeof *legend; i++) {
        if (!seen[(unsigned char)legend[i].mark])
            continue;
        fprintf(l->out, "%s%c %s", any ? "  " : "\n", legend[i].mark, legend[i].words);
        any = true;
    }
    fputs(any ? "\n" : "", l->out);
}

static void left_out(struct db *db, const struct layout *l, const struct timeline_rows *r,
                     const struct timeline_columns *c, int64_t stopped)
{
    if (timeline_folded(r) > 0)
        fprintf(l->out, "%" PRId64 " records of heartbeats are left out: --ev '*' shows them\n", timeline_folded(r));
    if (c->left_out > 0)
        fprintf(l->out, "%d replicas are left out: choose with --node\n", c->left_out);
    if (stopped < 0)
        return;
    sqlite3_stmt *q =
        db_prepare(db, "SELECT count(*) FROM (SELECT 1 FROM records WHERE run_id = :run AND t > :t AND t <= :to"
                       " LIMIT 1000000)");
    db_bind_int(db, q, ":run", l->o->run_id);
    db_bind_int(db, q, ":t", stopped);
    db_bind_int(db, q, ":to", l->o->to);
    if (db_row(db, q))
        fprintf(l->out,
                "stopped at %.3f ms after %" PRId64 " lines, with %" PRId64 " records to come: --limit N shows more,"
                " --from, --to, --node and --ev choose\n",
                (double)stopped / 1e6, l->o->limit, (int64_t)sqlite3_column_int64(q, 0));
    db_done(db, q);
}

/* The replicas that have a column: chosen, and as many as fit. */
static struct timeline_columns columns_of(struct db *db, const struct timeline_options *o)
{
    struct timeline_columns c = {.n = 0};
    int room = (o->width - TIME_WIDTH - 2 - TEXT_LEAST) / COLUMN_LEAST;
    sqlite3_stmt *q = db_prepare(db, "SELECT node FROM nodes WHERE run_id = :run AND kind = 'replica' ORDER BY node");
    db_bind_int(db, q, ":run", o->run_id);
    while (db_row(db, q)) {
        const char *node = (const char *)sqlite3_column_text(q, 0);
        if (o->nodes != NULL && !timeline_fits(o->nodes, node))
            continue;
        if (c.n < TIMELINE_COLUMNS && c.n < (room > 1 ? room : 1))
            snprintf(c.name[c.n++], TIMELINE_NAME, "%s", node);
        else
            c.left_out++;
    }
    db_done(db, q);
    return c;
}

/* First wrong steps in the window: record + 1 -> the lowest violation. */
static void violations(struct db *db, const struct timeline_options *o, struct pairmap *first)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT first_bad_rec, min(violation_id) FROM violations WHERE run_id = :run"
                                     " AND first_bad_rec IS NOT NULL GROUP BY first_bad_rec");
    db_bind_int(db, q, ":run", o->run_id);
    while (db_row(db, q))
        *pairmap_at(first, (uint64_t)sqlite3_column_int64(q, 0) + 1, 0) = (uint64_t)sqlite3_column_int64(q, 1);
    db_done(db, q);
}

bool timeline_print(struct db *db, const struct timeline_options *o, FILE *out)
{
    struct timeline_columns c = columns_of(db, o);
    struct layout l = {.o = o, .out = out, .column = 9};
    while (l.column > COLUMN_LEAST && o->width - TIME_WIDTH - 2 - c.n * l.column < 45)
        l.column--;
    l.text = o->width - TIME_WIDTH - 2 - c.n * l.column;
    l.text = l.text > TEXT_LEAST ? l.text : TEXT_LEAST;
    struct pairmap first = {0};
    violations(db, o, &first);
    print_head(db, &l, &c);
    struct timeline_rows *r = timeline_rows_new(db, o, &c);
    struct timeline_row row;
    int64_t lines = 0, stopped = -1, last = o->from;
    bool seen[128] = {false};
    while (timeline_next(r, &row)) {
        if (!in_a_column(&c, &row) && !(row.about_all && o->nodes == NULL))
            continue;
        if (lines++ == o->limit) {
            stopped = last;
            break;
        }
        last = row.t;
        for (int i = 0; i < c.n; i++)
            seen[row.mark[i][0] & 127] |= row.mark[i][1] == '\0';
        print_row(&l, &c, &row, (int64_t)pairmap_get(&first, (uint64_t)row.rec + 1, 0));
    }
    print_legend(&l, seen);
    left_out(db, &l, r, &c, stopped);
    timeline_rows_free(r);
    pairmap_free(&first);
    return !db->failed;
}
