/* replay_msg.c -- messages sent and received: terms and message discipline (Raft paper §5.1), requests and what answers
 * them (Figure 2, receivers of both RPCs). */
#include "replay_int.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *ty;
    enum message_kind kind;
} kinds[] = {
    {"app_req", KIND_APP_REQ},
    {"app_res", KIND_APP_RES},
    {"vote_req", KIND_VOTE_REQ},
    {"vote_res", KIND_VOTE_RES},
    {"prevote_req", KIND_PREVOTE_REQ},
    {"prevote_res", KIND_PREVOTE_RES},
    {"get", KIND_GET},
    {"put", KIND_PUT},
};

/* "[[index, term, \"hash\"], ...]" */
static void read_entries(struct trace_text raw, struct msg *m)
{
    const char *p = raw.p, *end = raw.p + raw.n;
    m->n_ents = 0;
    while (p < end && (p = memchr(p + 1, '[', (size_t)(end - p - 1))) != NULL) {
        char *next;
        struct log_ref e = {.idx = strtoll(p + 1, &next, 10)};
        p = memchr(next, ',', (size_t)(end - next));
        if (p == NULL)
            return;
        e.term = strtoll(p + 1, &next, 10);
        const char *from = memchr(next, '"', (size_t)(end - next));
        const char *to = from == NULL ? NULL : memchr(from + 1, '"', (size_t)(end - from - 1));
        if (to == NULL)
            return;
        e.h = trace_hash(from + 1, (size_t)(to - from - 1));
        e.h = e.h != 0 ? e.h : 1;
        m->ents = vector_grow(m->ents, &m->room, m->n_ents, sizeof *m->ents);
        m->ents[m->n_ents++] = e;
        p = to;
    }
}

void replay_read_msg(struct replay *rp, const struct rec *r, const char *peer_key, struct msg *m)
{
    struct trace_text ty = rec_text(r, "ty"), peer = rec_text(r, peer_key);
    m->kind = KIND_OTHER;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (trace_text_is(ty, kinds[i].ty))
            m->kind = kinds[i].kind;
    }
    m->peer = peer.p != NULL ? replay_number(rp, peer.p, peer.n) : -1;
    m->mid = rec_hash(r, "mid");
    m->re = rec_hash(r, "re");
    m->mterm = rec_int(r, "mterm", -1);
    m->pi = rec_int(r, "pi", -1);
    m->pt = rec_int(r, "pt", -1);
    m->lci = rec_int(r, "lci", -1);
    m->mi = rec_int(r, "mi", -1);
    m->lli = rec_int(r, "lli", -1);
    m->llt = rec_int(r, "llt", -1);
    m->ok = (int)rec_int(r, "ok", -1);
    m->n_ents = 0;
    const struct trace_field *ents = m->kind == KIND_APP_REQ ? trace_find(r->f, "ents") : NULL;
    if (ents != NULL && ents->kind == TRACE_ARRAY)
        read_entries(ents->raw, m);
}

const struct sent *replay_sent(const struct replay *rp, uint64_t mid)
{
    uint64_t at = mid != 0 ? pairmap_get(&rp->sent_of, mid, 1) : 0;
    return at != 0 ? &rp->sent[at - 1] : NULL;
}

const struct msg *replay_input_msg(const struct node *n, const struct rec *r)
{
    return n->in.rec != 0 && r->cause == n->in.rec && n->in.is_msg ? &n->in.m : NULL;
}

/* A request of a leader or candidate whose term had passed when it arrived. */
static bool stale_request(const struct node *n, const struct msg *m)
{
    return (m->kind == KIND_APP_REQ || m->kind == KIND_VOTE_REQ) && m->mterm >= 0 && m->mterm < n->in.term_before;
}

