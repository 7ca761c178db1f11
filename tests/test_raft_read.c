/* Linearizable reads by ReadIndex: Raft paper §8, Ongaro's dissertation (D) §6.4. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/raft_one.h"

static uint64_t round_sent(const struct one *o, node_id to)
{
    return one_sent(o, MESSAGE_APP_REQ, to)->round;
}

/* A leader of n whose no-op is committed. */
static struct one leader(unsigned n)
{
    struct one o = one_new(n);
    one_lead(&o);
    for (node_id i = 1; i < n; i++)
        one_ack(&o, i, 1, 1, 0);
    return o;
}

/* Zoo: leader-reads-without-quorum. */
static void a_read_is_served_after_a_quorum_answered_an_append_sent_after_it_arrived_D_6_4(void **state)
{
    (void)state;
    struct one o = leader(5);
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    const struct raft_effect *e = one_effect(&o, RAFT_NOTE_READ_INDEX);
    assert_int_equal(e->index, 1);
    assert_int_equal(e->term, 1);
    assert_int_equal(e->request.tag, 1000 + 'A');
    uint64_t round = e->round;
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 2); /* no more than a quorum needs */
    for (size_t i = 0; i < o.fx.n; i++)
        if (o.fx.v[i].type == RAFT_DO_SEND)
            assert_int_equal(o.fx.v[i].message.round, round);
    one_ack(&o, 1, 1, 1, round);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_ack(&o, 1, 1, 1, round); /* the same member again */
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_ack(&o, 2, 1, 1, round - 1); /* an append sent before the read arrived */
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_ack(&o, 2, 1, 1, round);
    e = one_effect(&o, RAFT_DO_READ);
    assert_false(e->local);
    assert_int_equal(e->index, 1);
    assert_int_equal(e->round, round);
    assert_string_equal(e->request.key, "k");
    assert_int_equal(e->request.tag, 1000 + 'A');
    assert_int_equal(one_effect(&o, RAFT_NOTE_READ_CONFIRM)->need, 3);
    assert_int_equal(one_effect(&o, RAFT_NOTE_READ_CONFIRM)->have, 3);
    one_free(&o);
}

static void a_read_needs_a_quorum_of_every_size_even_ones_too_D_6_4(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= RAFT_MEMBERS_MAX; n++) {
        struct one o = leader(n);
        one_get(&o, CLIENT, "A", "k");
        uint64_t round = one_effect(&o, RAFT_NOTE_READ_INDEX)->round;
        unsigned have = 1;
        for (; !one_count(&o, RAFT_DO_READ); have++)
            one_ack(&o, (node_id)have, 1, 1, round);
        assert_int_equal(have, n / 2 + 1);
        one_free(&o);
    }
}

/* Zoo: read-index-before-term-commit. */
static void a_new_leader_takes_no_read_index_before_it_committed_in_its_term_8(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 1, "11"); /* entry 2 may be committed: its leader knows */
    one_lead(&o);
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_count(&o, RAFT_NOTE_READ_INDEX), 0);
    one_ack(&o, 1, 2, 2, 0); /* an older term is not committed by counting */
    assert_int_equal(one_count(&o, RAFT_NOTE_READ_INDEX), 0);
    one_ack(&o, 1, 2, 3, 0);
    const struct raft_effect *e = one_effect(&o, RAFT_NOTE_READ_INDEX);
    assert_int_equal(e->index, 3);
    assert_int_equal(e->term, 2);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    uint64_t round = e->round;
    one_ack(&o, 1, 2, 3, round);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 1);
    one_free(&o);
}

