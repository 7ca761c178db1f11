/* trace_text.c -- see trace_text.h. */
#include "trace_text.h"

enum { DEPTH_MAX = 16, KEYS_MAX = 32, INT_DIGITS_MAX = 18, REAL_LENGTH_MAX = 64, EXPONENT_DIGITS_MAX = 2 };

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

size_t trace_utf8_length(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t have = (size_t)(end - p);
    if (u[0] >= 0xC2 && u[0] <= 0xDF)
        return have >= 2 && is_continuation(u[1]) ? 2 : 0;
    if (u[0] >= 0xE0 && u[0] <= 0xEF) {
        if (have < 3 || !is_continuation(u[1]) || !is_continuation(u[2]))
            return 0;
        bool overlong = u[0] == 0xE0 && u[1] < 0xA0, surrogate = u[0] == 0xED && u[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (u[0] >= 0xF0 && u[0] <= 0xF4) {
        if (have < 4 || !is_continuation(u[1]) || !is_continuation(u[2]) || !is_continuation(u[3]))
            return 0;
        bool overlong = u[0] == 0xF0 && u[1] < 0x90, too_big = u[0] == 0xF4 && u[1] >= 0x90;
        return overlong || too_big ? 0 : 4;
    }
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The code unit of the \uXXXX at p, or -1. */
static int32_t code_unit(const char *p, const char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    int32_t unit = 0;
    for (int i = 2; i < 6; i++) {
        int d = hex_digit(p[i]);
        if (d < 0)
            return -1;
        unit = unit * 16 + d;
    }
    return unit;
}

/* The code point of the one or two \uXXXX at p, and how long they are; -1 for lone surrogates and nonsense. */
static int32_t code_point(const char *p, const char *end, size_t *len)
{
    int32_t high = code_unit(p, end);
    *len = 6;
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    int32_t low = high < 0xDC00 ? code_unit(p + 6, end) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return -1;
    *len = 12;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* Length of the escape sequence at the backslash p, 0 when there is no such escape. */
static size_t escape_length(const char *p, const char *end)
{
    if (end - p < 2)
        return 0;
    size_t len;
    if (p[1] == 'u')
        return code_point(p, end, &len) < 0 ? 0 : len;
    return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
}

const char *trace_string_end(const char *p, const char *end, bool *escaped)
{
    for (;;) {
        p += trace_plain_run(p, end);
        if (p == end)
            return NULL;
        size_t len;
        if (*p == '"')
            return p;
        if (*p == '\\') {
            *escaped = true;
            len = escape_length(p, end);
        } else {
            len = (unsigned char)*p < 0x80 ? 0 : trace_utf8_length(p, end);
        }
        if (len == 0)
            return NULL;
        p += len;
    }
}

static size_t put_code_point(int32_t cp, char *out)
{
    uint32_t u = (uint32_t)cp;
    if (u < 0x80) {
        out[0] = (char)u;
        return 1;
    }
    if (u < 0x800) {
        out[0] = (char)(0xC0 | u >> 6);
        out[1] = (char)(0x80 | (u & 0x3F));
        return 2;
    }
    if (u < 0x10000) {
        out[0] = (char)(0xE0 | u >> 12);
        out[1] = (char)(0x80 | (u >> 6 & 0x3F));
        out[2] = (char)(0x80 | (u & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | u >> 18);
    out[1] = (char)(0x80 | (u >> 12 & 0x3F));
    out[2] = (char)(0x80 | (u >> 6 & 0x3F));
    out[3] = (char)(0x80 | (u & 0x3F));
    return 4;
}

static char simple_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c; /* " \ / stand for themselves */
    }
}

size_t trace_string_decode(const char *p, size_t n, char *out)
{
    const char *end = p + n;
    char *o = out;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((slash != NULL ? slash : end) - p);
        memcpy(o, p, run);
        o += run;
        p += run;
        if (slash == NULL)
            break;
        if (p[1] == 'u') {
            size_t len;
            o += put_code_point(code_point(p, end, &len), o);
            p += len;
        } else {
            *o++ = simple_escape(p[1]);
            p += 2;
        }
    }
    return (size_t)(o - out);
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

static const char *digits_end(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static const char *number_end(const char *p, const char *end)
{
    const char *from = p;
    p += *p == '-';
    const char *digits = p;
    p = digits_end(p, end);
    if (p == digits || (*digits == '0' && p - digits > 1))
        return NULL;
    bool real = false;
    if (p < end && *p == '.') {
        const char *fraction = p + 1;
        real = true;
        p = digits_end(fraction, end);
        if (p == fraction)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        const char *exponent = p;
        real = true;
        p = digits_end(p, end);
        if (p == exponent || p - exponent > EXPONENT_DIGITS_MAX)
            return NULL;
    }
    return p - from <= (real ? REAL_LENGTH_MAX : INT_DIGITS_MAX) ? p : NULL;
}

static const char *word_end(const char *p, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

static const char *value_end(const char *p, const char *end, int depth);

static const char *array_end(const char *p, const char *end, int depth)
{
    p = skip_space(p + 1, end);
    if (p < end && *p == ']')
        return p + 1;
    for (;;) {
        p = value_end(p, end, depth + 1);
        if (p == NULL)
            return NULL;
        p = skip_space(p, end);
        if (p == end)
            return NULL;
        if (*p == ']')
            return p + 1;
        if (*p != ',')
            return NULL;
        p = skip_space(p + 1, end);
    }
}

static const char *object_end(const char *p, const char *end, int depth)
{
    struct {
        const char *p;
        size_t n;
    } key[KEYS_MAX];
    p = skip_space(p + 1, end);
    if (p < end && *p == '}')
        return p + 1;
    for (size_t n = 0; n < KEYS_MAX; n++) {
        if (p == end || *p != '"')
            return NULL;
        bool escaped = false;
        key[n].p = ++p;
        p = trace_string_end(p, end, &escaped);
        if (p == NULL || escaped)
            return NULL;
        key[n].n = (size_t)(p - key[n].p);
        for (size_t i = 0; i < n; i++)
            if (key[i].n == key[n].n && memcmp(key[i].p, key[n].p, key[n].n) == 0)
                return NULL;
        p = skip_space(p + 1, end);
        if (p == end || *p != ':')
            return NULL;
        p = value_end(skip_space(p + 1, end), end, depth + 1);
        if (p == NULL)
            return NULL;
        p = skip_space(p, end);
        if (p == end)
            return NULL;
        if (*p == '}')
            return p + 1;
        if (*p != ',')
            return NULL;
        p = skip_space(p + 1, end);
    }
    return NULL;
}

static const char *value_end(const char *p, const char *end, int depth)
{
    if (p == end || depth > DEPTH_MAX)
        return NULL;
    bool escaped = false;
    switch (*p) {
    case '"':
        p = trace_string_end(p + 1, end, &escaped);
        return p == NULL ? NULL : p + 1;
    case '[':
        return array_end(p, end, depth);
    case '{':
        return object_end(p, end, depth);
    case 't':
        return word_end(p, end, "true");
    case 'f':
        return word_end(p, end, "false");
    case 'n':
        return word_end(p, end, "null");
    default:
        return number_end(p, end);
    }
}

const char *trace_value_end(const char *p, const char *end)
{
    return value_end(p, end, 0);
}
