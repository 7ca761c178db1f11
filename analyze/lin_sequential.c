/* lin_sequential.c -- keys one by one, then one order for all. */
#include "lin_sequential.h"

#include <stdlib.h>
#include <string.h>

#include "lin_blocks.h"
#include "lin_set.h"
#include "trace.h"

#define NOTHING UINT32_MAX

/* An operation of the whole history. */
struct item {
    int64_t
        rank; /* of a write: when its value was in place at the latest, in real time; smaller ones are tried first */
    uint32_t key;
    uint32_t source;  /* of a read: the item that wrote its value; NOTHING for the initial value */
    uint32_t readers; /* of a write: reads of it that are still to come */
    bool write;
};

/* The operations of one client in its order; or one write of unknown outcome, which may come any time after `need`
 * operations of its client. */
struct queue {
    uint32_t *items;
    uint32_t n, cap, at;
    uint32_t client, need; /* NOTHING: no such condition */
};

struct choice {
    size_t trail;   /* how long the order was before it */
    int64_t rank;   /* of the write tried last */
    uint32_t queue; /* and its queue; NOTHING at first */
};

struct order {
    struct item *items;
    size_t n, n_queues, cap_queues;
    struct queue *queues;
    uint32_t *now;     /* per key: the item in place; NOTHING at first */
    uint32_t *initial; /* per key: reads of the initial value still to come */
    struct {
        uint32_t queue, was; /* who went; what a write replaced */
    } * trail;
    size_t n_trail;
    struct choice *choices;
    uint32_t *member;
};

/* ---- the keys one by one ---- */

/* The operations that take part, and where reads come from. Not judged: other operations, and values written twice. */
static bool one_key(struct sequential *s, const struct history *h, size_t key, uint32_t *writer, struct op *ops,
                    struct lin_sources *src, size_t *kept, bool *judged)
{
    const struct history_key *k = &h->keys[key];
    bool ghosts = false;
    *kept = 0;
    *judged = !k->unread;
    for (size_t i = 0; i < k->n; i++) {
        const struct op *o = &k->ops[i];
        ghosts |= o->ghost;
        *judged &= o->kind == OP_READ || o->kind == OP_WRITE;
        if (!o->ghost && o->outcome != OUTCOME_FAILED)
            ops[(*kept)++] = *o;
    }
    if (!*judged)
        return true;
    if (!lin_sources_find(src, ops, *kept, writer))
        return false;
    uint32_t *proof = malloc((2 * *kept + 4) * sizeof *proof);
    size_t cycle = 0;
    bool ok = proof != NULL;
    *judged = src->repeated == 0;
    if (ok && *judged)
        ok = lin_blocks_cycle(ops, *kept, src->of, h->clients.n, proof, &cycle);
    if (ok && cycle > 0 && ghosts) {
        *judged = false;
    } else if (ok && cycle > 0) {
        s->answer = LIN_BAD;
        s->key = key;
        s->proof = malloc(cycle * sizeof *s->proof);
        ok = s->proof != NULL;
        for (size_t i = 0; ok && i < cycle; i++)
            s->proof[s->n_proof++] = ops[proof[i]];
    }
    free(proof);
    return ok;
}

/* ---- one order for all keys ---- */

static struct queue *queue_add(struct order *o)
{
    if (o->n_queues == o->cap_queues) {
        size_t cap = o->cap_queues * 2 + 16;
        struct queue *p = realloc(o->queues, cap * sizeof *p);
        if (p == NULL)
            return NULL;
        o->queues = p;
        o->cap_queues = cap;
    }
    o->queues[o->n_queues] = (struct queue){.client = NOTHING};
    return &o->queues[o->n_queues++];
}

static bool queue_push(struct queue *q, uint32_t item)
{
    if (q->n == q->cap) {
        uint32_t cap = q->cap * 2 + 8, *p = realloc(q->items, cap * sizeof *p);
        if (p == NULL)
            return false;
        q->items = p;
        q->cap = cap;
    }
    q->items[q->n++] = item;
    return true;
}

