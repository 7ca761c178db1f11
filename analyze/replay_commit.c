/* replay_commit.c -- commitment, application, state (Raft paper §5.3, §5.4, Figure 3). */
#include "replay_int.h"

/* ---- by the leader ---- */

static void quorum_acknowledged(struct replay *rp, struct node *n, const struct rec *r, int64_t new)
{
    if (!replay_quorum_known(rp, n, RULE_R31))
        return;
    judged(rp, RULE_R31);
    judged(rp, RULE_R58);
    judged(rp, RULE_R60);
    /* A leader counts itself once the entry is on its own disk (dissertation §10.2.1). */
    bool own = log_last(n->disk.used && n->disk.known ? &n->disk.log : &n->log) >= new;
    struct tally t = replay_tally(rp, n, RULE_R31, own, peer_acked, new);
    if (t.have >= t.need && n->role == 'L')
        return;
    struct finding *f =
        n->role != 'L'
            ? replay_found(rp, RULE_R31, n, r, "commit-by-non-leader",
                           "%s commits %lld by counting, without being leader", n->name, (long long)new)
            : replay_found(rp, t.blame, n, r, tally_class(&t, RULE_R31, "commit-without-quorum"),
                           "%s commits %lld with %u of the %u copies needed", n->name, (long long)new, t.have, t.need);
    for (unsigned i = 0; i < n->n_peers; i++) {
        const struct peer *p = &n->peer[i];
        if (p->acked_rec != 0)
            finding_add(f, p->acked >= new ? "cause" : "witness", p->acked_rec, "%s has acknowledged up to %lld",
                        replay_node(rp, p->node)->name, (long long)p->acked);
    }
    finding_add(f, "cause", r->id, "%u of %u members make a majority%s", t.need, t.of,
                own ? "" : "; its own copy is not on stable storage");
}

/* Not when records are missing, nor when its records have ended without a close: what it wrote after the last one
 * nobody knows. */
bool replay_log_is_known(struct replay *rp, const struct node *p)
{
    if (!p->traced || p->resync)
        return false;
    sqlite3_stmt *q = db_prepare(rp->db, "SELECT 1 FROM records WHERE run_id = :run AND node = :node AND boot = :boot"
                                         " AND (seq = :seq + 1 OR (seq = :seq AND ev = 'trace.close')) LIMIT 1");
    db_bind_int(rp->db, q, ":run", rp->run_id);
    db_bind_text(rp->db, q, ":node", p->name);
    db_bind_int(rp->db, q, ":boot", p->boot);
    db_bind_int(rp->db, q, ":seq", p->seq);
    bool known = db_row(rp->db, q);
    db_done(rp->db, q);
    return known;
}

/* R35: at the moment of the commit a majority has the entry, on stable storage where there is any. */
static void majority_holds(struct replay *rp, struct node *n, const struct rec *r, int64_t new)
{
    const struct log_entry *e = log_at(&n->log, new);
    if (rp->separate_clocks || e == NULL || !replay_quorum_known(rp, n, RULE_R35))
        return;
    judged(rp, RULE_R35);
    const struct conf *c = replay_conf(rp, n->conf);
    unsigned have = 0, need = replay_majority(rp, n), perhaps = 0;
    const char *whose = "";
    for (unsigned i = 0; i < c->n; i++)
        have += log_holds(log_stable(replay_node(rp, c->node[i])), new, e->term, e->h);
    if (have >= need)
        return;
    for (unsigned i = 0; i < c->n; i++) {
        const struct node *p = replay_node(rp, c->node[i]);
        if (p != n && !log_holds(log_stable(p), new, e->term, e->h) && !replay_log_is_known(rp, p)) {
            perhaps++;
            whose = p->name;
        }
    }
    if (have + perhaps >= need) {
        replay_unknown(rp, RULE_R35, "%s: its log is not known when %s commits %lld", whose, n->name, (long long)new);
        return;
    }
    struct finding *f = replay_found(rp, RULE_R35, n, r, "committed-without-copies",
                                     "%s commits %lld, but only %u of the %u replicas needed have it", n->name,
                                     (long long)new, have, need);
    finding_rec(f, "cause", e->rec);
    finding_rec(f, "cause", r->id);
}

/* ---- by a follower ---- */

static void within_confirmed(struct replay *rp, struct node *n, const struct rec *r, int64_t new)
{
    const struct msg *m = replay_input_msg(n, r);
    if (!replay_quorum_known(rp, n, RULE_R30))
        return;
    judged(rp, RULE_R30);
    if (m != NULL)
        replay_raise_bound(n, m);
    int64_t bound = n->bound_term == n->term ? n->bound : 0;
    if (new <= bound)
        return;
    struct finding *f =
        replay_found(rp, RULE_R30, n, r, "commit-beyond-confirmed",
                     "%s commits %lld, but the leader of term %lld has confirmed its log only up to %lld", n->name,
                     (long long)new, (long long)n->term, (long long)bound);
    finding_rec(f, "cause", n->in.rec);
    finding_add(f, "cause", r->id, "its last entry is %lld", (long long)log_last(&n->log));
}

