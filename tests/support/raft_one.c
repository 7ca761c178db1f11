/* raft_one.c -- see raft_one.h. */
#include "raft_one.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ENTRIES_MAX 64

struct raft_config one_config(unsigned n)
{
    static node_id peers[RAFT_MEMBERS_MAX];
    for (unsigned i = 1; i < n; i++)
        peers[i - 1] = (node_id)i;
    return (struct raft_config){.id = 0,
                                .peers = peers,
                                .n_peers = n - 1,
                                .election_min_us = ONE_MIN * 1000,
                                .election_max_us = ONE_MAX * 1000,
                                .heartbeat_us = ONE_HEARTBEAT * 1000,
                                .retry_us = ONE_RETRY * 1000,
                                .hold_us = ONE_HOLD * 1000,
                                .hold_max = 4,
                                .append_bytes = 8192,
                                .seed = 1};
}

struct one one_from(const struct raft_config *c)
{
    struct one o = {.n = c->n_peers + 1, .now_us = 1000000};
    o.r = raft_new(c, o.now_us, &o.fx);
    assert_non_null(o.r);
    return o;
}

struct one one_new(unsigned n)
{
    struct raft_config c = one_config(n);
    return one_from(&c);
}

/* The command that one_append() puts at this place. */
static void command(struct entry *e, uint64_t index, uint64_t term, char text[32])
{
    snprintf(text, 32, "%llu.%llu", (unsigned long long)index, (unsigned long long)term);
    *e = (struct entry){
        .index = index, .term = term, .op = ENTRY_PUT, .client = CLIENT + 9, .mid = text, .key = "k", .value = text};
    e->hash = entry_hash(e);
}

struct reader {
    const struct one_stored *stored;
    size_t at;
    char text[32];
};

static bool next_stored(void *ctx, struct entry *e)
{
    struct reader *reader = ctx;
    const struct one_stored *stored = reader->stored;
    if (!stored->terms[reader->at])
        return false;
    uint64_t index = stored->base_index + ++reader->at;
    command(e, index + (stored->gap && index >= stored->gap), (uint64_t)(stored->terms[reader->at - 1] - '0'),
            reader->text);
    return true;
}

struct raft *one_restored(const struct one_stored *stored, struct raft_config *c, struct raft_effects *fx)
{
    struct reader reader = {.stored = stored};
    struct raft_restored restored = {.term = stored->term,
                                     .voted = stored->voted,
                                     .applied = stored->applied,
                                     .base_index = stored->base_index,
                                     .base_term = stored->base_term,
                                     .next_entry = next_stored,
                                     .ctx = &reader};
    c->restored = &restored;
    struct raft *r = raft_new(c, 1000000, fx);
    c->restored = NULL;
    return r;
}

struct one one_restart(const struct one_stored *stored, unsigned n)
{
    struct raft_config c = one_config(n);
    struct one o = {.n = n, .now_us = 1000000};
    o.r = one_restored(stored, &c, &o.fx);
    assert_non_null(o.r);
    return o;
}

void one_free(struct one *o)
{
    raft_free(o->r);
    raft_effects_free(&o->fx);
}

static void step(struct one *o, const struct message *m, int64_t tag)
{
    struct raft_event ev = {
        .type = m ? RAFT_EVENT_MESSAGE : RAFT_EVENT_TICK, .now_us = o->now_us, .message = m, .tag = tag};
    raft_step(o->r, &ev, &o->fx);
}

void one_tick(struct one *o)
{
    uint64_t due = raft_deadline(o->r);
    assert_true(due != UINT64_MAX);
    if (due > o->now_us)
        o->now_us = due;
    step(o, NULL, 0);
}

void one_wait(struct one *o, uint64_t ms)
{
    uint64_t end = o->now_us + ms * 1000;
    while (raft_deadline(o->r) <= end)
        one_tick(o);
    o->now_us = end;
}

void one_take(struct one *o, const struct message *m)
{
    step(o, m, 0);
}

