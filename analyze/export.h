/* export.h -- a run, handed over to other programs. */
#ifndef FAULTLINE_EXPORT_H
#define FAULTLINE_EXPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "db.h"

struct export
{
    struct db *db;
    int64_t run_id;
    FILE *out;
    int64_t from, to;  /* ns: records and operations of that time only; INT64_MIN, INT64_MAX: all */
    const char *table; /* csv: which; NULL: ops */
    char err[512];     /* why not */
    int status;        /* exit status; 0: it was written, as far as ferror(out) and db->failed tell */
    char remark[256];  /* what the user should know about the output; "" = nothing */
};

/* One format each. */
typedef void export_fn(struct export *e);
export_fn export_jepsen, export_porcupine; /* export_ops.c */
export_fn export_csv;                      /* export_csv.c */
export_fn export_shiviz;                   /* export_shiviz.c */
export_fn export_chrome;                   /* export_chrome.c */
export_fn export_otlp;                     /* export_otlp.c */
export_fn export_scenario;                 /* export_scenario.c */
export_fn export_etcd_tla;                 /* export_etcd.c */

#endif