/* The items of one key; item numbers follow the order of its operations. `by_call` gets (call, item), clients aside. */
static void add_items(struct order *o, uint32_t key, const struct op *ops, size_t n, const int32_t *source,
                      struct lin_at *by_call, const struct op **op_of)
{
    uint32_t base = (uint32_t)o->n;
    for (size_t i = 0; i < n; i++) {
        uint32_t item = (uint32_t)o->n++;
        op_of[item] = &ops[i];
        by_call[item] = (struct lin_at){ops[i].call, item};
        o->items[item] =
            (struct item){.rank = ops[i].ret, .key = key, .source = NOTHING, .write = ops[i].kind == OP_WRITE};
    }
    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind != OP_READ)
            continue;
        if (source[i] < 0) {
            o->initial[key]++;
            continue;
        }
        struct item *w = &o->items[base + (uint32_t)source[i]];
        o->items[base + i].source = base + (uint32_t)source[i];
        w->readers++;
        w->rank = ops[i].ret < w->rank ? ops[i].ret : w->rank;
    }
}

/* Writes of unknown outcome that nobody read never happened; those that somebody read did, at any time. */
static bool make_queues(struct order *o, const struct lin_at *by_call, const struct op **op_of, uint32_t clients)
{
    for (uint32_t i = 0; i < clients; i++) {
        if (queue_add(o) == NULL)
            return false;
    }
    for (size_t k = 0; k < o->n; k++) {
        uint32_t item = by_call[k].i;
        const struct op *op = op_of[item];
        if (op->outcome == OUTCOME_OK) {
            if (!queue_push(&o->queues[op->client], item))
                return false;
        } else if (o->items[item].readers > 0) {
            struct queue *q = queue_add(o);
            if (q == NULL || !queue_push(q, item))
                return false;
            q->client = op->client;
            q->need = o->queues[op->client].n;
        }
    }
    return true;
}

static uint32_t head_of(const struct order *o, size_t q)
{
    const struct queue *x = &o->queues[q];
    if (x->at == x->n || (x->client != NOTHING && o->queues[x->client].at < x->need))
        return NOTHING;
    return x->items[x->at];
}

static uint32_t *readers_of(struct order *o, uint32_t key, uint32_t item)
{
    return item == NOTHING ? &o->initial[key] : &o->items[item].readers;
}

static void go(struct order *o, uint32_t q)
{
    uint32_t item = o->queues[q].items[o->queues[q].at++];
    const struct item *x = &o->items[item];
    o->trail[o->n_trail].queue = q;
    o->trail[o->n_trail++].was = o->now[x->key];
    if (x->write)
        o->now[x->key] = item;
    else
        --*readers_of(o, x->key, x->source);
}

static void back_to(struct order *o, size_t trail)
{
    while (o->n_trail > trail) {
        o->n_trail--;
        struct queue *q = &o->queues[o->trail[o->n_trail].queue];
        const struct item *x = &o->items[q->items[--q->at]];
        if (x->write)
            o->now[x->key] = o->trail[o->n_trail].was;
        else
            ++*readers_of(o, x->key, x->source);
    }
}

static void drain(struct order *o)
{
    for (bool again = true; again;) {
        again = false;
        for (uint32_t q = 0; q < o->n_queues; q++) {
            uint32_t i;
            while ((i = head_of(o, q)) != NOTHING && !o->items[i].write &&
                   o->now[o->items[i].key] == o->items[i].source) {
                go(o, q);
                again = true;
            }
        }
    }
}

/* The next write in order of rank, after the one tried last, whose predecessor nobody needs any more. */
static uint32_t next_write(struct order *o, const struct choice *c)
{
    uint32_t best = NOTHING;
    int64_t rank = 0;
    for (uint32_t q = 0; q < o->n_queues; q++) {
        uint32_t i = head_of(o, q);
        if (i == NOTHING || !o->items[i].write || *readers_of(o, o->items[i].key, o->now[o->items[i].key]) > 0)
            continue;
        int64_t r = o->items[i].rank;
        bool later = c->queue == NOTHING || r > c->rank || (r == c->rank && q > c->queue);
        if (later && (best == NOTHING || r < rank)) {
            best = q;
            rank = r;
        }
    }
    return best;
}

static bool all_gone(const struct order *o)
{
    for (size_t q = 0; q < o->n_queues; q++) {
        if (o->queues[q].at < o->queues[q].n)
            return false;
    }
    return true;
}

/* Where all clients are says everything: what is in place matters only while somebody is still to read it. */
static bool remember(struct order *o, struct lin_set *seen, bool *fresh)
{
    for (size_t q = 0; q < o->n_queues; q++)
        o->member[q] = o->queues[q].at;
    return lin_set_add(seen, o->member, fresh);
}

