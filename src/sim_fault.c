/* Events of the course and faults of ours: partitions, kills, restarts, pauses; each is recorded as a band
 * (fault.begin, fault.end). A kill that nothing follows never ends. */
#include "sim_run_int.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {
    [SIM_PART_EASY] = "part_easy",
    [SIM_PART_HARD] = "part_hard",
    [SIM_PART_END] = "part_end",
    [SIM_KILL_LEADER] = "kill_leader",
    [SIM_KILL_NON_LEADER] = "kill_non_leader",
    [SIM_PARTITION_LEADER] = "partition around the leader",
    [SIM_PARTITION_GROUPS] = "partition in groups",
    [SIM_KILL] = "kill",
    [SIM_PAUSE] = "pause",
};

/* ---- who ---- */

/* The living replica that last called itself leader; of several, the one with the highest term. A deposed leader that
 * has not heard of it yet still calls itself so, in an older term. */
static int claimed_leader(const struct sim_run *run)
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

static int random_living(struct sim_run *run, int except)
{
    unsigned n = 0, found[SIM_REPLICAS_MAX];
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (run->living[i] && (int)i != except)
            found[n++] = i;
    return n ? (int)found[rng_below(&run->faults_rng, n)] : -1;
}

static int target(struct sim_run *run, const struct sim_fault *f)
{
    switch (f->target) {
    case SIM_TARGET_LEADER:
        return claimed_leader(run);
    case SIM_TARGET_NON_LEADER:
        return random_living(run, claimed_leader(run));
    case SIM_TARGET_RANDOM:
        return random_living(run, -1);
    case SIM_TARGET_ALL: /* not one */
        return -1;
    case SIM_TARGET_NODE:
        return run->living[f->node] ? (int)f->node : -1;
    }
    return -1;
}

static void nobody(struct sim_run *run, const struct sim_fault *f)
{
    char text[100];
    snprintf(text, sizeof text, "%s: no such replica is known to be alive, nothing was done", kind_names[f->kind]);
    trace_set_cause(run->w, 0);
    trace_put_note(run->w, &(struct trace_rec_note){.text = text});
    sim_say(run, "%s", text);
}

/* ---- partitions ---- */

static void open_fault(struct sim_run *run, struct sim_open_fault fault)
{
    run->open[run->n_open++] = fault;
}

/* Puts the partition in force and records it. Returns the fault's number. */
static int64_t part(struct sim_run *run, const struct sim_fault *f, const unsigned char *group, int64_t end)
{
    const char *ids[SIM_REPLICAS_MAX + 1][SIM_REPLICAS_MAX];
    struct trace_strs sides[SIM_REPLICAS_MAX + 1];
    size_t n_sides = 0;
    unsigned main = 0, most = 0;
    char text[256] = "";
    for (unsigned g = 0; g <= SIM_REPLICAS_MAX; g++) {
        size_t n = 0;
        for (unsigned i = 0; i < run->cfg->replicas; i++)
            if (group[i] == g)
                ids[n_sides][n++] = run->node[i].id;
        if (n == 0)
            continue;
        if (n > most) {
            most = (unsigned)n;
            main = g;
        }
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s", n_sides ? " |" : "");
        for (size_t i = 0; i < n; i++)
            snprintf(text + strlen(text), sizeof text - strlen(text), " %s", ids[n_sides][i]);
        sides[n_sides] = (struct trace_strs){ids[n_sides], n};
        n_sides++;
    }
    int64_t number = ++run->f;
    if (!sim_net_part(&run->net, number, group, main)) {
        sim_say(run, "%s: too many partitions at once, this one was not made", kind_names[f->kind]);
        return 0;
    }
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(
        run->w, &(struct trace_rec_fault_begin){
                    .f = number, .kind = "partition", .groups = {sides, n_sides}, .cause = kind_names[f->kind]});
    open_fault(run, (struct sim_open_fault){.f = number, .end = end, .kind = f->kind});
    sim_say(run, "F%" PRId64 " %s:%s", number, kind_names[f->kind], text);
    return number;
}

/* Another pause of this replica goes on. */
static bool paused(const struct sim_run *run, unsigned node)
{
    for (size_t i = 0; i < run->n_open; i++)
        if (run->open[i].kind == SIM_PAUSE && run->open[i].node == node)
            return true;
    return false;
}

static void end_fault(struct sim_run *run, size_t at)
{
    struct sim_open_fault o = run->open[at];
    run->open[at] = run->open[--run->n_open];
    bool pause = o.kind == SIM_PAUSE;
    if (pause && !paused(run, o.node))
        run->world->signal(run, o.node, SIGCONT);
    else if (!pause)
        sim_net_heal(&run->net, o.f);
    if (o.f == run->course_cut)
        run->course_cut = 0;
    trace_set_cause(run->w, 0);
    trace_put_fault_end(run->w, &(struct trace_rec_fault_end){.f = o.f,
                                                              .kind = pause ? "pause" : "partition",
                                                              .node = pause ? run->node[o.node].id : NULL});
    sim_say(run, "F%" PRId64 " %s ended", o.f, pause ? "pause" : "partition");
}

static void end_course_cut(struct sim_run *run)
{
    for (size_t i = 0; i < run->n_open; i++)
        if (run->course_cut && run->open[i].f == run->course_cut) {
            end_fault(run, i);
            return;
        }
}

/* Moves random replicas of group `from` to group `to` until that has `n`. */
static void fill(struct sim_run *run, unsigned char *group, unsigned char from, unsigned char to, unsigned n)
{
    for (;;) {
        unsigned have = 0, others = 0, other[SIM_REPLICAS_MAX];
        for (unsigned i = 0; i < run->cfg->replicas; i++) {
            have += group[i] == to;
            if (group[i] == from)
                other[others++] = i;
        }
        if (have >= n || others == 0)
            return;
        group[other[rng_below(&run->faults_rng, others)]] = to;
    }
}

