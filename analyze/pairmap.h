/* pairmap.h -- a hash map from a pair of numbers to a number: the index of the replay behind the Raft rules. */
#ifndef FAULTLINE_PAIRMAP_H
#define FAULTLINE_PAIRMAP_H

#include <stddef.h>
#include <stdint.h>

struct pairmap_slot {
    uint64_t a, b, value;
};

/* Empty when zeroed. */
struct pairmap {
    struct pairmap_slot *slot;
    size_t room, n;
};

/* The value of (a, b), a > 0, put there as 0 when missing; valid until the next call. */
uint64_t *pairmap_at(struct pairmap *m, uint64_t a, uint64_t b);
/* The value of (a, b), 0 when missing. */
uint64_t pairmap_get(const struct pairmap *m, uint64_t a, uint64_t b);
void pairmap_free(struct pairmap *m);

/* realloc() for a growing array of `n` elements of `size` bytes: room for one more. */
void *vector_grow(void *p, size_t *room, size_t n, size_t size);

#endif
