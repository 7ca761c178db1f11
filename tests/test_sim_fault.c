/* Faults, one at a time, on a run that has one process and no clients. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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

static void a_replica_goes_on_when_the_last_of_its_pauses_ends(void **state)
{
    (void)state;
    char dir[512], err[TRACE_ERR_LEN];
    spawn_tempdir(dir, sizeof dir);
    struct sim_fault faults[] = {
        {.kind = SIM_PAUSE, .target = SIM_TARGET_NODE, .node = 0, .begin = 10, .end = 40},
        {.kind = SIM_PAUSE, .target = SIM_TARGET_NODE, .node = 0, .begin = 20, .end = 30},
    };
    const struct sim_config cfg = {.replicas = 1, .faults = faults, .n_faults = 2};
    const struct sim_plan plan = {.cfg = &cfg, .quiet = true};
    struct sim_open_fault open[2];
    struct sim_result result = {.epoch = 0};
    struct sim_run *run = calloc(1, sizeof *run);
    assert_non_null(run);
    *run = (struct sim_run){.plan = &plan, .cfg = &cfg, .result = &result, .stats = &result.stats, .open = open};
    run->w = trace_writer_open(&(struct trace_writer_options){.dir = dir, .node = "sim", .boot = 1}, err);
    assert_non_null(run->w);
    run->living[0] = true;
    sim_id(0, run->node[0].id);
    struct sim_proc *p = &run->node[0].proc;
    const char *const sleeper[] = {"/bin/sleep", "300", NULL};
    assert_true(sim_proc_start(p, sleeper, &(struct sim_variable){NULL, NULL}, 0, err));
    sim_fault_tick(run, 10);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)p->pid, &info, WSTOPPED), 0);
    sim_fault_tick(run, 20);
    assert_int_equal(run->n_open, 2);
    sim_fault_tick(run, 30);
    assert_int_equal(run->n_open, 1);
    assert_false(was(p, WCONTINUED));
    sim_fault_tick(run, 40);
    assert_int_equal(run->n_open, 0);
    assert_true(was(p, WCONTINUED));
    sim_proc_signal(p, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(sim_proc_reap(p));
    for (int fd = 1; fd <= 2; fd++)
        sim_proc_drain(p, fd, 0, see_nothing, NULL);
    trace_writer_close(run->w);
    free(run);
    spawn_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replica_goes_on_when_the_last_of_its_pauses_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
