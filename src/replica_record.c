/* replica_record.c -- records of the replica's life, its state machine and its storage. */
#include "replica_record_int.h"

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
             (unsigned long long)c->hold_us / 1000, c->hold_max, c->append_bytes, reads[c->reads], c->drift_ppm,
             rep->io.persist ? "disk" : "memory", o->hash_every);
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

/* FNV-1a (Fowler, Noll, Vo) of index, term and hash of the entries, 8 bytes each, least significant first. */
static uint64_t log_digest(const struct raft *core, uint64_t first, uint64_t last)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (uint64_t i = first; i <= last; i++) {
        const struct entry *e = raft_entry(core, i);
        const uint64_t parts[] = {e->index, e->term, e->hash};
        for (unsigned k = 0; k < 24; k++)
            h = (h ^ (parts[k / 8] >> k % 8 * 8 & 0xff)) * UINT64_C(0x100000001b3);
    }
    return h;
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
    uint64_t base_term, base = raft_base(rep->core, &base_term);
    const struct entry *last = raft_entry(rep->core, b.last);
    const struct ids ids = ids_of(raft_conf(rep->core));
    char state[TRACE_HASH_TEXT], log[TRACE_HASH_TEXT];
    trace_hash_text(kv_digest(rep->kv), state);
    trace_hash_text(log_digest(rep->core, base + 1, b.last), log);
    trace_put_node_start(rep->trace, &(struct trace_rec_node_start){.rterm = (int64_t)b.term,
                                                                    .rvote = known(&vote, voted),
                                                                    .rlast = (int64_t)b.last,
                                                                    .rlastt = TRACE_OPT(last ? last->term : base_term),
                                                                    .rcommit = TRACE_OPT(b.commit),
                                                                    .snap = opt_if(base != 0, base),
                                                                    .snapt = opt_if(base != 0, base_term),
                                                                    .conf = or_null(ids.text),
                                                                    .h = state,
                                                                    .lh = log});
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

void record_end(struct replica *rep)
{
    if (rep->trace && rep->cause)
        trace_set_cause(rep->trace, rep->cause);
}

static void record_hash(struct replica *rep)
{
    char digest[TRACE_HASH_TEXT];
    trace_hash_text(kv_digest(rep->kv), digest);
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
    uint64_t base_term;
    (void)raft_base(rep->core, &base_term);
    const node_id voted = raft_voted_for(rep->core);
    const struct name vote = name_of(voted);
    const bool log = change->appended_from || change->truncated_from || change->installed;
    const char *what = change->snapshot ? "snap" : log ? "log" : "vote";
    set_state(rep, after);
    trace_put_disk_sync(
        rep->trace, &(struct trace_rec_disk_sync){.what = what,
                                                  .upto = opt_if(log, after->last),
                                                  .uptot = opt_if(log, last ? last->term : base_term),
                                                  .cut = opt_if(change->truncated_from != 0, change->truncated_from),
                                                  .pterm = opt_if(true, after->term),
                                                  .pvote = known(&vote, voted),
                                                  .us = (int64_t)change->took_us,
                                                  .err = opt_if(!durable, 1)});
}

void record_compacted(struct replica *rep, const struct raft_effect *e)
{
    if (!rep->trace)
        return;
    const struct ids ids = ids_of(e->conf);
    char h[TRACE_HASH_TEXT];
    trace_hash_text(kv_digest(rep->kv), h);
    set_state(rep, &e->after);
    trace_put_snap_save(rep->trace, &(struct trace_rec_snap_save){.idx = (int64_t)e->index,
                                                                  .eterm = (int64_t)e->term,
                                                                  .size = (int64_t)kv_bytes(rep->kv),
                                                                  .at = TRACE_OPT(kv_applied(rep->kv)),
                                                                  .h = h,
                                                                  .conf = or_null(ids.text)});
}

void record_installed(struct replica *rep, const struct raft_effect *e)
{
    if (!rep->trace)
        return;
    const struct ids ids = ids_of(e->conf);
    char h[TRACE_HASH_TEXT];
    const struct name from = name_of(e->node);
    trace_hash_text(kv_digest(rep->kv), h);
    set_state(rep, &e->after);
    trace_put_snap_install(rep->trace,
                           &(struct trace_rec_snap_install){.idx = (int64_t)e->index,
                                                            .eterm = (int64_t)e->term,
                                                            .size = (int64_t)e->size,
                                                            .peer = known(&from, e->node),
                                                            .h = h,
                                                            .conf = or_null(ids.text),
                                                            .kept = opt_if(true, e->after.last - e->index)});
}

void record_flush(struct replica *rep)
{
    if (rep->trace)
        trace_flush(rep->trace);
}

/* ---- the state machine ---- */

void record_applied(struct replica *rep, const struct raft_effect *e, bool fresh)
{
    if (!rep->trace)
        return;
    const struct entry *entry = e->entry;
    const struct name client = name_of(entry->client);
    bool put = entry->op == ENTRY_PUT;
    char h[TRACE_HASH_TEXT];
    trace_hash_text(entry->hash, h);
    set_state(rep, &e->after);
    /* Key and value stand in log.append: bytes are what a record costs, and each entry comes by here on each replica.
     */
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
        trace_put_read_serve(rep->trace,
                             &(struct trace_rec_read_serve){.req = q->mid,
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
