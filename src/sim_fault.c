/* The agenda of faults, and whom they hit. Each is recorded as a band (fault.begin, fault.end). */
#include "sim_fault_int.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sim_fault_names[] = {
    [SIM_PART_EASY] = "part_easy",
    [SIM_PART_HARD] = "part_hard",
    [SIM_PART_END] = "part_end",
    [SIM_KILL_LEADER] = "kill_leader",
    [SIM_KILL_NON_LEADER] = "kill_non_leader",
    [SIM_PARTITION_LEADER] = "partition around the leader",
    [SIM_PARTITION_GROUPS] = "partition in groups",
    [SIM_PARTITION_ISOLATE] = "isolation",
    [SIM_PARTITION_HALVES] = "partition in halves",
    [SIM_PARTITION_BRIDGE] = "partition with a bridge",
    [SIM_PARTITION_RING] = "partition into a ring",
    [SIM_PARTITION_LINKS] = "cut links",
    [SIM_LINK_LOSS] = "loss",
    [SIM_LINK_DELAY] = "delay",
    [SIM_LINK_DUPLICATE] = "duplicate",
    [SIM_LINK_CORRUPT] = "corrupt",
    [SIM_LINK_TRUNCATE] = "truncate",
    [SIM_LINK_CLOG] = "clog",
    [SIM_LINK_QUEUE] = "queue",
    [SIM_KILL] = "kill",
    [SIM_PAUSE] = "pause",
    [SIM_SLOW] = "slow",
    [SIM_CLOCK] = "clock",
    [SIM_DISK_FAULT] = "disk",
    [SIM_MEMBERS] = "members",
    [SIM_REPLACE] = "replace",
};

/* ---- who ---- */

/* Of several, the one with the highest term. A deposed leader that has not heard of it yet still calls itself so, in an
 * older term. */
int sim_fault_leader(const struct sim_run *run)
{
    int best = -1;
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        const struct sim_node *a = &run->node[i];
        if (!run->living[i] || !a->claims)
            continue;
        const struct sim_node *b = best < 0 ? NULL : &run->node[best];
        if (!b || a->claim_term > b->claim_term || (a->claim_term == b->claim_term && a->claim_t > b->claim_t))
            best = (int)i;
    }
    return best;
}

int sim_fault_any(struct sim_run *run, const char *about, int except)
{
    unsigned n = 0, found[SIM_REPLICAS_MAX];
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (run->living[i] && (int)i != except)
            found[n++] = i;
    return n ? (int)found[sim_decide_between(run->decider, "target", about, 0, (int64_t)n - 1)] : -1;
}

int sim_fault_target(struct sim_run *run, const struct sim_fault *f, const char *about)
{
    switch (f->target) {
    case SIM_TARGET_LEADER:
        return sim_fault_leader(run);
    case SIM_TARGET_NON_LEADER:
        return sim_fault_any(run, about, sim_fault_leader(run));
    case SIM_TARGET_RANDOM:
        return sim_fault_any(run, about, -1);
    case SIM_TARGET_ALL: /* not one */
    case SIM_TARGET_CLIENTS:
    case SIM_TARGET_IT:
        return -1;
    case SIM_TARGET_NODE:
        return run->living[f->node] ? (int)f->node : -1;
    }
    return -1;
}

void sim_fault_nobody(struct sim_run *run, const struct sim_fault *f)
{
    char text[100];
    snprintf(text, sizeof text, "%s: no such replica is known to be alive, nothing was done", sim_fault_names[f->kind]);
    trace_set_cause(run->w, 0);
    trace_put_note(run->w, &(struct trace_rec_note){.text = text});
    sim_say(run, "%s", text);
}

/* ---- pauses ---- */

/* Another pause of this replica goes on. */
static bool paused(const struct sim_run *run, unsigned node)
{
    for (size_t i = 0; i < run->n_open; i++)
        if (run->open[i].kind == SIM_PAUSE && run->open[i].node == node)
            return true;
    return false;
}

static void pause_node(struct sim_run *run, const struct sim_fault *f)
{
    char name[SIM_RULE_NAME];
    sim_fault_name(run, f, name);
    int i = sim_fault_target(run, f, name);
    if (i < 0) {
        sim_fault_nobody(run, f);
        return;
    }
    int64_t end = sim_fault_end(run, f, name);
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(run->w, &(struct trace_rec_fault_begin){.f = ++run->f,
                                                                  .kind = "pause",
                                                                  .node = run->node[i].id,
                                                                  .sig = TRACE_OPT(SIGSTOP),
                                                                  .cause = sim_fault_names[f->kind]});
    trace_flush(run->w);
    run->world->signal(run, (unsigned)i, SIGSTOP);
    sim_fault_open(run, (struct sim_open_fault){
                            .f = run->f, .end = end, .kind = SIM_PAUSE, .record = "pause", .node = (unsigned)i});
    sim_say(run, "F%" PRId64 " pause: %s", run->f, run->node[i].id);
}

