/* lin_blocks.c -- edges between blocks from what each client did in a row, and a walk that finds a cycle. */
#include "lin_blocks.h"

#include <stdlib.h>

struct edge {
    uint32_t to, first, second; /* the block; the two operations of one client */
    uint32_t next;              /* of the same block: number + 1 */
};

struct blocks {
    struct edge *edges;
    uint32_t *head; /* per block, its first edge: number + 1 */
    size_t n, n_edges;
};

enum { NEW, OPEN, DONE };
#define NOBODY UINT32_MAX

static uint32_t block_of(const int32_t *source, const struct op *ops, size_t n, size_t i)
{
    if (ops[i].kind == OP_WRITE)
        return (uint32_t)i;
    return source[i] >= 0 ? (uint32_t)source[i] : (uint32_t)n;
}

static void add_edge(struct blocks *b, uint32_t from, struct edge e)
{
    e.next = b->head[from];
    b->edges[b->n_edges++] = e;
    b->head[from] = (uint32_t)b->n_edges;
}

/* Each operation after the one that its client had called before it. A write of unknown outcome may take effect after
 * whatever its client did next, so nothing comes after it. */
static void make_edges(struct blocks *b, const struct op *ops, const int32_t *source, uint32_t *last)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const struct op *o = &ops[i];
        if (o->outcome == OUTCOME_FAILED)
            continue;
        uint32_t before = last[o->client], mine = block_of(source, ops, b->n, i);
        if (before != NOBODY) {
            uint32_t from = block_of(source, ops, b->n, before);
            /* Inside a block the write comes first. */
            if (from != mine || o->kind == OP_WRITE)
                add_edge(b, from, (struct edge){.to = mine, .first = before, .second = i});
        }
        if (o->outcome == OUTCOME_OK)
            last[o->client] = i;
    }
}

/* Depth first without recursion: path[] holds the edge (number + 1) taken from each open block. */
static size_t walk(const struct blocks *b, uint32_t start, uint8_t *state, uint32_t *stack, uint32_t *path,
                   uint32_t *proof)
{
    size_t depth = 0, n = 0;
    stack[depth++] = start;
    state[start] = OPEN;
    path[start] = b->head[start];
    while (depth > 0) {
        uint32_t at = stack[depth - 1], e = path[at];
        if (e == 0) {
            state[at] = DONE;
            depth--;
            if (depth > 0)
                path[stack[depth - 1]] = b->edges[path[stack[depth - 1]] - 1].next;
            continue;
        }
        uint32_t to = b->edges[e - 1].to;
        if (state[to] == OPEN) {
            size_t k = depth;
            while (stack[--k] != to)
                continue;
            for (; k < depth; k++) {
                proof[n++] = b->edges[path[stack[k]] - 1].first;
                proof[n++] = b->edges[path[stack[k]] - 1].second;
            }
            return n;
        }
        if (state[to] == DONE) {
            path[at] = b->edges[e - 1].next;
            continue;
        }
        state[to] = OPEN;
        path[to] = b->head[to];
        stack[depth++] = to;
    }
    return 0;
}

/* Two blocks that must each come before the other are the shortest cycle there is: looked for among direct neighbours
 * first. */
static size_t short_cycle(const struct blocks *b, uint32_t *proof)
{
    for (uint32_t from = 0; from <= b->n; from++) {
        for (uint32_t e = b->head[from]; e != 0; e = b->edges[e - 1].next) {
            const struct edge *x = &b->edges[e - 1];
            proof[0] = x->first;
            proof[1] = x->second;
            if (x->to == from || (x->to == b->n && from != b->n))
                return 2; /* a read before its write; or of nothing after something */
            for (uint32_t k = b->head[x->to], tries = 0; k != 0 && tries < 64; k = b->edges[k - 1].next, tries++) {
                if (b->edges[k - 1].to != from)
                    continue;
                proof[2] = b->edges[k - 1].first;
                proof[3] = b->edges[k - 1].second;
                return 4;
            }
        }
    }
    return 0;
}

bool lin_blocks_cycle(const struct op *ops, size_t n, const int32_t *source, uint32_t clients, uint32_t *proof,
                      size_t *cycle)
{
    *cycle = 0;
    for (size_t i = 0; i < n; i++) {
        if (source[i] == SOURCE_NONE) {
            proof[0] = (uint32_t)i;
            *cycle = 1;
            return true;
        }
    }
    struct blocks b = {.edges = malloc((n + 1) * sizeof *b.edges), .head = calloc(n + 2, sizeof *b.head), .n = n};
    uint32_t *last = malloc(((size_t)clients + 1) * sizeof *last), *stack = malloc((n + 2) * sizeof *stack);
    uint32_t *path = malloc((n + 2) * sizeof *path);
    uint8_t *state = calloc(n + 2, 1);
    bool ok = b.edges != NULL && b.head != NULL && last != NULL && stack != NULL && path != NULL && state != NULL;
    for (uint32_t i = 0; ok && i < clients; i++)
        last[i] = NOBODY;
    if (ok) {
        make_edges(&b, ops, source, last);
        *cycle = short_cycle(&b, proof);
    }
    for (uint32_t i = 0; ok && i <= n && *cycle == 0; i++) {
        if (state[i] == NEW && b.head[i] != 0)
            *cycle = walk(&b, i, state, stack, path, proof);
    }
    free(b.edges);
    free(b.head);
    free(last);
    free(stack);
    free(path);
    free(state);
    return ok;
}
