/* One replica of the virtual world: the code of the process `replica`, without the process. */
#include "sim_virtual_int.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { ARGS_MAX = 64 };
static const size_t INBOX_BYTES = 4 << 20; /* as SO_RCVBUF of a real run */
static const int64_t EPOCH = SIM_SECOND;   /* what its clock shows when the run begins */

static struct virtual_node *node_of(struct sim_run *run, unsigned i)
{
    return &virtual_of(run)->node[i];
}

/* ---- options ---- */

static char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

/* As the process gets them: OPTIONS... PORT ID OTHER... */
int virtual_node_open(struct sim_run *run, unsigned i, char err[512])
{
    const char *argv[ARGS_MAX + SIM_REPLICAS_MAX + 8];
    char why[OPTIONS_ERR_LEN];
    struct virtual_node *node = node_of(run, i);
    int n = 0;
    argv[n++] = "replica";
    const struct sim_replica_config *said = &run->cfg->replica;
    const char *reads = run->plan->reads ? run->plan->reads : said->reads;
    for (const char *const *a = said->args; *a && n < ARGS_MAX; a++)
        argv[n++] = *a;
    for (const char *const *a = run->plan->args; a && *a && n < ARGS_MAX; a++)
        argv[n++] = *a;
    if (reads) {
        argv[n++] = "--reads";
        argv[n++] = reads;
    }
    argv[n++] = "1";
    argv[n++] = run->node[i].id;
    for (unsigned k = 0; k < run->cfg->replicas; k++)
        if (k != i)
            argv[n++] = run->node[k].id;
    argv[n] = NULL;
    node->run = run;
    node->i = i;
    node->clock = (struct virtual_clock){.local = EPOCH, .ppm = 1000000};
    /* getopt's habit: the strings are not changed */
    if (options_parse(&node->options, n, (char **)(uintptr_t)argv, no_environment, why) && node->options.port) {
        node->options.core.fixed = node->options.core.fixed && !run->cfg->members;
        return 0;
    }
    snprintf(err, 512, "--replica-arg: %s", node->options.port ? why : "not in virtual time");
    return EX_USAGE;
}

/* ---- life ---- */

static void send_datagram(void *ctx, const char *bytes, size_t n, node_id dst, const char *answered)
{
    struct virtual_node *node = ctx;
    (void)dst;
    (void)answered;
    if (!virtual_disk_withholds(node, bytes, n))
        sim_route_datagram(node->run, node->i, bytes, n);
}

static void learn_timer(struct virtual_node *node)
{
    uint64_t due = replica_deadline(node->replica);
    node->timer = due >= INT64_MAX ? INT64_MAX : virtual_clock_when(&node->clock, (int64_t)due);
}

static uint64_t clock_of(const struct virtual_node *node)
{
    return (uint64_t)virtual_clock_at(&node->clock, virtual_of(node->run)->now);
}

struct birth {
    struct virtual_node *node;
    bool well;
    struct replica_options o;
};

static void be_born(void *ctx)
{
    struct birth *b = ctx;
    const struct replica_io io = {
        .ctx = b->node, .send = send_datagram, .persist = b->node->disk.store ? virtual_disk_persist : NULL};
    b->node->replica = replica_new(&b->o, io, clock_of(b->node));
    b->well = b->node->replica && virtual_disk_is_read(b->node);
}

static void empty_inbox(struct virtual_node *node)
{
    struct virtual_inbox *in = &node->inbox;
    while (in->first < in->end)
        free(in->letter[in->first++].bytes);
    in->first = in->end = 0;
    in->bytes = 0;
}

/* Datagrams handed to it that its records do not tell of when it is killed now. */
static int64_t unread(const struct virtual_node *node)
{
    uint64_t undone = node->disk.done_at ? node->inbox.taken - node->disk.taken : 0;
    return (int64_t)(node->inbox.end - node->inbox.first + undone);
}

