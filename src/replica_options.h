/* replica_options.h -- what the replica is told by its command line and environment. */
#ifndef FAULTLINE_REPLICA_OPTIONS_H
#define FAULTLINE_REPLICA_OPTIONS_H

#include "raft.h"

#define OPTIONS_ERR_LEN 256

struct options {
    bool help, version; /* print that and end; nothing else is set then */
    uint16_t port;
    struct raft_config core; /* `peers` points to peer_ids; without a seed unless seed_given */
    node_id peer_ids[RAFT_MEMBERS_MAX];
    bool seed_given;
    /* tracing */
    const char *trace_dir; /* NULL: off */
    const char *run;       /* a safe file name; NULL: that of the parent process */
    int64_t boot;          /* 0: the next free one */
    bool epoch_given, strict;
    uint64_t epoch_ns;
    unsigned hash_every;
};

/* Looks a name up in the environment: getenv(), or a test's own. */
typedef char *options_env(const char *name);

/* Fills `o`; strings in it are borrowed from argv and the environment. Options win over the environment. False, with
 * one line of what is wrong and what would be right in `err`, when there is no sense in it. */
bool options_parse(struct options *o, int argc, char **argv, options_env *env, char err[OPTIONS_ERR_LEN]);

extern const char options_help[];

#endif
