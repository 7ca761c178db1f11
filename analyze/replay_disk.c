/* replay_disk.c -- stable storage: what was written there before anyone heard of it (Raft paper, Figure 2), and what a
 * restart brings back (§5.5). */
#include "replay_int.h"

#include <string.h>

/* ---- what is written ---- */

static int vote_in(struct replay *rp, const struct node *n, int64_t term)
{
    if (term <= 0)
        return -1;
    uint64_t v = pairmap_get(&rp->vote_of, (uint64_t)term, replay_voter(rp, n));
    return (int)v - 1;
}

static int node_field(struct replay *rp, const struct rec *r, const char *key)
{
    struct trace_text t = rec_text(r, key);
    return t.p == NULL || t.n == 0 || trace_text_is(t, "FFFF") ? -1 : replay_number(rp, t.p, t.n);
}

/* R14: within a term a vote that was given stays. */
static void vote_synced(struct replay *rp, struct node *n, const struct rec *r)
{
    struct disk *d = &n->disk;
    int64_t term = rec_int(r, "pterm", -1);
    int vote = node_field(rp, r, "pvote");
    if (term < 0) {
        if (!trace_text_is(rec_text(r, "what"), "vote"))
            return; /* says nothing about the vote */
        term = n->term;
        vote = vote_in(rp, n, term);
    }
    judged(rp, RULE_R14);
    if (d->known && d->term_told && term == d->term && d->vote >= 0 && vote != d->vote)
        finding_add(replay_found(rp, RULE_R14, n, r, "vote-changed-in-term",
                                 "%s stores a vote for %s in term %lld, after one for %s", n->name,
                                 vote >= 0 ? replay_node(rp, vote)->name : "nobody", (long long)term,
                                 replay_node(rp, d->vote)->name),
                    "cause", r->id, "a vote goes with its term only");
    d->term = term;
    d->vote = vote;
    d->term_told = true;
    d->sync_rec = r->id;
}

static void log_synced(struct node *n, int64_t cut, int64_t upto)
{
    struct node_log *g = &n->disk.log;
    int64_t from = cut > 0 && cut < n->disk.changed ? cut : n->disk.changed;
    n->disk.changed = INT64_MAX;
    if (from <= log_last(g))
        log_cut(g, from);
    if (n->log.base > log_last(g)) {
        log_copy(g, &n->log, upto);
        return;
    }
    for (int64_t i = log_last(g) + 1; i <= upto && log_at(&n->log, i) != NULL; i++)
        log_push(g, log_at(&n->log, i));
}

void replay_on_sync(struct replay *rp, struct node *n, const struct rec *r)
{
    struct disk *d = &n->disk;
    struct trace_text what = rec_text(r, "what");
    n->step_over = true;
    if (rec_int(r, "err", 0) != 0) {
        d->snap_due = 0; /* all or nothing: the log was not given up either */
        return;
    }
    vote_synced(rp, n, r);
    int64_t before = log_last(&d->log), cut = rec_int(r, "cut", 0), upto = rec_int(r, "upto", log_last(&n->log));
    bool snap = trace_text_is(what, "snap");
    if (snap) {
        log_copy(&d->log, &n->log, upto);
        d->changed = INT64_MAX;
        d->snap_synced = d->snap_due == 0;
        d->snap_due = 0;
    } else if (trace_text_is(what, "log")) {
        log_synced(n, cut, upto);
    } else {
        return;
    }
    if (!d->known && upto <= log_last(&d->log))
        d->known = true; /* after a hole in the records: all of the log is there again */
    if (cut > 0 || log_last(&d->log) < before)
        replay_lost_entries(rp, n, r, cut > 0 ? cut : log_last(&d->log) + 1, before);
}

/* ---- before anyone hears of it ---- */

static void vote_durable(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct disk *d = &n->disk;
    int64_t term = m->mterm >= 0 ? m->mterm : n->term;
    bool vote = (m->kind == KIND_VOTE_RES && m->ok == 1) || m->kind == KIND_VOTE_REQ;
    int whose = m->kind == KIND_VOTE_REQ ? replay_self(rp, n) : m->peer;
    judged(rp, RULE_R49);
    if (d->term > term || (d->term == term && (!vote || d->vote == whose)))
        return;
    struct finding *f =
        vote ? replay_found(rp, RULE_R49, n, r, "vote-not-durable",
                            "%s votes in term %lld before that is on stable storage", n->name, (long long)term)
             : replay_found(rp, RULE_R49, n, r, "term-not-durable",
                            "%s speaks in term %lld before that is on stable storage", n->name, (long long)term);
    finding_add(f, "cause", r->id, "last durable term: %lld, vote: %s", (long long)d->term,
                d->vote >= 0 ? replay_node(rp, d->vote)->name : "none");
}

