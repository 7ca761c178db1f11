/* test_check_wire.c -- C5 to C7: answers, the protocol, progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/history_db.h"

#define assert_check(h, id, expected)                                                                                  \
    do {                                                                                                               \
        char v_[16];                                                                                                   \
        assert_string_equal(hdb_check(h, id, v_), expected);                                                           \
    } while (0)
#define assert_sql(h, sql, expected)                                                                                   \
    do {                                                                                                               \
        char r_[4000];                                                                                                 \
        assert_string_equal(hdb_rows(h, sql, r_, sizeof r_), expected);                                                \
    } while (0)

#define VIOLATIONS "SELECT fingerprint, node, title FROM violations ORDER BY violation_id"

/* ---- C5 ---- */

static void each_request_answered_once_passes(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "a", 20, 30, "ok", "0001");
    hdb_op(&h, "0010", "get", "k", "a", 40, HDB_OPEN, "info", NULL);
    assert_check(&h, "C5", "pass");
    assert_sql(&h, "SELECT examined FROM checks", "2");
    hdb_close(&h);
}

static void wrong_answers_are_named_one_by_one(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_msg(&h, "0000", "0010", "redirect", "0010:1#1", 0, 12, 13, "delivered", NULL, 0);
    hdb_msg(&h, "0001", "0010", "ok", "NOBODYS", 0, 14, 15, "delivered", NULL, 0);
    hdb_op(&h, "0011", "put", "k", "b", 20, HDB_OPEN, "info", NULL);
    hdb_msg(&h, "0002", "0010", "ok", "0011:2#1", 0, 22, 23, "delivered", NULL, 0);
    hdb_op(&h, "0012", "put", "k", "c", 30, HDB_OPEN, "info", NULL);
    hdb_msg(&h, "0003", "0012", "sorry", "0012:3#1", 0, 32, 33, "delivered", NULL, 0);
    hdb_op(&h, "0012", "put", "k", "d", 40, HDB_OPEN, "info", NULL);
    int64_t m = hdb_msg(&h, "0004", "0012", "ok", "0012:4#1", 0, 42, 43, "delivered", NULL, 0);
    char sql[200];
    snprintf(sql, sizeof sql,
             "UPDATE records SET body = json_set(body, '$.ld', '00zz') WHERE id = (SELECT in_rec FROM messages"
             " WHERE msg_id = %lld)",
             (long long)m);
    db_exec(&h.db, sql);
    assert_check(&h, "C5", "fail");
    assert_sql(&h, VIOLATIONS,
               "duplicate-reply|0000|0000 sent answer number 2 to request 0010:1#1\n"
               "reply-to-unknown-mid|0001|0001 answered a request that nobody made: MID NOBODYS\n"
               "reply-to-wrong-client|0002|0002 sent 0010 the answer to request 0011:2#1 of 0011\n"
               "reply-of-unknown-type|0003|0003 sent client 0012 a message of type sorry\n"
               "invalid-leader-field|0004|0004 named 00zz as the leader: no replica, and not FFFF");
    hdb_close(&h);
}

/* A network may double a request; each copy may be answered. */
static void a_request_that_arrived_twice_may_be_answered_twice(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_msg(&h, "0010", "0000", "put", "0010:1#1", 0, 0, 5, "delivered", NULL, 0);
    hdb_msg(&h, "0000", "0010", "ok", "0010:1#1", 0, 12, 13, "delivered", NULL, 0);
    assert_check(&h, "C5", "pass");
    hdb_close(&h);
}

static void without_a_simulators_records_replies_are_skipped(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    assert_check(&h, "C5", "skipped");
    assert_check(&h, "C6", "skipped");
    assert_check(&h, "C7", "skipped");
    hdb_close(&h);
}

/* ---- C6 ---- */

