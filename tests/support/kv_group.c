#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "free_port.h"
#include "kv_group.h"
#include "spawn.h"

#define LIMIT_S 60

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool kv_group_init(struct kv_group *g, unsigned n, int family, bool sealed)
{
    *g = (struct kv_group){.n = n, .sealed = sealed};
    for (unsigned i = 0; i < KV_GROUP_MAX; i++) {
        unsigned port = free_port(family);
        if (!port)
            return false;
        snprintf(g->at[i], sizeof g->at[i], family == AF_INET6 ? "[::1]:%u" : "127.0.0.1:%u", port);
    }
    char data[4200];
    spawn_tempdir(g->dir, sizeof g->dir);
    snprintf(data, sizeof data, "%s/data", g->dir);
    assert_int_equal(mkdir(data, 0700), 0);
    snprintf(g->key_file, sizeof g->key_file, "%s/key", g->dir);
    int fd = open(g->key_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "thirty-two bytes that are secret", 32), 32);
    close(fd);
    return true;
}

void kv_group_start(struct kv_group *g, unsigned i, bool join)
{
    static char program[4200], data[4200], traces[4200], peers[KV_GROUP_MAX][80];
    char out[4200], id[8];
    const char *argv[40] = {program,   "--data",         data,  "--trace",  traces,  "--election-ms",
                            "300-600", "--heartbeat-ms", "100", "--listen", g->at[i]};
    unsigned n = 11;
    spawn_path("replica", program, sizeof program);
    snprintf(data, sizeof data, "%s/data", g->dir);
    snprintf(traces, sizeof traces, "%s/traces", g->dir);
    snprintf(out, sizeof out, "%s/%04X.out", g->dir, i + 1);
    snprintf(id, sizeof id, "%04X", i + 1);
    for (unsigned k = 0; k < g->n; k++) {
        snprintf(peers[k], sizeof peers[k], "%04X=%s", k + 1, g->at[k]);
        argv[n++] = "--peer";
        argv[n++] = peers[k];
    }
    if (g->sealed) {
        argv[n++] = "--key-file";
        argv[n++] = g->key_file;
    }
    if (join)
        argv[n++] = "--join";
    argv[n++] = id;
    g->pid[i] = fork();
    assert_true(g->pid[i] >= 0);
    if (g->pid[i])
        return;
    int fd = open(out, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    setenv("FAULTLINE_RUN", "run", 1);
    execv(program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

int kv_group_end(struct kv_group *g, unsigned i, int sig)
{
    int status;
    assert_true(g->pid[i] > 0);
    assert_int_equal(kill(g->pid[i], sig), 0);
    assert_int_equal(waitpid(g->pid[i], &status, 0), g->pid[i]);
    g->pid[i] = 0;
    return status;
}

void kv_group_clean(struct kv_group *g)
{
    for (unsigned i = 0; i < KV_GROUP_MAX; i++)
        if (g->pid[i] > 0)
            (void)kv_group_end(g, i, SIGKILL);
    if (*g->dir)
        spawn_remove(g->dir);
    *g->dir = '\0';
}

int kv_run(struct kv_group *g, const char *const *words)
{
    static char program[4200], servers[KV_GROUP_MAX * 64];
    const char *argv[20] = {program, "--timeout-ms", "20000", "--server", servers};
    unsigned n = 5;
    spawn_path("kv", program, sizeof program);
    *servers = '\0';
    for (unsigned i = 0; i < g->n; i++)
        snprintf(servers + strlen(servers), sizeof servers - strlen(servers), "%s%s", i ? "," : "", g->at[i]);
    if (g->sealed) {
        argv[n++] = "--key-file";
        argv[n++] = g->key_file;
    }
    while (*words)
        argv[n++] = *words++;
    return spawn_run(argv, LIMIT_S, g->out, sizeof g->out);
}

json_t *kv_status(struct kv_group *g)
{
    if (KV(g, "status", "--json") != 0)
        return NULL;
    json_t *status = json_loads(g->out, 0, NULL);
    if (!status)
        fail_msg("no JSON: %s", g->out);
    return status;
}

static json_int_t integer(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* Which leads, when all is as kv_settled() says; else -1. */
static int settled(const json_t *status, unsigned n)
{
    const char *leader = json_string_value(json_object_get(status, "leader"));
    const json_t *servers = json_object_get(status, "servers"), *first = NULL, *one;
    size_t i;
    unsigned even = 0;
    json_array_foreach(servers, i, one)
    {
        const char *id = json_string_value(json_object_get(one, "id"));
        if (leader && id && strcmp(id, leader) == 0)
            first = one;
    }
    json_array_foreach(servers, i, one)
    {
        even += first && json_is_true(json_object_get(one, "answered")) &&
                integer(one, "applied") == integer(first, "last") && integer(one, "term") == integer(first, "term");
    }
    return even >= n && integer(first, "commit") == integer(first, "last") ? (int)strtol(leader, NULL, 16) - 1 : -1;
}

unsigned kv_settled(struct kv_group *g, unsigned n)
{
    double end = now() + LIMIT_S;
    int leader = -1;
    while (leader < 0 && now() < end) {
        json_t *status = kv_status(g);
        leader = settled(status, n);
        json_decref(status);
        if (leader < 0)
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    if (leader < 0)
        fail_msg("not settled: %s", g->out);
    return (unsigned)leader;
}

static unsigned refused_in(const char *path, const char *why)
{
    static char line[1 << 20];
    char wanted[64];
    unsigned n = 0;
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    snprintf(wanted, sizeof wanted, "\"why\":\"%s\"", why);
    while (fgets(line, sizeof line, f))
        n += strstr(line, "\"ev\":\"msg.bad\"") && strstr(line, wanted);
    fclose(f);
    return n;
}

unsigned kv_refused(const struct kv_group *g, unsigned i, const char *why)
{
    char dir[4200], id[8], path[4600];
    unsigned n = 0;
    snprintf(dir, sizeof dir, "%s/traces/run", g->dir);
    snprintf(id, sizeof id, "%04X.", i + 1);
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));) {
        if (strncmp(e->d_name, id, strlen(id)) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        n += refused_in(path, why);
    }
    closedir(d);
    return n;
}
