/* A plainer scenario: less time, fewer clients and keys, links and disks without whims. */
#include "sim_shrink_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim_record.h"

static double number(const json_t *o, const char *key, double otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

/* ---- time ---- */

/* No more than is needed: until the violation, and until it was answered. The times after it are of the scenario; where
 * replicas broke a rule, the run ends there anyway. */
bool shrink_time(struct shrink *s)
{
    struct shrink_list l = {.v = NULL};
    struct sim_config cfg;
    char err[SIM_CONFIG_ERR];
    if (!sim_case_config(&s->c, s->o, &cfg, err))
        return false;
    int64_t now = cfg.lifetime / SIM_SECOND, after = s->t.like.t - cfg.start_wait,
            least = after > 0 ? after / SIM_SECOND + 1 : 1;
    const double end_wait = (double)cfg.end_wait / SIM_SECOND;
    least = least < cfg.start_wait / SIM_SECOND + 1 ? cfg.start_wait / SIM_SECOND + 1 : least;
    least = least < SIM_LIFETIME_MIN ? SIM_LIFETIME_MIN : least;
    for (int64_t t = least; t <= now; t++)
        for (int cut = 1; cut >= 0; cut--) {
            if (t == now && (!cut || end_wait <= 0))
                continue;
            struct sim_case *c = shrink_list_add(&l, &s->c);
            double rate = cfg.clients.rate;
            json_object_set_new(c->scenario, "lifetime", json_integer(t));
            if (cfg.clients.shared) /* the same pace, whatever the time */
                json_object_set_new(json_object_get(c->scenario, "clients"), "rate", json_real(rate));
            if (cut)
                json_object_set_new(c->scenario, "end_wait", json_integer(0));
            else if (end_wait > (double)t)
                json_object_set_new(c->scenario, "end_wait", json_integer(t));
            shrink_fit(c->scenario);
        }
    sim_config_free(&cfg);
    return shrink_list_take(s, &l);
}

/* ---- clients ---- */

/* The same pace of each client. */
static void fewer_clients(const struct shrink *s, struct shrink_list *l)
{
    const json_t *clients = json_object_get(s->c.scenario, "clients");
    struct sim_config cfg;
    char err[SIM_CONFIG_ERR];
    if (!sim_case_config(&s->c, s->o, &cfg, err))
        return;
    const unsigned counts[] = {1, 2, 3, cfg.clients.count / 2, cfg.clients.count - 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts && clients && cfg.clients.shared; i++) {
        if (counts[i] < 1 || counts[i] >= cfg.clients.count)
            continue;
        json_t *mine = json_object_get(shrink_list_add(l, &s->c)->scenario, "clients");
        json_object_set_new(mine, "count", json_integer(counts[i]));
        json_object_set_new(mine, "rate", json_real(cfg.clients.rate * counts[i] / cfg.clients.count));
    }
    sim_config_free(&cfg);
}

static void fewer_keys(const struct shrink *s, struct shrink_list *l)
{
    const json_t *clients = json_object_get(s->c.scenario, "clients");
    int now = (int)number(clients, "keys", 5);
    const int counts[] = {1, 2, now / 2};
    for (size_t i = 0; i < sizeof counts / sizeof *counts && clients; i++)
        if (counts[i] >= 1 && counts[i] < now)
            json_object_set_new(json_object_get(shrink_list_add(l, &s->c)->scenario, "clients"), "keys",
                                json_integer(counts[i]));
}

/* ---- the rest ---- */

static bool is_one_of(const char *word, const char *const *words)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

/* What chance did there, as given decisions: then nothing more of it happens. */
static struct sim_case what_happened(const struct shrink *s)
{
    static const char *const kinds[] = {"loss", "duplicate", NULL};
    struct sim_case all = {.scenario = NULL}, some = {.scenario = NULL};
    sim_case_give_lines(&all, s->r.decisions, s->r.n_decisions);
    for (size_t i = 0; i < all.n_given; i++)
        if (is_one_of(all.given[i].kind, kinds) && all.given[i].value != 0)
            sim_case_give(&some, all.given[i].kind, all.given[i].name, all.given[i].value);
    sim_case_free(&all);
    return some;
}

static void give_all_of(struct sim_case *c, const struct sim_case *of)
{
    for (size_t i = 0; i < of->n_given; i++)
        sim_case_give(c, of->given[i].kind, of->given[i].name, of->given[i].value);
}

/* All of a section goes, or each key of it, with what chance did there or without. */
static void without_section(const struct shrink *s, const char *section, struct shrink_list *l)
{
    const json_t *o = json_object_get(s->c.scenario, section);
    struct sim_case did = what_happened(s);
    const char *key;
    json_t *v;
    for (int give = 0; o && give <= (did.n_given > 0); give++) {
        struct sim_case *c = shrink_list_add(l, &s->c);
        json_object_del(c->scenario, section);
        if (give)
            give_all_of(c, &did);
    }
    json_object_foreach((json_t *)(uintptr_t)o, key, v) for (int give = 0; give <= (did.n_given > 0); give++)
    {
        struct sim_case *c = shrink_list_add(l, &s->c);
        json_object_del(json_object_get(c->scenario, section), key);
        if (give)
            give_all_of(c, &did);
    }
    sim_case_free(&did);
}

static void without_keys(const struct shrink *s, struct shrink_list *l)
{
    static const char *const keys[] = {"about", "durable", "drops", "schedule", "replica"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(s->c.scenario, keys[i]))
            json_object_del(shrink_list_add(l, &s->c)->scenario, keys[i]);
}

static void sooner(const struct shrink *s, struct shrink_list *l)
{
    static const double waits[] = {0.5, 1, 2, 3};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (waits[i] < number(s->c.scenario, "start_wait", 5))
            json_object_set_new(shrink_list_add(l, &s->c)->scenario, "start_wait", json_real(waits[i]));
}

bool shrink_plain(struct shrink *s)
{
    bool some = false;
    for (bool more = true; more && !sim_tries_over(&s->t); some |= more) {
        struct shrink_list sections = {.v = NULL}, clients = {.v = NULL}, keys = {.v = NULL}, wait = {.v = NULL};
        without_section(s, "network", &sections);
        without_section(s, "disk", &sections);
        without_keys(s, &sections);
        more = shrink_list_take(s, &sections);
        fewer_clients(s, &clients);
        more |= shrink_list_take(s, &clients);
        fewer_keys(s, &keys);
        more |= shrink_list_take(s, &keys);
        sooner(s, &wait);
        more |= shrink_list_take(s, &wait);
    }
    return some;
}
