/* Faults, one at a time, on a run that has one replica and no clients, in a world that only remembers. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_run_int.h"

/* A run of one replica with these faults. */
struct small {
    struct sim_config cfg;
    struct sim_plan plan;
    struct sim_result result;
    struct sim_run *run;
    int64_t now;
    bool runs, stopped;
    int killed_by; /* not noticed yet: it has ended, and nobody has looked */
};

static struct small *small_of(const struct sim_run *run)
{
    return run->own;
}

static int64_t world_now(const struct sim_run *run)
{
    return small_of(run)->now;
}

static int world_start(struct sim_run *run, unsigned i, char err[512])
{
    (void)i;
    (void)err;
    assert_false(small_of(run)->runs);
    small_of(run)->runs = true;
    return 0;
}

static bool world_runs(const struct sim_run *run, unsigned i)
{
    return i == 0 && small_of(run)->runs;
}

static void world_signal(struct sim_run *run, unsigned i, int sig)
{
    struct small *s = small_of(run);
    (void)i;
    if (sig == SIGSTOP || sig == SIGCONT)
        s->stopped = sig == SIGSTOP;
    else
        s->killed_by = sig;
}

static void notice_its_end(struct small *s)
{
    assert_true(s->runs && s->killed_by);
    s->runs = false;
    sim_node_ended(s->run, 0, s->killed_by, false);
    s->killed_by = 0;
}

static const struct sim_world world = {
    .clock = "virtual", .now = world_now, .start = world_start, .runs = world_runs, .signal = world_signal};

static void start(struct small *s, struct sim_fault *faults, size_t n)
{
    char err[512];
    *s = (struct small){.cfg = {.replicas = 1, .faults = faults, .n_faults = n}, .run = calloc(1, sizeof *s->run)};
    assert_non_null(s->run);
    s->plan = (struct sim_plan){.cfg = &s->cfg, .quiet = true};
    *s->run = (struct sim_run){.plan = &s->plan,
                               .cfg = &s->cfg,
                               .result = &s->result,
                               .stats = &s->result.stats,
                               .world = &world,
                               .own = s};
    s->run->decider = sim_decider_new(1);
    sim_id(0, s->run->node[0].id);
    s->run->living[0] = true;
    assert_int_equal(sim_node_start(s->run, 0, err), 0);
}

static void stop(struct small *s)
{
    sim_decider_free(s->run->decider);
    free(s->run->open);
    free(s->run);
}

static void a_replica_goes_on_when_the_last_of_its_pauses_ends(void **state)
{
    (void)state;
    struct sim_fault faults[] = {
        {.kind = SIM_PAUSE, .target = SIM_TARGET_NODE, .node = 0, .begin = 10, .end = 40},
        {.kind = SIM_PAUSE, .target = SIM_TARGET_NODE, .node = 0, .begin = 20, .end = 30},
    };
    struct small s;
    start(&s, faults, 2);
    sim_fault_tick(s.run, 10);
    assert_true(s.stopped);
    sim_fault_tick(s.run, 20);
    assert_int_equal(s.run->n_open, 2);
    sim_fault_tick(s.run, 30);
    assert_int_equal(s.run->n_open, 1);
    assert_true(s.stopped);
    sim_fault_tick(s.run, 40);
    assert_int_equal(s.run->n_open, 0);
    assert_false(s.stopped);
    stop(&s);
}

/* Not before it has ended, whatever the time; and it takes part again from its hello on. */
static void a_killed_replica_is_started_again_once_it_has_ended_and_lives_from_its_hello_on(void **state)
{
    (void)state;
    struct sim_fault kill = {.kind = SIM_KILL,
                             .target = SIM_TARGET_NODE,
                             .begin = 10,
                             .sig = SIGKILL,
                             .restarts = true,
                             .restart_min = 5,
                             .restart_max = 5};
    struct small s;
    start(&s, &kill, 1);
    const struct sim_node *node = &s.run->node[0];
    sim_fault_tick(s.run, 10);
    assert_int_equal(s.killed_by, SIGKILL);
    assert_true(node->down && !s.run->living[0] && sim_nodes_expected(s.run));
    sim_fault_tick(s.run, INT64_MAX - 1);
    assert_int_equal(node->boot, 1); /* nobody has looked yet whether it has ended */
    notice_its_end(&s);
    assert_int_equal(sim_nodes_running(s.run), 0);
    assert_true(sim_nodes_expected(s.run) && sim_nodes_deadline(s.run) < INT64_MAX);
    sim_fault_tick(s.run, INT64_MAX - 1);
    assert_int_equal(node->boot, 2);
    assert_true(s.runs);
    assert_true(node->down && !s.run->living[0]);
    sim_kill_back(s.run, 0);
    assert_true(!node->down && s.run->living[0] && !sim_nodes_expected(s.run));
    assert_true(s.result.stats.killed == 1 && s.result.stats.restarted == 1);
    stop(&s);
}

/* The end of all faults does not leave it dead until its time has come. */
static void healing_brings_a_killed_replica_back_at_once_if_it_was_to_come_back(void **state)
{
    (void)state;
    struct sim_fault kill = {.kind = SIM_KILL,
                             .target = SIM_TARGET_RANDOM,
                             .begin = 10,
                             .sig = SIGKILL,
                             .restarts = true,
                             .restart_min = 500 * SIM_SECOND,
                             .restart_max = 500 * SIM_SECOND};
    struct small s;
    start(&s, &kill, 1);
    sim_fault_tick(s.run, 10);
    notice_its_end(&s);
    sim_fault_tick(s.run, sim_now(s.run));
    assert_int_equal(s.run->node[0].boot, 1);
    sim_fault_heal(s.run);
    sim_fault_tick(s.run, sim_now(s.run));
    assert_int_equal(s.run->node[0].boot, 2);
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replica_goes_on_when_the_last_of_its_pauses_ends),
        cmocka_unit_test(a_killed_replica_is_started_again_once_it_has_ended_and_lives_from_its_hello_on),
        cmocka_unit_test(healing_brings_a_killed_replica_back_at_once_if_it_was_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
