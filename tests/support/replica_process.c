#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "replica_process.h"
#include "spawn.h"

double processes_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void processes_init(struct processes *p, unsigned n)
{
    *p = (struct processes){.n = n, .leader = NODE_NONE, .decoder = wire_decoder_new()};
    assert_non_null(p->decoder);
    spawn_tempdir(p->dir, sizeof p->dir);
    for (unsigned i = 0; i < n; i++) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        p->v[i].out = -1;
        p->v[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(p->v[i].fd >= 0);
        assert_int_equal(bind(p->v[i].fd, (struct sockaddr *)&any, sizeof any), 0);
    }
}

static unsigned port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    return ntohs(a.sin_port);
}

_Noreturn static void become(const struct processes *p, const char *const *argv, const char *const *environment,
                             int out)
{
    dup2(out, 1);
    dup2(out, 2);
    setenv("FAULTLINE_TRACE", p->dir, 1);
    setenv("FAULTLINE_RUN", "run", 1);
    for (; environment && *environment; environment++)
        putenv((char *)(uintptr_t)*environment);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

void processes_start(struct processes *p, unsigned i, const char *const *environment)
{
    static char program[4200];
    char port[8], ids[PROCESS_MAX][NODE_TEXT];
    spawn_path("replica", program, sizeof program);
    snprintf(port, sizeof port, "%u", port_of(p->v[i].fd));
    const char *argv[16] = {program, "--election-ms", "150-300", "--heartbeat-ms", "50", port};
    unsigned argc = 6;
    wire_node_text((node_id)(i + 1), ids[0]);
    argv[argc++] = ids[0];
    for (unsigned k = 0, at = 1; k < p->n; k++)
        if (k != i) {
            wire_node_text((node_id)(k + 1), ids[at]);
            argv[argc++] = ids[at++];
        }
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    p->v[i].known = false;
    p->v[i].pid = fork();
    assert_true(p->v[i].pid >= 0);
    if (p->v[i].pid == 0)
        become(p, argv, environment, fds[1]);
    close(fds[1]);
    p->v[i].out = fds[0];
}

int processes_wait(struct processes *p, unsigned i, char *out, size_t n)
{
    struct process_one *one = &p->v[i];
    size_t used = 0;
    double end = processes_now() + 30;
    while (used < n - 1) {
        struct pollfd fd = {.fd = one->out, .events = POLLIN};
        if (poll(&fd, 1, 1000) == 0) {
            if (processes_now() > end)
                fail_msg("replica %u does not end", i + 1);
            continue;
        }
        ssize_t got = read(one->out, out + used, n - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    out[used] = '\0';
    close(one->out);
    one->out = -1;
    int status;
    assert_int_equal(waitpid(one->pid, &status, 0), one->pid);
    one->pid = 0;
    return status;
}

void processes_end(struct processes *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        char rest[256];
        if (p->v[i].pid > 0) {
            kill(p->v[i].pid, SIGKILL);
            processes_wait(p, i, rest, sizeof rest);
        }
        close(p->v[i].fd);
    }
    wire_decoder_free(p->decoder);
    spawn_remove(p->dir);
}

void processes_send(struct processes *p, unsigned to, const void *bytes, size_t n)
{
    if (p->v[to].known)
        (void)sendto(p->v[to].fd, bytes, n, 0, (struct sockaddr *)&p->v[to].address, sizeof p->v[to].address);
}

static void on_datagram(struct processes *p, unsigned i, const char *bytes, size_t n, const struct sockaddr_in *from)
{
    struct process_one *one = &p->v[i];
    struct message m;
    struct wire_refusal refusal;
    if (!one->known && !*one->first)
        snprintf(one->first, sizeof one->first, "%.*s", (int)n, bytes);
    assert_true(wire_decode(p->decoder, bytes, n, &m, &refusal));
    assert_int_equal(m.src, i + 1);
    if (m.type == MESSAGE_HELLO) {
        one->known = true;
        one->address = *from;
        return;
    }
    assert_true(one->known);
    p->leader = m.leader;
    if (m.dst == PROCESS_CLIENT) {
        assert_true(p->n_answers < sizeof p->answers / sizeof *p->answers);
        struct process_answer *a = &p->answers[p->n_answers++];
        *a = (struct process_answer){.type = m.type, .by = m.src, .leader = m.leader};
        memcpy(a->mid, m.mid, sizeof a->mid);
        snprintf(a->value, sizeof a->value, "%s", m.value ? m.value : "");
    } else if (m.dst >= 1 && m.dst <= p->n) {
        processes_send(p, m.dst - 1u, bytes, n);
    }
}

bool processes_run(struct processes *p, bool (*done)(const struct processes *p), double seconds)
{
    static char buffer[65536];
    double end = processes_now() + seconds;
    while (!done(p)) {
        struct pollfd fds[PROCESS_MAX];
        for (unsigned i = 0; i < p->n; i++)
            fds[i] = (struct pollfd){.fd = p->v[i].fd, .events = POLLIN};
        double left = end - processes_now();
        if (left <= 0)
            return false;
        poll(fds, p->n, left < 0.05 ? (int)(left * 1000) + 1 : 50);
        for (unsigned i = 0; i < p->n; i++) {
            struct sockaddr_in from;
            socklen_t len = sizeof from;
            ssize_t n = recvfrom(p->v[i].fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &len);
            if (n >= 0)
                on_datagram(p, i, buffer, (size_t)n, &from);
        }
    }
    return true;
}

static const char *wanted_mid;

static bool is_answered(const struct processes *p)
{
    for (size_t i = p->n_answers; i-- > 0;)
        if (strcmp(p->answers[i].mid, wanted_mid) == 0)
            return true;
    return false;
}

struct process_answer processes_ask(struct processes *p, enum message_type type, const char *key, const char *value)
{
    static unsigned long asked;
    double end = processes_now() + 30;
    while (processes_now() < end) {
        struct message m = {.type = type, .src = PROCESS_CLIENT, .leader = p->leader, .key = key, .value = value};
        unsigned to = p->leader >= 1 && p->leader <= p->n ? p->leader - 1u : (unsigned)(asked % p->n);
        char bytes[2048];
        m.dst = (node_id)(to + 1);
        snprintf(m.mid, sizeof m.mid, "R%lu", ++asked);
        processes_send(p, to, bytes, wire_encode(&m, bytes, sizeof bytes));
        wanted_mid = m.mid;
        if (!processes_run(p, is_answered, 0.5)) {
            p->leader = NODE_NONE;
            continue;
        }
        for (size_t i = 0; i < p->n_answers; i++)
            if (strcmp(p->answers[i].mid, m.mid) == 0 && p->answers[i].type == MESSAGE_OK)
                return p->answers[i];
    }
    fail_msg("no answer to a request for %s", key);
    return (struct process_answer){0};
}
