/* replica_run.h -- which run this process belongs to, and the trace file that it writes there. */
#ifndef FAULTLINE_REPLICA_RUN_H
#define FAULTLINE_REPLICA_RUN_H

#include "replica_options.h"
#include "trace.h"

#define RUN_NAME_MAX 256

struct run {
    char name[RUN_NAME_MAX];
    int64_t boot;
    uint64_t epoch_ns;
    struct trace_writer *trace; /* NULL: off, or it could not be opened */
};

enum run_opened {
    RUN_OPENED,     /* with a trace, or without one as asked */
    RUN_UNTRACED,   /* the trace cannot be created: `err` says why; the replica can go on */
    RUN_BOOT_TAKEN, /* FAULTLINE_BOOT names a boot that has a trace already */
    RUN_BAD_EPOCH   /* FAULTLINE_EPOCH_NS lies in the future */
};

/* Finds out what the options leave open. All replicas that one process starts find the same name: the process number and
 * start time of that parent. All on one host that belong together find the same epoch: the start of that parent, and with
 * --listen, where each may be started from elsewhere, the zero of the clock. */
enum run_opened run_open(struct run *run, const struct options *o, char err[TRACE_ERR_LEN]);

#endif
