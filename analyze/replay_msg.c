/* replay_msg.c -- messages as records tell them, the step of several inputs that they belong to, and what comes too
 * late to have an effect (Raft paper §5.1, Figure 2; Students' Guide, "Term confusion"). */
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

struct msg *replay_next_in_step(struct node *n)
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
