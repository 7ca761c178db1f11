/* explain_read.c -- why a node that no longer led could answer a read: one small question, one query each. */
#include "explain_int.h"

#include "check.h"
#include "read_proof.h"

#include <inttypes.h>
#include <string.h>

struct read {
    struct story *s;
    struct db *db;
    int64_t run_id, op_id;
    char server[64];
    int64_t t_invoke, t_return;
    int64_t served_rec, t_served; /* 0: the replica left no records */
    bool unasked;                 /* served without asking anybody */
    /* believed leadership: since when; when it ended, 0 = not before the end of the trace */
    int64_t term, t_believed, t_deposed_end;
    int64_t end_rec;
    bool believed_on_wire;
    char leader[64]; /* who really led, in leader_term, since t_leader */
    int64_t leader_term, t_leader, leader_rec;
    bool leads_on_wire;
};

static sqlite3_stmt *ask(struct read *r, const char *sql)
{
    sqlite3_stmt *q = db_prepare(r->db, sql);
    db_bind_int(r->db, q, ":run", r->run_id);
    return q;
}

static bool find_operation(struct read *r)
{
    sqlite3_stmt *q = ask(r, "SELECT served_by, t_invoke, coalesce(t_return, t_invoke) FROM ops"
                             " WHERE run_id = :run AND op_id = :op AND f = 'get' AND served_by IS NOT NULL");
    db_bind_int(r->db, q, ":op", r->op_id);
    bool found = db_row(r->db, q);
    if (found) {
        snprintf(r->server, sizeof r->server, "%s", (const char *)sqlite3_column_text(q, 0));
        r->t_invoke = sqlite3_column_int64(q, 1);
        r->t_return = sqlite3_column_int64(q, 2);
    }
    db_done(r->db, q);
    return found;
}

static void find_answer(struct read *r)
{
    sqlite3_stmt *q = ask(
        r, "SELECT r.id, r.t, r.ev = 'read.local' FROM records r WHERE r.run_id = :run AND r.node = :server"
           " AND r.ev IN ('read.local', 'read.serve') AND r.t BETWEEN :from AND :to AND json_extract(r.body, '$.req')"
           " IN (SELECT mid FROM op_tries WHERE run_id = :run AND op_id = :op) ORDER BY r.id DESC LIMIT 1");
    db_bind_text(r->db, q, ":server", r->server);
    db_bind_int(r->db, q, ":from", r->t_invoke);
    db_bind_int(r->db, q, ":to", r->t_return);
    db_bind_int(r->db, q, ":op", r->op_id);
    r->t_served = r->t_return;
    if (db_row(r->db, q)) {
        r->served_rec = sqlite3_column_int64(q, 0);
        r->t_served = sqlite3_column_int64(q, 1);
        r->unasked = sqlite3_column_int(q, 2) != 0;
    }
    db_done(r->db, q);
}

/* Whom did the server take for the leader of which term when it answered, and who led a later one by then? */
static bool find_leaders(struct read *r)
{
    sqlite3_stmt *q =
        ask(r, "SELECT term, coalesce(t_end, 0), coalesce(end_rec, 0), origin = 'wire', t_start FROM"
               " leader_terms WHERE run_id = :run AND node = :server AND t_start <= :t ORDER BY t_start DESC LIMIT 1");
    db_bind_text(r->db, q, ":server", r->server);
    db_bind_int(r->db, q, ":t", r->t_served);
    bool found = db_row(r->db, q);
    if (found) {
        r->term = sqlite3_column_int64(q, 0);
        r->t_deposed_end = sqlite3_column_int64(q, 1);
        r->end_rec = sqlite3_column_int64(q, 2);
        r->believed_on_wire = sqlite3_column_int(q, 3) != 0;
        r->t_believed = sqlite3_column_int64(q, 4);
    }
    db_done(r->db, q);
    if (!found)
        return false;
    q = ask(r, "SELECT node, term, t_start, coalesce(start_rec, 0), origin = 'wire' FROM leader_terms WHERE run_id = "
               ":run AND term > :term"
               " AND node <> :server AND t_start <= :t ORDER BY term DESC LIMIT 1");
    db_bind_int(r->db, q, ":term", r->term);
    db_bind_text(r->db, q, ":server", r->server);
    db_bind_int(r->db, q, ":t", r->t_served);
    found = db_row(r->db, q);
    if (found) {
        snprintf(r->leader, sizeof r->leader, "%s", (const char *)sqlite3_column_text(q, 0));
        r->leader_term = sqlite3_column_int64(q, 1);
        r->t_leader = sqlite3_column_int64(q, 2);
        r->leader_rec = sqlite3_column_int64(q, 3);
        r->leads_on_wire = sqlite3_column_int(q, 4) != 0;
    }
    db_done(r->db, q);
    return found;
}

