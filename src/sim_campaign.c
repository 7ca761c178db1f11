#include "sim_campaign.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "sim_class.h"
#include "sim_dir.h"
#include "sim_workers.h"
#include "trace.h"

enum { BAD_DATA = 65, NO_INPUT = 66, CANNOT_CREATE = 73, IO_ERROR = 74, KEEP_OF_EACH = 5 };

struct campaign {
    const struct sim_options *o;
    struct sim_config c;
    struct sim_classes classes;
    uint64_t lowest; /* seed that failed */
    struct sim_outcome *later;
    size_t n_later, room_later; /* with o->stop: all until the end, when those of greater seeds, judged or not by
                                 * chance, are left out */
    uint64_t *kept;             /* seeds */
    size_t n_kept;
    struct sim_coverage *coverage; /* NULL: nobody wants to know */
    struct sim_corpus corpus;      /* with o->mutate */
    char dir[SIM_PATH_MAX];
    uint64_t started_ns, shown_ns;
    bool progress; /* stderr is a terminal */
    bool quiet;
};

/* ---- while it runs ---- */

static void show_progress(struct campaign *k, bool last)
{
    uint64_t now = trace_mono_ns(), all = k->o->seed_to - k->o->seed_from + 1;
    if (!k->progress || (!last && now - k->shown_ns < 500000000))
        return;
    k->shown_ns = now;
    double seconds = (double)(now - k->started_ns) / 1e9, rate = (double)k->classes.runs / (seconds > 0 ? seconds : 1);
    fprintf(stderr, "\r%" PRIu64 "/%" PRIu64 " seeds, %" PRIu64 " failed in %zu classes, %.0f a second, %.0f s left   ",
            k->classes.runs, all, k->classes.failed + k->classes.undecided + k->classes.unjudged, k->classes.n, rate,
            rate > 0 ? (double)(all - k->classes.runs) / rate : 0);
    if (last)
        fputc('\n', stderr);
    fflush(stderr);
}

static void heard(void *ctx, const struct sim_outcome *o)
{
    struct campaign *k = ctx;
    if (!k->o->stop) {
        sim_classes_add(&k->classes, o);
        return;
    }
    if (k->n_later == k->room_later) {
        k->room_later = k->room_later ? 2 * k->room_later : 256;
        k->later = realloc(k->later, k->room_later * sizeof *k->later);
        if (!k->later)
            abort();
    }
    k->later[k->n_later++] = *o;
    if (o->status != 0 && o->seed < k->lowest)
        k->lowest = o->seed;
}

static void count_up_to_the_lowest(struct campaign *k)
{
    for (size_t i = 0; i < k->n_later; i++)
        if (k->later[i].seed <= k->lowest)
            sim_classes_add(&k->classes, &k->later[i]);
    free(k->later);
    k->later = NULL;
}

static void tick(void *ctx)
{
    show_progress(ctx, false);
}

/* ---- what is left of it ---- */

static int keep(struct campaign *k, const struct sim_trial *t, uint64_t seed)
{
    char path[SIM_PATH_MAX + 32], err[512] = "";
    for (size_t i = 0; i < k->n_kept; i++)
        if (k->kept[i] == seed)
            return 0;
    k->kept = realloc(k->kept, (k->n_kept + 1) * sizeof *k->kept);
    if (!k->kept)
        abort();
    k->kept[k->n_kept++] = seed;
    snprintf(path, sizeof path, "%s/%" PRIu64, k->dir, seed);
    int rc = sim_trial_keep(t, seed, true, path, err);
    if (rc != 0)
        fprintf(stderr, "simulate: the run of seed %" PRIu64 " is not kept: %s\n", seed, err);
    return rc;
}

