/* sim_case.h -- a run in virtual time as something to be changed and tried: a scenario, a seed, and the decisions that
 * are given. Used where runs are shrunk (sim_shrink.h) and where something in one is undone (sim_undo.h).
 *
 * Aborts on out of memory. */
#ifndef FAULTLINE_SIM_CASE_H
#define FAULTLINE_SIM_CASE_H

#include <jansson.h>
#include "sim_options.h"
#include "sim_run.h"

struct sim_case {
    json_t *scenario; /* owned */
    uint64_t seed;
    struct sim_given *given; /* owned, and its strings */
    size_t n_given, room;
};

/* What all cases of one run have in common. All borrowed. */
struct sim_case_of {
    const struct sim_options *o; /* as sim_save_load() has filled it */
    const char *version;
};

/* How a run failed: what must stay the same for it to be the same failure. */
struct sim_failure {
    int status;         /* 0 it did not, 1 a violation, 2 undecided or no progress, 64 and up: it could not be judged */
    char first[16];     /* the rule of Raft whose violation came first; "": none is violated */
    char class[96];     /* of the worst violation */
    char classes[2048]; /* of all, each after and before a line feed */
    char check[16];     /* the check of the worst; "run": of the run itself */
    char checks[512];   /* all that are violated, each after and before a line feed */
    char title[200];
    int64_t t;       /* ns since the epoch of the run, when both have happened; 0: not known */
    char oracle[16]; /* the rule that broke for the oracle, which ended the run; "": none */
};

/* The case of a run directory, whose run.json is in `o` already. 0, or the exit status with words in `err`. */
int sim_case_load(struct sim_case *c, const struct sim_options *o, char err[SIM_CONFIG_ERR]);
struct sim_case sim_case_copy(const struct sim_case *c);
void sim_case_free(struct sim_case *c);
/* One given decision more; of two about the same the later counts. */
void sim_case_give(struct sim_case *c, const char *kind, const char *name, int64_t value);
/* All decisions of recorded lines (struct sim_result). */
void sim_case_give_lines(struct sim_case *c, const char *lines, size_t n);

/* The scenario as it is run. False when it is none, with words in `err`. */
bool sim_case_config(const struct sim_case *c, const struct sim_options *o, struct sim_config *cfg,
                     char err[SIM_CONFIG_ERR]);
/* Runs it, everything recorded; `r` is to be released whatever comes back. 0, or the exit status. */
int sim_case_run(const struct sim_case *c, const struct sim_case_of *of, struct sim_result *r);
/* How the run `r` of it failed. `scratch` is an empty directory, and is so again afterwards. With `only` not NULL a
 * run is judged by the oracle alone if the rule that broke first for that one's is not what broke here. */
void sim_case_judge(const struct sim_result *r, const char *scratch, const struct sim_failure *only,
                    struct sim_failure *f);
/* Does a run that failed as `f` fail like `like`: a violation of its class, and the same first rule? */
bool sim_failure_like(const struct sim_failure *f, const struct sim_failure *like);
/* Is the check still violated that was `before`, whatever the class? A stale read is one whoever answers it. */
bool sim_failure_still(const struct sim_failure *f, const struct sim_failure *before);

/* Makes the directory of this run of it, `r`, which failed as `f`: o->out, else runs/NAME-SEED. `about` (NULL: nothing)
 * goes into run.json as it is. The directory's name is printed. 0, or the exit status with words in `err`. */
int sim_case_keep(const struct sim_case *c, const struct sim_case_of *of, struct sim_result *r,
                  const struct sim_failure *f, char **argv, json_t *about, char err[SIM_CONFIG_ERR]);

/* A new directory for traces that live for a moment, in memory where there is such a place. False with words on
 * stderr. */
bool sim_case_scratch(char path[SIM_PATH_MAX]);
/* Removes the files in it. */
void sim_case_empty(const char *dir);

#endif
