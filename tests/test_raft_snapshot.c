/* Compaction of the log, and snapshots from leader to follower, both sides, rule by rule (Raft paper §7, Figure 13). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/kv.h"
#include "../src/rng.h"
#include "support/message_copy.h"
#include "support/raft_one.h"

#define CHUNK 30

/* ---- states ---- */

/* The state after `n` entries, which put `keys` keys in turn. */
static struct kv *state_after(uint64_t n, uint64_t keys)
{
    struct kv *kv = kv_new();
    for (uint64_t i = 1; i <= n; i++) {
        char key[32], text[32];
        snprintf(key, sizeof key, "key %" PRIu64, i % keys);
        snprintf(text, sizeof text, "%" PRIu64, i);
        const struct entry e = {
            .index = i, .term = 1, .op = ENTRY_PUT, .client = CLIENT, .mid = text, .key = key, .value = text};
        kv_apply(kv, &e);
    }
    return kv;
}

struct snapshot {
    unsigned char *bytes;
    size_t size;
    uint64_t index, term, digest;
};

static struct snapshot snapshot_of(uint64_t index, uint64_t term)
{
    struct kv *kv = state_after(index, 10);
    struct snapshot s = {.index = index, .term = term};
    s.bytes = kv_save(kv, &s.size);
    s.digest = snapshot_digest(s.bytes, s.size);
    kv_free(kv);
    assert_true(s.size > 3 * CHUNK);
    return s;
}

static uint64_t chunks(const struct snapshot *s)
{
    return (s->size + CHUNK - 1) / CHUNK;
}

static struct message chunk(struct one *o, const struct snapshot *s, node_id src, uint64_t term, uint64_t i)
{
    struct message m = one_message(o, MESSAGE_SNAP_REQ, src, term);
    m.leader = src;
    m.snap_index = s->index;
    m.snap_term = s->term;
    m.size = s->size;
    m.digest = s->digest;
    m.conf = "0000,0001,0002";
    m.offset = i * CHUNK;
    m.data = s->bytes + m.offset;
    m.n_data = s->size - m.offset < CHUNK ? s->size - m.offset : CHUNK;
    m.sent_us = o->now_us;
    return m;
}

static void take(struct one *o, const struct snapshot *s, node_id src, uint64_t term, uint64_t i)
{
    struct message m = chunk(o, s, src, term, i);
    one_take(o, &m);
}

static void take_all(struct one *o, const struct snapshot *s, node_id src, uint64_t term)
{
    for (uint64_t i = 0; i < chunks(s); i++)
        take(o, s, src, term, i);
}

static uint64_t there(const struct one *o, node_id dst)
{
    return one_sent(o, MESSAGE_SNAP_RES, dst)->offset;
}

/* ---- compaction ---- */

static struct one compacting(uint64_t entries, uint64_t bytes)
{
    struct raft_config c = one_config(3);
    c.compact_entries = entries;
    c.compact_bytes = bytes;
    c.chunk_bytes = CHUNK;
    return one_from(&c);
}

static void more_applied_entries_than_the_limit_are_given_up_but_half_of_it_7(void **state)
{
    (void)state;
    struct one o = compacting(8, 0);
    one_append(&o, 1, 2, 0, 0, 8, "111122222");
    assert_int_equal(one_count(&o, RAFT_DO_COMPACT), 0);
    one_append(&o, 1, 2, 9, 2, 9, "22");
    const struct raft_effect *e = one_effect(&o, RAFT_DO_COMPACT);
    assert_int_equal(e->index, 5);
    assert_int_equal(e->term, 2);
    assert_int_equal(e->match, 9);
    assert_string_equal(e->conf, "0000,0001,0002");
    assert_true(one_place(&o, RAFT_DO_APPLY) < one_place(&o, RAFT_DO_COMPACT));
    uint64_t term;
    assert_int_equal(raft_base(o.r, &term), 5);
    assert_int_equal(term, 2);
    assert_string_equal(one_log(&o), "222222");
    one_free(&o);
}

static void the_limit_may_be_in_bytes(void **state)
{
    (void)state;
    struct entry e = {.op = ENTRY_PUT, .mid = "1.1", .key = "k", .value = "1.1"};
    struct one o = compacting(0, 10 * raft_entry_bytes(&e));
    one_append(&o, 1, 1, 0, 0, 9, "111111111");
    one_append(&o, 1, 1, 9, 1, 9, "11");
    assert_int_equal(one_count(&o, RAFT_DO_COMPACT), 0);
    one_append(&o, 1, 1, 11, 1, 11, "");
    assert_int_equal(one_count(&o, RAFT_DO_COMPACT), 1);
    assert_in_range(raft_base(o.r, NULL), 5, 7);
    one_free(&o);
}

