#include "sim_tries.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "trace.h"

enum { LIKE = 0, OTHER = 1 };

static volatile sig_atomic_t came;

static void note(int sig)
{
    came = sig;
}

static void scratch_of(const struct sim_tries *t, unsigned i, char path[SIM_PATH_MAX + 16])
{
    snprintf(path, SIM_PATH_MAX + 16, "%s/%u", t->scratch, i);
}

bool sim_tries_open(struct sim_tries *t)
{
    if (!sim_case_scratch(t->scratch))
        return false;
    for (unsigned i = 0; i < t->jobs; i++) {
        char path[SIM_PATH_MAX + 16];
        scratch_of(t, i, path);
        if (mkdir(path, 0700) != 0) {
            fprintf(stderr, "simulate: %s: %s\n", path, strerror(errno));
            return false;
        }
    }
    const struct sigaction sa = {.sa_handler = note};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    return true;
}

void sim_tries_close(struct sim_tries *t)
{
    for (unsigned i = 0; i < t->jobs; i++) {
        char path[SIM_PATH_MAX + 16];
        scratch_of(t, i, path);
        sim_case_empty(path); /* of one that was ended */
        rmdir(path);
    }
    rmdir(t->scratch);
}

int sim_tries_signal(void)
{
    return came;
}

bool sim_tries_over(const struct sim_tries *t)
{
    return came != 0 || trace_mono_ns() >= t->until_ns;
}

/* In a process of its own: a case that ends it has not failed as it must. */
static int try_one(const struct sim_tries *t, const struct sim_case *c, const char *scratch)
{
    struct sim_result *r = calloc(1, sizeof *r);
    struct sim_failure f;
    if (!r)
        abort();
    int rc = sim_case_run(c, t->of, r);
    if (rc == 0)
        sim_case_judge(r, scratch, &t->like, &f);
    return rc == 0 && sim_failure_like(&f, &t->like) ? LIKE : OTHER;
}

struct attempt {
    pid_t pid; /* 0: none */
    size_t i;
    struct sim_case c;
};

static void begin(const struct sim_tries *t, struct attempt *a, unsigned slot)
{
    char path[SIM_PATH_MAX + 16];
    pid_t parent = getpid();
    scratch_of(t, slot, path);
    sim_case_empty(path);
    fflush(NULL);
    a->pid = fork();
    setpgid(a->pid, a->pid); /* it, and the analyze that it starts, are ended together; both sides do this */
    if (a->pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC); /* what assertions of replicas say, many times */
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    _exit(getppid() == parent ? try_one(t, &a->c, path) : OTHER);
}

static void end(struct attempt *a, bool by_force)
{
    if (a->pid > 0 && by_force) {
        kill(-a->pid, SIGKILL);
        waitpid(a->pid, NULL, 0);
    }
    if (a->pid > 0)
        sim_case_free(&a->c);
    a->pid = 0;
}

/* One that has ended; -1: none has. */
static int ended(struct attempt *a, unsigned jobs, int *status)
{
    for (unsigned k = 0; k < jobs; k++)
        if (a[k].pid > 0 && waitpid(a[k].pid, status, WNOHANG) == a[k].pid)
            return (int)k;
    return -1;
}

static unsigned under_way(const struct attempt *a, unsigned jobs)
{
    unsigned n = 0;
    for (unsigned k = 0; k < jobs; k++)
        n += a[k].pid > 0;
    return n;
}

size_t sim_tries_first(struct sim_tries *t, size_t n, sim_make_fn *make, void *ctx, struct sim_case *found)
{
    struct attempt a[SIM_TRIES_JOBS] = {{.pid = 0}};
    size_t next = 0, best = n;
    while (!sim_tries_over(t)) {
        for (unsigned k = 0; k < t->jobs; k++)
            while (a[k].pid <= 0 && next < n && next < best) {
                a[k].i = next++;
                if (make(ctx, a[k].i, &a[k].c))
                    begin(t, &a[k], k);
                t->tried++;
            }
        if (under_way(a, t->jobs) == 0)
            break;
        int status = 0, k = ended(a, t->jobs, &status);
        if (k < 0) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            t->tick(t->ctx, t->tried);
            continue;
        }
        bool like = WIFEXITED(status) && WEXITSTATUS(status) == LIKE;
        if (like && a[k].i < best) {
            if (best < n)
                sim_case_free(found);
            best = a[k].i;
            *found = sim_case_copy(&a[k].c);
        }
        end(&a[k], false);
        for (unsigned m = 0; m < t->jobs; m++) /* they cannot be the first any more */
            if (a[m].pid > 0 && a[m].i > best)
                end(&a[m], true);
    }
    for (unsigned k = 0; k < t->jobs; k++)
        end(&a[k], true);
    return best;
}
