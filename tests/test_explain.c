/* test_explain.c -- the explanation tells the causes in order, marks the first wrong step, and names file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/cli.h"
#include "../analyze/commands.h"
#include "../analyze/explain_int.h"
#include "support/captured.h"
#include "support/raft_trace.h"

static int explain(struct raft_trace *rt, const char *what)
{
    const char *args[] = {"explain", rt->fx.path, what, NULL};
    return captured(cmd_explain, args);
}

static void a_stale_read_is_told_from_the_partition_to_the_step_down(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_stale_read(&rt);
    assert_int_equal(rt_check(&rt, NULL), VERDICT_FAIL);
    assert_int_equal(explain(&rt, NULL), EXIT_PASSED);
    captured_in_order("V1  stale read of k", "class deposed-leader-local-read", "C2",
                      "partition {0000} | {0001 0002} until ", "0001  candidate in term 2",
                      "leader of term 2, votes of 0001 0002", "\n  > ", "0000.1.jsonl:", "first wrong step", "too late",
                      "carried a higher term", NULL);
    rt_close(&rt);
}

static void every_step_names_its_record_and_its_line(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_stale_read(&rt);
    rt_check(&rt, NULL);
    assert_int_equal(explain(&rt, NULL), EXIT_PASSED);
    char expected[200];
    const char *rows =
        fixture_rows(&rt.fx, "SELECT node || '.' || boot || ':' || seq || '  ' || path || ':' || line FROM records"
                             " JOIN sources USING (source_id) WHERE ev = 'read.local'");
    snprintf(expected, sizeof expected, "%s   first wrong step", rows);
    captured_in_order(expected, NULL);
    rt_close(&rt);
}

static void a_broken_rule_is_told_with_the_chain_behind_it(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_request(&rt, 0, "put", "k");
    rt_append(&rt, 0, 1, "new");
    rt_commit(&rt, 0, 2, "quorum");
    assert_int_equal(rt_check(&rt, "R31"), VERDICT_FAIL);
    assert_int_equal(explain(&rt, "V1"), EXIT_PASSED);
    captured_in_order("V1  0000 commits 2 with 1 of the 2 copies needed", "class commit-without-quorum",
                      "R31 leaders commit by quorum", "0001 has acknowledged up to 1", "0100  0100:1, try 1: asks 0000",
                      "receives put of 0100", "\n  > ", "first wrong step", NULL);
    rt_close(&rt);
}

static void an_election_is_walked_back_to_the_timer(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_check(&rt, NULL);
    assert_int_equal(explain(&rt, "leader:0000@1"), EXIT_PASSED);
    captured_in_order("leader:0000@1", "election timer fires", "asks 0001 for its vote in term 1",
                      "is asked by 0000 for its vote", "gives 0000 its vote", "has the vote of 0001",
                      "leader in term 1, was candidate (quorum_votes)", NULL);
    captured_lacks("enters the network"); /* both ends tell it already */
    rt_close(&rt);
}

static void a_record_an_operation_a_value_a_fault_and_a_datagram_can_be_named(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_stale_read(&rt);
    rt_check(&rt, NULL);
    assert_int_equal(explain(&rt, "op:0100:1"), EXIT_PASSED);
    captured_in_order("0100  begins 0100:1: put k = v1", "receives put of 0100", "0100:1 ends: ok by 0000", NULL);
    assert_int_equal(explain(&rt, "0001.1:3"), EXIT_PASSED);
    captured_in_order("0001.1:3  ", NULL);
    assert_int_equal(explain(&rt, "k=v1"), EXIT_PASSED);
    captured_in_order("put k = v1", "applies entry 2 of term 1: put k = v1", NULL);
    assert_int_equal(explain(&rt, "F1"), EXIT_PASSED);
    captured_in_order("F1", "partition {0000} | {0001 0002}", "leader in term 2", "lost 0001 -> 0000: 1 messages",
                      NULL);
    assert_int_equal(explain(&rt, "d:1"), EXIT_PASSED);
    captured_in_order("asks 0001 for its vote in term 1", NULL);
    rt_close(&rt);
}

static void what_is_not_there_is_said_and_nothing_is_invented(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_check(&rt, NULL);
    static const char *const nothing[] = {
        "V1",       "V999",    "op:nobody:1", "0009.1:1", "0000.1:99999", "leader:0000@9", "F7",
        "d:999999", "k=v",     "Vx",          "",         "leader:",      "op:",           "...:::",
        "=",        "leader:@"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        if (explain(&rt, nothing[i]) != EXIT_DATA)
            fail_msg("\"%s\" was found: %s", nothing[i], captured_text);
    }
    assert_int_equal(explain(&rt, NULL), EXIT_PASSED);
    assert_string_equal(captured_text, "no violation to explain\n");
    rt_close(&rt);
}