static void without_limits_the_log_keeps_everything(void **state)
{
    (void)state;
    struct one o = compacting(0, 0);
    for (uint64_t i = 0; i < 1000; i++)
        one_append(&o, 1, 1, i, i ? 1 : 0, i + 1, "1");
    assert_int_equal(raft_base(o.r, NULL), 0);
    one_free(&o);
}

/* R56: whoever makes entries durable reads them from the log, after the step. */
static void what_is_not_durable_yet_is_not_given_up(void **state)
{
    (void)state;
    struct one o = compacting(4, 0);
    one_append(&o, 1, 1, 0, 0, 10, "1111111111");
    assert_int_equal(o.fx.appended_from, 1);
    assert_int_equal(raft_base(o.r, NULL), 0);
    one_append(&o, 1, 1, 10, 1, 10, "");
    one_append(&o, 1, 1, 10, 1, 12, "11");
    assert_in_range(raft_base(o.r, NULL), 8, 10);
    assert_string_equal(one_log(&o) + 10 - raft_base(o.r, NULL), "11");
    one_free(&o);
}

static void put_n(struct one *o, unsigned n)
{
    static unsigned made;
    while (n--) {
        char mid[16];
        snprintf(mid, sizeof mid, "m%u", made++);
        one_put(o, CLIENT, mid, "k", "v");
    }
}

static void a_leader_keeps_what_a_follower_that_answers_still_needs_but_not_for_ever(void **state)
{
    (void)state;
    struct one o = compacting(10, 0);
    one_lead(&o);
    uint64_t term = raft_brief(o.r).term;
    one_ack(&o, 1, term, 1, 0);
    one_ack(&o, 2, term, 1, 0);
    for (int i = 0; i < 5; i++) {
        put_n(&o, 5);
        one_ack(&o, 1, term, raft_brief(o.r).last, 0);
        one_ack(&o, 2, term, 3, 0); /* it answers, and is slow */
    }
    assert_true(raft_brief(o.r).commit > 20 && raft_base(o.r, NULL) <= 3);
    for (int i = 0; i < 10; i++) {
        put_n(&o, 5);
        one_ack(&o, 1, term, raft_brief(o.r).last, 0);
        one_ack(&o, 2, term, 3, 0);
    }
    assert_true(raft_brief(o.r).applied - raft_base(o.r, NULL) <= 4 * 10 + 10);
    one_free(&o);
}

static void a_leader_does_not_wait_for_a_follower_that_is_silent(void **state)
{
    (void)state;
    struct one o = compacting(10, 0);
    one_lead(&o);
    uint64_t term = raft_brief(o.r).term;
    for (int i = 0; i < 6; i++) {
        one_wait(&o, ONE_MAX / 2);
        put_n(&o, 5);
        one_ack(&o, 1, term, raft_brief(o.r).last, 0);
    }
    assert_true(raft_brief(o.r).applied - raft_base(o.r, NULL) <= 15);
    one_free(&o);
}

/* ---- the leader ---- */

#define BASE 50

/* Leads with a log after BASE; 1 has everything, 2 needs what was given up. */
static struct one behind(void)
{
    struct one_stored stored = {
        .term = 1, .voted = NODE_NONE, .base_index = BASE, .base_term = 1, .terms = "11", .applied = BASE + 2};
    struct raft_config c = one_config(3);
    c.chunk_bytes = CHUNK;
    struct one o = {.n = 3, .now_us = 1000000};
    o.r = one_restored(&stored, &c, &o.fx);
    one_lead(&o);
    one_ack(&o, 1, raft_brief(o.r).term, BASE + 3, 0);
    one_refusal(&o, 2, raft_brief(o.r).term, 7, 1);
    return o;
}

/* And the state machine was given. */
static struct snapshot given(struct one *o)
{
    struct snapshot s = snapshot_of(one_effect(o, RAFT_DO_SNAPSHOT)->index, 2);
    unsigned char *bytes = malloc(s.size);
    memcpy(bytes, s.bytes, s.size);
    raft_give_snapshot(o->r, s.index, bytes, s.size);
    return s;
}

static void acknowledge(struct one *o, const struct snapshot *s, node_id src, uint64_t offset, uint64_t sent_us)
{
    struct message m = one_message(o, MESSAGE_SNAP_RES, src, raft_brief(o->r).term);
    m.snap_index = s->index;
    m.snap_term = s->term;
    m.offset = offset;
    m.sent_us = sent_us;
    one_take(o, &m);
}

