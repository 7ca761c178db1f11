/* check_progress.c -- time is cut where faults begin and end; in each piece the group is healthy or not. Adjacent
 * healthy pieces make a healthy stretch; what matters is the longest time without success inside one. */
#include "check_progress.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 64 };

struct fault {
    int64_t begin, end;
    bool kills; /* `node` is away */
    bool blurs; /* nobody can say who is connected (heavy loss, slow links, skew, disks) */
    unsigned node;
    uint64_t cut[NODES_MAX]; /* cut[i]: whom node i cannot reach, or cannot hear */
};

struct group {
    char name[NODES_MAX][64];
    unsigned n;
    struct fault *faults;
    size_t n_faults, cap;
};

static unsigned index_of(const struct group *g, const char *name)
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
static void read_cuts(const struct group *g, struct fault *f, const json_t *groups, const json_t *links)
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

static struct fault *new_fault(struct group *g)
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

static bool add_fault(struct group *g, sqlite3_stmt *q)
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
    if (strcmp(kind, "restart") == 0) {
        f->end = f->begin;
        return true;
    }
    const char *target = (const char *)sqlite3_column_text(q, 4);
    json_t *j = target != NULL ? json_loads(target, 0, NULL) : NULL;
    json_t *groups = json_object_get(j, "groups"), *links = json_object_get(j, "links"), *p = json_object_get(j, "p");
    read_cuts(g, f, groups, links);
    bool mild = strcmp(kind, "loss") == 0 && json_is_integer(p) && json_integer_value(p) < 500;
    f->blurs = !mild && json_array_size(groups) == 0 && json_array_size(links) == 0;
    json_decref(j);
    return true;
}

/* Replicas; faults; and replicas that ended by themselves, from then to their next boot. A kill lasts until the node is
 * back, whether or not its end was recorded. */
static bool read_group(struct check_run *c, struct group *g)
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

/* Are there so many replicas that are up and connected, each with each, that they make a majority? (The neighbours of
 * one node are tried, for each node: enough for any partition into sides, and never too many.) */
static bool healthy(const struct group *g, int64_t t)
{
    uint64_t away = 0, apart[NODES_MAX] = {0};
    for (size_t i = 0; i < g->n_faults; i++) {
        const struct fault *f = &g->faults[i];
        if (f->begin > t || f->end <= t)
            continue;
        if (f->blurs)
            return false;
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
            return true;
    }
    return false;
}

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int64_t next_cut(const int64_t *cuts, size_t n, int64_t t, int64_t to)
{
    for (size_t i = 0; i < n && cuts[i] < to; i++) {
        if (cuts[i] > t)
            return cuts[i];
    }
    return to;
}

/* Moves *from on to where the group is healthy next, before `to`; *end is where that ends. False when it is not. */
static bool next_stretch(const struct group *g, const int64_t *cuts, size_t n, int64_t *from, int64_t to, int64_t *end)
{
    while (*from < to && !healthy(g, *from))
        *from = next_cut(cuts, n, *from, to);
    *end = *from;
    while (*end < to && healthy(g, *end))
        *end = next_cut(cuts, n, *end, to);
    return *from < *end;
}

static int64_t tries_between(struct check_run *c, int64_t from, int64_t to, int64_t *first)
{
    sqlite3_stmt *q =
        db_prepare(c->db, "SELECT count(*), min(t) FROM op_tries WHERE run_id = :run AND t BETWEEN :from AND :to");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_int(c->db, q, ":from", from);
    db_bind_int(c->db, q, ":to", to);
    int64_t n = 0;
    *first = to;
    if (db_row(c->db, q)) {
        n = sqlite3_column_int64(q, 0);
        if (n > 0)
            *first = sqlite3_column_int64(q, 1);
    }
    db_done(c->db, q);
    return n;
}

/* No operation succeeded between the two instants. */
static void judge_gap(struct check_run *c, const struct group *g, const int64_t *cuts, size_t n, int64_t from,
                      int64_t to)
{
    int64_t end;
    while (to - from > PROGRESS_NS && next_stretch(g, cuts, n, &from, to, &end)) {
        int64_t first, tries = end - from > PROGRESS_NS ? tries_between(c, from, end, &first) : 0;
        if (tries >= PROGRESS_TRIES && end - first > PROGRESS_NS) {
            char title[160];
            snprintf(title, sizeof title,
                     "no operation succeeded for %.1f s (%.1f to %.1f ms) although a majority was up and connected",
                     (double)(end - first) / 1e9, (double)first / 1e6, (double)end / 1e6);
            int64_t id = check_violation(
                c, &(struct violation){.t = first + PROGRESS_NS, .title = title, .fingerprint = "no-progress"});
            char words[80];
            snprintf(words, sizeof words, "%" PRId64 " requests were sent in that time", tries);
            check_evidence(c, id, "witness", 0, 0, 0, 0, words);
        }
        from = end;
    }
}

static void judge_run(struct check_run *c, const struct group *g)
{
    int64_t *cuts = malloc((2 * g->n_faults + 1) * sizeof *cuts);
    size_t n = 0;
    for (size_t i = 0; cuts != NULL && i < g->n_faults; i++) {
        cuts[n++] = g->faults[i].begin;
        cuts[n++] = g->faults[i].end;
    }
    if (n > 0)
        qsort(cuts, n, sizeof *cuts, by_time);
    /* From the first question to the last: before and after nobody asked. */
    sqlite3_stmt *q = db_prepare(
        c->db, "SELECT min(t), 0 FROM op_tries WHERE run_id = :run UNION ALL"
               " SELECT t_return, 1 FROM ops WHERE run_id = :run AND result = 'ok' AND t_return IS NOT NULL UNION ALL"
               " SELECT max(t), 2 FROM op_tries WHERE run_id = :run ORDER BY 1, 2");
    db_bind_int(c->db, q, ":run", c->run_id);
    bool begun = false;
    int64_t since = 0;
    while (cuts != NULL && db_row(c->db, q)) {
        int64_t t = sqlite3_column_int64(q, 0);
        if (begun)
            judge_gap(c, g, cuts, n, since, t);
        begun = true;
        since = t;
        c->examined += sqlite3_column_int64(q, 1) == 1;
    }
    db_done(c->db, q);
    c->incomplete |= cuts == NULL;
    free(cuts);
}

enum verdict check_progress(struct check_run *c)
{
    if (!check_has_event(c, "op.try")) {
        snprintf(c->note, sizeof c->note, "needs op.try records");
        return VERDICT_SKIPPED;
    }
    struct group *g = calloc(1, sizeof *g);
    bool ok = g != NULL && read_group(c, g);
    enum verdict v = VERDICT_UNKNOWN;
    if (ok && g->n == 0) {
        snprintf(c->note, sizeof c->note, "no replicas are known");
        v = VERDICT_SKIPPED;
    } else if (ok) {
        judge_run(c, g);
        v = check_answer(c);
    }
    if (g != NULL)
        free(g->faults);
    free(g);
    return v;
}