static int keep_all(struct campaign *k, const struct sim_trial *t)
{
    int rc = 0;
    for (size_t i = 0; i < k->classes.n && rc == 0; i++) {
        const struct sim_class *c = &k->classes.v[i];
        if (c->first.status > 2)
            continue; /* the next to die of it would be we */
        rc = keep(k, t, c->smallest.seed);
        for (size_t s = 0; s < c->n && s < KEEP_OF_EACH && rc == 0; s++)
            rc = keep(k, t, c->seed[s]);
    }
    return rc;
}

static int write_summary(const struct campaign *k, int status)
{
    char path[SIM_PATH_MAX + 32];
    const struct sim_classes *c = &k->classes;
    json_t *o = json_pack("{s:s, s:s, s:[I,I], s:I, s:I, s:I, s:I, s:I, s:i, s:o}", "schema", "faultline-campaign/1",
                          "name", k->c.name, "seeds", (json_int_t)k->o->seed_from, (json_int_t)k->o->seed_to, "runs",
                          (json_int_t)c->runs, "failed", (json_int_t)c->failed, "undecided", (json_int_t)c->undecided,
                          "unjudged", (json_int_t)c->unjudged, "virtual_ns", (json_int_t)c->elapsed, "status", status,
                          "classes", sim_classes_json(c));
    snprintf(path, sizeof path, "%s/campaign.json", k->dir);
    int rc = o && json_dump_file(o, path, JSON_INDENT(2)) == 0 ? 0 : IO_ERROR;
    if (rc)
        fprintf(stderr, "simulate: %s: %s\n", path, strerror(errno));
    json_decref(o);
    return rc;
}

static int write_coverage(const struct campaign *k)
{
    char path[SIM_PATH_MAX + 32];
    if (!k->coverage)
        return 0;
    json_t *o = sim_coverage_json(k->coverage, k->lowest);
    snprintf(path, sizeof path, "%s/coverage.json", k->dir);
    int rc = o && json_dump_file(o, path, JSON_INDENT(1)) == 0 ? 0 : IO_ERROR;
    if (rc)
        fprintf(stderr, "simulate: %s: %s\n", path, strerror(errno));
    json_decref(o);
    return rc;
}

/* A directory that is there already must be that of a campaign, or empty, unless --force says otherwise: kept runs of
 * an earlier one would pass for ours. */
static int make_dir(struct campaign *k)
{
    if (k->o->out)
        snprintf(k->dir, sizeof k->dir, "%s", k->o->out);
    else
        snprintf(k->dir, sizeof k->dir, "runs/%s-%" PRIu64 "-to-%" PRIu64, k->c.name, k->o->seed_from, k->o->seed_to);
    if (!sim_dir_parents(k->dir)) {
        fprintf(stderr, "simulate: %s: %s\n", k->dir, strerror(errno));
        return CANNOT_CREATE;
    }
    if (mkdir(k->dir, 0777) == 0 || (errno == EEXIST && (k->o->force || rmdir(k->dir) == 0)))
        return mkdir(k->dir, 0777) == 0 || errno == EEXIST ? 0 : CANNOT_CREATE;
    fprintf(stderr, "simulate: %s: %s\n", k->dir,
            errno == ENOTEMPTY || errno == EEXIST ? "not empty; name another directory, or --force" : strerror(errno));
    return CANNOT_CREATE;
}

static int prepare(struct campaign *k)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    if (k->o->swarm) {
        strcpy(k->c.name, "swarm");
        return make_dir(k);
    }
    enum sim_config_result loaded = sim_config_load(k->o->scenario, &k->c, err, warnings);
    if (*warnings && !k->quiet)
        fprintf(stderr, "%s\n", warnings);
    if (loaded == SIM_CONFIG_OK)
        return make_dir(k);
    fprintf(stderr, "simulate: bad scenario\n%s\nTry: simulate --help-scenario\n", err);
    return loaded == SIM_CONFIG_UNREADABLE ? NO_INPUT : BAD_DATA;
}