/* ---- by anyone ---- */

static struct settled *settle(struct settled **v, size_t *n, size_t *room, struct settled s)
{
    *v = vector_grow(*v, room, *n, sizeof **v);
    (*v)[*n] = s;
    return &(*v)[(*n)++];
}

static bool differ(const struct settled *s, int64_t eterm, uint64_t h)
{
    return s->eterm != eterm || (s->h != 0 && h != 0 && s->h != h);
}

static void committed_is_unique(struct replay *rp, struct node *n, const struct rec *r, int64_t idx,
                                const struct log_entry *e)
{
    judged(rp, RULE_R33);
    uint64_t *at = pairmap_at(&rp->committed_of, (uint64_t)idx, 1);
    if (*at == 0) {
        settle(&rp->committed, &rp->n_committed, &rp->committed_room,
               (struct settled){
                   .idx = idx, .eterm = e->term, .rec = r->id, .term = n->term, .h = e->h, .node = replay_self(rp, n)});
        *at = rp->n_committed;
        return;
    }
    const struct settled *first = &rp->committed[*at - 1];
    if (!differ(first, e->term, e->h))
        return;
    struct finding *f = replay_found(rp, RULE_R33, n, r, "different-entries-committed",
                                     "%s and %s commit different entries at %lld (terms %lld and %lld)",
                                     replay_node(rp, first->node)->name, n->name, (long long)idx,
                                     (long long)first->eterm, (long long)e->term);
    finding_rec(f, "witness", first->rec);
    finding_rec(f, "witness", e->rec);
    finding_rec(f, "cause", r->id);
}

void replay_on_commit(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t new = rec_int(r, "new", r->ci), old = rec_int(r, "old", n->commit);
    judged(rp, RULE_R29);
    if (new < n->commit || new < old)
        finding_add(replay_found(rp, RULE_R29, n, r, "commit-goes-back",
                                 "%s moves its commit index from %lld back to %lld", n->name,
                                 (long long)(n->commit > old ? n->commit : old), (long long)new),
                    "cause", r->id, "it only grows");
    replay_not_by_stale(rp, n, r, "moves the commit index");
    replay_not_by_stale_reply(rp, n, r, "moves the commit index");
    if (rec_why(r, "quorum")) {
        judged(rp, RULE_R32);
        int64_t eterm = log_term(&n->log, new);
        if (eterm != TERM_UNKNOWN && eterm != n->term)
            finding_add(replay_found(rp, RULE_R32, n, r, "commit-older-term-by-counting",
                                     "%s, leader of term %lld, commits entry %lld of term %lld by counting copies",
                                     n->name, (long long)n->term, (long long)new, (long long)eterm),
                        "cause", r->id,
                        "only an entry of the own term is committed by counting (Raft paper, Figure 8)");
        quorum_acknowledged(rp, n, r, new);
        majority_holds(rp, n, r, new);
    }
    if (rec_why(r, "leader_commit"))
        within_confirmed(rp, n, r, new);
    int64_t from = n->commit > n->log.base ? n->commit : n->log.base,
            upto = new < log_last(&n->log) ? new : log_last(&n->log);
    if (rec_why(r, "snapshot"))
        upto = 0; /* what the log holds there is about to be replaced */
    for (int64_t idx = from + 1; idx <= upto; idx++)
        committed_is_unique(rp, n, r, idx, log_at(&n->log, idx));
    n->commit = new;
    if (new > n->max_commit)
        n->max_commit = new;
    if (new > rp->max_committed) {
        int conf = n->conf_idx <= new ? n->conf : log_conf_at(&n->log, new);
        rp->max_committed = new;
        rp->conf_in_force = conf != 0 ? conf : rp->conf_in_force;
    }
    if (n->due.idx <= new)
        n->due.idx = 0;
}

/* ---- applying ---- */

