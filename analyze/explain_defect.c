/* explain_defect.c -- from the class of a violation to a defect that is known from the history of Raft's
 * implementations, by what the records around it show. Where they show nothing more, the class is all that is said. */
#include "explain_int.h"

#include <stdio.h>
#include <string.h>

#define TYPE(t) "replace(lower(json_extract(r.body, '$.ty')), '_', '') = '" t "'"

static int64_t replicas(struct db *db, int64_t run_id)
{
    return explain_ask(db, "SELECT count(*) FROM nodes WHERE run_id = :run AND kind = 'replica' AND :x = 0", run_id,
                       ":x", 0);
}

/* ---- elections ---- */

/* The votes of others that a new leader had received since it stood as a candidate: were they of this term, and each
 * voter's counted once? */
static const char votes[] =
    "SELECT json_extract(r.body, '$.from') AS voter, json_extract(r.body, '$.mterm') AS mterm, l.term, count(*) OVER"
    " (PARTITION BY json_extract(r.body, '$.from'), json_extract(r.body, '$.mterm')) AS times FROM records l"
    " JOIN records r ON r.run_id = l.run_id AND r.node = l.node AND r.boot = l.boot AND r.t <= l.t AND r.id < l.id"
    " AND r.t >= (SELECT c.t FROM records c WHERE c.run_id = l.run_id AND c.node = l.node AND c.ev = 'role.change'"
    "   AND c.t <= l.t AND c.id < l.id AND json_extract(c.body, '$.new') = 'C' ORDER BY c.t DESC, c.id DESC LIMIT 1)"
    " WHERE l.id = :bad AND r.ev = 'msg.recv' AND " TYPE("voteres") " AND json_extract(r.body, '$.ok') = 1"
                                                                    " ORDER BY mterm >= l.term, times DESC, r.id";

static bool miscounted_votes(struct db *db, const struct explain_facts *f, struct explain_defect *d)
{
    sqlite3_stmt *q = db_prepare(db, votes);
    db_bind_int(db, q, ":bad", f->bad);
    int64_t n = replicas(db, f->run_id), distinct = 0;
    char last[64] = "";
    while (d->id == NULL && db_row(db, q)) {
        const unsigned char *from = sqlite3_column_text(q, 0);
        const char *voter = from != NULL ? (const char *)from : "?";
        int64_t mterm = sqlite3_column_int64(q, 1), term = sqlite3_column_int64(q, 2);
        if (sqlite3_column_type(q, 1) != SQLITE_NULL && mterm < term) {
            d->id = "stale-vote-response-counted";
            snprintf(d->words, sizeof d->words, "the vote of %.40s was given in term %lld and counted in term %lld",
                     voter, (long long)mterm, (long long)term);
        } else if (sqlite3_column_int64(q, 3) > 1) {
            d->id = "duplicate-vote-counted";
            snprintf(d->words, sizeof d->words, "the vote of %.40s arrived %lld times and was counted more than once",
                     voter, (long long)sqlite3_column_int64(q, 3));
        }
        distinct += strcmp(voter, last) != 0;
        snprintf(last, sizeof last, "%s", voter);
    }
    db_done(db, q);
    if (d->id == NULL && n > 0 && n % 2 == 0 && distinct + 1 == n / 2) {
        d->id = "quorum-half-of-even-cluster";
        snprintf(d->words, sizeof d->words, "%lld of %lld members were taken for a majority", (long long)(n / 2),
                 (long long)n);
    }
    return d->id != NULL;
}

static bool quorum_of_half(struct db *db, const struct explain_facts *f, struct explain_defect *d)
{
    int64_t n = replicas(db, f->run_id);
    int64_t need =
        explain_ask(db, "SELECT json_extract(body, '$.need') FROM records WHERE id = :bad", 0, ":bad", f->bad);
    if (n % 2 != 0 || need != n / 2)
        return false;
    d->id = "quorum-half-of-even-cluster";
    snprintf(d->words, sizeof d->words, "%lld of %lld members were taken for a majority", (long long)need,
             (long long)n);
    return true;
}

