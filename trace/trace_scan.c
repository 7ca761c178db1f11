/* trace_scan.c -- the fast way through a line: the shape that the writer produces, in one pass.
 *
 * The line must end in '}'. No key, word or number that is looked for contains that byte, so it stops every loop below
 * that does not look at `end`. */
#include "trace_parse_int.h"

#include <string.h>
#include "trace_text.h"

enum { INT_DIGITS_MAX = 18 };

struct scan {
    const char *p, *end; /* the next byte; just past the '}' of the line */
    struct trace_scratch *s;
};

/* ---- tokens ---- */

static bool literal(struct scan *in, const char *text, size_t n)
{
    if ((size_t)(in->end - in->p) < n || memcmp(in->p, text, n) != 0)
        return false;
    in->p += n;
    return true;
}
#define LITERAL(in, text) literal((in), (text), sizeof(text) - 1)

/* A following fraction, exponent or 19th digit is no separator, so that the caller refuses it. */
static bool integer(struct scan *in, int64_t *v)
{
    const char *p = in->p;
    bool negative = *p == '-';
    const char *digits = p += negative;
    int64_t u = 0;
    while (*p >= '0' && *p <= '9' && p - digits < INT_DIGITS_MAX)
        u = u * 10 + (*p++ - '0');
    if (p == digits || (*digits == '0' && (negative || p - digits > 1)))
        return false;
    *v = negative ? -u : u;
    in->p = p;
    return true;
}

/* The string whose opening quote is at in->p. */
static bool string(struct scan *in, struct trace_text *text)
{
    if (*in->p != '"')
        return false;
    const char *from = in->p + 1;
    const char *quote = from + trace_plain_run(from, in->end);
    bool escaped = false;
    if (quote < in->end && *quote != '"')
        quote = trace_string_end(quote, in->end, &escaped);
    if (quote == NULL || quote == in->end)
        return false;
    *text = (struct trace_text){from, (size_t)(quote - from)};
    if (escaped) {
        char *decoded = in->s->p + in->s->used;
        *text = (struct trace_text){decoded, trace_string_decode(from, text->n, decoded)};
        in->s->used += text->n;
    }
    in->p = quote + 1;
    return true;
}

static bool value(struct scan *in, struct trace_field *f)
{
    const char *from = in->p;
    f->text = (struct trace_text){NULL, 0};
    f->i = 0;
    switch (*from) {
    case '"':
        f->kind = TRACE_STRING;
        if (!string(in, &f->text))
            return false;
        break;
    case 't':
        f->kind = TRACE_TRUE;
        if (!LITERAL(in, "true"))
            return false;
        break;
    case 'f':
        f->kind = TRACE_FALSE;
        if (!LITERAL(in, "false"))
            return false;
        break;
    case '[':
    case '{': {
        f->kind = *from == '[' ? TRACE_ARRAY : TRACE_OBJECT;
        const char *past = trace_value_end(from, in->end);
        if (past == NULL || past == in->end) /* the '}' that every other loop relies on must remain */
            return false;
        in->p = past;
        break;
    }
    default:
        f->kind = TRACE_INT;
        if (!integer(in, &f->i))
            return false;
        break;
    }
    f->raw = (struct trace_text){from, (size_t)(in->p - from)};
    return true;
}

/* ---- the envelope ---- */

static bool envelope(struct scan *in, struct trace_record *out)
{
    out->cause = 0;
    if (!LITERAL(in, "{\"n\":") || !string(in, &out->node) || !LITERAL(in, ",\"b\":") || !integer(in, &out->boot) ||
        !LITERAL(in, ",\"s\":") || !integer(in, &out->seq) || !LITERAL(in, ",\"t\":") || !integer(in, &out->t) ||
        !LITERAL(in, ",\"lc\":") || !integer(in, &out->lc) || !LITERAL(in, ",\"ev\":") || !string(in, &out->ev))
        return false;
    if (LITERAL(in, ",\"c\":") && (!integer(in, &out->cause) || out->cause < 1))
        return false;
    return out->node.n > 0 && out->ev.n > 0 && out->boot >= 1 && out->seq >= 1 && out->t >= 0 && out->lc >= 0;
}

static bool is_role(char c)
{
    return c == 'F' || c == 'P' || c == 'C' || c == 'L' || c == 'O';
}

