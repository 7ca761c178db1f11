/* trace_writer_int.h -- internal: what trace_put.c (made from records.def) needs of the writer. */
#ifndef FAULTLINE_TRACE_WRITER_INT_H
#define FAULTLINE_TRACE_WRITER_INT_H

#include "trace_format.h"

/* One event of records.def: the text that names it in the line, and how its fields are written. */
struct trace_event {
    char text[40]; /* ,"ev":"role.change"; copied whole: always as many bytes are no call */
    size_t n;
    bool raft;
    void (*fields)(struct trace_cursor *c, const void *rec);
};

extern const struct trace_event trace_event_trace_close, trace_event_trace_lost;

/* Appends one record to the buffer, or drops it. Returns its number. `w` may be NULL. */
int64_t trace_writer_put(struct trace_writer *w, const struct trace_event *ev, const void *rec);

#endif
