/* replica_main.c -- the process: arguments, signals, and the loop that waits for a datagram, a timer or the end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "replica.h"
#include "replica_options.h"
#include "replica_run.h"
#include "trace.h"
#include "udp.h"

/* Datagrams handled before timers and signals get their turn: a flood must not starve them. */
#define DATAGRAMS_PER_TURN 64

struct process {
    struct options options;
    struct run run;
    struct udp udp;
    struct replica *replica;
    int signals;
};

/* For crashed() alone: a signal handler takes no context. */
static struct process *dying;

/* An assertion failed: the records that led to it are what is needed most. abort() runs this in the thread that failed,
 * outside of the writer, so the writer may be used. */
static void crashed(int sig)
{
    if (dying && dying->replica)
        replica_stop(dying->replica, trace_mono_ns(), "assert", sig);
    static const char words[] = "replica: internal error; the last records of its trace tell what led to it\n";
    if (write(STDERR_FILENO, words, sizeof words - 1) < 0)
        _exit(EX_IOERR);
    _exit(EX_SOFTWARE);
}

static bool catch_signals(struct process *p)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0)
        return false;
    p->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    dying = p;
    return p->signals >= 0 && sigaction(SIGABRT, &(struct sigaction){.sa_handler = crashed}, NULL) == 0;
}

static void send_datagram(void *ctx, const char *bytes, size_t n, node_id dst, const char *answered)
{
    (void)dst; /* the network reads it from the datagram */
    (void)answered;
    const struct process *p = ctx;
    udp_send(&p->udp, bytes, n);
}

/* The command line as one string, for the header of the trace. */
static char *join(int argc, char **argv)
{
    size_t n = 1;
    for (int i = 0; i < argc; i++)
        n += strlen(argv[i]) + 1;
    char *all = malloc(n), *at = all;
    if (!all)
        return NULL;
    *at = '\0';
    for (int i = 0; i < argc; i++)
        at += sprintf(at, "%s%s", i ? " " : "", argv[i]);
    return all;
}

static bool start(struct process *p, int argc, char **argv)
{
    char host[256] = "";
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    (void)gethostname(host, sizeof host - 1);
    char *command = join(argc, argv);
    const struct replica_options o = {
        .core = p->options.core,
        .trace = p->run.trace,
        .header = {.run = p->run.name,
                   .clock = "mono-shared",
                   .host = *host ? host : NULL,
                   .argv = command,
                   .impl = "faultline-replica " FAULTLINE_VERSION,
                   .wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
                   .pid = getpid()},
        .boot = p->run.boot,
        .epoch_ns = p->run.epoch_ns,
        .hash_every = p->options.hash_every,
    };
    p->replica = replica_new(&o, (struct replica_io){.ctx = p, .send = send_datagram}, trace_mono_ns());
    free(command);
    return p->replica != NULL;
}

/* The signal that ends us, if one came; else 0. */
static int ended(const struct process *p)
{
    struct signalfd_siginfo info;
    return read(p->signals, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

static bool wait_for_input(const struct process *p)
{
    struct pollfd fds[] = {{.fd = p->udp.fd, .events = POLLIN}, {.fd = p->signals, .events = POLLIN}};
    uint64_t due = replica_deadline(p->replica), now = trace_mono_ns();
    uint64_t left = due > now ? due - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
    return ppoll(fds, 2, due == UINT64_MAX ? NULL : &timeout, NULL) >= 0 || errno == EINTR;
}

/* Until a signal ends it. Returns the exit status. */
static int loop(struct process *p)
{
    static char buffer[UDP_BUFFER];
    for (;;) {
        if (!wait_for_input(p)) {
            fprintf(stderr, "replica: cannot wait for input: %s\n", strerror(errno));
            return EX_IOERR;
        }
        int sig = ended(p);
        if (sig != 0) {
            replica_stop(p->replica, trace_mono_ns(), "signal", sig);
            return EX_OK;
        }
        size_t n;
        bool well = true;
        for (int i = 0; well && i < DATAGRAMS_PER_TURN && udp_receive(&p->udp, buffer, &n); i++)
            well = replica_take(p->replica, trace_mono_ns(), buffer, n);
        well = well && replica_flush(p->replica);
        uint64_t now = trace_mono_ns();
        if (well && replica_deadline(p->replica) <= now)
            well = replica_on_tick(p->replica, now);
        if (!well)
            return EX_IOERR;
    }
}

static int open_trace(struct process *p)
{
    static const int statuses[] = {[RUN_OPENED] = EX_OK, [RUN_BOOT_TAKEN] = EX_CANTCREAT, [RUN_BAD_EPOCH] = EX_USAGE};
    char err[TRACE_ERR_LEN];
    enum run_opened opened = run_open(&p->run, &p->options, err);
    if (opened == RUN_UNTRACED && !p->options.strict) {
        fprintf(stderr, "replica: no trace: %s\n", err);
        return EX_OK;
    }
    if (opened != RUN_OPENED)
        fprintf(stderr, "replica: %s\n", err);
    return opened == RUN_UNTRACED ? EX_CANTCREAT : statuses[opened];
}

int main(int argc, char **argv)
{
    struct process p = {.udp.fd = -1, .signals = -1};
    char err[OPTIONS_ERR_LEN], udp_err[UDP_ERR_LEN];
    /* Neither a reader of stderr that is gone nor a full file may end it: a write that fails says so. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (!options_parse(&p.options, argc, argv, getenv, err)) {
        fprintf(stderr, "replica: %s\n", err);
        return EX_USAGE;
    }
    if (p.options.help || p.options.version) {
        fputs(p.options.help ? options_help : "faultline-replica " FAULTLINE_VERSION "\n", stdout);
        return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
    }
    if (!p.options.seed_given && getrandom(&p.options.core.seed, sizeof p.options.core.seed, 0) < 0) {
        fprintf(stderr, "replica: no random seed: %s; give one with --seed\n", strerror(errno));
        return EX_IOERR;
    }
    p.options.core.seed &= INT64_MAX; /* it stands in the trace, for --seed */
    /* Before the trace exists: a signal that comes now leaves a complete one. */
    if (!catch_signals(&p)) {
        fprintf(stderr, "replica: cannot catch signals: %s\n", strerror(errno));
        return EX_SOFTWARE;
    }
    if (!udp_open(&p.udp, p.options.port, udp_err)) {
        fprintf(stderr, "replica: %s\n", udp_err);
        return EX_IOERR;
    }
    int status = open_trace(&p);
    if (status != EX_OK)
        return status;
    if (!start(&p, argc, argv)) {
        fprintf(stderr, "replica: out of memory\n");
        return EX_SOFTWARE;
    }
    status = loop(&p);
    if (!trace_flush(p.run.trace))
        fprintf(stderr, "replica: the end of the trace could not be written: %s\n", strerror(errno));
    trace_writer_close(p.run.trace);
    replica_free(p.replica);
    udp_close(&p.udp);
    return status;
}
