/* test_check_client.c -- C1 to C4: silent on a history that is right, speaking up on one that is wrong, and saying who,
 * when and why. */
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

#define VIOLATIONS "SELECT \"check\", fingerprint, key, title FROM violations ORDER BY violation_id"

/* Two clients, two keys, all in order, and one write whose outcome nobody knows. */
static void good_history(struct hdb *h)
{
    hdb_open(h);
    hdb_leader(h, "0000", 1, 0, HDB_OPEN, "trace");
    hdb_op(h, "0010", "get", "k1", "", 10, 20, "ok", "0000");
    hdb_op(h, "0010", "put", "k1", "a", 30, 40, "ok", "0000");
    hdb_op(h, "0011", "get", "k1", "a", 50, 60, "ok", "0000");
    hdb_op(h, "0011", "put", "k1", "b", 70, HDB_OPEN, "info", NULL);
    hdb_op(h, "0010", "get", "k1", "b", 80, 90, "ok", "0000");
    hdb_op(h, "0012", "put", "k2", "c", 30, 95, "ok", "0000");
    hdb_op(h, "0012", "get", "k2", "c", 3000, 3010, "ok", "0000");
    hdb_op(h, "0010", "get", "k1", "b", 3000, 3010, "ok", "0000");
}

static void a_right_history_passes_all_four_checks(void **state)
{
    (void)state;
    struct hdb h;
    good_history(&h);
    assert_check(&h, "C1", "pass");
    assert_check(&h, "C2", "pass");
    assert_check(&h, "C3", "pass");
    assert_check(&h, "C4", "pass");
    assert_sql(&h, VIOLATIONS, "");
    assert_sql(&h, "SELECT \"check\", examined, note FROM checks ORDER BY 1",
               "C1|2|0 of 2 keys not linearizable (8 operations)\nC2|5|-\nC3|5|-\n"
               "C4|2|2 of 2 keys were read after all writes in quiet times");
    hdb_close(&h);
}

static void a_run_without_operations_is_skipped_not_passed(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    for (int i = 1; i <= 4; i++) {
        char id[3] = {'C', (char)('0' + i), '\0'};
        assert_check(&h, id, "skipped");
    }
    hdb_close(&h);
}

/* The story of a deposed leader: 0003 leads term 1 and is cut off; 0000 leads term 2 and takes a write; 0003 answers a
 * read from its own state. */
static void deposed_leader(struct hdb *h, const char *origin)
{
    hdb_open(h);
    hdb_leader(h, "0003", 1, 100, 4600, origin);
    hdb_leader(h, "0000", 2, 3336, HDB_OPEN, origin);
    hdb_op(h, "0012", "put", "k3", "old", 2000, 2010, "ok", "0003");
    hdb_msg(h, "0001", "0003", "app_res", "x1", 1, 2900, 2901, "delivered", NULL, 0);
    hdb_msg(h, "0002", "0003", "app_res", "x2", 1, 2950, 2951, "delivered", NULL, 0);
    int64_t f =
        hdb_fault(h, "partition", NULL, "{\"groups\":[[\"0001\",\"0003\"],[\"0000\",\"0002\",\"0004\"]]}", 3000, 4500);
    hdb_msg(h, "0000", "0003", "vote_req", "x3", 2, 3177, 0, "dropped", "partition", f);
    hdb_msg(h, "0000", "0003", "app_req", "x4", 2, 3400, 0, "dropped", "partition", f);
    hdb_msg(h, "0001", "0003", "app_res", "x5", 1, 4100, 4101, "delivered", NULL, 0);
    hdb_op(h, "0012", "put", "k3", "new", 4150, 4166, "ok", "0000");
    hdb_op(h, "0010", "get", "k3", "old", 4513, 4520, "ok", "0003");
    hdb_msg(h, "0000", "0003", "app_req", "x6", 2, 4550, 4551, "delivered", NULL, 0);
}