void replay_not_by_stale(struct replay *rp, struct node *n, const struct rec *r, const char *what)
{
    const struct msg *m = replay_input_msg(n, r);
    if (m == NULL)
        return;
    judged(rp, RULE_R5);
    if (!stale_request(n, m))
        return;
    struct finding *f =
        replay_found(rp, RULE_R5, n, r, "stale-request-has-effect", "%s: a message of old term %lld %s in term %lld",
                     n->name, (long long)m->mterm, what, (long long)n->in.term_before);
    finding_rec(f, "cause", n->in.rec);
    finding_add(f, "cause", r->id, "must have no effect");
}

/* ---- received ---- */

static void vote_received(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct sent *req = replay_sent(rp, m->re);
    struct peer *p = replay_peer(n, m->peer);
    if (p == NULL || m->ok != 1 || m->mterm != n->term || n->cand_rec == 0 || n->cand_term != n->term ||
        p->vote_rec != 0)
        return;
    if (req != NULL && (req->kind != KIND_VOTE_REQ || req->mterm != n->term || req->node != replay_self(rp, n)))
        return; /* answers another question */
    p->vote_rec = r->id;
}

static void append_answered(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    struct peer *p = replay_peer(n, m->peer);
    if (p == NULL || n->role != 'L' || m->mterm != n->term)
        return;
    const struct sent *req = replay_sent(rp, m->re);
    if (req == NULL) {
        replay_unknown(rp, RULE_R45, "%s: an append reply does not name a request of this trace", n->name);
    } else if (req->kind != KIND_APP_REQ || req->mterm != n->term || req->node != replay_self(rp, n) ||
               req->boot != n->boot) {
        return; /* answers another leader */
    } else if (req->seq > p->answered_seq) {
        p->answered_seq = req->seq;
        p->answered_rec = req->rec;
    }
    /* The follower's word, no further than the request went: a leader's own table is what a defective one gets wrong.
     */
    int64_t upto = req != NULL && req->pi >= 0 && m->mi > req->pi + req->n ? req->pi + req->n : m->mi;
    if (m->ok == 1 && upto > p->acked) {
        p->acked = upto;
        p->acked_rec = r->id;
    }
}

static void request_arrived(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    uint64_t *at = pairmap_at(&rp->arrival_of, (uint64_t)replay_self(rp, n) + 1, m->mid);
    if (*at != 0 && rp->arrival[*at - 1].boot == n->boot)
        return; /* a copy of it: the first arrival is what a read may count from */
    if (*at == 0) {
        rp->arrival = vector_grow(rp->arrival, &rp->arrival_room, rp->n_arrivals, sizeof *rp->arrival);
        *at = ++rp->n_arrivals;
    }
    rp->arrival[*at - 1] = (struct arrival){.seq = r->seq, .boot = n->boot, .commit = n->commit, .rec = r->id};
}

void replay_on_recv(struct replay *rp, struct node *n, const struct rec *r)
{
    struct input *in = &n->in;
    n->saw_msgs = true;
    *in = (struct input){.rec = r->id, .is_msg = true, .term_before = n->term, .role_before = n->role, .m = in->m};
    struct msg *m = &in->m;
    replay_read_msg(rp, r, "from", m);

    const struct sent *copy_of = m->kind < KIND_GET ? replay_sent(rp, m->mid) : NULL;
    if (copy_of != NULL) {
        judged(rp, RULE_T4);
        if (r->lc <= copy_of->lc) {
            struct finding *f = replay_found(rp, RULE_T4, n, r, "clock-condition",
                                             "%s received a message at Lamport clock %lld that was sent at %lld",
                                             n->name, (long long)r->lc, (long long)copy_of->lc);
            finding_rec(f, "witness", copy_of->rec);
            finding_rec(f, "cause", r->id);
        }
    }
    switch (m->kind) {
    case KIND_APP_REQ:
        if (m->mterm > n->bound_term) {
            n->bound_term = m->mterm;
            n->bound = 0;
        }
        break;
    case KIND_APP_RES:
        append_answered(rp, n, r, m);
        break;
    case KIND_VOTE_RES:
        vote_received(rp, n, r, m);
        break;
    case KIND_GET:
    case KIND_PUT:
        request_arrived(rp, n, r, m);
        break;
    case KIND_OTHER:
    case KIND_VOTE_REQ:
    case KIND_PREVOTE_REQ:
    case KIND_PREVOTE_RES:
        break;
    }
}

