/* edn.c -- see edn.h. A recursive reader over a small window of bytes; what it builds lives in an arena that is emptied
 * for each value. */
#include "edn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { WINDOW = 1 << 16, BLOCK = 1 << 16, NONE = -1 };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct edn_reader {
    edn_source *read;
    void *ctx;
    bool flat, flat_open, begun;
    char flat_end;
    const unsigned char *p, *end; /* not consumed yet */
    int64_t line;
    size_t bytes; /* of the value being read */
    struct block *arena;
    char *token; /* being collected */
    size_t token_n, token_cap;
    struct edn *stack; /* items of collections that are not closed yet */
    size_t stack_n, stack_cap;
    enum edn_read state; /* EDN_VALUE: all is well */
    char err[EDN_ERR_LEN];
    unsigned char window[WINDOW];
};

/* ---- memory ---- */

static void *arena_get(struct edn_reader *r, size_t n)
{
    n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (r->arena == NULL || r->arena->size - r->arena->used < n) {
        size_t size = n > BLOCK ? n : BLOCK;
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

static bool bad(struct edn_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool bad(struct edn_reader *r, const char *fmt, ...)
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

static int peek(struct edn_reader *r)
{
    if (r->p < r->end)
        return *r->p;
    if (r->read == NULL || r->state != EDN_VALUE)
        return NONE;
    ssize_t n = r->read(r->ctx, r->window, sizeof r->window);
    if (n < 0) {
        snprintf(r->err, sizeof r->err, "%s", strerror(errno));
        r->state = EDN_IO;
    }
    if (n <= 0) {
        r->read = NULL;
        return NONE;
    }
    r->p = r->window;
    r->end = r->window + n;
    return *r->p;
}

static int take(struct edn_reader *r)
{
    int c = peek(r);
    if (c == NONE)
        return NONE;
    r->p++;
    r->line += c == '\n';
    if (++r->bytes > EDN_BYTES_MAX) {
        bad(r, "a value of over %d bytes", EDN_BYTES_MAX);
        return NONE;
    }
    return c;
}

static bool blank(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == '\f';
}

static bool delimiter(int c)
{
    return c == NONE || blank(c) || c == '"' || c == ';' || c == '(' || c == ')' || c == '[' || c == ']' || c == '{' ||
           c == '}';
}

static void skip_blanks(struct edn_reader *r)
{
    for (int c = peek(r); blank(c) || c == ';'; c = peek(r)) {
        if (c == ';') {
            while (c != '\n' && c != NONE)
                c = take(r);
        } else {
            take(r);
        }
        r->bytes = r->stack_n == 0 ? 0 : r->bytes; /* between values nothing counts */
    }
}

static void token_add(struct edn_reader *r, int c)
{
    if (r->token_n + 1 >= r->token_cap) {
        r->token_cap = r->token_cap > 0 ? r->token_cap * 2 : 256;
        r->token = mem_grow(r->token, r->token_cap, 1);
    }
    r->token[r->token_n++] = (char)c;
}

static void token_end(struct edn_reader *r, struct edn *v)
{
    char *text = arena_get(r, r->token_n + 1);
    if (r->token_n > 0)
        memcpy(text, r->token, r->token_n);
    text[r->token_n] = '\0';
    v->text = text;
    v->n = r->token_n;
}

/* ---- atoms ---- */

static void add_utf8(struct edn_reader *r, unsigned c)
{
    if (c < 0x80) {
        token_add(r, (int)c);
    } else if (c < 0x800) {
        token_add(r, (int)(0xc0 | c >> 6));
        token_add(r, (int)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        token_add(r, (int)(0xe0 | c >> 12));
        token_add(r, (int)(0x80 | (c >> 6 & 0x3f)));
        token_add(r, (int)(0x80 | (c & 0x3f)));
    } else {
        token_add(r, (int)(0xf0 | c >> 18));
        token_add(r, (int)(0x80 | (c >> 12 & 0x3f)));
        token_add(r, (int)(0x80 | (c >> 6 & 0x3f)));
        token_add(r, (int)(0x80 | (c & 0x3f)));
    }
}

static int hex(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : NONE;
}

static bool four_digits(struct edn_reader *r, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex(take(r));
        if (d == NONE)
            return bad(r, "\\u needs four hexadecimal digits");
        *out = *out << 4 | (unsigned)d;
    }
    return true;
}

/* After "\u": UTF-16, as Java prints it. A half of a pair that stands alone becomes U+FFFD. */
static bool unicode(struct edn_reader *r)
{
    unsigned c, low;
    if (!four_digits(r, &c))
        return false;
    while (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 2 && r->p[0] == '\\' && r->p[1] == 'u') {
        take(r);
        take(r);
        if (!four_digits(r, &low))
            return false;
        if (low >= 0xdc00 && low < 0xe000) {
            add_utf8(r, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
            return true;
        }
        add_utf8(r, 0xfffd);
        c = low;
    }
    add_utf8(r, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    return true;
}

static bool escape(struct edn_reader *r)
{
    int c = take(r);
    switch (c) {
    case 't':
        token_add(r, '\t');
        return true;
    case 'n':
        token_add(r, '\n');
        return true;
    case 'r':
        token_add(r, '\r');
        return true;
    case 'b':
        token_add(r, '\b');
        return true;
    case 'f':
        token_add(r, '\f');
        return true;
    case '\\':
    case '"':
        token_add(r, c);
        return true;
    case 'u':
        return unicode(r);
    default:
        return bad(r, "a string has an escape that EDN does not know");
    }
}

static bool string(struct edn_reader *r, struct edn *v)
{
    int64_t began = r->line;
    take(r);
    r->token_n = 0;
    for (;;) {
        int c = take(r);
        if (c == NONE)
            return bad(r, "the string of line %lld has no end", (long long)began);
        if (c == '"')
            break;
        if (c == '\\' ? !escape(r) : (token_add(r, c), false))
            return false;
    }
    v->kind = EDN_STRING;
    token_end(r, v);
    return true;
}

static void word(struct edn_reader *r)
{
    r->token_n = 0;
    while (!delimiter(peek(r)))
        token_add(r, take(r));
}

/* [+-]digits[N], else anything that begins like a number. */
static void number(struct edn_reader *r, struct edn *v)
{
    size_t n = r->token_n, i = 0;
    const char *t = r->token;
    bool negative = t[0] == '-';
    int64_t sum = 0;
    bool fits = true;
    i += t[0] == '-' || t[0] == '+';
    if (n > i + 1 && t[n - 1] == 'N')
        n--;
    for (; i < n && fits; i++) {
        fits =
            t[i] >= '0' && t[i] <= '9' && !__builtin_mul_overflow(sum, 10, &sum) &&
            !(negative ? __builtin_sub_overflow(sum, t[i] - '0', &sum) : __builtin_add_overflow(sum, t[i] - '0', &sum));
    }
    v->kind = fits ? EDN_INT : EDN_NUMBER;
    v->i = fits ? sum : 0;
    if (fits) { /* one spelling for one number */
        char text[24];
        int len = snprintf(text, sizeof text, "%lld", (long long)sum);
        r->token_n = 0;
        for (int k = 0; k < len; k++)
            token_add(r, text[k]);
    }
    token_end(r, v);
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool atom(struct edn_reader *r, struct edn *v)
{
    static const struct {
        const char *word;
        enum edn_kind kind;
    } words[] = {{"nil", EDN_NIL}, {"true", EDN_TRUE}, {"false", EDN_FALSE}};
    word(r);
    size_t n = r->token_n;
    const char *t = r->token;
    if (n == 0)
        return bad(r, "unexpected byte 0x%02x", (unsigned)(peek(r) & 0xff));
    if (digit(t[0]) || (n > 1 && (t[0] == '-' || t[0] == '+') && digit(t[1]))) {
        number(r, v);
        return true;
    }
    v->kind = EDN_SYMBOL;
    if (t[0] == ':') {
        v->kind = EDN_KEYWORD;
        r->token_n--;
        memmove(r->token, r->token + 1, r->token_n);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (n == strlen(words[i].word) && memcmp(t, words[i].word, n) == 0)
            v->kind = words[i].kind;
    }
    token_end(r, v);
    return true;
}

static bool character(struct edn_reader *r, struct edn *v)
{
    r->token_n = 0;
    token_add(r, take(r));
    int c = take(r);
    if (c == NONE)
        return bad(r, "a character is missing after \\");
    token_add(r, c);
    while (!delimiter(peek(r)))
        token_add(r, take(r));
    v->kind = EDN_CHAR;
    token_end(r, v);
    return true;
}

/* ---- values ---- */

static bool value(struct edn_reader *r, struct edn *v, int depth);

static bool collection(struct edn_reader *r, struct edn *v, enum edn_kind kind, int depth)
{
    size_t base = r->stack_n;
    int64_t began = r->line;
    int close = kind == EDN_VECTOR ? ']' : kind == EDN_LIST ? ')' : '}';
    take(r);
    if (depth >= EDN_DEPTH_MAX)
        return bad(r, "nested deeper than %d", EDN_DEPTH_MAX);
    if (r->stack_n == r->stack_cap) {
        r->stack_cap = r->stack_cap > 0 ? r->stack_cap * 2 : 64;
        r->stack = mem_grow(r->stack, r->stack_cap, sizeof *r->stack);
    }
    r->stack[r->stack_n++] = (struct edn){.kind = EDN_NIL}; /* the collection's own place: something is open */
    for (;;) {
        skip_blanks(r);
        int c = peek(r);
        if (c == NONE)
            return bad(r, "what begins with %c in line %lld has no end",
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
    take(r);
    size_t n = r->stack_n - base - 1;
    if (kind == EDN_MAP && n % 2 != 0)
        return bad(r, "a map has a key without a value");
    struct edn *items = arena_get(r, (n + 1) * sizeof *items);
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
    take(r);
    int c = peek(r);
    if (c == '{')
        return collection(r, v, EDN_SET, depth);
    if (depth >= EDN_DEPTH_MAX)
        return bad(r, "nested deeper than %d", EDN_DEPTH_MAX);
    if (c == '_') {
        take(r);
        struct edn gone;
        do {
            skip_blanks(r);
            if (!value(r, &gone, depth + 1))
                return false;
        } while (gone.line == 0);
        v->line = 0;
        return true;
    }
    word(r);
    if (r->token_n == 0)
        return bad(r, "a tag is missing after #");
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
    switch (peek(r)) {
    case '"':
        return string(r, v);
    case '[':
        return collection(r, v, EDN_VECTOR, depth);
    case '(':
        return collection(r, v, EDN_LIST, depth);
    case '{':
        return collection(r, v, EDN_MAP, depth);
    case '\\':
        return character(r, v);
    case '#':
        return dispatch(r, v, depth);
    case ')':
    case ']':
    case '}':
        return bad(r, "%c closes nothing", peek(r));
    case NONE:
        return bad(r, "a value is missing at the end");
    default:
        return atom(r, v);
    }
}

enum edn_read edn_next(struct edn_reader *r, const struct edn **out)
{
    arena_empty(r);
    r->stack_n = 0;
    struct edn *v = arena_get(r, sizeof *v);
    while (r->state == EDN_VALUE) {
        r->bytes = 0;
        skip_blanks(r);
        int c = peek(r);
        if (r->state != EDN_VALUE)
            break;
        if (r->flat && !r->begun && (c == '[' || c == '(')) {
            r->begun = r->flat_open = true;
            r->flat_end = c == '[' ? ']' : ')';
            take(r);
            continue;
        }
        if (r->flat_open && c == r->flat_end) {
            r->flat_open = false;
            take(r);
            continue;
        }
        if (c == NONE) {
            if (!r->flat_open)
                return EDN_END;
            bad(r, "the vector of values has no end: the file is cut off");
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
        bad(r, "not EDN");
    return r->state;
}

/* ---- looking at values ---- */

bool edn_is(const struct edn *v, const char *keyword)
{
    return v != NULL && v->kind == EDN_KEYWORD && v->n == strlen(keyword) && memcmp(v->text, keyword, v->n) == 0;
}

const struct edn *edn_get(const struct edn *map, const char *keyword)
{
    if (map == NULL || map->kind != EDN_MAP)
        return NULL;
    for (size_t i = 0; i + 1 < map->items; i += 2) {
        if (edn_is(&map->item[i], keyword))
            return &map->item[i + 1];
    }
    return NULL;
}

struct out {
    char *p;
    size_t n, cap;
};

static void put(struct out *o, const char *p, size_t n)
{
    if (o->n < o->cap) {
        size_t room = o->cap - o->n;
        memcpy(o->p + o->n, p, n < room ? n : room);
    }
    o->n += n;
}

static void put_string(struct out *o, const struct edn *v)
{
    put(o, "\"", 1);
    for (size_t i = 0; i < v->n; i++) {
        if (v->text[i] == '"' || v->text[i] == '\\')
            put(o, "\\", 1);
        put(o, v->text + i, 1);
    }
    put(o, "\"", 1);
}

static void print(struct out *o, const struct edn *v)
{
    static const char *const open[] = {[EDN_VECTOR] = "[", [EDN_LIST] = "(", [EDN_SET] = "#{", [EDN_MAP] = "{"};
    static const char *const close[] = {[EDN_VECTOR] = "]", [EDN_LIST] = ")", [EDN_SET] = "}", [EDN_MAP] = "}"};
    switch (v->kind) {
    case EDN_STRING:
        put_string(o, v);
        return;
    case EDN_KEYWORD:
        put(o, ":", 1);
        put(o, v->text, v->n);
        return;
    case EDN_NIL:
    case EDN_TRUE:
    case EDN_FALSE:
    case EDN_INT:
    case EDN_NUMBER:
    case EDN_SYMBOL:
    case EDN_CHAR:
        put(o, v->text, v->n);
        return;
    case EDN_VECTOR:
    case EDN_LIST:
    case EDN_SET:
    case EDN_MAP:
        put(o, open[v->kind], strlen(open[v->kind]));
        for (size_t i = 0; i < v->items; i++) {
            if (i > 0)
                put(o, " ", 1);
            print(o, &v->item[i]);
        }
        put(o, close[v->kind], 1);
        return;
    }
}

size_t edn_print(const struct edn *v, char *out, size_t n)
{
    struct out o = {.p = out, .cap = n};
    print(&o, v);
    out[o.n < n ? o.n : n] = '\0';
    return o.n;
}
