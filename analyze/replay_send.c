/* replay_send.c -- what a node says is what it is and has: appends, candidacies, acknowledgements (Raft paper §5.1 to
 * §5.4, Figure 2, receivers of both RPCs). */
#include "replay_int.h"
#include "words.h"

static void append_sent(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    judged(rp, RULE_R17);
    if (n->role != 'L')
        finding_add(replay_found(rp, RULE_R17, n, r, "append-from-non-leader",
                                 "%s sends an append in term %lld without being leader", n->name, (long long)n->term),
                    "cause", r->id, "it is %s", words_role(n->role));
    judged(rp, RULE_R19);
    if (m->lci > n->commit)
        finding_rec(replay_found(rp, RULE_R19, n, r, "append-announces-uncommitted",
                                 "%s announces commit %lld, but has committed only up to %lld", n->name,
                                 (long long)m->lci, (long long)n->commit),
                    "cause", r->id);
    judged(rp, RULE_R18);
    int64_t pt = log_term(&n->log, m->pi);
    const char *wrong = NULL;
    int64_t where = m->pi;
    if (m->pi >= 0 && m->pt >= 0 && ((pt != TERM_UNKNOWN && pt != m->pt) || m->pi > log_last(&n->log)))
        wrong = "predecessor";
    for (size_t i = 0; i < m->n_ents && wrong == NULL; i++) {
        const struct log_entry *e = log_at(&n->log, m->ents[i].idx);
        where = m->ents[i].idx;
        if (where != m->pi + 1 + (int64_t)i || where > log_last(&n->log))
            wrong = "entry out of place,";
        else if (e != NULL && (e->term != m->ents[i].term || (e->h != 0 && e->h != m->ents[i].h)))
            wrong = "entry";
    }
    if (wrong != NULL)
        finding_rec(replay_found(rp, RULE_R18, n, r, "append-differs-from-log",
                                 "%s sends an append whose %s %lld is not in its log", n->name, wrong,
                                 (long long)where),
                    "cause", r->id);
}

static void candidacy_sent(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    int64_t last_term = log_term(&n->log, log_last(&n->log));
    judged(rp, RULE_R10);
    if (m->lli >= 0 && m->llt >= 0 && last_term != TERM_UNKNOWN && (m->lli != log_last(&n->log) || m->llt != last_term))
        finding_rec(replay_found(rp, RULE_R10, n, r, "candidate-misstates-log",
                                 "%s claims last entry %lld of term %lld, but has %lld of term %lld", n->name,
                                 (long long)m->lli, (long long)m->llt, (long long)log_last(&n->log),
                                 (long long)last_term),
                    "cause", r->id);
}

/* R66. What the receiver has said counts from when it was received: until then nobody knows. */
static void not_in_vain(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct peer *p = replay_peer(n, m->peer);
    const char *name = replay_node(rp, m->peer)->name;
    bool entries = m->kind == KIND_APP_REQ && m->n_ents > 0;
    if (!entries && m->kind != KIND_VOTE_REQ)
        return;
    judged(rp, RULE_R66);
    if (entries && n->role == 'L' && p != NULL && p->acked >= m->pi + (int64_t)m->n_ents) {
        struct finding *f = replay_found(rp, RULE_R66, n, r, "entries-sent-again",
                                         "%s sends %s entries up to %lld, which it has acknowledged", n->name, name,
                                         (long long)(m->pi + (int64_t)m->n_ents));
        finding_add(f, "witness", p->acked_rec, "acknowledged up to %lld", (long long)p->acked);
        finding_rec(f, "cause", r->id);
    } else if (!entries && p != NULL && p->vote_rec != 0 && m->mterm == n->cand_term) {
        struct finding *f =
            replay_found(rp, RULE_R66, n, r, "vote-asked-again", "%s asks %s for its vote in term %lld, which it has",
                         n->name, name, (long long)m->mterm);
        finding_rec(f, "witness", p->vote_rec);
        finding_rec(f, "cause", r->id);
    }
}

