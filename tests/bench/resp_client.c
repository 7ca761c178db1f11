#include "resp_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 256

struct connection {
    int fd;
    unsigned lines; /* that the answer still lacks */
    size_t n;
    char in[BUFFER];
};

struct resp_client {
    int epoll;
    unsigned n;
    bool broken;
    struct connection v[LOAD_CLIENTS_MAX];
};

static void ask(void *ctx, unsigned client, enum load_op op, const char *key, const char *value)
{
    struct resp_client *r = ctx;
    char out[BUFFER];
    int n = op == LOAD_PUT
                ? snprintf(out, sizeof out,
                           "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n",
                           LOAD_TEXT, key, LOAD_TEXT, value)
                : snprintf(out, sizeof out, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", LOAD_TEXT, key);
    r->v[client].lines = 2; /* "+OK" and ":1"; "$32" and the value */
    r->v[client].n = 0;
    /* The buffer of a new request is empty: it is taken whole or the connection is gone. */
    if (send(r->v[client].fd, out, (size_t)n, MSG_NOSIGNAL) != n)
        r->broken = true;
}

/* 1: the answer is complete; -1: it is not what was asked for. */
static int receive(struct connection *c)
{
    ssize_t got = recv(c->fd, c->in + c->n, BUFFER - c->n, MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    for (ssize_t i = 0; i < got; i++)
        c->lines -= c->in[c->n + (size_t)i] == '\n';
    c->n += (size_t)got;
    if (c->in[0] == '-' || c->n == BUFFER)
        return -1;
    return c->lines == 0 || (c->n == 5 && memcmp(c->in, "$-1\r\n", 5) == 0); /* no such key */
}

static int answers(void *ctx, int wait_ms, unsigned done[LOAD_CLIENTS_MAX], char err[LOAD_ERR_LEN])
{
    struct resp_client *r = ctx;
    struct epoll_event events[LOAD_CLIENTS_MAX];
    int ready = r->broken ? 0 : epoll_wait(r->epoll, events, LOAD_CLIENTS_MAX, wait_ms), n = 0;
    for (int i = 0; i < ready; i++) {
        int one = receive(&r->v[events[i].data.u32]);
        if (one > 0)
            done[n++] = events[i].data.u32;
        r->broken |= one < 0;
    }
    if (r->broken) {
        snprintf(err, LOAD_ERR_LEN, "redis refused a request or closed the connection");
        return -1;
    }
    return n;
}

struct resp_client *resp_client_new(uint16_t port, unsigned clients)
{
    struct resp_client *r = calloc(1, sizeof *r);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!r)
        return NULL;
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    bool well = r->epoll >= 0;
    for (unsigned i = 0; well && i < clients && i < LOAD_CLIENTS_MAX; i++) {
        int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        r->v[r->n++].fd = fd;
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
        well = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
               setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
               epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
    }
    if (well)
        return r;
    resp_client_free(r);
    return NULL;
}

void resp_client_free(struct resp_client *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->n; i++)
        if (r->v[i].fd >= 0)
            close(r->v[i].fd);
    if (r->epoll >= 0)
        close(r->epoll);
    free(r);
}

struct load_server resp_client_server(struct resp_client *r)
{
    return (struct load_server){.ctx = r, .ask = ask, .answers = answers};
}