static void depth_decides_how_far_the_chain_goes(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_check(&rt, NULL);
    const char *args[] = {"explain", rt.fx.path, "leader:0000@1", "--depth", "1", NULL};
    assert_int_equal(captured(cmd_explain, args), EXIT_PASSED);
    captured_in_order("has the vote of 0001", "leader in term 1", "the chain goes further back", NULL);
    captured_lacks("election timer fires");
    const char *bad[] = {"explain", rt.fx.path, "V1", "--depth", "deep", NULL};
    assert_int_equal(captured(cmd_explain, bad), EXIT_USAGE);
    rt_close(&rt);
}

static void without_replica_traces_the_story_is_told_from_the_wire(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_stale_read(&rt);
    rt.fx.state.role = 0;
    fixture_finish(&rt.fx);
    char path[4200];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s.1.jsonl", rt.fx.dir, rt.node[i].name);
        assert_int_equal(unlink(path), 0);
    }
    fixture_load(&rt.fx);
    enum verdict worst;
    assert_true(check_all(&rt.fx.db, &(struct check_options){0}, &worst));
    assert_int_equal(worst, VERDICT_FAIL);
    assert_int_equal(explain(&rt, NULL), EXIT_PASSED);
    captured_in_order("stale read of k", "partition {0000} | {0001 0002}", "internal state unknown (no replica trace)",
                      "role.change commit.advance apply log.append", NULL);
    rt_close(&rt);
}

static void hostile_text_never_reaches_the_terminal_as_it_is(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_timer(&rt, 1, "election\\u001b]0;owned\\u0007");
    rt_rec(&rt, 1, "their.own", "\"x\\u001b[2J\":\"\\u001b[31mred\\u0000\",\"u\":\"\\u0085\\u202e\"");
    rt_request(&rt, 0, "get", "k\\u001b[2J\\r");
    rt_check(&rt, NULL);
    const char *ids = fixture_rows(&rt.fx, "SELECT '0001.1:' || seq FROM records WHERE ev = 'their.own'");
    char what[64];
    snprintf(what, sizeof what, "%s", ids);
    assert_int_equal(explain(&rt, what), EXIT_PASSED);
    captured_in_order("election\\x1b]0;owned\\x07 timer fires", "their.own", NULL);
    for (const char *p = captured_text; *p != '\0'; p++)
        assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
    assert_int_equal(explain(&rt, "op:0100:1"), EXIT_PASSED);
    for (const char *p = captured_text; *p != '\0'; p++)
        assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
    rt_close(&rt);
}

static void a_check_names_its_first_violation(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_stale_read(&rt);
    assert_int_equal(rt_check(&rt, NULL), VERDICT_FAIL);
    assert_int_equal(explain(&rt, "R45"), EXIT_PASSED);
    captured_in_order("without a quorum round", "R45", NULL);
    assert_int_equal(explain(&rt, "R13"), EXIT_PASSED);
    captured_in_order("no violation to explain of R13: it answered pass", NULL);
    rt_close(&rt);
}

static void keys_may_contain_equals_signs_and_long_values_are_cut(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    char value[501];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    rt_sim(&rt, "op.invoke", "\"op\":\"c:1\",\"cli\":\"c\",\"f\":\"put\",\"key\":\"a=b=c\",\"val\":\"1=2\"");
    rt_sim(&rt, "op.invoke", "\"op\":\"c:2\",\"cli\":\"c\",\"f\":\"put\",\"key\":\"long\",\"val\":\"%s\"", value);
    rt_check(&rt, NULL);
    assert_int_equal(explain(&rt, "a=b=c=1=2"), EXIT_PASSED);
    captured_in_order("begins c:1", NULL);
    assert_int_equal(explain(&rt, "op:c:2"), EXIT_PASSED);
    captured_in_order("begins c:2", "xxxx\u2026(+300 bytes)", NULL);
    captured_lacks(value);
    rt_close(&rt);
}

