/* test_check_replace.c -- a server that comes back with an empty disk: as declared (a replacement), and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/raft_trace.h"

static const char cfg[] = "\"heartbeat_ms\":50,\"election_ms\":[100,200],\"reads\":\"index\"";

/* 2 has voted and acknowledged; it is removed, killed, and starts with nothing. */
static void lose_the_disk(struct raft_trace *rt, bool declared)
{
    rt_open_durable(rt, 3, cfg);
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt_kill(rt, 2);
    if (declared) {
        rt_sim(rt, "fault.begin", "\"f\":7,\"kind\":\"wipe\",\"node\":\"0002\"");
        rt_sim(rt, "fault.end", "\"f\":7,\"kind\":\"wipe\",\"node\":\"0002\"");
    }
    rt_forget(rt, 2);
    rt_restart(rt, 2);
}

static void expect(bool declared, const char *rule, const char *verdict)
{
    struct raft_trace rt;
    lose_the_disk(&rt, declared);
    rt_check(&rt, rule);
    if (strcmp(rt_verdict(&rt, rule), verdict) != 0)
        fail_msg("%s: %s, not %s", rule, rt_verdict(&rt, rule), verdict);
    rt_close(&rt);
}

static void what_it_was_does_not_bind_a_new_server(void **state)
{
    (void)state;
    expect(true, "R1", "pass");
    expect(true, "R51", "skipped");
    expect(true, "R52", "pass");
}

static void a_disk_that_is_empty_without_a_word_is_found(void **state)
{
    (void)state;
    expect(false, "R1", "fail");
    expect(false, "R51", "fail");
}

/* It votes again in a term in which it had voted. */
static void vote_again(bool declared, const char *verdict)
{
    struct raft_trace rt;
    lose_the_disk(&rt, declared);
    rt_term(&rt, 2, 1, "higher_term_msg");
    rt_vote(&rt, 2, 1, 1, 9, 9);
    rt_check(&rt, "R7");
    assert_string_equal(rt_verdict(&rt, "R7"), verdict);
    rt_close(&rt);
}

static void a_new_server_may_vote_where_the_old_one_did(void **state)
{
    (void)state;
    vote_again(true, "pass");
    vote_again(false, "fail");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_was_does_not_bind_a_new_server),
        cmocka_unit_test(a_disk_that_is_empty_without_a_word_is_found),
        cmocka_unit_test(a_new_server_may_vote_where_the_old_one_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
