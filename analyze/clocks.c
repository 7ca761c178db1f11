/* clocks.c -- see clocks.h.
 *
 * The time of each clock is cut into buckets. For a pair (a, b), and each bucket of a's time, only the least upper and
 * the greatest lower bound on b - a are kept; then each bucket takes over what its neighbours know, with the slack of
 * drift in between. A line is laid through the middle, and the error is its greatest distance from any bound. */
#include "clocks.h"

#include <math.h>
#include <stdlib.h>

#include "mem.h"

enum { BUCKETS = 1024 };

/* Bounds on b - a over the time of a. */
struct pair {
    int64_t upper[BUCKETS], lower[BUCKETS]; /* INT64_MAX, INT64_MIN: none */
    int64_t messages;
};

struct clocks {
    size_t n;
    int64_t first[CLOCKS_MAX], width[CLOCKS_MAX]; /* of a bucket, ns */
    struct pair *pair[CLOCKS_MAX][CLOCKS_MAX];
};

struct clocks *clocks_new(size_t n, const int64_t *first, const int64_t *last)
{
    struct clocks *c = mem_new(sizeof *c);
    c->n = n < CLOCKS_MAX ? n : CLOCKS_MAX;
    for (size_t i = 0; i < c->n; i++) {
        int64_t span;
        c->first[i] = first[i];
        if (__builtin_sub_overflow(last[i], first[i], &span) || span < 0)
            span = INT64_MAX / 2;
        c->width[i] = span / BUCKETS + 1;
    }
    return c;
}

void clocks_free(struct clocks *c)
{
    if (c == NULL)
        return;
    for (size_t a = 0; a < c->n; a++) {
        for (size_t b = 0; b < c->n; b++)
            free(c->pair[a][b]);
    }
    free(c);
}

static struct pair *pair_of(struct clocks *c, size_t a, size_t b)
{
    if (c->pair[a][b] == NULL) {
        struct pair *p = c->pair[a][b] = mem_new(sizeof *p);
        for (int i = 0; i < BUCKETS; i++) {
            p->upper[i] = INT64_MAX;
            p->lower[i] = INT64_MIN;
        }
    }
    return c->pair[a][b];
}

/* False: outside of what the clock showed, as no record of it can be. */
static bool bucket_of(const struct clocks *c, size_t a, int64_t t, size_t *at)
{
    int64_t since;
    if (__builtin_sub_overflow(t, c->first[a], &since) || since < 0 || since / c->width[a] >= BUCKETS)
        return false;
    *at = (size_t)(since / c->width[a]);
    return true;
}

void clocks_message(struct clocks *c, size_t from, int64_t sent, size_t to, int64_t received)
{
    size_t s, r;
    int64_t delta;
    if (from >= c->n || to >= c->n || from == to || !bucket_of(c, from, sent, &s) || !bucket_of(c, to, received, &r) ||
        __builtin_sub_overflow(received, sent, &delta) || delta < -INT64_MAX / 4 || delta > INT64_MAX / 4)
        return;
    struct pair *there = pair_of(c, from, to), *back = pair_of(c, to, from);
    if (delta < there->upper[s])
        there->upper[s] = delta;
    if (-delta > back->lower[r])
        back->lower[r] = -delta;
    there->messages++;
    back->messages++;
}

/* ---- one pair ---- */

/* What can a clock drift in so many ns? Rounded up. */
static int64_t drift(int64_t ns)
{
    return ns / 1000000 * CLOCKS_DRIFT_PPM + CLOCKS_DRIFT_PPM * (ns % 1000000) / 1000000 + 1;
}

/* Bounds that hold anywhere in their bucket, each with what all others imply for it. A moment in one bucket and a
 * moment in the next are at most two widths apart: one for the bucket that the bound stems from, counted once, and one
 * for each step. False: the bounds contradict each other, or there are none. */
static bool tighten(const struct pair *p, int64_t width, int64_t upper[BUCKETS], int64_t lower[BUCKETS])
{
    int64_t slack = drift(width);
    for (int i = 0; i < BUCKETS; i++) {
        upper[i] = p->upper[i] == INT64_MAX ? INT64_MAX / 2 : p->upper[i] + slack;
        lower[i] = p->lower[i] == INT64_MIN ? -(INT64_MAX / 2) : p->lower[i] - slack;
    }
    for (int i = 1; i < BUCKETS; i++) {
        upper[i] = upper[i] < upper[i - 1] + slack ? upper[i] : upper[i - 1] + slack;
        lower[i] = lower[i] > lower[i - 1] - slack ? lower[i] : lower[i - 1] - slack;
    }
    for (int i = BUCKETS - 2; i >= 0; i--) {
        upper[i] = upper[i] < upper[i + 1] + slack ? upper[i] : upper[i + 1] + slack;
        lower[i] = lower[i] > lower[i + 1] - slack ? lower[i] : lower[i + 1] - slack;
    }
    for (int i = 0; i < BUCKETS; i++) {
        if (upper[i] < lower[i] || upper[i] > INT64_MAX / 4 || lower[i] < -(INT64_MAX / 4))
            return false;
    }
    return true;
}

