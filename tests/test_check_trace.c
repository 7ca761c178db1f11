/* test_check_trace.c -- T1 to T5: the trace checks are silent on an honest trace and fire on a dishonest one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/raft_trace.h"

static void some_work(struct raft_trace *rt)
{
    rt_open(rt, 3);
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt_put(rt, 0, RT_ALL);
}

static void an_honest_trace_passes_all_checks(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    assert_int_equal(rt_check(&rt, "T"), VERDICT_PASS);
    assert_rows(&rt.fx, "SELECT \"check\", verdict FROM checks ORDER BY 1",
                "T1|pass\nT2|pass\nT3|pass\nT4|pass\nT5|pass");
    assert_rows(&rt.fx, "SELECT count(*) FROM checks WHERE examined > 0", "5");
    rt_close(&rt);
}

static void a_trace_of_replicas_alone_passes_without_a_simulator(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt.no_sim = true;
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    assert_int_equal(rt_check(&rt, "T"), VERDICT_PASS);
    assert_string_equal(rt_verdict(&rt, "T3"), "pass");
    assert_string_equal(rt_verdict(&rt, "T5"), "skipped");
    rt_close(&rt);
}

static void t1_finds_a_declared_commit_index_that_no_record_explains(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    rt_timer(&rt, 1, "election");
    rt.node[1].ci = 7;
    rt_rec(&rt, 1, "peer.state", "\"peer\":\"0000\",\"next\":1,\"match\":0,\"why\":\"probe\"");
    rt.node[1].ci = 1;
    rt_timer(&rt, 1, "election");
    assert_int_equal(rt_check(&rt, "T1"), VERDICT_FAIL);
    assert_rows(&rt.fx, "SELECT title FROM violations", "0001 declares ci 7, but its records add up to 1");
    rt_close(&rt);
}

static void t1_looks_at_the_end_of_an_input_not_at_the_states_on_the_way(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    /* The leader steps down: between the two records it seems to lead a term in which it was not elected. */
    rt_recv(&rt, rt_send_term(&rt, 1, 0, "app_res", 2, "\"ok\":false"));
    rt_term(&rt, 0, 2, "higher_term_msg");
    rt_role(&rt, 0, 'F', "higher_term");
    rt_timer(&rt, 0, "election");
    assert_int_equal(rt_check(&rt, "T1,R13"), VERDICT_PASS);
    rt_close(&rt);
}

static void t2_is_undecided_where_records_are_missing(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    rt.fx.node[0].seq += 2;
    rt_timer(&rt, 0, "heartbeat");
    assert_int_equal(rt_check(&rt, "T2"), VERDICT_UNKNOWN);
    rt_close(&rt);
}

static void t2_tells_of_a_torn_line(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    rt.fx.state.role = 0;
    fixture_finish(&rt.fx);
    fixture_text(&rt.fx, "0001.1.jsonl", "{\"n\":\"0001\",\"b\":1");
    fixture_load(&rt.fx);
    enum verdict worst;
    assert_true(check_all(&rt.fx.db, &(struct check_options){.only = "T2,R13"}, &worst));
    assert_int_equal(worst, VERDICT_UNKNOWN);
    assert_string_equal(rt_verdict(&rt, "T2"), "unknown");
    assert_string_equal(rt_verdict(&rt, "R13"), "unknown");
    rt_close(&rt);
}

static void t3_finds_a_message_that_nobody_sent(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    rt.node[2].input = 0;
    rt.node[2].input = rt_rec(&rt, 2, "msg.recv",
                              "\"from\":\"0001\",\"ty\":\"app_res\",\"mid\":\"0001-1-999\",\"mterm\":1,\"ok\":false");
    rt_timer(&rt, 2, "election");
    assert_int_equal(rt_check(&rt, "T3"), VERDICT_FAIL);
    assert_rows(&rt.fx, "SELECT title FROM violations",
                "0002 received app_res from 0001, which nobody is known to have sent");
    rt_close(&rt);
}

/* A client chose the id that a replica has which joined later; clients leave no records. */
static void t3_expects_no_record_of_what_clients_send(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt.no_sim = true;
    rt_elect(&rt, 0, 1, RT_ALL);
    rt.node[2].input = 0;
    rt.node[2].input = rt_rec(&rt, 2, "msg.recv", "\"from\":\"0001\",\"ty\":\"status\",\"mid\":\"1e\"");
    rt_timer(&rt, 2, "election");
    assert_int_equal(rt_check(&rt, "T3"), VERDICT_PASS);
    assert_rows(&rt.fx, "SELECT count(*) FROM load_stats WHERE name = 'orphan_recv'", "0");
    rt_close(&rt);
}

/* The group believes somebody else at the address of 0002: the send names that one. */
static void t3_lets_pass_what_was_for_somebody_else(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt.no_sim = true;
    rt_elect(&rt, 0, 1, RT_ALL);
    rt.node[2].input = 0;
    rt.node[2].input = rt_rec(&rt, 2, "msg.recv",
                              "\"from\":\"0000\",\"ty\":\"app_res\",\"mid\":\"0000-1-99\",\"mterm\":1,\"ok\":false");
    rt_rec(&rt, 2, "msg.ignore", "\"mid\":\"0000-1-99\",\"from\":\"0000\",\"why\":\"wrong_dst\"");
    rt_timer(&rt, 2, "election");
    assert_int_equal(rt_check(&rt, "T3"), VERDICT_PASS);
    assert_rows(&rt.fx, "SELECT count(*) FROM load_stats WHERE name = 'orphan_recv'", "0");
    rt_close(&rt);
}

