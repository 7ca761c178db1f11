/* The event loop: sockets, processes, time. */
#include "sim_run_int.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS = 8,         /* datagrams taken from one socket before everything else has its turn */
    BURST = 64,         /* requests made at most before the sockets have their turn */
    ECHO_MAX = 20,      /* lines of one replica that are shown */
    WARNINGS_MAX = 8,   /* and warnings about it */
    TRIES_MAX = 500000, /* a replica that always redirects makes the course's clients ask without end */
    SOCKET_BUFFER = 4 << 20
};
static const int64_t STOP_PATIENCE = 2 * SIM_SECOND, STOP_LIMIT = 10 * SIM_SECOND;
static const int64_t PROGRESS_WITHIN = 5 * SIM_SECOND;

const char *const sim_end_words[] = {
    [SIM_ENDED] = "ended as planned",
    [SIM_ENDED_PACKETS] = "ended early: max_packets messages between replicas",
    [SIM_ENDED_TRIES] = "ended early: more than 500000 requests, nearly all of them redirected or failed",
    [SIM_ENDED_INCORRECT] = "ended early: more than 10000 incorrect messages",
    [SIM_ENDED_NOBODY] = "ended early: no replica is running",
    [SIM_ENDED_SIGNAL] = "interrupted",
};

int64_t sim_now(struct sim_run *run)
{
    int64_t now = (int64_t)trace_mono_ns() - run->result->epoch;
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

/* ---- what replicas print, and when they end ---- */

struct stream {
    struct sim_run *run;
    unsigned i;
    int fd;
};

static void printed(void *ctx, const char *line, bool truncated)
{
    const struct stream *s = ctx;
    struct sim_node *node = &s->run->node[s->i];
    trace_set_cause(s->run->w, 0);
    trace_put_node_out(s->run->w,
                       &(struct trace_rec_node_out){.of = node->id, .fd = s->fd, .line = line, .trunc = truncated});
    if (s->run->plan->silent || node->echoed > ECHO_MAX)
        return;
    if (node->echoed++ == ECHO_MAX)
        sim_say(s->run, "%s: (its further lines are in sim.1.jsonl only)", node->id);
    else
        sim_say(s->run, "%s: %.160s", node->id, line);
}

static void read_streams(struct sim_run *run, unsigned i, bool all)
{
    for (int fd = 1; fd <= 2; fd++) {
        struct stream s = {run, i, fd};
        if (all)
            sim_proc_drain(&run->node[i].proc, fd, sim_now(run), printed, &s);
        else
            sim_proc_read(&run->node[i].proc, fd, sim_now(run), printed, &s);
    }
}

static void ended(struct sim_run *run, unsigned i, bool stopping)
{
    struct sim_node *node = &run->node[i];
    int st = node->proc.status;
    bool died = !node->hung && !node->killed && !stopping;
    read_streams(run, i, true);
    sim_now(run);
    trace_set_cause(run->w, 0);
    trace_put_node_exit(run->w, &(struct trace_rec_node_exit){.of = node->id,
                                                              .status = {.set = WIFEXITED(st), .v = WEXITSTATUS(st)},
                                                              .sig = {.set = WIFSIGNALED(st), .v = WTERMSIG(st)},
                                                              .why = node->hung     ? "hung"
                                                                     : node->killed ? "killed"
                                                                     : died         ? "died"
                                                                                    : "stopped"});
    run->living[i] = false;
    if (died && WIFSIGNALED(st))
        sim_say(run, "%s died of signal %d (%s)", node->id, WTERMSIG(st), strsignal(WTERMSIG(st)));
    else if (died)
        sim_say(run, "%s ended by itself with status %d", node->id, WEXITSTATUS(st));
}

static unsigned reap(struct sim_run *run, bool stopping)
{
    unsigned running = 0;
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        if (sim_proc_reap(&run->node[i].proc))
            ended(run, i, stopping);
        running += run->node[i].proc.state == SIM_PROC_RUNNING;
    }
    return running;
}