/* By the grant: the candidate's index against the voter's own. */
static bool compared_by_index(struct db *db, const struct explain_facts *f, struct explain_defect *d)
{
    if (explain_ask(db, "SELECT json_extract(body, '$.lli') >= last_idx FROM records WHERE id = :bad", 0, ":bad",
                    f->bad) == 0)
        return false;
    d->id = "vote-log-check-by-index-only";
    snprintf(d->words, sizeof d->words,
             "the candidate's log is as long as the voter's, but of older terms: the terms were not compared");
    return true;
}

/* The first vote and the second: was there a restart between them, or a step down in the same term? */
static bool vote_was_lost(struct db *db, const struct explain_facts *f, struct explain_defect *d)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT w.boot < b.boot, EXISTS (SELECT 1 FROM records r WHERE r.run_id = b.run_id AND r.node = b.node"
            " AND r.t BETWEEN w.t AND b.t AND r.id BETWEEN w.id AND b.id AND r.ev = 'role.change' AND r.term = w.term"
            " AND json_extract(r.body, '$.new') = 'F') FROM records b JOIN violation_evidence e ON e.violation_id = :v"
            " AND e.part = 'witness' JOIN records w ON w.id = e.rec WHERE b.id = :bad ORDER BY e.pos LIMIT 1");
    db_bind_int(db, q, ":v", f->v);
    db_bind_int(db, q, ":bad", f->bad);
    bool restart = false, step_down = false;
    if (db_row(db, q)) {
        restart = sqlite3_column_int(q, 0) != 0;
        step_down = sqlite3_column_int(q, 1) != 0;
    }
    db_done(db, q);
    if (restart)
        snprintf(d->words, sizeof d->words, "it was restarted between the two: the vote was not kept");
    else if (step_down)
        snprintf(d->words, sizeof d->words, "it stepped down within the term between the two, and forgot its vote");
    else
        return false;
    d->id = restart ? "vote-not-persisted" : "vote-cleared-on-same-term-step-down";
    return true;
}

/* ---- commits ---- */

/* The answers that the evidence names: do they reach the index that was committed? */
static bool miscounted_copies(struct db *db, const struct explain_facts *f, struct explain_defect *d)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT count(DISTINCT json_extract(r.body, '$.from')), count(DISTINCT CASE WHEN json_extract(r.body,"
            " '$.mi') >= json_extract(b.body, '$.new') THEN json_extract(r.body, '$.from') END) FROM records b"
            " JOIN violation_evidence e ON e.violation_id = :v JOIN records r ON r.id = e.rec AND r.ev = 'msg.recv'"
            " WHERE b.id = :bad");
    db_bind_int(db, q, ":v", f->v);
    db_bind_int(db, q, ":bad", f->bad);
    int64_t heard = 0, covering = 0, n = replicas(db, f->run_id);
    if (db_row(db, q)) {
        heard = sqlite3_column_int64(q, 0);
        covering = sqlite3_column_int64(q, 1);
    }
    db_done(db, q);
    if (n > 0 && n % 2 == 0 && covering + 1 == n / 2) {
        d->id = "quorum-half-of-even-cluster";
        snprintf(d->words, sizeof d->words, "%lld of %lld copies were taken for a majority", (long long)(n / 2),
                 (long long)n);
    } else if (heard > covering && heard + 1 > n / 2) {
        d->id = "match-index-from-present-state";
        snprintf(d->words, sizeof d->words,
                 "a majority had answered, but to messages before this entry: what they hold was taken from what the "
                 "leader has, not from what they said");
    }
    return d->id != NULL;
}

static bool committed_own_tail(struct db *db, const struct explain_facts *f, struct explain_defect *d)
{
    if (explain_ask(db, "SELECT json_extract(body, '$.new') = last_idx FROM records WHERE id = :bad", 0, ":bad",
                    f->bad) == 0)
        return false;
    d->id = "commit-to-last-log-index";
    snprintf(d->words, sizeof d->words, "it committed up to the end of its own log");
    return true;
}

/* ---- states ---- */

