/* The optional key "faults": partitions, kills with and without a restart, pauses. Kills that repeat become as many
 * single ones here, so that the run itself knows of no repetition. */
#include "sim_config_int.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { REPEATS_MAX = 10000, RESTART_MS_MAX = 600000, ALL_EVERY_MAX = 1000000 };
static const double EVERY_MIN = 0.05; /* seconds */

struct one {
    struct reading *r;
    struct sim_config *c; /* its faults grow */
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

static void read_partition(struct one *f)
{
    char path[64];
    struct sim_fault part = {.kind = SIM_PARTITION_GROUPS};
    const json_t *around = json_object_get(f->o, "around");
    read_band(f, &part);
    if (!around)
        read_groups(f, &part);
    else {
        part.kind = SIM_PARTITION_LEADER;
        if (!json_is_string(around) || strcmp(json_string_value(around), "leader") != 0)
            config_problem(f->r, key_of(f, "around", path), "must be \"leader\"; to name the sides use groups");
    }
    *config_add_fault(f->c) = part;
}

/* `all` is allowed where it has a meaning. */
static void read_target(struct one *f, struct sim_fault *out, bool all)
{
    char path[64];
    const char *node = json_string_value(json_object_get(f->o, "node"));
    int at = sim_id_index(node, 0, f->c->replicas);
    if (node && strcmp(node, "leader") == 0)
        out->target = SIM_TARGET_LEADER;
    else if (node && strcmp(node, "non_leader") == 0)
        out->target = SIM_TARGET_NON_LEADER;
    else if (node && strcmp(node, "random") == 0)
        out->target = SIM_TARGET_RANDOM;
    else if (all && node && strcmp(node, "all") == 0)
        out->target = SIM_TARGET_ALL;
    else if (at >= 0) {
        out->target = SIM_TARGET_NODE;
        out->node = (unsigned)at;
    } else
        config_problem(f->r, key_of(f, "node", path),
                       "must be \"leader\", \"non_leader\", \"random\"%s or a replica's id (0000 to %04X)",
                       all ? ", \"all\"" : "", f->c->replicas - 1);
}

static void read_signal(struct one *f, struct sim_fault *out)
{
    char path[64];
    const json_t *sig = json_object_get(f->o, "signal");
    const char *name = json_string_value(sig);
    json_int_t number = json_integer_value(sig);
    out->sig = SIGKILL;
    if (number == SIGTERM || (name && strcmp(name, "TERM") == 0))
        out->sig = SIGTERM;
    else if (sig && number != SIGKILL && (!name || strcmp(name, "KILL") != 0))
        config_problem(f->r, key_of(f, "signal", path), "must be \"KILL\" (9) or \"TERM\" (15)");
}

static void read_restart(struct one *f, struct sim_fault *out)
{
    char path[64];
    const json_t *span = json_object_get(f->o, "restart_after_ms");
    if (!span)
        return;
    const json_t *low = json_array_get(span, 0), *high = json_array_get(span, 1);
    double min = json_number_value(low), max = json_number_value(high);
    if (json_array_size(span) != 2 || !json_is_number(low) || !json_is_number(high) || min < 0 || max < min ||
        max > RESTART_MS_MAX) {
        config_problem(f->r, key_of(f, "restart_after_ms", path),
                       "must be [min, max] in milliseconds, 0 <= min <= max <= %d", RESTART_MS_MAX);
        return;
    }
    out->restarts = true;
    out->restart_min = (int64_t)(min * 1e6);
    out->restart_max = (int64_t)(max * 1e6);
}

/* Kill number `i` of a series: its fault is `first`, later, and for everybody when its turn has come. */
static void add_kill(struct one *f, struct sim_fault first, int64_t i, int64_t every, int64_t all_every)
{
    first.begin += i * every;
    first.end = first.begin + first.restart_max; /* it is over when the replica is back */
    if (all_every > 0 && (i + 1) % all_every == 0)
        first.target = SIM_TARGET_ALL;
    *config_add_fault(f->c) = first;
}

static void read_kill(struct one *f)
{
    char path[64];
    struct sim_fault kill = {.kind = SIM_KILL};
    double seconds = (double)f->c->lifetime / SIM_SECOND;
    bool series = json_object_get(f->o, "every") != NULL;
    read_target(f, &kill, true);
    read_signal(f, &kill);
    read_restart(f, &kill);
    static const char *const of_series[] = {"begin", "end", "all_every"};
    for (size_t i = 0; !series && i < sizeof of_series / sizeof *of_series; i++)
        if (json_object_get(f->o, of_series[i]))
            config_problem(f->r, key_of(f, of_series[i], path), "goes with every; one kill has its time in at");
    if (!series) {
        kill.begin = time_of(f, "at");
        add_kill(f, kill, 0, 0, 0);
        return;
    }
    if (json_object_get(f->o, "at"))
        config_problem(f->r, key_of(f, "at", path), "is of one kill; with every, give begin and end");
    kill.begin = time_of(f, "begin");
    int64_t end = time_of(f, "end");
    double every = config_number(f->r, f->o, "every", key_of(f, "every", path), EVERY_MIN, seconds, 1);
    int64_t all_every = config_integer(f->r, f->o, "all_every", key_of(f, "all_every", path), 1, ALL_EVERY_MAX, 0);
    if (f->r->bad)
        return;
    if (end < kill.begin)
        config_problem(f->r, key_of(f, "end", path), "must not be earlier than begin");
    else if ((double)(end - kill.begin) / SIM_SECOND / every >= REPEATS_MAX)
        config_problem(f->r, key_of(f, "every", path), "makes more than %d kills between begin and end", REPEATS_MAX);
    else
        for (int64_t i = 0, step = (int64_t)(every * SIM_SECOND); kill.begin + i * step <= end; i++)
            add_kill(f, kill, i, step, all_every);
}

static void read_pause(struct one *f)
{
    struct sim_fault pause = {.kind = SIM_PAUSE};
    read_band(f, &pause);
    read_target(f, &pause, false);
    *config_add_fault(f->c) = pause;
}

void config_faults(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const struct {
        const char *kind;
        void (*read)(struct one *);
    } kinds[] = {{"partition", read_partition}, {"kill", read_kill}, {"pause", read_pause}};
    static const char *const known[] = {"kind", "around", "groups",           "begin", "end",       "node",
                                        "at",   "signal", "restart_after_ms", "every", "all_every", NULL};
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
        kinds[k].read(&f);
    }
}
