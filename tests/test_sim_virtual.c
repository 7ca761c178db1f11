/* Runs in virtual time, in this process: our own replicas, same seed, same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_run.h"
#include "../src/sim_virtual_int.h"
#include "support/trace_file.h"

static const char hostile[] =
    "{\"name\": \"hostile\", \"lifetime\": 10, \"start_wait\": 3, \"end_wait\": 6, \"replicas\": 5, \"mix\": 0.5,"
    " \"clients\": {\"mode\": \"shared\", \"count\": 8, \"keys\": 3, \"timeout_ms\": 700, \"rate\": 60},"
    " \"network\": {\"loss\": 0.1, \"duplicate\": 0.1, \"delay_ms\": [0, 20]},"
    " \"faults\": [{\"kind\": \"partition\", \"around\": \"leader\", \"begin\": 1, \"end\": 3},"
    "  {\"kind\": \"pause\", \"node\": \"leader\", \"begin\": 4, \"end\": 5},"
    "  {\"kind\": \"kill\", \"node\": \"random\", \"at\": 6, \"signal\": \"TERM\"},"
    "  {\"kind\": \"kill\", \"node\": \"leader\", \"at\": 7}]}";

struct outcome {
    struct sim_config c;
    struct sim_result r;
};

/* The run's files stay in `dir`, a path of fixture_dir(). */
static struct outcome run(const char *scenario, uint64_t seed, const char *reads, char dir[64])
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    struct outcome o = {.c = {.replicas = 0}};
    assert_int_equal(sim_config_load(scenario, &o.c, err, warnings), SIM_CONFIG_OK);
    strcpy(dir, "/tmp/faultline-virtual-XXXXXX");
    assert_non_null(mkdtemp(dir));
    int rc = sim_run(
        &(struct sim_plan){
            .cfg = &o.c, .seed = seed, .reads = reads, .dir = dir, .version = "test", .quiet = true, .silent = true},
        &o.r, err);
    if (rc)
        fail_msg("status %d: %s", rc, err);
    return o;
}

static void forget(struct outcome *o, const char *dir)
{
    char command[128];
    sim_stats_free(&o->r.stats);
    sim_config_free(&o->c);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static uint64_t hash_of(uint64_t seed, const char *reads)
{
    char dir[64];
    struct outcome o = run(hostile, seed, reads, dir);
    uint64_t hash = o.r.hash;
    forget(&o, dir);
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

static void replicas_serve_clients_through_faults(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        char dir[64], path[128];
        struct outcome o = run(hostile, seed, NULL, dir);
        assert_true(o.r.verdict.correct && o.r.end == SIM_ENDED && !o.r.no_progress);
        assert_true(o.r.stats.acked_puts > 100 && o.r.stats.acked_gets > 100 && o.r.stats.killed >= 1);
        size_t n;
        snprintf(path, sizeof path, "%s/sim.1.jsonl", dir);
        char *text = trace_file_text(path, &n);
        assert_non_null(strstr(text, "\"ev\":\"node.exit\""));
        assert_non_null(strstr(text, "\"ev\":\"trace.close\""));
        assert_null(strstr(text, "\"why\":\"died\""));
        free(text);
        forget(&o, dir);
    }
}

/* Scenarios of the course with their clients, unchanged. */
static void the_course_is_passed(void **state)
{
    (void)state;
    char dir[64];
    struct outcome o = run("tests/scenarios/crash-2.json", 1, NULL, dir);
    assert_true(o.r.verdict.correct && o.r.stats.incorrect == 0 && o.r.stats.killed == 2);
    forget(&o, dir);
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
        cmocka_unit_test(the_course_is_passed),
        cmocka_unit_test(clocks_show_what_their_rate_says_and_can_be_asked_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
