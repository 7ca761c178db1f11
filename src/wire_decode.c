/* wire_decode.c -- reading datagrams, strictly: what does not have exactly the right fields, types and values is
 * refused with a reason, whoever sent it. What the scanner (wire_scan.c) understands at once never comes here. */
#include "wire_int.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct wire_decoder *wire_decoder_new(void)
{
    struct wire_decoder *d = malloc(sizeof *d);
    if (!d)
        return NULL;
    d->root = NULL;
    d->status.members = d->members;
    for (size_t i = 0; i < MESSAGE_ENTRIES_MAX; i++)
        d->entries[i] = &d->entry[i];
    return d;
}

void wire_decoder_free(struct wire_decoder *d)
{
    if (!d)
        return;
    json_decref(d->root);
    free(d);
}

static bool refuse(struct wire_refusal *r, const char *why, const char *what)
{
    r->why = why;
    r->what = what;
    return false;
}

/* A string without NUL, or a reason. */
static const char *text_of(const json_t *v, const char **why)
{
    *why = "bad_type";
    if (!json_is_string(v))
        return NULL;
    const char *s = json_string_value(v);
    *why = "bad_value";
    return strlen(s) == json_string_length(v) ? s : NULL;
}

static bool get_uint(const json_t *v, const char *what, uint64_t *out, struct wire_refusal *r)
{
    if (!json_is_integer(v))
        return refuse(r, "bad_type", what);
    json_int_t i = json_integer_value(v);
    if (i < 0 || (uint64_t)i > WIRE_INT_MAX)
        return refuse(r, "bad_value", what);
    *out = (uint64_t)i;
    return true;
}

static bool get_node(const json_t *v, const char *what, node_id *out, struct wire_refusal *r)
{
    const char *why, *s = text_of(v, &why);
    if (!s)
        return refuse(r, why, what);
    return wire_node_parse(s, out) || refuse(r, "bad_value", what);
}

static bool get_mid(const json_t *v, const char *what, char out[MID_MAX + 1], struct wire_refusal *r)
{
    const char *why, *s = text_of(v, &why);
    if (!s)
        return refuse(r, why, what);
    size_t n = json_string_length(v);
    if (n == 0 || n > MID_MAX)
        return refuse(r, "bad_value", what);
    memcpy(out, s, n + 1);
    return true;
}

/* `max` 0: of any length. */
static bool get_text(const json_t *v, const char *what, size_t max, const char **out, struct wire_refusal *r)
{
    const char *why;
    *out = text_of(v, &why);
    if (!*out)
        return refuse(r, why, what);
    return max == 0 || json_string_length(v) <= max || refuse(r, "bad_value", what);
}

static bool get_hex64(const json_t *v, const char *what, uint64_t *out, struct wire_refusal *r)
{
    const char *why, *s = text_of(v, &why);
    if (!s)
        return refuse(r, why, what);
    return wire_hex64_parse(s, out) || refuse(r, "bad_value", what);
}

static bool get_change(const json_t *v, const char *what, enum change_op *out, struct wire_refusal *r)
{
    const char *why, *s = text_of(v, &why);
    if (!s)
        return refuse(r, why, what);
    return wire_change_parse(s, out) || refuse(r, "bad_value", what);
}

static bool get_data(struct wire_decoder *d, const json_t *v, const char *what, struct message *m,
                     struct wire_refusal *r)
{
    if (!json_is_string(v))
        return refuse(r, "bad_type", what);
    m->data = d->data;
    return wire_base64_decode(json_string_value(v), json_string_length(v), d->data, &m->n_data) ||
           refuse(r, "bad_value", what);
}

/* What follows the operation in [term, "put", client, mid, key, value]. */
static bool get_put(const json_t *v, struct entry *e, struct wire_refusal *r)
{
    char mid[MID_MAX + 1];
    if (!get_node(json_array_get(v, 2), "ents.client", &e->client, r) ||
        !get_mid(json_array_get(v, 3), "ents.mid", mid, r) ||
        !get_text(json_array_get(v, 4), "ents.key", 0, &e->key, r) ||
        !get_text(json_array_get(v, 5), "ents.value", 0, &e->value, r))
        return false;
    if (e->client == NODE_NONE)
        return refuse(r, "bad_value", "ents.client");
    e->mid = json_string_value(json_array_get(v, 3));
    return true;
}

