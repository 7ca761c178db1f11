/* raft_compact.c -- giving up the beginning of the log (§7): what is applied is in the state machine, so its entries
 * are kept only for followers that still lack them.
 *
 * Half of what the limits allow stays, so that a follower that is a little behind gets entries and not the whole state,
 * and so that the work is done rarely. A leader keeps more for those followers that answer and are on their way, up to
 * a multiple of the limits. */
#include "raft_int.h"

/* Nobody makes the log longer than this many times its limits. */
#define PATIENCE 4

static bool exceeds(const struct raft *r, unsigned times)
{
    return (r->compact_entries && (r->applied - r->log.base_index) / times > r->compact_entries) ||
           (r->compact_bytes && r->log.applied_bytes / times > r->compact_bytes);
}

/* What this follower needs of the log begins after it. */
static uint64_t lacks_after(const struct raft *r, const struct peer *p)
{
    if (p->snapshot)
        return p->snap.index ? p->snap.index : r->applied;
    return p->probing ? p->next - 1 : p->match;
}

/* What followers that answer may still need begins after it. */
static uint64_t needed_after(const struct raft *r)
{
    uint64_t least = r->applied;
    if (r->role != RAFT_LEADER || exceeds(r, PATIENCE))
        return least;
    for (unsigned i = 0; i < r->n_peers; i++) {
        const struct peer *p = &r->peers[i];
        if (r->now_us - p->heard_us < r->election_max_us)
            least = raft_min(least, lacks_after(r, p));
    }
    return least;
}

/* The last entry to be given up; base: none. */
static uint64_t place(const struct raft *r, uint64_t limit)
{
    uint64_t index = r->log.base_index, bytes = r->log.applied_bytes;
    while (index < limit && ((r->compact_entries && r->applied - index > r->compact_entries / 2) ||
                             (r->compact_bytes && bytes > r->compact_bytes / 2)))
        bytes -= raft_log_bytes(raft_entry(r, ++index));
    return index;
}

void raft_compact(struct raft *r)
{
    if (!exceeds(r, 1) || r->applied < r->compact_at)
        return;
    uint64_t base = r->log.base_index, limit = needed_after(r);
    /* What is not on stable storage yet is read from the log by whoever puts it there. */
    if (r->fx->appended_from)
        limit = raft_min(limit, r->fx->appended_from - 1);
    uint64_t index = place(r, limit);
    /* Little by little is as much work each time as all at once. */
    if (index - base < (r->applied - base) / 4 && !exceeds(r, PATIENCE)) {
        r->compact_at = r->applied + 1 + (r->applied - base) / 8;
        return;
    }
    /* Who joined with the log from its beginning does not know the group's first members: a snapshot needs some. */
    if (index == base || !*raft_conf_at(r, index))
        return;
    uint64_t term = raft_term_at(r, index);
    raft_log_give_up(r, index, term, raft_conf_at(r, index));
    struct raft_effect *e = raft_emit(r, RAFT_DO_COMPACT);
    e->index = index;
    e->term = term;
    e->match = r->applied;
    e->conf = raft_conf_at(r, index);
}
