/* sim_net.h -- the network: what happens to each copy of a datagram, and the copies that are on their way. Decisions
 * only: no socket, no clock, no record.
 *
 * Its ends are the replicas and, as one end, all clients together. Each pair of ends has two links, one each way. What
 * a link does is said by rules: those of the scenario's section "network", and one for each network fault in force.
 * Rules add up: a copy has to survive all of them, and waits for each that delays it. */
#ifndef FAULTLINE_SIM_NET_H
#define FAULTLINE_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim_config.h"
#include "sim_decide.h"

enum { SIM_RULES_MAX = 64, SIM_COPIES_MAX = 4, SIM_RULE_NAME = 48, SIM_PCT_MAX = 5 };

struct sim_rule {
    int64_t f;                /* number of the fault; 0: of the scenario's section "network" */
    char name[SIM_RULE_NAME]; /* for decisions: the same whatever other faults there are; "" where f is 0 */
    struct sim_links links;
    struct sim_quality q;
    uint32_t unheard; /* replicas whose word on who leads is not heard meanwhile (protocol of the course) */
};

/* A copy that is on its way. */
struct sim_flight {
    int64_t due;                 /* ns; INT64_MAX: it waits for a clogged link */
    uint64_t order;              /* of equal times, the older first */
    int64_t d, cp, in_seq, t_in; /* of its net.in record */
    unsigned from, to;           /* ends */
    unsigned client;             /* which client, where one of the ends is SIM_CLIENTS_END */
    bool lingered;               /* at a slow end: its turn has come */
    bool surely;                 /* no cut can hit it: that is given */
    enum sim_damage damage;      /* done to `bytes` already, by fault `damage_f` */
    int64_t damage_f;
    size_t n;
    char *bytes; /* owned */
};

struct sim_net {
    struct sim_network_config cfg;
    struct sim_decider *decider; /* borrowed */
    int64_t hop_min, hop_max;    /* what every copy takes beside its delays, ns: in a world without real wires */
    bool orderly_clients;        /* to and from clients it is always the same, so that nothing overtakes there */
    struct sim_rule rules[SIM_RULES_MAX];
    size_t n_rules;
    struct sim_flight *flights; /* heap, earliest first */
    size_t n_flights, room;
    uint64_t order;
    uint32_t under_way[SIM_ENDS][SIM_ENDS]; /* on each link, without copies made there */
    int64_t busy_until[SIM_ENDS];           /* slow ends: when the last input that was let through is done with, ns */
    /* sim_net_pct.c */
    unsigned pct; /* depth; 0: no priorities */
    int64_t pct_steps, pct_sent, pct_change[SIM_PCT_MAX];
    signed char pct_level[SIM_ENDS][SIM_ENDS]; /* 1 + how low the priority is; 0: not drawn yet */
};

enum sim_fate { SIM_DELIVER, SIM_LOSS, SIM_PARTITION, SIM_QUEUE_FULL };

struct sim_copy {
    enum sim_fate fate;
    int64_t f; /* the fault that lost or damaged it; 0: none did, or none in particular */
    enum sim_damage damage;
    int64_t delay; /* ns */
};

void sim_net_init(struct sim_net *net, const struct sim_network_config *cfg, struct sim_decider *decider);
void sim_net_free(struct sim_net *net);

/* What becomes of one datagram from one end to another: fills at least one copy and returns how many. First cuts, then
 * duplication, then loss, damage and delay of each copy. A duplicate exists only where nothing cuts. `name` is the
 * datagram's, for decisions: "0000>0003 MID"; copy k is decided as "0000>0003 MID/k". */
unsigned sim_net_decide(struct sim_net *net, const char *name, unsigned from, unsigned to,
                        struct sim_copy copies[SIM_COPIES_MAX]);
/* False: whatever the datagram, nothing is left to chance on this link, and no name is needed. */
bool sim_net_chancy(const struct sim_net *net, unsigned from, unsigned to);
/* The fault that cuts the link, 0 when none does. No end is ever cut from itself. */
int64_t sim_net_cut(const struct sim_net *net, unsigned from, unsigned to);
/* What would arrive on this link has to wait until a fault ends. */
bool sim_net_clogged(const struct sim_net *net, unsigned from, unsigned to);
/* Is it a slow end? */
bool sim_net_slow(const struct sim_net *net, unsigned to);
/* The input of that name has reached a slow end at `now`: how long must it wait until it is taken? 0 where the end is
 * not slow. To be asked once for each copy. */
int64_t sim_net_linger(struct sim_net *net, const char *name, unsigned to, int64_t now);
/* False when a rule is in force that makes the word of `node` on the leader not heard. */
bool sim_net_heard(const struct sim_net *net, unsigned node);

/* Puts a rule in force. False: SIM_RULES_MAX are. */
bool sim_net_rule(struct sim_net *net, const struct sim_rule *rule);
/* Ends the rule of fault f; what waited for it is due `now`. False when it is not in force. */
bool sim_net_heal(struct sim_net *net, int64_t f, int64_t now);

/* Takes a copy of `bytes` on its way. */
void sim_net_fly(struct sim_net *net, const struct sim_flight *flight, const char *bytes);
/* When the next copy arrives; INT64_MAX: none does without something else happening first. */
int64_t sim_net_deadline(const struct sim_net *net);
/* Takes the next arrival out; the caller frees its bytes. Only when there is one. */
struct sim_flight sim_net_arrive(struct sim_net *net);

/* ---- sim_net_pct.c ---- */

/* From the first copy on, links have priorities, `depth` - 1 of which change within the next `steps` copies. 0: none.
 */
void sim_net_schedule(struct sim_net *net, unsigned depth, int64_t steps);
/* One copy more is sent on this link: how long is it held back for its link's priority? ns */
int64_t sim_net_priority_delay(struct sim_net *net, unsigned from, unsigned to);

/* ---- sim_net_damage.c ---- */

/* Damages a datagram so that it is a message no more, whoever reads it: a part of a JSON object, or with a byte in it
 * that no JSON text has. (Damage that leaves another valid message is not for a protocol without checksums to notice,
 * and UDP's checksum stands before it.) `out` has room for n bytes. Returns how many there are now. */
size_t sim_net_damage(struct rng *rng, enum sim_damage how, const char *bytes, size_t n, char *out);

#endif
