/* sim_config.h -- a scenario: the course's JSON configuration file, unchanged, and a few optional keys of our own.
 *
 * Keys of the course (* = required), with its defaults and bounds; keys that nobody knows are ignored, as there:
 *
 *   lifetime*    int >= 5        seconds during which requests are made
 *   replicas*    int 3..21       1..21 with shared clients
 *   requests*    int >= 0        spread evenly over the lifetime
 *   tests*       object          benchmarks* (total_msgs, failures, duplicates, median_latency: three numbers each),
 *                                maximum_get_fail_fraction 0.5, maximum_put_fail_fraction 0.5,
 *                                maximum_get_generation_fail_fraction 0.1, maximum_appends_batched_fraction 0.5
 *   seed         any             none: a random one, printed
 *   mix          0..1            0.8     fraction of gets
 *   start_wait   0..lifetime     5.0     seconds before the first request
 *   end_wait     0..lifetime     2.0     seconds after the last one
 *   drops        0..1            0.0     loss between replicas
 *   max_packets  requests..900000  20000  messages between replicas that end the run early
 *   events       list            []      {"type": kill_leader | kill_non_leader | part_easy | part_hard | part_end,
 *                                         "time": seconds after start_wait, 0..lifetime}
 *
 * Keys of our own, all optional:
 *
 *   name         string          the file's name without .json
 *   clients      {"mode": "course" | "shared", "count": 8, "keys": 5, "timeout_ms": 1000, "rate": R}
 *                shared: each client does one operation at a time on keys k1..kN that all of them use; every value is
 *                written once. R = operations per second in total (default requests / lifetime). At the end each client
 *                reads every key. With shared clients `tests` may be missing, `requests` too when there is a rate,
 *                and max_packets may be up to 10^9, which is its default.
 *   network      {"loss": p, "duplicate": p, "delay_ms": [min, max]}  between replicas; loss overrides drops; each copy
 *                has a delay of its own, so messages overtake each other. And a few more keys: see struct sim_quality
 *   schedule     "uniform" | {"pct": 2..5}     who is overtaken by whom: see sim_net.h
 *   replica      {"reads": POLICY, "args": ["--compact-entries", "20"]}     options of the replicas
 *   faults       list of objects with a "kind", each an interval of time with a record of its beginning and its end:
 *                partition, loss, delay, duplicate, corrupt, truncate, clog, queue, kill, pause, slow, disk.
 *                sim_config_help has the keys of each.
 *                times as for events
 *   durable      true | false    replicas keep their state on disk
 *   disk         {"latency_ms": [min, max], "power_loss": p, "restart_after_ms": [min, max], "checkpoint_pages": N}
 *                of replicas that are durable in virtual time: struct sim_disk_config */
#ifndef FAULTLINE_SIM_CONFIG_H
#define FAULTLINE_SIM_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_REPLICAS_MAX = 21, SIM_CLIENTS_MAX = 64, SIM_KEYS_MAX = 1000, SIM_CLIENT_BASE = 16 };
enum { SIM_LIFETIME_MIN = 5 }; /* s */
#define SIM_SECOND INT64_C(1000000000)

/* ---- links ---- */

/* The ends of links: the replicas by index, and all clients together. */
enum { SIM_CLIENTS_END = SIM_REPLICAS_MAX, SIM_ENDS };

/* A set of directed links: bit `to` of to[from]. */
struct sim_links {
    uint32_t to[SIM_ENDS];
};

enum sim_damage { SIM_INTACT, SIM_CORRUPT, SIM_TRUNCATED };

/* What links do to the copies that cross them, or an end to what it gets. Zero: nothing. Times in ns. */
struct sim_quality {
    bool any;                                  /* something below is set */
    bool cut;                                  /* nothing passes */
    bool clog;                                 /* nothing arrives until it ends, then all of it */
    double loss, duplicate, corrupt, truncate; /* chances, each copy for itself */
    int64_t after_min, after_max;              /* how much later than its original a duplicate comes: heavy-tailed */
    int64_t delay_min, delay_max;              /* of each copy: uniform */
    double tail;                               /* chance of a further delay: heavy-tailed, bounded Pareto */
    int64_t tail_min, tail_max;
    uint32_t queue;             /* copies under way on one link at most, the others are lost; 0: any */
    unsigned worker;            /* an end that is slow: it takes its inputs one after another, each */
    int64_t work_min, work_max; /* takes so long: uniform; work_max 0: no end is slow */
};

/* ---- faults ---- */

