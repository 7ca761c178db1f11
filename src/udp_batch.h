/* udp_batch.h -- several datagrams for one system call: those that wait, and those that one step of a replica sends.
 * The calls, not the bytes, are what a small datagram costs. Nothing here ever blocks. */
#ifndef FAULTLINE_UDP_BATCH_H
#define FAULTLINE_UDP_BATCH_H

#include "udp.h"

#define UDP_BATCH 16

/* All zero: empty. */
struct udp_inbox {
    unsigned at, n;
    bool dry; /* the last call took all that waited: asking again would only tell so */
    struct address from[UDP_BATCH];
    size_t size[UDP_BATCH];
    char bytes[UDP_BATCH][UDP_BUFFER];
};

/* The next datagram that waits, as udp_receive_from() gives it, valid until the next call. False when none waits. */
bool udp_inbox_next(struct udp_inbox *in, const struct udp *u, const char **bytes, size_t *n,
                    const struct address **from);

/* All zero: empty. */
struct udp_outbox {
    unsigned n;
    size_t used;
    struct address to[UDP_BATCH];
    size_t at[UDP_BATCH], size[UDP_BATCH];
    char bytes[4 * UDP_BUFFER];
};

/* Copies the datagram; sends what is there when there is no more room. At most UDP_BUFFER bytes. */
void udp_outbox_add(struct udp_outbox *out, const struct udp *u, const struct address *to, const void *bytes, size_t n);
/* Hands all to the kernel, in order. What it does not take is lost, as any datagram may be. */
void udp_outbox_send(struct udp_outbox *out, const struct udp *u);

#endif
