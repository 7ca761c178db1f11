/* raft_read.c -- reads: at once under a lease (raft_lease.c), else by ReadIndex (D §6.4, §8): the read index is the
 * commit index once an entry of our own term is committed; a quorum must answer appends sent after the read arrived;
 * the state must be applied up to the index.
 *
 * Every append carries a round, the number of the latest attempt to confirm that we lead; a reply echoes it. A read
 * waits for a round that opens after it arrived. One round is under way at a time: reads that arrive meanwhile share
 * the next. A retry is a new round, so an answer always tells which appends it answers; it serves the old reads too. */
#include "raft_int.h"

void raft_read_arrived(struct raft *r, struct request *q)
{
    if (r->reads_mode == RAFT_READS_LOCAL) {
        struct raft_effect *e = raft_emit(r, RAFT_DO_READ);
        e->request = raft_request_of(q);
        e->index = r->applied;
        e->term = raft_term_at(r, r->applied);
        e->local = true;
        raft_trash(r, q);
        return;
    }
    q->index = 0;
    raft_queue_push(&r->reads, q);
}

static bool term_has_committed(const struct raft *r)
{
    return raft_term_at(r, r->commit) == r->term;
}

static uint64_t round_of(const struct peer *p)
{
    return p->round;
}

/* Reads without an index are at the tail: once one may take it, all may. */
static void take_indexes(struct raft *r)
{
    if (!term_has_committed(r))
        return;
    for (struct request *q = r->reads.head; q; q = q->next) {
        if (q->index)
            continue;
        q->index = r->commit;
        q->term = r->term;
        q->round = r->round + 1;
        struct raft_effect *e = raft_emit(r, RAFT_NOTE_READ_INDEX);
        e->request = raft_request_of(q);
        e->index = q->index;
        e->term = q->term;
        e->round = q->round;
        e->have = r->voter;
    }
}

/* All that wait: what is committed is applied, and under the lease nobody else can have committed more. */
static void serve_by_lease(struct raft *r)
{
    while (r->reads.head) {
        struct request *q = raft_queue_pop(&r->reads);
        struct raft_effect *e = raft_emit(r, RAFT_DO_READ);
        e->request = raft_request_of(q);
        e->index = r->commit;
        e->term = r->term;
        e->leased = true;
        e->since_us = r->lease.since_us;
        e->until_us = r->lease.until_us;
        raft_trash(r, q);
    }
    r->read_resend_us = NEVER;
}

void raft_reads_serve(struct raft *r)
{
    if (r->reads.head && term_has_committed(r) && raft_lease_holds(r)) {
        serve_by_lease(r);
        return;
    }
    take_indexes(r);
    /* Alone we need nobody's answer, and no append ever opens a round. */
    if (raft_alone(r) && raft_read_wants_round(r, false))
        r->round++;
    uint64_t confirmed = raft_quorum_value(r, r->round, round_of);
    const struct request *head = r->reads.head;
    if (!head || !head->index || head->round > confirmed)
        return;
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_READ_CONFIRM);
    e->round = confirmed;
    e->need = r->quorum;
    e->have = r->voter;
    for (unsigned i = 0; i < r->n_peers; i++)
        e->have += r->peers[i].voter && r->peers[i].round >= confirmed;
    while (r->reads.head && r->reads.head->index && r->reads.head->round <= confirmed) {
        struct request *q = raft_queue_pop(&r->reads);
        assert(r->applied >= q->index);
        e = raft_emit(r, RAFT_DO_READ);
        e->request = raft_request_of(q);
        e->index = q->index;
        e->term = q->term;
        e->round = confirmed;
        raft_trash(r, q);
    }
    head = r->reads.head;
    bool under_way = head && head->index && head->round <= r->round;
    r->read_resend_us = under_way ? raft_after(r, r->first_retry_us) : NEVER;
}

bool raft_read_wants_round(const struct raft *r, bool anyway)
{
    const struct request *head = r->reads.head, *tail = r->reads.tail;
    if (!head || !head->index)
        return false;
    return tail->round > r->round && (anyway || head->round > r->round);
}

void raft_read_open_round(struct raft *r)
{
    r->round++;
    if (r->read_resend_us != NEVER)
        return;
    r->read_retry_us = r->first_retry_us;
    r->read_resend_us = raft_after(r, r->read_retry_us);
}
