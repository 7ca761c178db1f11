/* raft.c -- one step of the algorithm: which part handles an event, and what each step ends with (Figure 2 "Rules for
 * Servers"). Roles and terms change here only (§5.1, Figure 4). */
#include "raft_int.h"

/* ---- life ---- */

static bool config_is_sound(const struct raft_config *c)
{
    if (c->id == NODE_NONE || c->n_peers >= RAFT_MEMBERS_MAX || !c->append_bytes)
        return false;
    if (!c->election_min_us || c->election_min_us > c->election_max_us || !c->heartbeat_us || !c->retry_us)
        return false;
    for (unsigned i = 0; i < c->n_peers; i++) {
        if (c->peers[i] == NODE_NONE || c->peers[i] == c->id)
            return false;
        for (unsigned j = 0; j < i; j++)
            if (c->peers[i] == c->peers[j])
                return false;
    }
    if ((c->conf && !raft_conf_is_sound(c->conf)) ||
        (c->restored && c->restored->base_conf && *c->restored->base_conf &&
         !raft_conf_is_sound(c->restored->base_conf)))
        return false;
    return true;
}

void raft_begin(struct raft *r, uint64_t now_us, struct raft_effects *fx)
{
    assert(!r->fx);
    raft_sweep_requests(r);
    raft_log_sweep(r);
    raft_conf_sweep(r);
    raft_snap_sweep(r);
    raft_take_sweep(r);
    fx->n = 0;
    fx->persist_vote = false;
    fx->truncated_from = fx->appended_from = 0;
    r->fx = fx;
    r->n_replies = 0;
    r->ask = false;
    r->now_us = raft_max(r->now_us, now_us);
    r->step++;
}

/* Figure 2: term, vote and log survive; so does the state machine, and with it how far it got (§7). */
static bool restore(struct raft *r, const struct raft_config *c)
{
    static const struct raft_restored nothing = {.voted = NODE_NONE};
    const struct raft_restored *from = c->restored ? c->restored : &nothing;
    r->term = from->term;
    r->voted = from->voted;
    if (r->term > COUNT_MAX || (!r->term && r->voted != NODE_NONE) || !raft_log_restore(r, from))
        return false;
    r->commit = r->applied = from->applied;
    r->durable = raft_last(r);
    if (r->term)
        r->quiet_until_us = raft_after(r, r->election_min_us);
    return true;
}

struct raft *raft_new(const struct raft_config *cfg, uint64_t now_us, struct raft_effects *fx)
{
    if (!config_is_sound(cfg))
        return NULL;
    struct raft *r = raft_alloc(sizeof *r);
    r->id = cfg->id;
    r->election_min_us = cfg->election_min_us;
    r->election_max_us = cfg->election_max_us;
    r->heartbeat_us = cfg->heartbeat_us;
    r->first_retry_us = cfg->retry_us;
    r->hold_us = cfg->hold_us;
    r->hold_max = cfg->hold_max;
    r->append_bytes = cfg->append_bytes < RAFT_ENTRY_BYTES_MAX ? cfg->append_bytes : RAFT_ENTRY_BYTES_MAX;
    r->chunk_bytes = raft_min(cfg->chunk_bytes ? cfg->chunk_bytes : CHUNK_BYTES, CHUNK_BYTES);
    r->compact_entries = cfg->compact_entries;
    r->compact_bytes = cfg->compact_bytes;
    r->reads_mode = cfg->reads;
    r->fixed = cfg->fixed;
    r->drift_ppm = cfg->drift_ppm;
    r->answer_again = cfg->answer_again;
    r->voted = r->leader = r->before.voted = NODE_NONE;
    r->now_us = now_us;
    r->change.until_us = NEVER;
    r->election_us = r->vote_resend_us = r->quorum_us = r->read_resend_us = NEVER;
    rng_seed(&r->rng, cfg->seed);
    raft_conf_first(r, cfg);

    if (!restore(r, cfg)) {
        raft_free(r);
        return NULL;
    }
    raft_begin(r, now_us, fx);
    raft_become(r, RAFT_FOLLOWER, WHY_STARTUP);
    raft_arm_election(r, WHY_RESTART);
    raft_check(r);
    r->fx = NULL;
    return r;
}

void raft_free(struct raft *r)
{
    if (!r)
        return;
    raft_client_free(r);
    raft_snap_free(r);
    raft_take_free(r);
    raft_log_free(r);
    raft_conf_free(r);
    free(r);
}

/* ---- what others may ask ---- */

struct raft_brief raft_brief(const struct raft *r)
{
    return (struct raft_brief){.term = r->term,
                               .commit = r->commit,
                               .applied = r->applied,
                               .last = raft_last(r),
                               .role = r->role,
                               .leader = r->leader};
}

node_id raft_voted_for(const struct raft *r)
{
    return r->voted;
}

uint64_t raft_deadline(const struct raft *r)
{
    uint64_t due = raft_min(r->election_us, r->vote_resend_us);
    if (r->held.head)
        due = raft_min(due, r->held.head->until_us);
    due = raft_min(due, raft_min(raft_change_deadline(r), raft_transfer_deadline(r)));
    return r->role == RAFT_LEADER ? raft_min(due, raft_leader_deadline(r)) : due;
}

