/* The optional keys of our own: clients here, network in sim_config_links.c, faults in sim_config_faults.c. */
#include "sim_config_int.h"

#include <stdio.h>
#include <string.h>

static const double RATE_MIN = 1e-6; /* per second: an interval must fit into 64 bits of nanoseconds */

const json_t *config_section(struct reading *r, const json_t *o, const char *key, const char *path,
                             const char *const *known)
{
    const json_t *v = json_object_get(o, key);
    if (!v)
        return NULL;
    if (!json_is_object(v)) {
        config_problem(r, path, "must be an object");
        return NULL;
    }
    config_spelling(r, v, path, known);
    return v;
}

static void read_clients(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const char *const known[] = {"mode", "count", "keys", "timeout_ms", "rate", NULL};
    struct sim_clients_config *cl = &c->clients;
    cl->count = 8;
    cl->keys = 5;
    cl->timeout = SIM_SECOND;
    cl->rate = (double)c->requests / ((double)c->lifetime / SIM_SECOND);
    const json_t *o = config_section(r, scenario, "clients", "clients", known);
    if (!o)
        return;
    const json_t *mode = json_object_get(o, "mode");
    if (mode && !cl->shared && (!json_is_string(mode) || strcmp(json_string_value(mode), "course") != 0))
        config_problem(r, "clients.mode", "must be \"course\" or \"shared\"");
    cl->count = (unsigned)config_integer(r, o, "count", "clients.count", 1, SIM_CLIENTS_MAX, cl->count);
    if (!cl->shared && cl->count != 8)
        config_problem(r, "clients.count", "the course has 8 clients; another number needs \"mode\": \"shared\"");
    cl->keys = (unsigned)config_integer(r, o, "keys", "clients.keys", 1, SIM_KEYS_MAX, cl->keys);
    cl->timeout = config_integer(r, o, "timeout_ms", "clients.timeout_ms", 1, 3600000, 1000) * (SIM_SECOND / 1000);
    cl->rate = config_number(r, o, "rate", "clients.rate", 0, 1e6, cl->rate);
    if (cl->rate > 0 && cl->rate < RATE_MIN)
        config_problem(r, "clients.rate", "%.6g is less than %.6g, one operation in eleven days; 0 means no load",
                       cl->rate, RATE_MIN);
}

static void read_replica(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const char *const known[] = {"reads", "args", NULL};
    const json_t *o = config_section(r, scenario, "replica", "replica", known);
    const json_t *reads = json_object_get(o, "reads"), *args = json_object_get(o, "args");
    c->replica.reads = json_string_value(reads);
    if (reads && !c->replica.reads)
        config_problem(r, "replica.reads", "must be a string: lease, index or local, for ours");
    bool good = !args || (json_is_array(args) && json_array_size(args) <= SIM_REPLICA_OPTIONS_MAX);
    for (size_t i = 0; good && i < json_array_size(args); i++) {
        c->replica.args[i] = json_string_value(json_array_get(args, i));
        good = c->replica.args[i] != NULL;
    }
    if (!good)
        config_problem(r, "replica.args", "must be a list of at most %d strings", SIM_REPLICA_OPTIONS_MAX);
}

static void read_schedule(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const char *const known[] = {"pct", NULL};
    const json_t *schedule = json_object_get(scenario, "schedule");
    const char *name = json_string_value(schedule);
    if (!schedule || (name && strcmp(name, "uniform") == 0))
        return;
    if (name || !json_object_get(schedule, "pct")) {
        config_problem(r, "schedule", "must be \"uniform\" or {\"pct\": depth}");
        return;
    }
    config_spelling(r, schedule, "schedule", known);
    c->pct = (unsigned)config_integer(r, schedule, "pct", "schedule.pct", 2, 5, 2);
}

void config_ours(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    read_clients(r, scenario, c);
    read_replica(r, scenario, c);
    read_schedule(r, scenario, c);
    config_network(r, scenario, c);
    config_disk(r, scenario, c);
    config_members_key(r, scenario, c);
    config_faults(r, scenario, c);
    if (!r->bad && !c->clients.shared && sim_config_clients_faulty(c))
        config_problem(r, "clients.mode",
                       "must be \"shared\" where links of clients are faulty: the course's clients "
                       "know no lost and no doubled message");
}
