/* Elections, rule by rule: Raft paper §5.2 and §5.4.1, PreVote and stickiness of Ongaro's dissertation (D §9.6,
 * §4.2.3). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/raft_one.h"

static void nothing_is_sent_before_the_first_election_timeout_5_2(void **state)
{
    (void)state;
    struct one o = one_new(5);
    assert_int_equal(o.fx.v[one_place(&o, RAFT_NOTE_TIMER_SET)].why, WHY_RESTART);
    assert_int_equal(one_effect(&o, RAFT_NOTE_ROLE)->why, WHY_STARTUP);
    uint64_t start = o.now_us;
    o.now_us = raft_deadline(o.r) - 1;
    one_wait(&o, 0);
    assert_true(o.now_us - start >= ONE_MIN * 1000 - 1);
    assert_int_equal(one_sent_n(&o, MESSAGE_PREVOTE_REQ), 0);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    one_free(&o);
}

static void a_timeout_asks_all_for_prevotes_and_changes_neither_term_nor_vote_D_9_6(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_append(&o, 3, 4, 0, 0, 0, "234");
    for (int i = 0; i < 3; i++) {
        one_tick(&o);
        if (one_role(&o) == RAFT_PRECANDIDATE)
            break;
    }
    assert_int_equal(one_role(&o), RAFT_PRECANDIDATE);
    assert_int_equal(one_sent_n(&o, MESSAGE_PREVOTE_REQ), 4);
    const struct message *m = one_sent(&o, MESSAGE_PREVOTE_REQ, 2);
    assert_int_equal(m->term, 5);
    assert_int_equal(m->last_index, 3);
    assert_int_equal(m->last_term, 4);
    assert_int_equal(m->leader, NODE_NONE);
    assert_int_equal(raft_brief(o.r).term, 4);
    assert_int_equal(raft_voted_for(o.r), NODE_NONE);
    assert_false(o.fx.persist_vote);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_SET)->why, WHY_ELECTION_STARTED);
    /* Again and again, still in term 4. */
    for (int i = 0; i < 10; i++)
        one_wait(&o, ONE_MAX);
    assert_int_equal(raft_brief(o.r).term, 4);
    one_free(&o);
}

static void a_majority_of_prevotes_makes_a_candidate_of_the_next_term_that_votes_for_itself_5_2(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_tick(&o);
    one_prevote_res(&o, 1, 1, true);
    assert_int_equal(one_role(&o), RAFT_PRECANDIDATE);
    one_prevote_res(&o, 4, 1, true);
    assert_int_equal(one_role(&o), RAFT_CANDIDATE);
    assert_int_equal(raft_brief(o.r).term, 1);
    assert_int_equal(raft_voted_for(o.r), 0);
    assert_true(o.fx.persist_vote);
    assert_int_equal(one_sent_n(&o, MESSAGE_VOTE_REQ), 4);
    assert_int_equal(one_sent(&o, MESSAGE_VOTE_REQ, 1)->term, 1);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_GRANT)->node, 0);
    /* The term before the role: nobody is a candidate of a term in which it did not vote. */
    assert_true(one_place(&o, RAFT_NOTE_TERM) < one_place(&o, RAFT_NOTE_ROLE));
    one_free(&o);
}

static void a_majority_of_votes_makes_a_leader_that_sends_a_noop_of_its_term_5_2_8(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_stand(&o);
    one_vote_res(&o, 2, 1, true);
    assert_int_equal(one_role(&o), RAFT_CANDIDATE);
    one_vote_res(&o, 3, 1, true);
    assert_int_equal(one_role(&o), RAFT_LEADER);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 4);
    const struct message *m = one_sent(&o, MESSAGE_APP_REQ, 4);
    assert_int_equal(m->n_entries, 1);
    assert_int_equal(m->entries[0]->op, ENTRY_NOOP);
    assert_int_equal(m->entries[0]->term, 1);
    assert_int_equal(m->leader, 0);
    assert_int_equal(o.fx.appended_from, 1);
    one_free(&o);
}

