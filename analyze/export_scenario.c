/* export_scenario.c -- a scenario for simulate(1), made of what happened in a run or a part of it: the same group and
 * clients, and the faults of that time, at the same moments and on the same replicas.
 *
 * It is the beginning of a reproduction, not one: which datagrams are lost by chance, and when each client asks, is
 * drawn anew. Faults whose records do not say on whom they were are left out, and are counted in the remark. */
#include "export_int.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_S = 5, REPLICAS_LEAST = 3, REPLICAS_MOST = 21, CLIENTS_MOST = 64, KEYS_MOST = 1000 };

struct made {
    struct export *e;
    json_t *cfg; /* what the simulator of the run was told; NULL: there was none */
    int64_t replicas, start_ns, left_out;
};

static int64_t one(struct made *m, const char *sql)
{
    sqlite3_stmt *q = db_prepare(m->e->db, sql);
    db_bind_int(m->e->db, q, ":run", m->e->run_id);
    int64_t v = db_row(m->e->db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(m->e->db, q);
    return v;
}

static int64_t within(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

static int64_t told(const struct made *m, const char *key, int64_t dflt)
{
    const json_t *v = json_object_get(m->cfg, key);
    return json_is_integer(v) ? json_integer_value(v) : dflt;
}

/* Milliseconds are enough, and read well. */
static json_t *seconds(int64_t ns)
{
    return json_real((double)(ns / 1000000) / 1e3);
}

/* Is it the name of a replica that the simulator will have? */
static bool is_replica(const struct made *m, const char *id)
{
    char *end;
    if (id == NULL || strlen(id) != 4)
        return false;
    unsigned long n = strtoul(id, &end, 16);
    return *end == '\0' && (int64_t)n < m->replicas;
}

static bool all_replicas(const struct made *m, const json_t *sides)
{
    size_t i, k;
    json_t *side, *id;
    json_array_foreach((json_t *)sides, i, side)
    {
        json_array_foreach(side, k, id)
        {
            if (!is_replica(m, json_string_value(id)))
                return false;
        }
    }
    return json_array_size(sides) > 0;
}

/* The fault with its target; NULL when the scenario cannot say it. */
static json_t *fault_of(const struct made *m, const char *kind, const char *node, const json_t *target)
{
    json_t *groups = json_object_get(target, "groups"), *links = json_object_get(target, "links"), *f = NULL;
    json_t *p = json_object_get(target, "p");
    if (strcmp(kind, "partition") == 0 && all_replicas(m, groups))
        f = json_pack("{s:s, s:O}", "kind", kind, "groups", groups);
    else if (strcmp(kind, "partition") == 0 && all_replicas(m, links))
        f = json_pack("{s:s, s:O}", "kind", kind, "links", links);
    else if (strcmp(kind, "loss") == 0 && json_is_integer(p) && (links == NULL || all_replicas(m, links)))
        f = json_pack("{s:s, s:f}", "kind", kind, "p", (double)json_integer_value(p) / 1000);
    else if ((strcmp(kind, "kill") == 0 || strcmp(kind, "pause") == 0) && is_replica(m, node))
        f = json_pack("{s:s, s:s}", "kind", kind, "node", node);
    if (f != NULL && strcmp(kind, "loss") == 0 && links != NULL)
        json_object_set(f, "links", links);
    return f;
}

/* Times count from the first request. */
static void place(const struct made *m, json_t *f, bool kill, int64_t begin, int64_t end, int64_t latest)
{
    begin = within(begin - m->start_ns, 0, latest);
    json_object_set_new(f, kill ? "at" : "begin", seconds(begin));
    if (!kill)
        json_object_set_new(f, "end", seconds(within(end - m->start_ns, begin + 1000000, latest)));
    else if (end != INT64_MAX && (end - m->start_ns - begin) / 1000000 <= 600000)
        json_object_set_new(f, "restart_after_ms",
                            json_pack("[I, I]", (json_int_t)((end - m->start_ns - begin) / 1000000),
                                      (json_int_t)((end - m->start_ns - begin) / 1000000)));
}

static json_t *faults(struct made *m, int64_t latest)
{
    json_t *list = json_array();
    sqlite3_stmt *q = db_prepare(
        m->e->db,
        "SELECT kind, node, target, t_begin, coalesce(t_end, 9223372036854775807) FROM faults WHERE run_id = :run"
        " AND kind <> 'restart' AND t_begin <= :to AND coalesce(t_end, t_begin) >= :from ORDER BY t_begin, fault_id");
    db_bind_int(m->e->db, q, ":run", m->e->run_id);
    db_bind_int(m->e->db, q, ":from", m->e->from);
    db_bind_int(m->e->db, q, ":to", m->e->to);
    while (db_row(m->e->db, q)) {
        const char *kind = (const char *)sqlite3_column_text(q, 0), *text = (const char *)sqlite3_column_text(q, 2);
        json_t *target = text != NULL ? json_loads(text, 0, NULL) : NULL;
        json_t *f = fault_of(m, kind, (const char *)sqlite3_column_text(q, 1), target);
        if (f != NULL) {
            place(m, f, strcmp(kind, "kill") == 0, sqlite3_column_int64(q, 3), sqlite3_column_int64(q, 4), latest);
            json_array_append_new(list, f);
        } else {
            m->left_out++;
        }
        json_decref(target);
    }
    db_done(m->e->db, q);
    return list;
}

/* Requests a second, as clients made them. */
static double rate(struct made *m)
{
    int64_t n = one(m, "SELECT count(*) FROM ops WHERE run_id = :run");
    int64_t span = one(m, "SELECT max(t_invoke) - min(t_invoke) FROM ops WHERE run_id = :run");
    double r = span > 0 ? (double)n / ((double)span / 1e9) : 100;
    return r < 1 ? 1 : r > 1e5 ? 1e5 : (double)(int64_t)(r * 10) / 10;
}

static void write_out(struct made *m)
{
    int64_t ops = one(m, "SELECT count(*) FROM ops WHERE run_id = :run");
    int64_t gets = one(m, "SELECT count(*) FROM ops WHERE run_id = :run AND f = 'get'");
    int64_t end = one(m, "SELECT coalesce(t_end, 0) FROM runs WHERE run_id = :run");
    if (m->e->to < end)
        end = m->e->to;
    int64_t lifetime = within((end - m->start_ns) / 1000000000 + 1, LEAST_S, 100000);
    int64_t whole = told(m, "lifetime_ms", 0) / 1000;
    if (whole >= LEAST_S && lifetime > whole)
        lifetime = whole;
    json_t *j = json_object();
    json_object_set_new(j, "name", json_string("reproduce"));
    json_object_set_new(j, "replicas", json_integer(m->replicas));
    json_object_set_new(j, "lifetime", json_integer(lifetime));
    json_object_set_new(j, "start_wait", seconds(within(m->start_ns, 0, lifetime * 1000000000)));
    json_object_set_new(j, "mix", json_real(ops > 0 ? (double)(gets * 100 / ops) / 100 : 0.8));
    json_object_set_new(
        j, "clients",
        json_pack(
            "{s:s, s:I, s:I, s:f}", "mode", "shared", "count",
            (json_int_t)within(one(m, "SELECT count(DISTINCT client) FROM ops WHERE run_id = :run"), 1, CLIENTS_MOST),
            "keys", (json_int_t)within(one(m, "SELECT count(DISTINCT key) FROM ops WHERE run_id = :run"), 1, KEYS_MOST),
            "rate", rate(m)));
    json_object_set_new(j, "network",
                        json_pack("{s:f, s:f, s:[f, f]}", "loss", (double)told(m, "loss_ppm", 0) / 1e6, "duplicate",
                                  (double)told(m, "duplicate_ppm", 0) / 1e6, "delay_ms",
                                  (double)told(m, "delay_min_us", 0) / 1e3,
                                  (double)told(m, "delay_max_us", 1000) / 1e3));
    json_object_set_new(j, "faults", faults(m, lifetime * 1000000000));
    char *text = json_dumps(j, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (text != NULL)
        fprintf(m->e->out, "%s\n", text);
    free(text);
    json_decref(j);
}

void export_scenario(struct export *e)
{
    struct made m = {.e = e};
    json_t *config = NULL;
    sqlite3_stmt *q = db_prepare(e->db, "SELECT config FROM runs WHERE run_id = :run");
    db_bind_int(e->db, q, ":run", e->run_id);
    if (db_row(e->db, q) && sqlite3_column_type(q, 0) == SQLITE_TEXT)
        config = json_loads((const char *)sqlite3_column_text(q, 0), 0, NULL);
    db_done(e->db, q);
    m.cfg = json_object_get(config, "sim");
    m.replicas =
        within(told(&m, "replicas", one(&m, "SELECT count(*) FROM nodes WHERE run_id = :run AND kind = 'replica'")),
               REPLICAS_LEAST, REPLICAS_MOST);
    m.start_ns = within(told(&m, "start_wait_ms", 3000), 0, 1000000) * 1000000;
    write_out(&m);
    if (m.left_out > 0)
        snprintf(e->remark, sizeof e->remark,
                 "%" PRId64 " faults are left out: a scenario cannot say them as they were recorded", m.left_out);
    json_decref(config);
}
