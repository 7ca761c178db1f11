/* raft_follow.c -- the receiver of AppendEntries (§5.3, Figure 2 "AppendEntries RPC").
 *
 * Appends may be delayed, duplicated and reordered: an entry that is here already is never touched, and a tail is
 * removed only where an entry of the append conflicts with it. */
#include "raft_int.h"

/* Entries in order from prev_index + 1, of terms that do not decrease and are not beyond the append's own, as in any
 * leader's log; and none too large to be sent on: a leader refuses such a put, and we may lead with this log one day.
 */
static bool is_sound(const struct message *m)
{
    if (m->n_entries > MESSAGE_ENTRIES_MAX || m->prev_index > COUNT_MAX || (m->prev_index == 0) != (m->prev_term == 0))
        return false;
    uint64_t term = m->prev_term;
    for (size_t i = 0; i < m->n_entries; i++) {
        const struct entry *e = m->entries[i];
        if (e->index != m->prev_index + 1 + i || e->term < term || !raft_op_is_sound(e) || !e->term ||
            raft_entry_bytes(e) > RAFT_ENTRY_BYTES_MAX)
            return false;
        term = e->term;
    }
    return term <= m->term;
}

/* Refuses, and tells the leader where our logs may still agree: we cannot agree at an entry of a later term than
 * prev_term, since terms never decrease along a log. One step back a round trip is not needed (§5.3, last part). */
static void refuse(struct raft *r, const struct message *m, enum raft_why why)
{
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_REJECT);
    e->index = m->prev_index;
    e->term = m->prev_term;
    e->why = why;
    struct message *reply = raft_reply(r, MESSAGE_APP_RES, m);
    reply->round = m->round;
    reply->sent_us = m->sent_us;
    reply->hint_index = raft_last_at_most(r, m->prev_index - 1, m->prev_term);
    reply->hint_term = raft_term_at(r, reply->hint_index);
}

/* One acknowledgement answers all appends of a step that it covers: the latest, with the highest match, tells the
 * leader everything that the others would. */
static struct message *acknowledgement(struct raft *r, const struct message *m, uint64_t match)
{
    struct message *last = r->n_replies ? &r->replies[r->n_replies - 1] : NULL;
    bool covers = last && last->type == MESSAGE_APP_RES && last->ok && last->dst == m->src && last->term == r->term &&
                  last->match <= match && last->round <= m->round && last->sent_us <= m->sent_us;
    if (covers)
        r->n_replies--;
    return raft_reply(r, MESSAGE_APP_RES, m);
}

/* How many of the append's entries are here already; what follows them conflicts or is new. Before the base all are:
 * what is there was committed, and every leader has it (Leader Completeness, Figure 3). */
static size_t known(const struct raft *r, const struct message *m)
{
    size_t n = 0;
    while (n < m->n_entries && m->entries[n]->index <= raft_last(r) &&
           (m->entries[n]->index < r->log.base_index || m->entries[n]->term == raft_term_at(r, m->entries[n]->index)))
        n++;
    return n;
}

static bool prev_agrees(const struct raft *r, const struct message *m)
{
    return m->prev_index < r->log.base_index || m->prev_term == raft_term_at(r, m->prev_index);
}

/* Another entry than a committed one, which every leader has; `skip`: as many of the append's entries are known. */
static bool contradicts_committed(const struct raft *r, const struct message *m, size_t skip)
{
    if (m->prev_index <= r->commit ? !prev_agrees(r, m) : m->prev_term < r->log.base_term)
        return true;
    return skip < m->n_entries && m->entries[skip]->index <= r->commit;
}

static void accept(struct raft *r, const struct message *m, size_t skip)
{
    if (skip < m->n_entries && m->entries[skip]->index <= raft_last(r))
        raft_log_truncate(r, m->entries[skip]->index);
    for (size_t i = skip; i < m->n_entries; i++)
        raft_log_append(r, m->entries[i]->term, m->entries[i]);
    /* Only what this append covers is known to agree with the leader: the last of *its* entries, not of our log. */
    uint64_t covered = m->prev_index + m->n_entries;
    raft_commit_to(r, raft_min(m->commit, covered), WHY_LEADER_COMMIT);
    struct message *reply = acknowledgement(r, m, covered);
    reply->round = m->round;
    reply->sent_us = m->sent_us;
    reply->ok = true;
    reply->match = covered;
}

bool raft_follow(struct raft *r, const struct message *m, enum raft_why why)
{
    bool late = r->heard_term == r->term && m->sent_us < r->heard_sent_us;
    if (late && r->role != RAFT_FOLLOWER)
        raft_ignore(r, WHY_DUPLICATE);
    if (late)
        return r->role == RAFT_FOLLOWER; /* what it brings may be new all the same */
    r->heard_term = r->term;
    r->heard_sent_us = m->sent_us;
    if (r->role != RAFT_FOLLOWER)
        raft_become(r, RAFT_FOLLOWER, WHY_LEADER_SAME_TERM);
    raft_leader_is(r, m->src);
    r->quiet_until_us = raft_after(r, r->election_min_us);
    raft_leader_spoke(r);
    raft_arm_election(r, why);
    return true;
}

void raft_on_append_request(struct raft *r, const struct message *m)
{
    if (m->term < r->term) {
        raft_ignore(r, WHY_STALE_TERM);
        struct message *reply = raft_reply(r, MESSAGE_APP_RES, m); /* so that the sender learns the term (§5.1) */
        reply->round = m->round;
        reply->sent_us = m->sent_us;
        return;
    }
    if (!is_sound(m)) {
        raft_ignore(r, WHY_UNEXPECTED);
        return;
    }
    if (m->term > r->term)
        raft_adopt_term(r, m->term, WHY_HIGHER_TERM_MSG);
    /* Two leaders in a term, or a committed entry contradicted: no correct member sends that. */
    size_t skip = known(r, m);
    if (r->role == RAFT_LEADER || (r->leader != NODE_NONE && r->leader != m->src) ||
        contradicts_committed(r, m, skip)) {
        raft_ignore(r, WHY_UNEXPECTED);
        return;
    }
    if (!raft_follow(r, m, WHY_APPEND))
        return;
    if (m->prev_index > raft_last(r))
        refuse(r, m, WHY_NO_PREV);
    else if (!prev_agrees(r, m))
        refuse(r, m, WHY_PREV_TERM);
    else
        accept(r, m, skip);
}
