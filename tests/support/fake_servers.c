#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <poll.h>
#include <unistd.h>

#include "fake_servers.h"

static void reply(struct fake_server *s, const struct address *to, const struct message *m)
{
    static char out[DATAGRAM_MAX];
    (void)udp_send_to(&s->udp, to, out, wire_encode(m, out, sizeof out));
}

static void tell_status(struct fake_servers *f, struct fake_server *s, const struct address *to,
                        const struct message *asked)
{
    struct member_status members[FAKE_MAX + 1];
    struct status status = {.role = "follower", .durable = "memory", .members = members};
    for (unsigned i = 0; i < f->n; i++)
        members[status.n_members++] =
            (struct member_status){.id = (node_id)(i + 1), .address = s->anonymous ? "" : f->v[i].address, .state = ""};
    if (f->stolen == 0)
        f->stolen = asked->src;
    if (f->stolen != NODE_NONE)
        members[status.n_members++] = (struct member_status){.id = f->stolen, .address = "", .state = ""};
    struct message m = {.type = MESSAGE_STATUS_RES,
                        .src = (node_id)(s - f->v + 1),
                        .dst = asked->src,
                        .leader = s->leader,
                        .term = 7,
                        .status = &status};
    if (s->leader == m.src)
        status.role = "leader";
    memcpy(m.mid, asked->mid, sizeof m.mid);
    s->n_status++;
    s->asked_by = asked->src;
    reply(s, to, &m);
}

static void on_request(struct fake_servers *f, struct fake_server *s, const struct address *from,
                       const struct message *asked)
{
    struct message m = {.type = s->answer,
                        .src = (node_id)(s - f->v + 1),
                        .dst = asked->src,
                        .leader = s->leader,
                        .value = asked->type == MESSAGE_GET ? s->value : NULL,
                        .why = s->why};
    if (s->n_seen < FAKE_REQUESTS) {
        s->seen[s->n_seen].type = asked->type;
        s->seen[s->n_seen].src = asked->src;
        s->seen[s->n_seen].dst = asked->dst;
        memcpy(s->seen[s->n_seen++].mid, asked->mid, sizeof asked->mid);
    }
    if (s->n_seen <= s->drop || s->answer == MESSAGE_HELLO)
        return;
    memcpy(m.mid, asked->mid, sizeof m.mid);
    if (s->stray) {
        struct message lie = m;
        lie.value = "a lie";
        snprintf(lie.mid, sizeof lie.mid, "another");
        reply(s, from, &lie);
        lie = m;
        lie.value = "a lie";
        lie.dst = (node_id)(m.dst ^ 1);
        reply(s, from, &lie);
        (void)udp_send_to(&s->udp, from, "{", 1);
    }
    reply(s, from, &m);
}

static void serve(struct fake_servers *f, struct fake_server *s)
{
    static char buffer[UDP_BUFFER];
    struct address from;
    struct message m;
    struct wire_refusal refusal;
    size_t n;
    while (udp_receive_from(&s->udp, buffer, &n, &from)) {
        if (s->dead || !wire_decode(f->decoder, buffer, n, &m, &refusal))
            continue;
        if (m.type == MESSAGE_STATUS)
            tell_status(f, s, &from, &m);
        else
            on_request(f, s, &from, &m);
    }
}

static void *run(void *ctx)
{
    struct fake_servers *f = ctx;
    for (;;) {
        struct pollfd fds[FAKE_MAX + 1] = {{.fd = f->stop[0], .events = POLLIN}};
        for (unsigned i = 0; i < f->n; i++)
            fds[i + 1] = (struct pollfd){.fd = f->v[i].udp.fd, .events = POLLIN};
        (void)poll(fds, f->n + 1, -1);
        if (fds[0].revents)
            return NULL;
        for (unsigned i = 0; i < f->n; i++)
            serve(f, &f->v[i]);
    }
}

void fake_open(struct fake_servers *f, unsigned n)
{
    char err[UDP_ERR_LEN];
    *f = (struct fake_servers){.n = n, .stolen = NODE_NONE, .decoder = wire_decoder_new()};
    assert_non_null(f->decoder);
    for (unsigned i = 0; i < n; i++) {
        struct fake_server *s = &f->v[i];
        s->answer = MESSAGE_OK;
        s->leader = NODE_NONE;
        assert_true(udp_open(&s->udp, 1, err));
        snprintf(s->address, sizeof s->address, "127.0.0.1:%u", udp_port(&s->udp));
    }
}

void fake_start(struct fake_servers *f)
{
    assert_int_equal(pipe(f->stop), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

void fake_stop(struct fake_servers *f)
{
    assert_int_equal(write(f->stop[1], "", 1), 1);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    close(f->stop[0]);
    close(f->stop[1]);
    for (unsigned i = 0; i < f->n; i++)
        udp_close(&f->v[i].udp);
    wire_decoder_free(f->decoder);
}
