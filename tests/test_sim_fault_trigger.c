/* Faults that wait for something: read from a scenario, triggered by hand, and by replicas of the virtual world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_run_int.h"

#define MS INT64_C(1000000)

static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];

static struct sim_config load(const char *faults, const char *more)
{
    static char text[4096];
    struct sim_config c;
    snprintf(text, sizeof text,
             "{\"name\": \"t\", \"lifetime\": 10, \"start_wait\": 0, \"end_wait\": 3, \"replicas\": 3, \"mix\": 0.2, "
             "\"clients\": "
             "{\"mode\": \"shared\", \"count\": 2, \"rate\": 40}%s, \"faults\": [%s]}",
             more, faults);
    if (sim_config_load(text, &c, err, warnings) != SIM_CONFIG_OK)
        fail_msg("%s", err);
    return c;
}

static void refused(const char *fault, const char *told)
{
    char text[1000];
    struct sim_config c;
    snprintf(text, sizeof text,
             "{\"lifetime\": 10, \"replicas\": 3, \"clients\": {\"mode\": \"shared\", \"rate\": 1}, \"faults\": [%s]}",
             fault);
    assert_int_equal(sim_config_load(text, &c, err, warnings), SIM_CONFIG_BAD);
    if (!strstr(err, told))
        fail_msg("expected \"%s\" in:\n%s", told, err);
}

static void a_trigger_says_what_it_waits_for_how_likely_and_how_soon(void **state)
{
    (void)state;
    struct sim_config c = load(
        "{\"kind\": \"pause\", \"when\": \"votes\", \"for_ms\": [1, 2]},"
        "{\"kind\": \"kill\", \"node\": \"leader\", \"when\": \"truncates\", \"chance\": 0.5, \"within_ms\": [3, 4], "
        "\"limit\": 5, \"begin\": 1, \"end\": 2, \"restart_after_ms\": [6, 7]},"
        "{\"kind\": \"partition\", \"isolate\": \"it\", \"when\": \"becomes_leader\", \"for_ms\": [1, 2]},"
        "{\"kind\": \"clog\", \"links\": [[\"it\", \"*\"]], \"when\": \"answers_client\", \"for_ms\": [1, 2]}",
        "");
    assert_int_equal(c.n_faults, 0);
    assert_int_equal(c.n_triggers, 4);
    const struct sim_fault *t = c.triggers;
    assert_true(t[0].kind == SIM_PAUSE && t[0].when == SIM_WHEN_VOTES && t[0].target == SIM_TARGET_IT);
    assert_true(t[0].begin == 0 && t[0].end == 10 * SIM_SECOND && t[0].chance == 1 && t[0].limit == 0);
    assert_true(t[0].within_min == 0 && t[0].within_max == 10 * MS && t[0].for_min == MS && t[0].for_max == 2 * MS);
    assert_true(t[1].when == SIM_WHEN_TRUNCATES && t[1].target == SIM_TARGET_LEADER && t[1].chance == 0.5);
    assert_true(t[1].within_min == 3 * MS && t[1].limit == 5 && t[1].restarts && t[1].end == 2 * SIM_SECOND);
    assert_true(t[2].kind == SIM_PARTITION_ISOLATE && t[2].target == SIM_TARGET_IT && t[2].when == SIM_WHEN_LEADS);
    assert_true(t[3].pair[0].from.target == SIM_TARGET_IT && t[3].when == SIM_WHEN_ANSWERS);
    char what[SIM_CONFIG_WHAT];
    assert_true(sim_config_virtual_only(&c, what));
    assert_non_null(strstr(what, "votes"));
    sim_config_free(&c);
    refused("{\"kind\": \"pause\", \"when\": \"sleeps\", \"for_ms\": [1, 2]}",
            "faults[0].when: must be becomes_leader");
    refused("{\"kind\": \"pause\", \"when\": \"votes\"}", "faults[0].for_ms: [min, max]");
    refused("{\"kind\": \"pause\", \"node\": \"it\", \"begin\": 1, \"end\": 2}", "faults[0].node: must be");
    refused("{\"kind\": \"clog\", \"links\": [[\"it\", \"*\"]], \"begin\": 1, \"end\": 2}", "faults[0].links: must be");
    refused("{\"kind\": \"kill\", \"node\": \"leader\", \"at\": 1, \"limit\": 2}", "faults[0].limit: goes with when");
    refused("{\"kind\": \"kill\", \"at\": 1, \"when\": \"votes\"}", "faults[0].at: does not go with when");
}

/* ---- by hand ---- */

