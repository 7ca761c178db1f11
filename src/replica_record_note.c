/* replica_record_note.c -- records of what the core noted and decided. Every note and decision has its record here: one
 * that is forgotten does not compile (-Wswitch-enum, no default). The state on each record is the core's after the
 * effect, not after the step. */
#include "replica_record_int.h"

static void note_append(struct trace_writer *w, const struct entry *entry)
{
    const struct name client = name_of(entry->client);
    bool put = entry->op == ENTRY_PUT, conf = entry->op == ENTRY_CONF;
    const struct ids ids = ids_of(conf ? entry->value : "");
    char h[TRACE_HASH_TEXT];
    trace_hash_text(entry->hash, h);
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
        trace_put_timer_set(w, &(struct trace_rec_timer_set){
                                   .tm = timer_word(e->timer), .at = (int64_t)since_epoch(rep, e->at_us), .why = why});
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
        trace_put_snap_send(
            w, &(struct trace_rec_snap_send){
                   .idx = (int64_t)e->index, .eterm = (int64_t)e->term, .size = (int64_t)e->size, .peer = node.text});
        break;
    case RAFT_DO_OK:
        trace_put_req_reply(
            w, &(struct trace_rec_req_reply){.req = q->mid, .cli = client.text, .op = "change", .res = "ok"});
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
