/* raft_snapshot_take.c -- the receiver of InstallSnapshot (§7, Figure 13).
 *
 * Chunks may be lost, delayed, duplicated and reordered: what comes is kept wherever in the whole it belongs, and each
 * answer says how much is there without a gap. Nothing changes before the whole is there, has the digest that its
 * leader gave it, and is a sound state; then all changes at once: state machine, request table, log and commit index.
 * What we have committed already is never replaced. */
#include "raft_int.h"
#include "kv.h"

/* ---- the parts ---- */

static void drop(struct raft *r)
{
    raft_take_sweep(r);
    r->dead_incoming = r->incoming;
    r->incoming = (struct incoming){.bytes = NULL};
}

void raft_take_sweep(struct raft *r)
{
    struct incoming *in = &r->dead_incoming;
    free(in->bytes);
    free(in->have);
    free(in->conf);
    *in = (struct incoming){.bytes = NULL};
}

void raft_take_free(struct raft *r)
{
    drop(r);
    raft_take_sweep(r);
}

static bool is_same(const struct incoming *in, const struct message *m)
{
    return in->bytes && in->index == m->snap_index && in->term == m->snap_term && in->size == m->size &&
           in->digest == m->digest && strcmp(in->conf, m->conf) == 0;
}

/* How long all chunks but the last are: the last alone does not tell. 0: unknown. */
static uint64_t chunk_of(const struct message *m)
{
    return m->offset + m->n_data < m->size || !m->offset ? m->n_data : 0;
}

/* False: there is no room for it. */
static bool start(struct raft *r, const struct message *m)
{
    drop(r);
    uint64_t chunk = chunk_of(m);
    /* As large as its sender likes to say: not worth an abort. */
    unsigned char *bytes = calloc(1, m->size), *have = calloc(1, m->size / chunk / 8 + 1);
    if (!bytes || !have) {
        free(bytes);
        free(have);
        return false;
    }
    r->incoming = (struct incoming){.index = m->snap_index,
                                    .term = m->snap_term,
                                    .size = m->size,
                                    .digest = m->digest,
                                    .from_term = m->term,
                                    .from = m->src,
                                    .conf = raft_text(m->conf),
                                    .bytes = bytes,
                                    .have = have,
                                    .chunk = chunk};
    return true;
}

static bool is_here(const struct incoming *in, uint64_t offset)
{
    uint64_t i = offset / in->chunk;
    return in->have[i / 8] >> i % 8 & 1;
}

static void keep(struct incoming *in, const struct message *m)
{
    uint64_t i = m->offset / in->chunk;
    in->have[i / 8] |= (unsigned char)(1U << i % 8);
    memcpy(in->bytes + m->offset, m->data, m->n_data);
    while (in->there < in->size && is_here(in, in->there))
        in->there = raft_min(in->there + in->chunk, in->size);
}

/* Does the chunk lie where the others would lie? */
static bool fits(const struct incoming *in, const struct message *m)
{
    return m->offset % in->chunk == 0 && m->n_data == raft_min(in->chunk, in->size - m->offset);
}

/* ---- answers ---- */

/* One answer tells all that earlier ones of this step would have. */
static void answer(struct raft *r, const struct message *m, uint64_t there)
{
    struct message *last = r->n_replies ? &r->replies[r->n_replies - 1] : NULL;
    bool covers = last && last->type == MESSAGE_SNAP_RES && last->dst == m->src && last->term == r->term &&
                  last->snap_index == m->snap_index && last->snap_term == m->snap_term && last->offset < there;
    if (covers)
        r->n_replies--;
    struct message *reply = raft_reply(r, MESSAGE_SNAP_RES, m);
    reply->sent_us = m->sent_us;
    reply->snap_index = m->snap_index;
    reply->snap_term = m->snap_term;
    reply->offset = there;
}

/* ---- the whole ---- */

/* The digest finds damage; kv_sound() keeps a sender that is out of its mind from taking us with it. */
static bool is_good(const struct incoming *in)
{
    return snapshot_digest(in->bytes, in->size) == in->digest && kv_sound(in->bytes, in->size, in->index);
}

