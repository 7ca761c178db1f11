/* names.h -- each distinct text once: comparing two names is comparing two pointers. */
#ifndef FAULTLINE_NAMES_H
#define FAULTLINE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct name {
    uint64_t hash;
    void *user; /* the caller's; NULL at first */
    size_t n;
    char text[]; /* NUL-terminated; may hold NULs itself */
};

struct names {
    struct name **slot; /* open addressing; size is a power of two */
    size_t size, used;
};

/* {0} is an empty set. A name lives until names_free(). */
struct name *names_get(struct names *set, const char *p, size_t n);
/* NULL when it is not there. */
struct name *names_find(const struct names *set, const char *p, size_t n);
void names_free(struct names *set);

#endif
