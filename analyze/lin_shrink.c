/* lin_shrink.c -- the shortest prefix first, then chunks of it. */
#include "lin_shrink.h"

#include <stdlib.h>
#include <string.h>

#include "lin_source.h"
#include "trace.h"

struct shrink {
    const struct op *ops;
    size_t n;
    const struct intern *values;
    bool failed_cas_reads, appends;
    const struct lin_limits *limits;
    uint8_t *in;           /* per operation: in the set that is tried */
    uint8_t *best;         /* in the smallest set that is known to be bad */
    struct op *left;       /* room for the operations that are tried */
    struct lin_at *by_ret; /* all operations by return */
    int64_t *least_ret;    /* [i]: the earliest return of what overwrites for certain, among the operations from i on */
    uint32_t *number;      /* per operation the number of its value; with appends all are 0 */
    uint32_t *expected;    /* per operation the number of the value that it needs; NEEDS_* */
    int64_t *missing;      /* per number: the latest return of the operations that make it and are not in the set */
    uint32_t n_numbers;
};

enum { NEEDS_NONE = -1, NEEDS_OTHER = -2 };
#define NEEDS(x) ((uint32_t)(x))

static bool out_of_time(const struct shrink *s)
{
    return s->limits->deadline_ns > 0 && (int64_t)trace_mono_ns() > s->limits->deadline_ns;
}

/* ---- what operations make and need ---- */

static bool may_make(const struct op *o)
{
    return o->kind != OP_READ && o->outcome != OUTCOME_FAILED;
}

static bool overwrites(const struct shrink *s, const struct op *o)
{
    return o->outcome == OUTCOME_OK && (o->kind == OP_WRITE || (o->kind == OP_CAS && !s->appends));
}

static uint32_t number_of(const struct shrink *s, const struct lin_at *values, size_t n, uint32_t value)
{
    return s->appends ? 0 : (uint32_t)lin_at_count(values, n, (int64_t)value - 1);
}

/* Numbers the values that operations make: 0, 1, 2 ... in order of the history's numbers. */
static bool number_values(struct shrink *s)
{
    struct lin_at *made = malloc((s->n + 1) * sizeof *made);
    size_t n = 0, distinct = 0;
    if (made == NULL)
        return false;
    for (size_t i = 0; i < s->n; i++) {
        if (may_make(&s->ops[i]))
            made[n++] = (struct lin_at){s->ops[i].value, (uint32_t)i};
    }
    lin_at_sort(made, n);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || made[i].at != made[i - 1].at)
            made[distinct++] = made[i];
    }
    for (size_t i = 0; i < s->n; i++) {
        const struct op *o = &s->ops[i];
        uint32_t wants = o->kind == OP_READ ? o->value : o->expect;
        size_t at = lin_at_count(made, distinct, (int64_t)wants - 1);
        bool made_it = at < distinct && made[at].at == (int64_t)wants;
        s->number[i] = may_make(o) ? number_of(s, made, distinct, o->value) : 0;
        if (o->kind == OP_CAS && o->outcome == OUTCOME_FAILED)
            s->expected[i] = s->failed_cas_reads ? NEEDS(NEEDS_OTHER) : NEEDS(NEEDS_NONE);
        else if (o->kind != OP_READ && o->kind != OP_CAS)
            s->expected[i] = NEEDS(NEEDS_NONE);
        else
            s->expected[i] = made_it || s->appends ? number_of(s, made, distinct, wants) : NEEDS(NEEDS_NONE);
    }
    s->n_numbers = (uint32_t)distinct + 1;
    s->missing = malloc(s->n_numbers * sizeof *s->missing);
    free(made);
    return s->missing != NULL;
}

/* ---- closing a set ---- */

/* The latest return among the missing operations that may have made what operation i found. */
static int64_t latest_missing(const struct shrink *s, size_t i)
{
    if (s->expected[i] != NEEDS(NEEDS_OTHER))
        return s->missing[s->expected[i]];
    int64_t latest = INT64_MIN; /* anything but the expected value will do: taking all of them is on the safe side */
    for (uint32_t k = 0; k < s->n_numbers; k++)
        latest = s->missing[k] > latest ? s->missing[k] : latest;
    return latest;
}

/* Had an operation that returned at `ret` certainly been overwritten by the set before `call`? */
static bool overwritten(const struct shrink *s, int64_t ret, int64_t call)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->ops[mid].call <= ret)
            lo = mid + 1;
        else
            hi = mid;
    }
    return s->least_ret[lo] < call;
}