static void a_group_of_1_elects_itself(void **state)
{
    (void)state;
    struct one o = one_new(1);
    one_tick(&o);
    assert_int_equal(one_role(&o), RAFT_LEADER);
    assert_int_equal(raft_brief(o.r).commit, 1);
    assert_int_equal(one_count(&o, RAFT_DO_SEND), 0);
    assert_true(raft_deadline(o.r) == UINT64_MAX);
    one_free(&o);
}

/* Zoo: quorum-half-of-even-cluster. */
static void a_leader_of_n_needs_n_div_2_plus_1_votes_for_every_n_even_ones_too_5_2(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= RAFT_MEMBERS_MAX; n++) {
        struct one o = one_new(n);
        one_tick(&o);
        unsigned have = 1;
        for (; one_role(&o) == RAFT_PRECANDIDATE; have++)
            one_prevote_res(&o, (node_id)have, 1, true);
        assert_int_equal(have, n / 2 + 1);
        for (have = 1; one_role(&o) == RAFT_CANDIDATE; have++) {
            one_vote_res(&o, (node_id)have, 1, true);
            assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_COUNT)->need, n / 2 + 1);
        }
        assert_int_equal(have, n / 2 + 1);
        one_free(&o);
    }
}

/* Zoo: duplicate-vote-counted. */
static void the_same_vote_twice_counts_once_5_2(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_tick(&o);
    one_prevote_res(&o, 1, 1, true);
    one_prevote_res(&o, 1, 1, true);
    one_ignored(&o, WHY_DUPLICATE);
    assert_int_equal(one_role(&o), RAFT_PRECANDIDATE);
    one_prevote_res(&o, 2, 1, true);
    one_vote_res(&o, 1, 1, true);
    one_vote_res(&o, 1, 1, true);
    one_ignored(&o, WHY_DUPLICATE);
    one_vote_res(&o, 1, 1, true);
    assert_int_equal(one_role(&o), RAFT_CANDIDATE);
    one_free(&o);
}

/* Zoo: stale-vote-response-counted. */
static void a_delayed_vote_of_an_older_term_is_not_counted_5_2(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_stand(&o);
    one_wait(&o, ONE_MAX);
    one_stand(&o);
    assert_int_equal(raft_brief(o.r).term, 2);
    one_vote_res(&o, 2, 1, true);
    one_ignored(&o, WHY_STALE_TERM);
    assert_int_equal(one_role(&o), RAFT_CANDIDATE);
    one_vote_res(&o, 2, 2, true);
    assert_int_equal(one_role(&o), RAFT_LEADER);
    one_free(&o);
}

static void a_prevote_is_not_a_vote_and_a_vote_not_a_prevote_D_9_6(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_stand(&o);
    one_prevote_res(&o, 2, 2, true);
    one_ignored(&o, WHY_NOT_CANDIDATE);
    one_prevote_res(&o, 2, 1, true);
    one_ignored(&o, WHY_STALE_TERM);
    while (one_role(&o) != RAFT_PRECANDIDATE)
        one_tick(&o);
    one_vote_res(&o, 2, 1, true);
    one_ignored(&o, WHY_NOT_CANDIDATE);
    one_prevote_res(&o, 2, 1, true);
    one_ignored(&o, WHY_STALE_TERM);
    one_prevote_res(&o, 2, 3, true);
    one_ignored(&o, WHY_UNEXPECTED);
    assert_int_equal(one_role(&o), RAFT_PRECANDIDATE);
    one_free(&o);
}

static void a_grant_counts_after_an_old_refusal_of_the_same_member(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 2, 1, 0, 0, 0, "1");
    while (one_role(&o) != RAFT_PRECANDIDATE)
        one_tick(&o);
    one_prevote_res(&o, 1, 1, false);
    one_prevote_res(&o, 1, 2, true);
    assert_int_equal(one_role(&o), RAFT_CANDIDATE);
    one_free(&o);
}

