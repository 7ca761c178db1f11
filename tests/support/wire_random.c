#include "wire_random.h"

#include <string.h>

/* Pieces to make strings of. */
static const char *const pieces[] = {
    "a",
    "Z9",
    "\"",
    "\\",
    "/",
    "\b",
    "\f",
    "\n",
    "\r",
    "\t",
    "\x01",
    "\x1f",
    "\x7f",
    "\\u0041",
    "',\",{}[]:",
    "\xc2\x80",
    "\xdf\xbf",
    "\xe0\xa0\x80",
    "\xe2\x82\xac",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xef\xbf\xbf",
    "\xf0\x90\x80\x80",
    "\xf4\x8f\xbf\xbf",
    "\xe2\x80\xa8",
    "%s%n",
    " ",
    "null",
    "0",
};

/* Now and then as long as it may be. */
static const char *random_text(char *out, size_t room, struct rng *rng)
{
    size_t n = 0;
    if (rng_below(rng, 16) == 0) {
        memset(out, 'x', room - 1);
        n = room - 1 - rng_below(rng, 2);
    }
    for (uint64_t left = rng_below(rng, 12); left > 0; left--) {
        const char *p = pieces[rng_below(rng, sizeof pieces / sizeof *pieces)];
        if (n + strlen(p) + 1 > room)
            break;
        memcpy(out + n, p, strlen(p));
        n += strlen(p);
    }
    out[n] = '\0';
    return out;
}

static uint64_t random_uint(struct rng *rng)
{
    static const uint64_t edges[] = {0, 1, 2, UINT32_MAX, WIRE_INT_MAX - 1, WIRE_INT_MAX};
    if (rng_below(rng, 3) == 0)
        return edges[rng_below(rng, sizeof edges / sizeof *edges)];
    return rng_next(rng) >> (11 + rng_below(rng, 53));
}

static node_id random_node(struct rng *rng)
{
    return (node_id)rng_below(rng, NODE_NONE);
}

static void random_mid(char out[MID_MAX + 1], struct rng *rng)
{
    do
        random_text(out, MID_MAX + 1, rng);
    while (!*out);
}

static void random_entry(struct wire_random *r, size_t i, struct rng *rng)
{
    struct entry *e = &r->entry[i];
    *e = (struct entry){.index = r->m.prev_index + 1 + i,
                        .term = random_uint(rng),
                        .op = (enum entry_op)rng_below(rng, 3),
                        .client = NODE_NONE,
                        .mid = "",
                        .key = "",
                        .value = ""};
    char(*text)[256] = r->text[i + 1];
    if (e->op == ENTRY_PUT || (e->op == ENTRY_CONF && rng_below(rng, 2))) {
        random_mid(text[0], rng);
        e->client = random_node(rng);
        e->mid = text[0];
    }
    if (e->op == ENTRY_PUT)
        e->key = random_text(text[1], sizeof text[1], rng);
    if (e->op != ENTRY_NOOP)
        e->value = random_text(text[2], sizeof text[2], rng);
    e->hash = entry_hash(e);
    r->entries[i] = e;
}

static void random_change(struct wire_random *r, struct rng *rng)
{
    r->m.change = (enum change_op)rng_below(rng, 3);
    r->m.node = r->m.change == CHANGE_TRANSFER && rng_below(rng, 2) ? NODE_NONE : random_node(rng);
    if (r->m.change == CHANGE_ADD)
        r->m.address = random_text(r->text[0][0], ADDRESS_MAX + 1, rng);
}

static void random_status(struct wire_random *r, struct rng *rng)
{
    r->status = (struct status){.role = random_text(r->text[0][0], sizeof r->text[0][0], rng),
                                .boot = random_uint(rng),
                                .commit = random_uint(rng),
                                .applied = random_uint(rng),
                                .first = random_uint(rng),
                                .last = random_uint(rng),
                                .keys = random_uint(rng),
                                .lease_ms = random_uint(rng),
                                .durable = random_text(r->text[0][1], sizeof r->text[0][1], rng),
                                .n_members = rng_below(rng, WIRE_RANDOM_MEMBERS + 1),
                                .members = r->members};
    for (size_t i = 0; i < r->status.n_members; i++)
        r->members[i] = (struct member_status){.id = random_node(rng),
                                               .address = random_text(r->text[i + 1][0], ADDRESS_MAX + 1, rng),
                                               .state = random_text(r->text[i + 1][1], sizeof r->text[i + 1][1], rng),
                                               .match = random_uint(rng),
                                               .next = random_uint(rng),
                                               .silent_ms = random_uint(rng)};
    r->m.term = random_uint(rng);
    r->m.status = &r->status;
}

static void random_snapshot(struct wire_random *r, struct rng *rng)
{
    struct message *m = &r->m;
    m->sent_us = random_uint(rng);
    m->snap_index = random_uint(rng);
    m->snap_term = random_uint(rng);
    m->offset = random_uint(rng);
    if (m->type == MESSAGE_SNAP_RES)
        return;
    m->size = random_uint(rng);
    m->digest = rng_next(rng);
    m->conf = random_text(r->text[0][0], sizeof r->text[0][0], rng);
    m->n_data = rng_below(rng, WIRE_RANDOM_DATA + 1);
    m->data = r->data;
    for (size_t i = 0; i < m->n_data; i++)
        r->data[i] = (unsigned char)rng_below(rng, 256);
}

