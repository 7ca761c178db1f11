/* lin_zones.c -- building zones, the conflict sweep, and how stale each stale read is. */
#include "lin_zones.h"

#include <stdlib.h>

static uint32_t earlier_return(const struct op *ops, uint32_t a, uint32_t b)
{
    return a == ZONE_NONE || ops[b].ret < ops[a].ret ? b : a;
}

/* Is it a read that belongs to a zone: of a known write, and not over before that write began? */
static bool is_placed(const struct op *ops, const int32_t *source, size_t i)
{
    return source[i] == SOURCE_INITIAL || (source[i] >= 0 && ops[i].ret >= ops[source[i]].call);
}

static void add_read(struct zone *z, const struct op *ops, uint32_t i)
{
    const struct op *r = &ops[i];
    if (r->ret < z->f) {
        z->f = r->ret;
        z->first = i;
    }
    if (r->call > z->s) {
        z->s = r->call;
        z->last = i;
    }
    z->reads++;
}

/* Unknown writes without readers stay out: their zones are dropped, the others close up. */
static void drop_unseen(struct zones *z)
{
    size_t kept = 0;
    for (size_t i = 0; i < z->n; i++) {
        if (i != ZONE_INITIAL && z->z[i].f == HISTORY_OPEN) {
            z->of[z->z[i].write] = ZONE_NONE;
            continue;
        }
        z->z[kept] = z->z[i];
        if (z->z[kept].write >= 0)
            z->of[z->z[kept].write] = (uint32_t)kept;
        kept++;
    }
    z->n = kept;
}

bool zones_build(struct zones *z, const struct op *ops, size_t n, const int32_t *source)
{
    size_t writes = 0;
    for (size_t i = 0; i < n; i++)
        writes += ops[i].kind == OP_WRITE;
    *z = (struct zones){.z = malloc((writes + 1) * sizeof *z->z),
                        .of = malloc((n + 1) * sizeof *z->of),
                        .by_f = malloc((writes + 1) * sizeof *z->by_f),
                        .phantom = ZONE_NONE,
                        .future = ZONE_NONE};
    if (z->z == NULL || z->of == NULL || z->by_f == NULL) {
        zones_free(z);
        return false;
    }
    z->z[z->n++] = (struct zone){INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, SOURCE_INITIAL, ZONE_NONE, ZONE_NONE, 0};
    for (size_t i = 0; i < n; i++) {
        z->of[i] = ZONE_NONE;
        if (ops[i].kind != OP_WRITE || ops[i].outcome == OUTCOME_FAILED)
            continue;
        z->of[i] = (uint32_t)z->n;
        z->z[z->n++] =
            (struct zone){ops[i].ret, ops[i].call, ops[i].call, ops[i].ret, (int32_t)i, (uint32_t)i, (uint32_t)i, 0};
    }
    for (size_t i = 0; i < n; i++) {
        if (is_placed(ops, source, i))
            add_read(&z->z[source[i] >= 0 ? z->of[source[i]] : ZONE_INITIAL], ops, (uint32_t)i);
        else if (source[i] == SOURCE_NONE)
            z->phantom = earlier_return(ops, z->phantom, (uint32_t)i);
        else if (source[i] >= 0)
            z->future = earlier_return(ops, z->future, (uint32_t)i);
    }
    drop_unseen(z);
    for (size_t i = 0; i < n; i++) {
        if (is_placed(ops, source, i))
            z->of[i] = source[i] >= 0 ? z->of[source[i]] : ZONE_INITIAL;
    }
    for (size_t i = 0; i < z->n; i++)
        z->by_f[i] = (struct lin_at){z->z[i].f, (uint32_t)i};
    lin_at_sort(z->by_f + 1, z->n - 1); /* the initial value was there before all others */
    return true;
}

void zones_free(struct zones *z)
{
    free(z->z);
    free(z->of);
    free(z->by_f);
    *z = (struct zones){0};
}

bool zones_conflict(const struct zones *z, uint32_t *a, uint32_t *b)
{
    /* In order of f only the zone with the latest s so far can reach over the next one. */
    const struct zone *top = NULL;
    for (size_t k = 0; k < z->n; k++) {
        const struct zone *next = &z->z[z->by_f[k].i];
        if (top != NULL && next->f < top->s && top->f < next->s) {
            *a = (uint32_t)(top - z->z);
            *b = (uint32_t)(next - z->z);
            return true;
        }
        if (top == NULL || next->s > top->s)
            top = next;
    }
    return false;
}