static void datagrams_against_the_protocol_are_reported_with_their_reason(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    assert_check(&h, "C6", "pass");
    hdb_rec(&h, "sim", 20, "net.bad", "{\"d\":9,\"src\":\"0001\",\"why\":\"not_json\",\"sz\":3,\"raw\":\"{{{\"}");
    hdb_rec(&h, "sim", 21, "net.drop", "{\"d\":10,\"cp\":1,\"src\":\"0002\",\"dst\":\"0099\",\"why\":\"unknown_dst\"}");
    hdb_rec(&h, "sim", 22, "net.drop", "{\"d\":11,\"cp\":1,\"src\":\"0002\",\"dst\":\"0001\",\"why\":\"loss\"}");
    hdb_rec(&h, "0003", 23, "msg.bad", "{\"from\":\"0004\",\"why\":\"missing_field\",\"sz\":40,\"what\":\"term\"}");
    /* Anybody may say to be 0004: nothing is known of who sent these. */
    hdb_rec(&h, "0003", 23, "msg.bad", "{\"from\":\"0004\",\"why\":\"unknown_source\",\"sz\":40,\"what\":\"src\"}");
    hdb_rec(&h, "0003", 23, "msg.bad", "{\"from\":\"0004\",\"why\":\"bad_seal\",\"sz\":40}");
    hdb_rec(&h, "0003", 23, "msg.bad", "{\"from\":\"0004\",\"why\":\"replayed\",\"sz\":40}");
    hdb_rec(&h, "0003", 23, "msg.bad", "{\"why\":\"not_json\",\"sz\":3,\"addr\":\"192.0.2.1:9\"}");
    assert_check(&h, "C6", "fail");
    assert_sql(&h, VIOLATIONS,
               "bad-datagram-not_json|0001|0001 sent a datagram against the protocol: not_json\n"
               "bad-datagram-unknown_dst|0002|0002 sent 0099 a datagram against the protocol: unknown_dst\n"
               "bad-datagram-missing_field|0004|0004 sent 0003 a datagram against the protocol: missing_field, term");
    hdb_close(&h);
}

/* As many of that size as the network damaged and handed over are not the sender's. */
static void what_the_network_damaged_is_not_its_sender_s_fault(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_rec(&h, "sim", 20, "net.out",
            "{\"d\":9,\"cp\":1,\"src\":\"0001\",\"dst\":\"0003\",\"dly\":1,\"why\":\"corrupt\",\"sz\":40}");
    hdb_rec(&h, "sim", 20, "net.out",
            "{\"d\":9,\"cp\":2,\"src\":\"0001\",\"dst\":\"0003\",\"dly\":1,\"why\":\"truncated\",\"sz\":12}");
    hdb_rec(&h, "0003", 23, "msg.bad", "{\"why\":\"not_json\",\"sz\":40}");
    hdb_rec(&h, "0003", 24, "msg.bad", "{\"why\":\"not_json\",\"sz\":12}");
    assert_check(&h, "C6", "pass");
    hdb_rec(&h, "0002", 25, "msg.bad", "{\"why\":\"not_json\",\"sz\":40}");
    hdb_rec(&h, "0003", 26, "msg.bad", "{\"why\":\"not_json\",\"sz\":41}");
    hdb_rec(&h, "0003", 27, "msg.bad", "{\"why\":\"not_object\",\"sz\":40}");
    assert_check(&h, "C6", "fail");
    assert_sql(&h, VIOLATIONS,
               "bad-datagram-not_json|-|somebody sent 0002 a datagram against the protocol: not_json\n"
               "bad-datagram-not_json|-|somebody sent 0003 a datagram against the protocol: not_json\n"
               "bad-datagram-not_object|-|somebody sent 0003 a datagram against the protocol: not_object");
    hdb_close(&h);
}

static void a_flood_of_bad_datagrams_is_counted_and_cut(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    db_exec(&h.db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
                   " INSERT INTO records(id, run_id, node, boot, seq, t, lc, ev, source_id, line, body)"
                   " SELECT i, 1, 'sim', 1, i, i, i, 'net.bad', 1, i, '{\"why\":\"not_json\"}' FROM n");
    assert_check(&h, "C6", "fail");
    assert_sql(&h, "SELECT note, (SELECT count(*) FROM violations) FROM checks",
               "1500 found, the first 1000 stored|1000");
    hdb_close(&h);
}

/* ---- C7 ---- */

/* One get each 500 ms from `from` to `to`, answered or not. */
static void ask(struct hdb *h, double from, double to, bool answered)
{
    for (double t = from; t < to; t += 500)
        hdb_op(h, "0010", "get", "k", "", t, answered ? t + 10 : HDB_OPEN, answered ? "ok" : "info",
               answered ? "0000" : NULL);
}

static void success_now_and_then_is_progress(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    ask(&h, 0, 3000, true);
    ask(&h, 3000, 12000, false);
    ask(&h, 12000, 15000, true);
    assert_check(&h, "C7", "pass");
    hdb_close(&h);
}