static void a_follower_whose_next_entry_was_given_up_gets_the_state_7(void **state)
{
    (void)state;
    struct one o = behind();
    assert_int_equal(one_effect(&o, RAFT_NOTE_PEER)->why, WHY_SNAPSHOT);
    assert_int_equal(one_effect(&o, RAFT_DO_SNAPSHOT)->index, BASE + 3);
    assert_int_equal(one_place(&o, RAFT_DO_SNAPSHOT), o.fx.n - 1);
    assert_false(one_sent_to(&o, MESSAGE_APP_REQ, 2));
    struct snapshot s = given(&o);
    assert_true(raft_deadline(o.r) <= o.now_us);
    one_tick(&o);
    const struct raft_effect *e = one_effect(&o, RAFT_NOTE_SNAP_SEND);
    assert_true(e->node == 2 && e->index == BASE + 3 && e->size == s.size);
    uint64_t n = 0;
    for (size_t i = 0; i < o.fx.n; i++) {
        const struct message *m = &o.fx.v[i].message;
        if (o.fx.v[i].type != RAFT_DO_SEND || m->type != MESSAGE_SNAP_REQ)
            continue;
        assert_true(m->dst == 2 && m->snap_index == s.index && m->snap_term == s.term && m->size == s.size);
        assert_true(m->digest == s.digest && m->offset == n * CHUNK && m->sent_us == o.now_us);
        assert_memory_equal(m->data, s.bytes + m->offset, m->n_data);
        assert_string_equal(m->conf, "0000,0001,0002");
        n++;
    }
    assert_int_equal(n, 8); /* the first window */
    assert_true(raft_deadline(o.r) > o.now_us);
    one_free(&o);
    free(s.bytes);
}

static void each_answer_lets_more_go_and_the_last_leads_back_to_the_log_7(void **state)
{
    (void)state;
    struct one o = behind();
    struct snapshot s = given(&o);
    one_tick(&o);
    acknowledge(&o, &s, 2, CHUNK, o.now_us);
    assert_int_equal(one_sent_n(&o, MESSAGE_SNAP_REQ), 2); /* and the window grows */
    assert_int_equal(one_sent(&o, MESSAGE_SNAP_REQ, 2)->offset, 8 * CHUNK);
    acknowledge(&o, &s, 2, s.size, o.now_us);
    assert_int_equal(one_effect(&o, RAFT_NOTE_PEER)->why, WHY_PROBE);
    assert_int_equal(one_effect(&o, RAFT_NOTE_PEER)->match, BASE + 3);
    put_n(&o, 1);
    one_wait(&o, ONE_HEARTBEAT);
    one_ack(&o, 2, 2, BASE + 4, 0);
    assert_int_equal(raft_brief(o.r).commit, BASE + 4);
    one_free(&o);
    free(s.bytes);
}

static void what_is_lost_goes_again_and_nothing_else(void **state)
{
    (void)state;
    struct one o = behind();
    struct snapshot s = given(&o);
    one_tick(&o);
    /* The first chunk is lost: the others are answered with nothing. */
    acknowledge(&o, &s, 2, 0, o.now_us);
    acknowledge(&o, &s, 2, 0, o.now_us);
    assert_int_equal(one_sent_n(&o, MESSAGE_SNAP_REQ), 0);
    acknowledge(&o, &s, 2, 0, o.now_us);
    assert_int_equal(one_sent_n(&o, MESSAGE_SNAP_REQ), 1);
    assert_int_equal(one_sent(&o, MESSAGE_SNAP_REQ, 2)->offset, 0);
    for (int i = 0; i < 4; i++) {
        acknowledge(&o, &s, 2, 0, o.now_us);
        assert_int_equal(one_sent_n(&o, MESSAGE_SNAP_REQ), 0);
    }
    /* The next hole of the same window at once. */
    acknowledge(&o, &s, 2, 5 * CHUNK, o.now_us);
    assert_int_equal(one_sent(&o, MESSAGE_SNAP_REQ, 2)->offset, 5 * CHUNK);
    /* No answers at all: the first missing, ever more slowly. */
    uint64_t at[3];
    for (int i = 0; i < 3; i++) {
        do
            one_tick(&o);
        while (!one_sent_to(&o, MESSAGE_SNAP_REQ, 2));
        assert_int_equal(one_sent_n(&o, MESSAGE_SNAP_REQ), 1);
        assert_int_equal(one_sent(&o, MESSAGE_SNAP_REQ, 2)->offset, 5 * CHUNK);
        at[i] = o.now_us;
    }
    assert_true(at[2] - at[1] > at[1] - at[0]);
    one_free(&o);
    free(s.bytes);
}

