/* grpc_client.h -- clients of etcd: its own protocol, gRPC over HTTP/2 (RFC 9113), by hand, because a load generator
 * must cost little. One or more connections, each shared by many clients as etcd's own client library does it. */
#ifndef FAULTLINE_BENCH_GRPC_CLIENT_H
#define FAULTLINE_BENCH_GRPC_CLIENT_H

#include <stdint.h>
#include "closed_loop.h"

struct grpc_client;

/* To 127.0.0.1:port, clients spread evenly over the connections. NULL: nobody listens, or not that many. */
struct grpc_client *grpc_client_new(uint16_t port, unsigned connections);
void grpc_client_free(struct grpc_client *g);
/* Puts and linearizable gets. */
struct load_server grpc_client_server(struct grpc_client *g);

#endif
