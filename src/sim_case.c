#include "sim_case.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim_analyze.h"
#include "sim_report.h"

enum { UNDECIDED = 2, BAD_DATA = 65, NO_INPUT = 66, IO_ERROR = 74 };

/* ---- life ---- */

static char *copy_of(const char *text)
{
    char *s = strdup(text);
    if (!s)
        abort();
    return s;
}

void sim_case_give(struct sim_case *c, const char *kind, const char *name, int64_t value)
{
    if (c->n_given == c->room) {
        c->room = c->room ? 2 * c->room : 64;
        c->given = realloc(c->given, c->room * sizeof *c->given);
        if (!c->given)
            abort();
    }
    c->given[c->n_given++] = (struct sim_given){.kind = copy_of(kind), .name = copy_of(name), .value = value};
}

void sim_case_give_lines(struct sim_case *c, const char *lines, size_t n)
{
    for (const char *at = lines, *end = lines + n; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((feed ? feed : end) - at);
        json_t *o = json_loadb(at, len, 0, NULL);
        if (o)
            sim_case_give(c, json_string_value(json_object_get(o, "kind")),
                          json_string_value(json_object_get(o, "name")),
                          json_integer_value(json_object_get(o, "value")));
        json_decref(o);
        at += len + 1;
    }
}

struct sim_case sim_case_copy(const struct sim_case *c)
{
    struct sim_case copy = {.scenario = json_deep_copy(c->scenario), .seed = c->seed};
    if (!copy.scenario)
        abort();
    for (size_t i = 0; i < c->n_given; i++)
        sim_case_give(&copy, c->given[i].kind, c->given[i].name, c->given[i].value);
    return copy;
}

void sim_case_free(struct sim_case *c)
{
    json_decref(c->scenario);
    for (size_t i = 0; i < c->n_given; i++) {
        free(c->given[i].kind);
        free(c->given[i].name);
    }
    free(c->given);
    *c = (struct sim_case){.scenario = NULL};
}

static int read_decisions(struct sim_case *c, const char *path, char err[SIM_CONFIG_ERR])
{
    char line[4096];
    int rc = 0, number = 0;
    FILE *f = fopen(path, "re");
    if (!f) {
        snprintf(err, SIM_CONFIG_ERR, "%.400s: %s", path, strerror(errno));
        return NO_INPUT;
    }
    while (rc == 0 && fgets(line, sizeof line, f)) {
        json_t *o = json_loads(line, 0, NULL);
        const char *kind = json_string_value(json_object_get(o, "kind")),
                   *name = json_string_value(json_object_get(o, "name"));
        number++;
        if (kind && name && json_is_integer(json_object_get(o, "value")))
            sim_case_give(c, kind, name, json_integer_value(json_object_get(o, "value")));
        else if (line[strspn(line, " \t\r\n")] != '\0') {
            snprintf(err, SIM_CONFIG_ERR, "%.400s, line %d: no decision", path, number);
            rc = BAD_DATA;
        }
        json_decref(o);
    }
    fclose(f);
    return rc;
}

int sim_case_load(struct sim_case *c, const struct sim_options *o, char err[SIM_CONFIG_ERR])
{
    json_error_t why;
    struct sim_config cfg;
    *c = (struct sim_case){.scenario = json_load_file(o->scenario, JSON_REJECT_DUPLICATES, &why), .seed = o->seed};
    if (!c->scenario) {
        snprintf(err, SIM_CONFIG_ERR, "%.400s: %.200s", o->scenario, why.text);
        return access(o->scenario, R_OK) == 0 ? BAD_DATA : NO_INPUT;
    }
    if (!sim_case_config(c, o, &cfg, err))
        return BAD_DATA;
    sim_config_free(&cfg);
    return o->decisions ? read_decisions(c, o->decisions, err) : 0;
}

/* ---- runs ---- */

bool sim_case_config(const struct sim_case *c, const struct sim_options *o, struct sim_config *cfg,
                     char err[SIM_CONFIG_ERR])
{
    char warnings[SIM_CONFIG_ERR];
    char *text = json_dumps(c->scenario, JSON_COMPACT);
    bool well = text && sim_config_load(text, cfg, err, warnings) == SIM_CONFIG_OK;
    free(text);
    if (well)
        cfg->disk.durable = o->data || cfg->disk.durable;
    return well;
}

