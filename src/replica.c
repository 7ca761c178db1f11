/* replica.c -- the order in which an input is handled; see replica.h. What is written down is in replica_record*.c. */
#include "replica_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the outbox ---- */

static void *grow(void *v, size_t *room, size_t need, size_t size)
{
    if (need <= *room)
        return v;
    size_t more = *room ? *room : 64;
    while (more < need)
        more *= 2;
    v = realloc(v, more * size);
    if (!v)
        abort();
    *room = more;
    return v;
}

/* Records the message, then encodes it: it carries the Lamport clock of its own record. */
static void post(struct replica *rep, const struct raft_brief *after, struct message *m)
{
    struct outbox *o = &rep->outbox;
    record_sent(rep, after, m);
    o->bytes = grow(o->bytes, &o->room, o->used + DATAGRAM_MAX, 1);
    o->v = grow(o->v, &o->n_room, o->n + 1, sizeof *o->v);
    size_t n = wire_encode(m, o->bytes + o->used, DATAGRAM_MAX);
    if (n == 0)
        abort(); /* RAFT_ENTRY_BYTES_MAX leaves room for everything else */
    o->v[o->n++] = (struct outgoing){
        .at = o->used, .n = n, .dst = m->dst, .to_replica = wire_between_replicas(m->type) || m->type == MESSAGE_HELLO};
    memcpy(o->v[o->n - 1].answered, m->mid, sizeof m->mid);
    o->used += n;
}

/* The next MID of ours: ID-BOOT-N. */
static void name_message(struct replica *rep, char mid[MID_MAX + 1])
{
    char digits[20];
    size_t n = 0;
    for (uint64_t v = ++rep->messages; v > 0; v /= 10)
        digits[n++] = (char)('0' + v % 10);
    memcpy(mid, rep->mid_prefix, rep->mid_prefix_n);
    mid += rep->mid_prefix_n;
    while (n > 0)
        *mid++ = digits[--n];
    *mid = '\0';
}

static void post_to_replica(struct replica *rep, const struct raft_effect *e)
{
    struct message m = e->message;
    name_message(rep, m.mid);
    post(rep, &e->after, &m);
}

static void post_answer(struct replica *rep, const struct raft_effect *e, enum message_type type, node_id leader,
                        const char *value)
{
    struct message m = {.type = type, .src = rep->id, .dst = e->request.client, .leader = leader, .value = value};
    memcpy(m.mid, e->request.mid, strlen(e->request.mid) + 1); /* it came in a message */
    post(rep, &e->after, &m);
}

/* Why a request failed, for a person. */
static const char *failure(enum raft_why why)
{
    switch ((int)why) {
    case WHY_OVERLOAD:
        return "it does not fit into an append, or too many requests wait";
    case WHY_BUSY:
        return "another change is under way, or the leader is too new; try again";
    case WHY_NOT_READY:
        return "the member did not catch up or take over in time; does it run, and can it be reached?";
    case WHY_REMOVED:
        return "it was removed again before it had caught up";
    case WHY_UNKNOWN_MEMBER:
        return "there is no such member";
    case WHY_KNOWN_MEMBER:
        return "there is a member with this id, at another address; remove it first";
    case WHY_GROUP_SIZE:
        return "a group has 1 to 21 members";
    default:
        return NULL;
    }
}

static void post_failure(struct replica *rep, const struct raft_effect *e)
{
    struct message m = {.type = MESSAGE_FAIL,
                        .src = rep->id,
                        .dst = e->request.client,
                        .leader = e->after.leader,
                        .why = failure(e->why)};
    snprintf(m.mid, sizeof m.mid, "%s", e->request.mid);
    post(rep, &e->after, &m);
}

void replica_send_all(struct replica *rep)
{
    struct outbox *o = &rep->outbox;
    for (int to_replicas = 0; to_replicas < 2; to_replicas++)
        for (size_t i = 0; i < o->n; i++)
            if (o->v[i].to_replica == (to_replicas == 1))
                rep->io.send(rep->io.ctx, o->bytes + o->v[i].at, o->v[i].n, o->v[i].dst,
                             o->v[i].to_replica ? NULL : o->v[i].answered);
    o->n = 0;
    o->used = 0;
}

/* ---- what the core decided ---- */

static void apply(struct replica *rep, const struct raft_effect *e)
{
    bool fresh = kv_apply(rep->kv, e->entry);
    record_applied(rep, e, fresh);
    if (e->answer)
        post_answer(rep, e, MESSAGE_OK, e->after.leader, NULL);
}

