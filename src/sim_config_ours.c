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

void config_ours(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    read_clients(r, scenario, c);
    config_network(r, scenario, c);
    config_disk(r, scenario, c);
    config_faults(r, scenario, c);
    if (!r->bad && !c->clients.shared && sim_config_clients_faulty(c))
        config_problem(r, "clients.mode",
                       "must be \"shared\" where links of clients are faulty: the course's clients "
                       "know no lost and no doubled message");
}
