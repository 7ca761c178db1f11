/* test_timeline.c -- the view has a column for each replica, is no wider than asked for, and says what it leaves out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/cli.h"
#include "../analyze/commands.h"
#include "support/captured.h"
#include "support/raft_trace.h"

static int timeline(struct raft_trace *rt, const char *first, ...)
{
    const char *args[24] = {"timeline", rt->fx.path, first};
    va_list ap;
    va_start(ap, first);
    for (int n = 3; first != NULL && n < 23 && (args[n] = va_arg(ap, const char *)) != NULL; n++)
        continue;
    va_end(ap);
    return captured(cmd_timeline, args);
}

static void stale_read(struct raft_trace *rt)
{
    rt_open(rt, 3);
    rt_stale_read(rt);
    assert_int_equal(rt_check(rt, NULL), VERDICT_FAIL);
}

static void a_stretch_is_shown_with_a_column_for_each_replica(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale_read(&rt);
    assert_int_equal(timeline(&rt, "--around", "V1", "--window", "2ms", "--ascii", NULL), EXIT_PASSED);
    static const char expected[] =
        "        ms  0000     0001     0002     event\n"
        "            L1 2     L2 4     F2 4     role and term, last index at the beginning\n";
    if (strncmp(captured_text, expected, strlen(expected)) != 0)
        fail_msg("%s", captured_text);
    captured_in_order("op:0100:3 get k -> 0000\n", "R        .        .        get from 0100 k\n",
                      "*        .        .        read.local k = v1 at 2, policy local", "V1 first wrong step\n",
                      "!        .        .        ok to 0100: get k = v1\n", "F1 ends: partition", "R receives", NULL);
    rt_close(&rt);
}

static void names_that_nothing_has_are_refused(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale_read(&rt);
    assert_int_equal(timeline(&rt, "--node", "9999", NULL), EXIT_USAGE);
    assert_int_equal(timeline(&rt, "--ev", "nosuch.*", NULL), EXIT_USAGE);
    assert_int_equal(timeline(&rt, "--node", "9999,0001", "--ev", "role.*", NULL), EXIT_PASSED);
    rt_close(&rt);
}

static void a_lost_message_ends_in_x_in_the_column_of_its_receiver(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale_read(&rt);
    assert_int_equal(timeline(&rt, "--around", "leader:0001@2", "--window", "6ms", "--ascii", "--width", "160", NULL),
                     EXIT_PASSED);
    captured_in_order(".        C2       .        follower -> candidate (election_timeout)\n",
                      "x        S        .        vote_req", "to 0000", "; lost to 0000 (partition F1)\n",
                      ".        L2       .        candidate -> leader (quorum_votes)\n", "x message lost", NULL);
    rt_close(&rt);
}

static void no_line_is_wider_than_asked_for(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale_read(&rt);
    for (int width = 60; width <= 200; width += 7) {
        char text[16];
        snprintf(text, sizeof text, "%d", width);
        assert_int_equal(timeline(&rt, "--from", "0", "--width", text, NULL), EXIT_PASSED);
        int at = 0;
        for (const char *p = strstr(captured_text, "0000"); p < strstr(captured_text, "\n\n"); p++) {
            at = *p == '\n' ? 0 : at + (((unsigned char)*p & 0xc0) != 0x80);
            if (at > width)
                fail_msg("wider than %d:\n%s", width, captured_text);
        }
    }
    rt_close(&rt);
}

static void heartbeats_are_left_out_and_counted_unless_everything_is_asked_for(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_timer(&rt, 0, "heartbeat");
    rt_recv(&rt, rt_follow(&rt, rt_send_append(&rt, 0, 1, 1, 0)));
    rt_check(&rt, NULL);
    assert_int_equal(timeline(&rt, "--from", "0", NULL), EXIT_PASSED);
    captured_in_order("app_req, term 1, 1 entries, to 0001", "records of heartbeats are left out: --ev '*' shows them",
                      NULL);
    captured_lacks("heartbeat timer");
    assert_int_equal(timeline(&rt, "--from", "0", "--ev", "*", NULL), EXIT_PASSED);
    captured_in_order("heartbeat timer", "app_req, term 1, to 0001", "app_res, term 1, ok true", NULL);
    captured_lacks("left out");
    rt_close(&rt);
}

static void nodes_and_events_can_be_chosen(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale_read(&rt);
    assert_int_equal(timeline(&rt, "--from", "0", "--ev", "role.*,vote.grant", "--ascii", NULL), EXIT_PASSED);
    captured_in_order("candidate -> leader", "vote for 0001, term 2", NULL);
    captured_lacks("entries");
    captured_lacks("op:");
    assert_int_equal(timeline(&rt, "--from", "0", "--node", "000[12]", "--ascii", NULL), EXIT_PASSED);
    captured_in_order("        ms  0001     0002     event\n", NULL);
    captured_lacks("read.local"); /* of 0000 */
    captured_lacks("op:");
    rt_close(&rt);
}

