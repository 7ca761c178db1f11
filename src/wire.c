/* wire.c -- writing datagrams. */
#include "wire_int.h"

/* Once something did not fit, nothing more is written. */
struct out {
    char *at, *end;
    bool full;
};

static bool fits(struct out *o, size_t n)
{
    if ((size_t)(o->end - o->at) >= n)
        return true;
    o->full = true;
    o->end = o->at;
    return false;
}

static inline void put_bytes(struct out *o, const char *p, size_t n)
{
    if (!fits(o, n))
        return;
    memcpy(o->at, p, n);
    o->at += n;
}

#define PUT(o, literal) put_bytes(o, literal, sizeof(literal) - 1)

/* The first `n` of the WIRE_LEAD bytes at `lead`. Where there is room they are copied all, which takes one instruction.
 */
static inline void put_lead(struct out *o, const char lead[WIRE_LEAD], size_t n)
{
    if ((size_t)(o->end - o->at) < WIRE_LEAD) {
        put_bytes(o, lead, n);
        return;
    }
    memcpy(o->at, lead, WIRE_LEAD);
    o->at += n;
}

static void put_uint(struct out *o, uint64_t v)
{
    size_t n = 1;
    for (uint64_t rest = v; rest >= 10; rest /= 10)
        n++;
    if (!fits(o, n))
        return;
    for (char *p = o->at += n; n > 0; n--, v /= 10)
        *--p = (char)('0' + v % 10);
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* What JSON demands to be escaped, in its shortest form; everything else as it is. The closing quote too. */
static void put_escaped(struct out *o, const char *s)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    for (const char *plain = s;; s++) {
        unsigned char c = (unsigned char)*s;
        if (is_plain(*s))
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
    PUT(o, "\"");
}

/* Eight bytes at a time as long as there is nothing to escape. */
static void put_string(struct out *o, const char *s)
{
    size_t n = strlen(s);
    if (!fits(o, n + 2))
        return;
    char *to = o->at;
    *to++ = '"';
    for (; n >= 8 && wire_odd_bytes(wire_load8(s)) == 0; n -= 8, s += 8, to += 8)
        memcpy(to, s, 8);
    for (; n > 0 && is_plain(*s); n--)
        *to++ = *s++;
    o->at = to;
    if (n > 0)
        put_escaped(o, s);
    else
        *o->at++ = '"';
}

static inline void node_digits(node_id id, char out[4])
{
    static const char digits[] = "0123456789ABCDEF";
    out[0] = digits[id >> 12];
    out[1] = digits[(id >> 8) & 15];
    out[2] = digits[(id >> 4) & 15];
    out[3] = digits[id & 15];
}

void wire_node_text(node_id id, char out[NODE_TEXT])
{
    node_digits(id, out);
    out[4] = '\0';
}

static void put_node(struct out *o, node_id id)
{
    char text[] = "\"____\"";
    node_digits(id, text + 1);
    PUT(o, text);
}

static void put_entry(struct out *o, const struct entry *e)
{
    PUT(o, "[");
    put_uint(o, e->term);
    if (e->op == ENTRY_NOOP) {
        PUT(o, ",\"noop\"]");
        return;
    }
    if (e->op == ENTRY_PUT)
        PUT(o, ",\"put\",");
    else
        PUT(o, ",\"conf\",");
    put_node(o, e->client);
    PUT(o, ",");
    put_string(o, e->mid);
    PUT(o, ",");
    if (e->op == ENTRY_PUT) {
        put_string(o, e->key);
        PUT(o, ",");
    }
    put_string(o, e->value);
    PUT(o, "]");
}

static void put_entries(struct out *o, const struct message *m)
{
    PUT(o, "[");
    for (size_t i = 0; i < m->n_entries; i++) {
        if (i)
            PUT(o, ",");
        put_entry(o, m->entries[i]);
    }
    PUT(o, "]");
}

static void put_members(struct out *o, const struct status *s)
{
    PUT(o, "[");
    for (size_t i = 0; i < s->n_members; i++) {
        const struct member_status *m = &s->members[i];
        if (i)
            PUT(o, ",");
        PUT(o, "[");
        put_node(o, m->id);
        PUT(o, ",");
        put_string(o, m->address);
        PUT(o, ",");
        put_string(o, m->state);
        PUT(o, ",");
        put_uint(o, m->match);
        PUT(o, ",");
        put_uint(o, m->next);
        PUT(o, ",");
        put_uint(o, m->silent_ms);
        PUT(o, "]");
    }
    PUT(o, "]");
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
    PUT(o, "\"");
    if (n > DATAGRAM_MAX || !fits(o, WIRE_BASE64_LEN(n))) {
        o->full = true;
        return;
    }
    wire_base64_encode(data, n, o->at);
    o->at += WIRE_BASE64_LEN(n);
    PUT(o, "\"");
}

static void put_field(struct out *o, const struct message *m, const struct wire_field *f)
{
    const void *member = (const char *)(f->in_status ? (const void *)m->status : (const void *)m) + f->offset;
    if ((f->kind == WIRE_OTEXT && !*(const char *const *)member) || (f->kind == WIRE_OTRUE && !*(const bool *)member))
        return;
    put_lead(o, f->lead, f->n_lead);
    switch (f->kind) {
    case WIRE_UINT:
        put_uint(o, *(const uint64_t *)member);
        break;
    case WIRE_BOOL:
    case WIRE_OTRUE:
        if (*(const bool *)member)
            PUT(o, "true");
        else
            PUT(o, "false");
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
    const struct wire_shape *shape = &wire_shapes[m->type];
    struct out o = {.at = out, .end = out + (room < DATAGRAM_MAX ? room : DATAGRAM_MAX)};
    if (!fits(&o, WIRE_HEAD_LEN))
        return 0;
    memcpy(out, WIRE_HEAD, WIRE_HEAD_LEN);
    node_digits(m->src, out + WIRE_HEAD_SRC);
    node_digits(m->dst, out + WIRE_HEAD_DST);
    node_digits(m->leader, out + WIRE_HEAD_LEADER);
    o.at += WIRE_HEAD_LEN;
    put_lead(&o, shape->rest, shape->n_rest);
    for (const struct wire_field *f = shape->fields; f->key; f++)
        if (wire_has(f, m))
            put_field(&o, m, f);
    PUT(&o, "}");
    return o.full ? 0 : (size_t)(o.at - out);
}
