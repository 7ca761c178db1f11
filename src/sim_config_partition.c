/* Partitions: who cannot reach whom. */
#include "sim_config_int.h"

#include <stdio.h>
#include <string.h>

static void read_groups(struct one_fault *f, struct sim_fault *out)
{
    char path[CONFIG_PATH];
    const json_t *groups = json_object_get(f->o, "groups");
    config_path(f, "groups", path);
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

static void read_isolate(struct one_fault *f, struct sim_fault *out)
{
    static const char *const directions[] = {[SIM_BOTH] = "both", [SIM_INWARDS] = "in", [SIM_OUTWARDS] = "out"};
    char path[CONFIG_PATH];
    const char *node = json_string_value(json_object_get(f->o, "isolate"));
    const json_t *direction = json_object_get(f->o, "direction");
    struct one_fault named = *f;
    json_t *o = json_pack("{s:s, s:O*}", "node", node ? node : "", "when", json_object_get(f->o, "when"));
    named.o = o;
    out->kind = SIM_PARTITION_ISOLATE;
    config_target(&named, out, false);
    json_decref(o);
    const char *word = direction ? json_string_value(direction) : "both";
    for (size_t i = 0; word && i < sizeof directions / sizeof *directions; i++)
        if (strcmp(word, directions[i]) == 0) {
            out->direction = (enum sim_direction)i;
            return;
        }
    config_problem(f->r, config_path(f, "direction", path),
                   "must be \"both\", \"in\" (it gets nothing) or \"out\" (nobody gets anything of it)");
}

static void read_shape(struct one_fault *f, struct sim_fault *out)
{
    static const struct {
        const char *name;
        enum sim_fault_kind kind;
        unsigned least;
    } shapes[] = {
        {"halves", SIM_PARTITION_HALVES, 2}, {"bridge", SIM_PARTITION_BRIDGE, 3}, {"ring", SIM_PARTITION_RING, 4}};
    char path[CONFIG_PATH];
    const char *shape = json_string_value(json_object_get(f->o, "shape"));
    config_path(f, "shape", path);
    for (size_t i = 0; shape && i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shape, shapes[i].name) == 0) {
            out->kind = shapes[i].kind;
            if (f->c->replicas < shapes[i].least)
                config_problem(f->r, path, "a %s needs %u replicas at least", shape, shapes[i].least);
            return;
        }
    config_problem(f->r, path, "must be \"halves\", \"bridge\" or \"ring\"");
}

static void read_around(struct one_fault *f, struct sim_fault *out)
{
    char path[CONFIG_PATH];
    const char *around = json_string_value(json_object_get(f->o, "around"));
    out->kind = SIM_PARTITION_LEADER;
    if (!around || strcmp(around, "leader") != 0)
        config_problem(f->r, config_path(f, "around", path), "must be \"leader\"; to name the sides use groups");
}

static void read_cut_links(struct one_fault *f, struct sim_fault *out)
{
    out->kind = SIM_PARTITION_LINKS;
    config_pairs(f, out);
}

void config_partition(struct one_fault *f)
{
    static const struct {
        const char *key;
        void (*read)(struct one_fault *, struct sim_fault *);
    } forms[] = {{"groups", read_groups},
                 {"around", read_around},
                 {"isolate", read_isolate},
                 {"shape", read_shape},
                 {"links", read_cut_links}};
    char path[CONFIG_PATH];
    struct sim_fault part = {.kind = SIM_PARTITION_GROUPS};
    size_t form = 0, given = 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (json_object_get(f->o, forms[i].key)) {
            form = i;
            given++;
        }
    if (given > 1)
        config_problem(f->r, f->path, "a partition has one of groups, around, isolate, shape and links, not several");
    if (json_object_get(f->o, "direction") && !json_object_get(f->o, "isolate"))
        config_problem(f->r, config_path(f, "direction", path), "goes with isolate");
    forms[form].read(f, &part);
    config_add_band(f, part);
}
