/* raft_check.c -- what must hold after every step, in production too: better no replica than a wrong one.
 *
 * Cost is O(members). Figure 3 has the properties of the whole group; these are one member's share in them. */
#include "raft_int.h"

static void check_history(const struct raft *r)
{
    assert(r->term >= r->before.term);
    assert(r->commit >= r->before.commit && r->applied >= r->before.applied);
    assert(r->log.base_index >= r->before.base);
    if (r->term == r->before.term) {
        /* One vote in a term (§5.2), and a leader only appends (§5.3). */
        assert(r->before.voted == NODE_NONE || r->voted == r->before.voted);
        assert(r->before.role != RAFT_LEADER || raft_last(r) >= r->before.last);
        assert(r->before.role == RAFT_LEADER || r->role != RAFT_LEADER || r->before.role != RAFT_FOLLOWER);
    }
}

static void check_log(const struct raft *r)
{
    assert(r->applied == r->commit && r->commit <= raft_last(r));
    assert(raft_term_at(r, raft_last(r)) <= r->term);
    /* What was given up is in the state machine; the log goes on from there. */
    assert(r->log.base_index <= r->applied && r->log.base_term <= raft_term_at(r, raft_last(r)));
    assert((r->log.base_index == 0) == (r->log.base_term == 0));
    assert(!r->incoming.whole && (!r->copy || r->role == RAFT_LEADER));
    if (r->log.n) {
        assert(raft_entry(r, r->log.base_index + 1)->index == r->log.base_index + 1);
        assert(raft_entry(r, raft_last(r))->index == raft_last(r));
    }
}

static void check_leader(const struct raft *r)
{
    /* Later the configuration may be another. */
    assert(r->before.role == RAFT_LEADER || raft_tally(r) >= r->quorum);
    assert(r->voted == r->id && r->leader == r->id);
    assert(raft_last(r) && raft_term_at(r, raft_last(r)) == r->term);
    for (unsigned i = 0; i < r->n_peers; i++) {
        const struct peer *p = &r->peers[i];
        assert(p->match < p->next && p->match <= raft_last(r) && p->next <= raft_last(r) + 1);
        assert(p->match <= p->covered && p->round <= r->round && p->n_flight <= APPENDS_MAX);
        assert(!p->probing || !p->n_flight);
        assert(p->next > r->log.base_index && (!p->snapshot || (p->probing && p->match < r->log.base_index)));
        assert(!p->snapshot || !p->snap.index || (r->copy && r->copy->index == p->snap.index));
    }
    assert(!r->held.head || raft_holds(r));
    assert(r->voter || r->conf->index > r->commit); /* D §4.2.2 */
}

/* The peers are the voters of the latest configuration, and a leader's one more. */
static void check_members(const struct raft *r)
{
    const struct conf *c = r->conf;
    assert(c->index <= raft_last(r) && (!c->below || c->below->index < c->index));
    unsigned voters = r->voter, others = 0;
    for (unsigned i = 0; i < r->n_peers; i++) {
        assert(r->peers[i].id != r->id && r->peers[i].voter == (raft_conf_find(c, r->peers[i].id) != NULL));
        voters += r->peers[i].voter;
        others += !r->peers[i].voter;
    }
    assert(r->voter == (raft_conf_find(c, r->id) != NULL) && voters == c->n && r->quorum == c->n / 2 + 1);
    assert(others <= (r->role == RAFT_LEADER));
}

void raft_check(struct raft *r)
{
    check_history(r);
    check_log(r);
    check_members(r);
    assert((r->role == RAFT_LEADER || !raft_may_stand(r)) == (r->election_us == NEVER));
    switch (r->role) {
    case RAFT_FOLLOWER:
        assert(!r->votes && r->leader != r->id && !r->reads.head);
        break;
    case RAFT_PRECANDIDATE:
        assert(r->leader == NODE_NONE && r->votes >> r->n_peers == 1 && !r->reads.head);
        break;
    case RAFT_CANDIDATE:
        assert(r->leader == NODE_NONE && r->voted == r->id && r->votes >> r->n_peers == 1 && !r->reads.head);
        break;
    case RAFT_LEADER:
        check_leader(r);
        break;
    }
    r->before.term = r->term;
    r->before.commit = r->commit;
    r->before.applied = r->applied;
    r->before.base = r->log.base_index;
    r->before.last = raft_last(r);
    r->before.voted = r->voted;
    r->before.role = r->role;
}
