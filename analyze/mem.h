/* mem.h -- memory that is there or the program ends: the loader can do nothing useful without it, and the half-made
 * database is never renamed into place, so ending at once loses nothing. */
#ifndef FAULTLINE_MEM_H
#define FAULTLINE_MEM_H

#include <stddef.h>

/* Zeroed. On failure: words on stderr, exit status 70. */
void *mem_new(size_t size);
/* Room for `n` elements of `size` bytes, contents kept (p may be NULL). */
void *mem_grow(void *p, size_t n, size_t size);
/* A NUL-terminated copy of n bytes. */
char *mem_text(const char *p, size_t n);

#endif
