/* raft_replicate.c -- what a leader sends to whom, and when: with few messages.
 *
 * New entries go first to as many followers as a quorum needs (§5.3), in turn, so that nobody falls behind; the others
 * get them with their next append or heartbeat. What is not acknowledged in time is asked of somebody else first. A
 * heartbeat goes only where nothing else went within the interval. A leader that no quorum answers steps down (D §6.2).
 */
#include "raft_int.h"

/* A follower that lacks more entries than this gets them without waiting for its turn. */
#define LAG_MAX 64
/* Once so many appends go unanswered, one more follower is asked than a quorum needs: waiting in vain would be the
 * rule. */
#define LOSSES_HEAVY (LOSSES_ALL / 3)

/* ---- becoming leader ---- */

static void arm_quorum(struct raft *r, uint64_t at_us, enum raft_why why)
{
    r->quorum_us = at_us;
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_TIMER_SET);
    e->timer = RAFT_TIMER_QUORUM;
    e->at_us = at_us;
    e->why = why;
}

void raft_arm_quorum(struct raft *r)
{
    if (r->quorum_us == NEVER && !raft_alone(r))
        arm_quorum(r, raft_after(r, r->election_max_us), WHY_LEADER);
}

void raft_lead(struct raft *r)
{
    for (unsigned i = 0; i < r->n_peers; i++)
        raft_append_forget(r, &r->peers[i]);
    r->announce = true;
    r->losses = 0;
    raft_leader_is(r, r->id);
    raft_arm_quorum(r);
    /* §8: a leader learns what is committed by committing an entry of its own term. */
    const struct entry noop = {.op = ENTRY_NOOP, .client = NODE_NONE, .mid = "", .key = "", .value = ""};
    raft_log_append(r, r->term, &noop);
}

/* ---- at the end of a step ---- */

/* Of two that might be asked: one that answers before one that is silent. Of those that answer, the one that has waited
 * longest; of those that are silent, the one that was heard last: it may have been a loss, the other may be dead. */
static bool comes_before(const struct peer *p, const struct peer *best)
{
    if (!best || p->silent != best->silent)
        return !best || best->silent;
    return p->silent ? p->heard_us > best->heard_us : p->sent_us < best->sent_us;
}

/* How many others a quorum needs. */
static unsigned need(const struct raft *r)
{
    return r->quorum - r->voter;
}

static unsigned covered(const struct raft *r)
{
    unsigned n = 0;
    for (unsigned i = 0; i < r->n_peers; i++)
        n += r->peers[i].voter && !r->peers[i].silent && raft_append_covers(r, &r->peers[i]);
    return n;
}

static struct peer *next_for_entries(struct raft *r)
{
    struct peer *best = NULL;
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        if (p->voter && p->sent_step != r->step && raft_append_may(r, p) && comes_before(p, best))
            best = p;
    }
    return best;
}

/* Entries that are not committed: to so many that a quorum will have them. */
static void send_to_quorum(struct raft *r)
{
    struct peer *p;
    if (r->commit >= raft_last(r))
        return;
    unsigned have = covered(r), wanted = need(r) + (r->losses > LOSSES_HEAVY);
    while (have < wanted && (p = next_for_entries(r)) != NULL && (have < need(r) || !p->silent)) {
        while (raft_append_may(r, p) && !raft_append_covers(r, p))
            raft_append_entries(r, p);
        have += raft_append_covers(r, p);
    }
}

/* To those that lag far behind, or are to catch up before they count; and to everybody when a new leader has to be made
 * known. */
static void send_to_others(struct raft *r)
{
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        uint64_t lag = p->voter ? LAG_MAX : 0;
        bool lags = !p->silent && (p->probing || p->next + lag <= raft_last(r));
        while (raft_append_may(r, p) && (lags || r->announce)) {
            raft_append_entries(r, p);
            lags = p->next + lag <= raft_last(r);
        }
    }
    r->announce = false;
}

static struct peer *next_to_ask(struct raft *r)
{
    struct peer *best = NULL;
    for (unsigned i = 0; i < r->n_peers; i++)
        if (r->peers[i].voter && r->peers[i].sent_step != r->step && comes_before(&r->peers[i], best))
            best = &r->peers[i];
    return best;
}

