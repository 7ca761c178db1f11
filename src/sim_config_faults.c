/* The optional key "faults": which kinds there are, which keys each takes, and when a fault happens. Faults that repeat
 * become as many single ones here, so that the run itself knows of no repetition. */
#include "sim_config_int.h"

#include <stdio.h>
#include <string.h>

static const double EVERY_MIN = 0.05; /* seconds */

const char *config_path(const struct one_fault *f, const char *key, char out[CONFIG_PATH])
{
    snprintf(out, CONFIG_PATH, "%.39s.%.35s", f->path, key);
    return out;
}

int64_t config_time(struct one_fault *f, const char *key)
{
    char path[CONFIG_PATH];
    config_path(f, key, path);
    if (!json_object_get(f->o, key)) {
        config_problem(f->r, path, "missing (seconds after start_wait)");
        return 0;
    }
    return (int64_t)(config_number(f->r, f->o, key, path, 0, (double)f->c->lifetime / SIM_SECOND, 0) * SIM_SECOND);
}

double config_chance(struct one_fault *f, const char *key, double fallback)
{
    char path[CONFIG_PATH];
    config_path(f, key, path);
    if (fallback < 0 && !json_object_get(f->o, key))
        config_problem(f->r, path, "missing (a probability)");
    double p = config_number(f->r, f->o, key, path, 0, 1, fallback < 0 ? 1 : fallback);
    if (p <= 0)
        config_problem(f->r, path, "a fault that never happens: leave it out");
    return p;
}

int64_t config_every(struct one_fault *f)
{
    char path[CONFIG_PATH];
    double most = (double)f->c->lifetime / SIM_SECOND;
    if (!json_object_get(f->o, "every"))
        return 0;
    double every = config_number(f->r, f->o, "every", config_path(f, "every", path), EVERY_MIN, most, 0);
    return (int64_t)(every * SIM_SECOND);
}

void config_add_band(struct one_fault *f, struct sim_fault fault)
{
    char path[CONFIG_PATH];
    if (config_trigger(f, fault, true))
        return;
    int64_t every = config_every(f), end = 0;
    bool spans = config_span(f->r, f->o, "for_ms", config_path(f, "for_ms", path), &fault.for_min, &fault.for_max);
    fault.begin = config_time(f, "begin");
    if (json_object_get(f->o, "every") && !json_object_get(f->o, "for_ms"))
        config_problem(f->r, config_path(f, "for_ms", path), "missing: how long is it each time? [min, max]");
    if (json_object_get(f->o, "for_ms") && !json_object_get(f->o, "every")) {
        if (json_object_get(f->o, "end"))
            config_problem(f->r, config_path(f, "end", path), "the fault ends after for_ms; end goes with every");
    } else
        end = config_time(f, "end");
    if (f->r->bad)
        return;
    if (spans && fault.for_max == 0) {
        config_problem(f->r, config_path(f, "for_ms", path), "must be longer than 0");
        return;
    }
    if (!every) {
        fault.end = spans ? fault.begin + fault.for_max : end;
        if (fault.end <= fault.begin)
            config_problem(f->r, config_path(f, "end", path), "must be later than begin");
        else
            *config_add_fault(f->c) = fault;
        return;
    }
    if (end < fault.begin)
        config_problem(f->r, config_path(f, "end", path), "must not be earlier than begin");
    else if ((end - fault.begin) / every >= SIM_REPEATS_MAX)
        config_problem(f->r, config_path(f, "every", path), "makes more than %d faults between begin and end",
                       SIM_REPEATS_MAX);
    else
        for (; fault.begin <= end; fault.begin += every) {
            fault.end = fault.begin + fault.for_max;
            *config_add_fault(f->c) = fault;
        }
}

void config_target(struct one_fault *f, struct sim_fault *out, bool all)
{
    char path[CONFIG_PATH];
    const char *node = json_string_value(json_object_get(f->o, "node"));
    int at = sim_id_index(node, 0, f->c->replicas);
    bool waits = json_object_get(f->o, "when") != NULL;
    if (waits && (!json_object_get(f->o, "node") || (node && strcmp(node, "it") == 0)))
        out->target = SIM_TARGET_IT;
    else if (node && strcmp(node, "leader") == 0)
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
        config_problem(f->r, config_path(f, "node", path),
                       "must be \"leader\", \"non_leader\", \"random\"%s%s or a replica's id (0000 to %04X)",
                       all ? ", \"all\"" : "", waits ? ", \"it\"" : "", f->c->replicas - 1);
}

