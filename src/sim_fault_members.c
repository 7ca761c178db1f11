/* An administrator's requests: a member goes, comes back, or is to lead. They go to whoever leads, over no faulty link,
 * and are not repeated: an answer that was lost is what administrators have to live with. The answer is recorded and
 * nothing more. */
#include "sim_fault_int.h"

#include <inttypes.h>
#include <stdio.h>

static enum sim_change what(const struct sim_run *run, const struct sim_fault *f, unsigned leader, unsigned node)
{
    if (f->change != SIM_CHANGE_TOGGLE)
        return f->change;
    return run->world->member(run, leader, node) ? SIM_CHANGE_REMOVE : SIM_CHANGE_ADD;
}

int sim_fault_asked(const struct sim_run *run)
{
    /* One that leads without having had to say so is known to nobody on the network. */
    int leader = run->world->leader ? run->world->leader(run) : sim_fault_leader(run);
    return leader >= 0 && run->world->runs(run, (unsigned)leader) ? leader : -1;
}

void sim_fault_ask(struct sim_run *run, enum sim_change change, unsigned leader, unsigned node)
{
    char admin[SIM_ID_LEN], bytes[300], mid[32];
    sim_run_admin(run, admin);
    snprintf(mid, sizeof mid, "ADMIN-%" PRId64, ++run->f);
    int n = snprintf(bytes, sizeof bytes,
                     "{\"src\":\"%s\",\"dst\":\"%s\",\"leader\":\"FFFF\",\"type\":\"change\",\"MID\":\"%s\","
                     "\"op\":\"%s\",\"node\":\"%s\",\"address\":\"\"}",
                     admin, run->node[leader].id, mid, sim_change_names[change], run->node[node].id);
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(
        run->w, &(struct trace_rec_fault_begin){
                    .f = run->f, .kind = "members", .node = run->node[node].id, .cause = sim_change_names[change]});
    trace_put_fault_end(run->w,
                        &(struct trace_rec_fault_end){.f = run->f, .kind = "members", .node = run->node[node].id});
    sim_say(run, "F%" PRId64 " members: %s %s, asked of %s", run->f, sim_change_names[change], run->node[node].id,
            run->node[leader].id);
    sim_route_admin(run, leader, bytes, (size_t)n, mid);
}

void sim_fault_members(struct sim_run *run, const struct sim_fault *f)
{
    char name[SIM_RULE_NAME];
    sim_fault_name(run, f, name);
    int leader = sim_fault_asked(run);
    int node = f->target == SIM_TARGET_RANDOM ? sim_fault_any(run, name, -1) : sim_fault_target(run, f, name);
    if (leader < 0 || node < 0)
        sim_fault_nobody(run, f);
    else
        sim_fault_ask(run, what(run, f, (unsigned)leader, (unsigned)node), (unsigned)leader, (unsigned)node);
}