static void random_append(struct wire_random *r, struct rng *rng)
{
    struct message *m = &r->m;
    m->prev_index = random_uint(rng);
    m->prev_term = random_uint(rng);
    m->commit = random_uint(rng);
    m->round = random_uint(rng);
    m->sent_us = random_uint(rng);
    m->n_entries = rng_below(rng, WIRE_RANDOM_ENTRIES + 1);
    m->entries = m->n_entries ? r->entries : NULL;
    for (size_t i = 0; i < m->n_entries; i++)
        random_entry(r, i, rng);
}

static void random_replica_message(struct wire_random *r, struct rng *rng)
{
    struct message *m = &r->m;
    m->lc = random_uint(rng);
    m->term = random_uint(rng);
    if (m->type == MESSAGE_PREVOTE_RES || m->type == MESSAGE_VOTE_RES || m->type == MESSAGE_APP_RES) {
        random_mid(m->re, rng);
        m->ok = rng_below(rng, 2);
    }
    if (m->type == MESSAGE_PREVOTE_REQ || m->type == MESSAGE_VOTE_REQ) {
        m->last_index = random_uint(rng);
        m->last_term = random_uint(rng);
    }
    if (m->type == MESSAGE_VOTE_REQ)
        m->transfer = rng_below(rng, 2);
    if (m->type == MESSAGE_APP_RES) {
        m->round = random_uint(rng);
        m->sent_us = random_uint(rng);
        m->match = m->ok ? random_uint(rng) : 0;
        m->hint_index = m->ok ? 0 : random_uint(rng);
        m->hint_term = m->ok ? 0 : random_uint(rng);
    }
    if (m->type == MESSAGE_SNAP_RES)
        random_mid(m->re, rng);
    if (m->type == MESSAGE_SNAP_REQ || m->type == MESSAGE_SNAP_RES)
        random_snapshot(r, rng);
    if (m->type == MESSAGE_APP_REQ)
        random_append(r, rng);
}

void wire_random(struct wire_random *r, enum message_type type, struct rng *rng)
{
    struct message *m = &r->m;
    *m = (struct message){.type = type, .src = random_node(rng), .dst = random_node(rng), .leader = NODE_NONE};
    if (rng_below(rng, 4) == 0)
        m->dst = NODE_NONE;
    else
        m->leader = random_node(rng);
    if (type != MESSAGE_HELLO)
        random_mid(m->mid, rng);
    if (type == MESSAGE_GET || type == MESSAGE_PUT)
        m->key = random_text(r->text[0][0], sizeof r->text[0][0], rng);
    if (type == MESSAGE_PUT || (type == MESSAGE_OK && rng_below(rng, 2)))
        m->value = random_text(r->text[0][1], sizeof r->text[0][1], rng);
    if (type == MESSAGE_FAIL && rng_below(rng, 2))
        m->why = random_text(r->text[0][0], sizeof r->text[0][0], rng);
    if (type == MESSAGE_CHANGE)
        random_change(r, rng);
    if (type == MESSAGE_STATUS_RES)
        random_status(r, rng);
    if (wire_between_replicas(type))
        random_replica_message(r, rng);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_entry(const struct entry *a, const struct entry *b)
{
    return a->index == b->index && a->term == b->term && a->hash == b->hash && a->op == b->op &&
           a->client == b->client && same(a->mid, b->mid) && same(a->key, b->key) && same(a->value, b->value);
}

static bool same_status(const struct status *a, const struct status *b)
{
    if (!same(a->role, b->role) || a->boot != b->boot || a->commit != b->commit || a->applied != b->applied ||
        a->first != b->first || a->last != b->last || a->keys != b->keys || a->lease_ms != b->lease_ms ||
        !same(a->durable, b->durable) || a->n_members != b->n_members)
        return false;
    for (size_t i = 0; i < a->n_members; i++) {
        const struct member_status *x = &a->members[i], *y = &b->members[i];
        if (x->id != y->id || !same(x->address, y->address) || !same(x->state, y->state) || x->match != y->match ||
            x->next != y->next || x->silent_ms != y->silent_ms)
            return false;
    }
    return true;
}

bool wire_equal(const struct message *a, const struct message *b)
{
    if (a->type != b->type || a->src != b->src || a->dst != b->dst || a->leader != b->leader || !same(a->mid, b->mid) ||
        !same(a->re, b->re) || !same(a->key, b->key) || !same(a->value, b->value) || !same(a->why, b->why) ||
        !same(a->address, b->address) || !same(a->conf, b->conf))
        return false;
    if (a->lc != b->lc || a->term != b->term || a->last_index != b->last_index || a->last_term != b->last_term ||
        a->prev_index != b->prev_index || a->prev_term != b->prev_term || a->commit != b->commit ||
        a->round != b->round || a->sent_us != b->sent_us || a->transfer != b->transfer || a->ok != b->ok ||
        a->match != b->match || a->hint_index != b->hint_index || a->hint_term != b->hint_term ||
        a->snap_index != b->snap_index || a->snap_term != b->snap_term || a->offset != b->offset ||
        a->size != b->size || a->digest != b->digest || a->change != b->change || a->node != b->node ||
        a->n_entries != b->n_entries || a->n_data != b->n_data || !a->status != !b->status)
        return false;
    for (size_t i = 0; i < a->n_entries; i++)
        if (!same_entry(a->entries[i], b->entries[i]))
            return false;
    return (a->n_data == 0 || memcmp(a->data, b->data, a->n_data) == 0) &&
           (!a->status || same_status(a->status, b->status));
}
