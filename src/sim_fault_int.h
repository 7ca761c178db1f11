/* sim_fault_int.h -- for the sim_fault*.c only. */
#ifndef FAULTLINE_SIM_FAULT_INT_H
#define FAULTLINE_SIM_FAULT_INT_H

#include "sim_run_int.h"

extern const char *const sim_fault_names[]; /* by kind, in words */

/* ---- sim_fault.c ---- */

/* The living replica that last called itself leader, -1: nobody did. */
int sim_fault_leader(const struct sim_run *run);
/* A living replica other than `except`; -1: there is none. `about` is the decision's name. */
int sim_fault_any(struct sim_run *run, const char *about, int except);
/* Whom the fault hits, -1: nobody that lives. */
int sim_fault_target(struct sim_run *run, const struct sim_fault *f, const char *about);
/* Says that there is nobody to hit. */
void sim_fault_nobody(struct sim_run *run, const struct sim_fault *f);
/* The fault's name in decisions: what it is and when, whatever other faults there are. */
void sim_fault_name(struct sim_run *run, const struct sim_fault *f, char name[SIM_RULE_NAME]);
/* When this fault, which begins now, ends. */
int64_t sim_fault_end(struct sim_run *run, const struct sim_fault *f, const char *about);
/* Keeps account of a fault that was begun. */
void sim_fault_open(struct sim_run *run, struct sim_open_fault fault);

/* ---- sim_fault_trigger.c ---- */

/* When the next fault that something has triggered is due. */
int64_t sim_fault_pending(const struct sim_run *run);
/* Takes out one that is due; false: none is. */
bool sim_fault_take(struct sim_run *run, int64_t now, struct sim_fault *f);

/* ---- sim_fault_links.c: what links do ---- */

/* Puts the rule of a fault in force and records it; `groups` (of each replica; NULL: none) or else the rule's links are
 * what it says it hits, or nothing where `everywhere`. Returns the fault's number, 0: there are too many at once. */
int64_t sim_fault_rule(struct sim_run *run, const struct sim_fault *f, struct sim_rule *rule,
                       const unsigned char *groups, bool everywhere, int64_t end);
/* A partition into groups; the largest is the one that is heard. */
int64_t sim_fault_groups(struct sim_run *run, const struct sim_fault *f, const unsigned char *group, int64_t end);
/* Moves random replicas of group `from` to group `to` until that has `n`. */
void sim_fault_fill(struct sim_run *run, const char *about, unsigned char *group, unsigned char from, unsigned char to,
                    unsigned n);
void sim_fault_partition(struct sim_run *run, const struct sim_fault *f);
void sim_fault_link(struct sim_run *run, const struct sim_fault *f);
/* A replica's clock runs wrong. */
void sim_fault_clock(struct sim_run *run, const struct sim_fault *f);
void sim_fault_slow(struct sim_run *run, const struct sim_fault *f);

/* ---- sim_fault_disk.c ---- */
void sim_fault_disk(struct sim_run *run, const struct sim_fault *f);
/* A fault of the disk of replica i is over, and not among the open ones any more. */
void sim_fault_disk_ends(struct sim_run *run, unsigned i);

/* ---- sim_fault_members.c ---- */
void sim_fault_members(struct sim_run *run, const struct sim_fault *f);
/* Asks replica `leader` for a change of members that concerns `node`. */
void sim_fault_ask(struct sim_run *run, enum sim_change change, unsigned leader, unsigned node);
/* Whom administrators take for the leader, -1: nobody. */
int sim_fault_asked(const struct sim_run *run);

/* ---- sim_fault_replace.c ---- */
void sim_fault_replace(struct sim_run *run, const struct sim_fault *f);
int64_t sim_replace_deadline(const struct sim_run *run);
void sim_replace_tick(struct sim_run *run, int64_t now);

/* ---- sim_fault_course.c: the events of the course ---- */

void sim_fault_course(struct sim_run *run, const struct sim_fault *f);
/* Ends the course's partition in force, if one is. */
void sim_fault_end_course(struct sim_run *run);
void sim_fault_close(struct sim_run *run, size_t at);

/* ---- sim_kill.c ---- */
/* Kills replica i; i < 0: says that there is nobody. `name` is of the decision when it is started again. */
void sim_kill_one(struct sim_run *run, const struct sim_fault *f, int i, int sig, const char *name);
void sim_kill_targets(struct sim_run *run, const struct sim_fault *f);

#endif
