/* Records as kinds: the type and, where it has one, the reason. Read from the lines of our own writer, whose order of
 * keys is fixed: looking for three of them costs a fraction of reading JSON. */
#include "sim_coverage_int.h"

#include <stdlib.h>
#include <string.h>

static const struct trace_field_type *why_of(const struct trace_record_type *type)
{
    for (size_t i = 0; i < type->n_fields; i++)
        if (type->fields[i].words)
            return &type->fields[i];
    return NULL;
}

static void add(struct coverage_kinds *k, const struct trace_record_type *type, const char *why, size_t n)
{
    if (k->n == COVERAGE_KINDS_MAX)
        abort(); /* records.def has outgrown the table */
    k->v[k->n++] = (struct coverage_kind){.type = type, .why = why, .n = n};
}

void coverage_kinds_make(struct coverage_kinds *k)
{
    k->n = 0;
    for (size_t t = 0; t < trace_record_types_n; t++) {
        const struct trace_record_type *type = &trace_record_types[t];
        const struct trace_field_type *why = why_of(type);
        k->first[t] = k->n;
        if (!why || why->optional)
            add(k, type, NULL, 0);
        for (const char *word = why ? why->words : ""; *word;) {
            size_t n = strcspn(word, " ");
            add(k, type, word, n);
            word += n + strspn(word + n, " ");
        }
    }
}

void coverage_kind_name(const struct coverage_kind *k, char name[64])
{
    snprintf(name, 64, "%s%s%.*s", k->type->ev, k->why ? " " : "", (int)k->n, k->why ? k->why : "");
}

/* ---- lines ---- */

struct cursor {
    const char *at, *end;
};

/* Skips `word` if it is next. */
static bool skip(struct cursor *p, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool number(struct cursor *p, const char *key, uint64_t *v)
{
    if (!skip(p, key))
        return false;
    *v = 0;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++)
        *v = 10 * *v + (uint64_t)(*p->at - '0');
    return true;
}

static bool word(struct cursor *p, const char *key, const char **text, size_t *n)
{
    if (!skip(p, key))
        return false;
    const char *quote = memchr(p->at, '"', (size_t)(p->end - p->at));
    if (!quote)
        return false;
    *text = p->at;
    *n = (size_t)(quote - p->at);
    p->at = quote + 1;
    return true;
}

/* The kind of the line, or the number of kinds when it is none: half a line, say. A quote inside a user's string is
 * escaped, so "why":" can only be the key. */
static size_t kind_of(const struct coverage_kinds *k, struct cursor p, uint64_t *seq, uint64_t *cause)
{
    const char *text;
    size_t n;
    uint64_t ignored;
    *cause = 0;
    if (!word(&p, "{\"n\":\"", &text, &n) || !number(&p, ",\"b\":", &ignored) || !number(&p, ",\"s\":", seq) ||
        !number(&p, ",\"t\":", &ignored) || !number(&p, ",\"lc\":", &ignored) || !word(&p, ",\"ev\":\"", &text, &n))
        return k->n;
    const struct trace_record_type *type = trace_record_type_find(text, n);
    if (!type)
        return k->n;
    (void)number(&p, ",\"c\":", cause);
    size_t kind = k->first[type - trace_record_types];
    const struct trace_field_type *why = why_of(type);
    if (!why)
        return kind;
    static const char key[] = "\"why\":\"";
    p.at = memmem(p.at, (size_t)(p.end - p.at), key, sizeof key - 1);
    if (!p.at || !word(&p, key, &text, &n))
        return why->optional ? kind : k->n;
    for (; kind < k->n && k->v[kind].type == type; kind++)
        if (k->v[kind].n == n && memcmp(k->v[kind].why, text, n) == 0)
            return kind;
    return k->n;
}

/* The kind of each record of a tape by its number. */
struct past {
    uint16_t *kind; /* and 1 */
    size_t room;
};

static uint16_t *slot(struct past *p, uint64_t seq)
{
    if (seq >= p->room) {
        size_t room = p->room ? p->room : 4096;
        while (room <= seq)
            room *= 2;
        p->kind = realloc(p->kind, room * sizeof *p->kind);
        if (!p->kind)
            abort();
        memset(p->kind + p->room, 0, (room - p->room) * sizeof *p->kind);
        p->room = room;
    }
    return &p->kind[seq];
}

static void read_tape(struct sim_coverage *c, uint64_t seed, const struct coverage_kinds *k, struct past *past,
                      const struct sim_tape *tape)
{
    const char *at = tape->bytes, *end = at + tape->n;
    memset(past->kind, 0, past->room * sizeof *past->kind);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        uint64_t seq, cause;
        if (!newline)
            break;
        size_t kind = kind_of(k, (struct cursor){at, newline}, &seq, &cause);
        at = newline + 1;
        if (kind == k->n || seq > tape->n) /* more records than bytes: not ours */
            continue;
        *slot(past, seq) = (uint16_t)(kind + 1);
        coverage_reach(&c->kind[kind], seed);
        if (cause > 0 && cause < seq && past->kind[cause])
            coverage_reach(&c->edge[past->kind[cause] - 1][kind], seed);
    }
}

void sim_coverage_tapes(struct sim_coverage *c, uint64_t seed, const struct sim_tapes *tapes)
{
    struct coverage_kinds *k = malloc(sizeof *k);
    struct past past = {.room = 0};
    if (!k)
        abort();
    coverage_kinds_make(k);
    slot(&past, 0);
    for (const struct sim_tape *t = tapes->first; t; t = t->next)
        read_tape(c, seed, k, &past, t);
    free(past.kind);
    free(k);
}
