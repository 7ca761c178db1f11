/* spawn.h -- for tests: run one of the built programs to its end, and look at what it printed. */
#ifndef FAULTLINE_TEST_SPAWN_H
#define FAULTLINE_TEST_SPAWN_H

#include <stddef.h>

/* The path of a program ("replica", "simulate", "analyze") of the build that this test belongs to. */
void spawn_path(const char *program, char *out, size_t n);

/* Runs argv (NULL-terminated; argv[0] is a path) with no standard input; stdout and stderr together go to `out`
 * (NUL-terminated, cut at n). Returns the exit status, 128 + signal, or -1 when it did not end within `seconds`: then
 * it is killed, it and only it. */
int spawn_run(const char *const *argv, unsigned seconds, char *out, size_t n);

/* A new directory below $TMPDIR or /tmp. */
void spawn_tempdir(char *out, size_t n);
/* Removes it and what is in it. */
void spawn_remove(const char *dir);

#endif
