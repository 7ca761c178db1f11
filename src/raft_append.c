/* raft_append.c -- the leader's side of replication (§5.3), and its stepping down without a quorum (D §6.2).
 *
 * Towards each follower the leader probes or replicates. Probing, it sends one append and waits. Once one was accepted
 * it replicates: several appends may be under way, and `next` runs ahead. A refusal or a silence of retry_us leads back
 * to probing. What the leader believes about a follower comes from that follower's replies alone. */
#include "raft_int.h"

/* ---- sending ---- */

static size_t fit(const struct raft *r, uint64_t from)
{
    size_t n = 0, bytes = 0;
    while (n < MESSAGE_ENTRIES_MAX && from + n <= raft_last(r)) {
        bytes += raft_log_bytes(raft_entry(r, from + n));
        if (n && bytes > r->append_bytes)
            break;
        n++;
    }
    return n;
}

/* An append of the `n` entries after prev. */
static void send(struct raft *r, struct peer *p, uint64_t prev, size_t n)
{
    struct message *m = raft_send(r, MESSAGE_APP_REQ, p->id);
    m->prev_index = prev;
    m->prev_term = raft_term_at(r, prev);
    m->commit = r->commit;
    m->round = r->round;
    m->n_entries = n;
    m->entries = n ? raft_log_from(r, prev + 1) : NULL;
    p->covered = raft_max(p->covered, prev + n);
    p->sent_us = r->now_us;
    p->sent_step = r->step;
    if (p->asked_us == NEVER)
        p->asked_us = r->now_us;
}

static void send_entries(struct raft *r, struct peer *p)
{
    size_t n = fit(r, p->next);
    send(r, p, p->next - 1, n);
    if (p->resend_us == NEVER)
        p->resend_us = raft_after(r, p->retry_us);
    if (!p->probing) {
        p->next += n;
        p->flight[p->n_flight++] = p->next - 1;
    }
}

/* Without entries, at a place where the logs are known to agree: such an append cannot be refused, so it confirms a
 * round or keeps the follower quiet whatever is under way. */
static void send_empty(struct raft *r, struct peer *p)
{
    send(r, p, p->match, 0);
}

static bool may_send(const struct raft *r, const struct peer *p)
{
    if (p->probing)
        return p->resend_us == NEVER;
    return p->next <= raft_last(r) && p->n_flight < APPENDS_MAX;
}

static void note_peer(struct raft *r, const struct peer *p)
{
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_PEER);
    e->node = p->id;
    e->next = p->next;
    e->match = p->match;
    e->why = p->probing ? WHY_PROBE : WHY_REPLICATE;
}

static void probe(struct raft *r, struct peer *p, uint64_t next)
{
    bool news = !p->probing || p->next != next;
    p->probing = true;
    p->next = next;
    p->n_flight = 0;
    p->resend_us = NEVER;
    if (news)
        note_peer(r, p);
}

/* ---- becoming leader ---- */

static void arm_quorum(struct raft *r, uint64_t at_us, enum raft_why why)
{
    r->quorum_us = at_us;
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_TIMER_SET);
    e->timer = RAFT_TIMER_QUORUM;
    e->at_us = at_us;
    e->why = why;
}

void raft_lead(struct raft *r)
{
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        node_id id = p->id;
        *p = (struct peer){.id = id,
                           .probing = true,
                           .next = raft_last(r) + 1,
                           .resend_us = NEVER,
                           .retry_us = r->first_retry_us,
                           .asked_us = NEVER,
                           .heard_us = r->now_us};
    }
    raft_leader_is(r, r->id);
    if (r->n_peers)
        arm_quorum(r, raft_after(r, r->election_max_us), WHY_LEADER);
    /* §8: a leader learns what is committed by committing an entry of its own term. */
    const struct entry noop = {.op = ENTRY_NOOP, .client = NODE_NONE, .mid = "", .key = "", .value = ""};
    raft_log_append(r, r->term, &noop);
}

/* ---- replies ---- */

static void on_accepted(struct raft *r, struct peer *p, uint64_t match)
{
    /* An answer to an empty append says nothing about the probe under way. */
    bool probed = p->probing && match + 1 >= p->next;
    if (match <= p->match && !probed)
        return;
    bool was_probing = p->probing;
    p->match = raft_max(p->match, match);
    p->next = p->probing ? p->match + 1 : raft_max(p->next, p->match + 1);
    p->probing = false;
    unsigned done = 0;
    while (done < p->n_flight && p->flight[done] <= p->match)
        done++;
    p->n_flight -= done;
    memmove(p->flight, p->flight + done, p->n_flight * sizeof *p->flight);
    p->retry_us = r->first_retry_us;
    p->resend_us = p->match + 1 < p->next ? raft_after(r, p->retry_us) : NEVER;
    if (was_probing)
        note_peer(r, p);
}

