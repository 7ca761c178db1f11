/* client_int.h -- the parts of a client, for each other. */
#ifndef FAULTLINE_CLIENT_INT_H
#define FAULTLINE_CLIENT_INT_H

#include "client.h"
#include "seal.h"
#include "udp.h"
#include "wire.h"

struct server {
    struct address at;
    char text[ADDRESS_MAX + 1];
    node_id id;                          /* NODE_NONE: not known yet */
    bool answers;                        /* it has ever answered */
    bool asked;                          /* what it was sent last: the request, else the question for its status */
    unsigned sent, sent_back;            /* of the request under way: copies sent, redirects received */
    struct wire_decoder *status_decoder; /* NULL: has not told its status */
};

struct client {
    struct udp udp;
    struct seal *seal; /* NULL: no key */
    struct wire_decoder *decoder;
    node_id id; /* ours */
    struct server servers[CLIENT_SERVERS_MAX];
    unsigned n_servers;
    node_id leader;          /* as far as we know */
    bool engaged;            /* a request went out as ours: the id must stay, it is what tells copies from requests */
    struct message *request; /* under way; NULL: none */
    char status_mid[MID_MAX + 1];
    char buffer[UDP_BUFFER], out[DATAGRAM_MAX];
    unsigned char sealed[DATAGRAM_MAX + SEAL_OVERHEAD];
    const char *received_at; /* in buffer: what a seal had in it */
    size_t received;
    struct client_server told[CLIENT_SERVERS_MAX]; /* by client_status(), in the order of servers */
};

uint64_t client_now_ms(void);
/* A new MID of 128 random bits: that an answer bears it proves that it was made after the request. */
void client_mid(char mid[MID_MAX + 1]);
/* Another id of ours, at random. */
void client_draw_id(struct client *c);
/* False: it does not fit into a datagram. One that is lost is no failure. */
bool client_send_request(struct client *c, struct server *s);
/* Under c->status_mid. */
void client_ask_status(struct client *c, struct server *s);
/* Waits until `until_ms` at most for a message to us from one of our servers. NULL: none came. */
struct server *client_receive(struct client *c, uint64_t until_ms, struct message *m);
/* What a status says about who is where and who leads. */
void client_learn(struct client *c, struct server *s, const struct message *m);
struct server *client_find(struct client *c, node_id id);

#endif
