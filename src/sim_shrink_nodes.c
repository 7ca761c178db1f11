/* Fewer replicas; with other seeds also without operations. */
#include "sim_shrink_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "trace.h"

enum { SEEDS = 60, SEEDS_SLOW = 10 }; /* where the oracle tells soon that a run does not fail as it must; elsewhere */

static unsigned replicas_of(const struct shrink *s)
{
    return (unsigned)json_integer_value(json_object_get(s->c.scenario, "replicas"));
}

/* ---- with other seeds ---- */

struct seeds {
    const struct shrink *s;
    unsigned replicas;
    bool bare;     /* without operations, */
    double window; /* and with faults only for that long, s; 0: as long as there are */
};

static bool names_missing(const json_t *v, unsigned replicas)
{
    size_t i;
    const char *key;
    json_t *m;
    if (json_is_string(v)) {
        const char *text = json_string_value(v);
        return strlen(text) == 4 && strspn(text, "0123456789ABCDEF") == 4 && sim_id_index(text, 0, replicas) < 0;
    }
    bool any = false;
    json_array_foreach((json_t *)(uintptr_t)v, i, m) any |= names_missing(m, replicas);
    json_object_foreach((json_t *)(uintptr_t)v, key, m) any |= names_missing(m, replicas);
    return any;
}

/* Faults that name replicas that are not there cannot be. */
static void set_replicas(json_t *scenario, unsigned n)
{
    json_t *faults = json_object_get(scenario, "faults");
    json_object_set_new(scenario, "replicas", json_integer(n));
    for (size_t i = json_array_size(faults); i-- > 0;)
        if (names_missing(json_array_get(faults, i), n))
            json_array_remove(faults, i);
}

/* Nobody asks for anything. */
static void set_bare(json_t *scenario)
{
    json_t *clients = json_object_get(scenario, "clients");
    json_object_set_new(clients, "rate", json_integer(0));
    json_object_set_new(clients, "count", json_integer(1));
}

static bool other_seed(void *ctx, size_t i, struct sim_case *c)
{
    const struct seeds *k = ctx;
    *c = (struct sim_case){.scenario = json_deep_copy(k->s->c.scenario), .seed = 1 + i};
    set_replicas(c->scenario, k->replicas);
    if (k->bare)
        set_bare(c->scenario);
    if (k->window > 0)
        shrink_window(c->scenario, k->window);
    return true;
}

/* At most until `until`. */
static bool with_seeds(struct shrink *s, struct seeds *k, size_t seeds, uint64_t until)
{
    const uint64_t all = s->t.until_ns;
    struct sim_case found;
    s->t.until_ns = until;
    bool some = sim_tries_first(&s->t, seeds, other_seed, k, &found) < seeds;
    s->t.until_ns = all;
    if (some)
        shrink_adopt(s, &found);
    return some;
}

/* When size n of `sizes` has had its share of 1 / `part` of the time that is left at `now`. */
static uint64_t share(const struct shrink *s, uint64_t now, unsigned n, unsigned sizes, unsigned part)
{
    return s->t.until_ns > now ? now + (s->t.until_ns - now) / part * n / sizes : now;
}

/* Without clients a run costs a fraction of what it does with them, so that this comes first and may take many seeds.
 * The smallest group first, and faults for a short while before all: what is few now need not be made fewer one by one.
 * What only clients can see (C) needs them; the course's clients have no rate. */
bool shrink_bare(struct shrink *s)
{
    static const double windows[] = {1, 2, 0};
    const json_t *mode = json_object_get(json_object_get(s->c.scenario, "clients"), "mode");
    const unsigned have = replicas_of(s);
    const uint64_t now = trace_mono_ns();
    if (*s->t.like.check == 'C' || !json_is_string(mode) || strcmp(json_string_value(mode), "shared") != 0)
        return false;
    for (unsigned n = 1; n <= have && !s->bare; n++)
        for (size_t w = 0; w < sizeof windows / sizeof *windows && !s->bare; w++) {
            struct seeds k = {.s = s, .replicas = n, .bare = true, .window = windows[w]};
            s->bare = with_seeds(s, &k, n < 3 ? SEEDS_SLOW * n : SEEDS, share(s, now, n, have, 2));
        }
    return s->bare;
}

