/* raft_cluster.c -- see raft_cluster.h. */
#include "raft_cluster_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message_copy.h"
#include "raft_admin.h"

#define SETTLE_US (8000 * MS) /* a healed group has this long to answer everything */

/* ---- faults ---- */

static void cut_group(struct sim *s, uint32_t group)
{
    for (unsigned i = 0; i < s->cfg->size; i++)
        for (unsigned j = 0; j < s->cfg->size; j++)
            s->cut[i][j] = (group >> i & 1) != (group >> j & 1);
}

static void pause_node(struct sim *s, unsigned id, uint64_t us)
{
    struct node *n = &s->nodes[id];
    if (s->cfg->clocks_sleep && n->paused_until <= s->now) {
        n->slept += us;
        cut_group(s, UINT32_C(1) << id); /* when it wakes up, the network is not there at once */
    }
    n->paused_until = s->now + us;
}

static void on_fault(struct sim *s)
{
    memset(s->cut, 0, sizeof s->cut);
    if (s->now >= s->cfg->faulty_us)
        return;
    unsigned n = s->cfg->size, victim = (unsigned)rng_below(&s->rng, n);
    unsigned leader = victim;
    for (unsigned i = 0; i < n; i++)
        if (s->nodes[i].raft && raft_brief(s->nodes[i].raft).role == RAFT_LEADER)
            leader = i;
    switch (rng_below(&s->rng, s->cfg->crashes ? 8 : 6)) {
    case 0:
        cut_group(s, (uint32_t)rng_next(&s->rng));
        break;
    case 1:
        cut_group(s, UINT32_C(1) << leader);
        break;
    case 2: /* the leader and one other, away from the rest */
        cut_group(s, UINT32_C(1) << leader | UINT32_C(1) << victim);
        break;
    case 3:
        for (unsigned i = 0; i < n; i++)
            for (unsigned j = 0; j < n; j++)
                s->cut[i][j] = cluster_chance(s, 0.3);
        break;
    case 4:
        pause_node(s, cluster_chance(s, 0.5) ? leader : victim, cluster_between(s, 50 * MS, 1500 * MS));
        break;
    case 6:
        if (s->nodes[leader].raft)
            cluster_crash(s, leader);
        break;
    case 7:
        for (unsigned i = 0; i < n; i++)
            if (s->nodes[i].raft)
                cluster_crash(s, i);
        break;
    default:
        break;
    }
    cluster_push(s, s->now + cluster_between(s, 200 * MS, 1500 * MS), FAULT, 0, NULL);
}

/* The administrator asks whoever leads, or anybody. */
static void on_change(struct sim *s)
{
    if (s->now >= s->cfg->faulty_us)
        return;
    struct message m = admin_request(&s->rng, s->n_changes++, s->cfg->size);
    unsigned to = (unsigned)rng_below(&s->rng, s->cfg->size);
    for (unsigned i = 0; i < s->cfg->size && cluster_chance(s, 0.9); i++)
        if (s->nodes[i].raft && raft_brief(s->nodes[i].raft).role == RAFT_LEADER)
            to = i;
    m.dst = (node_id)to;
    cluster_push(s, s->now + cluster_between(s, 100, 2 * MS), DATAGRAM, to, message_copy(&m));
    cluster_push(s, s->now + cluster_between(s, 20 * MS, 800 * MS), CHANGE, 0, NULL);
}

/* ---- a run ---- */

static void start(struct sim *s)
{
    s->voters = s->cfg->size - s->cfg->outside;
    for (unsigned i = 0; i < s->voters; i++)
        snprintf(s->first_conf + strlen(s->first_conf), 6, "%s%04hX", i ? "," : "", (unsigned short)i);
    for (unsigned i = 0; i < s->cfg->size; i++) {
        s->nodes[i].rate = (double)rng_below(&s->rng, s->cfg->real_drift_ppm + 1) / 1e6 - s->cfg->real_drift_ppm / 2e6;
        s->nodes[i].disk.voted = NODE_NONE;
        cluster_boot(s, i);
    }
    for (unsigned c = 0; c < s->cfg->clients; c++) {
        s->current[c] = SIZE_MAX;
        s->believed[c] = NODE_NONE;
        cluster_client_arm(s, c, cluster_between(s, 0, 400 * MS));
    }
    if (s->cfg->faults)
        cluster_push(s, 300 * MS, FAULT, 0, NULL);
    if (s->cfg->changes)
        cluster_push(s, 400 * MS, CHANGE, 0, NULL);
}

/* The next thing that happens: a timer of a node, or an event. */
static void advance(struct sim *s)
{
    unsigned first = 0;
    for (unsigned i = 1; i < s->cfg->size; i++)
        if (cluster_due(s, i) < cluster_due(s, first))
            first = i;
    if (!s->n_heap || cluster_due(s, first) <= s->heap[0].at) {
        if (cluster_due(s, first) > s->now)
            s->now = cluster_due(s, first);
        cluster_step(s, first, NULL);
        return;
    }
    struct event e = cluster_pop(s);
    s->now = e.at;
    switch (e.what) {
    case DATAGRAM:
        if (s->now < s->nodes[e.to].paused_until) {
            cluster_push(s, s->nodes[e.to].paused_until, DATAGRAM, e.to, e.message);
            return;
        }
        if (s->nodes[e.to].raft)
            cluster_step(s, e.to, e.message);
        break;
    case ANSWER:
        cluster_client_answer(s, e.to, e.message);
        break;
    case CLIENT:
        if (e.order == s->timer[e.to])
            cluster_client_timer(s, e.to);
        break;
    case CHANGE:
        on_change(s);
        break;
    case FAULT:
        on_fault(s);
        break;
    case RESTART:
        cluster_boot(s, e.to);
        break;
    case FINISH:
        cluster_step_over(s, e.to, e.order);
        break;
    }
    free(e.message);
}

void raft_cluster_run(const struct raft_cluster_config *cfg, struct raft_cluster_result *out)
{
    memset(out, 0, sizeof *out);
    struct sim *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->cfg = cfg;
    s->out = out;
    rng_seed(&s->rng, cfg->seed);
    start(s);
    for (uint64_t n = 1; s->now < cfg->faulty_us && !out->error[0]; n++) {
        advance(s);
        if (n % 2048 == 0)
            cluster_check_logs(s);
    }
    for (unsigned i = 0; i < cfg->size; i++)
        s->nodes[i].paused_until = 0;
    memset(s->cut, 0, sizeof s->cut);
    uint64_t acknowledged = out->counts.acknowledged;
    while (s->now < cfg->faulty_us + SETTLE_US && !out->error[0])
        advance(s);
    cluster_check_logs(s);
    if (!out->error[0])
        cluster_check_end(s, acknowledged);
    for (unsigned i = 0; i < cfg->size; i++) {
        raft_free(s->nodes[i].raft);
        kv_free(s->nodes[i].kv);
        raft_effects_free(&s->nodes[i].fx);
        cluster_disk_free(&s->nodes[i].disk);
    }
    while (s->n_heap)
        free(s->heap[--s->n_heap].message);
    free(s->heap);
    free(s->log);
    free(s->leaders);
    free(s->ops);
    free(s);
}
