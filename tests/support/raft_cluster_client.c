/* raft_cluster_client.c -- clients, one request each at a time; their versions show that all is linearizable. */
#include "raft_cluster_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message_copy.h"

struct op *cluster_op(struct sim *s, const char *mid)
{
    size_t n = strtoul(mid + 1, NULL, 10);
    return n < s->n_ops && strcmp(s->ops[n].mid, mid) == 0 ? &s->ops[n] : NULL;
}

static void send_request(struct sim *s, unsigned client, struct op *op, unsigned to)
{
    char key[8], value[MID_MAX + 8];
    snprintf(key, sizeof key, "k%u", op->key);
    snprintf(value, sizeof value, "v%s", op->mid);
    struct message m = {.type = op->put ? MESSAGE_PUT : MESSAGE_GET,
                        .src = (node_id)(CLIENT_FIRST + client),
                        .dst = (node_id)to,
                        .leader = NODE_NONE,
                        .key = key,
                        .value = op->put ? value : NULL};
    memcpy(m.mid, op->mid, sizeof m.mid);
    op->tries++;
    /* Client traffic is never lost, but it may be duplicated. */
    unsigned copies = cluster_chance(s, s->cfg->duplication) ? 2 : 1;
    while (copies--)
        cluster_push(s, s->now + cluster_between(s, 100, 2 * MS), DATAGRAM, to, message_copy(&m));
}

static void invoke(struct sim *s, unsigned client)
{
    s->ops = cluster_grown(s->ops, &s->room_ops, s->n_ops + 1, sizeof *s->ops);
    struct op *op = &s->ops[s->n_ops];
    memset(op, 0, sizeof *op);
    snprintf(op->mid, sizeof op->mid, "M%zu", s->n_ops);
    op->put = cluster_chance(s, 0.5);
    op->key = (unsigned)rng_below(&s->rng, KEYS);
    op->floor = s->seen_version[op->key];
    op->invoked = s->now;
    s->current[client] = s->n_ops++;
    node_id to = s->believed[client];
    send_request(s, client, op, to < s->cfg->size ? to : (unsigned)rng_below(&s->rng, s->cfg->size));
}

void cluster_client_arm(struct sim *s, unsigned client, uint64_t after)
{
    s->timer[client] = s->order;
    cluster_push(s, s->now + after, CLIENT, client, NULL);
}

/* A request came to its end: the next follows soon. */
static void next_request(struct sim *s, unsigned client)
{
    cluster_client_arm(s, client, cluster_between(s, 0, 20 * MS));
}

void cluster_client_timer(struct sim *s, unsigned client)
{
    struct op *op = s->n_ops && s->current[client] != SIZE_MAX ? &s->ops[s->current[client]] : NULL;
    if (!op || op->done || op->redirected) {
        invoke(s, client);
    } else if (op->put) {
        /* No answer: the same request again, to somebody else. */
        s->believed[client] = NODE_NONE;
        send_request(s, client, op, (unsigned)rng_below(&s->rng, s->cfg->size));
    } else {
        op->done = true; /* a get may simply be given up */
        s->believed[client] = NODE_NONE;
        invoke(s, client);
    }
    cluster_client_arm(s, client, cluster_between(s, 500 * MS, 900 * MS));
}

void cluster_client_answer(struct sim *s, unsigned client, const struct message *m)
{
    struct op *op = cluster_op(s, m->mid);
    if (!op) {
        cluster_failed(s, "an answer to %s, which nobody asked", m->mid);
        return;
    }
    s->believed[client] = m->leader;
    bool current = s->current[client] == (size_t)(op - s->ops);
    if (op->done || op->redirected)
        return;
    if (m->type == MESSAGE_REDIRECT) {
        op->redirected = true;
        if (current)
            next_request(s, client);
        return;
    }
    op->done = true;
    s->out->counts.acknowledged++;
    /* `term` carries the version: the index of the write, or of the value read. */
    if (op->put ? m->term <= op->floor : m->term < op->floor)
        cluster_failed(s, "%s of key %u is not linearizable: version %" PRIu64 " after %" PRIu64 " was seen",
                       op->put ? "put" : "get", op->key, m->term, op->floor);
    if (m->term > s->seen_version[op->key])
        s->seen_version[op->key] = m->term;
    if (current)
        next_request(s, client);
}
