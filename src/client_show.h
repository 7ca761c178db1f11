/* client_show.h -- what the client program prints. */
#ifndef FAULTLINE_CLIENT_SHOW_H
#define FAULTLINE_CLIENT_SHOW_H

#include <stdio.h>

#include "client.h"

/* `terminal`: control characters as \xNN, for they could steer it. */
void kv_show_text(FILE *out, const char *text, bool terminal);
/* One line for each member, and what the leader knows of it. */
void kv_show_table(const struct client_server *servers, unsigned n);
/* {"leader":..., "servers":[...]}; members that have not answered have only id and address. */
void kv_show_json(const struct client_server *servers, unsigned n);

#endif
