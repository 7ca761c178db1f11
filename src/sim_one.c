/* One run of a scenario: its directory, the run, the report, the verdict. */
#include "sim_one.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "sim_analyze.h"
#include "sim_dir.h"
#include "sim_report.h"
#include "sim_run.h"
#include "sim_save.h"
#include "sim_swarm.h"
#include "trace.h"

enum { PASSED = 0, USAGE = 64, BAD_DATA = 65, NO_INPUT = 66, INTERNAL = 70, IO_ERROR = 74 };

struct session {
    struct sim_options *o;
    struct sim_config c;
    struct sim_saved saved;
    json_t *run;
    struct sim_dir dir;
    char *rerun;
    const char *version;
};

static void random_seed(uint64_t *seed)
{
    uint32_t r;
    if (getrandom(&r, sizeof r, 0) != (ssize_t)sizeof r)
        r = (uint32_t)trace_mono_ns();
    *seed = r;
}

static json_t *words(const char *const *v)
{
    json_t *a = json_array();
    for (; v && *v; v++)
        json_array_append_new(a, json_string(*v));
    return a;
}

json_t *sim_describe(const struct sim_options *o, const struct sim_config *c, const char *const *argv,
                     const char *rerun, const char *version)
{
    char cwd[SIM_PATH_MAX] = "";
    json_t *command = words(argv);
    if (!getcwd(cwd, sizeof cwd))
        cwd[0] = '\0';
    json_t *run = json_pack("{s:s, s:s, s:I, s:b, s:O, s:o, s:s, s:s, s:{s:s, s:s, s:i}}", "schema", "faultline-run/1",
                            "name", c->name, "seed", (json_int_t)o->seed, "data", o->data, "scenario", c->scenario,
                            "command", command, "rerun", rerun, "cwd", cwd, "versions", "simulate", version, "jansson",
                            jansson_version_str(), "trace", TRACE_VERSION);
    if (!run) { /* words that are not UTF-8 */
        json_decref(command);
        run = json_pack("{s:s, s:s, s:I, s:O}", "schema", "faultline-run/1", "name", c->name, "seed",
                        (json_int_t)o->seed, "scenario", c->scenario);
    }
    if (o->in_process)
        json_object_set_new(run, "replica_args", words(o->command + 1));
    if (o->in_process && o->reads)
        json_object_set_new(run, "reads", json_string(o->reads));
    if (o->go_on)
        json_object_set_new(run, "go_on", json_true());
    return run;
}

/* A tool's error outweighs a violation, that outweighs the lack of a verdict. */
static int worse(int a, int b)
{
    if (a >= USAGE || b >= USAGE)
        return a > b ? a : b;
    return a == 1 || b == 1 ? 1 : a > b ? a : b;
}

static void print_verdict(const struct sim_config *c, const struct sim_result *r, int status, const char *shown,
                          const char *rerun)
{
    unsigned failed = 0, applied = 0;
    for (int i = 0; i < SIM_CHECKS; i++) {
        applied += r->verdict.check[i].applies;
        failed += r->verdict.check[i].applies && !r->verdict.check[i].passed;
    }
    printf("\n%s: %s", c->name, sim_report_verdict(status));
    if (failed)
        printf(", %u of %u correctness checks failed", failed, applied);
    else
        printf(", all %u correctness checks passed", applied);
    if (r->violation.found)
        printf(", %s broken", r->violation.rule);
    printf("%s    run directory %s\n", r->no_progress ? ", no progress after the last fault" : "", shown);
    if (status != PASSED)
        printf("again: %s\n", rerun);
}

static struct sim_plan plan_of(const struct session *s, const char *data)
{
    const struct sim_options *o = s->o;
    return (struct sim_plan){.cfg = &s->c,
                             .seed = o->seed,
                             .command = o->in_process ? NULL : o->command,
                             .args = o->in_process ? o->command + 1 : NULL,
                             .data = data,
                             .reads = o->reads,
                             .traces = o->trace == SIM_TRACE_ALWAYS,
                             .decisions = o->decisions,
                             .keep_decisions = o->trace == SIM_TRACE_ALWAYS,
                             .go_on = o->go_on,
                             .dir = s->dir.path,
                             .version = s->version,
                             .argv = s->rerun,
                             .bodies = o->bodies,
                             .quiet = o->quiet,
                             .silent = o->silence || o->quiet};
}

/* The same run once more must give the same bytes. 0, or 70 with words in `err`. */
static int verify(const struct session *s, const struct sim_result *result, char err[512])
{
    static struct sim_result again;
    struct sim_plan plan = plan_of(s, NULL);
    plan.quiet = plan.silent = true;
    int rc = sim_run(&plan, &again, err);
    if (rc == 0 && again.hash != result->hash) {
        snprintf(err, 512, "the same seed gave other traces the second time: %s",
                 sim_tapes_difference(&result->tapes, &again.tapes));
        rc = INTERNAL;
    } else if (rc == 0)
        printf("verified: twice the same traces, %016" PRIx64 "\n", result->hash);
    sim_result_free(&again);
    return rc;
}

