/* test_check_answer.c -- a request that was applied twice is answered with where it took effect (R42). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/raft_trace.h"

/* A put is in the log a second time: applied without effect, and answered with index `first` + `off`. */
static const char *answered_again(int64_t off)
{
    struct raft_trace rt;
    static char verdict[16];
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_put(&rt, 0, RT_ALL);
    struct rt_node *l = &rt.node[0];
    long long first = l->li, request = rt.requests;
    rt_timer(&rt, 0, "heartbeat");
    l->terms[++l->li] = l->term;
    rt_rec(&rt, 0, "log.append",
           "\"idx\":%lld,\"eterm\":1,\"op\":\"put\",\"h\":\"aa\",\"key\":\"k\",\"req\":\"REQ%lld\",\"cli\":\"0100\"",
           (long long)l->li, request);
    rt_recv(&rt, rt_follow(&rt, rt_send_append(&rt, 0, 1, l->li - 1, 1)));
    rt_commit(&rt, 0, l->li, "quorum");
    l->ai = l->li;
    rt_rec(&rt, 0, "apply",
           "\"idx\":%lld,\"eterm\":1,\"op\":\"put\",\"h\":\"aa\",\"key\":\"k\",\"req\":\"REQ%lld\",\"cli\":\"0100\","
           "\"dup\":true",
           (long long)l->li, request);
    rt_rec(&rt, 0, "req.reply",
           "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"op\":\"put\",\"res\":\"ok\",\"key\":\"k\",\"idx\":%lld", request,
           first + (long long)off);
    rt_check(&rt, "R42");
    snprintf(verdict, sizeof verdict, "%s", rt_verdict(&rt, "R42"));
    rt_close(&rt);
    return verdict;
}

static void a_repeated_request_is_answered_with_where_it_took_effect(void **state)
{
    (void)state;
    assert_string_equal(answered_again(0), "pass");
    assert_string_equal(answered_again(20), "fail");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeated_request_is_answered_with_where_it_took_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
