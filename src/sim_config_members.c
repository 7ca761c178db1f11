/* The optional key "members", and the requests of an administrator among the faults. */
#include "sim_config_int.h"

#include <string.h>

const char *const sim_change_names[SIM_CHANGES] = {[SIM_CHANGE_TOGGLE] = "toggle",
                                                   [SIM_CHANGE_ADD] = "add",
                                                   [SIM_CHANGE_REMOVE] = "remove",
                                                   [SIM_CHANGE_TRANSFER] = "transfer"};

void config_members_key(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    const json_t *members = json_object_get(scenario, "members");
    if (members && !json_is_boolean(members))
        config_problem(r, "members", "must be true or false");
    c->members = json_is_true(members);
}

void config_members(struct one_fault *f)
{
    char path[CONFIG_PATH];
    struct sim_fault fault = {.kind = SIM_MEMBERS, .change = SIM_CHANGES};
    const char *name = json_string_value(json_object_get(f->o, "do"));
    for (int i = 0; name && i < SIM_CHANGES; i++)
        if (strcmp(name, sim_change_names[i]) == 0)
            fault.change = (enum sim_change)i;
    if (fault.change == SIM_CHANGES)
        config_problem(f->r, config_path(f, "do", path), "must be add, remove, toggle or transfer");
    if (!f->c->members)
        config_problem(f->r, config_path(f, "kind", path), "the group is fixed without \"members\": true");
    config_target(f, &fault, false);
    if (config_trigger(f, fault, false))
        return;
    int64_t every = config_every(f), end;
    fault.begin = config_time(f, every ? "begin" : "at");
    end = every ? config_time(f, "end") : fault.begin;
    if (f->r->bad)
        return;
    if (end < fault.begin || (every && (end - fault.begin) / every >= SIM_REPEATS_MAX)) {
        config_problem(f->r, config_path(f, "end", path),
                       "must not be earlier than begin, nor after more than %d times", SIM_REPEATS_MAX);
        return;
    }
    do {
        fault.end = fault.begin;
        *config_add_fault(f->c) = fault;
        fault.begin += every;
    } while (every && fault.begin <= end);
}

void config_replace(struct one_fault *f)
{
    char path[CONFIG_PATH];
    struct sim_fault fault = {
        .kind = SIM_REPLACE, .restart_min = 50 * (SIM_SECOND / 1000), .restart_max = 500 * (SIM_SECOND / 1000)};
    if (!f->c->members)
        config_problem(f->r, config_path(f, "kind", path), "the group is fixed without \"members\": true");
    config_target(f, &fault, false);
    config_span(f->r, f->o, "restart_after_ms", config_path(f, "restart_after_ms", path), &fault.restart_min,
                &fault.restart_max);
    config_add_band(f, fault);
}
