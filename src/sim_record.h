/* sim_record.h -- the records of a trace in memory, one after another. */
#ifndef FAULTLINE_SIM_RECORD_H
#define FAULTLINE_SIM_RECORD_H

#include <jansson.h>
#include "sim_tape.h"

/* The next record from byte *at on whose type begins with `ev` ("fault."), and moves *at behind it. The caller's; NULL:
 * there is none. */
json_t *sim_record_next(const struct sim_tape *t, size_t *at, const char *ev);
/* A member of it, 0 or "" where there is none of that kind. */
int64_t sim_record_int(const json_t *record, const char *key);
const char *sim_record_text(const json_t *record, const char *key);

#endif
