/* The replica processes of a run: started, started again after a kill, listened to, ended for sure. */
#include "sim_run_int.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ECHO_MAX = 20, /* lines of one replica that are shown */
    SOCKET_BUFFER = 4 << 20
};

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

void sim_nodes_read(struct sim_run *run)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        if (run->node[i].printed[0] || run->node[i].printed[1])
            read_streams(run, i, false);
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
    node->down = node->down && !died; /* one that ends by itself is not expected back */
    if (died && WIFSIGNALED(st))
        sim_say(run, "%s died of signal %d (%s)", node->id, WTERMSIG(st), strsignal(WTERMSIG(st)));
    else if (died)
        sim_say(run, "%s ended by itself with status %d", node->id, WEXITSTATUS(st));
}

unsigned sim_nodes_reap(struct sim_run *run, bool stopping)
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
void sim_nodes_insist(struct sim_run *run, int64_t now)
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

int64_t sim_nodes_deadline(const struct sim_run *run)
{
    int64_t t = INT64_MAX;
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        const struct sim_node *node = &run->node[i];
        /* One that is still ending wakes us with SIGCHLD. */
        int64_t due = node->proc.state == SIM_PROC_RUNNING ? node->kill_at : node->restart_at;
        t = due < t ? due : t;
    }
    return t;
}

bool sim_nodes_expected(const struct sim_run *run)
{
    bool any = false;
    for (unsigned i = 0; i < run->cfg->replicas; i++)
        any |= run->node[i].down;
    return any;
}

void sim_nodes_terminate(struct sim_run *run, int64_t kill_at)
{
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        struct sim_node *node = &run->node[i];
        if (node->fd >= 0)
            close(node->fd);
        node->fd = -1;
        node->kill_at = kill_at < node->kill_at ? kill_at : node->kill_at;
        node->restart_at = INT64_MAX;
        sim_proc_signal(&node->proc, SIGTERM);
        sim_proc_signal(&node->proc, SIGCONT);
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
static void make_arguments(struct sim_run *run, unsigned i, uint16_t port)
{
    struct sim_node *node = &run->node[i];
    size_t n = 0;
    while (n < SIM_OPTIONS_MAX - 2 && run->plan->command[n]) {
        node->argv[n] = run->plan->command[n];
        n++;
    }
    if (run->plan->data) {
        node->argv[n++] = "--data";
        node->argv[n++] = run->plan->data;
    }
    snprintf(node->port, sizeof node->port, "%u", (unsigned)port);
    node->argv[n++] = node->port;
    size_t first = n;
    node->argv[n++] = node->id;
    for (unsigned k = 0; k < run->cfg->replicas; k++)
        if (k != i)
            node->argv[n++] = run->node[k].id;
    for (size_t k = n - 1; k > first + 1; k--) { /* Fisher and Yates */
        size_t other = first + 1 + rng_below(&run->faults_rng, k - first);
        const char *t = node->argv[k];
        node->argv[k] = node->argv[other];
        node->argv[other] = t;
    }
    node->argv[n] = NULL;
}

bool sim_node_start(struct sim_run *run, unsigned i, char err[256])
{
    char parent[4096], epoch[32], boot[16];
    struct sim_node *node = &run->node[i];
    snprintf(parent, sizeof parent, "%s", run->plan->dir);
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    snprintf(epoch, sizeof epoch, "%" PRId64, run->result->epoch);
    snprintf(boot, sizeof boot, "%u", ++node->boot);
    const struct sim_variable variables[] = {
        {"FAULTLINE_TRACE", *parent ? parent : "/"},
        {"FAULTLINE_RUN", slash + 1},
        {"FAULTLINE_BOOT", boot},
        {"FAULTLINE_EPOCH_NS", epoch},
        {run->plan->reads ? "FAULTLINE_READS" : NULL, run->plan->reads},
        {NULL, NULL},
    };
    node->killed = node->hung = node->claims = false;
    node->kill_at = node->restart_at = INT64_MAX;
    return sim_proc_start(&node->proc, node->argv, variables, sim_now(run), err);
}

int sim_nodes_start(struct sim_run *run, char err[512])
{
    for (unsigned i = 0; i < run->cfg->replicas; i++) {
        char why[256];
        uint16_t port;
        int rc = open_socket(&run->node[i], &port, err);
        if (rc)
            return rc;
        make_arguments(run, i, port);
        if (!sim_node_start(run, i, why)) {
            snprintf(err, 512, "%s", why);
            return 66;
        }
    }
    return 0;
}