int sim_case_run(const struct sim_case *c, const struct sim_case_of *of, struct sim_result *r)
{
    char err[SIM_CONFIG_ERR];
    struct sim_config cfg;
    *r = (struct sim_result){.epoch = 0};
    if (!sim_case_config(c, of->o, &cfg, err))
        return BAD_DATA;
    const struct sim_plan plan = {.cfg = &cfg,
                                  .seed = c->seed,
                                  .args = of->o->command + 1,
                                  .reads = of->o->reads,
                                  .given = c->given,
                                  .n_given = c->n_given,
                                  .traces = true,
                                  .keep_decisions = true,
                                  .name_datagrams = true,
                                  .go_on = of->o->go_on,
                                  .version = of->version,
                                  .quiet = true,
                                  .silent = true};
    int rc = sim_run(&plan, r, err);
    sim_config_free(&cfg);
    return rc;
}

/* ---- judging ---- */

static void set(struct sim_failure *f, int status, const char *first, const char *class, const char *title)
{
    f->status = status;
    snprintf(f->first, sizeof f->first, "%.15s", first);
    snprintf(f->class, sizeof f->class, "%.95s", class);
    snprintf(f->classes, sizeof f->classes, "\n%.95s\n", class);
    snprintf(f->check, sizeof f->check, "%s", *first ? f->first : "run");
    snprintf(f->checks, sizeof f->checks, "\n%.95s\n", *first ? f->first : class);
    snprintf(f->title, sizeof f->title, "%.199s", title);
}

/* What the run itself can tell. */
static void judge_run(const struct sim_result *r, struct sim_failure *f)
{
    if (r->violation.found) {
        snprintf(f->oracle, sizeof f->oracle, "%s", r->violation.rule);
        set(f, 1, r->violation.rule, r->violation.class, r->violation.words);
        f->t = r->elapsed;
        return;
    }
    for (int i = 0; i < SIM_CHECKS; i++) {
        const struct sim_check *k = &r->verdict.check[i];
        char class[96];
        if (!k->applies || k->passed)
            continue;
        snprintf(class, sizeof class, "check-failed: %.70s", k->name);
        set(f, sim_report_status(r) == 0 ? 1 : sim_report_status(r), "", class, k->words);
        return;
    }
    if (r->no_progress)
        set(f, UNDECIDED, "", "no-progress", "no progress after the last fault");
}

void sim_case_empty(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
}

static void judge_traces(const struct sim_result *r, const char *scratch, struct sim_failure *f)
{
    struct sim_judgement j;
    char err[512];
    if (!sim_tapes_write(&r->tapes, scratch, err)) {
        set(f, IO_ERROR, "", "no-verdict", err);
        return;
    }
    sim_analyze_judge(scratch, &j);
    sim_case_empty(scratch);
    if (j.status == 1) {
        set(f, 1, j.first_rule, j.worst, j.title);
        snprintf(f->classes, sizeof f->classes, "%s", j.classes);
        snprintf(f->check, sizeof f->check, "%s", j.check);
        snprintf(f->checks, sizeof f->checks, "%s", j.checks);
        f->t = j.t;
    } else if (j.status != 0 && f->status == 0)
        set(f, j.status, "", j.class, j.title);
}

void sim_case_judge(const struct sim_result *r, const char *scratch, const struct sim_failure *only,
                    struct sim_failure *f)
{
    *f = (struct sim_failure){.status = 0};
    judge_run(r, f);
    if (!only || !*only->oracle || strcmp(f->oracle, only->oracle) == 0)
        judge_traces(r, scratch, f);
}

bool sim_failure_like(const struct sim_failure *f, const struct sim_failure *like)
{
    char line[sizeof like->class + 2];
    snprintf(line, sizeof line, "\n%s\n", like->class);
    return f->status == like->status && strcmp(f->first, like->first) == 0 && strstr(f->classes, line) != NULL;
}

bool sim_failure_still(const struct sim_failure *f, const struct sim_failure *before)
{
    char line[sizeof before->check + 2];
    if (strcmp(before->check, "run") == 0)
        return sim_failure_like(f, before);
    snprintf(line, sizeof line, "\n%s\n", before->check);
    return f->status == before->status && strstr(f->checks, line) != NULL;
}

bool sim_case_scratch(char path[SIM_PATH_MAX])
{
    const char *in = getenv("TMPDIR");
    if (!in || !*in)
        in = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, SIM_PATH_MAX, "%s/faultline-XXXXXX", in);
    if (mkdtemp(path))
        return true;
    fprintf(stderr, "simulate: cannot make a directory in %s: %s; name another one with TMPDIR\n", in, strerror(errno));
    return false;
}
