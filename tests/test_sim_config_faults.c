/* Faults as a scenario writes them: every kind with its keys, when it happens, and what is refused. */
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
    static char text[8192];
    snprintf(text, sizeof text,
             "{\"lifetime\": 30, \"replicas\": 5, \"clients\": {\"mode\": \"shared\", \"rate\": 1}, %s}", more);
    return text;
}

static const char *with_fault(const char *fault)
{
    static char text[4096];
    snprintf(text, sizeof text, "\"faults\": [%s]", fault);
    return scenario(text);
}

static struct sim_config load(const char *text)
{
    struct sim_config c;
    if (sim_config_load(text, &c, err, warnings) != SIM_CONFIG_OK)
        fail_msg("%s", err);
    return c;
}

static void refused(const char *text, const char *expected)
{
    struct sim_config c;
    assert_int_equal(sim_config_load(text, &c, err, warnings), SIM_CONFIG_BAD);
    if (!strstr(err, expected))
        fail_msg("expected \"%s\" in:\n%s", expected, err);
}

/* The one fault, with "begin": 1, "end": 2. */
static struct sim_fault one(const char *keys)
{
    char fault[1000];
    snprintf(fault, sizeof fault, "{%s, \"begin\": 1, \"end\": 2}", keys);
    struct sim_config c = load(with_fault(fault));
    assert_int_equal(c.n_faults, 1);
    struct sim_fault f = c.faults[0];
    assert_true(f.begin == SIM_SECOND && f.end == 2 * SIM_SECOND && f.for_max == 0);
    sim_config_free(&c);
    return f;
}

static void partitions_have_one_of_five_forms(void **state)
{
    (void)state;
    assert_int_equal(one("\"kind\": \"partition\", \"around\": \"leader\"").kind, SIM_PARTITION_LEADER);
    assert_int_equal(one("\"kind\": \"partition\", \"groups\": [[\"0000\"]]").kind, SIM_PARTITION_GROUPS);
    assert_int_equal(one("\"kind\": \"partition\", \"shape\": \"halves\"").kind, SIM_PARTITION_HALVES);
    assert_int_equal(one("\"kind\": \"partition\", \"shape\": \"bridge\"").kind, SIM_PARTITION_BRIDGE);
    assert_int_equal(one("\"kind\": \"partition\", \"shape\": \"ring\"").kind, SIM_PARTITION_RING);
    struct sim_fault f = one("\"kind\": \"partition\", \"isolate\": \"leader\"");
    assert_true(f.kind == SIM_PARTITION_ISOLATE && f.target == SIM_TARGET_LEADER && f.direction == SIM_BOTH);
    f = one("\"kind\": \"partition\", \"isolate\": \"0003\", \"direction\": \"in\"");
    assert_true(f.target == SIM_TARGET_NODE && f.node == 3 && f.direction == SIM_INWARDS);
    f = one("\"kind\": \"partition\", \"isolate\": \"random\", \"direction\": \"out\"");
    assert_true(f.target == SIM_TARGET_RANDOM && f.direction == SIM_OUTWARDS);
    f = one("\"kind\": \"partition\", \"links\": [[\"0001\", \"*\"], [\"leader\", \"random\"]]");
    assert_true(f.kind == SIM_PARTITION_LINKS && f.n_pairs == 2);
    assert_true(f.pair[0].from.target == SIM_TARGET_NODE && f.pair[0].from.node == 1);
    assert_true(f.pair[0].to.target == SIM_TARGET_ALL && f.pair[1].from.target == SIM_TARGET_LEADER);
    assert_true(f.pair[1].to.target == SIM_TARGET_RANDOM);
}