static void a_healthy_group_that_never_succeeds_for_ten_seconds_fails(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    ask(&h, 0, 3000, true);
    ask(&h, 3000, 16000, false);
    ask(&h, 16000, 17000, true);
    assert_check(&h, "C7", "fail");
    assert_sql(&h, "SELECT fingerprint, t / 1000000, title FROM violations",
               "no-progress|13000|no operation succeeded for 13.0 s (3000.0 to 16010.0 ms) although a majority was up "
               "and connected");
    assert_sql(&h, "SELECT note FROM violation_evidence", "27 requests were sent in that time");
    hdb_close(&h);
}

/* From the first change of members until all are members again. */
static void silence_while_members_come_and_go_is_excused(void **state)
{
    (void)state;
    static const struct {
        const char *conf, *verdict;
        double applied;
    } cases[] = {
        {"0000 0001 0002 0003 0004", "pass", 8000},
        {"0000 0001 0002 0003 0004", "fail", 3500}, /* all are members again soon, and it goes on */
        {"0000 0001 0002 0003", "pass", 3500},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hdb h;
        char body[120], sql[300];
        hdb_open(&h);
        ask(&h, 0, 3000, true);
        ask(&h, 3000, 16000, false);
        ask(&h, 16000, 17000, true);
        snprintf(body, sizeof body, "{\"op\":\"conf\",\"idx\":7,\"conf\":\"%s\"}", cases[i].conf);
        int64_t append = hdb_rec(&h, "0000", 3100, "log.append", body);
        snprintf(sql, sizeof sql,
                 "INSERT INTO log_entries(run_id, node, idx, eterm, op, t_append, t_apply, append_rec)"
                 " VALUES (1, '0000', 7, 1, 'conf', 3100000000, %.0f, %lld)",
                 cases[i].applied * 1e6, (long long)append);
        assert_true(db_exec(&h.db, sql));
        assert_check(&h, "C7", cases[i].verdict);
        hdb_close(&h);
    }
}

static void silence_is_excused_while_no_majority_is_up_and_connected(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *target;
        unsigned nodes; /* how many of them: one fault each */
        const char *verdict;
    } cases[] = {
        {"kill", NULL, 3, "pass"},
        {"kill", NULL, 2, "fail"},
        {"pause", NULL, 3, "pass"},
        {"partition", "{\"groups\":[[\"0000\",\"0001\"],[\"0002\",\"0003\"],[\"0004\"]]}", 1, "pass"},
        {"partition", "{\"groups\":[[\"0000\",\"0001\"],[\"0002\",\"0003\",\"0004\"]]}", 1, "fail"},
        {"partition", "{\"links\":[[\"0000\",\"0001\"],[\"0000\",\"0002\"],[\"0000\",\"0003\"]]}", 1, "fail"},
        {"partition",
         "{\"links\":[[\"0000\",\"0002\"],[\"0003\",\"0000\"],[\"0001\",\"0003\"],[\"0001\",\"0004\"],[\"0002\","
         "\"0004\"]]}",
         1, "pass"},
        {"loss", "{\"p\":900}", 1, "pass"},
        {"loss", "{\"p\":50}", 1, "fail"},
        {"slow_link", NULL, 1, "pass"},
        {"slow_link", "{\"max_us\":2000}", 1, "fail"},
        {"slow_link", "{\"p\":1000,\"max_us\":900000}", 1, "pass"},
        {"duplicate", "{\"p\":900}", 1, "fail"},
        {"corrupt", "{\"p\":50}", 1, "fail"},
        {"truncate", "{\"p\":700}", 1, "pass"},
        {"loss", "{\"p\":900,\"links\":[[\"0001\",\"0002\"]]}", 1, "fail"},
        {"loss", "{\"p\":900,\"links\":[[\"0001\",\"client\"]]}", 1, "pass"},
        {"clog", NULL, 1, "pass"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hdb h;
        hdb_open(&h);
        ask(&h, 0, 3000, true);
        for (unsigned k = 0; k < cases[i].nodes; k++) {
            char node[16];
            snprintf(node, sizeof node, "000%u", k);
            hdb_fault(&h, cases[i].kind, cases[i].target == NULL && cases[i].nodes > 1 ? node : NULL, cases[i].target,
                      3000, 20000);
        }
        ask(&h, 3000, 20000, false);
        ask(&h, 20000, 21000, true);
        char v[16];
        if (strcmp(hdb_check(&h, "C7", v), cases[i].verdict) != 0)
            fail_msg("%s %s x%u: %s, expected %s", cases[i].kind, cases[i].target, cases[i].nodes, v, cases[i].verdict);
        hdb_close(&h);
    }
}

