/* replay_recv.c -- inputs: what a node has heard, from whom, and what a leader may count of it (Raft paper §5.2, §5.3).
 */
#include "replay_int.h"

/* ---- votes and acknowledgements ---- */

static void vote_received(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct sent *req = replay_sent(rp, m->re);
    struct peer *p = replay_peer_made(n, m->peer);
    if (p == NULL || m->ok != 1 || m->mterm != n->term || n->cand_rec == 0 || n->cand_term != n->term ||
        p->vote_rec != 0)
        return;
    if (req != NULL && (req->kind != KIND_VOTE_REQ || req->mterm != n->term || req->node != replay_self(rp, n)))
        return; /* answers another question */
    p->vote_rec = r->id;
}

/* A time on the leader's clock comes back: all that was promised counts from there. */
static void heard_since(struct node *n, const struct rec *r, struct peer *p, const struct msg *m)
{
    int64_t sent = replay_sent_at(n, m->ts);
    if (sent > p->answered_t) {
        p->answered_t = sent;
        p->answered_t_rec = r->id;
    }
}

static void snapshot_answered(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    struct peer *p = replay_peer_made(n, m->peer);
    if (p == NULL || n->role != 'L' || m->mterm != n->term)
        return;
    heard_since(n, r, p, m);
    if (replay_snap_is_whole(rp, n, m) && m->si > p->acked) {
        p->acked = m->si;
        p->acked_rec = r->id;
    }
}

/* R31b: the highest index that a majority has acknowledged now, if it may be committed. */
static void becomes_due(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t last = log_last(&n->log), idx = n->commit;
    if (n->conf == 0 || n->due.idx != 0)
        return;
    for (unsigned i = 0; i < n->n_peers; i++) {
        int64_t at = n->peer[i].acked < last ? n->peer[i].acked : last;
        if (at > idx && replay_in_conf(rp, n, true, peer_acked, at) >= replay_majority(rp, n))
            idx = at;
    }
    if (idx > n->commit && log_term(&n->log, idx) == n->term)
        n->due = (struct due){.idx = idx, .t = r->t, .rec = r->id};
}

static void append_answered(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    struct peer *p = replay_peer_made(n, m->peer);
    if (p == NULL || n->role != 'L' || m->mterm != n->term)
        return;
    const struct sent *req = replay_sent(rp, m->re);
    if (req == NULL) {
        replay_unknown(rp, RULE_R45, "%s: an append reply does not name a request of this trace", n->name);
    } else if (req->kind != KIND_APP_REQ || req->mterm != n->term || req->node != replay_self(rp, n) ||
               req->boot != n->boot) {
        return; /* answers another leader */
    } else if (req->seq > p->answered_seq) {
        p->answered_seq = req->seq;
        p->answered_rec = req->rec;
    }
    /* The follower's word, no further than the request went: a leader's own table is what a defective one gets wrong.
     */
    int64_t upto = req != NULL && req->pi >= 0 && m->mi > req->pi + req->n ? req->pi + req->n : m->mi;
    if (req != NULL && req->seq < p->since_seq)
        return; /* what it said as a member before is void */
    heard_since(n, r, p, m);
    if (m->ok == 1 && upto > p->acked) {
        p->acked = upto;
        p->acked_rec = r->id;
        becomes_due(rp, n, r);
    }
}

static void request_arrived(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    uint64_t *at = pairmap_at(&rp->arrival_of, (uint64_t)replay_self(rp, n) + 1, m->mid);
    if (*at != 0 && rp->arrival[*at - 1].boot == n->boot)
        return; /* a copy of it: the first arrival is what a read may count from */
    if (*at == 0) {
        rp->arrival = vector_grow(rp->arrival, &rp->arrival_room, rp->n_arrivals, sizeof *rp->arrival);
        *at = ++rp->n_arrivals;
    }
    rp->arrival[*at - 1] = (struct arrival){.seq = r->seq, .boot = n->boot, .commit = n->commit, .rec = r->id};
}

static void begin_input(struct node *n, const struct rec *r, const struct msg *m)
{
    n->disk.snap_synced = false;
    n->in = (struct input){.rec = r->id,
                           .t = r->t,
                           .m = m,
                           .term_before = n->term,
                           .commit_before = n->commit,
                           .role_before = n->role,
                           .heard_before = n->heard};
}

void replay_on_recv(struct replay *rp, struct node *n, const struct rec *r)
{
    n->saw_msgs = true;
    struct msg *m = replay_next_in_step(n);
    begin_input(n, r, m);
    replay_read_msg(rp, r, "from", m);

    /* Whoever is no member, as far as the receiver knows, may say anything: its clock is not followed. */
    const struct conf *members = replay_conf(rp, n->conf);
    bool stranger = members != NULL ? !conf_has(members, m->peer) : n->lives > 0;
    const struct sent *copy_of = m->kind < KIND_GET && !stranger ? replay_sent(rp, m->mid) : NULL;
    if (copy_of != NULL) {
        judged(rp, RULE_T4);
        if (r->lc <= copy_of->lc) {
            struct finding *f = replay_found(rp, RULE_T4, n, r, "clock-condition",
                                             "%s received a message at Lamport clock %lld that was sent at %lld",
                                             n->name, (long long)r->lc, (long long)copy_of->lc);
            finding_rec(f, "witness", copy_of->rec);
            finding_rec(f, "cause", r->id);
        }
    }
    switch (m->kind) {
    case KIND_APP_REQ:
        if (m->mterm > n->bound_term) {
            n->bound_term = m->mterm;
            n->bound = 0;
        }
        replay_leader_heard(n, r, m);
        break;
    case KIND_SNAP_REQ:
        replay_leader_heard(n, r, m);
        break;
    case KIND_SNAP_RES:
        snapshot_answered(rp, n, r, m);
        break;
    case KIND_APP_RES:
        append_answered(rp, n, r, m);
        break;
    case KIND_VOTE_RES:
        vote_received(rp, n, r, m);
        break;
    case KIND_GET:
    case KIND_PUT:
        request_arrived(rp, n, r, m);
        break;
    case KIND_OTHER:
    case KIND_VOTE_REQ:
    case KIND_PREVOTE_REQ:
    case KIND_PREVOTE_RES:
    case KIND_TRANSFER:
        break;
    }
}

/* Other inputs than messages. */
void replay_on_input(struct replay *rp, struct node *n, const struct rec *r)
{
    (void)rp;
    begin_input(n, r, NULL);
}

void replay_on_ignore(struct replay *rp, struct node *n, const struct rec *r)
{
    (void)rp;
    if (r->cause != n->in.rec)
        return;
    n->in.ignored = true;
    n->heard = n->in.heard_before;
}
