/* wire_int.h -- the shapes of the datagrams: one table for the encoder (wire.c) and the decoder (wire_decode.c), so
 * that they cannot drift apart. Nobody else includes it. */
#ifndef FAULTLINE_WIRE_INT_H
#define FAULTLINE_WIRE_INT_H

#include "wire.h"

enum wire_kind {
    WIRE_UINT,   /* 0 to WIRE_INT_MAX; uint64_t */
    WIRE_BOOL,   /* bool */
    WIRE_MID,    /* a string of 1 to MID_MAX bytes; char[MID_MAX + 1] */
    WIRE_TEXT,   /* any string without NUL; const char * */
    WIRE_OTEXT,  /* the same, left out when NULL */
    WIRE_ENTRIES /* n_entries and entries of struct message */
};

enum wire_when { WIRE_ALWAYS, WIRE_IF_OK, WIRE_UNLESS_OK };

struct wire_field {
    const char *key;
    enum wire_kind kind;
    enum wire_when when; /* `ok` itself must come before what depends on it */
    size_t offset;       /* in struct message */
};

#define WIRE_FIELDS_MAX 10 /* those of app_res, and the end */
struct wire_shape {
    const char *type;
    struct wire_field fields[WIRE_FIELDS_MAX]; /* after src, dst, leader, type; ended by a NULL key */
};

extern const struct wire_shape wire_shapes[MESSAGE_TYPES];

static inline bool wire_has(const struct wire_field *f, const struct message *m)
{
    return f->when == WIRE_ALWAYS || m->ok == (f->when == WIRE_IF_OK);
}

#endif
