/* read_proof.h -- what a read rested on, in words: the round or the lease that proved to its server that it led, and how old
 * that was. */
#ifndef FAULTLINE_READ_PROOF_H
#define FAULTLINE_READ_PROOF_H

#include "db.h"

struct read_proof {
    char words[320];
    int64_t rec; /* its read.confirm or lease.grant, 0 = none */
};

/* `rec` is a read.serve or read.local. False: the table `reads` has no such row. */
bool read_proof(struct db *db, int64_t rec, struct read_proof *p);

#endif
