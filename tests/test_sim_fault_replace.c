/* test_sim_fault_replace.c -- a server is exchanged for an empty one, in virtual time. */
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
    "{\"name\": \"replace\", \"lifetime\": 12, \"end_wait\": 5, \"replicas\": 3, \"mix\": 0.5, \"durable\": true,"     \
    " \"clients\": {\"mode\": \"shared\", \"count\": 4, \"keys\": 3, \"timeout_ms\": 500, \"rate\": 30},"              \
    " \"replica\": {\"args\": [\"--election-ms\", \"300-600\", \"--heartbeat-ms\", \"100\"]},"

/* An empty disk begins in term 0 without entries; in the end it has what all have. */
static void an_empty_server_takes_the_place_of_a_member(void **state)
{
    (void)state;
    static const char scenario[] = BEGINNING
        "\"members\": true, \"faults\": [{\"kind\": \"replace\", \"node\": \"0001\", \"begin\": 1, \"end\": 6},"
        "{\"kind\": \"replace\", \"node\": \"leader\", \"begin\": 6, \"end\": 11}]}";
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct virtual_run *o = virtual_run_of(scenario, seed);
        virtual_run_well(o);
        assert_int_equal(virtual_run_count(o, "\"ev\":\"fault.begin\",\"f\":1,\"kind\":\"replace\",\"node\":\"0001\""),
                         1);
        assert_int_equal(virtual_run_count(o, "\"kind\":\"wipe\""), 4); /* begins and ends */
        /* Three that start as members, two that start as nothing. */
        assert_int_equal(virtual_run_count(o, "\"ev\":\"node.start\",\"term\":0"), 5);
        assert_int_equal(virtual_run_count(o, "\"ev\":\"fault.end\",\"f\":1,\"kind\":\"replace\",\"node\":\"0001\""),
                         1);
        virtual_run_free(o);
    }
}

/* Its removal is never committed: so its disk stays. */
static void nothing_is_wiped_before_the_removal_is_committed(void **state)
{
    (void)state;
    static const char scenario[] =
        BEGINNING "\"members\": true, \"faults\": ["
                  "{\"kind\": \"pause\", \"node\": \"0000\", \"begin\": 1, \"end\": 4},"
                  "{\"kind\": \"pause\", \"node\": \"0002\", \"begin\": 1, \"end\": 4},"
                  "{\"kind\": \"replace\", \"node\": \"0001\", \"begin\": 1.2, \"end\": 3.5}]}";
    struct virtual_run *o = virtual_run_of(scenario, 1);
    virtual_run_well(o);
    assert_int_equal(virtual_run_count(o, "\"kind\":\"replace\""), 2);
    assert_int_equal(virtual_run_count(o, "\"kind\":\"wipe\""), 0);
    virtual_run_free(o);
}

static void a_fixed_group_has_none_to_spare(void **state)
{
    (void)state;
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    static const struct {
        const char *rest, *words;
    } bad[] = {
        {"\"faults\": [{\"kind\": \"replace\", \"node\": \"0001\", \"begin\": 1, \"end\": 2}]}",
         "faults[0].kind: the group is fixed without \"members\": true"},
        {"\"members\": true, \"faults\": [{\"kind\": \"replace\", \"node\": \"0001\", \"begin\": 1, \"end\": 2,"
         " \"restart_after_ms\": [5, 1]}]}",
         "faults[0].restart_after_ms"},
        {"\"members\": true, \"faults\": [{\"kind\": \"replace\", \"begin\": 1, \"end\": 2}]}", "faults[0].node"},
        {"\"members\": true, \"faults\": [{\"kind\": \"replace\", \"node\": \"0001\", \"at\": 1}]}",
         "faults[0].at: is no key of a replace"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sim_config c;
        char scenario[1200];
        snprintf(scenario, sizeof scenario, "%s%s", BEGINNING, bad[i].rest);
        assert_int_equal(sim_config_load(scenario, &c, err, warnings), SIM_CONFIG_BAD);
        if (!strstr(err, bad[i].words))
            fail_msg("%s", err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_server_takes_the_place_of_a_member),
        cmocka_unit_test(nothing_is_wiped_before_the_removal_is_committed),
        cmocka_unit_test(a_fixed_group_has_none_to_spare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
