/* sim_run.h -- one run of a scenario: with real processes in real time, or with our own replicas in virtual time. */
#ifndef FAULTLINE_SIM_RUN_H
#define FAULTLINE_SIM_RUN_H

#include <stdbool.h>
#include "sim_config.h"
#include "sim_verdict.h"

enum { SIM_LEADERS_KEPT = 64 };

/* What the run is started with. All borrowed. */
struct sim_plan {
    const struct sim_config *cfg;
    uint64_t seed;
    const char *const *command; /* of a replica: program, options; NULL-terminated. NULL: ours, in virtual time */
    const char *const *args;    /* options of our own replicas, NULL-terminated; NULL: none */
    const char *data;           /* --data for the replicas: a directory that exists; NULL: none */
    const char *reads;          /* FAULTLINE_READS for the replicas; NULL: left alone */
    const char *dir;            /* of the run, absolute; exists */
    const char *version;
    const char *argv;           /* our own command line, for the trace's header */
    bool bodies, quiet, silent; /* record datagrams whole; nothing on stderr; no replicas' lines there */
};

enum sim_end { SIM_ENDED, SIM_ENDED_PACKETS, SIM_ENDED_TRIES, SIM_ENDED_INCORRECT, SIM_ENDED_NOBODY, SIM_ENDED_SIGNAL };
extern const char *const sim_end_words[];

struct sim_result {
    struct sim_stats stats; /* to be released with sim_stats_free() */
    struct sim_verdict verdict;
    enum sim_end end;
    bool no_progress;                  /* shared clients: nothing succeeded in the 5 s or more after the last fault */
    int64_t quiet_for;                 /* ns between the last fault and the end of the load */
    int64_t elapsed, epoch, wall_us;   /* ns; ns on CLOCK_MONOTONIC; microseconds */
    int64_t records_lost;              /* trace records for which there was no room */
    uint64_t hash;                     /* of all traces, in virtual time */
    bool trace_cut;                    /* the last ones could not be written: disk full, file too large */
    unsigned signal;                   /* SIM_ENDED_SIGNAL: which */
    char leaders[SIM_LEADERS_KEPT][5]; /* as the course's simulator saw them change */
    size_t n_leaders;                  /* may exceed SIM_LEADERS_KEPT: the rest was not kept */
};

/* 0, or the exit status with words in `err`: 66 a replica cannot be started, 73 the trace cannot be made, 70. Whatever
 * happens, no replica is left running. */
int sim_run(const struct sim_plan *plan, struct sim_result *result, char err[512]);

#endif
