#include "sim_report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

int sim_report_status(const struct sim_result *r)
{
    if (r->end == SIM_ENDED_SIGNAL)
        return 2;
    if (r->violation.found)
        return 1;
    if (r->no_progress && r->verdict.safe)
        return 2;
    return r->verdict.correct ? 0 : 1;
}

const char *sim_report_verdict(int status)
{
    return status == 0 ? "passed" : status == 1 ? "failed" : "undecided";
}

static void print_leaders(FILE *out, const struct sim_result *r)
{
    fputs("Leaders:", out);
    for (size_t i = 0; i < r->n_leaders && i < SIM_LEADERS_KEPT; i++)
        fprintf(out, " %s", r->leaders[i]);
    if (r->n_leaders > SIM_LEADERS_KEPT)
        fprintf(out, " ... and %zu more changes", r->n_leaders - SIM_LEADERS_KEPT);
    fputs(r->n_leaders ? "\n" : " none\n", out);
}

static void print_latency(FILE *out, struct sim_stats *s)
{
    int64_t median = sim_stats_median(s);
    if (median < 0)
        fputs("Mean/Median query latency: no answers\n", out);
    else
        fprintf(out, "Mean/Median query latency: %.5fsec/%.5fsec\n", (double)sim_stats_mean(s) / SIM_SECOND,
                (double)median / SIM_SECOND);
}

static void print_statistics(FILE *out, struct sim_result *r)
{
    struct sim_stats *s = &r->stats;
    fputs("## Useful Information and Statistics\n", out);
    print_leaders(out, r);
    fprintf(out, "Replicas that died/were killed: %u/%u\n", s->died, s->killed);
    fprintf(out, "Total messages sent: %" PRId64 "\n", s->total_msgs);
    fprintf(out, "Total messages dropped: %" PRId64 "\n", s->total_drops);
    fprintf(out, "Total client get()/put() requests: %" PRId64 "/%" PRId64 "\n", s->gets, s->puts);
    fprintf(out, "Total duplicate responses: %" PRId64 "\n", s->duplicates);
    fprintf(out, "Total unanswered get()/put() requests: %" PRId64 "/%" PRId64 "\n", s->unanswered_gets,
            s->unanswered_puts);
    fprintf(out, "Total redirects: %" PRId64 "\n", s->redirects);
    fprintf(out, "Total get()/put() failures: %" PRId64 "/%" PRId64 "\n", s->failed_gets + s->unanswered_gets,
            s->failed_puts + s->unanswered_puts);
    fprintf(out, "Total get() with incorrect response: %" PRId64 "\n", s->incorrect);
    print_latency(out, s);
}

static void print_checks(FILE *out, const struct sim_verdict *v)
{
    fputs("\n## Correctness Checks\n", out);
    for (int i = 0; i < SIM_CHECKS; i++)
        if (v->check[i].applies)
            fprintf(out, "%-4s  %-28s %s\n", v->check[i].passed ? "ok" : "FAIL", v->check[i].name, v->check[i].words);
}

static void print_tiers(FILE *out, const struct sim_config *c, const struct sim_verdict *v)
{
    if (!v->scored)
        return;
    fputs("\n## Performance Tiers\n", out);
    if (!v->correct) {
        fputs("not scored: a correctness check failed\n", out);
        return;
    }
    for (int m = 0; m < SIM_METRICS; m++) {
        const double *t = c->tests.tier[m];
        fprintf(out, "%-16s %-12.6g %-8s (below %g Bonus, below %g Full, below %g Partial)\n", sim_metric_names[m],
                v->tier[m].value, sim_tier_names[v->tier[m].tier], t[0], t[1], t[2]);
    }
}

static void print_beyond(FILE *out, const struct sim_config *c, const struct sim_result *r)
{
    const struct sim_stats *s = &r->stats;
    fputs("\n## Beyond the course's figures\n", out);
    fprintf(out, "%" PRId64 " operations succeeded; longest time without one %.3f s", s->acked_gets + s->acked_puts,
            (double)s->longest_gap / SIM_SECOND);
    if (s->longest_gap > 0)
        fprintf(out, ", until %.3f s of the run", (double)s->gap_at / SIM_SECOND);
    fputc('\n', out);
    if (s->duplicated)
        fprintf(out, "%" PRId64 " messages were duplicated by the network\n", s->duplicated);
    if (s->restarted)
        fprintf(out, "%u times a killed replica was started again; the slowest said hello after %.3f s\n", s->restarted,
                (double)s->longest_restart / SIM_SECOND);
    if (s->late)
        fprintf(out, "%" PRId64 " answers came after the client had given up\n", s->late);
    if (s->forged)
        fprintf(out, "%" PRId64 " messages were sent in another replica's name\n", s->forged);
    if (r->end != SIM_ENDED)
        fprintf(out, "The run %s\n", sim_end_words[r->end]);
    if (r->violation.found)
        fprintf(out, "VIOLATION %s (%s): %s\n", r->violation.rule, r->violation.class, r->violation.words);
    if (r->no_progress && r->stats.ok_after_faults == 0 && r->quiet_for > 0)
        fprintf(out, "NO PROGRESS: not one operation succeeded in the %.1f s of load after the last fault had ended\n",
                (double)r->quiet_for / SIM_SECOND);
    else if (r->no_progress)
        fputs("NO PROGRESS: not one read succeeded after the load, with everything healed and a majority running\n",
              out);
    fputs(r->waiting, out);
    if (c->clients.shared)
        fputs("The clients share keys: whether what they read is right, `analyze` says.\n", out);
}

