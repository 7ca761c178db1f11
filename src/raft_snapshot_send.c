/* raft_snapshot_send.c -- the leader's side of InstallSnapshot (§7, Figure 13): the whole state for a follower whose
 * next entry was given up.
 *
 * One copy of the state serves all of them. It goes in chunks of one datagram each, a window of them at a time; each
 * answer says how much is there without a gap, and the follower keeps what comes out of order, so only what is missing
 * is sent again. The window adapts as TCP's does (RFC 5681, RFC 6582): it grows with each answer that brings news, and
 * is halved at each loss, which several answers without news or a silence tell. */
#include "raft_int.h"
#include "kv.h"

#define WINDOW_MAX   32 /* chunks under way to one follower */
#define WINDOW_FIRST 8
#define WINDOW_LEAST 2
/* Answers without news after which the first missing chunk counts as lost: fewer come of reordering alone. */
#define REPEATS 3

/* ---- the copy ---- */

/* Can the log go on after it? */
static bool is_usable(const struct raft *r)
{
    return r->copy && r->copy->index >= r->log.base_index;
}

/* Messages of the step may borrow the bytes: they are freed in the next. */
static void drop_copy(struct raft *r)
{
    if (!r->copy)
        return;
    r->copy->next_dead = r->dead_copies;
    r->dead_copies = r->copy;
    r->copy = NULL;
}

void raft_snap_sweep(struct raft *r)
{
    while (r->dead_copies) {
        struct copy *c = r->dead_copies;
        r->dead_copies = c->next_dead;
        free(c->bytes);
        free(c->conf);
        free(c);
    }
}

void raft_snap_free(struct raft *r)
{
    drop_copy(r);
    raft_snap_sweep(r);
}

/* ---- one follower ---- */

static void send_chunk(struct raft *r, struct peer *p, uint64_t offset)
{
    const struct copy *c = r->copy;
    struct message *m = raft_send(r, MESSAGE_SNAP_REQ, p->id);
    m->sent_us = r->now_us;
    m->snap_index = c->index;
    m->snap_term = c->term;
    m->size = c->size;
    m->digest = c->digest;
    m->conf = c->conf;
    m->offset = offset;
    m->n_data = raft_min(r->chunk_bytes, c->size - offset);
    m->data = c->bytes + offset;
    p->sent_us = r->now_us;
    p->snap.sent = raft_max(p->snap.sent, offset + m->n_data);
    if (p->snap.resend_us == NEVER)
        p->snap.resend_us = raft_after(r, p->snap.retry_us);
}

static bool may_send(const struct raft *r, const struct peer *p)
{
    const struct transfer *t = &p->snap;
    return t->index && t->sent < r->copy->size && t->sent - t->there < t->window * r->chunk_bytes;
}

static void from_offset(struct raft *r, struct peer *p, uint64_t offset)
{
    p->snap = (struct transfer){.index = r->copy->index,
                                .there = offset,
                                .sent = offset,
                                .window = WINDOW_FIRST,
                                .news_us = r->now_us,
                                .resend_us = NEVER,
                                .retry_us = r->first_retry_us};
}

static void begin(struct raft *r, struct peer *p)
{
    from_offset(r, p, 0);
    p->next = r->copy->index + 1;
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_SNAP_SEND);
    e->node = p->id;
    e->index = r->copy->index;
    e->term = r->copy->term;
    e->size = r->copy->size;
}

void raft_snap_need(struct raft *r, struct peer *p)
{
    p->snapshot = true;
    p->snap = (struct transfer){.resend_us = NEVER};
    p->next = r->log.base_index + 1;
    p->probing = true;
    p->n_flight = 0;
    p->resend_us = NEVER;
    raft_append_note(r, p);
}

void raft_snap_over(struct raft *r, struct peer *p, uint64_t match)
{
    p->snapshot = false;
    p->snap.resend_us = NEVER;
    p->match = raft_max(p->match, match);
    p->covered = raft_max(p->covered, p->match);
    p->next = p->match + 1;
    raft_append_note(r, p);
}

/* The first missing chunk again; fewer at a time from now on. What else was lost of those under way shows when the
 * answers bring news again, without halving the window once more. */
static void lost(struct raft *r, struct peer *p)
{
    p->snap.window = p->snap.window / 2 > WINDOW_LEAST ? p->snap.window / 2 : WINDOW_LEAST;
    p->snap.repeats = 0;
    p->snap.recover = p->snap.sent;
    send_chunk(r, p, p->snap.there);
}

