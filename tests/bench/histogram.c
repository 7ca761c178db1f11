#include "histogram.h"

static unsigned bucket_of(uint64_t value)
{
    if (value < 64)
        return (unsigned)value;
    unsigned power = 63 - (unsigned)__builtin_clzll(value);
    return (power - 5) * 64 + (unsigned)(value >> (power - 6) & 63);
}

/* The greatest value of the bucket. */
static uint64_t bucket_top(unsigned b)
{
    if (b < 64)
        return b;
    unsigned shift = b / 64 - 1;
    return ((uint64_t)(64 + b % 64 + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->n++;
    h->sum += value;
    h->bucket[bucket_of(value)]++;
}

uint64_t histogram_at(const struct histogram *h, double share)
{
    uint64_t seen = 0;
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
        seen += h->bucket[b];
        if (seen > 0 && (double)seen >= share * (double)h->n)
            return bucket_top(b);
    }
    return 0;
}
