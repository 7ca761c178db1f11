/* test_sim_fault_members.c -- an administrator changes the group while it works, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_run.h"

#define BEGINNING                                                                                                      \
    "{\"name\": \"members\", \"lifetime\": 10, \"start_wait\": 3, \"end_wait\": 5, \"replicas\": 5, \"mix\": 0.5,"     \
    " \"clients\": {\"mode\": \"shared\", \"count\": 4, \"keys\": 3, \"timeout_ms\": 500, \"rate\": 30},"

struct outcome {
    struct sim_config c;
    struct sim_result r;
};

static struct outcome *run(const char *scenario, uint64_t seed)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    struct outcome *o = calloc(1, sizeof *o);
    assert_non_null(o);
    if (sim_config_load(scenario, &o->c, err, warnings) != SIM_CONFIG_OK)
        fail_msg("%s", err);
    const struct sim_plan plan = {
        .cfg = &o->c, .seed = seed, .version = "test", .quiet = true, .silent = true, .traces = true};
    int rc = sim_run(&plan, &o->r, err);
    if (rc)
        fail_msg("seed %llu: status %d: %s", (unsigned long long)seed, rc, err);
    return o;
}

static void forget(struct outcome *o)
{
    sim_result_free(&o->r);
    sim_config_free(&o->c);
    free(o);
}

static unsigned count(const struct outcome *o, const char *text)
{
    unsigned n = 0;
    for (const struct sim_tape *t = o->r.tapes.first; t; t = t->next)
        for (const char *at = t->bytes, *end = t->bytes + t->n;
             at && (at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL; at++)
            n++;
    return n;
}

static void members_come_and_go_and_clients_are_served(void **state)
{
    (void)state;
    static const char scenario[] = BEGINNING
        "\"members\": true, \"faults\": ["
        "{\"kind\": \"members\", \"node\": \"random\", \"do\": \"toggle\", \"begin\": 1, \"end\": 9, \"every\": 1},"
        "{\"kind\": \"members\", \"node\": \"random\", \"do\": \"transfer\", \"at\": 4.5},"
        "{\"kind\": \"members\", \"node\": \"it\", \"do\": \"toggle\", \"when\": \"becomes_leader\"}]}";
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct outcome *o = run(scenario, seed);
        if (o->r.violation.found)
            fail_msg("seed %llu: %s %s", (unsigned long long)seed, o->r.violation.rule, o->r.violation.words);
        assert_true(o->r.verdict.correct && !o->r.no_progress);
        assert_true(count(o, "\"kind\":\"members\"") >= 20); /* begins and ends */
        assert_true(count(o, "\"op\":\"conf\"") > 10);
        forget(o);
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
