/* replica_record.c -- what a replica writes into its trace. Every note and decision of the core has its record here:
 * one that is forgotten does not compile (-Wswitch-enum, no default). The state on each record is the core's after the
 * effect, not after the step. */
#include "replica_int.h"

#include <stdio.h>
#include <string.h>

#include "trace.h"

#define HEX64 17 /* 16 digits and a NUL */

/* A Lamport clock beyond this is nobody's: it is not taken over, so that one forged message cannot push the clocks of
 * the group to where the next message would be refused for its size. */
#define LC_PLAUSIBLE (WIRE_INT_MAX / 2)

struct name {
    char text[NODE_TEXT];
};

static struct name name_of(node_id id)
{
    struct name n;
    wire_node_text(id, n.text);
    return n;
}

static const char *or_null(const char *s)
{
    return s && *s ? s : NULL;
}

static const char *known(const struct name *n, node_id id)
{
    return id == NODE_NONE ? NULL : n->text;
}

static void hex(uint64_t v, char out[HEX64])
{
    for (int i = 15; i >= 0; i--, v >>= 4)
        out[i] = "0123456789abcdef"[v & 15];
    out[HEX64 - 1] = '\0';
}

static int64_t ns(uint64_t us)
{
    return us > INT64_MAX / 1000 ? INT64_MAX : (int64_t)(us * 1000);
}

/* A time of the core as one of the trace. */
static uint64_t since_epoch(const struct replica *rep, uint64_t us)
{
    uint64_t t = (uint64_t)ns(us);
    return t > rep->epoch_ns ? t - rep->epoch_ns : 0;
}

static struct trace_opt opt_if(bool set, uint64_t v)
{
    return (struct trace_opt){.set = set, .v = set ? (int64_t)v : 0};
}

static const char *role_word(enum raft_role role)
{
    static const char *const words[] = {
        [RAFT_FOLLOWER] = "F", [RAFT_PRECANDIDATE] = "P", [RAFT_CANDIDATE] = "C", [RAFT_LEADER] = "L"};
    return words[role];
}

static const char *timer_word(enum raft_timer timer)
{
    static const char *const words[] = {[RAFT_TIMER_ELECTION] = "election",
                                        [RAFT_TIMER_HEARTBEAT] = "heartbeat",
                                        [RAFT_TIMER_RETRY] = "retry",
                                        [RAFT_TIMER_QUORUM] = "quorum",
                                        [RAFT_TIMER_HOLD] = "hold"};
    return words[timer];
}

static const char *op_word(enum entry_op op)
{
    static const char *const words[] = {[ENTRY_NOOP] = "noop", [ENTRY_PUT] = "put", [ENTRY_CONF] = "conf"};
    return words[op];
}

