/* recovery.h -- how long a durable replica takes to be back with a long log. */
#ifndef FAULTLINE_BENCH_RECOVERY_H
#define FAULTLINE_BENCH_RECOVERY_H

#include "closed_loop.h"

struct recovery {
    uint64_t entries, file_bytes;
    double build_s, seconds; /* to write the log, in one change; from the start of the process to its first answer */
};

/* Below `parent`, with the replica `program`. */
bool recovery_measure(struct recovery *out, uint64_t entries, const char *program, const char *parent,
                      char err[LOAD_ERR_LEN]);

#endif
