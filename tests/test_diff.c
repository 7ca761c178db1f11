/* test_diff.c -- two runs part where they do, by the message that made the difference; equal ones do not part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../analyze/cli.h"
#include "../analyze/commands.h"
#include "../analyze/diff_streams.h"
#include "support/captured.h"
#include "support/raft_trace.h"

/* A leader that is cut off; if the request for a vote in the next term still reaches it, it stops leading, else it
 * answers a read from its own state. */
static void cut_off(struct raft_trace *rt, bool lost)
{
    rt_open(rt, 3);
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt_put(rt, 0, RT_ALL);
    int64_t old = rt->value;
    rt_sim(rt, "fault.begin", "\"f\":1,\"kind\":\"partition\",\"groups\":[[\"0000\"],[\"0001\",\"0002\"]]");
    int first = rt->n_msgs;
    rt_elect(rt, 1, 2, 1u << 2);
    for (int i = first; i < rt->n_msgs; i++) {
        if (rt->msg[i].to != 0)
            continue;
        if (lost) {
            rt_drop(rt, i);
            continue;
        }
        rt_recv(rt, i);
        rt_term(rt, 0, 2, "higher_term_msg");
        rt_role(rt, 0, 'F', "higher_term");
    }
    rt_replicate(rt, 1, 1u << 2);
    rt_put(rt, 1, 1u << 2);
    if (lost) {
        char val[24];
        int64_t get = rt_request(rt, 0, "get", "k");
        rt_rec(rt, 0, "read.local",
               "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"key\":\"k\",\"val\":\"v%lld\",\"at\":%lld,\"policy\":\"local\"",
               (long long)get, (long long)old, (long long)rt->node[0].ai);
        snprintf(val, sizeof val, "v%lld", (long long)old);
        rt_reply(rt, 0, get, val);
    }
    rt_sim(rt, "fault.end", "\"f\":1,\"kind\":\"partition\"");
    rt_replicate(rt, 1, 1u << 0);
}

static int diff(struct raft_trace *a, struct raft_trace *b, const char *by)
{
    const char *args[] = {"diff", a->fx.path, b->fx.path, by != NULL ? "--by" : NULL, by, NULL};
    return captured(cmd_diff, args);
}

static void the_lost_message_that_made_the_difference_is_named(void **state)
{
    (void)state;
    struct raft_trace a, b;
    cut_off(&a, true);
    cut_off(&b, false);
    assert_int_equal(rt_check(&a, NULL), VERDICT_FAIL);
    rt_check(&b, NULL);
    assert_rows(&b.fx, "SELECT \"check\", title FROM violations", "");
    assert_int_equal(diff(&a, &b, NULL), EXIT_PASSED);
    captured_in_order("aligned by term, index and operation: ", " in common before the first divergence",
                      "first divergence   0000 elections, after 0000.1:", " ms | ", "  fail ", "  pass ",
                      "term 1 -> 2 (higher_term_msg)", "what made it", "  fail ",
                      "vote_req term 2 0001 -> 0000   lost (partition, F1)", "  pass ",
                      "vote_req term 2 0001 -> 0000   delivered after 1.7 ms", "what followed",
                      "0000 leads term 1 from ", "; 0001 leads term 2", "deposed-leader-local-read", "no violation",
                      "only in fail: ", "1 x read.local", NULL);
    /* the other way round the same, with the labels where they belong */
    assert_int_equal(diff(&b, &a, NULL), EXIT_PASSED);
    captured_in_order("first divergence   0000 elections", "  pass ", "  fail ", "only in fail: ", "read.local", NULL);
    rt_close(&a);
    rt_close(&b);
}

static void levels_can_be_chosen(void **state)
{
    (void)state;
    struct raft_trace a, b;
    cut_off(&a, true);
    cut_off(&b, false);
    rt_check(&a, NULL);
    rt_check(&b, NULL);
    assert_int_equal(diff(&a, &b, "client"), EXIT_PASSED);
    captured_in_order("aligned by the clients' operations: ", "first divergence   client 0100", "begins 0100:3: get k",
                      "nothing of the kind", NULL);
    assert_int_equal(diff(&a, &b, "net"), EXIT_PASSED);
    captured_in_order("aligned by the messages of each link: ", "first divergence   0001 -> 0000",
                      "is lost (partition), F1", "is asked by 0001 for its vote in term 2", NULL);
    assert_int_equal(diff(&a, &b, "wire"), EXIT_USAGE);
    rt_close(&a);
    rt_close(&b);
}

