/* replica_record_msg.c -- records of datagrams: received, refused, sent. */
#include "replica_record_int.h"

/* A Lamport clock beyond this is nobody's: it is not taken over, so that one forged message cannot push the clocks of
 * the group to where the next message would be refused for its size. */
#define LC_PLAUSIBLE (WIRE_INT_MAX / 2)

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
