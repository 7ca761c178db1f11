/* edn.c -- see edn.h. A recursive reader over a small window of bytes; what it builds lives in an arena that is emptied
 * for each value. */
#include "edn_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* ---- memory ---- */

void *edn_room(struct edn_reader *r, size_t n)
{
    n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (r->arena == NULL || r->arena->size - r->arena->used < n) {
        size_t size = n > EDN_BLOCK ? n : EDN_BLOCK;
        struct block *b = mem_new(sizeof *b + size);
        b->size = size;
        b->next = r->arena;
        r->arena = b;
    }
    void *p = r->arena->bytes + r->arena->used;
    r->arena->used += n;
    return p;
}

static void arena_empty(struct edn_reader *r)
{
    while (r->arena != NULL && r->arena->next != NULL) {
        struct block *b = r->arena;
        r->arena = b->next;
        free(b);
    }
    if (r->arena != NULL)
        r->arena->used = 0;
}

struct edn_reader *edn_open(edn_source *read, void *ctx, bool flat)
{
    struct edn_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->read = read;
    r->ctx = ctx;
    r->flat = flat;
    r->line = 1;
    r->state = EDN_VALUE;
    r->p = r->end = r->window;
    return r;
}

void edn_text(struct edn_reader *r, const char *p, size_t n, int64_t line)
{
    r->read = NULL;
    r->p = (const unsigned char *)p;
    r->end = r->p + n;
    r->line = line;
    r->begun = false;
    r->state = EDN_VALUE;
}

void edn_close(struct edn_reader *r)
{
    if (r == NULL)
        return;
    arena_empty(r);
    free(r->arena);
    free(r->token);
    free(r->stack);
    free(r);
}

const char *edn_error(const struct edn_reader *r)
{
    return r->err;
}

int64_t edn_line(const struct edn_reader *r)
{
    return r->line;
}

bool edn_bad(struct edn_reader *r, const char *fmt, ...)
{
    if (r->state != EDN_VALUE)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->err, sizeof r->err, fmt, ap);
    va_end(ap);
    r->state = EDN_BAD;
    return false;
}

/* ---- bytes ---- */

int edn_peek(struct edn_reader *r)
{
    if (r->p < r->end)
        return *r->p;
    if (r->read == NULL || r->state != EDN_VALUE)
        return EDN_NONE;
    ssize_t n = r->read(r->ctx, r->window, sizeof r->window);
    if (n < 0) {
        snprintf(r->err, sizeof r->err, "%s", strerror(errno));
        r->state = EDN_IO;
    }
    if (n <= 0) {
        r->read = NULL;
        return EDN_NONE;
    }
    r->p = r->window;
    r->end = r->window + n;
    return *r->p;
}

int edn_take(struct edn_reader *r)
{
    int c = edn_peek(r);
    if (c == EDN_NONE)
        return EDN_NONE;
    r->p++;
    r->line += c == '\n';
    if (++r->bytes > EDN_BYTES_MAX) {
        edn_bad(r, "a value of over %d bytes", EDN_BYTES_MAX);
        return EDN_NONE;
    }
    return c;
}

bool edn_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == '\f';
}

bool edn_delimiter(int c)
{
    return c == EDN_NONE || edn_blank(c) || c == '"' || c == ';' || c == '(' || c == ')' || c == '[' || c == ']' ||
           c == '{' || c == '}';
}

static void skip_blanks(struct edn_reader *r)
{
    for (int c = edn_peek(r); edn_blank(c) || c == ';'; c = edn_peek(r)) {
        if (c == ';') {
            while (c != '\n' && c != EDN_NONE)
                c = edn_take(r);
        } else {
            edn_take(r);
        }
        r->bytes = r->stack_n == 0 ? 0 : r->bytes; /* between values nothing counts */
    }
}

/* ---- values ---- */

static bool value(struct edn_reader *r, struct edn *v, int depth);

