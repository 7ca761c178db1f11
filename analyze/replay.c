/* replay.c -- drives the pass: reads the records in order, finds whose they are, notices what is missing, and hands
 * each to its handler. */
#include "replay_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "mem.h"

/* ---- findings ---- */

static char *words_of(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static char *words_of(const char *fmt, va_list ap)
{
    char *words = NULL;
    if (vasprintf(&words, fmt, ap) < 0)
        abort();
    return words;
}

struct finding *replay_found(struct replay *rp, enum rule rule, const struct node *n, const struct rec *r,
                             const char *class, const char *fmt, ...)
{
    struct rule_state *s = &rp->rule[rule];
    size_t i = 0;
    while (i < s->n_found && strcmp(s->found[i].class, class) != 0)
        i++;
    if (i == CLASSES_KEPT)
        i--; /* the last one collects what does not fit */
    struct finding *f = &s->found[i];
    bool first = i == s->n_found;
    if (first) {
        s->n_found++;
        va_list ap;
        va_start(ap, fmt);
        *f = (struct finding){.class = class, .rec = r->id, .t = r->t, .node = n->name, .title = words_of(fmt, ap)};
        va_end(ap);
    }
    f->count++;
    f->recs = vector_grow(f->recs, &f->room, f->n_recs, sizeof *f->recs);
    f->recs[f->n_recs++] = r->id;
    return first ? f : NULL;
}

void finding_add(struct finding *f, const char *part, int64_t rec, const char *fmt, ...)
{
    if (f == NULL || f->n_ev == FINDING_EVIDENCE)
        return;
    va_list ap;
    va_start(ap, fmt);
    f->ev[f->n_ev++] = (struct evidence){.part = part, .rec = rec, .note = words_of(fmt, ap)};
    va_end(ap);
}

void finding_rec(struct finding *f, const char *part, int64_t rec)
{
    if (f != NULL && f->n_ev < FINDING_EVIDENCE)
        f->ev[f->n_ev++] = (struct evidence){.part = part, .rec = rec};
}

void replay_unknown(struct replay *rp, enum rule rule, const char *fmt, ...)
{
    struct rule_state *s = &rp->rule[rule];
    if (s->unknown[0] != '\0')
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->unknown, sizeof s->unknown, fmt, ap);
    va_end(ap);
}

/* ---- fields ---- */

/* Numbers come from anyone: kept where sums of a few of them cannot overflow. */
static int64_t bounded(int64_t v)
{
    const int64_t most = INT64_C(1) << 60;
    return v > most ? most : v < -most ? -most : v;
}

int64_t rec_int(const struct rec *r, const char *key, int64_t dflt)
{
    int64_t v;
    return trace_find_int(r->f, key, &v) ? bounded(v) : dflt;
}

struct trace_text rec_text(const struct rec *r, const char *key)
{
    return trace_find_text(r->f, key);
}

uint64_t rec_hash(const struct rec *r, const char *key)
{
    struct trace_text t = trace_find_text(r->f, key);
    return t.p == NULL ? 0 : text_hash(t.p, t.n);
}

uint64_t text_hash(const char *p, size_t n)
{
    uint64_t h = 0;
    size_t i = 0;
    for (; n == 16 && i < n; i++) {
        char c = p[i];
        if (c >= '0' && c <= '9')
            h = h << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            h = h << 4 | (uint64_t)(c - 'a' + 10);
        else
            break;
    }
    if (n != 16 || i < n)
        h = trace_hash(p, n);
    return h != 0 ? h : 1;
}

int64_t rec_epoch(const struct rec *r)
{
    int64_t v;
    return trace_find_int(r->f, "epoch_ns", &v) && v >= 0 ? v : 0;
}

bool rec_why(const struct rec *r, const char *word)
{
    return trace_text_is(trace_find_text(r->f, "why"), word);
}

/* ---- events ---- */

struct event {
    const char *ev;
    replay_handler *on;
    bool network; /* about files and datagrams: needs no state, says nothing of the writer's */
};

