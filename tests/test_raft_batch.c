/* A step made of several inputs: what is the same for all of them is done once, and what must be durable comes before
 * what depends on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/raft_one.h"

static void begin(struct one *o)
{
    raft_begin(o->r, o->now_us, &o->fx);
}

static void input(struct one *o, const struct message *m)
{
    struct raft_event ev = {.type = RAFT_EVENT_MESSAGE, .now_us = o->now_us, .message = m, .tag = 7};
    assert_true(raft_may_join(o->r));
    raft_input(o->r, &ev);
}

static void input_put(struct one *o, int n)
{
    struct message m = {.type = MESSAGE_PUT, .src = CLIENT, .leader = NODE_NONE, .key = "k", .value = "v"};
    snprintf(m.mid, sizeof m.mid, "B%d", n);
    input(o, &m);
}

static void input_append(struct one *o, node_id src, uint64_t term, uint64_t prev, uint64_t prev_term, uint64_t sent_us)
{
    static struct entry e;
    static const struct entry *entries[1] = {&e};
    struct message m = one_message(o, MESSAGE_APP_REQ, src, term);
    e = (struct entry){
        .index = prev + 1, .term = term, .op = ENTRY_PUT, .client = CLIENT, .mid = "M", .key = "k", .value = "v"};
    m.prev_index = prev;
    m.prev_term = prev_term;
    m.n_entries = 1;
    m.entries = entries;
    m.sent_us = sent_us;
    input(o, &m);
}

static size_t place(const struct one *o, enum raft_effect_type type, enum message_type message)
{
    for (size_t i = 0; i < o->fx.n; i++)
        if (o->fx.v[i].type == type && (type != RAFT_DO_SEND || o->fx.v[i].message.type == message))
            return i;
    fail_msg("no such effect");
    return 0;
}

static void a_burst_of_puts_is_one_append_to_a_follower(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    one_ack(&o, 2, 1, 1, 0);
    begin(&o);
    for (int i = 0; i < 5; i++)
        input_put(&o, i);
    raft_finish(o.r);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->n_entries, 5);
    assert_int_equal(o.fx.appended_from, 2);
    one_free(&o);
}

/* §5.1: a node sends nothing in a term that it has left; and what it acknowledged to the old leader is overwritten. */
static void answers_to_an_older_term_of_the_step_tell_of_the_newer_one(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    begin(&o);
    input_append(&o, 1, 1, 1, 1, 10);
    input_append(&o, 2, 2, 1, 1, 20);
    raft_finish(o.r);
    const struct message *old = one_sent(&o, MESSAGE_APP_RES, 1), *new = one_sent(&o, MESSAGE_APP_RES, 2);
    assert_int_equal(old->term, 2);
    assert_false(old->ok);
    assert_int_equal(old->match, 0);
    assert_int_equal(new->term, 2);
    assert_true(new->ok);
    assert_int_equal(new->match, 2);
    one_free(&o);
}

static void one_acknowledgement_answers_the_appends_of_a_step(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    begin(&o);
    input_append(&o, 1, 1, 1, 1, 100);
    input_append(&o, 1, 1, 2, 1, 200);
    input_append(&o, 1, 1, 3, 1, 300);
    raft_finish(o.r);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_RES), 1);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->match, 4);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->sent_us, 300);
    one_free(&o);
}

/* It came out of order: the earlier one's answer says what the later one's cannot. */
static void an_older_append_is_answered_for_itself(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "111");
    begin(&o);
    input_append(&o, 1, 1, 3, 1, 300);
    input_append(&o, 1, 1, 1, 1, 200);
    raft_finish(o.r);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_RES), 2);
    one_free(&o);
}

/* §5.3: entries that came and went in the step must not hide from stable storage where the log really changed. */
static void what_a_deposed_leader_appended_in_the_step_is_not_what_is_stored(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    begin(&o);
    input_put(&o, 1);
    input_append(&o, 1, 2, 1, 1, 10);
    raft_finish(o.r);
    assert_int_equal(o.fx.truncated_from, 2);
    assert_int_equal(o.fx.appended_from, 2);
    assert_true(o.fx.persist_vote);
    assert_string_equal(one_log(&o), "12");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0); /* not before another entry is committed in its place */
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 0);
    one_append(&o, 1, 2, 2, 2, 2, "22");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 2);
    one_free(&o);
}

/* A later one that covers less, a heartbeat perhaps, does not take the place of an acknowledgement; nor does an
 * acknowledgement that of a refusal, which says where the logs agree. */
