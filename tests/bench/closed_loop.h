/* closed_loop.h -- the load: each of n clients has one request under way, and asks the next when it is answered.
 *
 * What is asked is the same for every server: keys and values of 32 characters, keys drawn from a fixed number of them.
 */
#ifndef FAULTLINE_BENCH_CLOSED_LOOP_H
#define FAULTLINE_BENCH_CLOSED_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include "histogram.h"

#define LOAD_CLIENTS_MAX 64
#define LOAD_KEYS        10000
#define LOAD_TEXT        32 /* characters of a key and of a value */
#define LOAD_ERR_LEN     256

enum load_op { LOAD_PUT, LOAD_GET };

/* A server, as its clients see it. */
struct load_server {
    void *ctx;
    /* Begins a request of this client, which has none under way. The texts are borrowed for the call. */
    void (*ask)(void *ctx, unsigned client, enum load_op op, const char *key, const char *value);
    /* Sends what was asked, waits up to `wait_ms` for answers, and writes the clients that got theirs into `done`, each
     * once. Returns how many; -1: it cannot go on, with words in `err`. What the server refused or the network lost is
     * asked again inside. */
    int (*answers)(void *ctx, int wait_ms, unsigned done[LOAD_CLIENTS_MAX], char err[LOAD_ERR_LEN]);
};

struct load {
    enum load_op op;
    unsigned clients;
    double warm_s, measure_s;
    /* Called when measuring begins and when it ends, every request answered in between; NULL: not. */
    void (*mark)(void *ctx, bool end);
    void *mark_ctx;
};

struct load_result {
    uint64_t ops;             /* answered while measuring */
    uint64_t all;             /* and those that were answered after it: all between the two marks */
    double seconds;           /* of measuring */
    double own_cpu_s;         /* processor time of the load generator meanwhile */
    struct histogram latency; /* ns */
};

/* False, with words in `err`, when a server does not answer for ten seconds, or on a signal (see load_interrupted). */
bool closed_loop(const struct load_server *server, const struct load *load, struct load_result *out,
                 char err[LOAD_ERR_LEN]);

/* Set by a signal handler to end everything soon. */
extern volatile int load_interrupted;

uint64_t load_now_ns(void);

#endif