void sim_report_print(FILE *out, const struct sim_config *c, struct sim_result *r)
{
    print_statistics(out, r);
    print_checks(out, &r->verdict);
    print_tiers(out, c, &r->verdict);
    print_beyond(out, c, r);
}

static json_t *statistics(const struct sim_result *r)
{
    struct sim_stats s = r->stats;
    json_t *o = json_object(), *leaders = json_array();
    const struct {
        const char *name;
        int64_t value;
    } figures[] = {
        {"died", s.died},
        {"killed", s.killed},
        {"restarted", s.restarted},
        {"longest_restart_ns", s.longest_restart},
        {"total_msgs", s.total_msgs},
        {"total_drops", s.total_drops},
        {"gets", s.gets},
        {"puts", s.puts},
        {"acked_gets", s.acked_gets},
        {"acked_puts", s.acked_puts},
        {"duplicates", s.duplicates},
        {"unanswered_gets", s.unanswered_gets},
        {"unanswered_puts", s.unanswered_puts},
        {"redirects", s.redirects},
        {"failed_gets", s.failed_gets},
        {"failed_puts", s.failed_puts},
        {"failures", sim_stats_failures(&s)},
        {"incorrect", s.incorrect},
        {"wrong_values", s.wrong_values},
        {"failed_to_generate_get", s.failed_to_generate_get},
        {"get_before_any_put", s.get_before_any_put},
        {"mean_latency_ns", sim_stats_mean(&s)},
        {"median_latency_ns", sim_stats_median(&s)},
        {"network_duplicates", s.duplicated},
        {"late_answers", s.late},
        {"forged", s.forged},
        {"longest_gap_ns", s.longest_gap},
        {"ok_after_last_fault", s.ok_after_faults},
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        json_object_set_new(o, figures[i].name, json_integer(figures[i].value));
    for (size_t i = 0; i < r->n_leaders && i < SIM_LEADERS_KEPT; i++)
        json_array_append_new(leaders, json_string(r->leaders[i]));
    json_object_set_new(o, "leaders", leaders);
    return o;
}

void sim_report_json(json_t *run, const struct sim_config *c, struct sim_result *r, int status)
{
    json_t *checks = json_array(), *tiers = json_object();
    for (int i = 0; i < SIM_CHECKS; i++) {
        const struct sim_check *k = &r->verdict.check[i];
        json_array_append_new(checks, json_pack("{s:s, s:s, s:s}", "name", k->name, "result",
                                                !k->applies ? "skipped"
                                                : k->passed ? "ok"
                                                            : "fail",
                                                "words", k->words));
    }
    for (int m = 0; r->verdict.scored && r->verdict.correct && m < SIM_METRICS; m++)
        json_object_set_new(tiers, sim_metric_names[m], json_string(sim_tier_names[r->verdict.tier[m].tier]));
    json_object_set_new(run, "epoch_ns", json_integer(r->epoch));
    json_object_set_new(run, "started_us", json_integer(r->wall_us));
    json_object_set_new(run, "elapsed_ns", json_integer(r->elapsed));
    json_object_set_new(run, "clients", json_string(c->clients.shared ? "shared" : "course"));
    json_object_set_new(run, "end", json_string(sim_end_words[r->end]));
    json_object_set_new(run, "statistics", statistics(r));
    json_object_set_new(run, "checks", checks);
    json_object_set_new(run, "tiers", tiers);
    if (r->violation.found)
        json_object_set_new(run, "violation",
                            json_pack("{s:s, s:s, s:s}", "rule", r->violation.rule, "class", r->violation.class,
                                      "words", r->violation.words));
    json_object_set_new(run, "progress", json_boolean(!r->no_progress));
    if (r->no_progress)
        json_object_set_new(run, "waiting", json_string(r->waiting));
    json_object_set_new(run, "status", json_integer(status));
    json_object_set_new(run, "verdict", json_string(sim_report_verdict(status)));
}
