/* check_client.c -- what clients saw: linearizability (C1), stale reads (C2, in check_stale.c), reads of a
 * client's own writes (C3, in check_session.c), values
 * out of nowhere and writes into nowhere (C4). */
#include "check_history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_names[] = {
    [LIN_CLASS_NONE] = "none",
    [LIN_CLASS_PHANTOM] = "phantom-read",
    [LIN_CLASS_FUTURE] = "future-read",
    [LIN_CLASS_STALE] = "not-linearizable-stale-read",
    [LIN_CLASS_ORDER] = "not-linearizable-order-conflict",
    [LIN_CLASS_SEARCH] = "not-linearizable-no-legal-order",
};

/* ---- C1 ---- */

/* "0010 read a" or "0010 wrote a": what the operation did, or did and saw. */
static const char *did(const struct check_history *x, const struct op *o, char buf[2 * CHECK_SHORT_LEN])
{
    static const char *const words[] = {
        [OP_READ] = "read", [OP_WRITE] = "wrote", [OP_CAS] = "set", [OP_APPEND] = "appended"};
    char value[CHECK_SHORT_LEN];
    bool failed = o->kind == OP_CAS && o->outcome == OUTCOME_FAILED;
    snprintf(buf, 2 * CHECK_SHORT_LEN, "%.20s %s %s", check_client_name(x, o), failed ? "did not find" : words[o->kind],
             check_value(x, failed ? o->expect : o->value, value));
    return buf;
}

/* Two values, four operations: the older was seen before the newer, and the newer before the older. Where two of the
 * four are the same one, the three follow each other. */
static void disagreement(char *out, size_t n, const struct check_history *x, const struct lin_key *k)
{
    const struct lin_witness *w = &k->witness;
    const struct op *ops = k->ops;
    char one[2 * CHECK_SHORT_LEN], two[2 * CHECK_SHORT_LEN], three[2 * CHECK_SHORT_LEN], four[2 * CHECK_SHORT_LEN];
    bool nothing = w->old_seen == ZONE_NONE;
    if (w->new_seen == w->new_read && !nothing)
        snprintf(out, n, "its readers disagree: %s, then %s, then %s", did(x, &ops[w->old_seen], one),
                 did(x, &ops[w->new_seen], two), did(x, &ops[w->read], three));
    else if (w->old_seen == w->read)
        snprintf(out, n, "its readers disagree: %s, then %s, then %s", did(x, &ops[w->new_seen], one),
                 did(x, &ops[w->read], two), did(x, &ops[w->new_read], three));
    else
        snprintf(out, n, "its readers disagree: %s before %s, but %s before %s",
                 nothing ? "nobody had written" : did(x, &ops[w->old_seen], one), did(x, &ops[w->new_read], two),
                 did(x, &ops[w->new_seen], three), did(x, &ops[w->read], four));
}

/* The last of the proof to return is the one that no order explains any more. */
static void no_order(char *out, size_t n, const struct check_history *x, const struct lin_key *k)
{
    const struct lin_witness *w = &k->witness;
    char words[2 * CHECK_SHORT_LEN];
    const struct op *last = NULL;
    for (size_t i = 0; i < w->n; i++) {
        const struct op *o = &k->ops[w->op[i]];
        bool finds = o->kind == OP_READ || o->kind == OP_CAS;
        if (finds && o->ret != HISTORY_OPEN && (last == NULL || o->ret > last->ret))
            last = o;
    }
    if (last != NULL)
        snprintf(out, n, "%s, which no order of %s%zu operations explains", did(x, last, words),
                 w->minimal ? "these " : "", w->n);
    else
        snprintf(out, n, "no order of its %zu operations explains what was read", k->n);
}

static void sentence(char *out, size_t n, const struct check_history *x, const struct lin_key *k)
{
    const struct lin_witness *w = &k->witness;
    const struct op *ops = k->ops;
    char a[CHECK_SHORT_LEN], b[CHECK_SHORT_LEN];
    switch (w->what) {
    case LIN_CLASS_PHANTOM:
        snprintf(out, n, "%.20s read %s, which nobody wrote", check_client_name(x, &ops[w->read]),
                 check_value(x, ops[w->read].value, a));
        break;
    case LIN_CLASS_FUTURE:
        snprintf(out, n, "%.20s read %s before its write began", check_client_name(x, &ops[w->read]),
                 check_value(x, ops[w->read].value, a));
        break;
    case LIN_CLASS_STALE:
        snprintf(out, n, "%.20s read %s after %s had replaced it", check_client_name(x, &ops[w->read]),
                 check_value(x, ops[w->read].value, a), check_value(x, ops[w->new_write].value, b));
        break;
    case LIN_CLASS_ORDER:
        disagreement(out, n, x, k);
        break;
    case LIN_CLASS_SEARCH:
        no_order(out, n, x, k);
        break;
    case LIN_CLASS_NONE:
        snprintf(out, n, "no order of its %zu operations explains what was read", k->n);
        break;
    }
}

