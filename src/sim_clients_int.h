/* sim_clients_int.h -- for the sim_clients*.c only: the two kinds of clients and what they share. */
#ifndef FAULTLINE_SIM_CLIENTS_INT_H
#define FAULTLINE_SIM_CLIENTS_INT_H

#include "sim_clients.h"
#include "sim_ops.h"

struct sim_clients_kind {
    void *(*make)(struct sim_clients *c);
    void (*destroy)(void *own);
    int64_t (*deadline)(const struct sim_clients *c);
    void (*tick)(struct sim_clients *c, int64_t now);
    /* An answer to an open try of this client: ok, redirect or fail. The try's state is set already. */
    void (*answer)(struct sim_clients *c, int64_t now, const struct sim_answer *a, const struct sim_try *t);
    void (*forget)(struct sim_clients *c);
    bool (*done)(const struct sim_clients *c);
};

extern const struct sim_clients_kind sim_clients_course, sim_clients_shared;

struct sim_clients {
    const struct sim_clients_kind *kind;
    struct sim_clients_env env;
    struct sim_ops ops;
    void *own; /* of the kind */
};

/* A random replica that may be sent the next try of `op`, -1 when there is none. */
int clients_random_living(struct sim_clients *c, uint32_t op);
/* The index of the living replica with this id, -1 when it is none. */
int clients_living(const struct sim_clients *c, const char *id);
/* One try of `op` at replica `to`; `leader` is what the client puts into the message. Returns the try's index. */
size_t clients_send(struct sim_clients *c, int64_t now, uint32_t op, unsigned to, const char *leader);
/* Try number `index` once more, under the same MID. */
void clients_send_again(struct sim_clients *c, int64_t now, size_t index, unsigned to, const char *leader);
/* An operation succeeded: its return, with the value a get read. */
void clients_ok(struct sim_clients *c, int64_t now, const struct sim_answer *a, uint32_t op);
__attribute__((format(printf, 2, 3))) void clients_incorrect(struct sim_clients *c, const char *format, ...);

#endif
