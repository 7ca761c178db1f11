/* Fewer operations of clients, and less of what chance did to single datagrams and disks. */
#include "sim_shrink_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim_decide.h"
#include "sim_record.h"

/* Decisions, each of which is given as `value` where it is not kept. */
struct decisions {
    struct sim_case v; /* holds them as given ones */
    int64_t value;
    const char *kind; /* NULL: their own */
};

static void apply(void *items, const bool *keep, struct sim_case *c)
{
    const struct decisions *d = items;
    for (size_t i = 0; i < d->v.n_given; i++)
        if (!keep[i])
            sim_case_give(c, d->kind ? d->kind : d->v.given[i].kind, d->v.given[i].name, d->value);
}

static bool fewer(struct shrink *s, struct decisions *d)
{
    bool some = d->v.n_given > 0 && shrink_items(s, d->v.n_given, apply, d);
    sim_case_free(&d->v);
    return some;
}

static int by_name(const void *a, const void *b)
{
    const struct sim_given *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* The course's clients name a request by its number, ours an operation by client and number: chunks of neighbours are
 * then mostly of one client. */
bool shrink_ops(struct shrink *s)
{
    struct decisions d = {.value = 1, .kind = "leave_out"};
    struct sim_config cfg;
    char err[SIM_CONFIG_ERR], name[SIM_DECIDE_NAME];
    size_t at = 0;
    if (!sim_case_config(&s->c, s->o, &cfg, err))
        return false;
    for (int64_t i = 1; !cfg.clients.shared && i <= cfg.requests; i++) {
        snprintf(name, sizeof name, "request %" PRId64, i);
        sim_case_give(&d.v, "", name, 0);
    }
    if (cfg.clients.shared)
        for (json_t *r; (r = sim_record_next(s->r.tapes.first, &at, "op.invoke")); json_decref(r))
            sim_case_give(&d.v, "", sim_record_text(r, "op"), 0);
    if (cfg.clients.shared && d.v.n_given > 0)
        qsort(d.v.given, d.v.n_given, sizeof *d.v.given, by_name);
    sim_config_free(&cfg);
    return fewer(s, &d);
}

/* All decisions of these kinds (NULL-terminated) that are not 0 become 0, as far as they can. */
static bool none_of(struct shrink *s, const char *const *kinds)
{
    struct decisions d = {.value = 0};
    struct sim_case all = {.scenario = NULL};
    sim_case_give_lines(&all, s->r.decisions, s->r.n_decisions);
    for (size_t i = 0; i < all.n_given; i++)
        for (const char *const *k = kinds; *k; k++)
            if (all.given[i].value != 0 && strcmp(all.given[i].kind, *k) == 0)
                sim_case_give(&d.v, all.given[i].kind, all.given[i].name, 0);
    sim_case_free(&all);
    return fewer(s, &d);
}

bool shrink_chance(struct shrink *s)
{
    static const char *const kinds[] = {"loss",    "duplicate",  "late",      "corrupt", "truncate",
                                        "trigger", "disk_fails", "disk_lies", "power",   NULL};
    return none_of(s, kinds);
}

bool shrink_delays(struct shrink *s)
{
    static const char *const kinds[] = {"delay", "tail", "after", NULL};
    return none_of(s, kinds);
}