/* ---- clocks ---- */

/* As the last of the faults of this clock says that are still open. */
static int64_t rate_of(const struct sim_run *run, unsigned node)
{
    const struct sim_open_fault *last = NULL;
    for (size_t i = 0; i < run->n_open; i++)
        if (run->open[i].kind == SIM_CLOCK && run->open[i].node == node && (!last || run->open[i].f > last->f))
            last = &run->open[i];
    return last ? last->ppm : 1000000;
}

/* A jump stays when this ends. */
static void set_clock(struct sim_run *run, const struct sim_fault *f)
{
    char name[SIM_RULE_NAME];
    sim_fault_name(run, f, name);
    int i = sim_fault_target(run, f, name);
    if (i < 0) {
        sim_fault_nobody(run, f);
        return;
    }
    int64_t ppm = sim_decide_between(run->decider, "rate", name, f->ppm_min, f->ppm_max);
    int64_t jump = sim_decide_between(run->decider, "jump", name, f->jump_min, f->jump_max);
    jump = jump > 0 ? jump : 0; /* a monotonic clock never goes back, even if a decision says so */
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(run->w, &(struct trace_rec_fault_begin){.f = ++run->f,
                                                                  .kind = "skew",
                                                                  .node = run->node[i].id,
                                                                  .skew_us = {.set = jump > 0, .v = jump / 1000},
                                                                  .ppm = TRACE_OPT(ppm),
                                                                  .cause = sim_fault_names[f->kind]});
    run->world->set_clock(run, (unsigned)i, ppm, jump);
    sim_fault_open(run, (struct sim_open_fault){.f = run->f,
                                                .end = sim_fault_end(run, f, name),
                                                .kind = SIM_CLOCK,
                                                .record = "skew",
                                                .node = (unsigned)i,
                                                .ppm = ppm});
    sim_say(run, "F%" PRId64 " clock: %s runs at %.3f of the time, %.0f ms ahead", run->f, run->node[i].id,
            (double)ppm / 1e6, (double)jump / 1e6);
}

/* ---- the agenda ---- */

void sim_fault_name(struct sim_run *run, const struct sim_fault *f, char name[SIM_RULE_NAME])
{
    char plain[SIM_RULE_NAME];
    snprintf(plain, sizeof plain, "%.28s@%" PRId64, sim_fault_names[f->kind], f->begin / 1000);
    unsigned again = sim_decide_again(run->decider, plain);
    if (again)
        snprintf(name, SIM_RULE_NAME, "%.42s#%u", plain, again % 10000);
    else
        snprintf(name, SIM_RULE_NAME, "%s", plain);
}

int64_t sim_fault_end(struct sim_run *run, const struct sim_fault *f, const char *about)
{
    if (f->for_max == 0)
        return run->load_start + f->end;
    return run->load_start + f->begin + sim_decide_between(run->decider, "for", about, f->for_min, f->for_max);
}

void sim_fault_open(struct sim_run *run, struct sim_open_fault fault)
{
    if (run->n_open == run->open_room) {
        run->open_room = run->open_room ? 2 * run->open_room : 16;
        run->open = realloc(run->open, run->open_room * sizeof *run->open);
        if (!run->open)
            abort();
    }
    run->open[run->n_open++] = fault;
}

void sim_fault_close(struct sim_run *run, size_t at)
{
    struct sim_open_fault o = run->open[at];
    run->open[at] = run->open[--run->n_open];
    bool pause = o.kind == SIM_PAUSE, of_node = pause || o.kind == SIM_SLOW || o.kind == SIM_CLOCK ||
                                                o.kind == SIM_DISK_FAULT || o.kind == SIM_REPLACE;
    if (pause && !paused(run, o.node))
        run->world->signal(run, o.node, SIGCONT);
    else if (o.kind == SIM_CLOCK)
        run->world->set_clock(run, o.node, rate_of(run, o.node), 0);
    else if (o.kind == SIM_DISK_FAULT)
        sim_fault_disk_ends(run, o.node);
    else if (o.kind == SIM_REPLACE)
        run->replacing[o.node].step = SIM_REPLACE_NONE;
    else if (!pause)
        sim_net_heal(&run->net, o.f, sim_now(run));
    if (o.f == run->course_cut)
        run->course_cut = 0;
    trace_set_cause(run->w, 0);
    trace_put_fault_end(run->w, &(struct trace_rec_fault_end){
                                    .f = o.f, .kind = o.record, .node = of_node ? run->node[o.node].id : NULL});
    sim_say(run, "F%" PRId64 " %s ended", o.f, o.record);
}