/* It is gone; `status` as of waitpid(). */
static void end(struct sim_run *run, unsigned i, int status, bool stopping)
{
    struct virtual_node *node = node_of(run, i);
    if (status == SIGKILL)
        run->node[i].unread = unread(node);
    trace_writer_close(node->trace);
    virtual_disk_end(node, status == SIGKILL || node->broken, status == SIGKILL);
    if (!node->broken)
        replica_free(node->replica);
    node->broken = false;
    node->trace = NULL;
    node->replica = NULL;
    empty_inbox(node);
    sim_states_end(run->states, i);
    sim_node_ended(run, i, status, stopping);
}

/* It cannot start, which is nothing to wonder at later in a run: its disk is bad. */
static int cannot_start(struct sim_run *run, unsigned i, int status, char err[512])
{
    snprintf(err, 512, "replica %s could not start", run->node[i].id);
    if (run->node[i].boot == 1)
        return status;
    end(run, i, status << 8, false);
    return 0;
}

int virtual_node_start(struct sim_run *run, unsigned i, char err[512])
{
    struct virtual_node *node = node_of(run, i);
    char name[SIM_RUN_NAME], seed_name[32];
    const unsigned boot = run->node[i].boot;
    int status = virtual_disk_start(node);
    if (status != EX_OK)
        return cannot_start(run, i, status, err);
    sim_run_name(run, name);
    snprintf(seed_name, sizeof seed_name, "%s.%u", run->node[i].id, boot);
    node->tape = NULL;
    if (run->plan->traces)
        node->tape = sim_tapes_add(&run->result->tapes, run->node[i].id, boot, &node->trace);
    trace_follow_clock(node->trace, &virtual_of(run)->now); /* not its own, which may be made wrong */
    sim_oracle_start(run->oracle, i, node->disk.store != NULL);
    node->paused = false;
    struct birth b = {.node = node,
                      .o = {.core = node->options.core,
                            .trace = node->trace,
                            .kv = node->disk.store ? node->disk.found.kv : NULL,
                            .header = {.run = name, .clock = "virtual", .impl = "faultline-replica"},
                            .boot = boot,
                            .epoch_ns = (uint64_t)EPOCH,
                            .hash_every = node->options.hash_every}};
    /* Where answers can be lost, requests come again, and want theirs again. */
    b.o.core.answer_again = sim_config_clients_faulty(run->cfg);
    if (!node->options.seed_given)
        b.o.core.seed = (uint64_t)sim_decide_between(run->decider, "seed", seed_name, 0, INT64_MAX - 1);
    if (node->disk.store)
        b.o.core.restored = &node->disk.found.core;
    if (!virtual_abort_guard(virtual_of(run), be_born, &b) || !b.well)
        return cannot_start(run, i, node->disk.store ? EX_IOERR : EX_SOFTWARE, err);
    learn_timer(node);
    virtual_watch_start(node);
    sim_states_step(run->states, i, replica_core(node->replica));
    return 0;
}

void virtual_node_stop(struct sim_run *run, unsigned i, bool stopping)
{
    struct virtual_node *node = node_of(run, i);
    virtual_disk_done(node); /* the signal waits for it */
    replica_stop(node->replica, clock_of(node), "signal", SIGTERM);
    end(run, i, 0, stopping);
}

void virtual_node_kill(struct sim_run *run, unsigned i)
{
    struct virtual_node *node = node_of(run, i);
    if (node->tape)
        node->tape->cut = true; /* no trace.close */
    end(run, i, SIGKILL, false);
}

void virtual_node_wipe(struct sim_run *run, unsigned i)
{
    struct virtual_node *node = node_of(run, i);
    virtual_disk_wipe(node);
    node->options.core.joining = true;
    sim_oracle_wipe(run->oracle, i);
}

void virtual_node_set_clock(struct sim_run *run, unsigned i, int64_t ppm, int64_t jump)
{
    struct virtual_node *node = node_of(run, i);
    int64_t now = virtual_of(run)->now;
    node->clock = (struct virtual_clock){.base = now, .local = virtual_clock_at(&node->clock, now) + jump, .ppm = ppm};
    if (node->replica)
        learn_timer(node);
}

