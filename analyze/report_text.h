/* report_text.h -- what a run is and how its checks went, in lines for people: shared by the verdict and by check. */
#ifndef FAULTLINE_REPORT_TEXT_H
#define FAULTLINE_REPORT_TEXT_H

#include <stdio.h>
#include "check.h"

/* Size of the buffers for numbers below. */
#define REPORT_NUMBER 32
/* 30154 as "30,154"; returns buf. */
const char *report_number(int64_t n, char buf[REPORT_NUMBER]);

/* How much is missing from the traces of a run or damaged in them; 0: they are complete. */
int64_t report_lost(struct db *db, int64_t run_id);
/* "loaded", "replicas", "network": three lines. */
void report_run(FILE *out, struct db *db, int64_t run_id);
/* "LOSSY" lines: what is missing from the traces and what that means; "ERROR" lines: what is wrong with records that
 * are all there. Nothing when there is neither. */
void report_losses(FILE *out, struct db *db, int64_t run_id);
/* One line per failed check with its violations; those passed several to a line; skipped and unknown ones by reason. */
void report_checks(FILE *out, struct db *db, int64_t run_id, const struct check_options *ran);
/* "ok    12 checks passed, 1 skipped    30,154 records, complete" */
void report_totals(FILE *out, struct db *db, int64_t run_id, const struct check_options *ran);

struct report_counts {
    int64_t pass, fail, unknown, skipped;
};
struct report_counts report_count(struct db *db, int64_t run_id, const struct check_options *ran);

/* ",C1,C2,": what the options choose, for :ids of queries with REPORT_RAN. `ran` everywhere: only these are printed and
 * counted, because the database may hold results of earlier runs of checks; NULL = all. */
enum { REPORT_IDS = 1024 };
void report_ids(const struct check_options *ran, char ids[REPORT_IDS]);
#define REPORT_RAN "instr(:ids, ',' || \"check\" || ',') > 0"

#endif
