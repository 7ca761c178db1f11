/* sim_campaign.h -- `simulate SCENARIO --seeds A..B`: many runs in virtual time, on all cores, each judged; what failed
 * is sorted into classes, and of each class some runs are kept. What comes out depends on the seeds alone, not on how
 * many processes took part. */
#ifndef FAULTLINE_SIM_CAMPAIGN_H
#define FAULTLINE_SIM_CAMPAIGN_H

#include "sim_options.h"

/* The exit status, after a line for each class on stdout: 0, 1 some run violated something, 2 some run is undecided, 64
 * and up. The directory gets campaign.json, and a directory SEED for each run that is kept: of each class the one with
 * the smallest trace and those of the lowest seeds. */
int sim_campaign(struct sim_options *o, char **argv, const char *version);

#endif
