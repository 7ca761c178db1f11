#include "net.h"

#include <stdio.h>
#include <string.h>

#include "routes.h"
#include "seal.h"

static bool open_direct(struct net *net, const struct options *o, char err[NET_ERR_LEN])
{
    struct address at;
    if (!address_resolve(o->listen, AF_UNSPEC, &at, err) || !udp_open_at(&net->udp, &at, err))
        return false;
    net->routes = routes_new(at.at.any.sa_family);
    if (!net->routes)
        snprintf(err, NET_ERR_LEN, "out of memory");
    return net->routes && net_learn(net, o->conf, err);
}

bool net_open(struct net *net, const struct options *o, bool *no_key, char err[NET_ERR_LEN])
{
    unsigned char key[SEAL_KEY_BYTES];
    net->direct = o->listen != NULL;
    net->id = o->core.id;
    net->routes = NULL;
    net->seal = NULL;
    net->udp.fd = -1;
    *net->conf = '\0';
    *no_key = o->key_file && !seal_read_key(o->key_file, o->cluster, key, err);
    if (*no_key)
        return false;
    if (o->key_file)
        net->seal = seal_new(key, SEAL_REPLICA);
    if (net->direct ? open_direct(net, o, err) : udp_open(&net->udp, o->port, err))
        return true;
    net_close(net);
    return false;
}

void net_close(struct net *net)
{
    udp_close(&net->udp);
    routes_free(net->routes);
    seal_free(net->seal);
    net->routes = NULL;
    net->seal = NULL;
}

bool net_learn(struct net *net, const char *conf, char err[NET_ERR_LEN])
{
    if (!net->direct || strcmp(conf, net->conf) == 0)
        return true;
    snprintf(net->conf, sizeof net->conf, "%s", conf);
    return routes_learn(net->routes, conf, err);
}

/* ---- out ---- */

static void send_to(struct net *net, const struct address *to, const char *bytes, size_t n)
{
    unsigned char sealed[DATAGRAM_MAX + SEAL_OVERHEAD];
    if (!to || !to->n || n > DATAGRAM_MAX)
        return;
    if (net->seal)
        udp_outbox_add(&net->out, &net->udp, to, sealed, seal_wrap(net->seal, bytes, n, sealed));
    else
        udp_outbox_add(&net->out, &net->udp, to, bytes, n);
}

void net_send(struct net *net, const char *bytes, size_t n, node_id dst, const char *answered)
{
    if (!net->direct) {
        udp_send(&net->udp, bytes, n); /* the network reads from the datagram whom it is for */
    } else if (answered) {
        send_to(net, routes_client(net->routes, dst, answered), bytes, n);
    } else {
        send_to(net, routes_member(net->routes, dst), bytes, n);
    }
}

void net_flush(struct net *net)
{
    udp_outbox_send(&net->out, &net->udp);
}

/* ---- in ---- */

static enum net_got open_seal(struct net *net, const char **bytes, size_t *n, struct replica_denial *denial)
{
    unsigned char reply[SEAL_REPLY_MAX];
    size_t reply_n = 0;
    switch (seal_open(net->seal, *bytes, *n, bytes, n, reply, &reply_n)) {
    case SEAL_PAYLOAD:
        return NET_DATAGRAM;
    case SEAL_REPLY:
        udp_send_to(&net->udp, &net->from, reply, reply_n);
        return NET_HANDLED;
    case SEAL_NOTHING:
        return NET_HANDLED;
    case SEAL_BAD:
        *denial = (struct replica_denial){.why = "bad_seal", .what = "seal"};
        break;
    case SEAL_REPLAYED:
        *denial = (struct replica_denial){.why = "replayed", .what = "seal"};
        break;
    }
    address_numeric(&net->from, denial->addr);
    return NET_REFUSED;
}

enum net_got net_receive(struct net *net, const char **bytes, size_t *n, struct replica_denial *denial)
{
    const struct address *from;
    if (!udp_inbox_next(&net->in, &net->udp, bytes, n, &from))
        return NET_NOTHING;
    net->from = *from;
    return net->seal && *n <= UDP_BUFFER ? open_seal(net, bytes, n, denial) : NET_DATAGRAM;
}

static bool of_clients(enum message_type type)
{
    return type == MESSAGE_GET || type == MESSAGE_PUT || type == MESSAGE_CHANGE || type == MESSAGE_STATUS;
}

/* One that is to be added must be reached before the configuration names it (dissertation §4.2.1). */
static void learn_of_addition(struct net *net, const struct message *m)
{
    char err[ADDRESS_ERR_LEN];
    struct address_text at;
    if (m->type == MESSAGE_CHANGE && m->change == CHANGE_ADD && !routes_member(net->routes, m->node) &&
        address_split(m->address, &at))
        (void)routes_learn_one(net->routes, m->node, m->address, err);
}

bool net_admit(struct net *net, const struct message *m, struct replica_denial *denial)
{
    if (!net->direct)
        return true;
    const struct address *home = routes_member(net->routes, m->src);
    if (home && m->src != net->id && address_same(home, &net->from))
        return true;
    if (!home && m->src != net->id && of_clients(m->type)) {
        routes_note(net->routes, m->src, m->mid, &net->from);
        learn_of_addition(net, m);
        return true;
    }
    *denial = (struct replica_denial){.why = "unknown_source", .what = "src"};
    address_numeric(&net->from, denial->addr);
    return false;
}
