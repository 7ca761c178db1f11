/* Faults, one at a time, on a run that has one process and no clients. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "../src/sim_run_int.h"
#include "support/spawn.h"

static void see_nothing(void *ctx, const char *line, bool truncated)
{
    (void)ctx;
    (void)line;
    (void)truncated;
}

/* Whether the process has been stopped or continued since it was last asked. */
static bool was(const struct sim_proc *p, int how)
{
    siginfo_t info = {0};
    assert_int_equal(waitid(P_PID, (id_t)p->pid, &info, how | WNOHANG), 0);
    return info.si_pid == p->pid;
}

/* A run of one process that sleeps, and these faults. */
struct small {
    char dir[512];
    struct sim_config cfg;
    struct sim_plan plan;
    struct sim_open_fault open[2];
    struct sim_result result;
    struct sim_run *run;
    struct sim_proc *p;
};

static void start(struct small *s, struct sim_fault *faults, size_t n)
{
    char err[TRACE_ERR_LEN];
    static const char *const sleeper[] = {"/bin/sleep", "300", NULL};
    *s = (struct small){.cfg = {.replicas = 1, .faults = faults, .n_faults = n}, .run = calloc(1, sizeof *s->run)};
    assert_non_null(s->run);
    spawn_tempdir(s->dir, sizeof s->dir);
    s->plan = (struct sim_plan){.cfg = &s->cfg, .dir = s->dir, .quiet = true};
    s->result.epoch = (int64_t)trace_mono_ns();
    *s->run = (struct sim_run){
        .plan = &s->plan, .cfg = &s->cfg, .result = &s->result, .stats = &s->result.stats, .open = s->open};
    rng_seed(&s->run->faults_rng, 1);
    s->run->w = trace_writer_open(&(struct trace_writer_options){.dir = s->dir, .node = "sim", .boot = 1}, err);
    assert_non_null(s->run->w);
    struct sim_node *node = &s->run->node[0];
    sim_id(0, node->id);
    memcpy(node->argv, sleeper, sizeof sleeper);
    s->p = &node->proc;
    s->run->living[0] = true;
    assert_true(sim_node_start(s->run, 0, err));
}

static void wait_for(const struct small *s, int how)
{
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)s->p->pid, &info, how | (how == WEXITED ? WNOWAIT : 0)), 0);
}

static void stop(struct small *s)
{
    sim_proc_signal(s->p, SIGKILL);
    wait_for(s, WEXITED);
    assert_true(sim_proc_reap(s->p));
    for (int fd = 1; fd <= 2; fd++)
        sim_proc_drain(s->p, fd, 0, see_nothing, NULL);
    trace_writer_close(s->run->w);
    free(s->run);
    spawn_remove(s->dir);
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
    wait_for(&s, WSTOPPED);
    sim_fault_tick(s.run, 20);
    assert_int_equal(s.run->n_open, 2);
    sim_fault_tick(s.run, 30);
    assert_int_equal(s.run->n_open, 1);
    assert_false(was(s.p, WCONTINUED));
    sim_fault_tick(s.run, 40);
    assert_int_equal(s.run->n_open, 0);
    assert_true(was(s.p, WCONTINUED));
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
    pid_t before = s.p->pid;
    sim_fault_tick(s.run, 10);
    wait_for(&s, WEXITED);
    assert_true(node->down && !s.run->living[0] && sim_nodes_expected(s.run));
    sim_fault_tick(s.run, INT64_MAX - 1);
    assert_int_equal(node->boot, 1); /* nobody has looked yet whether it has ended */
    assert_int_equal(sim_nodes_reap(s.run, false), 0);
    assert_true(sim_nodes_expected(s.run) && sim_nodes_deadline(s.run) < INT64_MAX);
    sim_fault_tick(s.run, INT64_MAX - 1);
    assert_int_equal(node->boot, 2);
    assert_true(s.p->state == SIM_PROC_RUNNING && s.p->pid != before);
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
    wait_for(&s, WEXITED);
    assert_int_equal(sim_nodes_reap(s.run, false), 0);
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