static void a_stale_read_is_told_with_server_terms_fault_and_lost_messages(void **state)
{
    (void)state;
    struct hdb h;
    deposed_leader(&h, "trace");
    int64_t local = hdb_rec(&h, "0003", 4516, "read.local",
                            "{\"req\":\"0010:3#1\",\"key\":\"k3\",\"val\":\"old\",\"at\":34,\"policy\":\"local\"}");
    assert_check(&h, "C2", "fail");
    assert_sql(&h, "SELECT fingerprint, severity, node, key, t / 1000000, title FROM violations",
               "deposed-leader-local-read|LIN-STALE|0003|k3|4520|stale read of k3, 347.0 ms old");
    assert_int_equal(db_int(&h.db, "SELECT first_bad_rec FROM violations", 0), local);
    assert_sql(&h, "SELECT note FROM checks WHERE \"check\" = 'C2'", "1 read stale by 347.0 to 347.0 ms");
    assert_sql(
        &h, "SELECT pos, part, op_id, msg_id IS NOT NULL, fault_id, note FROM violation_evidence ORDER BY pos",
        "1|witness|1|0|-|0012 wrote k3 = old: called 2000.0 ms, acknowledged 2010.0 ms by 0003\n"
        "2|witness|2|0|-|0012 wrote k3 = new: called 4150.0 ms, acknowledged 4166.0 ms by 0000\n"
        "3|witness|3|0|-|0010 read k3 = old: called 4513.0 ms, answered 4520.0 ms by 0003\n"
        "4|cause|-|0|-|0003 believed that it was leader of term 1 since 100.0 ms\n"
        "5|cause|-|1|-|0003 answered 6.0 ms after the request had reached it, read policy local, without hearing from a"
        " majority in between\n"
        "6|cause|-|0|-|0000 led by then, in term 2, since 3336.0 ms\n"
        "7|cause|-|0|-|0003 had last heard from a majority at 2951.0 ms, 1568.5 ms before it answered\n"
        "8|fault|-|0|1|partition {0001 0003} | {0000 0002 0004} from 3000.0 ms to 4500.0 ms\n"
        "9|lost_message|-|1|-|vote_req term 2 from 0000 at 3177.0 ms, lost: partition\n"
        "10|lost_message|-|1|-|app_req term 2 from 0000 at 3400.0 ms, lost: partition\n"
        "11|enabler|-|0|-|2 lost messages to 0003 carried a higher term; any of them would have deposed it in time "
        "(first 3177.0"
        " ms, last 3400.0 ms)");
    hdb_close(&h);
}

static void a_black_box_gives_the_same_stale_read_of_the_same_class(void **state)
{
    (void)state;
    struct hdb h;
    deposed_leader(&h, "wire");
    assert_check(&h, "C2", "fail");
    assert_sql(&h, "SELECT fingerprint, node, key, t / 1000000, title FROM violations",
               "deposed-leader-local-read|0003|k3|4520|stale read of k3, 347.0 ms old");
    /* The first wrong step is what can be seen of it: the answer on the wire. */
    assert_sql(&h,
               "SELECT r.ev, json_extract(r.body, '$.mid') FROM violations v JOIN records r ON r.id = v.first_bad_rec",
               "net.in|0010:3#1");
    hdb_close(&h);
}

static void the_class_of_a_stale_read_follows_the_evidence(void **state)
{
    (void)state;
    struct hdb h;
    /* A majority answered between question and answer: not a local read. */
    deposed_leader(&h, "wire");
    hdb_msg(&h, "0001", "0003", "app_res", "y1", 1, 4514, 4515, "delivered", NULL, 0);
    hdb_msg(&h, "0002", "0003", "app_res", "y2", 1, 4514, 4515, "delivered", NULL, 0);
    assert_check(&h, "C2", "fail");
    assert_sql(&h, "SELECT fingerprint FROM violations", "deposed-leader-read");
    hdb_close(&h);
    /* The newest leader itself. */
    hdb_open(&h);
    hdb_leader(&h, "0003", 1, 100, HDB_OPEN, "trace");
    hdb_op(&h, "0012", "put", "k3", "old", 2000, 2010, "ok", "0003");
    hdb_op(&h, "0012", "put", "k3", "new", 4150, 4166, "ok", "0003");
    hdb_op(&h, "0010", "get", "k3", "old", 4513, 4520, "ok", "0003");
    assert_check(&h, "C2", "fail");
    assert_sql(&h, "SELECT fingerprint FROM violations", "leader-local-read");
    hdb_close(&h);
    /* A node that neither leads nor says so. */
    hdb_open(&h);
    hdb_leader(&h, "0000", 1, 100, HDB_OPEN, "trace");
    hdb_op(&h, "0012", "put", "k3", "old", 2000, 2010, "ok", "0000");
    hdb_op(&h, "0012", "put", "k3", "new", 4150, 4166, "ok", "0000");
    hdb_op(&h, "0010", "get", "k3", "old", 4513, 4520, "ok", "0003");
    db_exec(&h.db, "UPDATE records SET body = json_set(body, '$.ld', '0000') WHERE ev = 'net.in'");
    assert_check(&h, "C2", "fail");
    assert_sql(&h, "SELECT fingerprint FROM violations", "stale-follower-read");
    hdb_close(&h);
    /* Nobody knows who served it. */
    hdb_open(&h);
    hdb_op(&h, "0012", "put", "k3", "new", 4150, 4166, "ok", NULL);
    hdb_op(&h, "0010", "get", "k3", "", 4513, 4520, "ok", NULL);
    assert_check(&h, "C2", "fail");
    assert_sql(&h, "SELECT fingerprint, node FROM violations", "stale-read|-");
    hdb_close(&h);
}