static int simulate(struct session *s, struct sim_result *result, char err[512])
{
    const struct sim_options *o = s->o;
    const struct sim_config *c = &s->c;
    if (!o->quiet) {
        printf("%s: %u replicas of %s, %.0f s, seed %" PRIu64 ", run directory %s\n", c->name, c->replicas,
               o->in_process ? "our own in virtual time" : o->command[0],
               (double)(c->start_wait + c->lifetime + c->end_wait) / SIM_SECOND, o->seed, s->dir.shown);
        printf("again: %s\n", s->rerun);
        fflush(stdout);
    }
    char data[SIM_PATH_MAX + 8];
    int rc = sim_dir_write(s->dir.path, s->run, err);
    if (rc == 0 && o->data && !o->in_process)
        rc = sim_dir_data(&s->dir, data, err);
    if (rc)
        return rc;
    struct sim_plan plan = plan_of(s, o->data && !o->in_process ? data : NULL);
    rc = sim_run(&plan, result, err);
    if (rc == 0 && o->trace == SIM_TRACE_FAIL && sim_report_status(result) != 0) {
        sim_result_free(result);
        plan.traces = plan.keep_decisions = plan.quiet = plan.silent = true;
        rc = sim_run(&plan, result, err);
    }
    if (rc == 0 && o->in_process)
        rc = sim_save(result, c, s->dir.path, err);
    if (rc == 0 && o->verify)
        rc = verify(s, result, err);
    return rc;
}

/* After the run: report, run.json, analyze. */
static int conclude(struct session *s, struct sim_result *r)
{
    char err[512];
    int status = sim_report_status(r), verdict = status;
    if (!s->o->quiet) {
        fputc('\n', stdout);
        sim_report_print(stdout, &s->c, r);
    }
    if (r->records_lost > 0) {
        fprintf(stderr, "simulate: %" PRId64 " trace records could not be written to %s\n", r->records_lost,
                s->dir.shown);
        status = IO_ERROR;
    }
    if (r->trace_cut) {
        fprintf(stderr, "simulate: the end of the trace could not be written to %s: is the disk full?\n", s->dir.shown);
        status = IO_ERROR;
    }
    if (r->end == SIM_ENDED_SIGNAL)
        status = 128 + (int)r->signal;
    sim_report_json(s->run, &s->c, r, status);
    if (sim_dir_write(s->dir.path, s->run, err) != 0) {
        fprintf(stderr, "simulate: %s\n", err);
        status = IO_ERROR;
    }
    print_verdict(&s->c, r, verdict, s->dir.shown, s->rerun);
    if (s->o->check && r->end != SIM_ENDED_SIGNAL) {
        fputc('\n', stdout);
        int found = sim_analyze_show(s->dir.shown);
        if (found != PASSED && verdict == PASSED)
            printf("again: %s\n", s->rerun);
        status = worse(status, found);
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        status = worse(status, IO_ERROR);
    return status;
}

static int prepare(struct session *s, char **argv)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR], program[SIM_PATH_MAX];
    int rc = sim_options_find_program(s->o, program);
    if (rc)
        return rc;
    if (s->o->replay && (rc = sim_save_load(s->o->replay, s->o, &s->saved, err)) != 0) {
        fprintf(stderr, "simulate: %s\n", err);
        return rc;
    }
    if (s->o->swarm && !s->o->has_seed)
        random_seed(&s->o->seed);
    s->o->has_seed |= s->o->swarm;
    char *swarm = s->o->swarm ? sim_swarm(s->o->seed) : NULL;
    enum sim_config_result loaded = sim_config_load(swarm ? swarm : s->o->scenario, &s->c, err, warnings);
    free(swarm);
    if (*warnings && !s->o->quiet)
        fprintf(stderr, "%s\n", warnings);
    if (loaded != SIM_CONFIG_OK) {
        fprintf(stderr, "simulate: bad scenario\n%s\nTry: simulate --help-scenario\n", err);
        return loaded == SIM_CONFIG_UNREADABLE ? NO_INPUT : BAD_DATA;
    }
    s->o->data = s->c.disk.durable = s->o->data || s->c.disk.durable;
    if (!s->o->has_seed) {
        if (s->c.has_seed)
            s->o->seed = s->c.seed;
        else
            random_seed(&s->o->seed);
    }
    s->rerun = sim_options_rerun(s->o, argv[0]);
    s->run = sim_describe(s->o, &s->c, (const char *const *)argv, s->rerun, s->version);
    rc = sim_dir_make(s->o->out, s->c.name, s->o->seed, s->o->force, &s->dir, err);
    if (*err)
        fprintf(stderr, "simulate: %s\n", err);
    return rc;
}

int sim_one(struct sim_options *o, char **argv, const char *version)
{
    static struct sim_result result; /* too large for the stack */
    struct session s = {.o = o, .dir.lock = -1, .version = version};
    char err[512];
    int rc = prepare(&s, argv);
    if (rc == 0) {
        rc = simulate(&s, &result, err);
        if (rc)
            fprintf(stderr, "simulate: %s\n", err);
        else
            rc = conclude(&s, &result);
    }
    sim_result_free(&result);
    sim_dir_release(&s.dir);
    json_decref(s.run);
    json_decref(s.saved.run);
    free(s.rerun);
    sim_config_free(&s.c);
    return rc;
}
