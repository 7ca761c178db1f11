/* udp_client.h -- the clients of a Faultline group: one UDP socket for all of them, each with an id of its own. */
#ifndef FAULTLINE_BENCH_UDP_CLIENT_H
#define FAULTLINE_BENCH_UDP_CLIENT_H

#include <stdint.h>
#include "closed_loop.h"

#define UDP_CLIENT_REPLICAS 7

struct udp_client;

/* Replica `i` has the id i and listens on 127.0.0.1:ports[i]. NULL: the system gives no socket, or too many. */
struct udp_client *udp_client_new(const uint16_t *ports, unsigned n);
void udp_client_free(struct udp_client *u);
struct load_server udp_client_server(struct udp_client *u);
/* Where requests go at present: the leader, as far as answers told. */
unsigned udp_client_leader(const struct udp_client *u);
/* Requests sent again since it was made, for want of an answer. */
uint64_t udp_client_retries(const struct udp_client *u);

#endif
