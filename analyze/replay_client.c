/* replay_client.c -- answers, reads and timers (Raft paper §8; dissertation §6.3, §6.4; Students' Guide to Raft,
 * "Livelocks"). */
#include "replay_int.h"
#include "words.h"

/* ---- writes ---- */

void replay_refused_and_applied(struct replay *rp, struct node *n, const struct rec *r, int64_t refused,
                                int64_t applied)
{
    judged(rp, RULE_R43);
    if (refused == 0 || applied == 0)
        return;
    struct trace_text mid = rec_text(r, "req");
    struct finding *f = replay_found(rp, RULE_R43, n, r, "failed-and-applied",
                                     "request %.*s is answered with fail, and takes effect all the same",
                                     (int)(mid.n < 64 ? mid.n : 64), mid.p != NULL ? mid.p : "");
    finding_add(f, "cause", refused, "the client hears that it did not happen");
    finding_add(f, "cause", applied, "it happens");
}

static void refused(struct replay *rp, struct node *n, const struct rec *r)
{
    uint64_t req = rec_hash(r, "req"), cli = rec_hash(r, "cli");
    uint64_t *at = pairmap_at(&rp->refused_of, replay_request_key(req, cli), 1);
    if (*at == 0)
        *at = (uint64_t)r->id;
    uint64_t done = pairmap_get(&rp->request_of, req != 0 ? req : 1, cli);
    replay_refused_and_applied(rp, n, r, r->id, done != 0 ? rp->request[done - 1].rec : 0);
}

void replay_on_reply(struct replay *rp, struct node *n, const struct rec *r)
{
    if (!trace_text_is(rec_text(r, "op"), "put"))
        return;
    if (trace_text_is(rec_text(r, "res"), "fail"))
        refused(rp, n, r);
    if (!trace_text_is(rec_text(r, "res"), "ok"))
        return;
    uint64_t req = rec_hash(r, "req"), cli = rec_hash(r, "cli");
    struct trace_text mid = rec_text(r, "req");
    int64_t idx =
                (int64_t)pairmap_get(&rp->node_request_of, replay_request_key(req, cli), (uint64_t)replay_self(rp, n)),
            named = rec_int(r, "idx", 0);
    if (idx == 0 && n->log.base > 0) { /* what came with a snapshot, or before a restart, others have applied */
        uint64_t at = pairmap_get(&rp->request_of, req, cli);
        idx = at != 0 && rp->request[at - 1].idx <= n->applied ? rp->request[at - 1].idx : 0;
    }
    if (idx == 0 && (n->missing > 0 || (n->log.base > 0 && rp->incomplete[0] != '\0'))) {
        replay_unknown(rp, RULE_R42, "%s.%lld: what it applied before entry %lld is not known", n->name,
                       (long long)n->boot, (long long)n->log.base);
        return;
    }
    judged(rp, RULE_R42);
    /* Applied again, with no effect, it is answered with where it took effect first. */
    uint64_t first = pairmap_get(&rp->request_of, req, cli);
    bool again = first != 0 && named != 0 && rp->request[first - 1].idx == named && named <= n->applied;
    if (idx != 0 && (named == 0 || named == idx || again))
        return;
    struct finding *f =
        replay_found(rp, RULE_R42, n, r, "reply-before-apply", "%s acknowledges write %.*s without having applied it",
                     n->name, (int)(mid.n < 64 ? mid.n : 64), mid.p);
    finding_rec(f, "cause", n->in.rec);
    finding_add(f, "cause", r->id, "applied so far: %lld", (long long)n->applied);
}

/* ---- reads ---- */

static const struct arrival *arrival_of(struct replay *rp, const struct node *n, const struct rec *r)
{
    uint64_t at = pairmap_get(&rp->arrival_of, (uint64_t)replay_self(rp, n) + 1, rec_hash(r, "req"));
    return at != 0 && rp->arrival[at - 1].boot == n->boot ? &rp->arrival[at - 1] : NULL;
}

