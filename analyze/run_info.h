/* run_info.h -- how a run came about, for those who want it again: from the run.json that the simulator leaves beside
 * it, and from the database. */
#ifndef FAULTLINE_RUN_INFO_H
#define FAULTLINE_RUN_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"

/* Texts are owned; NULL where nothing tells. */
struct run_info {
    char *rerun;    /* the command line that makes the run again */
    char *scenario; /* the scenario's file, as it was named */
    char *report;   /* the run's report.html, when it is there */
    bool has_seed, virtual_time;
    int64_t seed, started_us;
};

/* `path`: of the database. */
void run_info_read(struct run_info *info, struct db *db, int64_t run_id, const char *path);
void run_info_free(struct run_info *info);

#endif
