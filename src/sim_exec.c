#include "sim_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_pair(int fd[2])
{
    close(fd[0]);
    close(fd[1]);
}

static void default_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

/* In the child: becomes the replica, or tells why not through `report`. */
_Noreturn static void become(const char *const *argv, const struct sim_variable *variables, pid_t parent,
                             const int out[2], int report)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    default_signals();
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ready = null >= 0 && dup2(null, 0) == 0 && dup2(out[0], 1) == 1 && dup2(out[1], 2) == 2;
    for (const struct sim_variable *v = variables; ready && v->name; v++)
        ready = setenv(v->name, v->value, 1) == 0;
    if (ready)
        execvp(argv[0], (char *const *)(uintptr_t)argv);
    int e = errno;
    ssize_t told = write(report, &e, sizeof e);
    _exit(told > 0 ? 127 : 126);
}

bool sim_proc_start(struct sim_proc *p, const char *const *argv, const struct sim_variable *variables, int64_t now,
                    char err[256])
{
    *p = (struct sim_proc){.out = {-1, -1}};
    int out[2], errs[2], report[2];
    if (pipe2(out, O_CLOEXEC) != 0)
        goto no_pipe;
    if (pipe2(errs, O_CLOEXEC) != 0) {
        close_pair(out);
        goto no_pipe;
    }
    if (pipe2(report, O_CLOEXEC) != 0) {
        close_pair(out);
        close_pair(errs);
        goto no_pipe;
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, variables, parent, (int[]){out[1], errs[1]}, report[1]);
    close(out[1]);
    close(errs[1]);
    close(report[1]);
    int e = pid < 0 ? errno : 0;
    if (pid > 0 && read(report[0], &e, sizeof e) > 0)
        waitpid(pid, NULL, 0);
    close(report[0]);
    if (e != 0) {
        close(out[0]);
        close(errs[0]);
        snprintf(err, 256, "cannot start %s: %s", argv[0], strerror(e));
        return false;
    }
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(errs[0], F_SETFL, O_NONBLOCK);
    p->state = SIM_PROC_RUNNING;
    p->pid = pid;
    p->out[0] = out[0];
    p->out[1] = errs[0];
    sim_lines_init(&p->lines[0], now);
    sim_lines_init(&p->lines[1], now);
    return true;
no_pipe:
    snprintf(err, 256, "cannot make a pipe: %s", strerror(errno));
    return false;
}

void sim_proc_signal(const struct sim_proc *p, int sig)
{
    if (p->state == SIM_PROC_RUNNING)
        kill(-p->pid, sig);
}

bool sim_proc_reap(struct sim_proc *p)
{
    siginfo_t info = {0};
    if (p->state != SIM_PROC_RUNNING || waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0)
        return false;
    kill(-p->pid, SIGKILL); /* while its number is still taken: nobody else can be meant */
    waitpid(p->pid, &p->status, 0);
    p->state = SIM_PROC_ENDED;
    return true;
}

void sim_proc_read(struct sim_proc *p, int fd, int64_t now, sim_line_fn *fn, void *ctx)
{
    char chunk[65536];
    int *from = &p->out[fd - 1];
    if (*from < 0)
        return;
    ssize_t n = read(*from, chunk, sizeof chunk);
    if (n > 0) {
        sim_lines_feed(&p->lines[fd - 1], now, chunk, (size_t)n, fn, ctx);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        sim_lines_end(&p->lines[fd - 1], now, fn, ctx);
        close(*from);
        *from = -1;
    }
}

void sim_proc_drain(struct sim_proc *p, int fd, int64_t now, sim_line_fn *fn, void *ctx)
{
    int *from = &p->out[fd - 1];
    for (int i = 0; i < 16 && *from >= 0; i++) /* 1 MiB: more than a pipe holds */
        sim_proc_read(p, fd, now, fn, ctx);
    if (*from >= 0) {
        sim_lines_end(&p->lines[fd - 1], now, fn, ctx);
        close(*from);
        *from = -1;
    }
}