/* The state of a replica after ,"term": -- all of it or nothing. */
static bool state(struct scan *in, struct trace_record *out)
{
    struct trace_text role;
    if (!integer(in, &out->term) || !LITERAL(in, ",\"role\":") || !string(in, &role) || role.n != 1 ||
        !is_role(role.p[0]) || !LITERAL(in, ",\"ci\":") || !integer(in, &out->commit) || !LITERAL(in, ",\"ai\":") ||
        !integer(in, &out->applied) || !LITERAL(in, ",\"li\":") || !integer(in, &out->last))
        return false;
    out->role = role.p[0];
    out->has_state = true;
    return true;
}

/* ---- the event's own fields ---- */

/* Whether the key at p is `key`; then `*past` is behind its colon. */
static bool key_is(const char *p, const char *key, const char **past)
{
    while (*key != '\0' && *key == *p) {
        key++;
        p++;
    }
    if (*key != '\0' || p[0] != '"' || p[1] != ':')
        return false;
    *past = p + 2;
    return true;
}

/* Keys of the envelope may not come again, and where they come late jansson has to put the envelope together. */
static bool is_reserved(struct trace_text key)
{
    static const char *const keys[] = {"n", "b", "s", "t", "lc", "ev", "c", "term", "role", "ci", "ai", "li"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (trace_text_is(key, keys[i]))
            return true;
    return false;
}

/* A key that is not the next one of the catalogue. */
static bool other_key(struct scan *in, struct trace_text *key)
{
    const char *from = in->p;
    bool escaped = false;
    const char *quote = trace_string_end(from, in->end, &escaped);
    if (quote == NULL || escaped || quote[1] != ':')
        return false;
    *key = (struct trace_text){from, (size_t)(quote - from)};
    if (is_reserved(*key))
        return false;
    in->p = quote + 2;
    return true;
}

static bool is_new(const struct trace_record *out, struct trace_text key)
{
    for (size_t i = 0; i < out->n_fields; i++)
        if (out->field[i].key.n == key.n && memcmp(out->field[i].key.p, key.p, key.n) == 0)
            return false;
    return true;
}

/* All fields up to the end of the line. *clean: they came in the order of the catalogue, none required was missing and
 * all were sound, so that nothing is left to check. As long as the order holds no key can come twice. */
static bool fields(struct scan *in, struct trace_record *out, bool *clean)
{
    const struct trace_field_type *want = out->type != NULL ? out->type->fields : NULL;
    const struct trace_field_type *last = out->type != NULL ? want + out->type->n_fields : NULL;
    bool ordered = true;
    *clean = true;
    while (*in->p == ',') {
        if (in->p[1] != '"' || out->n_fields == TRACE_FIELDS_MAX)
            return false;
        struct trace_field *f = &out->field[out->n_fields];
        const struct trace_field_type *w = want;
        const char *past = NULL;
        in->p += 2;
        while (w < last && !key_is(in->p, w->key, &past))
            w++;
        if (w < last) {
            for (; want < w; want++)
                *clean = *clean && want->optional;
            f->key = (struct trace_text){in->p, (size_t)(past - in->p) - 2};
            in->p = past;
            want = w + 1;
        } else {
            if (!other_key(in, &f->key))
                return false;
            ordered = *clean = false;
        }
        if ((!ordered && !is_new(out, f->key)) || !value(in, f))
            return false;
        if (w < last)
            *clean = *clean && trace_field_is_sound(w, f);
        out->n_fields++;
    }
    for (; want < last; want++)
        *clean = *clean && want->optional;
    return *in->p == '}' && in->p + 1 == in->end;
}

bool trace_scan(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                char err[TRACE_ERR_LEN])
{
    /* Decoded strings are no longer than they stand in the line, and neither is the body. */
    if (n < 2 || line[n - 1] != '}' || !trace_scratch_room(s, 2 * n + 2))
        return false;
    struct scan in = {line, line + n, s};
    bool clean;
    out->has_state = false;
    out->n_fields = 0;
    if (!envelope(&in, out))
        return false;
    out->type = trace_scratch_type(s, out->ev);
    bool may_have_state = out->type == NULL || out->type->raft; /* else "term" may come again, as the event's own */
    if (LITERAL(&in, ",\"term\":") && (!may_have_state || !state(&in, out)))
        return false;
    const char *own = in.p;
    if (!fields(&in, out, &clean))
        return false;

    char *body = s->p + s->used;
    size_t body_n = (size_t)(in.end - own);
    memcpy(body, own, body_n);
    if (out->n_fields > 0) {
        body[0] = '{'; /* where the comma was */
    } else {
        memcpy(body, "{}", 2);
        body_n = 2;
    }
    out->body = (struct trace_text){body, body_n};

    err[0] = '\0';
    *suspect =
        (!clean || (out->type != NULL && out->type->raft && !out->has_state)) && trace_record_is_suspect(out, err);
    return true;
}
