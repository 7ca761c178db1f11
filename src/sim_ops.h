/* sim_ops.h -- the operations of all clients and the datagrams (tries) that carry them, with their records op.*. What
 * the course's clients and ours have in common. */
#ifndef FAULTLINE_SIM_OPS_H
#define FAULTLINE_SIM_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim_config.h"
#include "trace.h"

enum { SIM_MID_LEN = 16, SIM_TEXT_LEN = 32, SIM_OP_ID = 32 }; /* of MIDs, of keys and values, as the course has them */
#define SIM_NO_OP UINT32_MAX

struct sim_op {
    unsigned client; /* index */
    uint32_t number; /* of this client, from 1 */
    bool put, open;
    char key[SIM_TEXT_LEN + 1], value[SIM_TEXT_LEN + 1];
    uint32_t tries;
    uint32_t last_try; /* index; SIM_NO_OP: there is none */
    int64_t invoke_seq;
};

enum sim_try_state {
    SIM_TRY_OPEN,    /* no answer yet */
    SIM_TRY_OK,      /* answered ok: any other answer is a duplicate */
    SIM_TRY_REFUSED, /* answered redirect or fail: another answer is unexpected */
    SIM_TRY_GIVEN_UP /* the client waits no more: an answer is late */
};

struct sim_try {
    char mid[SIM_MID_LEN + 1];
    enum sim_try_state state;
    uint32_t op;
    uint32_t before; /* the try before it of the same operation: index; SIM_NO_OP: it is the first */
    unsigned to;     /* index of the replica, of the last one where it was sent to several */
    int64_t sent;    /* ns, the last time */
    int64_t seq;     /* of the record op.try, the last one */
    unsigned spares; /* answers that may come beside the first: the request was sent again, or the network doubled it */
};

struct sim_ops {
    struct trace_writer *w;
    unsigned base; /* number of the first client's id */
    struct sim_op *op;
    struct sim_try *tries;
    size_t n_ops, n_tries, op_room, try_room;
    struct sim_ops_of *of; /* per client */
    unsigned clients;
};

/* Operations of one client so far, with those that were left out. */
struct sim_ops_of {
    uint32_t number;
    uint32_t *op; /* index by number - 1; SIM_NO_OP: left out */
    size_t room;
};

void sim_ops_init(struct sim_ops *o, struct trace_writer *w, unsigned base, unsigned clients);
void sim_ops_free(struct sim_ops *o);

/* The id of an operation, CLIENT:NUMBER; and of the one that the client would invoke next. */
const char *sim_ops_id(const struct sim_ops *o, uint32_t op, char out[SIM_OP_ID]);
const char *sim_ops_next_id(const struct sim_ops *o, unsigned client, char out[SIM_OP_ID]);
/* The next operation of this client is left out: only its number is used up. */
void sim_ops_leave_out(struct sim_ops *o, unsigned client);
/* Invocation, and op.invoke. `value` is NULL for a get. */
uint32_t sim_ops_invoke(struct sim_ops *o, unsigned client, const char *key, const char *value);
/* A new try with a new MID, and op.try. MIDs depend on client, number and try alone, so that they stay what they were
 * when another operation is left out. The pointer is valid until the next try. */
const struct sim_try *sim_ops_try(struct sim_ops *o, uint32_t op, unsigned to, int64_t now);
/* The same try once more, under its old MID, and another op.try. It waits for an answer again. */
const struct sim_try *sim_ops_again(struct sim_ops *o, size_t index, unsigned to, int64_t now);
/* The try with this MID, NULL when there is none. */
struct sim_try *sim_ops_find(struct sim_ops *o, const char *mid);
/* What came of it, and op.return: res is ok, fail or info; val is what a get read; `by` a replica's index or -1. The
 * record's cause is `cause`. Once for each operation. */
void sim_ops_return(struct sim_ops *o, uint32_t op, const char *res, const char *val, int by, const char *why,
                    int64_t cause);

/* A string of n characters out of [A-Z0-9], terminated, that looks like chance and depends on `name` alone. */
void sim_ops_text(const char *name, char *out, size_t n);

#endif
