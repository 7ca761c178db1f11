/* What a run in virtual time costs: five replicas, eight clients of the course's kind of load, loss, duplicates,
 * delays, a partition, a pause, a kill. Prints lines of `name value unit`. Processor time of this process, and the best
 * of a few rounds: what else runs on the machine then hardly counts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../src/sim_run.h"

enum { ROUNDS = 5, SEEDS = 20 };

/* 10 s of virtual time, all phases together. */
static const char faults_on[] =
    "{\"name\": \"bench\", \"lifetime\": 7, \"start_wait\": 2, \"end_wait\": 1, \"replicas\": 5, \"mix\": 0.8,"
    " \"clients\": {\"mode\": \"shared\", \"count\": 8, \"keys\": 5, \"timeout_ms\": 700, \"rate\": 25},"
    " \"network\": {\"loss\": 0.05, \"duplicate\": 0.02, \"delay_ms\": [0, 10],"
    "  \"tail\": {\"p\": 0.01, \"ms\": [50, 500]}},"
    " \"faults\": [{\"kind\": \"partition\", \"around\": \"leader\", \"begin\": 1, \"end\": 3},"
    "  {\"kind\": \"pause\", \"node\": \"leader\", \"begin\": 4, \"end\": 4.5},"
    "  {\"kind\": \"kill\", \"node\": \"leader\", \"at\": 5}]}";

/* A log that grows: puts only, never compacted. */
static const char growing[] =
    "{\"name\": \"growing\", \"lifetime\": %d, \"start_wait\": 3, \"end_wait\": 2, \"replicas\": 5, \"mix\": 0,"
    " \"clients\": {\"mode\": \"shared\", \"count\": 8, \"keys\": 5, \"rate\": 200}}";

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct tally {
    double seconds, simulated; /* of processor time; of virtual time */
    int64_t messages;
    size_t bytes;
};

static void run(const char *scenario, uint64_t seed, bool traces, const char *const *args, struct tally *t)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    struct sim_config c;
    struct sim_result *r = calloc(1, sizeof *r);
    if (!r || sim_config_load(scenario, &c, err, warnings) != SIM_CONFIG_OK) {
        fprintf(stderr, "bench_simulate: %s\n", err);
        exit(1);
    }
    double before = cpu_seconds();
    int rc = sim_run(
        &(struct sim_plan){
            .cfg = &c, .seed = seed, .args = args, .traces = traces, .version = "bench", .quiet = true, .silent = true},
        r, err);
    t->simulated += (double)r->elapsed / SIM_SECOND;
    t->messages += r->stats.total_msgs;
    t->bytes += sim_tapes_bytes(&r->tapes);
    bool well = rc == 0 && r->verdict.correct && !r->violation.found;
    sim_result_free(r);
    free(r);
    t->seconds += cpu_seconds() - before;
    sim_config_free(&c);
    if (!well) {
        fprintf(stderr, "bench_simulate: seed %llu: the run failed: %s\n", (unsigned long long)seed, rc ? err : "");
        exit(1);
    }
}

static struct tally best_of(const char *scenario, uint64_t seeds, bool traces, const char *const *args)
{
    struct tally best = {.seconds = 1e9};
    for (int round = 0; round < ROUNDS; round++) {
        struct tally t = {.seconds = 0};
        for (uint64_t seed = 1; seed <= seeds; seed++)
            run(scenario, seed, traces, args, &t);
        if (t.seconds < best.seconds)
            best = t;
    }
    return best;
}

int main(void)
{
    struct tally off = best_of(faults_on, SEEDS, false, NULL), on = best_of(faults_on, SEEDS, true, NULL);
    printf("%-34s %10.0f s of virtual time per s\n", "untraced", off.simulated / off.seconds);
    printf("%-34s %10.0f s of virtual time per s\n", "traced", on.simulated / on.seconds);
    printf("%-34s %10.1f runs of %.1f s per s\n", "untraced", SEEDS / off.seconds, off.simulated / SEEDS);
    printf("%-34s %10.1f runs of %.1f s per s, %.0f KB of traces each\n", "traced", SEEDS / on.seconds,
           on.simulated / SEEDS, (double)on.bytes / SEEDS / 1e3);
    static const char *const never[] = {"--compact-entries", "0", "--compact-bytes", "0", NULL};
    for (int lifetime = 10; lifetime <= 1000; lifetime *= 10) {
        char scenario[600], name[64];
        snprintf(scenario, sizeof scenario, growing, lifetime);
        struct tally t = best_of(scenario, lifetime < 1000 ? 3 : 1, false, never);
        snprintf(name, sizeof name, "a log of %d entries", lifetime * 200);
        printf("%-34s %10.2f us per message between replicas\n", name, t.seconds * 1e6 / (double)t.messages);
    }
    return 0;
}
