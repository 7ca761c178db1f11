/* Scenario files: every default and every bound of the course's simulator, and our own keys. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "../src/sim_config.h"
#include "support/spawn.h"

static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];

/* The smallest file the course accepts, with `more` keys. */
static const char *scenario(const char *more)
{
    static char text[4096];
    snprintf(text, sizeof text,
             "{\"lifetime\": 30, \"replicas\": 5, \"requests\": 500, \"tests\": {\"benchmarks\": {\"total_msgs\": [1, "
             "2, 3], "
             "\"failures\": [4, 5, 6], \"duplicates\": [7, 8, 9], \"median_latency\": [0.1, 0.2, 0.3]}}%s%s}",
             *more ? ", " : "", more);
    return text;
}

static void loads(const char *text, struct sim_config *c)
{
    if (sim_config_load(text, c, err, warnings) != SIM_CONFIG_OK)
        fail_msg("%s", err);
}

static void refused(const char *text, const char *expected)
{
    struct sim_config c;
    assert_int_equal(sim_config_load(text, &c, err, warnings), SIM_CONFIG_BAD);
    if (!strstr(err, expected))
        fail_msg("expected \"%s\" in:\n%s", expected, err);
}

static void the_course_s_defaults_apply_where_a_key_is_missing(void **state)
{
    (void)state;
    struct sim_config c;
    loads(scenario(""), &c);
    assert_true(c.lifetime == 30 * SIM_SECOND && c.start_wait == 5 * SIM_SECOND && c.end_wait == 2 * SIM_SECOND);
    assert_int_equal(c.replicas, 5);
    assert_int_equal(c.requests, 500);
    assert_int_equal(c.max_packets, 20000);
    assert_int_equal(c.n_faults, 0);
    assert_false(c.has_seed);
    assert_true(c.mix == 0.8 && c.network.loss == 0 && c.network.duplicate == 0 && c.network.delay_max == 0);
    assert_true(c.tests.max_get_fail == 0.5 && c.tests.max_put_fail == 0.5 && c.tests.max_get_generation_fail == 0.1 &&
                c.tests.max_batched == 0.5);
    assert_true(c.tests.present && c.tests.tier[SIM_DUPLICATES][1] == 8 && c.tests.tier[SIM_MEDIAN_LATENCY][2] == 0.3);
    assert_false(c.clients.shared);
    assert_int_equal(c.clients.count, 8);
    assert_string_equal(c.name, "scenario");
    assert_string_equal(warnings, "");
    sim_config_free(&c);
}

static void a_rate_whose_interval_would_not_fit_is_refused_and_the_slowest_is_taken(void **state)
{
    (void)state;
    struct sim_config c;
    refused(scenario("\"clients\": {\"mode\": \"shared\", \"rate\": 1e-10}"),
            "scenario: clients.rate: 1e-10 is less than 1e-06");
    loads(scenario("\"clients\": {\"mode\": \"shared\", \"rate\": 1e-6}"), &c);
    sim_config_free(&c);
    loads(scenario("\"clients\": {\"mode\": \"shared\", \"rate\": 0}"), &c);
    sim_config_free(&c);
}

static void nothing_that_a_scenario_says_can_steer_a_terminal(void **state)
{
    (void)state;
    struct sim_config c;
    /* a key that is nearly `drops`; the escapes are those of JSON */
    loads(scenario("\"drop\\u001b\": 1, \"drop\\u009b\": 1"), &c);
    assert_non_null(strstr(warnings, "scenario: drop?: is not a key"));
    sim_config_free(&c);
    char message[2][SIM_CONFIG_ERR];
    snprintf(message[0], SIM_CONFIG_ERR, "%s", warnings);
    assert_int_equal(sim_config_load("no\x1b[2J\nfile", &c, err, warnings), SIM_CONFIG_UNREADABLE);
    snprintf(message[1], SIM_CONFIG_ERR, "%s", err);
    for (int i = 0; i < 2; i++)
        for (const char *p = message[i]; *p; p++)
            assert_true((unsigned char)*p >= 0x20 || (i == 0 && *p == '\n'));
    assert_null(strstr(message[0], "\xc2\x9b"));
}

