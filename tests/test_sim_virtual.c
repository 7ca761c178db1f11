/* Runs in virtual time, in this process: our own replicas, same seed, same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_virtual_int.h"
#include "support/virtual_run.h"

static const char hostile[] =
    "{\"name\": \"hostile\", \"lifetime\": 10, \"start_wait\": 3, \"end_wait\": 6, \"replicas\": 5, \"mix\": 0.5,"
    " \"clients\": {\"mode\": \"shared\", \"count\": 8, \"keys\": 3, \"timeout_ms\": 700, \"rate\": 60},"
    " \"network\": {\"loss\": 0.1, \"duplicate\": 0.1, \"delay_ms\": [0, 20]},"
    " \"faults\": [{\"kind\": \"partition\", \"around\": \"leader\", \"begin\": 1, \"end\": 3},"
    "  {\"kind\": \"pause\", \"node\": \"leader\", \"begin\": 4, \"end\": 5},"
    "  {\"kind\": \"kill\", \"node\": \"random\", \"at\": 6, \"signal\": \"TERM\"},"
    "  {\"kind\": \"kill\", \"node\": \"leader\", \"at\": 7}]}";

static uint64_t hash_of(uint64_t seed, const char *reads)
{
    struct virtual_run *o = virtual_run_by(hostile, (struct sim_plan){.seed = seed, .reads = reads, .traces = true});
    uint64_t hash = o->r.hash;
    virtual_run_free(o);
    return hash;
}

static void the_same_seed_gives_the_same_bytes_and_another_seed_others(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        uint64_t hash = hash_of(seed, NULL);
        assert_true(hash == hash_of(seed, NULL));
        assert_true(hash != hash_of(seed + 1, NULL));
    }
    assert_true(hash_of(1, NULL) != hash_of(1, "index"));
}

static bool says(const struct sim_tape *t, const char *text)
{
    return memmem(t->bytes, t->n, text, strlen(text)) != NULL;
}

static void replicas_serve_clients_through_faults(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct virtual_run *o = virtual_run_by(hostile, (struct sim_plan){.seed = seed, .traces = true});
        assert_true(o->r.verdict.correct && o->r.end == SIM_ENDED && !o->r.no_progress && !o->r.violation.found);
        assert_true(o->r.stats.acked_puts > 100 && o->r.stats.acked_gets > 100 && o->r.stats.killed >= 1);
        const struct sim_tape *sim = o->r.tapes.first;
        assert_string_equal(sim->node, "sim");
        assert_true(says(sim, "\"ev\":\"node.exit\"") && says(sim, "\"ev\":\"trace.close\""));
        assert_false(says(sim, "\"why\":\"died\""));
        virtual_run_free(o);
    }
}

/* What happens does not depend on whether anybody writes it down. */
static void without_traces_the_run_is_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct virtual_run *with = virtual_run_by(
                               hostile, (struct sim_plan){.seed = seed, .traces = true, .keep_decisions = true}),
                           *without = virtual_run_by(hostile, (struct sim_plan){.seed = seed, .keep_decisions = true});
        assert_null(without->r.tapes.first);
        assert_int_equal(with->r.n_decisions, without->r.n_decisions);
        assert_memory_equal(with->r.decisions, without->r.decisions, with->r.n_decisions);
        assert_int_equal(with->r.stats.total_msgs, without->r.stats.total_msgs);
        assert_int_equal(with->r.elapsed, without->r.elapsed);
        virtual_run_free(with);
        virtual_run_free(without);
    }
}

/* Scenarios of the course with their clients, unchanged. */
static void the_course_is_passed(void **state)
{
    (void)state;
    struct virtual_run *o = virtual_run_by("tests/scenarios/crash-2.json", (struct sim_plan){.seed = 1});
    assert_true(o->r.verdict.correct && o->r.stats.incorrect == 0 && o->r.stats.killed == 2);
    virtual_run_free(o);
}

/* Nobody stands for election in time: the run says so, and what each replica is about. */
static void a_group_that_does_not_come_to_itself_is_told_of(void **state)
{
    (void)state;
    static const char *const args[] = {"--election-ms", "600000-700000", NULL};
    static const char quiet[] = "{\"lifetime\": 7, \"start_wait\": 3, \"end_wait\": 6, \"replicas\": 3,"
                                " \"clients\": {\"mode\": \"shared\", \"rate\": 10},"
                                " \"faults\": [{\"kind\": \"pause\", \"node\": \"0001\", \"begin\": 3, \"end\": 4.9}]}";
    struct virtual_run *o = virtual_run_by(quiet, (struct sim_plan){.seed = 1, .args = args});
    assert_true(o->r.no_progress && o->r.stats.ok_after_faults == 0 && !o->r.violation.found);
    assert_non_null(strstr(o->r.waiting, "0001 follower, term 0, voted for nobody, follows nobody"));
    virtual_run_free(o);
    o = virtual_run_by(quiet, (struct sim_plan){.seed = 1});
    assert_false(o->r.no_progress);
    assert_string_equal(o->r.waiting, "");
    virtual_run_free(o);
}

static void clocks_show_what_their_rate_says_and_can_be_asked_when(void **state)
{
    (void)state;
    static const int64_t rates[] = {500000, 999999, 1000000, 1000001, 1234567, 2000000};
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
        struct virtual_clock c = {.base = 17, .local = INT64_C(1000000000), .ppm = rates[k]};
        assert_int_equal(virtual_clock_at(&c, 17), 1000000000);
        int64_t hour = virtual_clock_at(&c, 17 + INT64_C(3600000000000)) - c.local;
        assert_int_equal(hour, INT64_C(3600000) * rates[k]);
        for (int64_t local = c.local - 5; local < c.local + 3000; local += 7) {
            int64_t t = virtual_clock_when(&c, local);
            assert_true(virtual_clock_at(&c, t) >= local);
            assert_true(t == c.base || virtual_clock_at(&c, t - 1) < local);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_and_another_seed_others),
        cmocka_unit_test(replicas_serve_clients_through_faults),
        cmocka_unit_test(without_traces_the_run_is_the_same),
        cmocka_unit_test(the_course_is_passed),
        cmocka_unit_test(a_group_that_does_not_come_to_itself_is_told_of),
        cmocka_unit_test(clocks_show_what_their_rate_says_and_can_be_asked_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
