/* health.h -- when a majority of the replicas was up and connected, as the faults of the run tell. Time is cut where
 * faults begin and end; within a piece nothing changes. For checks of liveness, which only bind a healthy group. */
#ifndef FAULTLINE_HEALTH_H
#define FAULTLINE_HEALTH_H

#include "check.h"

struct health;

/* Reads replicas and faults of the run. NULL when there is not enough memory. health_free() takes NULL. */
struct health *health_new(struct check_run *c);
void health_free(struct health *g);

/* How many replicas there are, and the place of one among them, -1 = not there. */
unsigned health_nodes(const struct health *g);
int health_index(const struct health *g, const char *node);

/* A majority of replicas that are up at `t` (ns) and connected, each with each: bit i is the replica at place i. 0:
 * there is none, or nobody can say who is connected (heavy loss, slow links, skewed clocks, failing disks). */
uint64_t health_side(const struct health *g, int64_t t);
/* When the next piece begins, `to` if none does before. */
int64_t health_next(const struct health *g, int64_t t, int64_t to);
/* Adjacent healthy pieces are a stretch. Moves *from on to where one begins, before `to`; *end is where it ends. False
 * when there is none. */
bool health_stretch(const struct health *g, int64_t *from, int64_t to, int64_t *end);

#endif
