/* trace_parse.c -- one line into a record: the scanner first, then jansson; and the checks that both share. */
#include "trace_parse_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- scratch ---- */

struct trace_scratch *trace_scratch_new(void)
{
    return calloc(1, sizeof(struct trace_scratch));
}

void trace_scratch_free(struct trace_scratch *s)
{
    if (s == NULL)
        return;
    trace_reference_free(s);
    free(s->p);
    free(s);
}

bool trace_scratch_room(struct trace_scratch *s, size_t n)
{
    s->used = 0;
    if (n <= s->room)
        return true;
    size_t room = n + n / 2;
    char *p = malloc(room);
    if (p == NULL)
        return false;
    free(s->p);
    s->p = p;
    s->room = room;
    return true;
}

const struct trace_record_type *trace_scratch_type(struct trace_scratch *s, struct trace_text ev)
{
    size_t hash = ev.n;
    for (size_t i = 0; i < ev.n; i++)
        hash = hash * 31 + (unsigned char)ev.p[i];
    const struct trace_record_type **slot = &s->type[hash % TRACE_TYPE_CACHE];
    if (*slot == NULL || !trace_text_is(ev, (*slot)->ev)) {
        const struct trace_record_type *type = trace_record_type_find(ev.p, ev.n);
        if (type == NULL)
            return NULL;
        *slot = type;
    }
    return *slot;
}

/* ---- the catalogue ---- */

static bool has_type(char type, enum trace_kind kind)
{
    switch (type) {
    case 's':
    case 'v':
        return kind == TRACE_STRING;
    case 'i':
        return kind == TRACE_INT;
    case 'b':
        return kind == TRACE_TRUE || kind == TRACE_FALSE;
    case 'S':
    case 'G':
    case 'E':
        return kind == TRACE_ARRAY;
    case 'C':
        return kind == TRACE_OBJECT;
    default: /* 'j': any JSON */
        return true;
    }
}

static bool is_among(const char *words, struct trace_text w)
{
    for (const char *p = words; *p != '\0';) {
        size_t i = 0;
        while (i < w.n && p[i] == w.p[i] && p[i] != '\0')
            i++;
        if (i == w.n && (p[i] == ' ' || p[i] == '\0'))
            return true;
        while (*p != ' ' && *p != '\0')
            p++;
        p += *p == ' ';
    }
    return false;
}

bool trace_field_is_sound(const struct trace_field_type *want, const struct trace_field *f)
{
    return has_type(want->type, f->kind) && (want->words == NULL || is_among(want->words, f->text));
}

bool trace_record_is_suspect(const struct trace_record *r, char err[TRACE_ERR_LEN])
{
    if (r->type == NULL)
        return false;
    if (r->type->raft && !r->has_state) {
        snprintf(err, TRACE_ERR_LEN, "%s without the replica's state: term, role (one of F P C L O), ci, ai, li",
                 r->type->ev);
        return true;
    }
    for (size_t i = 0; i < r->type->n_fields; i++) {
        const struct trace_field_type *want = &r->type->fields[i];
        const struct trace_field *f = trace_find(r, want->key);
        if (f == NULL && want->optional)
            continue;
        if (f == NULL)
            snprintf(err, TRACE_ERR_LEN, "%s without \"%s\"", r->type->ev, want->key);
        else if (!has_type(want->type, f->kind))
            snprintf(err, TRACE_ERR_LEN, "%s: \"%s\" has the wrong type", r->type->ev, want->key);
        else if (!trace_field_is_sound(want, f))
            snprintf(err, TRACE_ERR_LEN, "%s: \"why\" is none of: %s", r->type->ev, want->words);
        else
            continue;
        return true;
    }
    return false;
}

/* ---- a line ---- */

bool trace_parse(const char *line, size_t n, struct trace_scratch *s, struct trace_record *out, bool *suspect,
                 char err[TRACE_ERR_LEN])
{
    return trace_scan(line, n, s, out, suspect, err) || trace_parse_reference(line, n, s, out, suspect, err);
}

/* ---- fields ---- */

const struct trace_field *trace_find(const struct trace_record *r, const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < r->n_fields; i++)
        if (r->field[i].key.n == n && memcmp(r->field[i].key.p, key, n) == 0)
            return &r->field[i];
    return NULL;
}

struct trace_text trace_find_text(const struct trace_record *r, const char *key)
{
    const struct trace_field *f = trace_find(r, key);
    return f != NULL && f->kind == TRACE_STRING ? f->text : (struct trace_text){NULL, 0};
}

bool trace_find_int(const struct trace_record *r, const char *key, int64_t *v)
{
    const struct trace_field *f = trace_find(r, key);
    if (f == NULL || (f->kind != TRACE_INT && f->kind != TRACE_TRUE && f->kind != TRACE_FALSE))
        return false;
    *v = f->kind == TRACE_INT ? f->i : f->kind == TRACE_TRUE;
    return true;
}
