/* damage.h -- for tests: files of a run directory as they were written, to be damaged one way after another. */
#ifndef FAULTLINE_TEST_DAMAGE_H
#define FAULTLINE_TEST_DAMAGE_H

#include "raft_trace.h"

struct damaged {
    char path[4300];
    char *text; /* owned */
    size_t n;
};

struct damaged damage_read(const struct fixture *fx, const char *name);
/* Writes the file without line `line` (from 0), or only up to it. False when it has no such line. */
bool damage_write(const struct damaged *f, size_t line, bool cut);
/* Of a trace that was checked: loses a line, or all from it on, `every` lines apart, of each file in turn, loads and
 * checks again. No check may find a violation: what is missing is never held against anyone. */
void damage_in_turn(struct raft_trace *rt, size_t every);

#endif
