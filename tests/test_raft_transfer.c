/* raft_transfer.c: leadership goes to another on request (dissertation §3.10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "support/raft_one.h"

/* A leader of 3 whose no-op everybody has. */
static struct one leader(void)
{
    struct one o = one_new(3);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    one_ack(&o, 2, 1, 1, 0);
    return o;
}

static void take_vote_request(struct one *o, node_id src, uint64_t term, uint64_t index, uint64_t last_term)
{
    struct message m = one_message(o, MESSAGE_VOTE_REQ, src, term);
    m.last_index = index;
    m.last_term = last_term;
    m.transfer = true;
    one_take(o, &m);
}

static void expect_fail(const struct one *o, const char *mid, enum raft_why why)
{
    const struct raft_effect *e = one_effect(o, RAFT_DO_FAIL);
    assert_string_equal(e->request.mid, mid);
    assert_int_equal(e->why, why);
}

static void a_successor_that_is_up_to_date_is_told_at_once_and_the_client_when_it_leads(void **state)
{
    (void)state;
    struct one o = leader();
    one_change(&o, CLIENT, "T", CHANGE_TRANSFER, 2, "");
    assert_int_equal(one_sent(&o, MESSAGE_TRANSFER, 2)->term, 1);
    /* What comes now waits for the successor. */
    one_put(&o, CLIENT, "P", "k", "v");
    assert_int_equal(one_effect(&o, RAFT_NOTE_HOLD)->why, WHY_TRANSFER);
    one_get(&o, CLIENT, "G", "k");
    assert_int_equal(one_effect(&o, RAFT_NOTE_HOLD)->why, WHY_TRANSFER);
    assert_int_equal(one_count(&o, RAFT_NOTE_APPEND), 0);
    take_vote_request(&o, 2, 2, 1, 1);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    assert_int_equal(one_count(&o, RAFT_DO_OK), 0);
    one_append(&o, 2, 2, 1, 1, 1, "2");
    assert_string_equal(one_effect(&o, RAFT_DO_OK)->request.mid, "T");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 2);
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 2);
    one_free(&o);
}

static void a_successor_that_lags_is_brought_up_to_date_first(void **state)
{
    (void)state;
    struct one o = leader();
    one_put(&o, CLIENT, "P", "k", "v");
    one_ack(&o, 1, 1, 2, 0);
    one_ack(&o, 2, 1, 1, 0);
    node_id behind = 2;
    one_change(&o, CLIENT, "T", CHANGE_TRANSFER, behind, "");
    assert_int_equal(one_sent_n(&o, MESSAGE_TRANSFER), 0);
    one_ack(&o, behind, 1, 2, 0);
    assert_true(one_sent_to(&o, MESSAGE_TRANSFER, behind));
    one_free(&o);
}

static void the_fittest_is_chosen_when_nobody_is_named(void **state)
{
    (void)state;
    struct one o = leader();
    one_put(&o, CLIENT, "P", "k", "v");
    node_id ahead = one_sent_to(&o, MESSAGE_APP_REQ, 1) ? 1 : 2;
    one_ack(&o, ahead, 1, 2, 0);
    one_change(&o, CLIENT, "T", CHANGE_TRANSFER, NODE_NONE, "");
    assert_true(one_sent_to(&o, MESSAGE_TRANSFER, ahead));
    one_free(&o);
}

static void after_an_election_timeout_the_leader_goes_on_and_says_so(void **state)
{
    (void)state;
    struct one o = leader();
    one_change(&o, CLIENT, "T", CHANGE_TRANSFER, 2, "");
    uint64_t since = o.now_us;
    one_put(&o, CLIENT, "P", "k", "v");
    size_t told = 0;
    while (one_count(&o, RAFT_DO_FAIL) == 0) {
        one_tick(&o);
        told += one_sent_n(&o, MESSAGE_TRANSFER);
        assert_true(told < 10); /* it may have been lost, but a flood would not help */
        if (one_count(&o, RAFT_DO_FAIL) == 0 && one_sent_to(&o, MESSAGE_APP_REQ, 1))
            one_ack(&o, 1, 1, 1, 0);
    }
    expect_fail(&o, "T", WHY_NOT_READY);
    assert_int_equal(o.now_us - since, ONE_MAX * 1000);
    assert_true(told >= 2);
    assert_string_equal(one_effect(&o, RAFT_NOTE_APPEND)->entry->mid, "P");
    assert_int_equal(one_role(&o), RAFT_LEADER);
    one_free(&o);
}

/* Answers the append that was just sent. */
static void accept_append(struct one *o, node_id src)
{
    struct message m = one_message(o, MESSAGE_APP_RES, src, raft_brief(o->r).term);
    m.ok = true;
    m.match = raft_brief(o->r).last;
    m.sent_us = one_sent(o, MESSAGE_APP_REQ, src)->sent_us;
    one_take(o, &m);
}

