/* trace_format.h -- internal: formatters into a bounded piece of memory.
 *
 * They never write past `end`: what does not fit sets `full`, and the caller throws the whole record away. No
 * allocation, no locale, no stdio. */
#ifndef FAULTLINE_TRACE_FORMAT_H
#define FAULTLINE_TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "trace.h"

struct trace_cursor {
    char *p, *end; /* the next byte goes to p */
    bool full;     /* something did not fit */
};

static inline void put_bytes(struct trace_cursor *c, const char *s, size_t n)
{
    if ((size_t)(c->end - c->p) < n) {
        c->full = true;
        return;
    }
    memcpy(c->p, s, n);
    c->p += n;
}

/* A string literal, its length known to the compiler. */
#define PUT_LITERAL(c, s) put_bytes((c), (s), sizeof(s) - 1)

/* A number with its digits, for those that stay the same or count up from record to record. All zero: not set yet. */
struct trace_number {
    int64_t v;
    size_t n;
    char text[24];
};
void trace_number_set(struct trace_number *k, int64_t v);

void trace_fmt_u64(struct trace_cursor *c, uint64_t v);
void trace_fmt_i64(struct trace_cursor *c, int64_t v);
/* "0123456789abcdef", with the quotes. */
void trace_fmt_hash(struct trace_cursor *c, uint64_t h);
/* A JSON string with its quotes; NULL becomes "". Bytes that are not UTF-8 become U+FFFD. */
void trace_fmt_str(struct trace_cursor *c, const char *s);
void trace_fmt_bool(struct trace_cursor *c, bool v);
void trace_fmt_strs(struct trace_cursor *c, const struct trace_strs *v);
void trace_fmt_groups(struct trace_cursor *c, const struct trace_groups *v);
void trace_fmt_ents(struct trace_cursor *c, const struct trace_ents *v);
void trace_fmt_counts(struct trace_cursor *c, const struct trace_counts *v);
/* The caller's JSON text without its whitespace. Text that is no JSON, or unusual JSON (see trace_value_end()), is
 * written as a string: the line stays valid and nothing is lost. */
void trace_fmt_json(struct trace_cursor *c, const char *text);

#endif
