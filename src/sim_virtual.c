/* The virtual world: the replicas are objects in this process, and time jumps from one thing that happens to the next.
 * One thread; nothing is asked of a clock, and chance only of the run's seed. */
#include "sim_virtual_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From one end to the other and into the program, ns: about what loopback takes. */
static const int64_t HOP_MIN = 50000, HOP_MAX = 250000;

static int64_t now(const struct sim_run *run)
{
    return virtual_of(run)->now;
}

static bool runs(const struct sim_run *run, unsigned i)
{
    return virtual_of(run)->node[i].replica != NULL;
}

static int open_world(struct sim_run *run, char err[512])
{
    struct virtual *v = calloc(1, sizeof *v);
    if (!v)
        abort();
    run->own = v;
    run->oracle = sim_oracle_new();
    if (run->plan->coverage)
        run->states = sim_states_new(run->plan->coverage, run->plan->seed, run->cfg->replicas);
    virtual_abort_open(v);
    run->result->epoch = 0;
    run->result->wall_us = 0;
    run->net.hop_min = HOP_MIN;
    run->net.hop_max = HOP_MAX;
    /* The course's clients compare an answer with the last one they had: on its sockets answers keep their order. */
    run->net.orderly_clients = !run->cfg->clients.shared;
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        int rc = virtual_node_open(run, i, err);
        if (rc)
            return rc;
    }
    return 0;
}

static void close_world(struct sim_run *run)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        virtual_node_close(run, i);
    virtual_abort_close(virtual_of(run));
    free(run->own);
}

static int start(struct sim_run *run, unsigned i, char err[512])
{
    return virtual_node_start(run, i, err);
}

static void send_signal(struct sim_run *run, unsigned i, int sig)
{
    struct virtual_node *node = &virtual_of(run)->node[i];
    if (!node->replica)
        return;
    switch (sig) {
    case SIGSTOP:
        node->paused = true;
        break;
    case SIGCONT:
        node->paused = false;
        break;
    case SIGTERM:
        virtual_node_stop(run, i, false);
        break;
    default:
        virtual_node_kill(run, i);
    }
}

static void set_disk(struct sim_run *run, unsigned i, const struct sim_disk_quality *q, bool begins)
{
    virtual_disk_trouble(&virtual_of(run)->node[i], q, begins);
}

static void hang_up(struct sim_run *run, unsigned i)
{
    (void)run;
    (void)i; /* what it has sent has been taken at that moment */
}

static bool deliver(struct sim_run *run, unsigned i, const char *bytes, size_t n)
{
    if (virtual_node_take(run, i, bytes, n))
        return true;
    errno = ENOBUFS;
    return false;
}

static void wait_until(struct sim_run *run, int64_t deadline)
{
    struct virtual *v = virtual_of(run);
    int64_t due[SIM_REPLICAS_MAX], next = deadline;
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        due[i] = virtual_node_due(run, i);
        next = due[i] < next ? due[i] : next;
    }
    v->now = next > v->now ? next : v->now;
    sim_now(run);
    for (unsigned i = 0; i < run->cfg->replicas && !run->over; i++)
        if (due[i] <= v->now)
            virtual_node_step(run, i);
    trace_flush(run->w);
}

static void stop(struct sim_run *run)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (runs(run, i))
            virtual_node_stop(run, i, true);
}

const struct sim_world sim_virtual = {
    .clock = "virtual",
    .constant = true,
    .open = open_world,
    .close = close_world,
    .now = now,
    .start = start,
    .runs = runs,
    .leader = virtual_node_leader,
    .member = virtual_node_member,
    .term = virtual_node_term,
    .settled = virtual_node_settled,
    .wipe = virtual_node_wipe,
    .describe = virtual_node_describe,
    .signal = send_signal,
    .set_clock = virtual_node_set_clock,
    .disk = set_disk,
    .hang_up = hang_up,
    .deliver = deliver,
    .wait = wait_until,
    .stop = stop,
};
