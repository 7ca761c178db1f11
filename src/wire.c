/* wire.c -- the shapes of all datagrams, and writing them. */
#include "wire_int.h"

#include <string.h>

/* clang-format off */
#define UINT(k, member)    { .key = k, .kind = WIRE_UINT, .offset = offsetof(struct message, member) }
#define MID                { .key = "MID", .kind = WIRE_MID, .offset = offsetof(struct message, mid) }
#define RE                 { .key = "re", .kind = WIRE_MID, .offset = offsetof(struct message, re) }
#define OK                 { .key = "ok", .kind = WIRE_BOOL, .offset = offsetof(struct message, ok) }
#define TEXT(k, member)    { .key = k, .kind = WIRE_TEXT, .offset = offsetof(struct message, member) }
#define STAMP              MID, UINT("lc", lc), UINT("term", term)

const struct wire_shape wire_shapes[MESSAGE_TYPES] = {
    [MESSAGE_HELLO]       = { "hello", {{0}} },
    [MESSAGE_GET]         = { "get", { MID, TEXT("key", key) } },
    [MESSAGE_CHANGE]      = { "change", { MID } },
    [MESSAGE_STATUS]      = { "status", { MID } },
    [MESSAGE_STATUS_RES]  = { "status_res", { MID } },
    [MESSAGE_SNAP_REQ]    = { "snap_req", { STAMP } },
    [MESSAGE_SNAP_RES]    = { "snap_res", { STAMP, RE } },
    [MESSAGE_TRANSFER]    = { "transfer", { STAMP } },
    [MESSAGE_PUT]         = { "put", { MID, TEXT("key", key), TEXT("value", value) } },
    [MESSAGE_OK]          = { "ok", { MID, { .key = "value", .kind = WIRE_OTEXT, .offset = offsetof(struct message, value) } } },
    [MESSAGE_FAIL]        = { "fail", { MID } },
    [MESSAGE_REDIRECT]    = { "redirect", { MID } },
    [MESSAGE_PREVOTE_REQ] = { "prevote_req", { STAMP, UINT("lli", last_index), UINT("llt", last_term) } },
    [MESSAGE_PREVOTE_RES] = { "prevote_res", { STAMP, RE, OK } },
    [MESSAGE_VOTE_REQ]    = { "vote_req", { STAMP, UINT("lli", last_index), UINT("llt", last_term) } },
    [MESSAGE_VOTE_RES]    = { "vote_res", { STAMP, RE, OK } },
    [MESSAGE_APP_REQ]     = { "app_req", { STAMP, UINT("pi", prev_index), UINT("pt", prev_term), UINT("lci", commit),
                                           UINT("round", round), { .key = "ents", .kind = WIRE_ENTRIES } } },
    [MESSAGE_APP_RES]     = { "app_res", { STAMP, RE, OK, UINT("round", round),
        { .key = "mi", .kind = WIRE_UINT, .when = WIRE_IF_OK, .offset = offsetof(struct message, match) },
        { .key = "hint", .kind = WIRE_UINT, .when = WIRE_UNLESS_OK, .offset = offsetof(struct message, hint_index) },
        { .key = "hterm", .kind = WIRE_UINT, .when = WIRE_UNLESS_OK, .offset = offsetof(struct message, hint_term) } } },
};
/* clang-format on */

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

static void put_entries(struct out *o, const struct message *m)
{
    put(o, "[");
    for (size_t i = 0; i < m->n_entries; i++) {
        const struct entry *e = m->entries[i];
        put(o, i ? ",[" : "[");
        put_uint(o, e->term);
        if (e->op == ENTRY_NOOP) {
            put(o, ",\"noop\"]");
            continue;
        }
        put(o, ",\"put\",");
        put_node(o, e->client);
        put(o, ",");
        put_string(o, e->mid);
        put(o, ",");
        put_string(o, e->key);
        put(o, ",");
        put_string(o, e->value);
        put(o, "]");
    }
    put(o, "]");
}

static void put_field(struct out *o, const struct message *m, const struct wire_field *f)
{
    const char *member = (const char *)m + f->offset;
    if (f->kind == WIRE_OTEXT && !*(const char *const *)(const void *)member)
        return;
    put(o, ",\"");
    put(o, f->key);
    put(o, "\":");
    switch (f->kind) {
    case WIRE_UINT:
        put_uint(o, *(const uint64_t *)(const void *)member);
        break;
    case WIRE_BOOL:
        put(o, *(const bool *)(const void *)member ? "true" : "false");
        break;
    case WIRE_MID:
        put_string(o, member);
        break;
    case WIRE_TEXT:
    case WIRE_OTEXT:
        put_string(o, *(const char *const *)(const void *)member);
        break;
    case WIRE_ENTRIES:
        put_entries(o, m);
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
