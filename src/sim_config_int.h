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

/* [min, max] in milliseconds at o[key], in ns: 0 <= min <= max <= SIM_MS_MAX. False: missing, or wrong and said so. */
enum { SIM_MS_MAX = 600000 };
bool config_span(struct reading *r, const json_t *o, const char *key, const char *path, int64_t *min, int64_t *max);

/* Our optional keys: clients, network, faults. Needs replicas, requests, lifetime in `c`; appends to c->faults. */
void config_ours(struct reading *r, const json_t *scenario, struct sim_config *c);
/* Of these, the faults. */
void config_faults(struct reading *r, const json_t *scenario, struct sim_config *c);
/* Appends a zeroed fault to c->faults. */
struct sim_fault *config_add_fault(struct sim_config *c);

/* ---- one fault ---- */

struct one_fault {
    struct reading *r;
    struct sim_config *c; /* its faults grow */
    const json_t *o;
    const char *kind;
    char path[40]; /* "faults[N]" */
};

enum { CONFIG_PATH = 80 };
/* "faults[N].key" */
const char *config_path(const struct one_fault *f, const char *key, char out[CONFIG_PATH]);
/* Seconds after start_wait, as ns; a problem when it is missing. */
int64_t config_time(struct one_fault *f, const char *key);
/* A chance in (0, 1], `fallback` when it is missing; negative: then it is a problem. */
double config_chance(struct one_fault *f, const char *key, double fallback);
/* How often: the fault once, from `begin` to `end` or for `for_ms`; again and again, with `every`; or whenever
 * something happens, with `when`. */
void config_add_band(struct one_fault *f, struct sim_fault fault);
/* The optional keys of a fault that waits for something. False: it waits for nothing, the fault has its own time. */
bool config_trigger(struct one_fault *f, struct sim_fault fault, bool lasts);
enum { SIM_REPEATS_MAX = 10000 };
/* The interval between repetitions, ns; 0: `every` is missing or wrong. */
int64_t config_every(struct one_fault *f);
/* Whom it hits; `all` where that has a meaning. A fault that waits for something hits by default the replica to which
 * it happened. */
void config_target(struct one_fault *f, struct sim_fault *out, bool all);

/* The kinds of faults, in sim_config_partition.c, _links.c and _nodes.c. */
void config_partition(struct one_fault *f);
void config_link(struct one_fault *f);
void config_kill(struct one_fault *f);
void config_pause(struct one_fault *f);
void config_slow(struct one_fault *f);
void config_clock(struct one_fault *f);
/* In sim_config_disk.c; and the keys "durable" and "disk". */
void config_disk_fault(struct one_fault *f);
void config_disk(struct reading *r, const json_t *scenario, struct sim_config *c);
/* The optional key "members", which faults need. */
void config_members_key(struct reading *r, const json_t *scenario, struct sim_config *c);
void config_members(struct one_fault *f);
void config_replace(struct one_fault *f);
/* The optional key "links". */
void config_pairs(struct one_fault *f, struct sim_fault *out);
/* The section "network". */
void config_network(struct reading *r, const json_t *scenario, struct sim_config *c);
/* The section o[key], NULL when it is missing or wrong. */
const json_t *config_section(struct reading *r, const json_t *o, const char *key, const char *path,
                             const char *const *known);

#endif