/* ---- roles, terms, the known leader ---- */

/* Figure 4 with the pre-candidate of D §9.6, which is left out when the leader asks for the election. A candidate that
 * times out asks for PreVotes anew before it takes another term. */
static const bool legal[4][4] = {
    [RAFT_FOLLOWER] = {[RAFT_PRECANDIDATE] = true, [RAFT_CANDIDATE] = true},
    [RAFT_PRECANDIDATE] = {[RAFT_FOLLOWER] = true, [RAFT_CANDIDATE] = true},
    [RAFT_CANDIDATE] = {[RAFT_FOLLOWER] = true, [RAFT_PRECANDIDATE] = true, [RAFT_LEADER] = true},
    [RAFT_LEADER] = {[RAFT_FOLLOWER] = true},
};

void raft_become(struct raft *r, enum raft_role role, enum raft_why why)
{
    enum raft_role from = r->role;
    if (from == RAFT_LEADER)
        raft_lease_surrender(r, WHY_STEP_DOWN);
    assert(legal[from][role] || (why == WHY_STARTUP && role == RAFT_FOLLOWER));
    assert(from != RAFT_FOLLOWER || role != RAFT_CANDIDATE || why == WHY_TRANSFER);
    r->role = role;
    if (role != RAFT_CANDIDATE)
        r->by_transfer = false;
    r->vote_resend_us = r->quorum_us = r->read_resend_us = NEVER;
    if (role == RAFT_LEADER)
        r->election_us = NEVER; /* the votes stay: raft_check() wants to see what made us leader */
    else
        r->votes = 0;
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_ROLE);
    e->from_role = from;
    e->to_role = role;
    e->why = why;
}

void raft_leader_is(struct raft *r, node_id leader)
{
    node_id old = r->leader;
    if (old == leader)
        return;
    r->leader = leader;
    if (leader != NODE_NONE)
        raft_leader_spoke(r);
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_LEADER);
    e->from_node = old;
    e->node = leader;
}

void raft_arm_election(struct raft *r, enum raft_why why)
{
    if (!raft_may_stand(r)) {
        r->election_us = NEVER;
        return;
    }
    uint64_t span = r->election_max_us - r->election_min_us;
    r->election_us = raft_after(r, r->election_min_us + (span < UINT64_MAX ? rng_below(&r->rng, span + 1) : 0));
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_TIMER_SET);
    e->timer = RAFT_TIMER_ELECTION;
    e->at_us = r->election_us;
    e->why = why;
}

void raft_adopt_term(struct raft *r, uint64_t term, enum raft_why why)
{
    assert(term > r->term);
    /* Role before term: nobody was ever seen to lead in a term in which it was not elected. */
    bool stepped_down = r->role != RAFT_FOLLOWER;
    if (stepped_down)
        raft_become(r, RAFT_FOLLOWER, WHY_HIGHER_TERM);
    struct raft_effect *e;
    uint64_t old = r->term;
    r->term = term;
    r->voted = NODE_NONE;
    r->fx->persist_vote = true;
    e = raft_emit(r, RAFT_NOTE_TERM);
    e->old = old;
    e->why = why;
    raft_leader_is(r, NODE_NONE);
    /* A follower's timer runs on: a newer term alone is no sign of a leader. */
    if (stepped_down)
        raft_arm_election(r, WHY_STEP_DOWN);
}

/* ---- messages ---- */

static bool is_reply(enum message_type type)
{
    return type == MESSAGE_PREVOTE_RES || type == MESSAGE_VOTE_RES || type == MESSAGE_APP_RES ||
           type == MESSAGE_SNAP_RES;
}

/* A reply to us, of a member. Newer terms first (§5.1); then only what answers the question that we are asking now. */
static void on_reply(struct raft *r, const struct message *m, struct peer *p)
{
    static const enum raft_role asker[MESSAGE_TYPES] = {[MESSAGE_PREVOTE_RES] = RAFT_PRECANDIDATE,
                                                        [MESSAGE_VOTE_RES] = RAFT_CANDIDATE,
                                                        [MESSAGE_APP_RES] = RAFT_LEADER,
                                                        [MESSAGE_SNAP_RES] = RAFT_LEADER};
    bool prevote = m->type == MESSAGE_PREVOTE_RES && m->ok; /* its term is the one asked for */
    if (m->term > r->term && !prevote) {
        raft_adopt_term(r, m->term, WHY_HIGHER_TERM_MSG);
        return;
    }
    if (m->term < r->term + prevote)
        raft_ignore(r, WHY_STALE_TERM);
    else if (r->role != asker[m->type])
        raft_ignore(r, asker[m->type] == RAFT_LEADER ? WHY_NOT_LEADER : WHY_NOT_CANDIDATE);
    else if (m->term > r->term + prevote)
        raft_ignore(r, WHY_UNEXPECTED); /* a PreVote for a term that we never asked for */
    else if (m->type == MESSAGE_APP_RES)
        raft_on_append_reply(r, m, p);
    else if (m->type == MESSAGE_SNAP_RES)
        raft_on_snapshot_reply(r, m, p);
    else
        raft_on_vote_reply(r, m, p);
}

