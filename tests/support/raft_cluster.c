/* raft_cluster.c -- see raft_cluster.h. */
#include "raft_cluster.h"

#include "raft_admin.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kv.h"
#include "../../src/rng.h"

#define MS           UINT64_C(1000)
#define KEYS         4
#define CLIENTS_MAX  8
#define CLIENT_FIRST 0x100
#define SETTLE_US    (8000 * MS) /* a healed group has this long to answer everything */

enum what { DATAGRAM, ANSWER, CLIENT, CHANGE, FAULT, RESTART, FINISH };

struct event {
    uint64_t at, order;
    enum what what;
    unsigned to;             /* node or client */
    struct message *message; /* DATAGRAM, ANSWER: owned */
};

/* What a replica made durable. */
struct disk {
    uint64_t term, base_index, base_term;
    node_id voted;
    struct entry **log; /* after the base; each owned, with its strings */
    size_t n, room;
    char *conf;           /* at the base; NULL: the first */
    unsigned char *state; /* kv_save(); NULL: nothing was applied to it */
    size_t state_size;
    size_t read; /* entries that a restart has read so far */
};

struct node {
    struct raft *raft; /* NULL: it has crashed */
    struct kv *kv;
    struct disk disk;
    struct raft_effects fx;
    bool open;       /* a step that more inputs may join */
    size_t done;     /* how many effects of the step were carried out */
    uint64_t finish; /* `order` of the FINISH event that ends the open step */
    uint64_t paused_until;
    uint64_t slept; /* how much time its clock has missed */
    double rate;    /* of its clock against time: 0 = neither fast nor slow */
    uint64_t term_led;
};

/* One attempt of a client; `version` is the log index of a write, or of the value read. */
struct op {
    char mid[MID_MAX + 1];
    bool put, done, redirected, applied;
    unsigned key, tries;
    uint64_t floor; /* versions of this key that had been seen by anybody when it was invoked */
    uint64_t invoked;
};

struct committed {
    uint64_t term, hash, state; /* state: kv_digest() after it */
};

struct sim {
    const struct raft_cluster_config *cfg;
    struct raft_cluster_result *out;
    struct rng rng;
    uint64_t now, order, next_mid;
    struct event *heap;
    size_t n_heap, room_heap;
    struct node nodes[RAFT_MEMBERS_MAX];
    bool cut[RAFT_MEMBERS_MAX][RAFT_MEMBERS_MAX]; /* from, to */
    struct committed *log;                        /* [index - 1], as first applied anywhere */
    size_t n_log, room_log;
    node_id *leaders; /* by term: 1 + node, 0 = none so far */
    size_t n_leaders;
    struct op *ops;
    size_t n_ops, room_ops;
    size_t current[CLIENTS_MAX]; /* the op of each client */
    node_id believed[CLIENTS_MAX];
    uint64_t timer[CLIENTS_MAX]; /* `order` of the one CLIENT event of each that still counts */
    char first_conf[RAFT_MEMBERS_MAX * 5 + 1];
    unsigned voters, n_changes;  /* voters: of the latest committed configuration */
    uint64_t seen_version[KEYS]; /* highest that an acknowledged write or a completed read has shown */
};

