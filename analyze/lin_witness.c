/* lin_witness.c -- options of growing cost for each of two zones, swept for the first pair that conflicts. */
#include "lin_witness.h"

#include <stdlib.h>

/* What one zone can contribute to a counterexample, for a price: so many operations. */
struct option {
    int64_t f, s;
    uint32_t zone;
    uint32_t op[3]; /* ZONE_NONE: not used */
};

enum { COSTS = 3 };

struct options {
    struct option *v[COSTS + 1];
    size_t n[COSTS + 1];
};

static void add(struct options *o, size_t cost, const struct option *x)
{
    o->v[cost][o->n[cost]++] = *x;
}

/* Only zones that conflict as a whole can with a part of theirs: the others (of a long history nearly all) stay out. */
static bool options_make(struct options *o, const struct zones *z, const struct op *ops, size_t n)
{
    *o = (struct options){0};
    uint8_t *in = zones_conflicting(z);
    size_t room[COSTS + 1] = {0};
    for (size_t i = 0; in != NULL && i < z->n; i++) {
        room[1] += in[i] != 0u ? 1 + (i == ZONE_INITIAL ? z->z[i].reads : 0) : 0;
        room[2] += in[i] != 0u ? z->z[i].reads : 0;
        room[3] += in[i] != 0u;
    }
    for (size_t c = 1; c <= COSTS && in != NULL; c++) {
        o->v[c] = malloc((room[c] + 1) * sizeof *o->v[c]);
        if (o->v[c] == NULL) {
            free(in);
            in = NULL;
        }
    }
    if (in == NULL)
        return false;
    for (uint32_t i = 1; i < z->n; i++) {
        const struct zone *k = &z->z[i];
        if (in[i] == 0)
            continue;
        uint32_t w = (uint32_t)k->write;
        add(o, 1, &(struct option){k->ret, k->call, i, {w, ZONE_NONE, ZONE_NONE}});
        if (k->first != w && k->last != w && k->first != k->last)
            add(o, 3, &(struct option){k->f, k->s, i, {w, k->first, k->last}});
    }
    for (uint32_t r = 0; r < n; r++) {
        if (ops[r].kind != OP_READ || z->of[r] == ZONE_NONE || in[z->of[r]] == 0)
            continue;
        if (z->of[r] == ZONE_INITIAL) {
            add(o, 1, &(struct option){INT64_MIN, ops[r].call, ZONE_INITIAL, {r, ZONE_NONE, ZONE_NONE}});
            continue;
        }
        const struct zone *k = &z->z[z->of[r]];
        add(o, 2,
            &(struct option){ops[r].ret < k->ret ? ops[r].ret : k->ret,
                             ops[r].call > k->call ? ops[r].call : k->call,
                             z->of[r],
                             {(uint32_t)k->write, r, ZONE_NONE}});
    }
    free(in);
    return true;
}

static void options_free(struct options *o)
{
    for (size_t c = 1; c <= COSTS; c++)
        free(o->v[c]);
}