static const char *why_word(enum raft_why why)
{
    switch (why) {
    case WHY_NONE:
        return NULL;
    case WHY_ELECTION_TIMEOUT:
        return "election_timeout";
    case WHY_QUORUM_PREVOTES:
        return "quorum_prevotes";
    case WHY_QUORUM_VOTES:
        return "quorum_votes";
    case WHY_HIGHER_TERM:
        return "higher_term";
    case WHY_LEADER_SAME_TERM:
        return "leader_same_term";
    case WHY_LOST_QUORUM:
        return "lost_quorum";
    case WHY_STARTUP:
        return "startup";
    case WHY_TIMEOUT:
        return "timeout";
    case WHY_HIGHER_TERM_MSG:
        return "higher_term_msg";
    case WHY_STALE_TERM:
        return "stale_term";
    case WHY_ALREADY_VOTED:
        return "already_voted";
    case WHY_LOG_BEHIND:
        return "log_behind";
    case WHY_LEADER_ALIVE:
        return "leader_alive";
    case WHY_NOT_MEMBER:
        return "not_member";
    case WHY_APPEND:
        return "append";
    case WHY_VOTE_GRANTED:
        return "vote_granted";
    case WHY_ELECTION_STARTED:
        return "election_started";
    case WHY_RESTART:
        return "restart";
    case WHY_STEP_DOWN:
        return "step_down";
    case WHY_LEADER:
        return "leader";
    case WHY_TICK:
        return "tick";
    case WHY_NO_PREV:
        return "no_prev";
    case WHY_PREV_TERM:
        return "prev_term";
    case WHY_CONFLICT:
        return "conflict";
    case WHY_SNAPSHOT:
        return "snapshot";
    case WHY_TRANSFER:
        return "transfer";
    case WHY_REMOVED:
        return "removed";
    case WHY_RECOVERED:
        return "recovered";
    case WHY_BUSY:
        return "busy";
    case WHY_NOT_READY:
        return "not_ready";
    case WHY_UNKNOWN_MEMBER:
        return "unknown_member";
    case WHY_KNOWN_MEMBER:
        return "known_member";
    case WHY_GROUP_SIZE:
        return "group_size";
    case WHY_QUORUM:
        return "quorum";
    case WHY_LEADER_COMMIT:
        return "leader_commit";
    case WHY_PROBE:
        return "probe";
    case WHY_REPLICATE:
        return "replicate";
    case WHY_NOT_LEADER:
        return "not_leader";
    case WHY_NO_LEADER:
        return "no_leader";
    case WHY_LEADER_SILENT:
        return "leader_silent";
    case WHY_NOT_CANDIDATE:
        return "not_candidate";
    case WHY_DUPLICATE:
        return "duplicate";
    case WHY_OLD_ROUND:
        return "old_round";
    case WHY_FORGED:
        return "forged";
    case WHY_WRONG_DST:
        return "wrong_dst";
    case WHY_UNEXPECTED:
        return "unexpected";
    case WHY_OVERLOAD:
        return "overload";
    }
    return NULL;
}

static void set_state(struct replica *rep, const struct raft_brief *b)
{
    trace_set_state(rep->trace, &(struct trace_state){.term = (int64_t)b->term,
                                                      .ci = (int64_t)b->commit,
                                                      .ai = (int64_t)b->applied,
                                                      .li = (int64_t)b->last,
                                                      .role = *role_word(b->role)});
}

/* ---- beginning and end ---- */

static void record_header(struct replica *rep, const struct replica_options *o)
{
    static const char *const reads[] = {
        [RAFT_READS_INDEX] = "index", [RAFT_READS_LEASE] = "lease", [RAFT_READS_LOCAL] = "local"};
    const struct raft_config *c = &o->core;
    char cfg[512];
    snprintf(cfg, sizeof cfg,
             "{\"heartbeat_ms\":%llu,\"election_ms\":[%llu,%llu],\"retry_ms\":%llu,\"hold_ms\":%llu,\"hold_max\":%u,"
             "\"append_bytes\":%zu,\"reads\":\"%s\",\"drift_ppm\":%u,\"storage\":\"%s\",\"hash_every\":%u}",
             (unsigned long long)c->heartbeat_us / 1000, (unsigned long long)c->election_min_us / 1000,
             (unsigned long long)c->election_max_us / 1000, (unsigned long long)c->retry_us / 1000,
             (unsigned long long)c->hold_us / 1000, c->hold_max, c->append_bytes,
             reads[c->reads], c->drift_ppm, rep->io.persist ? "disk" : "memory", o->hash_every);
    struct name names[RAFT_MEMBERS_MAX];
    const char *peers[RAFT_MEMBERS_MAX];
    for (unsigned i = 0; i < c->n_peers; i++) {
        names[i] = name_of(c->peers[i]);
        peers[i] = names[i].text;
    }
    trace_put_trace_open(rep->trace, &(struct trace_rec_trace_open){.schema = TRACE_SCHEMA,
                                                                    .v = TRACE_VERSION,
                                                                    .run = o->header.run,
                                                                    .wall_us = o->header.wall_us,
                                                                    .epoch_ns = (int64_t)o->epoch_ns,
                                                                    .clk = o->header.clock,
                                                                    .pid = o->header.pid,
                                                                    .host = o->header.host,
                                                                    .impl = o->header.impl,
                                                                    .peers = {peers, c->n_peers},
                                                                    .cfg = cfg,
                                                                    .argv = o->header.argv,
                                                                    .seed = TRACE_OPT(c->seed & INT64_MAX)});
}