/* Keys that say when; a kill has more. */
#define WHEN "begin", "end", "every", "for_ms", "when", "within_ms", "chance", "limit"

static const struct kind {
    const char *name;
    void (*read)(struct one_fault *);
    const char *keys[20];
} kinds[] = {
    {"partition", config_partition, {WHEN, "around", "groups", "isolate", "direction", "shape", "links"}},
    {"loss", config_link, {WHEN, "p", "links"}},
    {"delay", config_link, {WHEN, "ms", "p", "links"}},
    {"duplicate", config_link, {WHEN, "p", "after_ms", "links"}},
    {"corrupt", config_link, {WHEN, "p", "links"}},
    {"truncate", config_link, {WHEN, "p", "links"}},
    {"clog", config_link, {WHEN, "links"}},
    {"queue", config_link, {WHEN, "capacity", "links"}},
    {"kill",
     config_kill,
     {"at", "begin", "end", "every", "all_every", "when", "within_ms", "chance", "limit", "node", "signal",
      "restart_after_ms"}},
    {"pause", config_pause, {WHEN, "node"}},
    {"slow", config_slow, {WHEN, "node", "ms"}},
    {"clock", config_clock, {WHEN, "node", "rate", "jump_ms"}},
    {"disk",
     config_disk_fault,
     {WHEN, "node", "latency_ms", "fsync_fails", "fsync_lies", "write_errors", "read_errors", "full", "bit_rot"}},
    {"members", config_members, {"at", "begin", "end", "every", "when", "within_ms", "chance", "limit", "node", "do"}},
    {"replace", config_replace, {WHEN, "node", "restart_after_ms"}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void words_of(char *out, size_t n, const char *const *words)
{
    size_t used = 0;
    *out = '\0';
    for (; *words && used < n; words++)
        used += (size_t)snprintf(out + used, n - used, "%s%s", used ? ", " : "", *words);
}

/* A key that the fault does not have would be a fault that is not what its author meant. */
static void check_keys(struct one_fault *f, const struct kind *kind)
{
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)f->o, key, value)
    {
        const char *const *k = kind->keys;
        while (*k && strcmp(key, *k) != 0)
            k++;
        if (*k || strcmp(key, "kind") == 0)
            continue;
        char path[CONFIG_PATH], words[200];
        words_of(words, sizeof words, kind->keys);
        config_problem(f->r, config_path(f, key, path), "is no key of a %s, which takes %s", kind->name, words);
    }
}

static void read_fault(struct one_fault *f)
{
    f->kind = json_string_value(json_object_get(f->o, "kind"));
    for (size_t k = 0; f->kind && k < KINDS; k++)
        if (strcmp(f->kind, kinds[k].name) == 0) {
            check_keys(f, &kinds[k]);
            kinds[k].read(f);
            return;
        }
    const char *names[KINDS + 1] = {NULL};
    char path[CONFIG_PATH], words[200];
    for (size_t k = 0; k < KINDS; k++)
        names[k] = kinds[k].name;
    words_of(words, sizeof words, names);
    config_problem(f->r, config_path(f, "kind", path), "must be one of %s", words);
}

void config_faults(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    const json_t *faults = json_object_get(scenario, "faults");
    if (faults && !json_is_array(faults)) {
        config_problem(r, "faults", "must be a list");
        return;
    }
    for (size_t i = 0; i < json_array_size(faults); i++) {
        struct one_fault f = {.r = r, .c = c, .o = json_array_get(faults, i)};
        snprintf(f.path, sizeof f.path, "faults[%zu]", i);
        size_t planned = c->n_faults, waiting = c->n_triggers;
        read_fault(&f);
        for (size_t k = planned; k < c->n_faults; k++)
            c->faults[k].origin = (int)i;
        for (size_t k = waiting; k < c->n_triggers; k++)
            c->triggers[k].origin = (int)i;
    }
}
