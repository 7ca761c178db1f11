/* The replicas of a run, whatever they are made of: started, started again after a kill, ended. */
#include "sim_run_int.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

int sim_node_start(struct sim_run *run, unsigned i, char err[512])
{
    struct sim_node *node = &run->node[i];
    node->boot++;
    node->killed = node->hung = node->claims = false;
    node->kill_at = node->restart_at = INT64_MAX;
    node->unread = -1;
    return run->world->start(run, i, err);
}

/* Its disk has failed it: whoever runs it starts it again. */
static void come_back(struct sim_run *run, unsigned i)
{
    struct sim_node *node = &run->node[i];
    char name[SIM_DECIDE_NAME];
    snprintf(name, sizeof name, "disk %s.%u", node->id, node->boot);
    node->down = true;
    node->kill_f = 0;
    node->restart_at = sim_now(run) + sim_decide_between(run->decider, "restart", name, run->cfg->disk.restart_min,
                                                         run->cfg->disk.restart_max);
}

void sim_node_ended(struct sim_run *run, unsigned i, int status, bool stopping)
{
    struct sim_node *node = &run->node[i];
    bool died = !node->hung && !node->killed && !stopping;
    sim_now(run);
    trace_set_cause(run->w, 0);
    trace_put_node_exit(run->w,
                        &(struct trace_rec_node_exit){.of = node->id,
                                                      .status = {.set = WIFEXITED(status), .v = WEXITSTATUS(status)},
                                                      .sig = {.set = WIFSIGNALED(status), .v = WTERMSIG(status)},
                                                      .unread = {.set = node->unread >= 0, .v = node->unread},
                                                      .why = node->hung     ? "hung"
                                                             : node->killed ? "killed"
                                                             : died         ? "died"
                                                                            : "stopped"});
    run->living[i] = false;
    run->child_ended = true;
    node->down = node->down && !died; /* one that ends by itself is not expected back */
    if (died && run->world->disk && WIFEXITED(status) &&
        (WEXITSTATUS(status) == EX_IOERR || WEXITSTATUS(status) == EX_NOINPUT))
        come_back(run, i);
    if (died && node->rotten && WIFEXITED(status) && WEXITSTATUS(status) == EX_DATAERR)
        node->killed = true; /* by the fault that it noticed */
    if (died && WIFSIGNALED(status))
        sim_say(run, "%s died of signal %d (%s)", node->id, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (died)
        sim_say(run, "%s ended by itself with status %d", node->id, WEXITSTATUS(status));
}

unsigned sim_nodes_running(const struct sim_run *run)
{
    unsigned n = 0;
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        n += run->world->runs(run, i);
    return n;
}

int64_t sim_nodes_deadline(const struct sim_run *run)
{
    int64_t t = INT64_MAX;
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        const struct sim_node *node = &run->node[i];
        /* Of one that is still ending, the end is noticed when it comes. */
        int64_t due = run->world->runs(run, i) ? node->kill_at : node->restart_at;
        t = due < t ? due : t;
    }
    return t;
}

bool sim_nodes_expected(const struct sim_run *run)
{
    bool any = false;
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        any |= run->node[i].down;
    return any;
}
