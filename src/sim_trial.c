#include "sim_trial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim_analyze.h"
#include "sim_dir.h"
#include "sim_one.h"
#include "sim_report.h"
#include "sim_save.h"
#include "sim_swarm.h"

enum { UNDECIDED = 2, IO_ERROR = 74 };

static struct sim_plan plan_of(const struct sim_trial *t, const struct sim_config *c, uint64_t seed)
{
    const struct sim_options *o = t->o;
    return (struct sim_plan){.cfg = c,
                             .seed = seed,
                             .args = o->command + 1,
                             .reads = o->reads,
                             .data = o->data ? "" : NULL,
                             .decisions = o->decisions,
                             .traces = !o->no_check,
                             .go_on = o->go_on || o->black_box,
                             .version = t->version,
                             .quiet = true,
                             .silent = true};
}

/* The scenario of this seed: `own`, to be freed, or that of all. */
static const struct sim_config *config_of(const struct sim_trial *t, uint64_t seed, struct sim_config *own)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    *own = (struct sim_config){.replicas = 0};
    if (!t->o->swarm)
        return t->c;
    char *text = sim_swarm(sim_corpus_root(t->corpus, seed));
    if (sim_config_load(text, own, err, warnings) != SIM_CONFIG_OK) {
        fprintf(stderr, "simulate: seed %llu: %s\n", (unsigned long long)seed, err);
        abort(); /* what a swarm makes is a scenario */
    }
    free(text);
    return own;
}

/* What a mutant is given: `own`, to be released. 0, or 74 with words in `err`. */
static int give(const struct sim_trial *t, uint64_t seed, struct sim_plan *plan, struct sim_case *own, char err[512])
{
    *own = (struct sim_case){.seed = seed};
    if (!sim_corpus_give(t->corpus, seed, own)) {
        snprintf(err, 512, "the run that seed %llu is made from is not in the corpus any more",
                 (unsigned long long)seed);
        return IO_ERROR;
    }
    plan->given = own->given;
    plan->n_given = own->n_given;
    return 0;
}

static void set(struct sim_outcome *out, int status, const char *rule, const char *class, const char *title)
{
    out->status = status;
    snprintf(out->rule, sizeof out->rule, "%.15s", rule);
    snprintf(out->class, sizeof out->class, "%.95s", class);
    snprintf(out->title, sizeof out->title, "%.199s", title);
}

/* What the run itself can tell. */
static void judge_run(const struct sim_result *r, bool black_box, struct sim_outcome *out)
{
    if (r->violation.found && !black_box) {
        set(out, 1, r->violation.rule, r->violation.class, r->violation.words);
        return;
    }
    for (int i = 0; i < SIM_CHECKS; i++) {
        const struct sim_check *k = &r->verdict.check[i];
        if (!k->applies || k->passed)
            continue;
        char class[96];
        snprintf(class, sizeof class, "check-failed: %s", k->name);
        set(out, sim_report_status(r) == 0 ? 1 : sim_report_status(r), "run", class, k->words);
        return;
    }
    if (r->no_progress)
        set(out, UNDECIDED, "run", "no-progress", r->waiting + strspn(r->waiting, " "));
}

static void empty(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
}

/* What the analyzer makes of the trace. It sees more than the oracle, but must not miss what that sees. */
static void judge_trace(const struct sim_trial *t, const struct sim_result *r, const char *scratch,
                        struct sim_outcome *out)
{
    struct sim_judgement j;
    char err[512];
    bool written =
        t->o->black_box ? sim_tapes_write_one(r->tapes.first, scratch, err) : sim_tapes_write(&r->tapes, scratch, err);
    if (!written) {
        set(out, IO_ERROR, "none", "no-verdict: traces not written", err);
        return;
    }
    sim_analyze_judge(scratch, &j);
    empty(scratch);
    if (j.status == 1) {
        set(out, 1, j.rule, j.class, j.title);
        return;
    }
    if (r->violation.found && !t->o->black_box && j.status == 0) {
        char class[96];
        snprintf(class, sizeof class, "%s (seen by the oracle alone)", r->violation.class);
        set(out, 1, r->violation.rule, class, r->violation.words);
    } else if (j.status != 0 && out->status == 0)
        set(out, j.status, j.rule, j.class, j.title);
}

void sim_trial_judge(const struct sim_trial *t, uint64_t seed, const char *scratch, struct sim_outcome *out)
{
    struct sim_result *r = calloc(1, sizeof *r);
    char err[512];
    if (!r)
        abort();
    struct sim_config own;
    struct sim_plan plan = plan_of(t, config_of(t, seed, &own), seed);
    plan.coverage = t->coverage;
    plan.traces |= t->coverage != NULL;
    *out = (struct sim_outcome){.seed = seed};
    struct sim_case given;
    int rc = give(t, seed, &plan, &given, err);
    if (rc == 0)
        rc = sim_run(&plan, r, err);
    if (rc != 0)
        set(out, rc, "none", "no-run", err);
    else {
        judge_run(r, t->o->black_box, out);
        if (!t->o->no_check)
            judge_trace(t, r, scratch, out);
    }
    out->size = t->o->no_check ? (uint64_t)r->stats.total_msgs : sim_tapes_bytes(&r->tapes);
    out->elapsed = r->elapsed;
    sim_result_free(r);
    sim_case_free(&given);
    sim_config_free(&own);
    free(r);
}

static int write_summary(const struct sim_trial *t, const struct sim_config *c, const struct sim_options *o,
                         struct sim_result *r, const char *dir, char err[512])
{
    char *rerun = sim_options_rerun(o, t->argv[0]);
    json_t *run = sim_describe(o, c, t->argv, rerun, t->version);
    sim_report_json(run, c, r, sim_report_status(r));
    int rc = sim_dir_write(dir, run, err);
    json_decref(run);
    free(rerun);
    return rc;
}

int sim_trial_keep(const struct sim_trial *t, uint64_t seed, bool whole, const char *dir, char err[512])
{
    struct sim_result *r = calloc(1, sizeof *r);
    struct sim_options o = *t->o; /* as if this seed alone had been asked for */
    struct sim_dir d;
    if (!r)
        abort();
    o.seed = seed;
    o.has_seed = true;
    o.go_on = o.go_on || o.black_box;
    o.seeds = false;
    struct sim_config own;
    const struct sim_config *c = config_of(t, seed, &own);
    struct sim_plan plan = plan_of(t, c, seed);
    plan.traces = whole;
    plan.keep_decisions = true;
    struct sim_case given = {.n_given = 0};
    if (sim_corpus_root(t->corpus, seed) != seed)
        o.replay = dir; /* its seed alone does not make it again */
    int rc = sim_dir_make(dir, c->name, seed, true, &d, err);
    if (rc == 0)
        rc = give(t, seed, &plan, &given, err);
    if (rc == 0)
        rc = sim_run(&plan, r, err);
    if (rc == 0)
        rc = sim_save(r, c, d.path, err);
    if (rc == 0)
        rc = write_summary(t, c, &o, r, d.path, err);
    if (rc == 0 && whole)
        sim_analyze_write(d.shown, "report.txt");
    sim_dir_release(&d);
    sim_result_free(r);
    sim_case_free(&given);
    sim_config_free(&own);
    free(r);
    return rc;
}
