/* explain_class.h -- the classes of violations: one row each, with the layer it is of, what can come of it, one
 * sentence that says what it is, and where in a program to look for it.
 *
 * A class is the fingerprint of a violation: it names what was done wrong, never who did it, so that it stays the same
 * over seeds, renamed nodes and other keys. Explanations, the text of checks and reports for other tools all take their
 * words from here. */
#ifndef FAULTLINE_EXPLAIN_CLASS_H
#define FAULTLINE_EXPLAIN_CLASS_H

#include <stddef.h>

/* From below to above: a step that is wrong on one layer shows, if at all, on the layers after it. */
enum layer {
    LAYER_NETWORK, /* of no class: what the network lost */
    LAYER_TRACE,   /* the records contradict each other */
    LAYER_ELECTION,
    LAYER_MEMBERS,
    LAYER_DURABILITY,
    LAYER_LOG,
    LAYER_COMMIT,
    LAYER_APPLY,
    LAYER_READ,
    LAYER_CLIENT,
    LAYERS
};
const char *layer_name(enum layer layer);

/* What a class is, and what can come of it: bits. */
enum {
    HARM_NONE = 0,
    HARM_LEADERS = 1,   /* two leaders, or one without what was committed */
    HARM_LOST = 2,      /* something committed or acknowledged is gone */
    HARM_DIVERGED = 4,  /* replicas hold or apply different things */
    HARM_STALE = 8,     /* a read returns what had been replaced */
    HARM_TWICE = 16,    /* a write takes effect twice */
    HARM_PHANTOM = 32,  /* a value of a write that failed, or of none */
    HARM_STUCK = 64,    /* no progress */
    HARM_PROTOCOL = 128 /* answers and datagrams that no client understands */
};

struct violation_class {
    const char *id; /* "commit-without-quorum" */
    enum layer layer;
    unsigned is;      /* HARM_*: what it is itself; HARM_NONE for a step that only leads to something */
    unsigned leads;   /* HARM_*: what can come of it */
    const char *says; /* one sentence */
    const char *look; /* where in a program to look first; NULL where the class is only a symptom */
};

/* NULL: no class of ours. "bad-datagram-X" is one class whatever X is. */
const struct violation_class *class_find(const char *id);
const struct violation_class *class_at(size_t i); /* NULL past the end */

#endif
