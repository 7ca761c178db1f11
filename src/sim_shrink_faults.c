/* Fewer faults. First each that was done is written down as one of its own: at its time, on its replicas, for as long
 * as it lasted, whether it came again and again, by chance or because of something. Its name in decisions (what it is
 * and when) stays the same, so that what chance made of it does too. */
#include "sim_shrink_int.h"

#include <stdlib.h>
#include <string.h>
#include "sim_record.h"

/* ---- times ---- */

/* A number of units (ns each) that is read as exactly `ns`: the reader multiplies and cuts. */
static json_t *exactly(int64_t ns, double unit)
{
    double v = (double)ns / unit;
    return json_real((int64_t)(v * unit) == ns ? v : ((double)ns + 0.5) / unit);
}

static json_t *span_ms(int64_t ns)
{
    return json_pack("[o, o]", exactly(ns, 1e6), exactly(ns, 1e6));
}

/* ---- one fault ---- */

static void keep_only_what(json_t *f)
{
    static const char *const when[] = {"every", "all_every", "when", "within_ms", "chance", "limit",   "for_ms",
                                       "begin", "end",       "at",   "around",    "shape",  "isolate", "direction"};
    for (size_t i = 0; i < sizeof when / sizeof *when; i++)
        json_object_del(f, when[i]);
}

/* When fault `f` of the trace ended; `otherwise` when it did not. */
static int64_t end_of(const struct sim_tape *sim, int64_t f, int64_t otherwise)
{
    size_t at = 0;
    for (json_t *r; (r = sim_record_next(sim, &at, "fault.end")); json_decref(r))
        if (sim_record_int(r, "f") == f) {
            otherwise = sim_record_int(r, "t");
            json_decref(r);
            break;
        }
    return otherwise;
}

struct place {
    const struct sim_tape *sim;
    int64_t start, lifetime; /* of the load, ns */
};

/* `of`: what the scenario said; `begin`: its record. NULL: it cannot be said. */
static json_t *one_fault(const struct place *p, const json_t *of, const json_t *begin)
{
    json_t *f = json_deep_copy(of);
    const char *kind = sim_record_text(begin, "kind");
    const bool kill = strcmp(kind, "kill") == 0;
    int64_t from = sim_record_int(begin, "t") - p->start, to = end_of(p->sim, sim_record_int(begin, "f"), INT64_MAX);
    if (!f)
        return NULL;
    keep_only_what(f);
    if (*sim_record_text(begin, "node"))
        json_object_set(f, "node", json_object_get(begin, "node"));
    for (size_t i = 0; i < 2; i++) {
        const char *key = i ? "links" : "groups";
        const json_t *is = json_object_get(begin, key);
        if (is || (i == 0 && strcmp(kind, "partition") == 0))
            json_object_del(f, key);
        if (json_array_size(is) > 0)
            json_object_set_new(f, key, json_deep_copy(is));
    }
    json_object_set_new(f, kill ? "at" : "begin", exactly(from, 1e9));
    if (!kill)
        json_object_set_new(f, "end",
                            exactly(to == INT64_MAX || to - p->start > p->lifetime ? p->lifetime : to - p->start, 1e9));
    else if (json_object_get(of, "restart_after_ms") && to != INT64_MAX)
        json_object_set_new(f, "restart_after_ms", span_ms(to - p->start - from));
    return f;
}

static const json_t *said(const struct shrink *s, int64_t f)
{
    for (size_t i = 0; i < s->r.n_faults; i++)
        if (s->r.faults[i].first <= f && f <= s->r.faults[i].last && s->r.faults[i].origin >= 0)
            return json_array_get(json_object_get(s->c.scenario, "faults"), (size_t)s->r.faults[i].origin);
    return NULL;
}

