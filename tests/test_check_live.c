/* test_check_live.c -- R61, R62, R64, R66: what a healthy majority owes its clients, random timeouts, and no waste. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/raft_trace.h"

/* Ten of the longest timeouts: two seconds. */
static const char cfg[] = "\"heartbeat_ms\":50,\"election_ms\":[100,200],\"reads\":\"index\"";
enum { MS = 1000000 };

static void open_group(struct raft_trace *rt, int n)
{
    rt_open_durable(rt, n, cfg);
}

static void led(struct raft_trace *rt)
{
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
}

/* Time passes; a heartbeat timer shows that the node was there. */
static void wait_ms(struct raft_trace *rt, int64_t ms)
{
    rt->t += ms * MS;
    rt_timer(rt, 0, "heartbeat");
}

/* ---- R61 ---- */

static void a_group_with_a_leader_that_answers_is_let_pass(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    wait_ms(&rt, 300);
    led(&rt);
    wait_ms(&rt, 1500);
    rt_put(&rt, 0, RT_ALL);
    wait_ms(&rt, 2500);
    rt_check(&rt, "R61,R62");
    assert_string_equal(rt_verdict(&rt, "R61"), "pass");
    assert_string_equal(rt_verdict(&rt, "R62"), "pass");
    rt_close(&rt);
}

static void a_majority_without_a_leader_is_named(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    led(&rt);
    wait_ms(&rt, 100);
    rt_role(&rt, 0, 'F', "lost_quorum");
    wait_ms(&rt, 2200);
    rt_expect(&rt, "R61", "no-leader");
    rt_close(&rt);
}

static void a_request_that_nobody_answers_is_named(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    led(&rt);
    rt_request(&rt, 0, "get", "k");
    wait_ms(&rt, 2200);
    rt_expect(&rt, "R61", "request-never-answered");
    rt_close(&rt);
}

/* It reached the replica, which died with it; when it was asked again nothing came there. */
static void a_request_that_was_lost_when_it_was_repeated_is_not_owed(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    led(&rt);
    int64_t request = rt_request(&rt, 0, "get", "k");
    rt_kill(&rt, 0);
    rt_restart(&rt, 0);
    rt_elect(&rt, 1, 2, RT_ALL);
    rt_replicate(&rt, 1, RT_ALL);
    rt_sim(&rt, "op.try", "\"op\":\"0100:%lld\",\"att\":2,\"mid\":\"REQ%lld\",\"to\":\"0000\"", (long long)request,
           (long long)request);
    wait_ms(&rt, 2200);
    rt_check(&rt, "R61");
    assert_string_equal(rt_verdict(&rt, "R61"), "pass");
    rt_close(&rt);
}

/* One of three is away, and then another: two of three are no longer connected. */
static void a_group_that_is_not_healthy_owes_nothing(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    led(&rt);
    rt_sim(&rt, "fault.begin", "\"f\":1,\"kind\":\"partition\",\"groups\":[[\"0000\"],[\"0001\"],[\"0002\"]]");
    rt_role(&rt, 0, 'F', "lost_quorum");
    wait_ms(&rt, 5000);
    rt_sim(&rt, "fault.end", "\"f\":1");
    wait_ms(&rt, 1000);
    rt_check(&rt, "R61,R62");
    assert_string_equal(rt_verdict(&rt, "R61"), "skipped");
    rt_close(&rt);
}

/* The majority stays one, but not the same: who led may be in the minority now. */
static void another_majority_may_need_another_leader(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    led(&rt);
    for (int f = 1; f <= 6; f++) {
        rt_sim(&rt, "fault.begin", "\"f\":%d,\"kind\":\"partition\",\"groups\":[[\"000%d\"],[\"000%d\",\"0002\"]]", f,
               f % 2, 1 - f % 2);
        rt_elect(&rt, 1 - f % 2, f + 1, RT_ALL);
        wait_ms(&rt, 500);
        rt_sim(&rt, "fault.end", "\"f\":%d", f);
        wait_ms(&rt, 200);
    }
    rt_check(&rt, "R61,R62");
    assert_string_equal(rt_verdict(&rt, "R62"), "skipped");
    rt_close(&rt);
}