static void faults_of_links_have_a_strength_and_links(void **state)
{
    (void)state;
    struct sim_fault f = one("\"kind\": \"loss\", \"p\": 0.25, \"links\": [[\"client\", \"*\"]]");
    assert_true(f.kind == SIM_LINK_LOSS && f.q.any && f.q.loss == 0.25 && f.n_pairs == 1);
    assert_int_equal(f.pair[0].from.target, SIM_TARGET_CLIENTS);
    f = one("\"kind\": \"delay\", \"ms\": [1, 2500]");
    assert_true(f.kind == SIM_LINK_DELAY && f.q.tail == 1 && f.q.tail_min == MS && f.q.tail_max == 2500 * MS);
    f = one("\"kind\": \"delay\", \"ms\": [1, 2500], \"p\": 0.125");
    assert_true(f.q.tail == 0.125 && f.n_pairs == 0);
    f = one("\"kind\": \"duplicate\", \"p\": 0.5");
    assert_true(f.kind == SIM_LINK_DUPLICATE && f.q.duplicate == 0.5 && f.q.after_min == 0 && f.q.after_max == 10 * MS);
    f = one("\"kind\": \"duplicate\", \"p\": 0.5, \"after_ms\": [100, 60000]");
    assert_true(f.q.after_min == 100 * MS && f.q.after_max == 60000 * MS);
    f = one("\"kind\": \"corrupt\", \"p\": 0.01");
    assert_true(f.kind == SIM_LINK_CORRUPT && f.q.corrupt == 0.01);
    f = one("\"kind\": \"truncate\", \"p\": 1");
    assert_true(f.kind == SIM_LINK_TRUNCATE && f.q.truncate == 1);
    f = one("\"kind\": \"clog\"");
    assert_true(f.kind == SIM_LINK_CLOG && f.q.clog);
    f = one("\"kind\": \"queue\", \"capacity\": 7");
    assert_true(f.kind == SIM_LINK_QUEUE && f.q.queue == 7);
    f = one("\"kind\": \"slow\", \"node\": \"leader\", \"ms\": [1, 20]");
    assert_true(f.kind == SIM_SLOW && f.target == SIM_TARGET_LEADER && f.q.work_min == MS && f.q.work_max == 20 * MS);
}

static void a_clock_may_run_wrong_or_jump_in_virtual_time(void **state)
{
    (void)state;
    char what[SIM_CONFIG_WHAT];
    struct sim_fault f = one("\"kind\": \"clock\", \"node\": \"0001\", \"rate\": [0.5, 2]");
    assert_true(f.kind == SIM_CLOCK && f.ppm_min == 500000 && f.ppm_max == 2000000 && f.jump_max == 0);
    f = one("\"kind\": \"clock\", \"node\": \"leader\", \"jump_ms\": [10, 20]");
    assert_true(f.ppm_min == 1000000 && f.ppm_max == 1000000 && f.jump_min == 10 * MS && f.jump_max == 20 * MS);
    struct sim_config c = load(with_fault("{\"kind\": \"clock\", \"node\": \"leader\", \"jump_ms\": [10, 20], "
                                          "\"begin\": 1, \"end\": 2}"));
    assert_true(sim_config_virtual_only(&c, what));
    assert_string_equal(what, "a clock that is wrong");
    sim_config_free(&c);
    c = load(with_fault("{\"kind\": \"clog\", \"begin\": 1, \"end\": 2}"));
    assert_false(sim_config_virtual_only(&c, what));
    sim_config_free(&c);
    refused(with_fault("{\"kind\": \"clock\", \"node\": \"leader\", \"begin\": 1, \"end\": 2}"), "has a rate or jumps");
    refused(with_fault("{\"kind\": \"clock\", \"node\": \"leader\", \"rate\": [0, 2], \"begin\": 1, \"end\": 2}"),
            "faults[0].rate: must be [min, max]");
}

