/* sim_shrink_int.h -- for the sim_shrink*.c only. */
#ifndef FAULTLINE_SIM_SHRINK_INT_H
#define FAULTLINE_SIM_SHRINK_INT_H

#include "sim_tries.h"

struct shrink {
    const struct sim_options *o;
    struct sim_case_of of;
    struct sim_tries t;
    struct sim_case c;   /* the smallest so far, */
    struct sim_result r; /* and its run; must not be moved */
    const char *at;      /* what is being tried, in words */
    bool bare;           /* it fails without any operation, and smaller groups were tried with that */
};

/* ---- sim_shrink.c ---- */

/* Takes `c` over, which fails as it must, in place of the smallest so far. */
void shrink_adopt(struct shrink *s, struct sim_case *c);

/* ---- sim_shrink_dd.c: delta debugging ---- */

/* Makes, of what is smallest so far, the case that has only the items that are kept. */
typedef void shrink_apply_fn(void *items, const bool *keep, struct sim_case *c);
/* Leaves out as many of n items as it can. True: some. */
bool shrink_items(struct shrink *s, size_t n, shrink_apply_fn *apply, void *items);
/* A list of cases to be tried, simplest first; owned. */
struct shrink_list {
    struct sim_case *v;
    size_t n, room;
};
struct sim_case *shrink_list_add(struct shrink_list *l, const struct sim_case *c);
/* Adopts the first that fails as it must, and frees the list. True: one did. */
bool shrink_list_take(struct shrink *s, struct shrink_list *l);

/* ---- the passes: each true when it has made something smaller ---- */

/* sim_shrink_faults.c: each fault that was done as one of its own, at its time, on its replicas; then fewer of them */
bool shrink_explicit(struct shrink *s);
bool shrink_faults(struct shrink *s);
/* sim_shrink_ops.c: operations, and what chance did to single datagrams and disks */
bool shrink_ops(struct shrink *s);
bool shrink_chance(struct shrink *s);
bool shrink_delays(struct shrink *s);
/* sim_shrink_nodes.c: no operations and few replicas, or fewer replicas, with other seeds; or the same run without some
 */
bool shrink_bare(struct shrink *s);
bool shrink_seeds(struct shrink *s);
bool shrink_nodes(struct shrink *s);
/* sim_shrink_plain.c: less time, fewer clients and keys, a plainer network */
bool shrink_time(struct shrink *s);
bool shrink_plain(struct shrink *s);

/* The faults of a scenario that cannot be in it, after something else has become less, are taken out or cut short. */
void shrink_fit(json_t *scenario);
/* No fault, nor what would come again and again, later than that after the first; and no more time than that needs. */
void shrink_window(json_t *scenario, double seconds);

#endif
