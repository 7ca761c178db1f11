/* The real world: a process for each replica, a UDP socket for each, real time. */
#include "sim_exec.h"
#include "sim_lift.h"
#include "sim_run_int.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    OPTIONS_MAX = 64,
    ECHO_MAX = 20, /* lines of one replica that are shown */
    SOCKET_BUFFER = 4 << 20,
    ROUNDS = 8 /* datagrams taken from one socket before everything else has its turn */
};
static const int64_t STOP_PATIENCE = 2 * SIM_SECOND, STOP_LIMIT = 10 * SIM_SECOND;

struct process {
    struct sim_proc proc;
    struct sim_lift *lift;                                /* of what it prints; NULL: it has ended */
    const char *argv[OPTIONS_MAX + SIM_REPLICAS_MAX + 3]; /* the same at each start */
    char port[16];                                        /* in argv */
    int fd;                                               /* our socket for it; -1 once closed */
    struct sockaddr_in addr;                              /* where it listens, known from its hello */
    bool ready, printed[2]; /* its socket, stdout, stderr have something to read, as of the last wait */
};

struct real {
    struct process process[SIM_REPLICAS_MAX];
    int signals;
    sigset_t before;
    bool signalled; /* as of the last wait */
    char datagram[65536];
};

static struct real *real_of(const struct sim_run *run)
{
    return run->own;
}

static struct process *process_of(const struct sim_run *run, unsigned i)
{
    return &real_of(run)->process[i];
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
    int64_t now = sim_now(s->run);
    if (!truncated && sim_lift_line(process_of(s->run, s->i)->lift, now, trace_lc(s->run->w), line))
        return;
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
    struct process *p = process_of(run, i);
    for (int fd = 1; fd <= 2; fd++) {
        struct stream s = {run, i, fd};
        if (all)
            sim_proc_drain(&p->proc, fd, sim_now(run), printed, &s);
        else
            sim_proc_read(&p->proc, fd, sim_now(run), printed, &s);
    }
}

static void read_printed(struct sim_run *run)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (process_of(run, i)->printed[0] || process_of(run, i)->printed[1])
            read_streams(run, i, false);
}

static void reap(struct sim_run *run, bool stopping)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (sim_proc_reap(&process_of(run, i)->proc)) {
            struct process *p = process_of(run, i);
            const struct sim_node *node = &run->node[i];
            read_streams(run, i, true);
            sim_lift_free(p->lift, sim_now(run), stopping && !node->killed && !node->hung);
            p->lift = NULL;
            sim_node_ended(run, i, p->proc.status, stopping);
        }
}

static bool runs(const struct sim_run *run, unsigned i)
{
    return process_of(run, i)->proc.state == SIM_PROC_RUNNING;
}

/* SIGKILL for those that SIGTERM did not end. */
static void insist(struct sim_run *run, int64_t now)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        struct sim_node *node = &run->node[i];
        if (!runs(run, i) || node->kill_at > now)
            continue;
        node->hung = true;
        node->kill_at = INT64_MAX;
        sim_say(run, "%s did not end on SIGTERM within 2 s: SIGKILL", node->id);
        sim_proc_signal(&process_of(run, i)->proc, SIGKILL);
    }
}

static void send_signal(struct sim_run *run, unsigned i, int sig)
{
    sim_proc_signal(&process_of(run, i)->proc, sig);
}

/* ---- start ---- */

static int open_socket(struct process *p, uint16_t *port, char err[512])
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int size = SOCKET_BUFFER;
    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&addr, len) != 0 ||
        getsockname(p->fd, (struct sockaddr *)&addr, &len) != 0) {
        snprintf(err, 512, "cannot open a UDP socket on 127.0.0.1: %s", strerror(errno));
        return 70;
    }
    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(p->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    *port = ntohs(addr.sin_port);
    return 0;
}

