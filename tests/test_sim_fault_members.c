/* test_sim_fault_members.c -- an administrator changes the group while it works, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "support/virtual_run.h"

#define BEGINNING                                                                                                      \
    "{\"name\": \"members\", \"lifetime\": 10, \"start_wait\": 3, \"end_wait\": 5, \"replicas\": 5, \"mix\": 0.5,"     \
    " \"clients\": {\"mode\": \"shared\", \"count\": 4, \"keys\": 3, \"timeout_ms\": 500, \"rate\": 30},"

static void members_come_and_go_and_clients_are_served(void **state)
{
    (void)state;
    static const char scenario[] = BEGINNING
        "\"members\": true, \"faults\": ["
        "{\"kind\": \"members\", \"node\": \"random\", \"do\": \"toggle\", \"begin\": 1, \"end\": 9, \"every\": 1},"
        "{\"kind\": \"members\", \"node\": \"random\", \"do\": \"transfer\", \"at\": 4.5},"
        "{\"kind\": \"members\", \"node\": \"it\", \"do\": \"toggle\", \"when\": \"becomes_leader\"}]}";
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct virtual_run *o = virtual_run_of(scenario, seed);
        virtual_run_well(o);
        assert_true(virtual_run_count(o, "\"kind\":\"members\"") >= 20); /* begins and ends */
        assert_true(virtual_run_count(o, "\"op\":\"conf\"") > 10);
        virtual_run_free(o);
    }
}

static void expect_problem(const char *scenario, const char *words)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    struct sim_config c;
    assert_int_equal(sim_config_load(scenario, &c, err, warnings), SIM_CONFIG_BAD);
    if (!strstr(err, words))
        fail_msg("%s", err);
}

static void what_cannot_be_asked_is_said(void **state)
{
    (void)state;
    expect_problem(BEGINNING "\"faults\": [{\"kind\": \"members\", \"node\": \"0001\", \"do\": \"add\", \"at\": 1}]}",
                   "fixed without \"members\": true");
    expect_problem(BEGINNING "\"members\": 1}", "members: must be true or false");
    expect_problem(
        BEGINNING
        "\"members\": true, \"faults\": [{\"kind\": \"members\", \"node\": \"0001\", \"do\": \"eat\", \"at\": 1}]}",
        "must be add, remove, toggle or transfer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_and_go_and_clients_are_served),
        cmocka_unit_test(what_cannot_be_asked_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
