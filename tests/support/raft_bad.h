/* raft_bad.h -- for tests: rules of Raft, each with a trace that breaks it by one deviation. */
#ifndef FAULTLINE_TEST_RAFT_BAD_H
#define FAULTLINE_TEST_RAFT_BAD_H

#include <stddef.h>

#include "raft_trace.h"

struct raft_bad {
    const char *name;         /* of the test */
    const char *rule, *class; /* what must be found: see rt_expect() */
    void (*scenario)(struct raft_trace *rt);
};

/* A test for each: `before` opens a group and lets it do what comes before the deviation, then the scenario must be
 * found. Returns how many failed. */
int raft_bad_run(const char *group, const struct raft_bad *bads, size_t n, void (*before)(struct raft_trace *rt));

#endif
