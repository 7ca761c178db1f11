/* test_load_boot.c -- boots: one that should be there and is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/fixture.h"

#define LOST "SELECT node, value FROM load_stats WHERE name = 'missing_boot' AND severity = 'data_loss'"

/* The second boot of a replica; the first one's file is there, or not. */
static void load(struct fixture *fx, bool first, bool simulated)
{
    fixture_open(fx);
    if (simulated)
        fixture_rec(fx, "sim", 1, "net.in",
                    "\"d\":1,\"src\":\"0001\",\"dst\":\"0002\",\"ty\":\"x\",\"sz\":1,\"h\":\"00\"");
    if (first)
        fixture_rec(fx, "0001", 2, "note", "\"text\":\"first\"");
    fixture_text(fx, "0001.2.jsonl",
                 "{\"n\":\"0001\",\"b\":2,\"s\":1,\"t\":9,\"lc\":9,\"ev\":\"note\",\"text\":\"second\"}\n");
    fixture_finish(fx);
    fixture_load(fx);
}

static void under_a_simulator_boots_count_from_one(void **state)
{
    (void)state;
    struct fixture fx;
    load(&fx, true, true);
    assert_rows(&fx, LOST, "");
    fixture_close(&fx);
    load(&fx, false, true);
    assert_rows(&fx, LOST, "0001|1");
    fixture_close(&fx);
}

/* The simulator saw the second start fail: it recorded and sent nothing. One that sent something ran. */
static void a_start_that_came_to_nothing_leaves_no_trace(void **state)
{
    (void)state;
    for (int spoke = 0; spoke < 2; spoke++) {
        struct fixture fx;
        fixture_open(&fx);
        fixture_rec(&fx, "0001", 2, "note", "\"text\":\"first\"");
        fixture_rec(&fx, "sim", 3, "net.in", "\"d\":1,\"src\":\"0001\",\"dst\":\"0002\",\"ty\":\"x\",\"sz\":1");
        fixture_rec(&fx, "sim", 4, "node.exit", "\"of\":\"0001\",\"status\":74,\"why\":\"died\"");
        if (spoke)
            fixture_rec(&fx, "sim", 5, "net.in",
                        "\"d\":2,\"src\":\"0001\",\"dst\":\"0002\",\"ty\":\"hello\",\"sz\":1");
        fixture_rec(&fx, "sim", 6, "node.exit", "\"of\":\"0001\",\"status\":74,\"why\":\"died\"");
        fixture_text(&fx, "0001.3.jsonl",
                     "{\"n\":\"0001\",\"b\":3,\"s\":1,\"t\":9,\"lc\":9,\"ev\":\"note\",\"text\":\"third\"}\n");
        fixture_finish(&fx);
        fixture_load(&fx);
        assert_rows(&fx, LOST, spoke ? "0001|1" : "");
        fixture_close(&fx);
    }
}

/* A replica's store counts its starts over many runs. */
static void on_real_addresses_a_run_may_begin_with_any_boot(void **state)
{
    (void)state;
    struct fixture fx;
    load(&fx, false, false);
    assert_rows(&fx, LOST, "");
    fixture_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(under_a_simulator_boots_count_from_one),
        cmocka_unit_test(a_start_that_came_to_nothing_leaves_no_trace),
        cmocka_unit_test(on_real_addresses_a_run_may_begin_with_any_boot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
