/* lin_step.c -- moves: a write, a cas or an append takes effect now. */
#include "lin_step.h"

#include <string.h>

static uint32_t *done_of(uint32_t *c)
{
    return c + 1;
}

static uint32_t *covered_of(const struct step *s, uint32_t *c)
{
    return c + 1 + s->bits;
}

static uint32_t *used_of(const struct step *s, uint32_t *c)
{
    return c + 1 + 2 * s->bits;
}

static bool has(const uint32_t *set, uint32_t i)
{
    return (set[i / 32] >> i % 32 & 1u) != 0;
}

static void put(uint32_t *set, uint32_t i)
{
    set[i / 32] |= 1u << i % 32;
}

static void take(uint32_t *set, uint32_t i)
{
    set[i / 32] &= ~(1u << i % 32);
}

static bool satisfied(const struct model_op *o, uint32_t state)
{
    return o->role == MODEL_READ ? o->state == state : o->expect != state;
}

/* Notes the open reads that the present state satisfies; were there any? */
static bool look(const struct step *s, uint32_t *c)
{
    bool any = false;
    for (size_t w = 0; w < s->bits; w++) {
        uint32_t left = s->open_looks[w] & ~done_of(c)[w];
        for (; left != 0; left &= left - 1) {
            uint32_t i = (uint32_t)(w * 32) + (uint32_t)__builtin_ctz(left);
            if (satisfied(&s->slots[i].op, c[0])) {
                put(done_of(c), i);
                any = true;
            }
        }
    }
    return any;
}

/* ---- what can no longer come about ---- */

static bool looks_for(const struct model_op *o, uint32_t state)
{
    if (state == MODEL_DEAD)
        return o->role == MODEL_READ || o->role == MODEL_CAS;
    return (o->role == MODEL_READ && o->state == state) || (o->role == MODEL_CAS && o->expect == state);
}

static bool makes(uint8_t role, uint32_t makes_state, uint32_t state)
{
    if (state == MODEL_DEAD)
        return role == MODEL_WRITE && makes_state != MODEL_DEAD;
    return (role == MODEL_WRITE || role == MODEL_CAS) && makes_state == state;
}

/* The configuration has left a state, or lost an operation that makes it: is the state needed sooner than anything can
 * make it again? With appends that is asked of the dead state only: somebody needs a value, and no write comes in time
 * to start one. */
static bool hopeless(const struct step *s, uint32_t *c, uint32_t state)
{
    if (s->m->appends)
        state = MODEL_DEAD;
    if (s->m->appends ? c[0] != MODEL_DEAD : state == MODEL_DEAD || c[0] == state)
        return false;
    int64_t wanted = s->wanted[state], made = s->made[state];
    for (size_t k = 0; k < s->n_order; k++) {
        const struct model_op *o = &s->slots[s->order[k]].op;
        if (o->ret >= wanted)
            break;
        if (!has(done_of(c), s->order[k]) && looks_for(o, state))
            wanted = o->ret;
    }
    if (wanted >= made)
        return false;
    for (size_t k = 0; k < s->n_order; k++) {
        const struct model_op *o = &s->slots[s->order[k]].op;
        if (!has(done_of(c), s->order[k]) && makes(o->role, o->state, state))
            return false;
    }
    for (uint32_t k = 0; k < s->m->n_classes; k++) {
        const struct model_class *x = &s->m->classes[k];
        if (used_of(s, c)[k] < s->called[k] && makes(x->role, x->state, state))
            return false;
    }
    return true;
}

/* ---- moves ---- */

/* Would some operation other than a plain write, open or of unknown outcome, go on from the present state? */
static bool leads_on(const struct step *s, uint32_t *c)
{
    if (c[0] == MODEL_DEAD)
        return false;
    for (size_t k = 0; k < s->n_order; k++) {
        const struct model_op *o = &s->slots[s->order[k]].op;
        if ((o->role == MODEL_APPEND || (o->role == MODEL_CAS && o->expect == c[0])) && !has(done_of(c), s->order[k]))
            return true;
    }
    for (uint32_t k = 0; k < s->m->n_classes; k++) {
        const struct model_class *x = &s->m->classes[k];
        if ((x->role == MODEL_APPEND || (x->role == MODEL_CAS && x->expect == c[0])) && used_of(s, c)[k] < s->called[k])
            return true;
    }
    return false;
}