static void at_most_one_vote_is_given_in_a_term_and_again_only_to_the_same_5_2(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_vote_req(&o, 1, 3, 0, 0);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 1)->ok);
    assert_int_equal(one_sent(&o, MESSAGE_VOTE_RES, 1)->term, 3);
    assert_true(o.fx.persist_vote);
    one_vote_req(&o, 2, 3, 9, 2);
    assert_false(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_ALREADY_VOTED);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->voted, 1);
    one_vote_req(&o, 1, 3, 0, 0);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 1)->ok);
    one_vote_req(&o, 2, 4, 9, 2);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    one_free(&o);
}

/* Zoo: vote-cleared-on-same-term-step-down. */
static void a_candidate_that_gives_way_in_its_own_term_keeps_its_vote_5_2(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_stand(&o);
    one_append(&o, 1, 1, 0, 0, 0, "");
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    assert_int_equal(one_effect(&o, RAFT_NOTE_ROLE)->why, WHY_LEADER_SAME_TERM);
    assert_int_equal(raft_voted_for(o.r), 0);
    o.now_us += ONE_MIN * 1000;
    one_vote_req(&o, 2, 1, 9, 0);
    one_ignored(&o, WHY_UNEXPECTED);
    one_vote_req(&o, 2, 1, 0, 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_ALREADY_VOTED);
    one_free(&o);
}

static void a_leader_without_a_quorum_keeps_its_vote_too_5_2(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_wait(&o, ONE_MAX);
    assert_int_not_equal(one_role(&o), RAFT_LEADER);
    one_vote_req(&o, 2, 1, 0, 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_ALREADY_VOTED);
    one_free(&o);
}

/* Zoo: vote-log-check-by-index-only. */
static void only_a_log_at_least_as_up_to_date_gets_the_vote_5_4_1(void **state)
{
    (void)state;
    static const struct {
        const char *log;
        uint64_t last_index, last_term;
        bool granted;
    } t[] = {
        {"", 0, 0, true},     {"1", 0, 0, false},  {"1", 1, 1, true},   {"1", 2, 1, true},     {"112", 9, 1, false},
        {"112", 2, 2, false}, {"112", 3, 2, true}, {"111", 1, 2, true}, {"1122", 3, 2, false}, {"1122", 1, 3, true},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        for (int pre = 0; pre < 2; pre++) {
            struct one o = one_new(3);
            if (*t[i].log)
                one_append(&o, 1, 3, 0, 0, 0, t[i].log);
            o.now_us += ONE_MIN * 1000;
            if (pre)
                one_prevote_req(&o, 2, 4, t[i].last_index, t[i].last_term);
            else
                one_vote_req(&o, 2, 4, t[i].last_index, t[i].last_term);
            assert_int_equal(one_sent(&o, pre ? MESSAGE_PREVOTE_RES : MESSAGE_VOTE_RES, 2)->ok, t[i].granted);
            if (!t[i].granted)
                assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LOG_BEHIND);
            one_free(&o);
        }
}

