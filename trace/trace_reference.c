/* trace_reference.c -- a line of any shape, by jansson. */
#include "trace_parse_int.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text that is made anew: raw values and the body ---- */

struct growing {
    struct trace_scratch *s;
    bool failed;
};

static int grow(const char *p, size_t n, void *data)
{
    struct growing *g = data;
    struct trace_scratch *s = g->s;
    if (n > s->room - s->used) {
        size_t room = (s->room + n) * 2;
        char *wider = realloc(s->p, room);
        if (wider == NULL) {
            g->failed = true;
            return -1;
        }
        s->p = wider;
        s->room = room;
    }
    memcpy(s->p + s->used, p, n);
    s->used += n;
    return 0;
}

static bool put_value(struct growing *g, const json_t *v)
{
    return json_dump_callback(v, grow, g, JSON_COMPACT | JSON_ENCODE_ANY) == 0 && !g->failed;
}

static bool put_key(struct growing *g, const char *key)
{
    json_t *text = json_string(key);
    bool done = text != NULL && put_value(g, text) && grow(":", 1, g) == 0;
    json_decref(text);
    return done;
}

/* ---- the envelope ---- */

static bool bad_key(char err[TRACE_ERR_LEN], const char *key, const char *what)
{
    snprintf(err, TRACE_ERR_LEN, "key \"%s\" %s; every record has n b s t lc ev", key, what);
    return false;
}

static bool need_text(const json_t *root, const char *key, struct trace_text *out, char err[TRACE_ERR_LEN])
{
    const json_t *v = json_object_get(root, key);
    if (v == NULL)
        return bad_key(err, key, "is missing");
    if (!json_is_string(v) || json_string_length(v) == 0)
        return bad_key(err, key, "is no string, or empty");
    *out = (struct trace_text){json_string_value(v), json_string_length(v)};
    return true;
}

static bool need_int(const json_t *root, const char *key, int64_t least, int64_t *out, char err[TRACE_ERR_LEN])
{
    const json_t *v = json_object_get(root, key);
    if (v == NULL)
        return bad_key(err, key, "is missing");
    if (!json_is_integer(v))
        return bad_key(err, key, "is no integer");
    *out = json_integer_value(v);
    return *out >= least || bad_key(err, key, "is too small");
}

static bool take_envelope(const json_t *root, struct trace_record *out, char err[TRACE_ERR_LEN])
{
    out->cause = 0;
    return need_text(root, "n", &out->node, err) && need_int(root, "b", 1, &out->boot, err) &&
           need_int(root, "s", 1, &out->seq, err) && need_int(root, "t", 0, &out->t, err) &&
           need_int(root, "lc", 0, &out->lc, err) && need_text(root, "ev", &out->ev, err) &&
           (json_object_get(root, "c") == NULL || need_int(root, "c", 1, &out->cause, err));
}

static void take_state(const json_t *root, struct trace_record *out)
{
    const json_t *term = json_object_get(root, "term"), *role = json_object_get(root, "role"),
                 *ci = json_object_get(root, "ci"), *ai = json_object_get(root, "ai"),
                 *li = json_object_get(root, "li");
    out->has_state = json_is_integer(term) && json_is_integer(ci) && json_is_integer(ai) && json_is_integer(li) &&
                     json_is_string(role) && json_string_length(role) == 1 &&
                     strchr("FPCLO", json_string_value(role)[0]) != NULL && json_string_value(role)[0] != '\0';
    if (!out->has_state)
        return;
    out->term = json_integer_value(term);
    out->role = json_string_value(role)[0];
    out->commit = json_integer_value(ci);
    out->applied = json_integer_value(ai);
    out->last = json_integer_value(li);
}

/* Whether a key belongs to the envelope. Without a whole state, "term" and the like are the event's own: the simulator
 * peeks a term from a datagram. */
static bool is_envelope(const char *key, bool has_state)
{
    static const char *const keys[] = {"n", "b", "s", "t", "lc", "ev", "c"};
    static const char *const state_keys[] = {"term", "role", "ci", "ai", "li"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    for (size_t i = 0; has_state && i < sizeof state_keys / sizeof state_keys[0]; i++)
        if (strcmp(key, state_keys[i]) == 0)
            return true;
    return false;
}

/* ---- the fields ---- */

static enum trace_kind kind_of(const json_t *v)
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

/* The body and the fields. The scratch may move while the body grows, so raw texts are offsets until it is done.
 * Returns the number of fields, which may be more than TRACE_FIELDS_MAX, or -1: out of memory. */
static int take_fields(json_t *root, struct trace_scratch *s, struct trace_record *out)
{
    struct growing g = {s, false};
    size_t offset[TRACE_FIELDS_MAX];
    const char *key;
    json_t *v;
    int n = 0;
    s->used = 0;
    bool good = grow("{", 1, &g) == 0;
    json_object_foreach(root, key, v)
    {
        if (is_envelope(key, out->has_state))
            continue;
        good = good && (n == 0 || grow(",", 1, &g) == 0) && put_key(&g, key);
        size_t from = s->used;
        good = good && put_value(&g, v);
        if (n < TRACE_FIELDS_MAX) {
            struct trace_field *f = &out->field[n];
            offset[n] = from;
            *f = (struct trace_field){.key = {key, strlen(key)}, .kind = kind_of(v), .raw.n = s->used - from};
            if (f->kind == TRACE_STRING)
                f->text = (struct trace_text){json_string_value(v), json_string_length(v)};
            if (f->kind == TRACE_INT)
                f->i = json_integer_value(v);
        }
        n++;
    }
    if (!good || grow("}", 1, &g) != 0)
        return -1;
    out->n_fields = n < TRACE_FIELDS_MAX ? (size_t)n : TRACE_FIELDS_MAX;
    for (size_t i = 0; i < out->n_fields; i++)
        out->field[i].raw.p = s->p + offset[i];
    out->body = (struct trace_text){s->p, s->used};
    return n;
}

/* jansson quotes the line in its words; a terminal must not be driven by it. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7F)
            *text = '?';
}

void trace_reference_free(struct trace_scratch *s)
{
    json_decref(s->root);
    s->root = NULL;
}

bool trace_parse_reference(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                           char err[TRACE_ERR_LEN])
{
    json_error_t e;
    err[0] = '\0';
    *suspect = false;
    out->n_fields = 0;
    trace_reference_free(s);
    s->root = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
    if (s->root == NULL) {
        snprintf(err, TRACE_ERR_LEN, "column %d: %s", e.column, e.text);
        make_printable(err);
        return false;
    }
    if (!json_is_object(s->root)) {
        snprintf(err, TRACE_ERR_LEN, "column 1: not a JSON object");
        return false;
    }
    if (!take_envelope(s->root, out, err))
        return false;
    out->type = trace_scratch_type(s, out->ev);
    take_state(s->root, out);
    int fields = take_fields(s->root, s, out);
    if (fields < 0) {
        snprintf(err, TRACE_ERR_LEN, "out of memory for a line of %zu bytes", n);
        return false;
    }
    *suspect = trace_record_is_suspect(out, err);
    if (!*suspect && fields > TRACE_FIELDS_MAX) {
        *suspect = true;
        snprintf(err, TRACE_ERR_LEN, "%d fields; only the first %d can be looked up by name", fields, TRACE_FIELDS_MAX);
    }
    return true;
}
