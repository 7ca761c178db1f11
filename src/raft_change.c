/* raft_change.c -- members come and go, one at a time (D §4): what the leader does about an administrator's request.
 *
 * A new server first catches up without counting (D §4.2.1); then the entry that makes it a voter is appended. Nothing
 * is appended while an earlier change is not committed, nor before an entry of our own term is: without the latter two
 * leaders can have disjoint quorums (Ongaro, raft-dev, 10 July 2015). Who was removed stays in touch for a while, so
 * that it learns of it; a leader that removed itself leads until that is committed, without counting itself (D §4.2.2).
 */
#include "raft_int.h"

#define ROUNDS_MAX 10 /* D §4.2.1 */
/* In times of the longest election timeout: how long a new server may show no progress, and how long we stay in touch
 * with one that was removed. */
#define PATIENCE 10
#define FAREWELL 2

static uint64_t timeouts(const struct raft *r, unsigned n)
{
    return raft_after(r, r->election_max_us < NEVER / n ? n * r->election_max_us : NEVER);
}

/* The peer that is no voter: it comes or goes. */
static struct peer *guest(struct raft *r)
{
    struct peer *last = r->n_peers ? &r->peers[r->n_peers - 1] : NULL;
    return last && !last->voter ? last : NULL;
}

static void forget_guest(struct raft *r)
{
    if (guest(r))
        r->n_peers--;
    r->change.until_us = NEVER;
    r->change.told = false;
}

bool raft_change_under_way(const struct raft *r)
{
    return r->change.asked || r->conf->index > r->commit;
}

/* ---- the entry ---- */

static void append(struct raft *r, struct request *q, const struct voter *v, unsigned n)
{
    assert(r->conf->index <= r->commit && raft_term_at(r, r->commit) == r->term);
    char text[CONF_TEXT_MAX + 1];
    raft_conf_write(v, n, text);
    const struct entry command = {.op = ENTRY_CONF, .client = q->client, .mid = q->mid, .key = "", .value = text};
    raft_wait_for(r, raft_log_append(r, r->term, &command), q->tag);
    raft_trash(r, q);
}

static void append_with(struct raft *r, struct request *q)
{
    struct voter v[RAFT_MEMBERS_MAX];
    unsigned n = r->conf->n, at = n;
    memcpy(v, r->conf->v, n * sizeof *v);
    for (; at && v[at - 1].id > q->node; at--)
        v[at] = v[at - 1];
    v[at] = (struct voter){.id = q->node, .address = q->value};
    append(r, q, v, n + 1);
}

static void append_without(struct raft *r, struct request *q)
{
    struct voter v[RAFT_MEMBERS_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < r->conf->n; i++)
        if (r->conf->v[i].id != q->node)
            v[n++] = r->conf->v[i];
    append(r, q, v, n);
}

/* ---- requests ---- */

/* Did this very request lead to the latest configuration? Its answer may have been lost, or we lead by its entry. */
static const struct entry *entry_of(const struct raft *r, const struct request *q)
{
    const struct entry *e = raft_entry(r, r->conf->index);
    return e && e->client == q->client && strcmp(e->mid, q->mid) == 0 ? e : NULL;
}

/* Why it must be refused; WHY_NONE: it may be done, or is done already. */
static enum raft_why objection(const struct raft *r, const struct request *q)
{
    const struct voter *known = raft_conf_find(r->conf, q->node);
    if (raft_last(r) >= COUNT_MAX)
        return WHY_OVERLOAD;
    if (raft_change_under_way(r) || raft_term_at(r, r->commit) != r->term)
        return WHY_BUSY;
    if (q->change == CHANGE_REMOVE)
        return !known ? WHY_UNKNOWN_MEMBER : r->conf->n == 1 ? WHY_GROUP_SIZE : WHY_NONE;
    if (known)
        return strcmp(known->address, q->value) == 0 ? WHY_NONE : WHY_KNOWN_MEMBER;
    if (q->node == NODE_NONE || !raft_address_is_sound(q->value))
        return WHY_UNEXPECTED;
    return r->conf->n == RAFT_MEMBERS_MAX ? WHY_GROUP_SIZE : WHY_NONE;
}

static void next_round(struct raft *r)
{
    r->change.rounds++;
    r->change.goal = raft_last(r);
    r->change.round_us = r->now_us;
}