static void read_key(struct replica *rep, const struct raft_effect *e)
{
    const char *value = kv_get(rep->kv, e->request.key);
    record_read(rep, e, value);
    post_answer(rep, e, MESSAGE_OK, e->after.leader, value);
}

bool replica_persist(struct replica *rep, const struct raft_brief *after, struct store_change *change)
{
    struct raft_effects *fx = &rep->fx;
    change->core = rep->core;
    change->kv = rep->kv;
    change->vote = fx->persist_vote;
    change->truncated_from = fx->truncated_from;
    change->appended_from = fx->appended_from;
    bool durable = rep->io.persist(rep->io.ctx, change);
    record_synced(rep, after, change, durable);
    fx->persist_vote = false;
    fx->truncated_from = fx->appended_from = 0;
    return durable;
}

static bool make_durable(struct replica *rep, const struct raft_brief *after)
{
    const struct raft_effects *fx = &rep->fx;
    if (!rep->io.persist || !(fx->persist_vote || fx->truncated_from || fx->appended_from))
        return true; /* no storage, or a snapshot took it along */
    /* What does not depend on it need not wait for the disk. */
    record_flush(rep);
    replica_send_all(rep);
    return replica_persist(rep, after, &(struct store_change){.snapshot = false});
}

/* `m` is the message being handled, NULL when there is none. False: not durable; the rest must not be done. */
static bool carry_out(struct replica *rep, const struct raft_effect *e, const struct message *m)
{
    switch ((int)e->type) {
    case RAFT_DO_PERSIST:
        return make_durable(rep, &e->after);
    case RAFT_DO_INSTALL:
        return replica_install(rep, e);
    case RAFT_DO_COMPACT:
        return replica_compact(rep, e);
    case RAFT_DO_SNAPSHOT:
        rep->snapshot_wanted = true; /* the step is not over: more may be applied in it */
        break;
    case RAFT_DO_APPLY:
        apply(rep, e);
        break;
    case RAFT_DO_READ:
        read_key(rep, e);
        break;
    case RAFT_DO_SEND:
        post_to_replica(rep, e);
        break;
    case RAFT_DO_REDIRECT:
        record_note(rep, e, m);
        post_answer(rep, e, MESSAGE_REDIRECT, e->node, NULL);
        break;
    case RAFT_DO_FAIL:
        record_note(rep, e, m);
        post_failure(rep, e);
        break;
    case RAFT_DO_OK:
        record_note(rep, e, m);
        post_answer(rep, e, MESSAGE_OK, e->after.leader, NULL);
        break;
    default:
        record_note(rep, e, m);
    }
    return true;
}

/* The effects so far that are not carried out yet. */
static bool carry_out_all(struct replica *rep, const struct message *m)
{
    while (rep->done < rep->fx.n)
        if (!carry_out(rep, &rep->fx.v[rep->done++], m))
            return false;
    return true;
}

bool replica_flush(struct replica *rep)
{
    bool well = true;
    if (rep->open) {
        rep->open = false;
        record_end(rep);
        raft_finish(rep->core);
        well = carry_out_all(rep, NULL);
        if (well && rep->snapshot_wanted)
            replica_give_snapshot(rep);
        rep->snapshot_wanted = false;
    }
    record_flush(rep);
    if (well)
        replica_send_all(rep);
    return well;
}

/* ---- inputs ---- */

static bool input(struct replica *rep, const struct raft_event *ev)
{
    if (!rep->open) {
        raft_begin(rep->core, ev->now_us, &rep->fx);
        rep->open = true;
        rep->done = 0;
    }
    rep->cause = ev->tag;
    raft_input(rep->core, ev);
    return carry_out_all(rep, ev->message);
}

/* Whoever asks need not know whom. */
static void tell_status(struct replica *rep, uint64_t now_ns, const struct message *asked)
{
    struct member_status members[RAFT_MEMBERS_MAX + 1];
    struct status s = {
        .boot = (uint64_t)rep->boot, .keys = kv_keys(rep->kv), .durable = rep->io.persist ? "disk" : "memory"};
    const struct raft_brief b = raft_brief(rep->core);
    raft_status(rep->core, now_ns / 1000, &s, members);
    struct message m = {.type = MESSAGE_STATUS_RES,
                        .src = rep->id,
                        .dst = asked->src,
                        .leader = b.leader,
                        .term = b.term,
                        .status = &s};
    memcpy(m.mid, asked->mid, sizeof m.mid);
    post(rep, &b, &m);
}