static void who_heard_from_a_living_leader_gives_no_vote_and_takes_no_term_D_4_2_3(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_append(&o, 1, 2, 0, 0, 0, "");
    o.now_us += ONE_MIN * 1000 - 1;
    one_prevote_req(&o, 2, 3, 0, 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    assert_false(one_sent(&o, MESSAGE_PREVOTE_RES, 2)->ok);
    one_vote_req(&o, 2, 3, 0, 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    assert_int_equal(one_sent(&o, MESSAGE_VOTE_RES, 2)->term, 2);
    one_vote_req(&o, 2, 2, 0, 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    assert_int_equal(raft_brief(o.r).term, 2);
    o.now_us += 1;
    one_vote_req(&o, 2, 3, 0, 0);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    assert_int_equal(raft_brief(o.r).term, 3);
    one_free(&o);
}

static void a_leader_is_its_own_living_leader_D_4_2_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_prevote_req(&o, 2, 2, 9, 1);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    one_vote_req(&o, 2, 2, 9, 1);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    assert_int_equal(one_role(&o), RAFT_LEADER);
    one_free(&o);
}

static void a_prevote_changes_nothing_at_the_voter_D_9_6(void **state)
{
    (void)state;
    struct one o = one_new(3);
    uint64_t due = raft_deadline(o.r);
    one_prevote_req(&o, 1, 7, 3, 2);
    assert_true(one_sent(&o, MESSAGE_PREVOTE_RES, 1)->ok);
    assert_int_equal(one_sent(&o, MESSAGE_PREVOTE_RES, 1)->term, 7);
    one_prevote_req(&o, 2, 7, 3, 2);
    assert_true(one_sent(&o, MESSAGE_PREVOTE_RES, 2)->ok);
    assert_int_equal(raft_brief(o.r).term, 0);
    assert_int_equal(raft_voted_for(o.r), NODE_NONE);
    assert_true(raft_deadline(o.r) == due);
    one_free(&o);
}

static void who_asks_for_prevotes_in_an_old_term_learns_the_term_from_the_refusal_D_9_6(void **state)
{
    (void)state;
    /* Else a member with the best log and an old term could never win, and nobody else either. */
    struct one o = one_new(3);
    one_append(&o, 1, 5, 0, 0, 0, "");
    o.now_us += ONE_MIN * 1000;
    one_prevote_req(&o, 2, 3, 9, 2);
    assert_false(one_sent(&o, MESSAGE_PREVOTE_RES, 2)->ok);
    assert_int_equal(one_sent(&o, MESSAGE_PREVOTE_RES, 2)->term, 5);
    one_free(&o);

    o = one_new(3);
    one_tick(&o);
    one_prevote_res(&o, 1, 5, false);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    assert_int_equal(raft_brief(o.r).term, 5);
    one_free(&o);
}

/* Zoo: election-timer-reset-by-any-message. */
static void only_a_leader_a_granted_vote_or_an_own_election_rearm_the_timer_5_2(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_append(&o, 1, 5, 0, 0, 0, "55");
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_SET)->why, WHY_APPEND);
    uint64_t due = raft_deadline(o.r);
    o.now_us += 10000;
    one_append(&o, 2, 4, 0, 0, 0, "44"); /* an old leader */
    one_prevote_req(&o, 2, 6, 9, 5);     /* stickiness */
    one_put(&o, CLIENT, "A", "k", "v");
    one_ack(&o, 2, 5, 1, 0);
    one_vote_res(&o, 2, 5, true);
    o.now_us += ONE_MIN * 1000 - 10000;
    assert_true(o.now_us < due);
    one_prevote_req(&o, 2, 6, 9, 5); /* granted, but no vote */
    one_vote_req(&o, 2, 5, 1, 1);    /* refused: behind */
    one_vote_req(&o, 2, 6, 1, 1);    /* refused, in a new term */
    assert_int_equal(raft_brief(o.r).term, 6);
    assert_true(raft_deadline(o.r) == due);
    one_vote_req(&o, 3, 6, 2, 5);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_SET)->why, WHY_VOTE_GRANTED);
    assert_true(raft_deadline(o.r) != due);
    /* A refused append is one of the leader's all the same. */
    due = raft_deadline(o.r);
    o.now_us += 10000;
    one_append(&o, 3, 6, 9, 6, 0, "");
    assert_int_equal(one_count(&o, RAFT_NOTE_REJECT), 1);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_SET)->why, WHY_APPEND);
    one_free(&o);
}

static void election_timeouts_are_drawn_anew_from_the_whole_range_5_2(void **state)
{
    (void)state;
    struct one o = one_new(3);
    uint64_t low = UINT64_MAX, high = 0, before = 0;
    unsigned same = 0;
    for (int i = 0; i < 400; i++) {
        one_append(&o, 1, 1, 0, 0, 0, "");
        uint64_t wait = raft_deadline(o.r) - o.now_us;
        assert_true(wait >= ONE_MIN * 1000 && wait <= ONE_MAX * 1000);
        low = wait < low ? wait : low;
        high = wait > high ? wait : high;
        same += wait == before;
        before = wait;
    }
    assert_true(low < (ONE_MIN + 5) * 1000 && high > (ONE_MAX - 5) * 1000 && same < 3);
    one_free(&o);
}

