/* raft_client.c -- requests of clients: whom they are for, and what becomes of those that wait (§8).
 *
 * Every request gets at most one answer, and a redirect only while it is certain that the request was not and will not
 * be applied here under its id. A put in the log of a deposed leader is not certain either way: its entry may survive
 * elsewhere even if our log loses it. Its fate shows when its index commits, with this entry or another. */
#include "raft_int.h"

/* ---- requests that wait ---- */

void raft_queue_push(struct queue *q, struct request *one)
{
    one->next = NULL;
    if (q->tail)
        q->tail->next = one;
    else
        q->head = one;
    q->tail = one;
    q->n++;
}

struct request *raft_queue_pop(struct queue *q)
{
    struct request *one = q->head;
    q->head = one->next;
    if (!q->head)
        q->tail = NULL;
    q->n--;
    return one;
}

static struct request *copy_of(const struct message *m, int64_t tag)
{
    bool adds = m->type == MESSAGE_CHANGE && m->change == CHANGE_ADD && m->address;
    const char *name = m->type == MESSAGE_CHANGE ? "" : m->key;
    const char *value = m->type == MESSAGE_PUT ? m->value : adds ? m->address : "";
    size_t mid = strlen(m->mid) + 1, key = strlen(name) + 1, size = strlen(value) + 1;
    struct request *q = raft_alloc(sizeof *q + mid + key + size);
    char *text = (char *)(q + 1);
    memcpy(text, m->mid, mid);
    memcpy(text + mid, name, key);
    memcpy(text + mid + key, value, size);
    *q = (struct request){.op = m->type, .client = m->src, .tag = tag, .change = m->change, .node = m->node};
    q->mid = text;
    q->key = text + mid;
    q->value = text + mid + key;
    return q;
}

struct raft_request raft_request_of(const struct request *q)
{
    return (struct raft_request){.client = q->client, .mid = q->mid, .key = q->key, .tag = q->tag};
}

/* The effects of this step may name it: freed in the next. */
void raft_trash(struct raft *r, struct request *q)
{
    q->next = r->trash;
    r->trash = q;
}

static void free_list(struct request *q)
{
    while (q) {
        struct request *next = q->next;
        free(q);
        q = next;
    }
}

void raft_sweep_requests(struct raft *r)
{
    free_list(r->trash);
    r->trash = NULL;
}

void raft_client_free(struct raft *r)
{
    for (size_t i = 0; i < r->waiters.n; i++)
        raft_entry_drop(r, r->waiters.v[r->waiters.first + i].entry);
    free(r->waiters.v);
    free_list(r->held.head);
    free_list(r->reads.head);
    free_list(r->trash);
    free(r->change.asked);
    free(r->transfer.asked);
    raft_seen_free(&r->seen);
}

/* ---- puts in the log ---- */

void raft_wait_for(struct raft *r, const struct entry *e, int64_t tag)
{
    struct waiters *w = &r->waiters;
    if (w->first && w->first + w->n == w->room) {
        memmove(w->v, w->v + w->first, w->n * sizeof *w->v);
        w->first = 0;
    }
    w->v = raft_grow(w->v, &w->room, w->first + w->n + 1, sizeof *w->v);
    /* By index: after a truncation older waiters may have later ones. */
    size_t at = w->first + w->n++;
    for (; at > w->first && w->v[at - 1].index > e->index; at--)
        w->v[at] = w->v[at - 1];
    w->v[at] = (struct waiter){.index = e->index, .term = e->term, .entry = e, .tag = tag};
    w->oldest_term = w->n == 1 ? e->term : raft_min(w->oldest_term, e->term);
    raft_entry_hold(e);
}

static void redirect(struct raft *r, struct raft_request request, enum raft_why why)
{
    struct raft_effect *e = raft_emit(r, RAFT_DO_REDIRECT);
    e->request = request;
    e->node = why == WHY_NOT_LEADER ? r->leader : NODE_NONE;
    e->why = why;
}

static enum raft_why why_redirect(const struct raft *r)
{
    return r->leader == NODE_NONE || r->leader == r->id ? WHY_NO_LEADER : WHY_NOT_LEADER;
}

