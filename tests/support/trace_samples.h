/* trace_samples.h -- for tests: one record of every type of records.def. */
#ifndef FAULTLINE_TEST_TRACE_SAMPLES_H
#define FAULTLINE_TEST_TRACE_SAMPLES_H

#include <stdbool.h>
#include "../../trace/trace.h"

#define SAMPLE_INT 7 /* every integer of a sample */

/* Writes one record of each type, in the order of the catalogue. `full`: every optional field is set, every string is
 * `text`, `why` is the first word allowed; else only the required ones. */
void trace_samples_write(struct trace_writer *w, bool full, const char *text);

#endif