static void a_follower_that_lost_its_part_gets_it_again(void **state)
{
    (void)state;
    struct one o = behind();
    struct snapshot s = given(&o);
    one_tick(&o);
    uint64_t first = o.now_us;
    acknowledge(&o, &s, 2, 4 * CHUNK, first);
    acknowledge(&o, &s, 2, CHUNK, first); /* an old answer, late */
    one_ignored(&o, WHY_DUPLICATE);
    o.now_us += 1000;
    acknowledge(&o, &s, 2, 5 * CHUNK, first);
    o.now_us += 1000;
    acknowledge(&o, &s, 2, 0, o.now_us - 500); /* to a chunk sent after it had said that it has 5 */
    assert_int_equal(one_sent(&o, MESSAGE_SNAP_REQ, 2)->offset, 0);
    assert_int_equal(one_sent_n(&o, MESSAGE_SNAP_REQ), 8);
    one_free(&o);
    free(s.bytes);
}

static void answers_to_nothing_that_is_on_its_way_change_nothing(void **state)
{
    (void)state;
    struct one o = behind();
    struct snapshot s = given(&o), other = s;
    acknowledge(&o, &s, 2, CHUNK, o.now_us); /* nothing was sent yet */
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_DUPLICATE);
    acknowledge(&o, &s, 2, s.size + 1, o.now_us);
    one_ignored(&o, WHY_UNEXPECTED);
    acknowledge(&o, &s, 1, s.size, o.now_us); /* of one that gets none */
    one_ignored(&o, WHY_DUPLICATE);
    acknowledge(&o, &s, 2, CHUNK, o.now_us + 1);
    one_ignored(&o, WHY_UNEXPECTED);
    other.index--;
    acknowledge(&o, &other, 2, s.size, o.now_us);
    one_ignored(&o, WHY_DUPLICATE);
    one_refusal(&o, 2, 2, 3, 1); /* an append from before */
    one_ignored(&o, WHY_DUPLICATE);
    one_free(&o);
    free(s.bytes);
}

static void one_copy_serves_all(void **state)
{
    (void)state;
    struct one_stored stored = {
        .term = 1, .voted = NODE_NONE, .base_index = BASE, .base_term = 1, .terms = "11", .applied = BASE + 2};
    struct raft_config c = one_config(4);
    c.chunk_bytes = CHUNK;
    struct one o = {.n = 4, .now_us = 1000000};
    o.r = one_restored(&stored, &c, &o.fx);
    one_lead(&o);
    one_refusal(&o, 2, 2, 7, 1);
    struct snapshot s = given(&o);
    one_tick(&o);
    one_refusal(&o, 3, 2, 9, 1);
    assert_int_equal(one_count(&o, RAFT_DO_SNAPSHOT), 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_SNAP_SEND)->node, 3);
    assert_int_equal(one_sent(&o, MESSAGE_SNAP_REQ, 3)->snap_index, s.index);
    one_free(&o);
    free(s.bytes);
}

static void a_copy_that_the_log_has_passed_is_replaced_once_its_follower_answers_again(void **state)
{
    (void)state;
    struct one_stored stored = {
        .term = 1, .voted = NODE_NONE, .base_index = BASE, .base_term = 1, .terms = "11", .applied = BASE + 2};
    struct raft_config c = one_config(3);
    c.chunk_bytes = CHUNK;
    c.compact_entries = 4;
    struct one o = {.n = 3, .now_us = 1000000};
    o.r = one_restored(&stored, &c, &o.fx);
    one_lead(&o);
    one_ack(&o, 1, 2, BASE + 3, 0);
    one_refusal(&o, 2, 2, 7, 1);
    struct snapshot s = given(&o);
    one_tick(&o);
    acknowledge(&o, &s, 2, CHUNK, o.now_us);
    for (int i = 0; i < 30; i++) {
        put_n(&o, 1);
        one_ack(&o, 1, 2, raft_brief(o.r).last, 0);
        one_wait(&o, 20);
    }
    assert_true(raft_base(o.r, NULL) > s.index);
    one_tick(&o);
    assert_int_equal(one_count(&o, RAFT_DO_SNAPSHOT), 0); /* not for somebody who is not there */
    one_ack(&o, 2, 2, 0, 0);
    struct snapshot again = given(&o);
    one_tick(&o);
    assert_int_equal(one_sent(&o, MESSAGE_SNAP_REQ, 2)->snap_index, again.index);
    assert_int_equal(one_sent(&o, MESSAGE_SNAP_REQ, 2)->offset, 0);
    acknowledge(&o, &s, 2, s.size, o.now_us); /* of the one before */
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_DUPLICATE);
    one_free(&o);
    free(s.bytes);
    free(again.bytes);
}