static int64_t now_ns;

static int64_t world_now(const struct sim_run *run)
{
    (void)run;
    return now_ns;
}

static bool nobody_runs(const struct sim_run *run, unsigned i)
{
    (void)run;
    (void)i;
    return false;
}

static void take_signal(struct sim_run *run, unsigned i, int sig)
{
    (void)run;
    (void)i;
    (void)sig;
}

static const struct sim_world world = {
    .clock = "virtual", .now = world_now, .runs = nobody_runs, .signal = take_signal};

struct small {
    struct sim_plan plan;
    struct sim_result result;
    struct sim_run *run;
};

static void start(struct small *s, const struct sim_config *c, uint64_t seed)
{
    *s = (struct small){.plan = {.cfg = c, .quiet = true}, .run = calloc(1, sizeof *s->run)};
    assert_non_null(s->run);
    *s->run =
        (struct sim_run){.plan = &s->plan, .cfg = c, .result = &s->result, .stats = &s->result.stats, .world = &world};
    s->run->decider = sim_decider_new(seed);
    s->run->triggered = calloc(c->n_triggers + 1, sizeof *s->run->triggered);
    sim_net_init(&s->run->net, &c->network, s->run->decider);
    for (unsigned i = 0; i < c->replicas; i++) {
        sim_id(i, s->run->node[i].id);
        s->run->node[i].restart_at = INT64_MAX;
        s->run->living[i] = true;
    }
    now_ns = 0;
}

static void stop(struct small *s)
{
    sim_decider_free(s->run->decider);
    sim_net_free(&s->run->net);
    free(s->run->open);
    free(s->run->pending);
    free(s->run->triggered);
    free(s->run);
}

static void what_happens_to_a_replica_hits_that_replica_a_little_later_for_a_while(void **state)
{
    (void)state;
    struct sim_config c =
        load("{\"kind\": \"partition\", \"isolate\": \"it\", \"when\": \"votes\", \"within_ms\": [2, 4], "
             "\"for_ms\": [10, 20], \"begin\": 1, \"end\": 2, \"limit\": 2}",
             "");
    struct small s;
    start(&s, &c, 1);
    sim_fault_happens(s.run, SIM_WHEN_VOTES, 1); /* too early */
    assert_true(sim_fault_deadline(s.run) == INT64_MAX);
    now_ns = SIM_SECOND;
    sim_fault_happens(s.run, SIM_WHEN_LEADS, 1); /* something else */
    assert_true(sim_fault_deadline(s.run) == INT64_MAX);
    sim_fault_happens(s.run, SIM_WHEN_VOTES, 1);
    int64_t begin = sim_fault_deadline(s.run);
    assert_in_range(begin - now_ns, 2 * MS, 4 * MS);
    now_ns = begin;
    sim_fault_tick(s.run, now_ns);
    assert_true(sim_net_cut(&s.run->net, 1, 0) && sim_net_cut(&s.run->net, 0, 1) && !sim_net_cut(&s.run->net, 0, 2));
    int64_t end = sim_fault_deadline(s.run);
    assert_in_range(end - begin, 10 * MS, 20 * MS);
    now_ns = end;
    sim_fault_tick(s.run, now_ns);
    assert_false(sim_net_cut(&s.run->net, 1, 0));
    sim_fault_happens(s.run, SIM_WHEN_VOTES, 2);
    sim_fault_happens(s.run, SIM_WHEN_VOTES, 0); /* the third time: too often */
    assert_int_equal(s.run->n_pending, 1);
    sim_fault_heal(s.run); /* what has not begun yet does not begin any more */
    assert_true(sim_fault_deadline(s.run) == INT64_MAX);
    stop(&s);
    sim_config_free(&c);
}