static void failed(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void failed(struct sim *s, const char *format, ...)
{
    if (s->out->error[0])
        return;
    char text[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(s->out->error, sizeof s->out->error, "%s (size %u, seed %" PRIu64 ", at %" PRIu64 " us)", text,
             s->cfg->size, s->cfg->seed, s->now);
}

static bool chance(struct sim *s, double p)
{
    return rng_unit(&s->rng) < p;
}

static uint64_t between(struct sim *s, uint64_t low, uint64_t high)
{
    return low + rng_below(&s->rng, high - low + 1);
}

static void *grown(void *v, size_t *room, size_t need, size_t size)
{
    if (need <= *room)
        return v;
    *room = need * 2;
    v = realloc(v, *room * size);
    if (!v)
        abort();
    return v;
}

/* ---- events in order of time ---- */

static bool earlier(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct sim *s, uint64_t at, enum what what, unsigned to, struct message *m)
{
    s->heap = grown(s->heap, &s->room_heap, s->n_heap + 1, sizeof *s->heap);
    struct event e = {.at = at, .order = s->order++, .what = what, .to = to, .message = m};
    size_t i = s->n_heap++;
    for (; i && earlier(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
}

static struct event pop(struct sim *s)
{
    struct event top = s->heap[0], e = s->heap[--s->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < s->n_heap; i = child) {
        if (child + 1 < s->n_heap && earlier(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!earlier(&s->heap[child], &e))
            break;
        s->heap[i] = s->heap[child];
    }
    if (s->n_heap)
        s->heap[i] = e;
    return top;
}

/* ---- messages ---- */

/* One allocation: the entries, their pointers and all strings follow. */
struct message *raft_cluster_copy(const struct message *m)
{
    size_t text = (m->key ? strlen(m->key) + 1 : 0) + (m->value ? strlen(m->value) + 1 : 0) +
                  (m->conf ? strlen(m->conf) + 1 : 0) + m->n_data;
    for (size_t i = 0; i < m->n_entries; i++)
        text += strlen(m->entries[i]->mid) + strlen(m->entries[i]->key) + strlen(m->entries[i]->value) + 3;
    struct message *c = malloc(sizeof *c + m->n_entries * (sizeof(struct entry) + sizeof(void *)) + text);
    if (!c)
        abort();
    *c = *m;
    struct entry *entries = (struct entry *)(c + 1);
    const struct entry **list = (const struct entry **)(entries + m->n_entries);
    char *at = (char *)(list + m->n_entries);
#define COPY(to, from) (to = memcpy(at, from, strlen(from) + 1), at += strlen(at) + 1)
    if (m->key)
        COPY(c->key, m->key);
    if (m->value)
        COPY(c->value, m->value);
    for (size_t i = 0; i < m->n_entries; i++) {
        entries[i] = *m->entries[i];
        COPY(entries[i].mid, m->entries[i]->mid);
        COPY(entries[i].key, m->entries[i]->key);
        COPY(entries[i].value, m->entries[i]->value);
        list[i] = &entries[i];
    }
    if (m->conf)
        COPY(c->conf, m->conf);
    if (m->n_data)
        c->data = memcpy(at, m->data, m->n_data);
#undef COPY
    c->entries = list;
    return c;
}

static uint64_t delay(struct sim *s)
{
    if (s->now < s->cfg->faulty_us && s->cfg->faults) {
        if (chance(s, 0.01))
            return between(s, 100 * MS, 1500 * MS);
        if (chance(s, 0.05))
            return between(s, 5 * MS, 60 * MS);
    }
    return between(s, 200, 4 * MS);
}

static void transmit(struct sim *s, const struct message *m)
{
    s->out->counts.messages++;
    s->out->counts.chunks += m->type == MESSAGE_SNAP_REQ;
    if (m->dst >= s->cfg->size || m->dst == m->src) {
        failed(s, "a message from %04X to %04X", m->src, m->dst);
        return;
    }
    bool faulty = s->now < s->cfg->faulty_us;
    if (faulty && (s->cut[m->src][m->dst] || chance(s, s->cfg->loss)))
        return;
    unsigned copies = faulty && chance(s, s->cfg->duplication) ? 2 : 1;
    while (copies--)
        push(s, s->now + delay(s), DATAGRAM, m->dst, raft_cluster_copy(m));
}

/* ---- properties ---- */

/* Election Safety, and Leader Completeness: what was committed before is in the log of every later leader. */
static void check_new_leader(struct sim *s, unsigned id, uint64_t term)
{
    s->out->counts.leaders++;
    size_t room = s->n_leaders;
    if (term >= s->n_leaders) {
        s->leaders = grown(s->leaders, &room, term + 1, sizeof *s->leaders);
        memset(s->leaders + s->n_leaders, 0, (room - s->n_leaders) * sizeof *s->leaders);
        s->n_leaders = room;
    }
    /* Who votes alone may crash before its own vote is durable, and nobody has heard of it. */
    bool again = s->leaders[term] == id + 1 && admin_voters(raft_conf(s->nodes[id].raft)) == 1;
    if (s->leaders[term] && !again)
        failed(s, "Election Safety: %u and %u lead in term %" PRIu64, s->leaders[term] - 1U, id, term);
    s->leaders[term] = (node_id)(id + 1);
    uint64_t base_term, base = raft_base(s->nodes[id].raft, &base_term);
    /* Beyond what anybody has applied so far, the base can only be of this very step. */
    if (base && base <= s->n_log && base_term != s->log[base - 1].term)
        failed(s, "Leader Completeness: the base of leader %u is not what was committed at %" PRIu64, id, base);
    for (size_t i = base + 1; i <= s->n_log; i++) {
        const struct entry *e = raft_entry(s->nodes[id].raft, i);
        if (!e || e->term != s->log[i - 1].term) {
            failed(s, "Leader Completeness: leader %u of term %" PRIu64 " lacks entry %zu", id, term, i);
            return;
        }
    }
}

/* Its log may have been given up already: an old leader finishes a step late that was open for long. */
static bool holds(const struct sim *s, const struct disk *d, uint64_t index, uint64_t term)
{
    if (index <= d->base_index)
        return s->log[index - 1].term == term;
    return index - d->base_index <= d->n && d->log[index - d->base_index - 1]->term == term;
}

/* What is committed is on the disks of a majority, and of the leader's own term (§5.4.2). */
static void check_committed(struct sim *s, unsigned id, const struct raft_effect *e)
{
    const char *conf = raft_conf(s->nodes[id].raft);
    s->out->counts.commits++;
    if (e->index <= e->old)
        failed(s, "commit went from %" PRIu64 " to %" PRIu64, e->old, e->index);
    unsigned have = 0;
    for (unsigned i = 0; i < s->cfg->size; i++) {
        if (admin_is_voter(conf, (node_id)i))
            have += holds(s, &s->nodes[i].disk, e->index, e->after.term);
    }
    if (e->why == WHY_QUORUM && have < admin_voters(conf) / 2 + 1)
        failed(s, "entry %" PRIu64 " was committed with %u durable copies", e->index, have);
}

/* State Machine Safety: nobody applies another entry at this index, or comes to another state by it. */
static void check_applied(struct sim *s, const struct entry *e, uint64_t state)
{
    if (e->index > s->n_log) {
        s->log = grown(s->log, &s->room_log, s->n_log + 1, sizeof *s->log);
        s->log[s->n_log++] = (struct committed){.term = e->term, .hash = e->hash, .state = state};
    }
    if (e->index > s->n_log || s->log[e->index - 1].term != e->term || s->log[e->index - 1].hash != e->hash)
        failed(s, "State Machine Safety: entry %" PRIu64 " is not the same everywhere", e->index);
    else if (s->log[e->index - 1].state != state)
        failed(s, "State Machine Safety: the state after %" PRIu64 " is not the same everywhere", e->index);
}

/* Log Matching: where two logs have the same term, all before is the same. */
static void check_logs(struct sim *s)
{
    for (unsigned i = 0; i + 1 < s->cfg->size; i++) {
        const struct raft *a = s->nodes[i].raft, *b = s->nodes[i + 1].raft;
        if (!a || !b)
            continue;
        uint64_t last_a = raft_brief(a).last, last_b = raft_brief(b).last;
        uint64_t base_a = raft_base(a, NULL), base_b = raft_base(b, NULL);
        bool same = false;
        for (uint64_t k = last_a < last_b ? last_a : last_b; k > base_a && k > base_b; k--) {
            const struct entry *ea = raft_entry(a, k), *eb = raft_entry(b, k);
            same = same || ea->term == eb->term;
            if (same && (ea->term != eb->term || ea->hash != eb->hash)) {
                failed(s, "Log Matching: %u and %u differ at %" PRIu64, i, i + 1, k);
                return;
            }
        }
    }
}

/* ---- clients ---- */

static struct op *op_by_mid(struct sim *s, const char *mid)
{
    size_t n = strtoul(mid + 1, NULL, 10);
    return n < s->n_ops && strcmp(s->ops[n].mid, mid) == 0 ? &s->ops[n] : NULL;
}

static void send_request(struct sim *s, unsigned client, struct op *op, unsigned to)
{
    char key[8], value[MID_MAX + 8];
    snprintf(key, sizeof key, "k%u", op->key);
    snprintf(value, sizeof value, "v%s", op->mid);
    struct message m = {.type = op->put ? MESSAGE_PUT : MESSAGE_GET,
                        .src = (node_id)(CLIENT_FIRST + client),
                        .dst = (node_id)to,
                        .leader = NODE_NONE,
                        .key = key,
                        .value = op->put ? value : NULL};
    memcpy(m.mid, op->mid, sizeof m.mid);
    op->tries++;
    /* Client traffic is never lost, but it may be duplicated. */
    unsigned copies = chance(s, s->cfg->duplication) ? 2 : 1;
    while (copies--)
        push(s, s->now + between(s, 100, 2 * MS), DATAGRAM, to, raft_cluster_copy(&m));
}

static void invoke(struct sim *s, unsigned client)
{
    s->ops = grown(s->ops, &s->room_ops, s->n_ops + 1, sizeof *s->ops);
    struct op *op = &s->ops[s->n_ops];
    memset(op, 0, sizeof *op);
    snprintf(op->mid, sizeof op->mid, "M%zu", s->n_ops);
    op->put = chance(s, 0.5);
    op->key = (unsigned)rng_below(&s->rng, KEYS);
    op->floor = s->seen_version[op->key];
    op->invoked = s->now;
    s->current[client] = s->n_ops++;
    node_id to = s->believed[client];
    send_request(s, client, op, to < s->cfg->size ? to : (unsigned)rng_below(&s->rng, s->cfg->size));
}

static void arm_client(struct sim *s, unsigned client, uint64_t after)
{
    s->timer[client] = s->order;
    push(s, s->now + after, CLIENT, client, NULL);
}

/* A request came to its end: the next follows soon. */
static void next_request(struct sim *s, unsigned client)
{
    arm_client(s, client, between(s, 0, 20 * MS));
}

static void on_client_timer(struct sim *s, unsigned client)
{
    struct op *op = s->n_ops && s->current[client] != SIZE_MAX ? &s->ops[s->current[client]] : NULL;
    if (!op || op->done || op->redirected) {
        invoke(s, client);
    } else if (op->put) {
        /* No answer: the same request again, to somebody else. */
        s->believed[client] = NODE_NONE;
        send_request(s, client, op, (unsigned)rng_below(&s->rng, s->cfg->size));
    } else {
        op->done = true; /* a get may simply be given up */
        s->believed[client] = NODE_NONE;
        invoke(s, client);
    }
    arm_client(s, client, between(s, 500 * MS, 900 * MS));
}

static void on_answer(struct sim *s, unsigned client, const struct message *m)
{
    struct op *op = op_by_mid(s, m->mid);
    if (!op) {
        failed(s, "an answer to %s, which nobody asked", m->mid);
        return;
    }
    s->believed[client] = m->leader;
    bool current = s->current[client] == (size_t)(op - s->ops);
    if (op->done || op->redirected)
        return;
    if (m->type == MESSAGE_REDIRECT) {
        op->redirected = true;
        if (current)
            next_request(s, client);
        return;
    }
    op->done = true;
    s->out->counts.acknowledged++;
    /* `term` carries the version: the index of the write, or of the value read. */
    if (op->put ? m->term <= op->floor : m->term < op->floor)
        failed(s, "%s of key %u is not linearizable: version %" PRIu64 " after %" PRIu64 " was seen",
               op->put ? "put" : "get", op->key, m->term, op->floor);
    if (m->term > s->seen_version[op->key])
        s->seen_version[op->key] = m->term;
    if (current)
        next_request(s, client);
}

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

/* ---- disks ---- */

static void cut_log(struct disk *d, uint64_t last)
{
    while (d->n && d->base_index + d->n > last)
        free(d->log[--d->n]);
}

static void write_log(struct disk *d, const struct raft *r, uint64_t from)
{
    cut_log(d, from - 1);
    for (uint64_t i = from; i <= raft_brief(r).last; i++) {
        const struct entry *e = raft_entry(r, i);
        size_t mid = strlen(e->mid) + 1, key = strlen(e->key) + 1, value = strlen(e->value) + 1;
        struct entry *own = malloc(sizeof *own + mid + key + value);
        if (!own)
            abort();
        *own = *e;
        own->mid = memcpy(own + 1, e->mid, mid);
        own->key = memcpy((char *)(own + 1) + mid, e->key, key);
        own->value = memcpy((char *)(own + 1) + mid + key, e->value, value);
        d->log = grown(d->log, &d->room, d->n + 1, sizeof(struct entry *));
        d->log[d->n++] = own;
    }
}

static void persist(struct sim *s, unsigned id)
{
    struct node *node = &s->nodes[id];
    struct disk *d = &node->disk;
    const struct raft_effects *fx = &node->fx;
    if (fx->persist_vote) {
        d->term = raft_brief(node->raft).term;
        d->voted = raft_voted_for(node->raft);
    }
    if (fx->truncated_from)
        cut_log(d, fx->truncated_from - 1);
    if (fx->appended_from)
        write_log(d, node->raft, fx->appended_from);
}

/* The log begins after (index, term): the state stands in its place. */
static void rebase(struct node *node, uint64_t index, uint64_t term, const char *conf)
{
    struct disk *d = &node->disk;
    size_t gone = index - d->base_index < d->n ? index - d->base_index : d->n;
    for (size_t i = 0; i < gone; i++)
        free(d->log[i]);
    d->n -= gone;
    if (d->n)
        memmove(d->log, d->log + gone, d->n * sizeof(struct entry *));
    d->base_index = index;
    d->base_term = term;
    free(d->conf);
    d->conf = strdup(conf);
    free(d->state);
    d->state = kv_save(node->kv, &d->state_size);
}

static void install(struct sim *s, unsigned id, const struct raft_effect *e)
{
    struct node *node = &s->nodes[id];
    s->out->counts.installs++;
    if (e->index <= kv_applied(node->kv))
        failed(s, "%u goes back from %" PRIu64 " to a snapshot", id, kv_applied(node->kv));
    kv_free(node->kv);
    node->kv = kv_load(e->data, e->size);
    if (!node->kv || kv_applied(node->kv) != e->index || e->index > s->n_log || e->term != s->log[e->index - 1].term ||
        kv_digest(node->kv) != s->log[e->index - 1].state) {
        failed(s, "%u installs what was not the state at %" PRIu64, id, e->index);
        return;
    }
    cut_log(&node->disk, 0);
    rebase(node, e->index, e->term, e->conf);
    write_log(&node->disk, node->raft, e->index + 1);
}

static bool next_entry(void *ctx, struct entry *e)
{
    struct disk *d = ctx;
    if (d->read == d->n)
        return false;
    *e = *d->log[d->read++];
    return true;
}

static void boot(struct sim *s, unsigned id)
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
    d->read = 0;
    struct raft_restored restored = {.term = d->term,
                                     .voted = d->voted,
                                     .applied = kv_applied(node->kv),
                                     .base_index = d->base_index,
                                     .base_term = d->base_term,
                                     .base_conf = d->conf,
                                     .next_entry = next_entry,
                                     .ctx = d};
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
        failed(s, "%u does not start with what its disk held", id);
}

/* Whatever was not done yet is never done. */
static void crash(struct sim *s, unsigned id)
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
    push(s, s->now + between(s, 50 * MS, 1000 * MS), RESTART, id, NULL);
}

/* ---- a step of a node ---- */

static void answer(struct sim *s, unsigned id, const struct raft_request *request, enum message_type type,
                   uint64_t version)
{
    struct message m = {.type = type, .src = (node_id)id, .dst = request->client, .term = version};
    m.leader = raft_brief(s->nodes[id].raft).leader;
    memcpy(m.mid, request->mid, strlen(request->mid) + 1);
    if (request->tag != (int64_t)strtoul(request->mid + 1, NULL, 10))
        failed(s, "the tag of %s was lost", request->mid);
    push(s, s->now + between(s, 100, 2 * MS), ANSWER, request->client - CLIENT_FIRST, raft_cluster_copy(&m));
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
            failed(s, "%s: %u appends %s at %" PRIu64, why, id, e->entry->value, e->entry->index);
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
    check_applied(s, e->entry, kv_digest(kv));
    if (e->entry->op == ENTRY_NOOP) {
        if (e->answer)
            failed(s, "a no-op was answered at %" PRIu64, e->entry->index);
        return;
    }
    if (e->entry->op == ENTRY_CONF) {
        unsigned voters = admin_voters(e->entry->value);
        s->out->counts.members_added += first && voters > s->voters;
        s->out->counts.members_removed += first && voters < s->voters;
        s->voters = first ? voters : s->voters;
        return;
    }
    struct op *op = op_by_mid(s, e->entry->mid);
    if (!op || !op->put) {
        failed(s, "an entry that nobody put: %s", e->entry->mid);
        return;
    }
    s->out->counts.duplicates += !fresh;
    op->applied = true;
    /* A redirect in answer to the only attempt promised that this would not happen. */
    if (op->redirected && op->tries == 1 && !s->cfg->answer_again)
        failed(s, "%s was redirected, and applied at %" PRIu64, op->mid, e->entry->index);
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
            check_new_leader(s, id, e->after.term);
        n->step_downs += e->from_role == RAFT_LEADER;
        n->leaders_removed += e->why == WHY_REMOVED;
        break;
    case RAFT_NOTE_COMMIT:
        check_committed(s, id, e);
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
            failed(s, "a read at %" PRIu64 " before it was applied", e->index);
        n->reads++;
        n->leased += e->leased;
        answer(s, id, &e->request, MESSAGE_OK, version_of(s->nodes[id].kv, value, s->cfg->clients));
        break;
    }
    case RAFT_DO_REDIRECT: {
        struct op *op = op_by_mid(s, e->request.mid);
        n->redirects++;
        if (e->node == id)
            failed(s, "%u redirects to itself", id);
        if (op && op->put && op->applied && op->tries == 1 && !s->cfg->answer_again)
            failed(s, "%s was applied, and redirected", op->mid);
        n->late_losers += op && op->put && s->now - op->invoked > 100 * MS;
        answer(s, id, &e->request, MESSAGE_REDIRECT, 0);
        break;
    }
    case RAFT_DO_FAIL:
        failed(s, "%s was refused", e->request.mid);
        break;
    case RAFT_DO_SEND:
        transmit(s, &e->message);
        break;
    case RAFT_DO_PERSIST:
        persist(s, id);
        break;
    case RAFT_DO_INSTALL:
        install(s, id, e);
        break;
    case RAFT_DO_COMPACT:
        n->compactions++;
        if (e->match != kv_applied(s->nodes[id].kv) || e->index > e->match || e->term != s->log[e->index - 1].term)
            failed(s, "%u gives up its log to %" PRIu64, id, e->index);
        rebase(&s->nodes[id], e->index, e->term, e->conf);
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
    bool crashes = s->cfg->crashes && s->now < s->cfg->faulty_us && chance(s, 0.0005);
    size_t end = crashes ? node->done + rng_below(&s->rng, node->fx.n - node->done + 1) : node->fx.n;
    while (node->done < end)
        do_effect(s, id, &node->fx.v[node->done++]);
    if (crashes)
        crash(s, id);
    return !crashes;
}

static bool finish(struct sim *s, unsigned id)
{
    s->nodes[id].open = false;
    raft_finish(s->nodes[id].raft);
    return carry_out(s, id);
}

/* Datagrams join the step that is open, until its time is over. NULL: time has passed, which is a step of its own. */
static void step(struct sim *s, unsigned id, const struct message *m)
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
    bool last = !node->open && (!m || !s->cfg->batches || chance(s, 0.3));
    raft_input(node->raft, &ev);
    if (last) {
        finish(s, id);
    } else if (carry_out(s, id) && !node->open) {
        node->open = true;
        node->finish = s->order;
        push(s, s->now + between(s, 0, chance(s, 0.05) ? 20 * MS : 2 * MS), FINISH, id, NULL);
    }
}

/* ---- faults ---- */

static void cut_group(struct sim *s, uint32_t group)
{
    for (unsigned i = 0; i < s->cfg->size; i++)
        for (unsigned j = 0; j < s->cfg->size; j++)
            s->cut[i][j] = (group >> i & 1) != (group >> j & 1);
}

static void pause_node(struct sim *s, unsigned id, uint64_t us)
{
    struct node *n = &s->nodes[id];
    if (s->cfg->clocks_sleep && n->paused_until <= s->now) {
        n->slept += us;
        cut_group(s, UINT32_C(1) << id); /* when it wakes up, the network is not there at once */
    }
    n->paused_until = s->now + us;
}

static void on_fault(struct sim *s)
{
    memset(s->cut, 0, sizeof s->cut);
    if (s->now >= s->cfg->faulty_us)
        return;
    unsigned n = s->cfg->size, victim = (unsigned)rng_below(&s->rng, n);
    unsigned leader = victim;
    for (unsigned i = 0; i < n; i++)
        if (s->nodes[i].raft && raft_brief(s->nodes[i].raft).role == RAFT_LEADER)
            leader = i;
    switch (rng_below(&s->rng, s->cfg->crashes ? 8 : 6)) {
    case 0:
        cut_group(s, (uint32_t)rng_next(&s->rng));
        break;
    case 1:
        cut_group(s, UINT32_C(1) << leader);
        break;
    case 2: /* the leader and one other, away from the rest */
        cut_group(s, UINT32_C(1) << leader | UINT32_C(1) << victim);
        break;
    case 3:
        for (unsigned i = 0; i < n; i++)
            for (unsigned j = 0; j < n; j++)
                s->cut[i][j] = chance(s, 0.3);
        break;
    case 4:
        pause_node(s, chance(s, 0.5) ? leader : victim, between(s, 50 * MS, 1500 * MS));
        break;
    case 6:
        if (s->nodes[leader].raft)
            crash(s, leader);
        break;
    case 7:
        for (unsigned i = 0; i < n; i++)
            if (s->nodes[i].raft)
                crash(s, i);
        break;
    default:
        break;
    }
    push(s, s->now + between(s, 200 * MS, 1500 * MS), FAULT, 0, NULL);
}

/* The administrator asks whoever leads, or anybody. */
static void on_change(struct sim *s)
{
    if (s->now >= s->cfg->faulty_us)
        return;
    struct message m = admin_request(&s->rng, s->n_changes++, s->cfg->size);
    unsigned to = (unsigned)rng_below(&s->rng, s->cfg->size);
    for (unsigned i = 0; i < s->cfg->size && chance(s, 0.9); i++)
        if (s->nodes[i].raft && raft_brief(s->nodes[i].raft).role == RAFT_LEADER)
            to = i;
    m.dst = (node_id)to;
    push(s, s->now + between(s, 100, 2 * MS), DATAGRAM, to, raft_cluster_copy(&m));
    push(s, s->now + between(s, 20 * MS, 800 * MS), CHANGE, 0, NULL);
}

/* ---- a run ---- */

static void start(struct sim *s)
{
    s->voters = s->cfg->size - s->cfg->outside;
    for (unsigned i = 0; i < s->voters; i++)
        snprintf(s->first_conf + strlen(s->first_conf), 6, "%s%04hX", i ? "," : "", (unsigned short)i);
    for (unsigned i = 0; i < s->cfg->size; i++) {
        s->nodes[i].rate = (double)rng_below(&s->rng, s->cfg->real_drift_ppm + 1) / 1e6 - s->cfg->real_drift_ppm / 2e6;
        s->nodes[i].disk.voted = NODE_NONE;
        boot(s, i);
    }
    for (unsigned c = 0; c < s->cfg->clients; c++) {
        s->current[c] = SIZE_MAX;
        s->believed[c] = NODE_NONE;
        arm_client(s, c, between(s, 0, 400 * MS));
    }
    if (s->cfg->faults)
        push(s, 300 * MS, FAULT, 0, NULL);
    if (s->cfg->changes)
        push(s, 400 * MS, CHANGE, 0, NULL);
}

static uint64_t due(const struct sim *s, unsigned id)
{
    uint64_t at = s->nodes[id].raft ? moment_of(s, id, raft_deadline(s->nodes[id].raft)) : UINT64_MAX;
    return at < s->nodes[id].paused_until ? s->nodes[id].paused_until : at;
}

static void on_finish(struct sim *s, unsigned id, uint64_t order)
{
    struct node *node = &s->nodes[id];
    if (!node->open || node->finish != order)
        return;
    if (s->now >= node->paused_until) {
        finish(s, id);
        return;
    }
    node->finish = s->order;
    push(s, node->paused_until, FINISH, id, NULL);
}

/* The next thing that happens: a timer of a node, or an event. */
static void advance(struct sim *s)
{
    unsigned first = 0;
    for (unsigned i = 1; i < s->cfg->size; i++)
        if (due(s, i) < due(s, first))
            first = i;
    if (!s->n_heap || due(s, first) <= s->heap[0].at) {
        if (due(s, first) > s->now)
            s->now = due(s, first);
        step(s, first, NULL);
        return;
    }
    struct event e = pop(s);
    s->now = e.at;
    switch (e.what) {
    case DATAGRAM:
        if (s->now < s->nodes[e.to].paused_until) {
            push(s, s->nodes[e.to].paused_until, DATAGRAM, e.to, e.message);
            return;
        }
        if (s->nodes[e.to].raft)
            step(s, e.to, e.message);
        break;
    case ANSWER:
        on_answer(s, e.to, e.message);
        break;
    case CLIENT:
        if (e.order == s->timer[e.to])
            on_client_timer(s, e.to);
        break;
    case CHANGE:
        on_change(s);
        break;
    case FAULT:
        on_fault(s);
        break;
    case RESTART:
        boot(s, e.to);
        break;
    case FINISH:
        on_finish(s, e.to, e.order);
        break;
    }
    free(e.message);
}

/* A healed group answers; all replicas come to the same state. */
static void check_end(struct sim *s, uint64_t acknowledged_at_heal)
{
    if (s->cfg->clients && s->out->counts.acknowledged < acknowledged_at_heal + 50)
        failed(s, "no progress after healing: %" PRIu64 " answers", s->out->counts.acknowledged - acknowledged_at_heal);
    for (unsigned i = 0; i < s->cfg->size; i++)
        if (!s->nodes[i].raft) {
            failed(s, "%u has not come back", i);
            return;
        }
    unsigned leader = 0;
    for (unsigned i = 1; i < s->cfg->size; i++) {
        struct raft_brief best = raft_brief(s->nodes[leader].raft), b = raft_brief(s->nodes[i].raft);
        if (b.role == RAFT_LEADER && (best.role != RAFT_LEADER || b.term > best.term))
            leader = i;
    }
    const char *conf = raft_conf(s->nodes[leader].raft);
    if (!admin_is_voter(conf, (node_id)leader))
        failed(s, "%u leads, but %s are the members", leader, conf);
    for (unsigned i = 0; i < s->cfg->size; i++) {
        uint64_t a = kv_applied(s->nodes[leader].kv), b = kv_applied(s->nodes[i].kv);
        if (a == b && kv_digest(s->nodes[leader].kv) != kv_digest(s->nodes[i].kv))
            failed(s, "%u and %u differ in state at %" PRIu64, leader, i, a);
        if (admin_is_voter(conf, (node_id)i) && (a > b + 200 || b > a + 200))
            failed(s, "%u is at %" PRIu64 " and the leader %u at %" PRIu64, i, b, leader, a);
    }
}

void raft_cluster_run(const struct raft_cluster_config *cfg, struct raft_cluster_result *out)
{
    memset(out, 0, sizeof *out);
    struct sim *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->cfg = cfg;
    s->out = out;
    rng_seed(&s->rng, cfg->seed);
    start(s);
    for (uint64_t n = 1; s->now < cfg->faulty_us && !out->error[0]; n++) {
        advance(s);
        if (n % 2048 == 0)
            check_logs(s);
    }
    for (unsigned i = 0; i < cfg->size; i++)
        s->nodes[i].paused_until = 0;
    memset(s->cut, 0, sizeof s->cut);
    uint64_t acknowledged = out->counts.acknowledged;
    while (s->now < cfg->faulty_us + SETTLE_US && !out->error[0])
        advance(s);
    check_logs(s);
    if (!out->error[0])
        check_end(s, acknowledged);
    for (unsigned i = 0; i < cfg->size; i++) {
        raft_free(s->nodes[i].raft);
        kv_free(s->nodes[i].kv);
        raft_effects_free(&s->nodes[i].fx);
        cut_log(&s->nodes[i].disk, 0);
        free(s->nodes[i].disk.log);
        free(s->nodes[i].disk.conf);
        free(s->nodes[i].disk.state);
    }
    while (s->n_heap)
        free(s->heap[--s->n_heap].message);
    free(s->heap);
    free(s->log);
    free(s->leaders);
    free(s->ops);
    free(s);
}