/* How many of the zones come before instant t in order of f; near `from`, which is where to start looking. */
static size_t before(const struct zones *z, size_t from, int64_t t)
{
    size_t lo = from, hi = from, step = 1;
    while (lo > 0 && z->by_f[lo - 1].at >= t) {
        hi = lo - 1;
        lo = lo > step ? lo - step : 0;
        step *= 2;
    }
    for (step = 1; hi < z->n && z->by_f[hi].at < t; step *= 2) {
        lo = hi + 1;
        hi = hi + step < z->n ? hi + step : z->n;
    }
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (z->by_f[mid].at < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

uint8_t *zones_conflicting(const struct zones *z)
{
    /* [k]: of the first k zones in order of f, the one whose s is latest, and the one whose s is next. */
    struct best {
        uint32_t first, second;
    } *best = malloc((z->n + 1) * sizeof *best);
    uint8_t *in = calloc(z->n + 1, 1);
    if (best == NULL || in == NULL) {
        free(best);
        free(in);
        return NULL;
    }
    best[0] = (struct best){ZONE_NONE, ZONE_NONE};
    for (size_t k = 0; k < z->n; k++) {
        uint32_t x = z->by_f[k].i;
        best[k + 1] = best[k];
        if (best[k].first == ZONE_NONE || z->z[x].s > z->z[best[k].first].s)
            best[k + 1] = (struct best){x, best[k].first};
        else if (best[k].second == ZONE_NONE || z->z[x].s > z->z[best[k].second].s)
            best[k + 1].second = x;
    }
    for (size_t k = 0; k < z->n; k++) {
        uint32_t x = z->by_f[k].i;
        const struct best *b = &best[before(z, k, z->z[x].s)];
        uint32_t other = b->first == x ? b->second : b->first;
        in[x] = other != ZONE_NONE && z->z[other].s > z->z[x].f;
    }
    free(best);
    return in;
}

/* Zones are numbered by the call of their write, so "newer than f" is a tail of the numbers. */
static uint32_t first_newer(const struct zones *z, int64_t f)
{
    uint32_t lo = 0, hi = (uint32_t)z->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (z->z[mid].call <= f)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* A Fenwick tree over the zones counted from the last: how many of a tail are in place, and which came last. */
struct tail {
    uint32_t *count, *newest;
    uint32_t n;
};

static void tail_add(struct tail *t, const struct zones *z, uint32_t zone)
{
    for (uint32_t k = t->n - zone; k <= t->n; k += k & (0u - k)) {
        t->count[k]++;
        if (t->newest[k] == ZONE_NONE || z->z[zone].f >= z->z[t->newest[k]].f)
            t->newest[k] = zone;
    }
}

static uint32_t tail_query(const struct tail *t, const struct zones *z, uint32_t from, uint32_t *newest)
{
    uint32_t count = 0;
    *newest = ZONE_NONE;
    for (uint32_t k = t->n - from; k > 0; k -= k & (0u - k)) {
        count += t->count[k];
        uint32_t x = t->newest[k];
        if (x != ZONE_NONE && (*newest == ZONE_NONE || z->z[x].f > z->z[*newest].f))
            *newest = x;
    }
    return count;
}

struct stale_read *zones_stale(const struct zones *z, const struct op *ops, size_t n, size_t *count)
{
    uint32_t m = (uint32_t)z->n;
    uint32_t *oldest = malloc((m + 1) * sizeof *oldest); /* [k] = of zones k.. the one in place first */
    struct tail t = {calloc(m + 1, sizeof *t.count), malloc((m + 1) * sizeof *t.newest), m};
    struct stale_read *out = malloc((n + 1) * sizeof *out);
    bool ok = oldest != NULL && t.count != NULL && t.newest != NULL && out != NULL;
    size_t found = 0, placed = 0;

    if (ok) {
        oldest[m] = ZONE_NONE;
        for (uint32_t k = m; k-- > 0;)
            oldest[k] = oldest[k + 1] == ZONE_NONE || z->z[k].f <= z->z[oldest[k + 1]].f ? k : oldest[k + 1];
        for (uint32_t k = 0; k <= m; k++)
            t.newest[k] = ZONE_NONE;
    }
    for (size_t i = 0; ok && i < n; i++) { /* by call, so that zones come into place one after the other */
        if (ops[i].kind != OP_READ || z->of[i] == ZONE_NONE)
            continue;
        uint32_t from = first_newer(z, z->z[z->of[i]].f);
        if (from >= m || z->z[oldest[from]].f >= ops[i].call)
            continue;
        while (placed < m && z->by_f[placed].at < ops[i].call)
            tail_add(&t, z, z->by_f[placed++].i);
        struct stale_read *r = &out[found++];
        *r = (struct stale_read){.read = (uint32_t)i, .oldest = oldest[from]};
        r->versions = tail_query(&t, z, from, &r->newest);
        r->stale_for = ops[i].call - z->z[r->oldest].f;
        r->behind_newest = ops[i].call - z->z[r->newest].f;
    }
    free(oldest);
    free(t.count);
    free(t.newest);
    *count = ok ? found : SIZE_MAX;
    if (!ok || found == 0) {
        free(out);
        out = NULL;
    }
    return out;
}
