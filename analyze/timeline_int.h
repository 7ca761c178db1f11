/* timeline_int.h -- rows between those who make them (timeline_rows.c) and who lays them out (timeline.c). */
#ifndef FAULTLINE_TIMELINE_INT_H
#define FAULTLINE_TIMELINE_INT_H

#include "timeline.h"

enum { TIMELINE_COLUMNS = 64, TIMELINE_MARK = 12, TIMELINE_NAME = 64 };

/* The replicas that have a column. */
struct timeline_columns {
    char name[TIMELINE_COLUMNS][TIMELINE_NAME];
    int n;
    int left_out; /* replicas that exist and have none: more than fit */
};
int timeline_column(const struct timeline_columns *c, const char *name, size_t n); /* -1: none */

struct timeline_row {
    int64_t t, rec;
    char mark[TIMELINE_COLUMNS][TIMELINE_MARK]; /* "" = nothing happened there */
    char *text;                                 /* owned; of unknown origin */
    bool about_all;                             /* concerns no column in particular: shown whatever --node says */
};

struct timeline_rows;

/* Reads the records of o->from to o->to, in order. */
struct timeline_rows *timeline_rows_new(struct db *db, const struct timeline_options *o,
                                        const struct timeline_columns *c);
/* The next row; its text is valid until the next call. False at the end. */
bool timeline_next(struct timeline_rows *r, struct timeline_row *row);
/* Heartbeats, with their answers, that were left out so far. */
int64_t timeline_folded(const struct timeline_rows *r);
void timeline_rows_free(struct timeline_rows *r);

/* One of comma-separated patterns (with * and ?) fits the name. */
bool timeline_fits(const char *patterns, const char *name);

#endif
