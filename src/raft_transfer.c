/* raft_transfer.c -- leadership goes to another on request (D §3.10).
 *
 * The leader takes no new requests, brings its successor up to date, and tells it to stand at once; voters do not hold
 * its living leader against it. Within an election timeout another leads, or all goes on as before. The message may be
 * late: so whoever has sent it has no lease any more while its term lasts. */
#include "raft_int.h"

/* ---- the leader ---- */

/* The most up to date of the voters that answer. */
static struct peer *fittest(struct raft *r)
{
    struct peer *best = NULL;
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        if (!p->voter || p->silent || r->now_us - p->heard_us >= r->election_max_us)
            continue;
        if (!best || p->match > best->match || (p->match == best->match && p->heard_us > best->heard_us))
            best = p;
    }
    return best;
}

static void tell(struct raft *r, const struct peer *p)
{
    raft_lease_surrender(r, WHY_TRANSFER); /* voters need not heed it from now on */
    raft_send(r, MESSAGE_TRANSFER, p->id);
}

void raft_transfer(struct raft *r, struct request *q)
{
    struct peer *p = q->node == NODE_NONE ? fittest(r) : raft_peer(r, q->node);
    if (q->node == r->id) {
        raft_done(r, q);
    } else if (!p || !p->voter) {
        raft_fail(r, q, q->node == NODE_NONE ? WHY_NOT_READY : WHY_UNKNOWN_MEMBER);
    } else if (raft_change_under_way(r)) {
        raft_fail(r, q, WHY_BUSY);
    } else {
        r->transfer.asked = q;
        r->transfer.to = p->id;
        r->transfer.term = r->term;
        r->transfer.until_us = raft_after(r, r->election_max_us);
        r->transfer.resend_us = NEVER;
        r->transfer.retry_us = r->first_retry_us;
    }
}

bool raft_holds(const struct raft *r)
{
    return r->role == RAFT_LEADER && (r->transfer.asked || !r->voter);
}

void raft_transfer_push(struct raft *r)
{
    if (!r->transfer.asked)
        return;
    struct peer *p = raft_peer(r, r->transfer.to);
    while (raft_append_may(r, p) && !raft_append_covers(r, p))
        raft_append_entries(r, p);
    if (p->match < raft_last(r) || (r->transfer.resend_us != NEVER && r->transfer.resend_us > r->now_us))
        return;
    r->transfer.resend_us = raft_after(r, r->transfer.retry_us);
    r->transfer.retry_us *= 2;
    tell(r, p);
}

void raft_transfer_bequeath(struct raft *r)
{
    const struct peer *p = fittest(r);
    if (p)
        tell(r, p);
}

/* ---- how it ends ---- */

void raft_transfer_settle(struct raft *r)
{
    struct request *q = r->transfer.asked;
    if (!q)
        return;
    bool same = r->role == RAFT_LEADER && r->term == r->transfer.term, late = r->transfer.until_us <= r->now_us;
    if (!late && (same || r->leader == NODE_NONE))
        return;
    r->transfer.asked = NULL;
    if (!same && r->leader != NODE_NONE && r->leader != r->id && (q->node == NODE_NONE || r->leader == q->node))
        raft_done(r, q);
    else
        raft_fail(r, q, WHY_NOT_READY);
    r->release = true; /* a leader again, or another's follower: what waited can go on */
}

uint64_t raft_transfer_deadline(const struct raft *r)
{
    if (!r->transfer.asked)
        return NEVER;
    return r->role == RAFT_LEADER ? raft_min(r->transfer.until_us, r->transfer.resend_us) : r->transfer.until_us;
}

/* ---- the successor ---- */

void raft_on_transfer(struct raft *r, const struct message *m)
{
    if (m->term < r->term)
        raft_ignore(r, WHY_STALE_TERM);
    else if (m->term > r->term || m->src != r->leader || r->role != RAFT_FOLLOWER || !raft_may_stand(r))
        raft_ignore(r, WHY_UNEXPECTED);
    else
        raft_stand_at_once(r);
}