static void equal_runs_do_not_part_whatever_the_time_and_the_ids(void **state)
{
    (void)state;
    struct raft_trace a, b;
    cut_off(&a, true);
    cut_off(&b, true);
    rt_check(&a, NULL);
    b.t += 5000000; /* nothing follows: only the end is later */
    rt_check(&b, NULL);
    db_exec(&b.fx.db,
            "UPDATE records SET t = t * 3, body = replace(body, 'REQ', 'XYZ');"
            "UPDATE messages SET mid = 'other' || mid, t_in = t_in * 3, t_send = t_send * 3, t_out = t_out * 3");
    assert_false(b.fx.db.failed);
    assert_int_equal(diff(&a, &b, NULL), EXIT_PASSED);
    captured_in_order("aligned by term, index and operation: ", " in common, no divergence\n",
                      "aligned by the clients' operations: ", " in common, no divergence\n",
                      "aligned by the messages of each link: ", " in common, no divergence\n", NULL);
    captured_lacks("first divergence");
    rt_close(&a);
    rt_close(&b);
}

static void a_run_that_only_ends_earlier_does_not_part(void **state)
{
    (void)state;
    struct raft_trace a, b;
    rt_open(&a, 3);
    rt_elect(&a, 0, 1, RT_ALL);
    rt_replicate(&a, 0, RT_ALL);
    rt_check(&a, NULL);
    rt_open(&b, 3);
    rt_elect(&b, 0, 1, RT_ALL);
    rt_replicate(&b, 0, RT_ALL);
    b.t += 50000000;
    rt_put(&b, 0, RT_ALL);
    rt_check(&b, NULL);
    assert_int_equal(diff(&a, &b, "raft"), EXIT_PASSED);
    captured_in_order("no divergence", NULL);
    rt_close(&a);
    rt_close(&b);
}

static void the_first_of_several_partings_counts(void **state)
{
    (void)state;
    struct diff_event early[] = {{1, 1, 10}, {2, 2, 20}}, other[] = {{1, 1, 12}, {3, 2, 25}}, late[] = {{7, 5, 30}};
    struct diff_event late_other[] = {{8, 5, 31}};
    char name[] = "early", name2[] = "late";
    struct diff_stream sa[] = {{name2, late, 1, 1}, {name, early, 2, 2}},
                       sb[] = {{name, other, 2, 2}, {name2, late_other, 1, 1}};
    struct diff_streams a = {sa, 2, 2, 100}, b = {sb, 2, 2, 100};
    struct diff_parting p = diff_part(&a, &b);
    assert_string_equal(p.stream, "early");
    assert_ptr_equal(p.a, &early[1]);
    assert_ptr_equal(p.b, &other[1]);
    assert_ptr_equal(p.a_last, &early[0]);
    assert_int_equal(p.t, 20);
    assert_int_equal(p.aligned, 1);
    p = diff_part(&a, &a);
    assert_null(p.stream);
    assert_int_equal(p.aligned, 3);
}

static void damaged_ranges_are_bounded_and_bad_arguments_refused(void **state)
{
    (void)state;
    struct raft_trace a;
    rt_open(&a, 3);
    rt_elect(&a, 0, 1, RT_ALL);
    rt_rec(&a, 0, "commit.advance", "\"old\":-9223372036854775807,\"new\":9223372036854775807,\"why\":\"quorum\"");
    rt_rec(&a, 1, "commit.advance", "\"old\":\"x\",\"new\":null,\"why\":\"quorum\"");
    rt_check(&a, "T");
    assert_int_equal(diff(&a, &a, NULL), EXIT_PASSED);
    captured_lacks("first divergence");
    const char *one[] = {"diff", a.fx.path, NULL};
    assert_int_equal(captured(cmd_diff, one), EXIT_USAGE);
    const char *none[] = {"diff", a.fx.path, "/nonexistent/run.db", NULL};
    assert_int_equal(captured(cmd_diff, none), EXIT_NOINPUT);
    rt_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lost_message_that_made_the_difference_is_named),
        cmocka_unit_test(levels_can_be_chosen),
        cmocka_unit_test(equal_runs_do_not_part_whatever_the_time_and_the_ids),
        cmocka_unit_test(a_run_that_only_ends_earlier_does_not_part),
        cmocka_unit_test(the_first_of_several_partings_counts),
        cmocka_unit_test(damaged_ranges_are_bounded_and_bad_arguments_refused),
    };
    return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
