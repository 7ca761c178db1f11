/* raft_bad.c -- see raft_bad.h. */
#include "raft_bad.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct trial {
    const struct raft_bad *bad;
    void (*before)(struct raft_trace *rt);
};

static void rule_fires(void **state)
{
    const struct trial *trial = *state;
    const struct raft_bad *bad = trial->bad;
    struct raft_trace rt;
    trial->before(&rt);
    bad->scenario(&rt);
    rt_expect(&rt, bad->rule, bad->class);
    rt_close(&rt);
}

int raft_bad_run(const char *group, const struct raft_bad *bads, size_t n, void (*before)(struct raft_trace *rt))
{
    struct trial *trials = calloc(n, sizeof *trials);
    struct CMUnitTest *tests = calloc(n, sizeof *tests);
    if (trials == NULL || tests == NULL)
        abort();
    for (size_t i = 0; i < n; i++) {
        trials[i] = (struct trial){.bad = &bads[i], .before = before};
        tests[i] = (struct CMUnitTest){.name = bads[i].name, .test_func = rule_fires, .initial_state = &trials[i]};
    }
    int failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
    free(tests);
    free(trials);
    return failed;
}