static void no_answer_is_lost_that_says_more_than_a_later_one(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    begin(&o);
    input_append(&o, 1, 1, 1, 1, 100);
    struct message m = one_message(&o, MESSAGE_APP_REQ, 1, 1);
    m.prev_index = m.prev_term = 1;
    m.sent_us = 200;
    input(&o, &m);
    input_append(&o, 1, 1, 8, 1, 300);
    input_append(&o, 1, 1, 2, 1, 400);
    raft_finish(o.r);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_RES), 4);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->match, 2);
    one_free(&o);
}

static void a_change_of_term_role_or_vote_ends_a_step(void **state)
{
    (void)state;
    struct one o = one_new(3);
    o.now_us += ONE_MAX * 1000;
    begin(&o);
    struct message m = one_message(&o, MESSAGE_VOTE_REQ, 1, 1);
    input(&o, &m);
    assert_false(raft_may_join(o.r));
    raft_finish(o.r);
    assert_true(o.fx.persist_vote);
    assert_true(place(&o, RAFT_DO_PERSIST, 0) < place(&o, RAFT_DO_SEND, MESSAGE_VOTE_RES));
    one_free(&o);
}

static void each_of_them_alone_does(void **state)
{
    (void)state;
    struct one o = one_new(3);
    begin(&o);
    input_append(&o, 1, 1, 0, 0, 10); /* the term: no vote before, none after */
    assert_false(raft_may_join(o.r));
    raft_finish(o.r);
    one_free(&o);

    o = one_new(3);
    o.now_us += ONE_MAX * 1000;
    one_vote_res(&o, 1, 1, false);
    begin(&o);
    struct message m = one_message(&o, MESSAGE_VOTE_REQ, 2, 1);
    input(&o, &m); /* the vote, in a term that was there */
    assert_false(raft_may_join(o.r));
    raft_finish(o.r);
    assert_int_equal(raft_voted_for(o.r), 2);
    one_free(&o);

    o = one_new(3);
    one_stand(&o);
    begin(&o);
    input_append(&o, 1, raft_brief(o.r).term, 0, 0, 10); /* the role: another was elected in our term */
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    assert_false(raft_may_join(o.r));
    raft_finish(o.r);
    one_free(&o);
}

/* D §10.2.1: the disks of a leader and its followers work at the same time. */
static void a_leader_sends_its_entries_before_they_are_durable_and_a_follower_acknowledges_after(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    one_put(&o, CLIENT, "A", "k", "v");
    assert_true(place(&o, RAFT_DO_SEND, MESSAGE_APP_REQ) < place(&o, RAFT_DO_PERSIST, 0));
    one_free(&o);
    o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    assert_true(place(&o, RAFT_DO_PERSIST, 0) < place(&o, RAFT_DO_SEND, MESSAGE_APP_RES));
    one_append(&o, 1, 1, 1, 1, 2, "1"); /* nor is anything applied that is not in its own log yet */
    assert_true(place(&o, RAFT_DO_PERSIST, 0) < place(&o, RAFT_DO_APPLY, 0));
    one_free(&o);
}

/* But it counts itself only then: alone, it commits after its own disk. */
static void a_leader_counts_its_own_entries_once_they_are_durable(void **state)
{
    (void)state;
    struct one o = one_new(1);
    one_tick(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    assert_true(place(&o, RAFT_DO_PERSIST, 0) < place(&o, RAFT_NOTE_COMMIT, 0));
    one_free(&o);
}

/* The candidate's own vote is durable before anybody hears of its candidacy (Figure 2). */
static void a_vote_for_oneself_is_durable_before_others_are_asked(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_stand(&o);
    assert_true(place(&o, RAFT_DO_PERSIST, 0) < place(&o, RAFT_DO_SEND, MESSAGE_VOTE_REQ));
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_of_puts_is_one_append_to_a_follower),
        cmocka_unit_test(one_acknowledgement_answers_the_appends_of_a_step),
        cmocka_unit_test(answers_to_an_older_term_of_the_step_tell_of_the_newer_one),
        cmocka_unit_test(an_older_append_is_answered_for_itself),
        cmocka_unit_test(what_a_deposed_leader_appended_in_the_step_is_not_what_is_stored),
        cmocka_unit_test(no_answer_is_lost_that_says_more_than_a_later_one),
        cmocka_unit_test(a_change_of_term_role_or_vote_ends_a_step),
        cmocka_unit_test(each_of_them_alone_does),
        cmocka_unit_test(a_leader_sends_its_entries_before_they_are_durable_and_a_follower_acknowledges_after),
        cmocka_unit_test(a_leader_counts_its_own_entries_once_they_are_durable),
        cmocka_unit_test(a_vote_for_oneself_is_durable_before_others_are_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
