/* Rules, and what they make of a datagram. */
#include "sim_net.h"

#include "sim_text.h"

/* ---- chance ---- */

/* What is decided about: a copy, or a datagram, alone or under one rule. */
struct about {
    struct sim_decider *d;
    char name[SIM_DECIDE_NAME];
};

/* `rule` "": under none in particular. */
static void about(struct about *a, const struct sim_net *net, const char *datagram, unsigned copy, const char *rule)
{
    struct sim_text t = sim_text_in(a->name, sizeof a->name);
    a->d = net->decider;
    sim_text_add(&t, datagram);
    sim_text_add(&t, "/");
    sim_text_number(&t, copy);
    if (*rule)
        sim_text_add(&t, " ");
    sim_text_add(&t, rule);
}

/* Bounded Pareto with exponent 1: half of what is drawn is below twice the minimum, and one in a hundred is beyond a
 * hundred times it. Every operation is exact or rounded once, so that all compilers draw the same. */
static int64_t heavy_tailed(const struct about *a, const char *kind, int64_t min, int64_t max)
{
    struct rng rng = sim_decide_rng(a->d, kind, a->name);
    double low = min < 1 ? 1 : (double)min, high = (double)max;
    int64_t drawn = max;
    if (high > low) {
        double part = (double)(int64_t)(rng_unit(&rng) * (high - low));
        drawn = (int64_t)(low * (high / (high - part)));
    }
    return sim_decide(a->d, kind, a->name, drawn);
}

/* ---- rules ---- */

static bool covers(const struct sim_links *links, unsigned from, unsigned to)
{
    return from != to && (links->to[from] >> to & 1) != 0;
}

static struct sim_links between_replicas(void)
{
    struct sim_links links = {.to = {0}};
    for (unsigned i = 0; i < SIM_REPLICAS_MAX; i++)
        links.to[i] = ~(UINT32_C(1) << SIM_CLIENTS_END);
    return links;
}

static struct sim_links with_clients(void)
{
    struct sim_links links = {.to = {[SIM_CLIENTS_END] = ~UINT32_C(0)}};
    for (unsigned i = 0; i < SIM_REPLICAS_MAX; i++)
        links.to[i] = UINT32_C(1) << SIM_CLIENTS_END;
    return links;
}

void sim_net_init(struct sim_net *net, const struct sim_network_config *cfg, struct sim_decider *decider)
{
    *net = (struct sim_net){.cfg = *cfg, .decider = decider};
    if (cfg->more.any)
        sim_net_rule(net, &(struct sim_rule){.links = between_replicas(), .q = cfg->more});
    if (cfg->clients.any)
        sim_net_rule(net, &(struct sim_rule){.links = with_clients(), .q = cfg->clients});
}

bool sim_net_rule(struct sim_net *net, const struct sim_rule *rule)
{
    if (net->n_rules == SIM_RULES_MAX)
        return false;
    net->rules[net->n_rules++] = *rule;
    return true;
}

int64_t sim_net_cut(const struct sim_net *net, unsigned from, unsigned to)
{
    for (size_t i = 0; i < net->n_rules; i++)
        if (net->rules[i].q.cut && covers(&net->rules[i].links, from, to))
            return net->rules[i].f;
    return 0;
}

bool sim_net_clogged(const struct sim_net *net, unsigned from, unsigned to)
{
    for (size_t i = 0; i < net->n_rules; i++)
        if (net->rules[i].q.clog && covers(&net->rules[i].links, from, to))
            return true;
    return false;
}

bool sim_net_heard(const struct sim_net *net, unsigned node)
{
    for (size_t i = 0; i < net->n_rules; i++)
        if (net->rules[i].unheard >> node & 1)
            return false;
    return true;
}

bool sim_net_slow(const struct sim_net *net, unsigned to)
{
    for (size_t i = 0; i < net->n_rules; i++)
        if (net->rules[i].q.work_max > 0 && net->rules[i].q.worker == to)
            return true;
    return false;
}

int64_t sim_net_linger(struct sim_net *net, const char *name, unsigned to, int64_t now)
{
    int64_t work = 0;
    for (size_t i = 0; i < net->n_rules; i++) {
        const struct sim_rule *r = &net->rules[i];
        if (r->q.work_max == 0 || r->q.worker != to)
            continue;
        struct about a;
        about(&a, net, name, 0, r->name);
        work += sim_decide_between(a.d, "work", a.name, r->q.work_min, r->q.work_max);
    }
    if (work <= 0)
        return 0;
    int64_t start = net->busy_until[to] > now ? net->busy_until[to] : now;
    net->busy_until[to] = start + work;
    return start + work - now;
}

/* ---- one datagram ---- */

static bool between_two_replicas(unsigned from, unsigned to)
{
    return from != SIM_CLIENTS_END && to != SIM_CLIENTS_END;
}