/* PROGRAM OPTIONS... PORT ID OTHER... with the others in random order, as the course's simulator starts replicas. */
static void make_arguments(struct sim_run *run, unsigned i, uint16_t port)
{
    struct process *p = process_of(run, i);
    size_t n = 0;
    p->argv[n++] = run->plan->command[0];
    for (const char *const *a = run->cfg->replica.args; *a; a++)
        p->argv[n++] = *a;
    for (const char *const *a = run->plan->command + 1; *a && n < OPTIONS_MAX - 2; a++)
        p->argv[n++] = *a;
    if (run->plan->data) {
        p->argv[n++] = "--data";
        p->argv[n++] = run->plan->data;
    }
    snprintf(p->port, sizeof p->port, "%u", (unsigned)port);
    p->argv[n++] = p->port;
    size_t first = n;
    p->argv[n++] = run->node[i].id;
    for (unsigned k = 0; k < run->cfg->replicas; k++)
        if (k != i)
            p->argv[n++] = run->node[k].id;
    for (size_t k = n - 1; k > first + 1; k--) { /* Fisher and Yates */
        char name[32];
        snprintf(name, sizeof name, "%s %zu", run->node[i].id, k - first);
        size_t other =
            first + 1 + (size_t)sim_decide_between(run->decider, "arguments", name, 0, (int64_t)(k - first) - 1);
        const char *t = p->argv[k];
        p->argv[k] = p->argv[other];
        p->argv[other] = t;
    }
    p->argv[n] = NULL;
}

static int start(struct sim_run *run, unsigned i, char err[512])
{
    char parent[4096], epoch[32], boot[16], why[256];
    struct process *p = process_of(run, i);
    uint16_t port;
    if (run->node[i].boot == 1) {
        int rc = open_socket(p, &port, err);
        if (rc)
            return rc;
        make_arguments(run, i, port);
    }
    snprintf(parent, sizeof parent, "%s", run->plan->dir);
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    snprintf(epoch, sizeof epoch, "%" PRId64, run->result->epoch);
    snprintf(boot, sizeof boot, "%u", run->node[i].boot);
    const char *reads = run->plan->reads ? run->plan->reads : run->cfg->replica.reads;
    const struct sim_variable variables[] = {
        {"FAULTLINE_TRACE", *parent ? parent : "/"},
        {"FAULTLINE_RUN", slash + 1},
        {"FAULTLINE_BOOT", boot},
        {"FAULTLINE_EPOCH_NS", epoch},
        {reads ? "FAULTLINE_READS" : NULL, reads},
        {NULL, NULL},
    };
    sim_lift_free(p->lift, sim_now(run), false);
    p->lift =
        sim_lift_new(run->plan->dir, run->node[i].id, run->node[i].boot, run->result->epoch, run->result->wall_us);
    if (sim_proc_start(&p->proc, p->argv, variables, sim_now(run), why))
        return 0;
    snprintf(err, 512, "%s", why);
    return 66;
}

/* ---- datagrams ---- */

static bool deliver(struct sim_run *run, unsigned i, const char *bytes, size_t n)
{
    const struct process *p = process_of(run, i);
    return sendto(p->fd, bytes, n, 0, (const struct sockaddr *)&p->addr, sizeof p->addr) >= 0;
}