static void stale_reads_are_listed_worst_first(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0012", "put", "k1", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0012", "put", "k1", "b", 20, 30, "ok", "0000");
    hdb_op(&h, "0012", "put", "k1", "c", 40, 50, "ok", "0000");
    hdb_op(&h, "0010", "get", "k1", "b", 60, 61, "ok", "0000");
    hdb_op(&h, "0010", "get", "k1", "a", 130, 131, "ok", "0000");
    assert_check(&h, "C2", "fail");
    assert_sql(&h, "SELECT violation_id, title FROM violations ORDER BY 1",
               "1|stale read of k1, 100.0 ms old, 2 versions behind\n2|stale read of k1, 10.0 ms old");
    hdb_close(&h);
}

static void linearizability_names_the_key_the_reason_and_the_smallest_proof(void **state)
{
    (void)state;
    struct hdb h;
    good_history(&h);
    hdb_op(&h, "0011", "put", "k3", "x", 100, 110, "ok", "0000");
    hdb_op(&h, "0011", "put", "k3", "y", 120, 130, "ok", "0000");
    hdb_op(&h, "0010", "get", "k3", "y", 140, 150, "ok", "0000");
    hdb_op(&h, "0010", "get", "k3", "x", 160, 170, "ok", "0000");
    assert_check(&h, "C1", "fail");
    assert_sql(&h, VIOLATIONS,
               "C1|not-linearizable-stale-read|k3|k3 is not linearizable: 0010 read x after y had replaced it");
    assert_sql(&h, "SELECT part, op_id FROM violation_evidence ORDER BY pos", "witness|9\nwitness|10\nwitness|12");
    assert_sql(&h, "SELECT note FROM checks", "1 of 3 keys not linearizable (12 operations)");
    hdb_close(&h);
}

/* W1 and W2 concurrent and acknowledged; then two readers see them in different orders. */
static void readers_that_disagree_are_an_order_conflict(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, HDB_OPEN, "info", NULL);
    hdb_op(&h, "0011", "put", "k", "b", 0, HDB_OPEN, "info", NULL);
    hdb_op(&h, "0012", "get", "k", "a", 10, 20, "ok", "0000");
    hdb_op(&h, "0012", "get", "k", "b", 30, 40, "ok", "0000");
    hdb_op(&h, "0012", "get", "k", "a", 50, 60, "ok", "0000");
    assert_check(&h, "C1", "fail");
    assert_sql(&h, "SELECT fingerprint FROM violations", "not-linearizable-order-conflict");
    assert_check(&h, "C2", "pass");
    hdb_close(&h);
}

static void repeated_values_are_searched(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    /* Two writes of the same value in flight (the course's clients do that), read in between: legal. */
    hdb_op(&h, "0010", "put", "k", "v", 0, 100, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "v", 5, 90, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "w", 10, 95, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "v", 20, 30, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "w", 40, 50, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "v", 60, 70, "ok", "0000");
    assert_check(&h, "C1", "pass");
    /* Back to w: there is only one write of it. */
    hdb_op(&h, "0010", "get", "k", "w", 72, 74, "ok", "0000");
    assert_check(&h, "C1", "fail");
    assert_sql(&h, "SELECT fingerprint, t / 1000000 FROM violations", "not-linearizable-no-legal-order|74");
    assert_sql(&h, "SELECT group_concat(op_id) FROM violation_evidence", "1,2,3,5,6,7");
    assert_check(&h, "C2", "pass");
    hdb_close(&h);
}

/* The client gave an attempt up after a redirect by a node that led: its log may still hold the write. */
static void an_attempt_redirected_by_a_leader_may_still_take_effect(void **state)
{
    (void)state;
    static const struct {
        double led_until;
        const char *verdict;
    } cases[] = {{1000, "pass"}, {5, "fail"}};
    for (size_t i = 0; i < 2; i++) {
        struct hdb h;
        hdb_open(&h);
        hdb_leader(&h, "0003", 1, 0, cases[i].led_until, "trace");
        hdb_op(&h, "0010", "put", "k", "a", 10, 50, "ok", "0000");
        db_exec(&h.db,
                "UPDATE ops SET tries = 2; UPDATE op_tries SET try = 2, t = 30000000;"
                "INSERT INTO op_tries(run_id, op_id, try, mid, node, t) VALUES (1, 1, 1, 'first', '0003', 10000000)");
        hdb_msg(&h, "0003", "0010", "redirect", "first", 0, 20, 25, "delivered", NULL, 0);
        hdb_op(&h, "0011", "put", "k", "b", 60, 70, "ok", "0000");
        hdb_op(&h, "0011", "get", "k", "a", 80, 90, "ok", "0000");
        assert_check(&h, "C1", cases[i].verdict);
        assert_check(&h, "C2", cases[i].verdict);
        hdb_close(&h);
    }
}

