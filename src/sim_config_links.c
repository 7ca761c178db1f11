/* What links do: the section "network", which is always in force, and faults of links, which are for a while. */
#include "sim_config_int.h"

#include <stdio.h>
#include <string.h>

enum { QUEUE_MAX = 1000000 };

bool config_span(struct reading *r, const json_t *o, const char *key, const char *path, int64_t *min, int64_t *max)
{
    const json_t *span = json_object_get(o, key);
    if (!span)
        return false;
    const json_t *low = json_array_get(span, 0), *high = json_array_get(span, 1);
    double a = json_number_value(low), b = json_number_value(high);
    if (json_array_size(span) != 2 || !json_is_number(low) || !json_is_number(high) || a < 0 || b < a ||
        b > SIM_MS_MAX) {
        config_problem(r, path, "must be [min, max] in milliseconds, 0 <= min <= max <= %d", SIM_MS_MAX);
        return false;
    }
    *min = (int64_t)(a * 1e6);
    *max = (int64_t)(b * 1e6);
    return true;
}

/* ---- which links ---- */

static bool read_end(const struct one_fault *f, const json_t *v, struct sim_end_name *out)
{
    static const struct {
        const char *name;
        enum sim_target target;
    } names[] = {{"*", SIM_TARGET_ALL}, {"client", SIM_TARGET_CLIENTS},        {"leader", SIM_TARGET_LEADER},
                 {"it", SIM_TARGET_IT}, {"non_leader", SIM_TARGET_NON_LEADER}, {"random", SIM_TARGET_RANDOM}};
    const char *name = json_string_value(v);
    int at = sim_id_index(name, 0, f->c->replicas);
    *out = (struct sim_end_name){.target = SIM_TARGET_NODE, .node = at >= 0 ? (unsigned)at : 0};
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i].name) == 0) {
            out->target = names[i].target;
            return out->target != SIM_TARGET_IT || json_object_get(f->o, "when");
        }
    return at >= 0;
}

static bool read_pair(const struct one_fault *f, const json_t *v, struct sim_pair *out)
{
    return json_array_size(v) == 2 && read_end(f, json_array_get(v, 0), &out->from) &&
           read_end(f, json_array_get(v, 1), &out->to) &&
           !(out->from.target == SIM_TARGET_CLIENTS && out->to.target == SIM_TARGET_CLIENTS);
}

void config_pairs(struct one_fault *f, struct sim_fault *out)
{
    char path[CONFIG_PATH];
    const json_t *links = json_object_get(f->o, "links");
    if (!links)
        return;
    bool good = json_array_size(links) > 0 && json_array_size(links) <= SIM_PAIRS_MAX;
    for (size_t i = 0; good && i < json_array_size(links); i++)
        good = read_pair(f, json_array_get(links, i), &out->pair[out->n_pairs++]);
    if (!good)
        config_problem(
            f->r, config_path(f, "links", path),
            "must be a list of 1 to %d pairs [from, to], each end a replica's id (0000 to %04X), \"leader\", "
            "\"non_leader\", \"random\", \"*\" (any replica) or \"client\" (any client)",
            SIM_PAIRS_MAX, f->c->replicas - 1);
}

/* ---- faults ---- */

static void read_after(struct reading *r, const json_t *o, const char *key, const char *path, struct sim_quality *q)
{
    q->after_min = 0;
    q->after_max = SIM_SECOND / 100;
    config_span(r, o, key, path, &q->after_min, &q->after_max);
}

void config_link(struct one_fault *f)
{
    static const struct {
        const char *name;
        enum sim_fault_kind kind;
    } kinds[] = {{"loss", SIM_LINK_LOSS},        {"delay", SIM_LINK_DELAY}, {"duplicate", SIM_LINK_DUPLICATE},
                 {"corrupt", SIM_LINK_CORRUPT},  {"clog", SIM_LINK_CLOG},   {"queue", SIM_LINK_QUEUE},
                 {"truncate", SIM_LINK_TRUNCATE}};
    char path[CONFIG_PATH];
    struct sim_fault fault = {.q.any = true};
    struct sim_quality *q = &fault.q;
    size_t k = 0;
    while (strcmp(kinds[k].name, f->kind) != 0)
        k++;
    fault.kind = kinds[k].kind;
    config_pairs(f, &fault);
    if (fault.kind == SIM_LINK_LOSS)
        q->loss = config_chance(f, "p", -1);
    if (fault.kind == SIM_LINK_CORRUPT)
        q->corrupt = config_chance(f, "p", -1);
    if (fault.kind == SIM_LINK_TRUNCATE)
        q->truncate = config_chance(f, "p", -1);
    if (fault.kind == SIM_LINK_DUPLICATE) {
        q->duplicate = config_chance(f, "p", -1);
        read_after(f->r, f->o, "after_ms", config_path(f, "after_ms", path), q);
    }
    if (fault.kind == SIM_LINK_DELAY) {
        q->tail = config_chance(f, "p", 1);
        if (!config_span(f->r, f->o, "ms", config_path(f, "ms", path), &q->tail_min, &q->tail_max) || q->tail_max == 0)
            config_problem(f->r, config_path(f, "ms", path), "[min, max] longer than 0: how much later they arrive");
    }
    if (fault.kind == SIM_LINK_CLOG)
        q->clog = true;
    if (fault.kind == SIM_LINK_QUEUE) {
        config_path(f, "capacity", path);
        if (!json_object_get(f->o, "capacity"))
            config_problem(f->r, path, "missing: how many may be under way on a link?");
        q->queue = (uint32_t)config_integer(f->r, f->o, "capacity", path, 1, QUEUE_MAX, 1);
    }
    config_add_band(f, fault);
}

