/* Traces without their ends: a kill excuses a missing trace.close, and nothing that the network saw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/fixture.h"

#define MS INT64_C(1000000)

static int open_fixture(void **state)
{
    struct fixture *fx = malloc(sizeof *fx);
    assert_non_null(fx);
    fixture_open(fx);
    *state = fx;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

static void sent(struct fixture *fx, int64_t t, const char *src, const char *dst, int d, bool told)
{
    if (told)
        fixture_recf(fx, src, t, "msg.send", "\"to\":\"%s\",\"ty\":\"app_req\",\"mid\":\"%s-1-%d\",\"mterm\":1", dst,
                     src, d);
    fixture_recf(fx, "sim", t + 1, "net.in",
                 "\"d\":%d,\"src\":\"%s\",\"dst\":\"%s\",\"ty\":\"app_req\",\"mid\":\"%s-1-%d\",\"sz\":9,\"term\":1", d,
                 src, dst, src, d);
}

static void handed(struct fixture *fx, int64_t t, const char *src, const char *dst, int d, bool told)
{
    fixture_recf(fx, "sim", t, "net.out", "\"d\":%d,\"cp\":1,\"src\":\"%s\",\"dst\":\"%s\",\"dly\":1", d, src, dst);
    if (told)
        fixture_recf(fx, dst, t + 1, "msg.recv", "\"from\":\"%s\",\"ty\":\"app_req\",\"mid\":\"%s-1-%d\",\"mterm\":1",
                     src, src, d);
}

/* 0000 and 0001 talk until 0001, whose trace ends after 20 ms, is killed after 1 s. */
static void begin(struct fixture *fx)
{
    fx->state.role = 'F';
    sent(fx, 10 * MS, "0000", "0001", 1, true);
    handed(fx, 11 * MS, "0000", "0001", 1, true);
    sent(fx, 20 * MS, "0001", "0000", 2, true);
    handed(fx, 21 * MS, "0001", "0000", 2, true);
}

/* Ends every trace but that of 0001. */
static void finish(struct fixture *fx)
{
    fx->state.role = 0;
    for (int i = 0; i < fx->n_nodes; i++) {
        if (strcmp(fx->node[i].name, "0001") == 0)
            continue;
        fixture_recf(fx, fx->node[i].name, 2000 * MS, "trace.close", "\"records\":%lld,\"lost\":0",
                     (long long)fx->node[i].seq + 1);
    }
    fixture_load(fx);
}

#define KILL "\"f\":1,\"kind\":\"kill\",\"node\":\"0001\",\"sig\":9"
#define LOSS "SELECT name, node, value FROM load_stats WHERE severity = 'data_loss'"
#define END  "SELECT end_kind, missing, loss_free FROM boots, runs WHERE node = '0001'"

static void a_kill_with_the_last_datagrams_unread_is_no_loss(void **state)
{
    struct fixture *fx = *state;
    begin(fx);
    sent(fx, 990 * MS, "0000", "0001", 3, true);
    handed(fx, 991 * MS, "0000", "0001", 3, false);
    fixture_rec(fx, "sim", 1000 * MS, "fault.begin", KILL);
    sent(fx, 1001 * MS, "0000", "0001", 4, true);
    handed(fx, 1002 * MS, "0000", "0001", 4, false);
    finish(fx);
    assert_rows(fx, LOSS, "");
    assert_rows(fx, END, "killed|0|1");
}

static void what_left_a_killed_process_after_its_last_record_proves_a_cut_tail(void **state)
{
    struct fixture *fx = *state;
    begin(fx);
    sent(fx, 30 * MS, "0001", "0000", 3, false);
    fixture_rec(fx, "sim", 1000 * MS, "fault.begin", KILL);
    finish(fx);
    assert_rows(fx, LOSS, "cut_tail|0001|1");
    assert_rows(fx, END, "cut|1|0");
}

static void what_a_killed_process_left_unread_for_long_proves_a_cut_tail(void **state)
{
    struct fixture *fx = *state;
    begin(fx);
    sent(fx, 800 * MS, "0000", "0001", 3, true);
    handed(fx, 801 * MS, "0000", "0001", 3, false);
    fixture_rec(fx, "sim", 1000 * MS, "node.exit", "\"of\":\"0001\",\"sig\":9,\"why\":\"killed\"");
    finish(fx);
    assert_rows(fx, LOSS, "cut_tail|0001|1");
    assert_rows(fx, END, "cut|1|0");
}

