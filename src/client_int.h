/* client_int.h -- the parts of a client, for each other. */
#ifndef FAULTLINE_CLIENT_INT_H
#define FAULTLINE_CLIENT_INT_H

#include "client.h"
#include "udp.h"
#include "wire.h"

struct server {
    struct address at;
    char text[ADDRESS_MAX + 1];
    node_id id;                          /* NODE_NONE: not known yet */
    bool answers;                        /* it has ever answered */
    unsigned sent, sent_back;            /* of the request under way: copies sent, redirects received */
    struct wire_decoder *status_decoder; /* NULL: has not told its status */
};

struct client {
    struct udp udp;
    struct wire_decoder *decoder;
    node_id id; /* ours */
    struct server servers[CLIENT_SERVERS_MAX];
    unsigned n_servers;
    node_id leader; /* as far as we know */
    bool engaged;   /* a request went out as ours: the id must stay, it is what tells copies from requests */
    char buffer[UDP_BUFFER], out[DATAGRAM_MAX];
    size_t received;                               /* bytes in buffer */
    struct client_server told[CLIENT_SERVERS_MAX]; /* by client_status(), in the order of servers */
};

uint64_t client_now_ms(void);
/* A new MID of 128 random bits: that an answer bears it proves that it was made after the request. */
void client_mid(char mid[MID_MAX + 1]);
/* False: it does not fit into a datagram. One that is lost is no failure. */
bool client_send(struct client *c, struct server *s, struct message *m);
/* Waits until `until_ms` at most for a message to us from one of our servers. NULL: none came. */
struct server *client_receive(struct client *c, uint64_t until_ms, struct message *m);
bool client_ask_status(struct client *c, struct server *s, const char *mid);
/* What a status says about who is where and who leads. */
void client_learn(struct client *c, struct server *s, const struct message *m);
struct server *client_find(struct client *c, node_id id);

#endif
