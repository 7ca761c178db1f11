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

#include "net.h"
#include "replica.h"
#include "replica_options.h"
#include "replica_run.h"
#include "trace.h"

/* Datagrams handled before timers and signals get their turn: a flood must not starve them. */
#define DATAGRAMS_PER_TURN 64
/* What the inbox holds when a turn ends would wait for poll(), which does not know of it. */
_Static_assert(DATAGRAMS_PER_TURN % UDP_BATCH == 0, "a turn ends with an empty inbox");

struct process {
    struct options options;
    struct run run;
    struct net net;
    struct replica *replica;
    struct store *store; /* NULL: in memory only */
    struct store_found found;
    int signals;
    uint64_t slept_ns; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC at the start */
};

static uint64_t boottime_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* CLOCK_BOOTTIME - CLOCK_MONOTONIC. The two cannot be read at once, and what comes between (the process may lose the
 * processor) makes the difference too small: the greatest of several is right to some ten nanoseconds. A clock that is
 * ahead of those of the other replicas by more than a message takes would turn the order of records in their traces. */
static uint64_t measure_sleep(void)
{
    int64_t greatest = INT64_MIN;
    for (int i = 0; i < 16; i++) {
        uint64_t boottime = boottime_ns();
        int64_t difference = (int64_t)(boottime - trace_mono_ns());
        greatest = difference > greatest ? difference : greatest;
    }
    return (uint64_t)greatest;
}

/* CLOCK_MONOTONIC, and what the host has slept since the start: a lease must not outlive a suspend, during which the
 * others may have elected another leader. */
static uint64_t now_ns(const struct process *p)
{
    return boottime_ns() - p->slept_ns;
}

/* For crashed() and fault() alone: a signal handler takes no context. */
static struct process *dying;

/* An assertion failed: the records that led to it are what is needed most. abort() runs this in the thread that failed,
 * outside of the writer, so the writer may be used. */
static void crashed(int sig)
{
    if (dying && dying->replica)
        replica_stop(dying->replica, now_ns(dying), "assert", sig);
    static const char words[] = "replica: internal error; the last records of its trace tell what led to it\n";
    if (write(STDERR_FILENO, words, sizeof words - 1) < 0)
        _exit(EX_IOERR);
    _exit(EX_SOFTWARE);
}

/* A store into the trace's file failed: somebody cut it, or its disk is gone. Tracing never ends the program. */
static void fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (dying == NULL || !trace_writer_fault(dying->run.trace, info->si_addr))
        signal(sig, SIG_DFL); /* comes again, and ends us */
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
    return p->signals >= 0 && sigaction(SIGABRT, &(struct sigaction){.sa_handler = crashed}, NULL) == 0 &&
           sigaction(SIGBUS, &(struct sigaction){.sa_sigaction = fault, .sa_flags = SA_SIGINFO}, NULL) == 0;
}

static void send_datagram(void *ctx, const char *bytes, size_t n, node_id dst, const char *answered)
{
    net_send(&((struct process *)ctx)->net, bytes, n, dst, answered);
}

static bool admit(void *ctx, const struct message *m, struct replica_denial *denial)
{
    return net_admit(&((struct process *)ctx)->net, m, denial);
}

static bool persist(void *ctx, struct store_change *change)
{
    struct process *p = ctx;
    net_flush(&p->net); /* what was sent before does not wait for the disk: the followers' work meanwhile */
    if (store_save(p->store, change))
        return true;
    fprintf(stderr, "replica: %s\n", store_error(p->store));
    return false;
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
    const struct replica_io io = {
        .ctx = p, .send = send_datagram, .admit = admit, .persist = p->store ? persist : NULL};
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
        .kv = p->found.kv,
        .direct = p->net.direct,
        .boot = p->run.boot,
        .epoch_ns = p->run.epoch_ns,
        .hash_every = p->options.hash_every,
    };
    p->replica = replica_new(&o, io, now_ns(p));
    net_flush(&p->net);
    free(command);
    if (!p->replica)
        fprintf(stderr, "replica: %s\n", p->store ? "could not start" : "out of memory");
    return p->replica != NULL;
}

