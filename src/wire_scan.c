/* wire_scan.c -- reading datagrams the short way: those that look as wire_encode() writes them, from left to right and
 * without allocating. It never refuses: what it does not understand at once is left to wire_decode_json(). */
#include "wire_int.h"

/* The bytes at `at`, in a buffer that goes on for WIRE_LEAD more, begin with the first `n` of `lead`. */
static inline bool begins(const char *at, const char lead[WIRE_LEAD], unsigned n)
{
    uint64_t a = wire_load8(at) ^ wire_load8(lead), b = wire_load8(at + 8) ^ wire_load8(lead + 8);
    if (n <= 8)
        return (a << (64 - 8 * n)) == 0;
    return a == 0 && (b << (128 - 8 * n)) == 0;
}

static bool skip(char **at, const char *literal, size_t n)
{
    if (memcmp(*at, literal, n) != 0)
        return false;
    *at += n;
    return true;
}

#define SKIP(at, literal) skip(at, literal, sizeof(literal) - 1)

static bool scan_uint(char **at, uint64_t *out)
{
    char *p = *at;
    uint64_t v = 0;
    if (*p == '0' && p[1] >= '0' && p[1] <= '9')
        return false;
    while (*p >= '0' && *p <= '9' && p - *at < 17)
        v = v * 10 + (uint64_t)(*p++ - '0');
    if (p == *at || v > WIRE_INT_MAX)
        return false;
    *at = p;
    *out = v;
    return true;
}

static bool scan_bool(char **at, bool *out)
{
    *out = SKIP(at, "true");
    return *out || SKIP(at, "false");
}

static bool scan_node(char **at, node_id *id)
{
    size_t n;
    char *s = wire_scan_string(at, &n);
    return s && n == 4 && wire_node_parse(s, id);
}

static bool scan_mid(char **at, char out[MID_MAX + 1])
{
    size_t n;
    char *s = wire_scan_string(at, &n);
    if (!s || n == 0 || n > MID_MAX)
        return false;
    memcpy(out, s, n + 1);
    return true;
}

/* `max` 0: of any length. */
static bool scan_text(char **at, size_t max, const char **out)
{
    size_t n;
    *out = wire_scan_string(at, &n);
    return *out && (max == 0 || n <= max);
}

static bool scan_hex64(char **at, uint64_t *out)
{
    size_t n;
    const char *s = wire_scan_string(at, &n);
    return s && n == 16 && wire_hex64_parse(s, out);
}

static bool scan_change(char **at, enum change_op *out)
{
    const char *s;
    return scan_text(at, 0, &s) && wire_change_parse(s, out);
}

static bool scan_data(struct wire_decoder *d, char **at, struct message *m)
{
    size_t n;
    const char *s = wire_scan_string(at, &n);
    m->data = d->data;
    return s && wire_base64_decode(s, n, d->data, &m->n_data);
}

/* What follows the operation in [term,"put",client,mid,key,value] and [term,"conf",client,mid,value]. */
static bool scan_command(char **at, struct entry *e)
{
    if (!scan_node(at, &e->client) || !SKIP(at, ",") || !scan_text(at, MID_MAX, &e->mid) || !SKIP(at, ","))
        return false;
    bool made_by_group = e->client == NODE_NONE;
    if (made_by_group != (*e->mid == '\0') || (made_by_group && e->op == ENTRY_PUT))
        return false;
    e->key = "";
    if (e->op == ENTRY_PUT && (!scan_text(at, 0, &e->key) || !SKIP(at, ",")))
        return false;
    return scan_text(at, e->op == ENTRY_CONF ? CONF_TEXT_MAX - 1 : 0, &e->value) && SKIP(at, "]");
}

static bool scan_entry(char **at, struct entry *e)
{
    if (!SKIP(at, "[") || !scan_uint(at, &e->term))
        return false;
    if (SKIP(at, ",\"noop\"]")) {
        e->op = ENTRY_NOOP;
        e->client = NODE_NONE;
        e->mid = e->key = e->value = "";
        return true;
    }
    if (SKIP(at, ",\"put\","))
        e->op = ENTRY_PUT;
    else if (SKIP(at, ",\"conf\","))
        e->op = ENTRY_CONF;
    else
        return false;
    return scan_command(at, e);
}

/* What stands between '[' and ']' has been read `i` times: is there another? Moves on to it, or past the end. */
enum more { MORE_NO, MORE_YES, MORE_BROKEN };
static enum more scan_more(char **at, size_t i)
{
    if (SKIP(at, "]"))
        return MORE_NO;
    return i == 0 || SKIP(at, ",") ? MORE_YES : MORE_BROKEN;
}

