/* What judging a history costs, once it is loaded: processor time of all threads, and the most memory that was in use.
 * Prints a line for each shape. `bench_lin OPS CLIENTS KEYS VALUES UNKNOWN_PCT CAS_PCT LIES` judges one shape alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../analyze/lin.h"
#include "../../trace/trace.h"
#include "history_make.h"

#define SEARCH_NS INT64_C(60000000000)

static double cpu_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double peak_mb(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

static int judge(const struct history_shape *s)
{
    struct history h;
    history_init(&h);
    if (!history_make(&h, s)) {
        fprintf(stderr, "bench_lin: out of memory\n");
        return 1;
    }
    double loaded_mb = peak_mb(), from = cpu_s();
    uint64_t wall = trace_mono_ns();
    struct lin_report r;
    bool ok = lin_judge(&r, &h, &(struct lin_options){.deadline_ns = (int64_t)wall + SEARCH_NS});
    double cpu = cpu_s() - from, real = (double)(trace_mono_ns() - wall) / 1e9;
    size_t proof = 0;
    for (size_t i = 0; i < r.n; i++)
        proof = r.keys[i].answer == LIN_BAD ? r.keys[i].witness.n : proof;
    printf("%9u %7u %5u %6u %4u%% %3u%% %5u  %-9s %6zu %8.3f %8.3f %7.0f %7.0f\n", s->ops, s->clients, s->keys,
           s->values, s->unknown_pct, s->cas_pct, s->lies,
           !ok               ? "memory"
           : r.bad > 0       ? "bad"
           : r.undecided > 0 ? "undecided"
                             : "ok",
           proof, cpu, real, loaded_mb, peak_mb());
    fflush(stdout);
    lin_report_free(&r);
    history_free(&h);
    return ok ? 0 : 1;
}

/* Each shape in a process of its own, so that its memory is its own. */
static int apart(const struct history_shape *s)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(judge(s));
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

static int all(void)
{
    static const uint32_t clients[] = {5, 20, 100}, keys[] = {1, 10, 1000};
    int failed = 0;
    printf("%9s %7s %5s %6s %5s %4s %5s  %-9s %6s %8s %8s %7s %7s\n", "ops", "clients", "keys", "values", "unkn", "cas",
           "lies", "verdict", "proof", "cpu s", "real s", "load MB", "peak MB");
    for (size_t c = 0; c < sizeof clients / sizeof *clients; c++) {
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            for (uint32_t i = 0; i < 4; i++)
                failed |= apart(&(struct history_shape){.ops = 1000000,
                                                        .clients = clients[c],
                                                        .keys = keys[k],
                                                        .unknown_pct = i % 2 * 5,
                                                        .lies = i / 2,
                                                        .seed = 7 + i});
        }
    }
    failed |= apart(&(struct history_shape){.ops = 10000000, .clients = 20, .keys = 1, .unknown_pct = 5, .seed = 3});
    failed |= apart(
        &(struct history_shape){.ops = 10000000, .clients = 20, .keys = 1000, .unknown_pct = 5, .lies = 1, .seed = 3});
    static const struct history_shape repeated[] = {
        {.ops = 10000, .clients = 5, .keys = 1, .values = 5, .seed = 1},
        {.ops = 10000, .clients = 20, .keys = 1, .values = 5, .seed = 1},
        {.ops = 10000, .clients = 20, .keys = 1, .values = 5, .lies = 300, .seed = 1},
        {.ops = 10000, .clients = 20, .keys = 1, .values = 5, .unknown_pct = 5, .seed = 1},
        {.ops = 10000, .clients = 5, .keys = 1, .values = 5, .unknown_pct = 2, .lies = 2000, .seed = 1},
        {.ops = 10000, .clients = 100, .keys = 1, .values = 20, .unknown_pct = 5, .seed = 1},
        {.ops = 100000, .clients = 20, .keys = 1, .values = 5, .unknown_pct = 5, .seed = 1},
        {.ops = 10000, .clients = 10, .keys = 10, .values = 5, .unknown_pct = 5, .cas_pct = 30, .seed = 1},
        {.ops = 10000, .clients = 10, .keys = 1, .values = 5, .cas_pct = 30, .lies = 10, .seed = 1},
        {.ops = 10000, .clients = 10, .keys = 1, .values = 5, .unknown_pct = 5, .cas_pct = 30, .seed = 1},
    };
    for (size_t i = 0; i < sizeof repeated / sizeof *repeated; i++)
        failed |= apart(&repeated[i]);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return all();
    if (argc != 8) {
        fprintf(stderr, "usage: bench_lin [OPS CLIENTS KEYS VALUES UNKNOWN_PCT CAS_PCT LIES]\n");
        return 64;
    }
    uint32_t v[7];
    for (int i = 0; i < 7; i++)
        v[i] = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    return judge(&(struct history_shape){.ops = v[0],
                                         .clients = v[1] > 0 ? v[1] : 1,
                                         .keys = v[2] > 0 ? v[2] : 1,
                                         .values = v[3],
                                         .unknown_pct = v[4],
                                         .cas_pct = v[5],
                                         .lies = v[6],
                                         .seed = 1});
}