/* The signal that ends us, if one came; else 0. */
static int ended(const struct process *p)
{
    struct signalfd_siginfo info;
    return read(p->signals, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

/* Sets `signalled` when one of the signals came that end us. */
static bool wait_for_input(const struct process *p, bool *signalled)
{
    struct pollfd fds[] = {{.fd = p->net.udp.fd, .events = POLLIN}, {.fd = p->signals, .events = POLLIN}};
    uint64_t due = replica_deadline(p->replica), now = now_ns(p);
    uint64_t left = due > now ? due - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
    bool well = ppoll(fds, 2, due == UINT64_MAX ? NULL : &timeout, NULL) >= 0 || errno == EINTR;
    *signalled = well && fds[1].revents != 0;
    return well;
}

/* What waits, up to a bound: a flood must not starve timers and signals. */
static bool take_input(struct process *p)
{
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
        const char *bytes;
        size_t n;
        struct replica_denial denial;
        switch (net_receive(&p->net, &bytes, &n, &denial)) {
        case NET_HANDLED:
            break;
        case NET_NOTHING:
            return true;
        case NET_DATAGRAM:
            if (!replica_take(p->replica, now_ns(p), bytes, n))
                return false;
            break;
        case NET_REFUSED:
            replica_refuse(p->replica, now_ns(p), bytes, n, &denial);
            break;
        }
    }
    return true;
}

/* Where the members of the configuration listen. */
static void learn(struct process *p)
{
    char err[NET_ERR_LEN];
    if (!net_learn(&p->net, raft_conf(replica_core(p->replica)), err))
        fprintf(stderr, "replica: %s\n", err);
}

static bool turn(struct process *p)
{
    if (!take_input(p) || !replica_flush(p->replica))
        return false;
    net_flush(&p->net); /* before a timer may have to wait for the disk */
    uint64_t now = now_ns(p);
    if (replica_deadline(p->replica) <= now && !replica_on_tick(p->replica, now))
        return false;
    net_flush(&p->net);
    learn(p);
    return true;
}

/* Until a signal ends it. Returns the exit status. */
static int loop(struct process *p)
{
    learn(p); /* what the store knows may be more than the options say */
    for (;;) {
        bool signalled;
        if (!wait_for_input(p, &signalled)) {
            fprintf(stderr, "replica: cannot wait for input: %s\n", strerror(errno));
            return EX_IOERR;
        }
        int sig = signalled ? ended(p) : 0;
        if (sig != 0) {
            replica_stop(p->replica, now_ns(p), "signal", sig);
            return EX_OK;
        }
        if (!turn(p))
            return EX_IOERR;
    }
}

static int open_store(struct process *p)
{
    static const int statuses[] = {[STORE_OPENED] = EX_OK,
                                   [STORE_BAD_DATA] = EX_DATAERR,
                                   [STORE_NO_DIR] = EX_NOINPUT,
                                   [STORE_LOCKED] = EX_CANTCREAT,
                                   [STORE_IO_ERROR] = EX_IOERR};
    char err[STORE_ERR_LEN];
    struct options *o = &p->options;
    if (!o->data_dir)
        return EX_OK;
    const struct store_options so = {
        .dir = o->data_dir, .id = o->core.id, .cluster = o->cluster, .conf = o->core.joining ? NULL : o->core.conf};
    enum store_opened opened = store_open(&p->store, &so, &p->found, err);
    if (opened != STORE_OPENED) {
        fprintf(stderr, "replica: %s\n", err);
        return statuses[opened];
    }
    if (o->boot && o->boot < p->found.boot) {
        fprintf(stderr, "replica: FAULTLINE_BOOT=%lld is lower than the %lld starts that the store in %s has counted\n",
                (long long)o->boot, (long long)p->found.boot, o->data_dir);
        return EX_USAGE;
    }
    o->boot_least = p->found.boot;
    o->core.restored = &p->found.core;
    return EX_OK;
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

static bool store_is_read(struct process *p)
{
    char err[STORE_ERR_LEN];
    bool well = store_restored(p->store, err);
    if (!well)
        fprintf(stderr, "replica: %s\n", err);
    return well;
}

static void warn_of_strangers(const struct options *o)
{
    struct address_text at;
    if (o->listen && !o->key_file && address_split(o->listen, &at) && !address_names_loopback(&at))
        fprintf(stderr,
                "replica: warning: %s takes part without a key: whoever can reach it can read, write and replace "
                "members; give all replicas and clients the same --key-file\n",
                o->listen);
}

static int open_all(struct process *p)
{
    char err[NET_ERR_LEN];
    bool no_key;
    if (!net_open(&p->net, &p->options, &no_key, err)) {
        fprintf(stderr, "replica: %s\n", err);
        return no_key ? EX_NOINPUT : EX_IOERR;
    }
    warn_of_strangers(&p->options);
    int status = open_store(p);
    return status != EX_OK ? status : open_trace(p);
}

int main(int argc, char **argv)
{
    static struct process p = {.net.udp.fd = -1, .signals = -1};
    char err[OPTIONS_ERR_LEN];
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
    p.slept_ns = measure_sleep();
    p.options.core.answer_again = p.options.listen != NULL;
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
    int status = open_all(&p);
    if (status != EX_OK)
        return status;
    if (!start(&p, argc, argv))
        return p.store ? EX_IOERR : EX_SOFTWARE;
    status = p.store && !store_is_read(&p) ? EX_DATAERR : loop(&p);
    if (!trace_flush(p.run.trace))
        fprintf(stderr, "replica: the end of the trace could not be written: %s\n", strerror(errno));
    trace_writer_close(p.run.trace);
    replica_free(p.replica);
    store_close(p.store);
    net_close(&p.net);
    return status;
}
