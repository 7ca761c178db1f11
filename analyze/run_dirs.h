/* run_dirs.h -- run directories by name: one that is a run itself, or those below a directory of many runs. */
#ifndef FAULTLINE_RUN_DIRS_H
#define FAULTLINE_RUN_DIRS_H

#include <stdbool.h>
#include <stddef.h>

struct run_dirs {
    char **path; /* in order of names */
    size_t n, room;
};

/* A directory with a run.db or traces (load_is_trace()) in it; false if it cannot be read. */
bool run_dirs_is_run(const char *dir);
/* Adds the runs at or below `dir`. Links are not followed (runs/latest is one of them again), names with a dot are left
 * out. */
void run_dirs_find(struct run_dirs *all, const char *dir);
/* Adds this path, whatever it is. */
void run_dirs_add(struct run_dirs *all, const char *path);
void run_dirs_free(struct run_dirs *all);

#endif