static void ack_durable(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct node_log *g = &n->disk.log;
    int64_t stored = log_term(g, m->mi), own = log_term(&n->log, m->mi);
    bool there =
        m->mi <= log_last(g) && (stored == own || stored == TERM_UNKNOWN || own == TERM_UNKNOWN || m->mi <= g->base);
    judged(rp, RULE_R50);
    if (!there)
        finding_add(replay_found(rp, RULE_R50, n, r, "ack-not-durable",
                                 "%s acknowledges entry %lld before it is on stable storage", n->name,
                                 (long long)m->mi),
                    "cause", r->id, "last durable entry: %lld of term %lld", (long long)log_last(g),
                    (long long)log_term(g, log_last(g)));
}

static void tail_durable(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct node_log *g = &n->disk.log;
    int64_t stored = log_term(g, m->lli);
    judged(rp, RULE_R10b);
    if (m->lli <= log_last(g) && (stored == m->llt || stored == TERM_UNKNOWN))
        return;
    finding_add(replay_found(rp, RULE_R10b, n, r, "candidate-tail-not-durable",
                             "%s stands with entry %lld of term %lld before that is on stable storage", n->name,
                             (long long)m->lli, (long long)m->llt),
                "cause", r->id, "last durable entry: %lld of term %lld", (long long)log_last(g),
                (long long)log_term(g, log_last(g)));
}

static void snap_durable(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    judged(rp, RULE_R50);
    if (log_last(&n->disk.log) < m->si)
        finding_add(replay_found(rp, RULE_R50, n, r, "snapshot-not-durable",
                                 "%s acknowledges a snapshot at %lld before it is on stable storage", n->name,
                                 (long long)m->si),
                    "cause", r->id, "last durable entry: %lld", (long long)log_last(&n->disk.log));
}

void replay_durable_first(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    if (m->kind == KIND_VOTE_REQ || (m->kind == KIND_VOTE_RES && m->ok == 1))
        n->disk.vote_told = m->mterm >= 0 ? m->mterm : n->term;
    if (!n->disk.used || !n->disk.known)
        return;
    if (m->kind != KIND_PREVOTE_REQ && m->kind != KIND_PREVOTE_RES && n->disk.term_told)
        vote_durable(rp, n, r, m);
    if (m->kind == KIND_VOTE_REQ && m->lli >= 0 && m->llt >= 0)
        tail_durable(rp, n, r, m);
    if (m->kind == KIND_APP_RES && m->ok == 1)
        ack_durable(rp, n, r, m);
    if (m->kind == KIND_SNAP_RES && replay_snap_is_whole(rp, n, m))
        snap_durable(rp, n, r, m);
}

/* ---- what stays ---- */

void replay_lost_entries(struct replay *rp, struct node *n, const struct rec *r, int64_t from, int64_t last)
{
    const struct conf *c = replay_conf(rp, rp->conf_in_force);
    if (rp->separate_clocks || c == NULL || !conf_has(c, replay_self(rp, n)))
        return;
    for (size_t k = 0; from <= rp->max_committed && k < rp->n_committed; k++) {
        const struct settled *s = &rp->committed[k];
        int64_t idx = s->idx;
        if (idx < from || idx > last || log_holds(log_stable(n), idx, s->eterm, s->h))
            continue;
        judged(rp, RULE_R36);
        unsigned have = 0, perhaps = 0, need = c->n / 2 + 1;
        for (unsigned i = 0; i < c->n; i++) {
            const struct node *p = replay_node(rp, c->node[i]);
            if (log_holds(log_stable(p), idx, s->eterm, s->h))
                have++;
            else if (p != n && !replay_log_is_known(rp, p))
                perhaps++;
        }
        if (have >= need)
            continue;
        if (have + perhaps >= need) {
            replay_unknown(rp, RULE_R36, "who holds entry %lld when %s loses it is not known", (long long)idx, n->name);
            return;
        }
        struct finding *f = replay_found(rp, RULE_R36, n, r, "committed-entry-lost",
                                         "%s loses committed entry %lld: only %u of %u members hold it", n->name,
                                         (long long)idx, have, c->n);
        finding_add(f, "witness", s->rec, "%s commits entry %lld", replay_node(rp, s->node)->name, (long long)idx);
        finding_add(f, "cause", r->id, "a majority, %u, holds what is committed for ever", need);
        return;
    }
}

/* ---- a restart ---- */

void replay_boot_ends(struct node *n)
{
    struct node_log room = n->disk.was;
    n->disk.was = n->log;
    n->disk.was_term = n->term;
    n->disk.was_applied = n->applied;
    n->log = room;
    log_reset(&n->log, 0, 0);
    n->log.base_conf = 0;
}

