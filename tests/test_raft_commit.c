/* What is committed and when it is applied: Raft paper §5.3, §5.4.2 and Figure 8. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "support/raft_one.h"

/* Zoo: quorum-half-of-even-cluster. */
static void an_entry_is_committed_by_n_div_2_plus_1_copies_for_every_n_even_ones_too_5_3(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= RAFT_MEMBERS_MAX; n++) {
        struct one o = one_new(n);
        one_lead(&o);
        unsigned copies = 1;
        for (; !raft_brief(o.r).commit; copies++)
            one_ack(&o, (node_id)copies, 1, 1, 0);
        assert_int_equal(copies, n / 2 + 1);
        const struct raft_effect *e = one_effect(&o, RAFT_NOTE_COMMIT);
        assert_int_equal(e->why, WHY_QUORUM);
        assert_int_equal(e->n_acks, n - 1);
        assert_int_equal(e->acks[0].node, 1);
        assert_int_equal(e->acks[0].match, 1);
        one_free(&o);
    }
}

static void one_follower_acknowledging_twice_is_one_copy_5_3(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_lead(&o);
    for (int i = 0; i < 4; i++)
        one_ack(&o, 3, 1, 1, 0);
    assert_int_equal(raft_brief(o.r).commit, 0);
    one_free(&o);
}

/* Zoo: commit-older-term-by-counting. */
static void figure_8_an_entry_of_an_older_term_is_not_committed_by_counting_5_4_2(void **state)
{
    (void)state;
    struct one o = one_new(5); /* S1 of Figure 8 (c): leader again, its entry 2 of term 2 */
    one_append(&o, 1, 2, 0, 0, 1, "12");
    while (raft_brief(o.r).term < 3)
        one_stand(&o);
    one_lead(&o);
    assert_string_equal(one_log(&o), "123");
    one_ack(&o, 1, 3, 2, 0); /* entry 2 is on a majority now */
    one_ack(&o, 2, 3, 2, 0);
    assert_int_equal(raft_brief(o.r).commit, 1);
    assert_int_equal(one_count(&o, RAFT_DO_APPLY), 0);
    one_ack(&o, 1, 3, 3, 0);
    assert_int_equal(raft_brief(o.r).commit, 1);
    one_ack(&o, 2, 3, 3, 0); /* (e): with an entry of its own term, the older one is committed too */
    assert_int_equal(raft_brief(o.r).commit, 3);
    assert_int_equal(one_count(&o, RAFT_DO_APPLY), 2);
    one_free(&o);
}

static void figure_8_an_uncommitted_entry_on_a_majority_may_still_be_overwritten_5_4_2(void **state)
{
    (void)state;
    struct one o = one_new(5); /* S2 or S3 of (d): S5 leads with the other entry 2 */
    one_append(&o, 1, 4, 0, 0, 1, "12");
    assert_int_equal(raft_brief(o.r).commit, 1);
    o.now_us += ONE_MIN * 1000;
    one_append(&o, 4, 5, 1, 1, 1, "3");
    assert_string_equal(one_log(&o), "13");
    one_free(&o);
}

/* Zoo: apply-off-by-one. */
static void committed_entries_are_applied_once_each_in_order_from_the_first_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    uint64_t next = 1;
    static const uint64_t commits[] = {1, 1, 4, 5, 3, 12};
    for (size_t i = 0; i < sizeof commits / sizeof *commits; i++) {
        one_append(&o, 1, 1, 0, 0, commits[i], "111111111111");
        for (size_t k = 0; k < o.fx.n; k++) {
            if (o.fx.v[k].type != RAFT_DO_APPLY)
                continue;
            assert_int_equal(o.fx.v[k].entry->index, next);
            assert_int_equal(o.fx.v[k].after.applied, next);
            assert_false(o.fx.v[k].answer);
            next++;
        }
        assert_int_equal(raft_brief(o.r).applied, raft_brief(o.r).commit);
    }
    assert_int_equal(next, 13);
    one_free(&o);
}

static void followers_learn_the_commit_index_from_the_next_append_or_heartbeat_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->commit, 0);
    one_ack(&o, 1, 1, 1, 0);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 0);
    one_put(&o, CLIENT, "A", "k", "v");
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->commit, 1);
    one_ack(&o, 1, 1, 2, 0);
    one_wait(&o, ONE_HEARTBEAT);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->commit, 2);
    one_free(&o);
}

static void a_group_of_1_commits_alone(void **state)
{
    (void)state;
    struct one o = one_new(1);
    one_tick(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    assert_int_equal(raft_brief(o.r).commit, 2);
    assert_true(one_effect(&o, RAFT_DO_APPLY)->answer);
    one_free(&o);
}

/* What must be stable comes before what is done: the caller persists between notes and the first RAFT_DO_*. */
static void a_step_says_what_must_be_stable_before_anything_is_done_Figure_2(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 2, 0, 0, 0, "11");
    assert_true(o.fx.persist_vote); /* the term is new */
    assert_int_equal(o.fx.appended_from, 1);
    assert_int_equal(o.fx.truncated_from, 0);
    one_append(&o, 1, 2, 2, 1, 0, "");
    assert_false(o.fx.persist_vote);
    assert_int_equal(o.fx.appended_from, 0);
    o.now_us += ONE_MIN * 1000;
    one_vote_req(&o, 2, 3, 2, 1);
    assert_true(o.fx.persist_vote);
    one_vote_req(&o, 2, 3, 2, 1);
    assert_false(o.fx.persist_vote);
    one_append(&o, 1, 4, 2, 1, 0, "");
    o.now_us += ONE_MIN * 1000;
    one_vote_req(&o, 2, 4, 2, 1); /* the term is not new, the vote is */
    assert_true(o.fx.persist_vote);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_committed_by_n_div_2_plus_1_copies_for_every_n_even_ones_too_5_3),
        cmocka_unit_test(one_follower_acknowledging_twice_is_one_copy_5_3),
        cmocka_unit_test(figure_8_an_entry_of_an_older_term_is_not_committed_by_counting_5_4_2),
        cmocka_unit_test(figure_8_an_uncommitted_entry_on_a_majority_may_still_be_overwritten_5_4_2),
        cmocka_unit_test(committed_entries_are_applied_once_each_in_order_from_the_first_5_3),
        cmocka_unit_test(followers_learn_the_commit_index_from_the_next_append_or_heartbeat_5_3),
        cmocka_unit_test(a_group_of_1_commits_alone),
        cmocka_unit_test(a_step_says_what_must_be_stable_before_anything_is_done_Figure_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
