/* check_wire.c -- what replicas put on the wire: their answers to clients (C5), and whether each datagram keeps to the
 * protocol (C6). C7, that anything gets answered at all, is in check_progress.c. */
#include "check_history.h"
#include "check_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A replica gone mad says the same thing very often: the first so many are stored, all are counted. */
#define STORED_MAX 1000

static bool room(int64_t *found)
{
    return ++*found <= STORED_MAX;
}

static void note_rest(struct check_run *c, int64_t found)
{
    if (found > STORED_MAX)
        snprintf(c->note, sizeof c->note, "%" PRId64 " found, the first %d stored", found, STORED_MAX);
}

static const char *or_nothing(const unsigned char *s)
{
    return s != NULL ? (const char *)s : "nothing";
}

/* ---- C5 ---- */

enum reply_column { MSG, REC, MID, SRC, DST, TYPE, T, LEADER, LEADER_OK, CLIENT, ASKED, NTH, TRY_REC };

/* Requests by MID, for one look-up each: a client that is redirected in circles makes thousands. */
static const char requests[] = "DROP TABLE IF EXISTS temp.requests;"
                               "CREATE TEMP TABLE requests(run_id INTEGER, mid TEXT, client TEXT, rec INTEGER, PRIMARY "
                               "KEY (run_id, mid)) WITHOUT ROWID;"
                               "INSERT OR IGNORE INTO temp.requests SELECT t.run_id, t.mid, o.client, t.rec FROM "
                               "op_tries t JOIN ops o ON o.op_id = t.op_id"
                               " ORDER BY t.op_id, t.try;"
                               /* Requests of administrators are no operations. */
                               "INSERT OR IGNORE INTO temp.requests SELECT run_id, mid, src, in_rec FROM messages"
                               " WHERE type = 'change' AND mid IS NOT NULL AND copy = 1";

/* Replies in order, each with its request as far as there is one. A request that the network doubled, or that was sent
 * again under the same MID, may be answered as often as it arrived. CROSS JOIN is for the order of the join: clients
 * first, then what each got, by messages_dst; else all messages are read. */
static const char replies[] =
    "WITH reply AS (SELECT m.msg_id, m.in_rec, m.mid, m.src, m.dst, m.type, m.t_in,"
    "   row_number() OVER (PARTITION BY m.mid ORDER BY m.t_in, m.msg_id) AS nth"
    " FROM nodes d CROSS JOIN messages m ON m.run_id = d.run_id AND m.dst = d.node"
    " WHERE d.run_id = :run AND d.kind = 'client' AND m.in_rec IS NOT NULL AND m.copy = 1)"
    " SELECT r.msg_id, r.in_rec, r.mid, r.src, r.dst, r.type, r.t_in, json_extract(i.body, '$.ld') AS ld,"
    "   json_extract(i.body, '$.ld') = 'FFFF' OR EXISTS (SELECT 1 FROM nodes n WHERE n.run_id = :run AND n.kind = "
    "'replica'"
    "     AND n.node = json_extract(i.body, '$.ld')),"
    "   q.client, (SELECT count(*) FROM messages a WHERE a.run_id = :run AND a.mid = r.mid AND a.src = r.dst AND "
    "a.t_out IS NOT NULL),"
    "   r.nth, q.rec"
    " FROM reply r LEFT JOIN records i ON i.id = r.in_rec"
    " LEFT JOIN temp.requests q ON q.run_id = :run AND q.mid = r.mid ORDER BY r.t_in, r.msg_id";