static void a_follower_that_waits_for_its_state_still_confirms_rounds(void **state)
{
    (void)state;
    struct one o = behind();
    struct snapshot s = given(&o);
    one_tick(&o);
    one_get(&o, CLIENT, "g", "k");
    for (int i = 0; i < 20 && !one_sent_to(&o, MESSAGE_APP_REQ, 2); i++)
        one_tick(&o);
    const struct message *m = one_sent(&o, MESSAGE_APP_REQ, 2);
    assert_true(m->prev_index == 0 && m->n_entries == 0); /* which no log can refuse */
    one_free(&o);
    free(s.bytes);
}

/* ---- the follower ---- */

static void a_snapshot_is_taken_in_any_order_and_installed_as_a_whole_7(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of(30, 2);
    struct one o = one_new(3);
    one_append(&o, 1, 3, 0, 0, 2, "111");
    uint64_t n = chunks(&s);
    take(&o, &s, 1, 3, 1);
    assert_int_equal(there(&o, 1), 0);
    take(&o, &s, 1, 3, 0);
    assert_int_equal(there(&o, 1), 2 * CHUNK);
    take(&o, &s, 1, 3, 0); /* twice */
    assert_int_equal(there(&o, 1), 2 * CHUNK);
    for (uint64_t i = n - 1; i > 2; i--) {
        take(&o, &s, 1, 3, i);
        assert_int_equal(there(&o, 1), 2 * CHUNK);
        assert_int_equal(raft_brief(o.r).commit, 2);
    }
    take(&o, &s, 1, 3, 2);
    assert_int_equal(there(&o, 1), s.size);
    const struct raft_effect *e = one_effect(&o, RAFT_DO_INSTALL);
    assert_true(e->index == 30 && e->term == 2 && e->node == 1 && e->size == s.size);
    assert_memory_equal(e->data, s.bytes, s.size);
    assert_string_equal(e->conf, "0000,0001,0002");
    assert_true(one_place(&o, RAFT_DO_INSTALL) < one_place(&o, RAFT_DO_SEND));
    assert_int_equal(one_effect(&o, RAFT_NOTE_COMMIT)->why, WHY_SNAPSHOT);
    struct raft_brief b = raft_brief(o.r);
    assert_true(b.commit == 30 && b.applied == 30 && b.last == 30 && raft_base(o.r, NULL) == 30);
    /* R37: the next to be applied is the one after it. */
    one_append(&o, 1, 3, 30, 2, 31, "3");
    assert_int_equal(one_effect(&o, RAFT_DO_APPLY)->entry->index, 31);
    one_free(&o);
    free(s.bytes);
}

/* Zoo: old-snapshot-overwrites-log; R54. */
static void what_is_committed_is_never_replaced_by_a_snapshot(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of(30, 1);
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 30, "1111111111111111111111111111111");
    take(&o, &s, 1, 1, 0);
    assert_int_equal(there(&o, 1), s.size); /* there is no need to send more of it */
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 0);
    assert_int_equal(raft_brief(o.r).last, 31);
    one_free(&o);
    /* Nor by one whose last chunk comes after appends have brought as much. */
    o = one_new(3);
    for (uint64_t i = 0; i + 1 < chunks(&s); i++)
        take(&o, &s, 1, 1, i);
    one_append(&o, 1, 1, 0, 0, 31, "1111111111111111111111111111111");
    take(&o, &s, 1, 1, chunks(&s) - 1);
    assert_int_equal(there(&o, 1), s.size);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 0);
    assert_int_equal(raft_brief(o.r).commit, 31);
    one_free(&o);
    free(s.bytes);
}

/* R55; Figure 13, steps 6 and 7. */
static void the_log_after_a_snapshot_stays_only_where_it_agrees_with_it(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of(10, 2);
    struct one o = one_new(3);
    one_append(&o, 1, 3, 0, 0, 4, "111122222233");
    take_all(&o, &s, 1, 3);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 1);
    assert_int_equal(one_count(&o, RAFT_NOTE_TRUNCATE), 0);
    assert_string_equal(one_log(&o), "33");
    assert_int_equal(raft_brief(o.r).last, 12);
    one_free(&o);

    o = one_new(3);
    one_append(&o, 1, 3, 0, 0, 4, "111111111133");
    take_all(&o, &s, 1, 3);
    const struct raft_effect *e = one_effect(&o, RAFT_NOTE_TRUNCATE);
    assert_true(e->index == 5 && e->old == 12 && e->why == WHY_SNAPSHOT);
    assert_string_equal(one_log(&o), "");
    assert_int_equal(raft_brief(o.r).last, 10);
    assert_int_equal(o.fx.truncated_from, 0); /* RAFT_DO_INSTALL says all that is to be written */
    one_free(&o);
    free(s.bytes);
}