/* The later of t and the operation's return, if that is known and counts. */
static int64_t last_return(const struct op *o, bool reads_only, int64_t t)
{
    return o->ret != HISTORY_OPEN && (o->kind == OP_READ || !reads_only) && o->ret > t ? o->ret : t;
}

/* When the proof was complete: its last read returned, or, where it has no reads, its last operation. */
static int64_t complete_at(const struct lin_key *k)
{
    int64_t t = INT64_MIN;
    for (int pass = 0; pass < 2 && t == INT64_MIN; pass++) {
        for (size_t i = 0; i < k->witness.n; i++)
            t = last_return(&k->ops[k->witness.op[i]], pass == 0, t);
    }
    for (size_t i = 0; i < k->n && k->witness.n == 0; i++)
        t = last_return(&k->ops[i], false, t);
    return t == INT64_MIN ? 0 : t;
}

enum { PROOF_SHOWN = 50 };

/* Of the keys that the search gave up on: how many returns it had got through, of how many. */
static void say_decided(struct check_run *c, const struct check_history *x)
{
    size_t decided = 0, all = 0, n = strlen(c->note);
    for (size_t i = 0; i < x->h.n; i++) {
        const struct lin_key *k = &x->r.keys[i];
        if (k->answer != LIN_UNDECIDED || !k->searched)
            continue;
        decided += k->found.returns;
        for (size_t o = 0; o < k->n; o++)
            all += k->ops[o].outcome != OUTCOME_UNKNOWN;
    }
    if (all > 0)
        snprintf(c->note + n, sizeof c->note - n, "; of these the first %zu of %zu operations are in order", decided,
                 all);
}

static enum verdict linearizable(struct check_run *c)
{
    enum verdict v;
    struct check_history *x = check_history_open(c, true, &v);
    bool ready = x != NULL;
    size_t bad = 0, unknown = 0, unread = 0;
    for (size_t i = 0; ready && i < x->h.n; i++) {
        const struct lin_key *k = &x->r.keys[i];
        bool doubtful = k->answer == LIN_BAD && k->witness.what == LIN_CLASS_PHANTOM && x->lossy;
        unknown += k->answer == LIN_UNDECIDED || doubtful;
        unread += k->unread;
        if (k->answer != LIN_BAD || doubtful)
            continue;
        bad++;
        char words[CHECK_TITLE_LEN], title[CHECK_TITLE_LEN + CHECK_SHORT_LEN + 40], name[CHECK_SHORT_LEN];
        sentence(words, sizeof words, x, k);
        snprintf(title, sizeof title, "%s is not linearizable: %s", check_short(check_key(x, i), name), words);
        int64_t id = check_violation(c, &(struct violation){.t = complete_at(k),
                                                            .key = check_key(x, i),
                                                            .title = title,
                                                            .fingerprint = class_names[k->witness.what]});
        for (size_t w = 0; w < k->witness.n && w < PROOF_SHOWN; w++)
            check_op_evidence(c, id, &k->ops[k->witness.op[w]]);
        if (k->witness.n > PROOF_SHOWN) {
            snprintf(words, sizeof words, "and %zu more operations, all of them needed", k->witness.n - PROOF_SHOWN);
            check_evidence(c, id, "witness", 0, 0, 0, 0, k->witness.minimal ? words : "and more operations");
        }
    }
    if (ready) {
        c->examined = (int64_t)x->h.n;
        c->incomplete = unknown > 0;
        int n = snprintf(c->note, sizeof c->note, "%zu of %zu keys not linearizable (%" PRId64 " operations)", bad,
                         x->h.n, x->ops);
        if (unknown > 0 && n > 0 && (size_t)n < sizeof c->note)
            snprintf(c->note + n, sizeof c->note - (size_t)n, "; %zu not decided: %s", unknown,
                     unread > 0 ? "operations that are not understood"
                     : x->lossy ? "records of operations are missing"
                                : "the search budget is used up");
        say_decided(c, x);
        v = check_history_answer(c, x);
    }
    return v;
}

/* ---- C4 ---- */