/* Sorted by name. */
static const struct event events[] = {
    {"apply", replay_on_apply, false},
    {"commit.advance", replay_on_commit, false},
    {"disk.sync", replay_on_sync, false},
    {"fault.begin", replay_on_fault, true},
    {"leader.change", replay_on_leader, false},
    {"lease.expire", replay_on_lease_end, false},
    {"lease.grant", replay_on_lease, false},
    {"log.append", replay_on_append, false},
    {"log.truncate", replay_on_truncate, false},
    {"msg.bad", replay_on_input, false},
    {"msg.ignore", replay_on_ignore, false},
    {"msg.recv", replay_on_recv, false},
    {"msg.send", replay_on_send, false},
    {"net.drop", replay_on_net_drop, true},
    {"net.dup", replay_on_net_dup, true},
    {"net.in", replay_on_net_in, true},
    {"net.out", replay_on_net_out, true},
    {"node.start", replay_on_start, false},
    {"peer.state", replay_on_peer, false},
    {"read.confirm", replay_on_confirm, false},
    {"read.index", replay_on_read_index, false},
    {"read.local", replay_on_read_local, false},
    {"read.serve", replay_on_read_serve, false},
    {"req.redirect", replay_on_redirect, false},
    {"req.reply", replay_on_reply, false},
    {"role.change", replay_on_role, false},
    {"snap.install", replay_on_install, false},
    {"snap.save", replay_on_save, false},
    {"snap.send", replay_on_snap_send, false},
    {"state.hash", replay_on_hash, false},
    {"term.change", replay_on_term, false},
    {"timer.fire", replay_on_input, false},
    {"timer.set", replay_on_timer_set, false},
    {"trace.open", replay_on_open, true},
    {"vote.count", replay_on_count, false},
    {"vote.deny", replay_on_deny, false},
    {"vote.grant", replay_on_grant, false},
};

static int by_name(const void *key, const void *element)
{
    return strcmp(key, ((const struct event *)element)->ev);
}

static const struct event *event_find(const char *ev)
{
    return bsearch(ev, events, sizeof events / sizeof *events, sizeof *events, by_name);
}

/* ---- order and holes ---- */

static void new_boot(struct replay *rp, struct node *n, const struct rec *r)
{
    n->open_end = n->resync || (n->boots > 0 && pairmap_get(&rp->open_end_of, (uint64_t)replay_self(rp, n) + 1,
                                                            (uint64_t)n->boot) != 0);
    if (n->boots > 0)
        replay_boot_ends(n);
    n->boots++;
    n->step_over = true;
    n->heard = HEARD_NOTHING;
    n->restored = false;
    n->t_start = r->t;
    n->start_rec = r->id;
    n->lease = (struct lease){.rec = 0};
    n->due = (struct due){.idx = 0};
    n->removed_rec = 0;
    n->leader_told = false;
    n->boot = r->boot;
    n->seq = 0;
    n->hole_term = -1;
    n->resync = false;
    n->saw_msgs = false;
    n->role = 'F';
    n->leader = -1;
    n->commit = n->applied = 0;
    n->cand_term = n->cand_rec = 0;
    n->bound = n->bound_term = 0;
    n->in.rec = 0;
    n->last_rec = 0;
    n->term = 0;
    n->conf = n->first_conf;
    n->conf_idx = 0;
}

/* Is the record next in its file? What came out of order cannot be replayed. */
static bool in_order(struct replay *rp, struct node *n, const struct rec *r)
{
    if (r->boot != n->boot) {
        if (r->boot < n->boot) {
            replay_unknown(rp, RULE_T2, "%s.%lld: records after the start of boot %lld", n->name, (long long)r->boot,
                           (long long)n->boot);
            return false;
        }
        new_boot(rp, n, r);
    }
    judged(rp, RULE_T2);
    judged(rp, RULE_T4);
    bool first = n->seq == 0;
    if (!first && (r->seq <= n->seq || r->t < n->last_t || r->lc <= n->last_lc)) {
        struct finding *f =
            replay_found(rp, RULE_T4, n, r, "time-goes-back", "%s.%lld: %s goes back at record %lld", n->name,
                         (long long)n->boot, r->t < n->last_t ? "time" : "the Lamport clock", (long long)r->seq);
        finding_add(f, "witness", n->last_rec, "record %lld, clock %lld", (long long)n->seq, (long long)n->last_lc);
        finding_add(f, "cause", r->id, "record %lld, clock %lld", (long long)r->seq, (long long)r->lc);
        if (r->seq <= n->seq)
            return false;
    }
    if (r->seq != n->seq + 1) {
        replay_unknown(rp, RULE_T2, "%s.%lld: %lld records missing after s=%lld, between %.3f and %.3f ms", n->name,
                       (long long)n->boot, (long long)(r->seq - n->seq - 1), (long long)n->seq,
                       (double)(n->last_rec != 0 ? n->last_t : r->t) / 1e6, (double)r->t / 1e6);
        if (n->network)
            replay_unknown(rp, RULE_T5, "%s.%lld: records of the network are missing", n->name, (long long)n->boot);
        n->missing += r->seq - n->seq - 1;
        n->resync = true;
        n->in.rec = 0;
    }
    n->seq = r->seq;
    return true;
}

