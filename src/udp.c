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

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

bool udp_open(struct udp *u, uint16_t to_port, char err[UDP_ERR_LEN])
{
    *u = (struct udp){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), .to_port = to_port};
    if (u->fd < 0) {
        snprintf(err, UDP_ERR_LEN, "cannot make a UDP socket: %s", strerror(errno));
        return false;
    }
    struct sockaddr_in any = loopback(0);
    if (bind(u->fd, (struct sockaddr *)&any, sizeof any) != 0) {
        snprintf(err, UDP_ERR_LEN, "cannot bind a UDP port of 127.0.0.1: %s", strerror(errno));
        udp_close(u);
        return false;
    }
    int bytes = RECEIVE_BYTES;
    if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        (void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    (void)setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return true;
}

void udp_close(struct udp *u)
{
    if (u->fd >= 0)
        close(u->fd);
    u->fd = -1;
}

uint16_t udp_port(const struct udp *u)
{
    struct sockaddr_in a = {0};
    socklen_t n = sizeof a;
    return getsockname(u->fd, (struct sockaddr *)&a, &n) == 0 ? ntohs(a.sin_port) : 0;
}

bool udp_send(const struct udp *u, const void *bytes, size_t n)
{
    struct sockaddr_in to = loopback(u->to_port);
    ssize_t sent;
    do
        sent = sendto(u->fd, bytes, n, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
    while (sent < 0 && (errno == EINTR || errno == ECONNREFUSED));
    return sent >= 0;
}

bool udp_receive(const struct udp *u, char buffer[UDP_BUFFER], size_t *n)
{
    ssize_t got;
    do
        got = recv(u->fd, buffer, UDP_BUFFER, MSG_DONTWAIT | MSG_TRUNC);
    while (got < 0 && (errno == EINTR || errno == ECONNREFUSED));
    if (got < 0)
        return false;
    *n = (size_t)got;
    return true;
}
