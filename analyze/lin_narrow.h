/* lin_narrow.h -- which configurations of the search are worth keeping. */
#ifndef FAULTLINE_LIN_NARROW_H
#define FAULTLINE_LIN_NARROW_H

#include "lin_step.h"

/* Room of the narrowing, kept from one time to the next; empty when zeroed. */
struct narrow {
    uint8_t *keep;
    uint32_t *by_cost, *kept;
    size_t cap;
};

/* Drops configurations of s->now than which another one is at least as good in every respect: that changes no answer.
 * Then, if more than `width` are left, all but the cheapest (s->dropped). */
void narrow(struct narrow *n, struct step *s, size_t width);
void narrow_free(struct narrow *n);

#endif
