/* sim_swarm_int.h -- for the sim_swarm*.c only: what a scenario is drawn with. */
#ifndef FAULTLINE_SIM_SWARM_INT_H
#define FAULTLINE_SIM_SWARM_INT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "rng.h"

enum { SWARM_LIFETIME = 12, SWARM_CALM = 6 }; /* seconds of load; when the last fault has ended */

struct swarm {
    struct rng rng;
    unsigned replicas;
    bool durable, index, quick; /* disks; reads by a round, not by lease; short timeouts */
    bool members;               /* the group changes */
    int64_t drift;              /* of clocks, in millionths, that leases allow for; 0: the replicas' own */
    unsigned killed;            /* replicas that stay away */
    json_t *faults;
};

bool swarm_chance(struct swarm *s, unsigned percent);
int64_t swarm_between(struct swarm *s, int64_t lo, int64_t hi);
/* A number of thousandths from lo to hi: short in JSON, and the same everywhere. */
json_t *swarm_thousandths(struct swarm *s, int64_t lo, int64_t hi);
/* [a, b], with lo <= a, b <= hi. */
json_t *swarm_span(struct swarm *s, int64_t lo, int64_t hi);
const char *swarm_some_node(struct swarm *s);
json_t *swarm_fault(const char *kind);
/* Once, again and again, or (if it may wait) whenever something happens: the fault has all other keys already. */
void swarm_add(struct swarm *s, json_t *fault, int64_t longest_ms, bool waits);

/* ---- sim_swarm_nodes.c: what happens to one replica ---- */
void swarm_slow(struct swarm *s);
void swarm_pause(struct swarm *s);
void swarm_clock(struct swarm *s);
void swarm_kill(struct swarm *s);
void swarm_disk(struct swarm *s);
void swarm_members(struct swarm *s);
void swarm_replace(struct swarm *s);
void swarm_members_back(struct swarm *s);

#endif
