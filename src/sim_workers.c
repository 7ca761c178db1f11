#include "sim_workers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 256, TICK_MS = 200, INTERNAL = 70 };
#define NO_SEED UINT64_MAX

/* What all processes see. */
struct shared {
    _Atomic uint64_t next, last;        /* the next seed to be judged; no seed after `last` is begun */
    _Atomic uint64_t current[JOBS_MAX]; /* what each is at; NO_SEED: nothing */
};

struct workers {
    const struct sim_trial *t;
    struct shared *shared;
    unsigned jobs;
    pid_t pid[JOBS_MAX]; /* 0: none */
    int pipe[2], signals;
    char scratch[PATH_MAX];
    sigset_t before;
    sim_outcome_fn *heard;
    sim_tick_fn *tick;
    void *ctx;
    int interrupted;
};
_Static_assert(sizeof(struct sim_outcome) <= PIPE_BUF, "an outcome is written whole (POSIX, write())");

static void scratch_of(const struct workers *w, unsigned i, char path[PATH_MAX + 16])
{
    snprintf(path, PATH_MAX + 16, "%s/%u", w->scratch, i);
}

static void lower(_Atomic uint64_t *last, uint64_t seed)
{
    uint64_t now = atomic_load(last);
    while (seed < now && !atomic_compare_exchange_weak(last, &now, seed)) {
        /* `now` is what another process has made of it */
    }
}

/* In the process of its own. */
static void work(const struct workers *w, unsigned i)
{
    char scratch[PATH_MAX + 16];
    struct sim_outcome out;
    scratch_of(w, i, scratch);
    for (;;) {
        uint64_t seed = atomic_fetch_add(&w->shared->next, 1);
        if (seed > atomic_load(&w->shared->last))
            return;
        atomic_store(&w->shared->current[i], seed);
        sim_trial_judge(w->t, seed, scratch, &out);
        if (w->t->o->stop && out.status != 0)
            lower(&w->shared->last, seed);
        if (write(w->pipe[1], &out, sizeof out) != (ssize_t)sizeof out)
            return;
        atomic_store(&w->shared->current[i], NO_SEED);
    }
}

static bool start(struct workers *w, unsigned i)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(INTERNAL);
        sigprocmask(SIG_SETMASK, &w->before, NULL);
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC); /* what assertions of replicas say, many times */
        if (null >= 0)
            dup2(null, STDERR_FILENO);
        work(w, i);
        _exit(0);
    }
    w->pid[i] = pid > 0 ? pid : 0;
    if (pid < 0)
        fprintf(stderr, "simulate: cannot start a process: %s\n", strerror(errno));
    return pid > 0;
}

static bool hear(struct workers *w)
{
    struct sim_outcome out;
    ssize_t n = read(w->pipe[0], &out, sizeof out);
    if (n != (ssize_t)sizeof out)
        return false;
    w->heard(w->ctx, &out);
    return true;
}

/* A process that ended while it was at a seed has failed at it; another goes on in its place. */
static bool reap(struct workers *w)
{
    bool well = true;
    for (unsigned i = 0; i < w->jobs; i++) {
        int status;
        if (w->pid[i] == 0 || waitpid(w->pid[i], &status, WNOHANG) != w->pid[i])
            continue;
        w->pid[i] = 0;
        uint64_t seed = atomic_exchange(&w->shared->current[i], NO_SEED);
        while (hear(w)) {
            /* what it had written before */
        }
        if (seed == NO_SEED)
            continue;
        struct sim_outcome out = {.seed = seed, .status = INTERNAL, .rule = "none"};
        if (WIFSIGNALED(status))
            snprintf(out.class, sizeof out.class, "no-verdict: the simulator died of signal %d", WTERMSIG(status));
        else
            snprintf(out.class, sizeof out.class, "no-verdict: the simulator ended with status %d",
                     WEXITSTATUS(status));
        if (w->t->o->stop)
            lower(&w->shared->last, seed);
        w->heard(w->ctx, &out);
        well = start(w, i) && well;
    }
    return well;
}

