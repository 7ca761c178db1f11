/* Faults of links: partitions of all shapes, and what else links can do to datagrams. */
#include "sim_fault_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SIDES_MAX = SIM_REPLICAS_MAX + 1, LINKS_MAX = SIM_ENDS * SIM_ENDS };

/* ---- records ---- */

struct sides {
    const char *ids[SIDES_MAX][SIM_REPLICAS_MAX];
    struct trace_strs side[SIDES_MAX];
    size_t n;
    unsigned main; /* the largest group */
    char text[256];
};

static void list_sides(const struct sim_run *run, const unsigned char *group, struct sides *s)
{
    size_t most = 0;
    *s = (struct sides){.n = 0};
    for (unsigned g = 0; g <= SIM_REPLICAS_MAX; g++) {
        size_t n = 0;
        for (unsigned i = 0; i < run->cfg->replicas; i++)
            if (group[i] == g)
                s->ids[s->n][n++] = run->node[i].id;
        if (n == 0)
            continue;
        if (n > most) {
            most = n;
            s->main = g;
        }
        size_t used = strlen(s->text);
        used += (size_t)snprintf(s->text + used, sizeof s->text - used, "%s", s->n ? " |" : "");
        for (size_t i = 0; i < n && used < sizeof s->text; i++)
            used += (size_t)snprintf(s->text + used, sizeof s->text - used, " %s", s->ids[s->n][i]);
        s->side[s->n] = (struct trace_strs){s->ids[s->n], n};
        s->n++;
    }
}

struct pairs {
    const char *ids[LINKS_MAX][2];
    struct trace_strs pair[LINKS_MAX];
    size_t n;
};

static void list_pairs(const struct sim_run *run, const struct sim_links *links, struct pairs *p)
{
    p->n = 0;
    for (unsigned from = 0; from < SIM_ENDS; from++)
        for (unsigned to = 0; to < SIM_ENDS; to++) {
            if (!(links->to[from] >> to & 1))
                continue;
            p->ids[p->n][0] = from == SIM_CLIENTS_END ? "client" : run->node[from].id;
            p->ids[p->n][1] = to == SIM_CLIENTS_END ? "client" : run->node[to].id;
            p->pair[p->n] = (struct trace_strs){p->ids[p->n], 2};
            p->n++;
        }
}

