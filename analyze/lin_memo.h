/* lin_memo.h -- a set of short arrays of words, with a bound on its memory. */
#ifndef FAULTLINE_LIN_MEMO_H
#define FAULTLINE_LIN_MEMO_H

#include <stddef.h>
#include <stdint.h>

enum lin_memo_answer { LIN_MEMO_NEW, LIN_MEMO_KNOWN, LIN_MEMO_FULL };

struct lin_memo {
    uint64_t *words; /* each member: its length, then its words */
    size_t n_words, cap_words;
    size_t *slots; /* open addressing: offset + 1, 0 = free */
    size_t n_slots, n;
    size_t bytes_max;
};

void lin_memo_init(struct lin_memo *m, size_t bytes_max);
void lin_memo_free(struct lin_memo *m);
/* Adds a member unless it is there. LIN_MEMO_FULL: the bound is reached, or there is no memory. */
enum lin_memo_answer lin_memo_add(struct lin_memo *m, const uint64_t *words, size_t n);

#endif
