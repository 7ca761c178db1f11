/* A server is replaced: it leaves the group, its machine is lost with its disk, and an empty one under the same id
 * joins.
 *
 * The old disk held a vote and acknowledgements that others rely on, and the new one forgets them: whoever counts the
 * server as a member without knowing of its removal may win an election with its vote although the old server had what
 * the candidate lacks. That the removal is committed is not enough: a server that was itself removed earlier, and heard
 * of neither, counts by the members of long ago. So the disk goes only once every other server has the removal as the
 * latest configuration, and committed; then nobody counts the new one before it was added, and it is added once it has
 * caught up (dissertation §4.2.1). An administrator who cannot be sure of that takes a new id for the new server.
 * Nor may it have gone beyond the leader's term, in which it would lead or vote a second time.
 * What the old one acknowledged does not count either: the leader ignores answers to what was sent before the
 * invitation, and a new leader knows nothing of anybody. */
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

static bool is_forgotten(const struct sim_run *run, unsigned i, unsigned leader)
{
    if (run->world->term(run, i) > run->world->term(run, leader))
        return false;
    for (unsigned k = 0; k < run->cfg->replicas; k++)
        if (k != i && (!run->world->runs(run, k) || run->world->member(run, k, i) || !run->world->settled(run, k)))
            return false;
    return true;
}

static void look(struct sim_run *run, unsigned i)
{
    const struct sim_world *world = run->world;
    bool leaves = run->replacing[i].step == SIM_REPLACE_LEAVES;
    int leader = sim_fault_asked(run);
    if (leader < 0 || !run->living[i] || !world->runs(run, i) || !world->settled(run, (unsigned)leader))
        return;
    bool member = world->member(run, (unsigned)leader, i);
    if (leaves && !member) {
        if (is_forgotten(run, i, (unsigned)leader))
            exchange(run, i);
    } else if (!leaves && member)
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
