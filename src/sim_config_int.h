/* sim_config_int.h -- for the sim_config*.c only: reading keys with bounds, collecting problems. */
#ifndef FAULTLINE_SIM_CONFIG_INT_H
#define FAULTLINE_SIM_CONFIG_INT_H

#include "sim_config.h"

struct reading {
    const char *file; /* for messages */
    char *err, *warnings;
    bool bad;
};

/* Adds the line "FILE: KEY: reason". */
__attribute__((format(printf, 3, 4))) void config_problem(struct reading *r, const char *key, const char *format, ...);

/* A number in [min, max] at o[key], or `fallback` when the key is missing. `path` is the key's full name. A number out
 * of bounds or of another type is a problem and gives the fallback. */
double config_number(struct reading *r, const json_t *o, const char *key, const char *path, double min, double max,
                     double fallback);
/* The same for integers. */
int64_t config_integer(struct reading *r, const json_t *o, const char *key, const char *path, int64_t min, int64_t max,
                       int64_t fallback);
/* Warns of keys of `o` that are none of `known` (NULL-terminated) but nearly. */
void config_spelling(struct reading *r, const json_t *o, const char *path, const char *const *known);

/* Our optional keys: clients, network, faults. Needs replicas, requests, lifetime in `c`; appends to c->faults. */
void config_ours(struct reading *r, const json_t *scenario, struct sim_config *c);
/* Of these, the faults. */
void config_faults(struct reading *r, const json_t *scenario, struct sim_config *c);
/* Appends a zeroed fault to c->faults. */
struct sim_fault *config_add_fault(struct sim_config *c);

#endif
