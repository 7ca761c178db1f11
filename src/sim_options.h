/* sim_options.h -- the command line of simulate. */
#ifndef FAULTLINE_SIM_OPTIONS_H
#define FAULTLINE_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim_dir.h"

enum { SIM_REPLICA_ARGS_MAX = 32, SIM_UNDO_MAX = 4096 };

/* Strings are borrowed from argv. */
struct sim_options {
    bool help, help_scenario, version;             /* print that and end; nothing else counts then */
    const char *command[SIM_REPLICA_ARGS_MAX + 2]; /* the replica's program and arguments, NULL-terminated; the program
                                                    * is NULL when in_process */
    bool in_process;                               /* our own replicas, in virtual time */
    size_t n_command;
    const char *reads, *out, *scenario;
    const char *replay, *decisions; /* NULL: none. With `replay` there is no scenario: it comes from that directory */
    bool swarm;                     /* each seed makes its own scenario; there is no other */
    bool has_seed, data, force, check, bodies, silence, quiet, verify, go_on;
    enum {
        SIM_TRACE_ALWAYS,
        SIM_TRACE_FAIL,
        SIM_TRACE_OFF
    } trace; /* of a run in virtual time: when are traces written? */
    /* A campaign: */
    bool seeds, no_check, black_box, stop, coverage, mutate;
    uint64_t seed_from, seed_to;
    /* A run that is made again with something undone: faults (F3) left out, lost datagrams (d:17) delivered. `replay`
     * has its directory then. */
    struct sim_undone {
        bool deliver;
        const char *what;
    } undo[SIM_UNDO_MAX];
    size_t n_undo;
    /* A run that is to be shrunk, in `replay` too, and for how many seconds at most. */
    bool shrink;
    double budget;
    unsigned jobs; /* 0: as many as there are cores */
    uint64_t seed;
};

/* What --help prints, in parts; NULL-terminated. */
extern const char *const sim_options_help[];

/* 0, or 64 after words on stderr. */
int sim_options_parse(int argc, char **argv, struct sim_options *o);
/* Where the replica's program is: its path goes to `path`, which o->command[0] points to then. A name without a slash
 * means the file of that name here, if there is one, before the one in PATH. 0, or 66 after words on stderr. */
int sim_options_find_program(struct sim_options *o, char path[SIM_PATH_MAX]);
/* The line for a shell that makes the same choices again, once o->seed is known; the caller's. */
char *sim_options_rerun(const struct sim_options *o, const char *self);

#endif