void raft_replicate(struct raft *r)
{
    bool entries = r->commit < raft_last(r) && covered(r) < need(r) && next_for_entries(r);
    bool open = raft_read_wants_round(r, entries);
    if (open)
        raft_read_open_round(r);
    send_to_quorum(r);
    send_to_others(r);
    raft_transfer_push(r);
    /* A round needs a quorum's answers, not everybody's; should one be lost, all are asked. */
    unsigned asked = r->voter;
    for (unsigned i = 0; i < r->n_peers; i++)
        asked += r->peers[i].voter && r->peers[i].sent_step == r->step;
    for (; open && asked < r->quorum; asked++)
        raft_append_empty(r, next_to_ask(r));
    raft_snap_replicate(r);
}

/* ---- timers ---- */

static uint64_t heard_of(const struct peer *p)
{
    return p->heard_us;
}

/* False: stepped down. */
static bool judge_quorum(struct raft *r)
{
    raft_fired(r, RAFT_TIMER_QUORUM, r->quorum_us);
    uint64_t heard = raft_quorum_value(r, r->now_us, heard_of);
    if (r->now_us - heard < r->election_max_us) {
        arm_quorum(r, heard > NEVER - 1 - r->election_max_us ? NEVER - 1 : heard + r->election_max_us, WHY_TICK);
        return true;
    }
    raft_become(r, RAFT_FOLLOWER, WHY_LOST_QUORUM);
    raft_leader_is(r, NODE_NONE);
    raft_arm_election(r, WHY_STEP_DOWN);
    return false;
}

/* What was not acknowledged in time is lost. Whether it is sent again, and to whom, raft_replicate() decides. */
static void give_up_waiting(struct raft *r)
{
    uint64_t due = NEVER;
    for (unsigned i = 0; i < r->n_peers; i++)
        due = raft_min(due, r->peers[i].resend_us);
    if (due > r->now_us)
        return;
    raft_fired(r, RAFT_TIMER_RETRY, due);
    for (unsigned i = 0; i < r->n_peers; i++)
        if (r->peers[i].resend_us <= r->now_us)
            raft_append_lost(r, &r->peers[i]);
}

/* The round of the oldest read was not answered in time: another round, and everybody is asked. */
static void resend_round(struct raft *r)
{
    if (r->read_resend_us > r->now_us)
        return;
    raft_fired(r, RAFT_TIMER_RETRY, r->read_resend_us);
    r->read_retry_us = raft_min(r->read_retry_us * 2, raft_max(r->heartbeat_us, r->first_retry_us));
    uint64_t oldest = r->reads.head->round;
    raft_read_open_round(r);
    r->read_resend_us = raft_after(r, r->read_retry_us);
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        if (p->round >= oldest)
            continue;
        p->silent = p->silent || p->asked_round >= oldest;
        raft_append_empty(r, p);
    }
}

static uint64_t heartbeat_due(const struct raft *r, const struct peer *p)
{
    return p->sent_us > NEVER - 1 - r->heartbeat_us ? NEVER - 1 : p->sent_us + r->heartbeat_us;
}

static void heartbeat(struct raft *r)
{
    uint64_t due = NEVER;
    for (unsigned i = 0; i < r->n_peers; i++)
        due = raft_min(due, heartbeat_due(r, &r->peers[i]));
    if (due > r->now_us)
        return;
    raft_fired(r, RAFT_TIMER_HEARTBEAT, due);
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        if (heartbeat_due(r, p) > r->now_us)
            continue;
        if (raft_append_may(r, p))
            raft_append_entries(r, p);
        else
            raft_append_empty(r, p);
    }
}

void raft_leader_timers(struct raft *r)
{
    if (r->quorum_us <= r->now_us && !judge_quorum(r))
        return;
    resend_round(r);
    give_up_waiting(r);
    raft_snap_timers(r);
    heartbeat(r);
}

uint64_t raft_leader_deadline(const struct raft *r)
{
    uint64_t due = raft_min(raft_min(r->quorum_us, r->read_resend_us), raft_snap_deadline(r));
    for (unsigned i = 0; i < r->n_peers; i++) {
        due = raft_min(due, r->peers[i].resend_us);
        due = raft_min(due, heartbeat_due(r, &r->peers[i]));
    }
    return due;
}
