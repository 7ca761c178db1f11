/* replica_options.h -- what the replica is told by its command line and environment. */
#ifndef FAULTLINE_REPLICA_OPTIONS_H
#define FAULTLINE_REPLICA_OPTIONS_H

#include "raft.h"

#define OPTIONS_ERR_LEN 256

/* On the wire, what an append takes at most beside its entries, and a chunk beside its data and configuration. */
#define DATAGRAM_REST 400
/* The least --datagram-bytes: what every host on the Internet must take (RFC 791: 576), without IP and UDP headers. */
#define DATAGRAM_LEAST 548
/* The default where a datagram leaves the machine: it fits into an Ethernet frame over IPv6, and through most tunnels.
 */
#define DATAGRAM_NETWORK 1400

struct option_member {
    node_id id;
    const char *address;
};

struct options {
    bool help, version;      /* print that and end; nothing else is set then */
    uint16_t port;           /* of the simulated network; 0: direct, see `listen` */
    struct raft_config core; /* `peers` points to peer_ids, `conf` to conf; without a seed unless seed_given */
    node_id peer_ids[RAFT_MEMBERS_MAX];
    bool seed_given;
    /* stable storage */
    const char *data_dir; /* NULL: memory only */
    const char *cluster;  /* the name of the group: not empty, no control characters */
    /* direct: real addresses, no simulator */
    const char *listen; /* NULL: the simulated network at `port` */
    struct option_member
        members[RAFT_MEMBERS_MAX]; /* as --peer names them: addresses of members, ourselves perhaps too */
    unsigned n_members;
    const char *key_file; /* NULL: datagrams are not authenticated */
    size_t datagram_bytes;
    char conf[CONF_TEXT_MAX + 1];
    /* tracing */
    const char *trace_dir; /* NULL: off */
    const char *run;       /* a safe file name; NULL: that of the parent process */
    int64_t boot;          /* 0: the next free one */
    int64_t boot_least;    /* what the store has counted; set once that is open */
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
