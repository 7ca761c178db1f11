/* virtual_run.c -- see virtual_run.h. */
#include "virtual_run.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct virtual_run *virtual_run_by(const char *scenario, struct sim_plan plan)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    struct virtual_run *o = calloc(1, sizeof *o);
    assert_non_null(o);
    if (sim_config_load(scenario, &o->c, err, warnings) != SIM_CONFIG_OK)
        fail_msg("%s", err);
    o->seed = plan.seed;
    plan.cfg = &o->c;
    plan.version = "test";
    plan.quiet = plan.silent = true;
    int rc = sim_run(&plan, &o->r, err);
    if (rc)
        fail_msg("seed %" PRIu64 ": status %d: %s", o->seed, rc, err);
    return o;
}

struct virtual_run *virtual_run_of(const char *scenario, uint64_t seed)
{
    return virtual_run_by(scenario, (struct sim_plan){.seed = seed, .traces = true});
}

void virtual_run_free(struct virtual_run *o)
{
    sim_result_free(&o->r);
    sim_config_free(&o->c);
    free(o);
}

unsigned virtual_run_count(const struct virtual_run *o, const char *text)
{
    unsigned n = 0;
    for (const struct sim_tape *t = o->r.tapes.first; t; t = t->next)
        for (const char *at = t->bytes, *end = t->bytes + t->n;
             at && (at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL; at++)
            n++;
    return n;
}

void virtual_run_well(const struct virtual_run *o)
{
    if (o->r.violation.found)
        fail_msg("seed %" PRIu64 ": %s %s", o->seed, o->r.violation.rule, o->r.violation.words);
    if (!o->r.verdict.correct || o->r.no_progress || o->r.end != SIM_ENDED)
        fail_msg("seed %" PRIu64 ": not correct, or no progress", o->seed);
}