static void hang_up(struct sim_run *run, unsigned i)
{
    struct process *p = process_of(run, i);
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

/* Takes one datagram from replica i. False when there is none. */
static bool receive(struct sim_run *run, unsigned i)
{
    struct real *real = real_of(run);
    struct process *p = process_of(run, i);
    struct sockaddr_in from = {0};
    socklen_t len = sizeof from;
    if (p->fd < 0)
        return false;
    ssize_t n = recvfrom(p->fd, real->datagram, sizeof real->datagram, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
    if (n < 0)
        return false;
    if (sim_route_datagram(run, i, real->datagram, (size_t)n))
        p->addr = from;
    return true;
}

/* One from each socket that has some, in the order of ids; then again. */
static void take_datagrams(struct sim_run *run)
{
    bool any = true;
    for (int round = 0; any && round < ROUNDS && !run->over; round++) {
        any = false;
        for (unsigned i = 0; i < run->cfg->replicas; i++) {
            struct process *p = process_of(run, i);
            if (p->ready) {
                p->ready = receive(run, i);
                any |= p->ready;
            }
        }
    }
}

/* ---- time ---- */

static int64_t now(const struct sim_run *run)
{
    return (int64_t)trace_mono_ns() - run->result->epoch;
}

enum { POLL_MAX = 3 * SIM_REPLICAS_MAX + 1 };

struct poll_set {
    struct pollfd fd[POLL_MAX];
    bool *ready[POLL_MAX]; /* what it is for: becomes true when there is something to read */
    nfds_t n;
};

static void watch(struct poll_set *set, int fd, bool *ready)
{
    *ready = false;
    if (fd < 0)
        return;
    set->ready[set->n] = ready;
    set->fd[set->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* Until `deadline` or until there is something to read. What this pass has recorded goes to the kernel first, in one
 * write: that costs no time while there is work. */
static void sleep_until(struct sim_run *run, int64_t deadline)
{
    struct real *real = real_of(run);
    struct poll_set set = {.n = 0};
    watch(&set, real->signals, &real->signalled);
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        struct process *p = process_of(run, i);
        watch(&set, p->fd, &p->ready);
        watch(&set, p->proc.out[0], &p->printed[0]);
        watch(&set, p->proc.out[1], &p->printed[1]);
    }
    trace_flush(run->w);
    int64_t left = deadline - sim_now(run);
    if (left < 0)
        left = 0;
    struct timespec ts = {.tv_sec = (time_t)(left / SIM_SECOND), .tv_nsec = (long)(left % SIM_SECOND)};
    if (ppoll(set.fd, set.n, &ts, NULL) <= 0)
        return;
    for (nfds_t i = 0; i < set.n; i++)
        *set.ready[i] = set.fd[i].revents != 0;
}

static void take_signals(struct sim_run *run)
{
    struct real *real = real_of(run);
    struct signalfd_siginfo info;
    while (real->signalled && read(real->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo == SIGCHLD)
            run->child_ended = true;
        else {
            run->result->signal = info.ssi_signo;
            sim_end_early(run, SIM_ENDED_SIGNAL);
        }
}

static void wait_until(struct sim_run *run, int64_t deadline)
{
    insist(run, sim_now(run));
    sleep_until(run, deadline);
    take_datagrams(run);
    read_printed(run);
    take_signals(run);
    if (run->child_ended)
        reap(run, false);
}

/* ---- beginning and end ---- */

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

static int open_world(struct sim_run *run, char err[512])
{
    (void)err;
    struct timespec wall;
    struct real *real = calloc(1, sizeof *real);
    if (!real)
        abort();
    run->own = real;
    run->result->epoch = (int64_t)trace_mono_ns();
    clock_gettime(CLOCK_REALTIME, &wall);
    run->result->wall_us = wall.tv_sec * INT64_C(1000000) + wall.tv_nsec / 1000;
    for (unsigned i = 0; i < SIM_REPLICAS_MAX; i++)
        real->process[i].fd = real->process[i].proc.out[0] = real->process[i].proc.out[1] = -1;
    real->signals = open_signals(&real->before);
    return 0;
}

static void close_world(struct sim_run *run)
{
    struct real *real = real_of(run);
    for (unsigned i = 0; i < SIM_REPLICAS_MAX; i++) {
        hang_up(run, i);
        sim_lift_free(real->process[i].lift, 0, false);
    }
    close(real->signals);
    sigprocmask(SIG_SETMASK, &real->before, NULL);
    free(real);
}

/* SIGTERM to all, with SIGKILL to follow at `kill_at`; nothing is received from them any more. */
static void terminate(struct sim_run *run, int64_t kill_at)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        struct sim_node *node = &run->node[i];
        hang_up(run, i);
        node->kill_at = kill_at < node->kill_at ? kill_at : node->kill_at;
        node->restart_at = INT64_MAX;
        send_signal(run, i, SIGTERM);
        send_signal(run, i, SIGCONT);
    }
}

static void stop(struct sim_run *run)
{
    int64_t at = sim_now(run), limit = at + STOP_LIMIT;
    terminate(run, at + STOP_PATIENCE);
    for (reap(run, true); sim_nodes_running(run) > 0 && sim_now(run) < limit; reap(run, true)) {
        struct signalfd_siginfo info;
        int64_t due = sim_nodes_deadline(run);
        insist(run, sim_now(run));
        sleep_until(run, due < limit ? due : limit);
        while (read(real_of(run)->signals, &info, sizeof info) > 0) {
            /* the run is over already */
        }
        read_printed(run);
    }
}

const struct sim_world sim_real = {
    .clock = "mono-shared",
    .open = open_world,
    .close = close_world,
    .now = now,
    .start = start,
    .runs = runs,
    .signal = send_signal,
    .hang_up = hang_up,
    .deliver = deliver,
    .wait = wait_until,
    .stop = stop,
};