enum sim_fault_kind {
    /* events of the course */
    SIM_PART_EASY,
    SIM_PART_HARD,
    SIM_PART_END,
    SIM_KILL_LEADER,
    SIM_KILL_NON_LEADER,
    /* ours */
    SIM_PARTITION_LEADER,
    SIM_PARTITION_GROUPS,
    SIM_PARTITION_ISOLATE,
    SIM_PARTITION_HALVES,
    SIM_PARTITION_BRIDGE,
    SIM_PARTITION_RING,
    SIM_PARTITION_LINKS,
    SIM_LINK_LOSS,
    SIM_LINK_DELAY,
    SIM_LINK_DUPLICATE,
    SIM_LINK_CORRUPT,
    SIM_LINK_TRUNCATE,
    SIM_LINK_CLOG,
    SIM_LINK_QUEUE,
    SIM_KILL,
    SIM_PAUSE,
    SIM_SLOW,
    SIM_CLOCK,
    SIM_DISK_FAULT,
    SIM_MEMBERS, /* no fault: an administrator's request */
    SIM_REPLACE
};

/* What an administrator asks for; toggle: whichever of add and remove there is to do. */
enum sim_change { SIM_CHANGE_TOGGLE, SIM_CHANGE_ADD, SIM_CHANGE_REMOVE, SIM_CHANGE_TRANSFER, SIM_CHANGES };
extern const char *const sim_change_names[SIM_CHANGES];

enum sim_target {
    SIM_TARGET_LEADER,
    SIM_TARGET_NON_LEADER,
    SIM_TARGET_RANDOM,
    SIM_TARGET_ALL,
    SIM_TARGET_NODE,
    SIM_TARGET_CLIENTS, /* as an end of a link */
    SIM_TARGET_IT       /* the replica to which happened what the fault waits for */
};

/* One end of a link as the scenario names it. */
struct sim_end_name {
    enum sim_target target;
    unsigned node; /* SIM_TARGET_NODE: index of the replica */
};

enum { SIM_PAIRS_MAX = 32 };

struct sim_pair {
    struct sim_end_name from, to;
};

/* What a fault can wait for. Only the virtual world tells of all of these. */
enum sim_when {
    SIM_WHEN_TIME, /* of nothing but its time */
    SIM_WHEN_LEADS,
    SIM_WHEN_VOTES,
    SIM_WHEN_APPENDS,
    SIM_WHEN_TRUNCATES,
    SIM_WHEN_INSTALLS,
    SIM_WHEN_CHANGES,
    SIM_WHEN_ANSWERS,
    SIM_WHENS
};
extern const char *const sim_when_names[SIM_WHENS];

enum sim_direction { SIM_BOTH, SIM_INWARDS, SIM_OUTWARDS };

/* What a disk does. Zero: it works, at once. Times in ns. */
struct sim_disk_quality {
    int64_t latency_min, latency_max;                      /* of a sync: uniform */
    double sync_fails, sync_lies, write_fails, read_fails; /* chances, each operation for itself */
    bool full;                                             /* files grow no more */
    unsigned rot;                                          /* bits that turn when it begins */
};

struct sim_fault {
    enum sim_fault_kind kind;
    int origin; /* its place in the scenario: an index into "faults", or into "events" as -1, -2 ... */
    /* ns after the end of start_wait. Events have no end: end == begin. A kill ends when the replica is started again,
     * at the latest; without a restart it has no end either. */
    int64_t begin, end;
    int64_t for_min, for_max; /* it ends after so long, `end` being the latest; for_max 0: at `end` */
    enum sim_target target;
    unsigned node;                         /* SIM_TARGET_NODE: index of the replica */
    unsigned char group[SIM_REPLICAS_MAX]; /* SIM_PARTITION_GROUPS: the group of each replica */
    enum sim_direction direction;          /* SIM_PARTITION_ISOLATE */
    struct sim_pair pair[SIM_PAIRS_MAX];   /* SIM_LINK_*, SIM_PARTITION_LINKS: which links */
    unsigned n_pairs;                      /* 0: all between replicas */
    struct sim_quality q;                  /* SIM_LINK_*, SIM_SLOW */
    int sig;                               /* SIM_KILL, and: is it started again, after how long? (ns) */
    bool restarts;
    int64_t restart_min, restart_max;
    int64_t ppm_min, ppm_max, jump_min, jump_max; /* SIM_CLOCK: how fast it runs, in millionths; how far it jumps, ns */
    struct sim_disk_quality disk;                 /* SIM_DISK_FAULT */
    enum sim_change change;                       /* SIM_MEMBERS */
    /* A fault that waits for something happens each time that happens between `begin` and `end`, with this chance, so
     * much later (ns), and not more often than `limit`, 0: any number of times. */
    enum sim_when when;
    double chance;
    int64_t within_min, within_max;
    unsigned limit;
    char about[96]; /* of one that was triggered: the name of that decision; else "" */
};

