/* sim_message.h -- what the simulator looks at in a replica's datagram: the fields every message must have, and those
 * worth peeking at. It knows nothing of Raft; the bytes are passed on as they came. */
#ifndef FAULTLINE_SIM_MESSAGE_H
#define FAULTLINE_SIM_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_type { SIM_HELLO, SIM_OK, SIM_REDIRECT, SIM_FAIL, SIM_OTHER };

/* Strings are NUL-terminated; they live as long as the message, which must not be copied. */
struct sim_message {
    enum sim_type type;
    const char *ty, *src, *dst, *leader;
    const char *mid;    /* NULL: no MID, or none that is a string */
    const char *value;  /* NULL: no value; what is no string, as JSON text */
    bool value_is_text; /* it was a string */
    bool has_term, has_lc;
    int64_t term, lc;
    json_t *root; /* the whole message; NULL: it was scanned by hand, and its strings are in `text` */
    char *owned;
    char text[512];
};

/* NULL when the bytes are a message: `m` is filled, to be released with sim_message_free(). Otherwise the reason, a
 * word of net.bad (not_json, not_object, missing_field, bad_type, bad_value, empty), and in `what` the words that go
 * with it. */
const char *sim_message_parse(const char *bytes, size_t n, struct sim_message *m, char what[96]);
void sim_message_free(struct sim_message *m);
/* The same, with `root` set for sure. */
const char *sim_message_parse_whole(const char *bytes, size_t n, struct sim_message *m, char what[96]);
/* The quick half of sim_message_parse(): false when it cannot tell, which says nothing about the message. Does not
 * judge addresses and does not set `type`. */
bool sim_message_scan(const char *bytes, size_t n, struct sim_message *m);
/* Everything empty, without wiping `text`. */
void sim_message_clear(struct sim_message *m);

/* True for the strings that the course accepts as an address: length 4 and Python's int(s, 16) takes them, so " 0a1",
 * "0x1f" and "1_0a" too. */
bool sim_message_address(const char *s);
/* True when the bytes are valid UTF-8 (RFC 3629). */
bool sim_message_utf8(const char *bytes, size_t n);

#endif
