/* lin_source.c -- resolving reads by value, then by time. */
#include "lin_source.h"

#include <stdlib.h>
#include <string.h>

/* ---- sorting ---- */

static bool at_before(const struct lin_at *a, const struct lin_at *b)
{
    return a->at < b->at || (a->at == b->at && a->i < b->i);
}

/* In place, for what is nearly in order: false when that takes more than a few moves for each element. */
static bool insertion_sort(struct lin_at *v, size_t n)
{
    size_t moves = 0, most = n < 64 ? SIZE_MAX : 2 * n;
    for (size_t i = 1; i < n; i++) {
        struct lin_at x = v[i];
        size_t k = i;
        for (; k > 0 && at_before(&x, &v[k - 1]); k--)
            v[k] = v[k - 1];
        v[k] = x;
        moves += i - k;
        if (moves > most)
            return false;
    }
    return true;
}

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

/* What the keys of one sort have in common: open ends come right after all others, so that they cost no digits. */
struct span {
    int64_t least;
    uint64_t open;
};

static struct span span_of(const struct lin_at *v, size_t n)
{
    int64_t least = HISTORY_OPEN, most = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        if (v[i].at == HISTORY_OPEN)
            continue;
        least = v[i].at < least ? v[i].at : least;
        most = v[i].at > most ? v[i].at : most;
    }
    return (struct span){least, least <= most ? (uint64_t)most - (uint64_t)least + 1 : 0};
}

static size_t digit_of(const struct span *s, const struct lin_at *x, unsigned shift)
{
    uint64_t key = x->at == HISTORY_OPEN ? s->open : (uint64_t)x->at - (uint64_t)s->least;
    return (size_t)(key >> shift & (DIGITS - 1));
}

/* One pass of a radix sort, stable. */
static void sort_digit(const struct lin_at *from, struct lin_at *to, size_t n, const struct span *s, unsigned shift)
{
    size_t start[DIGITS] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++)
        start[digit_of(s, &from[i], shift)]++;
    for (size_t d = 0; d < DIGITS; d++) {
        size_t count = start[d];
        start[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[start[digit_of(s, &from[i], shift)]++] = from[i];
}

static int at_order(const void *pa, const void *pb)
{
    return at_before(pa, pb) ? -1 : at_before(pb, pa) ? 1 : 0;
}

void lin_at_sort(struct lin_at *v, size_t n)
{
    if (insertion_sort(v, n))
        return;
    struct lin_at *other = malloc(n * sizeof *other), *from = v, *to = other;
    if (other == NULL) {
        qsort(v, n, sizeof *v, at_order);
        return;
    }
    struct span s = span_of(v, n);
    for (unsigned shift = 0; shift < 64 && s.open >> shift > 0; shift += DIGIT_BITS) {
        sort_digit(from, to, n, &s, shift);
        struct lin_at *swap = from;
        from = to;
        to = swap;
    }
    if (from != v)
        memcpy(v, from, n * sizeof *v);
    free(other);
}

/* ---- counting ---- */

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

static bool may_write(const struct op *o)
{
    return o->kind == OP_WRITE && o->outcome != OUTCOME_FAILED;
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
        if (!may_write(&ops[i]))
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

/* Where no value is written twice, and none is the initial one, the value alone says it. False when that is not so. */
static bool by_value_alone(struct lin_sources *s, const struct op *ops, size_t n, uint32_t *writer)
{
    size_t noted = 0; /* writes before this one are in `writer` */
    for (; noted < n; noted++) {
        const struct op *o = &ops[noted];
        if (may_write(o) && (o->value == HISTORY_INITIAL || writer[o->value] != 0))
            break;
        if (may_write(o))
            writer[o->value] = (uint32_t)noted + 1;
    }
    for (size_t i = 0; i < n && noted == n; i++) {
        const struct op *o = &ops[i];
        if (o->kind != OP_READ)
            s->of[i] = SOURCE_NOT_A_READ;
        else if (writer[o->value] != 0)
            s->of[i] = (int32_t)(writer[o->value] - 1);
        else
            s->of[i] = o->value == HISTORY_INITIAL ? SOURCE_INITIAL : SOURCE_NONE;
    }
    for (size_t i = 0; i < noted; i++) {
        if (may_write(&ops[i]))
            writer[ops[i].value] = 0;
    }
    return noted == n;
}

bool lin_sources_find(struct lin_sources *s, const struct op *ops, size_t n, uint32_t *writer)
{
    struct writes w = {0};
    *s = (struct lin_sources){.of = malloc((n + 1) * sizeof *s->of)};
    if (s->of != NULL && by_value_alone(s, ops, n, writer))
        return true;
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
