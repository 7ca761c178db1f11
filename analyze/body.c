/* body.c -- see body.h. trace_parse() wants a whole line: a made-up envelope goes before the fields. */
#include "body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define ENVELOPE "{\"n\":\"-\",\"b\":1,\"s\":1,\"t\":0,\"lc\":0,\"ev\":\""
/* Records of a replica have its state before their own fields. */
#define STATE ",\"term\":0,\"role\":\"F\",\"ci\":0,\"ai\":0,\"li\":0"

enum { HEADS = 128, HEAD_MAX = 160 };

/* What goes before the fields of an event. */
struct head {
    const struct trace_record_type *type; /* NULL: none yet */
    size_t n;
    char text[HEAD_MAX];
};

struct body {
    struct trace_scratch *scratch;
    struct trace_record fields, none;
    char *line;
    size_t room;
    struct head head[HEADS], unknown; /* by a hash of the event's name: the last one that had it */
};

static void head_set(struct head *h, const struct trace_record_type *type)
{
    h->type = type;
    h->n = (size_t)snprintf(h->text, sizeof h->text, ENVELOPE "%s\"%s", type != NULL ? type->ev : "-",
                            type != NULL && type->raft ? STATE : "");
}

static const struct head *head_of(struct body *b, struct trace_text ev)
{
    size_t hash = ev.n;
    for (size_t i = 0; i < ev.n; i++)
        hash = hash * 31 + (unsigned char)ev.p[i];
    struct head *h = &b->head[hash % HEADS];
    if (h->type != NULL && trace_text_is(ev, h->type->ev))
        return h;
    const struct trace_record_type *type = trace_record_type_find(ev.p, ev.n);
    if (type == NULL)
        return &b->unknown;
    head_set(h, type);
    return h;
}

struct body *body_new(void)
{
    struct body *b = mem_new(sizeof *b);
    if ((b->scratch = trace_scratch_new()) == NULL)
        abort();
    head_set(&b->unknown, NULL);
    return b;
}

void body_free(struct body *b)
{
    if (b == NULL)
        return;
    trace_scratch_free(b->scratch);
    free(b->line);
    free(b);
}

static const struct trace_record *parse(struct body *b, const struct head *h, const char *text, size_t n)
{
    if (n <= 2 || text[0] != '{')
        return &b->none;
    if (h->n + n > b->room) {
        b->room = 2 * (h->n + n) + HEAD_MAX;
        b->line = mem_grow(b->line, b->room, 1);
    }
    memcpy(b->line, h->text, h->n);
    b->line[h->n] = ',';
    memcpy(b->line + h->n + 1, text + 1, n - 1);
    bool suspect;
    char err[TRACE_ERR_LEN];
    return trace_parse(b->line, h->n + n, b->scratch, &b->fields, &suspect, err) ? &b->fields : &b->none;
}

const struct trace_record *body_parse(struct body *b, const char *text, size_t n)
{
    return parse(b, &b->unknown, text, n);
}

const struct trace_record *body_parse_event(struct body *b, struct trace_text ev, const char *text, size_t n)
{
    return parse(b, head_of(b, ev), text, n);
}
