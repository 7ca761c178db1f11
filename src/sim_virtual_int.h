/* sim_virtual_int.h -- for the sim_virtual*.c only: replicas in this process. */
#ifndef FAULTLINE_SIM_VIRTUAL_INT_H
#define FAULTLINE_SIM_VIRTUAL_INT_H

#include <setjmp.h>
#include <signal.h>
#include "replica.h"
#include "replica_options.h"
#include "sim_disk.h"
#include "sim_run_int.h"

/* Datagrams that wait in a replica's socket, in the order of their arrival. */
struct virtual_letter {
    size_t n;
    char *bytes; /* owned */
};
struct virtual_inbox {
    struct virtual_letter *letter;
    size_t first, end, room; /* letters first..end-1 wait */
    size_t bytes;            /* of all that wait */
    uint64_t taken;          /* letters so far */
};

/* A replica's clock: what it shows is `local` at `base`, and from there on `ppm` millionths of the time that passes. */
struct virtual_clock {
    int64_t base, local;
    int64_t ppm;
};

/* What a core looked like after a step. */
struct virtual_sight {
    struct raft_brief brief;
    node_id voted;
    uint64_t base, last_term, conf; /* conf: a hash */
};

/* Its disk, when it has one: the scenario says "durable". */
struct virtual_disk {
    struct sim_disk *disk; /* stays from start to start; NULL: none */
    struct store *store;   /* of the replica that runs */
    struct store_found found;
    struct sim_disk_quality trouble; /* while a fault hits it */
    bool troubled, saving;
    int64_t done_at;                 /* when the save is done that it waits for; 0: none is under way */
    size_t recorded;                 /* of its tape, when that save began */
    uint64_t taken;                  /* from its inbox by then */
    struct virtual_letter *withheld; /* what it sends after that */
    size_t n_withheld, withheld_room;
    uint64_t saves;
    unsigned rotten; /* bits */
    unsigned wiped;  /* how often it was exchanged for an empty one */
};

struct virtual_node {
    struct sim_run *run;
    unsigned i;
    struct options options;
    struct replica *replica; /* NULL: it does not run */
    struct trace_writer *trace;
    struct sim_tape *tape;
    struct virtual_clock clock;
    struct virtual_inbox inbox;
    struct virtual_disk disk;
    int64_t timer; /* when its timer is due, in the time of the run; INT64_MAX: none is armed */
    bool paused;
    struct virtual_sight sight;
    bool broken; /* an assertion failed in it: it must not be touched any more */
};

struct virtual
{
    struct virtual_node node[SIM_REPLICAS_MAX];
    int64_t now;
    sigjmp_buf escape;        /* out of a replica whose assertion failed */
    struct sigaction aborted; /* what SIGABRT did before */
};

static inline struct virtual *virtual_of(const struct sim_run *run)
{
    return run->own;
}

/* Reads the options. 0, or 64 with words in `err`. */
int virtual_node_open(struct sim_run *run, unsigned i, char err[512]);
void virtual_node_close(struct sim_run *run, unsigned i);
/* 0, or the exit status of a process that cannot start with words in `err`. */
int virtual_node_start(struct sim_run *run, unsigned i, char err[512]);
/* When it has something to do; INT64_MAX: never, as things are. */
int64_t virtual_node_due(const struct sim_run *run, unsigned i);
/* Takes what has arrived, all of it as one step, and lets the timer fire if it is due. */
void virtual_node_step(struct sim_run *run, unsigned i);
/* A datagram has arrived. False: it did not fit into the buffer of its socket. */
bool virtual_node_take(struct sim_run *run, unsigned i, const char *bytes, size_t n);
/* As sim_world.set_clock: a jump in ns, a rate in millionths. */
void virtual_node_set_clock(struct sim_run *run, unsigned i, int64_t ppm, int64_t jump);
/* These as sim_world says. */
int virtual_node_leader(const struct sim_run *run);
bool virtual_node_member(const struct sim_run *run, unsigned as, unsigned i);
uint64_t virtual_node_term(const struct sim_run *run, unsigned i);
bool virtual_node_settled(const struct sim_run *run, unsigned as);
void virtual_node_wipe(struct sim_run *run, unsigned i);
/* Its role, term, vote, leader and log, in words. */
void virtual_node_describe(const struct sim_run *run, unsigned i, char text[160]);
/* As SIGTERM and SIGKILL do. */
void virtual_node_stop(struct sim_run *run, unsigned i, bool stopping);
void virtual_node_kill(struct sim_run *run, unsigned i);

/* ---- sim_virtual_abort.c: an assertion that fails ends one replica, as it would its process ---- */
void virtual_abort_open(struct virtual *v);
void virtual_abort_close(struct virtual *v);
/* Runs `body`; false when an assertion failed in it. */
bool virtual_abort_guard(struct virtual *v, void (*body)(void *ctx), void *ctx);

/* ---- sim_virtual_watch.c ---- */
/* The replica has started; it has done a step: tells the faults that wait for it. */
void virtual_watch_start(struct virtual_node *node);
void virtual_watch(struct virtual_node *node);

/* ---- sim_virtual_disk.c: all of it does nothing where nothing is durable, but for virtual_disk_persist() ---- */
/* Opens the store. 0, or the exit status of a process that cannot. */
int virtual_disk_start(struct virtual_node *node);
/* The core has read what it wanted. */
bool virtual_disk_is_read(struct virtual_node *node);
/* replica_io.persist */
bool virtual_disk_persist(void *node, struct store_change *change);
/* Keeps what is sent while a save is under way. False: none is. */
bool virtual_disk_withholds(struct virtual_node *node, const char *bytes, size_t n);
/* The save that was under way is done: what came after it happens. */
void virtual_disk_done(struct virtual_node *node);
/* The process is gone: in the middle of something, or it has ended by itself. `power`: that may be gone too. */
void virtual_disk_end(struct virtual_node *node, bool killed, bool power);
void virtual_disk_close(struct virtual_node *node);
/* An empty disk takes the place of that of a replica that does not run. */
void virtual_disk_wipe(struct virtual_node *node);
/* From now on it does that; NULL: it works. */
void virtual_disk_trouble(struct virtual_node *node, const struct sim_disk_quality *q, bool begins);

/* ---- sim_virtual_clock.c ---- */
int64_t virtual_clock_at(const struct virtual_clock *c, int64_t t);
/* The earliest time at which the clock shows `local` or more. */
int64_t virtual_clock_when(const struct virtual_clock *c, int64_t local);

#endif
