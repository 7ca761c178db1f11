/* What survives a crash and what does not (Raft paper Figure 2, §7; dissertation §3.8), and a log whose beginning was
 * given up. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/raft_one.h"

static void term_vote_and_log_survive_and_all_else_begins_anew(void **state)
{
    (void)state;
    struct one_stored stored = {.term = 5, .voted = 2, .terms = "11345", .applied = 3};
    struct one o = one_restart(&stored, 3);
    struct raft_brief b = raft_brief(o.r);
    assert_int_equal(b.term, 5);
    assert_int_equal(raft_voted_for(o.r), 2);
    assert_string_equal(one_log(&o), "11345");
    assert_true(b.commit == 3 && b.applied == 3 && b.last == 5);
    assert_true(b.role == RAFT_FOLLOWER && b.leader == NODE_NONE);
    /* Nothing of it is new: there is nothing to be made durable, and nothing to be applied. */
    assert_false(o.fx.persist_vote);
    assert_true(!o.fx.appended_from && !o.fx.truncated_from);
    assert_int_equal(one_count(&o, RAFT_DO_APPLY), 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_ROLE)->after.last, 5);
    one_append(&o, 1, 5, 5, 5, 5, "");
    assert_int_equal(one_count(&o, RAFT_DO_APPLY), 2);
    assert_int_equal(one_effect(&o, RAFT_DO_APPLY)->entry->index, 4);
    one_free(&o);
}

static void the_entries_are_those_that_were_stored(void **state)
{
    (void)state;
    struct one_stored stored = {.term = 2, .voted = NODE_NONE, .terms = "12", .applied = 0};
    struct one o = one_restart(&stored, 3), fresh = one_new(3);
    one_append(&fresh, 1, 2, 0, 0, 0, "12");
    for (uint64_t i = 1; i <= 2; i++) {
        assert_string_equal(raft_entry(o.r, i)->mid, raft_entry(fresh.r, i)->mid);
        assert_string_equal(raft_entry(o.r, i)->value, raft_entry(fresh.r, i)->value);
        assert_true(raft_entry(o.r, i)->hash == raft_entry(fresh.r, i)->hash);
    }
    one_free(&o);
    one_free(&fresh);
}

static void a_log_may_begin_after_what_was_given_up_7(void **state)
{
    (void)state;
    struct one_stored stored = {
        .term = 4, .voted = NODE_NONE, .base_index = 100, .base_term = 3, .terms = "344", .applied = 101};
    struct one o = one_restart(&stored, 3);
    uint64_t term;
    assert_int_equal(raft_base(o.r, &term), 100);
    assert_int_equal(term, 3);
    assert_int_equal(raft_brief(o.r).last, 103);
    assert_null(raft_entry(o.r, 100));
    assert_int_equal(raft_entry(o.r, 101)->index, 101);
    assert_null(raft_entry(o.r, 104));
    one_free(&o);
    stored.terms = "";
    stored.applied = 100;
    o = one_restart(&stored, 3);
    assert_int_equal(raft_brief(o.r).last, 100);
    /* Its tail is the base's (§5.4.1). */
    one_wait(&o, ONE_MIN);
    one_vote_req(&o, 1, 5, 99, 3);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LOG_BEHIND);
    one_vote_req(&o, 2, 5, 100, 3);
    assert_int_equal(one_count(&o, RAFT_NOTE_VOTE_GRANT), 1);
    one_free(&o);
}

static void what_no_replica_can_have_stored_is_refused(void **state)
{
    (void)state;
    static const struct one_stored bad[] = {
        {.term = 2, .terms = "21", .voted = NODE_NONE},            /* terms go back */
        {.term = 2, .terms = "13", .voted = NODE_NONE},            /* beyond the term */
        {.term = 2, .terms = "01", .voted = NODE_NONE},            /* no term at all */
        {.term = 2, .terms = "111", .gap = 2, .voted = NODE_NONE}, /* an entry is missing */
        {.term = 2, .terms = "111", .gap = 1, .voted = NODE_NONE},
        {.term = 2, .terms = "1", .applied = 2, .voted = NODE_NONE}, /* applied what is not there */
        {.term = 2, .terms = "1", .base_index = 5, .base_term = 1, .applied = 4, .voted = NODE_NONE},
        {.term = 2, .terms = "1", .base_index = 5, .base_term = 2, .applied = 5, .voted = NODE_NONE},
        {.term = 2, .terms = "2", .base_index = 5, .base_term = 0, .applied = 5, .voted = NODE_NONE},
        {.term = 2, .terms = "2", .base_index = 0, .base_term = 1, .applied = 0, .voted = NODE_NONE},
        {.term = 2, .terms = "", .base_index = 5, .base_term = 3, .applied = 5, .voted = NODE_NONE},
        {.term = 0, .terms = "", .voted = 1}, /* a vote in no term */
        {.term = UINT64_MAX, .terms = "", .voted = NODE_NONE},
    };
    struct raft_config c = one_config(3);
    struct raft_effects fx = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(one_restored(&bad[i], &c, &fx));
    raft_effects_free(&fx);
}

