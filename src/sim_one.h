/* sim_one.h -- `simulate SCENARIO`: one run, its directory, its verdict. */
#ifndef FAULTLINE_SIM_ONE_H
#define FAULTLINE_SIM_ONE_H

#include <jansson.h>
#include "sim_config.h"
#include "sim_options.h"

/* The exit status, after words on stdout and stderr. `argv` is the command line, for run.json. */
int sim_one(struct sim_options *o, char **argv, const char *version);

/* How the run was started, for run.json; the caller's. */
json_t *sim_describe(const struct sim_options *o, const struct sim_config *c, const char *const *argv,
                     const char *rerun, const char *version);

#endif
