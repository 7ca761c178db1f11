/* check_history.h -- what the checks of clients' histories (C1 to C4, C8 to C11) share: the judged history, and words
 * about it. */
#ifndef FAULTLINE_CHECK_HISTORY_H
#define FAULTLINE_CHECK_HISTORY_H

#include "check.h"
#include "history_load.h"
#include "lin.h"

#define CHECK_TITLE_LEN 320 /* room for one line for people */

struct check_history {
    struct history h;
    struct lin_report r;
    int64_t ops;       /* operations that were judged, ghosts aside */
    bool ready;        /* loaded and judged */
    bool searched;     /* where zones could not decide, too */
    bool lossy;        /* records of operations were lost: a value without a write proves nothing */
    bool unclocked;    /* some operations may have been at any time: what they do not break is not passed */
    char missing[200]; /* which ones, in words; valid when lossy or unclocked */
};

/* The run's history, judged; it is loaded once for all checks of a run, which share it. NULL when there is nothing to
 * check: *v then says what to answer, c->note why. */
struct check_history *check_history_open(struct check_run *c, bool search, enum verdict *v);
/* Is the key's history neither judged by zones nor known to be linearizable, which would imply the lesser guarantees? */
bool check_key_left_out(const struct check_history *x, size_t key);
/* check_answer(), but what was not found in a history with holes is unknown, not passed. */
enum verdict check_history_answer(struct check_run *c, const struct check_history *x);
/* Are records of whoever reports operations (simulator, clients) missing: gaps, damaged lines, a file without its end?
 * In words in `why`. */
bool check_operations_missing(struct check_run *c, char *why, size_t n);

/* Time as people read it: "4513.1 ms". */
#define MS "%.1f"
double check_ms(int64_t ns);
/* A key's name or a value, shortened at a character's border; "nothing" for the initial value. In a buffer of 44. */
#define CHECK_SHORT_LEN 44
const char *check_short(const char *text, char buf[CHECK_SHORT_LEN]);
const char *check_value(const struct check_history *x, uint32_t value, char buf[CHECK_SHORT_LEN]);
const char *check_key(const struct check_history *x, size_t key);
const char *check_client_name(const struct check_history *x, const struct op *op);

/* "0012 wrote k3 = 0012.22: called 4150.1 ms, acknowledged 4166.7 ms by 0000", as evidence (part "witness"). */
void check_op_evidence(struct check_run *c, int64_t violation_id, const struct op *op);

/* C2, in check_stale.c; C3, in check_session.c; C11, in check_sequential.c. */
enum verdict check_stale_reads(struct check_run *c);
enum verdict check_read_your_writes(struct check_run *c);
enum verdict check_sequential(struct check_run *c);

#endif
