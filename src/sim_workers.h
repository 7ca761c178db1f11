/* sim_workers.h -- processes that judge the seeds of a campaign, and the parent that hears of each. */
#ifndef FAULTLINE_SIM_WORKERS_H
#define FAULTLINE_SIM_WORKERS_H

#include "sim_trial.h"

/* One outcome has come; in no order. */
typedef void sim_outcome_fn(void *ctx, const struct sim_outcome *o);
/* Called now and then. */
typedef void sim_tick_fn(void *ctx);

/* Judges the seeds from..to with `jobs` processes and returns when all have been heard of. A seed at which a process
 * dies is an outcome like another. With o->stop, no seed after the lowest that fails is begun, and all before it are
 * judged. 0; 128 + N when signal N interrupted it: then no process is left either; 70 with words on stderr. */
int sim_workers_run(const struct sim_trial *t, uint64_t from, uint64_t to, unsigned jobs, sim_outcome_fn *heard,
                    sim_tick_fn *tick, void *ctx);

#endif
