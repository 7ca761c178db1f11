/* client_options.h -- what the client program is told by its command line and environment. */
#ifndef FAULTLINE_CLIENT_OPTIONS_H
#define FAULTLINE_CLIENT_OPTIONS_H

#include "client.h"

#define KV_ERR_LEN 256

struct kv_options {
    bool help, version; /* print that and end; nothing else is set then */
    const char *servers[CLIENT_SERVERS_MAX];
    unsigned n_servers;
    const char *key_file, *cluster; /* key_file: NULL = datagrams are not authenticated */
    uint64_t timeout_ms;
    enum message_type command; /* GET, PUT, STATUS, CHANGE */
    const char *key, *value;   /* value "-": standard input */
    bool json;
    enum change_op change;
    node_id node;
    const char *address;
    char storage[4096]; /* of servers */
};

/* As options_parse() of the replica. */
bool kv_options_parse(struct kv_options *o, int argc, char **argv, char *(*env)(const char *name),
                      char err[KV_ERR_LEN]);
/* Is it UTF-8, as all text on the wire is? */
bool kv_is_text(const char *s);

extern const char kv_help[];

#endif
