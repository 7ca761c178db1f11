#include "health.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 64, MILD_US = 20000 };

struct fault {
    int64_t begin, end;
    bool kills; /* `node` is away */
    bool blurs; /* nobody can say who is connected (heavy loss, slow links, skew, disks) */
    unsigned node;
    uint64_t cut[NODES_MAX]; /* cut[i]: whom node i cannot reach, or cannot hear */
};

struct health {
    char name[NODES_MAX][64];
    unsigned n;
    struct fault *faults;
    size_t n_faults, cap;
    int64_t *cuts; /* when faults begin and end, in order */
    size_t n_cuts;
};

static unsigned index_of(const struct health *g, const char *name)
{
    unsigned i = 0;
    while (i < g->n && (name == NULL || strcmp(g->name[i], name) != 0))
        i++;
    return i;
}

static void cut(struct fault *f, unsigned a, unsigned b)
{
    f->cut[a] |= UINT64_C(1) << b;
    f->cut[b] |= UINT64_C(1) << a;
}

/* Groups: nodes of different groups are apart; a node in none of them stands alone. Links: [from, to] is cut. */
static void read_cuts(const struct health *g, struct fault *f, const json_t *groups, const json_t *links)
{
    unsigned side[NODES_MAX];
    for (unsigned i = 0; i < g->n; i++)
        side[i] = NODES_MAX + i;
    size_t k, m;
    json_t *one, *name;
    json_array_foreach(groups, k, one)
    {
        json_array_foreach(one, m, name)
        {
            unsigned i = index_of(g, json_string_value(name));
            if (i < g->n && k < NODES_MAX)
                side[i] = (unsigned)k;
        }
    }
    for (unsigned a = 0; json_array_size(groups) > 0 && a < g->n; a++) {
        for (unsigned b = 0; b < a; b++) {
            if (side[a] != side[b])
                cut(f, a, b);
        }
    }
    json_array_foreach(links, k, one)
    {
        unsigned a = index_of(g, json_string_value(json_array_get(one, 0)));
        unsigned b = index_of(g, json_string_value(json_array_get(one, 1)));
        if (a < g->n && b < g->n)
            cut(f, a, b);
    }
}

static struct fault *new_fault(struct health *g)
{
    if (g->n_faults == g->cap) {
        size_t cap = g->cap * 2 + 16;
        struct fault *p = realloc(g->faults, cap * sizeof *p);
        if (p == NULL)
            return NULL;
        g->faults = p;
        g->cap = cap;
    }
    struct fault *f = &g->faults[g->n_faults++];
    memset(f, 0, sizeof *f);
    f->node = NODES_MAX;
    return f;
}

/* Is there one link at least with a client at its end, or with somebody whom we do not know? */
static bool beyond_replicas(const struct health *g, const json_t *links)
{
    size_t k;
    json_t *one;
    json_array_foreach(links, k, one)
    {
        if (index_of(g, json_string_value(json_array_get(one, 0))) == g->n ||
            index_of(g, json_string_value(json_array_get(one, 1))) == g->n)
            return true;
    }
    return false;
}

/* Replicas make progress all the same: most messages come through, and soon. */
static bool mild(const char *kind, const json_t *how)
{
    const json_t *p = json_object_get(how, "p"), *max = json_object_get(how, "max_us");
    bool often = !json_is_integer(p) || json_integer_value(p) >= 500;
    if (strcmp(kind, "loss") == 0 || strcmp(kind, "corrupt") == 0 || strcmp(kind, "truncate") == 0)
        return !often;
    if (strcmp(kind, "slow_link") == 0)
        return json_is_integer(max) && json_integer_value(max) <= MILD_US;
    return strcmp(kind, "duplicate") == 0;
}

/* What a fault of links that is not mild does: it cuts them, as far as anybody can tell. */
static void hit_links(const struct health *g, struct fault *f, const json_t *how)
{
    const json_t *groups = json_object_get(how, "groups"), *links = json_object_get(how, "links");
    read_cuts(g, f, groups, links);
    f->blurs = (json_array_size(groups) == 0 && json_array_size(links) == 0) || beyond_replicas(g, links);
}

static bool add_fault(struct health *g, sqlite3_stmt *q)
{
    struct fault *f = new_fault(g);
    if (f == NULL)
        return false;
    const char *kind = (const char *)sqlite3_column_text(q, 0);
    f->begin = sqlite3_column_int64(q, 2);
    f->end = sqlite3_column_type(q, 3) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(q, 3);
    if (strcmp(kind, "kill") == 0 || strcmp(kind, "pause") == 0 || strcmp(kind, "exit") == 0) {
        f->kills = true;
        f->node = index_of(g, (const char *)sqlite3_column_text(q, 1));
        return true;
    }
    if (strcmp(kind, "restart") == 0 || strcmp(kind, "replace") == 0 || strcmp(kind, "wipe") == 0) {
        f->end = f->begin;
        return true;
    }
    const char *target = (const char *)sqlite3_column_text(q, 4);
    json_t *j = target != NULL ? json_loads(target, 0, NULL) : NULL;
    if (!mild(kind, j))
        hit_links(g, f, j);
    json_decref(j);
    return true;
}

