/* lin_set.h -- a set of configurations: arrays of so many words each, all of one length, in order of addition. */
#ifndef FAULTLINE_LIN_SET_H
#define FAULTLINE_LIN_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lin_set {
    uint32_t *words; /* member i at words + i * stride */
    uint32_t *slots; /* open addressing: number + 1, 0 = free */
    size_t n, cap, n_slots, cap_slots, stride;
};

void lin_set_init(struct lin_set *s, size_t stride);
void lin_set_free(struct lin_set *s);
void lin_set_clear(struct lin_set *s);
/* Adds a member unless it is there, and says in *added which it was. False without memory. */
bool lin_set_add(struct lin_set *s, const uint32_t *member, bool *added);
/* Keeps the members whose `keep` is not 0. */
void lin_set_filter(struct lin_set *s, const uint8_t *keep);
size_t lin_set_bytes(const struct lin_set *s);

static inline uint32_t *lin_set_at(const struct lin_set *s, size_t i)
{
    return s->words + i * s->stride;
}

#endif