/* Where a value that nobody wrote to this key comes from, if from anywhere. */
static const char *origin(const struct check_history *x, size_t key, uint32_t value, char buf[CHECK_SHORT_LEN],
                          const char **print)
{
    *print = "phantom-read";
    for (size_t i = 0; i < x->h.keys[key].n; i++) {
        const struct op *o = &x->h.keys[key].ops[i];
        if (o->kind == OP_WRITE && o->outcome == OUTCOME_FAILED && o->value == value) {
            *print = "read-of-failed-write";
            return "whose write had failed";
        }
    }
    for (size_t k = 0; k < x->h.n; k++) {
        for (size_t i = 0; i < x->h.keys[k].n; i++) {
            const struct op *o = &x->h.keys[k].ops[i];
            if (o->kind == OP_WRITE && o->value == value) {
                char name[CHECK_SHORT_LEN - 20];
                snprintf(name, sizeof name, "%.20s", check_key(x, k));
                snprintf(buf, CHECK_SHORT_LEN, "a value of %s", name);
                *print = "value-of-another-key";
                return buf;
            }
        }
    }
    return "which nobody wrote";
}

static void phantoms(struct check_run *c, const struct check_history *x, size_t key)
{
    const struct lin_key *k = &x->r.keys[key];
    for (size_t i = 0; i < k->n; i++) {
        if (k->sources.of[i] != SOURCE_NONE)
            continue;
        char name[CHECK_SHORT_LEN], val[CHECK_SHORT_LEN], from[CHECK_SHORT_LEN], title[CHECK_TITLE_LEN];
        const char *print, *where = origin(x, key, k->ops[i].value, from, &print);
        snprintf(title, sizeof title, "%.20s read %s = %s, %s", check_client_name(x, &k->ops[i]),
                 check_short(check_key(x, key), name), check_value(x, k->ops[i].value, val), where);
        int64_t id = check_violation(
            c, &(struct violation){.t = k->ops[i].ret, .key = check_key(x, key), .title = title, .fingerprint = print});
        check_op_evidence(c, id, &k->ops[i]);
    }
}

/* Is some fault in force between the two instants? Killed replicas stay away; that is no excuse for lost data. */
static bool disturbed(struct check_run *c, int64_t from, int64_t to)
{
    sqlite3_stmt *q = db_prepare(c->db, "SELECT 1 FROM faults WHERE run_id = :run AND kind NOT IN ('kill', 'restart')"
                                        " AND t_begin <= :to AND coalesce(t_end, 9223372036854775807) >= :from");
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_int(c->db, q, ":from", from);
    db_bind_int(c->db, q, ":to", to);
    bool yes = db_row(c->db, q);
    db_done(c->db, q);
    return yes;
}

/* How long after the last fault reads have to begin to be called final. */
#define QUIET_NS INT64_C(1000000000)

/* The reads begun after all acknowledged writes of the key, in quiet times: how many, and the last of them. */
static size_t final_reads(struct check_run *c, const struct lin_key *k, int64_t *written, uint32_t *last)
{
    size_t n = 0;
    *written = INT64_MIN;
    for (size_t i = 0; i < k->n; i++) {
        if (k->ops[i].kind != OP_READ && k->ops[i].outcome == OUTCOME_OK && k->ops[i].ret > *written)
            *written = k->ops[i].ret;
    }
    for (uint32_t i = 0; i < k->n; i++) {
        if (k->ops[i].kind == OP_READ && k->ops[i].call > *written) {
            *last = i;
            n++;
        }
    }
    return n == 0 || disturbed(c, k->ops[*last].call - QUIET_NS, k->ops[*last].ret) ? 0 : n;
}

/* Did some read begun after `since` return this version, or a newer one? */
static bool seen_since(const struct lin_key *k, uint32_t zone, int64_t since)
{
    const struct zone *z = k->zones.z;
    for (size_t i = 0; i < k->n; i++) {
        if (k->ops[i].kind == OP_READ && k->ops[i].call > since && k->zones.of[i] != ZONE_NONE &&
            z[k->zones.of[i]].call >= z[zone].call)
            return true;
    }
    return false;
}

static void report_lost(struct check_run *c, const struct check_history *x, size_t key, uint32_t zone, uint32_t last)
{
    const struct lin_key *k = &x->r.keys[key];
    const struct op *w = &k->ops[k->zones.z[zone].write];
    int32_t old = k->zones.z[k->zones.of[last]].write;
    char name[CHECK_SHORT_LEN], a[CHECK_SHORT_LEN], b[CHECK_SHORT_LEN], title[CHECK_TITLE_LEN];
    snprintf(title, sizeof title, "lost write: %s = %s was acknowledged to %.20s, but the last read returned %s",
             check_short(check_key(x, key), name), check_value(x, w->value, a), check_client_name(x, w),
             check_value(x, k->ops[last].value, b));
    int64_t id = check_violation(
        c, &(struct violation){
               .t = k->ops[last].ret, .key = check_key(x, key), .title = title, .fingerprint = "lost-write"});
    if (old >= 0)
        check_op_evidence(c, id, &k->ops[old]);
    check_op_evidence(c, id, w);
    check_op_evidence(c, id, &k->ops[last]);
}