static void add(struct step *s, struct lin_set *to, const uint32_t *c)
{
    bool added;
    if (!lin_set_add(to, c, &added))
        s->no_memory = true;
    s->made_n += added;
}

/* The returning operation is satisfied: its slot is given back. */
static void finish(struct step *s, uint32_t *c, uint32_t target)
{
    take(done_of(c), target);
    take(covered_of(s, c), target);
    if (s->m->need[c[0]] < s->t)
        c[0] = MODEL_DEAD;
    add(s, &s->next, c);
}

/* What moves: an open operation, or one of a class. */
struct move {
    uint32_t slot, class; /* one of them is MODEL_NONE */
    uint8_t role;
    uint32_t state; /* afterwards */
};

/* From configuration s->x into s->y; keeps it if it is good for something. */
static void move(struct step *s, const struct move *v, uint32_t target)
{
    uint32_t *c = s->y, was = s->x[0];
    memcpy(c, s->x, s->stride * sizeof *c);
    if (v->slot != MODEL_NONE) {
        put(done_of(c), v->slot);
        take(covered_of(s, c), v->slot);
    } else {
        used_of(s, c)[v->class]++;
    }
    c[0] = v->state;
    if (s->m->need[c[0]] < s->t)
        c[0] = MODEL_DEAD;
    for (size_t w = 0; w < s->bits && v->role == MODEL_WRITE; w++)
        covered_of(s, c)[w] |= s->open_writes[w] & ~done_of(c)[w];
    bool useful = look(s, c);
    if (hopeless(s, c, was))
        return;
    if (s->placing)
        take(covered_of(s, c), target);
    if (has(done_of(c), target) || has(covered_of(s, c), target)) {
        if (!s->placing || useful || c[0] != MODEL_DEAD || s->m->differs)
            finish(s, c, target);
        return;
    }
    useful |= v->role != MODEL_WRITE && v->slot != MODEL_NONE && c[0] != MODEL_DEAD;
    useful |= v->role == MODEL_CAS && v->slot != MODEL_NONE;
    if (!useful && !leads_on(s, c))
        return;
    if (s->middle.n >= s->width)
        s->dropped = true;
    else
        add(s, &s->middle, c);
}

static uint32_t after(struct step *s, uint8_t role, uint32_t state)
{
    if (role != MODEL_APPEND)
        return state;
    uint32_t to = lin_model_append(s->m, s->x[0], state);
    if (to == MODEL_NONE)
        s->no_memory = true;
    return to;
}

static bool possible(const struct step *s, uint8_t role, uint32_t expect)
{
    return role == MODEL_WRITE || role == MODEL_APPEND || (role == MODEL_CAS && expect == s->x[0]);
}

static bool same_effect(const struct model_op *a, const struct model_op *b)
{
    return a->role == b->role && a->state == b->state && (a->role != MODEL_CAS || a->expect == b->expect);
}

/* Of open operations with the same effect the first to return goes first. One that need not happen is another matter
 * than one that must, except where the move leaves none that must: a write covers all. */
static bool another_goes_first(const struct step *s, size_t k)
{
    uint32_t i = s->order[k];
    const struct model_op *o = &s->slots[i].op;
    for (size_t e = 0; e < k; e++) {
        uint32_t j = s->order[e];
        if (has(done_of(s->x), j) || !same_effect(&s->slots[j].op, o))
            continue;
        if (o->role == MODEL_WRITE || has(covered_of(s, s->x), j) <= has(covered_of(s, s->x), i))
            return true;
    }
    return false;
}

static bool open_before_class(const struct step *s, const struct model_class *x)
{
    for (size_t k = 0; k < s->n_order; k++) {
        const struct model_op *o = &s->slots[s->order[k]].op;
        if (!has(done_of(s->x), s->order[k]) && o->role == x->role && o->state == x->state &&
            (x->role != MODEL_CAS || o->expect == x->expect))
            return true;
    }
    return false;
}

