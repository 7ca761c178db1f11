/* raft_lease.c -- the leader's lease (D §6.4.1): reads without a round of messages.
 *
 * A member that accepts an append grants no vote for election_min_us after it (raft_vote.c), not even across a restart.
 * So once a quorum has accepted appends, no other leader can be elected for election_min_us after they were *sent*, for
 * they arrived later. That holds on the followers' clocks: ours may be slower by drift_ppm, so the lease is shorter by
 * that. All members must have the same election_min_us.
 *
 * What a read rests on is noted, once for all reads that rest on the same. */
#include "raft_int.h"

static uint64_t confirmed_of(const struct peer *p)
{
    return p->confirmed_us;
}

/* When the quorum's latest answered appends were sent; 0 = there is no such quorum. */
static uint64_t basis(const struct raft *r)
{
    return raft_quorum_value(r, r->now_us, confirmed_of);
}

static uint64_t duration(const struct raft *r)
{
    uint64_t drift =
        r->election_min_us / 1000000 * r->drift_ppm + r->election_min_us % 1000000 * r->drift_ppm / 1000000 + 1;
    return drift < r->election_min_us ? r->election_min_us - drift : 0;
}

static void note(struct raft *r, uint64_t since_us)
{
    r->lease = (struct lease){.term = r->term, .since_us = since_us, .until_us = since_us + duration(r)};
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_LEASE);
    e->since_us = r->lease.since_us;
    e->until_us = r->lease.until_us;
    for (unsigned i = 0; i < r->n_peers; i++)
        if (r->peers[i].voter && r->peers[i].confirmed_us >= since_us)
            e->by[e->n_by++] = r->peers[i].id;
}

bool raft_lease_holds(struct raft *r)
{
    if (r->reads_mode != RAFT_READS_LEASE || r->role != RAFT_LEADER || r->no_lease_term == r->term)
        return false;
    /* While the lease that was noted last is good for as long again as it is old, the next read rests on it too. */
    if (r->lease.term == r->term && r->now_us < r->lease.since_us + duration(r) / 2)
        return true;
    uint64_t since_us = basis(r);
    if (!since_us || r->now_us >= since_us + duration(r))
        return false;
    note(r, since_us);
    return true;
}

void raft_lease_surrender(struct raft *r, enum raft_why why)
{
    bool held = r->lease.term == r->term && r->now_us < r->lease.until_us;
    r->no_lease_term = r->term;
    if (!held)
        return;
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_LEASE_END);
    e->until_us = r->lease.until_us;
    e->why = why;
}

uint64_t raft_lease_left(const struct raft *r, uint64_t now_us)
{
    if (r->reads_mode != RAFT_READS_LEASE || r->role != RAFT_LEADER || r->no_lease_term == r->term)
        return 0;
    uint64_t since_us = basis(r), until_us = since_us + duration(r);
    return since_us && now_us < until_us ? until_us - now_us : 0;
}
