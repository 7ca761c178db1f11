/* lin_shrink.h -- a short proof for a key that only the search could refute.
 *
 * First the shortest prefix in time that is not linearizable (prefixes of linearizable histories are linearizable, with
 * what is open at the cut of unknown outcome). Then operations are dropped as long as the rest is not linearizable:
 * reads one by one, and whole values with all their writes and reads, so that no read ever loses a write that could
 * explain it. The result is minimal (nothing more can go), not the minimum. */
#ifndef FAULTLINE_LIN_SHRINK_H
#define FAULTLINE_LIN_SHRINK_H

#include "lin_search.h"
#include "lin_witness.h"

/* For a key that lin_search() found LIN_BAD. Fills w->op and w->n with indices into `ops`; w->n stays 0 when there is
 * no proof of LIN_WITNESS_MAX operations or less, or none was found within the limits (steps: of each search). */
void lin_shrink(struct lin_witness *w, const struct op *ops, size_t n, const struct intern *values,
                bool failed_cas_reads, const struct lin_limits *limits);

#endif
