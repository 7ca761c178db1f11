/* sim_lift.h -- records that a replica prints on stdout or stderr, one JSON object a line, become records of that
 * replica, in a file of its own beside the simulator's: so ten lines of code in any language open the white-box checks.
 *
 * A line needs "ev", the name of an event of the catalogue (trace/README.md), and the event's fields; term, role, ci,
 * ai and li where it likes. What is missing of number, time, clock and state is filled in: the time is when the line
 * was read, so the order of records of different replicas is not known, and the file's header says so. A line that
 * carries n, b, s, t and lc is taken as it is. */
#ifndef FAULTLINE_SIM_LIFT_H
#define FAULTLINE_SIM_LIFT_H

#include <stdbool.h>
#include <stdint.h>

struct sim_lift;

/* For one process: boot `boot` of replica `node`, whose records go to DIR/NODE.BOOT.jsonl. No file is made before the
 * first line, none if the replica has made it itself. Texts are copied. Aborts on out of memory. */
struct sim_lift *sim_lift_new(const char *dir, const char *node, unsigned boot, int64_t epoch, int64_t wall_us);
/* Is the line a record? Then it is written, and this is true; `t` is the time (ns since the epoch) and `lc` the Lamport
 * clock of the simulator. */
bool sim_lift_line(struct sim_lift *l, int64_t t, int64_t lc, const char *line);
/* The process has ended, `clean` if it was not killed. NULL is allowed. */
void sim_lift_free(struct sim_lift *l, int64_t t, bool clean);

#endif