static void reads_that_arrive_during_a_round_share_the_next_D_6_4(void **state)
{
    (void)state;
    struct one o = leader(3);
    one_get(&o, CLIENT, "A", "k");
    uint64_t first = one_effect(&o, RAFT_NOTE_READ_INDEX)->round;
    one_get(&o, CLIENT, "B", "k");
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_READ_INDEX)->round, first + 1);
    one_get(&o, CLIENT, "C", "k");
    assert_int_equal(one_effect(&o, RAFT_NOTE_READ_INDEX)->round, first + 1);
    one_ack(&o, 1, 1, 1, first);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 1);
    assert_string_equal(one_effect(&o, RAFT_DO_READ)->request.mid, "A");
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 1);
    one_ack(&o, 2, 1, 1, first + 1);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 2);
    assert_string_equal(one_effect(&o, RAFT_DO_READ)->request.mid, "B");
    one_free(&o);
}

static void an_append_of_a_put_carries_the_next_round_along(void **state)
{
    (void)state;
    struct one o = leader(3);
    one_get(&o, CLIENT, "A", "k");
    uint64_t first = one_effect(&o, RAFT_NOTE_READ_INDEX)->round;
    one_get(&o, CLIENT, "B", "k");
    one_put(&o, CLIENT, "C", "k", "v");
    node_id asked = one_sent_to(&o, MESSAGE_APP_REQ, 1) ? 1 : 2;
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 1);
    assert_int_equal(round_sent(&o, asked), first + 1);
    one_ack(&o, asked, 1, 2, first + 1); /* one answer: the put, and both reads */
    assert_int_equal(one_count(&o, RAFT_DO_READ), 2);
    assert_int_equal(one_effect(&o, RAFT_DO_READ)->index, 1);
    /* Applied first: the reads may see it. */
    assert_true(one_place(&o, RAFT_DO_APPLY) < one_place(&o, RAFT_DO_READ));
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 0);
    one_free(&o);
}

static void a_round_that_is_not_answered_is_repeated_under_another_number_to_all(void **state)
{
    (void)state;
    struct one o = leader(5);
    one_get(&o, CLIENT, "A", "k");
    uint64_t round = one_effect(&o, RAFT_NOTE_READ_INDEX)->round;
    uint64_t start = o.now_us;
    node_id answered = one_sent_to(&o, MESSAGE_APP_REQ, 1) ? 1 : 2;
    one_ack(&o, answered, 1, 1, round);
    one_tick(&o);
    assert_int_equal(o.now_us - start, ONE_RETRY * 1000);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 3);
    assert_false(one_sent_to(&o, MESSAGE_APP_REQ, answered));
    assert_int_equal(round_sent(&o, 4), round + 1);
    one_tick(&o);
    assert_int_equal(round_sent(&o, 4), round + 2);
    /* Both the first answer and this one are to appends sent after the read arrived. */
    one_ack(&o, 4, 1, 1, round + 1);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 1);
    one_free(&o);
}

static void silent_members_are_not_asked_first(void **state)
{
    (void)state;
    struct one o = leader(3);
    one_get(&o, CLIENT, "A", "k");
    node_id silent = one_sent_to(&o, MESSAGE_APP_REQ, 1) ? 1 : 2, other = (node_id)(3 - silent);
    one_tick(&o);
    one_ack(&o, other, 1, 1, round_sent(&o, other));
    assert_int_equal(one_count(&o, RAFT_DO_READ), 1);
    for (int i = 0; i < 3; i++) {
        const char *const mids[] = {"B", "C", "D"};
        o.now_us += 1000;
        one_get(&o, CLIENT, mids[i], "k");
        one_ack(&o, other, 1, 1, round_sent(&o, other));
        assert_int_equal(one_count(&o, RAFT_DO_READ), 1);
    }
    one_free(&o);
}

static void an_answer_with_a_round_never_sent_counts_for_nothing(void **state)
{
    (void)state;
    struct one o = leader(3);
    one_get(&o, CLIENT, "A", "k");
    one_ack(&o, 1, 1, 1, 99);
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
}

static void a_refusal_does_not_confirm_a_round(void **state)
{
    (void)state;
    struct one o = leader(3);
    one_get(&o, CLIENT, "A", "k");
    struct message m = one_message(&o, MESSAGE_APP_RES, 1, 1);
    m.round = one_effect(&o, RAFT_NOTE_READ_INDEX)->round;
    m.hint_index = m.hint_term = 1;
    one_take(&o, &m);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_free(&o);
}

