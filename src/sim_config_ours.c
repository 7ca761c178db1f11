/* The optional keys of our own: clients and network here, faults in sim_config_faults.c; and the help on all keys. */
#include "sim_config_int.h"

#include <stdio.h>
#include <string.h>

static const double RATE_MIN = 1e-6; /* per second: an interval must fit into 64 bits of nanoseconds */

const char sim_config_help[] =
    "A scenario is a JSON object: the course's configuration file, and optional keys of our own.\n"
    "\n"
    "Keys of the course (* required; unknown keys are ignored):\n"
    "  lifetime*    int >= 5          seconds during which requests are made\n"
    "  replicas*    int 3..21\n"
    "  requests*    int >= 0          spread evenly over the lifetime\n"
    "  tests*       object            benchmarks* (total_msgs, failures, duplicates, median_latency: three numbers\n"
    "                                 each), maximum_get_fail_fraction 0.5, maximum_put_fail_fraction 0.5,\n"
    "                                 maximum_get_generation_fail_fraction 0.1, maximum_appends_batched_fraction 0.5\n"
    "  seed         anything          default: a random one, printed\n"
    "  mix          0..1              0.8     fraction of gets\n"
    "  start_wait   0..lifetime       5.0     seconds before the first request\n"
    "  end_wait     0..lifetime       2.0     seconds after the last one\n"
    "  drops        0..1              0.0     loss between replicas\n"
    "  max_packets  requests..900000  20000   messages between replicas that end the run early\n"
    "  events       list              []      {\"type\": kill_leader | kill_non_leader | part_easy | part_hard | "
    "part_end,\n"
    "                                          \"time\": seconds after start_wait, 0..lifetime}\n"
    "\n"
    "Keys of our own:\n"
    "  name         string            names the run directory; default: the file's name\n"
    "  clients      {\"mode\": \"course\" | \"shared\", \"count\": 8, \"keys\": 5, \"timeout_ms\": 1000, \"rate\": R}\n"
    "               shared: each client does one operation at a time on the keys k1..kN, which all clients use; every\n"
    "               value is written once; R operations a second in total, 0 or 1e-6..1e6 (default requests / "
    "lifetime);\n"
    "               at the end each client reads every key. `tests` may be missing then, `requests` too when there is "
    "a rate,\n"
    "               and max_packets may be up to 10^9, which is its default.\n"
    "  network      {\"loss\": p, \"duplicate\": p, \"delay_ms\": [min, max]}   between replicas; loss overrides "
    "drops;\n"
    "               each copy has its own delay, so messages overtake each other\n"
    "  faults       a list of these; times as for events\n"
    "               {\"kind\": \"partition\", \"around\": \"leader\", \"begin\": s, \"end\": s}\n"
    "               {\"kind\": \"partition\", \"groups\": [[\"0000\", \"0001\"], [\"0002\"]], \"begin\": s, \"end\": "
    "s}\n"
    "               {\"kind\": \"kill\", \"node\": \"leader\" | \"non_leader\" | \"random\" | \"all\" | \"0003\", "
    "\"at\": s,\n"
    "                \"signal\": \"KILL\" (or 9; the default) | \"TERM\" (or 15), \"restart_after_ms\": [min, max]}\n"
    "                     with restart_after_ms (0..600000) it is started again after a random time between these,\n"
    "                     with the same arguments and the next FAULTLINE_BOOT; without, never\n"
    "               {\"kind\": \"kill\", \"node\": as above, \"begin\": s, \"end\": s, \"every\": s, \"all_every\": N, "
    "...}\n"
    "                     the same again and again, first at begin, every 0.05..lifetime seconds, and each N-th time, "
    "if\n"
    "                     all_every is given, for all replicas at once\n"
    "               {\"kind\": \"pause\", \"node\": as above, but not all, \"begin\": s, \"end\": s}\n";

/* The section o[key], NULL when it is missing or wrong. */
static const json_t *section(struct reading *r, const json_t *o, const char *key, const char *const *known)
{
    const json_t *v = json_object_get(o, key);
    if (!v)
        return NULL;
    if (!json_is_object(v)) {
        config_problem(r, key, "must be an object");
        return NULL;
    }
    config_spelling(r, v, key, known);
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
    const json_t *o = section(r, scenario, "clients", known);
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

static void read_network(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const char *const known[] = {"loss", "duplicate", "delay_ms", NULL};
    const json_t *o = section(r, scenario, "network", known);
    if (!o)
        return;
    c->network.loss = config_number(r, o, "loss", "network.loss", 0, 1, c->network.loss);
    c->network.duplicate = config_number(r, o, "duplicate", "network.duplicate", 0, 1, 0);
    const json_t *delay = json_object_get(o, "delay_ms");
    if (!delay)
        return;
    double min = json_number_value(json_array_get(delay, 0)), max = json_number_value(json_array_get(delay, 1));
    if (json_array_size(delay) != 2 || !json_is_number(json_array_get(delay, 0)) ||
        !json_is_number(json_array_get(delay, 1)) || min < 0 || max < min || max > 600000) {
        config_problem(r, "network.delay_ms", "must be [min, max] in milliseconds, 0 <= min <= max <= 600000");
        return;
    }
    c->network.delay_min = (int64_t)(min * 1e6);
    c->network.delay_max = (int64_t)(max * 1e6);
}

void config_ours(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    read_clients(r, scenario, c);
    read_network(r, scenario, c);
    config_faults(r, scenario, c);
}
