/* timeline.h -- a space-time view of a stretch of a run for the terminal: time downwards, one column for each replica.
 */
#ifndef FAULTLINE_TIMELINE_H
#define FAULTLINE_TIMELINE_H

#include <stdint.h>
#include <stdio.h>

#include "db.h"

struct timeline_options {
    int64_t run_id;
    int64_t from, to;  /* ns, both included */
    const char *nodes; /* comma-separated names or patterns; NULL = all replicas */
    const char *ev;    /* comma-separated patterns of events; NULL = what matters; "*" = everything, heartbeats too */
    int width;         /* columns of the terminal */
    int64_t limit;     /* rows */
    bool ascii, color;
};

/* Prints it, and what was left out with the option that shows it. False on a database error. Text of the trace comes
 * out escaped, as by cli_print(). */
bool timeline_print(struct db *db, const struct timeline_options *o, FILE *out);

#endif