/* A replica that records little still says in each envelope what it is. */
static void take_untold(struct node *n, const struct rec *r)
{
    if (!n->tells_term)
        n->term = r->term;
    if (!n->tells_role)
        n->role = r->role;
    if (!n->tells_commit)
        n->commit = r->ci;
    if (!n->tells_apply)
        n->applied = r->ai;
}

/* After a hole: what the envelope says is taken over; what it does not say is unknown. */
static void take_over(const struct replay *rp, struct node *n, const struct rec *r)
{
    n->resync = false;
    n->hole_term = r->term;
    n->term = r->term;
    n->role = r->role;
    n->commit = r->ci;
    n->applied = r->ai;
    n->leader = -1;
    n->leader_told = false;
    n->cand_term = n->cand_rec = 0;
    log_reset(&n->log, r->li, TERM_UNKNOWN);
    n->log.base_conf = 0;
    if (rp->n_conf > 1)
        n->first_conf = 0; /* who votes may have changed meanwhile */
    log_copy(&n->disk.log, &n->log, r->li);
    n->disk.known = n->disk.term_told = false;
    n->disk.blind = r->li;
    n->disk.changed = INT64_MAX;
    n->disk.snap_due = 0;
    n->heard = HEARD_NOTHING;
    n->lease = (struct lease){.rec = 0};
    n->due = (struct due){.idx = 0};
    replay_conf_refresh(n);
}

static void one_record(struct replay *rp, struct node *n, const struct event *e, const struct rec *r)
{
    n->records++;
    if (!in_order(rp, n, r))
        return;
    if (e != NULL && !e->network)
        n->traced = true;
    if (n->resync) {
        if (r->has_state)
            take_over(rp, n, r);
        if (r->has_state && e != NULL && (e->on == replay_on_recv || e->on == replay_on_input)) {
            e->on(rp, n, r); /* an input begins: nothing of its handling is missing */
            n->last_state = *r;
        }
    } else {
        if (n->in.rec != 0 && r->cause != n->in.rec) {
            replay_close_input(rp, n);
            n->in.rec = 0;
        }
        if (r->has_state)
            take_untold(n, r);
        if (e != NULL && !e->network && !r->has_state)
            n->stateless = true;
        else if (e != NULL)
            e->on(rp, n, r);
        if (r->has_state)
            n->last_state = *r;
        if (r->has_state && n->role == 'F' && r->role == 'O')
            n->role = 'O'; /* a learner starts as one */
    }
    n->last_rec = r->id;
    n->last_t = r->t;
    n->last_lc = r->lc;
}

/* ---- the pass ---- */

static void stateless(struct replay *rp)
{
    for (int i = 0; i < rp->n_nodes && rp->incomplete[0] == '\0'; i++) {
        if (rp->node[i]->stateless)
            snprintf(rp->incomplete, sizeof rp->incomplete, "%.60s: some records carry no term, role, ci, ai, li",
                     rp->node[i]->name);
    }
}

static void pass(struct replay *rp)
{
    struct body *fields = body_new();
    const struct trace_record *none = body_parse(fields, "", 0);
    sqlite3_stmt *q =
        db_prepare(rp->db, "SELECT id, node, boot, seq, t, lc, ev, cause, term, role, commit_idx, applied_idx,"
                           " last_idx, body FROM records WHERE +run_id = :run ORDER BY id");
    db_bind_int(rp->db, q, ":run", rp->run_id);
    while (db_row(rp->db, q)) {
        const struct event *e = event_find((const char *)sqlite3_column_text(q, 6));
        const char *role = (const char *)sqlite3_column_text(q, 9);
        struct rec r = {
            .id = sqlite3_column_int64(q, 0),
            .boot = bounded(sqlite3_column_int64(q, 2)),
            .seq = bounded(sqlite3_column_int64(q, 3)),
            .t = sqlite3_column_int64(q, 4),
            .lc = sqlite3_column_int64(q, 5),
            .cause = sqlite3_column_int64(q, 7),
            .has_state = sqlite3_column_type(q, 8) != SQLITE_NULL && role != NULL,
            .term = bounded(sqlite3_column_int64(q, 8)),
            .role = role != NULL ? role[0] : '?',
            .ci = bounded(sqlite3_column_int64(q, 10)),
            .ai = bounded(sqlite3_column_int64(q, 11)),
            .li = bounded(sqlite3_column_int64(q, 12)),
            .f = none,
        };
        if (e != NULL && sqlite3_column_type(q, 13) == SQLITE_TEXT)
            r.f = body_parse_event(
                fields, (struct trace_text){(const char *)sqlite3_column_text(q, 6), (size_t)sqlite3_column_bytes(q, 6)},
                (const char *)sqlite3_column_text(q, 13), (size_t)sqlite3_column_bytes(q, 13));
        int number = replay_number(rp, (const char *)sqlite3_column_text(q, 1), (size_t)sqlite3_column_bytes(q, 1));
        one_record(rp, rp->node[number], e, &r);
    }
    db_done(rp->db, q);
    body_free(fields);
}