/* D §6.4.1: the acknowledgements of before the crash count for a leader's lease. */
static void for_the_shortest_election_timeout_a_restarted_replica_elects_nobody(void **state)
{
    (void)state;
    struct one_stored stored = {.term = 5, .voted = NODE_NONE, .terms = "1", .applied = 0};
    struct one o = one_restart(&stored, 3);
    o.now_us += ONE_MIN * 1000 - 1;
    one_prevote_req(&o, 1, 6, 9, 5);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    one_vote_req(&o, 1, 6, 9, 5);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    assert_int_equal(raft_brief(o.r).term, 5);
    assert_false(one_sent(&o, MESSAGE_VOTE_RES, 1)->ok);
    o.now_us += 1;
    one_vote_req(&o, 1, 6, 9, 5);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 1)->ok);
    one_free(&o);
    /* One that starts for the first time has promised nothing. */
    o = one_new(3);
    one_vote_req(&o, 1, 6, 9, 5);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 1)->ok);
    one_free(&o);
}

static void a_vote_given_before_the_crash_stands(void **state)
{
    (void)state;
    struct one_stored stored = {.term = 5, .voted = 2, .terms = "1", .applied = 0};
    struct one o = one_restart(&stored, 3);
    o.now_us += ONE_MIN * 1000;
    one_vote_req(&o, 1, 5, 9, 4);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_ALREADY_VOTED);
    one_vote_req(&o, 2, 5, 9, 4);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    one_free(&o);
}

static void an_append_that_reaches_back_before_the_base_is_skipped_up_to_it(void **state)
{
    (void)state;
    struct one_stored stored = {
        .term = 4, .voted = NODE_NONE, .base_index = 10, .base_term = 3, .terms = "34", .applied = 10};
    struct one o = one_restart(&stored, 3);
    one_append(&o, 1, 4, 7, 2, 0, "233344"); /* 8..13, of which 13 is new */
    assert_true(one_sent(&o, MESSAGE_APP_RES, 1)->ok);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->match, 13);
    assert_int_equal(o.fx.appended_from, 13);
    assert_int_equal(o.fx.truncated_from, 0);
    assert_string_equal(one_log(&o), "344");
    one_append(&o, 1, 4, 7, 2, 9, "23"); /* wholly before */
    assert_true(one_sent(&o, MESSAGE_APP_RES, 1)->ok);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->match, 9);
    one_append(&o, 1, 4, 0, 0, 0, "");
    assert_true(one_sent(&o, MESSAGE_APP_RES, 1)->ok);
    assert_int_equal(raft_brief(o.r).commit, 10);
    one_append(&o, 1, 4, 10, 3, 12, "34");
    assert_int_equal(raft_brief(o.r).commit, 12);
    one_free(&o);
}

static void an_append_that_contradicts_what_was_given_up_changes_nothing(void **state)
{
    (void)state;
    struct one_stored stored = {
        .term = 4, .voted = NODE_NONE, .base_index = 10, .base_term = 3, .terms = "34", .applied = 11};
    struct one o = one_restart(&stored, 3);
    one_append(&o, 1, 4, 10, 2, 0, "");
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, 4, 9, 2, 0, "2");
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, 4, 11, 4, 0, "");
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, 4, 15, 2, 0, ""); /* at 10 it would have to be of a term beyond 2 */
    one_ignored(&o, WHY_UNEXPECTED);
    assert_string_equal(one_log(&o), "34");
    /* But beyond, a refusal is right, and its hint is not before the base. */
    one_append(&o, 1, 4, 12, 3, 0, "");
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->hint_index, 11);
    one_append(&o, 1, 4, 20, 4, 0, "");
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->hint_index, 12);
    one_free(&o);
}

static void it_leads_and_replicates_from_its_base_on(void **state)
{
    (void)state;
    struct one_stored stored = {
        .term = 4, .voted = NODE_NONE, .base_index = 10, .base_term = 3, .terms = "34", .applied = 11};
    struct one o = one_restart(&stored, 3);
    one_lead(&o);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->prev_index, 12);
    one_refusal(&o, 1, 5, 10, 3);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->prev_index, 10);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->prev_term, 3);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->n_entries, 3);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->entries[0]->index, 11);
    one_ack(&o, 1, 5, 13, 0);
    assert_int_equal(raft_brief(o.r).commit, 13);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(term_vote_and_log_survive_and_all_else_begins_anew),
        cmocka_unit_test(the_entries_are_those_that_were_stored),
        cmocka_unit_test(a_log_may_begin_after_what_was_given_up_7),
        cmocka_unit_test(what_no_replica_can_have_stored_is_refused),
        cmocka_unit_test(for_the_shortest_election_timeout_a_restarted_replica_elects_nobody),
        cmocka_unit_test(a_vote_given_before_the_crash_stands),
        cmocka_unit_test(an_append_that_reaches_back_before_the_base_is_skipped_up_to_it),
        cmocka_unit_test(an_append_that_contradicts_what_was_given_up_changes_nothing),
        cmocka_unit_test(it_leads_and_replicates_from_its_base_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
