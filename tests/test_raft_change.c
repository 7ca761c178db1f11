/* raft_change.c: members come and go one at a time (dissertation §4), as the leader does it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/raft_one.h"

static void expect_fail(const struct one *o, const char *mid, enum raft_why why)
{
    const struct raft_effect *e = one_effect(o, RAFT_DO_FAIL);
    assert_string_equal(e->request.mid, mid);
    assert_int_equal(e->why, why);
    assert_int_equal(e->request.tag, 1000 + mid[0]);
}

static void expect_ok(const struct one *o, const char *mid)
{
    assert_string_equal(one_effect(o, RAFT_DO_OK)->request.mid, mid);
}

/* The client's answer, when its entry is applied. */
static void expect_applied(const struct one *o, const char *mid)
{
    for (size_t i = 0; i < o->fx.n; i++)
        if (o->fx.v[i].type == RAFT_DO_APPLY && o->fx.v[i].answer && strcmp(o->fx.v[i].request.mid, mid) == 0)
            return;
    fail_msg("%s was not answered", mid);
}

/* Has nothing. */
static void refuse(struct one *o, node_id src)
{
    struct message m = one_message(o, MESSAGE_APP_RES, src, raft_brief(o->r).term);
    m.sent_us = o->now_us;
    one_take(o, &m);
}

static void ack(struct one *o, node_id src)
{
    one_accept(o, src, raft_brief(o->r).last, o->now_us);
}

/* A leader of n whose no-op is committed, and acknowledged by all. */
static struct one leader_of(unsigned n)
{
    struct one o = one_new(n);
    if (n > 1)
        one_lead(&o);
    while (one_role(&o) != RAFT_LEADER)
        one_tick(&o);
    for (unsigned i = 1; i < n; i++)
        ack(&o, (node_id)i);
    assert_int_equal(raft_brief(o.r).commit, 1);
    return o;
}

static void a_new_server_catches_up_before_it_counts_D_4_2_1(void **state)
{
    (void)state;
    struct one o = leader_of(3);
    one_change(&o, CLIENT, "A", CHANGE_ADD, 7, "h:7");
    assert_int_equal(one_count(&o, RAFT_NOTE_APPEND), 0);
    assert_true(one_sent_to(&o, MESSAGE_APP_REQ, 7));
    refuse(&o, 7);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 7)->prev_index, 0);
    /* Not a voter: with its acknowledgement and ours alone nothing commits. */
    one_put(&o, CLIENT, "P", "k", "v");
    node_id asked = one_sent_to(&o, MESSAGE_APP_REQ, 1) ? 1 : 2;
    one_accept(&o, 7, 1, o.now_us);
    assert_int_equal(raft_brief(o.r).commit, 1);
    const struct raft_effect *e = one_effect(&o, RAFT_NOTE_APPEND);
    assert_int_equal(e->entry->op, ENTRY_CONF);
    assert_string_equal(e->entry->value, "0000,0001,0002,0007=h:7");
    assert_string_equal(raft_conf(o.r), "0000,0001,0002,0007=h:7");
    /* Now it counts, in a quorum of three. */
    ack(&o, 7);
    assert_int_equal(raft_brief(o.r).commit, 1);
    ack(&o, asked);
    ack(&o, 3 - asked);
    assert_int_equal(raft_brief(o.r).commit, 3);
    expect_applied(&o, "A");
    one_free(&o);
}

static void rounds_go_on_while_the_new_server_is_slow_and_end_after_ten(void **state)
{
    (void)state;
    struct one o = leader_of(3);
    one_change(&o, CLIENT, "A", CHANGE_ADD, 7, "");
    refuse(&o, 7);
    uint64_t goal = 1;
    for (int round = 1; round <= 10; round++) {
        /* Each round takes longer than an election timeout, and more is put meanwhile. */
        for (int part = 0; part < 4; part++) {
            o.now_us += ONE_HEARTBEAT * 1000;
            ack(&o, 1);
            ack(&o, 2);
            assert_int_equal(one_count(&o, RAFT_DO_FAIL), 0);
        }
        char mid[16];
        snprintf(mid, sizeof mid, "P%d", round);
        one_put(&o, CLIENT, mid, "k", "v");
        one_accept(&o, 7, goal, o.now_us);
        assert_string_equal(raft_conf(o.r), "0000,0001,0002");
        goal = raft_brief(o.r).last;
    }
    expect_fail(&o, "A", WHY_NOT_READY);
    assert_false(raft_is_member(o.r, 7));
    one_free(&o);
}