void record_start(struct replica *rep, const struct replica_options *o, uint64_t now_ns)
{
    if (!rep->trace)
        return;
    record_begin(rep, now_ns);
    record_header(rep, o);
    const struct raft_brief b = raft_brief(rep->core);
    const node_id voted = raft_voted_for(rep->core);
    const struct name vote = name_of(voted);
    trace_put_node_start(rep->trace, &(struct trace_rec_node_start){.rterm = (int64_t)b.term,
                                                                    .rvote = known(&vote, voted),
                                                                    .rlast = (int64_t)b.last,
                                                                    .rcommit = TRACE_OPT(b.commit)});
}

void record_begin(struct replica *rep, uint64_t now_ns)
{
    if (!rep->trace)
        return;
    const struct raft_brief b = raft_brief(rep->core);
    trace_set_time(rep->trace, (int64_t)(now_ns - rep->epoch_ns));
    trace_set_cause(rep->trace, 0);
    set_state(rep, &b);
}

static void record_hash(struct replica *rep)
{
    char digest[HEX64];
    hex(kv_digest(rep->kv), digest);
    trace_put_state_hash(rep->trace, &(struct trace_rec_state_hash){.at = (int64_t)kv_applied(rep->kv), .h = digest});
}

void record_stop(struct replica *rep, const char *why, int sig)
{
    if (!rep->trace)
        return;
    record_hash(rep);
    trace_put_node_stop(rep->trace, &(struct trace_rec_node_stop){.why = why, .sig = opt_if(sig != 0, (uint64_t)sig)});
}

void record_synced(struct replica *rep, const struct raft_brief *after, const struct store_change *change, bool durable)
{
    if (!rep->trace)
        return;
    const struct entry *last = raft_entry(rep->core, after->last);
    const node_id voted = raft_voted_for(rep->core);
    const struct name vote = name_of(voted);
    const bool log = change->appended_from || change->truncated_from || change->installed;
    const char *what = change->snapshot ? "snap" : log ? "log" : "vote";
    set_state(rep, after);
    trace_put_disk_sync(
        rep->trace, &(struct trace_rec_disk_sync){.what = what,
                                                  .upto = opt_if(log, after->last),
                                                  .uptot = opt_if(log && last, last ? last->term : 0),
                                                  .cut = opt_if(change->truncated_from != 0, change->truncated_from),
                                                  .pterm = opt_if(true, after->term),
                                                  .pvote = known(&vote, voted),
                                                  .us = (int64_t)change->took_us,
                                                  .err = opt_if(!durable, 1)});
}

void record_flush(struct replica *rep)
{
    if (rep->trace)
        trace_flush(rep->trace);
}

/* ---- messages ---- */

static struct trace_ents entries_of(const struct message *m, struct trace_entry out[MESSAGE_ENTRIES_MAX])
{
    for (size_t i = 0; i < m->n_entries; i++)
        out[i] = (struct trace_entry){
            .idx = (int64_t)m->entries[i]->index, .term = (int64_t)m->entries[i]->term, .h = m->entries[i]->hash};
    return (struct trace_ents){.v = m->n_entries ? out : NULL, .n = m->n_entries};
}

static bool is_vote_request(const struct message *m)
{
    return m->type == MESSAGE_VOTE_REQ || m->type == MESSAGE_PREVOTE_REQ;
}

static bool is_reply(const struct message *m)
{
    return m->type == MESSAGE_VOTE_RES || m->type == MESSAGE_PREVOTE_RES || m->type == MESSAGE_APP_RES;
}

static bool is_snapshot(const struct message *m)
{
    return m->type == MESSAGE_SNAP_REQ || m->type == MESSAGE_SNAP_RES;
}

