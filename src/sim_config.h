/* sim_config.h -- a scenario: the course's JSON configuration file, unchanged, and a few optional keys of our own.
 *
 * Keys of the course (* = required), with its defaults and bounds; keys that nobody knows are ignored, as there:
 *
 *   lifetime*    int >= 5        seconds during which requests are made
 *   replicas*    int 3..21
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
 *                has a delay of its own, so messages overtake each other
 *   faults       list of
 *                {"kind": "partition", "around": "leader", "begin": s, "end": s}   the leader with a minority on one
 * side
 *                {"kind": "partition", "groups": [["0000", "0001"], ["0002"]], "begin": s, "end": s}
 *                                     replicas that are not named form one more group
 *                {"kind": "kill", "node": "leader" | "non_leader" | "random" | "all" | ID, "at": s,
 *                 "signal": "KILL" | "TERM" | 9 | 15, "restart_after_ms": [min, max]}
 *                                     with restart_after_ms it is started again, a random time between these later
 *                {"kind": "kill", ..., "begin": s, "end": s, "every": s, "all_every": N}
 *                                     the same again and again; each N-th time all replicas at once
 *                {"kind": "pause", "node": the same, but not all, "begin": s, "end": s}         SIGSTOP, SIGCONT
 *                times as for events */
#ifndef FAULTLINE_SIM_CONFIG_H
#define FAULTLINE_SIM_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_REPLICAS_MAX = 21, SIM_CLIENTS_MAX = 64, SIM_KEYS_MAX = 1000, SIM_CLIENT_BASE = 16 };
#define SIM_SECOND INT64_C(1000000000)

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
    SIM_KILL,
    SIM_PAUSE
};

enum sim_target { SIM_TARGET_LEADER, SIM_TARGET_NON_LEADER, SIM_TARGET_RANDOM, SIM_TARGET_ALL, SIM_TARGET_NODE };

struct sim_fault {
    enum sim_fault_kind kind;
    /* ns after the end of start_wait. Events have no end: end == begin. A kill ends when the replica is started again,
     * at the latest; without a restart it has no end either. */
    int64_t begin, end;
    enum sim_target target;
    unsigned node;                         /* SIM_TARGET_NODE: index of the replica */
    unsigned char group[SIM_REPLICAS_MAX]; /* SIM_PARTITION_GROUPS: the group of each replica */
    int sig;                               /* SIM_KILL, and: is it started again, after how long? (ns) */
    bool restarts;
    int64_t restart_min, restart_max;
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
    int64_t delay_min, delay_max;
}; /* ns */

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
    struct sim_tests tests;
    struct sim_clients_config clients;
    struct sim_network_config network;
};

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

/* What --help-scenario prints. */
extern const char sim_config_help[];

#endif
