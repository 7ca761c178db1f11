/* routes.h -- where members are, and where clients that wait for answers are. */
#ifndef FAULTLINE_ROUTES_H
#define FAULTLINE_ROUTES_H

#include "address.h"

struct routes;

/* Addresses are looked up in `family`. NULL: out of memory. */
struct routes *routes_new(int family);
void routes_free(struct routes *r); /* NULL is allowed */

/* Learns the addresses in a configuration's text ("ID=HOST:PORT,..."; members without an address are passed over).
 * Looks up only what it has not looked up yet, and may wait for a name server then. Members that are not in it are
 * still known: one that was removed must still hear of it. False, with one line in `err`, when an address cannot be
 * found; the others are learned all the same. */
bool routes_learn(struct routes *r, const char *conf, char err[ADDRESS_ERR_LEN]);
/* One that is about to be added. */
bool routes_learn_one(struct routes *r, node_id id, const char *address, char err[ADDRESS_ERR_LEN]);
/* NULL: not known. Valid until the next routes_learn*(). */
const struct address *routes_member(const struct routes *r, node_id id);

/* A client's request came from there: so its answer goes there. The last few ten thousand are remembered. */
void routes_note(struct routes *r, node_id client, const char *mid, const struct address *from);
const struct address *routes_client(const struct routes *r, node_id client, const char *mid);

#endif
