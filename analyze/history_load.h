/* history_load.h -- the history of one run, from the tables ops, op_tries, messages and leader_terms. */
#ifndef FAULTLINE_HISTORY_LOAD_H
#define FAULTLINE_HISTORY_LOAD_H

#include "db.h"
#include "history.h"

/* Fills an initialised history and sorts it; ids are ops.op_id.
 *
 * - A write that was answered `fail`, or not at all, may still happen: unknown outcome. `fail` means that it did not
 *   only when the run's configuration says "fail_is":"definite".
 * - An earlier attempt under another MID, of a write that its client tried again, may happen as well, besides the last
 *   one: a ghost. Not when it was answered `redirect` by a node that did not lead between the attempt and the answer;
 *   such a node had no log to put it in.
 * - A cas that failed shows that the value was another when the configuration says "failed_cas":"reads"; else nothing.
 * - A missing value, "" and a deletion are the initial value.
 * - A key with an operation whose effect is not in the trace (a cas without "old", say), or that returned before it was
 *   called, is marked unread.
 *
 * False on a database error (db->err) or without memory. */
bool history_load(struct history *h, struct db *db, int64_t run_id);

#endif