static void entries_of_the_same_step_become_durable_with_the_snapshot(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of(10, 2);
    struct one o = one_new(3);
    for (uint64_t i = 0; i + 1 < chunks(&s); i++)
        take(&o, &s, 1, 2, i);
    raft_begin(o.r, o.now_us, &o.fx);
    struct entry e = {.index = 1, .term = 1, .op = ENTRY_NOOP, .client = NODE_NONE, .mid = "", .key = "", .value = ""};
    const struct entry *list[] = {&e};
    struct message append = one_message(&o, MESSAGE_APP_REQ, 1, 2);
    append.n_entries = 1;
    append.entries = list;
    append.commit = 1;
    raft_input(o.r, &(struct raft_event){.type = RAFT_EVENT_MESSAGE, .now_us = o.now_us, .message = &append});
    struct message last = chunk(&o, &s, 1, 2, chunks(&s) - 1);
    raft_input(o.r, &(struct raft_event){.type = RAFT_EVENT_MESSAGE, .now_us = o.now_us, .message = &last});
    assert_false(raft_may_join(o.r)); /* nothing may come between */
    raft_finish(o.r);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 1);
    assert_int_equal(one_count(&o, RAFT_DO_APPLY), 0);
    assert_int_equal(one_count(&o, RAFT_DO_PERSIST), 0);
    assert_int_equal(raft_brief(o.r).applied, 10);
    one_free(&o);
    free(s.bytes);
}

static void a_snapshot_counts_as_word_from_the_leader(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of(30, 2);
    struct one o = one_new(3);
    take(&o, &s, 1, 3, 0); /* a newer term */
    assert_int_equal(raft_brief(o.r).term, 3);
    assert_int_equal(raft_brief(o.r).leader, 1);
    assert_true(o.fx.persist_vote);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_SET)->why, WHY_SNAPSHOT);
    one_prevote_req(&o, 2, 4, 99, 3);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    take(&o, &s, 2, 2, 0); /* an older one */
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_STALE_TERM);
    assert_int_equal(one_sent(&o, MESSAGE_SNAP_RES, 2)->term, 3);
    take(&o, &s, 2, 3, 0); /* a second leader of the same */
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
    o = one_new(3);
    one_stand(&o);
    take(&o, &s, 1, raft_brief(o.r).term + 1, 0);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    one_free(&o);
    free(s.bytes);
}

static void damage_is_found_and_the_whole_asked_for_anew(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of(30, 2), bad = s;
    struct one o = one_new(3);
    bad.bytes = malloc(s.size);
    memcpy(bad.bytes, s.bytes, s.size);
    bad.bytes[s.size / 2] ^= 1;
    take_all(&o, &bad, 1, 3);
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_UNEXPECTED);
    assert_int_equal(one_count(&o, RAFT_DO_SEND), 0);
    take(&o, &s, 1, 3, 3);
    assert_int_equal(there(&o, 1), 0);
    take_all(&o, &s, 1, 3);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 1);
    one_free(&o);
    /* What its sender has made wrong has the right digest, and is no state at that index. */
    o = one_new(3);
    bad.digest = snapshot_digest(bad.bytes, bad.size);
    take_all(&o, &bad, 1, 3);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 0);
    free(bad.bytes);
    bad = s;
    bad.index++;
    take_all(&o, &bad, 1, 3);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 0);
    assert_int_equal(raft_brief(o.r).commit, 0);
    one_free(&o);
    free(s.bytes);
}

static void the_newer_of_two_snapshots_is_taken(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of(30, 2), newer = snapshot_of(40, 2);
    struct one o = one_new(3);
    take(&o, &s, 1, 3, 0);
    take(&o, &newer, 1, 3, 0);
    take(&o, &newer, 1, 3, 1);
    take(&o, &s, 1, 3, 1); /* late */
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_DUPLICATE);
    take(&o, &newer, 1, 3, 2);
    assert_int_equal(there(&o, 1), 3 * CHUNK);
    /* The next leader's is taken, whichever it is. */
    take(&o, &s, 2, 4, 0);
    assert_int_equal(there(&o, 2), CHUNK);
    for (uint64_t i = 1; i < chunks(&s); i++)
        take(&o, &s, 2, 4, i);
    assert_int_equal(one_effect(&o, RAFT_DO_INSTALL)->index, 30);
    one_free(&o);
    free(s.bytes);
    free(newer.bytes);
}

