/* lin_witness.h -- the smallest proof that a key is not linearizable.
 *
 * A counterexample is a set of operations that is not linearizable by itself and that is closed: with a read it holds
 * the write whose value the read returned (else any read alone would be one). Removing operations from a linearizable
 * history keeps it linearizable, so such a set proves the verdict; and none needs more than six operations: of two
 * zones the write, the first to return and the last called. */
#ifndef FAULTLINE_LIN_WITNESS_H
#define FAULTLINE_LIN_WITNESS_H

#include "lin_zones.h"

enum lin_class {
    LIN_CLASS_NONE,
    LIN_CLASS_PHANTOM, /* a read of a value that nobody wrote */
    LIN_CLASS_FUTURE,  /* a read over before the write of its value began */
    LIN_CLASS_STALE,   /* a read of a value that had been overwritten */
    LIN_CLASS_ORDER,   /* reads demand both orders of two writes that time does not order */
    LIN_CLASS_SEARCH   /* no order was found: every one was tried */
};

struct lin_witness {
    enum lin_class what;
    size_t n;
    uint32_t *op; /* indices, by call */
    bool minimal; /* none of them can go; false: there was no time to find that out */
    /* The roles of the parts, as far as they exist; ZONE_NONE otherwise. Stale and order: the write (older), the
     * operation that proves it in place before the newer write began, the newer write, the operation that proves the
     * newer in place, and the read that contradicts them. */
    uint32_t old_write, old_seen, new_write, new_seen, read;
    uint32_t new_read; /* order: the operation that proves the newer in place after the older had been seen */
};

void lin_witness_free(struct lin_witness *w);

/* The smallest counterexample among those that zones can find, exactly; n == 0 and LIN_CLASS_NONE when there is none.
 * False without memory. Free it in any case. */
bool lin_witness_find(struct lin_witness *w, const struct zones *z, const struct op *ops, size_t n,
                      const int32_t *source);

#endif