/* msg.send and msg.recv have the same fields after the first. */
#define MESSAGE_FIELDS(m, entries)                                                                                     \
    .ty = wire_type_name((m)->type), .mid = (m)->mid, .re = or_null((m)->re),                                          \
    .mterm = opt_if(wire_between_replicas((m)->type), (m)->term),                                                      \
    .key = (m)->type == MESSAGE_GET || (m)->type == MESSAGE_PUT ? (m)->key : NULL,                                     \
    .pi = opt_if((m)->type == MESSAGE_APP_REQ, (m)->prev_index),                                                       \
    .pt = opt_if((m)->type == MESSAGE_APP_REQ, (m)->prev_term),                                                        \
    .lci = opt_if((m)->type == MESSAGE_APP_REQ, (m)->commit), .ents = (entries),                                       \
    .round = opt_if((m)->type == MESSAGE_APP_REQ || (m)->type == MESSAGE_APP_RES, (m)->round),                         \
    .ts = opt_if((m)->sent_us != 0, (m)->sent_us), .xfer = (m)->transfer,                                              \
    .si = opt_if(is_snapshot(m), (m)->snap_index), .st = opt_if(is_snapshot(m), (m)->snap_term),                       \
    .off = opt_if(is_snapshot(m), (m)->offset), .size = opt_if((m)->type == MESSAGE_SNAP_REQ, (m)->size),              \
    .ok = opt_if(is_reply(m), (m)->ok), .mi = opt_if((m)->type == MESSAGE_APP_RES && (m)->ok, (m)->match),             \
    .hint = opt_if((m)->type == MESSAGE_APP_RES && !(m)->ok, (m)->hint_index),                                         \
    .hterm = opt_if((m)->type == MESSAGE_APP_RES && !(m)->ok, (m)->hint_term),                                         \
    .lli = opt_if(is_vote_request(m), (m)->last_index), .llt = opt_if(is_vote_request(m), (m)->last_term)

int64_t record_received(struct replica *rep, const struct message *m)
{
    bool clocked = wire_between_replicas(m->type) && raft_hears(rep->core, m) && m->lc <= LC_PLAUSIBLE;
    if (clocked && m->lc > rep->lc)
        rep->lc = m->lc;
    if (!rep->trace)
        return 0;
    if (clocked)
        trace_observe_lc(rep->trace, (int64_t)m->lc);
    struct trace_entry entries[MESSAGE_ENTRIES_MAX];
    const struct name from = name_of(m->src);
    int64_t s = trace_put_msg_recv(
        rep->trace, &(struct trace_rec_msg_recv){.from = from.text, MESSAGE_FIELDS(m, entries_of(m, entries))});
    trace_set_cause(rep->trace, s);
    return s;
}

void record_sent(struct replica *rep, const struct raft_brief *after, struct message *m)
{
    if (!rep->trace) {
        m->lc = ++rep->lc;
        return;
    }
    struct trace_entry entries[MESSAGE_ENTRIES_MAX];
    const struct name to = name_of(m->dst);
    set_state(rep, after);
    trace_put_msg_send(rep->trace,
                       &(struct trace_rec_msg_send){.to = to.text, MESSAGE_FIELDS(m, entries_of(m, entries))});
    m->lc = (uint64_t)trace_lc(rep->trace);
}

void record_refused(struct replica *rep, const void *bytes, size_t n, const struct wire_refusal *why, const char *addr)
{
    if (!rep->trace)
        return;
    char raw[TRACE_RAW_MAX + 1];
    size_t kept = n < TRACE_RAW_MAX ? n : TRACE_RAW_MAX;
    memcpy(raw, bytes, kept);
    raw[kept] = '\0';
    for (size_t i = 0; i < kept; i++)
        if (raw[i] == '\0')
            raw[i] = '\xff'; /* no UTF-8 either: the writer shows both as U+FFFD */
    const struct name from = name_of(why->src);
    trace_put_msg_bad(rep->trace, &(struct trace_rec_msg_bad){.from = known(&from, why->src),
                                                              .why = why->why,
                                                              .sz = (int64_t)n,
                                                              .raw = raw,
                                                              .what = why->what,
                                                              .addr = or_null(addr)});
}

/* ---- the state machine ---- */

