/* cell.h -- one row of the result: a kind of server under a load, measured in several rounds. */
#ifndef FAULTLINE_BENCH_CELL_H
#define FAULTLINE_BENCH_CELL_H

#include "members.h"
#include "trace_tally.h"

struct cell {
    const char *system, *storage, *reads; /* "faultline" "etcd" "redis"; "memory" "disk" "ram"; "" for puts */
    unsigned members, clients;
    bool traced;
    enum load_op op;
    /* sums over the rounds */
    struct load_result load;
    double server_cpu_s;
    struct trace_tally tally;
};

/* One more round on a group that runs. False, with words in `err`. */
bool cell_round(struct cell *c, struct members *m, const struct load_server *server, double warm_s, double measure_s,
                char err[LOAD_ERR_LEN]);

double cell_rate(const struct cell *c); /* operations per second */

#endif