/* R44: an index taken by a leader that has committed an entry of its own term (dissertation §6.4, step 1). */
static void index_of_own_term(struct replay *rp, struct node *n, const struct rec *r, int64_t idx, int64_t iterm,
                              int64_t term)
{
    int64_t eterm = log_term(&n->log, idx);
    judged(rp, RULE_R44);
    if (n->role == 'L' && iterm == term && (eterm == TERM_UNKNOWN || eterm == iterm) && idx <= log_last(&n->log))
        return;
    struct finding *f;
    if (n->role != 'L')
        f = replay_found(rp, RULE_R44, n, r, "follower-serves-reads", "%s serves a read as %s", n->name,
                         words_role(n->role));
    else
        f = replay_found(
            rp, RULE_R44, n, r, "read-index-before-term-commit",
            "%s, leader of term %lld, reads at entry %lld of term %lld: it has committed nothing of its own term",
            n->name, (long long)term, (long long)idx, (long long)(eterm != TERM_UNKNOWN ? eterm : iterm));
    finding_rec(f, "cause", r->id);
}

void replay_on_read_index(struct replay *rp, struct node *n, const struct rec *r)
{
    index_of_own_term(rp, n, r, rec_int(r, "idx", 0), rec_int(r, "iterm", 0), n->term);
}

/* The same for a read from local state: what it shows is only current once an entry of the leader's own term is
 * applied. */
static void local_read_of_own_term(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t at = rec_int(r, "at", n->applied), eterm = log_term(&n->log, at);
    if (n->role == 'L' && eterm == TERM_UNKNOWN && at <= log_last(&n->log)) {
        replay_unknown(rp, RULE_R44, "%s.%lld: the term of entry %lld is not known", n->name, (long long)n->boot,
                       (long long)at);
        return;
    }
    judged(rp, RULE_R44);
    if (n->role == 'L' && eterm == n->term)
        return;
    struct finding *f =
        n->role != 'L'
            ? replay_found(rp, RULE_R44, n, r, "follower-serves-reads", "%s serves a read as %s", n->name,
                           words_role(n->role))
            : replay_found(rp, RULE_R44, n, r, "local-read-before-term-commit",
                           "%s, leader of term %lld, answers a read with entry %lld applied: nothing of its own term",
                           n->name, (long long)n->term, (long long)at);
    finding_rec(f, "cause", r->id);
}

void replay_on_read_local(struct replay *rp, struct node *n, const struct rec *r)
{
    n->step_over = true;
    local_read_of_own_term(rp, n, r);
    judged(rp, RULE_R45);
    if (replay_members(rp, n) == 1)
        return; /* alone, it is its own majority */
    finding_add(replay_found(rp, RULE_R45, n, r, "leader-reads-without-quorum",
                             "%s answers a read in term %lld without a quorum round", n->name, (long long)n->term),
                "cause", r->id, "answered from its own state, nobody was asked");
}

void replay_on_read_serve(struct replay *rp, struct node *n, const struct rec *r)
{
    const struct arrival *a = arrival_of(rp, n, r);
    int64_t idx = rec_int(r, "idx", 0), at = rec_int(r, "at", n->applied),
            arrived = a != NULL ? a->seq : rec_int(r, "arrived", 0);
    struct trace_text mid = rec_text(r, "req");
    n->step_over = true;
    index_of_own_term(rp, n, r, idx, rec_int(r, "iterm", 0), n->term);

    judged(rp, RULE_R46);
    if (at < idx || n->applied < idx || (a != NULL && idx < a->commit)) {
        struct finding *f =
            replay_found(rp, RULE_R46, n, r, "read-before-apply",
                         "%s serves read %.*s at index %lld with %lld applied; %lld was committed when it arrived",
                         n->name, (int)(mid.n < 64 ? mid.n : 64), mid.p, (long long)idx, (long long)at,
                         (long long)(a != NULL ? a->commit : -1));
        if (a != NULL)
            finding_rec(f, "cause", a->rec);
        finding_rec(f, "cause", r->id);
    }
    int64_t lease = rec_int(r, "lease", -1);
    if (lease >= 0) {
        replay_leased_read(rp, n, r, lease);
        return;
    }
    if (!replay_quorum_known(rp, n, RULE_R45))
        return;
    judged(rp, RULE_R45);
    struct tally t = replay_tally(rp, n, RULE_R45, true, peer_answered_after, arrived);
    if (t.have >= t.need || rp->rule[RULE_R45].unknown[0] != '\0')
        return;
    struct finding *f = replay_found(rp, t.blame, n, r, tally_class(&t, RULE_R45, "read-confirmed-by-old-answers"),
                                     "%s serves read %.*s after %u of the %u confirmations needed", n->name,
                                     (int)(mid.n < 64 ? mid.n : 64), mid.p, t.have, t.need);
    if (a != NULL)
        finding_add(f, "cause", a->rec, "the read arrives");
    for (unsigned i = 0; i < n->n_peers; i++) {
        const struct peer *p = &n->peer[i];
        if (p->answered_rec != 0)
            finding_add(f, p->answered_seq > arrived ? "cause" : "witness", p->answered_rec,
                        "the latest append that %s answered, sent %s the read arrived", replay_node(rp, p->node)->name,
                        p->answered_seq > arrived ? "after" : "before");
    }
    finding_rec(f, "cause", r->id);
}