static void tell_election(struct read *r)
{
    sqlite3_stmt *q = ask(r, "SELECT max(id) FROM records WHERE run_id = :run AND ev = 'role.change' AND node = :leader"
                             " AND term = :term AND json_extract(body, '$.new') = 'C'");
    db_bind_text(r->db, q, ":leader", r->leader);
    db_bind_int(r->db, q, ":term", r->leader_term);
    if (db_row(r->db, q) && sqlite3_column_type(q, 0) != SQLITE_NULL)
        story_record(r->s, sqlite3_column_int64(q, 0), "candidate in term %" PRId64, r->leader_term);
    db_done(r->db, q);

    char voters[200] = "";
    q = ask(r, "SELECT group_concat(node, ' ') FROM (SELECT DISTINCT node FROM records WHERE run_id = :run AND ev = "
               "'vote.grant'"
               " AND term = :term AND json_extract(body, '$.cand') = :leader AND json_extract(body, '$.pre') IS NULL "
               "ORDER BY node)");
    db_bind_text(r->db, q, ":leader", r->leader);
    db_bind_int(r->db, q, ":term", r->leader_term);
    if (db_row(r->db, q) && sqlite3_column_type(q, 0) != SQLITE_NULL)
        snprintf(voters, sizeof voters, ", votes of %s", (const char *)sqlite3_column_text(q, 0));
    db_done(r->db, q);
    if (r->leader_rec != 0 && r->leads_on_wire)
        story_record(r->s, r->leader_rec, "claims to lead term %" PRId64 " on the wire", r->leader_term);
    else if (r->leader_rec != 0)
        story_record(r->s, r->leader_rec, "leader of term %" PRId64 "%s", r->leader_term, voters);
    else
        story_step(r->s, r->t_leader, r->leader, "claims term %" PRId64 " on the wire for the first time",
                   r->leader_term);
}

/* The last moment at which the server had heard from a majority, itself included. */
static void tell_last_quorum(struct read *r)
{
    sqlite3_stmt *q = ask(r, "SELECT src, max(coalesce(t_recv, t_out)) AS t FROM messages m JOIN nodes n USING (run_id)"
                             " WHERE run_id = :run AND m.dst = :server AND n.node = m.src AND n.kind = 'replica'"
                             " AND m.type = 'app_res' AND m.fate = 'delivered' AND coalesce(t_recv, t_out) < :t"
                             " GROUP BY src ORDER BY t DESC, src");
    db_bind_text(r->db, q, ":server", r->server);
    db_bind_int(r->db, q, ":t", r->t_served);
    sqlite3_stmt *count = ask(r, "SELECT count(*) FROM nodes WHERE run_id = :run AND kind = 'replica'");
    int64_t majority = db_row(r->db, count) ? sqlite3_column_int64(count, 0) / 2 + 1 : 1;
    db_done(r->db, count);
    char after[200] = "";
    int64_t have = 1;
    while (have < majority && db_row(r->db, q)) {
        int64_t t = sqlite3_column_int64(q, 1);
        const char *peer = (const char *)sqlite3_column_text(q, 0);
        if (++have == majority) {
            story_step(r->s, t, r->server, "last append reply from a majority%s%s%s",
                       after[0] != '\0' ? " (afterwards only" : "", after, after[0] != '\0' ? ")" : "");
            story_remark(r->s, "%s had no proof of leadership for %.0f ms when it answered%s", r->server,
                         (double)(r->t_served - t) / 1e6,
                         r->unasked ? "; its reads (read.local) never ask for one" : "");
        }
        size_t n = strlen(after);
        snprintf(after + n, sizeof after - n, " %s", peer);
    }
    db_done(r->db, q);
}

static void tell_faults(struct read *r)
{
    sqlite3_stmt *q = ask(r, "SELECT fault_id FROM faults WHERE run_id = :run AND kind <> 'loss' AND t_begin <= :served"
                             " AND coalesce(t_end, 9223372036854775807) >= :leader ORDER BY t_begin");
    db_bind_int(r->db, q, ":served", r->t_served);
    db_bind_int(r->db, q, ":leader", r->t_leader);
    int64_t faults[8];
    size_t n = 0;
    while (n < sizeof faults / sizeof *faults && db_row(r->db, q))
        faults[n++] = sqlite3_column_int64(q, 0);
    db_done(r->db, q);
    for (size_t i = 0; i < n; i++)
        story_fault(r->s, faults[i]);
}

