/* resp_client.h -- clients of Redis: SET and then WAIT 1, so that two of three have the value before it counts; GET.
 * One connection for each client, because WAIT holds up the connection. */
#ifndef FAULTLINE_BENCH_RESP_CLIENT_H
#define FAULTLINE_BENCH_RESP_CLIENT_H

#include <stdint.h>
#include "closed_loop.h"

struct resp_client;

/* To 127.0.0.1:port. NULL: nobody listens there. */
struct resp_client *resp_client_new(uint16_t port, unsigned clients);
void resp_client_free(struct resp_client *r);
struct load_server resp_client_server(struct resp_client *r);

#endif
