/* raft_append.c -- the leader's view of one follower, and its appends to it (§5.3). Who gets one when is decided in
 * raft_replicate.c.
 *
 * Towards each follower the leader probes or replicates. Probing, it sends one append and waits. Once one was accepted
 * it replicates: several appends may be under way, and `next` runs ahead. A refusal or a silence leads back to
 * probing. What the leader believes about a follower comes from that follower's replies alone. */
#include "raft_int.h"

/* An acknowledgement is waited for as long as RFC 6298 says, but not less than this: a process may not run for a while.
 */
#define RETRY_MIN_US 3000

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
    m->prev_term = prev ? raft_term_at(r, prev) : 0;
    m->commit = r->commit;
    m->round = r->round;
    m->sent_us = r->now_us;
    m->n_entries = n;
    m->entries = n ? raft_log_from(r, prev + 1) : NULL;
    p->covered = raft_max(p->covered, prev + n);
    p->sent_us = r->now_us;
    p->sent_step = r->step;
    p->asked_round = r->round;
}

void raft_append_entries(struct raft *r, struct peer *p)
{
    assert(raft_append_may(r, p));
    size_t n = fit(r, p->next);
    send(r, p, p->next - 1, n);
    p->probed = p->next - 1 + n;
    if (p->resend_us == NEVER)
        p->resend_us = raft_after(r, p->retry_us);
    if (!p->probing) {
        p->next += n;
        p->flight[p->n_flight++] = p->next - 1;
    }
}

/* Without entries, at a place where the logs are known to agree: such an append cannot be refused, so it confirms a
 * round or keeps the follower quiet whatever is under way. */
void raft_append_empty(struct raft *r, struct peer *p)
{
    /* What was given up has no term any more; before the first entry all logs agree. */
    send(r, p, p->match >= r->log.base_index ? p->match : 0, 0);
}

bool raft_append_may(const struct raft *r, const struct peer *p)
{
    if (p->snapshot)
        return false;
    if (p->probing)
        return p->resend_us == NEVER;
    return p->next <= raft_last(r) && p->n_flight < APPENDS_MAX;
}

bool raft_append_covers(const struct raft *r, const struct peer *p)
{
    if (p->match >= raft_last(r))
        return true;
    return p->probing ? p->resend_us != NEVER && p->probed >= raft_last(r) : p->next > raft_last(r);
}

void raft_append_note(struct raft *r, const struct peer *p)
{
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_PEER);
    e->node = p->id;
    e->next = p->next;
    e->match = p->match;
    e->why = p->snapshot ? WHY_SNAPSHOT : p->probing ? WHY_PROBE : WHY_REPLICATE;
}

static void probe(struct raft *r, struct peer *p, uint64_t next)
{
    if (next <= r->log.base_index) {
        raft_snap_need(r, p);
        return;
    }
    bool news = !p->probing || p->next != next;
    p->probing = true;
    p->next = next;
    p->n_flight = 0;
    p->resend_us = NEVER;
    if (news)
        raft_append_note(r, p);
}

void raft_append_lost(struct raft *r, struct peer *p)
{
    /* One loss says little. Each further one makes it more likely that nobody is there. */
    if (p->silent)
        p->retry_us = raft_min(p->retry_us * 2, raft_max(r->heartbeat_us, r->first_retry_us));
    else
        r->losses += (LOSSES_ALL - r->losses) / LOSSES_MEMORY;
    p->silent = true;
    probe(r, p, p->probing ? p->next : p->match + 1);
}

bool raft_before_invited(const struct peer *p, const struct message *m)
{
    return m->sent_us < p->invited_us;
}

void raft_append_forget(const struct raft *r, struct peer *p)
{
    *p = (struct peer){.id = p->id,
                       .voter = p->voter,
                       .probing = true,
                       .next = raft_last(r) + 1,
                       .resend_us = NEVER,
                       .retry_us = r->first_retry_us,
                       .heard_us = r->now_us};
}

/* ---- replies ---- */

/* RFC 6298 §2: smoothed round-trip time and its variation. */
static void measure(struct raft *r, struct peer *p, uint64_t sent_us)
{
    uint64_t rtt = r->now_us - sent_us;
    if (!p->measured) {
        p->srtt_us = rtt;
        p->rttvar_us = rtt / 2;
        p->measured = true;
    } else {
        uint64_t off = rtt > p->srtt_us ? rtt - p->srtt_us : p->srtt_us - rtt;
        p->rttvar_us = (3 * p->rttvar_us + off) / 4;
        p->srtt_us = (7 * p->srtt_us + rtt) / 8;
    }
}

static uint64_t patience(const struct raft *r, const struct peer *p)
{
    if (!p->measured)
        return r->first_retry_us;
    return raft_min(raft_max(p->srtt_us + 4 * p->rttvar_us, RETRY_MIN_US), r->first_retry_us);
}

static void on_accepted(struct raft *r, struct peer *p, uint64_t match)
{
    if (p->snapshot) {
        /* An answer from before, unless it tells that the log goes on there after all. */
        p->match = raft_max(p->match, match);
        if (p->match >= r->log.base_index)
            raft_snap_over(r, p, p->match);
        return;
    }
    /* An answer to an empty append says nothing about the probe under way. */
    bool probed = p->probing && match + 1 >= p->next;
    if (match <= p->match && !probed)
        return;
    bool was_probing = p->probing;
    p->match = raft_max(p->match, match);
    p->next = p->probing ? p->match + 1 : raft_max(p->next, p->match + 1);
    /* The answer may be older than the probe. */
    if (p->next <= r->log.base_index) {
        raft_snap_need(r, p);
        return;
    }
    p->probing = false;
    unsigned done = 0;
    while (done < p->n_flight && p->flight[done] <= p->match)
        done++;
    p->n_flight -= done;
    memmove(p->flight, p->flight + done, p->n_flight * sizeof *p->flight);
    p->resend_us = p->match + 1 < p->next ? raft_after(r, p->retry_us) : NEVER;
    if (was_probing)
        raft_append_note(r, p);
}

static void on_refused(struct raft *r, const struct message *m, struct peer *p)
{
    uint64_t next = raft_last_at_most(r, m->hint_index, m->hint_term) + 1;
    /* What was acknowledged stays so: this refusal is older than the acknowledgement. */
    bool old = m->hint_index < p->match;
    bool under_way = p->probing && p->resend_us != NEVER && next >= p->next;
    if (old || under_way || p->snapshot) {
        raft_ignore(r, WHY_DUPLICATE);
        return;
    }
    probe(r, p, raft_max(p->match + 1, raft_min(next, p->next)));
}

void raft_on_append_reply(struct raft *r, const struct message *m, struct peer *p)
{
    if (m->round > r->round || m->sent_us > r->now_us || (m->ok && m->match > p->covered)) {
        raft_ignore(r, WHY_UNEXPECTED);
        return;
    }
    if (raft_before_invited(p, m)) {
        raft_ignore(r, WHY_DUPLICATE);
        return;
    }
    if (!p->silent && m->ok && m->match > p->match)
        r->losses -= r->losses / LOSSES_MEMORY;
    p->heard_us = r->now_us;
    p->silent = false;
    if (m->ok && m->sent_us > p->confirmed_us) {
        p->confirmed_us = m->sent_us;
        measure(r, p, m->sent_us);
    }
    p->retry_us = patience(r, p);
    if (m->ok) {
        p->round = raft_max(p->round, m->round);
        on_accepted(r, p, m->match);
    } else {
        on_refused(r, m, p);
    }
}
