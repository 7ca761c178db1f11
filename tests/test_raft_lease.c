/* Reads under a lease (D §6.4.1): what it rests on, how long it lasts, when it is given up; and the promise of the
 * followers that makes it safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/raft_one.h"

#define DRIFT       10000 /* 1 %: 1.5 ms of 150 */
#define DURATION_US (ONE_MIN * 1000 - ONE_MIN * 10 - 1)

/* A leader of n whose no-op is on a majority; nobody has answered an append since `sent_us`. */
static struct one leader(unsigned n, uint64_t *sent_us)
{
    struct raft_config c = one_config(n);
    c.reads = RAFT_READS_LEASE;
    c.drift_ppm = DRIFT;
    struct one o = one_from(&c);
    one_lead(&o);
    *sent_us = o.now_us;
    o.now_us += 5000;
    for (node_id i = 1; i < (n + 1) / 2 + (n % 2 == 0); i++)
        one_accept(&o, i, 1, *sent_us);
    assert_int_equal(raft_brief(o.r).commit, 1);
    return o;
}

static void a_read_under_a_lease_is_answered_at_once_without_a_message(void **state)
{
    (void)state;
    uint64_t sent;
    struct one o = leader(5, &sent);
    one_get(&o, CLIENT, "A", "k");
    const struct raft_effect *e = one_effect(&o, RAFT_NOTE_LEASE);
    assert_int_equal(e->since_us, sent); /* from when the appends were sent, not from when they were answered */
    assert_int_equal(e->until_us, sent + DURATION_US);
    assert_int_equal(e->n_by, 2);
    assert_int_equal(e->by[0] + e->by[1], 3);
    e = one_effect(&o, RAFT_DO_READ);
    assert_true(e->leased);
    assert_int_equal(e->until_us, sent + DURATION_US);
    assert_int_equal(e->index, 1);
    assert_int_equal(e->term, 1);
    assert_int_equal(one_count(&o, RAFT_DO_SEND), 0);
    /* The next one rests on the same: nothing new to note. */
    one_get(&o, CLIENT, "B", "k");
    assert_int_equal(one_count(&o, RAFT_NOTE_LEASE), 0);
    assert_int_equal(one_effect(&o, RAFT_DO_READ)->since_us, sent);
    one_free(&o);
}

static void the_lease_ends_when_it_says_and_reads_ask_a_quorum_then(void **state)
{
    (void)state;
    uint64_t sent;
    struct one o = leader(3, &sent);
    o.now_us = sent + DURATION_US - 1;
    one_get(&o, CLIENT, "A", "k");
    assert_true(one_effect(&o, RAFT_DO_READ)->leased);
    o.now_us = sent + DURATION_US;
    one_get(&o, CLIENT, "B", "k");
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    assert_int_equal(one_count(&o, RAFT_NOTE_READ_INDEX), 1);
    assert_true(one_sent_n(&o, MESSAGE_APP_REQ) > 0);
    one_free(&o);
}

static void an_answer_that_brings_the_lease_back_answers_the_reads_that_wait(void **state)
{
    (void)state;
    uint64_t sent;
    struct one o = leader(3, &sent);
    o.now_us = sent + DURATION_US;
    one_get(&o, CLIENT, "A", "k");
    uint64_t again = o.now_us;
    o.now_us += 1000;
    one_accept(&o, 2, 1, again);
    assert_int_equal(one_effect(&o, RAFT_NOTE_LEASE)->since_us, again);
    assert_true(one_effect(&o, RAFT_DO_READ)->leased);
    one_free(&o);
}

static void one_follower_of_four_is_no_quorum_and_an_old_answer_extends_nothing(void **state)
{
    (void)state;
    uint64_t sent;
    struct one o = leader(5, &sent);
    o.now_us = sent + DURATION_US;
    one_accept(&o, 1, 1, o.now_us - 1000);
    one_accept(&o, 2, 1, sent); /* a second copy of what it answered long ago */
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_accept(&o, 2, 1, o.now_us + 1); /* sent in the future: nobody did */
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
}

/* A follower that gets the state takes us for its leader too, from when the chunk was sent. */
static void an_answer_to_a_chunk_counts_from_when_the_chunk_was_sent(void **state)
{
    (void)state;
    uint64_t sent;
    struct one o = leader(3, &sent);
    uint64_t again = sent + DURATION_US / 2;
    o.now_us = sent + DURATION_US;
    struct message m = one_message(&o, MESSAGE_SNAP_RES, 2, 1);
    m.snap_index = m.snap_term = 1;
    m.sent_us = again;
    one_take(&o, &m);
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_effect(&o, RAFT_DO_READ)->since_us, again);
    assert_int_equal(one_effect(&o, RAFT_DO_READ)->until_us, again + DURATION_US);
    one_free(&o);
}

/* So are appends answered that were not heeded: no promise can be told from a refusal. */
static void a_refusal_extends_nothing(void **state)
{
    (void)state;
    uint64_t sent;
    struct one o = leader(3, &sent);
    o.now_us = sent + DURATION_US;
    struct message m = one_message(&o, MESSAGE_APP_RES, 2, 1);
    m.sent_us = o.now_us;
    one_take(&o, &m);
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_free(&o);
}

/* Who catches up to be added, and who was removed, promise nothing to a group in which they have no vote. */
static void only_voters_of_the_latest_configuration_count(void **state)
{
    (void)state;
    uint64_t sent;
    struct one o = leader(3, &sent);
    one_change(&o, CLIENT, "C", CHANGE_ADD, 7, "");
    o.now_us = sent + DURATION_US;
    struct message m = one_message(&o, MESSAGE_APP_RES, 7, 1);
    m.sent_us = o.now_us - 1;
    one_take(&o, &m); /* a refusal: it has nothing yet */
    m.ok = true;
    m.match = 0;
    one_take(&o, &m);
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_free(&o);
}