void record_applied(struct replica *rep, const struct raft_effect *e, bool fresh)
{
    if (!rep->trace)
        return;
    const struct entry *entry = e->entry;
    const struct name client = name_of(entry->client);
    bool put = entry->op == ENTRY_PUT;
    char h[HEX64];
    hex(entry->hash, h);
    set_state(rep, &e->after);
    /* Key and value stand in log.append: bytes are what a record costs, and each entry comes by here on each replica. */
    trace_put_apply(rep->trace, &(struct trace_rec_apply){.idx = (int64_t)entry->index,
                                                          .eterm = (int64_t)entry->term,
                                                          .op = op_word(entry->op),
                                                          .h = h,
                                                          .req = put ? entry->mid : NULL,
                                                          .cli = put ? client.text : NULL,
                                                          .dup = !fresh});
    if (rep->hash_every && entry->index % rep->hash_every == 0)
        record_hash(rep);
    if (!e->answer)
        return;
    /* Where the request took effect: not here, if it had been applied before. */
    uint64_t index = fresh ? entry->index : kv_request_index(rep->kv, entry->client, entry->mid);
    if (!fresh)
        trace_put_req_dedup(
            rep->trace, &(struct trace_rec_req_dedup){.req = entry->mid, .cli = client.text, .idx = (int64_t)index});
    trace_put_req_reply(rep->trace, &(struct trace_rec_req_reply){.req = entry->mid,
                                                                  .cli = client.text,
                                                                  .op = put ? "put" : "change",
                                                                  .res = "ok",
                                                                  .key = put ? entry->key : NULL,
                                                                  .idx = opt_if(true, index)});
}

void record_read(struct replica *rep, const struct raft_effect *e, const char *value)
{
    if (!rep->trace)
        return;
    const struct raft_request *q = &e->request;
    const struct name client = name_of(q->client);
    int64_t at = (int64_t)kv_applied(rep->kv);
    set_state(rep, &e->after);
    if (e->local)
        trace_put_read_local(
            rep->trace,
            &(struct trace_rec_read_local){
                .req = q->mid, .cli = client.text, .key = q->key, .val = value, .at = at, .policy = "local"});
    else
        trace_put_read_serve(rep->trace, &(struct trace_rec_read_serve){.req = q->mid,
                                                                        .cli = client.text,
                                                                        .key = q->key,
                                                                        .val = value,
                                                                        .at = at,
                                                                        .idx = (int64_t)e->index,
                                                                        .iterm = (int64_t)e->term,
                                                                        .arrived = q->tag,
                                                                        .round = opt_if(!e->leased, e->round),
                                                                        .lease = opt_if(e->leased, since_epoch(rep, e->until_us))});
    trace_put_req_reply(rep->trace, &(struct trace_rec_req_reply){.req = q->mid,
                                                                  .cli = client.text,
                                                                  .op = "get",
                                                                  .res = "ok",
                                                                  .key = q->key,
                                                                  .val = value,
                                                                  .idx = opt_if(true, (uint64_t)at)});
}

/* ---- notes of the core ---- */

struct ids {
    char text[RAFT_MEMBERS_MAX * (NODE_TEXT + 1)];
};

/* The voters of a configuration: their ids, with spaces between, and no addresses. */
static struct ids ids_of(const char *conf)
{
    struct ids ids = {""};
    char *to = ids.text;
    for (const char *at = conf; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ",=");
        if (to + n + 2 > ids.text + sizeof ids.text)
            break;
        if (to > ids.text)
            *to++ = ' ';
        memcpy(to, at, n);
        to[n] = 0;
        to += n;
    }
    return ids;
}

static void note_append(struct trace_writer *w, const struct entry *entry)
{
    const struct name client = name_of(entry->client);
    bool put = entry->op == ENTRY_PUT, conf = entry->op == ENTRY_CONF;
    const struct ids ids = ids_of(conf ? entry->value : "");
    char h[HEX64];
    hex(entry->hash, h);
    trace_put_log_append(w, &(struct trace_rec_log_append){.idx = (int64_t)entry->index,
                                                           .eterm = (int64_t)entry->term,
                                                           .op = op_word(entry->op),
                                                           .h = h,
                                                           .key = put ? entry->key : NULL,
                                                           .val = put ? entry->value : NULL,
                                                           .req = put || conf ? entry->mid : NULL,
                                                           .cli = put || conf ? client.text : NULL,
                                                           .conf = conf ? ids.text : NULL});
}