static void a_stopped_process_reads_nothing_until_it_is_killed(void **state)
{
    struct fixture *fx = *state;
    begin(fx);
    fixture_rec(fx, "sim", 500 * MS, "fault.begin", "\"f\":1,\"kind\":\"pause\",\"node\":\"0001\"");
    sent(fx, 800 * MS, "0000", "0001", 3, true);
    handed(fx, 801 * MS, "0000", "0001", 3, false);
    fixture_rec(fx, "sim", 1000 * MS, "fault.begin", "\"f\":2,\"kind\":\"kill\",\"node\":\"0001\"");
    finish(fx);
    assert_rows(fx, LOSS, "");
    assert_rows(fx, END, "killed|0|1");
}

/* It may be busy, or stopped: the simulator knows how much of what it handed over was not read. */
static void what_the_simulator_says_was_unread_proves_nothing(void **state)
{
    static const struct {
        const char *exit, *loss, *end;
    } says[] = {
        {"\"of\":\"0001\",\"sig\":9,\"unread\":2,\"why\":\"killed\"", "", "killed|0|1"},
        {"\"of\":\"0001\",\"sig\":9,\"unread\":1,\"why\":\"killed\"", "cut_tail|0001|2", "cut|2|0"},
    };
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        struct fixture *fx = *state;
        if (i > 0) {
            fixture_close(fx);
            fixture_open(fx);
        }
        begin(fx);
        sent(fx, 800 * MS, "0000", "0001", 3, true);
        handed(fx, 801 * MS, "0000", "0001", 3, false);
        sent(fx, 980 * MS, "0000", "0001", 4, true);
        handed(fx, 981 * MS, "0000", "0001", 4, false);
        fixture_rec(fx, "sim", 1000 * MS, "node.exit", says[i].exit);
        finish(fx);
        assert_rows(fx, LOSS, says[i].loss);
        assert_rows(fx, END, says[i].end);
    }
}

/* A process that was asked to stop, or that exited by itself, had the time to end its trace. */
static void only_a_kill_excuses_a_trace_without_an_end(void **state)
{
    static const char *const exits[] = {"\"of\":\"0001\",\"status\":0,\"why\":\"stopped\"",
                                        "\"of\":\"0001\",\"status\":0,\"why\":\"killed\"",
                                        "\"of\":\"0001\",\"status\":1,\"why\":\"died\""};
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++) {
        struct fixture *fx = *state;
        if (i > 0) {
            fixture_close(fx);
            fixture_open(fx);
        }
        begin(fx);
        fixture_rec(fx, "sim", 999 * MS, "fault.begin", "\"f\":1,\"kind\":\"kill\",\"node\":\"0001\",\"sig\":15");
        fixture_rec(fx, "sim", 1000 * MS, "node.exit", exits[i]);
        finish(fx);
        assert_rows(fx, LOSS, "no_close|0001|1");
        assert_rows(fx, "SELECT loss_free FROM runs", "0");
        assert_rows(fx, "SELECT count(*) FROM load_stats WHERE line = 0", "0");
    }
}

static void the_note_of_one_gap_of_several_says_so(void **state)
{
    struct fixture *fx = *state;
    fixture_text(fx, "a.jsonl",
                 "{\"n\":\"a\",\"b\":1,\"s\":90,\"t\":1,\"lc\":1,\"ev\":\"note\",\"text\":\"\"}\n"
                 "{\"n\":\"a\",\"b\":1,\"s\":99,\"t\":2,\"lc\":2,\"ev\":\"note\",\"text\":\"\"}\n");
    fixture_load(fx);
    assert_rows(fx, "SELECT value, note LIKE 'a.1: gap 1 of 2: the first 89 records%' FROM load_stats WHERE line = 1",
                "89|1");
}

static void an_unknown_result_and_an_operation_used_again_are_errors(void **state)
{
    struct fixture *fx = *state;
    for (int i = 0; i < 2; i++) {
        fixture_rec(fx, "sim", 10 + i * 10, "op.invoke", "\"op\":\"c:1\",\"cli\":\"c\",\"f\":\"get\",\"key\":\"k\"");
        fixture_rec(fx, "sim", 15 + i * 10, "op.return", "\"op\":\"c:1\",\"res\":\"maybe\"");
    }
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT name, severity, count(*) FROM load_stats GROUP BY name ORDER BY name",
                "bad_result|error|2\nop_twice|error|1");
    assert_rows(fx, "SELECT DISTINCT result FROM ops", "info");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_kill_with_the_last_datagrams_unread_is_no_loss, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_left_a_killed_process_after_its_last_record_proves_a_cut_tail,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_a_killed_process_left_unread_for_long_proves_a_cut_tail, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_stopped_process_reads_nothing_until_it_is_killed, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(what_the_simulator_says_was_unread_proves_nothing, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(only_a_kill_excuses_a_trace_without_an_end, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_note_of_one_gap_of_several_says_so, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_unknown_result_and_an_operation_used_again_are_errors, open_fixture,
                                        close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
