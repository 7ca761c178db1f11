/* lin_shrink.h -- a small proof for a key that only the search could refute.
 *
 * A set of operations proves something when it is closed: with each read (or cas) it holds every operation that could
 * have made the value that it found. Could not have: what was called after the read had returned, and what had
 * provably been overwritten by an operation of the set before the read began. In a linearizable history what is left of
 * a legal order is a legal order of such a set. So operations are dropped, in chunks that get smaller, each time with
 * the reads that would lose a possible source, as long as the rest is not linearizable. In the end no operation can go:
 * the set is minimal (not the minimum). */
#ifndef FAULTLINE_LIN_SHRINK_H
#define FAULTLINE_LIN_SHRINK_H

#include "lin_search.h"
#include "lin_witness.h"

/* For a key that lin_search() found LIN_BAD, with what it said of `returns`. Fills w->op, w->n and w->minimal: false
 * when the limits ended it early. w->n == 0 when not even the whole was proved within them, or without memory. */
void lin_shrink(struct lin_witness *w, const struct op *ops, size_t n, const struct intern *values,
                bool failed_cas_reads, size_t returns, const struct lin_limits *limits);

#endif
