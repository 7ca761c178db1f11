/* sim_run_int.h -- for sim_run.c, sim_nodes.c, sim_route.c, sim_kill.c, sim_fault.c and the worlds only: the state of a
 * run. */
#ifndef FAULTLINE_SIM_RUN_INT_H
#define FAULTLINE_SIM_RUN_INT_H

#include "sim_clients.h"
#include "sim_decide.h"
#include "sim_net.h"
#include "sim_run.h"
#include "sim_states.h"
#include "sim_world.h"
#include "trace.h"

struct sim_node {
    char id[SIM_ID_LEN];
    unsigned boot; /* starts so far */
    bool said_hello, killed, given_up, hung;
    bool hung_up;                /* by hang_up() of the world */
    int64_t kill_at;             /* when SIGKILL follows; INT64_MAX: it does not */
    bool down;                   /* killed to be started again: from the kill until its next hello */
    int64_t restart_at;          /* when that start is due; INT64_MAX: none is */
    int64_t kill_f, restart_f;   /* the faults in force, while down */
    int64_t started_at;          /* of the last start again */
    bool claims;                 /* its last message named itself as the leader, */
    int64_t claim_term, claim_t; /* in this term, at this time */
    bool rotten;                 /* bits of its disk have turned */
    int64_t unread;              /* datagrams that its end took with it; -1: not known */
    unsigned echoed, warned;     /* lines and warnings shown */
};

/* sim_fault_replace.c: how far the replacement of a server has come. */
struct sim_replacement {
    enum { SIM_REPLACE_NONE, SIM_REPLACE_LEAVES, SIM_REPLACE_JOINS } step;
    int64_t f, due;         /* its fault; when to look again */
    struct sim_fault fault; /* as begun */
    char name[SIM_RULE_NAME];
};

struct sim_open_fault {
    int64_t f, end; /* INT64_MAX: until something else ends it */
    enum sim_fault_kind kind;
    const char *record; /* its kind in the trace */
    unsigned node;      /* SIM_PAUSE, SIM_SLOW, SIM_CLOCK, SIM_DISK_FAULT, SIM_REPLACE */
    int64_t ppm;        /* SIM_CLOCK */
    struct sim_disk_quality disk;
};

struct sim_run {
    const struct sim_plan *plan;
    const struct sim_config *cfg;
    struct sim_result *result;
    struct sim_stats *stats; /* of result */
    struct trace_writer *w;
    const struct sim_world *world;
    void *own; /* of the world */
    struct sim_decider *decider;
    FILE *decided;             /* what is decided, into the result; NULL: not kept */
    FILE *named;               /* which datagram has which name, into the result; NULL: not kept */
    struct sim_oracle *oracle; /* NULL: this world's replicas cannot be looked into */
    struct sim_states *states; /* NULL: nobody wants to know */
    struct sim_net net;
    struct sim_clients *clients;
    struct sim_node node[SIM_REPLICAS_MAX];
    bool living[SIM_REPLICAS_MAX]; /* neither killed, nor ended, nor given up */
    int64_t load_start, load_end;  /* ns since the epoch, as all times here */
    char leader[SIM_ID_LEN];       /* sim.leader of the course */
    int64_t d, f;                  /* numbers of the last datagram and the last fault */
    size_t next_fault;
    struct sim_fault *pending; /* what something has triggered, not begun yet */
    size_t n_pending, pending_room;
    unsigned *triggered;                                /* of each of the scenario's triggers: how often */
    struct sim_replacement replacing[SIM_REPLICAS_MAX]; /* of each replica */
    struct sim_open_fault *open;
    size_t n_open, open_room;
    int64_t course_cut; /* the fault of the course's partition in force; 0: none */
    bool child_ended;   /* a replica may have ended, or could not be started */
    bool over;
};

enum { SIM_RUN_NAME = 256 };

/* ---- sim_run.c ---- */
/* What the headers of the traces call the run. */
void sim_run_name(const struct sim_run *run, char name[SIM_RUN_NAME]);
/* Time since the epoch; also becomes the time of the records to come. */
int64_t sim_now(struct sim_run *run);
/* A line on stderr for the user, with the time. */
__attribute__((format(printf, 2, 3))) void sim_say(struct sim_run *run, const char *format, ...);
/* The same about one replica, at most a few times: the rest is in the trace. */
__attribute__((format(printf, 3, 4))) void sim_warn(struct sim_run *run, unsigned node, const char *format, ...);
/* The administrator's id: that of one more client. */
void sim_run_admin(const struct sim_run *run, char id[SIM_ID_LEN]);
/* The run ends early. */
void sim_end_early(struct sim_run *run, enum sim_end why);

/* ---- sim_nodes.c: the replicas, in whatever world ---- */
/* Starts replica i, the next boot, with the arguments it had before. 0, or the exit status with words in `err`. */
int sim_node_start(struct sim_run *run, unsigned i, char err[512]);
/* Replica i has ended with this status of waitpid(); `stopping`: the run is over. */
void sim_node_ended(struct sim_run *run, unsigned i, int status, bool stopping);
/* How many run. */
unsigned sim_nodes_running(const struct sim_run *run);
/* When a start is due, or a SIGKILL after a SIGTERM in vain. */
int64_t sim_nodes_deadline(const struct sim_run *run);
/* A killed replica is still to come back. */
bool sim_nodes_expected(const struct sim_run *run);

/* ---- sim_route.c: what becomes of datagrams ---- */
/* Takes one datagram from replica i; any bytes. True: it is a hello, so answers go to where it came from. */
bool sim_route_datagram(struct sim_run *run, unsigned i, const char *bytes, size_t n);
/* Delivers what has been on its way long enough. */
void sim_route_arrivals(struct sim_run *run);
/* A request of the administrator reaches replica `to` at once. */
void sim_route_admin(struct sim_run *run, unsigned to, const char *bytes, size_t n, const char *mid);
/* sim_clients_env.send */
void sim_route_request(void *ctx, const struct sim_request *r);

/* ---- sim_kill.c: kills and restarts ---- */
/* Starts those that are due. */
void sim_kill_restart(struct sim_run *run, int64_t now);
/* Makes due what is to be started again at all. */
void sim_kill_hasten(struct sim_run *run);
/* A replica that was started again has said hello. */
void sim_kill_back(struct sim_run *run, unsigned i);

/* ---- sim_fault.c: events and faults ---- */
int64_t sim_fault_deadline(const struct sim_run *run);
void sim_fault_tick(struct sim_run *run, int64_t now);
/* Something that faults may wait for happens to replica `it`. */
void sim_fault_happens(struct sim_run *run, enum sim_when when, unsigned it);
/* Ends every fault that is open, and starts what is to be started again. */
void sim_fault_heal(struct sim_run *run);
/* When the last planned fault has ended. */
int64_t sim_fault_quiet(const struct sim_run *run);

#endif
