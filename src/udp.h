/* udp.h -- the datagram socket of a replica or client. Either an ephemeral port of 127.0.0.1, through which everything
 * goes to and comes from one other port, the simulated network; or a port of its own, that talks to any address.
 * Nothing here ever blocks. */
#ifndef FAULTLINE_UDP_H
#define FAULTLINE_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

#define UDP_BUFFER  65535 /* bytes that hold any datagram over IPv4 */
#define UDP_ERR_LEN 200

struct udp {
    int fd; /* for poll(): readable when a datagram waits; -1 = closed */
    uint16_t to_port;
};

/* Binds the socket. False, with words in `err` and nothing to close, when the system refuses. */
bool udp_open(struct udp *u, uint16_t to_port, char err[UDP_ERR_LEN]);
/* The same at `at`; the IPv6 wildcard takes IPv4 as well. */
bool udp_open_at(struct udp *u, const struct address *at, char err[UDP_ERR_LEN]);
void udp_close(struct udp *u);
/* Our own port, which the network learns from the first datagram. */
uint16_t udp_port(const struct udp *u);

/* Hands one datagram to the kernel. False when it did not take it (no room, nobody there, too big): it is lost then, as
 * any datagram may be. */
bool udp_send(const struct udp *u, const void *bytes, size_t n);
bool udp_send_to(const struct udp *u, const struct address *to, const void *bytes, size_t n);

/* Takes the next datagram that waits into `buffer`, and who sent it; `*n` is its length on the network (0 is one), more
 * than UDP_BUFFER when it was cut. False when none waits. Errors that earlier sends left behind (nobody listens there)
 * are passed over. */
bool udp_receive_from(const struct udp *u, char buffer[UDP_BUFFER], size_t *n, struct address *from);

#endif
