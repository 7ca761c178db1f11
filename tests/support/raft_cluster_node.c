/* raft_cluster_node.c -- a replica: its clock, its start and crash, and the steps of its core, effect by effect. */
#include "raft_cluster_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "message_copy.h"
#include "raft_admin.h"

/* ---- clocks ---- */

/* A node's clock runs faster or slower than time by up to half of what two clocks may differ. */
static uint64_t clock_at(const struct sim *s, unsigned id, uint64_t moment)
{
    uint64_t awake = moment - s->nodes[id].slept;
    return (uint64_t)((int64_t)awake + (int64_t)((double)awake * s->nodes[id].rate));
}

static uint64_t clock_of(const struct sim *s, unsigned id)
{
    return clock_at(s, id, s->now);
}

/* The first moment at which the node's clock says `at`, or one soon after it. */
static uint64_t moment_of(const struct sim *s, unsigned id, uint64_t at)
{
    if (at == UINT64_MAX)
        return at;
    uint64_t moment = (uint64_t)((double)at / (1 + s->nodes[id].rate)) + 1 + s->nodes[id].slept;
    while (clock_at(s, id, moment) < at)
        moment++; /* the division was not exact */
    return moment;
}

uint64_t cluster_due(const struct sim *s, unsigned id)
{
    uint64_t at = s->nodes[id].raft ? moment_of(s, id, raft_deadline(s->nodes[id].raft)) : UINT64_MAX;
    return at < s->nodes[id].paused_until ? s->nodes[id].paused_until : at;
}

/* ---- start and crash ---- */

void cluster_boot(struct sim *s, unsigned id)
{
    struct node *node = &s->nodes[id];
    struct disk *d = &node->disk;
    node_id peers[RAFT_MEMBERS_MAX];
    unsigned n = 0, first = s->cfg->size - s->cfg->outside;
    for (unsigned j = 0; j < first; j++)
        if (j != id)
            peers[n++] = (node_id)j;
    node->kv = d->state ? kv_load(d->state, d->state_size) : kv_new();
    if (!node->kv)
        abort();
    const struct raft_restored restored = cluster_disk_restored(d, kv_applied(node->kv));
    struct raft_config c = {.id = (node_id)id,
                            .peers = peers,
                            .n_peers = n,
                            .joining = id >= first,
                            .election_min_us = 150 * MS,
                            .election_max_us = 250 * MS,
                            .heartbeat_us = 50 * MS,
                            .retry_us = 10 * MS,
                            .hold_us = 600 * MS,
                            .hold_max = 3,
                            .append_bytes = 2000,
                            .chunk_bytes = 3000,
                            .reads = s->cfg->reads,
                            .drift_ppm = s->cfg->drift_ppm,
                            .compact_entries = s->cfg->compact_entries,
                            .answer_again = s->cfg->answer_again,
                            .restored = &restored,
                            .seed = rng_next(&s->rng)};
    node->raft = raft_new(&c, clock_of(s, id), &node->fx);
    if (!node->raft)
        cluster_failed(s, "%u does not start with what its disk held", id);
}

/* Whatever was not done yet is never done. */
void cluster_crash(struct sim *s, unsigned id)
{
    struct node *node = &s->nodes[id];
    raft_free(node->raft);
    kv_free(node->kv);
    node->raft = NULL;
    node->kv = NULL;
    node->open = false;
    node->paused_until = 0;
    s->out->counts.crashes++;
    /* Not before the last copy of a client's datagram: the request would be as new. */
    cluster_push(s, s->now + cluster_between(s, 50 * MS, 1000 * MS), RESTART, id, NULL);
}

/* ---- steps ---- */

static void answer(struct sim *s, unsigned id, const struct raft_request *request, enum message_type type,
                   uint64_t version)
{
    struct message m = {.type = type, .src = (node_id)id, .dst = request->client, .term = version};
    m.leader = raft_brief(s->nodes[id].raft).leader;
    memcpy(m.mid, request->mid, strlen(request->mid) + 1);
    if (request->tag != (int64_t)strtoul(request->mid + 1, NULL, 10))
        cluster_failed(s, "the tag of %s was lost", request->mid);
    cluster_push(s, s->now + cluster_between(s, 100, 2 * MS), ANSWER, request->client - CLIENT_FIRST, message_copy(&m));
}