static bool collection(struct edn_reader *r, struct edn *v, enum edn_kind kind, int depth)
{
    size_t base = r->stack_n;
    int64_t began = r->line;
    int close = kind == EDN_VECTOR ? ']' : kind == EDN_LIST ? ')' : '}';
    edn_take(r);
    if (depth >= EDN_DEPTH_MAX)
        return edn_bad(r, "nested deeper than %d", EDN_DEPTH_MAX);
    if (r->stack_n == r->stack_cap) {
        r->stack_cap = r->stack_cap > 0 ? r->stack_cap * 2 : 64;
        r->stack = mem_grow(r->stack, r->stack_cap, sizeof *r->stack);
    }
    r->stack[r->stack_n++] = (struct edn){.kind = EDN_NIL}; /* the collection's own place: something is open */
    for (;;) {
        skip_blanks(r);
        int c = edn_peek(r);
        if (c == EDN_NONE)
            return edn_bad(r, "what begins with %c in line %lld has no end",
                           kind == EDN_VECTOR ? '['
                           : kind == EDN_LIST ? '('
                                              : '{',
                           (long long)began);
        if (c == close)
            break;
        struct edn item;
        if (!value(r, &item, depth + 1))
            return false;
        if (item.line == 0)
            continue; /* discarded */
        if (r->stack_n == r->stack_cap) {
            r->stack_cap *= 2;
            r->stack = mem_grow(r->stack, r->stack_cap, sizeof *r->stack);
        }
        r->stack[r->stack_n++] = item;
    }
    edn_take(r);
    size_t n = r->stack_n - base - 1;
    if (kind == EDN_MAP && n % 2 != 0)
        return edn_bad(r, "a map has a key without a value");
    struct edn *items = edn_room(r, (n + 1) * sizeof *items);
    memcpy(items, r->stack + base + 1, n * sizeof *items);
    r->stack_n = base;
    v->kind = kind;
    v->item = items;
    v->items = n;
    v->text = "";
    return true;
}

/* "#": a set, a discarded value (v->line is 0 then), or a tag before its value. */
static bool dispatch(struct edn_reader *r, struct edn *v, int depth)
{
    edn_take(r);
    int c = edn_peek(r);
    if (c == '{')
        return collection(r, v, EDN_SET, depth);
    if (depth >= EDN_DEPTH_MAX)
        return edn_bad(r, "nested deeper than %d", EDN_DEPTH_MAX);
    if (c == '_') {
        edn_take(r);
        struct edn gone;
        do {
            skip_blanks(r);
            if (!value(r, &gone, depth + 1))
                return false;
        } while (gone.line == 0);
        v->line = 0;
        return true;
    }
    edn_word(r);
    if (r->token_n == 0)
        return edn_bad(r, "a tag is missing after #");
    do {
        skip_blanks(r);
        if (!value(r, v, depth + 1))
            return false;
    } while (v->line == 0);
    return true;
}

/* v->line is 0 when the value was discarded. */
static bool value(struct edn_reader *r, struct edn *v, int depth)
{
    *v = (struct edn){.line = r->line};
    switch (edn_peek(r)) {
    case '"':
        return edn_string(r, v);
    case '[':
        return collection(r, v, EDN_VECTOR, depth);
    case '(':
        return collection(r, v, EDN_LIST, depth);
    case '{':
        return collection(r, v, EDN_MAP, depth);
    case '\\':
        return edn_character(r, v);
    case '#':
        return dispatch(r, v, depth);
    case ')':
    case ']':
    case '}':
        return edn_bad(r, "%c closes nothing", edn_peek(r));
    case EDN_NONE:
        return edn_bad(r, "a value is missing at the end");
    default:
        return edn_atom(r, v);
    }
}

enum edn_read edn_next(struct edn_reader *r, const struct edn **out)
{
    arena_empty(r);
    r->stack_n = 0;
    struct edn *v = edn_room(r, sizeof *v);
    while (r->state == EDN_VALUE) {
        r->bytes = 0;
        skip_blanks(r);
        int c = edn_peek(r);
        if (r->state != EDN_VALUE)
            break;
        if (r->flat && !r->begun && (c == '[' || c == '(')) {
            r->begun = r->flat_open = true;
            r->flat_end = c == '[' ? ']' : ')';
            edn_take(r);
            continue;
        }
        if (r->flat_open && c == r->flat_end) {
            r->flat_open = false;
            edn_take(r);
            continue;
        }
        if (c == EDN_NONE) {
            if (!r->flat_open)
                return EDN_END;
            edn_bad(r, "the vector of values has no end: the file is cut off");
            break;
        }
        r->begun = true;
        if (!value(r, v, 0))
            break;
        if (v->line == 0)
            continue;
        *out = v;
        return EDN_VALUE;
    }
    if (r->state == EDN_VALUE)
        edn_bad(r, "not EDN");
    return r->state;
}
