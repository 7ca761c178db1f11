/* export_int.h -- what the formats that show records share. */
#ifndef FAULTLINE_EXPORT_INT_H
#define FAULTLINE_EXPORT_INT_H

#include "body.h"
#include "export.h"

/* The columns of a record, valid until the next row; `fields` its own fields, parsed. */
struct export_record {
    int64_t id, boot, seq, t, lc, cause; /* cause 0: none */
    const char *node, *ev;
    struct trace_text body;
    bool has_state;
    int64_t term, ci, ai, li;
    char role;
};

/* The records of the run and the time that are exported, in merged order. Bound and ready for db_row(). */
sqlite3_stmt *export_records(struct export *e);
void export_record_row(sqlite3_stmt *q, struct export_record *r);
/* What the record says, as a sentence; raw fields where there is none. Owned. */
char *export_words(const struct export_record *r, const struct trace_record *fields);
/* Ends the export with words and a status. */
void export_fail(struct export *e, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