/* "lh" of node.start for the entries after `base`: FNV-1a over index, term and hash of each. */
static uint64_t log_digest(const struct node_log *g, int64_t base)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (int64_t i = base + 1; i <= log_last(g); i++) {
        const struct log_entry *e = &g->v[i - g->base - 1];
        const uint64_t part[3] = {(uint64_t)i, (uint64_t)e->term, e->h};
        for (size_t k = 0; k < 24; k++)
            h = (h ^ (part[k / 8] >> (k % 8 * 8) & 0xff)) * UINT64_C(0x100000001b3);
    }
    return h;
}

struct recovered {
    int64_t term, last, last_term, snap, snap_term;
    int vote, conf;
    uint64_t digest; /* 0 = not told */
};

static struct recovered read_start(struct replay *rp, const struct rec *r)
{
    struct recovered v = {.term = rec_int(r, "rterm", 0),
                          .last = rec_int(r, "rlast", 0),
                          .last_term = rec_int(r, "rlastt", TERM_UNKNOWN),
                          .snap = rec_int(r, "snap", 0),
                          .snap_term = rec_int(r, "snapt", TERM_UNKNOWN),
                          .vote = node_field(rp, r, "rvote"),
                          .conf = replay_conf_number(rp, rec_text(r, "conf")),
                          .digest = rec_hash(r, "lh")};
    return v;
}

/* The log may begin before the first entry that is known of it. */
static bool begins_unseen(const struct node_log *g, const struct recovered *v, int64_t blind)
{
    return g->base <= blind && v->snap < g->base;
}

/* What differs between what was recovered and this term, vote and log; NULL: nothing. */
static const char *differs(const struct recovered *v, int64_t term, int vote, const struct node_log *g, int64_t blind)
{
    bool unseen = begins_unseen(g, v, blind);
    if (v->term != term)
        return "the term is another";
    if (v->vote != vote)
        return "the vote is another";
    if (v->last != log_last(g))
        return "the log ends elsewhere";
    if ((v->snap < g->base && !unseen) || v->snap > log_last(g))
        return "the log begins elsewhere";
    int64_t last_term = log_term(g, v->last), snap_term = log_term(g, v->snap);
    if (v->last_term != TERM_UNKNOWN && last_term != TERM_UNKNOWN && v->last_term != last_term)
        return "the last entry is of another term";
    if (v->snap_term != TERM_UNKNOWN && snap_term != TERM_UNKNOWN && v->snap_term != snap_term)
        return "the snapshot is of another term";
    if (v->digest != 0 && !unseen && v->digest != log_digest(g, v->snap))
        return "the entries are others";
    int conf = log_conf_at(g, v->last);
    return v->conf != 0 && conf != 0 && v->conf != conf ? "the members are others" : NULL;
}

/* R51. A crash may fall between a write and its record: then all of it is there, or nothing. */
static bool is_durable_state(struct replay *rp, struct node *n, const struct rec *r, const struct recovered *v)
{
    struct disk *d = &n->disk;
    judged(rp, RULE_R51);
    const char *what = differs(v, d->term, d->vote, &d->log, d->blind);
    bool begins = begins_unseen(&d->log, v, d->blind) || v->snap == d->log.base ||
                  (v->snap > d->log.base && v->snap <= d->was_applied);
    if (!begins)
        what = "the log begins elsewhere";
    if (what == NULL)
        return true;
    if (begins && differs(v, d->was_term, vote_in(rp, n, d->was_term), &d->was, d->blind) == NULL) {
        log_copy(&d->log, &d->was, v->last);
        return true;
    }
    struct finding *f = replay_found(rp, RULE_R51, n, r, "restart-is-not-what-was-synced",
                                     "%s starts again with another state than it had stored: %s", n->name, what);
    finding_add(f, "witness", d->sync_rec != 0 ? d->sync_rec : r->id,
                "stored: term %lld, vote %s, last entry %lld of term %lld, log after %lld", (long long)d->term,
                d->vote >= 0 ? replay_node(rp, d->vote)->name : "none", (long long)log_last(&d->log),
                (long long)log_term(&d->log, log_last(&d->log)), (long long)d->log.base);
    finding_add(f, "cause", r->id, "recovered: term %lld, vote %s, last entry %lld of term %lld, log after %lld",
                (long long)v->term, v->vote >= 0 ? replay_node(rp, v->vote)->name : "none", (long long)v->last,
                (long long)v->last_term, (long long)v->snap);
    return false;
}

