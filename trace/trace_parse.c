/* trace_parse.c -- one line into a record: fields by the scanner or by jansson, then the envelope and the catalogue. */
#include "trace_parse_int.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENVELOPE_KEYS = 12, ALL_MAX = TRACE_FIELDS_MAX + ENVELOPE_KEYS };

/* ---- scratch ---- */

struct trace_scratch *trace_scratch_new(void)
{
    return calloc(1, sizeof(struct trace_scratch));
}

void trace_scratch_free(struct trace_scratch *s)
{
    if (s)
        free(s->p);
    free(s);
}

bool trace_scratch_room(struct trace_scratch *s, size_t n)
{
    s->n = 0;
    if (n <= s->room)
        return true;
    free(s->p);
    s->p = malloc(n * 2);
    s->room = s->p ? n * 2 : 0;
    return s->p != NULL;
}

char *trace_scratch_take(struct trace_scratch *s, size_t n)
{
    if (n > s->room - s->n)
        return NULL;
    char *p = s->p + s->n;
    s->n += n;
    return p;
}

/* ---- jansson: the reference ---- */

static struct trace_text keep(struct trace_scratch *s, const char *p, size_t n)
{
    char *to = trace_scratch_take(s, n + 1);
    if (!to)
        return (struct trace_text){"", 0};
    memcpy(to, p, n);
    to[n] = '\0';
    return (struct trace_text){to, n};
}

static struct trace_text keep_json(struct trace_scratch *s, json_t *v)
{
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t n = json_dumpb(v, NULL, 0, flags);
    char *to = trace_scratch_take(s, n + 1);
    if (!to)
        return (struct trace_text){"null", 4};
    json_dumpb(v, to, n, flags);
    to[n] = '\0';
    return (struct trace_text){to, n};
}

static enum trace_kind kind_of(json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        return TRACE_STRING;
    case JSON_INTEGER:
        return TRACE_INT;
    case JSON_REAL:
        return TRACE_REAL;
    case JSON_TRUE:
        return TRACE_TRUE;
    case JSON_FALSE:
        return TRACE_FALSE;
    case JSON_ARRAY:
        return TRACE_ARRAY;
    case JSON_OBJECT:
        return TRACE_OBJECT;
    case JSON_NULL:
        break;
    }
    return TRACE_NULL;
}

int trace_jansson_fields(const char *line, size_t n, struct trace_scratch *s, struct trace_field *all, size_t max,
                         char err[TRACE_ERR_LEN])
{
    json_error_t e;
    json_t *root = json_loadb(line, n, JSON_REJECT_DUPLICATES, &e);
    if (!root) {
        snprintf(err, TRACE_ERR_LEN, "not JSON at column %d: %.200s", e.column, e.text);
        return -1;
    }
    int count = -1;
    if (!json_is_object(root)) {
        snprintf(err, TRACE_ERR_LEN, "not a JSON object");
    } else if (json_object_size(root) > max) {
        snprintf(err, TRACE_ERR_LEN, "%zu keys; a record has at most %zu", json_object_size(root), max);
    } else {
        const char *key;
        json_t *v;
        count = 0;
        json_object_foreach(root, key, v)
        {
            struct trace_field *f = &all[count++];
            *f = (struct trace_field){.key = keep(s, key, strlen(key)), .raw = keep_json(s, v), .kind = kind_of(v)};
            if (f->kind == TRACE_STRING)
                f->text = keep(s, json_string_value(v), json_string_length(v));
            if (f->kind == TRACE_INT)
                f->i = json_integer_value(v);
        }
    }
    json_decref(root);
    return count;
}

/* ---- the envelope ---- */

bool trace_text_is(struct trace_text t, const char *s)
{
    return strlen(s) == t.n && memcmp(t.p, s, t.n) == 0;
}

static const struct trace_field **envelope_slot(struct trace_envelope *e, struct trace_text key)
{
    if (key.n == 1) {
        switch (key.p[0]) {
        case 'n':
            return &e->n;
        case 'b':
            return &e->b;
        case 's':
            return &e->s;
        case 't':
            return &e->t;
        case 'c':
            return &e->c;
        default:
            return NULL;
        }
    }
    if (key.n == 2) {
        if (memcmp(key.p, "lc", 2) == 0)
            return &e->lc;
        if (memcmp(key.p, "ev", 2) == 0)
            return &e->ev;
        if (memcmp(key.p, "ci", 2) == 0)
            return &e->ci;
        if (memcmp(key.p, "ai", 2) == 0)
            return &e->ai;
        if (memcmp(key.p, "li", 2) == 0)
            return &e->li;
    }
    if (key.n == 4 && memcmp(key.p, "term", 4) == 0)
        return &e->term;
    if (key.n == 4 && memcmp(key.p, "role", 4) == 0)
        return &e->role;
    return NULL;
}