static void rounds_of_an_earlier_leadership_confirm_nothing_D_6_4(void **state)
{
    (void)state;
    struct one o = leader(3);
    one_get(&o, CLIENT, "A", "k");
    uint64_t old = one_effect(&o, RAFT_NOTE_READ_INDEX)->round;
    one_wait(&o, 2 * ONE_MAX);
    one_lead(&o);
    one_ack(&o, 1, 2, 2, 0);
    one_get(&o, CLIENT, "B", "k");
    uint64_t round = one_effect(&o, RAFT_NOTE_READ_INDEX)->round;
    assert_true(round > old);
    one_ack(&o, 1, 2, 2, old);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_ack(&o, 1, 1, 2, round);
    one_ignored(&o, WHY_STALE_TERM);
    one_free(&o);
}

/* Zoo: follower-serves-reads. */
static void only_a_leader_serves_reads_and_a_deposed_one_passes_them_on_8(void **state)
{
    (void)state;
    struct one o = leader(3);
    one_get(&o, CLIENT, "A", "k");
    one_append(&o, 2, 2, 1, 1, 1, "2");
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 2);
    assert_string_equal(one_effect(&o, RAFT_DO_REDIRECT)->request.mid, "A");
    one_free(&o);

    o = leader(3);
    one_get(&o, CLIENT, "A", "k");
    one_ack(&o, 2, 9, 0, 0); /* a new term, and no leader known */
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    assert_int_equal(one_count(&o, RAFT_NOTE_HOLD), 1);
    one_append(&o, 1, 9, 1, 1, 1, "");
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 1);
    one_free(&o);
}

static void alone_a_read_needs_no_round_trip(void **state)
{
    (void)state;
    struct one o = one_new(1);
    one_get(&o, CLIENT, "Z", "k");
    one_tick(&o);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 1);
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_count(&o, RAFT_NOTE_READ_INDEX), 1);
    assert_int_equal(one_effect(&o, RAFT_NOTE_READ_CONFIRM)->need, 1);
    assert_int_equal(one_count(&o, RAFT_DO_READ), 1);
    one_free(&o);
}

static void local_reads_ask_nobody_and_say_so(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.reads = RAFT_READS_LOCAL;
    struct one o = one_from(&c);
    one_lead(&o);
    one_get(&o, CLIENT, "A", "k");
    assert_true(one_effect(&o, RAFT_DO_READ)->local);
    assert_int_equal(one_effect(&o, RAFT_DO_READ)->index, 0);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 0);
    one_append(&o, 2, 2, 1, 1, 0, "");
    one_get(&o, CLIENT, "B", "k");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_served_after_a_quorum_answered_an_append_sent_after_it_arrived_D_6_4),
        cmocka_unit_test(a_read_needs_a_quorum_of_every_size_even_ones_too_D_6_4),
        cmocka_unit_test(a_new_leader_takes_no_read_index_before_it_committed_in_its_term_8),
        cmocka_unit_test(reads_that_arrive_during_a_round_share_the_next_D_6_4),
        cmocka_unit_test(an_append_of_a_put_carries_the_next_round_along),
        cmocka_unit_test(a_round_that_is_not_answered_is_repeated_under_another_number_to_all),
        cmocka_unit_test(silent_members_are_not_asked_first),
        cmocka_unit_test(an_answer_with_a_round_never_sent_counts_for_nothing),
        cmocka_unit_test(a_refusal_does_not_confirm_a_round),
        cmocka_unit_test(rounds_of_an_earlier_leadership_confirm_nothing_D_6_4),
        cmocka_unit_test(only_a_leader_serves_reads_and_a_deposed_one_passes_them_on_8),
        cmocka_unit_test(alone_a_read_needs_no_round_trip),
        cmocka_unit_test(local_reads_ask_nobody_and_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
