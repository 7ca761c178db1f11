/* check_out.h -- the results of checks as text, as JSON and as JUnit XML. */
#ifndef FAULTLINE_CHECK_OUT_H
#define FAULTLINE_CHECK_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "check.h"

struct check_out {
    FILE *f;
    const struct check_options *ran; /* what was run now: nothing else is printed; NULL = all checks */
    bool many;                       /* several databases: say which is which */
    json_t *runs;                    /* JSON: what will be written at the end */
    bool xml;                        /* JUnit: the root element is open */
};

/* Writes the results stored in the database; `name` is what the user called it. Errors of writing show in ferror(f),
 * those of reading in db->failed. */
typedef void check_out_fn(struct check_out *out, struct db *db, const char *name);
check_out_fn check_out_text, check_out_json, check_out_junit;
/* After the last one. */
void check_out_end(struct check_out *out);

#endif
