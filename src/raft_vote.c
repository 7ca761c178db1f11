/* raft_vote.c -- elections: §5.2, the restriction of §5.4.1, PreVote (D §9.6), and voters that stay with a living
 * leader (D §4.2.3).
 *
 * Votes are a set of members, never a count: a duplicated reply adds nothing. */
#include "raft_int.h"

static unsigned bits(uint32_t set)
{
    unsigned n = 0;
    for (; set; set &= set - 1)
        n++;
    return n;
}

unsigned raft_tally(const struct raft *r)
{
    /* D §4.2.2: who is no voter does not count itself. */
    return bits(r->votes) - (!r->voter && r->votes >> r->n_peers & 1);
}

static void ask(struct raft *r, struct peer *p)
{
    bool pre = r->role == RAFT_PRECANDIDATE;
    struct message *m = raft_send(r, pre ? MESSAGE_PREVOTE_REQ : MESSAGE_VOTE_REQ, p->id);
    m->term = r->term + pre;
    m->transfer = r->by_transfer;
    m->last_index = raft_last(r);
    m->last_term = raft_term_at(r, raft_last(r));
}

void raft_ask_all(struct raft *r)
{
    for (unsigned i = 0; i < r->n_peers; i++) {
        r->peers[i].answered = false;
        ask(r, &r->peers[i]);
    }
    r->vote_retry_us = r->first_retry_us;
    r->vote_resend_us = raft_after(r, r->vote_retry_us);
}

static void stand(struct raft *r);

/* Counts the vote of a member; a majority makes a pre-candidate stand, and a candidate lead. */
static void count(struct raft *r, uint32_t member, node_id id)
{
    r->votes |= member;
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_VOTE_COUNT);
    e->pre = r->role == RAFT_PRECANDIDATE;
    e->have = raft_tally(r);
    e->need = r->quorum;
    e->node = id;
    if (raft_tally(r) < r->quorum)
        return;
    if (r->role == RAFT_PRECANDIDATE) {
        stand(r);
    } else {
        raft_become(r, RAFT_LEADER, WHY_QUORUM_VOTES);
        raft_lead(r);
    }
}

static void note_grant(struct raft *r, node_id candidate, uint64_t asked, uint64_t index, uint64_t term, bool pre)
{
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_VOTE_GRANT);
    e->node = candidate;
    e->term_asked = asked;
    e->index = index;
    e->term = term;
    e->pre = pre;
}

/* A pre-candidate with a majority, or whom the leader told to: a new term, our own vote in it, and requests for the
 * others'. */
static void stand(struct raft *r)
{
    r->term++;
    r->voted = r->id;
    r->fx->persist_vote = true;
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_TERM);
    e->old = r->term - 1;
    e->why = r->by_transfer ? WHY_TRANSFER : WHY_TIMEOUT;
    raft_become(r, RAFT_CANDIDATE, r->by_transfer ? WHY_TRANSFER : WHY_QUORUM_PREVOTES);
    note_grant(r, r->id, r->term, raft_last(r), raft_term_at(r, raft_last(r)), false);
    raft_arm_election(r, WHY_ELECTION_STARTED);
    count(r, UINT32_C(1) << r->n_peers, r->id);
    r->ask = r->role == RAFT_CANDIDATE;
}

void raft_election_timeout(struct raft *r)
{
    raft_fired(r, RAFT_TIMER_ELECTION, r->election_us);
    if (r->role == RAFT_PRECANDIDATE)
        r->votes = 0;
    else
        raft_become(r, RAFT_PRECANDIDATE, WHY_ELECTION_TIMEOUT);
    raft_leader_is(r, NODE_NONE);
    raft_arm_election(r, WHY_ELECTION_STARTED);
    count(r, UINT32_C(1) << r->n_peers, r->id);
    r->ask = r->role != RAFT_LEADER;
}

void raft_stand_at_once(struct raft *r)
{
    r->by_transfer = true;
    raft_leader_is(r, NODE_NONE);
    stand(r);
}

