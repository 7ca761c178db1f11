/* A leader sends its state to a follower whose next entry was given up, chunk by chunk (Raft paper §7, Figure 13). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/raft_one.h"
#include "support/raft_state.h"

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
    struct snapshot s = raft_state_snapshot(one_effect(o, RAFT_DO_SNAPSHOT)->index, 2);
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
    one_put_n(&o, 1);
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
        one_put_n(&o, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_whose_next_entry_was_given_up_gets_the_state_7),
        cmocka_unit_test(each_answer_lets_more_go_and_the_last_leads_back_to_the_log_7),
        cmocka_unit_test(what_is_lost_goes_again_and_nothing_else),
        cmocka_unit_test(a_follower_that_lost_its_part_gets_it_again),
        cmocka_unit_test(answers_to_nothing_that_is_on_its_way_change_nothing),
        cmocka_unit_test(one_copy_serves_all),
        cmocka_unit_test(a_copy_that_the_log_has_passed_is_replaced_once_its_follower_answers_again),
        cmocka_unit_test(a_follower_that_waits_for_its_state_still_confirms_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
