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

/* The last state that the newest process of `node` tells, as in its trace: "at":INDEX,"h":"DIGEST". */
static void last_state(const struct virtual_run *o, const char *node, char text[64])
{
    static const char event[] = "\"ev\":\"state.hash\"";
    const struct sim_tape *newest = NULL;
    for (const struct sim_tape *t = o->r.tapes.first; t; t = t->next)
        if (strcmp(t->node, node) == 0 && (!newest || t->boot > newest->boot))
            newest = t;
    assert_non_null(newest);
    assert_true(newest->boot > 1);
    const char *last = NULL, *end = newest->bytes + newest->n;
    for (const char *at = newest->bytes; (at = memmem(at, (size_t)(end - at), event, strlen(event))) != NULL; at++)
        last = at;
    assert_non_null(last);
    last = memmem(last, (size_t)(end - last), "\"at\":", 5);
    assert_non_null(last);
    const char *stop = memchr(last, '}', (size_t)(end - last));
    assert_non_null(stop);
    assert_in_range(stop - last, 1, 63);
    memcpy(text, last, (size_t)(stop - last));
    text[stop - last] = 0;
}

/* With what is left of the log, or with a snapshot. */
static void it_ends_in_the_state_of_the_others(void **state)
{
    (void)state;
    struct virtual_run *o = virtual_run_of("tests/scenarios/replace.json", 7), *again;
    char text[64];
    virtual_run_well(o);
    assert_true(virtual_run_count(o, "\"ev\":\"snap.install\"") > 0);
    last_state(o, "0001", text);
    print_message("0001 ends with %s\n", text);
    if (virtual_run_count(o, text) < 2)
        fail_msg("nobody else has %s", text);
    again = virtual_run_of("tests/scenarios/replace.json", 7);
    assert_true(o->r.hash == again->r.hash);
    virtual_run_free(o);
    virtual_run_free(again);
}

/* A decision can be undone by its name only if it is the only one that has it. */
static void each_new_disk_decides_anew(void **state)
{
    (void)state;
    static const char scenario[] =
        BEGINNING "\"members\": true, \"faults\": ["
                  "{\"kind\": \"replace\", \"node\": \"0001\", \"begin\": 1, \"end\": 4},"
                  "{\"kind\": \"replace\", \"node\": \"0001\", \"begin\": 4, \"end\": 8},"
                  "{\"kind\": \"disk\", \"node\": \"0001\", \"begin\": 0, \"end\": 10, \"write_errors\": 1e-6}]}";
    static const char *const once[] = {"\"seed\",\"name\":\"0001\"", "\"0001 new disk 1 write 1\"",
                                       "\"0001 new disk 2 write 1\"", "\"seed\",\"name\":\"0001 new disk 2\""};
    struct virtual_run *o = virtual_run_by(scenario, (struct sim_plan){.seed = 1, .keep_decisions = true});
    virtual_run_well(o);
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        const char *at = memmem(o->r.decisions, o->r.n_decisions, once[i], strlen(once[i]));
        if (!at)
            fail_msg("no decision %s", once[i]);
        const char *rest = at + 1, *end = o->r.decisions + o->r.n_decisions;
        if (memmem(rest, (size_t)(end - rest), once[i], strlen(once[i])))
            fail_msg("two decisions %s", once[i]);
    }
    virtual_run_free(o);
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
        cmocka_unit_test(it_ends_in_the_state_of_the_others),
        cmocka_unit_test(each_new_disk_decides_anew),
        cmocka_unit_test(nothing_is_wiped_before_the_removal_is_committed),
        cmocka_unit_test(a_fixed_group_has_none_to_spare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