/* Other inputs than messages. */
void replay_on_input(struct replay *rp, struct node *n, const struct rec *r)
{
    (void)rp;
    n->in = (struct input){.rec = r->id, .term_before = n->term, .role_before = n->role, .m = n->in.m};
}

void replay_on_ignore(struct replay *rp, struct node *n, const struct rec *r)
{
    (void)rp;
    if (r->cause == n->in.rec)
        n->in.ignored = true;
}

/* ---- sent ---- */

static void append_sent(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    judged(rp, RULE_R17);
    if (n->role != 'L')
        finding_add(replay_found(rp, RULE_R17, n, r, "append-from-non-leader",
                                 "%s sends an append in term %lld without being leader", n->name, (long long)n->term),
                    "cause", r->id, "role %c", n->role);
    judged(rp, RULE_R19);
    if (m->lci > n->commit)
        finding_rec(replay_found(rp, RULE_R19, n, r, "append-announces-uncommitted",
                                 "%s announces commit %lld, but has committed only up to %lld", n->name,
                                 (long long)m->lci, (long long)n->commit),
                    "cause", r->id);
    judged(rp, RULE_R18);
    int64_t pt = log_term(n, m->pi);
    const char *wrong = NULL;
    int64_t where = m->pi;
    if (m->pi >= 0 && m->pt >= 0 && ((pt != TERM_UNKNOWN && pt != m->pt) || m->pi > log_last(n)))
        wrong = "predecessor";
    for (size_t i = 0; i < m->n_ents && wrong == NULL; i++) {
        const struct log_entry *e = log_at(n, m->ents[i].idx);
        where = m->ents[i].idx;
        if (where != m->pi + 1 + (int64_t)i || where > log_last(n))
            wrong = "entry out of place,";
        else if (e != NULL && (e->term != m->ents[i].term || (e->h != 0 && e->h != m->ents[i].h)))
            wrong = "entry";
    }
    if (wrong != NULL)
        finding_rec(replay_found(rp, RULE_R18, n, r, "append-differs-from-log",
                                 "%s sends an append whose %s %lld is not in its log", n->name, wrong,
                                 (long long)where),
                    "cause", r->id);
}

static void candidacy_sent(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    int64_t last_term = log_term(n, log_last(n));
    judged(rp, RULE_R10);
    if (m->lli >= 0 && m->llt >= 0 && last_term != TERM_UNKNOWN && (m->lli != log_last(n) || m->llt != last_term))
        finding_rec(replay_found(rp, RULE_R10, n, r, "candidate-misstates-log",
                                 "%s claims last entry %lld of term %lld, but has %lld of term %lld", n->name,
                                 (long long)m->lli, (long long)m->llt, (long long)log_last(n), (long long)last_term),
                    "cause", r->id);
}

/* R21, R22, R23: what a positive answer claims about the request that it answers. */
static void append_acknowledged(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct msg *in = replay_input_msg(n, r);
    const struct sent *req = replay_sent(rp, m->re);
    if (req != NULL && req->pi >= 0) {
        judged(rp, RULE_R23);
        if (m->mi > req->pi + req->n) {
            struct finding *f = replay_found(rp, RULE_R23, n, r, "ack-beyond-request",
                                             "%s acknowledges up to %lld, but was only asked about %lld", n->name,
                                             (long long)m->mi, (long long)(req->pi + req->n));
            finding_rec(f, "witness", req->rec);
            finding_rec(f, "cause", r->id);
        }
    }
    if (in == NULL || in->kind != KIND_APP_REQ || (m->re != 0 && m->re != in->mid))
        return;
    judged(rp, RULE_R21);
    int64_t pt = log_term(n, in->pi);
    if (in->pi > log_last(n) || (pt != TERM_UNKNOWN && in->pt >= 0 && in->pi >= 0 && pt != in->pt)) {
        struct finding *f = replay_found(rp, RULE_R21, n, r, "ack-without-matching-predecessor",
                                         "%s acknowledges an append although it has no entry %lld of term %lld",
                                         n->name, (long long)in->pi, (long long)in->pt);
        finding_rec(f, "cause", n->in.rec);
        finding_rec(f, "cause", r->id);
        return;
    }
    judged(rp, RULE_R22);
    for (size_t i = 0; i < in->n_ents; i++) {
        const struct log_entry *e = log_at(n, in->ents[i].idx);
        bool unknown = in->ents[i].idx <= n->base;
        if (unknown || (e != NULL && e->term == in->ents[i].term && (e->h == 0 || e->h == in->ents[i].h)))
            continue;
        struct finding *f = replay_found(rp, RULE_R22, n, r, "ack-without-entry",
                                         "%s acknowledges entry %lld of term %lld, which is not in its log", n->name,
                                         (long long)in->ents[i].idx, (long long)in->ents[i].term);
        finding_rec(f, "cause", n->in.rec);
        finding_rec(f, "cause", r->id);
        return;
    }
}

