/* trace_scan.c -- the fast way through a line: the shape that our writer produces, and nothing else.
 *
 * No white space, no escapes, ASCII, integers of at most 18 digits. Whatever else may still be good JSON: the answer is
 * then "not for me", and jansson decides. So this scanner must never accept what jansson refuses; what it declines costs
 * only time. */
#include "trace_parse_int.h"

#include <string.h>

enum { DEPTH_MAX = 8, NESTED_KEYS_MAX = 32 };

/* Past the closing quote of the string whose opening quote is at p; NULL = not for me. */
static const char *scan_string(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"')
            return p + 1;
        if (c < 0x20 || c >= 0x80 || c == '\\')
            return NULL;
    }
    return NULL;
}

static const char *scan_integer(const char *p, const char *end, int64_t *v)
{
    bool negative = p < end && *p == '-';
    const char *first = p += negative;
    int64_t u = 0;
    while (p < end && p - first < 18 && *p >= '0' && *p <= '9')
        u = u * 10 + (*p++ - '0');
    if (p == first || (*first == '0' && p - first > 1))
        return NULL;
    /* What follows a value is a comma or a bracket: a 19th digit, a fraction or an exponent is caught there. */
    *v = negative ? -u : u;
    return p;
}

static const char *scan_word(const char *p, const char *end, const char *word, size_t n)
{
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

static const char *scan_value(const char *p, const char *end, struct trace_field *f, int depth);

static const char *scan_array(const char *p, const char *end, int depth)
{
    struct trace_field ignored;
    p++;
    if (p < end && *p == ']')
        return p + 1;
    while (p && p < end) {
        p = scan_value(p, end, &ignored, depth + 1);
        if (!p || p >= end)
            return NULL;
        if (*p == ']')
            return p + 1;
        if (*p++ != ',')
            return NULL;
    }
    return NULL;
}

static bool same(struct trace_text a, struct trace_text b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static const char *scan_nested(const char *p, const char *end, int depth)
{
    struct trace_text seen[NESTED_KEYS_MAX];
    size_t n = 0;
    struct trace_field ignored;
    p++;
    if (p < end && *p == '}')
        return p + 1;
    while (p < end && *p == '"' && n < NESTED_KEYS_MAX) {
        const char *after = scan_string(p, end);
        if (!after || after >= end || *after != ':')
            return NULL;
        seen[n] = (struct trace_text){p + 1, (size_t)(after - p) - 2};
        for (size_t i = 0; i < n; i++)
            if (same(seen[i], seen[n]))
                return NULL; /* a duplicate key: jansson names it */
        n++;
        p = scan_value(after + 1, end, &ignored, depth + 1);
        if (!p || p >= end)
            return NULL;
        if (*p == '}')
            return p + 1;
        if (*p++ != ',')
            return NULL;
    }
    return NULL;
}

static const char *scan_value(const char *p, const char *end, struct trace_field *f, int depth)
{
    const char *from = p;
    if (p >= end || depth > DEPTH_MAX)
        return NULL;
    switch (*p) {
    case '"':
        f->kind = TRACE_STRING;
        p = scan_string(p, end);
        if (p)
            f->text = (struct trace_text){from + 1, (size_t)(p - from) - 2};
        break;
    case '[':
        f->kind = TRACE_ARRAY;
        p = scan_array(p, end, depth);
        break;
    case '{':
        f->kind = TRACE_OBJECT;
        p = scan_nested(p, end, depth);
        break;
    case 't':
        f->kind = TRACE_TRUE;
        p = scan_word(p, end, "true", 4);
        break;
    case 'f':
        f->kind = TRACE_FALSE;
        p = scan_word(p, end, "false", 5);
        break;
    case 'n':
        f->kind = TRACE_NULL;
        p = scan_word(p, end, "null", 4);
        break;
    default:
        f->kind = TRACE_INT;
        p = scan_integer(p, end, &f->i);
        break;
    }
    if (p)
        f->raw = (struct trace_text){from, (size_t)(p - from)};
    return p;
}

int trace_scan_fields(const char *line, size_t n, struct trace_field *all, size_t max)
{
    const char *p = line, *end = line + n;
    size_t count = 0;
    if (n < 2 || *p++ != '{')
        return -1;
    while (p < end && *p == '"' && count < max) {
        struct trace_field *f = &all[count];
        const char *after = scan_string(p, end);
        if (!after || after >= end || *after != ':')
            return -1;
        *f = (struct trace_field){.key = {p + 1, (size_t)(after - p) - 2}};
        for (size_t i = 0; i < count; i++)
            if (same(all[i].key, f->key))
                return -1;
        count++;
        p = scan_value(after + 1, end, f, 0);
        if (!p || p >= end)
            return -1;
        if (*p == '}')
            return p + 1 == end ? (int)count : -1;
        if (*p++ != ',')
            return -1;
    }
    return -1;
}