static void note_commit(struct trace_writer *w, const struct raft_effect *e, const char *why)
{
    struct name names[RAFT_MEMBERS_MAX];
    struct trace_count acks[RAFT_MEMBERS_MAX];
    for (unsigned i = 0; i < e->n_acks; i++) {
        names[i] = name_of(e->acks[i].node);
        acks[i] = (struct trace_count){.name = names[i].text, .n = (int64_t)e->acks[i].match};
    }
    trace_put_commit_advance(w, &(struct trace_rec_commit_advance){.old = (int64_t)e->old,
                                                                   .new = (int64_t)e->index,
                                                                   .why = why,
                                                                   .acks = {e->n_acks ? acks : NULL, e->n_acks}});
}

static void note_lease(struct replica *rep, const struct raft_effect *e)
{
    struct name names[RAFT_MEMBERS_MAX];
    const char *by[RAFT_MEMBERS_MAX];
    for (unsigned i = 0; i < e->n_by; i++) {
        names[i] = name_of(e->by[i]);
        by[i] = names[i].text;
    }
    trace_put_lease_grant(rep->trace, &(struct trace_rec_lease_grant){.since = (int64_t)since_epoch(rep, e->since_us),
                                                                      .until = (int64_t)since_epoch(rep, e->until_us),
                                                                      .by = {by, e->n_by}});
}