enum sim_metric { SIM_TOTAL_MSGS, SIM_FAILURES, SIM_DUPLICATES, SIM_MEDIAN_LATENCY, SIM_METRICS };
extern const char *const sim_metric_names[SIM_METRICS];

struct sim_tests {
    bool present; /* false: shared clients, nothing to score */
    double tier[SIM_METRICS][3];
    double max_get_fail, max_put_fail, max_get_generation_fail, max_batched;
};

struct sim_clients_config {
    bool shared;
    unsigned count, keys;
    int64_t timeout;
    double rate;
}; /* ns; operations a second */
struct sim_network_config {
    double loss, duplicate;
    int64_t delay_min, delay_max; /* ns */
    struct sim_quality more;      /* what else the links between replicas do all the time */
    struct sim_quality clients;   /* and those of the clients */
};

enum { SIM_CONFIG_WHAT = 128, SIM_REPLICA_OPTIONS_MAX = 24 };

/* How the replicas are started, beside what the command line says: that comes after it, and wins. */
struct sim_replica_config {
    const char *reads;                             /* NULL: not said. Strings are the scenario's */
    const char *args[SIM_REPLICA_OPTIONS_MAX + 1]; /* NULL-terminated */
};

struct sim_disk_config {
    bool durable;                     /* replicas keep their state on disk; else what follows does not matter */
    struct sim_disk_quality q;        /* what disks do all the time */
    double power_loss;                /* chance that what SIGKILL hits loses its power too */
    int64_t restart_min, restart_max; /* after which a replica is started again that its disk has failed; ns */
    unsigned checkpoint_pages;        /* struct store_options; 0: the replica's own */
};

struct sim_config {
    char name[64];    /* usable as a file name */
    json_t *scenario; /* as it was read */
    bool has_seed;
    uint64_t seed;                          /* below 2^63 */
    int64_t lifetime, start_wait, end_wait; /* ns */
    unsigned replicas;
    int64_t requests, max_packets;
    double mix;
    struct sim_fault *faults; /* events and faults by time of their beginning */
    size_t n_faults;
    struct sim_fault *triggers; /* faults that wait for something, in the order of the file */
    size_t n_triggers;
    struct sim_tests tests;
    struct sim_clients_config clients;
    struct sim_network_config network;
    struct sim_disk_config disk;
    unsigned pct; /* depth of a priority-based schedule; 0: delays are as the network says */
    struct sim_replica_config replica;
    bool members; /* virtual time: the group may change, as one on real addresses */
};

/* The first thing in it that only virtual time has, in words; false: there is none. */
bool sim_config_virtual_only(const struct sim_config *c, char what[SIM_CONFIG_WHAT]);
/* Some link of a client is faulty at some time: requests and answers can be lost, doubled or late. */
bool sim_config_clients_faulty(const struct sim_config *c);

enum { SIM_CONFIG_ERR = 2048 };

enum sim_config_result { SIM_CONFIG_OK, SIM_CONFIG_BAD, SIM_CONFIG_UNREADABLE };

/* Reads a scenario from a file, or from `arg` itself when that is JSON text (its first character is "{"). On failure
 * `err` has one line "FILE: KEY: reason" for each problem, and there is nothing to free. `warnings` (never NULL) gets
 * such lines for keys that look misspelt. */
enum sim_config_result sim_config_load(const char *arg, struct sim_config *c, char err[SIM_CONFIG_ERR],
                                       char warnings[SIM_CONFIG_ERR]);
void sim_config_free(struct sim_config *c);

/* Ids on the wire: four hex digits. */
enum { SIM_ID_LEN = 5 };
const char *sim_id(unsigned number, char out[SIM_ID_LEN]);
/* Which of the `count` ids from number `first` on it is, from 0; -1: none of them, or NULL. */
int sim_id_index(const char *id, unsigned first, unsigned count);

/* What --help-scenario prints: one, then the other. */
extern const char sim_config_help[], sim_config_help_faults[], sim_config_help_nodes[]; /* in this order */

#endif