/* SIGKILL for those that SIGTERM did not end. */
static void insist(struct sim_run *run, int64_t now)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        struct sim_node *node = &run->node[i];
        if (node->proc.state != SIM_PROC_RUNNING || node->kill_at > now)
            continue;
        node->hung = true;
        node->kill_at = INT64_MAX;
        sim_say(run, "%s did not end on SIGTERM within 2 s: SIGKILL", node->id);
        sim_proc_signal(&node->proc, SIGKILL);
    }
}

/* ---- start ---- */

static int open_socket(struct sim_node *node, uint16_t *port, char err[512])
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int size = SOCKET_BUFFER;
    node->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (node->fd < 0 || bind(node->fd, (struct sockaddr *)&addr, len) != 0 ||
        getsockname(node->fd, (struct sockaddr *)&addr, &len) != 0) {
        snprintf(err, 512, "cannot open a UDP socket on 127.0.0.1: %s", strerror(errno));
        return 70;
    }
    setsockopt(node->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(node->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    *port = ntohs(addr.sin_port);
    return 0;
}

/* PROGRAM OPTIONS... PORT ID OTHER... with the others in random order, as the course's simulator starts replicas. */
static int start_replica(struct sim_run *run, unsigned i, const struct sim_variable *variables, char err[512])
{
    enum { OPTIONS_MAX = 64 };
    const char *argv[OPTIONS_MAX + SIM_REPLICAS_MAX + 3];
    char port_text[16], why[256];
    uint16_t port;
    size_t n = 0;
    int rc = open_socket(&run->node[i], &port, err);
    if (rc)
        return rc;
    snprintf(port_text, sizeof port_text, "%u", (unsigned)port);
    while (n < OPTIONS_MAX && run->plan->command[n]) {
        argv[n] = run->plan->command[n];
        n++;
    }
    argv[n++] = port_text;
    size_t first = n;
    argv[n++] = run->node[i].id;
    for (unsigned k = 0; k < run->cfg->replicas; k++)
        if (k != i)
            argv[n++] = run->node[k].id;
    for (size_t k = n - 1; k > first + 1; k--) { /* Fisher and Yates */
        size_t other = first + 1 + rng_below(&run->faults_rng, k - first);
        const char *t = argv[k];
        argv[k] = argv[other];
        argv[other] = t;
    }
    argv[n] = NULL;
    if (sim_proc_start(&run->node[i].proc, argv, variables, sim_now(run), why))
        return 0;
    snprintf(err, 512, "%s", why);
    return 66;
}

static int start_replicas(struct sim_run *run, char err[512])
{
    char parent[4096], epoch[32];
    snprintf(parent, sizeof parent, "%s", run->plan->dir);
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    snprintf(epoch, sizeof epoch, "%" PRId64, run->result->epoch);
    const struct sim_variable variables[] = {
        {"FAULTLINE_TRACE", *parent ? parent : "/"},
        {"FAULTLINE_RUN", slash + 1},
        {"FAULTLINE_BOOT", "1"},
        {"FAULTLINE_EPOCH_NS", epoch},
        {run->plan->reads ? "FAULTLINE_READS" : NULL, run->plan->reads},
        {NULL, NULL},
    };
    int rc = 0;
    for (unsigned i = 0; i < run->cfg->replicas && rc == 0; i++)
        rc = start_replica(run, i, variables, err);
    return rc;
}

static void put_header(struct sim_run *run)
{
    const struct sim_config *c = run->cfg;
    const char *ids[SIM_REPLICAS_MAX];
    char host[256] = "";
    for (unsigned i = 0; i < c->replicas; i++)
        ids[i] = run->node[i].id;
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
    const char *slash = strrchr(run->plan->dir, '/');
    sim_now(run);
    trace_put_trace_open(run->w, &(struct trace_rec_trace_open){.schema = TRACE_SCHEMA,
                                                                .v = TRACE_VERSION,
                                                                .run = slash + 1,
                                                                .wall_us = run->result->wall_us,
                                                                .epoch_ns = run->result->epoch,
                                                                .clk = "mono-shared",
                                                                .pid = getpid(),
                                                                .host = *host ? host : NULL,
                                                                .impl = impl,
                                                                .peers = {ids, c->replicas},
                                                                .cfg = text,
                                                                .argv = run->plan->argv,
                                                                .seed = TRACE_OPT(run->plan->seed)});
    free(text);
    trace_flush(run->w);
}

/* ---- the loop ---- */

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_kill(const struct sim_run *run)
{
    int64_t t = INT64_MAX;
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (run->node[i].proc.state == SIM_PROC_RUNNING)
            t = earliest(t, run->node[i].kill_at);
    return t;
}

static int64_t next_deadline(const struct sim_run *run)
{
    int64_t t = earliest(sim_clients_deadline(run->clients), sim_fault_deadline(run));
    return earliest(earliest(t, sim_net_deadline(&run->net)), next_kill(run));
}

enum { POLL_MAX = 3 * SIM_REPLICAS_MAX + 1 };

struct poll_set {
    struct pollfd fd[POLL_MAX];
    nfds_t n;
};

static void watch(struct poll_set *set, int fd)
{
    if (fd >= 0)
        set->fd[set->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* Waits until `deadline` or until there is something to read. */
static void wait_until(struct sim_run *run, int64_t deadline, int signals)
{
    struct poll_set set = {.n = 0};
    watch(&set, signals);
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        watch(&set, run->node[i].fd);
        watch(&set, run->node[i].proc.out[0]);
        watch(&set, run->node[i].proc.out[1]);
    }
    trace_flush(run->w);
    int64_t left = deadline - sim_now(run);
    if (left < 0)
        left = 0;
    struct timespec ts = {.tv_sec = (time_t)(left / SIM_SECOND), .tv_nsec = (long)(left % SIM_SECOND)};
    ppoll(set.fd, set.n, &ts, NULL);
}

/* SIGCHLD needs no look here: reap() asks every process. */
static void take_signals(struct sim_run *run, int signals)
{
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGCHLD) {
            run->result->signal = info.ssi_signo;
            sim_end_early(run, SIM_ENDED_SIGNAL);
        }
}

static void take_datagrams(struct sim_run *run)
{
    for (int round = 0; round < ROUNDS && !run->over; round++) {
        bool any = false;
        for (unsigned i = 0; i < run->cfg->replicas; i++)
            any |= sim_route_receive(run, i);
        if (!any)
            return;
    }
}

static void make_requests(struct sim_run *run)
{
    for (int i = 0; i < BURST; i++) {
        int64_t now = sim_now(run);
        if (sim_clients_deadline(run->clients) > now)
            break;
        sim_clients_tick(run->clients, now);
    }
    if (sim_clients_tries(run->clients) > TRIES_MAX)
        sim_end_early(run, SIM_ENDED_TRIES);
}

static void loop(struct sim_run *run, int signals)
{
    int64_t end = run->load_end + run->cfg->end_wait;
    bool healed = !run->cfg->clients.shared;
    while (!run->over && sim_now(run) < end && !sim_clients_done(run->clients)) {
        if (!healed && sim_now(run) >= run->load_end) {
            sim_fault_heal(run); /* before the clients read back */
            healed = true;
        }
        make_requests(run);
        sim_fault_tick(run, sim_now(run));
        sim_route_arrivals(run);
        insist(run, sim_now(run));
        int64_t deadline = earliest(earliest(end, next_deadline(run)), healed ? end : run->load_end);
        if (!run->over)
            wait_until(run, deadline, signals);
        take_datagrams(run);
        for (unsigned i = 0; i < run->cfg->replicas; i++)
            read_streams(run, i, false);
        take_signals(run, signals);
        if (reap(run, false) == 0)
            sim_end_early(run, SIM_ENDED_NOBODY);
    }
}

/* Ends every process, by force if need be, and waits for it. */
static void stop_replicas(struct sim_run *run, int signals)
{
    int64_t now = sim_now(run);
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        struct sim_node *node = &run->node[i];
        if (node->fd >= 0)
            close(node->fd);
        node->fd = -1;
        node->kill_at = earliest(node->kill_at, now + STOP_PATIENCE);
        sim_proc_signal(&node->proc, SIGTERM);
        sim_proc_signal(&node->proc, SIGCONT);
    }
    int64_t limit = now + STOP_LIMIT;
    while (reap(run, true) > 0 && sim_now(run) < limit) {
        struct signalfd_siginfo info;
        insist(run, sim_now(run));
        wait_until(run, earliest(limit, next_kill(run)), signals);
        while (read(signals, &info, sizeof info) > 0) {
            /* the run is over already */
        }
        for (unsigned i = 0; i < run->cfg->replicas; i++)
            read_streams(run, i, false);
    }
}