static enum lin_answer look_for_order(struct order *o, const struct lin_limits *limits)
{
    struct lin_set seen;
    size_t depth = 0, memory = limits->memory > 0 ? limits->memory : LIN_MEMORY;
    enum lin_answer answer = LIN_BAD;
    bool fresh;
    lin_set_init(&seen, o->n_queues);
    drain(o);
    o->choices[depth++] = (struct choice){.trail = o->n_trail, .queue = NOTHING};
    for (int64_t steps = 1; depth > 0; steps++) {
        struct choice *c = &o->choices[depth - 1];
        if (all_gone(o)) {
            answer = LIN_OK;
            break;
        }
        if ((limits->steps > 0 && steps > limits->steps) || lin_set_bytes(&seen) > memory ||
            (limits->deadline_ns > 0 && steps % 64 == 0 && (int64_t)trace_mono_ns() > limits->deadline_ns)) {
            answer = LIN_UNDECIDED;
            break;
        }
        uint32_t q = next_write(o, c);
        if (q == NOTHING) {
            depth--;
            if (depth > 0)
                back_to(o, o->choices[depth - 1].trail);
            continue;
        }
        c->rank = o->items[head_of(o, q)].rank;
        c->queue = q;
        go(o, q);
        drain(o);
        if (!remember(o, &seen, &fresh)) {
            answer = LIN_UNDECIDED;
            break;
        }
        if (fresh)
            o->choices[depth++] = (struct choice){.trail = o->n_trail, .queue = NOTHING};
        else
            back_to(o, c->trail);
    }
    lin_set_free(&seen);
    return answer;
}

static void order_free(struct order *o)
{
    for (size_t q = 0; q < o->n_queues; q++)
        free(o->queues[q].items);
    free(o->queues);
    free(o->items);
    free(o->now);
    free(o->initial);
    free(o->trail);
    free(o->choices);
    free(o->member);
}

struct parts {
    struct order o;
    struct lin_at *by_call;
    const struct op **op_of;
    struct op *ops; /* of all keys that take part, one after the other */
    uint32_t *writer;
    size_t n_ops;
};

static bool parts_make(struct parts *p, const struct history *h)
{
    size_t n = 1;
    for (size_t i = 0; i < h->n; i++)
        n += h->keys[i].n;
    p->ops = malloc(n * sizeof *p->ops);
    p->by_call = malloc(n * sizeof *p->by_call);
    p->op_of = malloc(n * sizeof *p->op_of);
    p->writer = calloc((size_t)h->values.n + 1, sizeof *p->writer);
    p->o.items = malloc(n * sizeof *p->o.items);
    p->o.now = malloc((h->n + 1) * sizeof *p->o.now);
    p->o.initial = calloc(h->n + 1, sizeof *p->o.initial);
    p->o.trail = malloc(n * sizeof *p->o.trail);
    p->o.choices = malloc((n + 1) * sizeof *p->o.choices);
    for (size_t i = 0; p->o.now != NULL && i < h->n; i++)
        p->o.now[i] = NOTHING;
    return p->ops != NULL && p->by_call != NULL && p->op_of != NULL && p->writer != NULL && p->o.items != NULL &&
           p->o.now != NULL && p->o.initial != NULL && p->o.trail != NULL && p->o.choices != NULL;
}

bool lin_sequential(struct sequential *s, const struct history *h, const struct lin_limits *limits)
{
    *s = (struct sequential){.answer = LIN_OK, .key = h->n};
    struct parts p = {0};
    bool ok = parts_make(&p, h);
    for (size_t i = 0; ok && i < h->n && s->answer != LIN_BAD; i++) {
        struct lin_sources src = {0};
        struct op *ops = p.ops + p.n_ops;
        size_t kept;
        bool judged;
        ok = one_key(s, h, i, p.writer, ops, &src, &kept, &judged);
        if (ok && judged)
            add_items(&p.o, (uint32_t)i, ops, kept, src.of, p.by_call, p.op_of);
        p.n_ops += kept;
        s->left_out += !judged;
        lin_sources_free(&src);
    }
    if (ok && s->answer != LIN_BAD) {
        lin_at_sort(p.by_call, p.o.n);
        ok = make_queues(&p.o, p.by_call, p.op_of, h->clients.n);
        p.o.member = malloc((p.o.n_queues + 1) * sizeof *p.o.member);
        ok = ok && p.o.member != NULL;
        if (ok)
            s->answer = look_for_order(&p.o, limits);
        if (s->answer == LIN_OK && s->left_out > 0)
            s->answer = LIN_UNDECIDED;
    }
    order_free(&p.o);
    free(p.ops);
    free(p.by_call);
    free(p.op_of);
    free(p.writer);
    return ok;
}

void lin_sequential_free(struct sequential *s)
{
    free(s->proof);
    *s = (struct sequential){0};
}
