/* The course's figures, checks and tiers: each check passing at its limit and failing one beyond. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_verdict.h"

static const struct sim_config simple = {
    .replicas = 5,
    .requests = 500,
    .mix = 0.8,
    .tests = {.present = true,
              .tier = {[SIM_TOTAL_MSGS] = {1200, 3000, 5000},
                       [SIM_FAILURES] = {0, 1, 2},
                       [SIM_DUPLICATES] = {0, 2, 5},
                       [SIM_MEDIAN_LATENCY] = {0.0004, 0.002, 0.05}},
              .max_get_fail = 0.5,
              .max_put_fail = 0.5,
              .max_get_generation_fail = 0.1,
              .max_batched = 0.5},
};

/* A run in which every check passes. */
static struct sim_stats good(void)
{
    return (struct sim_stats){.total_msgs = 2000, .gets = 400, .puts = 100, .acked_gets = 400, .acked_puts = 100};
}

static struct sim_verdict judge(const struct sim_config *c, struct sim_stats s)
{
    struct sim_verdict v;
    sim_verdict_make(c, &s, &v);
    sim_stats_free(&s);
    return v;
}

/* Exactly check number `which` fails, or none (-1). */
static void fails_only(struct sim_stats s, int which)
{
    struct sim_verdict v = judge(&simple, s);
    for (int i = 0; i < SIM_CHECKS; i++)
        if (v.check[i].passed != (i != which))
            fail_msg("check %d (%s): %s", i + 1, v.check[i].name, v.check[i].words);
    assert_int_equal(v.correct, which < 0);
    assert_int_equal(v.safe, which != 0 && which != 1);
}

static void a_good_run_passes_all_seven_checks(void **state)
{
    (void)state;
    fails_only(good(), -1);
}

static void one_incorrect_message_fails_check_1(void **state)
{
    (void)state;
    struct sim_stats s = good();
    s.incorrect = 1;
    fails_only(s, 0);
}

static void one_dead_replica_fails_check_2_but_a_killed_one_does_not(void **state)
{
    (void)state;
    struct sim_stats s = good();
    s.killed = 2;
    fails_only(s, -1);
    s.died = 1;
    fails_only(s, 1);
}

static void no_acknowledged_put_fails_check_3(void **state)
{
    (void)state;
    struct sim_stats s = good();
    s.acked_puts = 0;
    fails_only(s, 2);
    s.acked_puts = 1;
    fails_only(s, -1);
}

static void more_than_half_of_the_gets_unanswered_fails_check_4(void **state)
{
    (void)state;
    struct sim_stats s = good();
    s.unanswered_gets = 200;
    fails_only(s, -1);
    s.unanswered_gets = 201;
    fails_only(s, 3);
}

static void more_than_half_of_the_puts_unanswered_fails_check_5(void **state)
{
    (void)state;
    struct sim_stats s = good();
    s.unanswered_puts = 50;
    fails_only(s, -1);
    s.unanswered_puts = 51;
    fails_only(s, 4);
}

static void too_many_gets_that_became_puts_fail_check_6(void **state)
{
    (void)state;
    struct sim_stats s = good();
    s.failed_to_generate_get = 40;
    fails_only(s, -1);
    s.failed_to_generate_get = 41;
    fails_only(s, 5);
}

/* requests x replicas x (1 - mix) x 0.5: 250 for simple-1. */
static void too_few_replication_messages_fail_check_7(void **state)
{
    (void)state;
    struct sim_stats s = good();
    s.total_msgs = 251;
    fails_only(s, -1);
    s.total_msgs = 249;
    fails_only(s, 6);
}

static void checks_6_and_7_do_not_apply_to_shared_clients(void **state)
{
    (void)state;
    struct sim_config c = simple;
    struct sim_stats s = good();
    c.clients.shared = true;
    s.total_msgs = 0;
    struct sim_verdict v = judge(&c, s);
    assert_true(!v.check[5].applies && !v.check[6].applies && v.check[0].applies);
    assert_true(v.correct);
}

