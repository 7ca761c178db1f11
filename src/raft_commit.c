/* raft_commit.c -- what is committed, and in which order it is applied (§5.3, §5.4.2, Figure 8). */
#include "raft_int.h"

uint64_t raft_quorum_value(const struct raft *r, uint64_t own, uint64_t (*of)(const struct peer *))
{
    /* Insertion into descending order: the value at place `quorum` is what that many members have or exceed. */
    uint64_t v[RAFT_MEMBERS_MAX] = {own};
    unsigned n = r->voter;
    for (unsigned i = 0; i < r->n_peers; i++) {
        if (!r->peers[i].voter)
            continue;
        uint64_t x = of(&r->peers[i]);
        unsigned at = n++;
        for (; at && v[at - 1] < x; at--)
            v[at] = v[at - 1];
        v[at] = x;
    }
    return v[r->quorum - 1];
}

void raft_commit_to(struct raft *r, uint64_t index, enum raft_why why)
{
    if (index <= r->commit)
        return; /* commit never goes back: an old append may carry an older commit index */
    uint64_t old = r->commit;
    r->commit = index;
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_COMMIT);
    e->old = old;
    e->index = index;
    e->why = why;
    for (unsigned i = 0; i < r->n_peers && r->role == RAFT_LEADER; i++)
        if (r->peers[i].voter) {
            e->acks[e->n_acks].node = r->peers[i].id;
            e->acks[e->n_acks++].match = r->peers[i].match;
        }
    raft_conf_timer(r);
}

static uint64_t match_of(const struct peer *p)
{
    return p->match;
}

void raft_commit_by_quorum(struct raft *r)
{
    uint64_t index = raft_quorum_value(r, r->durable, match_of);
    /* §5.4.2: only an entry of our own term is committed by counting; older ones are committed with it. */
    if (index > r->commit && raft_term_at(r, index) == r->term)
        raft_commit_to(r, index, WHY_QUORUM);
}

void raft_apply(struct raft *r)
{
    while (r->applied < r->commit) {
        const struct entry *entry = raft_entry(r, r->applied + 1);
        int64_t tag = 0;
        bool answer = raft_wait_over(r, entry, &tag);
        r->applied++;
        r->log.applied_bytes += raft_log_bytes(entry);
        struct raft_effect *e = raft_emit(r, RAFT_DO_APPLY);
        e->entry = entry;
        e->answer = answer;
        e->request = (struct raft_request){.client = entry->client, .mid = entry->mid, .key = entry->key, .tag = tag};
    }
}