static void colour_is_only_there_when_it_is_on_and_the_letters_say_the_same(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale_read(&rt);
    assert_int_equal(timeline(&rt, NULL), EXIT_PASSED); /* no terminal */
    captured_lacks("\033");
    assert_int_equal(timeline(&rt, "--from", "0", "--color", "always", NULL), EXIT_PASSED);
    captured_in_order("\033[32mL1\033[0m", "\033[31mx\033[0m", NULL);
    assert_int_equal(timeline(&rt, "--color", "blue", NULL), EXIT_USAGE);
    rt_close(&rt);
}

static void hostile_text_is_escaped(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_rec(&rt, 1, "their.own\\u001b[2J", "\"x\\u001b[2J\":\"\\u001b[31mred\"");
    rt_request(&rt, 0, "get", "k\\u001b[2J\\r\\u202e\\u0085");
    rt_request(&rt, 0, "put", "\303\244\303\266");
    rt_check(&rt, NULL);
    assert_int_equal(timeline(&rt, "--from", "0", "--width", "200", NULL), EXIT_PASSED);
    captured_in_order("get k\\x1b[2J\\x0d\\xe2\\x80\\xae\\xc2\\x85", "\303\244\303\266", NULL);
    for (const char *p = captured_text; *p != '\0'; p++)
        assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
    assert_int_equal(timeline(&rt, "--from", "0", "--ascii", NULL), EXIT_PASSED);
    for (const char *p = captured_text; *p != '\0'; p++)
        assert_true(*p == '\n' || ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f));
    rt_close(&rt);
}

static void what_is_cut_is_said(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale_read(&rt);
    assert_int_equal(timeline(&rt, "--from", "0", "--limit", "3", NULL), EXIT_PASSED);
    captured_in_order("stopped at ", " ms after 3 lines, with ", " records to come: --limit N shows more", NULL);
    assert_int_equal(timeline(&rt, "--from", "1h", NULL), EXIT_USAGE);
    assert_int_equal(timeline(&rt, "--around", "V1", "--to", "1s", NULL), EXIT_USAGE);
    assert_int_equal(timeline(&rt, "--limit", "0", NULL), EXIT_USAGE);
    assert_int_equal(timeline(&rt, "--width", "wide", NULL), EXIT_USAGE);
    assert_int_equal(timeline(&rt, "--around", "V99", NULL), EXIT_DATA);
    assert_int_equal(timeline(&rt, "--around", "nothing", NULL), EXIT_DATA);
    assert_int_equal(timeline(&rt, "--run", "other", NULL), EXIT_DATA);
    rt_close(&rt);
}

static void every_name_has_its_moment(void **state)
{
    (void)state;
    struct raft_trace rt;
    stale_read(&rt);
    static const struct {
        const char *what, *shows;
    } cases[] = {{"V1", "V1 first wrong step"},  {"0001.1:3", "ms"},  {"op:0100:3", "op:0100:3 get k"},
                 {"leader:0001@2", "-> leader"}, {"F1", "F1 begins"}, {"d:1", "S"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(timeline(&rt, "--around", cases[i].what, "--window", "4ms", "--width", "160", NULL),
                         EXIT_PASSED);
        captured_in_order(cases[i].shows, NULL);
    }
    rt_close(&rt);
}

static void a_black_box_is_shown_from_the_network(void **state)
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
    assert_int_equal(timeline(&rt, "--from", "0", "--ascii", "--width", "140", NULL), EXIT_PASSED);
    captured_in_order("?        ?        role and term", "S        .        vote_req, term 1, to 0001",
                      "x        .        d:", "is lost (partition, F1)", NULL);
    rt_close(&rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stretch_is_shown_with_a_column_for_each_replica),
        cmocka_unit_test(names_that_nothing_has_are_refused),
        cmocka_unit_test(a_lost_message_ends_in_x_in_the_column_of_its_receiver),
        cmocka_unit_test(no_line_is_wider_than_asked_for),
        cmocka_unit_test(heartbeats_are_left_out_and_counted_unless_everything_is_asked_for),
        cmocka_unit_test(nodes_and_events_can_be_chosen),
        cmocka_unit_test(colour_is_only_there_when_it_is_on_and_the_letters_say_the_same),
        cmocka_unit_test(hostile_text_is_escaped),
        cmocka_unit_test(what_is_cut_is_said),
        cmocka_unit_test(every_name_has_its_moment),
        cmocka_unit_test(a_black_box_is_shown_from_the_network),
    };
    return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