static void print_end(const struct campaign *k)
{
    const struct sim_classes *c = &k->classes;
    double seconds = (double)(trace_mono_ns() - k->started_ns) / 1e9, simulated = (double)c->elapsed / SIM_SECOND;
    sim_classes_print(c, stdout, k->dir);
    printf("%s: %" PRIu64 " seeds, %" PRIu64 " failed, %" PRIu64 " undecided, %" PRIu64 " not judged, %zu classes    ",
           k->c.name, c->runs, c->failed, c->undecided, c->unjudged, c->n);
    printf("%.0f s simulated in %.1f s    %s\n", simulated, seconds, k->dir);
    if (k->coverage)
        sim_coverage_print(k->coverage, k->lowest, stdout);
}

/* The runs of seeds from..to that reached something new. */
static int keep_new(struct campaign *k, const struct sim_trial *t, uint64_t from, uint64_t to)
{
    char path[SIM_PATH_MAX + 64], err[512] = "";
    size_t n;
    int rc = 0;
    struct sim_gain *g = sim_coverage_gains(k->coverage, from, to, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!sim_corpus_add(&k->corpus, g[i].seed, path))
            break;
        rc = sim_trial_keep(t, g[i].seed, false, path, err);
    }
    if (rc)
        fprintf(stderr, "simulate: the corpus: %s\n", err);
    free(g);
    return rc;
}

/* All at once, or with mutants block by block: each block's are made from what the ones before have reached. */
static int run_blocks(struct campaign *k, const struct sim_trial *t, unsigned jobs)
{
    uint64_t to;
    int rc = 0;
    for (uint64_t from = k->o->seed_from; rc == 0 && from <= k->o->seed_to && from <= k->lowest; from = to + 1) {
        to = k->o->mutate ? sim_corpus_block_end(&k->corpus, from) : k->o->seed_to;
        to = to < k->o->seed_to ? to : k->o->seed_to;
        rc = sim_workers_run(t, from, to, jobs, heard, tick, k);
        if (rc == 0 && k->o->mutate)
            rc = keep_new(k, t, from, k->lowest < to ? k->lowest : to);
    }
    return rc;
}

static int run(struct campaign *k, const struct sim_trial *t)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t seeds = k->o->seed_to - k->o->seed_from + 1;
    uint64_t jobs = k->o->jobs ? k->o->jobs : cores > 0 ? (uint64_t)cores : 1;
    k->started_ns = trace_mono_ns();
    int rc = run_blocks(k, t, (unsigned)(jobs < seeds ? jobs : seeds));
    count_up_to_the_lowest(k);
    show_progress(k, true);
    sim_classes_sort(&k->classes);
    int status = sim_classes_status(&k->classes);
    int kept = keep_all(k, t), written = write_summary(k, status);
    written = written ? written : write_coverage(k);
    print_end(k);
    if (rc != 0)
        return rc;
    if (status <= 2 && (kept || written))
        return kept ? kept : written;
    return fflush(stdout) == 0 ? status : IO_ERROR;
}

int sim_campaign(struct sim_options *o, char **argv, const char *version)
{
    struct campaign *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->o = o;
    k->lowest = UINT64_MAX;
    k->quiet = o->quiet;
    k->progress = !o->quiet && isatty(STDERR_FILENO);
    int rc = prepare(k);
    if (rc == 0 && o->coverage)
        k->coverage = sim_coverage_new();
    k->corpus.from = o->seed_from;
    k->corpus.mutate = o->mutate;
    snprintf(k->corpus.dir, sizeof k->corpus.dir, "%s", k->dir);
    if (rc == 0)
        rc = run(k, &(struct sim_trial){.o = o,
                                        .c = &k->c,
                                        .argv = (const char *const *)argv,
                                        .version = version,
                                        .coverage = k->coverage,
                                        .corpus = &k->corpus});
    sim_coverage_free(k->coverage);
    free(k->kept);
    sim_classes_free(&k->classes);
    sim_config_free(&k->c);
    free(k);
    return rc;
}
