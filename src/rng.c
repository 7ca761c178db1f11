/* rng.c -- xoroshiro128++ (Blackman and Vigna 2019), seeded by splitmix64 (Steele, Lea and Flood 2014; Vigna's code).
 */
#include "rng.h"

static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void rng_seed(struct rng *r, uint64_t seed)
{
    /* Two successive outputs of splitmix64 are never both zero, the one state that xoroshiro cannot leave. */
    r->s[0] = splitmix64(&seed);
    r->s[1] = splitmix64(&seed);
}

uint64_t rng_next(struct rng *r)
{
    uint64_t a = r->s[0], b = r->s[1];
    uint64_t result = rotate(a + b, 17) + a;
    b ^= a;
    r->s[0] = rotate(a, 49) ^ b ^ (b << 21);
    r->s[1] = rotate(b, 28);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    /* 2^64 mod n values too many would favour the small results: draw again. */
    uint64_t excess = (UINT64_MAX % n + 1) % n;
    for (;;) {
        uint64_t x = rng_next(r);
        if (x <= UINT64_MAX - excess)
            return x % n;
    }
}

double rng_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}
