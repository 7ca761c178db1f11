/* import_any.h -- for fuzzing: any bytes as a history, through all that is done with histories. */
#ifndef FAULTLINE_TEST_IMPORT_ANY_H
#define FAULTLINE_TEST_IMPORT_ANY_H

#include <stddef.h>
#include <stdint.h>

enum import_any { ANY_EDN, ANY_LOG, ANY_JSON, ANY_COURSE };

/* Reads the bytes as a history of that format; what is accepted is stored, loaded as checks do, judged with a small
 * budget, exported in every format, and its Jepsen export is imported again, with as many operations. Aborts where any
 * of that fails. */
void import_any(enum import_any format, const uint8_t *bytes, size_t n);

#endif
