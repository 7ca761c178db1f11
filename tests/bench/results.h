/* results.h -- all that was measured in one run: as a table, as ratios, as JSON. */
#ifndef FAULTLINE_BENCH_RESULTS_H
#define FAULTLINE_BENCH_RESULTS_H

#include "cell.h"
#include "recovery.h"

#define RESULTS_MAX 96

struct results {
    struct cell cell[RESULTS_MAX];
    unsigned n;
    struct recovery recovery; /* entries 0: not measured */
    double bytes_per_entry;   /* resident memory of a replica for each entry that it keeps; 0: not measured */
};

void results_heading(void);
/* One line of the table. */
void results_row(const struct cell *c);
/* Ours against the others and against ourselves without a trace; only what was measured in this run. */
void results_ratios(const struct results *r);
bool results_json(const struct results *r, const char *path);

#endif