static void a_new_server_that_does_not_answer_is_given_up(void **state)
{
    (void)state;
    struct one o = leader_of(1);
    one_change(&o, CLIENT, "A", CHANGE_ADD, 7, "");
    uint64_t since = o.now_us;
    while (one_count(&o, RAFT_DO_FAIL) == 0)
        one_tick(&o);
    expect_fail(&o, "A", WHY_NOT_READY);
    assert_int_equal(o.now_us - since, 10 * ONE_MAX * 1000);
    assert_false(raft_is_member(o.r, 7));
    assert_string_equal(raft_conf(o.r), "0000");
    /* Another try is possible. */
    one_change(&o, CLIENT, "B", CHANGE_ADD, 8, "");
    one_refusal(&o, 8, 1, 0, 0);
    one_accept(&o, 8, 1, o.now_us);
    assert_string_equal(raft_conf(o.r), "0000,0008");
    /* Two of two are needed, and without the other we step down. */
    assert_int_equal(raft_brief(o.r).commit, 1);
    one_wait(&o, 2 * ONE_MAX);
    assert_int_not_equal(one_role(&o), RAFT_LEADER);
    one_free(&o);
}

static void removing_a_server_that_is_catching_up_takes_the_request_for_it_back(void **state)
{
    (void)state;
    struct one o = leader_of(3);
    one_change(&o, CLIENT, "A", CHANGE_ADD, 7, "");
    one_change(&o, CLIENT, "B", CHANGE_REMOVE, 2, "");
    expect_fail(&o, "B", WHY_BUSY);
    uint64_t last = raft_brief(o.r).last;
    one_change(&o, CLIENT, "C", CHANGE_REMOVE, 7, "");
    expect_fail(&o, "A", WHY_REMOVED);
    expect_ok(&o, "C");
    assert_int_equal(raft_brief(o.r).last, last);
    assert_false(raft_is_member(o.r, 7));
    one_change(&o, CLIENT, "D", CHANGE_REMOVE, 2, "");
    assert_string_equal(raft_conf(o.r), "0000,0001");
    one_free(&o);
}

static void no_change_before_an_entry_of_our_own_term_is_committed_R59(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_change(&o, CLIENT, "A", CHANGE_REMOVE, 2, "");
    expect_fail(&o, "A", WHY_BUSY);
    one_change(&o, CLIENT, "B", CHANGE_ADD, 7, "");
    expect_fail(&o, "B", WHY_BUSY);
    one_ack_quorum(&o);
    one_change(&o, CLIENT, "C", CHANGE_REMOVE, 2, "");
    assert_string_equal(raft_conf(o.r), "0000,0001");
    one_free(&o);
}

static void one_change_at_a_time_R57(void **state)
{
    (void)state;
    struct one o = leader_of(4);
    one_change(&o, CLIENT, "A", CHANGE_REMOVE, 3, "");
    one_change(&o, CLIENT, "B", CHANGE_REMOVE, 2, "");
    expect_fail(&o, "B", WHY_BUSY);
    one_change(&o, CLIENT, "C", CHANGE_TRANSFER, 1, "");
    expect_fail(&o, "C", WHY_BUSY);
    ack(&o, 1);
    expect_applied(&o, "A");
    one_change(&o, CLIENT, "D", CHANGE_ADD, 9, "");
    one_change(&o, CLIENT, "E", CHANGE_REMOVE, 2, "");
    expect_fail(&o, "E", WHY_BUSY);
    one_free(&o);
}

static void what_is_so_already_is_ok_and_what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct raft_config c = one_config(2);
    c.conf = "0000=a:1,0001=b:1";
    struct one o = one_from(&c);
    one_lead(&o);
    one_ack_quorum(&o);
    one_change(&o, CLIENT, "A", CHANGE_ADD, 1, "b:1");
    expect_ok(&o, "A");
    one_change(&o, CLIENT, "B", CHANGE_ADD, 1, "b:2");
    expect_fail(&o, "B", WHY_KNOWN_MEMBER);
    one_change(&o, CLIENT, "C", CHANGE_REMOVE, 9, "");
    expect_fail(&o, "C", WHY_UNKNOWN_MEMBER);
    one_change(&o, CLIENT, "D", CHANGE_ADD, 9, "a,b");
    expect_fail(&o, "D", WHY_UNEXPECTED);
    one_change(&o, CLIENT, "E", CHANGE_REMOVE, 1, "");
    one_ack(&o, 1, 1, 2, 0);
    assert_string_equal(raft_conf(o.r), "0000=a:1");
    one_change(&o, CLIENT, "F", CHANGE_REMOVE, 0, "");
    expect_fail(&o, "F", WHY_GROUP_SIZE);
    /* The same request again is a duplicate. */
    one_change(&o, CLIENT, "F", CHANGE_REMOVE, 0, "");
    one_ignored(&o, WHY_DUPLICATE);
    one_free(&o);
    o = leader_of(RAFT_MEMBERS_MAX);
    one_change(&o, CLIENT, "A", CHANGE_ADD, 99, "");
    expect_fail(&o, "A", WHY_GROUP_SIZE);
    one_free(&o);
}

