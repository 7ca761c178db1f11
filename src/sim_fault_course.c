/* The events of the course's simulator: kills without a restart, and one partition at a time. */
#include "sim_fault_int.h"

#include <signal.h>
#include <string.h>

void sim_fault_end_course(struct sim_run *run)
{
    for (size_t i = 0; i < run->n_open; i++)
        if (run->course_cut && run->open[i].f == run->course_cut) {
            sim_fault_close(run, i);
            return;
        }
}

static void part(struct sim_run *run, const struct sim_fault *f, const char *name)
{
    unsigned char group[SIM_REPLICAS_MAX] = {0};
    int leader = sim_id_index(run->leader, 0, run->cfg->replicas);
    memset(group, 1, run->cfg->replicas);
    sim_fault_end_course(run);
    if (f->kind == SIM_PART_HARD || leader < 0) {
        strcpy(run->leader, "FFFF");
        sim_clients_forget(run->clients);
    } else
        group[leader] = 0;
    sim_fault_fill(run, name, group, 1, 0, run->cfg->replicas / 2 + 1);
    run->course_cut = sim_fault_groups(run, f, group, INT64_MAX);
}

static void kill_leader(struct sim_run *run, const struct sim_fault *f)
{
    int leader = sim_id_index(run->leader, 0, run->cfg->replicas);
    sim_kill_one(run, f, leader >= 0 && run->living[leader] ? leader : -1, SIGTERM, "");
    strcpy(run->leader, "FFFF");
    sim_clients_forget(run->clients);
}

void sim_fault_course(struct sim_run *run, const struct sim_fault *f)
{
    char name[SIM_RULE_NAME];
    sim_fault_name(run, f, name);
    if (f->kind == SIM_PART_END)
        sim_fault_end_course(run);
    else if (f->kind == SIM_KILL_LEADER)
        kill_leader(run, f);
    else if (f->kind == SIM_KILL_NON_LEADER)
        sim_kill_one(run, f, sim_fault_any(run, name, sim_id_index(run->leader, 0, run->cfg->replicas)), SIGTERM, "");
    else
        part(run, f, name);
}