static void a_bad_network_is_nobodys_fault(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    led(&rt);
    rt_sim(&rt, "trace.open",
           "\"schema\":\"faultline\",\"v\":1,\"run\":\"t\",\"wall_us\":1,\"epoch_ns\":0,\"clk\":\"virtual\",\"pid\":1,"
           "\"impl\":\"simulate\",\"peers\":[],\"cfg\":{\"loss_ppm\":200000}");
    rt_role(&rt, 0, 'F', "lost_quorum");
    wait_ms(&rt, 5000);
    rt_check(&rt, "R61,R62");
    assert_string_equal(rt_verdict(&rt, "R61"), "skipped");
    rt_close(&rt);
}

/* ---- R62 ---- */

static void a_term_now_and_then_is_no_storm(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    led(&rt);
    wait_ms(&rt, 2100);
    for (int term = 2; term <= 8; term++) {
        rt_elect(&rt, 0, term, RT_ALL);
        wait_ms(&rt, 800);
    }
    rt_check(&rt, "R62");
    assert_string_equal(rt_verdict(&rt, "R62"), "pass");
    rt_close(&rt);
}

static void a_storm_of_elections_is_named(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    led(&rt);
    wait_ms(&rt, 2100);
    for (int term = 2; term <= 6; term++) {
        rt_elect(&rt, 0, term, RT_ALL);
        wait_ms(&rt, 100);
    }
    rt_expect(&rt, "R62", "election-storm");
    rt_close(&rt);
}

/* ---- R64 ---- */

static void arm(struct raft_trace *rt, int node, int64_t us)
{
    rt_timer(rt, node, "election");
    rt->t += MS;
    rt_rec(rt, node, "timer.set", "\"tm\":\"election\",\"at\":%lld,\"why\":\"election_started\"",
           (long long)(rt->t + MS / 10 + us * 1000)); /* the record is written a tenth of a millisecond later */
}

static void timeouts_that_differ_and_are_in_range_are_let_pass(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 2);
    const int64_t us[] = {100000, 150017, 150017, 150017, 199999, 120000};
    for (size_t i = 0; i < sizeof us / sizeof *us; i++) {
        arm(&rt, 0, us[i]);
        arm(&rt, 1, us[i] / 2 + 60000);
    }
    rt_check(&rt, "R64");
    assert_string_equal(rt_verdict(&rt, "R64"), "pass");
    rt_close(&rt);
}

static void a_timeout_out_of_range_is_named(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 2);
    arm(&rt, 0, 150000);
    arm(&rt, 0, 99000);
    rt_expect(&rt, "R64", "election-timeouts-not-random");
    rt_close(&rt);
}

static void a_timeout_on_a_clock_that_was_made_wrong_is_not_measured(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 2);
    rt_sim(&rt, "fault.begin", "\"f\":1,\"kind\":\"skew\",\"node\":\"0000\",\"ppm\":500000");
    arm(&rt, 0, 99000);
    arm(&rt, 1, 150000);
    rt_check(&rt, "R64");
    assert_string_equal(rt_verdict(&rt, "R64"), "pass");
    rt_close(&rt);
}

static void the_same_timeout_again_and_again_is_named(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 2);
    for (int i = 0; i < 4; i++)
        arm(&rt, 0, 150000);
    rt_expect(&rt, "R64", "election-timeouts-not-random");
    rt_close(&rt);
}

static void two_nodes_that_draw_the_same_are_named(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 2);
    for (int i = 0; i < 4; i++) {
        arm(&rt, 0, 110000 + 7000 * i);
        arm(&rt, 1, 110000 + 7000 * i);
    }
    rt_expect(&rt, "R64", "election-timeouts-not-random");
    rt_close(&rt);
}

