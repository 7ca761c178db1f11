/* The event loop, in whatever world. */
#include "sim_run_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BURST = 64,        /* requests made at most before the replicas have their turn */
    WARNINGS_MAX = 8,  /* about one replica */
    TRIES_MAX = 500000 /* a replica that always redirects makes the course's clients ask without end */
};
static const int64_t PROGRESS_WITHIN = 5 * SIM_SECOND, HELLO_WITHIN = 5 * SIM_SECOND;

const char *const sim_end_words[] = {
    [SIM_ENDED] = "ended as planned",
    [SIM_ENDED_PACKETS] = "ended early: max_packets messages between replicas",
    [SIM_ENDED_TRIES] = "ended early: more than 500000 requests, nearly all of them redirected or failed",
    [SIM_ENDED_INCORRECT] = "ended early: more than 10000 incorrect messages",
    [SIM_ENDED_NOBODY] = "ended early: no replica is running",
    [SIM_ENDED_VIOLATION] = "ended early: a rule of Raft broke",
    [SIM_ENDED_SIGNAL] = "interrupted",
};

int64_t sim_now(struct sim_run *run)
{
    int64_t now = run->world->now(run);
    trace_set_time(run->w, now);
    return now;
}

__attribute__((format(printf, 2, 0))) static void say(struct sim_run *run, const char *format, va_list ap)
{
    char text[600], line[700];
    vsnprintf(text, sizeof text, format, ap);
    snprintf(line, sizeof line, "%9.3f s  %s", (double)sim_now(run) / SIM_SECOND, text);
    for (char *p = line; *p; p++) /* what replicas send must not reach a terminal as it is */
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = '?';
    fprintf(stderr, "%s\n", line);
}

void sim_say(struct sim_run *run, const char *format, ...)
{
    va_list ap;
    if (run->plan->quiet)
        return;
    va_start(ap, format);
    say(run, format, ap);
    va_end(ap);
}

void sim_warn(struct sim_run *run, unsigned node, const char *format, ...)
{
    va_list ap;
    unsigned n = ++run->node[node].warned;
    if (run->plan->quiet || n > WARNINGS_MAX)
        return;
    va_start(ap, format);
    say(run, format, ap);
    va_end(ap);
    if (n == WARNINGS_MAX)
        sim_say(run, "(more warnings about %s are only counted; see sim.1.jsonl)", run->node[node].id);
}

void sim_run_admin(const struct sim_run *run, char id[SIM_ID_LEN])
{
    sim_id(run->cfg->replicas + SIM_CLIENT_BASE + run->cfg->clients.count, id);
}

void sim_end_early(struct sim_run *run, enum sim_end why)
{
    if (run->over)
        return;
    run->over = true;
    run->result->end = why;
    sim_say(run, "%s", sim_end_words[why]);
}

static void warn_client(void *ctx, const char *text)
{
    struct sim_run *run = ctx;
    sim_say(run, "%s", text);
}

void sim_run_name(const struct sim_run *run, char name[SIM_RUN_NAME])
{
    if (run->world->constant)
        snprintf(name, SIM_RUN_NAME, "%s-%" PRIu64, run->cfg->name, run->plan->seed);
    else
        snprintf(name, SIM_RUN_NAME, "%s", strrchr(run->plan->dir, '/') + 1);
}

static void put_header(struct sim_run *run)
{
    const struct sim_config *c = run->cfg;
    const char *ids[SIM_REPLICAS_MAX];
    char host[256] = "";
    for (unsigned i = 0; i < c->replicas; i++)
        ids[i] = run->node[i].id;
    const bool constant = run->world->constant; /* then nothing about this process */
    if (!constant)
        gethostname(host, sizeof host - 1);
    json_t *cfg = json_pack(
        "{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:i}", "scenario", c->name, "replicas",
        (int)c->replicas, "requests", (json_int_t)c->requests, "lifetime_ms", (json_int_t)(c->lifetime / 1000000),
        "start_wait_ms", (json_int_t)(c->start_wait / 1000000), "end_wait_ms", (json_int_t)(c->end_wait / 1000000),
        "mix_ppm", (json_int_t)(c->mix * 1e6), "loss_ppm", (json_int_t)(c->network.loss * 1e6), "duplicate_ppm",
        (json_int_t)(c->network.duplicate * 1e6), "delay_min_us", (json_int_t)(c->network.delay_min / 1000),
        "delay_max_us", (json_int_t)(c->network.delay_max / 1000), "clients", c->clients.shared ? "shared" : "course",
        "client_count", (int)c->clients.count);
    char *text = cfg ? json_dumps(cfg, JSON_COMPACT) : NULL;
    json_decref(cfg);
    char impl[128];
    snprintf(impl, sizeof impl, "simulate %s", run->plan->version);
    char name[SIM_RUN_NAME];
    sim_run_name(run, name);
    sim_now(run);
    trace_put_trace_open(run->w, &(struct trace_rec_trace_open){.schema = TRACE_SCHEMA,
                                                                .v = TRACE_VERSION,
                                                                .run = name,
                                                                .wall_us = run->result->wall_us,
                                                                .epoch_ns = run->result->epoch,
                                                                .clk = run->world->clock,
                                                                .pid = constant ? 0 : getpid(),
                                                                .host = *host ? host : NULL,
                                                                .impl = impl,
                                                                .peers = {ids, c->replicas},
                                                                .cfg = text,
                                                                .argv = constant ? NULL : run->plan->argv,
                                                                .seed = TRACE_OPT(run->plan->seed)});
    free(text);
    trace_flush(run->w);
}