static void chunks_that_no_leader_could_send_change_nothing(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of(30, 2);
    struct one o = one_new(3);
    struct message good = chunk(&o, &s, 1, 3, 0), m;
#define REFUSED(change)                                                                                                \
    m = good;                                                                                                          \
    change;                                                                                                            \
    one_take(&o, &m);                                                                                                  \
    one_ignored(&o, WHY_UNEXPECTED)
    REFUSED(m.snap_index = 0);
    REFUSED(m.snap_term = 0);
    REFUSED(m.snap_term = 4);
    REFUSED(m.snap_index = UINT64_MAX);
    REFUSED(m.size = 0);
    REFUSED(m.size = UINT64_MAX);
    REFUSED(m.n_data = 0);
    REFUSED(m.offset = m.size);
    REFUSED(m.offset = UINT64_MAX);
    REFUSED(m.n_data = m.size + 1);
    REFUSED(m.conf = "nobody");
#undef REFUSED
    assert_int_equal(raft_brief(o.r).term, 0);
    /* Against what is committed here. */
    one_append(&o, 1, 3, 0, 0, 3, "333");
    take(&o, &s, 1, 3, 0);
    one_ignored(&o, WHY_UNEXPECTED);
    s.index = 3;
    take(&o, &s, 1, 3, 0);
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
    free(s.bytes);
}

/* Of a put in a deposed leader's log a snapshot does not tell what became of it. */
static void a_client_whose_entry_a_snapshot_covers_gets_its_answer_when_it_asks_again(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of(30, 2);
    struct one o = one_new(3);
    one_lead(&o);
    one_put(&o, CLIENT, "a", "k", "v");
    uint64_t term = raft_brief(o.r).term;
    assert_int_equal(term, 1);
    take_all(&o, &s, 1, 2);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 1);
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0);
    one_put(&o, CLIENT, "a", "k", "v");
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 1);
    one_free(&o);
    free(s.bytes);
}

/* ---- both ---- */

#define AWAY 100000
#define KEPT 5000
#define KEYS 5000

struct flight {
    uint64_t at;
    struct message *m;
};

struct pair {
    struct raft *r[2];
    struct kv *kv[2];
    struct raft_effects fx;
    struct rng rng;
    uint64_t now, datagrams, chunks;
    struct flight v[1024];
    size_t n;
};

static bool next_entry(void *ctx, struct entry *e)
{
    static char key[32], text[32];
    uint64_t *i = ctx;
    if (*i == AWAY)
        return false;
    ++*i;
    snprintf(key, sizeof key, "key %" PRIu64, *i % KEYS);
    snprintf(text, sizeof text, "%" PRIu64, *i);
    *e = (struct entry){
        .index = *i, .term = 1, .op = ENTRY_PUT, .client = CLIENT, .mid = text, .key = key, .value = text};
    return true;
}

static void carry_out(struct pair *p, unsigned id)
{
    for (size_t i = 0; i < p->fx.n; i++) {
        const struct raft_effect *e = &p->fx.v[i];
        if (e->type == RAFT_DO_APPLY) {
            kv_apply(p->kv[id], e->entry);
        } else if (e->type == RAFT_DO_INSTALL) {
            kv_free(p->kv[id]);
            p->kv[id] = kv_load(e->data, e->size);
            assert_int_equal(kv_applied(p->kv[id]), e->index);
        } else if (e->type == RAFT_DO_SNAPSHOT) {
            size_t n;
            unsigned char *bytes = kv_save(p->kv[id], &n);
            raft_give_snapshot(p->r[id], e->index, bytes, n);
        } else if (e->type == RAFT_DO_SEND) {
            p->datagrams++;
            p->chunks += e->message.type == MESSAGE_SNAP_REQ;
            if (rng_unit(&p->rng) < 0.2)
                continue;
            assert_true(p->n < sizeof p->v / sizeof *p->v);
            /* Late enough for what was sent later to overtake it. */
            p->v[p->n++] =
                (struct flight){.at = p->now + 200 + rng_below(&p->rng, 3000), .m = message_copy(&e->message)};
        }
    }
}

static void step(struct pair *p, unsigned id, const struct message *m)
{
    const struct raft_event ev = {.type = m ? RAFT_EVENT_MESSAGE : RAFT_EVENT_TICK, .now_us = p->now, .message = m};
    raft_step(p->r[id], &ev, &p->fx);
    carry_out(p, id);
}