static bool is_state(const struct trace_envelope *e, const struct trace_field *f)
{
    return f == e->term || f == e->role || f == e->ci || f == e->ai || f == e->li;
}

static bool is_int(const struct trace_field *f)
{
    return f && f->kind == TRACE_INT;
}

static bool take_envelope(const struct trace_envelope *e, struct trace_record *out, char err[TRACE_ERR_LEN])
{
    const struct {
        const char *key;
        const struct trace_field *f;
        enum trace_kind kind;
        int64_t least;
    } need[] = {
        {"n", e->n, TRACE_STRING, 0}, {"b", e->b, TRACE_INT, 1},  {"s", e->s, TRACE_INT, 1},
        {"t", e->t, TRACE_INT, 0},    {"lc", e->lc, TRACE_INT, 0}, {"ev", e->ev, TRACE_STRING, 0},
    };
    for (size_t i = 0; i < sizeof need / sizeof *need; i++) {
        const struct trace_field *f = need[i].f;
        const char *wrong = !f                                                 ? "is missing"
                            : f->kind != need[i].kind                          ? "has the wrong type"
                            : f->kind == TRACE_STRING && f->text.n == 0        ? "is empty"
                            : f->kind == TRACE_INT && f->i < need[i].least     ? "is too small"
                                                                               : NULL;
        if (wrong) {
            snprintf(err, TRACE_ERR_LEN, "key \"%s\" %s", need[i].key, wrong);
            return false;
        }
    }
    if (e->c && (!is_int(e->c) || e->c->i < 1)) {
        snprintf(err, TRACE_ERR_LEN, "key \"c\" is not the number of a record");
        return false;
    }
    out->node = e->n->text;
    out->boot = e->b->i;
    out->seq = e->s->i;
    out->t = e->t->i;
    out->lc = e->lc->i;
    out->ev = e->ev->text;
    out->cause = e->c ? e->c->i : 0;
    return true;
}

/* ---- the catalogue ---- */

static const struct trace_record_type *type_of(struct trace_scratch *s, struct trace_text ev)
{
    size_t h = ev.n;
    for (size_t i = 0; i < ev.n; i++)
        h = h * 31 + (unsigned char)ev.p[i];
    const struct trace_record_type **slot = &s->type[h % TYPE_CACHE];
    if (!*slot || !trace_text_is(ev, (*slot)->ev)) {
        const struct trace_record_type *t = trace_record_type_find(ev.p, ev.n);
        if (!t)
            return NULL;
        *slot = t;
    }
    return *slot;
}

static bool has_type(const struct trace_field *f, char type)
{
    switch (type) {
    case 's':
    case 'v':
        return f->kind == TRACE_STRING;
    case 'i':
        return f->kind == TRACE_INT;
    case 'b':
        return f->kind == TRACE_TRUE || f->kind == TRACE_FALSE;
    case 'S':
    case 'G':
    case 'E':
        return f->kind == TRACE_ARRAY;
    case 'C':
        return f->kind == TRACE_OBJECT;
    default:
        return true;
    }
}

static bool word_among(const char *words, struct trace_text w)
{
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, " ");
        if (n == w.n && memcmp(p, w.p, n) == 0)
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

/* What a known event lacks or has wrong, in words; false: nothing. */
static bool find_suspect(const struct trace_record *r, char err[TRACE_ERR_LEN])
{
    size_t next = 0; /* writers keep the catalogue's order: look there first */
    for (size_t i = 0; i < r->type->n_fields; i++) {
        const struct trace_field_type *want = &r->type->fields[i];
        const struct trace_field *f = NULL;
        if (next < r->n_fields && trace_text_is(r->field[next].key, want->key))
            f = &r->field[next++];
        else
            f = trace_find(r, want->key);
        if (!f && want->optional)
            continue;
        if (!f) {
            snprintf(err, TRACE_ERR_LEN, "%s without \"%s\"", r->type->ev, want->key);
            return true;
        }
        if (!has_type(f, want->type)) {
            snprintf(err, TRACE_ERR_LEN, "%s: \"%s\" has the wrong type", r->type->ev, want->key);
            return true;
        }
        if (want->words && !word_among(want->words, f->text)) {
            snprintf(err, TRACE_ERR_LEN, "%s: \"why\" is none of: %s", r->type->ev, want->words);
            return true;
        }
    }
    return false;
}

/* ---- a line ---- */

