/* The oracle: cores that do not know of each other break every promise that replicas make each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_oracle.h"
#include "support/raft_one.h"

/* A core of a group of three, and its state machine: at once a replica, seen by the oracle. */
struct seen {
    struct one one;
    struct kv *kv;
    unsigned i;
};

static struct seen seen_from(struct sim_oracle *o, unsigned i, struct one one)
{
    sim_oracle_start(o, i, true);
    return (struct seen){.one = one, .kv = kv_new(), .i = i};
}

static void look(struct sim_oracle *o, struct seen *s)
{
    while (kv_applied(s->kv) < raft_brief(s->one.r).applied)
        kv_apply(s->kv, raft_entry(s->one.r, kv_applied(s->kv) + 1));
    sim_oracle_step(o, s->i, s->one.r, s->kv);
}

static void seen_free(struct seen *s)
{
    one_free(&s->one);
    kv_free(s->kv);
}

static void expect(const struct sim_oracle *o, const char *rule)
{
    const struct sim_violation *v = sim_oracle_verdict(o);
    if (rule == NULL) {
        if (v->found)
            fail_msg("%s: %s", v->rule, v->words);
        return;
    }
    assert_true(v->found);
    assert_string_equal(v->rule, rule);
    assert_true(strlen(v->words) > 10);
}

/* A leader with committed entries, and the follower that has them from it. */
static void what_agrees_is_not_flagged(void **state)
{
    (void)state;
    struct sim_oracle *o = sim_oracle_new();
    struct seen a = seen_from(o, 0, one_new(3)), b = seen_from(o, 1, one_new(3));
    look(o, &a);
    one_stand(&a.one);
    look(o, &a);
    one_append(&b.one, 1, 1, 0, 0, 0, "11");
    look(o, &b);
    one_append(&b.one, 1, 1, 2, 1, 2, "");
    look(o, &b);
    one_append(&b.one, 2, 5, 2, 1, 2, "");
    look(o, &b);
    expect(o, NULL);
    seen_free(&a);
    seen_free(&b);
    sim_oracle_free(o);
}

static void two_leaders_of_one_term_are_flagged(void **state)
{
    (void)state;
    struct sim_oracle *o = sim_oracle_new();
    struct seen a = seen_from(o, 0, one_new(3)), b = seen_from(o, 1, one_new(3));
    one_lead(&a.one);
    look(o, &a);
    expect(o, NULL);
    one_lead(&b.one);
    look(o, &b);
    expect(o, "R13");
    assert_string_equal(sim_oracle_verdict(o)->class, "two-leaders-in-one-term");
    seen_free(&a);
    seen_free(&b);
    sim_oracle_free(o);
}

static void different_entries_committed_at_one_index_are_flagged(void **state)
{
    (void)state;
    struct sim_oracle *o = sim_oracle_new();
    struct seen a = seen_from(o, 0, one_new(3)), b = seen_from(o, 1, one_new(3));
    one_append(&a.one, 1, 1, 0, 0, 2, "11");
    look(o, &a);
    one_append(&b.one, 2, 2, 0, 0, 1, "12");
    look(o, &b);
    expect(o, NULL);
    one_append(&b.one, 2, 2, 2, 2, 2, "");
    look(o, &b);
    expect(o, "R33");
    seen_free(&a);
    seen_free(&b);
    sim_oracle_free(o);
}

static void a_leader_without_what_was_committed_before_is_flagged(void **state)
{
    (void)state;
    struct sim_oracle *o = sim_oracle_new();
    struct seen a = seen_from(o, 0, one_new(3)), b = seen_from(o, 1, one_new(3));
    one_append(&a.one, 1, 1, 0, 0, 2, "11");
    look(o, &a);
    one_append(&b.one, 2, 1, 0, 0, 1, "1");
    look(o, &b);
    expect(o, NULL);
    one_lead(&b.one);
    look(o, &b);
    expect(o, "R34");
    seen_free(&a);
    seen_free(&b);
    sim_oracle_free(o);
}

static void different_states_after_the_same_entries_are_flagged(void **state)
{
    (void)state;
    struct sim_oracle *o = sim_oracle_new();
    struct seen a = seen_from(o, 0, one_new(3)), b = seen_from(o, 1, one_new(3));
    one_append(&a.one, 1, 1, 0, 0, 2, "11");
    look(o, &a);
    one_append(&b.one, 1, 1, 0, 0, 2, "11");
    kv_put_pair(b.kv, "k", "of nowhere");
    kv_put_pair(b.kv, "q", "of nowhere");
    look(o, &b);
    expect(o, "R40");
    seen_free(&a);
    seen_free(&b);
    sim_oracle_free(o);
}

/* A restart that forgets its vote votes again; one that never stored anything is not bound. */
static void a_second_vote_after_a_restart_is_flagged(void **state)
{
    (void)state;
    for (int durable = 0; durable < 2; durable++) {
        struct sim_oracle *o = sim_oracle_new();
        struct seen a = seen_from(o, 0, one_new(3));
        one_wait(&a.one, ONE_MIN + 1);
        one_vote_req(&a.one, 1, 7, 0, 0);
        assert_int_equal(raft_voted_for(a.one.r), 1);
        look(o, &a);
        seen_free(&a);
        a = (struct seen){.one = one_new(3), .kv = kv_new()};
        sim_oracle_start(o, 0, durable != 0);
        one_wait(&a.one, ONE_MIN + 1);
        one_vote_req(&a.one, 2, 7, 0, 0);
        assert_int_equal(raft_voted_for(a.one.r), 2);
        look(o, &a);
        expect(o, durable ? "R7" : NULL);
        seen_free(&a);
        sim_oracle_free(o);
    }
}

static void a_term_that_goes_back_is_flagged(void **state)
{
    (void)state;
    struct sim_oracle *o = sim_oracle_new();
    struct seen a = seen_from(o, 0, one_new(3));
    one_append(&a.one, 1, 7, 0, 0, 0, "7");
    look(o, &a);
    seen_free(&a);
    a = seen_from(o, 0, one_new(3));
    one_append(&a.one, 1, 6, 0, 0, 0, "6");
    look(o, &a);
    expect(o, "R29");
    seen_free(&a);
    sim_oracle_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_agrees_is_not_flagged),
        cmocka_unit_test(two_leaders_of_one_term_are_flagged),
        cmocka_unit_test(different_entries_committed_at_one_index_are_flagged),
        cmocka_unit_test(a_leader_without_what_was_committed_before_is_flagged),
        cmocka_unit_test(different_states_after_the_same_entries_are_flagged),
        cmocka_unit_test(a_second_vote_after_a_restart_is_flagged),
        cmocka_unit_test(a_term_that_goes_back_is_flagged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
