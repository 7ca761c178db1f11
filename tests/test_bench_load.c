/* The measuring itself: a percentile that is wrong, or a client that asks twice at a time, would make every figure of
 * the benchmark wrong without a sign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/closed_loop.h"
#include "bench/udp_client.h"

/* ---- histogram ---- */

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void percentiles_are_right_to_a_64th(void **state)
{
    (void)state;
    enum { N = 5000 };
    static uint64_t v[N];
    static struct histogram h;
    uint64_t x = 88172645463325252u; /* xorshift64: Marsaglia 2003 */
    for (int i = 0; i < N; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        v[i] = x >> (x % 64); /* of every order of magnitude */
        histogram_add(&h, v[i]);
    }
    qsort(v, N, sizeof *v, by_value);
    static const double shares[] = {0.01, 0.25, 0.5, 0.9, 0.99, 1};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        uint64_t exact = v[(int)(shares[i] * N + 0.5) - 1], got = histogram_at(&h, shares[i]);
        assert_true(got >= exact);
        assert_true((double)(got - exact) <= (double)exact / 64);
    }
}

static void an_empty_histogram_has_no_percentile(void **state)
{
    (void)state;
    static struct histogram h;
    assert_int_equal(histogram_at(&h, 0.5), 0);
}

/* ---- closed loop ---- */

struct fake {
    bool asked[LOAD_CLIENTS_MAX];
    unsigned n_asked, most;
    uint64_t answered, at_mark[2];
};

static void fake_ask(void *ctx, unsigned client, enum load_op op, const char *key, const char *value)
{
    struct fake *f = ctx;
    assert_int_equal(op, LOAD_PUT);
    assert_int_equal(strlen(key), LOAD_TEXT);
    assert_int_equal(strlen(value), LOAD_TEXT);
    assert_false(f->asked[client]);
    f->asked[client] = true;
    if (++f->n_asked > f->most)
        f->most = f->n_asked;
}

static int fake_answers(void *ctx, int wait_ms, unsigned done[LOAD_CLIENTS_MAX], char err[LOAD_ERR_LEN])
{
    struct fake *f = ctx;
    (void)wait_ms, (void)err;
    int n = 0;
    for (unsigned c = 0; c < LOAD_CLIENTS_MAX && n < 3; c++)
        if (f->asked[c]) {
            f->asked[c] = false;
            f->n_asked--;
            done[n++] = c;
        }
    f->answered += (uint64_t)n;
    return n;
}

static void fake_mark(void *ctx, bool end)
{
    struct fake *f = ctx;
    assert_int_equal(f->n_asked, 0);
    f->at_mark[end] = f->answered;
}

static void each_client_has_one_request_under_way(void **state)
{
    (void)state;
    struct fake f = {0};
    static struct load_result r;
    char err[LOAD_ERR_LEN];
    const struct load_server server = {.ctx = &f, .ask = fake_ask, .answers = fake_answers};
    const struct load load = {
        .op = LOAD_PUT, .clients = 8, .warm_s = 0.01, .measure_s = 0.05, .mark = fake_mark, .mark_ctx = &f};
    assert_true(closed_loop(&server, &load, &r, err));
    assert_int_equal(f.most, 8);
    assert_int_equal(f.n_asked, 0);
    assert_int_equal(r.all, f.at_mark[1] - f.at_mark[0]);
    assert_true(r.ops > 0 && r.ops <= r.all && r.all <= r.ops + 8);
    assert_int_equal(r.latency.n, r.ops);
}

/* ---- the clients of a group ---- */

/* A group of two, of which 0001 leads, in one process: it loses every seventh datagram, and puts are counted by MID. */
static void serve(const int fd[2])
{
    for (unsigned i = 0;; i++) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd[0], &set);
        FD_SET(fd[1], &set);
        select(fd[1] + 1, &set, NULL, NULL, NULL);
        int k = FD_ISSET(fd[0], &set) ? 0 : 1;
        struct sockaddr_in from;
        socklen_t n_from = sizeof from;
        char in[1024], out[256];
        ssize_t n = recvfrom(fd[k], in, sizeof in - 1, 0, (struct sockaddr *)&from, &n_from);
        if (n <= 0 || i % 7 == 3)
            continue;
        in[n] = '\0';
        int used =
            snprintf(out, sizeof out,
                     "{\"src\":\"000%d\",\"dst\":\"%.4s\",\"leader\":\"0001\",\"type\":\"%s\",\"MID\":\"%.16s\"}", k,
                     strstr(in, "\"src\":\"") + 7, k == 1 ? "ok" : "redirect", strstr(in, "\"MID\":\"") + 7);
        sendto(fd[k], out, (size_t)used, 0, (struct sockaddr *)&from, n_from);
    }
}

static void clients_follow_redirects_and_outlive_loss(void **state)
{
    (void)state;
    int fd[2];
    uint16_t port[2];
    for (int k = 0; k < 2; k++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof a;
        fd[k] = socket(AF_INET, SOCK_DGRAM, 0);
        assert_int_equal(bind(fd[k], (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(getsockname(fd[k], (struct sockaddr *)&a, &n), 0);
        port[k] = ntohs(a.sin_port);
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(60);
        serve(fd);
    }
    struct udp_client *u = udp_client_new(port, 2);
    assert_non_null(u);
    const struct load_server server = udp_client_server(u);
    static struct load_result r;
    char err[LOAD_ERR_LEN];
    assert_true(closed_loop(&server, &(struct load){.op = LOAD_PUT, .clients = 4, .measure_s = 2}, &r, err));
    assert_true(r.ops > 4);
    assert_int_equal(udp_client_leader(u), 1);
    assert_true(udp_client_retries(u) > 0);
    udp_client_free(u);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_right_to_a_64th),
        cmocka_unit_test(an_empty_histogram_has_no_percentile),
        cmocka_unit_test(each_client_has_one_request_under_way),
        cmocka_unit_test(clients_follow_redirects_and_outlive_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