static void lost_vote_requests_go_again_but_not_to_who_answered(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_tick(&o);
    one_prevote_res(&o, 1, 1, true);
    one_tick(&o);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_FIRE)->timer, RAFT_TIMER_RETRY);
    assert_int_equal(one_sent_n(&o, MESSAGE_PREVOTE_REQ), 3);
    assert_false(one_sent_to(&o, MESSAGE_PREVOTE_REQ, 1));
    one_prevote_res(&o, 2, 1, true);
    assert_int_equal(one_sent_n(&o, MESSAGE_VOTE_REQ), 4);
    one_vote_res(&o, 4, 1, false);
    one_tick(&o);
    assert_int_equal(one_sent_n(&o, MESSAGE_VOTE_REQ), 3);
    assert_false(one_sent_to(&o, MESSAGE_VOTE_REQ, 4));
    one_free(&o);
}

static void a_precandidate_that_votes_for_another_gives_up_its_own_attempt(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_append(&o, 3, 1, 0, 0, 0, "");
    while (one_role(&o) != RAFT_PRECANDIDATE)
        one_tick(&o);
    one_vote_req(&o, 2, 1, 0, 0);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    one_prevote_res(&o, 1, 2, true);
    one_ignored(&o, WHY_NOT_CANDIDATE);
    one_free(&o);
}

static void any_higher_term_in_a_request_or_reply_makes_a_follower_5_1(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        for (int leads = 0; leads < 2; leads++) {
            struct one o = one_new(5);
            if (leads)
                one_lead(&o);
            else
                one_stand(&o);
            switch (i) {
            case 0:
                one_append(&o, 1, 7, 0, 0, 0, "");
                break;
            case 1:
                one_vote_res(&o, 1, 7, false);
                break;
            case 2:
                one_ack(&o, 1, 7, 0, 0);
                break;
            case 3:
                one_refusal(&o, 1, 7, 0, 0);
                break;
            default:
                one_prevote_res(&o, 1, 7, false);
                break;
            }
            assert_int_equal(one_role(&o), RAFT_FOLLOWER);
            assert_int_equal(raft_brief(o.r).term, 7);
            assert_int_equal(raft_voted_for(o.r), NODE_NONE);
            assert_int_equal(one_effect(&o, RAFT_NOTE_ROLE)->why, WHY_HIGHER_TERM);
            /* The role before the term: nobody is seen to lead a term that did not elect it. */
            assert_true(one_place(&o, RAFT_NOTE_ROLE) < one_place(&o, RAFT_NOTE_TERM));
            assert_int_equal(one_effect(&o, RAFT_NOTE_ROLE)->after.term, 1);
            one_free(&o);
        }
}

static void a_request_of_an_older_term_is_refused_with_ours_and_changes_nothing_5_1(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 5, 0, 0, 0, "55");
    o.now_us += ONE_MIN * 1000;
    one_vote_req(&o, 2, 4, 9, 3);
    assert_false(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    assert_int_equal(one_sent(&o, MESSAGE_VOTE_RES, 2)->term, 5);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_STALE_TERM);
    one_append(&o, 2, 4, 0, 0, 2, "44");
    one_ignored(&o, WHY_STALE_TERM);
    assert_false(one_sent(&o, MESSAGE_APP_RES, 2)->ok);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 2)->term, 5);
    assert_string_equal(one_log(&o), "55");
    assert_int_equal(raft_brief(o.r).commit, 0);
    one_free(&o);
}

static void a_reply_names_the_request_that_it_answers(void **state)
{
    (void)state;
    struct one o = one_new(3);
    struct message m = one_message(&o, MESSAGE_VOTE_REQ, 1, 2);
    one_take(&o, &m);
    assert_string_equal(one_sent(&o, MESSAGE_VOTE_RES, 1)->re, m.mid);
    m = one_message(&o, MESSAGE_APP_REQ, 1, 2);
    m.round = 4;
    one_take(&o, &m);
    assert_string_equal(one_sent(&o, MESSAGE_APP_RES, 1)->re, m.mid);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->round, 4);
    one_free(&o);
}

