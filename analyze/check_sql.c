/* check_sql.c -- checks that are one query: the files of checks/, compiled in.
 *
 * A file begins with comments:
 *
 *     -- R47 reads see what was acknowledged        id and title
 *     -- severity: LIN-STALE
 *     -- class: read-behind-acknowledged-write      the fingerprint of its violations
 *     -- needs: apply read.local|read.serve         events without which it is skipped; "|": one of them is enough
 *     -- A sentence or two: the rule with its source.
 *
 * and is one SELECT with parameter :run and columns rec, t, node, key, title: a row for each case, the worst or first
 * on top. A line "--" ends the words that users see. Nothing else is needed for a new check but a good and a bad trace.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embedded.h"
#include "mem.h"
#include "replay.h"

enum { CHECKS_MAX = 100, WITNESSES = 5 };

struct sql_check {
    struct check check;
    char *class;
    const char *query;
};

static enum verdict run_query(struct check_run *c);

/* ---- headers ---- */

static char *line_of(const char *p, size_t skip)
{
    size_t n = strcspn(p, "\n");
    return n > skip ? mem_text(p + skip, n - skip) : mem_text("", 0);
}

/* The value of "-- key: value". */
static char *value_of(const char *text, const char *key)
{
    char start[32];
    snprintf(start, sizeof start, "-- %s: ", key);
    const char *p = strstr(text, start);
    return p != NULL ? line_of(p, strlen(start)) : mem_text("", 0);
}

/* The comment's sentences, joined to one line. */
static char *help_of(const char *text)
{
    const char *p = strstr(text, "-- needs: ");
    char *help = mem_text("", 0);
    while (p != NULL && (p = strchr(p, '\n')) != NULL && strncmp(++p, "-- ", 3) == 0) {
        char *line = line_of(p, 3);
        size_t have = strlen(help), more = strlen(line);
        help = mem_grow(help, have + more + 2, 1);
        snprintf(help + have, more + 2, "%s%s", have > 0 ? " " : "", line);
        free(line);
    }
    return help;
}

static void read_header(struct sql_check *s, const char *text)
{
    char *first = line_of(text, strlen("-- "));
    size_t id = strcspn(first, " ");
    s->check = (struct check){.id = mem_text(first, id),
                              .title = mem_text(first + id + 1, strlen(first + id) > 0 ? strlen(first + id + 1) : 0),
                              .severity = value_of(text, "severity"),
                              .help = help_of(text),
                              .needs = value_of(text, "needs"),
                              .run = run_query};
    s->class = value_of(text, "class");
    s->query = text;
    free(first);
}

/* What is compiled in does not change: it is read once and kept to the end of the program. */
static const struct sql_check *checks(size_t *n)
{
    static struct sql_check table[CHECKS_MAX];
    static size_t known;
    static bool done;
    for (size_t i = 0; !done && i < embedded_files_n && known < CHECKS_MAX; i++) {
        if (strncmp(embedded_files[i].name, "checks/", strlen("checks/")) == 0)
            read_header(&table[known++], (const char *)embedded_files[i].text);
    }
    done = true;
    *n = known;
    return table;
}

const struct check *check_sql_at(size_t i)
{
    size_t n;
    const struct sql_check *all = checks(&n);
    return i < n ? &all[i].check : NULL;
}

/* ---- running ---- */

static enum verdict run_query(struct check_run *c)
{
    size_t n;
    const struct sql_check *s = checks(&n);
    while (&s->check != c->check)
        s++;
    if (replay_black_box(c)) {
        snprintf(c->note, sizeof c->note, "no replica trace");
        return VERDICT_SKIPPED;
    }
    char lacks[CHECK_EVENT];
    if (!check_has_needs(c, lacks)) {
        snprintf(c->note, sizeof c->note, "no %.60s records in this trace", lacks);
        return VERDICT_SKIPPED;
    }
    sqlite3_stmt *q = db_prepare(c->db, s->query);
    db_bind_int(c->db, q, ":run", c->run_id);
    int64_t cases = 0, rec[WITNESSES] = {0}, t = 0;
    char *title = NULL, *node = NULL, *key = NULL;
    while (db_row(c->db, q)) {
        if (cases < WITNESSES)
            rec[cases] = sqlite3_column_int64(q, 0);
        if (cases++ > 0)
            continue;
        t = sqlite3_column_int64(q, 1);
        node = sqlite3_column_type(q, 2) != SQLITE_NULL
                   ? mem_text((const char *)sqlite3_column_text(q, 2), (size_t)sqlite3_column_bytes(q, 2))
                   : NULL;
        key = sqlite3_column_type(q, 3) != SQLITE_NULL
                  ? mem_text((const char *)sqlite3_column_text(q, 3), (size_t)sqlite3_column_bytes(q, 3))
                  : NULL;
        title = mem_text((const char *)sqlite3_column_text(q, 4), (size_t)sqlite3_column_bytes(q, 4));
    }
    db_done(c->db, q);
    if (cases > 0) {
        char words[400];
        snprintf(words, sizeof words, "%.320s", title);
        if (cases > 1)
            snprintf(words + strlen(words), sizeof words - strlen(words), " (and %lld more like it)",
                     (long long)(cases - 1));
        int64_t v = check_violation(
            c, &(struct violation){
                   .t = t, .node = node, .key = key, .title = words, .fingerprint = s->class, .first_bad_rec = rec[0]});
        for (int i = 0; i < WITNESSES && rec[i] != 0; i++)
            check_evidence(c, v, i == 0 ? "cause" : "witness", rec[i], 0, 0, 0, NULL);
    }
    free(title);
    free(node);
    free(key);
    c->examined = 1; /* one question; how many rows it looked at only SQLite knows */
    const char *why = replay_incomplete(c);
    c->incomplete = why[0] != '\0';
    if (c->incomplete)
        snprintf(c->note, sizeof c->note, "%s", why);
    return check_answer(c);
}
