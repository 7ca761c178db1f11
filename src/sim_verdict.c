#include "sim_verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *const sim_tier_names[SIM_TIERS] = {"Bonus", "Full", "Partial", "None"};

void sim_stats_free(struct sim_stats *s)
{
    free(s->latency);
    *s = (struct sim_stats){0};
}

void sim_stats_latency(struct sim_stats *s, int64_t ns)
{
    if (s->n_latency == s->latency_room) {
        s->latency_room = s->latency_room ? 2 * s->latency_room : 256;
        s->latency = realloc(s->latency, s->latency_room * sizeof *s->latency);
        if (!s->latency)
            abort();
    }
    s->latency[s->n_latency++] = ns;
}

int64_t sim_stats_failures(const struct sim_stats *s)
{
    return s->failed_gets + s->failed_puts + s->unanswered_gets + s->unanswered_puts;
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int64_t sim_stats_median(struct sim_stats *s)
{
    if (s->n_latency == 0)
        return -1;
    qsort(s->latency, s->n_latency, sizeof *s->latency, by_value);
    return s->latency[s->n_latency / 2];
}

int64_t sim_stats_mean(const struct sim_stats *s)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->n_latency; i++)
        sum += s->latency[i];
    return s->n_latency ? sum / (int64_t)s->n_latency : -1;
}

__attribute__((format(printf, 4, 5))) static void judge(struct sim_check *check, const char *name, bool passed,
                                                        const char *format, ...)
{
    va_list ap;
    *check = (struct sim_check){.name = name, .applies = true, .passed = passed};
    va_start(ap, format);
    vsnprintf(check->words, sizeof check->words, format, ap);
    va_end(ap);
}

static void judge_all(const struct sim_config *c, const struct sim_stats *s, struct sim_check *check)
{
    const struct sim_tests *t = &c->tests;
    judge(&check[0], "no incorrect messages", s->incorrect == 0,
          "%" PRId64 " incorrect messages or answers, of them %" PRId64 " wrong values", s->incorrect, s->wrong_values);
    judge(&check[1], "no replica died", s->died == 0, "%u of %u replicas died", s->died, c->replicas);
    judge(&check[2], "some put acknowledged", s->acked_puts > 0, "%" PRId64 " puts acknowledged", s->acked_puts);
    judge(&check[3], "gets answered", (double)s->unanswered_gets <= t->max_get_fail * (double)s->gets,
          "%" PRId64 " of %" PRId64 " gets unanswered, at most %.3g %% may be", s->unanswered_gets, s->gets,
          100 * t->max_get_fail);
    judge(&check[4], "puts answered", (double)s->unanswered_puts <= t->max_put_fail * (double)s->puts,
          "%" PRId64 " of %" PRId64 " puts unanswered, at most %.3g %% may be", s->unanswered_puts, s->puts,
          100 * t->max_put_fail);
    judge(&check[5], "gets generated",
          (double)s->failed_to_generate_get <= t->max_get_generation_fail * (double)s->gets,
          "%" PRId64 " gets could not be made for want of an acknowledged key (%" PRId64
          " for want of any put), at most %.3g %% of %" PRId64 " may be",
          s->failed_to_generate_get, s->get_before_any_put, 100 * t->max_get_generation_fail, s->gets);
    double least = (double)c->requests * (double)c->replicas * (1 - c->mix) * (1 - t->max_batched);
    judge(&check[6], "enough replication messages", (double)s->total_msgs >= least,
          "%" PRId64 " messages between replicas, at least %.0f expected", s->total_msgs, ceil(least));
    /* Shared clients never lack a key, and their number of requests depends on the answers. */
    check[5].applies = check[6].applies = !c->clients.shared;
}

void sim_verdict_make(const struct sim_config *c, struct sim_stats *s, struct sim_verdict *v)
{
    *v = (struct sim_verdict){.correct = true, .scored = c->tests.present};
    judge_all(c, s, v->check);
    v->safe = v->check[0].passed && v->check[1].passed;
    for (int i = 0; i < SIM_CHECKS; i++)
        v->correct = v->correct && (v->check[i].passed || !v->check[i].applies);
    int64_t median = sim_stats_median(s);
    v->tier[SIM_TOTAL_MSGS].value = (double)s->total_msgs;
    v->tier[SIM_FAILURES].value = (double)sim_stats_failures(s);
    v->tier[SIM_DUPLICATES].value = (double)s->duplicates;
    v->tier[SIM_MEDIAN_LATENCY].value = median < 0 ? INFINITY : (double)median / SIM_SECOND;
    for (int m = 0; m < SIM_METRICS; m++) {
        int tier = 0;
        while (tier < SIM_TIERS - 1 && !(v->tier[m].value < c->tests.tier[m][tier]))
            tier++;
        v->tier[m].tier = tier;
    }
}