static void who_has_told_another_to_stand_has_no_lease_for_the_rest_of_its_term(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.reads = RAFT_READS_LEASE;
    struct one o = one_from(&c);
    one_lead(&o);
    accept_append(&o, 1);
    one_get(&o, CLIENT, "G", "k");
    assert_true(one_effect(&o, RAFT_DO_READ)->leased);
    one_change(&o, CLIENT, "T", CHANGE_TRANSFER, 1, "");
    assert_int_equal(one_effect(&o, RAFT_NOTE_LEASE_END)->why, WHY_TRANSFER);
    assert_true(one_place(&o, RAFT_NOTE_LEASE_END) < one_place(&o, RAFT_DO_SEND));
    while (one_count(&o, RAFT_DO_FAIL) == 0) {
        if (one_sent_to(&o, MESSAGE_APP_REQ, 1))
            accept_append(&o, 1);
        one_tick(&o);
    }
    /* It goes on, but the message may still arrive. */
    one_get(&o, CLIENT, "H", "k");
    assert_int_equal(one_count(&o, RAFT_DO_READ), 0);
    assert_true(one_sent_n(&o, MESSAGE_APP_REQ) > 0);
    one_free(&o);
}

static void if_another_leads_in_the_end_the_transfer_failed(void **state)
{
    (void)state;
    struct one o = leader();
    one_change(&o, CLIENT, "T", CHANGE_TRANSFER, 2, "");
    one_append(&o, 1, 2, 1, 1, 1, "2");
    expect_fail(&o, "T", WHY_NOT_READY);
    one_free(&o);
    o = leader();
    one_change(&o, CLIENT, "T", CHANGE_TRANSFER, NODE_NONE, "");
    one_append(&o, 1, 2, 1, 1, 1, "2");
    assert_string_equal(one_effect(&o, RAFT_DO_OK)->request.mid, "T");
    one_free(&o);
}

static void to_ourselves_is_done_to_a_stranger_is_refused(void **state)
{
    (void)state;
    struct one o = leader();
    one_change(&o, CLIENT, "A", CHANGE_TRANSFER, 0, "");
    assert_int_equal(one_count(&o, RAFT_DO_OK), 1);
    one_change(&o, CLIENT, "B", CHANGE_TRANSFER, 9, "");
    expect_fail(&o, "B", WHY_UNKNOWN_MEMBER);
    one_change(&o, CLIENT, "C", CHANGE_ADD, 7, "");
    one_change(&o, CLIENT, "D", CHANGE_TRANSFER, 1, "");
    expect_fail(&o, "D", WHY_BUSY);
    one_free(&o);
}

static void told_by_its_leader_a_follower_stands_at_once_without_prevotes(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    struct message m = one_message(&o, MESSAGE_TRANSFER, 1, 1);
    one_take(&o, &m);
    assert_int_equal(one_role(&o), RAFT_CANDIDATE);
    assert_int_equal(one_effect(&o, RAFT_NOTE_ROLE)->why, WHY_TRANSFER);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TERM)->why, WHY_TRANSFER);
    assert_true(one_sent(&o, MESSAGE_VOTE_REQ, 2)->transfer);
    assert_true(o.fx.persist_vote);
    assert_int_equal(one_sent_n(&o, MESSAGE_PREVOTE_REQ), 0);
    /* A duplicate changes nothing. */
    one_take(&o, &m);
    one_ignored(&o, WHY_STALE_TERM);
    /* When it comes to nothing it is an election like any other. */
    while (one_role(&o) == RAFT_CANDIDATE)
        one_tick(&o);
    assert_false(one_sent(&o, MESSAGE_PREVOTE_REQ, 2)->transfer);
    one_prevote_res(&o, 2, 3, true);
    assert_false(one_sent(&o, MESSAGE_VOTE_REQ, 2)->transfer);
    one_free(&o);
}

static void only_the_leader_of_this_term_may_tell_who_stands(void **state)
{
    (void)state;
    struct one o = one_new(3);
    struct message m = one_message(&o, MESSAGE_TRANSFER, 1, 1);
    one_take(&o, &m);
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, 2, 0, 0, 0, "1");
    one_take(&o, &m);
    one_ignored(&o, WHY_STALE_TERM);
    m.term = 2;
    m.src = 2;
    one_take(&o, &m);
    one_ignored(&o, WHY_UNEXPECTED);
    m.term = 3;
    m.src = 1;
    one_take(&o, &m);
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
}

static void voters_do_not_hold_a_living_leader_against_its_successor(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    one_vote_req(&o, 2, 2, 1, 1);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    take_vote_request(&o, 2, 2, 1, 1);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    /* But its log must be up to date. */
    take_vote_request(&o, 1, 3, 0, 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LOG_BEHIND);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_successor_that_is_up_to_date_is_told_at_once_and_the_client_when_it_leads),
        cmocka_unit_test(a_successor_that_lags_is_brought_up_to_date_first),
        cmocka_unit_test(the_fittest_is_chosen_when_nobody_is_named),
        cmocka_unit_test(after_an_election_timeout_the_leader_goes_on_and_says_so),
        cmocka_unit_test(who_has_told_another_to_stand_has_no_lease_for_the_rest_of_its_term),
        cmocka_unit_test(if_another_leads_in_the_end_the_transfer_failed),
        cmocka_unit_test(to_ourselves_is_done_to_a_stranger_is_refused),
        cmocka_unit_test(told_by_its_leader_a_follower_stands_at_once_without_prevotes),
        cmocka_unit_test(only_the_leader_of_this_term_may_tell_who_stands),
        cmocka_unit_test(voters_do_not_hold_a_living_leader_against_its_successor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