static void failures_are_fail_answers_and_unanswered_requests_but_not_redirects(void **state)
{
    (void)state;
    struct sim_stats s = good();
    s.failed_gets = 1;
    s.failed_puts = 2;
    s.unanswered_gets = 4;
    s.unanswered_puts = 8;
    s.redirects = 100;
    assert_int_equal(sim_stats_failures(&s), 15);
}

/* median = sorted[len / 2] */
static void the_median_is_the_upper_one_of_the_middle(void **state)
{
    (void)state;
    struct sim_stats s = good();
    assert_int_equal(sim_stats_median(&s), -1);
    assert_int_equal(sim_stats_mean(&s), -1);
    static const int64_t samples[] = {50, 10, 40, 20};
    for (size_t i = 0; i < 4; i++)
        sim_stats_latency(&s, samples[i]);
    assert_int_equal(sim_stats_median(&s), 40);
    sim_stats_latency(&s, 30);
    assert_int_equal(sim_stats_median(&s), 30);
    assert_int_equal(sim_stats_mean(&s), 30);
    for (int i = 0; i < 1000; i++)
        sim_stats_latency(&s, 7);
    assert_int_equal(sim_stats_median(&s), 7);
    sim_stats_free(&s);
}

static int tier(enum sim_metric m, struct sim_stats s)
{
    return judge(&simple, s).tier[m].tier;
}

/* Strictly below: a threshold of 0 can never be met. */
static void a_tier_needs_a_value_strictly_below_its_threshold(void **state)
{
    (void)state;
    static const struct {
        int64_t msgs;
        int tier;
    } cases[] = {{1199, 0}, {1200, 1}, {2999, 1}, {3000, 2}, {4999, 2}, {5000, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_stats s = good();
        s.total_msgs = cases[i].msgs;
        assert_int_equal(tier(SIM_TOTAL_MSGS, s), cases[i].tier);
    }
    struct sim_stats s = good();
    assert_int_equal(tier(SIM_FAILURES, s), 1);
    assert_int_equal(tier(SIM_DUPLICATES, s), 1);
    s.failed_gets = 1;
    s.duplicates = 5;
    assert_int_equal(tier(SIM_FAILURES, s), 2);
    assert_int_equal(tier(SIM_DUPLICATES, s), 3);
    assert_string_equal(sim_tier_names[0], "Bonus");
    assert_string_equal(sim_tier_names[1], "Full");
    assert_string_equal(sim_tier_names[2], "Partial");
    assert_string_equal(sim_tier_names[3], "None");
}

static void latency_is_scored_by_its_median_in_seconds(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        int tier;
    } cases[] = {{399999, 0}, {400000, 1}, {1999999, 1}, {49999999, 2}, {50000000, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_stats s = good();
        sim_stats_latency(&s, cases[i].ns);
        assert_int_equal(tier(SIM_MEDIAN_LATENCY, s), cases[i].tier);
    }
    assert_int_equal(tier(SIM_MEDIAN_LATENCY, good()), 3); /* no answer at all */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_run_passes_all_seven_checks),
        cmocka_unit_test(one_incorrect_message_fails_check_1),
        cmocka_unit_test(one_dead_replica_fails_check_2_but_a_killed_one_does_not),
        cmocka_unit_test(no_acknowledged_put_fails_check_3),
        cmocka_unit_test(more_than_half_of_the_gets_unanswered_fails_check_4),
        cmocka_unit_test(more_than_half_of_the_puts_unanswered_fails_check_5),
        cmocka_unit_test(too_many_gets_that_became_puts_fail_check_6),
        cmocka_unit_test(too_few_replication_messages_fail_check_7),
        cmocka_unit_test(checks_6_and_7_do_not_apply_to_shared_clients),
        cmocka_unit_test(failures_are_fail_answers_and_unanswered_requests_but_not_redirects),
        cmocka_unit_test(the_median_is_the_upper_one_of_the_middle),
        cmocka_unit_test(a_tier_needs_a_value_strictly_below_its_threshold),
        cmocka_unit_test(latency_is_scored_by_its_median_in_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