static void messages_of_strangers_impostors_or_for_others_change_nothing(void **state)
{
    (void)state;
    static const enum message_type types[] = {MESSAGE_PREVOTE_REQ, MESSAGE_PREVOTE_RES, MESSAGE_VOTE_REQ,
                                              MESSAGE_VOTE_RES,    MESSAGE_APP_REQ,     MESSAGE_APP_RES};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct one o = one_new(3);
        struct message m = one_message(&o, types[i], 0, 9);
        one_take(&o, &m);
        one_ignored(&o, WHY_FORGED);
        m.src = NODE_NONE;
        one_take(&o, &m);
        one_ignored(&o, WHY_FORGED);
        if (types[i] == MESSAGE_PREVOTE_RES || types[i] == MESSAGE_VOTE_RES || types[i] == MESSAGE_APP_RES) {
            m.src = 3;
            one_take(&o, &m);
            one_ignored(&o, WHY_NOT_MEMBER);
        }
        m.src = 1;
        m.dst = 2;
        one_take(&o, &m);
        one_ignored(&o, WHY_WRONG_DST);
        m.dst = 0;
        m.term = UINT64_MAX;
        one_take(&o, &m);
        one_ignored(&o, WHY_UNEXPECTED);
        assert_int_equal(raft_brief(o.r).term, 0);
        assert_int_equal(one_count(&o, RAFT_DO_SEND), 0);
        one_free(&o);
    }
    static const enum message_type strange[] = {MESSAGE_HELLO, MESSAGE_OK, MESSAGE_FAIL, MESSAGE_REDIRECT};
    struct one o = one_new(3);
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        struct message m = one_message(&o, strange[i], 1, 9);
        one_take(&o, &m);
        one_ignored(&o, WHY_UNEXPECTED);
    }
    one_free(&o);
}

static void a_leader_that_hears_no_majority_for_the_longest_timeout_steps_down_D_6_2(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_lead(&o);
    uint64_t start = o.now_us;
    for (int i = 0; i < 40; i++) { /* one of four is no majority */
        one_wait(&o, 5);
        if (one_role(&o) != RAFT_LEADER)
            break;
        one_ack(&o, 1, 1, 1, 0);
    }
    while (one_role(&o) == RAFT_LEADER)
        one_tick(&o);
    assert_int_equal(one_effect(&o, RAFT_NOTE_ROLE)->why, WHY_LOST_QUORUM);
    assert_int_equal(o.now_us - start, ONE_MAX * 1000);
    assert_int_equal(raft_brief(o.r).leader, NODE_NONE);
    one_free(&o);

    o = one_new(5);
    one_lead(&o);
    for (int i = 0; i < 200; i++) {
        one_wait(&o, 5);
        one_ack(&o, (node_id)(1 + i % 2), 1, 1, 0);
    }
    assert_int_equal(one_role(&o), RAFT_LEADER);
    one_wait(&o, ONE_MAX - 6);
    assert_int_equal(one_role(&o), RAFT_LEADER);
    one_wait(&o, 6);
    assert_int_not_equal(one_role(&o), RAFT_LEADER);
    one_free(&o);
}

static void a_config_out_of_bounds_makes_no_replica(void **state)
{
    (void)state;
    struct raft_effects fx = {0};
    const node_id twice[] = {1, 2, 1}, self[] = {1, 0}, none[] = {NODE_NONE};
    struct raft_config good = one_config(3), c = good;
#define REFUSED(change) (c = good, change, assert_null(raft_new(&c, 0, &fx)))
    REFUSED((c.peers = twice, c.n_peers = 3));
    REFUSED((c.peers = self));
    REFUSED((c.peers = none, c.n_peers = 1));
    REFUSED(c.n_peers = RAFT_MEMBERS_MAX);
    REFUSED(c.id = NODE_NONE);
    REFUSED(c.election_min_us = 0);
    REFUSED(c.election_min_us = c.election_max_us + 1);
    REFUSED(c.heartbeat_us = 0);
    REFUSED(c.retry_us = 0);
    REFUSED(c.append_bytes = 0);
    raft_effects_free(&fx);
}