/* Two runs with an operation of the same name: the other one is named, and --run chooses. */
static void an_ambiguous_name_is_said_and_the_run_can_be_chosen(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_stale_read(&rt);
    rt_check(&rt, NULL);
    db_exec(&rt.fx.db, "INSERT INTO runs(run_id, name, t_end, schema_v) SELECT 2, 'other', 0, schema_v FROM runs;"
                       "INSERT INTO ops(run_id, op, client, f, key, val, t_invoke, result)"
                       " VALUES (2, '0100:1', '0100', 'put', 'k', 'v', 5, 'info')");
    assert_false(rt.fx.db.failed);
    assert_int_equal(explain(&rt, "op:0100:1"), EXIT_PASSED);
    captured_in_order("op:0100:1", "this is of run t", "the same name stands for something in run other", NULL);
    const char *args[] = {"explain", rt.fx.path, "op:0100:1", "--run", "other", NULL};
    assert_int_equal(captured(cmd_explain, args), EXIT_PASSED);
    captured_in_order("op:0100:1", "this is of run other", NULL);
    captured_lacks("stands for");
    args[4] = "nobodys";
    assert_int_equal(captured(cmd_explain, args), EXIT_DATA);
    rt_close(&rt);
}

/* A PreVote of a higher term would have deposed nobody (dissertation 9.6). */
static void lost_prevotes_are_not_counted_among_what_would_have_deposed(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_stale_read(&rt);
    assert_int_equal(rt_check(&rt, NULL), VERDICT_FAIL);
    db_exec(&rt.fx.db, "UPDATE messages SET type = 'prevote_req' WHERE fate = 'dropped'");
    assert_int_equal(explain(&rt, "R45"), EXIT_PASSED);
    captured_lacks("carried a higher term");
    rt_close(&rt);
}

/* Rows that statements stepped over without an index. */
static int count_scanned(unsigned what, void *total, void *statement, void *time)
{
    (void)what;
    (void)time;
    *(int64_t *)total += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    return 0;
}

/* What is scanned (violations, faults, nodes) does not grow with the records. */
static void no_question_reads_through_all_records(void **state)
{
    (void)state;
    static const char *const things[] = {"op:0100:1", "k=v1",      "0001.1:3", "leader:0001@2",
                                         "F1",        "lost:k=v1", "lost:V1"};
    int64_t scanned[2], records[2];
    for (int i = 0; i < 2; i++) {
        struct raft_trace rt;
        rt_open(&rt, 3);
        rt_stale_read(&rt);
        for (int k = 0; i == 1 && k < 20; k++)
            rt_put(&rt, 1, 1u << 2);
        rt_check(&rt, NULL);
        db_exec(&rt.fx.db, "DELETE FROM sqlite_stat1; ANALYZE sqlite_master"); /* or small tables are rightly scanned */
        scanned[i] = 0;
        records[i] = db_int(&rt.fx.db, "SELECT count(*) FROM records", 0);
        FILE *out = fopen("/dev/null", "w");
        assert_non_null(out);
        sqlite3_trace_v2(rt.fx.db.h, SQLITE_TRACE_PROFILE, count_scanned, &scanned[i]);
        assert_true(explain_violation(&rt.fx.db, 1, EXPLAIN_DEPTH, out));
        for (size_t k = 0; k < sizeof things / sizeof *things; k++) {
            if (!explain_thing(&rt.fx.db, things[k], 0, EXPLAIN_DEPTH, out))
                fail_msg("%s is not there", things[k]);
        }
        sqlite3_trace_v2(rt.fx.db.h, 0, NULL, NULL);
        fclose(out);
        rt_close(&rt);
    }
    assert_true(records[1] > records[0] * 2);
    if (scanned[1] > scanned[0] + 20)
        fail_msg("%lld rows without an index in %lld records, %lld in %lld", (long long)scanned[0],
                 (long long)records[0], (long long)scanned[1], (long long)records[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stale_read_is_told_from_the_partition_to_the_step_down),
        cmocka_unit_test(every_step_names_its_record_and_its_line),
        cmocka_unit_test(a_broken_rule_is_told_with_the_chain_behind_it),
        cmocka_unit_test(an_election_is_walked_back_to_the_timer),
        cmocka_unit_test(a_record_an_operation_a_value_a_fault_and_a_datagram_can_be_named),
        cmocka_unit_test(what_is_not_there_is_said_and_nothing_is_invented),
        cmocka_unit_test(depth_decides_how_far_the_chain_goes),
        cmocka_unit_test(without_replica_traces_the_story_is_told_from_the_wire),
        cmocka_unit_test(hostile_text_never_reaches_the_terminal_as_it_is),
        cmocka_unit_test(a_check_names_its_first_violation),
        cmocka_unit_test(keys_may_contain_equals_signs_and_long_values_are_cut),
        cmocka_unit_test(an_ambiguous_name_is_said_and_the_run_can_be_chosen),
        cmocka_unit_test(no_question_reads_through_all_records),
        cmocka_unit_test(lost_prevotes_are_not_counted_among_what_would_have_deposed),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
