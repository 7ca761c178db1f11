/* test_verdict.c -- `analyze RUN`: exit statuses, and what stands in the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/cli.h"
#include "../analyze/commands.h"
#include "../analyze/report_text.h"
#include "support/raft_trace.h"

static char text[65536];

static int verdict(struct raft_trace *rt, const char *option)
{
    char *argv[] = {(char *)(uintptr_t) "verdict", rt->fx.path, (char *)(uintptr_t)option, NULL};
    FILE *said = tmpfile();
    assert_non_null(said);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fileno(said), STDOUT_FILENO);
    int status = cmd_verdict(option != NULL ? 3 : 2, argv);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(said);
    text[fread(text, 1, sizeof text - 1, said)] = '\0';
    fclose(said);
    return status;
}

static void assert_says(const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" is not in:\n%s", words, text);
}

static void load(struct raft_trace *rt)
{
    rt->fx.state.role = 0;
    fixture_finish(&rt->fx);
    fixture_load(&rt->fx);
    db_close(&rt->fx.db);
}

static void a_good_run_passes_with_status_0(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_put(&rt, 0, RT_ALL);
    rt_get(&rt, 0, RT_ALL);
    load(&rt);
    assert_int_equal(verdict(&rt, NULL), EXIT_PASSED);
    assert_says("loaded   ");
    assert_says("complete: no gaps, no torn lines");
    assert_says("replicas 0000 0001 0002 (all instrumented)   clients 1   faults none");
    assert_says("0 lost (0.0 %)");
    assert_says("R13 one leader per term");
    assert_says("no disk.sync records in this trace");
    assert_says("\nok    ");
    assert_null(strstr(text, "FAIL"));
    assert_null(strstr(text, "UNKNOWN"));
    rt_close(&rt);
}

static void a_stale_read_fails_with_status_1_and_is_explained(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_stale_read(&rt);
    load(&rt);
    assert_int_equal(verdict(&rt, NULL), EXIT_VIOLATION);
    assert_says("faults 1 partition");
    assert_says("FAIL  C2 ");
    assert_says("FAIL  R45 reads confirmed");
    assert_says("same cause as V1");
    assert_says("first wrong step");
    assert_says("next  analyze explain ");
    assert_int_equal(verdict(&rt, "--exit-zero"), EXIT_PASSED);
    rt_close(&rt);
}

static void missing_records_leave_it_undecided_with_status_2(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt.fx.node[1].seq += 3;
    rt_timer(&rt, 1, "election");
    load(&rt);
    assert_int_equal(verdict(&rt, NULL), EXIT_UNDECIDED);
    assert_says("NOT complete");
    assert_says("LOSSY 0001: missing 3");
    assert_says("unknown, not passed");
    assert_says("UNKNOWN ");
    assert_int_equal(verdict(&rt, "--unknown-ok"), EXIT_PASSED);
    rt_close(&rt);
}

static void a_trace_in_which_nothing_can_be_checked_is_no_pass(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_bare(&rt, 1);
    fixture_rec(&rt.fx, "0000", 1000, "note", "\"text\":\"nothing else\"");
    load(&rt);
    assert_int_equal(verdict(&rt, NULL), EXIT_UNDECIDED);
    assert_says("nothing in this trace could be checked");
    assert_says("skip ");
    assert_null(strstr(text, "ok    C1"));
    assert_null(strstr(text, "ok    R13"));
    rt_close(&rt);
}

static void wrong_usage_and_missing_input_have_their_own_statuses(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 1);
    load(&rt);
    assert_int_equal(verdict(&rt, "--no-such-option"), EXIT_USAGE);
    assert_int_equal(verdict(&rt, "another"), EXIT_USAGE);
    unlink(rt.fx.path);
    snprintf(rt.fx.path, sizeof rt.fx.path, "/nonexistent/run.db");
    assert_int_equal(verdict(&rt, NULL), EXIT_NOINPUT);
    rt_close(&rt);
}

static void names_and_keys_of_the_trace_are_printed_harmless(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_sim(&rt, "fault.begin", "\"f\":1,\"kind\":\"kill\\u001b[2J\",\"node\":\"0000\"");
    rt_sim(&rt, "net.in", "\"d\":5000,\"src\":\"\\u001b]0;x\\u0007\",\"dst\":\"0000\",\"ty\":\"\\u001b[1m\",\"sz\":1");
    rt_request(&rt, 0, "get", "\\u001b[2Jkey");
    rt_sim(&rt, "op.return",
           "\"op\":\"0100:1\",\"res\":\"ok\",\"val\":\"\\u001b[5mnever written\",\"by\":\"\\u001b[7m\"");
    load(&rt);
    assert_int_equal(verdict(&rt, NULL), EXIT_VIOLATION);
    for (const char *p = text; *p != '\0'; p++)
        assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
    assert_says("\\x1b");
    rt_close(&rt);
}

static void numbers_get_their_commas(void **state)
{
    (void)state;
    char b[REPORT_NUMBER];
    assert_string_equal(report_number(0, b), "0");
    assert_string_equal(report_number(999, b), "999");
    assert_string_equal(report_number(1000, b), "1,000");
    assert_string_equal(report_number(30154, b), "30,154");
    assert_string_equal(report_number(-1234567, b), "-1,234,567");
    assert_string_equal(report_number(INT64_MIN, b), "-9,223,372,036,854,775,808");
}

static void an_error_without_a_loss_is_not_called_incomplete(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt.fx.state.role = 0;
    fixture_finish(&rt.fx);
    fixture_load(&rt.fx);
    db_exec(&rt.fx.db, "INSERT INTO load_stats(run_id, source_id, node, name, severity, value, line)"
                       " VALUES (1, 1, '0001', 'duplicate', 'error', 1, 0)");
    db_close(&rt.fx.db);
    assert_int_equal(verdict(&rt, NULL), EXIT_PASSED);
    assert_says("complete: no gaps, but with errors (see ERROR)");
    assert_says("ERROR 0001: duplicate 1");
    assert_null(strstr(text, "NOT complete"));
    assert_null(strstr(text, "unknown, not passed"));
    assert_null(strstr(text, ":0\n"));
    rt_close(&rt);
}

static void without_a_trace_of_the_network_loss_is_unknown(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt.no_sim = true;
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    load(&rt);
    verdict(&rt, NULL);
    assert_says("loss unknown (no trace of the network), ");
    assert_says(" not seen to arrive");
    assert_says("R47  no op.invoke records in this trace");
    assert_null(strstr(text, "0 lost"));
    rt_close(&rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_run_passes_with_status_0),
        cmocka_unit_test(a_stale_read_fails_with_status_1_and_is_explained),
        cmocka_unit_test(missing_records_leave_it_undecided_with_status_2),
        cmocka_unit_test(a_trace_in_which_nothing_can_be_checked_is_no_pass),
        cmocka_unit_test(wrong_usage_and_missing_input_have_their_own_statuses),
        cmocka_unit_test(names_and_keys_of_the_trace_are_printed_harmless),
        cmocka_unit_test(numbers_get_their_commas),
        cmocka_unit_test(an_error_without_a_loss_is_not_called_incomplete),
        cmocka_unit_test(without_a_trace_of_the_network_loss_is_unknown),
    };
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
