/* sim_dir.h -- the run directory and the file run.json in it. */
#ifndef FAULTLINE_SIM_DIR_H
#define FAULTLINE_SIM_DIR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { SIM_PATH_MAX = 4096 };

struct sim_dir {
    char path[SIM_PATH_MAX];  /* absolute */
    char shown[SIM_PATH_MAX]; /* as the user named it */
    int lock;                 /* held while the run goes on; -1: none */
};

/* Makes the directory of a run and locks it against other runs. With `out` NULL it is runs/NAME-SEED, or the same with
 * .2, .3 ... when that exists, and the link runs/latest points to it. An explicit `out` may exist when it is empty;
 * with `force` also when it holds a run: run.json, run.db*, NAME.BOOT.jsonl and data/ID.db* are removed then, and
 * nothing else. 0 with `d` set, and a warning in `err` or nothing; else 64 or 73 with words in `err`. */
int sim_dir_make(const char *out, const char *name, uint64_t seed, bool force, struct sim_dir *d, char err[512]);
/* Makes the directories above it where they are missing. False with errno set. */
bool sim_dir_parents(const char *path);
/* Makes DIR/data, for what the replicas keep on disk. 0 with its path, or 73 with words in `err`. */
int sim_dir_data(const struct sim_dir *d, char path[SIM_PATH_MAX + 8], char err[512]);
/* Lets other runs have it. The process's end does so too. */
void sim_dir_release(struct sim_dir *d);

/* Writes DIR/run.json: to a new file first, then renamed. 0, or 74 with words in `err`. */
int sim_dir_write(const char *dir, const json_t *run, char err[512]);

#endif
