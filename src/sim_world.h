/* sim_world.h -- where a run takes place. Everything that touches sockets, processes or a clock is behind this table;
 * what is above it (clients, network, faults, records, verdict) is the same in both worlds:
 *
 *   sim_real      processes of any program, UDP sockets on 127.0.0.1, CLOCK_MONOTONIC
 *   sim_virtual   our own replicas in this process, a clock that jumps to what happens next: same seed, same bytes
 *
 * All times are ns since the epoch of the run. One thread. */
#ifndef FAULTLINE_SIM_WORLD_H
#define FAULTLINE_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_run;
struct sim_disk_quality;

struct sim_world {
    const char *clock; /* of the trace's header */
    bool constant;     /* the same plan gives the same bytes: nothing may be recorded that is not of the plan */
    /* Makes run->own and fills epoch and wall_us of the result. 0, or the exit status with words in `err`; then only
     * close() may follow. */
    int (*open)(struct sim_run *run, char err[512]);
    void (*close)(struct sim_run *run);
    int64_t (*now)(const struct sim_run *run);
    /* Starts replica i, which does not run: the start number node[i].boot, with the arguments it had before. 0, or the
     * exit status with words in `err`. */
    int (*start)(struct sim_run *run, unsigned i, char err[512]);
    bool (*runs)(const struct sim_run *run, unsigned i);
    /* SIGTERM, SIGKILL, SIGSTOP or SIGCONT. In vain when it does not run. */
    void (*signal)(struct sim_run *run, unsigned i, int sig);
    /* The clock of replica i jumps by `jump` ns, forwards only as monotonic clocks do, and runs at `ppm` millionths of
     * its rate from now on, through restarts too. NULL: this world has but one clock. */
    void (*set_clock)(struct sim_run *run, unsigned i, int64_t ppm, int64_t jump);
    /* What the disk of replica i does from now on, by itself or as what `begins`; q NULL: it works. NULL: the world has
     * no say in that. */
    void (*disk)(struct sim_run *run, unsigned i, const struct sim_disk_quality *q, bool begins);
    /* The running replica that takes itself for leader, of the highest term, or -1. NULL: nobody can look into it. */
    int (*leader)(const struct sim_run *run);
    /* Is replica i in the latest configuration, as far as the log of replica `as`, which runs, tells? NULL: nobody can look
     * into it. */
    bool (*member)(const struct sim_run *run, unsigned as, unsigned i);
    /* The term of replica i, which runs. NULL with member. */
    uint64_t (*term)(const struct sim_run *run, unsigned i);
    /* Is no change of members under way, as far as replica `as`, which runs, tells? NULL with member. */
    bool (*settled)(const struct sim_run *run, unsigned as);
    /* Replica i, which does not run, has an empty disk from now on, and is no member when it starts. NULL with member. */
    void (*wipe)(struct sim_run *run, unsigned i);
    /* What replica i, which runs, is about, in some words. NULL: nobody can look into it. */
    void (*describe)(const struct sim_run *run, unsigned i, char text[160]);
    /* Nothing comes from replica i any more, not even what it has sent already, and nothing reaches it. For good. */
    void (*hang_up)(struct sim_run *run, unsigned i);
    /* Hands a datagram to replica i, which runs and has said hello. False: it did not get there; errno says why. */
    bool (*deliver)(struct sim_run *run, unsigned i, const char *bytes, size_t n);
    /* Lets time pass until `deadline`, or until something happens before it: what replicas send goes to
     * sim_route_datagram(), ends to sim_node_ended(). */
    void (*wait)(struct sim_run *run, int64_t deadline);
    /* The run is over: ends every replica, by force where needed, and records it. */
    void (*stop)(struct sim_run *run);
};

extern const struct sim_world sim_real, sim_virtual;

#endif
