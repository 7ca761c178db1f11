/* history_make.c -- a queue of two kinds of instants: calls, and effects. */
#include "history_make.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TAKES = 1000,
    THINKS = 200,
    NAME_LEN = 16,
    VERSIONS = 64
}; /* at most, in units of time: each half of an operation; a pause */

struct client {
    int64_t at;  /* when its next instant is */
    uint32_t op; /* its open operation: index within the key */
    uint32_t key;
    uint32_t number;
    bool called;
};

struct version {
    int64_t call, ret; /* of its write; INT64_MAX: unknown */
    uint32_t value;
};

struct cell {
    struct version last[VERSIONS]; /* a ring */
    uint32_t n;
};

struct make {
    struct history *h;
    const struct history_shape *shape;
    struct client *queue; /* a heap by `at` */
    struct cell *cells;
    uint64_t random;
    uint32_t called, written, clients;
    uint32_t lies_due;
};

static uint32_t below(struct make *m, uint32_t n)
{
    m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(((m->random >> 32) * n) >> 32);
}

static uint32_t value(struct make *m, uint32_t number)
{
    char text[NAME_LEN];
    int n = snprintf(text, sizeof text, "%u", number);
    return history_value(m->h, text, (size_t)n);
}

static uint32_t some_value(struct make *m)
{
    return value(m, m->shape->values == 0 ? ++m->written : 1 + below(m, m->shape->values));
}

static void call(struct make *m, struct client *c)
{
    char name[NAME_LEN], who[NAME_LEN];
    const struct history_shape *s = m->shape;
    c->key = below(m, s->keys);
    int n = snprintf(name, sizeof name, "k%u", c->key), w = snprintf(who, sizeof who, "%u", c->number);
    struct op op = {
        .id = m->called++, .call = c->at, .ret = HISTORY_OPEN, .client = history_client(m->h, who, (size_t)w)};
    uint32_t kind = below(m, 100);
    op.kind = kind < s->cas_pct ? OP_CAS : kind < s->cas_pct + (100 - s->cas_pct) / 2 ? OP_WRITE : OP_READ;
    if (op.kind != OP_READ)
        op.value = some_value(m);
    if (op.kind == OP_CAS)
        op.expect = some_value(m);
    history_add(m->h, name, (size_t)n, &op);
    if (m->h->no_memory)
        return;
    /* Keys are numbered in order of first use: the name's number says which this one is. */
    c->key = intern_find(&m->h->names, name, (size_t)n);
    c->op = (uint32_t)m->h->keys[c->key].n - 1;
    c->called = true;
    c->at += 1 + below(m, TAKES);
}

/* What is there; the initial value when there was no write. */
static uint32_t now_there(const struct cell *c)
{
    return c->n == 0 ? HISTORY_INITIAL : c->last[(c->n - 1) % VERSIONS].value;
}

/* A version that a read called now must not return: some other was written after it, and acknowledged. */
static bool overwritten(const struct cell *c, int64_t now, uint32_t *value)
{
    for (uint32_t i = 2; i <= VERSIONS && i <= c->n; i++) {
        const struct version *old = &c->last[(c->n - i) % VERSIONS];
        for (uint32_t k = 1; k < i; k++) {
            const struct version *newer = &c->last[(c->n - k) % VERSIONS];
            if (newer->call > old->ret && newer->ret < now && newer->value != old->value) {
                *value = old->value;
                return true;
            }
        }
    }
    return false;
}

static bool lie(struct make *m, const struct cell *c, struct op *read)
{
    if (m->shape->values == 0)
        return overwritten(c, read->call, &read->value);
    uint32_t truth = read->value;
    read->value = some_value(m);
    return read->value != truth;
}

static void take_effect(struct make *m, struct client *c)
{
    struct op *op = &m->h->keys[c->key].ops[c->op];
    struct cell *cell = &m->cells[c->key];
    bool unknown = op->kind != OP_READ && below(m, 100) < m->shape->unknown_pct, lost = unknown && below(m, 2) == 0;
    bool legal = op->kind != OP_CAS || op->expect == now_there(cell);
    int64_t ret = c->at + 1 + below(m, TAKES);
    if (op->kind == OP_READ) {
        op->value = now_there(cell);
        if (m->lies_due > 0 && m->called > m->shape->ops / 4 * 3)
            m->lies_due -= lie(m, cell, op);
    } else if (!legal && !unknown) {
        op->outcome = OUTCOME_FAILED;
    } else if (!lost && legal) {
        cell->last[cell->n++ % VERSIONS] = (struct version){op->call, unknown ? INT64_MAX : ret, op->value};
    }
    op->ret = ret;
    if (unknown) {
        op->ret = HISTORY_OPEN;
        op->outcome = OUTCOME_UNKNOWN;
        c->number = m->clients++; /* a client that gave up comes back under another name */
    }
    c->called = false;
    c->at = ret + 1 + below(m, THINKS);
}

static void sink(struct make *m, uint32_t i)
{
    for (;;) {
        uint32_t least = i;
        for (uint32_t k = 2 * i + 1; k <= 2 * i + 2; k++) {
            if (k < m->shape->clients && m->queue[k].at < m->queue[least].at)
                least = k;
        }
        if (least == i)
            return;
        struct client c = m->queue[i];
        m->queue[i] = m->queue[least];
        m->queue[least] = c;
        i = least;
    }
}

bool history_make(struct history *h, const struct history_shape *shape)
{
    struct make m = {.h = h,
                     .shape = shape,
                     .queue = calloc(shape->clients, sizeof *m.queue),
                     .cells = calloc(shape->keys, sizeof *m.cells),
                     .random = shape->seed,
                     .clients = shape->clients,
                     .lies_due = shape->lies};
    bool ok = m.queue != NULL && m.cells != NULL;
    for (uint32_t i = 0; ok && i < shape->clients; i++)
        m.queue[i] = (struct client){.at = 1 + below(&m, TAKES), .number = i};
    for (uint32_t i = shape->clients; ok && i-- > 0;)
        sink(&m, i);
    /* Until all operations are called and have taken effect; who has nothing left to call goes to the end of time. */
    while (ok && !h->no_memory && m.queue[0].at < INT64_MAX) {
        struct client *c = &m.queue[0];
        if (c->called)
            take_effect(&m, c);
        else if (m.called < shape->ops)
            call(&m, c);
        else
            c->at = INT64_MAX;
        sink(&m, 0);
    }
    free(m.queue);
    free(m.cells);
    history_sort(h);
    return ok && !h->no_memory;
}
