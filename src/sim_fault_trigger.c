/* Faults that wait for something to happen to a replica. */
#include "sim_fault_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void point_at(struct sim_end_name *e, unsigned it)
{
    if (e->target == SIM_TARGET_IT)
        *e = (struct sim_end_name){.target = SIM_TARGET_NODE, .node = it};
}

/* The fault as one of its own, `delay` from now. */
static void plan(struct sim_run *run, const struct sim_fault *t, unsigned it, int64_t delay, const char *about)
{
    if (run->n_pending == run->pending_room) {
        run->pending_room = run->pending_room ? 2 * run->pending_room : 16;
        run->pending = realloc(run->pending, run->pending_room * sizeof *run->pending);
        if (!run->pending)
            abort();
    }
    struct sim_fault *f = &run->pending[run->n_pending++];
    *f = *t;
    snprintf(f->about, sizeof f->about, "%.95s", about);
    f->begin = sim_now(run) - run->load_start + delay;
    f->end = f->begin + (f->for_max > f->restart_max ? f->for_max : f->restart_max);
    if (f->target == SIM_TARGET_IT) {
        f->target = SIM_TARGET_NODE;
        f->node = it;
    }
    for (unsigned k = 0; k < f->n_pairs; k++) {
        point_at(&f->pair[k].from, it);
        point_at(&f->pair[k].to, it);
    }
}

void sim_fault_happens(struct sim_run *run, enum sim_when when, unsigned it)
{
    int64_t t = sim_now(run) - run->load_start;
    for (size_t i = 0; i < run->cfg->n_triggers; i++) {
        const struct sim_fault *f = &run->cfg->triggers[i];
        char plain[SIM_DECIDE_NAME], name[SIM_DECIDE_NAME];
        if (f->when != when || t < f->begin || t > f->end || t >= run->cfg->lifetime ||
            (f->limit > 0 && run->triggered[i] >= f->limit))
            continue;
        snprintf(plain, sizeof plain, "%s %s %s", sim_when_names[when], run->node[it].id, sim_fault_names[f->kind]);
        snprintf(name, sizeof name, "%.100s#%u", plain, sim_decide_again(run->decider, plain));
        if (!sim_decide_chance(run->decider, "trigger", name, f->chance))
            continue;
        run->triggered[i]++;
        plan(run, f, it, sim_decide_between(run->decider, "within", name, f->within_min, f->within_max), name);
    }
}

int64_t sim_fault_pending(const struct sim_run *run)
{
    int64_t t = INT64_MAX;
    for (size_t i = 0; i < run->n_pending; i++)
        t = run->load_start + run->pending[i].begin < t ? run->load_start + run->pending[i].begin : t;
    return t;
}

bool sim_fault_take(struct sim_run *run, int64_t now, struct sim_fault *f)
{
    for (size_t i = 0; i < run->n_pending; i++)
        if (run->load_start + run->pending[i].begin <= now) {
            *f = run->pending[i];
            memmove(&run->pending[i], &run->pending[i + 1], (--run->n_pending - i) * sizeof *run->pending);
            return true;
        }
    return false;
}