/* Was the read answered by the newest leader, and had that led for a quiet time? Such a node does not lag. */
static bool settled_leader(struct check_run *c, const struct op *r)
{
    sqlite3_stmt *q = db_prepare(
        c->db, "SELECT 1 FROM ops o JOIN leader_terms l ON l.run_id = o.run_id AND l.node = o.served_by"
               " WHERE o.op_id = :op AND l.t_start <= :early AND coalesce(l.t_end, :call) >= :call"
               " AND l.term = (SELECT max(term) FROM leader_terms m WHERE m.run_id = :run AND m.t_start <= :ret)"
               " AND NOT EXISTS (SELECT 1 FROM clocks k WHERE k.run_id = :run)"); /* terms have times of their own */
    db_bind_int(c->db, q, ":run", c->run_id);
    db_bind_int(c->db, q, ":op", r->id);
    db_bind_int(c->db, q, ":early", r->call - QUIET_NS);
    db_bind_int(c->db, q, ":call", r->call);
    db_bind_int(c->db, q, ":ret", r->ret);
    bool yes = db_row(c->db, q);
    db_done(c->db, q);
    return yes;
}

/* An acknowledged write is lost when the key's last read, in quiet times and after all its writes, returned something
 * that had been replaced, and no other such read saw it either. The server of that read could also just lag: so it has
 * to be a settled leader, or the read has to come a quiet time after the write. True when the key has final reads at
 * all. */
static bool lost_write(struct check_run *c, const struct check_history *x, size_t key)
{
    const struct lin_key *k = &x->r.keys[key];
    int64_t written;
    uint32_t last = 0;
    size_t finals = final_reads(c, k, &written, &last), n;
    if (finals == 0)
        return false;
    struct stale_read *stale = zones_stale(&k->zones, k->ops, k->n, &n);
    const struct stale_read *s = n > 0 && n != SIZE_MAX && stale[n - 1].read == last ? &stale[n - 1] : NULL;
    if (s != NULL && k->ops[k->zones.z[s->newest].write].outcome == OUTCOME_OK && !seen_since(k, s->newest, written) &&
        (k->ops[last].call - written >= QUIET_NS || settled_leader(c, &k->ops[last])))
        report_lost(c, x, key, s->newest, last);
    free(stale);
    return true;
}

static enum verdict values(struct check_run *c)
{
    enum verdict v;
    struct check_history *x = check_history_open(c, false, &v);
    bool ready = x != NULL;
    size_t left_out = 0, final = 0;
    for (size_t i = 0; ready && i < x->h.n; i++) {
        const struct lin_key *k = &x->r.keys[i];
        if (check_key_left_out(x, i)) {
            left_out++;
            continue;
        }
        c->examined++;
        if (!k->zoned)
            continue; /* linearizable, which is more */
        if (!x->lossy)
            phantoms(c, x, i);
        final += lost_write(c, x, i);
    }
    if (ready) {
        c->incomplete = left_out > 0 || x->lossy;
        snprintf(c->note, sizeof c->note, "%zu of %zu keys were read after all writes in quiet times%s%s", final,
                 x->h.n, left_out > 0 ? "; keys with operations other than reads and writes left out" : "",
                 x->lossy ? "; records of operations are missing, so values without a write prove nothing" : "");
        v = check_history_answer(c, x);
    }
    return v;
}

const struct check check_client[] = {
    {.id = "C1",
     .title = "linearizability",
     .severity = "LIN",
     .run = linearizable,
     .help =
         "Each key behaves as if every operation took effect at one instant between its call and its return (Herlihy"
         " and Wing 1990); judged by zones (Gibbons and Korach 1997), by search where values repeat."},
    {.id = "C2",
     .title = "stale reads",
     .severity = "LIN-STALE",
     .run = check_stale_reads,
     .help = "No read returns a value that had provably been replaced before the read began."},
    {.id = "C3",
     .title = "read your writes",
     .severity = "LIN-SESSION",
     .run = check_read_your_writes,
     .help = "A client never reads a value of a key older than one that it had written itself (Terry et al. 1994)."},
    {.id = "C4",
     .title = "values kept",
     .severity = "LIN-LOST",
     .run = values,
     .help = "Every value read was written by somebody, and what was acknowledged is still there when all is quiet."},
};
const size_t check_client_n = sizeof check_client / sizeof *check_client;
