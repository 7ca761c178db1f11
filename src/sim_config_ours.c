/* The optional keys of our own: clients, network, faults. */
#include "sim_config_int.h"

#include <math.h>
#include <signal.h>
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
    "a rate.\n"
    "  network      {\"loss\": p, \"duplicate\": p, \"delay_ms\": [min, max]}   between replicas; loss overrides "
    "drops;\n"
    "               each copy has its own delay, so messages overtake each other\n"
    "  faults       a list of these; times as for events\n"
    "               {\"kind\": \"partition\", \"around\": \"leader\", \"begin\": s, \"end\": s}\n"
    "               {\"kind\": \"partition\", \"groups\": [[\"0000\", \"0001\"], [\"0002\"]], \"begin\": s, \"end\": "
    "s}\n"
    "               {\"kind\": \"kill\", \"node\": \"leader\" | \"non_leader\" | \"0003\", \"at\": s, \"signal\": "
    "\"KILL\" | \"TERM\"}\n"
    "               {\"kind\": \"pause\", \"node\": as above, \"begin\": s, \"end\": s}\n";

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

struct one {
    struct reading *r;
    const struct sim_config *c;
    const json_t *o;
    char path[40]; /* "faults[N]" */
};

static const char *key_of(struct one *f, const char *key, char out[64])
{
    snprintf(out, 64, "%.40s.%.20s", f->path, key);
    return out;
}

static int64_t time_of(struct one *f, const char *key)
{
    char path[64];
    key_of(f, key, path);
    if (!json_object_get(f->o, key)) {
        config_problem(f->r, path, "missing (seconds after start_wait)");
        return 0;
    }
    return (int64_t)(config_number(f->r, f->o, key, path, 0, (double)f->c->lifetime / SIM_SECOND, 0) * SIM_SECOND);
}

static void read_band(struct one *f, struct sim_fault *out)
{
    char path[64];
    out->begin = time_of(f, "begin");
    out->end = time_of(f, "end");
    if (!f->r->bad && out->end <= out->begin)
        config_problem(f->r, key_of(f, "end", path), "must be later than begin");
}

static void read_groups(struct one *f, struct sim_fault *out)
{
    char path[64];
    const json_t *groups = json_object_get(f->o, "groups");
    key_of(f, "groups", path);
    if (!json_is_array(groups) || json_array_size(groups) == 0 || json_array_size(groups) > SIM_REPLICAS_MAX) {
        config_problem(f->r, path,
                       "must be a list of lists of replica ids, such as [[\"0000\", \"0001\"], [\"0002\"]]");
        return;
    }
    size_t n = json_array_size(groups), named = 0;
    for (unsigned i = 0; i < f->c->replicas; i++)
        out->group[i] = (unsigned char)n;
    for (size_t g = 0; g < n; g++) {
        const json_t *members = json_array_get(groups, g);
        if (!json_is_array(members)) {
            config_problem(f->r, path, "group %zu must be a list of replica ids", g);
            return;
        }
        for (size_t i = 0; i < json_array_size(members); i++) {
            const char *id = json_string_value(json_array_get(members, i));
            int at = sim_id_index(id, 0, f->c->replicas);
            if (at < 0) {
                config_problem(f->r, path, "\"%.20s\" is not a replica: they are 0000 to %04X", id ? id : "?",
                               f->c->replicas - 1);
                return;
            }
            if (out->group[at] != n) {
                config_problem(f->r, path, "%s is in two groups", id);
                return;
            }
            out->group[at] = (unsigned char)g;
            named++;
        }
    }
    if (n == 1 && named == f->c->replicas)
        config_problem(f->r, path, "one group with everybody in it parts nobody");
}

static void read_partition(struct one *f, struct sim_fault *out)
{
    char path[64];
    read_band(f, out);
    const json_t *around = json_object_get(f->o, "around");
    if (!around) {
        out->kind = SIM_PARTITION_GROUPS;
        read_groups(f, out);
        return;
    }
    out->kind = SIM_PARTITION_LEADER;
    if (!json_is_string(around) || strcmp(json_string_value(around), "leader") != 0)
        config_problem(f->r, key_of(f, "around", path), "must be \"leader\"; to name the sides use groups");
}

static void read_target(struct one *f, struct sim_fault *out)
{
    char path[64];
    const char *node = json_string_value(json_object_get(f->o, "node"));
    int at = sim_id_index(node, 0, f->c->replicas);
    if (node && strcmp(node, "leader") == 0)
        out->target = SIM_TARGET_LEADER;
    else if (node && strcmp(node, "non_leader") == 0)
        out->target = SIM_TARGET_NON_LEADER;
    else if (at >= 0) {
        out->target = SIM_TARGET_NODE;
        out->node = (unsigned)at;
    } else
        config_problem(f->r, key_of(f, "node", path),
                       "must be \"leader\", \"non_leader\" or a replica's id (0000 to %04X)", f->c->replicas - 1);
}

static void read_kill(struct one *f, struct sim_fault *out)
{
    char path[64];
    out->kind = SIM_KILL;
    out->begin = out->end = time_of(f, "at");
    out->sig = SIGKILL;
    read_target(f, out);
    const json_t *sig = json_object_get(f->o, "signal");
    if (!sig)
        return;
    const char *name = json_string_value(sig);
    if (name && strcmp(name, "TERM") == 0)
        out->sig = SIGTERM;
    else if (!name || strcmp(name, "KILL") != 0)
        config_problem(f->r, key_of(f, "signal", path), "must be \"KILL\" or \"TERM\"");
}

static void read_pause(struct one *f, struct sim_fault *out)
{
    out->kind = SIM_PAUSE;
    read_band(f, out);
    read_target(f, out);
}

static void read_faults(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const struct {
        const char *kind;
        void (*read)(struct one *, struct sim_fault *);
    } kinds[] = {{"partition", read_partition}, {"kill", read_kill}, {"pause", read_pause}};
    static const char *const known[] = {"kind", "around", "groups", "begin", "end", "node", "at", "signal", NULL};
    const json_t *faults = json_object_get(scenario, "faults");
    if (faults && !json_is_array(faults)) {
        config_problem(r, "faults", "must be a list");
        return;
    }
    for (size_t i = 0; i < json_array_size(faults); i++) {
        struct one f = {.r = r, .c = c, .o = json_array_get(faults, i)};
        snprintf(f.path, sizeof f.path, "faults[%zu]", i);
        const char *kind = json_string_value(json_object_get(f.o, "kind"));
        size_t k = 0;
        while (k < sizeof kinds / sizeof *kinds && (!kind || strcmp(kind, kinds[k].kind) != 0))
            k++;
        if (k == sizeof kinds / sizeof *kinds) {
            char path[64];
            config_problem(r, key_of(&f, "kind", path), "must be partition, kill or pause");
            continue;
        }
        config_spelling(r, f.o, f.path, known);
        kinds[k].read(&f, config_add_fault(c));
    }
}

void config_ours(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    read_clients(r, scenario, c);
    read_network(r, scenario, c);
    read_faults(r, scenario, c);
}