/* The smallest group first. */
bool shrink_seeds(struct shrink *s)
{
    const unsigned have = replicas_of(s);
    const uint64_t now = trace_mono_ns();
    const bool quick = *s->t.like.oracle && strcmp(s->t.like.oracle, s->t.like.first) == 0;
    bool some = s->bare;
    for (unsigned n = 1; n < have && !some; n++) {
        struct seeds k = {.s = s, .replicas = n};
        some = with_seeds(s, &k, quick ? SEEDS : SEEDS_SLOW, share(s, now, n, have - 1, 3));
    }
    return some && !s->bare;
}

/* ---- the same run without some ---- */

struct renaming {
    unsigned replicas, left_out, clients;
};

static bool is_hex(char c)
{
    return isdigit((unsigned char)c) || (c >= 'A' && c <= 'F');
}

/* The name of a decision, or of a replica in a scenario, with the ids as they are in the smaller group. False: it is
 * about the replica that is left out. */
static bool rename_ids(const struct renaming *k, const char *name, char out[256])
{
    size_t n = 0;
    for (const char *at = name; *at && n < 250;) {
        bool word = at == name || !isalnum((unsigned char)at[-1]);
        size_t len = 0;
        while (is_hex(at[len]))
            len++;
        if (!word || len != 4 || isalnum((unsigned char)at[len])) {
            out[n++] = *at++;
            continue;
        }
        unsigned id = (unsigned)strtoul(at, NULL, 16), first = k->replicas + SIM_CLIENT_BASE;
        if (id == k->left_out)
            return false;
        if ((id < k->replicas && id > k->left_out) || (id >= first && id < first + k->clients))
            id--;
        n += (size_t)snprintf(out + n, 6, "%04X", id & 0xFFFF);
        at += 4;
    }
    out[n] = '\0';
    return true;
}

/* NULL: it is about the replica that is left out. */
static json_t *renamed(const struct renaming *k, const json_t *v)
{
    char text[256];
    size_t i;
    const char *key;
    json_t *m;
    if (json_is_string(v) && strlen(json_string_value(v)) == 4)
        return rename_ids(k, json_string_value(v), text) ? json_string(text) : NULL;
    if (json_is_array(v)) {
        json_t *out = json_array();
        json_array_foreach((json_t *)(uintptr_t)v, i, m)
        {
            json_t *one = renamed(k, m);
            if (one)
                json_array_append_new(out, one);
        }
        return out;
    }
    if (!json_is_object(v))
        return json_deep_copy(v);
    json_t *out = json_object();
    json_object_foreach((json_t *)(uintptr_t)v, key, m)
    {
        json_t *one = renamed(k, m);
        if (!one) {
            json_decref(out);
            return NULL;
        }
        json_object_set_new(out, key, one);
    }
    return out;
}

static bool without(void *ctx, size_t i, struct sim_case *c)
{
    struct shrink *s = ctx;
    struct sim_config cfg;
    char err[SIM_CONFIG_ERR], name[256];
    if (!sim_case_config(&s->c, s->o, &cfg, err))
        return false;
    const struct renaming k = {.replicas = cfg.replicas, .left_out = (unsigned)i, .clients = cfg.clients.count};
    struct sim_case all = {.scenario = NULL};
    sim_config_free(&cfg);
    *c = (struct sim_case){.scenario = json_deep_copy(s->c.scenario), .seed = s->c.seed};
    json_object_set_new(c->scenario, "replicas", json_integer(k.replicas - 1));
    json_t *faults = renamed(&k, json_object_get(c->scenario, "faults"));
    if (faults)
        json_object_set_new(c->scenario, "faults", faults);
    for (size_t g = 0; g < s->c.n_given; g++)
        sim_case_give(&all, s->c.given[g].kind, s->c.given[g].name, s->c.given[g].value);
    sim_case_give_lines(&all, s->r.decisions, s->r.n_decisions);
    for (size_t g = 0; g < all.n_given; g++)
        if (rename_ids(&k, all.given[g].name, name))
            sim_case_give(c, all.given[g].kind, name, all.given[g].value);
    sim_case_free(&all);
    return true;
}

bool shrink_nodes(struct shrink *s)
{
    bool some = false;
    for (struct sim_case found; replicas_of(s) > 1 && !sim_tries_over(&s->t); some = true) {
        if (sim_tries_first(&s->t, replicas_of(s), without, s, &found) == replicas_of(s))
            break;
        shrink_adopt(s, &found);
    }
    return some;
}