static void invite(struct raft *r, struct request *q)
{
    struct peer *p = &r->peers[r->n_peers++];
    *p = (struct peer){.id = q->node};
    raft_append_forget(r, p);
    p->invited_us = r->now_us;
    raft_append_note(r, p);
    r->change.asked = q;
    r->change.rounds = 0;
    r->change.match = r->change.bytes = 0;
    r->change.until_us = timeouts(r, PATIENCE);
    next_round(r);
}

/* A server that is still catching up is in no configuration: to remove it is to take back the request that it be
 * added, so that nobody waits for a server that does not come. */
static bool takes_back(const struct raft *r, const struct request *q)
{
    return r->change.asked && q->change == CHANGE_REMOVE && q->node == r->change.asked->node;
}

static void take_back(struct raft *r, struct request *q)
{
    struct request *asked = r->change.asked;
    r->change.asked = NULL;
    forget_guest(r);
    raft_fail(r, asked, WHY_REMOVED);
    raft_done(r, q);
}

void raft_change(struct raft *r, struct request *q)
{
    if (takes_back(r, q)) {
        take_back(r, q);
        return;
    }
    const struct entry *before = entry_of(r, q);
    enum raft_why why = before ? WHY_NONE : objection(r, q);
    if (before && before->index > r->commit) {
        raft_wait_for(r, before, q->tag);
        raft_trash(r, q);
    } else if (why != WHY_NONE) {
        raft_fail(r, q, why);
    } else if (before || (q->change == CHANGE_ADD && raft_conf_find(r->conf, q->node))) {
        raft_done(r, q);
    } else {
        forget_guest(r);
        if (q->change == CHANGE_ADD)
            invite(r, q);
        else
            append_without(r, q);
    }
}

/* ---- as time goes by ---- */

/* D §4.2.1: in rounds, each up to the end of the log at its beginning. When one took less than an election timeout, so
 * little is lacking that the group will not stand still for it. */
static void catch_up(struct raft *r, const struct peer *p)
{
    struct request *q = r->change.asked;
    /* A state of many bytes takes longer to arrive than we would wait for a sign of life. */
    uint64_t bytes = p->snapshot ? p->snap.there : 0;
    if (p->match > r->change.match || bytes > r->change.bytes) {
        r->change.match = p->match;
        r->change.bytes = bytes;
        r->change.until_us = timeouts(r, PATIENCE);
    }
    bool there = p->match >= r->change.goal, soon = r->now_us - r->change.round_us < r->election_min_us;
    if (there && soon) {
        r->change.asked = NULL;
        r->change.until_us = NEVER;
        append_with(r, q);
    } else if (r->change.until_us <= r->now_us || (there && r->change.rounds == ROUNDS_MAX)) {
        r->change.asked = NULL;
        forget_guest(r);
        raft_fail(r, q, WHY_NOT_READY);
    } else if (there) {
        next_round(r);
    }
}

/* It should hear that its removal is committed, or it would go on asking for votes. At once when it has the entry, for
 * we may not lead much longer; and with heartbeats, for that message may be lost. */
static void see_off(struct raft *r, struct peer *p)
{
    if (r->conf->index > r->commit)
        return;
    if (r->change.until_us == NEVER)
        r->change.until_us = timeouts(r, FAREWELL);
    if (r->change.until_us <= r->now_us) {
        forget_guest(r);
    } else if (p->match >= r->conf->index && !r->change.told) {
        r->change.told = true;
        raft_append_empty(r, p);
    }
}

void raft_change_settle(struct raft *r)
{
    struct request *q = r->change.asked;
    if (r->role == RAFT_LEADER) {
        if (q)
            catch_up(r, guest(r));
        return;
    }
    r->change.asked = NULL;
    forget_guest(r);
    if (q)
        raft_pass_on(r, q); /* nothing of it is in any log */
}

uint64_t raft_change_deadline(const struct raft *r)
{
    return r->change.until_us;
}

void raft_change_end(struct raft *r)
{
    if (r->role != RAFT_LEADER)
        return;
    if (guest(r) && !r->change.asked)
        see_off(r, guest(r));
    if (r->voter || r->conf->index > r->commit)
        return;
    raft_transfer_bequeath(r);
    raft_become(r, RAFT_FOLLOWER, WHY_REMOVED);
    raft_leader_is(r, NODE_NONE);
    raft_arm_election(r, WHY_STEP_DOWN);
    raft_change_settle(r);
    raft_settle(r);
}