/* The version of a value is the index at which its put was applied. */
static uint64_t version_of(const struct kv *kv, const char *value, unsigned clients)
{
    for (unsigned c = 0; *value && c < clients; c++) {
        uint64_t index = kv_request_index(kv, (node_id)(CLIENT_FIRST + c), value + 1);
        if (index)
            return index;
    }
    return 0;
}

/* What became of the administrator's requests. False: the effect is not about one. */
static bool on_change_effect(struct sim *s, unsigned id, const struct raft_effect *e)
{
    struct raft_cluster_counts *n = &s->out->counts;
    if (e->type == RAFT_NOTE_APPEND && e->entry->op == ENTRY_CONF && e->after.role == RAFT_LEADER) {
        const char *why = admin_objection(s->nodes[id].raft, e, s->first_conf);
        if (why)
            cluster_failed(s, "%s: %u appends %s at %" PRIu64, why, id, e->entry->value, e->entry->index);
    }
    if (e->request.client != ADMIN)
        return false;
    n->transfers += e->type == RAFT_DO_OK;
    n->changes_refused += e->type == RAFT_DO_FAIL;
    return e->type == RAFT_DO_OK || e->type == RAFT_DO_FAIL || e->type == RAFT_DO_REDIRECT;
}

static void apply(struct sim *s, unsigned id, const struct raft_effect *e)
{
    struct kv *kv = s->nodes[id].kv;
    bool first = e->entry->index > s->n_log;
    bool fresh = kv_apply(kv, e->entry);
    cluster_check_applied(s, e->entry, kv_digest(kv));
    if (e->entry->op == ENTRY_NOOP) {
        if (e->answer)
            cluster_failed(s, "a no-op was answered at %" PRIu64, e->entry->index);
        return;
    }
    if (e->entry->op == ENTRY_CONF) {
        unsigned voters = admin_voters(e->entry->value);
        s->out->counts.members_added += first && voters > s->voters;
        s->out->counts.members_removed += first && voters < s->voters;
        s->voters = first ? voters : s->voters;
        return;
    }
    struct op *op = cluster_op(s, e->entry->mid);
    if (!op || !op->put) {
        cluster_failed(s, "an entry that nobody put: %s", e->entry->mid);
        return;
    }
    s->out->counts.duplicates += !fresh;
    op->applied = true;
    /* A redirect in answer to the only attempt promised that this would not happen. */
    if (op->redirected && op->tries == 1 && !s->cfg->answer_again)
        cluster_failed(s, "%s was redirected, and applied at %" PRIu64, op->mid, e->entry->index);
    if (e->answer)
        answer(s, id, &e->request, MESSAGE_OK, kv_request_index(kv, e->entry->client, e->entry->mid));
}