static void chance_decides_each_time(void **state)
{
    (void)state;
    struct sim_config c =
        load("{\"kind\": \"pause\", \"when\": \"votes\", \"chance\": 0.25, \"for_ms\": [10, 20]}", "");
    struct small s;
    start(&s, &c, 5);
    for (int i = 0; i < 400; i++)
        sim_fault_happens(s.run, SIM_WHEN_VOTES, (unsigned)i % 3);
    assert_in_range(s.run->n_pending, 60, 140);
    stop(&s);
    sim_config_free(&c);
}

/* ---- in virtual time ---- */

/* How often the trace of a run has this text. */
static unsigned count_in_run(const struct sim_config *c, uint64_t seed, const char *const *args, const char *text)
{
    static struct sim_result r;
    int rc = sim_run(
        &(struct sim_plan){
            .cfg = c, .seed = seed, .args = args, .traces = true, .version = "test", .quiet = true, .silent = true},
        &r, err);
    if (rc)
        fail_msg("status %d: %s", rc, err);
    assert_true(r.verdict.correct);
    const struct sim_tape *sim = r.tapes.first;
    assert_string_equal(sim->node, "sim");
    unsigned n = 0;
    const char *end = sim->bytes + sim->n;
    for (const char *at = sim->bytes; (at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL; at++)
        n++;
    sim_result_free(&r);
    return n;
}

static void replicas_of_the_virtual_world_trigger_what_waits_for_them(void **state)
{
    (void)state;
    static const char *const compacting[] = {"--compact-entries", "8", NULL}, *const plain[] = {NULL};
    /* A leader alone with its clients appends what it loses later, or finds that the others have compacted. */
    static const struct {
        const char *event, *isolation;
        const char *const *args;
    } cases[] = {
        {"becomes_leader", "\"begin\": 3, \"end\": 7", plain},
        {"votes", "\"begin\": 3, \"end\": 7", plain},
        {"appends_first", "\"begin\": 3, \"end\": 7", plain},
        {"truncates", "\"begin\": 3, \"end\": 7", plain},
        {"answers_client", "\"begin\": 3, \"end\": 7", plain},
        {"installs_snapshot", "\"begin\": 2, \"end\": 9", compacting},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char faults[600];
        unsigned n = 0;
        snprintf(faults, sizeof faults,
                 "{\"kind\": \"loss\", \"p\": 0.5, \"links\": [[\"it\", \"*\"]], \"when\": \"%s\", \"limit\": 2, "
                 "\"for_ms\": "
                 "[1, 2]}, {\"kind\": \"partition\", \"around\": \"leader\", %s}",
                 cases[i].event, cases[i].isolation);
        struct sim_config c = load(faults, "");
        for (uint64_t seed = 1; seed <= 5 && n == 0; seed++)
            n = count_in_run(&c, seed, cases[i].args, "\"ev\":\"fault.begin\",\"f\":1,\"kind\":\"loss\"") +
                count_in_run(&c, seed, cases[i].args, "\"ev\":\"fault.begin\",\"f\":2,\"kind\":\"loss\"");
        if (n == 0)
            fail_msg("%s has triggered nothing", cases[i].event);
        sim_config_free(&c);
    }
}

static void what_only_virtual_time_has_is_refused_for_processes(void **state)
{
    (void)state;
    struct sim_config c = load("{\"kind\": \"pause\", \"when\": \"votes\", \"for_ms\": [10, 20]}", "");
    static const char *const command[] = {"/bin/true", NULL};
    struct sim_result r;
    int rc =
        sim_run(&(struct sim_plan){.cfg = &c, .command = command, .dir = "/nonexistent/x", .quiet = true}, &r, err);
    assert_int_equal(rc, 65);
    assert_non_null(strstr(err, "only in virtual time"));
    sim_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trigger_says_what_it_waits_for_how_likely_and_how_soon),
        cmocka_unit_test(what_happens_to_a_replica_hits_that_replica_a_little_later_for_a_while),
        cmocka_unit_test(chance_decides_each_time),
        cmocka_unit_test(replicas_of_the_virtual_world_trigger_what_waits_for_them),
        cmocka_unit_test(what_only_virtual_time_has_is_refused_for_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