/* The event's own fields as one JSON object. `all` and the record's fields are in the order of the line. */
static bool put_body(struct trace_scratch *s, struct trace_record *out)
{
    size_t need = 3;
    for (size_t i = 0; i < out->n_fields; i++)
        need += out->field[i].key.n * 6 + out->field[i].raw.n + 4;
    char *p = trace_scratch_take(s, need), *q = p;
    if (!p)
        return false;
    *q++ = '{';
    for (size_t i = 0; i < out->n_fields; i++) {
        const struct trace_field *f = &out->field[i];
        if (i > 0)
            *q++ = ',';
        *q++ = '"';
        for (size_t k = 0; k < f->key.n; k++) {
            unsigned char c = (unsigned char)f->key.p[k];
            if (c == '"' || c == '\\')
                *q++ = '\\';
            if (c < 0x20)
                q += sprintf(q, "\\u%04x", c);
            else
                *q++ = (char)c;
        }
        *q++ = '"';
        *q++ = ':';
        memcpy(q, f->raw.p, f->raw.n);
        q += f->raw.n;
    }
    *q++ = '}';
    out->body = (struct trace_text){p, (size_t)(q - p)};
    return true;
}

static bool finish(struct trace_field *all, int n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                   char err[TRACE_ERR_LEN])
{
    struct trace_envelope e = {0};
    for (int i = 0; i < n; i++) {
        const struct trace_field **slot = envelope_slot(&e, all[i].key);
        if (slot)
            *slot = &all[i];
    }
    if (!take_envelope(&e, out, err))
        return false;
    /* Without a role, "term" and the like are the event's own: the simulator peeks a term from a datagram. */
    out->has_state = e.role && e.role->kind == TRACE_STRING && e.role->text.n == 1 && is_int(e.term) && is_int(e.ci) &&
                     is_int(e.ai) && is_int(e.li);
    if (out->has_state) {
        out->term = e.term->i;
        out->role = e.role->text.p[0];
        out->commit = e.ci->i;
        out->applied = e.ai->i;
        out->last = e.li->i;
    }
    out->n_fields = 0;
    for (int i = 0; i < n; i++) {
        const struct trace_field *f = &all[i];
        if (f == e.n || f == e.b || f == e.s || f == e.t || f == e.lc || f == e.ev || f == e.c ||
            (out->has_state && is_state(&e, f)))
            continue;
        if (out->n_fields == TRACE_FIELDS_MAX) {
            snprintf(err, TRACE_ERR_LEN, "more than %d fields", TRACE_FIELDS_MAX);
            return false;
        }
        out->field[out->n_fields++] = *f;
    }
    if (!put_body(s, out)) {
        snprintf(err, TRACE_ERR_LEN, "out of memory");
        return false;
    }
    out->type = type_of(s, out->ev);
    *suspect = out->type && find_suspect(out, err);
    return true;
}

static bool parse(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                  char err[TRACE_ERR_LEN], bool fast)
{
    struct trace_field all[ALL_MAX];
    err[0] = '\0';
    *suspect = false;
    /* Enough for every text decoded, dumped and copied into the body, whatever the escapes: jansson may write a byte of
     * the line as six, and a real number longer than it stood there. */
    if (!trace_scratch_room(s, n * 16 + 4096)) {
        snprintf(err, TRACE_ERR_LEN, "out of memory");
        return false;
    }
    int count = fast ? trace_scan_fields(line, n, all, ALL_MAX) : -1;
    if (count < 0)
        count = trace_jansson_fields(line, n, s, all, ALL_MAX, err);
    return count >= 0 && finish(all, count, s, out, suspect, err);
}

bool trace_parse(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                 char err[TRACE_ERR_LEN])
{
    return parse(line, n, s, out, suspect, err, true);
}

bool trace_parse_reference(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                           char err[TRACE_ERR_LEN])
{
    return parse(line, n, s, out, suspect, err, false);
}

/* ---- fields ---- */

const struct trace_field *trace_find(const struct trace_record *r, const char *key)
{
    for (size_t i = 0; i < r->n_fields; i++)
        if (trace_text_is(r->field[i].key, key))
            return &r->field[i];
    return NULL;
}

struct trace_text trace_find_text(const struct trace_record *r, const char *key)
{
    const struct trace_field *f = trace_find(r, key);
    return f && f->kind == TRACE_STRING ? f->text : (struct trace_text){NULL, 0};
}

bool trace_find_int(const struct trace_record *r, const char *key, int64_t *v)
{
    const struct trace_field *f = trace_find(r, key);
    if (!f || (f->kind != TRACE_INT && f->kind != TRACE_TRUE && f->kind != TRACE_FALSE))
        return false;
    *v = f->kind == TRACE_INT ? f->i : f->kind == TRACE_TRUE;
    return true;
}
