/* sim_save.h -- the directory of a run in virtual time, from which it can be had again: beside run.json
 *
 *   NODE.BOOT.jsonl   traces
 *   scenario.json     the scenario, with its name
 *   decisions.jsonl   what chance decided (sim_decide.h); may be edited
 *   rerun.sh          the same run again: simulate --replay of this directory */
#ifndef FAULTLINE_SIM_SAVE_H
#define FAULTLINE_SIM_SAVE_H

#include "sim_options.h"
#include "sim_run.h"

/* Writes all but run.json into `dir`, which exists. 0, or 74 with words in `err`. */
int sim_save(const struct sim_result *r, const struct sim_config *c, const char *dir, char err[512]);

/* What run.json says of how a run in virtual time was started. */
struct sim_saved {
    json_t *run; /* owns the strings that `o` borrows; released with json_decref() */
    char scenario[SIM_PATH_MAX + 32], decisions[SIM_PATH_MAX + 32]; /* files; decisions: "" when there are none */
};

/* Reads `dir`/run.json into `o`, where the command line has not said otherwise. 0, or 65 or 66 with words in `err`. */
int sim_save_load(const char *dir, struct sim_options *o, struct sim_saved *saved, char err[512]);

#endif
