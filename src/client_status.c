/* client_status.c -- the status of all members, each as it sees itself. */
#include "client_int.h"

#include <stdlib.h>
#include <string.h>

/* Who has not answered for so long is asked again. */
#define AGAIN_MS 200
/* Nobody is waited for who has not answered so long after another did. */
#define PATIENCE_MS 1000

/* Decodes the datagram received last again, into memory of this server's own. */
static bool keep(struct client *c, unsigned i)
{
    struct server *s = &c->servers[i];
    struct client_server *told = &c->told[i];
    struct message m;
    struct wire_refusal refusal;
    if (!s->status_decoder)
        s->status_decoder = wire_decoder_new();
    if (!s->status_decoder || !wire_decode(s->status_decoder, c->received_at, c->received, &m, &refusal))
        return false;
    *told = (struct client_server){
        .id = m.src, .text = s->text, .answered = true, .leader = m.leader, .term = m.term, .status = *m.status};
    return true;
}

/* Asks those that have not answered; returns how many. */
static unsigned ask_the_rest(struct client *c, unsigned from)
{
    unsigned left = 0;
    for (unsigned i = from; i < c->n_servers; i++)
        if (!c->told[i].answered) {
            c->told[i] = (struct client_server){.id = c->servers[i].id, .text = c->servers[i].text};
            client_ask_status(c, &c->servers[i]);
            left++;
        }
    return left;
}

unsigned client_status(struct client *c, uint64_t timeout_ms, const struct client_server **servers)
{
    struct message m;
    uint64_t end = client_now_ms() + timeout_ms;
    client_mid(c->status_mid);
    c->request = NULL;
    memset(c->told, 0, sizeof c->told);
    unsigned left = ask_the_rest(c, 0);
    while (left && client_now_ms() < end) {
        uint64_t again = client_now_ms() + AGAIN_MS;
        struct server *s = client_receive(c, again < end ? again : end, &m);
        if (!s) {
            if (left == c->n_servers)
                client_draw_id(c); /* nobody answers: perhaps ours is a member's */
            left = ask_the_rest(c, 0);
            continue;
        }
        unsigned i = (unsigned)(s - c->servers), known = c->n_servers;
        if (m.type != MESSAGE_STATUS_RES || strcmp(m.mid, c->status_mid) != 0 || c->told[i].answered || !keep(c, i))
            continue;
        client_learn(c, s, &m);
        left += ask_the_rest(c, known) - 1;
        if (client_now_ms() + PATIENCE_MS < end)
            end = client_now_ms() + PATIENCE_MS;
    }
    *servers = c->told;
    return c->n_servers;
}