/* R49, R50: durable before anyone hears of it (Figure 2: "updated on stable storage before responding to RPCs"). */
static void durable_first(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    if (!n->syncs)
        return;
    if ((m->kind == KIND_VOTE_RES && m->ok == 1) || m->kind == KIND_VOTE_REQ) {
        judged(rp, RULE_R49);
        if (n->synced_term < n->term)
            finding_add(replay_found(rp, RULE_R49, n, r, "vote-not-durable",
                                     "%s votes in term %lld before that is on stable storage", n->name,
                                     (long long)n->term),
                        "cause", r->id, "last durable term: %lld", (long long)n->synced_term);
    }
    if (m->kind == KIND_APP_RES && m->ok == 1) {
        judged(rp, RULE_R50);
        if (m->mi > n->synced_upto)
            finding_add(replay_found(rp, RULE_R50, n, r, "ack-not-durable",
                                     "%s acknowledges entry %lld before it is on stable storage", n->name,
                                     (long long)m->mi),
                        "cause", r->id, "last durable entry: %lld", (long long)n->synced_upto);
    }
}

/* R4. A PreVote asks about the next term without entering it; its answers are not judged (dissertation §9.6). */
static void stamp(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    if (m->kind == KIND_PREVOTE_RES || m->mterm < 0)
        return;
    int64_t due = n->term + (m->kind == KIND_PREVOTE_REQ);
    judged(rp, RULE_R4);
    if (m->mterm != due)
        finding_rec(replay_found(rp, RULE_R4, n, r, "wrong-term-on-message",
                                 "%s sends a message of term %lld while in term %lld", n->name, (long long)m->mterm,
                                 (long long)n->term),
                    "cause", r->id);
}

void replay_on_send(struct replay *rp, struct node *n, const struct rec *r)
{
    struct msg *m = &rp->out;
    replay_read_msg(rp, r, "to", m);
    if (m->kind == KIND_OTHER || m->kind >= KIND_GET)
        return;
    n->saw_msgs = true;
    if (n->term > n->max_sent_term)
        n->max_sent_term = n->term;
    stamp(rp, n, r, m);
    durable_first(rp, n, r, m);
    if (m->kind == KIND_APP_REQ)
        append_sent(rp, n, r, m);
    if (m->kind == KIND_VOTE_REQ || m->kind == KIND_PREVOTE_REQ)
        candidacy_sent(rp, n, r, m);
    if (m->ok == 1 && (m->kind == KIND_APP_RES || m->kind == KIND_VOTE_RES))
        replay_not_by_stale(rp, n, r, "gets a positive answer");
    if (m->ok == 1 && m->kind == KIND_APP_RES)
        append_acknowledged(rp, n, r, m);

    uint64_t *at = pairmap_at(&rp->sent_of, m->mid != 0 ? m->mid : 1, 1);
    if (*at != 0)
        return; /* the same message to several peers */
    rp->sent = vector_grow(rp->sent, &rp->sent_room, rp->n_sent, sizeof *rp->sent);
    rp->sent[rp->n_sent++] = (struct sent){.rec = r->id,
                                           .seq = r->seq,
                                           .boot = r->boot,
                                           .lc = r->lc,
                                           .mterm = m->mterm,
                                           .pi = m->pi,
                                           .n = (int64_t)m->n_ents,
                                           .node = replay_self(rp, n),
                                           .kind = m->kind};
    *at = rp->n_sent;
}

