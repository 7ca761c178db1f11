/* histogram.h -- latencies in fixed buckets: 64 to each power of two, so a percentile is right to 1.6 %. */
#ifndef FAULTLINE_BENCH_HISTOGRAM_H
#define FAULTLINE_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS (60 * 64)

struct histogram {
    uint64_t n, sum;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* Values are of any unit, the same for all. */
void histogram_add(struct histogram *h, uint64_t value);
/* The value that a share of 0 to 1 of all does not exceed; 0 when there is none. */
uint64_t histogram_at(const struct histogram *h, double share);

#endif
