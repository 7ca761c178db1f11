/* explain_point.c -- from when on a violation was inevitable.
 *
 * Of what was acknowledged and is gone: from the election of a leader without it. Of a rule that was broken: from the
 * input during whose handling it was broken, for all that follows is the replica's own doing. For stale reads see
 * explain_read.c: there it is a question of what the replica could still have heard. */
#include "explain_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOST_SHOWN = 6 };

/* The write that was acknowledged and lost: the last put of the evidence. */
static bool lost_write(struct db *db, const struct explain_facts *f, char *key, size_t key_size, char *val,
                       size_t val_size)
{
    sqlite3_stmt *q =
        db_prepare(db, "SELECT o.key, o.val FROM violation_evidence e JOIN ops o USING (op_id)"
                       " WHERE violation_id = :v AND o.f = 'put' AND o.result = 'ok' ORDER BY o.t_return DESC LIMIT 1");
    db_bind_int(db, q, ":v", f->v);
    bool found = db_row(db, q) && sqlite3_column_type(q, 0) != SQLITE_NULL && sqlite3_column_type(q, 1) != SQLITE_NULL;
    if (found) {
        snprintf(key, key_size, "%s", (const char *)sqlite3_column_text(q, 0));
        snprintf(val, val_size, "%s", (const char *)sqlite3_column_text(q, 1));
    }
    db_done(db, q);
    return found;
}

/* The entry with the value: made by the first who had it; how many held it when the client heard of it. */
static const char entry[] =
    "SELECT idx, eterm, node, min(t_append), (SELECT count(DISTINCT h.node) FROM log_entries h WHERE h.run_id ="
    " e.run_id AND h.idx = e.idx AND h.eterm = e.eterm AND h.t_append <= :acked AND (h.t_gone IS NULL OR h.t_gone >"
    " :acked)) FROM " EXPLAIN_ENTRIES " GROUP BY idx, eterm ORDER BY 4 LIMIT 1";

/* The first leader of a later term that did not have the entry when it became one. */
static const char without[] =
    "SELECT l.start_rec, l.node, l.term, l.t_start FROM leader_terms l WHERE l.run_id = :run AND l.term > :eterm"
    " AND l.t_start >= :since AND NOT EXISTS (SELECT 1 FROM log_entries h WHERE h.run_id = l.run_id AND h.idx = :idx"
    " AND h.node = l.node AND h.eterm = :eterm AND h.t_append <= l.t_start AND (h.t_gone IS NULL OR h.t_gone > "
    "l.t_start"
    " OR h.gone_why = 'snapshot')) ORDER BY l.t_start LIMIT 1";

static void of_lost_write(struct story *s, struct db *db, const struct explain_facts *f)
{
    char key[1024], val[1024];
    if (!lost_write(db, f, key, sizeof key, val, sizeof val))
        return;
    int64_t acked =
        explain_ask(db,
                    "SELECT o.t_return FROM violation_evidence e JOIN ops o USING (op_id) WHERE"
                    " violation_id = :v AND o.f = 'put' AND o.result = 'ok' ORDER BY o.t_return DESC LIMIT 1",
                    0, ":v", f->v);
    sqlite3_stmt *q = db_prepare(db, entry);
    db_bind_int(db, q, ":run", f->run_id);
    db_bind_text(db, q, ":key", key);
    db_bind_text(db, q, ":val", val);
    db_bind_int(db, q, ":acked", acked);
    bool known = db_row(db, q);
    int64_t idx = known ? sqlite3_column_int64(q, 0) : 0, eterm = known ? sqlite3_column_int64(q, 1) : 0;
    int64_t since = known ? sqlite3_column_int64(q, 3) : 0, held = known ? sqlite3_column_int64(q, 4) : 0;
    db_done(db, q);
    if (!known)
        return; /* no replica tells of it */
    story_remark(s, "it was entry %lld of term %lld, on %lld replica%s when the client was told that it was done",
                 (long long)idx, (long long)eterm, (long long)held, held == 1 ? "" : "s");
    size_t lost = explain_lost_value(s, db, f->run_id, key, strlen(key), val, LOST_SHOWN);
    if (lost > 0)
        story_remark(s, "%zu lost message%s carried it or word of it%s (explain lost:KEY=VALUE lists them)", lost,
                     lost == 1 ? "" : "s", lost > LOST_SHOWN ? "; the first 6 are shown" : "");
    q = db_prepare(db, without);
    db_bind_int(db, q, ":run", f->run_id);
    db_bind_int(db, q, ":idx", idx);
    db_bind_int(db, q, ":eterm", eterm);
    db_bind_int(db, q, ":since", since);
    if (db_row(db, q)) {
        story_record(s, sqlite3_column_int64(q, 0), NULL);
        story_remark(s, "inevitable from %.1f ms on: %s, which does not have it, leads term %lld and overwrites it",
                     (double)sqlite3_column_int64(q, 3) / 1e6, (const char *)sqlite3_column_text(q, 1),
                     (long long)sqlite3_column_int64(q, 2));
    }
    db_done(db, q);
}

static void of_rule(struct story *s, struct db *db, const struct explain_facts *f)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT r.node, i.id, i.t FROM records r LEFT JOIN records i ON i.id = r.cause"
                                     " WHERE r.id = :bad");
    db_bind_int(db, q, ":bad", f->bad);
    if (db_row(db, q) && sqlite3_column_type(q, 1) != SQLITE_NULL) {
        char *words = story_words(db, sqlite3_column_int64(q, 1));
        story_record(s, sqlite3_column_int64(q, 1), NULL);
        story_remark(s, "inevitable from %.1f ms on, with what %s handled then (%s): no later message could change it",
                     (double)sqlite3_column_int64(q, 2) / 1e6, (const char *)sqlite3_column_text(q, 0),
                     words != NULL ? words : "");
        free(words);
    }
    db_done(db, q);
}

void explain_point(struct story *s, struct db *db, const struct explain_facts *f)
{
    if (strcmp(f->class, "lost-write") == 0)
        of_lost_write(s, db, f);
    else if (f->bad != 0 && f->check[0] == 'R')
        of_rule(s, db, f);
}
