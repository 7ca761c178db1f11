/* sim_class.h -- what a campaign found: one class for all runs that failed alike, with its seeds. Aborts on out of
 * memory. */
#ifndef FAULTLINE_SIM_CLASS_H
#define FAULTLINE_SIM_CLASS_H

#include <jansson.h>
#include <stdio.h>
#include "sim_trial.h"

struct sim_class {
    struct sim_outcome first, smallest; /* of the lowest seed; of the smallest trace, and of these of the lowest seed */
    uint64_t *seed;                     /* all, in no order until sim_classes_sort() */
    size_t n, room;
};

struct sim_classes {
    struct sim_class *v;
    size_t n, room;
    uint64_t runs, failed, undecided, unjudged;
    int64_t elapsed; /* ns of virtual time, of all runs */
};

void sim_classes_free(struct sim_classes *c);
/* The same classes come out whatever the order. */
void sim_classes_add(struct sim_classes *c, const struct sim_outcome *o);
/* By their first seeds; and the seeds of each. */
void sim_classes_sort(struct sim_classes *c);
/* One line for each. */
void sim_classes_print(const struct sim_classes *c, FILE *out, const char *dir);
json_t *sim_classes_json(const struct sim_classes *c);
/* Of all: 0, 1 a violation, 2 undecided, 64 and up when a run could not be judged. */
int sim_classes_status(const struct sim_classes *c);

#endif
