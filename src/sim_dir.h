/* sim_dir.h -- the run directory and the file run.json in it. */
#ifndef FAULTLINE_SIM_DIR_H
#define FAULTLINE_SIM_DIR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { SIM_PATH_MAX = 4096 };

/* Makes the directory of a run. With `out` NULL it is runs/NAME-SEED, or the same with .2, .3 ... when that exists, and
 * the link runs/latest points to it. An explicit `out` may exist when it is empty; with `force` the files of a former
 * run in it are removed. 0 with the absolute path in `dir` and the path to show in `shown`, else 73 with words in
 * `err`. */
int sim_dir_make(const char *out, const char *name, uint64_t seed, bool force, char dir[SIM_PATH_MAX],
                 char shown[SIM_PATH_MAX], char err[512]);

/* Writes DIR/run.json: to a new file first, then renamed. 0, or 74 with words in `err`. */
int sim_dir_write(const char *dir, const json_t *run, char err[512]);

#endif