static void conclude(struct sim_run *run, int64_t quiet_at)
{
    struct sim_result *r = run->result;
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        r->stats.died += !run->living[i] && !run->node[i].killed;
    sim_clients_end(run->clients, sim_now(run), run->over);
    r->quiet_for = run->load_end - quiet_at;
    r->no_progress = run->cfg->clients.shared && run->cfg->clients.rate > 0 && !run->over &&
                     r->quiet_for >= PROGRESS_WITHIN && r->stats.ok_after_faults == 0;
    r->elapsed = sim_now(run);
    sim_verdict_make(run->cfg, &r->stats, &r->verdict);
}

static int open_signals(sigset_t *before)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, before);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static struct sim_run *new_run(const struct sim_plan *plan, struct sim_result *result)
{
    struct sim_run *run = calloc(1, sizeof *run);
    if (!run)
        abort();
    run->plan = plan;
    run->cfg = plan->cfg;
    run->result = result;
    run->stats = &result->stats;
    run->open = calloc(plan->cfg->n_faults + 1, sizeof *run->open);
    if (!run->open)
        abort();
    strcpy(run->leader, "FFFF");
    rng_seed(&run->clients_rng, plan->seed);
    rng_seed(&run->faults_rng, plan->seed ^ UINT64_C(0xFA17));
    sim_net_init(&run->net, &plan->cfg->network, plan->seed ^ UINT64_C(0x4E37));
    for (unsigned i = 0; i < SIM_REPLICAS_MAX; i++) {
        sim_id(i, run->node[i].id);
        run->node[i].fd = run->node[i].proc.out[0] = run->node[i].proc.out[1] = -1;
        run->node[i].kill_at = INT64_MAX;
        run->living[i] = i < plan->cfg->replicas;
    }
    return run;
}