/* Drops what needs a value that may come from outside the set; was there anything? */
static bool drop_open_ends(struct shrink *s)
{
    bool dropped = false;
    s->least_ret[s->n] = HISTORY_OPEN;
    for (size_t i = s->n; i-- > 0;) {
        const struct op *o = &s->ops[i];
        bool earlier = s->in[i] != 0 && overwrites(s, o) && o->ret < s->least_ret[i + 1];
        s->least_ret[i] = earlier ? o->ret : s->least_ret[i + 1];
    }
    for (uint32_t k = 0; k < s->n_numbers; k++)
        s->missing[k] = INT64_MIN;
    size_t called = 0;
    for (size_t k = 0; k < s->n; k++) {
        size_t i = s->by_ret[k].i;
        if (s->in[i] == 0 || s->expected[i] == NEEDS(NEEDS_NONE))
            continue;
        for (; called < s->n && s->ops[called].call <= s->ops[i].ret; called++) {
            const struct op *o = &s->ops[called];
            if (s->in[called] == 0 && may_make(o) && o->ret > s->missing[s->number[called]])
                s->missing[s->number[called]] = o->ret;
        }
        int64_t ret = latest_missing(s, i);
        if (ret != INT64_MIN && !overwritten(s, ret, s->ops[i].call)) {
            s->in[i] = 0;
            dropped = true;
        }
    }
    return dropped;
}

/* Closes the set; is what is left not linearizable, for certain? Then it is the best so far. */
static bool still_bad(struct shrink *s)
{
    while (drop_open_ends(s))
        continue;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->in[i] != 0)
            s->left[n++] = s->ops[i];
    }
    struct lin_found found;
    bool bad = lin_search(s->left, n, s->values, s->failed_cas_reads, s->limits, &found) == LIN_BAD;
    if (bad)
        memcpy(s->best, s->in, s->n);
    else
        memcpy(s->in, s->best, s->n);
    return bad;
}

/* ---- the two phases ---- */

/* A prefix in time that is still bad, hardly longer than the one that is known to be good. */
static void cut_time(struct shrink *s, size_t returns)
{
    size_t certain = 0, k = 0; /* by_ret[k - 1] is the last return that is certainly good */
    for (; k < s->n && certain < returns; k++)
        certain += s->ops[s->by_ret[k].i].outcome != OUTCOME_UNKNOWN;
    for (size_t step = 1; k < s->n && !out_of_time(s); step *= 2) {
        int64_t cut = s->by_ret[k].at;
        if (cut == HISTORY_OPEN)
            return;
        for (size_t i = 0; i < s->n; i++) {
            const struct op *o = &s->ops[i];
            bool reads = o->kind == OP_READ || o->outcome == OUTCOME_FAILED;
            s->in[i] = o->call <= cut && !(reads && o->ret > cut);
        }
        if (still_bad(s))
            return;
        k += step;
    }
}

/* Tries to do without each chunk of so many operations; did it work for any? */
static bool drop_chunks(struct shrink *s, size_t size)
{
    bool any = false;
    size_t i = 0;
    while (i < s->n && !out_of_time(s)) {
        size_t taken = 0;
        for (; i < s->n && taken < size; i++) {
            taken += s->in[i];
            s->in[i] = 0;
        }
        any |= taken > 0 && still_bad(s);
    }
    return any;
}

static size_t size_of(const struct shrink *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->best[i];
    return n;
}

static void shrink(struct shrink *s, size_t returns)
{
    for (size_t i = 0; i < s->n; i++)
        s->by_ret[i] = (struct lin_at){s->ops[i].ret, (uint32_t)i};
    lin_at_sort(s->by_ret, s->n);
    memset(s->best, 1, s->n);
    memset(s->in, 1, s->n);
    cut_time(s, returns);
    for (size_t size = size_of(s) / 2; size > 1 && !out_of_time(s); size /= 2)
        drop_chunks(s, size < size_of(s) ? size : 1);
    while (!out_of_time(s) && drop_chunks(s, 1))
        continue;
}

void lin_shrink(struct lin_witness *w, const struct op *ops, size_t n, const struct intern *values,
                bool failed_cas_reads, size_t returns, const struct lin_limits *limits)
{
    struct shrink s = {.ops = ops,
                       .n = n,
                       .values = values,
                       .failed_cas_reads = failed_cas_reads,
                       .limits = limits,
                       .in = malloc(n + 1),
                       .best = malloc(n + 1),
                       .left = malloc((n + 1) * sizeof *s.left),
                       .by_ret = malloc((n + 1) * sizeof *s.by_ret),
                       .least_ret = malloc((n + 1) * sizeof *s.least_ret),
                       .number = malloc((n + 1) * sizeof *s.number),
                       .expected = malloc((n + 1) * sizeof *s.expected)};
    for (size_t i = 0; i < n; i++)
        s.appends |= ops[i].kind == OP_APPEND && ops[i].outcome != OUTCOME_FAILED;
    bool ok = s.in != NULL && s.best != NULL && s.left != NULL && s.by_ret != NULL && s.least_ret != NULL &&
              s.number != NULL && s.expected != NULL && number_values(&s);
    if (ok) {
        shrink(&s, returns);
        w->op = malloc(size_of(&s) * sizeof *w->op + 1);
    }
    w->n = 0;
    w->minimal = ok && !out_of_time(&s);
    for (uint32_t i = 0; ok && w->op != NULL && i < n; i++) {
        if (s.best[i] != 0)
            w->op[w->n++] = i;
    }
    free(s.in);
    free(s.best);
    free(s.left);
    free(s.by_ret);
    free(s.least_ret);
    free(s.number);
    free(s.expected);
    free(s.missing);
}
