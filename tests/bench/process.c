#include "process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

pid_t process_start(const char *const *argv, const char *log)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDONLY), out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    execvp(argv[0], (char *const *)(void *)argv);
    _exit(127);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

void process_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    for (int i = 0; i < 1000; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return;
        sleep_ms(5);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

bool process_gone(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

/* The fields of /proc/PID/stat after the name, which may contain anything; the first is field 3. */
static char *stat_fields(pid_t pid, char *buffer, size_t n)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return NULL;
    size_t got = fread(buffer, 1, n - 1, f);
    fclose(f);
    buffer[got] = '\0';
    char *end = strrchr(buffer, ')');
    return end ? end + 2 : NULL;
}

double process_cpu_s(pid_t pid)
{
    char buffer[1024];
    const char *at = stat_fields(pid, buffer, sizeof buffer);
    for (int field = 3; at && field < 14; field++)
        at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
    unsigned long user, system;
    if (!at || sscanf(at, "%lu %lu", &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

uint64_t process_rss(pid_t pid)
{
    char buffer[1024];
    const char *at = stat_fields(pid, buffer, sizeof buffer);
    for (int field = 3; at && field < 24; field++)
        at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
    return at ? strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

bool process_found(const char *program)
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t n = strcspn(at, ":");
        char path[4096];
        snprintf(path, sizeof path, "%.*s/%s", (int)n, at, program);
        if (access(path, X_OK) == 0)
            return true;
        at += n + (at[n] == ':');
    }
    return false;
}

static uint16_t bound_port(int type, uint16_t port, int *fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    *fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && bind(*fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(*fd, (struct sockaddr *)&a, &n) == 0)
        return ntohs(a.sin_port);
    return 0;
}

uint16_t process_free_port(void)
{
    for (int i = 0; i < 100; i++) {
        int udp, tcp;
        uint16_t port = bound_port(SOCK_DGRAM, 0, &udp);
        bool both = port != 0 && bound_port(SOCK_STREAM, port, &tcp) == port;
        if (port != 0)
            close(tcp);
        close(udp);
        if (both)
            return port;
    }
    return 0;
}

bool process_tempdir(const char *parent, char out[PROCESS_PATH])
{
    int n = snprintf(out, PROCESS_PATH, "%s/faultline-bench-XXXXXX", parent);
    return n > 0 && n < PROCESS_PATH && mkdtemp(out) != NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

void process_remove(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
