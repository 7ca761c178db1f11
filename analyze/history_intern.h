/* history_intern.h -- texts to small numbers and back: equal texts get equal numbers, counted from 0. */
#ifndef FAULTLINE_HISTORY_INTERN_H
#define FAULTLINE_HISTORY_INTERN_H

#include <stddef.h>
#include <stdint.h>

#define INTERN_NONE UINT32_MAX

struct intern {
    char *bytes; /* all texts, each with a NUL after it */
    size_t bytes_n, bytes_cap;
    size_t *at; /* where text i starts; at[n] is the end of the last */
    uint32_t n, cap;
    uint32_t *slots; /* open addressing: number + 1, 0 = free */
    size_t n_slots;
};

/* An all-zero struct is an empty table. */
void intern_free(struct intern *t);
/* The text's number, a new one if need be; INTERN_NONE without memory. Texts may hold any bytes. */
uint32_t intern(struct intern *t, const char *p, size_t n);
/* The number of a text that is already there, else INTERN_NONE. */
uint32_t intern_find(const struct intern *t, const char *p, size_t n);
/* The text (and a NUL after it); *n may be NULL. Valid until the next intern(). */
const char *intern_text(const struct intern *t, uint32_t id, size_t *n);

#endif