/* §8: what is committed is known only once an entry of the own term is. */
static void no_read_under_a_lease_before_the_no_op_of_the_term_is_committed(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.reads = RAFT_READS_LEASE;
    struct one o = one_from(&c);
    one_append(&o, 1, 1, 0, 0, 0, "111");
    one_wait(&o, ONE_MAX);
    one_lead(&o);
    one_accept(&o, 1, 3, o.now_us); /* it confirms us, but has not our no-op */
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_accept(&o, 1, 4, o.now_us);
    assert_int_equal(one_effect(&o, RAFT_DO_READ)->index, 4);
    one_free(&o);
}

static void a_lease_is_given_up_with_the_leadership(void **state)
{
    (void)state;
    uint64_t sent;
    struct one o = leader(3, &sent);
    one_get(&o, CLIENT, "A", "k");
    struct message m = one_message(&o, MESSAGE_APP_RES, 1, 9);
    one_take(&o, &m);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    assert_int_equal(one_effect(&o, RAFT_NOTE_LEASE_END)->until_us, sent + DURATION_US);
    assert_int_equal(one_effect(&o, RAFT_NOTE_LEASE_END)->why, WHY_STEP_DOWN);
    one_free(&o);
}

static void a_group_of_1_has_it_always(void **state)
{
    (void)state;
    struct raft_config c = one_config(1);
    c.reads = RAFT_READS_LEASE;
    struct one o = one_from(&c);
    one_tick(&o);
    one_get(&o, CLIENT, "A", "k");
    assert_true(one_effect(&o, RAFT_DO_READ)->leased);
    one_free(&o);
}

static void without_leases_a_quorum_is_asked(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_accept(&o, 1, 1, o.now_us);
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    one_free(&o);
}

/* The follower's half: whoever accepted an append elects nobody for the minimum election timeout, even if it has heard
 * of a newer term since. */
static void who_accepted_an_append_elects_nobody_for_a_while_whatever_it_hears_D_4_2_3(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    uint64_t heard = o.now_us;
    o.now_us += 10000;
    struct message m = one_message(&o, MESSAGE_VOTE_RES, 2, 3); /* somebody stood in vain */
    one_take(&o, &m);
    assert_int_equal(raft_brief(o.r).term, 3);
    o.now_us = heard + ONE_MIN * 1000 - 1;
    one_vote_req(&o, 2, 4, 1, 1);
    assert_false(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    o.now_us = heard + ONE_MIN * 1000;
    one_vote_req(&o, 2, 4, 1, 1);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    one_free(&o);
}

static void votes_only_after(struct one *o, uint64_t heard, uint64_t term)
{
    uint64_t last = raft_brief(o->r).last, last_term = last ? term : 0;
    o->now_us = heard + ONE_MIN * 1000 - 1;
    one_vote_req(o, 2, term + 1, last, last_term);
    assert_false(one_sent(o, MESSAGE_VOTE_RES, 2)->ok);
    assert_int_equal(raft_brief(o->r).term, term);
    o->now_us = heard + ONE_MIN * 1000;
    one_vote_req(o, 2, term + 1, last, last_term);
    assert_true(one_sent(o, MESSAGE_VOTE_RES, 2)->ok);
}

/* Whatever the append led to: a leader may count on any answer to it. */
static void who_takes_a_part_of_the_state_promises_the_same(void **state)
{
    (void)state;
    struct one o = one_new(3);
    struct message m = one_message(&o, MESSAGE_SNAP_REQ, 1, 3);
    m.snap_index = 30;
    m.snap_term = 2;
    m.size = 1000;
    m.conf = "0000,0001,0002";
    m.data = (const unsigned char *)"0123456789";
    m.n_data = 10;
    one_take(&o, &m);
    assert_true(one_sent_to(&o, MESSAGE_SNAP_RES, 1));
    votes_only_after(&o, o.now_us, 3);
    one_free(&o);
}

/* Its log does not name it yet, or any more; but a group may count on it already, or still (D §4.2.3). */
static void who_is_no_member_of_its_own_configuration_promises_it_too(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.joining = true;
    struct one o = one_from(&c);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    votes_only_after(&o, o.now_us, 1);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_under_a_lease_is_answered_at_once_without_a_message),
        cmocka_unit_test(the_lease_ends_when_it_says_and_reads_ask_a_quorum_then),
        cmocka_unit_test(an_answer_that_brings_the_lease_back_answers_the_reads_that_wait),
        cmocka_unit_test(one_follower_of_four_is_no_quorum_and_an_old_answer_extends_nothing),
        cmocka_unit_test(no_read_under_a_lease_before_the_no_op_of_the_term_is_committed),
        cmocka_unit_test(a_lease_is_given_up_with_the_leadership),
        cmocka_unit_test(a_group_of_1_has_it_always),
        cmocka_unit_test(without_leases_a_quorum_is_asked),
        cmocka_unit_test(who_accepted_an_append_elects_nobody_for_a_while_whatever_it_hears_D_4_2_3),
        cmocka_unit_test(an_answer_to_a_chunk_counts_from_when_the_chunk_was_sent),
        cmocka_unit_test(a_refusal_extends_nothing),
        cmocka_unit_test(only_voters_of_the_latest_configuration_count),
        cmocka_unit_test(who_takes_a_part_of_the_state_promises_the_same),
        cmocka_unit_test(who_is_no_member_of_its_own_configuration_promises_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
