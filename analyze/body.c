/* body.c -- see body.h. trace_parse() wants a whole line: a made-up envelope goes before the fields. */
#include "body.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

static const char envelope[] = "{\"n\":\"-\",\"b\":1,\"s\":1,\"t\":0,\"lc\":0,\"ev\":\"-\"";

struct body {
    struct trace_scratch *scratch;
    struct trace_record fields, none;
    char *line;
    size_t room;
};

struct body *body_new(void)
{
    struct body *b = mem_new(sizeof *b);
    if ((b->scratch = trace_scratch_new()) == NULL)
        abort();
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

const struct trace_record *body_parse(struct body *b, const char *text, size_t n)
{
    if (n <= 2 || text[0] != '{')
        return &b->none;
    size_t head = sizeof envelope - 1;
    if (head + n > b->room) {
        b->room = 2 * (head + n);
        b->line = mem_grow(b->line, b->room, 1);
        memcpy(b->line, envelope, head);
    }
    b->line[head] = ',';
    memcpy(b->line + head + 1, text + 1, n - 1);
    bool suspect;
    char err[TRACE_ERR_LEN];
    return trace_parse(b->line, head + n, b->scratch, &b->fields, &suspect, err) ? &b->fields : &b->none;
}
