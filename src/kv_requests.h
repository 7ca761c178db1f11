/* kv_requests.h -- internal to kv: the requests of one client that were applied last, oldest first.
 *
 * Each put looks up a MID that is nearly always new, adds it, and forgets the oldest: what it touches lies together,
 * for on every replica these were most of a put's cache misses. */
#ifndef FAULTLINE_KV_REQUESTS_H
#define FAULTLINE_KV_REQUESTS_H

#include "kv.h"

struct kv_request {
    uint64_t hash, index;
    char mid[MID_MAX + 1];
};

/* All zero: none. */
struct kv_requests {
    struct kv_request *ring; /* of `room`, the oldest at `first` */
    uint32_t *table; /* of 2 * room, open addressing: low half of the hash and place in the ring + 1; 0 = free */
    unsigned room, first, n;
};

void kv_requests_free(struct kv_requests *r);
/* NULL: not there. */
const struct kv_request *kv_requests_find(const struct kv_requests *r, uint64_t hash, const char *mid);
/* The MID is not there yet, and there are less than KV_REQUESTS_PER_CLIENT. Aborts on out of memory. */
const struct kv_request *kv_requests_add(struct kv_requests *r, uint64_t hash, const char *mid, uint64_t index);
/* The k-th, 0 the oldest; k < n. */
const struct kv_request *kv_requests_at(const struct kv_requests *r, unsigned k);
void kv_requests_forget_oldest(struct kv_requests *r);

#endif
