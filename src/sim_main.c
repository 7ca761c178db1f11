/* simulate: arguments, the run directory, one run, the verdict. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sim_dir.h"
#include "sim_options.h"
#include "sim_report.h"
#include "sim_run.h"
#include "trace.h"

enum { PASSED = 0, USAGE = 64, BAD_DATA = 65, NO_INPUT = 66, INTERNAL = 70, IO_ERROR = 74 };

/* What was asked for instead of a run. */
static int print(const struct sim_options *o)
{
    if (o->version)
        printf("simulate %s, trace schema %s %d, jansson %s\n", FAULTLINE_VERSION, TRACE_SCHEMA, TRACE_VERSION,
               jansson_version_str());
    else
        fputs(o->help ? sim_options_help : sim_config_help, stdout);
    if (o->help_scenario)
        fputs(sim_config_help_faults, stdout);
    return fflush(stdout) == 0 ? PASSED : IO_ERROR;
}

static void random_seed(uint64_t *seed)
{
    uint32_t r;
    if (getrandom(&r, sizeof r, 0) != (ssize_t)sizeof r)
        r = (uint32_t)trace_mono_ns();
    *seed = r;
}

static json_t *describe(const struct sim_options *o, const struct sim_config *c, int argc, char **argv,
                        const char *rerun)
{
    char cwd[SIM_PATH_MAX] = "";
    json_t *command = json_array();
    for (int i = 0; i < argc; i++)
        json_array_append_new(command, json_string(argv[i]));
    if (!getcwd(cwd, sizeof cwd))
        cwd[0] = '\0';
    json_t *run = json_pack("{s:s, s:s, s:I, s:b, s:O, s:o, s:s, s:s, s:{s:s, s:s, s:i}}", "schema", "faultline-run/1",
                            "name", c->name, "seed", (json_int_t)o->seed, "data", o->data, "scenario", c->scenario,
                            "command", command, "rerun", rerun, "cwd", cwd, "versions", "simulate", FAULTLINE_VERSION,
                            "jansson", jansson_version_str(), "trace", TRACE_VERSION);
    if (!run) { /* words that are not UTF-8 */
        json_decref(command);
        run = json_pack("{s:s, s:s, s:I, s:O}", "schema", "faultline-run/1", "name", c->name, "seed",
                        (json_int_t)o->seed, "scenario", c->scenario);
    }
    return run;
}

/* `analyze RUN`, beside ourselves. Its exit status, or 70. */
static int run_analyze(const char *shown)
{
    char self[SIM_PATH_MAX], path[SIM_PATH_MAX + 32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    snprintf(path, sizeof path, "%.*s/analyze", slash ? (int)(slash - self) : 0, self);
    if (access(path, X_OK) != 0)
        snprintf(path, sizeof path, "%.*s/faultline-analyze", slash ? (int)(slash - self) : 0, self);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        signal(SIGXFSZ, SIG_DFL);
        execl(path, path, shown, (char *)NULL);
        fprintf(stderr, "simulate: cannot run %s: %s\n", path, strerror(errno));
        _exit(INTERNAL);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        fprintf(stderr, "simulate: cannot run %s: %s\n", path, strerror(errno));
        return INTERNAL;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "simulate: %s was ended by signal %d\n", path, WTERMSIG(status));
    return INTERNAL;
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
    printf("%s    run directory %s\n", r->no_progress ? ", no progress after the last fault" : "", shown);
    if (status != PASSED)
        printf("again: %s\n", rerun);
}

struct session {
    struct sim_options o;
    struct sim_config c;
    json_t *run;
    struct sim_dir dir;
    char *rerun;
};

static int simulate(struct session *s, struct sim_result *result, char err[512])
{
    const struct sim_options *o = &s->o;
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
    if (rc == 0 && o->data)
        rc = sim_dir_data(&s->dir, data, err);
    if (rc)
        return rc;
    return sim_run(&(struct sim_plan){.cfg = c,
                                      .seed = o->seed,
                                      .command = o->in_process ? NULL : o->command,
                                      .args = o->in_process ? o->command + 1 : NULL,
                                      .data = o->data ? data : NULL,
                                      .reads = o->reads,
                                      .dir = s->dir.path,
                                      .version = FAULTLINE_VERSION,
                                      .argv = s->rerun,
                                      .bodies = o->bodies,
                                      .quiet = o->quiet,
                                      .silent = o->silence || o->quiet},
                   result, err);
}

/* After the run: report, run.json, analyze. */
static int conclude(struct session *s, struct sim_result *r)
{
    char err[512];
    int status = sim_report_status(r), verdict = status;
    if (!s->o.quiet) {
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
    if (s->o.check && r->end != SIM_ENDED_SIGNAL) {
        fputc('\n', stdout);
        int found = run_analyze(s->dir.shown);
        if (found != PASSED && verdict == PASSED)
            printf("again: %s\n", s->rerun);
        status = worse(status, found);
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        status = worse(status, IO_ERROR);
    return status;
}

static int prepare(struct session *s, int argc, char **argv)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR], program[SIM_PATH_MAX];
    int rc = sim_options_find_program(&s->o, program);
    if (rc)
        return rc;
    enum sim_config_result loaded = sim_config_load(s->o.scenario, &s->c, err, warnings);
    if (*warnings && !s->o.quiet)
        fprintf(stderr, "%s\n", warnings);
    if (loaded != SIM_CONFIG_OK) {
        fprintf(stderr, "simulate: bad scenario\n%s\nTry: simulate --help-scenario\n", err);
        return loaded == SIM_CONFIG_UNREADABLE ? NO_INPUT : BAD_DATA;
    }
    if (!s->o.has_seed) {
        if (s->c.has_seed)
            s->o.seed = s->c.seed;
        else
            random_seed(&s->o.seed);
    }
    s->rerun = sim_options_rerun(&s->o, argv[0]);
    s->run = describe(&s->o, &s->c, argc, argv, s->rerun);
    rc = sim_dir_make(s->o.out, s->c.name, s->o.seed, s->o.force, &s->dir, err);
    if (*err)
        fprintf(stderr, "simulate: %s\n", err);
    return rc;
}

int main(int argc, char **argv)
{
    static struct session s = {.dir.lock = -1};
    static struct sim_result result;
    char err[512];
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    int rc = sim_options_parse(argc, argv, &s.o);
    if (rc)
        return rc;
    if (s.o.help || s.o.help_scenario || s.o.version)
        return print(&s.o);
    rc = prepare(&s, argc, argv);
    if (rc == 0) {
        rc = simulate(&s, &result, err);
        if (rc)
            fprintf(stderr, "simulate: %s\n", err);
        else
            rc = conclude(&s, &result);
    }
    sim_stats_free(&result.stats);
    sim_dir_release(&s.dir);
    json_decref(s.run);
    free(s.rerun);
    sim_config_free(&s.c);
    return rc;
}
