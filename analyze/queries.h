/* queries.h -- the SQL files that hold several named queries: queries.sql (analyze sql -n), stat.sql (analyze stat).
 *
 *     -- name: stale-reads Q1
 *     -- One line that says what it answers.
 *     SELECT ...;
 */
#ifndef FAULTLINE_QUERIES_H
#define FAULTLINE_QUERIES_H

#include <stdbool.h>
#include <stddef.h>

struct named_query {
    char name[40], id[8]; /* "stale-reads", "Q1" ("" when it has none) */
    char help[200];
    const char *sql; /* inside the file's text */
    size_t n;
};

/* Reads the query that starts at or after *at (at first NULL: the start of the file) and moves *at on. False at the
 * end. */
bool query_next(const char *file, const char **at, struct named_query *q);
/* By name or id, letters of either case. */
bool query_find(const char *file, const char *name, struct named_query *q);

#endif