struct message one_message(struct one *o, enum message_type type, node_id src, uint64_t term)
{
    struct message m = {.type = type, .src = src, .dst = 0, .leader = NODE_NONE, .term = term};
    snprintf(m.mid, sizeof m.mid, "%04X-1-%llu", src, (unsigned long long)++o->mids);
    return m;
}

static void ask(struct one *o, enum message_type type, node_id src, uint64_t term, uint64_t index, uint64_t last_term)
{
    struct message m = one_message(o, type, src, term);
    m.last_index = index;
    m.last_term = last_term;
    step(o, &m, 0);
}

void one_vote_req(struct one *o, node_id src, uint64_t term, uint64_t last_index, uint64_t last_term)
{
    ask(o, MESSAGE_VOTE_REQ, src, term, last_index, last_term);
}

void one_prevote_req(struct one *o, node_id src, uint64_t term, uint64_t last_index, uint64_t last_term)
{
    ask(o, MESSAGE_PREVOTE_REQ, src, term, last_index, last_term);
}

static void vote(struct one *o, enum message_type type, node_id src, uint64_t term, bool ok)
{
    struct message m = one_message(o, type, src, term);
    m.ok = ok;
    step(o, &m, 0);
}

void one_vote_res(struct one *o, node_id src, uint64_t term, bool ok)
{
    vote(o, MESSAGE_VOTE_RES, src, term, ok);
}

void one_prevote_res(struct one *o, node_id src, uint64_t term, bool ok)
{
    vote(o, MESSAGE_PREVOTE_RES, src, term, ok);
}

void one_append(struct one *o, node_id src, uint64_t term, uint64_t prev_index, uint64_t prev_term, uint64_t commit,
                const char *terms)
{
    struct entry entries[ENTRIES_MAX];
    const struct entry *list[ENTRIES_MAX];
    char text[ENTRIES_MAX][32];
    struct message m = one_message(o, MESSAGE_APP_REQ, src, term);
    m.leader = src;
    m.prev_index = prev_index;
    m.prev_term = prev_term;
    m.commit = commit;
    for (size_t i = 0; terms[i]; i++) {
        assert_true(i < ENTRIES_MAX);
        command(&entries[i], prev_index + 1 + i, (uint64_t)(terms[i] - '0'), text[i]);
        list[i] = &entries[i];
        m.n_entries = i + 1;
    }
    m.entries = list;
    step(o, &m, 0);
}

void one_accept(struct one *o, node_id src, uint64_t match, uint64_t sent_us)
{
    struct message m = one_message(o, MESSAGE_APP_RES, src, raft_brief(o->r).term);
    m.ok = true;
    m.match = match;
    m.sent_us = sent_us;
    one_take(o, &m);
}

void one_ack(struct one *o, node_id src, uint64_t term, uint64_t match, uint64_t round)
{
    struct message m = one_message(o, MESSAGE_APP_RES, src, term);
    m.ok = true;
    m.match = match;
    m.round = round;
    step(o, &m, 0);
}

void one_refusal(struct one *o, node_id src, uint64_t term, uint64_t hint_index, uint64_t hint_term)
{
    struct message m = one_message(o, MESSAGE_APP_RES, src, term);
    m.hint_index = hint_index;
    m.hint_term = hint_term;
    step(o, &m, 0);
}

static void request(struct one *o, enum message_type type, node_id client, const char *mid, const char *key,
                    const char *value)
{
    struct message m = one_message(o, type, client, 0);
    snprintf(m.mid, sizeof m.mid, "%s", mid);
    m.key = key;
    m.value = value;
    step(o, &m, 1000 + mid[0]);
}

void one_put(struct one *o, node_id client, const char *mid, const char *key, const char *value)
{
    request(o, MESSAGE_PUT, client, mid, key, value);
}

void one_put_n(struct one *o, unsigned n)
{
    static unsigned made;
    while (n--) {
        char mid[16];
        snprintf(mid, sizeof mid, "m%u", made++);
        one_put(o, CLIENT, mid, "k", "v");
    }
}

void one_get(struct one *o, node_id client, const char *mid, const char *key)
{
    request(o, MESSAGE_GET, client, mid, key, NULL);
}

