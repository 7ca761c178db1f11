/* trace_format.c -- see trace_format.h. */
#include "trace_format.h"

#include "trace_text.h"

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                  "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

static size_t digits_of(uint64_t v)
{
    size_t n = 1;
    for (; v >= 10000; v /= 10000)
        n += 4;
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

static void put_pair(char *p, uint64_t v)
{
    memcpy(p, digit_pairs + v * 2, 2);
}

/* Four digits a step: a step waits for the division of the one before. */
void trace_fmt_u64(struct trace_cursor *c, uint64_t v)
{
    size_t n = digits_of(v);
    if ((size_t)(c->end - c->p) < n) {
        c->full = true;
        return;
    }
    char *p = c->p + n;
    c->p = p;
    for (; v >= 10000; v /= 10000) {
        p -= 4;
        put_pair(p, v % 10000 / 100);
        put_pair(p + 2, v % 100);
    }
    if (v >= 100) {
        p -= 2;
        put_pair(p, v % 100);
        v /= 100;
    }
    if (v >= 10)
        put_pair(p - 2, v);
    else
        p[-1] = (char)('0' + v);
}

void trace_fmt_negative(struct trace_cursor *c, int64_t v)
{
    PUT_LITERAL(c, "-");
    trace_fmt_u64(c, 0 - (uint64_t)v);
}

void trace_number_set(struct trace_number *k, int64_t v)
{
    struct trace_cursor c = {k->text, k->text + sizeof k->text, false};
    trace_fmt_i64(&c, v);
    k->n = (size_t)(c.p - k->text);
    k->v = v;
}

void trace_fmt_hash(struct trace_cursor *c, uint64_t h)
{
    char text[19];
    trace_hash_text(h, text + 1);
    text[0] = text[17] = '"';
    put_bytes(c, text, 18);
}

/* Writes the byte or sequence at p that needs care, and returns its length in the source. */
static size_t put_special(struct trace_cursor *c, const char *p, const char *end)
{
    unsigned char u = (unsigned char)*p;
    if (u >= 0x80) {
        size_t len = trace_utf8_length(p, end);
        if (len > 0)
            put_bytes(c, p, len);
        else
            PUT_LITERAL(c, "\xEF\xBF\xBD");
        return len > 0 ? len : 1;
    }
    static const char short_form[] = "\"\"\\\\\nn\rr\tt\bb\ff"; /* pairs: the byte, the letter of its escape */
    for (size_t i = 0; i < sizeof short_form - 1; i += 2) {
        if (short_form[i] == *p) {
            char escape[2] = {'\\', short_form[i + 1]};
            put_bytes(c, escape, 2);
            return 1;
        }
    }
    char escape[6] = {'\\', 'u', '0', '0', "0123456789abcdef"[u >> 4], "0123456789abcdef"[u & 15]};
    put_bytes(c, escape, 6);
    return 1;
}

/* Copies plain bytes, whose room the caller has made sure of, and returns where the first other one stands. */
static const char *put_plain(struct trace_cursor *c, const char *s, const char *end)
{
    char *p = c->p;
    for (; end - s >= 8 && trace_plain_8(s); s += 8, p += 8)
        memcpy(p, s, 8);
    while (s < end && trace_plain(*s))
        *p++ = *s++;
    c->p = p;
    return s;
}

/* Copies `n` bytes when all of them are plain, as nearly all strings of a trace are; a length that is no multiple of
 * eight ends with bytes of which some were copied before. False: one is not plain; what was written is void. */
static bool copy_if_plain(char *p, const char *s, size_t n)
{
    if (n >= 8) {
        for (size_t i = 0; i + 8 <= n; i += 8) {
            if (!trace_plain_8(s + i))
                return false;
            memcpy(p + i, s + i, 8);
        }
        memcpy(p + n - 8, s + n - 8, 8);
        return trace_plain_8(s + n - 8);
    }
    if (n >= 4) {
        char both[8];
        memcpy(both, s, 4);
        memcpy(both + 4, s + n - 4, 4);
        memcpy(p, s, 4);
        memcpy(p + n - 4, s + n - 4, 4);
        return trace_plain_8(both);
    }
    for (size_t i = 0; i < n; i++) {
        if (!trace_plain(s[i]))
            return false;
        p[i] = s[i];
    }
    return true;
}

void trace_fmt_str(struct trace_cursor *c, const char *s)
{
    if (s == NULL)
        s = "";
    size_t n = strlen(s);
    if ((size_t)(c->end - c->p) >= n + 2 && copy_if_plain(c->p + 1, s, n)) {
        c->p[0] = c->p[n + 1] = '"';
        c->p += n + 2;
        return;
    }
    const char *end = s + n;
    PUT_LITERAL(c, "\"");
    while (s < end && !c->full) {
        if (c->end - c->p < end - s) {
            c->full = true;
            return;
        }
        s = put_plain(c, s, end);
        if (s < end)
            s += put_special(c, s, end);
    }
    PUT_LITERAL(c, "\"");
}

void trace_fmt_bool(struct trace_cursor *c, bool v)
{
    if (v)
        PUT_LITERAL(c, "true");
    else
        PUT_LITERAL(c, "false");
}

void trace_fmt_strs(struct trace_cursor *c, const struct trace_strs *v)
{
    PUT_LITERAL(c, "[");
    for (size_t i = 0; i < v->n && !c->full; i++) {
        if (i > 0)
            PUT_LITERAL(c, ",");
        trace_fmt_str(c, v->v[i]);
    }
    PUT_LITERAL(c, "]");
}

void trace_fmt_groups(struct trace_cursor *c, const struct trace_groups *v)
{
    PUT_LITERAL(c, "[");
    for (size_t i = 0; i < v->n && !c->full; i++) {
        if (i > 0)
            PUT_LITERAL(c, ",");
        trace_fmt_strs(c, &v->v[i]);
    }
    PUT_LITERAL(c, "]");
}

void trace_fmt_ents(struct trace_cursor *c, const struct trace_ents *v)
{
    PUT_LITERAL(c, "[");
    for (size_t i = 0; i < v->n && !c->full; i++) {
        if (i > 0)
            PUT_LITERAL(c, ",");
        PUT_LITERAL(c, "[");
        trace_fmt_i64(c, v->v[i].idx);
        PUT_LITERAL(c, ",");
        trace_fmt_i64(c, v->v[i].term);
        PUT_LITERAL(c, ",");
        trace_fmt_hash(c, v->v[i].h);
        PUT_LITERAL(c, "]");
    }
    PUT_LITERAL(c, "]");
}

void trace_fmt_counts(struct trace_cursor *c, const struct trace_counts *v)
{
    PUT_LITERAL(c, "{");
    for (size_t i = 0; i < v->n && !c->full; i++) {
        if (i > 0)
            PUT_LITERAL(c, ",");
        trace_fmt_str(c, v->v[i].name);
        PUT_LITERAL(c, ":");
        trace_fmt_i64(c, v->v[i].n);
    }
    PUT_LITERAL(c, "}");
}

static bool is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

void trace_fmt_json(struct trace_cursor *c, const char *text)
{
    const char *p = text, *end = text + strlen(text);
    while (p < end && is_space(*p))
        p++;
    while (end > p && is_space(end[-1]))
        end--;
    if (trace_value_end(p, end) != end) {
        trace_fmt_str(c, text);
        return;
    }
    while (p < end && !c->full) {
        const char *from = p;
        if (*p == '"') {
            bool escaped = false;
            p = trace_string_end(p + 1, end, &escaped) + 1;
        } else {
            while (p < end && *p != '"' && !is_space(*p))
                p++;
        }
        put_bytes(c, from, (size_t)(p - from));
        while (p < end && is_space(*p))
            p++;
    }
}