/* All moves from configuration s->x. In a dead state nothing but a write changes anything, so that only the returning
 * operation has a reason to happen there. */
static void moves(struct step *s, uint32_t target)
{
    for (size_t k = 0; k < s->n_order && !s->no_memory; k++) {
        uint32_t i = s->order[k];
        const struct model_op *o = &s->slots[i].op;
        if (has(done_of(s->x), i) || !possible(s, o->role, o->expect) || another_goes_first(s, k))
            continue;
        if (o->role == MODEL_APPEND && s->x[0] == MODEL_DEAD && i != target)
            continue;
        uint32_t state = after(s, o->role, o->state);
        if (!s->no_memory)
            move(s, &(struct move){.slot = i, .class = MODEL_NONE, .role = o->role, .state = state}, target);
    }
    for (uint32_t k = 0; k < s->m->n_classes && !s->no_memory; k++) {
        const struct model_class *x = &s->m->classes[k];
        if (used_of(s, s->x)[k] >= s->called[k] || !possible(s, x->role, x->expect) || open_before_class(s, x))
            continue;
        if (x->role == MODEL_APPEND && s->x[0] == MODEL_DEAD)
            continue;
        uint32_t state = after(s, x->role, x->state);
        if (!s->no_memory)
            move(s, &(struct move){.slot = MODEL_NONE, .class = k, .role = x->role, .state = state}, target);
    }
}

/* ---- calls and returns ---- */

void step_call(struct step *s, uint32_t slot)
{
    const struct model_op *o = &s->slots[slot].op;
    if (o->role == MODEL_WRITE || o->role == MODEL_APPEND)
        put(s->open_writes, slot);
    if (o->role != MODEL_READ && o->role != MODEL_DIFFERS)
        return;
    put(s->open_looks, slot);
    for (size_t i = 0; i < s->now.n; i++) {
        uint32_t *c = lin_set_at(&s->now, i);
        if (satisfied(o, c[0]))
            put(done_of(c), slot);
    }
}

/* Configurations in which the returning operation did take effect, or need not. */
static void pass_on(struct step *s, uint32_t slot)
{
    const struct model_op *o = &s->slots[slot].op;
    for (size_t i = 0; i < s->now.n && !s->no_memory; i++) {
        uint32_t *c = lin_set_at(&s->now, i);
        bool covered = has(covered_of(s, c), slot);
        if (!covered && !has(done_of(c), slot))
            continue;
        memcpy(s->y, c, s->stride * sizeof *c);
        put(done_of(s->y), slot); /* a covered write is gone as well: it can make nothing any more */
        if (!covered || !hopeless(s, s->y, o->state))
            finish(s, s->y, slot);
    }
}

/* Those in which it did not and must: it takes effect now, or is covered by a write that does. Or, `placing`, those in
 * which it did not, covered or not: it takes effect now itself, its last chance. */
static void make_happen(struct step *s, uint32_t slot, bool placing)
{
    s->placing = placing;
    lin_set_clear(&s->middle);
    for (size_t i = 0; i < s->now.n && !s->no_memory; i++) {
        uint32_t *c = lin_set_at(&s->now, i);
        if (has(done_of(c), slot) || (!placing && has(covered_of(s, c), slot)))
            continue;
        memcpy(s->y, c, s->stride * sizeof *c);
        take(covered_of(s, s->y), slot);
        add(s, &s->middle, s->y);
    }
    for (size_t i = 0; i < s->middle.n && !s->no_memory; i++) {
        memcpy(s->x, lin_set_at(&s->middle, i), s->stride * sizeof *s->x);
        moves(s, slot);
    }
}

void step_return(struct step *s, uint32_t slot)
{
    lin_set_clear(&s->next);
    pass_on(s, slot);
    make_happen(s, slot, false);
    if (has(s->open_writes, slot))
        make_happen(s, slot, true);
    take(s->open_writes, slot);
    take(s->open_looks, slot);
    struct lin_set was = s->now;
    s->now = s->next;
    s->next = was;
}
