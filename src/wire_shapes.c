/* wire_shapes.c -- the shapes of all datagrams, and the names in them. */
#include "wire_int.h"

/* clang-format off */
#define KEY(k)             .key = k, .lead = ",\"" k "\":", .n_lead = sizeof ",\"" k "\":" - 1
#define TYPE(t)            .type = t, .rest = t "\"", .n_rest = sizeof t "\"" - 1, .fields =
#define UINT(k, member)    { KEY(k), .kind = WIRE_UINT, .offset = offsetof(struct message, member) }
#define UINT_IF(k, member, w) { KEY(k), .kind = WIRE_UINT, .when = w, .offset = offsetof(struct message, member) }
#define MID                { KEY("MID"), .kind = WIRE_MID, .offset = offsetof(struct message, mid) }
#define RE                 { KEY("re"), .kind = WIRE_MID, .offset = offsetof(struct message, re) }
#define OK                 { KEY("ok"), .kind = WIRE_BOOL, .offset = offsetof(struct message, ok) }
#define TEXT(k, member)    { KEY(k), .kind = WIRE_TEXT, .offset = offsetof(struct message, member) }
#define OTEXT(k, member)   { KEY(k), .kind = WIRE_OTEXT, .offset = offsetof(struct message, member) }
#define S_UINT(k, member)  { KEY(k), .kind = WIRE_UINT, .offset = offsetof(struct status, member), .in_status = true }
#define S_TEXT(k, member)  { KEY(k), .kind = WIRE_TEXT, .offset = offsetof(struct status, member), .in_status = true }
#define STAMP              MID, UINT("lc", lc), UINT("term", term)
#define TAIL               UINT("lli", last_index), UINT("llt", last_term)
#define SNAP               UINT("ts", sent_us), UINT("si", snap_index), UINT("st", snap_term), UINT("off", offset)

const struct wire_shape wire_shapes[MESSAGE_TYPES] = {
    [MESSAGE_HELLO]       = { TYPE("hello") {{0}} },
    [MESSAGE_GET]         = { TYPE("get") { MID, TEXT("key", key) } },
    [MESSAGE_PUT]         = { TYPE("put") { MID, TEXT("key", key), TEXT("value", value) } },
    [MESSAGE_CHANGE]      = { TYPE("change") { MID,
        { KEY("op"), .kind = WIRE_CHANGE, .offset = offsetof(struct message, change) },
        { KEY("node"), .kind = WIRE_NODE, .offset = offsetof(struct message, node) },
        { KEY("address"), .kind = WIRE_TEXT, .when = WIRE_IF_ADD, .max = ADDRESS_MAX,
          .offset = offsetof(struct message, address) } } },
    [MESSAGE_STATUS]      = { TYPE("status") { MID } },
    [MESSAGE_OK]          = { TYPE("ok") { MID, OTEXT("value", value) } },
    [MESSAGE_FAIL]        = { TYPE("fail") { MID, OTEXT("why", why) } },
    [MESSAGE_REDIRECT]    = { TYPE("redirect") { MID } },
    [MESSAGE_STATUS_RES]  = { TYPE("status_res") { MID, UINT("term", term), S_TEXT("role", role), S_UINT("boot", boot),
        S_UINT("commit", commit), S_UINT("applied", applied), S_UINT("first", first), S_UINT("last", last),
        S_UINT("keys", keys), S_UINT("lease_ms", lease_ms), S_TEXT("durable", durable),
        { KEY("members"), .kind = WIRE_MEMBERS } } },
    [MESSAGE_PREVOTE_REQ] = { TYPE("prevote_req") { STAMP, TAIL } },
    [MESSAGE_PREVOTE_RES] = { TYPE("prevote_res") { STAMP, RE, OK } },
    [MESSAGE_VOTE_REQ]    = { TYPE("vote_req") { STAMP, TAIL,
        { KEY("xfer"), .kind = WIRE_OTRUE, .offset = offsetof(struct message, transfer) } } },
    [MESSAGE_VOTE_RES]    = { TYPE("vote_res") { STAMP, RE, OK } },
    [MESSAGE_APP_REQ]     = { TYPE("app_req") { STAMP, UINT("pi", prev_index), UINT("pt", prev_term), UINT("lci", commit),
        UINT("round", round), UINT("ts", sent_us), { KEY("ents"), .kind = WIRE_ENTRIES } } },
    [MESSAGE_APP_RES]     = { TYPE("app_res") { STAMP, RE, OK, UINT("round", round), UINT("ts", sent_us),
        UINT_IF("mi", match, WIRE_IF_OK),
        UINT_IF("hint", hint_index, WIRE_UNLESS_OK), UINT_IF("hterm", hint_term, WIRE_UNLESS_OK) } },
    [MESSAGE_SNAP_REQ]    = { TYPE("snap_req") { STAMP, SNAP, UINT("size", size),
        { KEY("digest"), .kind = WIRE_HEX64, .offset = offsetof(struct message, digest) },
        { KEY("conf"), .kind = WIRE_TEXT, .max = CONF_TEXT_MAX - 1, .offset = offsetof(struct message, conf) },
        { KEY("data"), .kind = WIRE_DATA } } },
    [MESSAGE_SNAP_RES]    = { TYPE("snap_res") { STAMP, RE, SNAP } },
    [MESSAGE_TRANSFER]    = { TYPE("transfer") { STAMP } },
};
/* clang-format on */

const char *const wire_change_names[WIRE_CHANGES] = {
    [CHANGE_ADD] = "add", [CHANGE_REMOVE] = "remove", [CHANGE_TRANSFER] = "transfer"};

const char *wire_type_name(enum message_type type)
{
    return wire_shapes[type].type;
}

bool wire_between_replicas(enum message_type type)
{
    return type >= MESSAGE_PREVOTE_REQ;
}

bool wire_node_parse(const char *text, node_id *id)
{
    unsigned value = 0;
    for (unsigned i = 0; i < 4; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9')
            value = value * 16 + (unsigned)(c - '0');
        else if (c >= 'A' && c <= 'F')
            value = value * 16 + (unsigned)(c - 'A' + 10);
        else
            return false;
    }
    *id = (node_id)value;
    return text[4] == '\0';
}

bool wire_change_parse(const char *name, enum change_op *op)
{
    for (unsigned i = 0; i < WIRE_CHANGES; i++)
        if (strcmp(name, wire_change_names[i]) == 0) {
            *op = (enum change_op)i;
            return true;
        }
    return false;
}

bool wire_hex64_parse(const char *text, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < 16; i++) {
        char c = text[i];
        bool letter = c >= 'a' && c <= 'f';
        if (!letter && !(c >= '0' && c <= '9'))
            return false;
        *out = *out << 4 | (uint64_t)(letter ? c - 'a' + 10 : c - '0');
    }
    return text[16] == '\0';
}
