/* test_check_session.c -- what each client may rely on (C3, C8 to C10), and sequential consistency (C11): silent where
 * it holds, speaking up where it is broken. */
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

#define VIOLATIONS "SELECT fingerprint, title FROM violations ORDER BY violation_id"
#define WITNESSES                                                                                                      \
    "SELECT group_concat(op_id, ' ') FROM (SELECT op_id FROM violation_evidence ORDER BY violation_id, pos)"

static void all_pass_on_a_history_that_is_linearizable(void **state)
{
    (void)state;
    static const char *const ids[] = {"C3", "C8", "C9", "C10", "C11"};
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "a", 20, 30, "ok", "0000");
    hdb_op(&h, "0011", "put", "k", "b", 40, 50, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "b", 60, 70, "ok", "0000");
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_check(&h, ids[i], "pass");
    assert_sql(&h, VIOLATIONS, "");
    hdb_close(&h);
}

/* Stale, but nothing that this client had known: no guarantee of a session is broken. */
static void a_stale_read_alone_breaks_no_session(void **state)
{
    (void)state;
    static const char *const ids[] = {"C3", "C8", "C9", "C10"};
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "b", 20, 30, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "b", 40, 50, "ok", "0000");
    hdb_op(&h, "0012", "get", "k", "a", 60, 70, "ok", "0001");
    assert_check(&h, "C2", "fail");
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_check(&h, ids[i], "pass");
    assert_check(&h, "C11", "pass");
    assert_sql(&h, "SELECT note FROM checks WHERE \"check\" = 'C11'", "not linearizable, but sequentially consistent");
    hdb_close(&h);
}

static void a_client_that_misses_its_own_write_is_named(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "b", 20, 30, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "a", 40, 50, "ok", "0001");
    assert_check(&h, "C8", "pass");
    assert_check(&h, "C9", "pass");
    assert_check(&h, "C10", "pass");
    assert_check(&h, "C3", "fail");
    assert_sql(&h, VIOLATIONS, "read-your-writes|0010 read k = a, older than what it wrote, b itself 10.0 ms before");
    assert_sql(&h, WITNESSES, "2 3");
    hdb_close(&h);
}

/* Two writers, so that only the reader's own session is broken. */
static void a_client_that_reads_backwards_is_named(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0012", "put", "k", "b", 20, 30, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "b", 40, 50, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "a", 60, 70, "ok", "0001");
    assert_check(&h, "C3", "pass");
    assert_check(&h, "C9", "pass");
    assert_check(&h, "C10", "pass");
    assert_check(&h, "C8", "fail");
    assert_sql(&h, VIOLATIONS, "monotonic-reads|0011 read k = a, older than what it had read, b itself 10.0 ms before");
    assert_sql(&h, WITNESSES, "3 2 4");
    hdb_close(&h);
}

static void writes_of_one_client_seen_in_the_wrong_order_are_named(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "b", 20, 30, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "b", 40, 50, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "a", 60, 70, "ok", "0001");
    assert_check(&h, "C10", "pass");
    assert_check(&h, "C9", "fail");
    assert_sql(&h, VIOLATIONS,
               "monotonic-writes|0011 read k = b and then a, which 0010 had written in the other order");
    assert_sql(&h, WITNESSES, "1 2 3 4");
    hdb_close(&h);
}

static void a_value_seen_without_the_one_it_rests_on_is_named(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0012", "get", "k", "a", 20, 30, "ok", "0000");
    hdb_op(&h, "0012", "put", "k", "b", 40, 50, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "b", 60, 70, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "a", 80, 90, "ok", "0001");
    assert_check(&h, "C9", "pass");
    assert_check(&h, "C10", "fail");
    assert_sql(&h, VIOLATIONS,
               "writes-follow-reads|0011 read k = b and then a, although 0012 had read a before it wrote b");
    assert_sql(&h, WITNESSES, "1 2 3 4 5");
    hdb_close(&h);
}

static void readers_that_see_two_writes_in_both_orders_leave_no_order_at_all(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0013", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0014", "put", "k", "b", 0, 10, "ok", "0001");
    hdb_op(&h, "0010", "get", "k", "a", 20, 30, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "b", 40, 50, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "b", 20, 30, "ok", "0001");
    hdb_op(&h, "0011", "get", "k", "a", 40, 50, "ok", "0001");
    assert_check(&h, "C11", "fail");
    assert_sql(&h, VIOLATIONS,
               "not-sequentially-consistent|k is not sequentially consistent: 0010 read a and then read b, but 0011 "
               "read b and then read a");
    assert_sql(&h, WITNESSES, "3 4 5 6");
    hdb_close(&h);
}

/* Each key alone could be, but not both: the store-buffering pattern. */
static void two_keys_together_can_fail_where_each_alone_does_not(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "x", "1", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "get", "y", "", 20, 30, "ok", "0000");
    hdb_op(&h, "0011", "put", "y", "2", 0, 10, "ok", "0001");
    hdb_op(&h, "0011", "get", "x", "", 20, 30, "ok", "0001");
    assert_check(&h, "C11", "fail");
    assert_sql(
        &h, VIOLATIONS,
        "not-sequentially-consistent|no order of all keys' operations keeps that of each client: all were tried");
    hdb_close(&h);
}

/* Values written twice: which write a read saw is not known, so sequential consistency is not judged. */
static void repeated_values_leave_it_undecided(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "b", 20, 30, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "b", 40, 50, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "a", 60, 70, "ok", "0000");
    assert_check(&h, "C11", "unknown");
    assert_sql(&h, VIOLATIONS, "");
    hdb_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pass_on_a_history_that_is_linearizable),
        cmocka_unit_test(a_stale_read_alone_breaks_no_session),
        cmocka_unit_test(a_client_that_misses_its_own_write_is_named),
        cmocka_unit_test(a_client_that_reads_backwards_is_named),
        cmocka_unit_test(writes_of_one_client_seen_in_the_wrong_order_are_named),
        cmocka_unit_test(a_value_seen_without_the_one_it_rests_on_is_named),
        cmocka_unit_test(readers_that_see_two_writes_in_both_orders_leave_no_order_at_all),
        cmocka_unit_test(two_keys_together_can_fail_where_each_alone_does_not),
        cmocka_unit_test(repeated_values_leave_it_undecided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
