/* lin_search.c -- the calls and returns of a key in order, in rounds of growing width; lin_step.c does each. */
#include "lin_search.h"

#include <stdlib.h>
#include <string.h>

#include "lin_narrow.h"
#include "lin_source.h"
#include "trace.h"

enum { MIDDLE_FACTOR = 2 }; /* configurations on the way, for each that is kept */

struct search {
    struct lin_model m;
    struct step s;
    struct lin_at *returns; /* of the operations that certainly happened, by time */
    size_t n_returns;
    uint32_t *slot_of; /* per operation, while it is open */
    uint32_t *spare;   /* free slots, a stack */
    size_t n_spare;
    /* What step.wanted and step.made are at the start, and what they become when an operation is called. */
    int64_t *wanted_first, *made_first, *wanted_after, *made_after;
    struct narrow room;
};

static bool definite(const struct model_op *o)
{
    return o->role != MODEL_OUT && o->class == MODEL_NONE;
}

/* ---- what later operations need and make ---- */

/* The state that the operation needs, certainly; MODEL_NONE for none. With appends any value is one need. */
static uint32_t needs(const struct lin_model *m, const struct model_op *o)
{
    if (!definite(o) || (o->role != MODEL_READ && o->role != MODEL_CAS))
        return MODEL_NONE;
    return m->appends ? MODEL_DEAD : o->role == MODEL_READ ? o->state : o->expect;
}

static uint32_t may_make(const struct lin_model *m, const struct model_op *o)
{
    bool writes = o->role == MODEL_WRITE || (o->role == MODEL_CAS && !m->appends);
    if (!writes || o->state == MODEL_DEAD)
        return MODEL_NONE;
    return m->appends ? MODEL_DEAD : o->state;
}

static bool look_ahead(struct search *x)
{
    const struct lin_model *m = &x->m;
    size_t states = m->n_states, n = m->n;
    x->wanted_first = malloc((states + 1) * sizeof *x->wanted_first);
    x->made_first = malloc((states + 1) * sizeof *x->made_first);
    x->wanted_after = malloc((n + 1) * sizeof *x->wanted_after);
    x->made_after = malloc((n + 1) * sizeof *x->made_after);
    x->s.wanted = malloc((states + 1) * sizeof *x->s.wanted);
    x->s.made = malloc((states + 1) * sizeof *x->s.made);
    if (x->wanted_first == NULL || x->made_first == NULL || x->wanted_after == NULL || x->made_after == NULL ||
        x->s.wanted == NULL || x->s.made == NULL)
        return false;
    for (size_t i = 0; i < states; i++)
        x->wanted_first[i] = x->made_first[i] = HISTORY_OPEN;
    for (size_t i = n; i-- > 0;) {
        const struct model_op *o = &m->ops[i];
        uint32_t need = needs(m, o), make = may_make(m, o);
        if (need != MODEL_NONE) {
            x->wanted_after[i] = x->wanted_first[need];
            if (o->ret < x->wanted_first[need])
                x->wanted_first[need] = o->ret;
        }
        if (make != MODEL_NONE) {
            x->made_after[i] = x->made_first[make];
            x->made_first[make] = o->call;
        }
    }
    x->s.n_known = (uint32_t)states;
    return true;
}

static void look_past(struct search *x, size_t i)
{
    uint32_t need = needs(&x->m, &x->m.ops[i]), make = may_make(&x->m, &x->m.ops[i]);
    if (need != MODEL_NONE)
        x->s.wanted[need] = x->wanted_after[i];
    if (make != MODEL_NONE)
        x->s.made[make] = x->made_after[i];
}

/* ---- preparing ---- */

/* How many operations are open at once, at most. */
static size_t widest(const struct search *x)
{
    size_t open = 0, most = 0, r = 0;
    for (size_t i = 0; i < x->m.n; i++) {
        if (!definite(&x->m.ops[i]))
            continue;
        for (; r < x->n_returns && x->returns[r].at < x->m.ops[i].call; r++)
            open--;
        most = ++open > most ? open : most;
    }
    return most;
}

static bool prepare(struct search *x)
{
    struct step *s = &x->s;
    s->m = &x->m;
    x->returns = malloc((x->m.n + 1) * sizeof *x->returns);
    x->slot_of = malloc((x->m.n + 1) * sizeof *x->slot_of);
    if (x->returns == NULL || x->slot_of == NULL)
        return false;
    for (size_t i = 0; i < x->m.n; i++) {
        if (definite(&x->m.ops[i]))
            x->returns[x->n_returns++] = (struct lin_at){x->m.ops[i].ret, (uint32_t)i};
    }
    lin_at_sort(x->returns, x->n_returns);
    s->n_slots = widest(x);
    s->bits = s->n_slots / 32 + 1;
    s->stride = 1 + 2 * s->bits + x->m.n_classes;
    s->slots = calloc(s->n_slots + 1, sizeof *s->slots);
    s->order = calloc(s->n_slots + 1, sizeof *s->order);
    s->open_writes = calloc(s->bits, sizeof *s->open_writes);
    s->open_looks = calloc(s->bits, sizeof *s->open_looks);
    s->called = calloc(x->m.n_classes + 1, sizeof *s->called);
    s->x = calloc(s->stride, sizeof *s->x);
    s->y = calloc(s->stride, sizeof *s->y);
    x->spare = malloc((s->n_slots + 1) * sizeof *x->spare);
    lin_set_init(&s->now, s->stride);
    lin_set_init(&s->next, s->stride);
    lin_set_init(&s->middle, s->stride);
    return s->slots != NULL && s->order != NULL && s->open_writes != NULL && s->open_looks != NULL &&
           s->called != NULL && s->x != NULL && s->y != NULL && x->spare != NULL && look_ahead(x);
}