static void the_time_after_a_fault_counts(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    ask(&h, 0, 3000, true);
    hdb_fault(&h, "partition", NULL, "{\"groups\":[[\"0000\",\"0001\"],[\"0002\",\"0003\"]]}", 3000, 8000);
    ask(&h, 3000, 20000, false);
    assert_check(&h, "C7", "fail");
    assert_sql(&h, "SELECT t / 1000000 FROM violations", "18000");
    hdb_close(&h);
}

static void replicas_that_died_by_themselves_are_away_until_their_next_boot(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    ask(&h, 0, 3000, true);
    hdb_rec(&h, "sim", 3000, "node.exit", "{\"of\":\"0000\",\"why\":\"died\"}");
    hdb_rec(&h, "sim", 3000, "node.exit", "{\"of\":\"0001\",\"why\":\"died\"}");
    hdb_rec(&h, "sim", 3000, "node.exit", "{\"of\":\"0002\",\"why\":\"died\"}");
    ask(&h, 3000, 20000, false);
    assert_check(&h, "C7", "pass");
    db_exec(&h.db, "INSERT INTO boots(run_id, node, boot, t_start) VALUES (1, '0001', 2, 4000000000)");
    assert_check(&h, "C7", "fail");
    hdb_close(&h);
}

/* Single requests may be lost, and the course's clients never ask twice. */
static void few_unanswered_requests_prove_nothing(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    ask(&h, 0, 3000, true);
    hdb_op(&h, "0010", "get", "k", "", 4000, HDB_OPEN, "info", NULL);
    hdb_op(&h, "0010", "get", "k", "", 30000, 30010, "ok", "0000");
    assert_check(&h, "C7", "pass");
    hdb_close(&h);
}

static void an_answer_without_its_request_proves_nothing_in_a_trace_with_holes(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_msg(&h, "0001", "0010", "ok", "NOBODYS", 0, 14, 15, "delivered", NULL, 0);
    db_exec(&h.db, "UPDATE boots SET missing = 1 WHERE node = 'sim'");
    assert_check(&h, "C5", "unknown");
    assert_sql(&h, VIOLATIONS, "");
    hdb_close(&h);
}

/* What was not recorded was not looked at. */
static void nothing_of_the_wire_passes_in_a_trace_with_holes(void **state)
{
    (void)state;
    static const char *const checks[] = {"C5", "C6", "C7"};
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        assert_check(&h, checks[i], "pass");
    db_exec(&h.db, "UPDATE boots SET missing = 1 WHERE node = 'sim'");
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        assert_check(&h, checks[i], "unknown");
    hdb_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_the_wire_passes_in_a_trace_with_holes),
        cmocka_unit_test(each_request_answered_once_passes),
        cmocka_unit_test(wrong_answers_are_named_one_by_one),
        cmocka_unit_test(a_request_that_arrived_twice_may_be_answered_twice),
        cmocka_unit_test(without_a_simulators_records_replies_are_skipped),
        cmocka_unit_test(datagrams_against_the_protocol_are_reported_with_their_reason),
        cmocka_unit_test(what_the_network_damaged_is_not_its_sender_s_fault),
        cmocka_unit_test(a_flood_of_bad_datagrams_is_counted_and_cut),
        cmocka_unit_test(success_now_and_then_is_progress),
        cmocka_unit_test(a_healthy_group_that_never_succeeds_for_ten_seconds_fails),
        cmocka_unit_test(silence_while_members_come_and_go_is_excused),
        cmocka_unit_test(silence_is_excused_while_no_majority_is_up_and_connected),
        cmocka_unit_test(the_time_after_a_fault_counts),
        cmocka_unit_test(replicas_that_died_by_themselves_are_away_until_their_next_boot),
        cmocka_unit_test(few_unanswered_requests_prove_nothing),
        cmocka_unit_test(an_answer_without_its_request_proves_nothing_in_a_trace_with_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
