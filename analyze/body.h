/* body.h -- the event's own fields of a stored record: records.body is a JSON object, read with the trace library's
 * scanner. */
#ifndef FAULTLINE_BODY_H
#define FAULTLINE_BODY_H

#include "trace.h"

struct body;

struct body *body_new(void);    /* aborts on out of memory */
void body_free(struct body *b); /* NULL allowed */
/* The fields of JSON object text[0..n); a record without fields when it is no object. Valid until the next call. Only
 * fields are set in the result: the envelope is in the columns of the table. */
const struct trace_record *body_parse(struct body *b, const char *text, size_t n);
/* The same, quicker where the event is in the catalogue: its fields are looked for in the order of the catalogue, and a
 * key such as "term", which net.in has for its own, is no reason to ask jansson. */
const struct trace_record *body_parse_event(struct body *b, struct trace_text ev, const char *text, size_t n);

#endif