static void a_fault_may_last_a_random_time_and_come_again(void **state)
{
    (void)state;
    struct sim_config c = load(with_fault("{\"kind\": \"clog\", \"begin\": 1, \"for_ms\": [100, 300]}"));
    assert_true(c.n_faults == 1 && c.faults[0].begin == SIM_SECOND && c.faults[0].end == 1300 * MS);
    assert_true(c.faults[0].for_min == 100 * MS && c.faults[0].for_max == 300 * MS);
    sim_config_free(&c);
    c = load(with_fault("{\"kind\": \"pause\", \"node\": \"random\", \"begin\": 2, \"end\": 3, \"every\": 0.25, "
                        "\"for_ms\": [50, 100]}"));
    assert_int_equal(c.n_faults, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(c.faults[i].begin == (2000 + 250 * (int64_t)i) * MS &&
                    c.faults[i].end == c.faults[i].begin + 100 * MS);
    sim_config_free(&c);
}

static void the_network_has_more_than_loss_and_delay_if_asked(void **state)
{
    (void)state;
    struct sim_config c =
        load(scenario("\"network\": {\"loss\": 0.1, \"duplicate\": 0.2, \"duplicate_after_ms\": [1, 2000], "
                      "\"tail\": {\"p\": 0.5, \"ms\": [3, 4]}, \"corrupt\": 0.01, \"truncate\": 0.02, \"queue\": 9, "
                      "\"clients\": {\"loss\": 0.3, \"delay_ms\": [5, 6], \"duplicate\": 0.4}}"));
    const struct sim_quality *q = &c.network.more, *k = &c.network.clients;
    assert_true(c.network.loss == 0.1 && c.network.duplicate == 0 && q->any && q->duplicate == 0.2);
    assert_true(q->after_min == MS && q->after_max == 2000 * MS && q->tail == 0.5 && q->tail_min == 3 * MS);
    assert_true(q->tail_max == 4 * MS && q->corrupt == 0.01 && q->truncate == 0.02 && q->queue == 9);
    assert_true(k->any && k->loss == 0.3 && k->delay_min == 5 * MS && k->delay_max == 6 * MS && k->duplicate == 0.4);
    assert_true(k->after_max == 10 * MS && sim_config_clients_faulty(&c));
    sim_config_free(&c);
    c = load(scenario("\"network\": {\"loss\": 0.1, \"duplicate\": 0.2}"));
    assert_true(!c.network.more.any && !c.network.clients.any && c.network.duplicate == 0.2);
    assert_false(sim_config_clients_faulty(&c));
    sim_config_free(&c);
}

static void the_schedule_and_the_replicas_options_are_read(void **state)
{
    (void)state;
    struct sim_config c = load(scenario("\"schedule\": {\"pct\": 3}, \"replica\": {\"reads\": \"index\", \"args\": "
                                        "[\"--compact-entries\", \"20\"]}"));
    assert_int_equal(c.pct, 3);
    assert_string_equal(c.replica.reads, "index");
    assert_string_equal(c.replica.args[0], "--compact-entries");
    assert_string_equal(c.replica.args[1], "20");
    assert_null(c.replica.args[2]);
    sim_config_free(&c);
    c = load(scenario("\"schedule\": \"uniform\""));
    assert_true(c.pct == 0 && c.replica.reads == NULL && c.replica.args[0] == NULL);
    sim_config_free(&c);
    refused(scenario("\"schedule\": \"random\""), "schedule: must be \"uniform\" or {\"pct\": depth}");
    refused(scenario("\"schedule\": {\"pct\": 6}"), "schedule.pct: 6 is not between 2 and 5");
    refused(scenario("\"replica\": {\"args\": [1]}"), "replica.args: must be a list");
    refused(scenario("\"replica\": {\"reads\": 1}"), "replica.reads: must be a string");
}

static void small_groups_are_for_shared_clients_only(void **state)
{
    (void)state;
    struct sim_config c = load("{\"lifetime\": 5, \"replicas\": 1, \"clients\": {\"mode\": \"shared\", \"rate\": 1}}");
    assert_int_equal(c.replicas, 1);
    sim_config_free(&c);
    refused("{\"lifetime\": 5, \"replicas\": 2, \"requests\": 1, \"tests\": {}}",
            "replicas: 2 is not between 3 and 21");
}

static void wrong_faults_are_refused_by_key_and_reason(void **state)
{
    (void)state;
#define BAND "\"begin\": 1, \"end\": 2"
    static const struct {
        const char *fault, *told;
    } cases[] = {
        {"{" BAND "}", "faults[0].kind: must be one of partition, loss, delay, duplicate, corrupt, truncate, clog"},
        {"{\"kind\": \"loss\", \"p\": 0.1, " BAND ", \"prob\": 1}",
         "faults[0].prob: is no key of a loss, which takes begin, end, every, for_ms, when, within_ms, chance, limit, "
         "p, links"},
        {"{\"kind\": \"kill\", \"node\": \"all\", \"at\": 1, \"for_ms\": [1, 2]}", "faults[0].for_ms: is no key of a"},
        {"{\"kind\": \"loss\", " BAND "}", "faults[0].p: missing"},
        {"{\"kind\": \"loss\", \"p\": 0, " BAND "}", "faults[0].p: a fault that never happens"},
        {"{\"kind\": \"loss\", \"p\": 1.1, " BAND "}", "faults[0].p: 1.1 is not between 0 and 1"},
        {"{\"kind\": \"delay\", " BAND "}", "faults[0].ms: [min, max]"},
        {"{\"kind\": \"delay\", \"ms\": [0, 0], " BAND "}", "faults[0].ms: [min, max]"},
        {"{\"kind\": \"queue\", " BAND "}", "faults[0].capacity: missing"},
        {"{\"kind\": \"queue\", \"capacity\": 0, " BAND "}", "faults[0].capacity: 0 is not"},
        {"{\"kind\": \"slow\", \"node\": \"0001\", " BAND "}", "faults[0].ms: [min, max]"},
        {"{\"kind\": \"clog\", \"links\": [], " BAND "}", "faults[0].links: must be a list of 1 to 32 pairs"},
        {"{\"kind\": \"clog\", \"links\": [[\"0000\"]], " BAND "}", "faults[0].links: must be"},
        {"{\"kind\": \"clog\", \"links\": [[\"0000\", \"0009\"]], " BAND "}", "(0000 to 0004)"},
        {"{\"kind\": \"clog\", \"links\": [[\"client\", \"client\"]], " BAND "}", "faults[0].links: must be"},
        {"{\"kind\": \"partition\", \"shape\": \"star\", " BAND "}", "faults[0].shape: must be"},
        {"{\"kind\": \"partition\", \"shape\": \"ring\", \"around\": \"leader\", " BAND "}",
         "faults[0]: a partition has"},
        {"{\"kind\": \"partition\", \"isolate\": \"all\", " BAND "}", "faults[0].node: must be"},
        {"{\"kind\": \"partition\", \"isolate\": \"0001\", \"direction\": \"up\", " BAND "}",
         "faults[0].direction: must"},
        {"{\"kind\": \"partition\", \"shape\": \"ring\", \"direction\": \"in\", " BAND "}", "goes with isolate"},
        {"{\"kind\": \"clog\", \"begin\": 1}", "faults[0].end: missing"},
        {"{\"kind\": \"clog\", " BAND ", \"for_ms\": [1, 2]}", "faults[0].end: the fault ends after for_ms"},
        {"{\"kind\": \"clog\", " BAND ", \"every\": 0.5}", "faults[0].for_ms: missing"},
        {"{\"kind\": \"clog\", \"begin\": 1, \"for_ms\": [0, 0]}", "faults[0].for_ms: must be longer than 0"},
        {"{\"kind\": \"clog\", " BAND ", \"every\": 0.01, \"for_ms\": [1, 2]}", "faults[0].every: 0.01 is not"},
        {"{\"kind\": \"clog\", \"begin\": 2, \"end\": 1, \"every\": 1, \"for_ms\": [1, 2]}", "must not be earlier"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(with_fault(cases[i].fault), cases[i].told);
    refused(scenario("\"network\": {\"tail\": {\"p\": 0.1}}"), "network.tail: must be");
    refused(scenario("\"network\": {\"clients\": {\"loss\": 2}}"), "network.clients.loss: 2 is not");
    refused(
        "{\"lifetime\": 5, \"replicas\": 4, \"requests\": 1, \"tests\": {\"benchmarks\": {\"total_msgs\": [1, 2, 3], "
        "\"failures\": [1, 2, 3], \"duplicates\": [1, 2, 3], \"median_latency\": [1, 2, 3]}}, \"network\": "
        "{\"clients\": {\"loss\": 0.1}}}",
        "clients.mode: must be \"shared\" where links of clients are faulty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_have_one_of_five_forms),
        cmocka_unit_test(faults_of_links_have_a_strength_and_links),
        cmocka_unit_test(a_clock_may_run_wrong_or_jump_in_virtual_time),
        cmocka_unit_test(a_fault_may_last_a_random_time_and_come_again),
        cmocka_unit_test(the_network_has_more_than_loss_and_delay_if_asked),
        cmocka_unit_test(the_schedule_and_the_replicas_options_are_read),
        cmocka_unit_test(small_groups_are_for_shared_clients_only),
        cmocka_unit_test(wrong_faults_are_refused_by_key_and_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