static bool scan_entries(struct wire_decoder *d, char **at, struct message *m)
{
    enum more more;
    size_t n = 0;
    if (!SKIP(at, "["))
        return false;
    for (; (more = scan_more(at, n)) == MORE_YES; n++) {
        struct entry *e = &d->entry[n];
        if (n == MESSAGE_ENTRIES_MAX || !scan_entry(at, e))
            return false;
        e->index = m->prev_index + 1 + n;
        e->hash = entry_hash(e);
    }
    m->n_entries = n;
    m->entries = n ? d->entries : NULL;
    return more == MORE_NO;
}

static bool scan_member(char **at, struct member_status *m)
{
    return SKIP(at, "[") && scan_node(at, &m->id) && m->id != NODE_NONE && SKIP(at, ",") &&
           scan_text(at, ADDRESS_MAX, &m->address) && SKIP(at, ",") && scan_text(at, 0, &m->state) && SKIP(at, ",") &&
           scan_uint(at, &m->match) && SKIP(at, ",") && scan_uint(at, &m->next) && SKIP(at, ",") &&
           scan_uint(at, &m->silent_ms) && SKIP(at, "]");
}

static bool scan_members(struct wire_decoder *d, char **at)
{
    enum more more;
    size_t n = 0;
    if (!SKIP(at, "["))
        return false;
    for (; (more = scan_more(at, n)) == MORE_YES; n++)
        if (n == WIRE_MEMBERS_MAX || !scan_member(at, &d->members[n]))
            return false;
    d->status.n_members = n;
    return more == MORE_NO;
}

static bool scan_value(struct wire_decoder *d, char **at, const struct wire_field *f, struct message *m)
{
    void *member = (char *)(f->in_status ? (void *)&d->status : (void *)m) + f->offset;
    switch (f->kind) {
    case WIRE_UINT:
        return scan_uint(at, member);
    case WIRE_BOOL:
    case WIRE_OTRUE:
        return scan_bool(at, member);
    case WIRE_MID:
        return scan_mid(at, member);
    case WIRE_TEXT:
    case WIRE_OTEXT:
        return scan_text(at, f->max, member);
    case WIRE_HEX64:
        return scan_hex64(at, member);
    case WIRE_DATA:
        return scan_data(d, at, m);
    case WIRE_CHANGE:
        return scan_change(at, member);
    case WIRE_NODE:
        return scan_node(at, member) && (*(node_id *)member != NODE_NONE || m->change == CHANGE_TRANSFER);
    case WIRE_ENTRIES:
        return scan_entries(d, at, m);
    case WIRE_MEMBERS:
        return scan_members(d, at);
    }
    return false;
}

/* The part that all datagrams begin with; ids in it need no closing quote to be found. */
static bool scan_head(char **at, struct message *m)
{
    char *p = *at;
    char id[3][NODE_TEXT] = {{0}};
    static const unsigned where[3] = {WIRE_HEAD_SRC, WIRE_HEAD_DST, WIRE_HEAD_LEADER};
    for (unsigned i = 0; i < 3; i++) {
        memcpy(id[i], p + where[i], 4);
        memcpy(p + where[i], "____", 4);
    }
    if (memcmp(p, WIRE_HEAD, WIRE_HEAD_LEN) != 0)
        return false;
    *at += WIRE_HEAD_LEN;
    return wire_node_parse(id[0], &m->src) && m->src != NODE_NONE && wire_node_parse(id[1], &m->dst) &&
           wire_node_parse(id[2], &m->leader);
}

static bool scan_type(char **at, enum message_type *type)
{
    for (unsigned i = 0; i < MESSAGE_TYPES; i++)
        if (begins(*at, wire_shapes[i].rest, wire_shapes[i].n_rest)) {
            *type = (enum message_type)i;
            *at += wire_shapes[i].n_rest;
            return true;
        }
    return false;
}

static bool scan_shape(struct wire_decoder *d, char *at, const char *end, struct message *m)
{
    if (!scan_head(&at, m) || !scan_type(&at, &m->type))
        return false;
    for (const struct wire_field *f = wire_shapes[m->type].fields; f->key; f++) {
        if (!wire_has(f, m))
            continue;
        if (!begins(at, f->lead, f->n_lead)) {
            if (f->kind == WIRE_OTEXT || f->kind == WIRE_OTRUE)
                continue;
            return false;
        }
        at += f->n_lead;
        if (!scan_value(d, &at, f, m))
            return false;
    }
    if (m->type == MESSAGE_STATUS_RES)
        m->status = &d->status;
    return SKIP(&at, "}") && at == end;
}

static void take(struct wire_decoder *d, const char *bytes, size_t n)
{
    memcpy(d->text, bytes, n);
    memset(d->text + n, 0, WIRE_LEAD);
}

bool wire_scan(struct wire_decoder *d, const char *bytes, size_t n, struct message *m)
{
    if (n <= WIRE_HEAD_LEN)
        return false;
    take(d, bytes, n);
    /* Ours has no space after the first colon, Python's has. */
    if (d->text[7] == '"')
        return scan_shape(d, d->text, d->text + n, m);
    return wire_scan_request(d->text, d->text + n, m);
}
