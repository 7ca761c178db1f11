/* wire_int.h -- the shapes of the datagrams: one table for the encoder (wire.c) and the decoder (wire_decode.c), so
 * that they cannot drift apart. Nobody else includes it. */
#ifndef FAULTLINE_WIRE_INT_H
#define FAULTLINE_WIRE_INT_H

#include <string.h>

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

#define WIRE_LEAD 16
struct wire_field {
    const char *key;
    char lead[WIRE_LEAD]; /* what stands before the value: ,"key": */
    unsigned char n_lead;
    enum wire_kind kind;
    enum wire_when when;
    size_t max;
    size_t offset; /* in struct message, or in struct status */
    bool in_status;
};

#define WIRE_FIELDS_MAX 13 /* those of status_res, and the end */
struct wire_shape {
    const char *type;
    char rest[WIRE_LEAD]; /* what follows "type":" in the datagram: type" */
    unsigned char n_rest;
    struct wire_field fields[WIRE_FIELDS_MAX]; /* after src, dst, leader, type; ended by a NULL key */
};

extern const struct wire_shape wire_shapes[MESSAGE_TYPES];

/* How every datagram of ours begins; the ids stand at their offsets. */
#define WIRE_HEAD        "{\"src\":\"____\",\"dst\":\"____\",\"leader\":\"____\",\"type\":\""
#define WIRE_HEAD_LEN    (sizeof WIRE_HEAD - 1)
#define WIRE_HEAD_SRC    8
#define WIRE_HEAD_DST    21
#define WIRE_HEAD_LEADER 37

/* ---- eight bytes of text at a time ---- */

static inline uint64_t wire_load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Marks (0x80) in `v` at the bytes that cannot stand in a JSON string as they are: below 0x20, '"', '\\'. The lowest
 * mark is true; higher ones may be false. */
static inline uint64_t wire_odd_bytes(uint64_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\';
    return ((v - ones * 0x20) & ~v & tops) | ((quote - ones) & ~quote & tops) |
           ((backslash - ones) & ~backslash & tops);
}

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

bool wire_change_parse(const char *name, enum change_op *op);
/* Exactly 16 lower-case hex digits. */
bool wire_hex64_parse(const char *text, uint64_t *out);

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
    char text[DATAGRAM_MAX + WIRE_LEAD]; /* of the last message that the scanner read, strings unescaped in place */
};

/* The reference: any JSON, and the reason when it is no message. `m` and `r` have been emptied. */
bool wire_decode_json(struct wire_decoder *d, const char *bytes, size_t n, struct message *m, struct wire_refusal *r);

/* The short way, for datagrams as wire_encode() writes them, and for get and put as other programs do. Of what it
 * accepts it makes what wire_decode_json() would have made. False: it does not understand it, which says nothing about
 * whether it is a message; `m` is undefined then. */
bool wire_scan(struct wire_decoder *d, const char *bytes, size_t n, struct message *m);

/* What wire_scan() is made of. `*at` is in wire_decoder.text, which ends with NULs; it moves on only on success. */

/* A whole string, from its opening quote on: unescaped in place and ended by a NUL. NULL: none, or a NUL or half a
 * surrogate pair in it, or not UTF-8. */
char *wire_scan_string(char **at, size_t *n);
/* A get or put from `text` to `end`: any order of fields, any white space, but no field unknown or twice. */
bool wire_scan_request(char *text, const char *end, struct message *m);

#endif
