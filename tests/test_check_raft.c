/* test_check_raft.c -- every Raft rule is silent on a good trace, and holds against nobody what a trace lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/damage.h"
#include "support/raft_trace.h"

/* ---- good ---- */

/* Leader 0 is cut off with an entry that nobody else gets; 1 takes over, overwrites it, and 0 comes back. */
static void change_of_leader_to(struct raft_trace *rt, int next)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "lost");
    rt_elect(rt, next, 2, 1u << 2);
    rt_replicate(rt, next, 1u << 2);
    rt_put(rt, next, 1u << 2);
    rt_replicate(rt, next, RT_ALL);
    rt_get(rt, next, 1u << 0);
}

static void change_of_leader(struct raft_trace *rt)
{
    rt_work(rt);
    change_of_leader_to(rt, 1);
}

static void assert_no_finding(struct raft_trace *rt)
{
    assert_rows(&rt->fx, "SELECT \"check\", title FROM violations", "");
    assert_rows(&rt->fx, "SELECT \"check\", note FROM checks WHERE verdict = 'unknown'", "");
}

static void no_rule_fires_on_an_election_a_put_a_get_and_a_change_of_leader(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    change_of_leader(&rt);
    assert_int_equal(rt_check(&rt, "R,T"), VERDICT_PASS);
    assert_no_finding(&rt);
    /* Only what the trace has nothing about is skipped. */
    assert_rows(&rt.fx, "SELECT group_concat(\"check\", ' ') FROM checks WHERE verdict = 'skipped'",
                "R10b R14 R20 R31b R48 R49 R50 R51 R53 R54 R55 R56 R57 R59 R61 R62 R65 R9b R9c");
    rt_close(&rt);
}

static void no_rule_fires_with_five_replicas_and_with_one(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 5);
    change_of_leader(&rt);
    /* A majority of five needs one more: that term's entries stay uncommitted. */
    rt_elect(&rt, 3, 3, RT_ALL);
    rt_replicate(&rt, 3, RT_ALL);
    rt_put(&rt, 3, RT_ALL);
    assert_int_equal(rt_check(&rt, "T"), VERDICT_PASS);
    rt_close(&rt);

    rt_open(&rt, 1);
    rt_timer(&rt, 0, "election");
    rt_term(&rt, 0, 1, "timeout");
    rt_role(&rt, 0, 'C', "election_timeout");
    rt_vote(&rt, 0, 0, 1, 0, 0);
    rt_role(&rt, 0, 'L', "quorum_votes");
    rt_append(&rt, 0, 1, "noop");
    rt_commit(&rt, 0, 1, "quorum");
    rt_apply(&rt, 0, 1, "noop");
    int64_t get = rt_request(&rt, 0, "get", "k");
    rt_rec(&rt, 0, "read.local", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"key\":\"k\",\"at\":1,\"policy\":\"local\"",
           (long long)get);
    rt_timer(&rt, 0, "heartbeat");
    assert_int_equal(rt_check(&rt, "R"), VERDICT_PASS);
    assert_no_finding(&rt);
    rt_close(&rt);
}

/* ---- what cannot be known ---- */

static void nothing_passes_where_a_replica_left_no_trace(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_bare(&rt, 3);
    for (int i = 0; i < 2; i++) {
        fixture_recf(
            &rt.fx, rt.node[i].name, rt.t, "trace.open",
            "\"schema\":\"faultline\",\"v\":1,\"run\":\"t\",\"wall_us\":0,\"epoch_ns\":0,\"clk\":\"virtual\",\"pid\":1,"
            "\"impl\":\"test\",\"peers\":[\"0000\",\"0001\",\"0002\"]");
        rt_rec(&rt, i, "node.start", "\"rterm\":0,\"rlast\":0");
    }
    rt.n = 2; /* 0002 takes part, but nobody sees what it does */
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    assert_int_equal(rt_check(&rt, "R13,R29,R31"), VERDICT_UNKNOWN);
    assert_string_equal(rt_verdict(&rt, "R13"), "unknown");
    assert_rows(&rt.fx, "SELECT note FROM checks WHERE \"check\" = 'R13'", "0002 has no trace");
    rt_close(&rt);
}

static void nothing_passes_where_records_are_missing(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_work(&rt);
    rt.fx.node[1].seq += 3; /* three records of 0001 never reached us */
    rt_work(&rt);
    assert_int_equal(rt_check(&rt, "R29,T2"), VERDICT_UNKNOWN);
    assert_rows(&rt.fx, "SELECT \"check\" FROM violations", "");
    assert_rows(&rt.fx,
                "SELECT verdict, note LIKE '0001.1: 3 records missing after s=%' FROM checks WHERE \"check\" = 'T2'",
                "unknown|1");
    rt_close(&rt);
}

static void what_was_lost_is_not_held_against_a_leader(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_work(&rt);
    rt.fx.node[0].seq += 3; /* among them, perhaps, the acknowledgements */
    rt_timer(&rt, 0, "heartbeat");
    rt_append(&rt, 0, 1, "h3.1");
    rt_commit(&rt, 0, 3, "quorum");
    rt_timer(&rt, 0, "heartbeat");
    assert_int_equal(rt_check(&rt, "R31,R35,R45"), VERDICT_UNKNOWN);
    assert_rows(&rt.fx, "SELECT \"check\" FROM violations", "");
    rt_close(&rt);
}

