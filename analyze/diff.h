/* diff.h -- where two runs part, in Raft's coordinates, and what followed from it. */
#ifndef FAULTLINE_DIFF_H
#define FAULTLINE_DIFF_H

#include <stdio.h>

#include "diff_streams.h"

/* One of the two: `label` is what it is called in the output ("fail", "pass", or "A", "B"). */
struct diff_run {
    struct db *db;
    int64_t run_id;
    const char *label;
};

/* Compares on one level, or (level == DIFF_LEVELS) on Raft's, then the clients', then the network's, until they part.
 * False on a database error of either. */
bool diff_print(const struct diff_run *a, const struct diff_run *b, enum diff_level level, FILE *out);

#endif
