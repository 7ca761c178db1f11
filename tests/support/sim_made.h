/* sim_made.h -- for tests: a run that `simulate` has made, read back from its directory, and questions about it.
 *
 * Whatever is not as it must be fails the test. */
#ifndef FAULTLINE_TEST_SIM_MADE_H
#define FAULTLINE_TEST_SIM_MADE_H

#include <stdbool.h>
#include <jansson.h>

struct made {
    char dir[600]; /* set by the caller */
    char *text;    /* what it printed, from DIR.log; NULL: that went elsewhere */
    int status;    /* set by the caller */
    json_t *records, *summary;
};

/* All of the file, NUL-terminated, to be freed; NULL if it cannot be opened. */
char *made_file(const char *path);

/* Reads DIR.log, DIR/run.json, and the simulator's trace. To be given to made_free(). */
void made_read(struct made *r);
/* Frees what was read, not `r`. */
void made_free(struct made *r);

/* Of a record: "" and 0 where there is none; and is it of type `ev`? */
const char *made_text(const json_t *record, const char *key);
json_int_t made_number(const json_t *record, const char *key);
bool made_is(const json_t *record, const char *ev);

/* The record with this s. */
const json_t *made_record(const struct made *r, json_int_t s);
/* How many records of type `ev` have key = value (key NULL: all of the type). */
unsigned made_count(const struct made *r, const char *ev, const char *key, const char *value);
/* How many faults of this kind began for this replica. */
unsigned made_faults(const struct made *r, const char *kind, const char *node);
/* From the statistics of run.json. */
json_int_t made_statistic(const struct made *r, const char *name);
/* It has printed this. */
void made_prints(const struct made *r, const char *text);

/* ---- what holds in every run ---- */

/* From trace.open to trace.close without a gap, and time never goes back. */
void made_is_complete(const struct made *r);
/* Each copy of a datagram ends at most once, and never without having come in. */
void made_conserves_datagrams(const struct made *r);
/* op.try <- op.invoke, net.in of a request <- op.try, op.return of an answer <- net.out <- net.in; one return for each
 * operation. */
void made_answers_once(const struct made *r);

#endif