/* Which replicas left no records, or not all of them? */
static void find_holes(struct replay *rp)
{
    rp->replicas = rp->traced = 0;
    char *words = rp->incomplete;
    size_t room = sizeof rp->incomplete;
    sqlite3_stmt *q = db_prepare(
        rp->db,
        "SELECT node, instrumented, (SELECT sum(value) FROM load_stats s WHERE s.run_id = n.run_id AND s.node = n.node"
        " AND severity = 'data_loss'), (SELECT sum(missing) FROM boots b WHERE b.run_id = n.run_id AND b.node = n.node)"
        " FROM nodes n WHERE run_id = :run AND kind = 'replica' ORDER BY node");
    db_bind_int(rp->db, q, ":run", rp->run_id);
    while (db_row(rp->db, q)) {
        const char *name = (const char *)sqlite3_column_text(q, 0);
        bool traced = sqlite3_column_int(q, 1) != 0;
        rp->replicas++;
        rp->traced += traced;
        const char *what = !traced                                                            ? "has no trace"
                           : sqlite3_column_int64(q, 2) > 0 || sqlite3_column_int64(q, 3) > 0 ? "misses records"
                                                                                              : NULL;
        if (what == NULL)
            continue;
        int n = snprintf(words, room, "%s%s %s", words == rp->incomplete ? "" : ", ", name, what);
        if (n > 0 && (size_t)n < room) {
            words += n;
            room -= (size_t)n;
        }
    }
    db_done(rp->db, q);
}

/* Who records what: whether a vote must wait for stable storage is asked before the first disk.sync. */
static void find_habits(struct replay *rp)
{
    static const char *const told_by[] = {"disk.sync", "term.change", "role.change", "commit.advance", "apply"};
    for (size_t i = 0; i < sizeof told_by / sizeof *told_by; i++) {
        sqlite3_stmt *q = db_prepare(rp->db, "SELECT DISTINCT node FROM records WHERE run_id = :run AND ev = :ev");
        db_bind_int(rp->db, q, ":run", rp->run_id);
        db_bind_text(rp->db, q, ":ev", told_by[i]);
        while (db_row(rp->db, q)) {
            const char *name = (const char *)sqlite3_column_text(q, 0);
            int number = replay_number(rp, name, (size_t)sqlite3_column_bytes(q, 0));
            struct node *n = rp->node[number];
            bool *const habits[] = {&n->disk.used, &n->tells_term, &n->tells_role, &n->tells_commit, &n->tells_apply};
            *habits[i] = true;
        }
        db_done(rp->db, q);
    }
}

/* Boots whose end may be missing: what they wrote last, to the trace and to the disk, nobody knows. */
static void find_open_ends(struct replay *rp)
{
    sqlite3_stmt *q = db_prepare(rp->db, "SELECT node, boot FROM boots WHERE run_id = :run AND end_kind NOT IN"
                                         " ('close', 'killed', 'stopped')");
    db_bind_int(rp->db, q, ":run", rp->run_id);
    while (db_row(rp->db, q)) {
        int number = replay_number(rp, (const char *)sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0));
        *pairmap_at(&rp->open_end_of, (uint64_t)number + 1, (uint64_t)bounded(sqlite3_column_int64(q, 1))) = 1;
    }
    db_done(rp->db, q);
}

