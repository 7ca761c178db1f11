/* sim_decide.h -- every choice of chance in a run, by name.
 *
 * A decision has a kind ("loss", "delay", ...) and a name that says what it is about and stays the same when other
 * decisions change, such as the addresses, MID and copy of a datagram. What is drawn depends on the run's seed, the
 * kind and the name alone, not on what was drawn before: undoing one decision leaves all others as they were, as long
 * as they are about things that still happen.
 *
 * Decisions can be recorded, one a line,
 *   {"kind":"delay","name":"0000>0003 0000-1-17/1","value":1234567}
 * and be given by such a file, which may be edited: values that are given come before chance. Values are integers: 0
 * and 1 for no and yes, nanoseconds, indexes.
 *
 * One thread per decider; no global state. Aborts on out of memory. */
#ifndef FAULTLINE_SIM_DECIDE_H
#define FAULTLINE_SIM_DECIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "rng.h"

enum { SIM_DECIDE_NAME = 160, SIM_DECIDE_ERR = 512 }; /* bytes of a name, NUL included: callers cut */

struct sim_decider;

struct sim_decider *sim_decider_new(uint64_t seed);
void sim_decider_free(struct sim_decider *d); /* NULL is allowed */
/* Takes the decisions of a file as given; of two about the same the later counts. 0, or 65 or 66 with words in `err`.
 */
int sim_decider_load(struct sim_decider *d, const char *path, char err[SIM_DECIDE_ERR]);
/* Gives one decision. */
void sim_decider_give(struct sim_decider *d, const char *kind, const char *name, int64_t value);
/* From now on every decision goes to `out`, which stays the caller's. NULL: no more. */
void sim_decider_record(struct sim_decider *d, FILE *out);

/* Yes with probability p. With p <= 0 or p >= 1 there is no choice, and no record unless it was given otherwise. */
bool sim_decide_chance(struct sim_decider *d, const char *kind, const char *name, double p);
/* Uniform from lo to hi, both included; what is given is forced between them. */
int64_t sim_decide_between(struct sim_decider *d, const char *kind, const char *name, int64_t lo, int64_t hi);

/* For other distributions: the chance of this decision, to draw from as often as needed, and then the decision:
 * `drawn`, or what is given in its place, which may be any number: the caller must be able to live with it. */
struct rng sim_decide_rng(const struct sim_decider *d, const char *kind, const char *name);
int64_t sim_decide(struct sim_decider *d, const char *kind, const char *name, int64_t drawn);

/* How often this was called with this name before: for names of things that may come again, such as a datagram that is
 * sent twice with the same MID. */
unsigned sim_decide_again(struct sim_decider *d, const char *name);

#endif