static void a_request_that_comes_again_after_its_answer_is_answered_again(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.answer_again = true;
    struct one o = one_from(&c);
    one_lead(&o);
    one_ack_quorum(&o);
    one_change(&o, CLIENT, "R", CHANGE_REMOVE, 2, "");
    one_change(&o, CLIENT, "R", CHANGE_REMOVE, 2, "");
    one_ignored(&o, WHY_DUPLICATE);
    ack(&o, 1);
    expect_applied(&o, "R");
    one_change(&o, CLIENT, "R", CHANGE_REMOVE, 2, "");
    expect_ok(&o, "R");
    one_free(&o);
}

static void who_is_removed_does_not_count_and_hears_of_it_for_a_while(void **state)
{
    (void)state;
    struct one o = leader_of(3);
    one_change(&o, CLIENT, "A", CHANGE_REMOVE, 2, "");
    assert_true(one_sent_to(&o, MESSAGE_APP_REQ, 2));
    ack(&o, 2);
    assert_int_equal(raft_brief(o.r).commit, 1);
    ack(&o, 1);
    expect_applied(&o, "A");
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 2)->commit, 2);
    unsigned told = 0;
    uint64_t end = o.now_us + 4 * ONE_MAX * 1000, last = 0;
    while (o.now_us < end) {
        one_tick(&o);
        if (one_sent_to(&o, MESSAGE_APP_REQ, 2)) {
            assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 2)->commit, 2);
            told++;
            last = o.now_us;
        }
        if (one_sent_to(&o, MESSAGE_APP_REQ, 1))
            ack(&o, 1);
    }
    assert_int_equal(one_role(&o), RAFT_LEADER);
    assert_true(told >= 3);
    assert_true(last < end - ONE_MAX * 1000);
    assert_false(raft_is_member(o.r, 2));
    one_free(&o);
}

/* Whoever comes back may have lost its disk meanwhile: what it acknowledged as a member is forgotten for good. */
static void an_answer_from_before_it_came_back_does_not_count(void **state)
{
    (void)state;
    struct one o = leader_of(3);
    uint64_t before = o.now_us;
    one_change(&o, CLIENT, "A", CHANGE_REMOVE, 2, "");
    ack(&o, 1);
    expect_applied(&o, "A");
    one_tick(&o);
    one_change(&o, CLIENT, "B", CHANGE_ADD, 2, "");
    const struct raft_effect *e = one_effect(&o, RAFT_NOTE_PEER);
    assert_true(e->node == 2 && e->match == 0 && e->next == raft_brief(o.r).last + 1 && e->why == WHY_PROBE);
    assert_true(one_sent_to(&o, MESSAGE_APP_REQ, 2));
    one_accept(&o, 2, raft_brief(o.r).last, before);
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_DUPLICATE);
    assert_string_equal(raft_conf(o.r), "0000,0001");
    ack(&o, 2);
    assert_string_equal(raft_conf(o.r), "0000,0001,0002");
    one_free(&o);
}

static void an_old_answer_of_one_that_catches_up_leads_to_no_entry_that_was_given_up(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.compact_entries = 4;
    struct one o = one_from(&c);
    one_lead(&o);
    ack(&o, 1);
    ack(&o, 2);
    one_change(&o, CLIENT, "A", CHANGE_REMOVE, 2, "");
    ack(&o, 1);
    while (raft_is_member(o.r, 2)) {
        one_tick(&o);
        if (one_sent_to(&o, MESSAGE_APP_REQ, 1))
            ack(&o, 1);
    }
    for (char mid[] = "B"; *mid < 'Z'; ++*mid) {
        one_put(&o, CLIENT, mid, "k", "v");
        ack(&o, 1);
    }
    assert_true(raft_base(o.r, NULL) > 10);
    one_change(&o, CLIENT, "Z", CHANGE_ADD, 2, "");
    assert_true(one_sent_to(&o, MESSAGE_APP_REQ, 2));
    /* To an append without entries: the probe is still under way. */
    one_accept(&o, 2, 1, o.now_us);
    assert_int_equal(one_effect(&o, RAFT_NOTE_PEER)->why, WHY_SNAPSHOT);
    one_free(&o);
}

