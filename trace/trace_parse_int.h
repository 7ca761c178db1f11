/* trace_parse_int.h -- internal: the two ways of parsing a line, and what they share. */
#ifndef FAULTLINE_TRACE_PARSE_INT_H
#define FAULTLINE_TRACE_PARSE_INT_H

#include "trace.h"

enum { TRACE_TYPE_CACHE = 128 };

struct json_t;

struct trace_scratch {
    char *p; /* decoded strings and bodies of the line at hand */
    size_t used, room;
    struct json_t *root; /* of the last line that jansson parsed: texts of its record point into it */
    const struct trace_record_type *type[TRACE_TYPE_CACHE]; /* event names seen, by hash; a miss asks the catalogue */
};

/* Makes room for n bytes and empties the scratch. What it held is gone. False: out of memory. */
bool trace_scratch_room(struct trace_scratch *s, size_t n);

/* The catalogue's entry for an event, NULL for unknown ones. */
const struct trace_record_type *trace_scratch_type(struct trace_scratch *s, struct trace_text ev);

/* Whether a field of a known event is as the catalogue says (type, and word of `why`). */
bool trace_field_is_sound(const struct trace_field_type *want, const struct trace_field *f);

/* Looks for required fields that are missing, and for unsound ones. True, with words in `err`, when there are any. */
bool trace_record_is_suspect(const struct trace_record *r, char err[TRACE_ERR_LEN]);

/* The scanner: takes the shape that the writer produces. False says nothing about the line but "not for me": other
 * spacing, another order of the envelope, reals, a missing field, broken JSON. What it accepts, jansson accepts with
 * the same result (tests/test_trace_fuzz.c). *suspect as in trace_parse(). */
bool trace_scan(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                char err[TRACE_ERR_LEN]);

/* The reference: jansson. Accepts every JSON object with a sound envelope, whatever its shape; the raw texts and the
 * body of its record are the line's values written anew. False with words in `err`. */
bool trace_parse_reference(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                           char err[TRACE_ERR_LEN]);

/* Lets go of the tree that trace_parse_reference() keeps. */
void trace_reference_free(struct trace_scratch *s);

#endif
