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
    {"snap_req", KIND_SNAP_REQ},
    {"snap_res", KIND_SNAP_RES},
    {"transfer", KIND_TRANSFER},
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
        e.h = text_hash(from + 1, (size_t)(to - from - 1));
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
    m->ts = rec_int(r, "ts", -1);
    bool snapshot = m->kind == KIND_SNAP_REQ || m->kind == KIND_SNAP_RES;
    m->si = snapshot ? rec_int(r, "si", -1) : -1;
    m->st = snapshot ? rec_int(r, "st", -1) : -1;
    m->off = snapshot ? rec_int(r, "off", -1) : -1;
    m->size = snapshot ? rec_int(r, "size", -1) : -1;
    m->conf = m->kind == KIND_SNAP_REQ ? replay_conf_number(rp, rec_text(r, "conf")) : 0;
    m->xfer = m->kind == KIND_VOTE_REQ && rec_int(r, "xfer", 0) != 0;
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
    return n->in.rec != 0 && r->cause == n->in.rec ? n->in.m : NULL;
}

/* ---- a step of several inputs ---- */

enum { STEP_MAX = 512 };

/* Begins another input of the node: of the same step unless something was done that ends one. */
static struct msg *next_in_step(struct node *n)
{
    if (n->step_over || n->n_step == STEP_MAX)
        n->n_step = 0;
    n->step_over = false;
    if (n->n_step == n->step_room) {
        size_t was = n->step_room;
        n->step = vector_grow(n->step, &n->step_room, n->n_step, sizeof *n->step);
        memset(n->step + was, 0, (n->step_room - was) * sizeof *n->step);
    }
    return &n->step[n->n_step++];
}

const struct msg *replay_step_msg(const struct node *n, uint64_t mid)
{
    for (size_t i = n->n_step; mid != 0 && i > 0; i--) {
        if (n->step[i - 1].mid == mid)
            return &n->step[i - 1];
    }
    return NULL;
}

bool replay_step_has_reason(const struct node *n, const struct rec *r,
                            bool (*bad)(const struct node *n, const struct msg *m))
{
    if (replay_input_msg(n, r) == NULL)
        return true;
    for (size_t i = 0; i < n->n_step; i++) {
        if (!bad(n, &n->step[i]))
            return true;
    }
    return false;
}

/* ---- messages that come too late ---- */

/* A request of a leader or candidate whose term had passed when it arrived. */
static bool stale_request(const struct node *n, const struct msg *m)
{
    return (m->kind == KIND_APP_REQ || m->kind == KIND_VOTE_REQ || m->kind == KIND_SNAP_REQ ||
            m->kind == KIND_TRANSFER) &&
           m->mterm >= 0 && m->mterm < n->in.term_before;
}

static bool stale_reply(const struct node *n, const struct msg *m)
{
    return (m->kind == KIND_APP_RES || m->kind == KIND_VOTE_RES || m->kind == KIND_SNAP_RES) && m->mterm >= 0 &&
           m->mterm < n->in.term_before;
}

void replay_not_by_stale_reply(struct replay *rp, struct node *n, const struct rec *r, const char *what)
{
    if (replay_input_msg(n, r) == NULL)
        return;
    judged(rp, RULE_R6);
    if (replay_step_has_reason(n, r, stale_reply))
        return;
    struct finding *f =
        replay_found(rp, RULE_R6, n, r, "stale-reply-has-effect", "%s: a reply of old term %lld %s in term %lld",
                     n->name, (long long)n->in.m->mterm, what, (long long)n->in.term_before);
    finding_rec(f, "cause", n->in.rec);
    finding_add(f, "cause", r->id, "must have no effect");
}

void replay_not_by_stale(struct replay *rp, struct node *n, const struct rec *r, const char *what)
{
    const struct msg *m = replay_input_msg(n, r);
    if (m == NULL)
        return;
    judged(rp, RULE_R5);
    if (!stale_request(n, m) || replay_step_has_reason(n, r, stale_request))
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
    struct peer *p = replay_peer_made(n, m->peer);
    if (p == NULL || m->ok != 1 || m->mterm != n->term || n->cand_rec == 0 || n->cand_term != n->term ||
        p->vote_rec != 0)
        return;
    if (req != NULL && (req->kind != KIND_VOTE_REQ || req->mterm != n->term || req->node != replay_self(rp, n)))
        return; /* answers another question */
    p->vote_rec = r->id;
}

