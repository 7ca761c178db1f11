/* client.c -- a client's socket, what it knows of the servers, and a request until its answer. */
#include "client_int.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* The first wait for an answer; it doubles up to the last. Elections take longer: then asking more often is no use. */
#define WAIT_FIRST_MS 100
#define WAIT_LAST_MS  1000
/* Before asking again where nobody leads, or where we were sent in a circle. */
#define PAUSE_MS 50
/* In an election two may send us to each other for a while. */
#define HOPS_MAX 4

uint64_t client_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void random_bytes(void *out, size_t n)
{
    if (getrandom(out, n, 0) != (ssize_t)n)
        abort(); /* up to 256 bytes always come whole */
}

void client_mid(char mid[MID_MAX + 1])
{
    uint64_t v[2];
    random_bytes(v, sizeof v);
    snprintf(mid, MID_MAX + 1, "%016llx%016llx", (unsigned long long)v[0], (unsigned long long)v[1]);
}

/* Members have ids too: one that is theirs is given up as soon as we hear of them. */
void client_draw_id(struct client *c)
{
    do
        random_bytes(&c->id, sizeof c->id);
    while (c->id == NODE_NONE);
    c->engaged = false;
}

/* ---- servers ---- */

struct server *client_find(struct client *c, node_id id)
{
    for (unsigned i = 0; i < c->n_servers && id != NODE_NONE; i++)
        if (c->servers[i].id == id)
            return &c->servers[i];
    return NULL;
}

static struct server *at_address(struct client *c, const struct address *at)
{
    for (unsigned i = 0; i < c->n_servers; i++)
        if (address_same(&c->servers[i].at, at))
            return &c->servers[i];
    return NULL;
}

static int family_of(const struct client *c)
{
    return c->n_servers ? c->servers[0].at.at.any.sa_family : AF_UNSPEC;
}

static bool add_server(struct client *c, const char *text, node_id id, char err[CLIENT_ERR_LEN])
{
    struct address at;
    if (!address_resolve(text, family_of(c), &at, err))
        return false;
    struct server *s = at_address(c, &at);
    if (!s) {
        if (c->n_servers == CLIENT_SERVERS_MAX) {
            snprintf(err, CLIENT_ERR_LEN, "more than %d servers", CLIENT_SERVERS_MAX);
            return false;
        }
        s = &c->servers[c->n_servers++];
        *s = (struct server){.at = at, .id = NODE_NONE};
        snprintf(s->text, sizeof s->text, "%s", text);
    }
    if (id != NODE_NONE)
        s->id = id;
    return true;
}

void client_learn(struct client *c, struct server *s, const struct message *m)
{
    char err[CLIENT_ERR_LEN];
    s->id = m->src;
    if (m->leader != NODE_NONE)
        c->leader = m->leader;
    for (size_t i = 0; i < m->status->n_members; i++) {
        const struct member_status *one = &m->status->members[i];
        struct address_text text;
        if (!client_find(c, one->id) && address_split(one->address, &text))
            (void)add_server(c, one->address, one->id, err);
        if (one->id == c->id && !c->engaged)
            client_draw_id(c);
    }
}

struct client *client_new(const struct client_options *o, char err[CLIENT_ERR_LEN])
{
    struct client *c = calloc(1, sizeof *c);
    struct address any;
    if (!c) {
        snprintf(err, CLIENT_ERR_LEN, "out of memory");
        return NULL;
    }
    c->udp.fd = -1;
    c->leader = NODE_NONE;
    client_draw_id(c);
    if (o->key)
        c->seal = seal_new(o->key, SEAL_CLIENT);
    bool well = true;
    for (unsigned i = 0; well && i < o->n_servers; i++)
        well = add_server(c, o->servers[i], NODE_NONE, err);
    if (well) {
        any = (struct address){.n = c->servers[0].at.n};
        any.at.any.sa_family = c->servers[0].at.at.any.sa_family;
        c->decoder = wire_decoder_new();
        well = c->decoder && udp_open_at(&c->udp, &any, err);
    }
    if (well)
        return c;
    client_free(c);
    return NULL;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    udp_close(&c->udp);
    wire_decoder_free(c->decoder);
    seal_free(c->seal);
    for (unsigned i = 0; i < c->n_servers; i++)
        wire_decoder_free(c->servers[i].status_decoder);
    free(c);
}

/* ---- datagrams ---- */

static bool send_message(struct client *c, struct server *s, struct message *m)
{
    m->src = c->id;
    m->dst = s->id;
    m->leader = c->leader;
    size_t n = wire_encode(m, c->out, c->seal ? sizeof c->out - SEAL_OVERHEAD : sizeof c->out);
    if (n && c->seal)
        udp_send_to(&c->udp, &s->at, c->sealed, seal_wrap(c->seal, c->out, n, c->sealed));
    else if (n)
        udp_send_to(&c->udp, &s->at, c->out, n);
    return n != 0;
}

bool client_send_request(struct client *c, struct server *s)
{
    s->asked = true;
    s->sent++;
    c->engaged = true;
    return send_message(c, s, c->request);
}

void client_ask_status(struct client *c, struct server *s)
{
    struct message ask = {.type = MESSAGE_STATUS};
    snprintf(ask.mid, sizeof ask.mid, "%s", c->status_mid);
    s->asked = false;
    (void)send_message(c, s, &ask);
}