/* And in [term, "conf", client, mid, value]. */
static bool get_conf(const json_t *v, struct entry *e, struct wire_refusal *r)
{
    e->key = "";
    if (!get_node(json_array_get(v, 2), "ents.client", &e->client, r) ||
        !get_text(json_array_get(v, 3), "ents.mid", MID_MAX, &e->mid, r) ||
        !get_text(json_array_get(v, 4), "ents.value", CONF_TEXT_MAX - 1, &e->value, r))
        return false;
    /* Asked for by a client, or made by the group itself. */
    return (e->client == NODE_NONE) == (*e->mid == '\0') || refuse(r, "bad_value", "ents.client");
}

/* [term, "noop"] or one of the two above */
static bool get_entry(const json_t *v, struct entry *e, struct wire_refusal *r)
{
    if (!json_is_array(v))
        return refuse(r, "bad_type", "ents");
    size_t n = json_array_size(v);
    const char *op;
    if (n < 2)
        return refuse(r, "missing_field", "ents");
    if (!get_uint(json_array_get(v, 0), "ents.term", &e->term, r) ||
        !get_text(json_array_get(v, 1), "ents.op", 0, &op, r))
        return false;
    if (strcmp(op, "noop") == 0 && n == 2) {
        e->op = ENTRY_NOOP;
        e->client = NODE_NONE;
        e->mid = e->key = e->value = "";
        return true;
    }
    if (strcmp(op, "put") == 0 && n == 6) {
        e->op = ENTRY_PUT;
        return get_put(v, e, r);
    }
    if (strcmp(op, "conf") == 0 && n == 5) {
        e->op = ENTRY_CONF;
        return get_conf(v, e, r);
    }
    return refuse(r, "bad_value", "ents.op");
}

static bool get_entries(struct wire_decoder *d, const json_t *v, struct message *m, struct wire_refusal *r)
{
    if (!json_is_array(v))
        return refuse(r, "bad_type", "ents");
    m->n_entries = json_array_size(v);
    if (m->n_entries > MESSAGE_ENTRIES_MAX)
        return refuse(r, "bad_value", "ents");
    for (size_t i = 0; i < m->n_entries; i++) {
        struct entry *e = &d->entry[i];
        if (!get_entry(json_array_get(v, i), e, r))
            return false;
        e->index = m->prev_index + 1 + i;
        e->hash = entry_hash(e);
    }
    m->entries = m->n_entries ? d->entries : NULL;
    return true;
}

/* [id, address, state, match, next, silent_ms] */
static bool get_member(const json_t *v, struct member_status *m, struct wire_refusal *r)
{
    if (!json_is_array(v))
        return refuse(r, "bad_type", "members");
    if (json_array_size(v) != 6)
        return refuse(r, "bad_value", "members");
    if (!get_node(json_array_get(v, 0), "members.id", &m->id, r) ||
        !get_text(json_array_get(v, 1), "members.address", ADDRESS_MAX, &m->address, r) ||
        !get_text(json_array_get(v, 2), "members.state", 0, &m->state, r) ||
        !get_uint(json_array_get(v, 3), "members.match", &m->match, r) ||
        !get_uint(json_array_get(v, 4), "members.next", &m->next, r) ||
        !get_uint(json_array_get(v, 5), "members.silent_ms", &m->silent_ms, r))
        return false;
    return m->id != NODE_NONE || refuse(r, "bad_value", "members.id");
}

static bool get_members(struct wire_decoder *d, const json_t *v, struct wire_refusal *r)
{
    if (!json_is_array(v))
        return refuse(r, "bad_type", "members");
    d->status.n_members = json_array_size(v);
    if (d->status.n_members > WIRE_MEMBERS_MAX)
        return refuse(r, "bad_value", "members");
    for (size_t i = 0; i < d->status.n_members; i++)
        if (!get_member(json_array_get(v, i), &d->members[i], r))
            return false;
    return true;
}