static void a_leader_that_removes_itself_leads_without_counting_itself_until_that_commits_D_4_2_2(void **state)
{
    (void)state;
    struct one o = leader_of(4);
    one_change(&o, CLIENT, "A", CHANGE_REMOVE, 0, "");
    assert_string_equal(raft_conf(o.r), "0001,0002,0003");
    assert_int_equal(one_role(&o), RAFT_LEADER);
    /* Two of three are needed, so two are asked. */
    node_id asked[3];
    unsigned n = 0;
    for (node_id i = 1; i <= 3; i++)
        if (one_sent_to(&o, MESSAGE_APP_REQ, i))
            asked[n++] = i;
    assert_int_equal(n, 2);
    one_put(&o, CLIENT, "P", "k", "v");
    assert_int_equal(one_effect(&o, RAFT_NOTE_HOLD)->why, WHY_REMOVED);
    ack(&o, asked[0]);
    assert_int_equal(raft_brief(o.r).commit, 1);
    ack(&o, asked[1]);
    assert_int_equal(raft_brief(o.r).commit, 2);
    expect_applied(&o, "A");
    assert_int_equal(one_effect(&o, RAFT_NOTE_ROLE)->why, WHY_REMOVED);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    assert_int_equal(one_sent_n(&o, MESSAGE_TRANSFER), 1);
    /* What waited is sent away, and we never stand again. */
    one_wait(&o, 20 * ONE_MAX);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    assert_int_equal(raft_brief(o.r).term, 1);
    assert_true(raft_deadline(o.r) == UINT64_MAX);
    one_free(&o);
}

static void the_last_of_two_can_leave(void **state)
{
    (void)state;
    struct one o = leader_of(2);
    one_change(&o, CLIENT, "A", CHANGE_REMOVE, 0, "");
    assert_int_equal(raft_brief(o.r).commit, 1);
    ack(&o, 1);
    assert_int_equal(raft_brief(o.r).commit, 2);
    assert_true(one_sent_to(&o, MESSAGE_TRANSFER, 1));
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    one_free(&o);
}

static void a_deposed_leader_passes_on_a_request_whose_entry_is_in_no_log(void **state)
{
    (void)state;
    struct one o = leader_of(3);
    one_change(&o, CLIENT, "A", CHANGE_ADD, 7, "");
    assert_true(raft_is_member(o.r, 7));
    one_append(&o, 1, 2, 1, 1, 1, "2");
    const struct raft_effect *e = one_effect(&o, RAFT_DO_REDIRECT);
    assert_string_equal(e->request.mid, "A");
    assert_int_equal(e->node, 1);
    assert_false(raft_is_member(o.r, 7));
    one_free(&o);
}

static void others_than_the_leader_redirect(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 2, 0, 0, 0, "2");
    one_change(&o, CLIENT, "A", CHANGE_ADD, 7, "");
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 1);
    one_free(&o);
}

static void status_shows_the_configuration_and_who_is_to_be_added(void **state)
{
    (void)state;
    struct raft_config c = one_config(2);
    c.conf = "0000=a:1,0001=b:1";
    struct one o = one_from(&c);
    one_lead(&o);
    one_ack_quorum(&o);
    one_change(&o, CLIENT, "A", CHANGE_ADD, 7, "c:1");
    struct status s = {0};
    struct member_status m[RAFT_MEMBERS_MAX + 1];
    raft_status(o.r, o.now_us + 5000, &s, m);
    assert_string_equal(s.role, "leader");
    assert_int_equal(s.n_members, 3);
    assert_string_equal(m[0].state, "self");
    assert_string_equal(m[1].state, "replicate");
    assert_int_equal(m[1].match, 1);
    assert_int_equal(m[1].silent_ms, 5);
    assert_string_equal(m[1].address, "b:1");
    assert_int_equal(m[2].id, 7);
    assert_string_equal(m[2].state, "learner");
    assert_string_equal(m[2].address, "c:1");
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_server_catches_up_before_it_counts_D_4_2_1),
        cmocka_unit_test(rounds_go_on_while_the_new_server_is_slow_and_end_after_ten),
        cmocka_unit_test(a_new_server_that_does_not_answer_is_given_up),
        cmocka_unit_test(removing_a_server_that_is_catching_up_takes_the_request_for_it_back),
        cmocka_unit_test(no_change_before_an_entry_of_our_own_term_is_committed_R59),
        cmocka_unit_test(one_change_at_a_time_R57),
        cmocka_unit_test(what_is_so_already_is_ok_and_what_cannot_be_is_refused),
        cmocka_unit_test(a_request_that_comes_again_after_its_answer_is_answered_again),
        cmocka_unit_test(who_is_removed_does_not_count_and_hears_of_it_for_a_while),
        cmocka_unit_test(an_answer_from_before_it_came_back_does_not_count),
        cmocka_unit_test(an_old_answer_of_one_that_catches_up_leads_to_no_entry_that_was_given_up),
        cmocka_unit_test(a_leader_that_removes_itself_leads_without_counting_itself_until_that_commits_D_4_2_2),
        cmocka_unit_test(the_last_of_two_can_leave),
        cmocka_unit_test(a_deposed_leader_passes_on_a_request_whose_entry_is_in_no_log),
        cmocka_unit_test(others_than_the_leader_redirect),
        cmocka_unit_test(status_shows_the_configuration_and_who_is_to_be_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
