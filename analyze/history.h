/* history.h -- what clients did and saw: the operations of each key, with their intervals and outcomes.
 *
 * Pure data, no I/O: history_load.c fills it from the table ops.
 * Linearizability is a property of each key alone (Herlihy and Wing 1990), so operations are kept by key. */
#ifndef FAULTLINE_HISTORY_H
#define FAULTLINE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "history_intern.h"

#define HISTORY_OPEN INT64_MAX /* `ret` of an operation of unknown outcome: it may take effect at any time, or never   \
                                */
#define HISTORY_INITIAL 0u     /* the value of a key that nobody wrote: "" */

enum op_kind { OP_READ, OP_WRITE, OP_CAS, OP_APPEND };
enum op_outcome { OUTCOME_OK, OUTCOME_FAILED, OUTCOME_UNKNOWN };

struct op {
    int64_t call, ret; /* a closed interval, in any unit; a precedes b iff a.ret < b.call */
    int64_t id;        /* the source's name for it: ops.op_id, or a line */
    uint32_t value;    /* read: returned; write, cas: written; append: the piece */
    uint32_t expect;   /* cas: the value that it replaces */
    uint32_t client;
    uint8_t kind, outcome; /* enum op_kind, enum op_outcome */
    bool ghost;            /* an earlier attempt of write `id`, given up by its client; it may still take effect */
};

struct history_key {
    uint32_t name;  /* in history.names */
    struct op *ops; /* by call, after history_sort() */
    size_t n, cap;
    bool unread; /* not all operations on it are understood: it cannot be judged */
};

struct history {
    struct intern values, clients, names;
    struct history_key *keys; /* in order of first use; keys[i].name == i */
    size_t n, cap;
    bool failed_cas_reads; /* a failed cas proves that the value was not `expect` (Porcupine's reading); else it
                            * tells nothing (Jepsen's) */
    bool no_memory;        /* an addition failed: the history is incomplete and must not be judged */
};

void history_init(struct history *h);
void history_free(struct history *h);
/* A value's number. The empty text is HISTORY_INITIAL. */
uint32_t history_value(struct history *h, const char *p, size_t n);
uint32_t history_client(struct history *h, const char *p, size_t n);
/* Adds an operation of the key called so: it must not return before it is called, `ret` is HISTORY_OPEN where the
 * outcome is unknown, and its values are numbers of this history (asserted). Reads without a result are not added at
 * all: they say nothing. */
void history_add(struct history *h, const char *key, size_t key_n, const struct op *op);
void history_unread(struct history *h, const char *key, size_t key_n);
/* Sorts the operations of each key by call, ties in order of addition. Call once when all are added. */
void history_sort(struct history *h);

#endif