bool shrink_explicit(struct shrink *s)
{
    struct sim_config cfg;
    char err[SIM_CONFIG_ERR];
    struct shrink_list l = {.v = NULL};
    if (json_array_size(json_object_get(s->c.scenario, "faults")) == 0 || !sim_case_config(&s->c, s->o, &cfg, err))
        return false;
    const struct place p = {.sim = s->r.tapes.first, .start = cfg.start_wait, .lifetime = cfg.lifetime};
    json_t *faults = json_array();
    size_t at = 0;
    for (json_t *r; (r = sim_record_next(p.sim, &at, "fault.begin")); json_decref(r)) {
        const json_t *of = said(s, sim_record_int(r, "f"));
        json_t *f = of ? one_fault(&p, of, r) : NULL;
        if (f)
            json_array_append_new(faults, f);
    }
    sim_config_free(&cfg);
    struct sim_case *c = shrink_list_add(&l, &s->c);
    json_object_set_new(c->scenario, "faults", faults);
    shrink_fit(c->scenario);
    return shrink_list_take(s, &l);
}

/* ---- fewer ---- */

static void apply(void *items, const bool *keep, struct sim_case *c)
{
    const size_t *n = items; /* faults, then events */
    for (size_t i = n[0]; i-- > 0;)
        if (!keep[i])
            json_array_remove(json_object_get(c->scenario, "faults"), i);
    for (size_t i = n[1]; i-- > 0;)
        if (!keep[n[0] + i])
            json_array_remove(json_object_get(c->scenario, "events"), i);
}

/* Those that cannot be said as one of their own, or come again and again. */
static void leave_out(void *items, const bool *keep, struct sim_case *c)
{
    const struct sim_result *r = items;
    for (size_t i = 0; i < r->n_faults; i++)
        if (!keep[i])
            sim_case_give(c, "leave_out", r->faults[i].name, 1);
}

bool shrink_faults(struct shrink *s)
{
    size_t n[2] = {json_array_size(json_object_get(s->c.scenario, "faults")),
                   json_array_size(json_object_get(s->c.scenario, "events"))};
    bool some = n[0] + n[1] > 0 && shrink_items(s, n[0] + n[1], apply, n);
    if (s->r.n_faults > json_array_size(json_object_get(s->c.scenario, "faults")) +
                            json_array_size(json_object_get(s->c.scenario, "events")))
        some |= shrink_items(s, s->r.n_faults, leave_out, &s->r);
    return some;
}

/* ---- fitting ---- */

static const char *const starts[] = {"at", "begin", "time"};

static bool fits(json_t *f, double until)
{
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        const json_t *t = json_object_get(f, starts[i]);
        if (json_is_number(t) && json_number_value(t) >= until)
            return false;
    }
    const json_t *end = json_object_get(f, "end");
    if (json_is_number(end) && json_number_value(end) > until)
        json_object_set_new(f, "end", json_real(until));
    return true;
}

static void fit(json_t *scenario, double until)
{
    static const char *const lists[] = {"faults", "events"};
    for (size_t k = 0; k < 2; k++) {
        json_t *v = json_object_get(scenario, lists[k]);
        for (size_t i = json_array_size(v); i-- > 0;)
            if (!fits(json_array_get(v, i), until))
                json_array_remove(v, i);
    }
}

void shrink_fit(json_t *scenario)
{
    fit(scenario, json_number_value(json_object_get(scenario, "lifetime")));
}

void shrink_window(json_t *scenario, double seconds)
{
    const int64_t now = json_integer_value(json_object_get(scenario, "lifetime"));
    double first = (double)now, wait = json_number_value(json_object_get(scenario, "start_wait"));
    json_t *faults = json_object_get(scenario, "faults"), *f;
    size_t k;
    json_array_foreach(faults, k, f) for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
    {
        const json_t *t = json_object_get(f, starts[i]);
        if (json_is_number(t) && json_number_value(t) < first)
            first = json_number_value(t);
    }
    int64_t least = (int64_t)(first + seconds > wait ? first + seconds : wait) + 1;
    least = least < SIM_LIFETIME_MIN ? SIM_LIFETIME_MIN : least;
    if (least < now)
        json_object_set_new(scenario, "lifetime", json_integer(least));
    json_object_set_new(scenario, "end_wait", json_integer(0));
    fit(scenario, first + seconds < (double)now ? first + seconds : (double)now);
}
