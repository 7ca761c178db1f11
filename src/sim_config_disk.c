/* The optional keys "durable" and "disk", and the faults of kind "disk". */
#include "sim_config_int.h"

#include <stdio.h>

static const int64_t MS = SIM_SECOND / 1000;

void config_disk(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const char *const known[] = {"latency_ms", "power_loss", "restart_after_ms", "checkpoint_pages", NULL};
    struct sim_disk_config *d = &c->disk;
    const json_t *durable = json_object_get(scenario, "durable");
    if (durable && !json_is_boolean(durable))
        config_problem(r, "durable", "must be true or false");
    *d = (struct sim_disk_config){
        .durable = json_is_true(durable), .power_loss = 1, .restart_min = 200 * MS, .restart_max = 1000 * MS};
    const json_t *o = config_section(r, scenario, "disk", "disk", known);
    if (!o)
        return;
    if (!d->durable)
        config_problem(r, "disk", "there is none without \"durable\": true");
    config_span(r, o, "latency_ms", "disk.latency_ms", &d->q.latency_min, &d->q.latency_max);
    d->power_loss = config_number(r, o, "power_loss", "disk.power_loss", 0, 1, d->power_loss);
    config_span(r, o, "restart_after_ms", "disk.restart_after_ms", &d->restart_min, &d->restart_max);
    d->checkpoint_pages = (unsigned)config_integer(r, o, "checkpoint_pages", "disk.checkpoint_pages", 1, 1000000, 0);
}

static double chance(struct one_fault *f, const char *key)
{
    char path[CONFIG_PATH];
    return config_number(f->r, f->o, key, config_path(f, key, path), 0, 1, 0);
}

void config_disk_fault(struct one_fault *f)
{
    enum { BITS_MAX = 1000 };
    char path[CONFIG_PATH];
    struct sim_fault fault = {.kind = SIM_DISK_FAULT};
    struct sim_disk_quality *q = &fault.disk;
    const json_t *full = json_object_get(f->o, "full");
    config_target(f, &fault, false);
    if (!f->c->disk.durable)
        config_problem(f->r, config_path(f, "kind", path), "there is no disk without \"durable\": true");
    if (full && !json_is_boolean(full))
        config_problem(f->r, config_path(f, "full", path), "must be true or false");
    *q = f->c->disk.q; /* what it does all the time goes on */
    config_span(f->r, f->o, "latency_ms", config_path(f, "latency_ms", path), &q->latency_min, &q->latency_max);
    q->sync_fails = chance(f, "fsync_fails");
    q->sync_lies = chance(f, "fsync_lies");
    q->write_fails = chance(f, "write_errors");
    q->read_fails = chance(f, "read_errors");
    q->full = json_is_true(full);
    q->rot = (unsigned)config_integer(f->r, f->o, "bit_rot", config_path(f, "bit_rot", path), 1, BITS_MAX, 0);
    config_add_band(f, fault);
}