static void every_key_of_the_course_is_read(void **state)
{
    (void)state;
    struct sim_config c;
    loads(scenario("\"mix\": 0.2, \"start_wait\": 1.5, \"end_wait\": 0, \"drops\": 0.25, \"max_packets\": 600, "
                   "\"seed\": 99, \"events\": ["
                   "{\"type\": \"part_end\", \"time\": 10.5}, {\"type\": \"part_hard\", \"time\": 5}, {\"type\": "
                   "\"kill_leader\", \"time\": 0}, "
                   "{\"type\": \"part_easy\", \"time\": 30}, {\"type\": \"kill_non_leader\", \"time\": 5}]"),
          &c);
    assert_true(c.mix == 0.2 && c.network.loss == 0.25 && c.start_wait == 3 * SIM_SECOND / 2 && c.end_wait == 0);
    assert_int_equal(c.max_packets, 600);
    assert_true(c.has_seed && c.seed == 99);
    /* by time; equal times in the order of the file */
    static const enum sim_fault_kind kinds[] = {SIM_KILL_LEADER, SIM_PART_HARD, SIM_KILL_NON_LEADER, SIM_PART_END,
                                                SIM_PART_EASY};
    assert_int_equal(c.n_faults, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(c.faults[i].kind, kinds[i]);
    assert_true(c.faults[3].begin == 10 * SIM_SECOND + SIM_SECOND / 2);
    sim_config_free(&c);
}

static void the_generation_limit_outside_tests_is_ignored_as_the_course_does(void **state)
{
    (void)state;
    struct sim_config c;
    loads(scenario("\"maximum_get_generation_fail_fraction\": 0.2, \"whatever\": [1]"), &c);
    assert_true(c.tests.max_get_generation_fail == 0.1);
    assert_string_equal(warnings, "");
    sim_config_free(&c);
}

static void any_json_value_is_a_seed(void **state)
{
    (void)state;
    struct sim_config a, b, none;
    loads(scenario("\"seed\": \"a word\""), &a);
    loads(scenario("\"seed\": \"another\""), &b);
    loads(scenario("\"seed\": null"), &none);
    assert_true(a.has_seed && b.has_seed && a.seed != b.seed && a.seed <= INT64_MAX);
    assert_false(none.has_seed);
    sim_config_free(&a);
    sim_config_free(&b);
    sim_config_free(&none);
}

/* Each with the key and the reason that must be told. */
static void values_out_of_the_course_s_bounds_are_refused_by_key_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *more, *told;
    } cases[] = {
        {"\"mix\": 1.1", "scenario: mix: 1.1 is not between 0 and 1"},
        {"\"mix\": \"0.5\"", "mix: must be a number, not a string"},
        {"\"start_wait\": 31", "start_wait: 31 is not between 0 and 30"},
        {"\"start_wait\": -1", "start_wait"},
        {"\"end_wait\": 30.5", "end_wait: 30.5 is not between 0 and 30"},
        {"\"drops\": 2", "drops: 2 is not between 0 and 1"},
        {"\"max_packets\": 499", "max_packets: 499 is not between 500 and 900000"},
        {"\"max_packets\": 900001", "max_packets"},
        {"\"max_packets\": true", "max_packets: must be an integer, not a boolean"},
        {"\"events\": {}", "events: must be a list, not an object"},
        {"\"events\": [7]", "events[0]: must be an object, not an integer"},
        {"\"events\": [{\"type\": \"kill\", \"time\": 1}]", "events[0].type: no such event; it is one of kill_leader"},
        {"\"events\": [{\"time\": 1}]", "events[0].type: missing"},
        {"\"events\": [{\"type\": \"part_end\"}]", "events[0].time: missing"},
        {"\"events\": [{\"type\": \"part_end\", \"time\": 30.1}]", "events[0].time: 30.1 is not between 0 and 30"},
        {"\"events\": [{\"type\": \"part_end\", \"time\": -1}]", "events[0].time"},
        {"\"name\": 3", "name: must be a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(scenario(cases[i].more), cases[i].told);
}

static void required_keys_are_required_and_all_problems_are_told_at_once(void **state)
{
    (void)state;
    refused("{}", "lifetime: missing");
    assert_non_null(strstr(err, "replicas: missing"));
    assert_non_null(strstr(err, "requests: missing"));
    assert_non_null(strstr(err, "tests: missing"));
    refused("{\"lifetime\": 4, \"replicas\": 2, \"requests\": -1, \"tests\": {}}", "lifetime: 4 is less than 5");
    assert_non_null(strstr(err, "replicas: 2 is not between 3 and 21"));
    assert_non_null(strstr(err, "requests: -1"));
    assert_non_null(strstr(err, "tests.benchmarks: missing"));
    refused("{\"lifetime\": 5.0, \"replicas\": 22, \"requests\": 1, \"tests\": 1}",
            "lifetime: must be an integer, not a number with a fraction");
    assert_non_null(strstr(err, "replicas: 22"));
    assert_non_null(strstr(err, "tests: must be an object"));
}

static void benchmarks_need_all_four_metrics_with_three_numbers_each(void **state)
{
    (void)state;
    refused("{\"lifetime\": 5, \"replicas\": 3, \"requests\": 1, \"tests\": {\"benchmarks\": {\"total_msgs\": [1, 2], "
            "\"failures\": [1, 2, \"3\"], "
            "\"duplicates\": [1, 2, 3]}}}",
            "tests.benchmarks.total_msgs: must be a list of three numbers");
    assert_non_null(strstr(err, "tests.benchmarks.failures: must be"));
    assert_non_null(strstr(err, "tests.benchmarks.median_latency: missing"));
    assert_null(strstr(err, "duplicates"));
    refused("{\"lifetime\": 5, \"replicas\": 3, \"requests\": 1, \"tests\": {\"maximum_put_fail_fraction\": 1.5, "
            "\"benchmarks\": {}}}",
            "tests.maximum_put_fail_fraction: 1.5 is not between 0 and 1");
}

static void our_keys_are_read(void **state)
{
    (void)state;
    struct sim_config c;
    loads("{\"name\": \"a/b ../c\", \"lifetime\": 10, \"replicas\": 5, \"drops\": 0.5, "
          "\"clients\": {\"mode\": \"shared\", \"count\": 3, \"keys\": 2, \"timeout_ms\": 250, \"rate\": 40}, "
          "\"network\": {\"loss\": 0.1, \"duplicate\": 0.2, \"delay_ms\": [1, 2.5]}, \"faults\": ["
          "{\"kind\": \"kill\", \"node\": \"0002\", \"at\": 7, \"signal\": \"TERM\"}, {\"kind\": \"kill\", \"node\": "
          "\"leader\", \"at\": 8}, "
          "{\"kind\": \"partition\", \"around\": \"leader\", \"begin\": 1, \"end\": 2}, "
          "{\"kind\": \"partition\", \"groups\": [[\"0001\", \"0003\"], [\"0002\"]], \"begin\": 3, \"end\": 4}, "
          "{\"kind\": \"pause\", \"node\": \"non_leader\", \"begin\": 5, \"end\": 6}]}",
          &c);
    assert_string_equal(c.name, "a_b_.._c");
    assert_true(c.clients.shared && c.clients.count == 3 && c.clients.keys == 2 && c.clients.timeout == SIM_SECOND / 4);
    assert_true(c.clients.rate == 40);
    assert_false(c.tests.present);
    assert_int_equal(c.max_packets, 1000000000);
    assert_true(c.network.loss == 0.1 && c.network.duplicate == 0.2);
    assert_true(c.network.delay_min == 1000000 && c.network.delay_max == 2500000);
    assert_int_equal(c.n_faults, 5);
    assert_int_equal(c.faults[0].kind, SIM_PARTITION_LEADER);
    assert_true(c.faults[0].begin == SIM_SECOND && c.faults[0].end == 2 * SIM_SECOND);
    assert_int_equal(c.faults[1].kind, SIM_PARTITION_GROUPS);
    static const unsigned char groups[] = {2, 0, 1, 0, 2}; /* the unnamed are one more group */
    assert_memory_equal(c.faults[1].group, groups, sizeof groups);
    assert_true(c.faults[2].kind == SIM_PAUSE && c.faults[2].target == SIM_TARGET_NON_LEADER);
    assert_true(c.faults[3].kind == SIM_KILL && c.faults[3].target == SIM_TARGET_NODE && c.faults[3].node == 2 &&
                c.faults[3].sig == SIGTERM);
    assert_true(c.faults[4].target == SIM_TARGET_LEADER && c.faults[4].sig == SIGKILL);
    sim_config_free(&c);
}

static void kills_may_be_followed_by_a_restart_and_may_repeat(void **state)
{
    (void)state;
    struct sim_config c;
    loads(scenario("\"faults\": [{\"kind\": \"kill\", \"node\": \"random\", \"signal\": 9, \"begin\": 2, \"end\": 8, "
                   "\"every\": 1.5, \"all_every\": 2, \"restart_after_ms\": [50, 800.5]}, "
                   "{\"kind\": \"kill\", \"node\": \"all\", \"signal\": 15, \"at\": 4}, "
                   "{\"kind\": \"pause\", \"node\": \"random\", \"begin\": 9, \"end\": 10}]"),
          &c);
    assert_int_equal(c.n_faults, 7); /* at 2, 3.5, 4, 5, 6.5, 8, 9 */
    for (size_t i = 0; i < 6; i++) {
        const struct sim_fault *f = &c.faults[i];
        assert_int_equal(f->kind, SIM_KILL);
        if (i == 2) {
            assert_true(f->begin == 4 * SIM_SECOND && f->end == f->begin && f->sig == SIGTERM && !f->restarts);
            assert_int_equal(f->target, SIM_TARGET_ALL);
            continue;
        }
        size_t turn = i < 2 ? i : i - 1;
        assert_int_equal(f->begin, 2 * SIM_SECOND + (int64_t)turn * (SIM_SECOND * 3 / 2));
        assert_int_equal(f->end, f->begin + 800500000); /* back at the latest */
        assert_true(f->restarts && f->restart_min == 50000000 && f->restart_max == 800500000 && f->sig == SIGKILL);
        assert_int_equal(f->target, turn % 2 == 1 ? SIM_TARGET_ALL : SIM_TARGET_RANDOM);
    }
    assert_true(c.faults[6].kind == SIM_PAUSE && c.faults[6].target == SIM_TARGET_RANDOM);
    sim_config_free(&c);
}

static void the_rate_of_shared_clients_defaults_to_requests_over_lifetime(void **state)
{
    (void)state;
    struct sim_config c;
    loads(scenario("\"clients\": {\"mode\": \"shared\"}"), &c);
    assert_true(c.clients.rate > 16.66 && c.clients.rate < 16.67);
    assert_true(c.clients.count == 8 && c.clients.keys == 5 && c.clients.timeout == SIM_SECOND);
    sim_config_free(&c);
}

static void an_id_is_four_upper_case_hex_digits_and_nothing_else(void **state)
{
    (void)state;
    char id[SIM_ID_LEN];
    assert_string_equal(sim_id(0, id), "0000");
    assert_string_equal(sim_id(0x1A2F, id), "1A2F");
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(sim_id_index(sim_id(21 + i, id), 21, 8), i < 8 ? (int)i : -1);
    assert_int_equal(sim_id_index("0014", 21, 8), -1);
    static const char *const others[] = {"", "15", "00015", "001b", "0x15", " 015", "FFFF", "-001"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(sim_id_index(others[i], 21, 8), -1);
    assert_int_equal(sim_id_index(NULL, 21, 8), -1);
}

static void wrong_values_of_our_keys_are_refused_by_key_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *more, *told;
    } cases[] = {
        {"\"clients\": 1", "clients: must be an object"},
        {"\"clients\": {\"mode\": \"many\"}", "clients.mode: must be \"course\" or \"shared\""},
        {"\"clients\": {\"count\": 9}", "clients.count: the course has 8 clients"},
        {"\"clients\": {\"mode\": \"shared\", \"count\": 0}", "clients.count: 0 is not between 1 and 64"},
        {"\"clients\": {\"mode\": \"shared\", \"timeout_ms\": 1.5}", "clients.timeout_ms: must be an integer"},
        {"\"network\": {\"loss\": 1.5}", "network.loss: 1.5 is not between 0 and 1"},
        {"\"network\": {\"delay_ms\": [5, 1]}", "network.delay_ms: must be [min, max]"},
        {"\"network\": {\"delay_ms\": 5}", "network.delay_ms"},
        {"\"faults\": {}", "faults: must be a list"},
        {"\"faults\": [{\"kind\": \"fire\"}]", "faults[0].kind: must be one of partition, loss, delay, duplicate"},
        {"\"faults\": [{\"kind\": \"kill\", \"node\": \"0005\", \"at\": 1}]", "faults[0].node: must be \"leader\""},
        {"\"faults\": [{\"kind\": \"kill\", \"node\": \"leader\"}]", "faults[0].at: missing"},
        {"\"faults\": [{\"kind\": \"kill\", \"node\": \"leader\", \"at\": 31}]",
         "faults[0].at: 31 is not between 0 and 30"},
        {"\"faults\": [{\"kind\": \"kill\", \"node\": \"leader\", \"at\": 1, \"signal\": \"HUP\"}]",
         "faults[0].signal"},
#define KILL "\"faults\": [{\"kind\": \"kill\", \"node\": \"random\", "
        {KILL "\"at\": 1, \"signal\": 1}]", "faults[0].signal: must be \"KILL\" (9) or \"TERM\" (15)"},
        {KILL "\"at\": 1, \"restart_after_ms\": 5}]", "faults[0].restart_after_ms: must be [min, max]"},
        {KILL "\"at\": 1, \"restart_after_ms\": [5, 4]}]", "faults[0].restart_after_ms: must be [min, max]"},
        {KILL "\"at\": 1, \"restart_after_ms\": [5, 600001]}]", "faults[0].restart_after_ms: must be [min, max]"},
        {KILL "\"at\": 1, \"end\": 4}]", "faults[0].end: goes with every"},
        {KILL "\"at\": 1, \"all_every\": 4}]", "faults[0].all_every: goes with every"},
        {KILL "\"at\": 1, \"every\": 4}]", "faults[0].at: is of one kill"},
        {KILL "\"begin\": 1, \"every\": 4}]", "faults[0].end: missing"},
        {KILL "\"begin\": 3, \"end\": 2, \"every\": 4}]", "faults[0].end: must not be earlier than begin"},
        {KILL "\"begin\": 3, \"end\": 4, \"every\": 0.01}]", "faults[0].every: 0.01 is not between 0.05 and 30"},
        {KILL "\"begin\": 3, \"end\": 4, \"every\": 1, \"all_every\": 0}]",
         "faults[0].all_every: 0 is not between 1 and 1000000"},
        {"\"faults\": [{\"kind\": \"pause\", \"node\": \"all\", \"begin\": 2, \"end\": 3}]", "faults[0].node: must be"},
        {"\"faults\": [{\"kind\": \"pause\", \"node\": \"leader\", \"begin\": 2, \"end\": 2}]",
         "faults[0].end: must be later than begin"},
        {"\"faults\": [{\"kind\": \"partition\", \"around\": \"0001\", \"begin\": 1, \"end\": 2}]", "faults[0].around"},
        {"\"faults\": [{\"kind\": \"partition\", \"begin\": 1, \"end\": 2}]",
         "faults[0].groups: must be a list of lists"},
        {"\"faults\": [{\"kind\": \"partition\", \"groups\": [[\"0009\"]], \"begin\": 1, \"end\": 2}]",
         "\"0009\" is not a replica"},
        {"\"faults\": [{\"kind\": \"partition\", \"groups\": [[\"0001\"], [\"0001\"]], \"begin\": 1, \"end\": 2}]",
         "0001 is in two groups"},
        {"\"faults\": [{\"kind\": \"partition\", \"groups\": [[\"0000\", \"0001\", \"0002\", \"0003\", \"0004\"]], "
         "\"begin\": 1, \"end\": 2}]",
         "parts nobody"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(scenario(cases[i].more), cases[i].told);
}

static void keys_that_look_misspelt_are_warned_of_and_ignored(void **state)
{
    (void)state;
    struct sim_config c;
    loads(scenario("\"drop\": 0.5, \"network\": {\"dellay_ms\": [1, 2]}, \"comment\": \"x\""), &c);
    assert_true(c.network.loss == 0 && c.network.delay_max == 0);
    assert_non_null(strstr(warnings, "drop: is not a key of a scenario and is ignored; did you mean drops?"));
    assert_non_null(strstr(warnings, "network.dellay_ms: "));
    assert_null(strstr(warnings, "comment"));
    sim_config_free(&c);
}

static void a_file_that_is_not_json_is_refused_with_line_and_column(void **state)
{
    (void)state;
    refused("{\n\"lifetime\": ,\n}", "scenario:2:");
    char dir[512], path[600];
    spawn_tempdir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/x.json", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("[1]", f);
    fclose(f);
    refused(path, "x.json: a scenario is an object, not a list");
    struct sim_config c;
    snprintf(path, sizeof path, "%s/missing.json", dir);
    assert_int_equal(sim_config_load(path, &c, err, warnings), SIM_CONFIG_UNREADABLE);
    assert_non_null(strstr(err, "missing.json: cannot open: No such file"));
    assert_int_equal(sim_config_load(dir, &c, err, warnings), SIM_CONFIG_UNREADABLE);
    spawn_remove(dir);
}

static void the_course_s_dozen_and_our_own_scenarios_load(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int requests;
        size_t faults;
    } files[] = {
        {"simple-1", 500, 0},
        {"simple-2", 500, 0},
        {"unreliable-1", 500, 0},
        {"unreliable-2", 500, 0},
        {"crash-1", 500, 1},
        {"crash-2", 500, 2},
        {"crash-3", 400, 1},
        {"partition-1", 400, 2},
        {"partition-2", 300, 4},
        {"partition-3", 400, 2},
        {"advanced-1", 250, 5},
        {"advanced-3", 200, 1},
        {"lossy-partition-kill", -1, 3},
        {"stale-read", -1, 2},
        {"lossiest", -1, 3},
        {"kill9", -1, 7},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct sim_config c;
        char path[200];
        snprintf(path, sizeof path, "tests/scenarios/%s.json", files[i].name);
        loads(path, &c);
        assert_string_equal(c.name, files[i].name);
        assert_string_equal(warnings, "");
        assert_int_equal(c.n_faults, files[i].faults);
        assert_int_equal(c.replicas, 5);
        if (files[i].requests >= 0) {
            assert_int_equal(c.requests, files[i].requests);
            assert_true(c.tests.present && !c.clients.shared && c.lifetime == 30 * SIM_SECOND);
        }
        sim_config_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_course_s_defaults_apply_where_a_key_is_missing),
        cmocka_unit_test(a_rate_whose_interval_would_not_fit_is_refused_and_the_slowest_is_taken),
        cmocka_unit_test(nothing_that_a_scenario_says_can_steer_a_terminal),
        cmocka_unit_test(every_key_of_the_course_is_read),
        cmocka_unit_test(the_generation_limit_outside_tests_is_ignored_as_the_course_does),
        cmocka_unit_test(any_json_value_is_a_seed),
        cmocka_unit_test(values_out_of_the_course_s_bounds_are_refused_by_key_and_reason),
        cmocka_unit_test(required_keys_are_required_and_all_problems_are_told_at_once),
        cmocka_unit_test(benchmarks_need_all_four_metrics_with_three_numbers_each),
        cmocka_unit_test(our_keys_are_read),
        cmocka_unit_test(kills_may_be_followed_by_a_restart_and_may_repeat),
        cmocka_unit_test(the_rate_of_shared_clients_defaults_to_requests_over_lifetime),
        cmocka_unit_test(an_id_is_four_upper_case_hex_digits_and_nothing_else),
        cmocka_unit_test(wrong_values_of_our_keys_are_refused_by_key_and_reason),
        cmocka_unit_test(keys_that_look_misspelt_are_warned_of_and_ignored),
        cmocka_unit_test(a_file_that_is_not_json_is_refused_with_line_and_column),
        cmocka_unit_test(the_course_s_dozen_and_our_own_scenarios_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
