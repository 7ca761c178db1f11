/* replay_log.c -- the log: entries added and removed, snapshots, what is on stable storage (Raft paper §5.3, §5.4, §7).
 */
#include "replay_int.h"

/* R16: a leader numbers its own entries, in its own term, and nobody makes the same (index, term) again. */
static void made_by_leader(struct replay *rp, struct node *n, const struct rec *r, int64_t idx, int64_t eterm,
                           struct made *made)
{
    judged(rp, RULE_R16);
    if (eterm != n->term || idx != log_last(&n->log) + 1)
        finding_add(replay_found(rp, RULE_R16, n, r, "leader-appends-wrong-entry",
                                 "%s, leader of term %lld with last entry %lld, appends entry %lld of term %lld",
                                 n->name, (long long)n->term, (long long)log_last(&n->log), (long long)idx,
                                 (long long)eterm),
                    "cause", r->id, "must be the next index and the leader's term");
    if (made->made_rec != 0) {
        struct finding *f =
            replay_found(rp, RULE_R16, n, r, "entry-made-twice", "entry %lld of term %lld is made by %s and by %s",
                         (long long)idx, (long long)eterm, replay_node(rp, made->made_by)->name, n->name);
        finding_add(f, "witness", made->made_rec, "the first");
        finding_add(f, "cause", r->id, "the second");
    }
    made->made_rec = r->id;
    made->made_by = replay_self(rp, n);
}

/* R26: a follower's entry comes from the append that it handles. */
static void taken_from_leader(struct replay *rp, struct node *n, const struct rec *r, int64_t idx, int64_t eterm,
                              uint64_t h)
{
    const struct msg *m = replay_input_msg(n, r);
    if (m == NULL && (r->cause == 0 || r->cause != n->in.rec)) {
        replay_unknown(rp, RULE_R26, "%s.%lld: an entry without a cause", n->name, (long long)n->boot);
        return;
    }
    judged(rp, RULE_R26);
    const char *wrong = idx != log_last(&n->log) + 1 ? "is not the next index" : "is not in an append of this term";
    if (m != NULL && m->kind == KIND_APP_REQ && m->mterm == n->term && idx == log_last(&n->log) + 1) {
        for (size_t i = 0; i < m->n_ents; i++) {
            if (m->ents[i].idx == idx && m->ents[i].term == eterm && (h == 0 || m->ents[i].h == h))
                return;
        }
    }
    struct finding *f =
        replay_found(rp, RULE_R26, n, r, "entry-without-source", "%s adds entry %lld of term %lld, which %s", n->name,
                     (long long)idx, (long long)eterm, wrong);
    finding_rec(f, "cause", n->in.rec);
    finding_rec(f, "cause", r->id);
}

/* R28: the same (index, term) is the same command after the same term, everywhere. */
static struct made *log_matching(struct replay *rp, struct node *n, const struct rec *r, int64_t idx, int64_t eterm,
                                 uint64_t h, int64_t prev_term)
{
    judged(rp, RULE_R28);
    uint64_t *at = pairmap_at(&rp->made_of, (uint64_t)idx, (uint64_t)eterm);
    if (*at == 0) {
        rp->made = vector_grow(rp->made, &rp->made_room, rp->n_made, sizeof *rp->made);
        rp->made[rp->n_made++] =
            (struct made){.h = h, .prev_term = prev_term, .rec = r->id, .node = replay_self(rp, n), .made_by = -1};
        *at = rp->n_made;
        return &rp->made[*at - 1];
    }
    struct made *made = &rp->made[*at - 1];
    const char *differ = NULL;
    if (h != 0 && made->h != 0 && h != made->h)
        differ = "are different commands";
    else if (prev_term != TERM_UNKNOWN && made->prev_term != TERM_UNKNOWN && prev_term != made->prev_term)
        differ = "follow entries of different terms";
    if (differ != NULL) {
        struct finding *f =
            replay_found(rp, RULE_R28, n, r, "logs-do-not-match", "entry %lld of term %lld of %s and of %s %s",
                         (long long)idx, (long long)eterm, replay_node(rp, made->node)->name, n->name, differ);
        finding_rec(f, "witness", made->rec);
        finding_rec(f, "cause", r->id);
    }
    if (made->prev_term == TERM_UNKNOWN)
        made->prev_term = prev_term;
    return made;
}

void replay_on_append(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t idx = rec_int(r, "idx", 0), eterm = rec_int(r, "eterm", 0), last = log_last(&n->log),
            last_term = log_term(&n->log, last);
    uint64_t h = rec_hash(r, "h");
    if (idx <= 0 || eterm <= 0) {
        finding_rec(replay_found(rp, RULE_R27, n, r, "impossible-entry", "%s adds entry %lld of term %lld", n->name,
                                 (long long)idx, (long long)eterm),
                    "cause", r->id);
        return;
    }
    int conf = trace_text_is(rec_text(r, "op"), "conf") ? replay_conf_number(rp, rec_text(r, "conf")) : 0;
    replay_not_by_stale(rp, n, r, "adds an entry");
    judged(rp, RULE_R27);
    if ((last_term != TERM_UNKNOWN && eterm < last_term) || eterm > n->term)
        finding_add(replay_found(rp, RULE_R27, n, r, "terms-out-of-order",
                                 "%s, in term %lld, adds entry %lld of term %lld after one of term %lld", n->name,
                                 (long long)n->term, (long long)idx, (long long)eterm, (long long)last_term),
                    "cause", r->id, "terms never decrease along a log nor exceed the current one");

    struct made *made = log_matching(rp, n, r, idx, eterm, h, idx == last + 1 ? last_term : TERM_UNKNOWN);
    /* A log that only grows is what these rules ask for. */
    judged(rp, RULE_R15);
    judged(rp, RULE_R24);
    judged(rp, RULE_R25);
    if (n->role == 'L')
        made_by_leader(rp, n, r, idx, eterm, made);
    else
        taken_from_leader(rp, n, r, idx, eterm, h);
    if (conf != 0)
        replay_conf_appended(rp, n, r, idx, conf);
    if (idx != last + 1)
        log_reset(&n->log, idx - 1, TERM_UNKNOWN);
    log_push(&n->log, &(struct log_entry){.term = eterm, .h = h, .rec = r->id, .conf = conf});
    if (conf != 0 || idx != last + 1)
        replay_conf_refresh(n);
}

