/* lin_source.h -- which write each read saw.
 *
 * Where no value is written twice, the value says it. Otherwise time may: a write w of the value is ruled out for a
 * read r when w begins after r has ended, or when some other write lies between them (it begins after w has ended and
 * ends before r begins). What is left is certain only if it is one write. */
#ifndef FAULTLINE_LIN_SOURCE_H
#define FAULTLINE_LIN_SOURCE_H

#include "history.h"

enum {
    SOURCE_INITIAL = -1,   /* nobody's write: the key was still empty */
    SOURCE_NONE = -2,      /* nobody wrote this value (a phantom) */
    SOURCE_AMBIGUOUS = -3, /* two writes or more are possible */
    SOURCE_NOT_A_READ = -4
};

struct lin_sources {
    int32_t *of;      /* per operation: the index of the write, or SOURCE_* */
    size_t ambiguous; /* how many reads are */
    size_t repeated;  /* how many writes share their value with another, or write the initial value */
};

/* For a key with reads and writes only, sorted by call. A read that no write can explain is given the write that comes
 * closest to it, so that what is wrong with it can be said and measured. `writer` is room for one number per value of
 * the history, all zero, and left so. False without memory. */
bool lin_sources_find(struct lin_sources *s, const struct op *ops, size_t n, uint32_t *writer);
void lin_sources_free(struct lin_sources *s);

/* An array of these is sorted by at; equal ones stay in the order in which they were, which must be by i. */
struct lin_at {
    int64_t at;
    uint32_t i;
};
void lin_at_sort(struct lin_at *v, size_t n);
/* How many of the sorted array lie at or before `t`. */
size_t lin_at_count(const struct lin_at *v, size_t n, int64_t t);

#endif
