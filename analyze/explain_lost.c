/* explain_lost.c -- the lost messages that carried a value, or word of it: the request, appends with the entry to those
 * who lacked it, acknowledgements, and the answer. */
#include "explain_int.h"

#include <stdio.h>
#include <string.h>

/* What was lost of the exchange with the client: requests on their way to a replica, and answers on their way back. */
static const char exchange[] =
    "SELECT coalesce(m.drop_rec, m.in_rec, m.send_rec), CASE WHEN m.src = o.client"
    " THEN 'the request ' || t.mid || ' to ' || m.dst ELSE 'the answer of ' || m.src || ' to ' || o.client END, m.why,"
    " (SELECT f FROM faults f WHERE f.fault_id = m.fault_id), m.d FROM ops o JOIN op_tries t ON t.run_id = o.run_id"
    " AND t.op_id = o.op_id JOIN messages m ON m.run_id = t.run_id AND m.mid = t.mid AND m.fate = 'dropped'"
    " WHERE o.run_id = :run AND o.key = :key AND o.val = :val AND o.f <> 'get' ORDER BY m.t_in, m.msg_id";

/* Where the value is in the log: each entry once, by whoever had it first. */
#define ENTRIES(rows) "SELECT idx, eterm, node, min(t_append) FROM " rows " GROUP BY idx, eterm ORDER BY 4 LIMIT 20"
static const char entries[] = ENTRIES(EXPLAIN_ENTRIES), entries_by_scan[] = ENTRIES(EXPLAIN_ENTRIES_BY_SCAN);

bool explain_value_asked(struct db *db, int64_t run_id, const char *key, size_t key_n, const char *val)
{
    sqlite3_stmt *q =
        db_prepare(db, "SELECT 1 FROM ops WHERE run_id = :run AND key = :key AND val = :val AND f <> 'get' LIMIT 1");
    db_bind_int(db, q, ":run", run_id);
    db_bind_textn(db, q, ":key", key, key_n);
    db_bind_text(db, q, ":val", val);
    bool asked = db_row(db, q);
    db_done(db, q);
    return asked;
}

/* Lost appends with the entry to replicas that did not have it yet, and lost acknowledgements of it. */
static const char replication[] =
    "SELECT coalesce(m.drop_rec, m.in_rec, m.send_rec), CASE m.type WHEN 'app_req'"
    " THEN 'the append with entry ' || :idx || ' from ' || m.src || ' to ' || m.dst"
    " ELSE 'the acknowledgement of entry ' || :idx || ' by ' || m.src END, m.why,"
    " (SELECT f FROM faults f WHERE f.fault_id = m.fault_id), m.d FROM messages m JOIN records s ON s.id = m.send_rec"
    " WHERE m.run_id = :run AND m.fate = 'dropped' AND m.t_in >= :since AND m.term >= :eterm AND ((m.type = 'app_req'"
    "  AND json_extract(s.body, '$.pi') < :idx"
    "  AND json_extract(s.body, '$.pi') + coalesce(json_array_length(s.body, '$.ents'), 0) >= :idx"
    "  AND NOT EXISTS (SELECT 1 FROM log_entries h WHERE h.run_id = m.run_id AND h.idx = :idx AND h.node = m.dst"
    "   AND h.eterm = :eterm AND h.t_append <= m.t_in))"
    " OR (m.type = 'app_res' AND json_extract(s.body, '$.ok') = 1 AND json_extract(s.body, '$.mi') >= :idx"
    "  AND m.term = :eterm AND m.t_in <= (SELECT coalesce(min(c.t_commit), 9223372036854775807) FROM log_entries c"
    "   WHERE c.run_id = m.run_id AND c.idx = :idx AND c.eterm = :eterm)))"
    " ORDER BY m.t_in, m.msg_id";

/* Tells of the rows of one query, and ends it. */
static size_t tell(struct story *s, struct db *db, sqlite3_stmt *q, size_t told, size_t most)
{
    size_t n = 0;
    while (db_row(db, q)) {
        const unsigned char *why = sqlite3_column_text(q, 2);
        char fault[32] = "";
        if (sqlite3_column_type(q, 3) != SQLITE_NULL)
            snprintf(fault, sizeof fault, ", F%lld", (long long)sqlite3_column_int64(q, 3));
        if (told + n++ < most)
            story_record(s, sqlite3_column_int64(q, 0), "%s is lost (%s%s)", (const char *)sqlite3_column_text(q, 1),
                         why != NULL ? (const char *)why : "unknown", fault);
    }
    db_done(db, q);
    return n;
}

size_t explain_lost_value(struct story *s, struct db *db, int64_t run_id, const char *key, size_t key_n,
                          const char *val, size_t most)
{
    sqlite3_stmt *q = db_prepare(db, exchange);
    db_bind_int(db, q, ":run", run_id);
    db_bind_textn(db, q, ":key", key, key_n);
    db_bind_text(db, q, ":val", val);
    size_t n = tell(s, db, q, 0, most);
    sqlite3_stmt *e = db_prepare(db, explain_value_asked(db, run_id, key, key_n, val) ? entries : entries_by_scan);
    db_bind_int(db, e, ":run", run_id);
    db_bind_textn(db, e, ":key", key, key_n);
    db_bind_text(db, e, ":val", val);
    while (db_row(db, e)) {
        q = db_prepare(db, replication);
        db_bind_int(db, q, ":run", run_id);
        db_bind_int(db, q, ":idx", sqlite3_column_int64(e, 0));
        db_bind_int(db, q, ":eterm", sqlite3_column_int64(e, 1));
        db_bind_int(db, q, ":since", sqlite3_column_int64(e, 3));
        n += tell(s, db, q, n, most);
    }
    db_done(db, e);
    return n;
}