static void take(struct raft *r, const struct message *m)
{
    struct incoming *in = &r->incoming;
    keep(in, m);
    if (in->there < in->size) {
        answer(r, m, in->there);
    } else if (is_good(in)) {
        in->whole = true;
        answer(r, m, in->size);
    } else {
        /* Asked for anew when its sender has waited in vain. */
        raft_ignore(r, WHY_UNEXPECTED);
        drop(r);
    }
}

/* What any leader could send: within bounds, and not against what is committed here. */
static bool is_sound(const struct raft *r, const struct message *m)
{
    if (!m->snap_index || m->snap_index > COUNT_MAX || !m->snap_term || m->snap_term > m->term || !m->conf ||
        !raft_conf_is_sound(m->conf))
        return false;
    if (!m->size || m->size > SNAPSHOT_MAX || !m->n_data || m->offset >= m->size || m->n_data > m->size - m->offset)
        return false;
    if (m->snap_index > r->commit)
        return m->snap_term >= raft_term_at(r, r->commit);
    return m->snap_index < r->log.base_index || m->snap_term == raft_term_at(r, m->snap_index);
}

void raft_on_snapshot_request(struct raft *r, const struct message *m)
{
    if (m->term < r->term) {
        raft_ignore(r, WHY_STALE_TERM);
        answer(r, m, 0); /* so that the sender learns the term (§5.1) */
        return;
    }
    if (!is_sound(r, m)) {
        raft_ignore(r, WHY_UNEXPECTED);
        return;
    }
    if (m->term > r->term)
        raft_adopt_term(r, m->term, WHY_HIGHER_TERM_MSG);
    if (r->role == RAFT_LEADER || (r->leader != NODE_NONE && r->leader != m->src)) {
        raft_ignore(r, WHY_UNEXPECTED);
        return;
    }
    if (!raft_follow(r, m, WHY_SNAPSHOT))
        return;
    struct incoming *in = &r->incoming;
    if (m->snap_index <= r->commit) {
        answer(r, m, m->size); /* all of it is here, and more perhaps */
        return;
    }
    if (!is_same(in, m) || !fits(in, m)) {
        /* A late chunk of one that this leader has replaced since, or one that does not tell how long the others are.
         */
        if ((in->bytes && in->from_term == m->term && in->index > m->snap_index) || !chunk_of(m)) {
            raft_ignore(r, WHY_DUPLICATE);
            return;
        }
        if (!start(r, m)) {
            raft_ignore(r, WHY_OVERLOAD);
            return;
        }
    }
    take(r, m);
}

/* ---- Figure 13, steps 6 to 8 ---- */

/* Have appends brought what it holds, or do we lead? */
static bool is_needless(const struct raft *r)
{
    return r->incoming.bytes && (r->role == RAFT_LEADER || r->incoming.index <= r->commit);
}

void raft_install_log(struct raft *r)
{
    const struct incoming *in = &r->incoming;
    if (is_needless(r))
        drop(r);
    if (!in->whole)
        return;
    uint64_t last = raft_last(r);
    bool suffix = in->index <= last && raft_term_at(r, in->index) == in->term;
    raft_log_give_up(r, in->index, in->term, in->conf);
    /* All that is left of the log becomes durable with the state. */
    r->fx->appended_from = r->fx->truncated_from = 0;
    if (!suffix && last > r->commit) {
        struct raft_effect *e = raft_emit(r, RAFT_NOTE_TRUNCATE);
        e->index = r->commit + 1;
        e->old = last;
        e->why = WHY_SNAPSHOT;
    }
    raft_commit_to(r, in->index, WHY_SNAPSHOT);
    r->applied = in->index;
    raft_wait_skip(r, in->index, in->term);
}

void raft_install(struct raft *r)
{
    const struct incoming *in = &r->incoming;
    if (!in->whole)
        return;
    struct raft_effect *e = raft_emit(r, RAFT_DO_INSTALL);
    e->index = in->index;
    e->term = in->term;
    e->data = in->bytes;
    e->size = in->size;
    e->conf = in->conf;
    e->node = in->from;
    drop(r);
}
