/* `simulate --shrink`: whole programs, analyzer included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "support/spawn.h"

/* With --reads local a leader that is cut off answers from its own state: reads are stale. Nothing else here matters.
 */
static const char scenario[] =
    "{\"name\": \"stale\", \"seed\": 3, \"lifetime\": 5, \"start_wait\": 1, \"end_wait\": 2, \"replicas\": 4, \"mix\": "
    "0.7,"
    " \"clients\": {\"mode\": \"shared\", \"count\": 5, \"keys\": 2, \"timeout_ms\": 300, \"rate\": 25},"
    " \"network\": {\"loss\": 0.01, \"duplicate\": 0.05, \"delay_ms\": [0, 2]},"
    " \"faults\": [{\"kind\": \"partition\", \"around\": \"leader\", \"begin\": 1, \"end\": 4},"
    " {\"kind\": \"pause\", \"node\": \"random\", \"begin\": 0.1, \"end\": 0.9, \"every\": 0.2, \"for_ms\": [10, "
    "50]}]}";

static char dir[512], simulate[4200], run[600], small[600], out[1 << 16];

#define RUN(...) spawn_run((const char *const[]){simulate, __VA_ARGS__, NULL}, 120, out, sizeof out)

static int setup(void **state)
{
    (void)state;
    spawn_tempdir(dir, sizeof dir);
    spawn_path("simulate", simulate, sizeof simulate);
    snprintf(run, sizeof run, "%s/run", dir);
    snprintf(small, sizeof small, "%s/small", dir);
    RUN("--reads", "local", "--quiet", "--out", run, scenario);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    spawn_remove(dir);
    return 0;
}

static json_t *load(const char *in, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", in, name);
    json_t *o = json_load_file(path, 0, NULL);
    assert_non_null(o);
    return o;
}

static int64_t figure(const json_t *run_json, const char *when, const char *what)
{
    const json_t *v = json_object_get(json_object_get(json_object_get(run_json, "shrunk"), when), what);
    assert_true(json_is_integer(v));
    return json_integer_value(v);
}

static void it_becomes_smaller_and_fails_the_same_way(void **state)
{
    (void)state;
    assert_int_equal(RUN("--shrink", run, "--budget", "60s", "--out", small), 0);
    assert_non_null(strstr(out, "fails: "));
    json_t *o = load(small, "run.json"), *s = load(small, "scenario.json");
    assert_int_equal(figure(o, "from", "replicas"), 4);
    assert_true(figure(o, "to", "replicas") < 4);
    assert_true(figure(o, "from", "faults") >= 5);
    assert_true(figure(o, "to", "faults") < figure(o, "from", "faults"));
    assert_true(figure(o, "to", "operations") < figure(o, "from", "operations") / 2);
    assert_true((int64_t)json_array_size(json_object_get(s, "faults")) <= figure(o, "to", "faults"));
    json_decref(o);
    json_decref(s);
}

/* Disks that lie lose what was synced, whoever asks for what: no operation is left, nor a client that would make one,
 * and few of the many faults. */
static void what_needs_no_operation_has_none(void **state)
{
    static const char lies[] =
        "{\"name\": \"lies\", \"seed\": 1, \"lifetime\": 8, \"start_wait\": 1, \"end_wait\": 1, \"replicas\": 4,"
        " \"durable\": true, \"disk\": {\"latency_ms\": [0, 2], \"power_loss\": 1},"
        " \"clients\": {\"mode\": \"shared\", \"count\": 4, \"keys\": 2, \"timeout_ms\": 300, \"rate\": 30},"
        " \"network\": {\"delay_ms\": [0, 10]},"
        " \"faults\": [{\"kind\": \"disk\", \"node\": \"random\", \"fsync_lies\": 1, \"begin\": 0.1, \"end\": 7,"
        " \"every\": 0.5, \"for_ms\": [400, 500]}, {\"kind\": \"kill\", \"node\": \"leader\", \"begin\": 0.3,"
        " \"end\": 7, \"every\": 0.8, \"restart_after_ms\": [10, 60]}]}";
    char lost[620], bare[620];
    (void)state;
    snprintf(lost, sizeof lost, "%s/lost", dir);
    snprintf(bare, sizeof bare, "%s/bare", dir);
    RUN("--quiet", "--out", lost, lies);
    assert_int_equal(RUN("--shrink", lost, "--budget", "60s", "--out", bare), 0);
    json_t *o = load(bare, "run.json"), *s = load(bare, "scenario.json");
    assert_true(figure(o, "from", "operations") > 50);
    assert_int_equal(figure(o, "to", "operations"), 0);
    assert_true(figure(o, "from", "faults") > 10);
    assert_true(figure(o, "to", "faults") <= 3);
    assert_true(figure(o, "to", "replicas") <= 3);
    const json_t *rate = json_object_get(json_object_get(s, "clients"), "rate");
    assert_true(json_is_number(rate) && json_number_value(rate) <= 0);
    json_decref(o);
    json_decref(s);
}

/* The last line of `analyze check`, and its first. */
static void verdict_of(const char *in, char class[128])
{
    char analyze[4200];
    spawn_path("analyze", analyze, sizeof analyze);
    assert_int_equal(
        spawn_run((const char *const[]){analyze, "check", in, "--format", "json", NULL}, 60, out, sizeof out), 1);
    const char *at = strstr(out, "\"class\": \"");
    assert_non_null(at);
    snprintf(class, 128, "%.*s", (int)strcspn(at + 10, "\""), at + 10);
}

/* All decisions are given: another seed changes nothing. */
static void it_is_had_again_without_the_seed(void **state)
{
    char again[620], script[620], was[128], is[128];
    (void)state;
    verdict_of(small, was);
    json_t *o = load(small, "run.json");
    assert_int_equal(json_integer_value(json_object_get(o, "seed")), 0);
    json_decref(o);
    snprintf(again, sizeof again, "%s/again", dir);
    RUN("--replay", small, "--seed", "4711", "--quiet", "--out", again);
    verdict_of(again, is);
    assert_string_equal(is, was);
    snprintf(script, sizeof script, "%s/rerun.sh", small);
    spawn_run((const char *const[]){"/bin/sh", script, "--quiet", "--force", "--out", again, NULL}, 60, out,
              sizeof out);
    verdict_of(again, is);
    assert_string_equal(is, was);
}

static void there_is_an_end_to_the_time(void **state)
{
    char little[620];
    (void)state;
    snprintf(little, sizeof little, "%s/little", dir);
    assert_int_equal(RUN("--shrink", run, "--budget", "0.05s", "--jobs", "1", "--out", little), 0);
    char class[128];
    verdict_of(little, class); /* it fails, small or not */
}

static void what_does_not_fail_cannot_be_shrunk(void **state)
{
    char good[620];
    (void)state;
    snprintf(good, sizeof good, "%s/good", dir);
    assert_int_equal(RUN("--quiet", "--out", good, scenario), 0);
    assert_int_equal(RUN("--shrink", good), 2);
    assert_non_null(strstr(out, "does not fail"));
    assert_int_equal(RUN("--shrink", dir), 66);
    assert_int_equal(RUN("--shrink", run, "--budget", "long"), 64);
    assert_int_equal(RUN("--budget", "3s", scenario), 64);
    assert_int_equal(RUN("--shrink", run, "--verify"), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_becomes_smaller_and_fails_the_same_way), cmocka_unit_test(it_is_had_again_without_the_seed),
        cmocka_unit_test(what_needs_no_operation_has_none),          cmocka_unit_test(there_is_an_end_to_the_time),
        cmocka_unit_test(what_does_not_fail_cannot_be_shrunk),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
