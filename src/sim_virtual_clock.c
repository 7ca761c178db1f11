/* Clocks that run fast, slow, or aside. Integers only: every compiler computes the same. */
#include "sim_virtual_int.h"

static const int64_t MILLION = 1000000;

int64_t virtual_clock_at(const struct virtual_clock *c, int64_t t)
{
    int64_t passed = t - c->base;
    if (c->ppm == MILLION)
        return c->local + passed;
    return c->local + passed / MILLION * c->ppm + passed % MILLION * c->ppm / MILLION;
}

int64_t virtual_clock_when(const struct virtual_clock *c, int64_t local)
{
    int64_t left = local - c->local;
    if (left <= 0)
        return c->base;
    if (c->ppm == MILLION)
        return c->base + left;
    int64_t t = c->base + left / c->ppm * MILLION + left % c->ppm * MILLION / c->ppm;
    while (virtual_clock_at(c, t) < local)
        t++;
    return t;
}
