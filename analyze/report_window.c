/* report_window.c -- which spans of a run its report holds. */
#include "report_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "pairmap.h"

#define MS INT64_C(1000000)

enum { VIOLATIONS_MAX = 200, TURNS_MAX = 60 };

void plan_add(struct report_plan *p, int64_t from, int64_t to, int64_t violation, const char *why)
{
    p->span = vector_grow(p->span, &p->room, p->n, sizeof *p->span);
    p->span[p->n++] = (struct report_span){.from = from, .to = to, .violation = violation, .why = why};
}

void plan_free(struct report_plan *p)
{
    free(p->span);
    *p = (struct report_plan){0};
}

/* First and last moment that the evidence of a violation names. */
static const char extent[] =
    "SELECT min(a), max(b), v.t FROM violations v LEFT JOIN ("
    " SELECT e.violation_id AS id, coalesce(r.t, o.t_invoke, m.t_send, m.t_in, f.t_begin) AS a,"
    " coalesce(o.t_return, r.t, m.t_out, m.t_in, f.t_begin) AS b"
    " FROM violation_evidence e LEFT JOIN records r ON r.id = e.rec LEFT JOIN ops o USING (op_id)"
    " LEFT JOIN messages m USING (msg_id) LEFT JOIN faults f ON f.fault_id = e.fault_id"
    " WHERE e.violation_id = :v UNION ALL SELECT e.violation_id, o.t_invoke, o.t_return"
    " FROM violation_evidence e JOIN ops o USING (op_id) WHERE e.violation_id = :v)"
    " ON id = v.violation_id WHERE v.violation_id = :v";

bool plan_violation(struct report_plan *p, const struct report *r, int64_t v)
{
    sqlite3_stmt *q = db_prepare(r->db, extent);
    db_bind_int(r->db, q, ":v", v);
    bool found = db_row(r->db, q) && sqlite3_column_type(q, 2) != SQLITE_NULL;
    if (found) {
        int64_t t = sqlite3_column_int64(q, 2), a = t, b = t;
        if (sqlite3_column_type(q, 0) != SQLITE_NULL && sqlite3_column_int64(q, 0) < a)
            a = sqlite3_column_int64(q, 0);
        if (sqlite3_column_type(q, 1) != SQLITE_NULL && sqlite3_column_int64(q, 1) > b)
            b = sqlite3_column_int64(q, 1);
        plan_add(p, a - 200 * MS, b + 50 * MS, v, "violation");
    }
    db_done(r->db, q);
    return found;
}

static void plan_moments(struct report_plan *p, const struct report *r, const char *sql, int64_t before, int64_t after,
                         const char *why)
{
    sqlite3_stmt *q = db_prepare(r->db, sql);
    db_bind_int(r->db, q, ":run", r->run_id);
    for (int n = 0; n < TURNS_MAX && db_row(r->db, q); n++)
        plan_add(p, sqlite3_column_int64(q, 0) - before, sqlite3_column_int64(q, 0) + after, 0, why);
    db_done(r->db, q);
}

void plan_run(struct report_plan *p, const struct report *r)
{
    if (db_int(r->db, "SELECT sum(records) FROM sources", 0) <= REPORT_ALL_RECORDS)
        plan_add(p, r->t0, r->t1 + 1, 0, "all");
    int64_t worst = explain_worst_of(r->db, r->run_id);
    if (worst != 0)
        plan_violation(p, r, worst);
    static const char *const orders[] = {
        "SELECT min(violation_id) FROM violations WHERE run_id = :run GROUP BY \"check\", fingerprint ORDER BY 1",
        "SELECT violation_id FROM violations WHERE run_id = :run ORDER BY 1"};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        sqlite3_stmt *q = db_prepare(r->db, orders[i]);
        db_bind_int(r->db, q, ":run", r->run_id);
        for (int n = 0; n < VIOLATIONS_MAX && db_row(r->db, q); n++)
            plan_violation(p, r, sqlite3_column_int64(q, 0));
        db_done(r->db, q);
    }
    plan_moments(p, r, "SELECT t_start FROM leader_terms WHERE run_id = :run ORDER BY 1", 150 * MS, 50 * MS, "leader");
    plan_moments(p, r,
                 "SELECT t_begin FROM faults WHERE run_id = :run UNION SELECT t_end FROM faults WHERE run_id = :run"
                 " AND t_end IS NOT NULL ORDER BY 1",
                 50 * MS, 100 * MS, "fault");
}