/* ---- the loop ---- */

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_deadline(const struct sim_run *run)
{
    int64_t t = earliest(sim_clients_deadline(run->clients), sim_fault_deadline(run));
    return earliest(earliest(t, sim_net_deadline(&run->net)), sim_nodes_deadline(run));
}

/* Is anybody left? */
static void count_replicas(struct sim_run *run)
{
    if (!run->child_ended)
        return;
    run->child_ended = false;
    if (sim_nodes_running(run) == 0 && !sim_nodes_expected(run))
        sim_end_early(run, SIM_ENDED_NOBODY);
}

static void make_requests(struct sim_run *run)
{
    for (int i = 0; i < BURST; i++) {
        int64_t now = sim_now(run);
        if (sim_clients_deadline(run->clients) > now)
            break;
        sim_clients_tick(run->clients, now);
    }
    if (!run->cfg->clients.shared && sim_clients_tries(run->clients) > TRIES_MAX)
        sim_end_early(run, SIM_ENDED_TRIES);
}

static void loop(struct sim_run *run)
{
    int64_t end = run->load_end + run->cfg->end_wait;
    bool healed = !run->cfg->clients.shared;
    while (!run->over && sim_now(run) < end && !(sim_clients_done(run->clients) && !sim_nodes_expected(run))) {
        if (!healed && sim_now(run) >= run->load_end) {
            sim_fault_heal(run); /* before the clients read back */
            healed = true;
        }
        make_requests(run);
        sim_fault_tick(run, sim_now(run));
        sim_route_arrivals(run);
        int64_t deadline = earliest(earliest(end, next_deadline(run)), healed ? end : run->load_end);
        if (!run->over)
            run->world->wait(run, deadline);
        count_replicas(run);
    }
}

/* Everything is healed, and a majority runs: for so long that somebody must have been answered. With fewer replicas
 * nothing can be expected. */
static bool is_stuck(struct sim_run *run)
{
    return sim_now(run) - run->load_end >= PROGRESS_WITHIN && run->stats->last_ok <= run->load_end &&
           2 * sim_nodes_running(run) > run->cfg->replicas;
}

/* Who waits for whom. */
static void describe(struct sim_run *run, char *text, size_t size)
{
    size_t used = 0;
    for (unsigned i = 0; i < run->cfg->replicas && used < size; i++) {
        const struct sim_node *node = &run->node[i];
        char state[160];
        if (!run->world->runs(run, i))
            snprintf(state, sizeof state, "does not run");
        else if (run->world->describe)
            run->world->describe(run, i, state);
        else if (node->claims)
            snprintf(state, sizeof state, "named itself leader, of term %" PRId64, node->claim_term);
        else
            snprintf(state, sizeof state, "has not named itself leader");
        used += (size_t)snprintf(text + used, size - used, "    %s %s\n", node->id, state);
    }
}

static void conclude(struct sim_run *run, int64_t quiet_at)
{
    struct sim_result *r = run->result;
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        const struct sim_node *node = &run->node[i];
        bool coming = node->down && sim_now(run) - node->started_at < HELLO_WITHIN;
        r->stats.died += !run->living[i] && !node->killed && !coming;
    }
    sim_clients_end(run->clients, sim_now(run), run->over);
    r->quiet_for = run->load_end - quiet_at;
    r->no_progress = run->cfg->clients.shared && run->cfg->clients.rate > 0 && !run->over &&
                     ((r->quiet_for >= PROGRESS_WITHIN && r->stats.ok_after_faults == 0) || is_stuck(run));
    if (r->no_progress)
        describe(run, r->waiting, sizeof r->waiting);
    r->elapsed = sim_now(run);
    sim_verdict_make(run->cfg, &r->stats, &r->verdict);
}

/* About as many copies cross the network, for a schedule whose priorities change at some of them. */
static int64_t copies_expected(const struct sim_config *c)
{
    double seconds = (double)c->lifetime / SIM_SECOND;
    double requests = c->clients.shared ? c->clients.rate * seconds : (double)c->requests;
    return (int64_t)((requests + 4 * seconds) * (c->replicas + 2));
}

static struct sim_run *new_run(const struct sim_plan *plan, struct sim_result *result)
{
    struct sim_run *run = calloc(1, sizeof *run);
    if (!run)
        abort();
    run->plan = plan;
    run->cfg = plan->cfg;
    run->world = plan->command ? &sim_real : &sim_virtual;
    run->result = result;
    run->stats = &result->stats;
    run->triggered = calloc(plan->cfg->n_triggers + 1, sizeof *run->triggered);
    if (!run->triggered)
        abort();
    strcpy(run->leader, "FFFF");
    run->decider = sim_decider_new(plan->seed);
    sim_net_init(&run->net, &plan->cfg->network, run->decider);
    sim_net_schedule(&run->net, plan->cfg->pct, copies_expected(plan->cfg));
    for (unsigned i = 0; i < SIM_REPLICAS_MAX; i++) {
        sim_id(i, run->node[i].id);
        run->node[i].kill_at = run->node[i].restart_at = INT64_MAX;
        run->living[i] = i < plan->cfg->replicas;
    }
    return run;
}