/* A time on the leader's clock comes back: all that was promised counts from there. */
static void heard_since(struct node *n, const struct rec *r, struct peer *p, const struct msg *m)
{
    int64_t sent = replay_sent_at(n, m->ts);
    if (sent > p->answered_t) {
        p->answered_t = sent;
        p->answered_t_rec = r->id;
    }
}

static void snapshot_answered(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    struct peer *p = replay_peer_made(n, m->peer);
    if (p == NULL || n->role != 'L' || m->mterm != n->term)
        return;
    heard_since(n, r, p, m);
    if (replay_snap_is_whole(rp, n, m) && m->si > p->acked) {
        p->acked = m->si;
        p->acked_rec = r->id;
    }
}

/* R31b: the highest index that a majority has acknowledged now, if it may be committed. */
static void becomes_due(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t last = log_last(&n->log), idx = n->commit;
    if (n->conf == 0 || n->due.idx != 0)
        return;
    for (unsigned i = 0; i < n->n_peers; i++) {
        int64_t at = n->peer[i].acked < last ? n->peer[i].acked : last;
        if (at > idx && replay_in_conf(rp, n, true, peer_acked, at) >= replay_majority(rp, n))
            idx = at;
    }
    if (idx > n->commit && log_term(&n->log, idx) == n->term)
        n->due = (struct due){.idx = idx, .t = r->t, .rec = r->id};
}