static void do_effect(struct sim *s, unsigned id, const struct raft_effect *e)
{
    struct raft_cluster_counts *n = &s->out->counts;
    if (on_change_effect(s, id, e))
        return;
    switch (e->type) {
    case RAFT_NOTE_ROLE:
        if (e->to_role == RAFT_LEADER)
            cluster_check_leader(s, id, e->after.term);
        n->step_downs += e->from_role == RAFT_LEADER;
        n->leaders_removed += e->why == WHY_REMOVED;
        break;
    case RAFT_NOTE_COMMIT:
        cluster_check_committed(s, id, e);
        break;
    case RAFT_NOTE_TRUNCATE:
        n->truncations++;
        break;
    case RAFT_NOTE_REJECT:
        n->refusals++;
        break;
    case RAFT_NOTE_HOLD:
        n->holds++;
        break;
    case RAFT_DO_APPLY:
        apply(s, id, e);
        break;
    case RAFT_DO_READ: {
        const char *value = kv_get(s->nodes[id].kv, e->request.key);
        if (kv_applied(s->nodes[id].kv) < e->index)
            cluster_failed(s, "a read at %" PRIu64 " before it was applied", e->index);
        n->reads++;
        n->leased += e->leased;
        answer(s, id, &e->request, MESSAGE_OK, version_of(s->nodes[id].kv, value, s->cfg->clients));
        break;
    }
    case RAFT_DO_REDIRECT: {
        struct op *op = cluster_op(s, e->request.mid);
        n->redirects++;
        if (e->node == id)
            cluster_failed(s, "%u redirects to itself", id);
        if (op && op->put && op->applied && op->tries == 1 && !s->cfg->answer_again)
            cluster_failed(s, "%s was applied, and redirected", op->mid);
        n->late_losers += op && op->put && s->now - op->invoked > 100 * MS;
        answer(s, id, &e->request, MESSAGE_REDIRECT, 0);
        break;
    }
    case RAFT_DO_FAIL:
        cluster_failed(s, "%s was refused", e->request.mid);
        break;
    case RAFT_DO_SEND:
        cluster_transmit(s, &e->message);
        break;
    case RAFT_DO_PERSIST:
        cluster_disk_persist(s, id);
        break;
    case RAFT_DO_INSTALL:
        cluster_disk_install(s, id, e);
        break;
    case RAFT_DO_COMPACT:
        n->compactions++;
        if (e->match != kv_applied(s->nodes[id].kv) || e->index > e->match || e->term != s->log[e->index - 1].term)
            cluster_failed(s, "%u gives up its log to %" PRIu64, id, e->index);
        cluster_disk_rebase(&s->nodes[id], e->index, e->term, e->conf);
        break;
    case RAFT_DO_SNAPSHOT: {
        size_t size;
        unsigned char *bytes = kv_save(s->nodes[id].kv, &size);
        raft_give_snapshot(s->nodes[id].raft, e->index, bytes, size);
        break;
    }
    case RAFT_NOTE_SNAP_SEND:
        n->snapshots++;
        break;
    case RAFT_NOTE_TERM:
    case RAFT_NOTE_LEADER:
    case RAFT_NOTE_VOTE_GRANT:
    case RAFT_NOTE_VOTE_DENY:
    case RAFT_NOTE_VOTE_COUNT:
    case RAFT_NOTE_TIMER_SET:
    case RAFT_NOTE_TIMER_FIRE:
    case RAFT_NOTE_APPEND:
    case RAFT_NOTE_PEER:
    case RAFT_NOTE_READ_INDEX:
    case RAFT_NOTE_READ_CONFIRM:
    case RAFT_NOTE_LEASE:
    case RAFT_NOTE_LEASE_END:
    case RAFT_NOTE_IGNORE:
    case RAFT_DO_OK:
        break;
    }
}

/* What the step has decided so far. False: it crashed on the way. */
static bool carry_out(struct sim *s, unsigned id)
{
    struct node *node = &s->nodes[id];
    bool crashes = s->cfg->crashes && s->now < s->cfg->faulty_us && cluster_chance(s, 0.0005);
    size_t end = crashes ? node->done + rng_below(&s->rng, node->fx.n - node->done + 1) : node->fx.n;
    while (node->done < end)
        do_effect(s, id, &node->fx.v[node->done++]);
    if (crashes)
        cluster_crash(s, id);
    return !crashes;
}

static bool finish(struct sim *s, unsigned id)
{
    s->nodes[id].open = false;
    raft_finish(s->nodes[id].raft);
    return carry_out(s, id);
}

/* Datagrams join the step that is open, until its time is over. NULL: time has passed, which is a step of its own. */
void cluster_step(struct sim *s, unsigned id, const struct message *m)
{
    struct node *node = &s->nodes[id];
    struct raft_event ev = {.type = m ? RAFT_EVENT_MESSAGE : RAFT_EVENT_TICK, .now_us = clock_of(s, id), .message = m};
    if (m && (m->type == MESSAGE_GET || m->type == MESSAGE_PUT || m->type == MESSAGE_CHANGE))
        ev.tag = (int64_t)strtoul(m->mid + 1, NULL, 10);
    if (node->open && (!m || !raft_may_join(node->raft)) && !finish(s, id))
        return;
    s->out->counts.steps++;
    s->out->counts.joined += node->open;
    if (!node->open) {
        raft_begin(node->raft, ev.now_us, &node->fx);
        node->done = 0;
    }
    bool last = !node->open && (!m || !s->cfg->batches || cluster_chance(s, 0.3));
    raft_input(node->raft, &ev);
    if (last) {
        finish(s, id);
    } else if (carry_out(s, id) && !node->open) {
        node->open = true;
        node->finish = s->order;
        cluster_push(s, s->now + cluster_between(s, 0, cluster_chance(s, 0.05) ? 20 * MS : 2 * MS), FINISH, id, NULL);
    }
}

void cluster_step_over(struct sim *s, unsigned id, uint64_t order)
{
    struct node *node = &s->nodes[id];
    if (!node->open || node->finish != order)
        return;
    if (s->now >= node->paused_until) {
        finish(s, id);
        return;
    }
    node->finish = s->order;
    cluster_push(s, node->paused_until, FINISH, id, NULL);
}
