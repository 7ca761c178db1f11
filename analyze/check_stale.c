/* check_stale.c -- C2: each stale read, with who served it, in which term, against which leader, and which lost
 * messages would have prevented it.
 *
 * The class is decided from what the simulator saw and from leader_terms alone, so that a black box and a replica that
 * traces itself get the same one; what the replica's own records add goes into the evidence. */
#include "check_history.h"
#include "read_proof.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads that the same node served in the same term share most of their story. It is gathered for so many of them, worst
 * first, and for so many such nodes and terms; the others get their witnesses, their server and their class. */
enum { STORIES_EACH = 5, STORIES_KINDS = 64, LOST_SHOWN = 8 };

struct stories {
    struct {
        char node[64];
        int64_t term;
        const char *class;
        int told;
    } of[STORIES_KINDS];
    size_t n;
};

struct stale {
    const struct lin_key *k;
    size_t key;
    struct stale_read s;
};

/* Constants of the run, asked once. */
struct run_facts {
    int64_t quorum_others; /* peers whose answer makes a majority */
    int64_t slowest;       /* ns: the longest time that a datagram was under way */
    bool any_leader, any_wire;
    bool clocks; /* several: times of operations and of leaders are not compared */
};

/* What is known of the node that served a read. */
struct server {
    char node[64];
    int64_t asked,
        answered; /* the request reached it; its answer left (as seen on the wire, else the client's times) */
    int64_t request_msg, answer_msg, answer_rec;
    char mid[64];
    bool claims; /* the answer itself names the node as leader */
    bool led;    /* it believed that it led, in `term` */
    bool local;  /* it cannot have heard from a majority between question and answer */
    int64_t term, since, lead_rec;
    bool wire;                                  /* that is inferred from its datagrams */
    int64_t newer_term, newer_since, newer_rec; /* the real leader then; newer_term == 0: none newer */
    char newer[64];
    int64_t first_bad_rec;
    char policy[32];
};

static void copy(char *out, size_t n, const unsigned char *text)
{
    snprintf(out, n, "%s", text != NULL ? (const char *)text : "");
}

static int64_t one(struct check_run *c, const char *sql)
{
    sqlite3_stmt *q = db_prepare(c->db, sql);
    db_bind_int(c->db, q, ":run", c->run_id);
    int64_t v = db_row(c->db, q) ? sqlite3_column_int64(q, 0) : 0;
    db_done(c->db, q);
    return v;
}

static struct run_facts facts(struct check_run *c)
{
    return (struct run_facts){
        .quorum_others = one(c, "SELECT count(*) / 2 FROM nodes WHERE run_id = :run AND kind = 'replica'"),
        .slowest = one(c, "SELECT coalesce(max(t_out - t_in), 0) FROM messages WHERE run_id = :run"),
        .clocks = one(c, "SELECT EXISTS (SELECT 1 FROM clocks WHERE run_id = :run)"),
        .any_leader = one(c, "SELECT EXISTS (SELECT 1 FROM leader_terms WHERE run_id = :run)"),
        .any_wire = one(c, "SELECT EXISTS (SELECT 1 FROM messages WHERE run_id = :run AND t_out IS NOT NULL)"),
    };
}

/* ---- who served it ---- */

static void find_exchange(struct check_run *c, const struct op *r, struct server *s)
{
    s->asked = r->call;
    s->answered = r->ret;
    sqlite3_stmt *q = db_prepare(
        c->db,
        "SELECT o.served_by, t.mid, a.msg_id, a.t_in, a.in_rec, q.msg_id, q.t_out, json_extract(n.body, '$.ld')"
        " FROM ops o LEFT JOIN op_tries t ON t.run_id = o.run_id AND t.op_id = o.op_id"
        " LEFT JOIN messages a ON a.run_id = t.run_id AND a.mid = t.mid AND a.src = o.served_by AND a.dst = o.client"
        "   AND a.type = 'ok'"
        " LEFT JOIN messages q ON q.run_id = t.run_id AND q.mid = t.mid AND q.src = o.client AND q.dst = o.served_by"
        "   AND q.t_out IS NOT NULL"
        " LEFT JOIN records n ON n.id = a.in_rec"
        " WHERE o.op_id = :op ORDER BY a.msg_id IS NULL, t.try DESC, a.t_in, q.t_out LIMIT 1");
    db_bind_int(c->db, q, ":op", r->id);
    if (db_row(c->db, q)) {
        copy(s->node, sizeof s->node, sqlite3_column_text(q, 0));
        copy(s->mid, sizeof s->mid, sqlite3_column_text(q, 1));
        s->answer_msg = sqlite3_column_int64(q, 2);
        s->answer_rec = sqlite3_column_int64(q, 4);
        s->request_msg = sqlite3_column_int64(q, 5);
        if (sqlite3_column_type(q, 3) != SQLITE_NULL)
            s->answered = sqlite3_column_int64(q, 3);
        if (sqlite3_column_type(q, 6) != SQLITE_NULL)
            s->asked = sqlite3_column_int64(q, 6);
        const char *claim = (const char *)sqlite3_column_text(q, 7);
        s->claims = claim != NULL && s->node[0] != '\0' && strcmp(claim, s->node) == 0;
    }
    db_done(c->db, q);
}

