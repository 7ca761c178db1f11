/* address.h -- where a member, a server or a sender is: as text "HOST:PORT" or "[IPV6]:PORT", and as the socket takes
 * it. */
#ifndef FAULTLINE_ADDRESS_H
#define FAULTLINE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "message.h"

#define ADDRESS_ERR_LEN 400
/* A numeric address as text, with brackets, scope, port and a NUL. */
#define ADDRESS_NUMERIC_MAX 80

struct address_text {
    char host[ADDRESS_MAX + 1]; /* without brackets */
    char port[6];
};

/* False: it is not HOST:PORT with a host, a port from 1 to 65535, and nothing that a configuration's text could not
 * hold (spaces, commas, equal signs, control characters, more than ADDRESS_MAX bytes). */
bool address_split(const char *text, struct address_text *out);
/* Does the host name this machine alone: localhost, 127.*, ::1? */
bool address_names_loopback(const struct address_text *t);
/* Is it every address of this machine, 0.0.0.0 or ::, that nobody can send to? */
bool address_names_any(const struct address_text *t);

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t n; /* 0: none */
};

/* Looks `text` up, in `family` (AF_UNSPEC: IPv4 if it has such an address, else IPv6, so that all programs understand
 * "localhost" alike; AF_INET6 gives IPv4 hosts as ::ffff:a.b.c.d). May ask a name server,
 * and wait for it. False, with one line in `err`, when there is none. */
bool address_resolve(const char *text, int family, struct address *out, char err[ADDRESS_ERR_LEN]);
bool address_same(const struct address *a, const struct address *b);
/* Numeric, as address_split() reads it. */
void address_numeric(const struct address *a, char out[ADDRESS_NUMERIC_MAX]);

#endif