bool replica_take(struct replica *rep, uint64_t now_ns, const void *bytes, size_t n)
{
    struct message m;
    struct wire_refusal refusal;
    if (rep->open && !raft_may_join(rep->core) && !replica_flush(rep))
        return false;
    record_begin(rep, now_ns);
    struct replica_denial denial = {0};
    if (!wire_decode(rep->decoder, bytes, n, &m, &refusal)) {
        const struct message claimed = {.type = MESSAGE_APP_REQ, .src = refusal.src};
        bool known = !rep->io.admit || rep->io.admit(rep->io.ctx, &claimed, &denial);
        refusal.src = known ? refusal.src : NODE_NONE; /* anybody can name a replica */
        record_refused(rep, bytes, n, &refusal, known ? NULL : denial.addr);
        return true;
    }
    if (rep->io.admit && !rep->io.admit(rep->io.ctx, &m, &denial)) {
        refusal = (struct wire_refusal){.why = denial.why, .what = denial.what, .src = m.src};
        record_refused(rep, bytes, n, &refusal, denial.addr);
        return true;
    }
    int64_t tag = record_received(rep, &m);
    if (m.type == MESSAGE_STATUS && (m.dst == rep->id || m.dst == NODE_NONE)) {
        tell_status(rep, now_ns, &m);
        return true;
    }
    return input(rep,
                 &(struct raft_event){.type = RAFT_EVENT_MESSAGE, .now_us = now_ns / 1000, .message = &m, .tag = tag});
}

void replica_refuse(struct replica *rep, uint64_t now_ns, const void *bytes, size_t n,
                    const struct replica_denial *denial)
{
    record_begin(rep, now_ns);
    record_refused(rep, bytes, n, &(struct wire_refusal){.why = denial->why, .what = denial->what, .src = NODE_NONE},
                   denial->addr);
}

bool replica_on_datagram(struct replica *rep, uint64_t now_ns, const void *bytes, size_t n)
{
    return replica_take(rep, now_ns, bytes, n) && replica_flush(rep);
}

bool replica_on_tick(struct replica *rep, uint64_t now_ns)
{
    if (!replica_flush(rep))
        return false;
    record_begin(rep, now_ns);
    return input(rep, &(struct raft_event){.type = RAFT_EVENT_TICK, .now_us = now_ns / 1000}) && replica_flush(rep);
}

uint64_t replica_deadline(const struct replica *rep)
{
    uint64_t us = raft_deadline(rep->core);
    return us > UINT64_MAX / 1000 ? UINT64_MAX : us * 1000;
}

/* ---- life ---- */

struct replica *replica_new(const struct replica_options *o, struct replica_io io, uint64_t now_ns)
{
    struct replica *rep = calloc(1, sizeof *rep);
    if (!rep)
        return NULL;
    *rep = (struct replica){.kv = o->kv ? o->kv : kv_new(),
                            .decoder = wire_decoder_new(),
                            .io = io,
                            .trace = o->trace,
                            .id = o->core.id,
                            .boot = o->boot,
                            .epoch_ns = o->epoch_ns,
                            .hash_every = o->hash_every};
    wire_node_text(rep->id, rep->name);
    int n = snprintf(rep->mid_prefix, sizeof rep->mid_prefix, "%s-%lld-", rep->name, (long long)rep->boot);
    rep->mid_prefix_n = (size_t)n;
    if (rep->kv && rep->decoder)
        rep->core = raft_new(&o->core, now_ns / 1000, &rep->fx);
    if (!rep->core) {
        replica_free(rep);
        return NULL;
    }
    record_start(rep, o, now_ns);
    if (!carry_out_all(rep, NULL)) {
        replica_free(rep);
        return NULL;
    }
    const struct raft_effect hello = {
        .after = raft_brief(rep->core),
        .message = {.type = MESSAGE_HELLO, .src = rep->id, .dst = NODE_NONE, .leader = NODE_NONE}};
    if (!o->direct)
        post_to_replica(rep, &hello);
    record_flush(rep);
    replica_send_all(rep);
    return rep;
}

void replica_free(struct replica *rep)
{
    if (!rep)
        return;
    raft_free(rep->core);
    raft_effects_free(&rep->fx);
    kv_free(rep->kv);
    wire_decoder_free(rep->decoder);
    free(rep->outbox.bytes);
    free(rep->outbox.v);
    free(rep);
}

void replica_stop(struct replica *rep, uint64_t now_ns, const char *why, int sig)
{
    record_begin(rep, now_ns);
    record_stop(rep, why, sig);
    record_flush(rep);
}

const struct raft *replica_core(const struct replica *rep)
{
    return rep->core;
}

const struct kv *replica_kv(const struct replica *rep)
{
    return rep->kv;
}
