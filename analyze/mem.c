/* mem.c -- see mem.h. */
#include "mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void *there(void *p)
{
    if (p == NULL) {
        fputs("analyze: out of memory\n", stderr);
        exit(EXIT_INTERNAL);
    }
    return p;
}

void *mem_new(size_t size)
{
    return there(calloc(1, size));
}

void *mem_grow(void *p, size_t n, size_t size)
{
    return there(n > SIZE_MAX / size ? NULL : realloc(p, n * size));
}

char *mem_text(const char *p, size_t n)
{
    char *s = mem_new(n + 1);
    if (n > 0)
        memcpy(s, p, n);
    return s;
}
