/* A message read by hand, in one pass and without memory of its own: nearly all datagrams are plain, and this is where
 * the simulator would spend most of its time. Whatever is not plain (escapes, text beyond ASCII, fractions, integers of
 * 19 digits and more, deep nesting, long texts, and everything that is wrong) is left to the other reader, so that
 * there is one place only that says why something is no message. */
#include "sim_message.h"

#include <string.h>

enum { DEPTH_MAX = 16, DIGITS_MAX = 18 };

struct scan {
    const char *p, *end;
    struct sim_message *m;
    size_t used; /* of m->text */
};

static void space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

static bool take(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

/* A plain string; its inside. */
static bool string(struct scan *s, const char **text, size_t *n)
{
    if (!take(s, '"'))
        return false;
    *text = s->p;
    for (; s->p < s->end && *s->p != '"'; s->p++)
        if ((unsigned char)*s->p < 0x20 || (unsigned char)*s->p >= 0x7f || *s->p == '\\')
            return false;
    *n = (size_t)(s->p - *text);
    return take(s, '"');
}

static bool integer(struct scan *s, int64_t *v)
{
    bool minus = take(s, '-');
    const char *first = s->p;
    int64_t sum = 0;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9' && s->p - first < DIGITS_MAX; s->p++)
        sum = sum * 10 + (*s->p - '0');
    ptrdiff_t n = s->p - first;
    if (n == 0 || (n > 1 && *first == '0'))
        return false;
    if (s->p < s->end && ((*s->p >= '0' && *s->p <= '9') || *s->p == '.' || *s->p == 'e' || *s->p == 'E'))
        return false;
    *v = minus ? -sum : sum;
    return true;
}

static bool word(struct scan *s, const char *w)
{
    size_t n = strlen(w);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, w, n) != 0)
        return false;
    s->p += n;
    return true;
}

static bool skip_value(struct scan *s, unsigned depth);

/* The members of an object or the items of an array, after its first character. */
static bool skip_rest(struct scan *s, char last, unsigned depth)
{
    const char *text;
    size_t n;
    if (depth == DEPTH_MAX)
        return false;
    space(s);
    if (take(s, last))
        return true;
    do {
        space(s);
        if (last == '}') {
            if (!string(s, &text, &n))
                return false;
            space(s);
            if (!take(s, ':'))
                return false;
            space(s);
        }
        if (!skip_value(s, depth + 1))
            return false;
        space(s);
    } while (take(s, ','));
    return take(s, last);
}

static bool skip_value(struct scan *s, unsigned depth)
{
    const char *text;
    size_t n;
    int64_t v;
    if (s->p == s->end)
        return false;
    switch (*s->p) {
    case '"':
        return string(s, &text, &n);
    case '{':
    case '[':
        return skip_rest(s, *s->p++ == '{' ? '}' : ']', depth);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return integer(s, &v);
    }
}

/* Keeps a copy of a string in the message. */
static bool keep(struct scan *s, const char **to, const char *text, size_t n)
{
    if (n >= sizeof s->m->text - s->used)
        return false;
    char *at = s->m->text + s->used;
    memcpy(at, text, n);
    at[n] = '\0';
    *to = at;
    s->used += n + 1;
    return true;
}

static bool is(const char *text, size_t n, const char *name)
{
    return n == strlen(name) && memcmp(text, name, n) == 0;
}

/* One member. A key that comes twice is left to the other reader, which takes the last. */
static bool member(struct scan *s)
{
    struct sim_message *m = s->m;
    const char *key, *text;
    size_t n, len;
    if (!string(s, &key, &n))
        return false;
    space(s);
    if (!take(s, ':'))
        return false;
    space(s);
    const char **to = is(key, n, "src")      ? &m->src
                      : is(key, n, "dst")    ? &m->dst
                      : is(key, n, "leader") ? &m->leader
                      : is(key, n, "type")   ? &m->ty
                      : is(key, n, "MID")    ? &m->mid
                      : is(key, n, "value")  ? &m->value
                                             : NULL;
    if (to)
        return !*to && string(s, &text, &len) && keep(s, to, text, len);
    bool term = is(key, n, "term");
    if (!term && !is(key, n, "lc"))
        return skip_value(s, 0);
    if (term ? m->has_term : m->has_lc)
        return false;
    *(term ? &m->has_term : &m->has_lc) = true;
    return integer(s, term ? &m->term : &m->lc);
}

bool sim_message_scan(const char *bytes, size_t n, struct sim_message *m)
{
    struct scan s = {.p = bytes, .end = bytes + n, .m = m};
    sim_message_clear(m);
    space(&s);
    if (!take(&s, '{'))
        return false;
    do {
        space(&s);
        if (!member(&s))
            return false;
        space(&s);
    } while (take(&s, ','));
    if (!take(&s, '}'))
        return false;
    space(&s);
    m->value_is_text = m->value != NULL;
    return s.p == s.end && m->src && m->dst && m->leader && m->ty && (!m->has_lc || m->lc >= 0);
}
