/* sim_tries.h -- many cases, tried by processes of their own until one fails as it must. */
#ifndef FAULTLINE_SIM_TRIES_H
#define FAULTLINE_SIM_TRIES_H

#include "sim_case.h"

enum { SIM_TRIES_JOBS = 64 };

struct sim_tries {
    const struct sim_case_of *of;
    struct sim_failure like; /* as what a case must fail */
    unsigned jobs;
    uint64_t until_ns; /* trace_mono_ns(): no time is left after that */
    char scratch[SIM_PATH_MAX];
    uint64_t tried;                          /* cases so far */
    void (*tick)(void *ctx, uint64_t tried); /* called now and then */
    void *ctx;
};

/* Begins: signals INT, TERM and HUP only end what is to come. False with words on stderr. */
bool sim_tries_open(struct sim_tries *t);
void sim_tries_close(struct sim_tries *t);
/* The signal that came; 0: none. */
int sim_tries_signal(void);
/* No time is left, or a signal came. */
bool sim_tries_over(const struct sim_tries *t);
/* Makes case number i; false: there is no such case, the next is to be taken. */
typedef bool sim_make_fn(void *ctx, size_t i, struct sim_case *c);
/* The first of n cases that fails as it must: which one that is does not depend on how many processes there are.
 * Returns n when none does, or time is up. On success `*found` is the case, the caller's. */
size_t sim_tries_first(struct sim_tries *t, size_t n, sim_make_fn *make, void *ctx, struct sim_case *found);

#endif