static void all_rules_are_skipped_without_replica_traces(void **state)
{
    (void)state;
    struct fixture fx;
    enum verdict worst;
    fixture_open(&fx);
    fixture_rec(&fx, "sim", 1000, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"app_req\",\"sz\":9,\"term\":1,\"ld\":\"0000\"");
    fixture_rec(&fx, "sim", 2000, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1");
    fixture_finish(&fx);
    fixture_load(&fx);
    assert_true(check_all(&fx.db, &(struct check_options){.only = "R"}, &worst));
    assert_rows(&fx, "SELECT DISTINCT verdict, note FROM checks", "skipped|no replica trace");
    fixture_close(&fx);
}

static void two_claims_on_the_wire_are_no_verdict(void **state)
{
    (void)state;
    struct fixture fx;
    enum verdict worst;
    fixture_open(&fx);
    for (int i = 0; i < 2; i++)
        fixture_recf(
            &fx, "sim", 1000 + i, "net.in",
            "\"d\":%d,\"src\":\"000%d\",\"dst\":\"0002\",\"ty\":\"app_req\",\"sz\":9,\"term\":1,\"ld\":\"000%d\"",
            i + 1, i, i);
    fixture_finish(&fx);
    fixture_load(&fx);
    assert_true(check_all(&fx.db, &(struct check_options){.only = "R13"}, &worst));
    assert_int_equal(worst, VERDICT_UNKNOWN);
    fixture_close(&fx);
}

/* ---- what is missing is never held against anyone ---- */

/* A good run in which the rules about timers and redirects have something to judge, too. */
static void busy_work(struct raft_trace *rt)
{
    rt_work(rt);
    rt_recv(rt, rt_send_append(rt, 0, 1, rt->node[0].li, 0));
    rt_rec(rt, 1, "leader.change", "\"new\":\"0000\"");
    rt_rec(rt, 1, "timer.set", "\"tm\":\"election\",\"at\":1,\"why\":\"append\"");
    change_of_leader_to(rt, 1);
    rt_recv(rt, rt_send_append(rt, 1, 2, rt->node[1].li, 0));
    rt_rec(rt, 2, "leader.change", "\"new\":\"0001\"");
    rt_rec(rt, 2, "timer.set", "\"tm\":\"election\",\"at\":1,\"why\":\"append\"");
    int64_t get = rt_request(rt, 2, "get", "k");
    rt_rec(rt, 2, "req.redirect", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"to\":\"0001\",\"why\":\"follower\"",
           (long long)get);
}

/* Each line lost, and each tail cut off, in turn, of the files of replicas and of the simulator. */
static void missing_records_are_never_a_violation(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    busy_work(&rt);
    rt_expect_nothing(&rt);
    damage_in_turn(&rt, 3);
    rt_close(&rt);
}

/* The follower whose copy made the majority has a trace that ends before the copy: nobody can say that it lacks it. */
static void an_ended_trace_does_not_prove_that_copies_are_missing(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_put(&rt, 0, 1u << 1);
    rt.fx.state.role = 0;
    fixture_finish(&rt.fx);
    struct damaged f = damage_read(&rt.fx, "0001.1.jsonl");
    size_t lines = 0;
    for (size_t i = 0; i < f.n; i++)
        lines += f.text[i] == '\n';
    /* all but: msg.recv of the put, log.append, what follows, trace.close */
    size_t line = 0;
    while (line < lines && damage_write(&f, line, true)) {
        struct damaged cut = damage_read(&rt.fx, "0001.1.jsonl");
        cut.text[cut.n] = '\0';
        bool has_put = strstr(cut.text, "\"op\":\"put\"") != NULL;
        free(cut.text);
        if (has_put)
            break;
        line++;
    }
    assert_true(damage_write(&f, line - 1, true));
    free(f.text);
    fixture_load(&rt.fx);
    enum verdict worst;
    assert_true(check_all(&rt.fx.db, &(struct check_options){.only = "R35"}, &worst));
    assert_int_equal(worst, VERDICT_UNKNOWN);
    rt_close(&rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rule_fires_on_an_election_a_put_a_get_and_a_change_of_leader),
        cmocka_unit_test(no_rule_fires_with_five_replicas_and_with_one),
        cmocka_unit_test(nothing_passes_where_a_replica_left_no_trace),
        cmocka_unit_test(nothing_passes_where_records_are_missing),
        cmocka_unit_test(what_was_lost_is_not_held_against_a_leader),
        cmocka_unit_test(all_rules_are_skipped_without_replica_traces),
        cmocka_unit_test(two_claims_on_the_wire_are_no_verdict),
        cmocka_unit_test(missing_records_are_never_a_violation),
        cmocka_unit_test(an_ended_trace_does_not_prove_that_copies_are_missing),
    };
    return cmocka_run_group_tests_name("Raft rules", tests, NULL, NULL);
}