void record_note(struct replica *rep, const struct raft_effect *e, const struct message *m)
{
    struct trace_writer *w = rep->trace;
    if (!w)
        return;
    const char *why = why_word(e->why);
    const struct raft_request *q = &e->request;
    const struct name node = name_of(e->node), from = name_of(e->from_node), voted = name_of(e->voted),
                      client = name_of(q->client);
    set_state(rep, &e->after);
    switch (e->type) {
    case RAFT_NOTE_ROLE:
        trace_put_role_change(w, &(struct trace_rec_role_change){
                                     .old = role_word(e->from_role), .new = role_word(e->to_role), .why = why});
        break;
    case RAFT_NOTE_TERM:
        trace_put_term_change(w, &(struct trace_rec_term_change){.old = (int64_t)e->old, .why = why});
        break;
    case RAFT_NOTE_LEADER:
        trace_put_leader_change(
            w, &(struct trace_rec_leader_change){.old = known(&from, e->from_node), .new = known(&node, e->node)});
        break;
    case RAFT_NOTE_VOTE_GRANT:
        trace_put_vote_grant(w, &(struct trace_rec_vote_grant){.cand = node.text,
                                                               .cterm = (int64_t)e->term_asked,
                                                               .lli = (int64_t)e->index,
                                                               .llt = (int64_t)e->term,
                                                               .pre = e->pre});
        break;
    case RAFT_NOTE_VOTE_DENY:
        trace_put_vote_deny(w, &(struct trace_rec_vote_deny){.cand = node.text,
                                                             .cterm = (int64_t)e->term_asked,
                                                             .why = why,
                                                             .cand_lli = (int64_t)e->index,
                                                             .cand_llt = (int64_t)e->term,
                                                             .voted = known(&voted, e->voted),
                                                             .pre = e->pre});
        break;
    case RAFT_NOTE_VOTE_COUNT:
        trace_put_vote_count(
            w, &(struct trace_rec_vote_count){.have = e->have, .need = e->need, .from = node.text, .pre = e->pre});
        break;
    case RAFT_NOTE_TIMER_SET:
        trace_put_timer_set(w, &(struct trace_rec_timer_set){.tm = timer_word(e->timer),
                                                             .at = (int64_t)since_epoch(rep, e->at_us),
                                                             .why = why});
        break;
    case RAFT_NOTE_TIMER_FIRE:
        trace_set_cause(w, 0);
        trace_set_cause(w, trace_put_timer_fire(
                               w, &(struct trace_rec_timer_fire){.tm = timer_word(e->timer), .late = ns(e->late_us)}));
        break;
    case RAFT_NOTE_APPEND:
        note_append(w, e->entry);
        break;
    case RAFT_NOTE_REJECT:
        trace_put_log_reject(
            w, &(struct trace_rec_log_reject){.pi = (int64_t)e->index, .pt = (int64_t)e->term, .why = why});
        break;
    case RAFT_NOTE_TRUNCATE:
        trace_put_log_truncate(
            w, &(struct trace_rec_log_truncate){.from = (int64_t)e->index, .old_last = (int64_t)e->old, .why = why});
        break;
    case RAFT_NOTE_COMMIT:
        note_commit(w, e, why);
        break;
    case RAFT_NOTE_PEER:
        trace_put_peer_state(w,
                             &(struct trace_rec_peer_state){
                                 .peer = node.text, .next = (int64_t)e->next, .match = (int64_t)e->match, .why = why});
        break;
    case RAFT_NOTE_HOLD:
        trace_put_req_hold(w, &(struct trace_rec_req_hold){.req = q->mid, .cli = client.text, .why = why});
        break;
    case RAFT_NOTE_READ_INDEX:
        trace_put_read_index(w, &(struct trace_rec_read_index){.req = q->mid,
                                                               .cli = client.text,
                                                               .idx = (int64_t)e->index,
                                                               .iterm = (int64_t)e->term,
                                                               .round = (int64_t)e->round,
                                                               .arrived = q->tag,
                                                               .acks = e->have});
        break;
    case RAFT_NOTE_READ_CONFIRM:
        trace_put_read_confirm(
            w, &(struct trace_rec_read_confirm){.round = (int64_t)e->round, .need = e->need, .have = e->have});
        break;
    case RAFT_NOTE_IGNORE: {
        const struct name src = name_of(m ? m->src : NODE_NONE);
        trace_put_msg_ignore(w, &(struct trace_rec_msg_ignore){
                                    .mid = m ? or_null(m->mid) : NULL, .from = m ? src.text : NULL, .why = why});
        break;
    }
    case RAFT_DO_REDIRECT:
        trace_put_req_redirect(
            w, &(struct trace_rec_req_redirect){.req = q->mid, .cli = client.text, .to = node.text, .why = why});
        break;
    case RAFT_DO_FAIL:
        trace_put_req_reply(w, &(struct trace_rec_req_reply){.req = q->mid,
                                                             .cli = client.text,
                                                             .op = e->why == WHY_OVERLOAD ? "put" : "change",
                                                             .res = "fail",
                                                             .key = e->why == WHY_OVERLOAD ? q->key : NULL,
                                                             .why = why});
        break;
    case RAFT_NOTE_LEASE:
        note_lease(rep, e);
        break;
    case RAFT_NOTE_LEASE_END:
        trace_put_lease_expire(
            w, &(struct trace_rec_lease_expire){.until = (int64_t)since_epoch(rep, e->until_us), .why = why});
        break;
    case RAFT_NOTE_SNAP_SEND:
        trace_put_snap_send(w, &(struct trace_rec_snap_send){.idx = (int64_t)e->index,
                                                             .eterm = (int64_t)e->term,
                                                             .size = (int64_t)e->size,
                                                             .peer = node.text});
        break;
    case RAFT_DO_OK:
        trace_put_req_reply(w, &(struct trace_rec_req_reply){
                                   .req = q->mid, .cli = client.text, .op = "change", .res = "ok"});
        break;
    case RAFT_DO_PERSIST:
    case RAFT_DO_INSTALL:
    case RAFT_DO_COMPACT:
    case RAFT_DO_SNAPSHOT:
    case RAFT_DO_APPLY:
    case RAFT_DO_READ:
    case RAFT_DO_SEND:
        break; /* recorded as they are carried out: record_applied(), record_read(), record_sent() */
    }
}