void one_change(struct one *o, node_id client, const char *mid, enum change_op change, node_id node,
                const char *address)
{
    struct message m = one_message(o, MESSAGE_CHANGE, client, 0);
    snprintf(m.mid, sizeof m.mid, "%s", mid);
    m.change = change;
    m.node = node;
    m.address = address;
    step(o, &m, 1000 + mid[0]);
}

void one_stand(struct one *o)
{
    for (int i = 0; one_role(o) != RAFT_PRECANDIDATE; i++) {
        assert_true(i < 100);
        one_tick(o);
    }
    uint64_t asked = raft_brief(o->r).term + 1;
    for (unsigned i = 1; one_role(o) == RAFT_PRECANDIDATE; i++)
        one_prevote_res(o, (node_id)i, asked, true);
}

void one_lead(struct one *o)
{
    if (one_role(o) != RAFT_CANDIDATE)
        one_stand(o);
    for (unsigned i = 1; one_role(o) == RAFT_CANDIDATE; i++)
        one_vote_res(o, (node_id)i, raft_brief(o->r).term, true);
    assert_int_equal(one_role(o), RAFT_LEADER);
}

void one_ack_quorum(struct one *o)
{
    uint64_t last = raft_brief(o->r).last;
    for (unsigned i = 1; i < o->n && raft_brief(o->r).commit < last; i++)
        one_ack(o, (node_id)i, raft_brief(o->r).term, last, 0);
    assert_int_equal(raft_brief(o->r).commit, last);
}

size_t one_count(const struct one *o, enum raft_effect_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < o->fx.n; i++)
        n += o->fx.v[i].type == type;
    return n;
}

size_t one_place(const struct one *o, enum raft_effect_type type)
{
    for (size_t i = 0; i < o->fx.n; i++)
        if (o->fx.v[i].type == type)
            return i;
    fail_msg("there is no effect of type %d", (int)type);
    return 0;
}

const struct raft_effect *one_effect(const struct one *o, enum raft_effect_type type)
{
    return &o->fx.v[one_place(o, type)];
}

size_t one_sent_n(const struct one *o, enum message_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < o->fx.n; i++)
        n += o->fx.v[i].type == RAFT_DO_SEND && o->fx.v[i].message.type == type;
    return n;
}

static const struct message *find_sent(const struct one *o, enum message_type type, node_id dst)
{
    for (size_t i = 0; i < o->fx.n; i++) {
        const struct message *m = &o->fx.v[i].message;
        if (o->fx.v[i].type == RAFT_DO_SEND && m->type == type && m->dst == dst)
            return m;
    }
    return NULL;
}

bool one_sent_to(const struct one *o, enum message_type type, node_id dst)
{
    return find_sent(o, type, dst) != NULL;
}

const struct message *one_sent(const struct one *o, enum message_type type, node_id dst)
{
    const struct message *m = find_sent(o, type, dst);
    if (!m)
        fail_msg("no message of type %d was sent to %u", (int)type, dst);
    return m;
}

enum raft_role one_role(const struct one *o)
{
    return raft_brief(o->r).role;
}

const char *one_log(const struct one *o)
{
    static char text[256];
    uint64_t first = raft_base(o->r, NULL) + 1, last = raft_brief(o->r).last;
    assert_true(last - first + 1 < sizeof text);
    for (uint64_t i = first; i <= last; i++)
        text[i - first] = (char)('0' + raft_entry(o->r, i)->term);
    text[last - first + 1] = 0;
    return text;
}

void one_ignored(const struct one *o, enum raft_why why)
{
    const struct raft_effect *e = one_effect(o, RAFT_NOTE_IGNORE);
    assert_int_equal(e->why, why);
    for (size_t i = 0; i < o->fx.n; i++)
        assert_true(o->fx.v[i].type == RAFT_NOTE_IGNORE || o->fx.v[i].type == RAFT_DO_SEND);
    assert_false(o->fx.persist_vote);
    assert_int_equal(o->fx.truncated_from, 0);
    assert_int_equal(o->fx.appended_from, 0);
}
