/* net.h -- the live network of a replica: the simulated one behind one port of 127.0.0.1, or (direct) UDP from and to
 * the addresses of members and clients. Nothing here waits, but for name servers in net_open() and net_learn(). */
#ifndef FAULTLINE_NET_H
#define FAULTLINE_NET_H

#include "replica.h"
#include "replica_options.h"
#include "udp_batch.h"

#define NET_ERR_LEN ADDRESS_ERR_LEN

struct routes;
struct seal;

struct net {
    struct udp udp; /* udp.fd for poll() */
    bool direct;
    node_id id;
    struct seal *seal;            /* NULL: no key */
    struct routes *routes;        /* direct only, as all that follows */
    struct address from;          /* of the datagram received last */
    char conf[CONF_TEXT_MAX + 1]; /* learned last */
    struct udp_inbox in;
    struct udp_outbox out;
};

/* Reads the key and binds the port. False, with one line in `err` and nothing to close; `*no_key`: it was the key. */
bool net_open(struct net *net, const struct options *o, bool *no_key, char err[NET_ERR_LEN]);
void net_close(struct net *net);

/* The configuration may have changed: learns its addresses. False: with one line in `err`, an address was not found.
 * Costs a comparison when it is the same as before. */
bool net_learn(struct net *net, const char *conf, char err[NET_ERR_LEN]);

/* As struct replica_io wants them. What was sent may wait for net_flush(). */
void net_send(struct net *net, const char *bytes, size_t n, node_id dst, const char *answered);
void net_flush(struct net *net);
bool net_admit(struct net *net, const struct message *m, struct replica_denial *denial);

enum net_got {
    NET_HANDLED,  /* nothing for the replica: the next one, please */
    NET_NOTHING,  /* none waited when the kernel was asked last; the next call asks again */
    NET_DATAGRAM, /* *bytes, *n: for replica_take(); valid until the next call */
    NET_REFUSED   /* *bytes, *n and `denial`: for replica_refuse() */
};
enum net_got net_receive(struct net *net, const char **bytes, size_t *n, struct replica_denial *denial);

#endif