static void free_run(struct sim_run *run)
{
    sim_clients_free(run->clients);
    sim_net_free(&run->net);
    sim_oracle_free(run->oracle);
    sim_states_free(run->states);
    sim_decider_free(run->decider);
    free(run->open);
    free(run->pending);
    free(run->triggered);
    free(run);
}

static void make_clients(struct sim_run *run, int64_t quiet_at)
{
    run->clients = sim_clients_new(&(struct sim_clients_env){.cfg = run->cfg,
                                                             .stats = run->stats,
                                                             .w = run->w,
                                                             .decider = run->decider,
                                                             .living = run->living,
                                                             .load_start = run->load_start,
                                                             .load_end = run->load_end,
                                                             .quiet_at = quiet_at,
                                                             .send = sim_route_request,
                                                             .warn = warn_client,
                                                             .ctx = run});
}

static int start_replicas(struct sim_run *run, char err[512])
{
    int rc = 0;
    for (unsigned i = 0; i < run->cfg->replicas && rc == 0; i++)
        rc = sim_node_start(run, i, err);
    return rc;
}

static int open_trace(struct sim_run *run, char err[512])
{
    char why[TRACE_ERR_LEN];
    if (run->world->constant) {
        if (run->plan->traces) {
            sim_tapes_add(&run->result->tapes, "sim", 1, &run->w);
            put_header(run);
        }
        return 0;
    }
    run->w = trace_writer_open(&(struct trace_writer_options){.dir = run->plan->dir, .node = "sim", .boot = 1}, why);
    if (run->w) {
        put_header(run);
        return 0;
    }
    snprintf(err, 512, "%.500s", why);
    return 73;
}

/* The world is open, and the trace. */
static int run_open(struct sim_run *run, char err[512])
{
    struct sim_result *result = run->result;
    int rc = start_replicas(run, err);
    run->load_start = sim_now(run) + run->cfg->start_wait;
    run->load_end = run->load_start + run->cfg->lifetime;
    int64_t quiet_at = sim_fault_quiet(run);
    make_clients(run, quiet_at);
    if (rc == 0)
        loop(run);
    conclude(run, quiet_at);
    run->world->stop(run);
    result->trace_cut = !trace_flush(run->w);
    result->records_lost = trace_lost(run->w);
    return rc;
}

static int in_world(struct sim_run *run, char err[512])
{
    int rc = run->world->open(run, err);
    if (rc == 0)
        rc = open_trace(run, err);
    if (rc == 0)
        rc = run_open(run, err);
    trace_writer_close(run->w);
    run->world->close(run);
    return rc;
}

static int open_decisions(struct sim_run *run, char err[512])
{
    struct sim_result *r = run->result;
    int rc = run->plan->decisions ? sim_decider_load(run->decider, run->plan->decisions, err) : 0;
    for (size_t i = 0; i < run->plan->n_given; i++)
        sim_decider_give(run->decider, run->plan->given[i].kind, run->plan->given[i].name, run->plan->given[i].value);
    if (run->plan->name_datagrams && !(run->named = open_memstream(&r->datagrams, &r->n_datagrams)))
        abort();
    if (rc != 0 || !run->plan->keep_decisions)
        return rc;
    run->decided = open_memstream(&r->decisions, &r->n_decisions);
    if (!run->decided)
        abort();
    sim_decider_record(run->decider, run->decided);
    return 0;
}

int sim_run(const struct sim_plan *plan, struct sim_result *result, char err[512])
{
    char what[SIM_CONFIG_WHAT];
    *result = (struct sim_result){.epoch = 0};
    sim_tapes_init(&result->tapes);
    if (plan->command && sim_config_virtual_only(plan->cfg, what)) {
        snprintf(err, 512, "the scenario has %s: only in virtual time, without --replica", what);
        return 65;
    }
    struct sim_run *run = new_run(plan, result);
    int rc = open_decisions(run, err);
    if (rc == 0)
        rc = in_world(run, err);
    result->hash = sim_tapes_hash(&result->tapes);
    if (plan->coverage)
        sim_coverage_tapes(plan->coverage, plan->seed, &result->tapes);
    if (run->oracle)
        result->violation = *sim_oracle_verdict(run->oracle);
    if ((run->decided && fclose(run->decided) != 0) || (run->named && fclose(run->named) != 0))
        abort();
    free_run(run);
    return rc;
}

void sim_result_free(struct sim_result *r)
{
    sim_stats_free(&r->stats);
    sim_tapes_free(&r->tapes);
    free(r->decisions);
    free(r->faults);
    free(r->datagrams);
    r->decisions = r->datagrams = NULL;
    r->faults = NULL;
}
