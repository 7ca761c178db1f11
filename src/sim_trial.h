/* sim_trial.h -- one seed of a campaign: run in virtual time, judged by the oracle, the clients and `analyze check`,
 * and run again to be kept when it is worth it: the same seed is the same run. */
#ifndef FAULTLINE_SIM_TRIAL_H
#define FAULTLINE_SIM_TRIAL_H

#include "sim_config.h"
#include "sim_corpus.h"
#include "sim_coverage.h"
#include "sim_options.h"

/* What the seeds of a campaign have in common. All borrowed. */
struct sim_trial {
    const struct sim_options *o;
    const struct sim_config *c;
    const char *const *argv; /* our command line, for run.json */
    const char *version;
    struct sim_coverage *coverage;   /* NULL: none */
    const struct sim_corpus *corpus; /* no mutants unless it says so */
};

struct sim_outcome {
    uint64_t seed;
    int status;     /* 0 passed, 1 a violation, 2 undecided or no progress; 64 and up: it could not be judged */
    char rule[16];  /* what broke first: a rule of the analyzer or the oracle, or "run" for a check of the run itself */
    char class[96]; /* what failing runs have in common */
    char title[200];
    uint64_t size;   /* of the trace in bytes; without traces, datagrams between replicas */
    int64_t elapsed; /* ns of virtual time */
};

/* `scratch` is an empty directory, and is so again afterwards. */
void sim_trial_judge(const struct sim_trial *t, uint64_t seed, const char *scratch, struct sim_outcome *out);
/* Makes the directory of this run; `whole`: with traces and report.txt. 0, or 73 or 74 with words in `err`. */
int sim_trial_keep(const struct sim_trial *t, uint64_t seed, bool whole, const char *dir, char err[512]);

#endif