static void find_terms(struct check_run *c, struct server *s)
{
    /* A claim in the answer itself counts even where the interval, inferred from datagrams, ended with an earlier one.
     */
    sqlite3_stmt *q = db_prepare(
        c->db, "SELECT term, t_start, start_rec, origin FROM leader_terms WHERE run_id = :run AND node = :node"
               " AND t_start <= :to AND (:claims OR coalesce(t_end, 9223372036854775807) >= :from)"
               " ORDER BY t_start DESC LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_text(c->db, q, ":node", s->node);
    db_bind_int(c->db, q, ":from", s->asked);
    db_bind_int(c->db, q, ":to", s->answered);
    db_bind_int(c->db, q, ":claims", s->claims);
    if (db_row(c->db, q)) {
        s->led = true;
        s->term = sqlite3_column_int64(q, 0);
        s->since = sqlite3_column_int64(q, 1);
        s->lead_rec = sqlite3_column_int64(q, 2);
        s->wire = strcmp((const char *)sqlite3_column_text(q, 3), "wire") == 0;
    }
    db_done(c->db, q);
    s->led |= s->claims;
    q = db_prepare(c->db,
                   "SELECT node, term, t_start, start_rec FROM leader_terms WHERE run_id = :run AND t_start <= :to"
                   " AND node <> :node ORDER BY term DESC, t_start LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_text(c->db, q, ":node", s->node);
    db_bind_int(c->db, q, ":to", s->answered);
    if (db_row(c->db, q) && sqlite3_column_int64(q, 1) > s->term) {
        copy(s->newer, sizeof s->newer, sqlite3_column_text(q, 0));
        s->newer_term = sqlite3_column_int64(q, 1);
        s->newer_since = sqlite3_column_int64(q, 2);
        s->newer_rec = sqlite3_column_int64(q, 3);
    }
    db_done(c->db, q);
}

/* A majority can only have confirmed the leader after the question if datagrams from so many peers reached it before
 * the answer left. */
static void find_confirmation(struct check_run *c, const struct run_facts *f, struct server *s)
{
    if (s->request_msg == 0 || s->answer_msg == 0)
        return;
    sqlite3_stmt *q = db_prepare(
        c->db,
        "SELECT count(DISTINCT m.src) FROM messages m JOIN nodes n ON n.run_id = m.run_id AND n.node = m.src AND "
        "n.kind = 'replica'"
        " WHERE m.run_id = :run AND m.dst = :node AND m.t_in BETWEEN :early AND :to AND m.t_out BETWEEN :from AND :to"
        " AND m.src <> m.dst");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_text(c->db, q, ":node", s->node);
    db_bind_int(c->db, q, ":early", s->asked - f->slowest);
    db_bind_int(c->db, q, ":from", s->asked);
    db_bind_int(c->db, q, ":to", s->answered);
    if (db_row(c->db, q))
        s->local = sqlite3_column_int64(q, 0) < f->quorum_others;
    db_done(c->db, q);
}

/* The step at which the wrong value left the replica: in its own trace if it has one, else its datagram. */
static void find_first_wrong(struct check_run *c, const struct op *r, struct server *s)
{
    s->first_bad_rec = s->answer_rec;
    sqlite3_stmt *q =
        db_prepare(c->db, "SELECT id, json_extract(body, '$.policy') FROM records WHERE run_id = :run"
                          " AND ev IN ('read.local', 'read.serve') AND t BETWEEN :from AND :to AND node = :node"
                          " AND json_extract(body, '$.req') = :mid ORDER BY id LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_int(c->db, q, ":from", r->call);
    db_bind_int(c->db, q, ":to", r->ret);
    db_bind_text(c->db, q, ":node", s->node);
    db_bind_text(c->db, q, ":mid", s->mid);
    if (db_row(c->db, q)) {
        s->first_bad_rec = sqlite3_column_int64(q, 0);
        copy(s->policy, sizeof s->policy, sqlite3_column_text(q, 1));
    }
    db_done(c->db, q);
}

static const char *class_of(const struct run_facts *f, const struct server *s)
{
    if (s->node[0] == '\0' || (!f->any_leader && !s->claims))
        return "stale-read";
    if (!s->led)
        return "stale-follower-read";
    if (s->newer_term > 0)
        return s->local ? "deposed-leader-local-read" : "deposed-leader-read";
    return s->local ? "leader-local-read" : "leader-read";
}

/* ---- the evidence ---- */

static void witnesses(struct check_run *c, int64_t id, const struct stale *x)
{
    const struct lin_key *k = x->k;
    const struct zone *old = &k->zones.z[k->zones.of[x->s.read]], *newer = &k->zones.z[x->s.oldest];
    if (old->write >= 0)
        check_op_evidence(c, id, &k->ops[old->write]);
    if (old->first != ZONE_NONE && (int32_t)old->first != old->write && old->write >= 0)
        check_op_evidence(c, id, &k->ops[old->first]);
    check_op_evidence(c, id, &k->ops[newer->write]);
    if ((int32_t)newer->first != newer->write)
        check_op_evidence(c, id, &k->ops[newer->first]);
    check_op_evidence(c, id, &k->ops[x->s.read]);
}

static void say(struct check_run *c, int64_t id, const char *part, int64_t rec, int64_t msg, int64_t fault,
                const char *fmt, ...) __attribute__((format(printf, 7, 8)));

static void say(struct check_run *c, int64_t id, const char *part, int64_t rec, int64_t msg, int64_t fault,
                const char *fmt, ...)
{
    char words[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    check_evidence(c, id, part, rec, 0, msg, fault, words);
}

static void tell_server(struct check_run *c, int64_t id, const struct server *s)
{
    if (s->node[0] == '\0')
        return;
    if (s->led && s->term > 0)
        say(c, id, "cause", s->lead_rec, 0, 0, "%s %s leader of term %" PRId64 " since " MS " ms%s", s->node,
            s->wire ? "claimed on the wire to be" : "believed that it was", s->term, check_ms(s->since),
            s->wire ? " (inferred: no trace of its own says more)" : "");
    say(c, id, "cause", s->first_bad_rec, s->answer_msg, 0,
        "%s answered " MS " ms after the request had reached it%s%s%s%s", s->node, check_ms(s->answered - s->asked),
        s->policy[0] != '\0' ? ", read policy " : "", s->policy,
        s->local ? ", without hearing from a majority in between" : "",
        s->led || s->claims ? "" : ", although it did not lead");
    struct read_proof proof;
    /* What the answer rested on, where there is a record of that; that nobody was asked the answer itself says. */
    if (s->first_bad_rec != 0 && s->first_bad_rec != s->answer_rec && read_proof(c->db, s->first_bad_rec, &proof) &&
        proof.rec != 0)
        say(c, id, "cause", proof.rec, 0, 0, "%s", proof.words);
    if (s->newer_term > 0)
        say(c, id, "cause", s->newer_rec, 0, 0, "%s led by then, in term %" PRId64 ", since " MS " ms", s->newer,
            s->newer_term, check_ms(s->newer_since));
}

/* When the server last had word from a majority: the reach of what it could know. Read backwards until enough different
 * peers have been met. */
static void tell_silence(struct check_run *c, const struct run_facts *f, int64_t id, const struct server *s)
{
    char peers[32][64];
    int64_t met = 0, heard = 0;
    sqlite3_stmt *q =
        db_prepare(c->db, "SELECT m.src, m.t_out FROM messages m JOIN nodes n ON n.run_id = m.run_id AND n.node = m.src"
                          " AND n.kind = 'replica' WHERE m.run_id = :run AND m.dst = :node AND m.src <> m.dst"
                          " AND m.t_in <= :to AND m.t_out <= :to ORDER BY m.t_in DESC");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_text(c->db, q, ":node", s->node);
    db_bind_int(c->db, q, ":to", s->answered);
    while (met < f->quorum_others && met < 32 && db_row(c->db, q)) {
        const char *src = (const char *)sqlite3_column_text(q, 0);
        int64_t i = 0;
        while (i < met && strcmp(peers[i], src) != 0)
            i++;
        if (i < met)
            continue;
        snprintf(peers[met++], sizeof peers[0], "%s", src);
        heard = sqlite3_column_int64(q, 1);
    }
    db_done(c->db, q);
    if (f->quorum_others < 1)
        return;
    if (met < f->quorum_others)
        say(c, id, "cause", 0, 0, 0, "%s had never heard from a majority", s->node);
    else
        say(c, id, "cause", 0, 0, 0, "%s had last heard from a majority at " MS " ms, " MS " ms before it answered",
            s->node, check_ms(heard), check_ms(s->answered - heard));
}

/* A new leader holds what its predecessors committed, but learns that it is committed only with an entry of its own
 * term (Raft paper §8): was the write that the read missed waiting in the server's own log? Needs its trace. */
static void tell_unapplied(struct check_run *c, int64_t id, const struct server *s, const char *key, int64_t called)
{
    char name[CHECK_SHORT_LEN], value[CHECK_SHORT_LEN];
    sqlite3_stmt *q = db_prepare(
        c->db,
        "SELECT e.idx, e.val, e.append_rec FROM log_entries e JOIN ops w ON w.run_id = e.run_id AND w.key = e.key"
        " AND w.val = e.val AND w.f = 'put' AND w.result = 'ok' AND w.t_return < :called"
        " WHERE e.run_id = :run AND e.node = :node AND e.key = :key AND e.t_append <= :answered"
        " AND (e.t_apply IS NULL OR e.t_apply > :answered) AND (e.t_gone IS NULL OR e.t_gone > :answered)"
        " ORDER BY e.idx DESC LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_text(c->db, q, ":node", s->node);
    db_bind_text(c->db, q, ":key", key);
    db_bind_int(c->db, q, ":called", called);
    db_bind_int(c->db, q, ":answered", s->answered);
    if (db_row(c->db, q))
        say(c, id, "cause", sqlite3_column_int64(q, 2), 0, 0,
            "%s got %s = %s, entry %lld, and had not applied it when it answered: no entry of its own term was "
            "committed",
            s->node, check_short(key, name), check_short((const char *)sqlite3_column_text(q, 1), value),
            (long long)sqlite3_column_int64(q, 0));
    db_done(c->db, q);
}

/* {"groups":[["a","b"],["c"]]} as " {a b} | {c}": the sides of a partition. "" when there are none. */
static void sides(const char *target, char *out, size_t n)
{
    json_t *j = target != NULL ? json_loads(target, 0, NULL) : NULL, *side, *name;
    size_t i, k, at = 0;
    out[0] = '\0';
    json_array_foreach(json_object_get(j, "groups"), i, side)
    {
        json_array_foreach(side, k, name)
        {
            const char *s = json_string_value(name);
            if (at < n)
                at += (size_t)snprintf(out + at, n - at, "%s%.20s",
                                       k > 0   ? " "
                                       : i > 0 ? " | {"
                                               : " {",
                                       s != NULL ? s : "?");
        }
        if (at < n && k > 0)
            at += (size_t)snprintf(out + at, n - at, "}");
    }
    json_decref(j);
}

/* Tells the faults that the query selects, and ends it; how many. */
static size_t tell_selected(struct check_run *c, int64_t id, sqlite3_stmt *q)
{
    size_t n = 0;
    while (db_row(c->db, q)) {
        char until[40] = "the end";
        char groups[200];
        const unsigned char *node = sqlite3_column_text(q, 6);
        sides((const char *)sqlite3_column_text(q, 5), groups, sizeof groups);
        if (sqlite3_column_type(q, 4) != SQLITE_NULL)
            snprintf(until, sizeof until, MS " ms", check_ms(sqlite3_column_int64(q, 4)));
        say(c, id, "fault", sqlite3_column_int64(q, 1), 0, sqlite3_column_int64(q, 0), "%s%s%s%s from " MS " ms to %s",
            (const char *)sqlite3_column_text(q, 2), node != NULL ? " of " : "", node != NULL ? (const char *)node : "",
            groups, check_ms(sqlite3_column_int64(q, 3)), until);
        n++;
    }
    db_done(c->db, q);
    return n;
}

#define FAULT_COLUMNS "SELECT fault_id, begin_rec, kind, t_begin, t_end, target, node FROM faults"

/* The faults that ate the messages that mattered; where there are none, those in force at the read. */
static void tell_faults(struct check_run *c, int64_t id, const struct server *s)
{
    sqlite3_stmt *q;
    if (s->led && s->term > 0) {
        q = db_prepare(c->db, FAULT_COLUMNS
                       " WHERE fault_id IN (SELECT fault_id FROM messages WHERE run_id = :run AND dst = :node"
                       " AND fate = 'dropped' AND term > :term AND t_in BETWEEN :since AND :to)"
                       " ORDER BY t_begin, fault_id LIMIT 8");
        db_bind_int(c->db, q, ":run", c->run_id);
        db_bind_text(c->db, q, ":node", s->node);
        db_bind_int(c->db, q, ":term", s->term);
        db_bind_int(c->db, q, ":since", s->since);
        db_bind_int(c->db, q, ":to", s->answered);
        if (tell_selected(c, id, q) > 0)
            return;
    }
    q = db_prepare(c->db, FAULT_COLUMNS " WHERE run_id = :run AND t_begin <= :to AND coalesce(t_end, :to) >= :asked"
                                        " ORDER BY t_begin, fault_id LIMIT 8");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_int(c->db, q, ":asked", s->asked);
    db_bind_int(c->db, q, ":to", s->answered);
    tell_selected(c, id, q);
}

/* Any of these, had it arrived, would have told the server of the newer term in time (Raft paper §5.1). */
static void tell_lost(struct check_run *c, int64_t id, const struct server *s)
{
    if (!s->led || s->term == 0 || s->newer_term == 0)
        return;
    sqlite3_stmt *q = db_prepare(
        c->db, "SELECT m.msg_id, coalesce(m.drop_rec, m.in_rec), m.type, m.term, m.src, m.t_in, m.why"
               " FROM messages m WHERE m.run_id = :run AND m.fate = 'dropped' AND m.dst = :node AND m.term > :term"
               " AND m.t_in BETWEEN :since AND :asked AND " CHECK_DEPOSES " ORDER BY m.t_in, m.msg_id");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_text(c->db, q, ":node", s->node);
    db_bind_int(c->db, q, ":term", s->term);
    db_bind_int(c->db, q, ":since", s->since);
    db_bind_int(c->db, q, ":asked", s->asked);
    int64_t n = 0, first = 0, last = 0;
    while (db_row(c->db, q)) {
        last = sqlite3_column_int64(q, 5);
        if (n == 0)
            first = last;
        if (n++ >= LOST_SHOWN)
            continue;
        const unsigned char *type = sqlite3_column_text(q, 2), *why = sqlite3_column_text(q, 6);
        say(c, id, "lost_message", sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 0), 0,
            "%.40s term %" PRId64 " from %s at " MS " ms, lost: %s", type != NULL ? (const char *)type : "message",
            (int64_t)sqlite3_column_int64(q, 3), (const char *)sqlite3_column_text(q, 4), check_ms(last),
            why != NULL ? (const char *)why : "unknown");
    }
    db_done(c->db, q);
    if (n > 0)
        say(c, id, "enabler", 0, 0, 0,
            "%" PRId64
            " lost message%s to %s carried a higher term; any of them would have deposed it in time (first " MS
            " ms, last " MS " ms%s)",
            n, n == 1 ? "" : "s", s->node, check_ms(first), check_ms(last),
            n > LOST_SHOWN ? "; the first 8 are listed" : "");
}

/* ---- the check ---- */

static int worst_first(const void *pa, const void *pb)
{
    const struct stale *a = pa, *b = pb;
    if (a->s.stale_for != b->s.stale_for)
        return a->s.stale_for > b->s.stale_for ? -1 : 1;
    int64_t x = a->k->ops[a->s.read].id, y = b->k->ops[b->s.read].id;
    return x < y ? -1 : x > y;
}

static bool tell_whole(struct stories *t, const struct server *s, const char *class)
{
    size_t i = 0;
    while (i < t->n && (t->of[i].term != s->term || t->of[i].class != class || strcmp(t->of[i].node, s->node) != 0))
        i++;
    if (i == STORIES_KINDS)
        return false;
    if (i == t->n) {
        t->of[i].term = s->term;
        t->of[i].class = class;
        snprintf(t->of[i].node, sizeof t->of[i].node, "%s", s->node);
        t->n++;
    }
    return t->of[i].told++ < STORIES_EACH;
}

static void report(struct check_run *c, const struct check_history *h, const struct run_facts *f, const struct stale *x,
                   struct stories *told)
{
    const struct op *r = &x->k->ops[x->s.read];
    struct server s = {0};
    find_exchange(c, r, &s);
    if (f->clocks)
        s = (struct server){.node = ""};
    if (s.node[0] != '\0') {
        find_terms(c, &s);
        find_confirmation(c, f, &s);
        find_first_wrong(c, r, &s);
    }
    const char *class = class_of(f, &s);
    char name[CHECK_SHORT_LEN], title[CHECK_TITLE_LEN];
    int n = snprintf(title, sizeof title, "stale read of %s, " MS " ms old", check_short(check_key(h, x->key), name),
                     check_ms(x->s.stale_for));
    if (x->s.versions > 1 && n > 0)
        snprintf(title + n, sizeof title - (size_t)n, ", %u versions behind", x->s.versions);
    int64_t id = check_violation(c, &(struct violation){.t = r->ret,
                                                        .node = s.node[0] != '\0' ? s.node : NULL,
                                                        .key = check_key(h, x->key),
                                                        .title = title,
                                                        .fingerprint = class,
                                                        .first_bad_rec = s.first_bad_rec});
    witnesses(c, id, x);
    tell_server(c, id, &s);
    if (!tell_whole(told, &s, class))
        return;
    if (s.led && f->any_wire)
        tell_silence(c, f, id, &s);
    if (s.led)
        tell_unapplied(c, id, &s, check_key(h, x->key), r->call);
    tell_faults(c, id, &s);
    tell_lost(c, id, &s);
}

static bool collect(struct check_run *c, const struct check_history *x, size_t key, struct stale **all, size_t *n,
                    size_t *cap)
{
    const struct lin_key *k = &x->r.keys[key];
    size_t found;
    struct stale_read *s = zones_stale(&k->zones, k->ops, k->n, &found);
    if (found == SIZE_MAX)
        return false;
    for (size_t i = 0; i < k->n; i++)
        c->examined += k->ops[i].kind == OP_READ;
    for (size_t i = 0; i < found; i++) {
        if (*n == *cap) {
            size_t room = *cap * 2 + 16;
            struct stale *p = realloc(*all, room * sizeof *p);
            if (p == NULL) {
                free(s);
                return false;
            }
            *all = p;
            *cap = room;
        }
        (*all)[(*n)++] = (struct stale){k, key, s[i]};
    }
    free(s);
    return true;
}

enum verdict check_stale_reads(struct check_run *c)
{
    enum verdict v;
    struct check_history *x = check_history_open(c, false, &v);
    bool ready = x != NULL;
    struct stale *all = NULL;
    size_t n = 0, cap = 0, left_out = 0;
    bool memory = true;
    for (size_t i = 0; ready && memory && i < x->h.n; i++) {
        if (x->r.keys[i].zoned)
            memory = collect(c, x, i, &all, &n, &cap);
        else
            c->examined += !check_key_left_out(x, i);
        left_out += check_key_left_out(x, i);
    }
    if (ready) {
        if (n > 0)
            qsort(all, n, sizeof *all, worst_first);
        struct stories told = {.n = 0};
        struct run_facts f = n > 0 ? facts(c) : (struct run_facts){0};
        for (size_t i = 0; i < n; i++)
            report(c, x, &f, &all[i], &told);
        if (n > 0)
            snprintf(c->note, sizeof c->note, "%zu read%s stale by " MS " to " MS " ms", n, n == 1 ? "" : "s",
                     check_ms(all[n - 1].s.stale_for), check_ms(all[0].s.stale_for));
        else if (left_out > 0 || !memory)
            snprintf(c->note, sizeof c->note, "%s",
                     memory ? "keys with operations other than reads and writes left out" : "not enough memory");
        c->incomplete = left_out > 0 || !memory;
        v = check_history_answer(c, x);
    }
    free(all);
    return v;
}
