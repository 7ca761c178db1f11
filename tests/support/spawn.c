#include "spawn.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void spawn_path(const char *program, char *out, size_t n)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert(len > 0);
    self[len] = '\0';
    for (int up = 0; up < 2; up++) /* BUILD/tests/test_x -> BUILD */
        *strrchr(self, '/') = '\0';
    int used = snprintf(out, n, "%s/%s", self, program);
    assert(used > 0 && (size_t)used < n);
    (void)used;
}

static long now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000L + ts.tv_nsec / 1000000L;
}

int spawn_run(const char *const *argv, unsigned seconds, char *out, size_t n)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        abort();
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(null, 0);
        dup2(fds[1], 1);
        dup2(fds[1], 2);
        execv(argv[0], (char *const *)(void *)argv);
        _exit(127);
    }
    close(fds[1]);
    long deadline = now_ms() + (long)seconds * 1000;
    size_t used = 0;
    bool late = false;
    for (;;) {
        long left = deadline - now_ms();
        struct pollfd p = {.fd = fds[0], .events = POLLIN};
        if (left <= 0 || poll(&p, 1, (int)left) == 0) {
            late = true;
            kill(pid, SIGKILL);
            break;
        }
        char chunk[4096];
        ssize_t got = read(fds[0], chunk, sizeof chunk);
        if (got <= 0)
            break;
        size_t keep = (size_t)got < n - 1 - used ? (size_t)got : n - 1 - used;
        memcpy(out + used, chunk, keep);
        used += keep;
    }
    out[used] = '\0';
    close(fds[0]);
    int status = 0;
    waitpid(pid, &status, 0);
    if (late)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void spawn_tempdir(char *out, size_t n)
{
    const char *tmp = getenv("TMPDIR");
    int used = snprintf(out, n, "%s/faultline-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (used < 0 || (size_t)used >= n || !mkdtemp(out))
        abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

void spawn_remove(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
