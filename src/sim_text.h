/* sim_text.h -- short texts put together without printf, which would cost more than what they are about: the names of
 * decisions, several for each datagram. What does not fit is cut; the text ends with a NUL at any time. */
#ifndef FAULTLINE_SIM_TEXT_H
#define FAULTLINE_SIM_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct sim_text {
    char *at, *end; /* end: the last byte of the buffer, kept for the NUL */
};

/* In `size` bytes, at least 1. */
static inline struct sim_text sim_text_in(char *buffer, size_t size)
{
    *buffer = '\0';
    return (struct sim_text){buffer, buffer + size - 1};
}

static inline void sim_text_add(struct sim_text *t, const char *text)
{
    while (*text && t->at < t->end)
        *t->at++ = *text++;
    *t->at = '\0';
}

static inline void sim_text_number(struct sim_text *t, uint64_t n)
{
    char digits[21];
    size_t i = sizeof digits - 1;
    digits[i] = '\0';
    do
        digits[--i] = (char)('0' + n % 10);
    while (n /= 10);
    sim_text_add(t, digits + i);
}

#endif
