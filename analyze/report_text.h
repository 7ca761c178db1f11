/* report_text.h -- what a run is and how its checks went, in lines for people: shared by the verdict and by check. */
#ifndef FAULTLINE_REPORT_TEXT_H
#define FAULTLINE_REPORT_TEXT_H

#include <stdio.h>
#include "db.h"

/* Size of the buffers for numbers below. */
#define REPORT_NUMBER 32
/* 30154 as "30,154"; returns buf. */
const char *report_number(int64_t n, char buf[REPORT_NUMBER]);

/* "loaded", "replicas", "network": three lines. */
void report_run(FILE *out, struct db *db, int64_t run_id);
/* "LOSSY" lines: what is missing from the traces and what that means; nothing when nothing is. */
void report_losses(FILE *out, struct db *db, int64_t run_id);
/* One line per failed check with its violations; those passed several to a line; skipped and unknown ones by reason. */
void report_checks(FILE *out, struct db *db, int64_t run_id);
/* "ok    12 checks passed, 1 skipped    30,154 records, complete" */
void report_totals(FILE *out, struct db *db, int64_t run_id);

struct report_counts {
    int64_t pass, fail, unknown, skipped;
};
struct report_counts report_count(struct db *db, int64_t run_id);

#endif
