/* Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): first without
 * all, then without each half, each quarter ... down to single ones. */
#include "sim_shrink_int.h"

#include <stdlib.h>
#include <string.h>

struct dd {
    const struct sim_case *base;
    shrink_apply_fn *apply;
    void *items;
    size_t n;
    bool *keep;
    size_t kept, size, from; /* of those kept; of a chunk; the first that has not been tried with this size */
};

/* Chunk i after `from` goes. */
static void without(const struct dd *d, size_t i, bool *keep)
{
    size_t from = d->from + i * d->size, to = from + d->size;
    for (size_t k = 0, at = 0; k < d->n; k++) {
        keep[k] = d->keep[k] && !(at >= from && at < to);
        at += d->keep[k];
    }
}

static bool *flags(size_t n)
{
    bool *v = calloc(n + 1, sizeof *v);
    if (!v)
        abort();
    return v;
}

static bool make(void *ctx, size_t i, struct sim_case *c)
{
    const struct dd *d = ctx;
    bool *keep = flags(d->n);
    without(d, i, keep);
    *c = sim_case_copy(d->base);
    d->apply(d->items, keep, c);
    free(keep);
    return true;
}

static void take(struct dd *d, size_t i)
{
    bool *keep = flags(d->n);
    without(d, i, keep);
    free(d->keep);
    d->keep = keep;
    d->kept = 0;
    for (size_t k = 0; k < d->n; k++)
        d->kept += keep[k];
    d->from += i * d->size;
}

bool shrink_items(struct shrink *s, size_t n, shrink_apply_fn *apply, void *items)
{
    struct sim_case base = sim_case_copy(&s->c), best = {.scenario = NULL}, found;
    struct dd d = {.base = &base, .apply = apply, .items = items, .n = n, .keep = flags(n), .kept = n, .size = n};
    memset(d.keep, 1, n);
    while (d.size > 0 && !sim_tries_over(&s->t)) {
        size_t chunks = d.from < d.kept ? (d.kept - d.from + d.size - 1) / d.size : 0,
               i = sim_tries_first(&s->t, chunks, make, &d, &found);
        if (i < chunks) {
            take(&d, i);
            sim_case_free(&best);
            best = found;
            continue;
        }
        d.from = 0;
        d.size = d.size > d.kept ? d.kept : d.size;
        d.size = d.size > 1 ? (d.size + 1) / 2 : 0;
    }
    bool some = best.scenario != NULL;
    if (some)
        shrink_adopt(s, &best);
    free(d.keep);
    sim_case_free(&base);
    return some;
}

struct sim_case *shrink_list_add(struct shrink_list *l, const struct sim_case *c)
{
    if (l->n == l->room) {
        l->room = l->room ? 2 * l->room : 16;
        l->v = realloc(l->v, l->room * sizeof *l->v);
        if (!l->v)
            abort();
    }
    l->v[l->n] = sim_case_copy(c);
    return &l->v[l->n++];
}

static bool of_list(void *ctx, size_t i, struct sim_case *c)
{
    *c = sim_case_copy(&((const struct shrink_list *)ctx)->v[i]);
    return true;
}

bool shrink_list_take(struct shrink *s, struct shrink_list *l)
{
    struct sim_case found;
    bool some = sim_tries_first(&s->t, l->n, of_list, l, &found) < l->n;
    for (size_t i = 0; i < l->n; i++)
        sim_case_free(&l->v[i]);
    free(l->v);
    if (some)
        shrink_adopt(s, &found);
    return some;
}
