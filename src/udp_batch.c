#include "udp_batch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static bool fill(struct udp_inbox *in, const struct udp *u)
{
    struct mmsghdr h[UDP_BATCH];
    struct iovec io[UDP_BATCH];
    for (unsigned i = 0; i < UDP_BATCH; i++) {
        io[i] = (struct iovec){in->bytes[i], UDP_BUFFER};
        h[i] = (struct mmsghdr){
            .msg_hdr = {
                .msg_name = &in->from[i].at, .msg_namelen = sizeof in->from[i].at, .msg_iov = &io[i], .msg_iovlen = 1}};
    }
    int got;
    do
        got = recvmmsg(u->fd, h, UDP_BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
    while (got < 0 && (errno == EINTR || errno == ECONNREFUSED));
    in->at = 0;
    in->n = got > 0 ? (unsigned)got : 0;
    for (unsigned i = 0; i < in->n; i++) {
        in->size[i] = h[i].msg_len;
        in->from[i].n = h[i].msg_hdr.msg_namelen;
    }
    in->dry = in->n < UDP_BATCH;
    return in->n > 0;
}

bool udp_inbox_next(struct udp_inbox *in, const struct udp *u, const char **bytes, size_t *n,
                    const struct address **from)
{
    if (in->at == in->n) {
        bool dry = in->dry && in->n > 0;
        in->at = in->n = 0;
        if (dry || !fill(in, u))
            return false;
    }
    *bytes = in->bytes[in->at];
    *n = in->size[in->at];
    *from = &in->from[in->at++];
    return true;
}

void udp_outbox_send(struct udp_outbox *out, const struct udp *u)
{
    struct mmsghdr h[UDP_BATCH];
    struct iovec io[UDP_BATCH];
    for (unsigned i = 0; i < out->n; i++) {
        io[i] = (struct iovec){out->bytes + out->at[i], out->size[i]};
        h[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = &out->to[i].at, .msg_namelen = out->to[i].n, .msg_iov = &io[i], .msg_iovlen = 1}};
    }
    for (unsigned at = 0; at < out->n;) {
        int sent = sendmmsg(u->fd, h + at, out->n - at, MSG_DONTWAIT);
        if (sent > 0)
            at += (unsigned)sent;
        else if (errno != EINTR && errno != ECONNREFUSED)
            at++; /* not taken: the others may be */
    }
    out->n = 0;
    out->used = 0;
}

void udp_outbox_add(struct udp_outbox *out, const struct udp *u, const struct address *to, const void *bytes, size_t n)
{
    if (n > UDP_BUFFER)
        return; /* no datagram holds it */
    if (out->n == UDP_BATCH || sizeof out->bytes - out->used < n)
        udp_outbox_send(out, u);
    memcpy(out->bytes + out->used, bytes, n);
    out->to[out->n] = *to;
    out->at[out->n] = out->used;
    out->size[out->n++] = n;
    out->used += n;
}
