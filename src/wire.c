/* wire.c -- the shapes of all datagrams, and writing them. */
#include "wire_int.h"

#include <string.h>

/* clang-format off */
#define UINT(k, member)    { .key = k, .kind = WIRE_UINT, .offset = offsetof(struct message, member) }
#define UINT_IF(k, member, w) { .key = k, .kind = WIRE_UINT, .when = w, .offset = offsetof(struct message, member) }
#define MID                { .key = "MID", .kind = WIRE_MID, .offset = offsetof(struct message, mid) }
#define RE                 { .key = "re", .kind = WIRE_MID, .offset = offsetof(struct message, re) }
#define OK                 { .key = "ok", .kind = WIRE_BOOL, .offset = offsetof(struct message, ok) }
#define TEXT(k, member)    { .key = k, .kind = WIRE_TEXT, .offset = offsetof(struct message, member) }
#define OTEXT(k, member)   { .key = k, .kind = WIRE_OTEXT, .offset = offsetof(struct message, member) }
#define S_UINT(k, member)  { .key = k, .kind = WIRE_UINT, .offset = offsetof(struct status, member), .in_status = true }
#define S_TEXT(k, member)  { .key = k, .kind = WIRE_TEXT, .offset = offsetof(struct status, member), .in_status = true }
#define STAMP              MID, UINT("lc", lc), UINT("term", term)
#define TAIL               UINT("lli", last_index), UINT("llt", last_term)
#define SNAP               UINT("ts", sent_us), UINT("si", snap_index), UINT("st", snap_term), UINT("off", offset)

