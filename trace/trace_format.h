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

/* A number with its digits, for those that stay the same or count up from record to record. */
struct trace_number {
    int64_t v;
    size_t n;
    char text[24];
};
#define TRACE_NUMBER_0 {.v = 0, .n = 1, .text = "0"}
void trace_number_set(struct trace_number *k, int64_t v);

/* Puts it where there are 24 bytes of room, and returns the end: copying all of them, always as many, is no call. */
static inline char *trace_number_put(char *p, struct trace_number *k, int64_t v)
{
    if (v != k->v) {
        if (v == k->v + 1 && k->v > 0 && k->text[k->n - 1] != '9') {
            k->text[k->n - 1]++;
            k->v = v;
        } else {
            trace_number_set(k, v);
        }
    }
    memcpy(p, k->text, sizeof k->text);
    return p + k->n;
}

void trace_fmt_u64(struct trace_cursor *c, uint64_t v);
void trace_fmt_negative(struct trace_cursor *c, int64_t v);
static inline void trace_fmt_i64(struct trace_cursor *c, int64_t v)
{
    if (v >= 0 && v < 10 && c->p < c->end)
        *c->p++ = (char)('0' + v); /* flags, terms, counts: as many as all others */
    else if (v >= 0)
        trace_fmt_u64(c, (uint64_t)v);
    else
        trace_fmt_negative(c, v);
}
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
