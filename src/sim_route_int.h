/* sim_route_int.h -- for sim_route.c and sim_copy.c only. */
#ifndef FAULTLINE_SIM_ROUTE_INT_H
#define FAULTLINE_SIM_ROUTE_INT_H

#include "sim_run_int.h"

/* A datagram, or one copy of it, on its way between two ends. */
struct sim_route_copy {
    unsigned from, to, client; /* as in struct sim_flight */
    int64_t d, cp, in_seq, t_in;
    const char *bytes; /* borrowed */
    size_t n;
    bool lingered, surely;
    enum sim_damage damage; /* of the bytes, by fault damage_f */
    int64_t damage_f;
    const struct sim_message *m; /* what the bytes say; NULL: they are to be read again where that matters */
};

/* ---- sim_copy.c ---- */

/* Sends the datagram from c->from to c->to, with whatever the network makes of it; c->cp is the number of the last copy
 * made and goes up. `mid` names it in decisions; NULL: it has none. */
void sim_copy_send(struct sim_run *run, struct sim_route_copy *c, const char *mid);

/* ---- sim_route.c ---- */

/* A copy of an answer has reached its client, unharmed. */
void sim_route_answer(struct sim_run *run, const struct sim_route_copy *c);

#endif