static void a_failed_write_counts_as_unknown_unless_the_run_says_otherwise(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "fail", "0000");
    hdb_op(&h, "0011", "get", "k", "a", 20, 30, "ok", "0000");
    assert_check(&h, "C1", "pass");
    assert_check(&h, "C4", "pass");
    db_exec(&h.db, "UPDATE runs SET config = '{\"sim\":{\"fail_is\":\"definite\"}}'");
    assert_check(&h, "C1", "fail");
    assert_check(&h, "C4", "fail");
    assert_sql(&h, VIOLATIONS,
               "C4|read-of-failed-write|k|0011 read k = a, whose write had failed\n"
               "C1|phantom-read|k|k is not linearizable: 0011 read a, which nobody wrote");
    hdb_close(&h);
}

/* A clock that went back, or a damaged trace: whatever is said of such a key, it is not "pass". */
static void an_operation_that_returns_before_it_is_called_leaves_its_key_undecided(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 30, 10, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "", 40, 50, "ok", "0000");
    hdb_op(&h, "0010", "get", "good", "", 40, 50, "ok", "0000");
    assert_check(&h, "C1", "unknown");
    assert_sql(&h, "SELECT note FROM checks",
               "0 of 2 keys not linearizable (2 operations); 1 not decided: operations that are not understood");
    hdb_close(&h);
}

static void values_out_of_nowhere_are_named_with_their_origin(void **state)
{
    (void)state;
    struct hdb h;
    good_history(&h);
    hdb_op(&h, "0010", "get", "k2", "zzz", 100, 110, "ok", "0000");
    hdb_op(&h, "0010", "get", "k2", "a", 120, 130, "ok", "0000");
    assert_check(&h, "C4", "fail");
    assert_sql(&h, VIOLATIONS,
               "C4|phantom-read|k2|0010 read k2 = zzz, which nobody wrote\n"
               "C4|value-of-another-key|k2|0010 read k2 = a, a value of k1");
    hdb_close(&h);
}

static void with_records_missing_a_value_without_a_write_proves_nothing(void **state)
{
    (void)state;
    struct hdb h;
    good_history(&h);
    hdb_op(&h, "0010", "get", "k2", "zzz", 100, 110, "ok", "0000");
    db_exec(&h.db, "UPDATE boots SET missing = 3");
    assert_check(&h, "C1", "unknown");
    assert_check(&h, "C4", "unknown");
    hdb_close(&h);
}

static void an_acknowledged_write_that_the_last_reads_miss_is_lost(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0011", "put", "k", "b", 20, 30, "ok", "0000");
    int64_t f = hdb_fault(&h, "partition", NULL, NULL, 40, 3500);
    hdb_op(&h, "0012", "get", "k", "a", 35, 39, "ok", "0001");
    assert_check(&h, "C4", "pass"); /* perhaps 0001 only lags */
    db_exec(&h.db, "INSERT INTO leader_terms(run_id, node, boot, term, t_start) VALUES (1, '0001', 1, 1, -2000000000)");
    db_exec(&h.db, "UPDATE faults SET t_begin = 2000000000");
    assert_check(&h, "C4", "fail"); /* not if it has led for long */
    db_exec(&h.db, "UPDATE faults SET t_begin = 40000000; DELETE FROM leader_terms");
    hdb_op(&h, "0012", "get", "k", "a", 4000, 4010, "ok", "0001");
    assert_check(&h, "C4", "pass"); /* not quiet yet: perhaps only the reader was cut off */
    hdb_op(&h, "0012", "get", "k", "a", 5000, 5010, "ok", "0001");
    hdb_op(&h, "0012", "get", "k", "b", 4900, 4910, "ok", "0000");
    assert_check(&h, "C4", "pass"); /* a server lags, but the value is there */
    db_exec(&h.db, "DELETE FROM ops WHERE f = 'get' AND val = 'b'");
    assert_check(&h, "C4", "fail");
    assert_sql(&h, VIOLATIONS,
               "C4|lost-write|k|lost write: k = b was acknowledged to 0011, but the last read returned a");
    assert_true(f > 0);
    hdb_close(&h);
}