static void on_peer_message(struct raft *r, const struct message *m)
{
    struct peer *p = raft_peer(r, m->src);
    if (m->src == r->id || m->src == NODE_NONE)
        raft_ignore(r, WHY_FORGED);
    else if (!raft_hears(r, m))
        raft_ignore(r, WHY_NOT_MEMBER);
    else if (m->dst != r->id && m->dst != NODE_NONE)
        raft_ignore(r, WHY_WRONG_DST);
    else if (m->term > COUNT_MAX || (m->term > COUNT_MAX / 2 && m->term > r->term + TERM_AHEAD_MAX) ||
             (!m->term && !is_reply(m->type)))
        raft_ignore(r, WHY_UNEXPECTED);
    else if (is_reply(m->type))
        on_reply(r, m, p);
    else if (m->type == MESSAGE_APP_REQ)
        raft_on_append_request(r, m);
    else if (m->type == MESSAGE_TRANSFER)
        raft_on_transfer(r, m);
    else if (m->type == MESSAGE_SNAP_REQ)
        raft_on_snapshot_request(r, m);
    else
        raft_on_vote_request(r, m);
}

static void on_message(struct raft *r, const struct message *m, int64_t tag)
{
    switch (m->type) {
    case MESSAGE_GET:
    case MESSAGE_PUT:
        raft_on_request(r, m, tag);
        break;
    case MESSAGE_CHANGE:
        if (r->fixed)
            raft_ignore(r, WHY_UNEXPECTED);
        else
            raft_on_request(r, m, tag);
        break;
    case MESSAGE_PREVOTE_REQ:
    case MESSAGE_PREVOTE_RES:
    case MESSAGE_VOTE_REQ:
    case MESSAGE_VOTE_RES:
    case MESSAGE_APP_REQ:
    case MESSAGE_APP_RES:
    case MESSAGE_TRANSFER:
    case MESSAGE_SNAP_REQ:
    case MESSAGE_SNAP_RES:
        on_peer_message(r, m);
        break;
    case MESSAGE_HELLO:
    case MESSAGE_STATUS:
    case MESSAGE_OK:
    case MESSAGE_FAIL:
    case MESSAGE_REDIRECT:
    case MESSAGE_STATUS_RES:
    default:
        raft_ignore(r, WHY_UNEXPECTED);
    }
}

/* ---- a step ---- */

static void on_tick(struct raft *r)
{
    /* Answers to clients before traffic to peers. */
    raft_hold_timeout(r);
    if (r->election_us <= r->now_us)
        raft_election_timeout(r);
    else if (r->vote_resend_us <= r->now_us)
        raft_vote_retry(r);
    if (r->role == RAFT_LEADER)
        raft_leader_timers(r);
}

void raft_input(struct raft *r, const struct raft_event *ev)
{
    assert(raft_may_join(r));
    r->now_us = raft_max(r->now_us, ev->now_us);
    switch (ev->type) {
    case RAFT_EVENT_TICK:
        on_tick(r);
        break;
    case RAFT_EVENT_MESSAGE:
        on_message(r, ev->message, ev->tag);
        break;
    }
}

bool raft_may_join(const struct raft *r)
{
    return r->role == r->before.role && r->term == r->before.term && r->voted == r->before.voted &&
           r->n_replies < REPLIES_MAX && !r->incoming.whole;
}

/* Commits, applies and answers what can be. */
static void progress(struct raft *r)
{
    if (r->role == RAFT_LEADER)
        raft_commit_by_quorum(r);
    raft_apply(r);
    if (r->role == RAFT_LEADER)
        raft_reads_serve(r);
}

static void persist(struct raft *r)
{
    const struct raft_effects *fx = r->fx;
    if (fx->persist_vote || fx->truncated_from || fx->appended_from)
        raft_emit(r, RAFT_DO_PERSIST);
    r->durable = raft_last(r);
}

void raft_finish(struct raft *r)
{
    raft_transfer_settle(r);
    raft_change_settle(r);
    raft_settle(r);
    /* A leader's own disk works while its followers' do (D §10.2.1): it sends its entries before they are durable here,
     * and counts itself after. A vote must be durable before anything leaves (Figure 2). */
    bool ahead = r->role == RAFT_LEADER && !r->fx->persist_vote;
    if (ahead) {
        progress(r);
        raft_replicate(r);
    }
    raft_install_log(r);
    persist(r);
    raft_install(r);
    progress(r);
    raft_change_end(r);
    raft_replies_now(r);
    if (r->ask)
        raft_ask_all(r);
    if (r->role == RAFT_LEADER && !ahead)
        raft_replicate(r);
    raft_note_answers(r);
    raft_compact(r);
    raft_snap_finish(r);
    raft_check(r);
    r->fx = NULL;
}

void raft_step(struct raft *r, const struct raft_event *ev, struct raft_effects *fx)
{
    raft_begin(r, ev->now_us, fx);
    raft_input(r, ev);
    raft_finish(r);
}