/* The waiter's entry can never be committed. */
static void give_up(struct raft *r, const struct waiter *one)
{
    const struct entry *lost = one->entry;
    struct raft_request request = {.client = lost->client, .mid = lost->mid, .key = lost->key, .tag = one->tag};
    redirect(r, request, why_redirect(r));
    raft_entry_drop(r, lost);
}

/* Entries of terms before `term` at indexes still to come: no log that holds what was just committed can hold them, for
 * terms never decrease along a log. Without this a client would wait until other traffic reaches that index. */
static void give_up_older(struct raft *r, uint64_t term)
{
    struct waiters *w = &r->waiters;
    size_t kept = 0;
    uint64_t oldest = NEVER;
    for (size_t i = 0; i < w->n; i++) {
        struct waiter one = w->v[w->first + i];
        if (one.term < term) {
            give_up(r, &one);
        } else {
            oldest = raft_min(oldest, one.term);
            w->v[w->first + kept++] = one;
        }
    }
    w->n = kept;
    w->oldest_term = oldest;
}

bool raft_wait_over(struct raft *r, const struct entry *e, int64_t *tag)
{
    struct waiters *w = &r->waiters;
    bool answer = false;
    for (; w->n && w->v[w->first].index == e->index; w->first++, w->n--) {
        struct waiter *one = &w->v[w->first];
        if (one->term == e->term) {
            answer = true;
            *tag = one->tag;
            raft_entry_drop(r, one->entry);
        } else {
            give_up(r, one); /* another entry is committed in its place (Log Matching, Figure 3) */
        }
    }
    if (w->n && w->oldest_term < e->term)
        give_up_older(r, e->term);
    if (!w->n)
        w->first = 0;
    return answer;
}

/* With a snapshot came what a client's entry has become, and we cannot tell: its request, here or at another place in
 * the log, may have been applied or not. So it stays without an answer; when its client asks again, under the same id,
 * the request is taken as new here, and the request table of the state machine keeps it from being applied twice (§8).
 */
void raft_wait_skip(struct raft *r, uint64_t index, uint64_t term)
{
    struct waiters *w = &r->waiters;
    for (; w->n && w->v[w->first].index <= index; w->first++, w->n--) {
        const struct entry *e = w->v[w->first].entry;
        raft_seen_forget(&r->seen, e->client, e->mid);
        raft_entry_drop(r, e);
    }
    if (w->n && w->oldest_term < term)
        give_up_older(r, term);
    if (!w->n)
        w->first = 0;
}

/* ---- requests as they come ---- */

static void answer(struct raft *r, struct request *q, enum raft_effect_type type, enum raft_why why)
{
    struct raft_effect *e = raft_emit(r, type);
    e->request = raft_request_of(q);
    e->why = why;
    raft_trash(r, q);
}

void raft_fail(struct raft *r, struct request *q, enum raft_why why)
{
    answer(r, q, RAFT_DO_FAIL, why);
}

void raft_done(struct raft *r, struct request *q)
{
    answer(r, q, RAFT_DO_OK, WHY_NONE);
}

static void put(struct raft *r, struct request *q)
{
    const struct entry command = {
        .op = ENTRY_PUT, .client = q->client, .mid = q->mid, .key = q->key, .value = q->value};
    if (raft_entry_bytes(&command) > RAFT_ENTRY_BYTES_MAX || raft_last(r) >= COUNT_MAX) {
        raft_fail(r, q, WHY_OVERLOAD);
        return;
    }
    raft_wait_for(r, raft_log_append(r, r->term, &command), q->tag);
    raft_trash(r, q);
}

static void lead_request(struct raft *r, struct request *q)
{
    if (raft_holds(r))
        raft_pass_on(r, q);
    else if (q->op == MESSAGE_PUT)
        put(r, q);
    else if (q->op == MESSAGE_CHANGE && q->change == CHANGE_TRANSFER)
        raft_transfer(r, q);
    else if (q->op == MESSAGE_CHANGE)
        raft_change(r, q);
    else
        raft_read_arrived(r, q);
}