/* ---- R66 ---- */

/* Until the acknowledgement is received, sending again is no waste. */
static void entries_sent_again_before_they_are_acknowledged_are_let_pass(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    int ack = rt_follow(&rt, rt_send_append(&rt, 0, 1, 0, 1));
    rt_timer(&rt, 0, "retry");
    rt_send_append(&rt, 0, 1, 0, 1);
    rt_recv(&rt, ack);
    rt_commit(&rt, 0, 1, "quorum");
    rt_timer(&rt, 0, "heartbeat");
    rt_send_append(&rt, 0, 1, 1, 0);
    rt_check(&rt, "R66");
    assert_string_equal(rt_verdict(&rt, "R66"), "pass");
    rt_close(&rt);
}

static void entries_sent_after_they_were_acknowledged_are_named(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_recv(&rt, rt_follow(&rt, rt_send_append(&rt, 0, 1, 0, 1)));
    rt_commit(&rt, 0, 1, "quorum");
    rt_timer(&rt, 0, "heartbeat");
    rt_send_append(&rt, 0, 1, 0, 1);
    rt_expect(&rt, "R66", "entries-sent-again");
    rt_close(&rt);
}

static void a_vote_asked_of_one_who_gave_it_is_named(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_group(&rt, 5);
    rt_timer(&rt, 0, "election");
    rt_term(&rt, 0, 1, "timeout");
    rt_role(&rt, 0, 'C', "election_timeout");
    rt_vote(&rt, 0, 0, 1, 0, 0);
    rt_sync(&rt, 0, "vote", "");
    int ask = rt_send(&rt, 0, 1, "vote_req", "\"lli\":0,\"llt\":0");
    rt_recv(&rt, ask);
    rt_term(&rt, 1, 1, "higher_term");
    rt_vote(&rt, 1, 0, 1, 0, 0);
    rt_sync(&rt, 1, "vote", "");
    rt_recv(&rt, rt_send(&rt, 1, 0, "vote_res", "\"re\":\"%s\",\"ok\":true", rt.msg[ask].mid));
    rt_timer(&rt, 0, "retry");
    rt_send(&rt, 0, 2, "vote_req", "\"lli\":0,\"llt\":0");
    rt_send(&rt, 0, 1, "vote_req", "\"lli\":0,\"llt\":0");
    rt_expect(&rt, "R66", "vote-asked-again");
    rt_close(&rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_with_a_leader_that_answers_is_let_pass),
        cmocka_unit_test(a_majority_without_a_leader_is_named),
        cmocka_unit_test(a_request_that_nobody_answers_is_named),
        cmocka_unit_test(a_request_that_was_lost_when_it_was_repeated_is_not_owed),
        cmocka_unit_test(a_group_that_is_not_healthy_owes_nothing),
        cmocka_unit_test(another_majority_may_need_another_leader),
        cmocka_unit_test(a_bad_network_is_nobodys_fault),
        cmocka_unit_test(a_term_now_and_then_is_no_storm),
        cmocka_unit_test(a_storm_of_elections_is_named),
        cmocka_unit_test(timeouts_that_differ_and_are_in_range_are_let_pass),
        cmocka_unit_test(a_timeout_out_of_range_is_named),
        cmocka_unit_test(a_timeout_on_a_clock_that_was_made_wrong_is_not_measured),
        cmocka_unit_test(the_same_timeout_again_and_again_is_named),
        cmocka_unit_test(two_nodes_that_draw_the_same_are_named),
        cmocka_unit_test(entries_sent_again_before_they_are_acknowledged_are_let_pass),
        cmocka_unit_test(entries_sent_after_they_were_acknowledged_are_named),
        cmocka_unit_test(a_vote_asked_of_one_who_gave_it_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
