#include "sim_shrink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim_record.h"
#include "sim_save.h"
#include "sim_shrink_int.h"
#include "trace.h"

enum { NOTHING = 2, IO_ERROR = 74, ROUNDS_MAX = 4 };
static const double BUDGET = 60; /* s */

/* What is counted. */
struct size {
    uint64_t replicas, faults, ops, messages, lost;
    double seconds;
};

static uint64_t records(const struct sim_result *r, const char *ev)
{
    uint64_t n = 0;
    size_t at = 0;
    for (json_t *one; (one = sim_record_next(r->tapes.first, &at, ev)); json_decref(one))
        n++;
    return n;
}

static struct size size_of(const struct shrink *s)
{
    struct size z = {.replicas = (uint64_t)json_integer_value(json_object_get(s->c.scenario, "replicas")),
                     .ops = records(&s->r, "op.invoke"),
                     .messages = records(&s->r, "net.in"),
                     .lost = records(&s->r, "net.drop"),
                     .seconds = (double)s->r.elapsed / SIM_SECOND};
    for (size_t i = 0; i < s->r.n_faults; i++)
        z.faults += (uint64_t)(s->r.faults[i].last - s->r.faults[i].first + 1);
    return z;
}

void shrink_adopt(struct shrink *s, struct sim_case *c)
{
    sim_result_free(&s->r);
    sim_case_free(&s->c);
    s->c = *c;
    if (sim_case_run(&s->c, &s->of, &s->r) != 0)
        abort(); /* the same has just been run */
}

/* ---- what is said ---- */

struct progress {
    const struct shrink *s;
    uint64_t shown_ns, started_ns;
    bool on;
};

static void show(void *ctx, uint64_t tried)
{
    struct progress *p = ctx;
    uint64_t now = trace_mono_ns();
    if (!p->on || now - p->shown_ns < 300000000)
        return;
    p->shown_ns = now;
    fprintf(stderr, "\r%5.1f s  %" PRIu64 " runs tried, now %-24s", (double)(now - p->started_ns) / 1e9, tried,
            p->s->at);
    fflush(stderr);
}

static void count(const char *what, uint64_t before, uint64_t now)
{
    printf("  %-12s %6" PRIu64 " -> %" PRIu64 "\n", what, before, now);
}

static void say(const struct size *before, const struct size *now)
{
    count("replicas", before->replicas, now->replicas);
    count("faults", before->faults, now->faults);
    count("operations", before->ops, now->ops);
    count("datagrams", before->messages, now->messages);
    count("lost", before->lost, now->lost);
    printf("  %-12s %6.1f -> %.1f\n", "seconds", before->seconds, now->seconds);
}

/* ---- the work ---- */

static bool pass(struct shrink *s, const char *what, bool (*f)(struct shrink *))
{
    s->at = what;
    return !sim_tries_over(&s->t) && f(s);
}

static void shrink(struct shrink *s)
{
    pass(s, "no operations", shrink_bare);
    pass(s, "less time", shrink_time);
    pass(s, "fewer replicas", shrink_seeds);
    pass(s, "faults one by one", shrink_explicit);
    bool more = true;
    for (int round = 0; more && round < ROUNDS_MAX; round++) {
        more = pass(s, "fewer faults", shrink_faults);
        more |= pass(s, "fewer operations", shrink_ops);
        more |= pass(s, "fewer replicas", shrink_nodes);
        more |= pass(s, "a plainer scenario", shrink_plain);
        more |= pass(s, "fewer losses", shrink_chance);
        more |= pass(s, "shorter delays", shrink_delays);
    }
}

/* All that chance decided is given: then it does not matter from which seed it came. */
static void give_all(struct shrink *s)
{
    struct sim_case all = {.scenario = json_deep_copy(s->c.scenario), .seed = 0}, kept = sim_case_copy(&s->c);
    struct sim_failure f;
    for (size_t i = 0; i < kept.n_given; i++) /* what is left out is not decided, so not recorded either */
        sim_case_give(&all, kept.given[i].kind, kept.given[i].name, kept.given[i].value);
    sim_case_give_lines(&all, s->r.decisions, s->r.n_decisions);
    shrink_adopt(s, &all);
    sim_case_judge(&s->r, s->t.scratch, NULL, &f);
    if (!sim_failure_like(&f, &s->t.like))
        shrink_adopt(s, &kept);
    else
        sim_case_free(&kept);
}

