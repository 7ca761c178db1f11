/* trace_tally.h -- what replicas did, counted in their traces: datagrams between replicas and writes to stable storage.
 */
#ifndef FAULTLINE_BENCH_TRACE_TALLY_H
#define FAULTLINE_BENCH_TRACE_TALLY_H

#include "members.h"

struct trace_tally {
    uint64_t from[MEMBERS_MAX]; /* bytes of each trace at the last trace_tally_skip() */
    uint64_t messages, syncs, records, bytes;
};

/* What is in the traces already does not count. */
void trace_tally_skip(struct trace_tally *t, const struct members *m);
/* Adds what came since. Every record of what was answered is in its file: replicas write before they send. */
void trace_tally_add(struct trace_tally *t, const struct members *m);

#endif