/* R41, and the index of each request for R42. */
static void request_applied(struct replay *rp, struct node *n, const struct rec *r, int64_t idx)
{
    uint64_t req = rec_hash(r, "req"), cli = rec_hash(r, "cli");
    if (req == 0)
        return;
    uint64_t *here = pairmap_at(&rp->node_request_of, replay_request_key(req, cli), (uint64_t)replay_self(rp, n));
    if (*here == 0)
        *here = (uint64_t)idx;
    if (rec_int(r, "dup", 0) != 0)
        return;
    judged(rp, RULE_R41);
    replay_refused_and_applied(rp, n, r, (int64_t)pairmap_get(&rp->refused_of, replay_request_key(req, cli), 1), r->id);
    uint64_t *at = pairmap_at(&rp->request_of, req, cli);
    if (*at == 0) {
        rp->request = vector_grow(rp->request, &rp->request_room, rp->n_requests, sizeof *rp->request);
        rp->request[rp->n_requests++] = (struct applied_req){.idx = idx, .rec = r->id, .node = replay_self(rp, n)};
        *at = rp->n_requests;
        return;
    }
    const struct applied_req *first = &rp->request[*at - 1];
    if (first->idx == idx)
        return;
    struct trace_text mid = rec_text(r, "req");
    struct finding *f =
        replay_found(rp, RULE_R41, n, r, "retry-applied-twice", "request %.*s is applied at %lld and again at %lld",
                     (int)(mid.n < 64 ? mid.n : 64), mid.p, (long long)first->idx, (long long)idx);
    finding_add(f, "witness", first->rec, "the first time, at %lld", (long long)first->idx);
    finding_add(f, "cause", r->id, "again, at %lld", (long long)idx);
}

static void apply_agrees(struct replay *rp, struct node *n, const struct rec *r, int64_t idx, int64_t eterm, uint64_t h)
{
    judged(rp, RULE_R39);
    uint64_t *at = pairmap_at(&rp->applied_of, (uint64_t)idx, 1);
    if (*at == 0) {
        settle(&rp->settled, &rp->n_settled, &rp->settled_room,
               (struct settled){.idx = idx, .eterm = eterm, .rec = r->id, .h = h, .node = replay_self(rp, n)});
        *at = rp->n_settled;
        return;
    }
    const struct settled *first = &rp->settled[*at - 1];
    if (!differ(first, eterm, h))
        return;
    struct finding *f = replay_found(rp, RULE_R39, n, r, "different-entries-applied",
                                     "%s and %s apply different entries at %lld (terms %lld and %lld)",
                                     replay_node(rp, first->node)->name, n->name, (long long)idx,
                                     (long long)first->eterm, (long long)eterm);
    finding_rec(f, "witness", first->rec);
    finding_rec(f, "cause", r->id);
}

void replay_on_apply(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t idx = rec_int(r, "idx", 0), eterm = rec_int(r, "eterm", 0);
    uint64_t h = rec_hash(r, "h");
    n->step_over = true;
    judged(rp, RULE_R37);
    if (idx != n->applied + 1 || idx > n->commit)
        finding_add(replay_found(rp, RULE_R37, n, r, "applied-out-of-order",
                                 "%s applies entry %lld after %lld, with %lld committed", n->name, (long long)idx,
                                 (long long)n->applied, (long long)n->commit),
                    "cause", r->id, "the next one is %lld", (long long)(n->applied + 1));
    const struct log_entry *e = log_at(&n->log, idx);
    judged(rp, RULE_R38);
    if (idx > log_last(&n->log) || (e != NULL && (e->term != eterm || (e->h != 0 && h != 0 && e->h != h)))) {
        struct finding *f = replay_found(rp, RULE_R38, n, r, "applied-what-is-not-logged",
                                         "%s applies entry %lld of term %lld, which is not in its log", n->name,
                                         (long long)idx, (long long)eterm);
        if (e != NULL)
            finding_add(f, "witness", e->rec, "its entry %lld", (long long)idx);
        finding_rec(f, "cause", r->id);
    }
    if (idx > 0) {
        apply_agrees(rp, n, r, idx, eterm, h);
        request_applied(rp, n, r, idx);
    }
    n->applied = idx;
}

/* ---- state ---- */

void replay_state_agrees(struct replay *rp, struct node *n, const struct rec *r, int64_t at_index)
{
    uint64_t h = rec_hash(r, "h");
    if (h == 0 || at_index <= 0)
        return;
    judged(rp, RULE_R40);
    uint64_t *at = pairmap_at(&rp->hash_of, (uint64_t)at_index, 1);
    if (*at == 0) {
        settle(&rp->settled, &rp->n_settled, &rp->settled_room,
               (struct settled){.idx = at_index, .rec = r->id, .h = h, .node = replay_self(rp, n)});
        *at = rp->n_settled;
        return;
    }
    const struct settled *first = &rp->settled[*at - 1];
    if (first->h == h)
        return;
    struct finding *f =
        replay_found(rp, RULE_R40, n, r, "states-differ", "the states of %s and %s differ after entry %lld",
                     replay_node(rp, first->node)->name, n->name, (long long)at_index);
    finding_rec(f, "witness", first->rec);
    finding_rec(f, "cause", r->id);
}

void replay_on_hash(struct replay *rp, struct node *n, const struct rec *r)
{
    replay_state_agrees(rp, n, r, rec_int(r, "at", 0));
}
