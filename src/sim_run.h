/* sim_run.h -- one run of a scenario: with real processes in real time, or with our own replicas in virtual time. */
#ifndef FAULTLINE_SIM_RUN_H
#define FAULTLINE_SIM_RUN_H

#include <stdbool.h>
#include "sim_config.h"
#include "sim_coverage.h"
#include "sim_oracle.h"
#include "sim_tape.h"
#include "sim_verdict.h"

enum { SIM_LEADERS_KEPT = 64 };

/* A decision that is given (sim_decide.h). */
struct sim_given {
    char *kind, *name;
    int64_t value;
};

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
    const char *argv; /* our own command line, for the trace's header */
    /* Of our own replicas in virtual time: */
    bool traces;                   /* keep theirs and the simulator's */
    struct sim_coverage *coverage; /* where to note what is reached; NULL: nowhere */
    const char *decisions;         /* a file with decisions to be given; NULL: none */
    const struct sim_given *given; /* more of that, after those of the file */
    size_t n_given;
    bool keep_decisions; /* what is decided goes into the result */
    bool name_datagrams; /* the names of datagrams too */
    bool go_on;          /* after the oracle has found a violation */
    /* Of all: */
    bool bodies, quiet, silent; /* record datagrams whole; nothing on stderr; no replicas' lines there */
};

enum sim_end {
    SIM_ENDED,
    SIM_ENDED_PACKETS,
    SIM_ENDED_TRIES,
    SIM_ENDED_INCORRECT,
    SIM_ENDED_NOBODY,
    SIM_ENDED_VIOLATION,
    SIM_ENDED_SIGNAL
};
extern const char *const sim_end_words[];

/* A fault of the scenario that was done. */
struct sim_fault_done {
    int64_t first, last; /* its numbers in the trace */
    int64_t begin;       /* ns after the end of start_wait */
    int origin;          /* struct sim_fault */
    char name[160];      /* of the decision "leave_out" that would have prevented it */
};

struct sim_result {
    struct sim_stats stats;
    struct sim_verdict verdict;
    enum sim_end end;
    bool no_progress;                /* shared clients: nothing succeeded in the 5 s or more after the last fault, or
                                      * after the end of the load, when everything is healed */
    char waiting[2048];              /* then: each replica's state, a line each */
    int64_t quiet_for;               /* ns between the last fault and the end of the load */
    int64_t elapsed, epoch, wall_us; /* ns; ns on CLOCK_MONOTONIC; microseconds */
    int64_t records_lost;            /* trace records for which there was no room */
    /* In virtual time: */
    struct sim_violation violation; /* what the oracle found */
    struct sim_tapes tapes;         /* the traces, when they were to be kept; must not be moved */
    uint64_t hash;                  /* of them */
    char *decisions;                /* lines, when they were to be kept; NULL: not */
    size_t n_decisions;             /* bytes of them */
    struct sim_fault_done *faults;  /* in the order of their numbers, when decisions were to be kept */
    size_t n_faults;
    char *datagrams; /* when plan->name_datagrams: lines "D NAME", NAME as in decisions, one for each receiver */
    size_t n_datagrams;
    bool trace_cut;                    /* the last ones could not be written: disk full, file too large */
    unsigned signal;                   /* SIM_ENDED_SIGNAL: which */
    char leaders[SIM_LEADERS_KEPT][5]; /* as the course's simulator saw them change */
    size_t n_leaders;                  /* may exceed SIM_LEADERS_KEPT: the rest was not kept */
};

/* `result` is to be released with sim_result_free() whatever comes back. In virtual time no file is written.
 *
 * 0, or the exit status with words in `err`: 64 or 65 bad options or decisions, 66 a replica cannot be started, 73 the
 * trace cannot be made, 70. Whatever happens, no replica is left running. */
int sim_run(const struct sim_plan *plan, struct sim_result *result, char err[512]);
void sim_result_free(struct sim_result *result);

#endif