static json_t *about(const struct shrink *s, const struct size *before, const struct size *now)
{
    const struct size *const both[] = {before, now};
    json_t *o = json_pack("{s:s, s:s, s:s, s:I}", "of", s->o->replay, "class", s->t.like.class, "first_rule",
                          s->t.like.first, "tried", (json_int_t)s->t.tried);
    for (size_t i = 0; i < 2; i++)
        json_object_set_new(o, i ? "to" : "from",
                            json_pack("{s:I, s:I, s:I, s:I, s:I}", "replicas", (json_int_t)both[i]->replicas, "faults",
                                      (json_int_t)both[i]->faults, "operations", (json_int_t)both[i]->ops, "datagrams",
                                      (json_int_t)both[i]->messages, "lost", (json_int_t)both[i]->lost));
    return json_pack("{s:o}", "shrunk", o);
}

static int conclude(struct shrink *s, const struct size *before, char **argv)
{
    struct sim_failure f;
    char err[SIM_CONFIG_ERR];
    char name[64];
    give_all(s);
    struct size now = size_of(s);
    snprintf(name, sizeof name, "%.50s-shrunk", json_string_value(json_object_get(s->c.scenario, "name")));
    if (!strstr(json_string_value(json_object_get(s->c.scenario, "name")), "-shrunk"))
        json_object_set_new(s->c.scenario, "name", json_string(name));
    struct sim_case c = sim_case_copy(&s->c);
    shrink_adopt(s, &c);
    sim_case_judge(&s->r, s->t.scratch, NULL, &f);
    if (!sim_failure_like(&f, &s->t.like)) {
        fprintf(stderr, "simulate: the shrunk run does not fail the same way any more\n");
        return 70;
    }
    say(before, &now);
    printf("  %" PRIu64 " runs tried; %s\n", s->t.tried, f.title);
    json_t *words = about(s, before, &now);
    int rc = sim_case_keep(&s->c, &s->of, &s->r, &f, argv, words, err);
    json_decref(words);
    if (rc != 0)
        fprintf(stderr, "simulate: %s\n", err);
    if (rc == 0 && sim_tries_signal())
        rc = 128 + sim_tries_signal();
    return rc == 0 && fflush(stdout) != 0 ? IO_ERROR : rc;
}

static int work(struct shrink *s, struct progress *p, char **argv)
{
    int rc = sim_case_run(&s->c, &s->of, &s->r);
    if (rc != 0) {
        fprintf(stderr, "simulate: %s cannot be run again\n", s->o->replay);
        return rc;
    }
    sim_case_judge(&s->r, s->t.scratch, NULL, &s->t.like);
    if (s->t.like.status == 0 || s->t.like.status >= 64) {
        fprintf(stderr, "simulate: the run in %s does not fail when it is made again: is this the same build?\n",
                s->o->replay);
        return s->t.like.status == 0 ? NOTHING : s->t.like.status;
    }
    printf("%s fails: %s%s%s\n", s->o->replay, s->t.like.class, *s->t.like.first ? ", first " : "", s->t.like.first);
    fflush(stdout);
    struct size before = size_of(s);
    shrink(s);
    if (p->on)
        fprintf(stderr, "\r%79s\r", "");
    return conclude(s, &before, argv);
}

int sim_shrink(struct sim_options *o, char **argv, const char *version)
{
    static struct shrink s; /* too large for the stack */
    static char err[SIM_CONFIG_ERR];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct progress p = {.s = &s, .started_ns = trace_mono_ns(), .on = !o->quiet && isatty(STDERR_FILENO)};
    struct sim_saved saved;
    s.o = o;
    s.of = (struct sim_case_of){.o = o, .version = version};
    s.t = (struct sim_tries){.of = &s.of, .tick = show, .ctx = &p};
    s.t.jobs = o->jobs ? o->jobs : cores > 0 ? (unsigned)cores : 1;
    s.t.jobs = s.t.jobs < SIM_TRIES_JOBS ? s.t.jobs : SIM_TRIES_JOBS;
    s.t.until_ns = p.started_ns + (uint64_t)((o->budget > 0 ? o->budget : BUDGET) * 1e9);
    int rc = sim_save_load(o->replay, o, &saved, err);
    if (rc == 0)
        rc = sim_case_load(&s.c, o, err);
    if (rc != 0)
        fprintf(stderr, "simulate: %s\n", err);
    else if (!sim_tries_open(&s.t))
        rc = IO_ERROR;
    else {
        rc = work(&s, &p, argv);
        sim_tries_close(&s.t);
    }
    sim_result_free(&s.r);
    sim_case_free(&s.c);
    json_decref(saved.run);
    return rc;
}
