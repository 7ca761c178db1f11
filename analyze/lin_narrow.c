/* lin_narrow.c -- dominance, then cost. */
#include "lin_narrow.h"

#include <stdlib.h>

enum { COSTS = 2048, LEAST = 512, COMPARED = 256, FEW = 4 };

void narrow_free(struct narrow *n)
{
    free(n->keep);
    free(n->by_cost);
    free(n->kept);
    *n = (struct narrow){0};
}

static bool grow(struct narrow *n, size_t size)
{
    if (size <= n->cap)
        return true;
    size_t cap = size * 2;
    narrow_free(n);
    n->keep = malloc(cap);
    n->by_cost = malloc(cap * sizeof *n->by_cost);
    n->kept = malloc(cap * sizeof *n->kept);
    if (n->keep == NULL || n->by_cost == NULL || n->kept == NULL)
        return false;
    n->cap = cap;
    return true;
}

/* Few operations used up and many left to choose from cost little. */
static size_t cost_of(const struct step *s, const uint32_t *c)
{
    int cost = LEAST;
    const uint32_t *done = c + 1, *covered = done + s->bits, *used = covered + s->bits;
    for (size_t w = 0; w < s->bits; w++) {
        cost += 2 * __builtin_popcount(done[w] & s->open_writes[w]) - __builtin_popcount(covered[w]);
        cost += 2 * __builtin_popcount(s->open_looks[w] & ~done[w]);
    }
    for (uint32_t k = 0; k < s->m->n_classes; k++)
        cost += 4 * (int)used[k];
    return cost < 0 ? 0 : cost >= COSTS ? COSTS - 1 : (size_t)cost;
}

/* Counting sort: the cheapest first, equal ones in their order. */
static void sort_by_cost(struct narrow *n, const struct step *s)
{
    size_t start[COSTS + 1] = {0};
    for (size_t i = 0; i < s->now.n; i++) {
        n->kept[i] = (uint32_t)cost_of(s, lin_set_at(&s->now, i));
        start[n->kept[i] + 1]++;
    }
    for (size_t k = 0; k < COSTS; k++)
        start[k + 1] += start[k];
    for (size_t i = 0; i < s->now.n; i++)
        n->by_cost[start[n->kept[i]]++] = (uint32_t)i;
}

/* Whatever b can still do, a can do as well: reads that b has behind it, a has; writes that b need not place, a need
 * not; where they differ in a write, a has it left and need not place it; and a has used no more of each class. */
static bool at_least_as_good(const struct step *s, const uint32_t *a, const uint32_t *b)
{
    if (a[0] != b[0])
        return false;
    const uint32_t *a_done = a + 1, *b_done = b + 1, *a_cover = a_done + s->bits, *b_cover = b_done + s->bits;
    for (size_t w = 0; w < s->bits; w++) {
        uint32_t looks = s->open_looks[w];
        if ((b_cover[w] & ~a_cover[w]) != 0 || (b_done[w] & ~a_done[w] & looks) != 0 ||
            ((a_done[w] ^ b_done[w]) & ~a_cover[w] & ~looks) != 0)
            return false;
    }
    const uint32_t *a_used = a_cover + s->bits, *b_used = b_cover + s->bits;
    for (uint32_t k = 0; k < s->m->n_classes; k++) {
        if (a_used[k] > b_used[k])
            return false;
    }
    return true;
}

/* Each is compared with the cheapest ones only: those that dominate others are among them. */
void narrow(struct narrow *n, struct step *s, size_t width)
{
    if (s->now.n <= FEW && s->now.n <= width)
        return;
    if (!grow(n, s->now.n)) {
        s->no_memory = true;
        return;
    }
    sort_by_cost(n, s);
    size_t kept = 0;
    for (size_t i = 0; i < s->now.n; i++) {
        const uint32_t *c = lin_set_at(&s->now, n->by_cost[i]);
        bool worth = true;
        for (size_t k = 0; k < kept && k < COMPARED && worth; k++)
            worth = !at_least_as_good(s, lin_set_at(&s->now, n->kept[k]), c);
        bool room = kept < width;
        s->dropped |= worth && !room;
        n->keep[n->by_cost[i]] = worth && room;
        if (worth && room)
            n->kept[kept++] = n->by_cost[i];
    }
    if (kept < s->now.n)
        lin_set_filter(&s->now, n->keep);
}
