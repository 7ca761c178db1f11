/* lin_shrink.c -- cutting time, then dropping values and reads, in chunks that get smaller. */
#include "lin_shrink.h"

#include <stdlib.h>
#include <string.h>

#include "lin_source.h"
#include "trace.h"

struct shrink {
    const struct op *ops;
    size_t n;
    struct op *left;  /* room for the operations that are tried */
    uint8_t *dropped; /* per operation */
    int64_t cut;      /* instants after this one are not known */
    const struct intern *values;
    bool failed_cas_reads;
    const struct lin_limits *limits;
};

static bool out_of_time(const struct shrink *s)
{
    return s->limits->deadline_ns > 0 && (int64_t)trace_mono_ns() > s->limits->deadline_ns;
}

/* Is what is left still not linearizable, for certain? */
static bool still_bad(struct shrink *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct op o = s->ops[i];
        if (s->dropped[i] || o.call > s->cut)
            continue;
        if (o.ret > s->cut && o.outcome != OUTCOME_UNKNOWN) {
            if (o.kind == OP_READ || o.outcome == OUTCOME_FAILED)
                continue;
            o.outcome = OUTCOME_UNKNOWN;
            o.ret = HISTORY_OPEN;
        }
        s->left[n++] = o;
    }
    struct lin_found found;
    return lin_search(s->left, n, s->values, s->failed_cas_reads, s->limits, &found) == LIN_BAD;
}

/* The earliest return at which the history is already not linearizable. */
static void cut_time(struct shrink *s, struct lin_at *ends)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->ops[i].ret != HISTORY_OPEN)
            ends[n++] = (struct lin_at){s->ops[i].ret, (uint32_t)i};
    }
    lin_at_sort(ends, n);
    size_t good = 0, bad = n; /* ends[bad - 1] is a cut that is bad; ends[good - 1] one that is not */
    while (bad > good + 1 && !out_of_time(s)) {
        size_t mid = good + (bad - good) / 2;
        s->cut = ends[mid - 1].at;
        *(still_bad(s) ? &bad : &good) = mid;
    }
    s->cut = bad > 0 ? ends[bad - 1].at : HISTORY_OPEN;
}

/* Does operation i belong to the unit? A unit is a read (by index), or a value with everything that touches it. */
static bool in_unit(const struct shrink *s, size_t i, uint32_t unit, bool whole_values)
{
    const struct op *o = &s->ops[i];
    if (!whole_values)
        return i == unit && (o->kind == OP_READ || o->outcome == OUTCOME_FAILED);
    return o->value == unit || (o->kind == OP_CAS && o->expect == unit);
}

static void mark(struct shrink *s, const uint32_t *units, size_t n, bool whole_values, uint8_t from, uint8_t to)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t u = 0; u < n && s->dropped[i] == from; u++) {
            if (in_unit(s, i, units[u], whole_values))
                s->dropped[i] = to;
        }
    }
}

/* Drops as many units as it can: half of them at a time at first, single ones in the end. */
static void drop_units(struct shrink *s, uint32_t *units, size_t n, bool whole_values)
{
    enum { KEPT = 0, DROPPED = 1, TRIED = 2 };
    for (size_t chunk = n; chunk > 0 && !out_of_time(s); chunk /= 2) {
        for (size_t at = 0; at < n && !out_of_time(s);) {
            size_t take = chunk < n - at ? chunk : n - at;
            mark(s, units + at, take, whole_values, KEPT, TRIED);
            bool bad = still_bad(s);
            mark(s, units + at, take, whole_values, TRIED, bad ? DROPPED : KEPT);
            if (bad) {
                memmove(units + at, units + at + take, (n - at - take) * sizeof *units);
                n -= take;
            } else {
                at += take;
            }
        }
    }
}

/* The values, or the reads, that are left: each once. */
static size_t list_units(const struct shrink *s, uint32_t *units, struct lin_at *room, bool whole_values)
{
    size_t n = 0, distinct = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct op *o = &s->ops[i];
        if (!s->dropped[i] && o->call <= s->cut && (whole_values || o->kind == OP_READ || o->outcome == OUTCOME_FAILED))
            room[n++] = (struct lin_at){whole_values ? o->value : (int64_t)i, 0};
    }
    lin_at_sort(room, n);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || room[i].at != room[i - 1].at)
            units[distinct++] = (uint32_t)room[i].at;
    }
    return distinct;
}

static bool appends(const struct op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind == OP_APPEND)
            return true;
    }
    return false;
}

void lin_shrink(struct lin_witness *w, const struct op *ops, size_t n, const struct intern *values,
                bool failed_cas_reads, const struct lin_limits *limits)
{
    struct shrink s = {.ops = ops,
                       .n = n,
                       .left = malloc((n + 1) * sizeof *s.left),
                       .dropped = calloc(n + 1, 1),
                       .cut = HISTORY_OPEN,
                       .values = values,
                       .failed_cas_reads = failed_cas_reads,
                       .limits = limits};
    struct lin_at *room = malloc((n + 1) * sizeof *room);
    uint32_t *units = malloc((n + 1) * sizeof *units);
    w->n = 0;
    if (s.left != NULL && s.dropped != NULL && room != NULL && units != NULL) {
        cut_time(&s, room);
        if (!appends(ops, n)) /* where every piece is part of all later values, no value can go alone */
            drop_units(&s, units, list_units(&s, units, room, true), true);
        drop_units(&s, units, list_units(&s, units, room, false), false);
        size_t left = 0;
        for (size_t i = 0; i < n; i++)
            left += !s.dropped[i] && ops[i].call <= s.cut && !(ops[i].kind == OP_READ && ops[i].ret > s.cut);
        for (uint32_t i = 0; i < n && left <= LIN_WITNESS_MAX; i++) {
            if (!s.dropped[i] && ops[i].call <= s.cut && !(ops[i].kind == OP_READ && ops[i].ret > s.cut))
                w->op[w->n++] = i;
        }
    }
    free(s.left);
    free(s.dropped);
    free(room);
    free(units);
}