static void advance(struct pair *p)
{
    size_t next = 0;
    for (size_t i = 1; i < p->n; i++)
        if (p->v[i].at < p->v[next].at)
            next = i;
    unsigned id = raft_deadline(p->r[0]) <= raft_deadline(p->r[1]) ? 0 : 1;
    uint64_t due = raft_deadline(p->r[id]);
    if (p->n && p->v[next].at <= due) {
        struct flight f = p->v[next];
        p->v[next] = p->v[--p->n];
        p->now = f.at;
        step(p, f.m->dst, f.m);
        free(f.m);
    } else {
        p->now = due > p->now ? due : p->now;
        step(p, id, NULL);
    }
}

static void a_follower_that_was_away_for_100000_entries_catches_up_over_a_lossy_network(void **state)
{
    (void)state;
    uint64_t all = 0, most = 0, size = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct pair p = {.now = 1000000};
        rng_seed(&p.rng, seed);
        uint64_t at = AWAY - KEPT;
        struct raft_restored restored = {.term = 1,
                                         .voted = NODE_NONE,
                                         .applied = AWAY,
                                         .base_index = AWAY - KEPT,
                                         .base_term = 1,
                                         .next_entry = next_entry,
                                         .ctx = &at};
        struct raft_config c = one_config(2);
        c.chunk_bytes = 1000;
        c.restored = &restored;
        p.r[0] = raft_new(&c, p.now, &p.fx);
        p.kv[0] = state_after(AWAY, KEYS);
        node_id leader = 0;
        c.id = 1;
        c.peers = &leader;
        c.restored = NULL;
        p.r[1] = raft_new(&c, p.now, &p.fx);
        p.kv[1] = kv_new();
        while (raft_brief(p.r[1]).applied <= AWAY) {
            advance(&p);
            assert_true(p.now < 60 * 1000000);
        }
        if (!size)
            free(kv_save(p.kv[1], &size));
        for (unsigned i = 0; i < 2; i++) {
            all += i ? p.datagrams : 0;
            raft_free(p.r[i]);
        }
        most = p.datagrams > most ? p.datagrams : most;
        assert_true(kv_digest(p.kv[0]) == kv_digest(p.kv[1]) || kv_applied(p.kv[0]) != kv_applied(p.kv[1]));
        kv_free(p.kv[0]);
        kv_free(p.kv[1]);
        raft_effects_free(&p.fx);
        while (p.n)
            free(p.v[--p.n].m);
    }
    printf("a state of %" PRIu64 " bytes in chunks of 1000: %" PRIu64 " datagrams on average, %" PRIu64 " at most\n",
           size, all / 10, most);
    /* Chunks, as many answers, what was lost of both, the election: not a multiple of that. */
    assert_true(most < 4 * (size / 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_applied_entries_than_the_limit_are_given_up_but_half_of_it_7),
        cmocka_unit_test(the_limit_may_be_in_bytes),
        cmocka_unit_test(without_limits_the_log_keeps_everything),
        cmocka_unit_test(what_is_not_durable_yet_is_not_given_up),
        cmocka_unit_test(a_leader_keeps_what_a_follower_that_answers_still_needs_but_not_for_ever),
        cmocka_unit_test(a_leader_does_not_wait_for_a_follower_that_is_silent),
        cmocka_unit_test(a_follower_whose_next_entry_was_given_up_gets_the_state_7),
        cmocka_unit_test(each_answer_lets_more_go_and_the_last_leads_back_to_the_log_7),
        cmocka_unit_test(what_is_lost_goes_again_and_nothing_else),
        cmocka_unit_test(a_follower_that_lost_its_part_gets_it_again),
        cmocka_unit_test(answers_to_nothing_that_is_on_its_way_change_nothing),
        cmocka_unit_test(one_copy_serves_all),
        cmocka_unit_test(a_copy_that_the_log_has_passed_is_replaced_once_its_follower_answers_again),
        cmocka_unit_test(a_follower_that_waits_for_its_state_still_confirms_rounds),
        cmocka_unit_test(a_snapshot_is_taken_in_any_order_and_installed_as_a_whole_7),
        cmocka_unit_test(what_is_committed_is_never_replaced_by_a_snapshot),
        cmocka_unit_test(the_log_after_a_snapshot_stays_only_where_it_agrees_with_it),
        cmocka_unit_test(entries_of_the_same_step_become_durable_with_the_snapshot),
        cmocka_unit_test(a_snapshot_counts_as_word_from_the_leader),
        cmocka_unit_test(damage_is_found_and_the_whole_asked_for_anew),
        cmocka_unit_test(the_newer_of_two_snapshots_is_taken),
        cmocka_unit_test(chunks_that_no_leader_could_send_change_nothing),
        cmocka_unit_test(a_client_whose_entry_a_snapshot_covers_gets_its_answer_when_it_asks_again),
        cmocka_unit_test(a_follower_that_was_away_for_100000_entries_catches_up_over_a_lossy_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