/* The line through the middles of both ends of the run, each taken as the mean of some buckets. */
static struct clock_line line_of(const struct clocks *c, size_t a, const int64_t *upper, const int64_t *lower)
{
    enum { END = BUCKETS / 8 };
    double begin = 0, end = 0;
    int64_t base = lower[0]; /* middles are small beside it */
    for (int i = 0; i < END; i++) {
        int k = BUCKETS - 1 - i;
        begin += ((double)(upper[i] - base) + (double)(lower[i] - base)) / 2 / END;
        end += ((double)(upper[k] - base) + (double)(lower[k] - base)) / 2 / END;
    }
    double slope = (end - begin) / ((double)c->width[a] * (BUCKETS - END)); /* per ns */
    if (fabs(slope) * 1e6 > CLOCKS_DRIFT_PPM)
        slope = slope > 0 ? CLOCKS_DRIFT_PPM / 1e6 : -CLOCKS_DRIFT_PPM / 1e6;
    struct clock_line l = {
        .known = true, .at = c->first[a] + c->width[a] * (BUCKETS / 2), .drift_ppb = llround(slope * 1e9)};
    l.offset = base + llround((begin + end) / 2);
    return l;
}

int64_t clocks_convert(const struct clock_line *l, int64_t t)
{
    int64_t since, moved;
    if (__builtin_sub_overflow(t, l->at, &since))
        since = t < l->at ? INT64_MIN / 2 : INT64_MAX / 2;
    int64_t drifted = since / 1000000000 * l->drift_ppb + since % 1000000000 * l->drift_ppb / 1000000000;
    if (__builtin_add_overflow(t, l->offset, &moved) || __builtin_add_overflow(moved, drifted, &moved))
        return t < 0 ? INT64_MIN / 2 : INT64_MAX / 2;
    return moved;
}

static struct clock_line solve_pair(const struct clocks *c, size_t a, size_t b)
{
    static const struct clock_line unknown = {.known = false};
    const struct pair *p = c->pair[a][b];
    int64_t upper[BUCKETS], lower[BUCKETS];
    if (p == NULL || !tighten(p, c->width[a], upper, lower))
        return unknown;
    struct clock_line l = line_of(c, a, upper, lower);
    for (int i = 0; i < BUCKETS; i++) {
        for (int edge = 0; edge < 2; edge++) {
            int64_t t = c->first[a] + c->width[a] * (i + edge), d = clocks_convert(&l, t) - t;
            if (upper[i] - d > l.error)
                l.error = upper[i] - d;
            if (d - lower[i] > l.error)
                l.error = d - lower[i];
        }
    }
    l.error += 2; /* rounding */
    l.messages = p->messages;
    return l;
}

/* ---- all of them ---- */

/* From `step`'s clock to the one that `rest` begins at, and on to where `rest` leads. */
static struct clock_line compose(const struct clock_line *step, const struct clock_line *rest)
{
    struct clock_line l = {.known = true, .at = step->at, .messages = step->messages};
    l.offset = clocks_convert(rest, clocks_convert(step, step->at)) - step->at;
    l.drift_ppb = step->drift_ppb + rest->drift_ppb;
    l.error = step->error + step->error / 500 + rest->error + 4;
    return l;
}

/* The sum of two drifts is their product's first part only; how far the line is off by that at either end of the run.
 */
static int64_t bend(const struct clocks *c, size_t a, const struct clock_line *step, const struct clock_line *rest,
                    const struct clock_line *l)
{
    int64_t worst = 0;
    for (int edge = 0; edge < 2; edge++) {
        int64_t t = c->first[a] + c->width[a] * (edge == 0 ? 0 : BUCKETS);
        int64_t off = clocks_convert(rest, clocks_convert(step, t)) - clocks_convert(l, t);
        off = off < 0 ? -off : off;
        worst = off > worst ? off : worst;
    }
    return worst;
}

/* Dijkstra 1959, by error: each clock is compared with the one that leads to the reference most precisely. */
void clocks_solve(struct clocks *c, size_t reference, struct clock_line *line)
{
    bool done[CLOCKS_MAX] = {false};
    for (size_t i = 0; i < c->n; i++)
        line[i] = (struct clock_line){.known = false};
    line[reference] = (struct clock_line){.known = true};
    for (;;) {
        size_t best = c->n;
        for (size_t i = 0; i < c->n; i++) {
            if (!done[i] && line[i].known && (best == c->n || line[i].error < line[best].error))
                best = i;
        }
        if (best == c->n)
            return;
        done[best] = true;
        for (size_t i = 0; i < c->n; i++) {
            struct clock_line step = done[i] ? (struct clock_line){.known = false} : solve_pair(c, i, best);
            if (!step.known)
                continue;
            struct clock_line whole = compose(&step, &line[best]);
            whole.error += bend(c, i, &step, &line[best], &whole);
            if (!line[i].known || whole.error < line[i].error)
                line[i] = whole;
        }
    }
}