void raft_vote_retry(struct raft *r)
{
    raft_fired(r, RAFT_TIMER_RETRY, r->vote_resend_us);
    for (unsigned i = 0; i < r->n_peers; i++)
        if (!r->peers[i].answered)
            ask(r, &r->peers[i]);
    r->vote_retry_us *= 2;
    r->vote_resend_us = raft_after(r, r->vote_retry_us);
}

/* ---- the voter ---- */

/* D §4.2.3. Each append that we accepted is a promise to elect nobody else for election_min_us, on which its sender's
 * lease may rest (D §6.4.1). So it outlives a newer term, and a crash: a leader may be alive that we heard before we
 * were restarted. */
static bool leader_is_alive(const struct raft *r)
{
    return r->role == RAFT_LEADER || r->now_us < r->quiet_until_us;
}

/* §5.4.1: the log with the later last term is more up to date; with equal last terms, the longer one. */
static bool log_is_behind(const struct raft *r, const struct message *m)
{
    uint64_t own_term = raft_term_at(r, raft_last(r));
    return m->last_term < own_term || (m->last_term == own_term && m->last_index < raft_last(r));
}

/* Why this request must be refused; WHY_NONE: it may be granted. A real vote's term has been adopted by now. */
static enum raft_why objection(const struct raft *r, const struct message *m)
{
    bool pre = m->type == MESSAGE_PREVOTE_REQ;
    if (m->term < r->term + pre)
        return WHY_STALE_TERM;
    if (!pre && r->voted != NODE_NONE && r->voted != m->src)
        return WHY_ALREADY_VOTED;
    if (leader_is_alive(r) && !m->transfer)
        return WHY_LEADER_ALIVE;
    return log_is_behind(r, m) ? WHY_LOG_BEHIND : WHY_NONE;
}

static void answer(struct raft *r, const struct message *m, enum raft_why why)
{
    bool pre = m->type == MESSAGE_PREVOTE_REQ;
    struct message *reply = raft_reply(r, pre ? MESSAGE_PREVOTE_RES : MESSAGE_VOTE_RES, m);
    reply->ok = why == WHY_NONE;
    if (pre && reply->ok)
        reply->term = m->term;
    if (reply->ok) {
        note_grant(r, m->src, m->term, m->last_index, m->last_term, pre);
        return;
    }
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_VOTE_DENY);
    e->node = m->src;
    e->term_asked = m->term;
    e->index = m->last_index;
    e->term = m->last_term;
    e->voted = r->voted;
    e->pre = pre;
    e->why = why;
}

void raft_on_vote_request(struct raft *r, const struct message *m)
{
    if (m->last_term >= m->term || m->last_index > COUNT_MAX || (m->last_index == 0) != (m->last_term == 0)) {
        raft_ignore(r, WHY_UNEXPECTED);
        return;
    }
    if (m->type == MESSAGE_VOTE_REQ && m->term > r->term) {
        /* D §4.2.3: no vote, and no new term either, while a leader is alive, unless it is the one who wants it. */
        if (leader_is_alive(r) && !m->transfer) {
            answer(r, m, WHY_LEADER_ALIVE);
            return;
        }
        raft_adopt_term(r, m->term, WHY_HIGHER_TERM_MSG);
    }
    enum raft_why why = objection(r, m);
    if (why == WHY_NONE && m->type == MESSAGE_VOTE_REQ) {
        if (r->role == RAFT_PRECANDIDATE)
            raft_become(r, RAFT_FOLLOWER, WHY_VOTE_GRANTED);
        if (r->voted == NODE_NONE)
            r->fx->persist_vote = true;
        r->voted = m->src;
        answer(r, m, why);
        raft_arm_election(r, WHY_VOTE_GRANTED);
        return;
    }
    answer(r, m, why);
}

/* ---- the candidate ---- */

void raft_on_vote_reply(struct raft *r, const struct message *m, struct peer *p)
{
    uint32_t member = UINT32_C(1) << (p - r->peers);
    /* A grant counts even after a refusal, which may be an old one: of an earlier round of PreVotes. */
    if (m->ok ? (r->votes & member) != 0 : p->answered) {
        raft_ignore(r, WHY_DUPLICATE);
        return;
    }
    p->answered = true;
    if (m->ok)
        count(r, member, p->id);
}