static void course_part(struct sim_run *run, const struct sim_fault *f)
{
    unsigned char group[SIM_REPLICAS_MAX] = {0};
    int leader = sim_id_index(run->leader, 0, run->cfg->replicas);
    memset(group, 1, run->cfg->replicas);
    end_course_cut(run);
    if (f->kind == SIM_PART_HARD || leader < 0) {
        strcpy(run->leader, "FFFF");
        sim_clients_forget(run->clients);
    } else
        group[leader] = 0;
    fill(run, group, 1, 0, run->cfg->replicas / 2 + 1);
    run->course_cut = part(run, f, group, INT64_MAX);
}

/* The leader with a minority on one side, so that the other side can elect another: the minority takes the dead first.
 */
static void part_around_leader(struct sim_run *run, const struct sim_fault *f)
{
    unsigned char group[SIM_REPLICAS_MAX] = {0};
    unsigned n = run->cfg->replicas, minority = (n - 1) / 2, inside = 1;
    int leader = claimed_leader(run);
    if (leader < 0)
        leader = random_living(run, -1);
    if (leader < 0) {
        nobody(run, f);
        return;
    }
    group[leader] = 1;
    for (unsigned i = 0; i < n && inside < minority; i++)
        if (!run->living[i] && (int)i != leader) {
            group[i] = 1;
            inside++;
        }
    fill(run, group, 0, 1, minority);
    part(run, f, group, run->load_start + f->end);
}

/* ---- kills and pauses ---- */

static void kill_node(struct sim_run *run, const struct sim_fault *f, int i, int sig)
{
    if (i < 0)
        nobody(run, f);
    else
        sim_kill(run, f, (unsigned)i, sig, f->target == SIM_TARGET_ALL ? "kill all" : kind_names[f->kind]);
}

static void kill_targets(struct sim_run *run, const struct sim_fault *f)
{
    unsigned killed = 0;
    if (f->target != SIM_TARGET_ALL) {
        kill_node(run, f, target(run, f), f->sig);
        return;
    }
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (run->living[i]) {
            kill_node(run, f, (int)i, f->sig);
            killed++;
        }
    if (killed == 0)
        nobody(run, f);
}

static void course_kill_leader(struct sim_run *run, const struct sim_fault *f)
{
    int leader = sim_id_index(run->leader, 0, run->cfg->replicas);
    kill_node(run, f, leader >= 0 && run->living[leader] ? leader : -1, SIGTERM);
    strcpy(run->leader, "FFFF");
    sim_clients_forget(run->clients);
}

static void pause_node(struct sim_run *run, const struct sim_fault *f)
{
    int i = target(run, f);
    if (i < 0) {
        nobody(run, f);
        return;
    }
    trace_set_cause(run->w, 0);
    trace_put_fault_begin(run->w, &(struct trace_rec_fault_begin){.f = ++run->f,
                                                                  .kind = "pause",
                                                                  .node = run->node[i].id,
                                                                  .sig = TRACE_OPT(SIGSTOP),
                                                                  .cause = kind_names[f->kind]});
    trace_flush(run->w);
    run->world->signal(run, (unsigned)i, SIGSTOP);
    open_fault(run, (struct sim_open_fault){
                        .f = run->f, .end = run->load_start + f->end, .kind = SIM_PAUSE, .node = (unsigned)i});
    sim_say(run, "F%" PRId64 " pause: %s", run->f, run->node[i].id);
}

static void begin_fault(struct sim_run *run, const struct sim_fault *f)
{
    switch (f->kind) {
    case SIM_PART_EASY:
    case SIM_PART_HARD:
        course_part(run, f);
        break;
    case SIM_PART_END:
        end_course_cut(run);
        break;
    case SIM_KILL_LEADER:
        course_kill_leader(run, f);
        break;
    case SIM_KILL_NON_LEADER:
        kill_node(run, f, random_living(run, sim_id_index(run->leader, 0, run->cfg->replicas)), SIGTERM);
        break;
    case SIM_PARTITION_LEADER:
        part_around_leader(run, f);
        break;
    case SIM_PARTITION_GROUPS:
        part(run, f, f->group, run->load_start + f->end);
        break;
    case SIM_KILL:
        kill_targets(run, f);
        break;
    case SIM_PAUSE:
        pause_node(run, f);
        break;
    }
}

/* ---- the agenda ---- */

int64_t sim_fault_deadline(const struct sim_run *run)
{
    int64_t t =
        run->next_fault < run->cfg->n_faults ? run->load_start + run->cfg->faults[run->next_fault].begin : INT64_MAX;
    for (size_t i = 0; i < run->n_open; i++)
        t = run->open[i].end < t ? run->open[i].end : t;
    return t;
}

void sim_fault_tick(struct sim_run *run, int64_t now)
{
    for (size_t i = run->n_open; i-- > 0;)
        if (run->open[i].end <= now)
            end_fault(run, i);
    sim_kill_restart(run, now);
    while (run->next_fault < run->cfg->n_faults && run->load_start + run->cfg->faults[run->next_fault].begin <= now)
        begin_fault(run, &run->cfg->faults[run->next_fault++]);
}

void sim_fault_heal(struct sim_run *run)
{
    while (run->n_open > 0)
        end_fault(run, run->n_open - 1);
    sim_kill_hasten(run);
}

int64_t sim_fault_quiet(const struct sim_run *run)
{
    int64_t t = run->load_start;
    for (size_t i = 0; i < run->cfg->n_faults; i++)
        if (run->load_start + run->cfg->faults[i].end > t)
            t = run->load_start + run->cfg->faults[i].end;
    return t;
}
