/* sim_clients.h -- who sends requests: the course's clients, or ours that share keys.
 *
 * The course's: 8 of them, open loop, requests at fixed spacing, each to a random client; keys are private to a client
 * and the values of a key form a chain of hashes; redirect and fail are followed at once by a new try with a new MID,
 * without limit; no answer, no retry. A put that was answered with fail may still happen: what follows is recorded as
 * another operation, so that the history stays true.
 *
 * Ours: closed loop, one operation at a time per client on keys that all use, each value written once; redirects are
 * followed a bounded number of times; an operation without an answer is given up and its outcome recorded as unknown;
 * at the end each client reads each key, again and again until it is answered. Where messages of clients can be lost or
 * doubled, all tries of an operation have one MID (a late copy of an older try must not be another request: Raft paper
 * §8), and what is not answered is sent again.
 *
 * Nothing here has a socket or a clock. The caller sets the writer's time before each call. */
#ifndef FAULTLINE_SIM_CLIENTS_H
#define FAULTLINE_SIM_CLIENTS_H

#include "sim_config.h"
#include "sim_decide.h"
#include "sim_message.h"
#include "sim_verdict.h"
#include "trace.h"

/* A request to be handed to replica `to`. Texts are valid during the call. */
struct sim_request {
    unsigned client, to;
    const char *type, *mid, *leader;
    const char *bytes; /* the datagram */
    size_t n;
    int64_t try_seq; /* of the record op.try */
};

struct sim_clients_env {
    const struct sim_config *cfg;
    struct sim_stats *stats;
    struct trace_writer *w;
    struct sim_decider *decider;  /* choices are named by operation: CLIENT:NUMBER */
    const bool *living;           /* by replica's index: may be sent requests */
    int64_t load_start, load_end; /* ns */
    int64_t quiet_at;             /* when the last fault has ended, ns: successes after it are counted */
    void (*send)(void *ctx, const struct sim_request *r);
    void (*warn)(void *ctx, const char *text); /* an incorrect answer, in words */
    void *ctx;
};

struct sim_answer {
    unsigned client; /* index of the client it is addressed to */
    unsigned by;     /* index of the replica that sent it */
    const struct sim_message *m;
    int64_t out_seq; /* of the record net.out that delivered it */
};

struct sim_clients;

struct sim_clients *sim_clients_new(const struct sim_clients_env *env);
void sim_clients_free(struct sim_clients *c);
/* When sim_clients_tick() has something to do; INT64_MAX: never again. */
int64_t sim_clients_deadline(const struct sim_clients *c);
void sim_clients_tick(struct sim_clients *c, int64_t now);
void sim_clients_answer(struct sim_clients *c, int64_t now, const struct sim_answer *a);
/* The network has doubled a request with this MID, or an answer to it: one answer more may come. */
void sim_clients_doubled(struct sim_clients *c, const char *mid);
/* All clients forget who leads (part_hard, kill_leader). */
void sim_clients_forget(struct sim_clients *c);
/* Nothing is left to do: only clients that share keys ever say so. */
bool sim_clients_done(const struct sim_clients *c);
/* Tries sent so far. */
size_t sim_clients_tries(const struct sim_clients *c);
/* The run is over: every open operation gets its outcome, `stopped` when the run was cut short. */
void sim_clients_end(struct sim_clients *c, int64_t now, bool stopped);

#endif
