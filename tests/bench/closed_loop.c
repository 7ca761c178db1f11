#include "closed_loop.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SILENCE_NS UINT64_C(10000000000)

volatile int load_interrupted;

uint64_t load_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static double own_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

struct run {
    const struct load_server *server;
    const struct load *load;
    uint64_t began[LOAD_CLIENTS_MAX];
    uint64_t rng;
    unsigned under_way;
};

/* xorshift64*: Vigna 2016. */
static uint64_t next_random(struct run *r)
{
    r->rng ^= r->rng >> 12;
    r->rng ^= r->rng << 25;
    r->rng ^= r->rng >> 27;
    return r->rng * UINT64_C(2685821657736338717);
}

static void hex(char out[17], uint64_t v)
{
    for (int i = 15; i >= 0; i--, v >>= 4)
        out[i] = "0123456789ABCDEF"[v & 15];
}

static void ask(struct run *r, unsigned client, uint64_t now)
{
    char key[LOAD_TEXT + 1] = "BENCHKEY00000000", value[LOAD_TEXT + 1];
    uint64_t x = next_random(r);
    hex(key + 16, x % LOAD_KEYS);
    hex(value, x);
    hex(value + 16, ~x);
    key[LOAD_TEXT] = value[LOAD_TEXT] = '\0';
    r->began[client] = now;
    r->under_way++;
    r->server->ask(r->server->ctx, client, r->load->op, key, value);
}

/* Until `until` (and then until every request is answered). `out`: counts what is answered before `until`. */
static bool phase(struct run *r, uint64_t until, struct load_result *out, char err[LOAD_ERR_LEN])
{
    uint64_t now = load_now_ns(), heard = now;
    for (unsigned c = 0; c < r->load->clients; c++)
        ask(r, c, now);
    while (r->under_way > 0) {
        unsigned done[LOAD_CLIENTS_MAX];
        int n = r->server->answers(r->server->ctx, 100, done, err);
        if (n < 0)
            return false;
        now = load_now_ns();
        if (load_interrupted || (n == 0 && now - heard > SILENCE_NS)) {
            snprintf(err, LOAD_ERR_LEN, load_interrupted ? "interrupted" : "no answer for ten seconds");
            return false;
        }
        if (n > 0)
            heard = now;
        r->under_way -= (unsigned)n;
        if (out)
            out->all += (unsigned)n;
        for (int i = 0; i < n; i++) {
            if (out && now <= until) {
                out->ops++;
                histogram_add(&out->latency, now - r->began[done[i]]);
            }
            if (now < until)
                ask(r, done[i], now);
        }
    }
    return true;
}

bool closed_loop(const struct load_server *server, const struct load *load, struct load_result *out,
                 char err[LOAD_ERR_LEN])
{
    struct run r = {.server = server, .load = load, .rng = UINT64_C(0x9e3779b97f4a7c15) + load->clients};
    memset(out, 0, sizeof *out);
    if (!phase(&r, load_now_ns() + (uint64_t)(load->warm_s * 1e9), NULL, err))
        return false;
    if (load->mark)
        load->mark(load->mark_ctx, false);
    double cpu = own_cpu_s();
    uint64_t begin = load_now_ns();
    if (!phase(&r, begin + (uint64_t)(load->measure_s * 1e9), out, err))
        return false;
    out->own_cpu_s = own_cpu_s() - cpu;
    out->seconds = load->measure_s;
    if (load->mark)
        load->mark(load->mark_ctx, true);
    return true;
}
