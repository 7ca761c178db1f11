/* wire_int.h -- the shapes of the datagrams: one table for the encoder (wire.c) and the decoder (wire_decode.c), so
 * that they cannot drift apart. Nobody else includes it. */
#ifndef FAULTLINE_WIRE_INT_H
#define FAULTLINE_WIRE_INT_H

#include "raft.h"
#include "wire.h"

enum wire_kind {
    WIRE_UINT,    /* 0 to WIRE_INT_MAX; uint64_t */
    WIRE_BOOL,    /* bool */
    WIRE_OTRUE,   /* the same, left out when false */
    WIRE_MID,     /* a string of 1 to MID_MAX bytes; char[MID_MAX + 1] */
    WIRE_TEXT,    /* a string without NUL, of at most `max` bytes unless that is 0; const char * */
    WIRE_OTEXT,   /* the same, left out when NULL */
    WIRE_HEX64,   /* 16 lower-case hex digits; uint64_t */
    WIRE_DATA,    /* base64; data and n_data of struct message */
    WIRE_CHANGE,  /* "add", "remove" or "transfer"; enum change_op */
    WIRE_NODE,    /* an id; NODE_NONE only in CHANGE_TRANSFER; node_id */
    WIRE_ENTRIES, /* n_entries and entries of struct message */
    WIRE_MEMBERS  /* n_members and members of struct status */
};

/* `ok` and `change` themselves must come before what depends on them. */
enum wire_when { WIRE_ALWAYS, WIRE_IF_OK, WIRE_UNLESS_OK, WIRE_IF_ADD };

struct wire_field {
    const char *key;
    enum wire_kind kind;
    enum wire_when when;
    size_t max;
    size_t offset; /* in struct message, or in struct status */
    bool in_status;
};

#define WIRE_FIELDS_MAX 13 /* those of status_res, and the end */
struct wire_shape {
    const char *type;
    struct wire_field fields[WIRE_FIELDS_MAX]; /* after src, dst, leader, type; ended by a NULL key */
};

extern const struct wire_shape wire_shapes[MESSAGE_TYPES];

static inline bool wire_has(const struct wire_field *f, const struct message *m)
{
    switch (f->when) {
    case WIRE_IF_OK:
        return m->ok;
    case WIRE_UNLESS_OK:
        return !m->ok;
    case WIRE_IF_ADD:
        return m->change == CHANGE_ADD;
    case WIRE_ALWAYS:
        break;
    }
    return true;
}

#define WIRE_CHANGES 3
extern const char *const wire_change_names[WIRE_CHANGES]; /* by enum change_op */

/* As many as a group can have, and one that learns. */
#define WIRE_MEMBERS_MAX (RAFT_MEMBERS_MAX + 1)

/* ---- base64 (RFC 4648 §4: with padding), one spelling for each sequence of bytes ---- */

#define WIRE_BASE64_LEN(n) (((n) + 2) / 3 * 4)
/* Writes WIRE_BASE64_LEN(n) bytes, without a NUL. */
void wire_base64_encode(const unsigned char *bytes, size_t n, char *out);
/* Fills `out`, which has room for n / 4 * 3 bytes. False: not base64, or another spelling (bits that are not used set,
 * padding missing, line breaks); `out` is undefined then. */
bool wire_base64_decode(const char *text, size_t n, unsigned char *out, size_t *n_out);

/* ---- the decoder's parts ---- */

struct json_t;
struct wire_decoder {
    struct json_t *root; /* of the last message that jansson read: owns its strings; NULL: none */
    struct status status;
    struct member_status members[WIRE_MEMBERS_MAX];
    struct entry entry[MESSAGE_ENTRIES_MAX];
    const struct entry *entries[MESSAGE_ENTRIES_MAX];
    unsigned char data[DATAGRAM_MAX / 4 * 3];
};

#endif
