/* sim_report.h -- what a run came to, for people (stdout) and for programs (run.json). */
#ifndef FAULTLINE_SIM_REPORT_H
#define FAULTLINE_SIM_REPORT_H

#include <stdio.h>
#include "sim_run.h"

/* The course's statistics, checks and tiers, then what its simulator does not see. */
void sim_report_print(FILE *out, const struct sim_config *c, struct sim_result *r);
/* The sections "statistics", "checks", "tiers" and the rest of the outcome, added to `run`. Times in ns. */
void sim_report_json(json_t *run, const struct sim_config *c, struct sim_result *r, int status);

/* 0 passed, 1 a check failed, 2 no progress after the last fault, or cut short by a signal. */
int sim_report_status(const struct sim_result *r);
/* One word or two for it. */
const char *sim_report_verdict(int status);

#endif