/* R52: what is volatile starts anew: follower, nothing committed beyond what had been. */
static void volatile_is_reset(struct replay *rp, struct node *n, const struct rec *r, const struct recovered *v,
                              bool first)
{
    judged(rp, RULE_R52);
    const char *wrong = r->role != 'F' && r->role != 'O'   ? "is not a follower"
                        : r->ci > v->last || r->ai > r->ci ? "has committed or applied beyond its log"
                        : r->ai < v->snap                  ? "has not applied what its snapshot covers"
                        : !first && r->ci > n->max_commit && r->ci > v->snap ? "has committed what it had not before"
                                                                             : NULL;
    if (wrong != NULL)
        finding_add(replay_found(rp, RULE_R52, n, r, "volatile-state-survives", "%s, just started, %s", n->name, wrong),
                    "cause", r->id, "role %c, committed %lld, applied %lld, snapshot at %lld, last entry %lld", r->role,
                    (long long)r->ci, (long long)r->ai, (long long)v->snap, (long long)v->last);
}

/* A vote that a crash, or a disk that failed, kept from being stored, and that nobody was told of, was not given: it
 * may go to somebody else. */
static void forget_vote(struct replay *rp, struct node *n, const struct recovered *v)
{
    const struct disk *d = &n->disk;
    int vote = vote_in(rp, n, d->was_term);
    if (vote >= 0 && d->vote_told < d->was_term && (v->term != d->was_term || v->vote != vote))
        *pairmap_at(&rp->vote_of, (uint64_t)d->was_term, replay_voter(rp, n)) = 0;
}

/* Neither was an entry made in a term that was never stored, for nothing of that term had left. */
static void forget_made(struct replay *rp, struct node *n, const struct recovered *v)
{
    const struct node_log *was = &n->disk.was;
    for (int64_t i = v->last + 1; i <= log_last(was); i++) {
        const struct log_entry *e = log_at(was, i);
        if (e == NULL || e->term <= v->term)
            continue;
        uint64_t *at = pairmap_at(&rp->made_of, (uint64_t)i, (uint64_t)e->term);
        if (*at != 0 && rp->made[*at - 1].node == replay_self(rp, n))
            *at = 0;
    }
}

static void take_recovered(struct node *n, const struct recovered *v, bool known)
{
    struct disk *d = &n->disk;
    if (known) {
        if (!begins_unseen(&d->log, v, d->blind))
            log_rebase(&d->log, v->snap, v->snap_term != TERM_UNKNOWN ? v->snap_term : log_term(&d->log, v->snap),
                       log_conf_at(&d->log, v->snap));
        log_copy(&n->log, &d->log, v->last);
    } else {
        log_reset(&n->log, v->last, v->last == v->snap ? v->snap_term : v->last_term);
        log_copy(&d->log, &n->log, v->last);
        d->blind = v->last;
    }
    d->term = v->term;
    d->vote = v->vote;
    d->term_told = d->known = true;
    d->changed = INT64_MAX;
    d->snap_due = 0;
    d->snap_synced = false;
}

void replay_on_start(struct replay *rp, struct node *n, const struct rec *r)
{
    struct recovered v = read_start(rp, r);
    bool first = n->boots == 1 || n->open_end; /* what was before is not known */
    const struct node_log *stable = n->disk.used ? &n->disk.log : &n->disk.was;
    int64_t before = first ? 0 : log_last(stable);
    judged(rp, RULE_R1);
    if (v.term < n->max_sent_term)
        finding_add(replay_found(rp, RULE_R1, n, r, "term-forgotten",
                                 "%s starts again in term %lld, but had sent messages of term %lld", n->name,
                                 (long long)v.term, (long long)n->max_sent_term),
                    "cause", r->id, "boot %lld", (long long)r->boot);
    if (v.vote >= 0)
        replay_voted(rp, n, r, v.vote, v.term);
    volatile_is_reset(rp, n, r, &v, first);
    bool known = !first && n->disk.used && n->disk.known && is_durable_state(rp, n, r, &v);
    if (known) {
        forget_vote(rp, n, &v);
        forget_made(rp, n, &v);
    }
    take_recovered(n, &v, known);
    /* What it tells is the latest: the first only if no entry made it, for an entry may be truncated yet. A new server
     * knows of no members, whatever its header lists. */
    if (v.conf != 0 && log_conf_at(&n->log, v.last) == 0)
        n->first_conf = n->log.base_conf = v.conf;
    else if (v.conf == 0 && n->lives > 0)
        n->first_conf = 0;
    replay_conf_refresh(n);
    n->term = r->term;
    n->role = r->role;
    n->commit = r->ci;
    n->applied = r->ai;
    n->restored = v.term > 0 || v.last > 0;
    n->start_rec = r->id;
    replay_state_agrees(rp, n, r, r->ai);
    if (v.last < before)
        replay_lost_entries(rp, n, r, v.last + 1, before);
}
