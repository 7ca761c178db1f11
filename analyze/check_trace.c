/* check_trace.c -- can the trace be trusted? What each node declares, what is missing, what the network did. */
#include "replay.h"

#include <stdio.h>
#include <string.h>

static enum verdict from_replay(struct check_run *c, enum rule rule, const char *nothing)
{
    const struct rule_state *rules = replay_rules(c);
    if (rules == NULL)
        return VERDICT_UNKNOWN;
    if (rules[rule].examined == 0 && rules[rule].unknown[0] == '\0') {
        snprintf(c->note, sizeof c->note, "%s", nothing);
        return VERDICT_SKIPPED;
    }
    return replay_answer(c, rule);
}

static enum verdict run_t1(struct check_run *c)
{
    return from_replay(c, RULE_T1, "no replica records its inputs and its state");
}

/* What else is missing: gaps that the writer declared, torn lines, lost files. */
static enum verdict run_t2(struct check_run *c)
{
    enum verdict v = from_replay(c, RULE_T2, "no records");
    if (v != VERDICT_PASS)
        return v;
    sqlite3_stmt *q =
        db_prepare(c->db, "SELECT coalesce(node, 'the input'), name, value, note FROM load_stats"
                          " WHERE run_id = :run AND severity = 'data_loss' ORDER BY node, name, line LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    if (db_row(c->db, q)) {
        const char *note = (const char *)sqlite3_column_text(q, 3);
        snprintf(c->note, sizeof c->note, "%.60s: %.60s %lld%s%.80s", (const char *)sqlite3_column_text(q, 0),
                 (const char *)sqlite3_column_text(q, 1), (long long)sqlite3_column_int64(q, 2),
                 note != NULL ? ", " : "", note != NULL ? note : "");
        v = VERDICT_UNKNOWN;
    }
    db_done(c->db, q);
    return v;
}

#define BY_CLIENTS "json_extract(r.body, '$.ty') IN ('get', 'put', 'change', 'status')"

/* With the simulator's trace every receive needs a datagram handed out; without it, a send of a node that left records,
 * but not for what clients send: they leave none, and may have chosen the id of a replica that joined later. What was
 * sent to somebody else, whom the group believes at this address, has its send there.
 * The converse (a send without receive) is what networks are for. */
static enum verdict run_t3(struct check_run *c)
{
    if (!check_has_event(c, "msg.recv")) {
        snprintf(c->note, sizeof c->note, "no msg.recv records in this trace");
        return VERDICT_SKIPPED;
    }
    bool sim = check_has_event(c, "net.out");
    sqlite3_stmt *q =
        db_prepare(c->db, sim ? "SELECT count(*) FROM records WHERE run_id = :run AND ev = 'msg.recv'"
                              : "SELECT count(*) FROM records r JOIN nodes n ON n.run_id = r.run_id AND "
                                "n.node = json_extract(r.body, '$.from')"
                                " WHERE r.run_id = :run AND r.ev = 'msg.recv' AND n.instrumented AND NOT " BY_CLIENTS);
    db_bind_int(c->db, q, ":run", c->run_id);
    if (db_row(c->db, q))
        c->examined = sqlite3_column_int64(q, 0);
    db_done(c->db, q);

    q = db_prepare(
        c->db,
        sim ? "SELECT r.id, r.t, r.node, json_extract(r.body, '$.ty'), json_extract(r.body, '$.from') FROM records r"
              " WHERE r.run_id = :run AND r.ev = 'msg.recv' AND NOT EXISTS (SELECT 1 FROM messages m"
              " WHERE m.recv_rec = r.id AND m.out_rec IS NOT NULL) ORDER BY r.id"
            : "SELECT r.id, r.t, r.node, json_extract(r.body, '$.ty'), n.node FROM records r"
              " JOIN nodes n ON n.run_id = r.run_id AND n.node = json_extract(r.body, '$.from')"
              " WHERE r.run_id = :run AND r.ev = 'msg.recv' AND n.instrumented AND NOT " BY_CLIENTS " AND NOT EXISTS"
              " (SELECT 1 FROM messages m WHERE m.recv_rec = r.id AND (m.send_rec IS NOT NULL OR m.why = 'wrong_dst'))"
              " ORDER BY r.id");
    db_bind_int(c->db, q, ":run", c->run_id);
    int64_t orphans = 0, id = 0, t = 0;
    char node[64] = "", what[160] = "";
    while (db_row(c->db, q)) {
        if (orphans++ > 0)
            continue;
        id = sqlite3_column_int64(q, 0);
        t = sqlite3_column_int64(q, 1);
        const char *ty = (const char *)sqlite3_column_text(q, 3), *from = (const char *)sqlite3_column_text(q, 4);
        snprintf(node, sizeof node, "%s", (const char *)sqlite3_column_text(q, 2));
        snprintf(what, sizeof what, "%.40s from %.40s", ty != NULL ? ty : "a message", from != NULL ? from : "nobody");
    }
    db_done(c->db, q);
    if (orphans == 0)
        return check_answer(c);

    /* Where the sender's records are known to be missing, a missing send proves nothing. */
    q = db_prepare(c->db, "SELECT 1 FROM load_stats WHERE run_id = :run AND severity = 'data_loss' UNION ALL"
                          " SELECT 1 FROM boots WHERE run_id = :run AND missing > 0 LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    bool lossy = db_row(c->db, q);
    db_done(c->db, q);
    if (lossy) {
        c->incomplete = true;
        snprintf(c->note, sizeof c->note, "%lld receives without a send, in a trace that misses records",
                 (long long)orphans);
        return check_answer(c);
    }
    char title[320];
    snprintf(title, sizeof title, "%s received %s, which nobody is known to have sent", node, what);
    if (orphans > 1)
        snprintf(title + strlen(title), sizeof title - strlen(title), " (and %lld more like it)",
                 (long long)(orphans - 1));
    int64_t v = check_violation(
        c, &(struct violation){
               .t = t, .node = node, .title = title, .fingerprint = "orphan-receive", .first_bad_rec = id});
    check_evidence(c, v, "cause", id, 0, 0, 0, NULL);
    return check_answer(c);
}

static enum verdict run_t4(struct check_run *c)
{
    return from_replay(c, RULE_T4, "no records");
}

static enum verdict run_t5(struct check_run *c)
{
    return from_replay(c, RULE_T5, "no net.* records: no simulator trace");
}

const struct check check_trace[] = {
    {"T1", "declared state is true", "TRACE",
     "The term, role, commit, applied and last index that a record declares are what the records before it add up to.",
     run_t1, NULL},
    {"T2", "no gaps", "TRACE",
     "Each file's records are numbered without a gap and end with a whole line; what is missing is named.", run_t2,
     NULL},
    {"T3", "no orphan receives", "TRACE",
     "What was received had been sent: with write-ahead tracing, the proof that no visible record is missing.", run_t3,
     NULL},
    {"T4", "clock condition", "TRACE",
     "A receive has a greater Lamport clock than its send, and neither time nor clock goes back within a boot.", run_t4,
     NULL},
    {"T5", "datagrams conserved", "TRACE",
     "Each copy of a datagram is delivered or dropped at most once, and only after it came in.", run_t5, NULL},
};
const size_t check_trace_n = sizeof check_trace / sizeof *check_trace;
