/* A server is replaced: it leaves the group, its machine is lost with its disk, and an empty one under the same id
 * joins.
 *
 * The old disk held a vote and acknowledgements that others may rely on; the new one forgets them. It may, because the
 * removal is committed before the disk goes:
 * - What a majority of the members without it has is on their disks, with the removal.
 * - It may vote again in a term in which it has voted. A candidate without the entry of the removal counts its vote,
 * but lacks the votes of that majority, whose logs are newer (Raft paper §5.4.1); those that are left, the old server
 *   included, are fewer than half. One with that entry counts it no more, and one with the entry that takes it in again
 *   shares a voter with each majority of the members without it (dissertation §4.1).
 * - What it acknowledged before does not count any more: the leader ignores answers to what was sent before it was
 *   invited, and a new leader knows nothing of anybody. */
#include "sim_fault_int.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

static const int64_t LOOK = SIM_SECOND / 20;

void sim_fault_replace(struct sim_run *run, const struct sim_fault *f)
{
    char name[SIM_RULE_NAME];
    sim_fault_name(run, f, name);
    int node = sim_fault_target(run, f, name);
    if (node < 0 || run->replacing[node].step != SIM_REPLACE_NONE) {
        sim_fault_nobody(run, f);
        return;
    }
    int64_t end = sim_fault_end(run, f, name);
    struct sim_replacement *r = &run->replacing[node];
    *r = (struct sim_replacement){.step = SIM_REPLACE_LEAVES, .f = ++run->f, .due = sim_now(run), .fault = *f};
    snprintf(r->name, sizeof r->name, "%s", name);
    r->fault.restarts = true;
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(run->w, &(struct trace_rec_fault_begin){
                                      .f = r->f, .kind = "replace", .node = run->node[node].id, .cause = "replace"});
    sim_fault_open(run, (struct sim_open_fault){
                            .f = r->f, .end = end, .kind = SIM_REPLACE, .record = "replace", .node = (unsigned)node});
    sim_say(run, "F%" PRId64 " replace: %s", r->f, run->node[node].id);
}

int64_t sim_replace_deadline(const struct sim_run *run)
{
    int64_t t = INT64_MAX;
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (run->replacing[i].step != SIM_REPLACE_NONE && run->replacing[i].due < t)
            t = run->replacing[i].due;
    return t;
}

/* Its machine is lost, and there is a new one. */
static void exchange(struct sim_run *run, unsigned i)
{
    struct sim_replacement *r = &run->replacing[i];
    sim_kill_one(run, &r->fault, (int)i, SIGKILL, r->name);
    run->world->wipe(run, i);
    int64_t f = ++run->f;
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(
        run->w, &(struct trace_rec_fault_begin){.f = f, .kind = "wipe", .node = run->node[i].id, .cause = "replace"});
    trace_put_fault_end(run->w, &(struct trace_rec_fault_end){.f = f, .kind = "wipe", .node = run->node[i].id});
    sim_say(run, "F%" PRId64 " wipe: %s has an empty disk", f, run->node[i].id);
    r->step = SIM_REPLACE_JOINS;
}

static void done(struct sim_run *run, unsigned i)
{
    for (size_t at = 0; at < run->n_open; at++)
        if (run->open[at].f == run->replacing[i].f) {
            sim_fault_close(run, at);
            return;
        }
}

static void look(struct sim_run *run, unsigned i)
{
    const struct sim_world *world = run->world;
    bool leaves = run->replacing[i].step == SIM_REPLACE_LEAVES;
    int leader = sim_fault_asked(run);
    if (leader < 0 || !run->living[i] || !world->runs(run, i) || !world->settled(run, (unsigned)leader))
        return;
    bool member = world->member(run, (unsigned)leader, i);
    if (leaves && !member)
        exchange(run, i);
    else if (!leaves && member)
        done(run, i);
    else
        sim_fault_ask(run, leaves ? SIM_CHANGE_REMOVE : SIM_CHANGE_ADD, (unsigned)leader, i);
}

void sim_replace_tick(struct sim_run *run, int64_t now)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        struct sim_replacement *r = &run->replacing[i];
        if (r->step == SIM_REPLACE_NONE || r->due > now)
            continue;
        r->due = now + LOOK;
        look(run, i);
    }
}