static void append_answered(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    struct peer *p = replay_peer_made(n, m->peer);
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
    heard_since(n, r, p, m);
    if (m->ok == 1 && upto > p->acked) {
        p->acked = upto;
        p->acked_rec = r->id;
        becomes_due(rp, n, r);
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

static void begin_input(struct node *n, const struct rec *r, const struct msg *m)
{
    n->disk.snap_synced = false;
    n->in = (struct input){.rec = r->id,
                           .t = r->t,
                           .m = m,
                           .term_before = n->term,
                           .commit_before = n->commit,
                           .role_before = n->role,
                           .heard_before = n->heard_t,
                           .heard_from_before = n->heard_from};
}

void replay_on_recv(struct replay *rp, struct node *n, const struct rec *r)
{
    n->saw_msgs = true;
    struct msg *m = next_in_step(n);
    begin_input(n, r, m);
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
        replay_leader_heard(n, r, m);
        break;
    case KIND_SNAP_REQ:
        replay_leader_heard(n, r, m);
        break;
    case KIND_SNAP_RES:
        snapshot_answered(rp, n, r, m);
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
    case KIND_TRANSFER:
        break;
    }
}

/* Other inputs than messages. */
void replay_on_input(struct replay *rp, struct node *n, const struct rec *r)
{
    (void)rp;
    begin_input(n, r, NULL);
}

void replay_on_ignore(struct replay *rp, struct node *n, const struct rec *r)
{
    (void)rp;
    if (r->cause != n->in.rec)
        return;
    n->in.ignored = true;
    n->heard_t = n->in.heard_before;
    n->heard_from = n->in.heard_from_before;
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
    int64_t pt = log_term(&n->log, m->pi);
    const char *wrong = NULL;
    int64_t where = m->pi;
    if (m->pi >= 0 && m->pt >= 0 && ((pt != TERM_UNKNOWN && pt != m->pt) || m->pi > log_last(&n->log)))
        wrong = "predecessor";
    for (size_t i = 0; i < m->n_ents && wrong == NULL; i++) {
        const struct log_entry *e = log_at(&n->log, m->ents[i].idx);
        where = m->ents[i].idx;
        if (where != m->pi + 1 + (int64_t)i || where > log_last(&n->log))
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
    int64_t last_term = log_term(&n->log, log_last(&n->log));
    judged(rp, RULE_R10);
    if (m->lli >= 0 && m->llt >= 0 && last_term != TERM_UNKNOWN && (m->lli != log_last(&n->log) || m->llt != last_term))
        finding_rec(replay_found(rp, RULE_R10, n, r, "candidate-misstates-log",
                                 "%s claims last entry %lld of term %lld, but has %lld of term %lld", n->name,
                                 (long long)m->lli, (long long)m->llt, (long long)log_last(&n->log),
                                 (long long)last_term),
                    "cause", r->id);
}

/* R21, R22, R23: what a positive answer claims about the request that it answers. */
static void append_acknowledged(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct msg *in = replay_step_msg(n, m->re);
    const struct sent *req = replay_sent(rp, m->re);
    if (in == NULL)
        in = replay_input_msg(n, r);
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
    int64_t pt = log_term(&n->log, in->pi);
    if (in->pi > log_last(&n->log) || (pt != TERM_UNKNOWN && in->pt >= 0 && in->pi >= 0 && pt != in->pt)) {
        struct finding *f = replay_found(rp, RULE_R21, n, r, "ack-without-matching-predecessor",
                                         "%s acknowledges an append although it has no entry %lld of term %lld",
                                         n->name, (long long)in->pi, (long long)in->pt);
        finding_rec(f, "cause", n->in.rec);
        finding_rec(f, "cause", r->id);
        return;
    }
    judged(rp, RULE_R22);
    for (size_t i = 0; i < in->n_ents; i++) {
        const struct log_entry *e = log_at(&n->log, in->ents[i].idx);
        bool unknown = in->ents[i].idx <= n->log.base;
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

/* R5 for an answer, which names what it answers. */
static void positive_answer(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    const struct msg *to = replay_step_msg(n, m->re);
    if (to == NULL) {
        replay_not_by_stale(rp, n, r, "gets a positive answer");
        return;
    }
    judged(rp, RULE_R5);
    if (to->mterm < 0 || to->mterm >= n->term)
        return;
    struct finding *f = replay_found(rp, RULE_R5, n, r, "stale-request-has-effect",
                                     "%s: a message of old term %lld gets a positive answer in term %lld", n->name,
                                     (long long)to->mterm, (long long)n->term);
    finding_rec(f, "cause", n->in.rec);
    finding_add(f, "cause", r->id, "must have no effect");
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
    replay_durable_first(rp, n, r, m);
    replay_snap_is_durable(rp, n, r);
    if (m->kind == KIND_SNAP_REQ)
        replay_snap_sent(rp, n, r, m);
    if (m->kind == KIND_TRANSFER) {
        n->lease.transfer_t = r->t;
        n->lease.transfer_rec = r->id;
    }
    n->step_over = n->step_over || r->cause == n->in.rec;
    if (m->kind == KIND_APP_REQ)
        append_sent(rp, n, r, m);
    if (m->kind == KIND_VOTE_REQ || m->kind == KIND_PREVOTE_REQ)
        candidacy_sent(rp, n, r, m);
    if (m->ok == 1 && (m->kind == KIND_APP_RES || m->kind == KIND_VOTE_RES))
        positive_answer(rp, n, r, m);
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
                                           .size = m->size,
                                           .node = replay_self(rp, n),
                                           .kind = m->kind};
    *at = rp->n_sent;
}

/* ---- when the handling of an input is over ---- */

static void newer_term(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    bool counts = (m->kind >= KIND_APP_REQ && m->kind <= KIND_VOTE_RES) || m->kind == KIND_SNAP_REQ ||
                  m->kind == KIND_SNAP_RES || m->kind == KIND_TRANSFER;
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
    int64_t pt = log_term(&n->log, m->pi), upto = m->pi + (int64_t)m->n_ents;
    if (m->pi > log_last(&n->log) || (pt != TERM_UNKNOWN && pt != m->pt))
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
        {"li", end->li, log_last(&n->log)},
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

/* R31b: acknowledged by a majority, and not committed although the leader has handled inputs since. */
static void overdue(struct replay *rp, struct node *n, const struct rec *end)
{
    if (n->due.idx == 0 || n->role != 'L' || n->cfg.heartbeat_ns == 0)
        return;
    if (n->due.rec != n->in.rec)
        judged(rp, RULE_R31b);
    if (n->due.idx <= n->commit || end->t - n->due.t <= 2 * n->cfg.heartbeat_ns)
        return;
    finding_add(replay_found(rp, RULE_R31b, n, end, "acknowledged-but-not-committed",
                             "%s has not committed entry %lld, %.0f ms after a majority had acknowledged it", n->name,
                             (long long)n->due.idx, (double)(end->t - n->due.t) / 1e6),
                "cause", n->due.rec, "with this answer entry %lld of its own term had its majority",
                (long long)n->due.idx);
    n->due.idx = 0;
}

void replay_close_input(struct replay *rp, struct node *n)
{
    struct rec end = n->last_state;
    const struct input *in = &n->in;
    if (in->m != NULL) {
        newer_term(rp, n, &end, in->m);
        if (!in->ignored)
            replay_raise_bound(n, in->m);
        if (in->m->kind == KIND_APP_REQ && in->m->mterm == in->term_before && in->role_before == 'C' && !in->ignored) {
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
    replay_snap_is_durable(rp, n, &end);
    replay_removed_leader(rp, n, &end);
    overdue(rp, n, &end);
    declared_state(rp, n, &end);
}
