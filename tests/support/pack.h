/* pack.h -- for tests: bytes, compressed. */
#ifndef FAULTLINE_TEST_PACK_H
#define FAULTLINE_TEST_PACK_H

#include <stdbool.h>
#include <stddef.h>

/* One gzip member or zstd frame in `to`; returns its bytes. What does not fit fails the test. */
size_t pack(const void *p, size_t n, bool zstd, void *to, size_t room);

#endif
