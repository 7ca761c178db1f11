/* sim_net.h -- the network between replicas: what happens to each copy of a datagram, and the copies that are on their
 * way. Decisions only: no socket, no clock, no record. */
#ifndef FAULTLINE_SIM_NET_H
#define FAULTLINE_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "rng.h"
#include "sim_config.h"

enum { SIM_CUTS_MAX = 32 };

/* A partition in force: messages between different groups are lost. */
struct sim_cut {
    int64_t f; /* number of the fault */
    unsigned char group[SIM_REPLICAS_MAX];
    unsigned main; /* the group whose word on who leads is heard (protocol of the course) */
};

/* A copy that is on its way. */
struct sim_flight {
    int64_t due;                 /* ns */
    uint64_t order;              /* of equal times, the older first */
    int64_t d, cp, in_seq, t_in; /* of its net.in record */
    unsigned from, to;
    size_t n;
    char *bytes; /* owned */
};

struct sim_net {
    struct sim_network_config cfg;
    struct rng rng;
    struct sim_cut cuts[SIM_CUTS_MAX];
    size_t n_cuts;
    struct sim_flight *flights; /* heap, earliest first */
    size_t n_flights, room;
    uint64_t order;
};

enum sim_fate { SIM_DELIVER, SIM_LOSS, SIM_PARTITION };

struct sim_copy {
    enum sim_fate fate;
    int64_t f, delay;
}; /* f: the fault, for SIM_PARTITION; delay in ns */

void sim_net_init(struct sim_net *net, const struct sim_network_config *cfg, uint64_t seed);
void sim_net_free(struct sim_net *net);

/* What becomes of one datagram from replica `from` to replica `to`: fills one or two copies and returns how many. First
 * the partition, then duplication, then loss and delay of each copy. A duplicate exists only where no partition cuts.
 */
unsigned sim_net_decide(struct sim_net *net, unsigned from, unsigned to, struct sim_copy copies[2]);
/* The fault that cuts `from` from `to`, 0 when none does. A replica is never cut from itself. */
int64_t sim_net_cut(const struct sim_net *net, unsigned from, unsigned to);
/* False when a partition is in force and `node` is on a side whose word on the leader is not heard. */
bool sim_net_heard(const struct sim_net *net, unsigned node);

/* Puts a partition in force. The main group is `main`. False: SIM_CUTS_MAX are in force. */
bool sim_net_part(struct sim_net *net, int64_t f, const unsigned char *group, unsigned main);
/* Ends the partition of fault f; false when it is not in force. */
bool sim_net_heal(struct sim_net *net, int64_t f);

/* Takes a copy of `bytes` on its way. */
void sim_net_fly(struct sim_net *net, const struct sim_flight *flight, const char *bytes);
/* When the next copy arrives; INT64_MAX: none is on its way. */
int64_t sim_net_deadline(const struct sim_net *net);
/* Takes the next arrival out; the caller frees its bytes. Only when there is one. */
struct sim_flight sim_net_arrive(struct sim_net *net);

#endif
