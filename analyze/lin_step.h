/* lin_step.h -- one return of the search: from each configuration, the shortest ways to what the return demands. */
#ifndef FAULTLINE_LIN_STEP_H
#define FAULTLINE_LIN_STEP_H

#include "lin_model.h"
#include "lin_set.h"

/* An operation that has been called and has not returned. */
struct step_slot {
    struct model_op op;
    bool open;
};

/* A configuration in words: the state; per slot, whether its operation took effect; per slot of a write or append that
 * did not, whether some write took effect since it was called (then it need not be placed); per class, how many of its
 * operations took effect. Bits of free slots are 0. */
struct step {
    struct lin_model *m;
    struct step_slot *slots;
    uint32_t *order; /* the open slots, by return */
    size_t n_slots, n_order;
    size_t bits, stride;   /* words of each bit set; of a configuration */
    uint32_t *open_writes; /* bit sets of slots: writes and appends; */
    uint32_t *open_looks;  /* reads and failed cas */
    uint32_t *called;      /* per class, how many have been called */
    /* Per state: until when it is needed by operations that are not called yet (the earliest return among them), and
     * when the next operation that makes it will be called; HISTORY_OPEN when there is none. The state MODEL_DEAD
     * stands for any value at all. */
    int64_t *wanted, *made;
    uint32_t n_known; /* states that wanted and made are for */
    struct lin_set now, next, middle;
    uint32_t *x, *y; /* room for a configuration each */
    int64_t t;       /* the present instant */
    int64_t made_n;  /* configurations made */
    size_t width;    /* of `middle`, at most */
    bool placing;    /* see make_happen() */
    bool dropped, no_memory;
};

/* The operation has just been called: it is in its slot. Configurations whose state satisfies it note that. */
void step_call(struct step *s, uint32_t slot);
/* The operation in this slot returns: afterwards s->now holds what the configurations lead to. */
void step_return(struct step *s, uint32_t slot);

#endif