/* The datagram that waits is in the buffer. False: there is nothing for us in it. */
static bool open_seal(struct client *c, struct server *s)
{
    unsigned char reply[SEAL_REPLY_MAX];
    size_t reply_n = 0;
    if (!c->seal)
        return true;
    enum seal_opened opened =
        seal_open(c->seal, c->buffer, c->received, &c->received_at, &c->received, reply, &reply_n);
    if (opened != SEAL_REPLY)
        return opened == SEAL_PAYLOAD;
    /* It did not know us, and dropped what we had sent. */
    udp_send_to(&c->udp, &s->at, reply, reply_n);
    if (s->asked && c->request)
        (void)client_send_request(c, s);
    else
        client_ask_status(c, s);
    return false;
}

/* One that waits: from a server of ours, to us, and a message. */
static struct server *take(struct client *c, struct message *m, bool *waits)
{
    struct address from;
    struct wire_refusal refusal;
    c->received_at = c->buffer;
    *waits = udp_receive_from(&c->udp, c->buffer, &c->received, &from);
    struct server *s = *waits && c->received <= UDP_BUFFER ? at_address(c, &from) : NULL;
    if (!s || !open_seal(c, s) || !wire_decode(c->decoder, c->received_at, c->received, m, &refusal) || m->dst != c->id)
        return NULL;
    s->answers = true;
    return s;
}

struct server *client_receive(struct client *c, uint64_t until_ms, struct message *m)
{
    for (;;) {
        bool waits = true;
        while (waits) {
            struct server *s = take(c, m, &waits);
            if (s)
                return s;
        }
        uint64_t now = client_now_ms();
        if (now >= until_ms)
            return NULL;
        struct pollfd fd = {.fd = c->udp.fd, .events = POLLIN};
        uint64_t left = until_ms - now;
        (void)poll(&fd, 1, left > 60000 ? 60000 : (int)left);
    }
}

/* ---- one request ---- */

struct asking {
    struct message *request;
    struct server *to; /* where it was sent last; NULL: nowhere, we are looking for the leader */
    uint64_t wait_ms, next_ms, until_ms;
    unsigned silent; /* waits in a row that nothing came of */
    unsigned hops;   /* redirects followed since the last pause */
};

/* To the leader if it is known where it is; else the question who leads, to all. */
static bool send_on(struct client *c, struct asking *a)
{
    struct server *s = client_find(c, c->leader);
    a->to = s;
    a->next_ms = client_now_ms() + a->wait_ms;
    if (s)
        return client_send_request(c, s);
    for (unsigned i = 0; i < c->n_servers; i++)
        client_ask_status(c, &c->servers[i]);
    return true;
}

static bool on_silence(struct client *c, struct asking *a)
{
    a->wait_ms = a->wait_ms * 2 < WAIT_LAST_MS ? a->wait_ms * 2 : WAIT_LAST_MS;
    /* One lost datagram is likelier than a lost leader. */
    if (++a->silent >= 2) {
        c->leader = NODE_NONE;
        if (a->to == NULL && !c->engaged)
            client_draw_id(c); /* perhaps ours is a member's */
        a->silent = a->to ? 0 : 1;
    }
    return send_on(c, a);
}

static bool on_redirect(struct client *c, struct asking *a, struct server *by, node_id leader)
{
    by->sent_back++;
    if (by != a->to)
        return true; /* late: we are asking somebody else */
    bool known = leader != by->id && client_find(c, leader) != NULL;
    c->leader = known ? leader : NODE_NONE;
    a->silent = 0;
    if (known && ++a->hops % HOPS_MAX != 0)
        return send_on(c, a);
    a->to = NULL;
    a->next_ms = client_now_ms() + PAUSE_MS;
    return true;
}

static bool on_status(struct client *c, struct asking *a, struct server *by, const struct message *m)
{
    node_id asked_as = c->id;
    bool found = client_find(c, c->leader) != NULL;
    client_learn(c, by, m);
    a->wait_ms = WAIT_FIRST_MS;
    a->silent = 0;
    if (asked_as == c->id && a->to == NULL && !found && client_find(c, c->leader))
        return send_on(c, a);
    return true;
}

/* The time is up, or nothing was sent. */
static enum client_result without_answer(const struct client *c, const struct message *request)
{
    bool answers = false;
    for (unsigned i = 0; i < c->n_servers; i++) {
        if (c->servers[i].sent > c->servers[i].sent_back && request->type != MESSAGE_GET)
            return CLIENT_UNKNOWN;
        answers = answers || c->servers[i].answers;
    }
    return answers ? CLIENT_NO_LEADER : CLIENT_UNAVAILABLE;
}

enum client_result client_ask(struct client *c, struct message *request, uint64_t timeout_ms, struct message *answer)
{
    struct asking a = {.request = request, .wait_ms = WAIT_FIRST_MS, .until_ms = client_now_ms() + timeout_ms};
    client_mid(request->mid);
    client_mid(c->status_mid);
    c->request = request;
    for (unsigned i = 0; i < c->n_servers; i++)
        c->servers[i].sent = c->servers[i].sent_back = 0;
    bool fits = send_on(c, &a);
    while (fits) {
        uint64_t until = a.next_ms < a.until_ms ? a.next_ms : a.until_ms;
        struct server *by = client_receive(c, until, answer);
        if (!by && client_now_ms() >= a.until_ms)
            return without_answer(c, request);
        if (!by)
            fits = on_silence(c, &a);
        else if (answer->type == MESSAGE_STATUS_RES && strcmp(answer->mid, c->status_mid) == 0)
            fits = on_status(c, &a, by, answer);
        else if (strcmp(answer->mid, request->mid) != 0)
            continue; /* of an earlier request */
        else if (answer->type == MESSAGE_REDIRECT)
            fits = on_redirect(c, &a, by, answer->leader);
        else if (answer->type == MESSAGE_OK || answer->type == MESSAGE_FAIL)
            return answer->type == MESSAGE_OK ? CLIENT_OK : CLIENT_REFUSED;
    }
    return CLIENT_TOO_LARGE;
}