static void t3_is_undecided_where_the_senders_records_are_missing(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    rt.fx.node[1].seq += 1;
    rt_timer(&rt, 1, "election");
    rt.node[2].input = 0;
    rt.node[2].input = rt_rec(&rt, 2, "msg.recv",
                              "\"from\":\"0001\",\"ty\":\"app_res\",\"mid\":\"0001-1-999\",\"mterm\":1,\"ok\":false");
    rt_timer(&rt, 2, "election");
    assert_int_equal(rt_check(&rt, "T3"), VERDICT_UNKNOWN);
    rt_close(&rt);
}

static void t4_finds_a_receive_whose_clock_is_not_greater_than_the_sends(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    int append = rt_send_append(&rt, 0, 2, 2, 0);
    rt.msg[append].lc = 0; /* the receiver does not learn the sender's clock */
    rt_follow(&rt, append);
    assert_int_equal(rt_check(&rt, "T4"), VERDICT_FAIL);
    assert_rows(&rt.fx, "SELECT fingerprint FROM violations", "clock-condition");
    rt_close(&rt);
}

static void t4_finds_time_that_goes_back(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    rt.t -= 2000000;
    rt_timer(&rt, 0, "heartbeat");
    assert_int_equal(rt_check(&rt, "T4"), VERDICT_FAIL);
    assert_rows(&rt.fx, "SELECT fingerprint FROM violations", "time-goes-back");
    rt_close(&rt);
}

static void t5_finds_a_copy_that_ends_twice_and_one_that_never_came_in(void **state)
{
    (void)state;
    struct raft_trace rt;
    some_work(&rt);
    rt_sim(&rt, "net.drop", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"why\":\"loss\"");
    rt_sim(&rt, "net.drop", "\"d\":777,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"why\":\"loss\"");
    rt_sim(&rt, "net.in", "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"sz\":1");
    assert_int_equal(rt_check(&rt, "T5"), VERDICT_FAIL);
    assert_rows(&rt.fx, "SELECT fingerprint FROM violations ORDER BY 1",
                "datagram-ends-twice\ndatagram-from-nowhere\ndatagram-number-twice");
    rt_close(&rt);
}