static unsigned running(const struct workers *w)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->jobs; i++)
        n += w->pid[i] != 0;
    return n;
}

static void end_all(struct workers *w)
{
    for (unsigned i = 0; i < w->jobs; i++)
        if (w->pid[i] != 0) {
            kill(w->pid[i], SIGKILL);
            waitpid(w->pid[i], NULL, 0);
            w->pid[i] = 0;
        }
}

static void take_signals(struct workers *w)
{
    struct signalfd_siginfo info;
    while (read(w->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGCHLD)
            w->interrupted = 128 + (int)info.ssi_signo;
}

static bool loop(struct workers *w)
{
    bool well = true;
    while (well && running(w) > 0 && !w->interrupted) {
        struct pollfd fds[] = {{.fd = w->pipe[0], .events = POLLIN}, {.fd = w->signals, .events = POLLIN}};
        if (poll(fds, 2, TICK_MS) < 0 && errno != EINTR)
            well = false;
        while (hear(w)) {
            /* all that is there */
        }
        take_signals(w);
        well = reap(w) && well;
        w->tick(w->ctx);
    }
    return well;
}

/* ---- beginning and end ---- */

static void remove_scratch(const struct workers *w)
{
    for (unsigned i = 0; i < w->jobs; i++) {
        char path[PATH_MAX + 16];
        scratch_of(w, i, path);
        DIR *d = opendir(path);
        const struct dirent *e;
        while (d && (e = readdir(d))) /* of one that was killed */
            if (e->d_name[0] != '.')
                unlinkat(dirfd(d), e->d_name, 0);
        if (d)
            closedir(d);
        rmdir(path);
    }
    rmdir(w->scratch);
}

/* In memory where there is such a place: traces live here for as long as analyze looks at them. */
static bool make_scratch(struct workers *w)
{
    const char *in = getenv("TMPDIR");
    if (!in || !*in)
        in = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(w->scratch, sizeof w->scratch, "%s/faultline-XXXXXX", in);
    bool well = mkdtemp(w->scratch) != NULL;
    for (unsigned i = 0; i < w->jobs && well; i++) {
        char path[PATH_MAX + 16];
        scratch_of(w, i, path);
        well = mkdir(path, 0700) == 0;
    }
    if (!well)
        fprintf(stderr, "simulate: cannot make a directory in %s: %s; name another one with TMPDIR\n", in,
                strerror(errno));
    return well;
}

static bool open_all(struct workers *w, uint64_t from, uint64_t to)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &w->before);
    w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    w->shared = mmap(NULL, sizeof *w->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w->signals < 0 || w->shared == MAP_FAILED || pipe2(w->pipe, O_CLOEXEC) != 0 ||
        fcntl(w->pipe[0], F_SETFL, O_NONBLOCK) != 0) {
        fprintf(stderr, "simulate: %s\n", strerror(errno));
        return false;
    }
    atomic_init(&w->shared->next, from);
    atomic_init(&w->shared->last, to);
    for (unsigned i = 0; i < JOBS_MAX; i++)
        atomic_init(&w->shared->current[i], NO_SEED);
    return make_scratch(w);
}

int sim_workers_run(const struct sim_trial *t, uint64_t from, uint64_t to, unsigned jobs, sim_outcome_fn *heard,
                    sim_tick_fn *tick, void *ctx)
{
    struct workers w = {.t = t, .jobs = jobs < JOBS_MAX ? jobs : JOBS_MAX, .heard = heard, .tick = tick, .ctx = ctx};
    bool well = open_all(&w, from, to);
    fflush(NULL);
    for (unsigned i = 0; well && i < w.jobs; i++)
        well = start(&w, i);
    well = well && loop(&w);
    end_all(&w);
    remove_scratch(&w);
    munmap(w.shared, sizeof *w.shared);
    close(w.pipe[0]);
    close(w.pipe[1]);
    close(w.signals);
    sigprocmask(SIG_SETMASK, &w.before, NULL);
    return w.interrupted ? w.interrupted : well ? 0 : INTERNAL;
}
