/* baseline.h -- failures that are known: the classes of violations in an earlier `check --format json`. They are shown,
 * and fail nobody, so that they do not hide new ones. */
#ifndef FAULTLINE_BASELINE_H
#define FAULTLINE_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "check.h"

struct baseline;

/* NULL with words in `err`: the file cannot be read, or is no such JSON; *status is then the exit status. */
struct baseline *baseline_read(const char *path, int *status, char err[400]);
void baseline_free(struct baseline *b);

/* All of these take NULL for "nothing is known". */
bool baseline_knows(const struct baseline *b, const char *check, const char *class);
/* Violations of the run, of the checks that `ran` chooses: all, and those of known classes. */
void baseline_count(const struct baseline *b, struct db *db, int64_t run_id, const struct check_options *ran,
                    int64_t *known, int64_t *all);
/* The i-th known class; false past the end. */
bool baseline_at(const struct baseline *b, size_t i, const char **check, const char **class);

#endif
