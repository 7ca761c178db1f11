/* test_advice.c -- which records more would switch on most checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../analyze/advice.h"
#include "support/raft_trace.h"

static void a_black_box_is_advised_to_begin_with_its_log(void **state)
{
    (void)state;
    struct fixture fx;
    fixture_open(&fx);
    fixture_rec(&fx, "sim", 1000, "op.invoke", "\"op\":\"c:1\",\"cli\":\"c\",\"f\":\"get\",\"key\":\"k\"");
    fixture_load(&fx);
    char *json = advice_json(&fx.db);
    assert_non_null(strstr(json, "{\"record\":\"log.append\",\"checks\":"));
    assert_non_null(strstr(json, "\"switches_on\":\"R15 R16 "));
    size_t rows = 0;
    for (const char *p = json; (p = strstr(p, "\"record\"")) != NULL; p++)
        rows++;
    assert_int_equal(rows, 4);
    free(json);
    fixture_close(&fx);
}

static void what_is_recorded_already_is_not_advised(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_timer(&rt, 0, "election");
    rt_role(&rt, 0, 'C', "election_timeout");
    rt_append(&rt, 0, 0, "0000000300000001");
    rt_check(&rt, "T1");
    char *json = advice_json(&rt.fx.db);
    assert_null(strstr(json, "\"log.append\""));
    assert_null(strstr(json, "\"role.change\""));
    assert_non_null(strstr(json, "\"msg.recv\""));
    free(json);
    rt_close(&rt);
}

static void a_replica_that_tells_all_is_advised_nothing(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_put(&rt, 0, RT_ALL);
    rt_check(&rt, "T1");
    char *json = advice_json(&rt.fx.db);
    assert_string_equal(json, "[]");
    free(json);
    rt_close(&rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_black_box_is_advised_to_begin_with_its_log),
        cmocka_unit_test(what_is_recorded_already_is_not_advised),
        cmocka_unit_test(a_replica_that_tells_all_is_advised_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
