/* members.h -- a group of server processes on loopback, whatever they are: Faultline, etcd or Redis. */
#ifndef FAULTLINE_BENCH_MEMBERS_H
#define FAULTLINE_BENCH_MEMBERS_H

#include "closed_loop.h"
#include "process.h"

#define MEMBERS_MAX 5

struct members {
    unsigned n;
    pid_t pid[MEMBERS_MAX];
    uint16_t port[MEMBERS_MAX], peer_port[MEMBERS_MAX]; /* for clients; for the other members where that is another */
    unsigned leader;                                    /* whom clients ask */
    char dir[PROCESS_PATH]; /* data, traces and logs, removed by members_stop(); "": none was made */
};

struct replica_kind {
    const char *program, *reads; /* reads: "lease" or "index" */
    bool durable, traced;
    bool compact; /* give up applied entries, as is usual */
};

/* Each starts its members in a new directory below `parent` and waits until they can do their work. False, with words
 * in `err`: members_stop() is needed all the same. */
bool members_start_replicas(struct members *m, unsigned n, const struct replica_kind *kind, const char *parent,
                            char err[LOAD_ERR_LEN]);
bool members_start_etcd(struct members *m, const char *parent, char err[LOAD_ERR_LEN]);
bool members_start_redis(struct members *m, const char *parent, char err[LOAD_ERR_LEN]);
void members_stop(struct members *m);

/* Processor time of all of them. */
double members_cpu_s(const struct members *m);

/* For the files that start them: directory and ports; the log of member `i`; a process that must have been started; and
 * `n` bytes sent to a port over TCP, the answer's beginning in `answer`, false when nobody answers within a second. */
bool members_prepare(struct members *m, unsigned n, const char *parent, char err[LOAD_ERR_LEN]);
bool members_launch(struct members *m, unsigned i, const char *const *argv, char err[LOAD_ERR_LEN]);
bool members_ask_tcp(uint16_t port, const char *question, char *answer, size_t room);
/* The last lines that member `i` printed, behind `what`. */
void members_blame(const struct members *m, unsigned i, const char *what, char err[LOAD_ERR_LEN]);

#endif
