/* Faults of disks. Of several at once on one disk the last that began is the one that counts. */
#include "sim_fault_int.h"

#include <inttypes.h>
#include <stdio.h>

/* Those whose disk rots must leave a majority, and with it a good copy of everything. */
static bool may_rot(const struct sim_run *run, unsigned i)
{
    unsigned rotten = 0;
    for (unsigned k = 0; k < run->cfg->replicas; k++)
        rotten += run->node[k].rotten || k == i;
    return rotten <= (run->cfg->replicas - 1) / 2;
}

static void words_of(const struct sim_disk_quality *q, bool slower, char words[96])
{
    const struct {
        bool there;
        const char *name;
    } all[] = {{q->sync_fails > 0, "fsync fails"},
               {q->sync_lies > 0, "fsync lies"},
               {q->write_fails > 0, "write errors"},
               {q->read_fails > 0, "read errors"},
               {q->full, "full"},
               {q->rot > 0, "bit rot"},
               {slower, "slow"}};
    size_t used = (size_t)snprintf(words, 96, "disk");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].there)
            used += (size_t)snprintf(words + used, 96 - used, "%s %s", used > 4 ? "," : ":", all[i].name);
}

static double greatest(const struct sim_disk_quality *q)
{
    const double all[] = {q->sync_fails, q->sync_lies, q->write_fails, q->read_fails};
    double p = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        p = all[i] > p ? all[i] : p;
    return p;
}

void sim_fault_disk(struct sim_run *run, const struct sim_fault *f)
{
    char name[SIM_RULE_NAME], words[96];
    const struct sim_disk_quality *q = &f->disk;
    sim_fault_name(run, f, name);
    int i = sim_fault_target(run, f, name);
    if (i < 0 || !run->world->disk || (q->rot && !may_rot(run, (unsigned)i))) {
        sim_fault_nobody(run, f);
        return;
    }
    bool slower = q->latency_max != run->cfg->disk.q.latency_max;
    double p = greatest(q);
    words_of(q, slower, words);
    run->node[i].rotten |= q->rot > 0;
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(run->w, &(struct trace_rec_fault_begin){.f = ++run->f,
                                                                  .kind = "disk",
                                                                  .node = run->node[i].id,
                                                                  .p = {.set = p > 0, .v = (int64_t)(p * 1000 + 0.5)},
                                                                  .min_us = {.set = slower, .v = q->latency_min / 1000},
                                                                  .max_us = {.set = slower, .v = q->latency_max / 1000},
                                                                  .cause = words});
    sim_fault_open(run, (struct sim_open_fault){.f = run->f,
                                                .end = sim_fault_end(run, f, name),
                                                .kind = SIM_DISK_FAULT,
                                                .record = "disk",
                                                .node = (unsigned)i,
                                                .disk = *q});
    run->world->disk(run, (unsigned)i, q, true);
    sim_say(run, "F%" PRId64 " %s: %s", run->f, words, run->node[i].id);
}

void sim_fault_disk_ends(struct sim_run *run, unsigned i)
{
    const struct sim_open_fault *last = NULL;
    for (size_t k = 0; k < run->n_open; k++)
        if (run->open[k].kind == SIM_DISK_FAULT && run->open[k].node == i && (!last || run->open[k].f > last->f))
            last = &run->open[k];
    run->world->disk(run, i, last ? &last->disk : NULL, false);
}
