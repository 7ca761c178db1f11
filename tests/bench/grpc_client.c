#include "grpc_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD     9         /* bytes before each frame's payload */
#define STREAMS  4096      /* streams of one connection told apart; far more than are open at a time */
#define WINDOW   (1 << 30) /* what the server may send before we say that we took it */
#define OUT_ROOM 65536
#define IN_ROOM  262144

enum frame_type { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

/* Fields that every request repeats: sent in full once, then as numbers of the table that the server keeps (HPACK, RFC
 * 7541 §6). */
enum header { PATH_PUT, PATH_GET, AUTHORITY, CONTENT_TYPE, TE, HEADER_FIELDS };

struct connection {
    int fd;
    uint32_t next_stream;
    unsigned inserted, place[HEADER_FIELDS]; /* place: 1 = the first that was inserted; 0 = not yet */
    uint64_t taken;                          /* bytes of DATA since the last WINDOW_UPDATE */
    size_t out_n, in_n;
    struct {
        uint8_t client;
        bool data; /* the answer has a body: it is not an error */
    } stream[STREAMS];
    unsigned char out[OUT_ROOM], in[IN_ROOM];
};

struct grpc_client {
    unsigned n;
    struct connection *v[LOAD_CLIENTS_MAX];
};

static void store32(unsigned char *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t load32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Begins a frame; its length is known at frame_end(). */
static size_t frame_begin(struct connection *c, enum frame_type type, unsigned flags, uint32_t stream)
{
    unsigned char *at = c->out + c->out_n;
    at[3] = (unsigned char)type;
    at[4] = (unsigned char)flags;
    store32(at + 5, stream);
    c->out_n += HEAD;
    return c->out_n;
}

static void frame_end(struct connection *c, size_t begin)
{
    size_t n = c->out_n - begin;
    unsigned char *at = c->out + begin - HEAD;
    at[0] = (unsigned char)(n >> 16);
    at[1] = (unsigned char)(n >> 8);
    at[2] = (unsigned char)n;
}

static void byte(struct connection *c, unsigned v)
{
    c->out[c->out_n++] = (unsigned char)v;
}

static void bytes(struct connection *c, const void *p, size_t n)
{
    memcpy(c->out + c->out_n, p, n);
    c->out_n += n;
}

/* Length in one byte, then the text: for HPACK and protobuf alike, below 127 bytes. */
static void text(struct connection *c, const char *s)
{
    byte(c, (unsigned)strlen(s));
    bytes(c, s, strlen(s));
}

static void field(struct connection *c, enum header h)
{
    static const struct {
        unsigned name; /* in HPACK's static table; 0: not there */
        const char *spelled, *value;
    } fields[HEADER_FIELDS] = {
        [PATH_PUT] = {4, NULL, "/etcdserverpb.KV/Put"},
        [PATH_GET] = {4, NULL, "/etcdserverpb.KV/Range"},
        [AUTHORITY] = {1, NULL, "127.0.0.1"},
        [CONTENT_TYPE] = {31, NULL, "application/grpc"},
        [TE] = {0, "te", "trailers"},
    };
    if (c->place[h] > 0) {
        byte(c, 0x80 | (62 + c->inserted - c->place[h]));
        return;
    }
    byte(c, 0x40 | fields[h].name);
    if (fields[h].name == 0)
        text(c, fields[h].spelled);
    text(c, fields[h].value);
    c->place[h] = ++c->inserted;
}

static void ask(void *ctx, unsigned client, enum load_op op, const char *key, const char *value)
{
    struct grpc_client *g = ctx;
    struct connection *c = g->v[client % g->n];
    uint32_t stream = c->next_stream;
    c->next_stream += 2;
    c->stream[stream / 2 % STREAMS].client = (uint8_t)client;
    c->stream[stream / 2 % STREAMS].data = false;

    size_t begin = frame_begin(c, HEADERS, END_HEADERS, stream);
    byte(c, 0x83); /* :method: POST */
    byte(c, 0x86); /* :scheme: http */
    field(c, op == LOAD_PUT ? PATH_PUT : PATH_GET);
    field(c, AUTHORITY);
    field(c, CONTENT_TYPE);
    field(c, TE);
    frame_end(c, begin);

    begin = frame_begin(c, DATA, END_STREAM, stream);
    size_t n = 2 + strlen(key) + (op == LOAD_PUT ? 2 + strlen(value) : 0);
    byte(c, 0); /* not compressed */
    store32(c->out + c->out_n, (uint32_t)n);
    c->out_n += 4;
    byte(c, 1 << 3 | 2); /* PutRequest and RangeRequest: bytes key = 1 */
    text(c, key);
    if (op == LOAD_PUT) {
        byte(c, 2 << 3 | 2); /* bytes value = 2 */
        text(c, value);
    }
    frame_end(c, begin);
}

static bool flush(struct connection *c)
{
    for (size_t at = 0; at < c->out_n;) {
        ssize_t n = send(c->fd, c->out + at, c->out_n - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    c->out_n = 0;
    return true;
}

/* One frame. Returns whether it ended a request, of `*client`; -1: the server refuses. */
static int take(struct connection *c, const unsigned char *head, const unsigned char *body, size_t n, unsigned *client)
{
    uint32_t stream = load32(head + 5);
    size_t slot = stream / 2 % STREAMS;
    switch (head[3]) {
    case DATA:
        c->taken += n;
        c->stream[slot].data |= n > 5;
        if (c->taken > WINDOW / 2) {
            size_t begin = frame_begin(c, WINDOW_UPDATE, 0, 0);
            store32(c->out + c->out_n, (uint32_t)c->taken);
            c->out_n += 4;
            frame_end(c, begin);
            c->taken = 0;
        }
        break;
    case HEADERS:
        if (!(head[4] & END_STREAM))
            return 0;
        *client = c->stream[slot].client;
        return c->stream[slot].data ? 1 : -1;
    case SETTINGS:
    case PING:
        if (!(head[4] & ACK)) {
            size_t begin = frame_begin(c, head[3], ACK, 0);
            bytes(c, body, head[3] == PING ? n : 0);
            frame_end(c, begin);
        }
        break;
    case RST_STREAM:
    case GOAWAY:
        return -1;
    default:
        break;
    }
    return 0;
}

/* What one connection has received. Returns how many requests ended; -1: it cannot go on. */
static int receive(struct connection *c, unsigned *done)
{
    ssize_t got = recv(c->fd, c->in + c->in_n, IN_ROOM - c->in_n, MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    c->in_n += (size_t)got;
    size_t at = 0;
    int ended = 0;
    while (c->in_n - at >= HEAD) {
        const unsigned char *head = c->in + at;
        size_t n = load32(head) >> 8;
        if (c->in_n - at - HEAD < n)
            break;
        int one = take(c, head, head + HEAD, n, &done[ended]);
        if (one < 0)
            return -1;
        ended += one;
        at += HEAD + n;
    }
    memmove(c->in, c->in + at, c->in_n - at);
    c->in_n -= at;
    return ended;
}

static int answers(void *ctx, int wait_ms, unsigned done[LOAD_CLIENTS_MAX], char err[LOAD_ERR_LEN])
{
    struct grpc_client *g = ctx;
    struct pollfd fds[LOAD_CLIENTS_MAX];
    for (unsigned i = 0; i < g->n; i++) {
        fds[i] = (struct pollfd){.fd = g->v[i]->fd, .events = POLLIN};
        if (g->v[i]->out_n > 0 && !flush(g->v[i])) {
            snprintf(err, LOAD_ERR_LEN, "the connection to etcd broke: %s", strerror(errno));
            return -1;
        }
    }
    int n = 0;
    if (poll(fds, g->n, wait_ms) > 0)
        for (unsigned i = 0; i < g->n; i++) {
            int one = fds[i].revents ? receive(g->v[i], done + n) : 0;
            if (one < 0) {
                snprintf(err, LOAD_ERR_LEN, "etcd refused a request or closed the connection");
                return -1;
            }
            n += one;
        }
    return n;
}

static struct connection *connect_to(uint16_t port)
{
    struct connection *c = calloc(1, sizeof *c);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!c)
        return NULL;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        if (c->fd >= 0)
            close(c->fd);
        free(c);
        return NULL;
    }
    int one = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->next_stream = 1;
    bytes(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    frame_end(c, frame_begin(c, SETTINGS, 0, 0));
    size_t begin = frame_begin(c, WINDOW_UPDATE, 0, 0);
    store32(c->out + c->out_n, WINDOW);
    c->out_n += 4;
    frame_end(c, begin);
    return c;
}

struct grpc_client *grpc_client_new(uint16_t port, unsigned connections)
{
    struct grpc_client *g = calloc(1, sizeof *g);
    for (unsigned i = 0; g && i < connections && i < LOAD_CLIENTS_MAX; i++) {
        if (!(g->v[i] = connect_to(port))) {
            grpc_client_free(g);
            return NULL;
        }
        g->n++;
    }
    return g;
}

void grpc_client_free(struct grpc_client *g)
{
    for (unsigned i = 0; g && i < g->n; i++) {
        close(g->v[i]->fd);
        free(g->v[i]);
    }
    free(g);
}

struct load_server grpc_client_server(struct grpc_client *g)
{
    return (struct load_server){.ctx = g, .ask = ask, .answers = answers};
}
