/* timeline_int.h -- rows between those who make them (timeline_rows.c) and who lays them out (timeline.c). */
#ifndef FAULTLINE_TIMELINE_INT_H
#define FAULTLINE_TIMELINE_INT_H

#include "timeline.h"
#include "trace.h"

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

/* Of a record with this event and (messages) type. Never NULL. */
struct timeline_kind {
    const char *ev, *ty; /* ty NULL: any; ev "": any */
    int quiet;           /* 1: only when asked for by --ev */
    enum {
        TIMELINE_AT_NODE,
        TIMELINE_AT_SRC,
        TIMELINE_AT_DST,
        TIMELINE_NOWHERE
    } at;                     /* the column of who recorded it,
                               * of a field's node, or none */
    const char *mark, *words; /* mark "$": role and term; words NULL: the record's own sentence */
};
const struct timeline_kind *timeline_kind(const char *ev, struct trace_text ty);

/* One of comma-separated patterns (with * and ?) fits the name. */
bool timeline_fits(const char *patterns, const char *name);

#endif