static void tell_lost(struct read *r)
{
    sqlite3_stmt *q =
        ask(r, "SELECT count(*), min(coalesce(t_send, t_in)), max(coalesce(t_send, t_in)), "
               "replace(group_concat(DISTINCT type), ',', ' '),"
               " replace(group_concat(DISTINCT why), ',', ' '), group_concat(DISTINCT 'F' || (SELECT f FROM faults f "
               "WHERE f.fault_id = "
               "m.fault_id))"
               " FROM messages m WHERE run_id = :run AND dst = :server AND fate = 'dropped' AND term > :term AND "
               "coalesce(t_send, t_in) < :t AND " CHECK_DEPOSES);
    db_bind_text(r->db, q, ":server", r->server);
    db_bind_int(r->db, q, ":term", r->term);
    db_bind_int(r->db, q, ":t", r->t_served);
    if (db_row(r->db, q) && sqlite3_column_int64(q, 0) > 0) {
        const char *fault = (const char *)sqlite3_column_text(q, 5);
        story_remark(r->s,
                     "%lld lost message%s to %s carried a higher term; any one of them would have deposed it in time",
                     (long long)sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 0) == 1 ? "" : "s", r->server);
        story_remark(r->s, "(%s; first %.1f, last %.1f; lost by %s%s%s).", (const char *)sqlite3_column_text(q, 3),
                     (double)sqlite3_column_int64(q, 1) / 1e6, (double)sqlite3_column_int64(q, 2) / 1e6,
                     (const char *)sqlite3_column_text(q, 4), fault != NULL ? ", " : "", fault != NULL ? fault : "");
    }
    db_done(r->db, q);
}

/* Until when could it still have heard? The last message before the answer that would have deposed it: when that was
 * lost, or, still under way, came too late, nothing could keep it from answering. */
static void tell_point(struct read *r)
{
    sqlite3_stmt *q = ask(
        r, "SELECT m.fate = 'dropped', m.t_in, coalesce(d.t, m.t_in), m.type, m.src, coalesce(m.t_recv, m.t_out)"
           " FROM messages m LEFT JOIN records d ON d.id = m.drop_rec WHERE m.run_id = :run AND m.dst = :server"
           " AND m.t_in < :t AND m.t_in >= :since AND m.term > :term AND (m.fate = 'dropped'"
           " OR coalesce(m.t_recv, m.t_out) > :t) AND " CHECK_DEPOSES " ORDER BY m.t_in DESC, m.msg_id DESC LIMIT 1");
    db_bind_text(r->db, q, ":server", r->server);
    db_bind_int(r->db, q, ":term", r->term);
    db_bind_int(r->db, q, ":since", r->t_believed);
    db_bind_int(r->db, q, ":t", r->t_served);
    if (db_row(r->db, q)) {
        const unsigned char *type = sqlite3_column_text(q, 3), *src = sqlite3_column_text(q, 4);
        if (sqlite3_column_int(q, 0) != 0)
            story_remark(r->s,
                         "inevitable from %.1f ms on: the %.40s of %.40s that was lost then was the last before the "
                         "answer that would have told %s",
                         (double)sqlite3_column_int64(q, 2) / 1e6, type != NULL ? (const char *)type : "message", src,
                         r->server);
        else
            story_remark(r->s, "the %.40s of %.40s, sent at %.1f ms, would have told %s, and came %.1f ms too late",
                         type != NULL ? (const char *)type : "message", src, (double)sqlite3_column_int64(q, 1) / 1e6,
                         r->server, (double)(sqlite3_column_int64(q, 5) - r->t_served) / 1e6);
    }
    db_done(r->db, q);
}

static void tell_end(struct read *r)
{
    if (r->t_deposed_end <= r->t_served)
        return;
    double late = (double)(r->t_deposed_end - r->t_served) / 1e6;
    if (r->end_rec != 0 && !r->believed_on_wire)
        story_record(r->s, r->end_rec, "stops leading term %" PRId64 ", %.1f ms too late", r->term, late);
    else
        story_step(r->s, r->t_deposed_end, r->server, "claims term %" PRId64 " on the wire for the last time", r->term);
}

void explain_read(struct story *s, struct db *db, int64_t run_id, int64_t op_id, bool whole)
{
    struct read r = {.s = s, .db = db, .run_id = run_id, .op_id = op_id};
    if (!find_operation(&r))
        return;
    find_answer(&r);
    if (r.served_rec != 0)
        story_record(s, r.served_rec, NULL);
    struct read_proof proof;
    if (r.served_rec != 0 && read_proof(db, r.served_rec, &proof)) {
        if (proof.rec != 0)
            story_record(s, proof.rec, NULL);
        story_remark(s, "%s answered the read, and %s", r.server, proof.words);
    }
    if (!find_leaders(&r))
        return;
    tell_election(&r);
    tell_end(&r);
    tell_point(&r);
    if (!whole)
        return;
    tell_faults(&r);
    tell_lost(&r);
    tell_last_quorum(&r);
}
