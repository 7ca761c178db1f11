/* trace_parse_int.h -- shared by the two ways of parsing a line. Private to the trace library. */
#ifndef FAULTLINE_TRACE_PARSE_INT_H
#define FAULTLINE_TRACE_PARSE_INT_H

#include "trace.h"

enum { TYPE_CACHE = 256 };

struct trace_scratch {
    char *p;              /* decoded texts and bodies of the line at hand */
    size_t n, room;
    const struct trace_record_type *type[TYPE_CACHE]; /* event name -> type, by hash; a miss asks the catalogue */
};

/* What the keys of the envelope held, until the line is complete. */
struct trace_envelope {
    const struct trace_field *n, *b, *s, *t, *lc, *ev, *c, *term, *role, *ci, *ai, *li;
};

/* n bytes of scratch, valid until the next line; NULL: out of memory. The room needed for a line must have been asked for
 * at its start with trace_scratch_room(), so that texts do not move. */
bool trace_scratch_room(struct trace_scratch *s, size_t n);
char *trace_scratch_take(struct trace_scratch *s, size_t n);

/* The two parsers fill `all` with every field of the object in order, and return how many; -1 = not for me (scanner), or
 * bad with words in `err` (jansson). */
int trace_scan_fields(const char *line, size_t n, struct trace_field *all, size_t max);
int trace_jansson_fields(const char *line, size_t n, struct trace_scratch *s, struct trace_field *all, size_t max,
                         char err[TRACE_ERR_LEN]);

/* trace_parse() with the scanner left out: the reference that tests compare it with. */
bool trace_parse_reference(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                           char err[TRACE_ERR_LEN]);

#endif