/* For the sanitizers: whatever a trace claims, the replay survives it. */
static void numbers_at_the_end_of_the_range_do_no_harm(void **state)
{
    (void)state;
    static const char *const huge[] = {"9223372036854775807", "-9223372036854775807", "0"};
    struct raft_trace rt;
    some_work(&rt);
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        const char *h = huge[i];
        rt.node[1].input = 0;
        rt.node[1].input =
            rt_rec(&rt, 1, "msg.recv",
                   "\"from\":\"0000\",\"ty\":\"app_req\",\"mid\":\"x%zu\",\"mterm\":%s,\"pi\":%s,\"pt\":%s,\"lci\":%s,"
                   "\"ents\":[[%s,%s,\"h\"],[],[1],[[]]]",
                   i, h, h, h, h, h, h);
        rt_rec(&rt, 1, "log.append", "\"idx\":%s,\"eterm\":%s,\"op\":\"put\",\"h\":\"h\"", h, h);
        rt_rec(&rt, 1, "log.append", "\"idx\":%s,\"eterm\":1,\"op\":\"put\",\"h\":\"h\"", h);
        rt_rec(&rt, 1, "commit.advance", "\"old\":%s,\"new\":%s,\"why\":\"quorum\"", h, h);
        rt_rec(&rt, 1, "apply", "\"idx\":%s,\"eterm\":%s,\"op\":\"put\",\"h\":\"h\"", h, h);
        rt_rec(&rt, 1, "log.truncate", "\"from\":%s,\"old_last\":%s,\"why\":\"conflict\"", h, h);
        rt_rec(&rt, 1, "snap.install", "\"idx\":%s,\"eterm\":%s,\"size\":1", h, h);
        rt_rec(&rt, 1, "node.start", "\"rterm\":%s,\"rlast\":%s", h, h);
        rt_rec(&rt, 1, "log.append",
               "\"idx\":%s,\"eterm\":1,\"op\":\"conf\",\"h\":\"h\",\"conf\":\"0000 %s  , 0001=x:1\"", h, h);
        rt_rec(&rt, 1, "disk.sync",
               "\"what\":\"log\",\"upto\":%s,\"uptot\":%s,\"cut\":%s,\"pterm\":%s,\"pvote\":\"%s\",\"us\":%s", h, h, h,
               h, h, h);
        rt_rec(&rt, 1, "disk.sync", "\"what\":\"snap\",\"upto\":%s,\"us\":1", h);
        rt_rec(&rt, 1, "snap.save", "\"idx\":%s,\"eterm\":%s,\"size\":%s,\"at\":%s,\"h\":\"h\",\"conf\":\"\"", h, h, h,
               h);
        rt_rec(&rt, 1, "snap.send", "\"idx\":%s,\"eterm\":%s,\"size\":%s,\"peer\":\"0000\"", h, h, h);
        rt_rec(&rt, 1, "peer.state", "\"peer\":\"0000\",\"next\":%s,\"match\":%s,\"why\":\"probe\"", h, h);
        rt_rec(&rt, 1, "vote.deny",
               "\"cand\":\"0000\",\"cterm\":%s,\"why\":\"leader_alive\",\"cand_lli\":%s,\"cand_llt\":%s", h, h, h);
        rt_rec(&rt, 1, "vote.count", "\"have\":%s,\"need\":%s,\"from\":\"0000\"", h, h);
        rt_rec(&rt, 1, "lease.grant", "\"since\":%s,\"until\":%s,\"by\":[\"0000\",7]", h, h);
        rt_rec(
            &rt, 1, "read.serve",
            "\"req\":\"r\",\"cli\":\"c\",\"key\":\"k\",\"at\":%s,\"idx\":%s,\"iterm\":%s,\"arrived\":%s,\"lease\":%s",
            h, h, h, h, h);
        rt_rec(&rt, 1, "read.confirm", "\"round\":%s,\"need\":%s,\"have\":%s", h, h, h);
        rt_send(&rt, 1, 0, "app_req", "\"pi\":%s,\"pt\":%s,\"lci\":%s,\"round\":%s,\"ts\":%s", h, h, h, h, h);
        rt_send(&rt, 1, 0, "snap_req", "\"si\":%s,\"st\":%s,\"off\":%s,\"size\":%s,\"conf\":\"%s\"", h, h, h, h, h);
        rt_send(&rt, 1, 0, "snap_res", "\"si\":%s,\"st\":%s,\"off\":%s,\"size\":%s,\"ts\":%s", h, h, h, h, h);
        rt_rec(&rt, 1, "term.change", "\"old\":%s,\"why\":\"timeout\"", h);
        rt.node[1].term = i == 0 ? INT64_MAX : 1;
        rt_timer(&rt, 1, "election");
        rt_send(&rt, 1, 0, "prevote_req", "\"lli\":%s,\"llt\":%s", h, h);
        rt_sim(&rt, "net.out", "\"d\":%s,\"cp\":%s,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1", h, h);
        rt_kill(&rt, 1);
        rt_rec(&rt, 1, "node.start",
               "\"rterm\":%s,\"rvote\":\"%s\",\"rlast\":%s,\"rlastt\":%s,\"snap\":%s,\"snapt\":%s,\"conf\":\",,\","
               "\"lh\":\"%s\"",
               h, h, h, h, h, h, h);
    }
    assert_int_equal(rt_check(&rt, "R,T"), VERDICT_FAIL);
    rt_close(&rt);
}

/* A check is a file: its comment is all that users get to see of it. */
static void every_check_of_the_catalogue_has_id_title_severity_and_help(void **state)
{
    (void)state;
    const struct check *c;
    size_t n = 0;
    for (; (c = check_at(n)) != NULL; n++) {
        assert_in_range(strlen(c->id), 2, 5);
        assert_in_range(strlen(c->title), 5, 40);
        assert_in_range(strlen(c->severity), 2, 12);
        assert_in_range(strlen(c->help), 30, 400);
        assert_true(c->help[strlen(c->help) - 1] == '.' || c->help[strlen(c->help) - 1] == ')');
        assert_ptr_equal(check_find(c->id), c);
    }
    assert_true(n > 50);
    assert_non_null(check_find("R47"));
    assert_string_equal(check_find("R47")->title, "reads see what was acknowledged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_trace_passes_all_checks),
        cmocka_unit_test(a_trace_of_replicas_alone_passes_without_a_simulator),
        cmocka_unit_test(t1_finds_a_declared_commit_index_that_no_record_explains),
        cmocka_unit_test(t1_looks_at_the_end_of_an_input_not_at_the_states_on_the_way),
        cmocka_unit_test(t2_is_undecided_where_records_are_missing),
        cmocka_unit_test(t2_tells_of_a_torn_line),
        cmocka_unit_test(t3_finds_a_message_that_nobody_sent),
        cmocka_unit_test(t3_expects_no_record_of_what_clients_send),
        cmocka_unit_test(t3_lets_pass_what_was_for_somebody_else),
        cmocka_unit_test(t3_is_undecided_where_the_senders_records_are_missing),
        cmocka_unit_test(t4_finds_a_receive_whose_clock_is_not_greater_than_the_sends),
        cmocka_unit_test(t4_finds_time_that_goes_back),
        cmocka_unit_test(numbers_at_the_end_of_the_range_do_no_harm),
        cmocka_unit_test(every_check_of_the_catalogue_has_id_title_severity_and_help),
        cmocka_unit_test(t5_finds_a_copy_that_ends_twice_and_one_that_never_came_in),
    };
    return cmocka_run_group_tests_name("trace checks", tests, NULL, NULL);
}