static void operations_that_are_not_understood_leave_their_key_undecided(void **state)
{
    (void)state;
    struct hdb h;
    good_history(&h);
    hdb_op(&h, "0010", "cas", "k9", "a", 10, 20, "ok", "0000");
    assert_check(&h, "C1", "unknown");
    assert_sql(&h, "SELECT note FROM checks",
               "0 of 3 keys not linearizable (8 operations); 1 not decided: operations that are not understood");
    db_exec(&h.db,
            "UPDATE records SET body = '{\"old\":\"\"}' WHERE id = (SELECT invoke_rec FROM ops WHERE f = 'cas')");
    assert_check(&h, "C1", "pass");
    hdb_close(&h);
}

/* Linearizability implies what the lesser checks ask for, which know reads and writes alone. */
static void what_is_linearizable_passes_the_lesser_checks_whatever_its_operations(void **state)
{
    (void)state;
    static const char all[] = "C1,C2,C3,C4,C8,C9,C10,C11";
    for (int legal = 0; legal < 2; legal++) {
        struct hdb h;
        char verdict[16];
        hdb_open(&h);
        hdb_op(&h, "0010", "put", "k", "a", 0, 5, "ok", "0000");
        hdb_op(&h, "0010", "cas", "k", "b", 10, 20, "ok", "0000");
        hdb_op(&h, "0011", "get", "k", legal ? "b" : "a", 30, 40, "ok", "0000");
        db_exec(&h.db,
                "UPDATE records SET body = '{\"old\":\"a\"}' WHERE id = (SELECT invoke_rec FROM ops WHERE f = 'cas')");
        hdb_check(&h, all, verdict);
        assert_sql(&h, "SELECT DISTINCT verdict FROM checks ORDER BY 1", legal ? "pass" : "fail\nunknown");
        hdb_close(&h);
    }
}

/* Absence of evidence is not a verdict: the operation that is missing may be the one that proves it. */
static void a_history_with_holes_is_unknown_not_passed(void **state)
{
    (void)state;
    static const char *const holes[] = {
        "UPDATE boots SET missing = 1 WHERE node = 'sim'",
        "UPDATE boots SET end_kind = 'crashed' WHERE node = 'sim'",
        "INSERT INTO load_stats(run_id, node, name, severity, value) VALUES (1, 'sim', 'torn', 'data_loss', 1)",
    };
    for (size_t i = 0; i < sizeof holes / sizeof *holes; i++) {
        struct hdb h;
        good_history(&h);
        db_exec(&h.db, holes[i]);
        assert_check(&h, "C1", "unknown");
        assert_check(&h, "C2", "unknown");
        assert_check(&h, "C3", "unknown");
        assert_sql(&h, "SELECT count(*) FROM checks WHERE note LIKE '%sim: %missing%' OR note LIKE '%without a close%'",
                   "3");
        hdb_close(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_history_passes_all_four_checks),
        cmocka_unit_test(a_run_without_operations_is_skipped_not_passed),
        cmocka_unit_test(a_stale_read_is_told_with_server_terms_fault_and_lost_messages),
        cmocka_unit_test(a_black_box_gives_the_same_stale_read_of_the_same_class),
        cmocka_unit_test(the_class_of_a_stale_read_follows_the_evidence),
        cmocka_unit_test(stale_reads_are_listed_worst_first),
        cmocka_unit_test(linearizability_names_the_key_the_reason_and_the_smallest_proof),
        cmocka_unit_test(readers_that_disagree_are_an_order_conflict),
        cmocka_unit_test(repeated_values_are_searched),
        cmocka_unit_test(an_attempt_redirected_by_a_leader_may_still_take_effect),
        cmocka_unit_test(a_failed_write_counts_as_unknown_unless_the_run_says_otherwise),
        cmocka_unit_test(an_operation_that_returns_before_it_is_called_leaves_its_key_undecided),
        cmocka_unit_test(values_out_of_nowhere_are_named_with_their_origin),
        cmocka_unit_test(with_records_missing_a_value_without_a_write_proves_nothing),
        cmocka_unit_test(an_acknowledged_write_that_the_last_reads_miss_is_lost),
        cmocka_unit_test(operations_that_are_not_understood_leave_their_key_undecided),
        cmocka_unit_test(what_is_linearizable_passes_the_lesser_checks_whatever_its_operations),
        cmocka_unit_test(a_history_with_holes_is_unknown_not_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