static void replay_free(void *data)
{
    struct replay *rp = data;
    for (int i = 0; i < rp->n_nodes; i++) {
        free(rp->node[i]->name);
        free(rp->node[i]->log.v);
        free(rp->node[i]->disk.log.v);
        free(rp->node[i]->disk.was.v);
        for (size_t k = 0; k < rp->node[i]->step_room; k++)
            free(rp->node[i]->step[k].ents);
        free(rp->node[i]->step);
        free(rp->node[i]);
    }
    free(rp->node);
    for (size_t i = 0; i < RULES; i++) {
        for (size_t k = 0; k < rp->rule[i].n_found; k++) {
            struct finding *f = &rp->rule[i].found[k];
            for (size_t e = 0; e < f->n_ev; e++)
                free(f->ev[e].note);
            free(f->title);
            free(f->recs);
        }
    }
    struct pairmap *maps[] = {&rp->node_of,    &rp->sent_of,    &rp->made_of,         &rp->committed_of,
                              &rp->applied_of, &rp->hash_of,    &rp->leader_of,       &rp->vote_of,
                              &rp->arrival_of, &rp->request_of, &rp->node_request_of, &rp->datagram_of,
                              &rp->refused_of, &rp->open_end_of};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        pairmap_free(maps[i]);
    free(rp->conf);
    free(rp->sent);
    free(rp->made);
    free(rp->settled);
    free(rp->committed);
    free(rp->arrival);
    free(rp->request);
    free(rp->out.ents);
    free(rp);
}

static struct replay *replay_of(struct check_run *c)
{
    if (c->shared->data == NULL && !c->db->failed) {
        struct replay *rp = mem_new(sizeof *rp);
        rp->db = c->db;
        rp->run_id = c->run_id;
        find_holes(rp);
        find_habits(rp);
        find_open_ends(rp);
        pass(rp);
        stateless(rp);
        c->shared->data = rp;
        c->shared->release = replay_free;
    }
    return c->shared->data;
}

const struct rule_state *replay_rules(struct check_run *c)
{
    struct replay *rp = replay_of(c);
    return rp == NULL || c->db->failed ? NULL : rp->rule;
}

bool replay_black_box(struct check_run *c)
{
    struct replay *rp = replay_of(c);
    return rp == NULL || rp->traced == 0;
}

const char *replay_incomplete(struct check_run *c)
{
    struct replay *rp = replay_of(c);
    return rp != NULL ? rp->incomplete : "";
}

/* ---- from findings to violations ---- */

enum { SYMPTOMS_LINKED = 3 };

/* The records of this finding that an earlier check named as the first wrong step of something: the link from a rule to
 * the symptoms that it caused, the worst of them first. */
static void link_symptoms(struct check_run *c, int64_t violation, const struct finding *f)
{
    sqlite3_stmt *q =
        db_prepare(c->db, "SELECT first_bad_rec FROM violations WHERE run_id = :run AND \"check\" GLOB 'C*'"
                          " AND first_bad_rec IS NOT NULL ORDER BY \"check\" <> 'C2', violation_id");
    db_bind_int(c->db, q, ":run", c->run_id);
    int64_t linked[SYMPTOMS_LINKED];
    size_t n = 0;
    while (n < SYMPTOMS_LINKED && db_row(c->db, q)) {
        int64_t rec = sqlite3_column_int64(q, 0);
        for (size_t i = 0; i < f->n_recs; i++) {
            if (f->recs[i] == rec) {
                linked[n++] = rec;
                break;
            }
        }
    }
    db_done(c->db, q);
    for (size_t i = 0; i < n; i++)
        check_evidence(c, violation, "witness", linked[i], 0, 0, 0, "the same, and a client saw it");
}

enum verdict replay_answer(struct check_run *c, enum rule rule)
{
    struct replay *rp = replay_of(c);
    if (rp == NULL || c->db->failed)
        return VERDICT_UNKNOWN;
    const struct rule_state *s = &rp->rule[rule];
    c->examined = s->examined;
    for (size_t i = 0; i < s->n_found; i++) {
        const struct finding *f = &s->found[i];
        char title[400];
        if (f->count == 1)
            snprintf(title, sizeof title, "%s", f->title);
        else
            snprintf(title, sizeof title, "%s (and %lld more like it)", f->title, (long long)(f->count - 1));
        int64_t v = check_violation(
            c, &(struct violation){
                   .t = f->t, .node = f->node, .title = title, .fingerprint = f->class, .first_bad_rec = f->rec});
        for (size_t e = 0; e < f->n_ev; e++)
            check_evidence(c, v, f->ev[e].part, f->ev[e].rec, 0, 0, 0, f->ev[e].note);
        link_symptoms(c, v, f);
    }
    const char *why = s->unknown[0] != '\0' ? s->unknown : rule <= RULE_T1 ? rp->incomplete : "";
    c->incomplete = why[0] != '\0';
    if (c->incomplete)
        snprintf(c->note, sizeof c->note, "%s", why);
    return check_answer(c);
}