/* ---- removal ---- */

/* R24: only an entry of the leader that contradicts the own one allows to remove it. */
static void needs_conflict(struct replay *rp, struct node *n, const struct rec *r, int64_t from)
{
    const struct msg *m = replay_input_msg(n, r);
    int64_t own = log_term(&n->log, from);
    if (rec_why(r, "recovery") || rec_why(r, "snapshot") || own == TERM_UNKNOWN)
        return; /* what a snapshot contradicts: R55 */
    if (m == NULL && (r->cause == 0 || r->cause != n->in.rec)) {
        replay_unknown(rp, RULE_R24, "%s.%lld: a truncation without a cause", n->name, (long long)n->boot);
        return;
    }
    judged(rp, RULE_R24);
    const struct log_ref *there = NULL;
    if (m != NULL && m->kind == KIND_APP_REQ && m->mterm == n->term) {
        for (size_t i = 0; i < m->n_ents && there == NULL; i++) {
            if (m->ents[i].idx == from)
                there = &m->ents[i];
        }
    }
    if (there != NULL && there->term != own)
        return;
    struct finding *f = replay_found(rp, RULE_R24, n, r, "truncation-without-conflict",
                                     "%s removes its entries from %lld on, although nothing contradicts them", n->name,
                                     (long long)from);
    finding_add(f, "cause", n->in.rec, there == NULL ? "has no entry %lld" : "has the same entry %lld",
                (long long)from);
    finding_add(f, "cause", r->id, "the own entry there is of term %lld", (long long)own);
}

/* R15: a leader never removes what it has. Records in one chain show states on the way, so both must say leader. */
static void not_by_leader(struct replay *rp, struct node *n, const struct rec *r, const char *what)
{
    judged(rp, RULE_R15);
    if (n->role == 'L' && r->role == 'L')
        finding_add(replay_found(rp, RULE_R15, n, r, "leader-overwrites-log", "%s, leader of term %lld, %s", n->name,
                                 (long long)n->term, what),
                    "cause", r->id, "a leader only appends");
}

void replay_on_truncate(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t from = rec_int(r, "from", 0);
    not_by_leader(rp, n, r, "removes entries of its log");
    replay_not_by_stale(rp, n, r, "removes entries");
    judged(rp, RULE_R25);
    if (from <= n->commit && !rec_why(r, "snapshot"))
        finding_add(replay_found(rp, RULE_R25, n, r, "committed-entry-removed",
                                 "%s removes its entries from %lld on, but has committed up to %lld", n->name,
                                 (long long)from, (long long)n->commit),
                    "cause", r->id, "what is committed stays");
    needs_conflict(rp, n, r, from);
    int64_t last = log_last(&n->log);
    log_cut(&n->log, from);
    if (from < n->disk.changed)
        n->disk.changed = from;
    replay_conf_refresh(n);
    if (!n->disk.used)
        replay_lost_entries(rp, n, r, from, last);
}

/* ---- the leader's view of its followers ---- */

/* R20: what a follower is known to hold never shrinks within a term, and what is sent next lies beyond it. */
void replay_on_peer(struct replay *rp, struct node *n, const struct rec *r)
{
    struct trace_text name = rec_text(r, "peer");
    struct peer *p = name.p != NULL ? replay_peer_made(n, replay_number(rp, name.p, name.n)) : NULL;
    int64_t match = rec_int(r, "match", -1), next = rec_int(r, "next", match + 1);
    if (p == NULL || n->role != 'L' || match < 0)
        return;
    judged(rp, RULE_R20);
    replay_not_by_stale_reply(rp, n, r, "changes what is known of a follower");
    if (!conf_has(replay_conf(rp, n->conf), p->node)) {
        p->match = -1;                    /* it may leave and come back with nothing */
        if (match == 0 && p->acked > 0) { /* invited, that is, and not only probed again */
            p->acked = p->acked_rec = 0;
            p->since_seq = r->seq;
        }
        return;
    }
    if (match < p->match)
        finding_add(replay_found(rp, RULE_R20, n, r, "match-goes-back",
                                 "%s, leader of term %lld, takes back that %s has entry %lld: only %lld", n->name,
                                 (long long)n->term, replay_node(rp, p->node)->name, (long long)p->match,
                                 (long long)match),
                    "cause", r->id, "what was acknowledged stays so for the term");
    else if (next <= match)
        finding_add(replay_found(rp, RULE_R20, n, r, "next-not-beyond-match",
                                 "%s would send %s entry %lld next, which it has", n->name,
                                 replay_node(rp, p->node)->name, (long long)next),
                    "cause", r->id, "match %lld", (long long)match);
    p->match = match;
}
