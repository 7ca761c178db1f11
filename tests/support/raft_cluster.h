/* raft_cluster.h -- a group of cores in virtual time, on a network that loses, delays, duplicates and reorders, with
 * partitions, one-way cuts, pauses, and crashes at any point of a step, after which a replica comes back with what its
 * disk held; with clients; and with the properties of Raft's Figure 3 checked as it goes.
 *
 * Everything follows from the seed. Nothing is written anywhere: what went wrong is in `error`. */
#ifndef FAULTLINE_TESTS_RAFT_CLUSTER_H
#define FAULTLINE_TESTS_RAFT_CLUSTER_H

#include "../../src/raft.h"

struct raft_cluster_config {
    unsigned size;    /* 1 to RAFT_MEMBERS_MAX */
    unsigned outside; /* so many of them wait to be added */
    bool changes;     /* while there are faults, an administrator adds, removes, and moves leadership at random */
    uint64_t seed;
    double loss, duplication; /* of datagrams between replicas */
    bool faults;              /* partitions, cuts, pauses, very late datagrams */
    bool batches;             /* datagrams that come at about the same time are inputs of one step */
    bool answer_again;        /* as in struct raft_config: of two copies each may be answered, otherwise perhaps */
    bool crashes;             /* of one replica or of all */
    uint64_t compact_entries; /* as in struct raft_config */
    uint64_t faulty_us;       /* then all is healed, and every request must be answered */
    enum raft_reads reads;
    unsigned drift_ppm, real_drift_ppm; /* what the core reckons with; how much clocks do differ */
    bool clocks_sleep; /* a paused node's clock stands still, as on a host that was suspended; not with crashes */
    unsigned clients;
};

/* How much of what a run is for has happened: a test that saw none of it proves nothing. */
struct raft_cluster_counts {
    uint64_t steps, joined, leaders, truncations, refusals, step_downs, commits, reads, leased, redirects, holds,
        duplicates, late_losers, members_added, members_removed, leaders_removed, transfers, changes_refused,
        acknowledged, messages, crashes, compactions, snapshots, chunks, installs;
};

struct raft_cluster_result {
    char error[256]; /* "": all properties held; else what broke, with seed and virtual time */
    struct raft_cluster_counts counts;
};

void raft_cluster_run(const struct raft_cluster_config *cfg, struct raft_cluster_result *out);

#endif
