/* raft_cluster_check.c -- the properties of Raft's Figure 3, and that a healed group makes progress. */
#include "raft_cluster_int.h"

#include <inttypes.h>
#include <string.h>

#include "raft_admin.h"

/* Election Safety, and Leader Completeness: what was committed before is in the log of every later leader. */
void cluster_check_leader(struct sim *s, unsigned id, uint64_t term)
{
    s->out->counts.leaders++;
    size_t room = s->n_leaders;
    if (term >= s->n_leaders) {
        s->leaders = cluster_grown(s->leaders, &room, term + 1, sizeof *s->leaders);
        memset(s->leaders + s->n_leaders, 0, (room - s->n_leaders) * sizeof *s->leaders);
        s->n_leaders = room;
    }
    /* Who votes alone may crash before its own vote is durable, and nobody has heard of it. */
    bool again = s->leaders[term] == id + 1 && admin_voters(raft_conf(s->nodes[id].raft)) == 1;
    if (s->leaders[term] && !again)
        cluster_failed(s, "Election Safety: %u and %u lead in term %" PRIu64, s->leaders[term] - 1U, id, term);
    s->leaders[term] = (node_id)(id + 1);
    uint64_t base_term, base = raft_base(s->nodes[id].raft, &base_term);
    /* Beyond what anybody has applied so far, the base can only be of this very step. */
    if (base && base <= s->n_log && base_term != s->log[base - 1].term)
        cluster_failed(s, "Leader Completeness: the base of leader %u is not what was committed at %" PRIu64, id, base);
    for (size_t i = base + 1; i <= s->n_log; i++) {
        const struct entry *e = raft_entry(s->nodes[id].raft, i);
        if (!e || e->term != s->log[i - 1].term) {
            cluster_failed(s, "Leader Completeness: leader %u of term %" PRIu64 " lacks entry %zu", id, term, i);
            return;
        }
    }
}

/* Its log may have been given up already: an old leader finishes a step late that was open for long. */
static bool holds(const struct sim *s, const struct disk *d, uint64_t index, uint64_t term)
{
    if (index <= d->base_index)
        return s->log[index - 1].term == term;
    return index - d->base_index <= d->n && d->log[index - d->base_index - 1]->term == term;
}

/* What is committed is on the disks of a majority, and of the leader's own term (§5.4.2). */
void cluster_check_committed(struct sim *s, unsigned id, const struct raft_effect *e)
{
    const char *conf = raft_conf(s->nodes[id].raft);
    s->out->counts.commits++;
    if (e->index <= e->old)
        cluster_failed(s, "commit went from %" PRIu64 " to %" PRIu64, e->old, e->index);
    unsigned have = 0;
    for (unsigned i = 0; i < s->cfg->size; i++) {
        if (admin_is_voter(conf, (node_id)i))
            have += holds(s, &s->nodes[i].disk, e->index, e->after.term);
    }
    if (e->why == WHY_QUORUM && have < admin_voters(conf) / 2 + 1)
        cluster_failed(s, "entry %" PRIu64 " was committed with %u durable copies", e->index, have);
}

/* State Machine Safety: nobody applies another entry at this index, or comes to another state by it. */
void cluster_check_applied(struct sim *s, const struct entry *e, uint64_t state)
{
    if (e->index > s->n_log) {
        s->log = cluster_grown(s->log, &s->room_log, s->n_log + 1, sizeof *s->log);
        s->log[s->n_log++] = (struct committed){.term = e->term, .hash = e->hash, .state = state};
    }
    if (e->index > s->n_log || s->log[e->index - 1].term != e->term || s->log[e->index - 1].hash != e->hash)
        cluster_failed(s, "State Machine Safety: entry %" PRIu64 " is not the same everywhere", e->index);
    else if (s->log[e->index - 1].state != state)
        cluster_failed(s, "State Machine Safety: the state after %" PRIu64 " is not the same everywhere", e->index);
}

/* Log Matching: where two logs have the same term, all before is the same. */
void cluster_check_logs(struct sim *s)
{
    for (unsigned i = 0; i + 1 < s->cfg->size; i++) {
        const struct raft *a = s->nodes[i].raft, *b = s->nodes[i + 1].raft;
        if (!a || !b)
            continue;
        uint64_t last_a = raft_brief(a).last, last_b = raft_brief(b).last;
        uint64_t base_a = raft_base(a, NULL), base_b = raft_base(b, NULL);
        bool same = false;
        for (uint64_t k = last_a < last_b ? last_a : last_b; k > base_a && k > base_b; k--) {
            const struct entry *ea = raft_entry(a, k), *eb = raft_entry(b, k);
            same = same || ea->term == eb->term;
            if (same && (ea->term != eb->term || ea->hash != eb->hash)) {
                cluster_failed(s, "Log Matching: %u and %u differ at %" PRIu64, i, i + 1, k);
                return;
            }
        }
    }
}

/* A healed group answers; all replicas come to the same state. */
void cluster_check_end(struct sim *s, uint64_t acknowledged_at_heal)
{
    if (s->cfg->clients && s->out->counts.acknowledged < acknowledged_at_heal + 50)
        cluster_failed(s, "no progress after healing: %" PRIu64 " answers",
                       s->out->counts.acknowledged - acknowledged_at_heal);
    for (unsigned i = 0; i < s->cfg->size; i++)
        if (!s->nodes[i].raft) {
            cluster_failed(s, "%u has not come back", i);
            return;
        }
    unsigned leader = 0;
    for (unsigned i = 1; i < s->cfg->size; i++) {
        struct raft_brief best = raft_brief(s->nodes[leader].raft), b = raft_brief(s->nodes[i].raft);
        if (b.role == RAFT_LEADER && (best.role != RAFT_LEADER || b.term > best.term))
            leader = i;
    }
    const char *conf = raft_conf(s->nodes[leader].raft);
    if (!admin_is_voter(conf, (node_id)leader))
        cluster_failed(s, "%u leads, but %s are the members", leader, conf);
    for (unsigned i = 0; i < s->cfg->size; i++) {
        uint64_t a = kv_applied(s->nodes[leader].kv), b = kv_applied(s->nodes[i].kv);
        if (a == b && kv_digest(s->nodes[leader].kv) != kv_digest(s->nodes[i].kv))
            cluster_failed(s, "%u and %u differ in state at %" PRIu64, leader, i, a);
        if (admin_is_voter(conf, (node_id)i) && (a > b + 200 || b > a + 200))
            cluster_failed(s, "%u is at %" PRIu64 " and the leader %u at %" PRIu64, i, b, leader, a);
    }
}