static struct lin_at *sorted(const struct option *v, size_t n, bool by_s)
{
    struct lin_at *at = malloc((n + 1) * sizeof *at);
    for (size_t i = 0; at != NULL && i < n; i++)
        at[i] = (struct lin_at){by_s ? v[i].s : v[i].f, (uint32_t)i};
    if (at != NULL)
        lin_at_sort(at, n);
    return at;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Looks for a in `as` and b in `bs`, of different zones, with f_a < s_b and f_b < s_a. Of several the one whose
 * evidence is complete first. 1 found, 0 none, -1 no memory. */
static int sweep(const struct option *as, size_t na, const struct option *bs, size_t nb, const struct option **a,
                 const struct option **b)
{
    struct lin_at *by_f = sorted(as, na, false), *by_s = sorted(bs, nb, true);
    int found = by_f == NULL || by_s == NULL ? -1 : 0;
    const struct option *best = NULL, *second = NULL; /* the latest s so far, of two different zones */
    size_t next = 0;
    for (size_t k = 0; found >= 0 && k < nb; k++) {
        const struct option *y = &bs[by_s[k].i];
        while (next < na && by_f[next].at < y->s) {
            const struct option *x = &as[by_f[next++].i];
            if (best == NULL || x->s > best->s) {
                if (best != NULL && best->zone != x->zone)
                    second = best;
                best = x;
            } else if (x->zone != best->zone && (second == NULL || x->s > second->s)) {
                second = x;
            }
        }
        const struct option *x = best != NULL && best->zone == y->zone ? second : best;
        if (x == NULL || x->s <= y->f)
            continue;
        if (found == 0 || later(x->s, y->s) < later((*a)->s, (*b)->s)) {
            *a = x;
            *b = y;
        }
        found = 1;
    }
    free(by_f);
    free(by_s);
    return found;
}

static void take(struct lin_witness *w, const struct op *ops, uint32_t op)
{
    if (op == ZONE_NONE)
        return;
    for (size_t i = 0; i < w->n; i++) {
        if (w->op[i] == op)
            return;
    }
    size_t i = w->n++;
    for (; i > 0 &&
           (ops[w->op[i - 1]].call > ops[op].call || (ops[w->op[i - 1]].call == ops[op].call && w->op[i - 1] > op));
         i--)
        w->op[i] = w->op[i - 1];
    w->op[i] = op;
}

/* The operation of the option that `f` (or `s`) comes from. */
static uint32_t seen_by(const struct option *x, const struct op *ops)
{
    uint32_t best = x->op[0];
    for (size_t i = 1; i < 3; i++) {
        if (x->op[i] != ZONE_NONE && ops[x->op[i]].ret < ops[best].ret)
            best = x->op[i];
    }
    return best;
}

static uint32_t last_called(const struct option *x, const struct op *ops)
{
    uint32_t best = x->op[0];
    for (size_t i = 1; i < 3; i++) {
        if (x->op[i] != ZONE_NONE && ops[x->op[i]].call > ops[best].call)
            best = x->op[i];
    }
    return best;
}

static void tell(struct lin_witness *w, const struct zones *z, const struct op *ops, const struct option *a,
                 const struct option *b)
{
    if (z->z[a->zone].call > b->f) { /* b was in place before a's write began: b is the older */
        const struct option *c = a;
        a = b;
        b = c;
    }
    w->what = z->z[b->zone].call > a->f ? LIN_CLASS_STALE : LIN_CLASS_ORDER;
    for (size_t i = 0; i < 3; i++) {
        take(w, ops, a->op[i]);
        take(w, ops, b->op[i]);
    }
    bool initial = a->zone == ZONE_INITIAL;
    w->old_write = initial ? ZONE_NONE : a->op[0];
    w->old_seen = initial ? ZONE_NONE : seen_by(a, ops);
    w->new_write = b->op[0];
    w->new_seen = seen_by(b, ops);
    w->read = last_called(a, ops);
    w->new_read = last_called(b, ops);
}

void lin_witness_free(struct lin_witness *w)
{
    free(w->op);
    w->op = NULL;
    w->n = 0;
}

bool lin_witness_find(struct lin_witness *w, const struct zones *z, const struct op *ops, size_t n,
                      const int32_t *source)
{
    *w = (struct lin_witness){.old_write = ZONE_NONE,
                              .old_seen = ZONE_NONE,
                              .new_write = ZONE_NONE,
                              .new_seen = ZONE_NONE,
                              .read = ZONE_NONE,
                              .new_read = ZONE_NONE,
                              .minimal = true};
    uint32_t any_a, any_b;
    if (z->phantom == ZONE_NONE && z->future == ZONE_NONE && !zones_conflict(z, &any_a, &any_b))
        return true;
    w->op = malloc(2 * COSTS * sizeof *w->op);
    if (w->op == NULL)
        return false;
    if (z->phantom != ZONE_NONE) {
        w->what = LIN_CLASS_PHANTOM;
        w->read = z->phantom;
        take(w, ops, w->read);
        return true;
    }
    if (z->future != ZONE_NONE) {
        w->what = LIN_CLASS_FUTURE;
        w->read = z->future;
        w->old_write = (uint32_t)source[w->read];
        take(w, ops, w->read);
        take(w, ops, w->old_write);
        return true;
    }
    struct options o;
    bool ok = options_make(&o, z, ops, n);
    for (size_t total = 2; ok && total <= 2 * COSTS && w->n == 0; total++) {
        const struct option *a = NULL, *b = NULL, *best_a = NULL, *best_b = NULL;
        for (size_t ca = 1; ok && ca <= COSTS && 2 * ca <= total; ca++) {
            size_t cb = total - ca;
            if (cb > COSTS)
                continue;
            int found = sweep(o.v[ca], o.n[ca], o.v[cb], o.n[cb], &a, &b);
            ok = found >= 0;
            if (found == 1 && (best_a == NULL || later(a->s, b->s) < later(best_a->s, best_b->s))) {
                best_a = a;
                best_b = b;
            }
        }
        if (ok && best_a != NULL)
            tell(w, z, ops, best_a, best_b);
    }
    options_free(&o);
    return ok;
}