static bool after_a_snapshot(struct db *db, const struct explain_facts *f, struct explain_defect *d)
{
    sqlite3_stmt *q = db_prepare(
        db, "SELECT r.node, json_extract(r.body, '$.idx') FROM violation_evidence e JOIN records h ON h.id = e.rec"
            " JOIN records r ON r.run_id = h.run_id AND r.ev = 'snap.install' AND r.t <= h.t AND r.node = h.node"
            " WHERE e.violation_id = :v ORDER BY r.id DESC LIMIT 1");
    db_bind_int(db, q, ":v", f->v);
    if (db_row(db, q)) {
        d->id = "session-table-lost-in-snapshot";
        snprintf(
            d->words, sizeof d->words,
            "%.40s had installed a snapshot at %lld before: it may lack part of the state, as the table of requests "
            "already answered",
            (const char *)sqlite3_column_text(q, 0), (long long)sqlite3_column_int64(q, 1));
    }
    db_done(db, q);
    return d->id != NULL;
}

/* ---- the table ---- */

/* A row with a function names the defect if that says so; without one the class is enough. */
static const struct {
    const char *class;
    bool (*shows)(struct db *db, const struct explain_facts *f, struct explain_defect *d);
    const char *id, *words;
} table[] = {
    {.class = "leader-without-votes", .shows = miscounted_votes},
    {.class = "quorum-of-wrong-size", .shows = quorum_of_half},
    {.class = "vote-for-outdated-log", .shows = compared_by_index},
    {.class = "two-votes-in-one-term", .shows = vote_was_lost},
    {.class = "vote-changed-in-term",
     .id = "vote-cleared-on-same-term-step-down",
     .words = "the vote was cleared although the term stayed"},
    {.class = "vote-forgotten-in-term", .shows = vote_was_lost},
    {.class = "vote-not-durable", .id = "vote-not-persisted", .words = "the vote was sent before it was stored"},
    {.class = "commit-without-quorum", .shows = miscounted_copies},
    {.class = "commit-beyond-confirmed", .shows = committed_own_tail},
    {.class = "commit-goes-back",
     .id = "commit-index-goes-back",
     .words = "the commit index was set to what the message said, not to the larger of the two"},
    {.class = "reply-before-apply",
     .id = "reply-before-commit",
     .words = "the write was answered when it was appended"},
    {.class = "applied-out-of-order",
     .id = "apply-off-by-one",
     .words = "the loop that applies begins or ends at the wrong entry"},
    {.class = "truncation-without-conflict",
     .id = "truncate-on-every-append",
     .words = "the log was cut after the predecessor, whatever followed it"},
    {.class = "local-read-before-term-commit",
     .id = "read-index-before-term-commit",
     .words = "it answered before the no-op of its term was committed"},
    {.class = "stale-follower-read", .id = "follower-serves-reads", .words = "it answered without leading"},
    {.class = "lease-too-long",
     .id = "lease-read-clock-skew",
     .words = "the lease was counted longer than the drift of clocks allows"},
    {.class = "lease-read-beside-a-newer-leader",
     .id = "lease-read-clock-skew",
     .words = "the lease outlived the promise of the others"},
    {.class = "read-after-the-lease",
     .id = "lease-read-clock-skew",
     .words = "the lease had ended when the answer left: it was checked too early, or by a slow clock"},
    {.class = "ack-not-durable",
     .id = "append-acked-before-fsync",
     .words = "the acknowledgement left before the entry was on stable storage"},
    {.class = "states-differ", .shows = after_a_snapshot},
    {.class = "install-goes-back",
     .id = "old-snapshot-overwrites-log",
     .words = "a snapshot that was late or sent twice was installed over newer state"},
    {.class = "change-before-term-commit",
     .id = "config-change-before-term-commit",
     .words = "the change of members was appended before the no-op of the term was committed"},
    {.class = "election-timer-reset-without-reason",
     .id = "election-timer-reset-by-any-message",
     .words = "the timer was restarted by a message that says nothing of a live leader"},
};

bool explain_defect(struct db *db, const struct explain_facts *f, struct explain_defect *d)
{
    *d = (struct explain_defect){.id = NULL};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].class, f->class) != 0)
            continue;
        if (table[i].shows != NULL)
            return table[i].shows(db, f, d);
        d->id = table[i].id;
        snprintf(d->words, sizeof d->words, "%s", table[i].words);
        return true;
    }
    return false;
}
