/* sim_tape.h -- the traces of a run in virtual time, kept in memory: hashed, and written to files only when wanted.
 * Aborts on out of memory. */
#ifndef FAULTLINE_SIM_TAPE_H
#define FAULTLINE_SIM_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "trace.h"

/* The trace of one process: NODE.BOOT. */
struct sim_tape {
    char node[8];
    unsigned boot;
    bool cut; /* nothing is added any more: its process was killed */
    char *bytes;
    size_t n, room;
    struct sim_tape *next;
};

struct sim_tapes {
    struct sim_tape *first, **end;
};

void sim_tapes_init(struct sim_tapes *t);
void sim_tapes_free(struct sim_tapes *t);
/* A new tape at the end of the list, and a writer that writes to it; the writer is the caller's and ends before it. */
struct sim_tape *sim_tapes_add(struct sim_tapes *t, const char *node, unsigned boot, struct trace_writer **w);
/* Of the names and bytes of all tapes, in order. */
uint64_t sim_tapes_hash(const struct sim_tapes *t);
/* Where two runs differ first, in words; static until the next call. */
const char *sim_tapes_difference(const struct sim_tapes *a, const struct sim_tapes *b);
size_t sim_tapes_bytes(const struct sim_tapes *t);
/* Writes DIR/NODE.BOOT.jsonl for each. False with words in `err`. */
bool sim_tapes_write(const struct sim_tapes *t, const char *dir, char err[512]);

/* The same for one of them alone. */
bool sim_tapes_write_one(const struct sim_tape *tape, const char *dir, char err[512]);

#endif
