#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Asked for, and cut by the system to what it allows: a burst must not overflow while one input is being handled. */
#define RECEIVE_BYTES (4 << 20)

static struct address loopback(uint16_t port)
{
    return (struct address){
        .at.v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
        .n = sizeof(struct sockaddr_in)};
}

bool udp_open_at(struct udp *u, const struct address *at, char err[UDP_ERR_LEN])
{
    *u = (struct udp){.fd = socket(at->at.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (u->fd < 0) {
        snprintf(err, UDP_ERR_LEN, "cannot make a UDP socket: %s", strerror(errno));
        return false;
    }
    int no = 0, bytes = RECEIVE_BYTES;
    if (at->at.any.sa_family == AF_INET6)
        (void)setsockopt(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(u->fd, &at->at.any, at->n) != 0) {
        char text[ADDRESS_NUMERIC_MAX];
        address_numeric(at, text);
        snprintf(err, UDP_ERR_LEN, "cannot bind the UDP port %s: %s", text, strerror(errno));
        udp_close(u);
        return false;
    }
    if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        (void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    (void)setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return true;
}

bool udp_open(struct udp *u, uint16_t to_port, char err[UDP_ERR_LEN])
{
    const struct address any = loopback(0);
    bool opened = udp_open_at(u, &any, err);
    u->to_port = to_port;
    return opened;
}

void udp_close(struct udp *u)
{
    if (u->fd >= 0)
        close(u->fd);
    u->fd = -1;
}

uint16_t udp_port(const struct udp *u)
{
    struct address a = {.n = sizeof a.at};
    if (getsockname(u->fd, &a.at.any, &a.n) != 0)
        return 0;
    return ntohs(a.at.any.sa_family == AF_INET6 ? a.at.v6.sin6_port : a.at.v4.sin_port);
}

bool udp_send_to(const struct udp *u, const struct address *to, const void *bytes, size_t n)
{
    ssize_t sent;
    do
        sent = sendto(u->fd, bytes, n, MSG_DONTWAIT, &to->at.any, to->n);
    while (sent < 0 && (errno == EINTR || errno == ECONNREFUSED));
    return sent >= 0;
}

bool udp_send(const struct udp *u, const void *bytes, size_t n)
{
    const struct address to = loopback(u->to_port);
    return udp_send_to(u, &to, bytes, n);
}

bool udp_receive_from(const struct udp *u, char buffer[UDP_BUFFER], size_t *n, struct address *from)
{
    ssize_t got;
    do {
        from->n = sizeof from->at;
        got = recvfrom(u->fd, buffer, UDP_BUFFER, MSG_DONTWAIT | MSG_TRUNC, &from->at.any, &from->n);
    } while (got < 0 && (errno == EINTR || errno == ECONNREFUSED));
    if (got < 0)
        return false;
    *n = (size_t)got;
    return true;
}