static bool get_field(struct wire_decoder *d, const struct wire_field *f, struct message *m, struct wire_refusal *r)
{
    const json_t *v = json_object_get(d->root, f->key);
    void *member = (char *)(f->in_status ? (void *)&d->status : (void *)m) + f->offset;
    if (!v)
        return f->kind == WIRE_OTEXT || f->kind == WIRE_OTRUE || refuse(r, "missing_field", f->key);
    switch (f->kind) {
    case WIRE_UINT:
        return get_uint(v, f->key, member, r);
    case WIRE_BOOL:
    case WIRE_OTRUE:
        if (!json_is_boolean(v))
            return refuse(r, "bad_type", f->key);
        *(bool *)member = json_is_true(v);
        return true;
    case WIRE_MID:
        return get_mid(v, f->key, member, r);
    case WIRE_TEXT:
    case WIRE_OTEXT:
        return get_text(v, f->key, f->max, member, r);
    case WIRE_HEX64:
        return get_hex64(v, f->key, member, r);
    case WIRE_DATA:
        return get_data(d, v, f->key, m, r);
    case WIRE_CHANGE:
        return get_change(v, f->key, member, r);
    case WIRE_NODE:
        if (!get_node(v, f->key, member, r))
            return false;
        return *(node_id *)member != NODE_NONE || m->change == CHANGE_TRANSFER || refuse(r, "bad_value", f->key);
    case WIRE_ENTRIES:
        return get_entries(d, v, m, r);
    case WIRE_MEMBERS:
        return get_members(d, v, r);
    }
    abort();
}

static bool get_address(struct wire_decoder *d, const char *key, node_id *out, struct wire_refusal *r)
{
    const json_t *v = json_object_get(d->root, key);
    return v ? get_node(v, key, out, r) : refuse(r, "missing_field", key);
}

static bool get_type(struct wire_decoder *d, enum message_type *type, struct wire_refusal *r)
{
    const json_t *v = json_object_get(d->root, "type");
    if (!v)
        return refuse(r, "missing_field", "type");
    if (!json_is_string(v))
        return refuse(r, "bad_type", "type");
    for (unsigned i = 0; i < MESSAGE_TYPES; i++)
        if (strlen(wire_shapes[i].type) == json_string_length(v) &&
            strcmp(wire_shapes[i].type, json_string_value(v)) == 0) {
            *type = (enum message_type)i;
            return true;
        }
    return refuse(r, "unknown_type", "type");
}

/* The words for what jansson found: static, since its own name positions and quote the text. */
static bool refuse_text(const json_error_t *e, struct wire_refusal *r)
{
    switch ((int)json_error_code(e)) {
    case json_error_numeric_overflow:
        return refuse(r, "bad_value", "integer");
    case json_error_duplicate_key:
        return refuse(r, "not_json", "duplicate key");
    case json_error_invalid_utf8:
        return refuse(r, "not_json", "utf-8");
    case json_error_premature_end_of_input:
        return refuse(r, "not_json", "cut short");
    case json_error_end_of_input_expected:
        return refuse(r, "not_json", "bytes after the end");
    default:
        return refuse(r, "not_json", "syntax");
    }
}

/* It keeps what jansson made of the text, so that strings need no copy. */
bool wire_decode_json(struct wire_decoder *d, const char *bytes, size_t n, struct message *m, struct wire_refusal *r)
{
    json_error_t error;
    json_decref(d->root);
    d->root = NULL;
    /* No JSON text has the byte NUL, yet jansson (2.14) reads over one that stands behind a number: a digit destroyed
     * would leave another number. */
    if (memchr(bytes, '\0', n))
        return refuse(r, "not_json", "syntax");
    /* NUL as \u0000 in a string is allowed here in order to name the field that has it. */
    d->root = json_loadb(bytes, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!d->root)
        return refuse_text(&error, r);
    if (!json_is_object(d->root))
        return refuse(r, "not_object", "text");
    if (!get_address(d, "src", &m->src, r))
        return false;
    if (m->src == NODE_NONE)
        return refuse(r, "bad_value", "src");
    r->src = m->src;
    if (!get_address(d, "dst", &m->dst, r) || !get_address(d, "leader", &m->leader, r) || !get_type(d, &m->type, r))
        return false;
    for (const struct wire_field *f = wire_shapes[m->type].fields; f->key; f++)
        if (wire_has(f, m) && !get_field(d, f, m, r))
            return false;
    if (m->type == MESSAGE_STATUS_RES)
        m->status = &d->status;
    return true;
}

static void empty(struct message *m, struct wire_refusal *r)
{
    *m = (struct message){.src = NODE_NONE, .dst = NODE_NONE, .leader = NODE_NONE};
    *r = (struct wire_refusal){.src = NODE_NONE};
}

bool wire_decode(struct wire_decoder *d, const void *bytes, size_t n, struct message *m, struct wire_refusal *refusal)
{
    empty(m, refusal);
    if (n == 0)
        return refuse(refusal, "empty", "text");
    if (n > DATAGRAM_MAX)
        return refuse(refusal, "too_big", "text");
    if (wire_scan(d, bytes, n, m))
        return true;
    empty(m, refusal);
    return wire_decode_json(d, bytes, n, m, refusal);
}