bool sim_net_chancy(const struct sim_net *net, unsigned from, unsigned to)
{
    const struct sim_network_config *c = &net->cfg;
    bool any = net->hop_max > 0 || net->pct > 0;
    any |= between_two_replicas(from, to) && (c->loss > 0 || c->duplicate > 0 || c->delay_max > 0);
    for (size_t i = 0; i < net->n_rules && !any; i++)
        any = covers(&net->rules[i].links, from, to) || (net->rules[i].q.work_max > 0 && net->rules[i].q.worker == to);
    return any;
}

/* One copy more for each rule that doubles it. `first` is about the first copy. */
static unsigned make_copies(struct sim_net *net, const struct about *first, const char *name, unsigned from,
                            unsigned to, struct sim_copy *copies)
{
    unsigned n = 0;
    copies[n++] = (struct sim_copy){.fate = SIM_DELIVER};
    if (between_two_replicas(from, to) && sim_decide_chance(first->d, "duplicate", first->name, net->cfg.duplicate))
        copies[n++] = (struct sim_copy){.fate = SIM_DELIVER};
    for (size_t i = 0; i < net->n_rules && n < SIM_COPIES_MAX; i++) {
        const struct sim_rule *r = &net->rules[i];
        if (r->q.duplicate <= 0 || !covers(&r->links, from, to))
            continue;
        struct about a;
        about(&a, net, name, 1, *r->name ? r->name : "network");
        if (sim_decide_chance(a.d, "duplicate", a.name, r->q.duplicate))
            copies[n++] = (struct sim_copy){.delay = heavy_tailed(&a, "after", r->q.after_min, r->q.after_max)};
    }
    return n;
}

/* What this rule does to this copy. `waiting` copies are on the link already. */
static void pass_rule(const struct about *a, const struct sim_rule *r, uint32_t waiting, struct sim_copy *copy)
{
    const struct sim_quality *q = &r->q;
    if (sim_decide_chance(a->d, "loss", a->name, q->loss))
        copy->fate = SIM_LOSS;
    else if (q->queue > 0 && waiting >= q->queue)
        copy->fate = SIM_QUEUE_FULL;
    if (copy->fate != SIM_DELIVER) {
        copy->f = r->f;
        return;
    }
    if (copy->damage == SIM_INTACT) {
        if (sim_decide_chance(a->d, "corrupt", a->name, q->corrupt))
            copy->damage = SIM_CORRUPT;
        else if (sim_decide_chance(a->d, "truncate", a->name, q->truncate))
            copy->damage = SIM_TRUNCATED;
        copy->f = copy->damage != SIM_INTACT ? r->f : 0;
    }
    if (q->delay_max > 0)
        copy->delay += sim_decide_between(a->d, "delay", a->name, q->delay_min, q->delay_max);
    if (sim_decide_chance(a->d, "late", a->name, q->tail))
        copy->delay += heavy_tailed(a, "tail", q->tail_min, q->tail_max);
}

static void pass(struct sim_net *net, const struct about *one, const char *name, unsigned number, unsigned from,
                 unsigned to, uint32_t waiting, struct sim_copy *copy)
{
    const struct sim_network_config *c = &net->cfg;
    const bool replicas = between_two_replicas(from, to);
    if (replicas && sim_decide_chance(one->d, "loss", one->name, c->loss))
        copy->fate = SIM_LOSS;
    else if (replicas && c->delay_max > 0)
        copy->delay += sim_decide_between(one->d, "delay", one->name, c->delay_min, c->delay_max);
    for (size_t k = 0; k < net->n_rules && copy->fate == SIM_DELIVER; k++) {
        const struct sim_rule *r = &net->rules[k];
        if (!covers(&r->links, from, to))
            continue;
        struct about a;
        about(&a, net, name, number, *r->name ? r->name : "network");
        pass_rule(&a, r, waiting, copy);
    }
    if (copy->fate != SIM_DELIVER || net->hop_max == 0)
        return;
    copy->delay += replicas || !net->orderly_clients
                       ? sim_decide_between(one->d, "hop", one->name, net->hop_min, net->hop_max)
                       : (net->hop_min + net->hop_max) / 2;
}

unsigned sim_net_decide(struct sim_net *net, const char *name, unsigned from, unsigned to,
                        struct sim_copy copies[SIM_COPIES_MAX])
{
    int64_t f = sim_net_cut(net, from, to);
    copies[0] = (struct sim_copy){.fate = f != 0 ? SIM_PARTITION : SIM_DELIVER, .f = f};
    if (f != 0 || !sim_net_chancy(net, from, to))
        return 1;
    struct about one;
    about(&one, net, name, 1, "");
    unsigned n = make_copies(net, &one, name, from, to, copies), waiting = net->under_way[from][to];
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            about(&one, net, name, i + 1, "");
        pass(net, &one, name, i + 1, from, to, i == 0 ? waiting : 0, &copies[i]);
        if (copies[i].fate == SIM_DELIVER)
            copies[i].delay += sim_net_priority_delay(net, from, to);
        copies[i].delay = copies[i].delay > 0 ? copies[i].delay : 0; /* decisions may be given */
    }
    return n;
}