static void on_refused(struct raft *r, const struct message *m, struct peer *p)
{
    uint64_t next = raft_last_at_most(r, m->hint_index, m->hint_term) + 1;
    /* What was acknowledged stays so: this refusal is older than the acknowledgement. */
    bool old = m->hint_index < p->match;
    bool under_way = p->probing && p->resend_us != NEVER && next >= p->next;
    if (old || under_way) {
        raft_ignore(r, WHY_DUPLICATE);
        return;
    }
    probe(r, p, raft_max(p->match + 1, raft_min(next, p->next)));
}

void raft_on_append_reply(struct raft *r, const struct message *m, struct peer *p)
{
    if (m->round > r->round || (m->ok && m->match > p->covered)) {
        raft_ignore(r, WHY_UNEXPECTED);
        return;
    }
    p->heard_us = r->now_us;
    p->asked_us = NEVER;
    if (m->ok) {
        p->round = raft_max(p->round, m->round);
        on_accepted(r, p, m->match);
    } else {
        on_refused(r, m, p);
    }
}

/* ---- what goes out at the end of a step ---- */

/* Was it silent for longer than an answer should take? */
static bool is_silent(const struct raft *r, const struct peer *p)
{
    return p->asked_us != NEVER && r->now_us - p->asked_us > r->first_retry_us;
}

/* Of the peers that got nothing in this step: one that answers, and of those the one that has waited longest, so that
 * all are asked in turn and few heartbeats are needed. */
static struct peer *next_to_ask(struct raft *r)
{
    struct peer *best = NULL;
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        if (p->sent_step == r->step)
            continue;
        if (!best || is_silent(r, p) < is_silent(r, best) ||
            (is_silent(r, p) == is_silent(r, best) && p->sent_us < best->sent_us))
            best = p;
    }
    return best;
}

void raft_replicate(struct raft *r)
{
    bool entries = false;
    for (unsigned i = 0; i < r->n_peers; i++)
        entries = entries || may_send(r, &r->peers[i]);
    bool open = raft_read_wants_round(r, entries);
    if (open)
        raft_read_open_round(r);
    unsigned asked = 1;
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        while (may_send(r, p))
            send_entries(r, p);
        asked += p->sent_step == r->step;
    }
    /* A round needs a quorum's answers, not everybody's; should one be lost, all are asked. */
    for (; open && asked < r->quorum; asked++)
        send_empty(r, next_to_ask(r));
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

/* Silences: probe again from what is acknowledged, ever more slowly. */
static void resend(struct raft *r)
{
    uint64_t due = NEVER;
    for (unsigned i = 0; i < r->n_peers; i++)
        due = raft_min(due, r->peers[i].resend_us);
    if (due > r->now_us)
        return;
    raft_fired(r, RAFT_TIMER_RETRY, due);
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        if (p->resend_us > r->now_us)
            continue;
        p->retry_us = raft_min(p->retry_us * 2, raft_max(r->heartbeat_us, r->first_retry_us));
        probe(r, p, p->probing ? p->next : p->match + 1);
        send_entries(r, p);
    }
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
    for (unsigned i = 0; i < r->n_peers; i++)
        if (r->peers[i].round < oldest)
            send_empty(r, &r->peers[i]);
}

static void heartbeat(struct raft *r)
{
    uint64_t due = NEVER;
    for (unsigned i = 0; i < r->n_peers; i++)
        due = raft_min(due, r->peers[i].sent_us);
    if (due == NEVER || r->now_us - due < r->heartbeat_us)
        return;
    raft_fired(r, RAFT_TIMER_HEARTBEAT, due + r->heartbeat_us);
    for (unsigned i = 0; i < r->n_peers; i++)
        if (r->now_us - r->peers[i].sent_us >= r->heartbeat_us)
            send_empty(r, &r->peers[i]);
}

void raft_leader_timers(struct raft *r)
{
    if (r->quorum_us <= r->now_us && !judge_quorum(r))
        return;
    resend_round(r);
    resend(r);
    heartbeat(r);
}

uint64_t raft_leader_deadline(const struct raft *r)
{
    uint64_t due = raft_min(r->quorum_us, r->read_resend_us);
    for (unsigned i = 0; i < r->n_peers; i++) {
        const struct peer *p = &r->peers[i];
        due = raft_min(due, p->resend_us);
        due = raft_min(due, p->sent_us > NEVER - 1 - r->heartbeat_us ? NEVER - 1 : p->sent_us + r->heartbeat_us);
    }
    return due;
}