/* ---- when the handling of an input is over ---- */

static void newer_term(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    bool counts = m->kind >= KIND_APP_REQ && m->kind <= KIND_VOTE_RES;
    if (!counts || m->mterm <= n->in.term_before || n->in.ignored || n->in.denied_alive)
        return;
    judged(rp, RULE_R3);
    if (n->term >= m->mterm && (n->role == 'F' || n->role == 'O' || n->term > m->mterm))
        return;
    struct finding *f =
        replay_found(rp, RULE_R3, n, r, "newer-term-not-followed", "%s hears of term %lld and stays %c in term %lld",
                     n->name, (long long)m->mterm, n->role, (long long)n->term);
    finding_rec(f, "cause", n->in.rec);
}

/* R30: the index up to which a leader of `bound_term` has confirmed this log, message by message; they may arrive in
 * any order, so the best one counts. */
void replay_raise_bound(struct node *n, const struct msg *m)
{
    if (m->kind != KIND_APP_REQ || m->mterm != n->term || m->mterm != n->bound_term || m->pi < 0)
        return;
    int64_t pt = log_term(n, m->pi), upto = m->pi + (int64_t)m->n_ents;
    if (m->pi > log_last(n) || (pt != TERM_UNKNOWN && pt != m->pt))
        return;
    if (m->lci < upto)
        upto = m->lci;
    if (upto > n->bound)
        n->bound = upto;
}

static void declared_state(struct replay *rp, struct node *n, const struct rec *end)
{
    struct {
        const char *name;
        int64_t declared, replayed;
    } field[] = {
        {"term", end->term, n->term},
        {"ci", end->ci, n->commit},
        {"ai", end->ai, n->applied},
        {"li", end->li, log_last(n)},
    };
    judged(rp, RULE_T1);
    struct finding *f = NULL;
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        if (field[i].declared != field[i].replayed && f == NULL)
            f = replay_found(rp, RULE_T1, n, end, "declared-state-differs",
                             "%s declares %s %lld, but its records add up to %lld", n->name, field[i].name,
                             (long long)field[i].declared, (long long)field[i].replayed);
    }
    if (end->role != n->role && f == NULL)
        f = replay_found(rp, RULE_T1, n, end, "declared-state-differs",
                         "%s declares role %c, but its records add up to %c", n->name, end->role, n->role);
    finding_rec(f, "cause", end->id);
}

void replay_close_input(struct replay *rp, struct node *n)
{
    struct rec end = n->last_state;
    const struct input *in = &n->in;
    if (in->is_msg) {
        newer_term(rp, n, &end, &in->m);
        if (!in->ignored)
            replay_raise_bound(n, &in->m);
        if (in->m.kind == KIND_APP_REQ && in->m.mterm == in->term_before && in->role_before == 'C' && !in->ignored) {
            judged(rp, RULE_R11);
            if (n->role == 'C')
                finding_rec(replay_found(rp, RULE_R11, n, &end, "candidate-ignores-leader",
                                         "%s stays candidate although a leader of its term %lld sent an append",
                                         n->name, (long long)n->term),
                            "cause", in->rec);
        }
    }
    if (in->vote_timer.rec != 0 && !in->granted) {
        struct rec at = {.id = in->vote_timer.rec, .t = in->vote_timer.t};
        finding_rec(replay_found(rp, RULE_R63, n, &at, "election-timer-reset-without-reason",
                                 "%s restarts its election timer for a vote that it did not grant", n->name),
                    "cause", at.id);
    }
    declared_state(rp, n, &end);
}