const struct wire_shape wire_shapes[MESSAGE_TYPES] = {
    [MESSAGE_HELLO]       = { "hello", {{0}} },
    [MESSAGE_GET]         = { "get", { MID, TEXT("key", key) } },
    [MESSAGE_PUT]         = { "put", { MID, TEXT("key", key), TEXT("value", value) } },
    [MESSAGE_CHANGE]      = { "change", { MID,
        { .key = "op", .kind = WIRE_CHANGE, .offset = offsetof(struct message, change) },
        { .key = "node", .kind = WIRE_NODE, .offset = offsetof(struct message, node) },
        { .key = "address", .kind = WIRE_TEXT, .when = WIRE_IF_ADD, .max = ADDRESS_MAX,
          .offset = offsetof(struct message, address) } } },
    [MESSAGE_STATUS]      = { "status", { MID } },
    [MESSAGE_OK]          = { "ok", { MID, OTEXT("value", value) } },
    [MESSAGE_FAIL]        = { "fail", { MID, OTEXT("why", why) } },
    [MESSAGE_REDIRECT]    = { "redirect", { MID } },
    [MESSAGE_STATUS_RES]  = { "status_res", { MID, UINT("term", term), S_TEXT("role", role), S_UINT("boot", boot),
        S_UINT("commit", commit), S_UINT("applied", applied), S_UINT("first", first), S_UINT("last", last),
        S_UINT("keys", keys), S_UINT("lease_ms", lease_ms), S_TEXT("durable", durable),
        { .key = "members", .kind = WIRE_MEMBERS } } },
    [MESSAGE_PREVOTE_REQ] = { "prevote_req", { STAMP, TAIL } },
    [MESSAGE_PREVOTE_RES] = { "prevote_res", { STAMP, RE, OK } },
    [MESSAGE_VOTE_REQ]    = { "vote_req", { STAMP, TAIL,
        { .key = "xfer", .kind = WIRE_OTRUE, .offset = offsetof(struct message, transfer) } } },
    [MESSAGE_VOTE_RES]    = { "vote_res", { STAMP, RE, OK } },
    [MESSAGE_APP_REQ]     = { "app_req", { STAMP, UINT("pi", prev_index), UINT("pt", prev_term), UINT("lci", commit),
        UINT("round", round), UINT("ts", sent_us), { .key = "ents", .kind = WIRE_ENTRIES } } },
    [MESSAGE_APP_RES]     = { "app_res", { STAMP, RE, OK, UINT("round", round), UINT("ts", sent_us),
        UINT_IF("mi", match, WIRE_IF_OK),
        UINT_IF("hint", hint_index, WIRE_UNLESS_OK), UINT_IF("hterm", hint_term, WIRE_UNLESS_OK) } },
    [MESSAGE_SNAP_REQ]    = { "snap_req", { STAMP, SNAP, UINT("size", size),
        { .key = "digest", .kind = WIRE_HEX64, .offset = offsetof(struct message, digest) },
        { .key = "conf", .kind = WIRE_TEXT, .max = CONF_TEXT_MAX - 1, .offset = offsetof(struct message, conf) },
        { .key = "data", .kind = WIRE_DATA } } },
    [MESSAGE_SNAP_RES]    = { "snap_res", { STAMP, RE, SNAP } },
    [MESSAGE_TRANSFER]    = { "transfer", { STAMP } },
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

void wire_node_text(node_id id, char out[NODE_TEXT])
{
    static const char digits[] = "0123456789ABCDEF";
    for (unsigned i = 0; i < 4; i++)
        out[i] = digits[(id >> (12 - 4 * i)) & 15];
    out[4] = '\0';
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

/* ---- writing; once something did not fit, nothing more is written ---- */

struct out {
    char *at, *end;
    bool full;
};

static void put_bytes(struct out *o, const char *p, size_t n)
{
    if (o->full || (size_t)(o->end - o->at) < n) {
        o->full = true;
        return;
    }
    memcpy(o->at, p, n);
    o->at += n;
}

static void put(struct out *o, const char *s)
{
    put_bytes(o, s, strlen(s));
}

static void put_uint(struct out *o, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    put_bytes(o, digits + at, sizeof digits - at);
}

/* What JSON demands to be escaped, in its shortest form; everything else as it is. */
static void put_string(struct out *o, const char *s)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    put_bytes(o, "\"", 1);
    for (const char *plain = s;; s++) {
        unsigned char c = (unsigned char)*s;
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        put_bytes(o, plain, (size_t)(s - plain));
        plain = s + 1;
        if (c == '\0')
            break;
        if (c == '"' || c == '\\')
            put_bytes(o, (char[]){'\\', (char)c}, 2);
        else if (short_form[c])
            put_bytes(o, (char[]){'\\', short_form[c]}, 2);
        else
            put_bytes(o, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
    put_bytes(o, "\"", 1);
}

static void put_node(struct out *o, node_id id)
{
    char text[NODE_TEXT];
    wire_node_text(id, text);
    put_string(o, text);
}

static void put_entry(struct out *o, const struct entry *e)
{
    put(o, "[");
    put_uint(o, e->term);
    if (e->op == ENTRY_NOOP) {
        put(o, ",\"noop\"]");
        return;
    }
    put(o, e->op == ENTRY_PUT ? ",\"put\"," : ",\"conf\",");
    put_node(o, e->client);
    put(o, ",");
    put_string(o, e->mid);
    put(o, ",");
    if (e->op == ENTRY_PUT) {
        put_string(o, e->key);
        put(o, ",");
    }
    put_string(o, e->value);
    put(o, "]");
}

static void put_entries(struct out *o, const struct message *m)
{
    put(o, "[");
    for (size_t i = 0; i < m->n_entries; i++) {
        if (i)
            put(o, ",");
        put_entry(o, m->entries[i]);
    }
    put(o, "]");
}

static void put_members(struct out *o, const struct status *s)
{
    put(o, "[");
    for (size_t i = 0; i < s->n_members; i++) {
        const struct member_status *m = &s->members[i];
        put(o, i ? ",[" : "[");
        put_node(o, m->id);
        put(o, ",");
        put_string(o, m->address);
        put(o, ",");
        put_string(o, m->state);
        put(o, ",");
        put_uint(o, m->match);
        put(o, ",");
        put_uint(o, m->next);
        put(o, ",");
        put_uint(o, m->silent_ms);
        put(o, "]");
    }
    put(o, "]");
}

static void put_hex64(struct out *o, uint64_t v)
{
    static const char hex[] = "0123456789abcdef";
    char text[18] = "\"";
    for (unsigned i = 0; i < 16; i++)
        text[1 + i] = hex[(v >> (60 - 4 * i)) & 15];
    text[17] = '"';
    put_bytes(o, text, sizeof text);
}

static void put_data(struct out *o, const unsigned char *data, size_t n)
{
    put(o, "\"");
    if (o->full || (size_t)(o->end - o->at) / 4 < WIRE_BASE64_LEN(n) / 4) {
        o->full = true;
        return;
    }
    wire_base64_encode(data, n, o->at);
    o->at += WIRE_BASE64_LEN(n);
    put(o, "\"");
}

static void put_field(struct out *o, const struct message *m, const struct wire_field *f)
{
    const void *member = (const char *)(f->in_status ? (const void *)m->status : (const void *)m) + f->offset;
    if ((f->kind == WIRE_OTEXT && !*(const char *const *)member) || (f->kind == WIRE_OTRUE && !*(const bool *)member))
        return;
    put(o, ",\"");
    put(o, f->key);
    put(o, "\":");
    switch (f->kind) {
    case WIRE_UINT:
        put_uint(o, *(const uint64_t *)member);
        break;
    case WIRE_BOOL:
    case WIRE_OTRUE:
        put(o, *(const bool *)member ? "true" : "false");
        break;
    case WIRE_MID:
        put_string(o, member);
        break;
    case WIRE_TEXT:
    case WIRE_OTEXT:
        put_string(o, *(const char *const *)member);
        break;
    case WIRE_HEX64:
        put_hex64(o, *(const uint64_t *)member);
        break;
    case WIRE_DATA:
        put_data(o, m->data, m->n_data);
        break;
    case WIRE_CHANGE:
        put_string(o, wire_change_names[*(const enum change_op *)member]);
        break;
    case WIRE_NODE:
        put_node(o, *(const node_id *)member);
        break;
    case WIRE_ENTRIES:
        put_entries(o, m);
        break;
    case WIRE_MEMBERS:
        put_members(o, m->status);
        break;
    }
}

size_t wire_encode(const struct message *m, char *out, size_t room)
{
    struct out o = {.at = out, .end = out + (room < DATAGRAM_MAX ? room : DATAGRAM_MAX)};
    put(&o, "{\"src\":");
    put_node(&o, m->src);
    put(&o, ",\"dst\":");
    put_node(&o, m->dst);
    put(&o, ",\"leader\":");
    put_node(&o, m->leader);
    put(&o, ",\"type\":\"");
    put(&o, wire_type_name(m->type));
    put(&o, "\"");
    for (const struct wire_field *f = wire_shapes[m->type].fields; f->key; f++)
        if (wire_has(f, m))
            put_field(&o, m, f);
    put(&o, "}");
    return o.full ? 0 : (size_t)(o.at - out);
}
