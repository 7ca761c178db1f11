/* wire_mutate.h -- for tests: datagrams damaged at random, as a seed says. */
#ifndef FAULTLINE_TEST_WIRE_MUTATE_H
#define FAULTLINE_TEST_WIRE_MUTATE_H

#include <stddef.h>
#include "../../src/rng.h"

/* Changes `n` bytes in `bytes` (of `room`): bytes flipped, overwritten, removed, doubled, pieces of JSON put in,
 * numbers replaced by odd ones; one to four times. Returns the new length, 0 to `room`. */
size_t wire_mutate(char *bytes, size_t n, size_t room, struct rng *rng);

#endif
