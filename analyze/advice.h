/* advice.h -- for a replica that records little: which records more would switch on most checks. */
#ifndef FAULTLINE_ADVICE_H
#define FAULTLINE_ADVICE_H

#include "db.h"

/* A JSON array of at most four objects {"record", "checks", "switches_on"}: the four records of all that together
 * switch on most checks, the most useful first; each counts with those before it. "[]" when the replicas record what
 * every replica has to tell. To be freed; NULL on a database error. */
char *advice_json(struct db *db);

#endif