static bool was_sent_back(const struct raft *r, node_id client)
{
    return r->sent_back.bits[client / 64] >> client % 64 & 1;
}

static void send_back(struct raft *r, struct request *q)
{
    if (r->leader != NODE_NONE) {
        r->sent_back.bits[q->client / 64] |= UINT64_C(1) << q->client % 64;
        r->sent_back.any = true;
    }
    redirect(r, raft_request_of(q), why_redirect(r));
    raft_trash(r, q);
}

void raft_leader_spoke(struct raft *r)
{
    if (r->sent_back.any)
        r->sent_back = (struct node_set){.any = false};
    r->release = true;
}

/* Not here: to the leader if one is known, else it waits for one to be known. A client that was sent to the leader and
 * comes back before we have heard of it again waits too: it found nobody there, and sent on in circles it and the
 * others would do nothing but ask. */
void raft_pass_on(struct raft *r, struct request *q)
{
    enum raft_why why = r->role == RAFT_LEADER        ? r->voter ? WHY_TRANSFER : WHY_REMOVED
                        : r->leader == NODE_NONE      ? WHY_NO_LEADER
                        : was_sent_back(r, q->client) ? WHY_LEADER_SILENT
                                                      : WHY_NONE;
    if (why == WHY_NONE || r->held.n >= r->hold_max) {
        send_back(r, q);
        return;
    }
    q->until_us = raft_after(r, r->hold_us);
    raft_queue_push(&r->held, q);
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_HOLD);
    e->request = raft_request_of(q);
    e->why = why;
}

void raft_on_request(struct raft *r, const struct message *m, int64_t tag)
{
    if (m->src == NODE_NONE || raft_is_member(r, m->src)) {
        raft_ignore(r, WHY_FORGED);
    } else if (m->dst != r->id) {
        raft_ignore(r, WHY_WRONG_DST);
    } else {
        struct request *q;
        switch (raft_seen_add(&r->seen, m->src, m->mid, r->answer_again)) {
        case SEEN_BEFORE:
            raft_ignore(r, WHY_DUPLICATE);
            break;
        case SEEN_FULL:
            /* Where requests come again, another copy of it may be in another replica's log: then it is not certain that
             * it will not be applied, and only silence is no lie. */
            if (r->answer_again)
                raft_ignore(r, WHY_OVERLOAD);
            else
                raft_fail(r, copy_of(m, tag), WHY_OVERLOAD);
            break;
        case SEEN_NEW:
            q = copy_of(m, tag);
            if (r->role == RAFT_LEADER)
                lead_request(r, q);
            else
                raft_pass_on(r, q);
            break;
        }
    }
}

void raft_note_answers(struct raft *r)
{
    for (size_t i = 0; i < r->fx->n; i++) {
        const struct raft_effect *e = &r->fx->v[i];
        if (e->type == RAFT_DO_READ || e->type == RAFT_DO_REDIRECT || e->type == RAFT_DO_FAIL ||
            e->type == RAFT_DO_OK || (e->type == RAFT_DO_APPLY && e->answer))
            raft_seen_answered(&r->seen, e->request.client, e->request.mid);
    }
}

void raft_settle(struct raft *r)
{
    if (r->role != RAFT_LEADER)
        while (r->reads.head)
            raft_pass_on(r, raft_queue_pop(&r->reads));
    if (!r->release || r->leader == NODE_NONE || raft_holds(r))
        return;
    r->release = false;
    while (r->held.head && !raft_holds(r)) {
        struct request *q = raft_queue_pop(&r->held);
        if (r->role == RAFT_LEADER)
            lead_request(r, q);
        else
            send_back(r, q);
    }
}

void raft_hold_timeout(struct raft *r)
{
    if (!r->held.head || r->held.head->until_us > r->now_us)
        return;
    raft_fired(r, RAFT_TIMER_HOLD, r->held.head->until_us);
    while (r->held.head && r->held.head->until_us <= r->now_us) {
        struct request *q = raft_queue_pop(&r->held);
        redirect(r, raft_request_of(q), WHY_NO_LEADER);
        raft_trash(r, q);
    }
}