/* ---- redirects ---- */

void replay_on_redirect(struct replay *rp, struct node *n, const struct rec *r)
{
    struct trace_text to = rec_text(r, "to");
    if (to.p == NULL || trace_text_is(to, "FFFF"))
        return;
    int number = replay_number(rp, to.p, to.n);
    judged(rp, RULE_R65);
    if (number == replay_self(rp, n))
        finding_rec(replay_found(rp, RULE_R65, n, r, "redirect-to-itself", "%s redirects a client to itself", n->name),
                    "cause", r->id);
    else if (n->leader_told && n->leader != number)
        finding_add(replay_found(rp, RULE_R65, n, r, "redirect-elsewhere",
                                 "%s redirects a client to %s, but does not believe that it leads", n->name,
                                 replay_node(rp, number)->name),
                    "cause", r->id, "believed leader: %s",
                    n->leader >= 0 ? replay_node(rp, n->leader)->name : "nobody");
}

/* ---- timers ---- */

/* R63: the election timer restarts for an append of the current leader, a vote granted, an election started, a restart
 * or a step down; for nothing else, or refused candidates and chatty clients keep everyone from campaigning. */
void replay_on_timer_set(struct replay *rp, struct node *n, const struct rec *r)
{
    static const char *const legal[] = {"append",           "snapshot", "vote_granted",
                                        "election_started", "restart",  "step_down"};
    if (!trace_text_is(rec_text(r, "tm"), "election"))
        return;
    replay_not_by_stale(rp, n, r, "restarts the election timer");
    bool handling = n->in.rec != 0 && r->cause == n->in.rec;
    if (!handling && (rec_why(r, "append") || rec_why(r, "vote_granted")) && n->missing > 0) {
        replay_unknown(rp, RULE_R63, "%s.%lld: what the election timer restarts for is missing", n->name,
                       (long long)n->boot);
        return;
    }
    judged(rp, RULE_R63);
    bool ok = false;
    for (size_t i = 0; i < sizeof legal / sizeof *legal; i++)
        ok = ok || rec_why(r, legal[i]);
    const struct msg *m = replay_input_msg(n, r);
    if (rec_why(r, "append") && n->saw_msgs && handling)
        ok = m != NULL && (m->kind == KIND_APP_REQ || m->kind == KIND_SNAP_REQ) && m->mterm >= n->in.term_before;
    if (rec_why(r, "vote_granted") && handling) {
        n->in.vote_timer.rec = r->id; /* judged when the handling is over */
        n->in.vote_timer.t = r->t;
    }
    struct trace_text why = rec_text(r, "why");
    if (!ok)
        finding_add(
            replay_found(rp, RULE_R63, n, r, "election-timer-reset-without-reason",
                         "%s restarts its election timer (reason given: %.*s), and nothing speaks for a live leader",
                         n->name, (int)(why.n < 64 ? why.n : 64), why.p != NULL ? why.p : ""),
            "cause", r->id, "only a live leader, a vote, an election or a restart may do that");
}
