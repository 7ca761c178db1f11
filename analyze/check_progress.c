/* check_progress.c -- C7: what matters is the longest time without success inside a healthy stretch (health.h). */
#include "check_progress.h"

#include <inttypes.h>
#include <stdio.h>

#include "check_history.h"
#include "health.h"

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
static void judge_gap(struct check_run *c, const struct health *g, int64_t from, int64_t to)
{
    int64_t end;
    while (to - from > PROGRESS_NS && health_stretch(g, &from, to, &end)) {
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

/* While members come and go, who is asked may be none any more, and who makes a majority is another question at each
 * time: from the first change until all replicas are members again, nobody is to blame. */
struct changes {
    int64_t from, to;
};

static bool all_are_members(const struct health *g, const char *conf)
{
    unsigned members = conf != NULL && *conf != '\0';
    for (const char *at = conf; at != NULL && *at != '\0'; at++)
        members += *at == ' ';
    return members == health_nodes(g);
}

static struct changes changes_of(struct check_run *c, const struct health *g)
{
    struct changes known = {.from = INT64_MAX, .to = INT64_MAX};
    sqlite3_stmt *q = db_prepare(
        c->db, "WITH e AS (SELECT idx, t_append, t_apply, append_rec FROM log_entries WHERE run_id = :run AND"
               " op = 'conf'), last AS (SELECT max(idx) AS idx FROM e) SELECT (SELECT min(t_append) FROM e),"
               " (SELECT min(t_apply) FROM e JOIN last USING (idx)),"
               " (SELECT json_extract(body, '$.conf') FROM records WHERE id ="
               "   (SELECT append_rec FROM e JOIN last USING (idx) ORDER BY t_append DESC LIMIT 1))");
    db_bind_int(c->db, q, ":run", c->run_id);
    if (db_row(c->db, q) && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        known.from = sqlite3_column_int64(q, 0);
        if (sqlite3_column_type(q, 1) != SQLITE_NULL && all_are_members(g, (const char *)sqlite3_column_text(q, 2)))
            known.to = sqlite3_column_int64(q, 1);
    }
    db_done(c->db, q);
    return known;
}

static void judge_run(struct check_run *c, const struct health *g)
{
    struct changes changes = changes_of(c, g);
    /* From the first question to the last: before and after nobody asked. */
    sqlite3_stmt *q = db_prepare(
        c->db, "SELECT min(t), 0 FROM op_tries WHERE run_id = :run UNION ALL"
               " SELECT t_return, 1 FROM ops WHERE run_id = :run AND result = 'ok' AND t_return IS NOT NULL UNION ALL"
               " SELECT max(t), 2 FROM op_tries WHERE run_id = :run ORDER BY 1, 2");
    db_bind_int(c->db, q, ":run", c->run_id);
    bool begun = false;
    int64_t since = 0;
    while (db_row(c->db, q)) {
        int64_t t = sqlite3_column_int64(q, 0);
        if (begun) {
            judge_gap(c, g, since, t < changes.from ? t : changes.from);
            judge_gap(c, g, since > changes.to ? since : changes.to, t);
        }
        begun = true;
        since = t;
        c->examined += sqlite3_column_int64(q, 1) == 1;
    }
    db_done(c->db, q);
}

enum verdict check_progress(struct check_run *c)
{
    if (!check_has_event(c, "op.try")) {
        snprintf(c->note, sizeof c->note, "needs op.try records");
        return VERDICT_SKIPPED;
    }
    struct health *g = health_new(c);
    enum verdict v = VERDICT_UNKNOWN;
    if (g != NULL && health_nodes(g) == 0) {
        snprintf(c->note, sizeof c->note, "no replicas are known");
        v = VERDICT_SKIPPED;
    } else if (g != NULL) {
        char missing[CHECK_TITLE_LEN];
        if (check_operations_missing(c, missing, sizeof missing)) {
            c->incomplete = true;
            snprintf(c->note, sizeof c->note, "%.200s", missing);
        }
        judge_run(c, g);
        v = check_answer(c);
    }
    health_free(g);
    return v;
}