/* What is wrong with a reply: a class, and words in `title`. NULL: nothing. */
static const char *judge_reply(sqlite3_stmt *q, char *title, size_t n)
{
    const char *src = or_nothing(sqlite3_column_text(q, SRC)), *mid = or_nothing(sqlite3_column_text(q, MID));
    const char *type = or_nothing(sqlite3_column_text(q, TYPE)), *dst = or_nothing(sqlite3_column_text(q, DST));
    const char *client = (const char *)sqlite3_column_text(q, CLIENT);
    if (strcmp(type, "ok") != 0 && strcmp(type, "redirect") != 0 && strcmp(type, "fail") != 0) {
        snprintf(title, n, "%.20s sent client %.20s a message of type %.40s", src, dst, type);
        return "reply-of-unknown-type";
    }
    if (client == NULL) {
        snprintf(title, n, "%.20s answered a request that nobody made: MID %.40s", src, mid);
        return "reply-to-unknown-mid";
    }
    if (strcmp(client, dst) != 0) {
        snprintf(title, n, "%.20s sent %.20s the answer to request %.40s of %.20s", src, dst, mid, client);
        return "reply-to-wrong-client";
    }
    int64_t asked = sqlite3_column_int64(q, ASKED), nth = sqlite3_column_int64(q, NTH);
    if (nth > (asked > 0 ? asked : 1)) {
        snprintf(title, n, "%.20s sent answer number %" PRId64 " to request %.40s", src, nth, mid);
        return "duplicate-reply";
    }
    if (sqlite3_column_type(q, LEADER) != SQLITE_NULL && sqlite3_column_int64(q, LEADER_OK) == 0) {
        snprintf(title, n, "%.20s named %.40s as the leader: no replica, and not FFFF", src,
                 or_nothing(sqlite3_column_text(q, LEADER)));
        return "invalid-leader-field";
    }
    return NULL;
}

/* Records of whoever made the requests are missing: an answer that lacks its request proves nothing. */
static bool needs_every_request(const char *print)
{
    return strcmp(print, "reply-to-unknown-mid") == 0 || strcmp(print, "duplicate-reply") == 0;
}

static enum verdict check_replies(struct check_run *c)
{
    if (!check_has_event(c, "net.in") || !check_has_event(c, "op.try")) {
        snprintf(c->note, sizeof c->note, "needs net.in and op.try records of a simulator");
        return VERDICT_SKIPPED;
    }
    db_exec(c->db, requests);
    sqlite3_stmt *q = db_prepare(c->db, replies);
    db_bind_int(c->db, q, ":run", c->run_id);
    int64_t found = 0;
    char missing[CHECK_TITLE_LEN];
    bool holes = check_operations_missing(c, missing, sizeof missing);
    if (holes) {
        c->incomplete = true;
        snprintf(c->note, sizeof c->note, "%.200s", missing);
    }
    while (db_row(c->db, q)) {
        char title[240];
        const char *print = judge_reply(q, title, sizeof title);
        c->examined++;
        if (print != NULL && holes && needs_every_request(print))
            continue;
        if (print == NULL || !room(&found))
            continue;
        int64_t id = check_violation(c, &(struct violation){.t = sqlite3_column_int64(q, T),
                                                            .node = (const char *)sqlite3_column_text(q, SRC),
                                                            .title = title,
                                                            .fingerprint = print,
                                                            .first_bad_rec = sqlite3_column_int64(q, REC)});
        if (sqlite3_column_type(q, TRY_REC) != SQLITE_NULL)
            check_evidence(c, id, "cause", sqlite3_column_int64(q, TRY_REC), 0, 0, 0, "the request");
        check_evidence(c, id, "witness", sqlite3_column_int64(q, REC), 0, sqlite3_column_int64(q, MSG), 0, NULL);
    }
    db_done(c->db, q);
    db_exec(c->db, "DROP TABLE temp.requests");
    note_rest(c, found);
    return check_answer(c);
}

/* ---- C6 ---- */

/* Refused by the simulator, or by the replica that got it; a replica is not asked about what the network did to it: of
 * the bad datagrams of some size that it got, as many are the network's as it damaged to that size and handed over. The
 * list of events is for the index: with the OR alone, all records are read. */
static const char bad_datagrams[] =
    "WITH harmed AS (SELECT json_extract(body, '$.dst') AS dst, json_extract(body, '$.sz') AS sz, count(*) AS n"
    "   FROM records WHERE run_id = :run AND ev = 'net.out' AND json_extract(body, '$.why') IS NOT NULL GROUP BY 1, 2),"
    " bad AS (SELECT id, t, ev, body, node, row_number() OVER"
    "    (PARTITION BY ev, node, json_extract(body, '$.sz') ORDER BY id) AS nth FROM records"
    "  WHERE run_id = :run AND ev IN ('net.bad', 'msg.bad', 'net.drop') AND (ev = 'net.bad' OR (ev = 'msg.bad' AND "
    "json_extract(body, '$.addr') IS NULL AND"
    "   json_extract(body, '$.why') NOT IN ('unknown_source', 'bad_seal', 'replayed'))" /* who sent it is not known */
    "  OR (ev = 'net.drop' AND json_extract(body, '$.why') IN ('unknown_dst', 'oversize'))))"
    " SELECT id, t, ev, json_extract(body, '$.why'), coalesce(json_extract(body, '$.src'), json_extract(body,"
    " '$.from')),"
    " json_extract(body, '$.what'), json_extract(body, '$.dst'), node FROM bad"
    " WHERE ev <> 'msg.bad' OR nth > coalesce((SELECT n FROM harmed WHERE dst = node AND sz = json_extract(body,"
    " '$.sz')), 0)"
    " ORDER BY id";

