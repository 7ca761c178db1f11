/* Kills, and what may follow on one: the same process again. Each is a band in the trace: a kill lasts until the start
 * that follows, or for good, and the restart until the hello. */
#include "sim_fault_int.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

static const int64_t PATIENCE = 2 * SIM_SECOND; /* from SIGTERM to SIGKILL */

/* With `restarts` the simulator's socket for it stays open: what it had sent before still arrives, as it would from a
 * machine whose process is killed, and its port keeps its number. Without, what nobody has read yet is lost with it, as
 * in the course's simulator. */
static void kill_node(struct sim_run *run, const struct sim_fault *f, unsigned i, int sig, const char *name)
{
    const char *cause = f->target == SIM_TARGET_ALL ? "kill all" : sim_fault_names[f->kind];
    struct sim_node *node = &run->node[i];
    run->living[i] = false;
    node->killed = true;
    node->kill_at = sim_now(run) + PATIENCE;
    node->down = f->restarts;
    node->kill_f = ++run->f;
    node->restart_f = 0;
    if (f->restarts) {
        char about[SIM_DECIDE_NAME];
        snprintf(about, sizeof about, "%s %s", name, node->id);
        node->restart_at =
            sim_now(run) + sim_decide_between(run->decider, "restart", about, f->restart_min, f->restart_max);
    }
    run->stats->killed++;
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(run->w,
                          &(struct trace_rec_fault_begin){
                              .f = run->f, .kind = "kill", .node = node->id, .sig = TRACE_OPT(sig), .cause = cause});
    trace_flush(run->w);
    if (!f->restarts) {
        node->hung_up = true;
        run->world->hang_up(run, i);
    }
    run->world->signal(run, i, sig);
    run->world->signal(run, i, SIGCONT); /* a paused one must be able to end */
    sim_say(run, "F%" PRId64 " %s: %s with %s", run->f, cause, node->id, sig == SIGKILL ? "SIGKILL" : "SIGTERM");
}

void sim_kill_one(struct sim_run *run, const struct sim_fault *f, int i, int sig, const char *name)
{
    if (i < 0)
        sim_fault_nobody(run, f);
    else
        kill_node(run, f, (unsigned)i, sig, name);
}

void sim_kill_targets(struct sim_run *run, const struct sim_fault *f)
{
    char name[SIM_RULE_NAME];
    bool any = false;
    sim_fault_name(run, f, name);
    int one = sim_fault_target(run, f, name);
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (run->living[i] && (f->target == SIM_TARGET_ALL || (int)i == one)) {
            kill_node(run, f, i, f->sig, name);
            any = true;
        }
    if (!any)
        sim_fault_nobody(run, f);
}

static void end_record(struct sim_run *run, int64_t f, const char *kind, unsigned i)
{
    trace_set_cause(run->w, 0);
    trace_put_fault_end(run->w, &(struct trace_rec_fault_end){.f = f, .kind = kind, .node = run->node[i].id});
}

/* The kill ends, and a restart begins: it lasts until the hello. */
static void restart_node(struct sim_run *run, unsigned i)
{
    struct sim_node *node = &run->node[i];
    char err[512];
    if (node->kill_f)
        end_record(run, node->kill_f, "kill", i);
    if (node->restart_f)
        end_record(run, node->restart_f, "restart", i); /* in vain */
    node->restart_f = ++run->f;
    node->started_at = sim_now(run);
    trace_put_fault_begin(
        run->w, &(struct trace_rec_fault_begin){
                    .f = run->f, .kind = "restart", .node = node->id, .cause = node->kill_f ? "kill" : "disk"});
    trace_flush(run->w);
    sim_say(run, "F%" PRId64 " restart: %s", run->f, node->id);
    if (sim_node_start(run, i, err) == 0)
        return;
    node->down = false; /* it counts as one that died */
    run->child_ended = true;
    sim_say(run, "%s", err);
}

void sim_kill_restart(struct sim_run *run, int64_t now)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (run->node[i].restart_at <= now && !run->world->runs(run, i))
            restart_node(run, i);
}

void sim_kill_back(struct sim_run *run, unsigned i)
{
    struct sim_node *node = &run->node[i];
    int64_t took = sim_now(run) - node->started_at;
    end_record(run, node->restart_f, "restart", i);
    node->restart_f = 0;
    node->down = false;
    run->living[i] = true;
    run->stats->restarted++;
    if (took > run->stats->longest_restart)
        run->stats->longest_restart = took;
}

void sim_kill_hasten(struct sim_run *run)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (run->node[i].restart_at != INT64_MAX)
            run->node[i].restart_at = sim_now(run);
}
