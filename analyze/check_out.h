/* check_out.h -- the results of checks, in words for people and in the formats of the tools around us. */
#ifndef FAULTLINE_CHECK_OUT_H
#define FAULTLINE_CHECK_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "baseline.h"
#include "check.h"
#include "check_classes.h"
#include "run_info.h"

/* One output: the results of one or more databases in one format. */
struct check_out {
    FILE *f;
    const struct check_options *ran; /* what was run now: nothing else is printed; NULL = all checks */
    const struct baseline *baseline; /* what is known already; NULL = nothing is */
    bool many;                       /* several databases: say which is which */
    bool unknown_ok;                 /* what could not be decided fails nobody */
    const char *version;             /* of this program */
    /* for the format to use: */
    json_t *doc;
    bool begun;
    int64_t tests;
    struct check_classes classes;
};

/* One run whose results are in the database. */
struct check_result {
    struct db *db;
    int64_t run_id;
    const char *name; /* what the user called the database or directory */
    const char *run;  /* the run's name */
    const struct run_info *info;
};

struct check_format {
    const char *name;
    /* Writes, or keeps for the end, the results of a run. Errors of writing show in ferror(f), of reading in
     * db->failed. */
    void (*run)(struct check_out *out, const struct check_result *r);
    void (*end)(struct check_out *out); /* NULL: nothing to do after the last */
};
/* NULL: there is none of this name. */
const struct check_format *check_format_find(const char *name);
#define CHECK_FORMATS "text, json, junit, sarif, github or tap"

extern const struct check_format check_text, check_json, check_junit, check_sarif, check_github, check_tap;

#endif
