/* explain.h -- the story behind a violation, an operation, a value, a record, an election, a fault or a datagram. */
#ifndef FAULTLINE_EXPLAIN_H
#define FAULTLINE_EXPLAIN_H

#include "db.h"
#include "story.h"

#define EXPLAIN_DEPTH (-1) /* as deep as suits the kind of thing */

/* Prints violation `v` with its evidence, in time order, as far as `depth` causal steps back. False when there is no
 * such violation, or on a database error. */
bool explain_violation(struct db *db, int64_t v, int depth, FILE *out);
/* The same story, to be shown otherwise: story_free() it. NULL when there is no such violation. */
struct story *explain_story(struct db *db, int64_t v, int depth);
/* The violation to look at first: the most severe, then the lowest number. 0 = there is none. */
int64_t explain_worst(struct db *db);
int64_t explain_worst_of(struct db *db, int64_t run_id); /* of this run only; 0 = of all */

/* The violations that led to `v`, the nearest first, the root last. How many. */
enum { EXPLAIN_CAUSES = 6 };
size_t explain_causes(struct db *db, int64_t v, int64_t chain[EXPLAIN_CAUSES]);

/* For a read of operation `op_id` that may have been stale: who served it, in which believed term, who really led,
 * which fault kept them apart, which lost messages would have deposed the server in time. Not `whole`: only what the
 * evidence of a stale read does not tell already, the election and the end of the deposed leader's belief. */
void explain_read(struct story *s, struct db *db, int64_t run_id, int64_t op_id, bool whole);

#endif
