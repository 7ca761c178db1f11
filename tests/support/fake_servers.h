/* fake_servers.h -- for tests: servers that do what the test says, in a thread of their own, on ports of loopback. */
#ifndef FAULTLINE_TEST_FAKE_SERVERS_H
#define FAULTLINE_TEST_FAKE_SERVERS_H

#include <pthread.h>

#include "../../src/udp.h"
#include "../../src/wire.h"

#define FAKE_MAX      4
#define FAKE_REQUESTS 256

struct fake_server {
    /* What it does; set before fake_start(). Its id is 1 + its place. */
    bool dead;                /* answers nothing, not even status */
    unsigned drop;            /* so many requests are lost, then it answers */
    enum message_type answer; /* to a request: OK, FAIL or REDIRECT; HELLO: nothing */
    node_id leader;           /* in its answers; whom it redirects to */
    const char *value, *why;
    bool stray;     /* before each answer, others that must not be believed */
    bool anonymous; /* its status names no addresses */
    /* What it saw; to be looked at after fake_stop(). */
    struct {
        enum message_type type;
        node_id src, dst;
        char mid[MID_MAX + 1];
    } seen[FAKE_REQUESTS]; /* no status */
    unsigned n_seen, n_status;
    node_id asked_by; /* the client of the last status */
    /* */
    struct udp udp;
    char address[32];
};

struct fake_servers {
    struct fake_server v[FAKE_MAX];
    unsigned n;
    node_id stolen; /* a member of every status, beside them: NODE_NONE = none; 0 = whoever asks first */
    pthread_t thread;
    int stop[2];
    struct wire_decoder *decoder;
};

/* Opens the ports of `n` servers; nobody is told yet what to do. */
void fake_open(struct fake_servers *f, unsigned n);
void fake_start(struct fake_servers *f);
void fake_stop(struct fake_servers *f);

#endif
