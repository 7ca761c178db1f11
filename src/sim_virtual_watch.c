/* What happens to the replicas of the virtual world, for the faults that wait for it: seen from outside, by comparing
 * what a core looked like before a step and after it. */
#include "sim_virtual_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t term_at(const struct raft *core, uint64_t index)
{
    uint64_t base_term, base = raft_base(core, &base_term);
    if (index == base)
        return base_term;
    const struct entry *e = raft_entry(core, index);
    return e ? e->term : 0;
}

static struct virtual_sight look(const struct raft *core)
{
    const struct raft_brief b = raft_brief(core);
    const char *conf = raft_conf(core);
    return (struct virtual_sight){.brief = b,
                                  .voted = raft_voted_for(core),
                                  .base = raft_base(core, NULL),
                                  .last_term = term_at(core, b.last),
                                  .conf = trace_hash(conf, strlen(conf))};
}

int virtual_node_leader(const struct sim_run *run)
{
    int best = -1;
    uint64_t term = 0;
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        if (!run->world->runs(run, i))
            continue;
        struct raft_brief b = raft_brief(replica_core(virtual_of(run)->node[i].replica));
        if (b.role == RAFT_LEADER && (best < 0 || b.term > term)) {
            best = (int)i;
            term = b.term;
        }
    }
    return best;
}

bool virtual_node_member(const struct sim_run *run, unsigned as, unsigned i)
{
    char id[SIM_ID_LEN];
    const char *at = raft_conf(replica_core(virtual_of(run)->node[as].replica));
    sim_id((node_id)i, id);
    while (at && strncmp(at, id, sizeof id - 1) != 0)
        at = (at = strchr(at, ',')) ? at + 1 : NULL;
    return at != NULL;
}

uint64_t virtual_node_term(const struct sim_run *run, unsigned i)
{
    return raft_brief(replica_core(virtual_of(run)->node[i].replica)).term;
}

bool virtual_node_settled(const struct sim_run *run, unsigned as)
{
    return !raft_change_under_way(replica_core(virtual_of(run)->node[as].replica));
}

void virtual_node_describe(const struct sim_run *run, unsigned i, char text[160])
{
    static const char *const roles[] = {[RAFT_FOLLOWER] = "follower",
                                        [RAFT_PRECANDIDATE] = "asks whether it would be elected",
                                        [RAFT_CANDIDATE] = "candidate",
                                        [RAFT_LEADER] = "leader"};
    const struct virtual_node *node = &virtual_of(run)->node[i];
    const struct raft *core = replica_core(node->replica);
    const struct raft_brief b = raft_brief(core);
    char leader[SIM_ID_LEN], voted[SIM_ID_LEN];
    sim_id(b.leader, leader);
    sim_id(raft_voted_for(core), voted);
    snprintf(text, 160, "%s%s, term %" PRIu64 ", voted for %s, follows %s, log to %" PRIu64 ", committed %" PRIu64,
             node->paused ? "paused, " : "", roles[b.role], b.term, strcmp(voted, "FFFF") == 0 ? "nobody" : voted,
             strcmp(leader, "FFFF") == 0 ? "nobody" : leader, b.last, b.commit);
}

void virtual_watch_start(struct virtual_node *node)
{
    node->sight = look(replica_core(node->replica));
}

void virtual_watch(struct virtual_node *node)
{
    const struct raft *core = replica_core(node->replica);
    const struct virtual_sight was = node->sight, is = look(core);
    struct sim_run *run = node->run;
    node->sight = is;
    bool voted = is.voted != NODE_NONE && is.voted != node->options.core.id &&
                 (is.voted != was.voted || is.brief.term != was.brief.term);
    bool installed = is.base > was.base && is.base > was.brief.applied;
    bool lost = !installed && was.brief.last > is.base && term_at(core, was.brief.last) != was.last_term;
    if (is.brief.role == RAFT_LEADER && (was.brief.role != RAFT_LEADER || is.brief.term != was.brief.term))
        sim_fault_happens(run, SIM_WHEN_LEADS, node->i);
    if (voted)
        sim_fault_happens(run, SIM_WHEN_VOTES, node->i);
    if (is.last_term > was.last_term && !installed)
        sim_fault_happens(run, SIM_WHEN_APPENDS, node->i);
    if (lost)
        sim_fault_happens(run, SIM_WHEN_TRUNCATES, node->i);
    if (installed)
        sim_fault_happens(run, SIM_WHEN_INSTALLS, node->i);
    if (is.conf != was.conf && !installed)
        sim_fault_happens(run, SIM_WHEN_CHANGES, node->i);
}