static void do_fault(struct sim_run *run, const struct sim_fault *f)
{
    switch (f->kind) {
    case SIM_PART_EASY:
    case SIM_PART_HARD:
    case SIM_PART_END:
    case SIM_KILL_LEADER:
    case SIM_KILL_NON_LEADER:
        sim_fault_course(run, f);
        break;
    case SIM_PARTITION_LEADER:
    case SIM_PARTITION_GROUPS:
    case SIM_PARTITION_ISOLATE:
    case SIM_PARTITION_HALVES:
    case SIM_PARTITION_BRIDGE:
    case SIM_PARTITION_RING:
    case SIM_PARTITION_LINKS:
        sim_fault_partition(run, f);
        break;
    case SIM_LINK_LOSS:
    case SIM_LINK_DELAY:
    case SIM_LINK_DUPLICATE:
    case SIM_LINK_CORRUPT:
    case SIM_LINK_TRUNCATE:
    case SIM_LINK_CLOG:
    case SIM_LINK_QUEUE:
        sim_fault_link(run, f);
        break;
    case SIM_KILL:
        sim_kill_targets(run, f);
        break;
    case SIM_PAUSE:
        pause_node(run, f);
        break;
    case SIM_SLOW:
        sim_fault_slow(run, f);
        break;
    case SIM_CLOCK:
        set_clock(run, f);
        break;
    case SIM_DISK_FAULT:
        sim_fault_disk(run, f);
        break;
    case SIM_MEMBERS:
        sim_fault_members(run, f);
        break;
    case SIM_REPLACE:
        sim_fault_replace(run, f);
        break;
    }
}

/* Keeps which fault of the scenario has these numbers in the trace. */
static void keep_account(struct sim_run *run, const struct sim_fault *f, const char *name, int64_t before)
{
    struct sim_result *r = run->result;
    if (!run->plan->keep_decisions || run->f == before)
        return;
    r->faults = realloc(r->faults, (r->n_faults + 1) * sizeof *r->faults);
    if (!r->faults)
        abort();
    struct sim_fault_done *done = &r->faults[r->n_faults++];
    *done = (struct sim_fault_done){.first = before + 1, .last = run->f, .begin = f->begin, .origin = f->origin};
    snprintf(done->name, sizeof done->name, "%s", name);
}

/* One that is left out, which is so only where that is given, uses up its name all the same. */
static void begin_fault(struct sim_run *run, const struct sim_fault *f)
{
    char name[SIM_DECIDE_NAME], plain[SIM_DECIDE_NAME], unused[SIM_RULE_NAME];
    int64_t before = run->f;
    if (*f->about)
        snprintf(plain, sizeof plain, "when %s", f->about);
    else
        snprintf(plain, sizeof plain, "%s at %" PRId64, sim_fault_names[f->kind], f->begin / 1000);
    unsigned again = sim_decide_again(run->decider, plain);
    if (again)
        snprintf(name, sizeof name, "%.130s+%u", plain, again);
    else
        snprintf(name, sizeof name, "%s", plain);
    if (sim_decide_chance(run->decider, "leave_out", name, 0)) {
        sim_fault_name(run, f, unused);
        return;
    }
    do_fault(run, f);
    keep_account(run, f, name, before);
}

int64_t sim_fault_deadline(const struct sim_run *run)
{
    int64_t t =
        run->next_fault < run->cfg->n_faults ? run->load_start + run->cfg->faults[run->next_fault].begin : INT64_MAX;
    int64_t triggered = sim_fault_pending(run);
    t = triggered < t ? triggered : t;
    int64_t replaced = sim_replace_deadline(run);
    t = replaced < t ? replaced : t;
    for (size_t i = 0; i < run->n_open; i++)
        t = run->open[i].end < t ? run->open[i].end : t;
    return t;
}

void sim_fault_tick(struct sim_run *run, int64_t now)
{
    for (size_t i = run->n_open; i-- > 0;)
        if (run->open[i].end <= now)
            sim_fault_close(run, i);
    sim_kill_restart(run, now);
    sim_replace_tick(run, now);
    while (run->next_fault < run->cfg->n_faults && run->load_start + run->cfg->faults[run->next_fault].begin <= now)
        begin_fault(run, &run->cfg->faults[run->next_fault++]);
    for (struct sim_fault f; sim_fault_take(run, now, &f);)
        begin_fault(run, &f);
}

void sim_fault_heal(struct sim_run *run)
{
    while (run->n_open > 0)
        sim_fault_close(run, run->n_open - 1);
    run->n_pending = 0;
    sim_kill_hasten(run);
}

int64_t sim_fault_quiet(const struct sim_run *run)
{
    int64_t t = run->load_start;
    for (size_t i = 0; i < run->cfg->n_faults; i++)
        if (run->load_start + run->cfg->faults[i].end > t)
            t = run->load_start + run->cfg->faults[i].end;
    for (size_t i = 0; i < run->cfg->n_triggers; i++) {
        const struct sim_fault *f = &run->cfg->triggers[i];
        int64_t last =
            run->load_start + f->end + f->within_max + (f->for_max > f->restart_max ? f->for_max : f->restart_max);
        t = last > t ? last : t;
    }
    return t;
}