void virtual_node_close(struct sim_run *run, unsigned i)
{
    struct virtual_node *node = node_of(run, i);
    trace_writer_close(node->trace);
    replica_free(node->replica);
    empty_inbox(node);
    virtual_disk_close(node);
    free(node->inbox.letter);
}

/* ---- inputs ---- */

/* Room for one letter more. */
static void make_room(struct virtual_inbox *in)
{
    if (in->end < in->room)
        return;
    if (in->first > in->room / 2) {
        memmove(in->letter, in->letter + in->first, (in->end - in->first) * sizeof *in->letter);
        in->end -= in->first;
        in->first = 0;
        return;
    }
    in->room = in->room ? 2 * in->room : 64;
    in->letter = realloc(in->letter, in->room * sizeof *in->letter);
    if (!in->letter)
        abort();
}

bool virtual_node_take(struct sim_run *run, unsigned i, const char *bytes, size_t n)
{
    struct virtual_inbox *in = &node_of(run, i)->inbox;
    if (in->bytes + n > INBOX_BYTES)
        return false;
    make_room(in);
    struct virtual_letter letter = {.n = n, .bytes = malloc(n ? n : 1)};
    if (!letter.bytes)
        abort();
    memcpy(letter.bytes, bytes, n);
    in->letter[in->end++] = letter;
    in->bytes += n;
    return true;
}

int64_t virtual_node_due(const struct sim_run *run, unsigned i)
{
    const struct virtual_node *node = &virtual_of(run)->node[i];
    if (!node->replica || node->paused)
        return INT64_MAX;
    if (node->disk.done_at)
        return node->disk.done_at;
    return node->inbox.first < node->inbox.end ? virtual_of(run)->now : node->timer;
}

struct step {
    struct virtual_node *node;
    bool well;
};

static void do_step(void *ctx)
{
    struct step *s = ctx;
    struct virtual_node *node = s->node;
    struct virtual_inbox *in = &node->inbox;
    while (s->well && in->first < in->end) {
        const struct virtual_letter l = in->letter[in->first++];
        in->taken++;
        s->well = replica_take(node->replica, clock_of(node), l.bytes, l.n);
        in->bytes -= l.n;
        free(l.bytes);
    }
    s->well = s->well && replica_flush(node->replica);
    if (s->well && !node->disk.done_at && replica_deadline(node->replica) <= clock_of(node))
        s->well = replica_on_tick(node->replica, clock_of(node));
    if (!s->well)
        return;
    learn_timer(node);
    virtual_watch(node);
}

/* What must hold between replicas, and where they are. */
static void watch(struct virtual_node *node)
{
    struct sim_run *run = node->run;
    sim_states_step(run->states, node->i, replica_core(node->replica));
    const struct sim_violation *found = sim_oracle_verdict(run->oracle);
    if (found->found)
        return;
    sim_oracle_step(run->oracle, node->i, replica_core(node->replica), replica_kv(node->replica));
    if (!found->found)
        return;
    sim_say(run, "%s: %s", found->rule, found->words);
    if (!run->plan->go_on)
        sim_end_early(run, SIM_ENDED_VIOLATION);
}

static void stop_asserted(void *ctx)
{
    struct virtual_node *node = ctx;
    replica_stop(node->replica, clock_of(node), "assert", SIGABRT);
}

void virtual_node_step(struct sim_run *run, unsigned i)
{
    struct virtual *v = virtual_of(run);
    struct step s = {.node = &v->node[i], .well = true};
    if (s.node->disk.done_at) {
        virtual_disk_done(s.node);
        watch(s.node);
        return;
    }
    bool sound = virtual_abort_guard(v, do_step, &s);
    if (sound && s.well) {
        if (!s.node->disk.done_at) /* else it has not come to pass yet */
            watch(s.node);
        return;
    }
    if (!sound) {
        (void)virtual_abort_guard(v, stop_asserted, s.node);
        s.node->broken = true;
    }
    end(run, i, (sound ? EX_IOERR : EX_SOFTWARE) << 8, false);
}
