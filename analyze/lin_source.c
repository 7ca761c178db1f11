/* lin_source.c -- resolving reads by value, then by time. */
#include "lin_source.h"

#include <stdlib.h>

static int at_order(const void *pa, const void *pb)
{
    const struct lin_at *a = pa, *b = pb;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return a->i < b->i ? -1 : a->i > b->i;
}

void lin_at_sort(struct lin_at *v, size_t n)
{
    size_t i = 1;
    while (i < n && at_order(&v[i - 1], &v[i]) < 0)
        i++;
    if (i < n)
        qsort(v, n, sizeof *v, at_order);
}

size_t lin_at_count(const struct lin_at *v, size_t n, int64_t t)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (v[mid].at <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The writes that may have happened, in two orders. */
struct writes {
    struct lin_at *by_call;  /* call, index */
    int64_t *min_ret;        /* [k] = the earliest return among by_call[k..] */
    struct lin_at *by_value; /* value, index: inside one value by call */
    int64_t *max_ret;        /* [k] = the latest return among the writes of the same value up to by_value[k] */
    size_t n;
};

static bool writes_make(struct writes *w, const struct op *ops, size_t n)
{
    *w = (struct writes){
        .by_call = malloc((n + 1) * sizeof *w->by_call),
        .min_ret = malloc((n + 1) * sizeof *w->min_ret),
        .by_value = malloc((n + 1) * sizeof *w->by_value),
        .max_ret = malloc((n + 1) * sizeof *w->max_ret),
    };
    if (w->by_call == NULL || w->min_ret == NULL || w->by_value == NULL || w->max_ret == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind != OP_WRITE || ops[i].outcome == OUTCOME_FAILED)
            continue;
        w->by_call[w->n] = (struct lin_at){ops[i].call, (uint32_t)i};
        w->by_value[w->n++] = (struct lin_at){ops[i].value, (uint32_t)i};
    }
    lin_at_sort(w->by_value, w->n);
    w->min_ret[w->n] = HISTORY_OPEN;
    for (size_t k = w->n; k-- > 0;) {
        int64_t ret = ops[w->by_call[k].i].ret;
        w->min_ret[k] = ret < w->min_ret[k + 1] ? ret : w->min_ret[k + 1];
    }
    for (size_t k = 0; k < w->n; k++) {
        int64_t ret = ops[w->by_value[k].i].ret;
        bool same = k > 0 && w->by_value[k - 1].at == w->by_value[k].at;
        w->max_ret[k] = same && w->max_ret[k - 1] > ret ? w->max_ret[k - 1] : ret;
    }
    return true;
}

static void writes_free(struct writes *w)
{
    free(w->by_call);
    free(w->min_ret);
    free(w->by_value);
    free(w->max_ret);
}

/* When a write that returned at `ret` was overwritten at the latest. */
static int64_t overwritten_by(const struct writes *w, int64_t ret)
{
    return w->min_ret[lin_at_count(w->by_call, w->n, ret)];
}

static int32_t source_of(const struct writes *w, const struct op *ops, const struct op *r)
{
    size_t lo = lin_at_count(w->by_value, w->n, (int64_t)r->value - 1), hi = lin_at_count(w->by_value, w->n, r->value);
    bool initial = r->value == HISTORY_INITIAL;
    if (hi - lo + initial == 1)
        return initial ? SOURCE_INITIAL : (int32_t)w->by_value[lo].i;
    if (lo == hi)
        return SOURCE_NONE;

    size_t found = 0;
    int32_t only = SOURCE_NONE, closest = initial ? SOURCE_INITIAL : (int32_t)w->by_value[lo].i;
    int64_t closest_ret = initial ? INT64_MIN : ops[w->by_value[lo].i].ret;
    if (initial && w->min_ret[0] >= r->call) {
        found = 1;
        only = SOURCE_INITIAL;
    }
    for (size_t k = hi; k-- > lo && found < 2;) {
        const struct op *x = &ops[w->by_value[k].i];
        if (x->call > r->ret)
            continue;
        if (overwritten_by(w, w->max_ret[k]) < r->call && closest_ret >= w->max_ret[k])
            break; /* it and all before it are ruled out, and none comes closer */
        if (overwritten_by(w, x->ret) >= r->call) {
            found++;
            only = (int32_t)w->by_value[k].i;
        }
        if (x->ret > closest_ret) {
            closest = (int32_t)w->by_value[k].i;
            closest_ret = x->ret;
        }
    }
    return found == 0 ? closest : found == 1 ? only : SOURCE_AMBIGUOUS;
}

bool lin_sources_find(struct lin_sources *s, const struct op *ops, size_t n)
{
    struct writes w = {0};
    *s = (struct lin_sources){.of = malloc((n + 1) * sizeof *s->of)};
    bool ok = s->of != NULL && writes_make(&w, ops, n);
    for (size_t i = 0; ok && i < n; i++) {
        s->of[i] = ops[i].kind == OP_READ ? source_of(&w, ops, &ops[i]) : SOURCE_NOT_A_READ;
        s->ambiguous += s->of[i] == SOURCE_AMBIGUOUS;
    }
    for (size_t k = 0; ok && k < w.n; k++) {
        int64_t v = w.by_value[k].at;
        s->repeated +=
            v == HISTORY_INITIAL || (k > 0 && w.by_value[k - 1].at == v) || (k + 1 < w.n && w.by_value[k + 1].at == v);
    }
    writes_free(&w);
    return ok;
}

void lin_sources_free(struct lin_sources *s)
{
    free(s->of);
    *s = (struct lin_sources){0};
}
