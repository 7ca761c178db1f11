#include "udp_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* An answer that takes longer is taken for lost. An election takes longer: then the retry finds the next leader. */
#define RETRY_NS     UINT64_C(500000000)
#define FIRST_CLIENT 0x1000
#define ANSWER_MAX   512
#define ASK_MAX      256

struct pending {
    bool under_way;
    unsigned to, tries;
    uint64_t number; /* of the request: its MID */
    uint64_t sent_ns;
    enum load_op op;
    size_t n_texts;
    char texts[ASK_MAX / 2]; /* key and value, as they stand at the end of each try */
    size_t length;
    char bytes[ASK_MAX];
};

struct udp_client {
    int fd;
    unsigned n, leader;
    struct sockaddr_in to[UDP_CLIENT_REPLICAS];
    uint64_t number, retries, run, looked_ns;
    struct pending pending[LOAD_CLIENTS_MAX];
    unsigned due[LOAD_CLIENTS_MAX], n_due; /* clients whose datagram waits to be sent */
    char answer[LOAD_CLIENTS_MAX][ANSWER_MAX];
};

struct udp_client *udp_client_new(const uint16_t *ports, unsigned n)
{
    struct udp_client *u = calloc(1, sizeof *u);
    if (!u || n > UDP_CLIENT_REPLICAS || (u->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0) {
        free(u);
        return NULL;
    }
    u->n = n;
    /* MIDs of an earlier load on the same group must not be met again. */
    u->run = load_now_ns() / 1000 % 0xFFFFFF;
    for (unsigned i = 0; i < n; i++)
        u->to[i] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(ports[i]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int room = 4 << 20;
    (void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    struct timeval wait = {.tv_usec = 100000};
    (void)setsockopt(u->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return u;
}

void udp_client_free(struct udp_client *u)
{
    if (u) {
        close(u->fd);
        free(u);
    }
}

unsigned udp_client_leader(const struct udp_client *u)
{
    return u->leader;
}

uint64_t udp_client_retries(const struct udp_client *u)
{
    return u->retries;
}

static void put_in_line(struct udp_client *u, unsigned client, bool new_mid)
{
    struct pending *p = &u->pending[client];
    if (new_mid) {
        p->number = ++u->number;
        p->tries = 0;
    }
    p->to = u->leader;
    p->sent_ns = load_now_ns();
    char head[ASK_MAX];
    int n = snprintf(head, sizeof head,
                     "{\"src\":\"%04X\",\"dst\":\"%04X\",\"leader\":\"%04X\",\"type\":\"%s\",\"MID\":\"%06llX%010llX\"",
                     FIRST_CLIENT + client, p->to, p->to, p->op == LOAD_PUT ? "put" : "get", (unsigned long long)u->run,
                     (unsigned long long)p->number);
    memcpy(p->bytes, head, (size_t)n);
    memcpy(p->bytes + n, p->texts, p->n_texts);
    p->length = (size_t)n + p->n_texts;
    u->due[u->n_due++] = client;
}

static void ask(void *ctx, unsigned client, enum load_op op, const char *key, const char *value)
{
    struct udp_client *u = ctx;
    struct pending *p = &u->pending[client];
    p->under_way = true;
    p->op = op;
    int n = op == LOAD_PUT ? snprintf(p->texts, sizeof p->texts, ",\"key\":\"%s\",\"value\":\"%s\"}", key, value)
                           : snprintf(p->texts, sizeof p->texts, ",\"key\":\"%s\"}", key);
    p->n_texts = (size_t)n;
    put_in_line(u, client, true);
}

static void send_due(struct udp_client *u)
{
    struct mmsghdr h[LOAD_CLIENTS_MAX];
    struct iovec io[LOAD_CLIENTS_MAX];
    for (unsigned i = 0; i < u->n_due; i++) {
        const struct pending *p = &u->pending[u->due[i]];
        io[i] = (struct iovec){u->pending[u->due[i]].bytes, p->length};
        h[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = &u->to[p->to], .msg_namelen = sizeof u->to[0], .msg_iov = &io[i], .msg_iovlen = 1}};
    }
    /* What is not taken is sent again later, as anything lost. */
    for (unsigned at = 0; at < u->n_due;) {
        int n = sendmmsg(u->fd, h + at, u->n_due - at, 0);
        at += n > 0 ? (unsigned)n : 1;
    }
    u->n_due = 0;
}

/* The text between `"NAME":"` and the next quote; our own texts have neither quotes nor escapes. */
static const char *field(const char *bytes, size_t n, const char *opening)
{
    const char *at = memmem(bytes, n, opening, strlen(opening));
    return at ? at + strlen(opening) : "";
}

/* Whether this answer ends a request of client `*client`. */
static bool take(struct udp_client *u, const char *bytes, size_t n, unsigned *client)
{
    unsigned long c = strtoul(field(bytes, n, "\"dst\":\""), NULL, 16) - FIRST_CLIENT;
    if (c >= LOAD_CLIENTS_MAX || !u->pending[c].under_way)
        return false;
    struct pending *p = &u->pending[c];
    char mid[24];
    snprintf(mid, sizeof mid, "%06llX%010llX\"", (unsigned long long)u->run, (unsigned long long)p->number);
    if (strncmp(field(bytes, n, "\"MID\":\""), mid, strlen(mid)) != 0)
        return false;
    unsigned long leader = strtoul(field(bytes, n, "\"leader\":\""), NULL, 16);
    u->leader = leader < u->n ? (unsigned)leader : (p->to + 1) % u->n;
    const char *type = field(bytes, n, "\"type\":\"");
    if (strncmp(type, "ok\"", 3) == 0) {
        p->under_way = false;
        *client = (unsigned)c;
        return true;
    }
    /* Redirected or refused: ask again under a new MID, as the protocol's clients do. */
    put_in_line(u, (unsigned)c, true);
    return false;
}

static void retry_lost(struct udp_client *u)
{
    uint64_t now = load_now_ns();
    if (now - u->looked_ns < RETRY_NS / 4)
        return;
    u->looked_ns = now;
    for (unsigned c = 0; c < LOAD_CLIENTS_MAX; c++) {
        struct pending *p = &u->pending[c];
        if (!p->under_way || now - p->sent_ns < RETRY_NS)
            continue;
        u->retries++;
        /* The same MID to the same replica first: it may only be late. Then another replica. */
        if (p->tries++ > 0)
            u->leader = (p->to + 1) % u->n;
        put_in_line(u, c, p->tries > 2);
    }
}

static int answers(void *ctx, int wait_ms, unsigned done[LOAD_CLIENTS_MAX], char err[LOAD_ERR_LEN])
{
    struct udp_client *u = ctx;
    (void)wait_ms; /* set once for the socket: one system call less for each answer */
    (void)err;
    struct mmsghdr h[LOAD_CLIENTS_MAX];
    struct iovec io[LOAD_CLIENTS_MAX];
    send_due(u);
    for (unsigned i = 0; i < LOAD_CLIENTS_MAX; i++) {
        io[i] = (struct iovec){u->answer[i], ANSWER_MAX - 1};
        h[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &io[i], .msg_iovlen = 1}};
    }
    int got = recvmmsg(u->fd, h, LOAD_CLIENTS_MAX, MSG_WAITFORONE, NULL), n = 0;
    for (int i = 0; i < got; i++) {
        u->answer[i][h[i].msg_len] = '\0';
        n += take(u, u->answer[i], h[i].msg_len, &done[n]);
    }
    retry_lost(u);
    return n;
}

struct load_server udp_client_server(struct udp_client *u)
{
    return (struct load_server){.ctx = u, .ask = ask, .answers = answers};
}