/* R21, R22, R23: what a positive answer claims about the request that it answers. */
static void append_acknowledged(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct msg *in = replay_step_msg(n, m->re);
    const struct sent *req = replay_sent(rp, m->re);
    if (in == NULL)
        in = replay_input_msg(n, r);
    if (req != NULL && req->pi >= 0) {
        judged(rp, RULE_R23);
        if (m->mi > req->pi + req->n) {
            struct finding *f = replay_found(rp, RULE_R23, n, r, "ack-beyond-request",
                                             "%s acknowledges up to %lld, but was only asked about %lld", n->name,
                                             (long long)m->mi, (long long)(req->pi + req->n));
            finding_rec(f, "witness", req->rec);
            finding_rec(f, "cause", r->id);
        }
    }
    if (in == NULL || in->kind != KIND_APP_REQ || (m->re != 0 && m->re != in->mid))
        return;
    judged(rp, RULE_R21);
    int64_t pt = log_term(&n->log, in->pi);
    if (in->pi > log_last(&n->log) || (pt != TERM_UNKNOWN && in->pt >= 0 && in->pi >= 0 && pt != in->pt)) {
        struct finding *f = replay_found(rp, RULE_R21, n, r, "ack-without-matching-predecessor",
                                         "%s acknowledges an append although it has no entry %lld of term %lld",
                                         n->name, (long long)in->pi, (long long)in->pt);
        finding_rec(f, "cause", n->in.rec);
        finding_rec(f, "cause", r->id);
        return;
    }
    judged(rp, RULE_R22);
    for (size_t i = 0; i < in->n_ents; i++) {
        const struct log_entry *e = log_at(&n->log, in->ents[i].idx);
        bool unknown = in->ents[i].idx <= n->log.base;
        if (unknown || (e != NULL && e->term == in->ents[i].term && (e->h == 0 || e->h == in->ents[i].h)))
            continue;
        struct finding *f = replay_found(rp, RULE_R22, n, r, "ack-without-entry",
                                         "%s acknowledges entry %lld of term %lld, which is not in its log", n->name,
                                         (long long)in->ents[i].idx, (long long)in->ents[i].term);
        finding_rec(f, "cause", n->in.rec);
        finding_rec(f, "cause", r->id);
        return;
    }
}

/* R4. A PreVote asks about the next term without entering it; its answers are not judged (dissertation §9.6). */
static void stamp(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    if (m->kind == KIND_PREVOTE_RES || m->mterm < 0)
        return;
    int64_t due = n->term + (m->kind == KIND_PREVOTE_REQ);
    judged(rp, RULE_R4);
    if (m->mterm != due)
        finding_rec(replay_found(rp, RULE_R4, n, r, "wrong-term-on-message",
                                 "%s sends a message of term %lld while in term %lld", n->name, (long long)m->mterm,
                                 (long long)n->term),
                    "cause", r->id);
}

/* R5 for an answer, which names what it answers. */
static void positive_answer(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct msg *to = replay_step_msg(n, m->re);
    if (to == NULL) {
        replay_not_by_stale(rp, n, r, "gets a positive answer");
        return;
    }
    judged(rp, RULE_R5);
    if (to->mterm < 0 || to->mterm >= n->term)
        return;
    struct finding *f = replay_found(rp, RULE_R5, n, r, "stale-request-has-effect",
                                     "%s: a message of old term %lld gets a positive answer in term %lld", n->name,
                                     (long long)to->mterm, (long long)n->term);
    finding_rec(f, "cause", n->in.rec);
    finding_add(f, "cause", r->id, "must have no effect");
}

void replay_on_send(struct replay *rp, struct node *n, const struct rec *r)
{
    struct msg *m = &rp->out;
    replay_read_msg(rp, r, "to", m);
    if (m->kind == KIND_OTHER || m->kind >= KIND_GET)
        return;
    n->saw_msgs = true;
    if (n->term > n->max_sent_term)
        n->max_sent_term = n->term;
    stamp(rp, n, r, m);
    replay_durable_first(rp, n, r, m);
    replay_snap_is_durable(rp, n, r);
    if (m->kind == KIND_SNAP_REQ)
        replay_snap_sent(rp, n, r, m);
    if (m->kind == KIND_TRANSFER) {
        n->lease.transfer_t = r->t;
        n->lease.transfer_rec = r->id;
    }
    n->step_over = n->step_over || r->cause == n->in.rec;
    not_in_vain(rp, n, r, m);
    if (m->kind == KIND_APP_REQ)
        append_sent(rp, n, r, m);
    if (m->kind == KIND_VOTE_REQ || m->kind == KIND_PREVOTE_REQ)
        candidacy_sent(rp, n, r, m);
    if (m->ok == 1 && (m->kind == KIND_APP_RES || m->kind == KIND_VOTE_RES))
        positive_answer(rp, n, r, m);
    if (m->ok == 1 && m->kind == KIND_APP_RES)
        append_acknowledged(rp, n, r, m);

    uint64_t *at = pairmap_at(&rp->sent_of, m->mid != 0 ? m->mid : 1, 1);
    if (*at != 0)
        return; /* the same message to several peers */
    rp->sent = vector_grow(rp->sent, &rp->sent_room, rp->n_sent, sizeof *rp->sent);
    rp->sent[rp->n_sent++] = (struct sent){.rec = r->id,
                                           .seq = r->seq,
                                           .boot = r->boot,
                                           .lc = r->lc,
                                           .mterm = m->mterm,
                                           .pi = m->pi,
                                           .n = (int64_t)m->n_ents,
                                           .size = m->size,
                                           .node = replay_self(rp, n),
                                           .kind = m->kind};
    *at = rp->n_sent;
}
