/* Disks as a scenario writes them: the keys "durable" and "disk", faults of kind "disk", and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_config.h"

#define MS INT64_C(1000000)

static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];

static const char *scenario(const char *more)
{
    static char text[4096];
    snprintf(text, sizeof text,
             "{\"lifetime\": 30, \"replicas\": 5, \"clients\": {\"mode\": \"shared\", \"rate\": 1}%s}", more);
    return text;
}

static struct sim_config load(const char *more)
{
    struct sim_config c;
    if (sim_config_load(scenario(more), &c, err, warnings) != SIM_CONFIG_OK)
        fail_msg("%s", err);
    return c;
}

static void refused(const char *more, const char *expected)
{
    struct sim_config c;
    assert_int_equal(sim_config_load(scenario(more), &c, err, warnings), SIM_CONFIG_BAD);
    if (!strstr(err, expected))
        fail_msg("expected \"%s\" in:\n%s", expected, err);
}

static void a_disk_is_what_the_scenario_says(void **state)
{
    (void)state;
    struct sim_config c = load("");
    assert_false(c.disk.durable);
    sim_config_free(&c);
    c = load(", \"durable\": true");
    assert_true(c.disk.durable && c.disk.power_loss == 1 && c.disk.q.latency_max == 0 && c.disk.checkpoint_pages == 0);
    assert_true(c.disk.restart_min == 200 * MS && c.disk.restart_max == 1000 * MS);
    char what[SIM_CONFIG_WHAT];
    assert_false(sim_config_virtual_only(&c, what));
    sim_config_free(&c);
    c = load(", \"durable\": true, \"disk\": {\"latency_ms\": [0.5, 2], \"power_loss\": 0.25,"
             " \"restart_after_ms\": [1, 2], \"checkpoint_pages\": 30}");
    assert_true(c.disk.q.latency_min == MS / 2 && c.disk.q.latency_max == 2 * MS && c.disk.power_loss == 0.25);
    assert_true(c.disk.restart_min == MS && c.disk.restart_max == 2 * MS && c.disk.checkpoint_pages == 30);
    assert_true(sim_config_virtual_only(&c, what)); /* the latency */
    sim_config_free(&c);
}

static void a_fault_adds_to_what_the_disk_does_all_the_time(void **state)
{
    (void)state;
    struct sim_config c =
        load(", \"durable\": true, \"disk\": {\"latency_ms\": [1, 2]}, \"faults\": ["
             "{\"kind\": \"disk\", \"node\": \"0003\", \"begin\": 1, \"end\": 2, \"fsync_fails\": 0.5,"
             " \"fsync_lies\": 0.25, \"write_errors\": 0.125, \"read_errors\": 1, \"full\": true,"
             " \"bit_rot\": 7},"
             "{\"kind\": \"disk\", \"node\": \"leader\", \"begin\": 3, \"end\": 4,"
             " \"latency_ms\": [5, 6]}]");
    assert_int_equal(c.n_faults, 2);
    const struct sim_disk_quality *q = &c.faults[0].disk;
    assert_true(c.faults[0].kind == SIM_DISK_FAULT && c.faults[0].node == 3 && c.faults[0].end == 2 * SIM_SECOND);
    assert_true(q->latency_min == MS && q->latency_max == 2 * MS);
    assert_true(q->sync_fails == 0.5 && q->sync_lies == 0.25 && q->write_fails == 0.125 && q->read_fails == 1);
    assert_true(q->full && q->rot == 7);
    q = &c.faults[1].disk;
    assert_true(q->latency_min == 5 * MS && q->latency_max == 6 * MS && !q->full && q->sync_fails == 0 && q->rot == 0);
    char what[SIM_CONFIG_WHAT];
    assert_true(sim_config_virtual_only(&c, what));
    sim_config_free(&c);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    refused(", \"durable\": 1", "durable: must be true or false");
    refused(", \"disk\": {}", "without \"durable\": true");
    refused(", \"durable\": true, \"disk\": []", "disk: must be an object");
    refused(", \"durable\": true, \"disk\": {\"power_loss\": 2}", "disk.power_loss");
    refused(", \"durable\": true, \"disk\": {\"latency_ms\": [2, 1]}", "disk.latency_ms");
    refused(", \"faults\": [{\"kind\": \"disk\", \"node\": \"leader\", \"begin\": 1, \"end\": 2, \"full\": true}]",
            "faults[0].kind: there is no disk without \"durable\": true");
    static const char *const bad[][2] = {
        {"\"full\": 1", "faults[0].full: must be true or false"},
        {"\"fsync_fails\": 1.5", "faults[0].fsync_fails"},
        {"\"bit_rot\": 0", "faults[0].bit_rot"},
        {"\"loss\": 1", "faults[0].loss: is no key of a disk"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char more[300];
        snprintf(
            more, sizeof more,
            ", \"durable\": true, \"faults\": [{\"kind\": \"disk\", \"node\": \"leader\", \"begin\": 1, \"end\": 2,"
            " %s}]",
            bad[i][0]);
        refused(more, bad[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_is_what_the_scenario_says),
        cmocka_unit_test(a_fault_adds_to_what_the_disk_does_all_the_time),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
