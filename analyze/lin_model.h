/* lin_model.h -- one key, prepared for the search: what its operations do, in small numbers.
 *
 * The state of the key is a number. Values that nobody looks at any more are one and the same state, MODEL_DEAD: no
 * operation could tell them apart. (With appends, a value that is the beginning of none that was read leads to none:
 * dead as well.) So states die while time goes on, and configurations that differ in dead states only become one.
 *
 * Operations of unknown outcome, if anybody could have noticed them, are kept by class: those of one class do the same,
 * so that it is enough to count how many of them took effect. */
#ifndef FAULTLINE_LIN_MODEL_H
#define FAULTLINE_LIN_MODEL_H

#include "history.h"

enum { MODEL_INITIAL = 0, MODEL_DEAD = 1 };
#define MODEL_NONE UINT32_MAX

enum model_role {
    MODEL_OUT,     /* takes no part: it failed, or nobody could have noticed it */
    MODEL_READ,    /* must find `state` */
    MODEL_DIFFERS, /* a cas that failed: must find anything but `expect` */
    MODEL_WRITE,
    MODEL_CAS,
    MODEL_APPEND
};

struct model_op {
    int64_t call, ret;
    uint32_t state;  /* read, write, cas: the value; append: the piece, a number of history.values */
    uint32_t expect; /* cas and MODEL_DIFFERS */
    uint32_t class;  /* of unknown outcome: its class; else MODEL_NONE */
    uint8_t role;    /* enum model_role */
};

/* The operations of unknown outcome that do the same. */
struct model_class {
    uint32_t state, expect;
    uint8_t role;
};

struct observed {
    const char *text;
    size_t n;
    uint32_t value, state;
    int64_t need; /* until when somebody looks for it: HISTORY_OPEN for ever */
};

struct lin_model {
    struct model_op *ops; /* one per operation, by call */
    size_t n;
    struct model_class *classes;
    uint32_t n_classes;
    int64_t *need; /* per state: it is dead after this instant */
    uint32_t n_states, cap_states;
    bool appends, differs; /* are there appends, and cas that failed and say something by that? */
    struct observed *seen; /* what is looked for: by value, or with appends by text */
    size_t n_seen;
    const struct intern *values;
    struct intern texts; /* with appends: the text of state s is number s - 1, that of the initial one 0 */
    char *joined;        /* room for a text with a piece appended */
    size_t joined_cap;
};

/* `values` holds the texts of the operations' values; the model keeps pointers to both. False without memory. */
bool lin_model_make(struct lin_model *m, const struct op *ops, size_t n, const struct intern *values,
                    bool failed_cas_reads);
void lin_model_free(struct lin_model *m);
/* The state after appending `piece` to `state`; MODEL_NONE without memory. */
uint32_t lin_model_append(struct lin_model *m, uint32_t state, uint32_t piece);

#endif