static void release(struct search *x)
{
    struct step *s = &x->s;
    free(x->returns);
    free(x->slot_of);
    free(x->spare);
    narrow_free(&x->room);
    free(x->wanted_first);
    free(x->made_first);
    free(x->wanted_after);
    free(x->made_after);
    free(s->slots);
    free(s->order);
    free(s->open_writes);
    free(s->open_looks);
    free(s->called);
    free(s->x);
    free(s->y);
    free(s->wanted);
    free(s->made);
    lin_set_free(&s->now);
    lin_set_free(&s->next);
    lin_set_free(&s->middle);
    lin_model_free(&x->m);
}

/* ---- one round ---- */

static void start(struct search *x)
{
    struct step *s = &x->s;
    bool added;
    s->n_order = 0;
    x->n_spare = 0;
    for (size_t i = s->n_slots; i-- > 0;)
        x->spare[x->n_spare++] = (uint32_t)i;
    memset(s->open_writes, 0, s->bits * sizeof *s->open_writes);
    memset(s->open_looks, 0, s->bits * sizeof *s->open_looks);
    memset(s->called, 0, x->m.n_classes * sizeof *s->called);
    memcpy(s->wanted, x->wanted_first, s->n_known * sizeof *s->wanted);
    memcpy(s->made, x->made_first, s->n_known * sizeof *s->made);
    memset(s->x, 0, s->stride * sizeof *s->x);
    s->x[0] = MODEL_INITIAL;
    s->dropped = false;
    lin_set_clear(&s->now);
    s->no_memory |= !lin_set_add(&s->now, s->x, &added);
}

static void call(struct search *x, size_t i)
{
    struct step *s = &x->s;
    const struct model_op *o = &x->m.ops[i];
    look_past(x, i);
    if (o->class != MODEL_NONE) {
        s->called[o->class]++;
        return;
    }
    uint32_t slot = x->spare[--x->n_spare];
    x->slot_of[i] = slot;
    s->slots[slot].op = *o;
    size_t k = s->n_order++;
    for (; k > 0 && s->slots[s->order[k - 1]].op.ret > o->ret; k--)
        s->order[k] = s->order[k - 1];
    s->order[k] = slot;
    step_call(s, slot);
}

static void give_back(struct search *x, uint32_t slot)
{
    struct step *s = &x->s;
    size_t k = 0;
    while (s->order[k] != slot)
        k++;
    s->n_order--;
    memmove(s->order + k, s->order + k + 1, (s->n_order - k) * sizeof *s->order);
    x->spare[x->n_spare++] = slot;
}

static bool out_of_budget(const struct search *x, const struct lin_limits *l, size_t r)
{
    const struct step *s = &x->s;
    return s->no_memory || (l->steps > 0 && s->made_n >= l->steps) ||
           (l->deadline_ns > 0 && (s->now.n > 100 || r % 256 == 0) && (int64_t)trace_mono_ns() > l->deadline_ns);
}

static enum lin_answer run(struct search *x, size_t width, const struct lin_limits *l, struct lin_found *found)
{
    struct step *s = &x->s;
    size_t next = 0;
    start(x);
    s->width = width * MIDDLE_FACTOR;
    for (size_t r = 0; r < x->n_returns; r++) {
        s->t = x->returns[r].at;
        for (; next < x->m.n && x->m.ops[next].call <= s->t; next++) {
            if (x->m.ops[next].role != MODEL_OUT)
                call(x, next);
        }
        uint32_t slot = x->slot_of[x->returns[r].i];
        step_return(s, slot);
        give_back(x, slot);
        if (out_of_budget(x, l, r))
            return LIN_UNDECIDED;
        if (s->now.n == 0)
            return s->dropped ? LIN_UNDECIDED : LIN_BAD;
        if (r + 1 > found->returns)
            found->returns = r + 1;
        narrow(&x->room, s, width);
    }
    return LIN_OK;
}

enum lin_answer lin_search(const struct op *ops, size_t n, const struct intern *values, bool failed_cas_reads,
                           const struct lin_limits *limits, struct lin_found *found)
{
    struct search x = {0};
    enum lin_answer answer = LIN_UNDECIDED;
    *found = (struct lin_found){0};
    if (lin_model_make(&x.m, ops, n, values, failed_cas_reads) && prepare(&x)) {
        /* Three sets, each with its table, and room to grow in. */
        size_t memory = limits->memory > 0 ? limits->memory : LIN_MEMORY;
        size_t most = memory / (5 * (x.s.stride * sizeof *x.s.x + 16));
        size_t width = limits->width > 0 ? limits->width : LIN_WIDTH;
        do {
            width = width < most ? width : most;
            answer = run(&x, width, limits, found);
            found->narrow = answer == LIN_UNDECIDED && x.s.dropped && x.s.now.n == 0 && width < most;
            width *= LIN_WIDTH_FACTOR;
        } while (found->narrow && limits->width == 0);
        found->steps = x.s.made_n;
    }
    release(&x);
    return answer;
}
