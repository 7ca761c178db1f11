/* client.h -- a client of replicas that talk directly: one request at a time, sent again under the same MID until it is
 * answered or its time is up. The request table of the replicas makes that safe (Raft paper §8): a put takes effect
 * once, however often it is sent.
 *
 * One thread per client. Times are milliseconds. */
#ifndef FAULTLINE_CLIENT_H
#define FAULTLINE_CLIENT_H

#include "address.h"
#include "message.h"

#define CLIENT_SERVERS_MAX 64
#define CLIENT_ERR_LEN     ADDRESS_ERR_LEN

struct client;

struct client_options {
    const char *const *servers; /* "HOST:PORT", some of the members; the others are learned from them */
    unsigned n_servers;         /* 1 to CLIENT_SERVERS_MAX */
    const unsigned char *key;   /* of seal_read_key(); NULL: datagrams are not authenticated */
};

/* Looks the servers up, and may wait for a name server. NULL, with one line in `err`. */
struct client *client_new(const struct client_options *o, char err[CLIENT_ERR_LEN]);
void client_free(struct client *c); /* NULL is allowed */

enum client_result {
    CLIENT_OK,
    CLIENT_REFUSED,     /* answered with fail: it had no effect and will have none */
    CLIENT_UNKNOWN,     /* time is up, and a replica may have taken it: it may have taken effect, or may yet */
    CLIENT_NO_LEADER,   /* time is up; servers answered, none of them leads; it had no effect and will have none */
    CLIENT_UNAVAILABLE, /* time is up, and no server has answered */
    CLIENT_TOO_LARGE    /* it does not fit into a datagram; nothing was sent */
};

/* Sends the request (type and what belongs to it: key, value, change, node, address; the rest is filled in) to the
 * leader, wherever that is, and waits for the answer. CLIENT_OK, CLIENT_REFUSED: `answer` is filled in; its strings are
 * valid until the next call. */
enum client_result client_ask(struct client *c, struct message *request, uint64_t timeout_ms, struct message *answer);

/* ---- status: of all that are known, one by one ---- */

struct client_server {
    node_id id;       /* NODE_NONE: it has not answered */
    const char *text; /* its address, as it was given or learned */
    bool answered;
    node_id leader; /* what follows: answered only */
    uint64_t term;
    struct status status; /* strings and members are valid until the next call */
};

/* Asks all servers and, once one has named them, all members. Returns how many it knows of, answered or not, at
 * `*servers`; valid until the next call. Ends when all have answered, at the latest after `timeout_ms`. */
unsigned client_status(struct client *c, uint64_t timeout_ms, const struct client_server **servers);

#endif