/* Replicas; faults; and replicas that ended by themselves, from then to their next boot. A kill lasts until the node is
 * back, whether or not its end was recorded. */
static bool read_group(struct check_run *c, struct health *g)
{
    sqlite3_stmt *q =
        db_prepare(c->db, "SELECT node FROM nodes WHERE run_id = :run AND kind = 'replica' ORDER BY node");
    db_bind_int(c->db, q, ":run", c->run_id);
    while (g->n < NODES_MAX && db_row(c->db, q))
        snprintf(g->name[g->n++], sizeof g->name[0], "%s", (const char *)sqlite3_column_text(q, 0));
    db_done(c->db, q);

    bool ok = true;
    q = db_prepare(c->db, "SELECT kind, node, t_begin, t_end, target FROM faults WHERE run_id = :run UNION ALL"
                          " SELECT 'exit', json_extract(x.body, '$.of'), x.t, (SELECT min(b.t_start) FROM boots b "
                          "WHERE b.run_id = x.run_id"
                          "   AND b.node = json_extract(x.body, '$.of') AND b.t_start > x.t), NULL"
                          " FROM records x WHERE x.run_id = :run AND x.ev = 'node.exit'");
    db_bind_int(c->db, q, ":run", c->run_id);
    while (ok && db_row(c->db, q))
        ok = add_fault(g, q);
    db_done(c->db, q);
    return ok;
}

/* The neighbours of one node are tried, for each node: enough for any partition into sides, and never too many. */
uint64_t health_side(const struct health *g, int64_t t)
{
    uint64_t away = 0, apart[NODES_MAX] = {0};
    for (size_t i = 0; i < g->n_faults; i++) {
        const struct fault *f = &g->faults[i];
        if (f->begin > t || f->end <= t)
            continue;
        if (f->blurs)
            return 0;
        if (f->kills && f->node < g->n)
            away |= UINT64_C(1) << f->node;
        for (unsigned k = 0; k < g->n; k++)
            apart[k] |= f->cut[k];
    }
    for (unsigned i = 0; i < g->n; i++) {
        unsigned with = 0;
        uint64_t side = 0, torn = 0;
        for (unsigned k = 0; k < g->n; k++) {
            if ((away >> k & 1u) == 0 && (apart[i] >> k & 1u) == 0) {
                with++;
                side |= UINT64_C(1) << k;
                torn |= apart[k];
            }
        }
        if ((away >> i & 1u) == 0 && with > g->n / 2 && (side & torn) == 0)
            return side;
    }
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int64_t health_next(const struct health *g, int64_t t, int64_t to)
{
    size_t low = 0, high = g->n_cuts; /* the first cut after t is in low..high */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (g->cuts[middle] > t)
            high = middle;
        else
            low = middle + 1;
    }
    return low < g->n_cuts && g->cuts[low] < to ? g->cuts[low] : to;
}

bool health_stretch(const struct health *g, int64_t *from, int64_t to, int64_t *end)
{
    while (*from < to && health_side(g, *from) == 0)
        *from = health_next(g, *from, to);
    *end = *from;
    while (*end < to && health_side(g, *end) != 0)
        *end = health_next(g, *end, to);
    return *from < *end;
}

unsigned health_nodes(const struct health *g)
{
    return g->n;
}

int health_index(const struct health *g, const char *node)
{
    unsigned i = index_of(g, node);
    return i < g->n ? (int)i : -1;
}

static bool read_cut_times(struct health *g)
{
    g->cuts = malloc((2 * g->n_faults + 1) * sizeof *g->cuts);
    for (size_t i = 0; g->cuts != NULL && i < g->n_faults; i++) {
        g->cuts[g->n_cuts++] = g->faults[i].begin;
        g->cuts[g->n_cuts++] = g->faults[i].end;
    }
    if (g->n_cuts > 0)
        qsort(g->cuts, g->n_cuts, sizeof *g->cuts, by_time);
    return g->cuts != NULL;
}

struct health *health_new(struct check_run *c)
{
    struct health *g = calloc(1, sizeof *g);
    if (g == NULL || (read_group(c, g) && read_cut_times(g)))
        return g;
    health_free(g);
    return NULL;
}

void health_free(struct health *g)
{
    if (g == NULL)
        return;
    free(g->faults);
    free(g->cuts);
    free(g);
}