static void on_news(struct raft *r, struct peer *p, uint64_t offset)
{
    struct transfer *t = &p->snap;
    t->there = offset;
    t->sent = raft_max(t->sent, offset);
    t->repeats = 0;
    t->news_us = r->now_us;
    t->retry_us = r->first_retry_us;
    t->resend_us = t->sent > offset ? raft_after(r, t->retry_us) : NEVER;
    if (offset < t->recover)
        send_chunk(r, p, offset); /* the next hole of the same loss (RFC 6582 §3.2) */
    else if (t->window < WINDOW_MAX)
        t->window++;
}

void raft_on_snapshot_reply(struct raft *r, const struct message *m, struct peer *p)
{
    if (m->sent_us > r->now_us) {
        raft_ignore(r, WHY_UNEXPECTED);
        return;
    }
    if (raft_before_invited(p, m)) {
        raft_ignore(r, WHY_DUPLICATE);
        return;
    }
    p->heard_us = r->now_us;
    p->silent = false;
    p->confirmed_us = raft_max(p->confirmed_us, m->sent_us); /* it took us for its leader, as with an append */
    struct transfer *t = &p->snap;
    const struct copy *c = r->copy;
    if (!p->snapshot || !t->index || t->index != m->snap_index || c->term != m->snap_term) {
        raft_ignore(r, WHY_DUPLICATE);
    } else if (m->offset > c->size) {
        raft_ignore(r, WHY_UNEXPECTED);
    } else if (m->offset == c->size) {
        raft_snap_over(r, p, c->index);
    } else if (m->offset > t->there) {
        on_news(r, p, m->offset);
    } else if (m->offset < t->there) {
        /* It answers a chunk that left after it had said that it has more: it has lost that, in a crash. */
        if (m->sent_us > t->news_us)
            from_offset(r, p, m->offset);
        else
            raft_ignore(r, WHY_DUPLICATE);
    } else if (t->sent > t->there && t->there >= t->recover && ++t->repeats == REPEATS) {
        lost(r, p);
    }
}

/* ---- all of them ---- */

static bool is_waiting(const struct raft *r, const struct peer *p)
{
    return p->snapshot && !p->snap.index && r->now_us - p->heard_us < r->election_max_us;
}

void raft_snap_replicate(struct raft *r)
{
    r->copy_given = false;
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        if (!p->snapshot)
            continue;
        if (is_waiting(r, p) && is_usable(r))
            begin(r, p);
        while (may_send(r, p))
            send_chunk(r, p, p->snap.sent);
    }
}

void raft_snap_finish(struct raft *r)
{
    if (r->role != RAFT_LEADER || !is_usable(r))
        drop_copy(r);
    if (r->role != RAFT_LEADER)
        return;
    bool wanted = false;
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        /* Given up in this step: its next entry, or that which follows the copy on its way. */
        if (p->next <= r->log.base_index)
            raft_snap_need(r, p);
        wanted = wanted || is_waiting(r, p);
    }
    if (!wanted)
        return;
    if (r->copy) {
        r->copy_given = true;
        return;
    }
    r->copy_wanted = true;
    struct raft_effect *e = raft_emit(r, RAFT_DO_SNAPSHOT);
    e->index = r->applied;
    e->term = raft_term_at(r, r->applied);
}

void raft_give_snapshot(struct raft *r, uint64_t index, unsigned char *bytes, size_t n)
{
    assert(!r->fx && n);
    assert(r->copy_wanted && !r->copy && index == r->applied);
    r->copy_wanted = false;
    r->copy_given = true;
    r->copy = raft_alloc(sizeof *r->copy);
    *r->copy = (struct copy){.bytes = bytes,
                             .size = n,
                             .index = index,
                             .term = raft_term_at(r, index),
                             .digest = snapshot_digest(bytes, n),
                             .conf = raft_text(raft_conf_at(r, index))};
}

void raft_snap_timers(struct raft *r)
{
    uint64_t due = NEVER;
    for (unsigned i = 0; i < r->n_peers; i++)
        if (r->peers[i].snapshot)
            due = raft_min(due, r->peers[i].snap.resend_us);
    if (due > r->now_us)
        return;
    raft_fired(r, RAFT_TIMER_RETRY, due);
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        if (!p->snapshot || p->snap.resend_us > r->now_us)
            continue;
        p->snap.retry_us = raft_min(p->snap.retry_us * 2, raft_max(r->heartbeat_us, r->first_retry_us));
        p->snap.resend_us = NEVER;
        p->silent = true;
        lost(r, p);
    }
}

uint64_t raft_snap_deadline(const struct raft *r)
{
    uint64_t due = r->copy_given ? r->now_us : NEVER;
    for (unsigned i = 0; i < r->n_peers; i++)
        if (r->peers[i].snapshot)
            due = raft_min(due, r->peers[i].snap.resend_us);
    return due;
}
