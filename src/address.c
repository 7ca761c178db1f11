#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

static bool is_port(const char *s)
{
    size_t n = strlen(s);
    return n >= 1 && n <= 5 && strspn(s, "0123456789") == n && atoi(s) >= 1 && atoi(s) <= UINT16_MAX;
}

bool address_split(const char *text, struct address_text *out)
{
    *out = (struct address_text){.host = ""};
    size_t n = strlen(text);
    if (n > ADDRESS_MAX || strpbrk(text, " ,=\x7f"))
        return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20)
            return false;
    const char *colon = strrchr(text, ':'), *host = text;
    if (!colon || !is_port(colon + 1))
        return false;
    size_t host_n = (size_t)(colon - text);
    bool bracketed = *text == '[';
    if (bracketed) {
        if (host_n < 3 || colon[-1] != ']')
            return false;
        host++;
        host_n -= 2;
    }
    memcpy(out->host, host, host_n);
    memcpy(out->port, colon + 1, strlen(colon + 1) + 1);
    /* ::1:4000 could be read in two ways. */
    return host_n > 0 && !strpbrk(out->host, "[]") && bracketed == (strchr(out->host, ':') != NULL);
}

bool address_names_loopback(const struct address_text *t)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, t->host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, t->host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(t->host, "localhost") == 0;
}

bool address_names_any(const struct address_text *t)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, t->host, &v4) == 1)
        return v4.s_addr == htonl(INADDR_ANY);
    return inet_pton(AF_INET6, t->host, &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
}

/* ---- as the socket takes it ---- */

bool address_resolve(const char *text, int family, struct address *out, char err[ADDRESS_ERR_LEN])
{
    struct address_text t;
    if (!address_split(text, &t)) {
        snprintf(err, ADDRESS_ERR_LEN, "'%.255s' is no address: give HOST:PORT, or [IPV6]:PORT", text);
        return false;
    }
    bool any = family == AF_UNSPEC;
    struct addrinfo hints = {.ai_family = any ? AF_INET : family,
                             .ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICSERV},
                    *found;
    if (family == AF_INET6)
        hints.ai_flags |= AI_V4MAPPED;
    int rc = getaddrinfo(t.host, t.port, &hints, &found);
    if (rc != 0 && any) {
        hints.ai_family = AF_INET6;
        rc = getaddrinfo(t.host, t.port, &hints, &found);
    }
    if (rc != 0) {
        bool other_family = family == AF_INET && strchr(t.host, ':');
        if (other_family)
            snprintf(err, ADDRESS_ERR_LEN,
                     "%.255s is IPv6, but our own or the first address is IPv4; one of IPv6, such as "
                     "[::], reaches both",
                     text);
        else
            snprintf(err, ADDRESS_ERR_LEN, "cannot find the address %.255s: %s", text,
                     rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return false;
    }
    bool fits = found->ai_addrlen <= sizeof out->at;
    *out = (struct address){.n = fits ? found->ai_addrlen : 0};
    memcpy(&out->at, found->ai_addr, out->n);
    freeaddrinfo(found);
    if (!fits)
        snprintf(err, ADDRESS_ERR_LEN, "%.255s is of a family that is not supported", text);
    return fits;
}

bool address_same(const struct address *a, const struct address *b)
{
    const struct sockaddr_in *a4 = &a->at.v4, *b4 = &b->at.v4;
    const struct sockaddr_in6 *a6 = &a->at.v6, *b6 = &b->at.v6;
    if (!a->n || !b->n || a->at.any.sa_family != b->at.any.sa_family)
        return false;
    if (a->at.any.sa_family == AF_INET)
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a6->sin6_port == b6->sin6_port && memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0 &&
           a6->sin6_scope_id == b6->sin6_scope_id;
}

void address_numeric(const struct address *a, char out[ADDRESS_NUMERIC_MAX])
{
    char host[ADDRESS_NUMERIC_MAX - 9], port[6];
    if (!a->n ||
        getnameinfo(&a->at.any, a->n, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(out, ADDRESS_NUMERIC_MAX, "?");
    else
        snprintf(out, ADDRESS_NUMERIC_MAX, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}
