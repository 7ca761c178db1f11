#include "sim_tape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITER_BUFFER = 256 << 10, TAPE_LEAST = 16 << 10 };

void sim_tapes_init(struct sim_tapes *t)
{
    t->first = NULL;
    t->end = &t->first;
}

void sim_tapes_free(struct sim_tapes *t)
{
    while (t->first) {
        struct sim_tape *next = t->first->next;
        free(t->first->bytes);
        free(t->first);
        t->first = next;
    }
    t->end = &t->first;
}

static void add(void *ctx, const char *bytes, size_t n)
{
    struct sim_tape *tape = ctx;
    if (tape->cut)
        return;
    if (tape->room - tape->n < n) {
        size_t room = tape->room ? 2 * tape->room : TAPE_LEAST;
        while (room - tape->n < n)
            room *= 2;
        tape->bytes = realloc(tape->bytes, room);
        if (!tape->bytes)
            abort();
        tape->room = room;
    }
    memcpy(tape->bytes + tape->n, bytes, n);
    tape->n += n;
}

struct sim_tape *sim_tapes_add(struct sim_tapes *t, const char *node, unsigned boot, struct trace_writer **w)
{
    char err[TRACE_ERR_LEN];
    struct sim_tape *tape = calloc(1, sizeof *tape);
    if (!tape)
        abort();
    snprintf(tape->node, sizeof tape->node, "%s", node);
    tape->boot = boot;
    *t->end = tape;
    t->end = &tape->next;
    *w = trace_writer_open(
        &(struct trace_writer_options){
            .node = tape->node, .boot = boot, .buffer_bytes = WRITER_BUFFER, .sink = add, .sink_ctx = tape},
        err);
    if (!*w)
        abort(); /* only for a bad name or for want of memory */
    return tape;
}

uint64_t sim_tapes_hash(const struct sim_tapes *t)
{
    uint64_t sum = 0;
    for (const struct sim_tape *tape = t->first; tape; tape = tape->next) {
        char head[64];
        int n =
            snprintf(head, sizeof head, "%016llx %s.%u %zu", (unsigned long long)sum, tape->node, tape->boot, tape->n);
        sum = trace_hash(head, (size_t)n) ^ trace_hash(tape->bytes, tape->n);
    }
    return sum;
}

const char *sim_tapes_difference(const struct sim_tapes *a, const struct sim_tapes *b)
{
    static char words[100];
    const struct sim_tape *x = a->first, *y = b->first;
    for (; x && y; x = x->next, y = y->next) {
        size_t i = 0, line = 1;
        for (; i < x->n && i < y->n && x->bytes[i] == y->bytes[i]; i++)
            line += x->bytes[i] == '\n';
        if (i < x->n || i < y->n || x->boot != y->boot || strcmp(x->node, y->node) != 0) {
            snprintf(words, sizeof words, "%s.%u.jsonl differs from line %zu on", x->node, x->boot, line);
            return words;
        }
    }
    return x || y ? "one has more traces than the other" : "they are equal";
}

size_t sim_tapes_bytes(const struct sim_tapes *t)
{
    size_t n = 0;
    for (const struct sim_tape *tape = t->first; tape; tape = tape->next)
        n += tape->n;
    return n;
}

bool sim_tapes_write_one(const struct sim_tape *tape, const char *dir, char err[512])
{
    char path[4096 + 64];
    snprintf(path, sizeof path, "%s/%s.%u.jsonl", dir, tape->node, tape->boot);
    FILE *f = fopen(path, "wxe");
    bool well = f && fwrite(tape->bytes, 1, tape->n, f) == tape->n;
    int why = errno;
    if (f && fclose(f) != 0) {
        well = false;
        why = errno;
    }
    if (!well)
        snprintf(err, 512, "%.400s: %s", path, strerror(why));
    return well;
}

bool sim_tapes_write(const struct sim_tapes *t, const char *dir, char err[512])
{
    for (const struct sim_tape *tape = t->first; tape; tape = tape->next)
        if (!sim_tapes_write_one(tape, dir, err))
            return false;
    return true;
}
