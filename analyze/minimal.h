/* minimal.h -- `analyze explain --minimal RUN`: the smallest set of faults and lost messages without which the worst
 * violation of a run in virtual time does not happen. Found by having the run again without some of them: by the
 * program `simulate` (--without, --deliver), which stands beside our own; nothing of it is linked in. */
#ifndef FAULTLINE_MINIMAL_H
#define FAULTLINE_MINIMAL_H

#include "db.h"

/* `dir` is the run's directory, of which `db` is the database. Tells it on stdout, with the number of runs that were
 * made. An exit status: 0 told, 2 no such set was found, 65 not a run that can be had again, 70. */
int explain_minimal(struct db *db, const char *dir);

#endif
