/* What the loader derives from records: messages, operations, logs, leaders, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/fixture.h"

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

static void state_of(struct fixture *fx, char role, int64_t term, int64_t ci, int64_t ai, int64_t li)
{
    fx->state.role = role;
    fx->state.term = term;
    fx->state.ci = ci;
    fx->state.ai = ai;
    fx->state.li = li;
}

#define MESSAGE_COLUMNS                                                                                                      \
    "SELECT d, copy, mid, src, dst, type, fate, why, t_send, t_in, t_out, t_recv, ambiguous FROM messages ORDER BY d, copy"

/* trace/README.md, matching, case 2: msg.send -> net.in -> net.out -> msg.recv. */
static void a_message_through_the_simulator_becomes_one_row(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "0000", 100, "msg.send", "\"to\":\"0001\",\"ty\":\"app_req\",\"mid\":\"0000-1-1\",\"mterm\":1");
    fixture_rec(fx, "sim", 110, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"app_req\",\"mid\":\"0000-1-1\",\"sz\":120,\"term\":1");
    fixture_rec(fx, "sim", 120, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":10");
    fixture_rec(fx, "0001", 130, "msg.recv", "\"from\":\"0000\",\"ty\":\"app_req\",\"mid\":\"0000-1-1\",\"mterm\":1");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, MESSAGE_COLUMNS, "1|1|0000-1-1|0000|0001|app_req|delivered|-|100|110|120|130|0");
    assert_rows(fx, "SELECT term, size, latency FROM messages", "1|120|30");
    assert_rows(fx,
                "SELECT s.ev, i.ev, o.ev, r.ev, m.drop_rec FROM messages m JOIN records s ON s.id = send_rec JOIN records i"
                " ON i.id = in_rec JOIN records o ON o.id = out_rec JOIN records r ON r.id = recv_rec",
                "msg.send|net.in|net.out|msg.recv|-");
}

static void operations_carry_their_tries_and_result(void **state)
{
    struct fixture *fx = *state;
    fixture_rec(fx, "sim", 100, "op.invoke", "\"op\":\"0010:1\",\"cli\":\"0010\",\"f\":\"put\",\"key\":\"k\",\"val\":\"v\"");
    fixture_rec(fx, "sim", 101, "op.try", "\"op\":\"0010:1\",\"att\":1,\"mid\":\"0010:1#1\",\"to\":\"0000\"");
    fixture_rec(fx, "sim", 105, "op.try", "\"op\":\"0010:1\",\"att\":2,\"mid\":\"0010:1#2\",\"to\":\"0001\"");
    fixture_rec(fx, "sim", 110, "op.invoke", "\"op\":\"0011:1\",\"cli\":\"0011\",\"f\":\"get\",\"key\":\"k\"");
    fixture_rec(fx, "sim", 120, "op.return", "\"op\":\"0010:1\",\"res\":\"ok\",\"by\":\"0001\"");
    fixture_rec(fx, "sim", 130, "op.return", "\"op\":\"0011:1\",\"res\":\"ok\",\"val\":\"v\",\"by\":\"0001\"");
    fixture_rec(fx, "sim", 140, "op.invoke", "\"op\":\"0011:2\",\"cli\":\"0011\",\"f\":\"get\",\"key\":\"k\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT op, client, f, key, val, t_invoke, t_return, result, served_by, tries FROM ops ORDER BY op_id",
                "0010:1|0010|put|k|v|100|120|ok|0001|2\n0011:1|0011|get|k|v|110|130|ok|0001|0\n0011:2|0011|get|k|-|140|-|info|-|0");
    assert_rows(fx, "SELECT op_id, try, mid, node, t FROM op_tries", "1|1|0010:1#1|0000|101\n1|2|0010:1#2|0001|105");
    assert_rows(fx, "SELECT node, kind FROM nodes ORDER BY node", "0000|replica\n0001|replica\n0010|client\n0011|client\nsim|sim");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_through_the_simulator_becomes_one_row, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(operations_carry_their_tries_and_result, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