static const char *record_of(enum sim_fault_kind kind)
{
    static const char *const records[] = {
        [SIM_LINK_LOSS] = "loss",           [SIM_LINK_DELAY] = "slow_link",
        [SIM_LINK_DUPLICATE] = "duplicate", [SIM_LINK_CORRUPT] = "corrupt",
        [SIM_LINK_TRUNCATE] = "truncate",   [SIM_LINK_CLOG] = "clog",
        [SIM_LINK_QUEUE] = "queue",         [SIM_SLOW] = "slow",
    };
    const char *name = (size_t)kind < sizeof records / sizeof *records ? records[kind] : NULL;
    return name ? name : "partition";
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* The numbers of fault.begin: how likely, how long, how many. */
static void put_strength(struct trace_rec_fault_begin *r, const struct sim_quality *q)
{
    double p = larger(larger(q->loss, q->duplicate), larger(larger(q->corrupt, q->truncate), q->tail));
    int64_t min = q->tail_max > 0 ? q->tail_min : q->duplicate > 0 ? q->after_min : q->work_min;
    int64_t max = q->tail_max > 0 ? q->tail_max : q->duplicate > 0 ? q->after_max : q->work_max;
    if (p > 0)
        r->p = TRACE_OPT((int64_t)(p * 1000 + 0.5));
    if (max > 0) {
        r->min_us = TRACE_OPT(min / 1000);
        r->max_us = TRACE_OPT(max / 1000);
    }
    if (q->queue > 0)
        r->cap = TRACE_OPT((int64_t)q->queue);
}

int64_t sim_fault_rule(struct sim_run *run, const struct sim_fault *f, struct sim_rule *rule,
                       const unsigned char *groups, bool everywhere, int64_t end)
{
    struct sides sides = {.n = 0};
    struct pairs pairs = {.n = 0};
    int64_t number = ++run->f;
    rule->f = number;
    if (!sim_net_rule(&run->net, rule)) {
        sim_say(run, "%s: too many faults of links at once, this one was not made", sim_fault_names[f->kind]);
        return 0;
    }
    if (groups)
        list_sides(run, groups, &sides);
    else if (!everywhere)
        list_pairs(run, &rule->links, &pairs);
    const char *record = record_of(f->kind), *node = f->kind == SIM_SLOW ? run->node[rule->q.worker].id : NULL;
    struct trace_rec_fault_begin begin = {.f = number,
                                          .kind = record,
                                          .node = node,
                                          .groups = {sides.side, sides.n},
                                          .links = {pairs.pair, pairs.n},
                                          .cause = sim_fault_names[f->kind]};
    put_strength(&begin, &rule->q);
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(run->w, &begin);
    sim_fault_open(run, (struct sim_open_fault){.f = number,
                                                .end = end,
                                                .kind = f->kind,
                                                .record = record,
                                                .node = f->kind == SIM_SLOW ? rule->q.worker : 0});
    if (node || pairs.n == 1)
        snprintf(sides.text, sizeof sides.text, " %s%s%s", node ? node : pairs.ids[0][0], node ? "" : " > ",
                 node ? "" : pairs.ids[0][1]);
    else if (pairs.n)
        snprintf(sides.text, sizeof sides.text, " %zu links", pairs.n);
    sim_say(run, "F%" PRId64 " %s%s%s", number, sim_fault_names[f->kind], *sides.text ? ":" : "", sides.text);
    return number;
}

/* ---- partitions ---- */

static void cut(struct sim_links *links, unsigned from, unsigned to)
{
    if (from != to)
        links->to[from] |= UINT32_C(1) << to;
}

int64_t sim_fault_groups(struct sim_run *run, const struct sim_fault *f, const unsigned char *group, int64_t end)
{
    struct sim_rule rule = {.q = {.any = true, .cut = true}};
    struct sides sides;
    list_sides(run, group, &sides);
    for (unsigned from = 0; from < run->cfg->replicas; from++) {
        if (group[from] != sides.main)
            rule.unheard |= UINT32_C(1) << from;
        for (unsigned to = 0; to < run->cfg->replicas; to++)
            if (group[from] != group[to])
                cut(&rule.links, from, to);
    }
    return sim_fault_rule(run, f, &rule, group, false, end);
}

void sim_fault_fill(struct sim_run *run, const char *about, unsigned char *group, unsigned char from, unsigned char to,
                    unsigned n)
{
    for (unsigned round = 0;; round++) {
        char name[SIM_DECIDE_NAME];
        unsigned have = 0, others = 0, other[SIM_REPLICAS_MAX];
        for (unsigned i = 0; i < run->cfg->replicas; i++) {
            have += group[i] == to;
            if (group[i] == from)
                other[others++] = i;
        }
        if (have >= n || others == 0)
            return;
        snprintf(name, sizeof name, "%s %u", about, round);
        group[other[sim_decide_between(run->decider, "side", name, 0, (int64_t)others - 1)]] = to;
    }
}

/* The leader with a minority on one side, so that the other side can elect another: the minority takes the dead first.
 */
static void around_leader(struct sim_run *run, const struct sim_fault *f, const char *name, int64_t end)
{
    unsigned char group[SIM_REPLICAS_MAX] = {0};
    unsigned n = run->cfg->replicas, minority = (n - 1) / 2, inside = 1;
    int leader = sim_fault_leader(run);
    if (leader < 0)
        leader = sim_fault_any(run, name, -1);
    if (leader < 0) {
        sim_fault_nobody(run, f);
        return;
    }
    group[leader] = 1;
    for (unsigned i = 0; i < n && inside < minority; i++)
        if (!run->living[i] && (int)i != leader) {
            group[i] = 1;
            inside++;
        }
    sim_fault_fill(run, name, group, 0, 1, minority);
    sim_fault_groups(run, f, group, end);
}

static void isolate(struct sim_run *run, const struct sim_fault *f, const char *name, int64_t end)
{
    struct sim_rule rule = {.q = {.any = true, .cut = true}};
    int node = sim_fault_target(run, f, name);
    if (node < 0) {
        sim_fault_nobody(run, f);
        return;
    }
    if (f->direction == SIM_BOTH) {
        unsigned char group[SIM_REPLICAS_MAX] = {0};
        group[node] = 1;
        sim_fault_groups(run, f, group, end);
        return;
    }
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (f->direction == SIM_INWARDS)
            cut(&rule.links, i, (unsigned)node);
        else
            cut(&rule.links, (unsigned)node, i);
    sim_fault_rule(run, f, &rule, NULL, false, end);
}

/* The replicas in random order (Fisher and Yates). */
static void shuffle(struct sim_run *run, const char *about, unsigned order[SIM_REPLICAS_MAX])
{
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        order[i] = i;
    for (unsigned i = run->cfg->replicas; i > 1; i--) {
        char name[SIM_DECIDE_NAME];
        snprintf(name, sizeof name, "%s %u", about, i - 1);
        unsigned other = (unsigned)sim_decide_between(run->decider, "order", name, 0, (int64_t)i - 1);
        unsigned t = order[i - 1];
        order[i - 1] = order[other];
        order[other] = t;
    }
}

/* Are these two places of the random order cut from each other? The last place is the bridge's. In a ring each reaches
 * those next to it on both sides that with itself make a majority. */
static bool parted(enum sim_fault_kind kind, unsigned n, unsigned a, unsigned b)
{
    unsigned half = n / 2, apart = a > b ? a - b : b - a;
    if (kind == SIM_PARTITION_HALVES)
        return (a < half) != (b < half);
    if (kind == SIM_PARTITION_BRIDGE)
        return a != n - 1 && b != n - 1 && (a < half) != (b < half);
    unsigned reach = (half + 1) / 2;
    return apart > reach && n - apart > reach;
}

static void in_shape(struct sim_run *run, const struct sim_fault *f, const char *name, int64_t end)
{
    unsigned order[SIM_REPLICAS_MAX], n = run->cfg->replicas;
    unsigned char group[SIM_REPLICAS_MAX] = {0};
    struct sim_rule rule = {.q = {.any = true, .cut = true}};
    shuffle(run, name, order);
    for (unsigned a = 0; a < n; a++) {
        group[order[a]] = a < n / 2;
        for (unsigned b = 0; b < n; b++)
            if (parted(f->kind, n, a, b))
                cut(&rule.links, order[a], order[b]);
    }
    if (f->kind == SIM_PARTITION_HALVES)
        sim_fault_groups(run, f, group, end);
    else
        sim_fault_rule(run, f, &rule, NULL, false, end);
}

/* ---- links by name ---- */

/* The ends that this name means, as bits. `random` is drawn once for a fault. */
static uint32_t ends_of(struct sim_run *run, const struct sim_end_name *e, const char *name)
{
    if (e->target == SIM_TARGET_CLIENTS)
        return UINT32_C(1) << SIM_CLIENTS_END;
    if (e->target == SIM_TARGET_ALL)
        return (UINT32_C(1) << run->cfg->replicas) - 1;
    if (e->target == SIM_TARGET_NODE)
        return UINT32_C(1) << e->node;
    int i = sim_fault_target(run, &(struct sim_fault){.target = e->target}, name);
    return i < 0 ? 0 : UINT32_C(1) << i;
}

/* False: there are none, just now. */
static bool links_of(struct sim_run *run, const struct sim_fault *f, const char *name, struct sim_links *links)
{
    uint32_t any = 0;
    for (unsigned k = 0; k < f->n_pairs; k++) {
        uint32_t from = ends_of(run, &f->pair[k].from, name), to = ends_of(run, &f->pair[k].to, name);
        for (unsigned i = 0; i < SIM_ENDS; i++)
            if (from >> i & 1)
                links->to[i] |= to & ~(UINT32_C(1) << i);
    }
    for (unsigned i = 0; i < run->cfg->replicas && f->n_pairs == 0; i++)
        links->to[i] = ((UINT32_C(1) << run->cfg->replicas) - 1) & ~(UINT32_C(1) << i);
    for (unsigned i = 0; i < SIM_ENDS; i++)
        any |= links->to[i];
    return any != 0;
}

void sim_fault_link(struct sim_run *run, const struct sim_fault *f)
{
    struct sim_rule rule = {.q = f->q};
    sim_fault_name(run, f, rule.name);
    if (f->kind == SIM_PARTITION_LINKS)
        rule.q.any = rule.q.cut = true;
    if (links_of(run, f, rule.name, &rule.links))
        sim_fault_rule(run, f, &rule, NULL, f->n_pairs == 0, sim_fault_end(run, f, rule.name));
    else
        sim_fault_nobody(run, f);
}

void sim_fault_partition(struct sim_run *run, const struct sim_fault *f)
{
    char name[SIM_RULE_NAME];
    if (f->kind == SIM_PARTITION_LINKS) {
        sim_fault_link(run, f);
        return;
    }
    sim_fault_name(run, f, name);
    int64_t end = sim_fault_end(run, f, name);
    if (f->kind == SIM_PARTITION_LEADER)
        around_leader(run, f, name, end);
    else if (f->kind == SIM_PARTITION_GROUPS)
        sim_fault_groups(run, f, f->group, end);
    else if (f->kind == SIM_PARTITION_ISOLATE)
        isolate(run, f, name, end);
    else
        in_shape(run, f, name, end);
}

void sim_fault_slow(struct sim_run *run, const struct sim_fault *f)
{
    struct sim_rule rule = {.q = f->q};
    sim_fault_name(run, f, rule.name);
    int i = sim_fault_target(run, f, rule.name);
    if (i < 0) {
        sim_fault_nobody(run, f);
        return;
    }
    rule.q.worker = (unsigned)i;
    sim_fault_rule(run, f, &rule, NULL, true, sim_fault_end(run, f, rule.name));
}
