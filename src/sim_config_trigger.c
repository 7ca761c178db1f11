/* Faults that wait for something to happen: when a replica becomes leader, votes, and so on. */
#include "sim_config_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_MAX = 1000000 };

const char *const sim_when_names[SIM_WHENS] = {
    [SIM_WHEN_TIME] = "",
    [SIM_WHEN_LEADS] = "becomes_leader",
    [SIM_WHEN_VOTES] = "votes",
    [SIM_WHEN_APPENDS] = "appends_first",
    [SIM_WHEN_TRUNCATES] = "truncates",
    [SIM_WHEN_INSTALLS] = "installs_snapshot",
    [SIM_WHEN_CHANGES] = "changes_members",
    [SIM_WHEN_ANSWERS] = "answers_client",
};

static enum sim_when read_when(struct one_fault *f)
{
    char path[CONFIG_PATH];
    const char *name = json_string_value(json_object_get(f->o, "when"));
    for (int i = SIM_WHEN_TIME + 1; name && i < SIM_WHENS; i++)
        if (strcmp(name, sim_when_names[i]) == 0)
            return (enum sim_when)i;
    config_problem(f->r, config_path(f, "when", path),
                   "must be becomes_leader, votes, appends_first, truncates, installs_snapshot, changes_members or "
                   "answers_client");
    return SIM_WHEN_TIME;
}

static void add(struct sim_config *c, const struct sim_fault *fault)
{
    c->triggers = realloc(c->triggers, (c->n_triggers + 1) * sizeof *c->triggers);
    if (!c->triggers)
        abort();
    c->triggers[c->n_triggers++] = *fault;
}

bool config_trigger(struct one_fault *f, struct sim_fault fault, bool lasts)
{
    static const char *const of_triggers[] = {"within_ms", "chance", "limit"};
    static const char *const of_time[] = {"at", "every", "all_every"};
    char path[CONFIG_PATH];
    bool waits = json_object_get(f->o, "when") != NULL;
    for (size_t i = 0; !waits && i < sizeof of_triggers / sizeof *of_triggers; i++)
        if (json_object_get(f->o, of_triggers[i]))
            config_problem(f->r, config_path(f, of_triggers[i], path), "goes with when");
    if (!waits)
        return false;
    for (size_t i = 0; i < sizeof of_time / sizeof *of_time; i++)
        if (json_object_get(f->o, of_time[i]))
            config_problem(f->r, config_path(f, of_time[i], path), "does not go with when");
    fault.when = read_when(f);
    fault.begin = json_object_get(f->o, "begin") ? config_time(f, "begin") : 0;
    fault.end = json_object_get(f->o, "end") ? config_time(f, "end") : f->c->lifetime;
    fault.chance = config_chance(f, "chance", 1);
    fault.within_max = 10 * (SIM_SECOND / 1000);
    config_span(f->r, f->o, "within_ms", config_path(f, "within_ms", path), &fault.within_min, &fault.within_max);
    fault.limit = (unsigned)config_integer(f->r, f->o, "limit", config_path(f, "limit", path), 1, LIMIT_MAX, 0);
    if (lasts && (!config_span(f->r, f->o, "for_ms", config_path(f, "for_ms", path), &fault.for_min, &fault.for_max) ||
                  fault.for_max == 0))
        config_problem(f->r, config_path(f, "for_ms", path), "[min, max] longer than 0: how long is it each time?");
    if (fault.end < fault.begin)
        config_problem(f->r, config_path(f, "end", path), "must not be earlier than begin");
    add(f->c, &fault);
    return true;
}

bool sim_config_virtual_only(const struct sim_config *c, char what[SIM_CONFIG_WHAT])
{
    for (size_t i = 0; i < c->n_faults + c->n_triggers; i++)
        if ((i < c->n_faults ? c->faults[i] : c->triggers[i - c->n_faults]).kind == SIM_DISK_FAULT) {
            snprintf(what, SIM_CONFIG_WHAT, "a fault of a disk");
            return true;
        }
    if (c->disk.q.latency_max > 0) {
        snprintf(what, SIM_CONFIG_WHAT, "a disk's latency");
        return true;
    }
    if (c->members) {
        snprintf(what, SIM_CONFIG_WHAT, "a group that changes");
        return true;
    }
    for (size_t i = 0; i < c->n_triggers; i++)
        if (c->triggers[i].when != SIM_WHEN_LEADS && c->triggers[i].when != SIM_WHEN_ANSWERS) {
            snprintf(what, SIM_CONFIG_WHAT, "a fault that waits until somebody %s",
                     sim_when_names[c->triggers[i].when]);
            return true;
        }
    for (size_t i = 0; i < c->n_faults + c->n_triggers; i++)
        if ((i < c->n_faults ? &c->faults[i] : &c->triggers[i - c->n_faults])->kind == SIM_CLOCK) {
            snprintf(what, SIM_CONFIG_WHAT, "a clock that is wrong");
            return true;
        }
    return false;
}
