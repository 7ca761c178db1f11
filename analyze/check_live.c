/* check_live.c -- R61, R62: while a majority is up and connected (health.h), there is a leader, its requests are
 * answered, and terms do not follow each other without end. All bounds are in election timeouts, as the replicas'
 * headers tell them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health.h"
#include "pairmap.h"
#include "replay.h"

enum {
    TIMEOUTS = 10, /* so many election timeouts, the longest, suffice for any group that works */
    TERMS = 3      /* and no more terms than that are started in as long a time */
};

struct lead {
    int node;
    int64_t from, to, last_rec; /* last_rec: with which it ended, or else began */
};

struct live {
    struct check_run *c;
    const struct health *health;
    int64_t patience;   /* ns */
    int64_t begin, end; /* of the run: from when all replicas were started */
    struct lead *leads; /* in order of their beginnings */
    size_t n_leads, room;
};

static int64_t number(struct check_run *c, const char *sql)
{
    sqlite3_stmt *q = db_prepare(c->db, sql);
    db_bind_int(c->db, q, ":run", c->run_id);
    int64_t v = db_row(c->db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(c->db, q);
    return v;
}

static void read_leads(struct live *l)
{
    sqlite3_stmt *q = db_prepare(
        l->c->db, "SELECT node, t_start, coalesce(t_end, :end), coalesce(end_rec, start_rec) FROM leader_terms"
                  " WHERE run_id = :run AND origin = 'trace' ORDER BY t_start, term");
    db_bind_int(l->c->db, q, ":run", l->c->run_id);
    db_bind_int(l->c->db, q, ":end", l->end);
    while (db_row(l->c->db, q)) {
        int node = health_index(l->health, (const char *)sqlite3_column_text(q, 0));
        if (node < 0)
            continue;
        l->leads = vector_grow(l->leads, &l->room, l->n_leads, sizeof *l->leads);
        l->leads[l->n_leads++] = (struct lead){.node = node,
                                               .from = sqlite3_column_int64(q, 1),
                                               .to = sqlite3_column_int64(q, 2),
                                               .last_rec = sqlite3_column_int64(q, 3)};
    }
    db_done(l->c->db, q);
}

/* `rec`: where leadership ended, 0 = there was none. */
static void leaderless(struct live *l, int64_t from, int64_t to, int64_t rec)
{
    if (to - from <= l->patience)
        return;
    char title[200];
    snprintf(title, sizeof title, "no leader for %.1f s (%.1f to %.1f ms) although a majority was up and connected",
             (double)(to - from) / 1e9, (double)from / 1e6, (double)to / 1e6);
    int64_t v = check_violation(
        l->c,
        &(struct violation){.t = from + l->patience, .title = title, .fingerprint = "no-leader", .first_bad_rec = rec});
    if (rec != 0)
        check_evidence(l->c, v, "cause", rec, 0, 0, 0, "the last leader that they had");
    char words[120];
    snprintf(words, sizeof words, "%d election timeouts, the longest, are %.1f s", TIMEOUTS, (double)l->patience / 1e9);
    check_evidence(l->c, v, "witness", 0, 0, 0, 0, words);
}

/* The time in the stretch without a leader among those who are connected. */
static void judge_leaders(struct live *l, int64_t from, int64_t to)
{
    int64_t alone = from, rec = 0;
    for (int64_t a = from, b; a < to; a = b) {
        b = health_next(l->health, a, to);
        uint64_t side = health_side(l->health, a);
        for (size_t i = 0; i < l->n_leads && l->leads[i].from < b; i++) {
            const struct lead *one = &l->leads[i];
            if ((side >> one->node & 1U) == 0 || one->to <= a)
                continue;
            if (one->from > alone)
                leaderless(l, alone, one->from, rec);
            int64_t until = one->to < b ? one->to : b;
            if (until > alone) {
                alone = until;
                rec = one->last_rec;
            }
        }
    }
    leaderless(l, alone, to, rec);
}

/* Is the node among those who are connected from `from` to `to`? */
static bool stays(const struct live *l, int node, int64_t from, int64_t to)
{
    for (int64_t t = from; t < to; t = health_next(l->health, t, to))
        if ((health_side(l->health, t) >> node & 1U) == 0)
            return false;
    return true;
}

/* Requests that reached one of those who stay connected, and that it did not answer. */
static void judge_requests(struct live *l, int64_t from, int64_t to)
{
    sqlite3_stmt *q =
        db_prepare(l->c->db, "SELECT t.node, t.t, t.mid, coalesce(m.recv_rec, m.out_rec), t.op_id FROM op_tries t"
                             " JOIN messages m ON m.run_id = t.run_id AND m.mid = t.mid AND m.dst = t.node"
                             "   AND m.fate = 'delivered' AND coalesce(m.t_recv, m.t_out) >= t.t" /* of this try */
                             " WHERE t.run_id = :run AND t.t BETWEEN :from AND :to"
                             " AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.run_id = :run AND m.mid = t.mid"
                             "   AND m.src = t.node) ORDER BY t.t");
    db_bind_int(l->c->db, q, ":run", l->c->run_id);
    db_bind_int(l->c->db, q, ":from", from);
    db_bind_int(l->c->db, q, ":to", to - l->patience);
    int64_t cases = 0, first_t = 0, rec = 0, op = 0;
    char title[200];
    while (db_row(l->c->db, q)) {
        const char *name = (const char *)sqlite3_column_text(q, 0);
        int64_t t = sqlite3_column_int64(q, 1);
        int node = health_index(l->health, name);
        if (node < 0 || !stays(l, node, t, t + l->patience) || cases++ > 0)
            continue;
        first_t = t;
        rec = sqlite3_column_int64(q, 3);
        op = sqlite3_column_int64(q, 4);
        snprintf(title, sizeof title,
                 "%.16s never answers request %.64s, although it is up and one of a connected majority", name,
                 (const char *)sqlite3_column_text(q, 2));
    }
    db_done(l->c->db, q);
    if (cases == 0)
        return;
    size_t have = strlen(title);
    if (cases > 1)
        snprintf(title + have, sizeof title - have, " (and %lld more like it)", (long long)(cases - 1));
    int64_t v = check_violation(l->c, &(struct violation){.t = first_t + l->patience,
                                                          .title = title,
                                                          .fingerprint = "request-never-answered",
                                                          .first_bad_rec = rec});
    check_evidence(l->c, v, "witness", rec, op, 0, 0, NULL);
}

/* Terms that begin, once the group has had time to settle. */
static void judge_terms(struct live *l, int64_t from, int64_t to)
{
    sqlite3_stmt *q =
        db_prepare(l->c->db, "SELECT id, t, term, node FROM records WHERE run_id = :run AND ev = 'term.change'"
                             " AND t < :to ORDER BY t, id");
    db_bind_int(l->c->db, q, ":run", l->c->run_id);
    db_bind_int(l->c->db, q, ":to", to);
    int64_t newest = 0, began[TERMS + 1], rec[TERMS + 1];
    size_t n = 0;
    while (db_row(l->c->db, q)) {
        int64_t t = sqlite3_column_int64(q, 1), term = sqlite3_column_int64(q, 2);
        if (term <= newest)
            continue;
        newest = term;
        if (t < from + l->patience)
            continue;
        if (n == TERMS + 1) {
            n--;
            memmove(began, began + 1, n * sizeof *began);
            memmove(rec, rec + 1, n * sizeof *rec);
        }
        began[n] = t;
        rec[n++] = sqlite3_column_int64(q, 0);
        if (n < TERMS + 1 || t - began[0] > l->patience)
            continue;
        char title[200];
        snprintf(title, sizeof title, "%d terms in %.1f s, up to term %lld, although a majority was up and connected",
                 TERMS + 1, (double)(t - began[0]) / 1e9, (long long)term);
        int64_t v = check_violation(l->c, &(struct violation){.t = began[0],
                                                              .node = (const char *)sqlite3_column_text(q, 3),
                                                              .title = title,
                                                              .fingerprint = "election-storm",
                                                              .first_bad_rec = rec[n - 1]});
        for (size_t i = 0; i < n; i++)
            check_evidence(l->c, v, "witness", rec[i], 0, 0, 0, NULL);
        break;
    }
    db_done(l->c->db, q);
}

/* How long the majority that is connected at `from` stays the same: when it changes, it may need another leader. */
static int64_t same_majority(const struct health *h, int64_t from, int64_t to)
{
    uint64_t side = health_side(h, from);
    int64_t t = from;
    while (t < to && health_side(h, t) == side)
        t = health_next(h, t, to);
    return t;
}

/* A network that loses or delays so much for the whole run may cost elections, and nobody is to blame. */
static bool network_is_bad(struct check_run *c, int64_t election_ms)
{
    enum { LOSS_PPM = 10000, SHARE = 4 };
    int64_t loss = number(c, "SELECT max(json_extract(body, '$.cfg.loss_ppm')) FROM records WHERE run_id = :run"
                             " AND ev = 'trace.open'"),
            delay = number(c, "SELECT max(json_extract(body, '$.cfg.delay_max_us')) FROM records WHERE run_id = :run"
                              " AND ev = 'trace.open'");
    return loss > LOSS_PPM || delay > election_ms * 1000 / SHARE;
}

typedef void judge_fn(struct live *l, int64_t from, int64_t to);

static void judge_r61(struct live *l, int64_t from, int64_t to)
{
    judge_leaders(l, from, to);
    judge_requests(l, from, to);
}

static enum verdict run_live(struct check_run *c, judge_fn *judge)
{
    if (replay_black_box(c) || !check_has_event(c, "role.change")) {
        snprintf(c->note, sizeof c->note,
                 replay_black_box(c) ? "no replica trace" : "no role.change records in this trace");
        return VERDICT_SKIPPED;
    }
    int64_t ms = number(c, "SELECT max(json_extract(body, '$.cfg.election_ms[1]')) FROM records WHERE run_id = :run"
                           " AND ev = 'trace.open'");
    if (ms <= 0 || ms > 1000000000) {
        snprintf(c->note, sizeof c->note, "no replica tells its election timeouts");
        return VERDICT_SKIPPED;
    }
    if (network_is_bad(c, ms)) {
        snprintf(c->note, sizeof c->note, "the network loses or delays too much to tell whose fault it is");
        return VERDICT_SKIPPED;
    }
    if (number(c, "SELECT count(*) FROM log_entries WHERE run_id = :run AND op = 'conf'") > 0) {
        snprintf(c->note, sizeof c->note, "the members change: who makes a majority is another question at each time");
        return VERDICT_SKIPPED;
    }
    struct health *h = health_new(c);
    if (h == NULL)
        return VERDICT_UNKNOWN;
    struct live l = {.c = c, .health = h, .patience = TIMEOUTS * ms * 1000000};
    l.begin = number(c, "SELECT max(t_start) FROM boots b JOIN nodes n USING (run_id, node) WHERE run_id = :run"
                        " AND kind = 'replica' AND boot = (SELECT min(boot) FROM boots x WHERE x.run_id = b.run_id"
                        "   AND x.node = b.node)");
    l.end = number(c, "SELECT max(t) FROM records WHERE run_id = :run");
    read_leads(&l);
    for (int64_t from = l.begin, to; from < l.end; from = to) {
        to = same_majority(h, from, l.end);
        if (health_side(h, from) == 0 || to - from <= l.patience)
            continue;
        c->examined++;
        judge(&l, from, to);
    }
    free(l.leads);
    health_free(h);
    const char *missing = replay_incomplete(c);
    c->incomplete = *missing != '\0';
    if (c->incomplete)
        snprintf(c->note, sizeof c->note, "%s", missing);
    if (c->examined > 0)
        return check_answer(c);
    snprintf(c->note, sizeof c->note, "the group was never healthy for longer than %.1f s", (double)l.patience / 1e9);
    return VERDICT_SKIPPED;
}

static enum verdict check_leader_exists(struct check_run *c)
{
    return run_live(c, judge_r61);
}

static enum verdict check_no_storm(struct check_run *c)
{
    return run_live(c, judge_terms);
}

const struct check check_live[] = {
    {.id = "R61",
     .title = "a healthy majority works",
     .severity = "LIVE",
     .run = check_leader_exists,
     .help = "While a majority is up and connected for longer than ten election timeouts, it has a leader and "
             "answers its"
             " requests (paper §5.6)."},
    {.id = "R62",
     .title = "no election storms",
     .severity = "LIVE",
     .run = check_no_storm,
     .help = "In such a time no more than three terms are started within ten election timeouts (paper §9.3, D §9.6)."},
};
const size_t check_live_n = sizeof check_live / sizeof *check_live;
