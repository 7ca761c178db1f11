/* replica_options_int.h -- the parts of the replica's options, for each other. */
#ifndef FAULTLINE_REPLICA_OPTIONS_INT_H
#define FAULTLINE_REPLICA_OPTIONS_INT_H

#include "replica_options.h"

/* Always false. What was quoted may hold anything and goes to a terminal: control characters are replaced. */
__attribute__((format(printf, 2, 3))) bool options_wrong(char err[OPTIONS_ERR_LEN], const char *format, ...);
/* A decimal number without sign, between the bounds. */
bool options_number(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* ---- replica_group.c: who belongs to the group, and where ---- */

/* --peer ID=HOST:PORT. False: it makes no sense. */
bool options_add_member(struct options *o, const char *text);
/* What stands behind the options: PORT ID PEER..., or with --listen: ID. */
bool options_group(struct options *o, int argc, char **argv, char err[OPTIONS_ERR_LEN]);

#endif