static enum verdict check_datagrams(struct check_run *c)
{
    if (!check_has_event(c, "net.in") && !check_has_event(c, "net.bad") && !check_has_event(c, "msg.recv")) {
        snprintf(c->note, sizeof c->note, "no records of datagrams");
        return VERDICT_SKIPPED;
    }
    sqlite3_stmt *n =
        db_prepare(c->db, "SELECT count(*) FROM records WHERE run_id = :run AND ev IN ('net.in', 'net.bad',"
                          " 'msg.recv', 'msg.bad')");
    db_bind_int(c->db, n, ":run", c->run_id);
    if (db_row(c->db, n))
        c->examined = sqlite3_column_int64(n, 0);
    db_done(c->db, n);

    if (c->examined == 0) {
        snprintf(c->note, sizeof c->note, "no records of datagrams");
        return VERDICT_SKIPPED;
    }
    char missing[CHECK_TITLE_LEN];
    if (check_operations_missing(c, missing, sizeof missing)) {
        c->incomplete = true;
        snprintf(c->note, sizeof c->note, "%.200s", missing);
    }
    sqlite3_stmt *q = db_prepare(c->db, bad_datagrams);
    db_bind_int(c->db, q, ":run", c->run_id);
    int64_t found = 0;
    while (db_row(c->db, q)) {
        if (!room(&found))
            continue;
        const char *ev = (const char *)sqlite3_column_text(q, 2), *why = or_nothing(sqlite3_column_text(q, 3));
        const char *src = (const char *)sqlite3_column_text(q, 4), *what = (const char *)sqlite3_column_text(q, 5);
        const char *dst = strcmp(ev, "msg.bad") == 0 ? (const char *)sqlite3_column_text(q, 7)
                                                     : (const char *)sqlite3_column_text(q, 6);
        char title[240], print[80];
        snprintf(print, sizeof print, "bad-datagram-%.40s", why);
        snprintf(title, sizeof title, "%.20s sent%s%.20s a datagram against the protocol: %.40s%s%.40s",
                 src != NULL ? src : "somebody", dst != NULL ? " " : "", dst != NULL ? dst : "", why,
                 what != NULL ? ", " : "", what != NULL ? what : "");
        int64_t id = check_violation(c, &(struct violation){.t = sqlite3_column_int64(q, 1),
                                                            .node = src,
                                                            .title = title,
                                                            .fingerprint = print,
                                                            .first_bad_rec = sqlite3_column_int64(q, 0)});
        check_evidence(c, id, "witness", sqlite3_column_int64(q, 0), 0, 0, 0, NULL);
    }
    db_done(c->db, q);
    note_rest(c, found);
    return check_answer(c);
}

const struct check check_wire[] = {
    {.id = "C5",
     .title = "replies",
     .severity = "WIRE",
     .run = check_replies,
     .help =
         "Each request is answered at most once, to the client that made it, with ok, redirect or fail, and a leader"
         " field that names a replica or FFFF."},
    {.id = "C6",
     .title = "protocol",
     .severity = "WIRE",
     .run = check_datagrams,
     .help =
         "Every datagram is a JSON object with the fields that the protocol asks for, of legal size, to somebody who"
         " exists."},
    {.id = "C7",
     .title = "progress",
     .severity = "LIVE",
     .run = check_progress,
     .help = "While a majority of the replicas is up and connected, some operation succeeds within every ten seconds in"
             " which clients ask."},
};
const size_t check_wire_n = sizeof check_wire / sizeof *check_wire;