/* ---- the section "network" ---- */

/* Keys that links between replicas and links of clients have in common. */
static void read_quality(struct reading *r, const json_t *o, const char *prefix, struct sim_quality *q)
{
    char path[CONFIG_PATH];
    const json_t *tail = json_object_get(o, "tail");
    const struct {
        const char *key;
        double *at;
    } chances[] = {{"corrupt", &q->corrupt}, {"truncate", &q->truncate}};
    for (size_t i = 0; i < sizeof chances / sizeof *chances; i++) {
        snprintf(path, sizeof path, "%s.%s", prefix, chances[i].key);
        *chances[i].at = config_number(r, o, chances[i].key, path, 0, 1, 0);
    }
    snprintf(path, sizeof path, "%s.queue", prefix);
    q->queue = (uint32_t)config_integer(r, o, "queue", path, 1, QUEUE_MAX, 0);
    snprintf(path, sizeof path, "%s.tail", prefix);
    if (tail) {
        q->tail = config_number(r, tail, "p", path, 0, 1, 0);
        if (q->tail <= 0 || !config_span(r, tail, "ms", path, &q->tail_min, &q->tail_max) || q->tail_max == 0)
            config_problem(r, path, "must be {\"p\": probability, \"ms\": [min, max]}, both more than 0");
    }
    q->any = q->any || q->corrupt > 0 || q->truncate > 0 || q->queue > 0 || q->tail > 0;
}

static void read_clients(struct reading *r, const json_t *network, struct sim_config *c)
{
    static const char *const known[] = {
        "loss", "duplicate", "duplicate_after_ms", "delay_ms", "tail", "corrupt", "truncate", "queue", NULL};
    struct sim_quality *q = &c->network.clients;
    const json_t *o = config_section(r, network, "clients", "network.clients", known);
    if (!o)
        return;
    q->loss = config_number(r, o, "loss", "network.clients.loss", 0, 1, 0);
    q->duplicate = config_number(r, o, "duplicate", "network.clients.duplicate", 0, 1, 0);
    config_span(r, o, "delay_ms", "network.clients.delay_ms", &q->delay_min, &q->delay_max);
    read_after(r, o, "duplicate_after_ms", "network.clients.duplicate_after_ms", q);
    read_quality(r, o, "network.clients", q);
    q->any = q->any || q->loss > 0 || q->duplicate > 0 || q->delay_max > 0;
}

void config_network(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const char *const known[] = {
        "loss", "duplicate", "duplicate_after_ms", "delay_ms", "tail", "corrupt", "truncate", "queue", "clients", NULL};
    struct sim_network_config *n = &c->network;
    const json_t *o = config_section(r, scenario, "network", "network", known);
    if (!o)
        return;
    n->loss = config_number(r, o, "loss", "network.loss", 0, 1, n->loss);
    double duplicate = config_number(r, o, "duplicate", "network.duplicate", 0, 1, 0);
    config_span(r, o, "delay_ms", "network.delay_ms", &n->delay_min, &n->delay_max);
    read_quality(r, o, "network", &n->more);
    if (json_object_get(o, "duplicate_after_ms")) { /* else a copy is late by its own delay only */
        read_after(r, o, "duplicate_after_ms", "network.duplicate_after_ms", &n->more);
        n->more.duplicate = duplicate;
        n->more.any = n->more.any || duplicate > 0;
    } else
        n->duplicate = duplicate;
    read_clients(r, o, c);
}

static bool of_clients(const struct sim_fault *f)
{
    for (unsigned k = 0; k < f->n_pairs; k++)
        if (f->pair[k].from.target == SIM_TARGET_CLIENTS || f->pair[k].to.target == SIM_TARGET_CLIENTS)
            return true;
    return false;
}

bool sim_config_clients_faulty(const struct sim_config *c)
{
    if (c->network.clients.any)
        return true;
    bool any = false;
    for (size_t i = 0; i < c->n_faults && !any; i++)
        any = of_clients(&c->faults[i]);
    for (size_t i = 0; i < c->n_triggers && !any; i++)
        any = of_clients(&c->triggers[i]);
    return any;
}