/* One forged datagram must not push the group to the end of all terms, where no election can succeed any more. */
static void a_term_that_no_member_can_have_reached_is_not_adopted(void **state)
{
    (void)state;
    struct one o = one_new(3);
    const uint64_t half = UINT64_C(1) << 52;
    one_vote_req(&o, 1, half + 1, 0, 0);
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, half + 1, 0, 0, 0, "");
    one_ignored(&o, WHY_UNEXPECTED);
    one_refusal(&o, 1, half + 1, 0, 0);
    one_ignored(&o, WHY_UNEXPECTED);
    assert_int_equal(raft_brief(o.r).term, 0);
    one_vote_req(&o, 1, half, 0, 0);
    assert_int_equal(raft_brief(o.r).term, half);
    one_vote_req(&o, 1, half + 1, 0, 0); /* elections go on from there */
    assert_int_equal(raft_brief(o.r).term, half + 1);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_term_that_no_member_can_have_reached_is_not_adopted),
        cmocka_unit_test(nothing_is_sent_before_the_first_election_timeout_5_2),
        cmocka_unit_test(a_timeout_asks_all_for_prevotes_and_changes_neither_term_nor_vote_D_9_6),
        cmocka_unit_test(a_majority_of_prevotes_makes_a_candidate_of_the_next_term_that_votes_for_itself_5_2),
        cmocka_unit_test(a_majority_of_votes_makes_a_leader_that_sends_a_noop_of_its_term_5_2_8),
        cmocka_unit_test(a_group_of_1_elects_itself),
        cmocka_unit_test(a_leader_of_n_needs_n_div_2_plus_1_votes_for_every_n_even_ones_too_5_2),
        cmocka_unit_test(the_same_vote_twice_counts_once_5_2),
        cmocka_unit_test(a_delayed_vote_of_an_older_term_is_not_counted_5_2),
        cmocka_unit_test(a_prevote_is_not_a_vote_and_a_vote_not_a_prevote_D_9_6),
        cmocka_unit_test(a_grant_counts_after_an_old_refusal_of_the_same_member),
        cmocka_unit_test(at_most_one_vote_is_given_in_a_term_and_again_only_to_the_same_5_2),
        cmocka_unit_test(a_candidate_that_gives_way_in_its_own_term_keeps_its_vote_5_2),
        cmocka_unit_test(a_leader_without_a_quorum_keeps_its_vote_too_5_2),
        cmocka_unit_test(only_a_log_at_least_as_up_to_date_gets_the_vote_5_4_1),
        cmocka_unit_test(who_heard_from_a_living_leader_gives_no_vote_and_takes_no_term_D_4_2_3),
        cmocka_unit_test(a_leader_is_its_own_living_leader_D_4_2_3),
        cmocka_unit_test(a_prevote_changes_nothing_at_the_voter_D_9_6),
        cmocka_unit_test(who_asks_for_prevotes_in_an_old_term_learns_the_term_from_the_refusal_D_9_6),
        cmocka_unit_test(only_a_leader_a_granted_vote_or_an_own_election_rearm_the_timer_5_2),
        cmocka_unit_test(election_timeouts_are_drawn_anew_from_the_whole_range_5_2),
        cmocka_unit_test(lost_vote_requests_go_again_but_not_to_who_answered),
        cmocka_unit_test(a_precandidate_that_votes_for_another_gives_up_its_own_attempt),
        cmocka_unit_test(any_higher_term_in_a_request_or_reply_makes_a_follower_5_1),
        cmocka_unit_test(a_request_of_an_older_term_is_refused_with_ours_and_changes_nothing_5_1),
        cmocka_unit_test(a_reply_names_the_request_that_it_answers),
        cmocka_unit_test(messages_of_strangers_impostors_or_for_others_change_nothing),
        cmocka_unit_test(a_leader_that_hears_no_majority_for_the_longest_timeout_steps_down_D_6_2),
        cmocka_unit_test(a_config_out_of_bounds_makes_no_replica),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
