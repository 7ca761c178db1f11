#include "sim_coverage_int.h"

#include <inttypes.h>
#include <stdlib.h>

struct totals {
    size_t states, edges, kinds, possible;
};

static struct totals count(const struct sim_coverage *c, const struct coverage_kinds *k, uint64_t last)
{
    struct totals t = {0};
    for (size_t i = 0; i < k->n; i++) {
        char name[64];
        coverage_kind_name(&k->v[i], name);
        bool reached = coverage_by(&c->kind[i], last);
        t.kinds += reached;
        t.possible += reached || !coverage_never(name);
        for (size_t j = 0; j < k->n; j++)
            t.edges += coverage_by(&c->edge[i][j], last);
    }
    for (size_t i = 0; i < COVERAGE_ROOM; i++)
        t.states += coverage_by(&c->state[i].by, last);
    return t;
}

static struct coverage_kinds *make_kinds(void)
{
    struct coverage_kinds *k = malloc(sizeof *k);
    if (!k)
        abort();
    coverage_kinds_make(k);
    return k;
}

void sim_coverage_print(const struct sim_coverage *c, uint64_t last, FILE *out)
{
    struct coverage_kinds *k = make_kinds();
    struct totals t = count(c, k, last);
    size_t n;
    free(sim_coverage_gains(c, 0, last, &n));
    fprintf(out,
            "coverage: %zu states%s, %zu edges, %zu of %zu kinds of records and reasons; %zu seeds reached something "
            "new\n",
            t.states, atomic_load(&c->dropped) ? " and more" : "", t.edges, t.kinds, t.possible, n);
    for (size_t i = 0; i < k->n; i++) {
        char name[64];
        coverage_kind_name(&k->v[i], name);
        bool reached = coverage_by(&c->kind[i], last), possible = !coverage_never(name);
        if (reached != possible)
            fprintf(out, "  %s  %s\n", reached ? "thought impossible" : "never reached", name);
    }
    free(k);
}

static json_t *kinds_json(const struct sim_coverage *c, const struct coverage_kinds *k, uint64_t last, bool reached)
{
    json_t *all = json_array();
    for (size_t i = 0; i < k->n; i++) {
        char name[64];
        if (coverage_by(&c->kind[i], last) != reached)
            continue;
        coverage_kind_name(&k->v[i], name);
        const char *never = coverage_never(name);
        json_t *one = json_pack("{s:s}", "kind", name);
        if (reached)
            json_object_set_new(one, "seed", json_integer((json_int_t)c->kind[i] - 1));
        else if (never)
            json_object_set_new(one, "impossible", json_string(never));
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *edges_json(const struct sim_coverage *c, const struct coverage_kinds *k, uint64_t last)
{
    json_t *all = json_array();
    for (size_t i = 0; i < k->n; i++)
        for (size_t j = 0; j < k->n; j++) {
            char from[64], to[64];
            if (!coverage_by(&c->edge[i][j], last))
                continue;
            coverage_kind_name(&k->v[i], from);
            coverage_kind_name(&k->v[j], to);
            json_array_append_new(
                all, json_pack("{s:s, s:s, s:I}", "from", from, "to", to, "seed", (json_int_t)c->edge[i][j] - 1));
        }
    return all;
}

json_t *sim_coverage_json(const struct sim_coverage *c, uint64_t last)
{
    struct coverage_kinds *k = make_kinds();
    struct totals t = count(c, k, last);
    size_t n;
    struct sim_gain *gains = sim_coverage_gains(c, 0, last, &n);
    json_t *seeds = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(seeds, json_pack("{s:I, s:I, s:I, s:I}", "seed", (json_int_t)gains[i].seed, "states",
                                               (json_int_t)gains[i].states, "kinds", (json_int_t)gains[i].kinds,
                                               "edges", (json_int_t)gains[i].edges));
    free(gains);
    json_t *o = json_pack("{s:s, s:I, s:b, s:o, s:o, s:o, s:o}", "schema", "faultline-coverage/1", "states",
                          (json_int_t)t.states, "states_dropped", atomic_load(&c->dropped) != 0, "reached",
                          kinds_json(c, k, last, true), "not_reached", kinds_json(c, k, last, false), "edges",
                          edges_json(c, k, last), "seeds", seeds);
    free(k);
    return o;
}