static void free_run(struct sim_run *run)
{
    sim_clients_free(run->clients);
    sim_net_free(&run->net);
    for (unsigned i = 0; i < SIM_REPLICAS_MAX; i++)
        if (run->node[i].fd >= 0)
            close(run->node[i].fd);
    free(run->open);
    free(run);
}

static void make_clients(struct sim_run *run, int64_t quiet_at)
{
    run->clients = sim_clients_new(&(struct sim_clients_env){.cfg = run->cfg,
                                                             .stats = run->stats,
                                                             .w = run->w,
                                                             .rng = &run->clients_rng,
                                                             .living = run->living,
                                                             .load_start = run->load_start,
                                                             .load_end = run->load_end,
                                                             .quiet_at = quiet_at,
                                                             .send = sim_route_request,
                                                             .warn = warn_client,
                                                             .ctx = run});
}

int sim_run(const struct sim_plan *plan, struct sim_result *result, char err[512])
{
    struct timespec wall;
    char why[TRACE_ERR_LEN];
    *result = (struct sim_result){.epoch = (int64_t)trace_mono_ns()};
    clock_gettime(CLOCK_REALTIME, &wall);
    result->wall_us = wall.tv_sec * INT64_C(1000000) + wall.tv_nsec / 1000;
    struct sim_run *run = new_run(plan, result);
    run->w = trace_writer_open(&(struct trace_writer_options){.dir = plan->dir, .node = "sim", .boot = 1}, why);
    if (!run->w) {
        snprintf(err, 512, "%.500s", why);
        free_run(run);
        return 73;
    }
    put_header(run);
    sigset_t before;
    int signals = open_signals(&before);
    int rc = start_replicas(run, err);
    run->load_start = sim_now(run) + run->cfg->start_wait;
    run->load_end = run->load_start + run->cfg->lifetime;
    int64_t quiet_at = sim_fault_quiet(run);
    make_clients(run, quiet_at);
    if (rc == 0)
        loop(run, signals);
    conclude(run, quiet_at);
    stop_replicas(run, signals);
    close(signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    result->trace_cut = !trace_flush(run->w);
    result->records_lost = trace_lost(run->w);
    trace_writer_close(run->w);
    free_run(run);
    return rc;
}
