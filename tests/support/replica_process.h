/* replica_process.h -- for tests: real replica processes, with this test as their network and their clients. Anything
 * that fails here fails the test. Time limits are generous: they only end a test that would hang. */
#ifndef FAULTLINE_TEST_REPLICA_PROCESS_H
#define FAULTLINE_TEST_REPLICA_PROCESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>
#include "../../src/wire.h"

#define PROCESS_MAX    3
#define PROCESS_CLIENT ((node_id)0x00A0)

struct process_one {
    int fd;    /* our socket for it */
    pid_t pid; /* 0: not running */
    int out;   /* reading end of its stdout and stderr */
    struct sockaddr_in address;
    bool known;      /* it said hello, from `address` */
    char first[256]; /* its first datagram */
};

struct process_answer {
    enum message_type type;
    char mid[MID_MAX + 1];
    char value[64];
    node_id by, leader;
};

struct processes {
    unsigned n;
    struct process_one v[PROCESS_MAX]; /* ids 0001, 0002, ... */
    char dir[4096];                    /* traces go here */
    struct wire_decoder *decoder;
    struct process_answer answers[4096];
    size_t n_answers;
    node_id leader; /* as the last message said */
};

void processes_init(struct processes *p, unsigned n);
/* Starts replica `i` with quick timers and traces in `dir`; `environment`: "NAME=value" strings that come on top, ended
 * by NULL (NULL: none). */
void processes_start(struct processes *p, unsigned i, const char *const *environment);
/* Kills what still runs, and removes the directory. */
void processes_end(struct processes *p);

/* Passes datagrams on and collects answers, until `done` says so or for `seconds`; returns whether it did. */
bool processes_run(struct processes *p, bool (*done)(const struct processes *p), double seconds);
void processes_send(struct processes *p, unsigned to, const void *bytes, size_t n);
/* One request, followed through redirects and lost datagrams under new MIDs until it is answered ok; the answer. */
struct process_answer processes_ask(struct processes *p, enum message_type type, const char *key, const char *value);

/* Waits for its end; the status of waitpid(). What it printed goes to `out`, cut at `n`. */
int processes_wait(struct processes *p, unsigned i, char *out, size_t n);
double processes_now(void); /* seconds, monotonic */

#endif
