/* replay_lease.c -- leases: a leader answers reads without asking while a majority has promised, by having answered its
 * appends, not to elect another (dissertation §6.4.1); and the voters' side of the promise (§4.2.3). */
#include "replay_int.h"

#include <string.h>

/* Times of a record are whole nanoseconds, those of a core whole microseconds. */
enum { ROUNDING_NS = 2000 };

/* How long after `since` nobody elects another: the shortest election timeout, on a clock that may run slower than the
 * voters' by the stated drift. */
static int64_t longest(const struct node *n)
{
    return n->cfg.election_min_ns - (int64_t)((double)n->cfg.election_min_ns * (double)n->cfg.drift_ppm / 1e6);
}

/* Is the id in ["id", ...]? Ids are plain words: no escapes in them. */
static bool names(struct trace_text list, const char *id)
{
    size_t n = strlen(id);
    const char *p = list.p, *end = list.p + list.n;
    while ((p = memchr(p, '"', (size_t)(end - p))) != NULL) {
        const char *to = memchr(p + 1, '"', (size_t)(end - p - 1));
        if (to == NULL)
            return false;
        if ((size_t)(to - p - 1) == n && memcmp(p + 1, id, n) == 0)
            return true;
        p = to + 1;
    }
    return false;
}

/* How many of "by" are members that answered an append sent at `since` or later; `late`: one that did not. */
static unsigned named_and_answered(struct replay *rp, struct node *n, const struct rec *r, int64_t since,
                                   const char **late)
{
    const struct trace_field *by = trace_find(r->f, "by");
    const struct conf *c = replay_conf(rp, n->conf);
    unsigned have = 0;
    *late = NULL;
    if (by == NULL || by->kind != TRACE_ARRAY)
        return 0;
    for (unsigned i = 0; i < n->n_peers; i++) {
        const struct peer *p = &n->peer[i];
        struct node *q = replay_node(rp, p->node);
        if (!names(by->raw, q->name) || !conf_has(c, p->node))
            continue;
        if (p->answered_t >= since - ROUNDING_NS)
            have++;
        else
            *late = q->name;
    }
    return have;
}

void replay_on_lease(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t since = rec_int(r, "since", 0), until = rec_int(r, "until", 0);
    n->lease = (struct lease){.rec = r->id,
                              .term = n->term,
                              .since = since,
                              .until = until,
                              .transfer_t = n->lease.transfer_t,
                              .transfer_rec = n->lease.transfer_rec};
    if (n->cfg.election_min_ns > 0) {
        judged(rp, RULE_R48);
        if (until - since > longest(n) + ROUNDING_NS)
            finding_add(replay_found(rp, RULE_R48, n, r, "lease-too-long",
                                     "%s takes a lease of %.1f ms; the voters promise %.1f ms", n->name,
                                     (double)(until - since) / 1e6, (double)longest(n) / 1e6),
                        "cause", r->id, "shortest election timeout %.1f ms, drift %lld ppm",
                        (double)n->cfg.election_min_ns / 1e6, (long long)n->cfg.drift_ppm);
    }
    if (n->wrong_clock || !replay_quorum_known(rp, n, RULE_R48))
        return;
    judged(rp, RULE_R48);
    const char *who;
    unsigned need = replay_majority(rp, n),
             have = conf_has(replay_conf(rp, n->conf), replay_self(rp, n)) + named_and_answered(rp, n, r, since, &who);
    if (have >= need && n->role == 'L')
        return;
    struct finding *f = replay_found(rp, RULE_R48, n, r, "lease-without-quorum",
                                     "%s takes a lease since %.3f ms on the word of %u of the %u members needed",
                                     n->name, (double)since / 1e6, have, need);
    for (unsigned i = 0; i < n->n_peers; i++) {
        const struct peer *p = &n->peer[i];
        if (p->answered_t_rec != 0)
            finding_add(f, p->answered_t >= since - ROUNDING_NS ? "cause" : "witness", p->answered_t_rec,
                        "%s has answered an append sent at %.3f ms", replay_node(rp, p->node)->name,
                        (double)p->answered_t / 1e6);
    }
    finding_add(f, "cause", r->id, who != NULL ? "%s is named, but has not answered so late an append" : "%s leads",
                who != NULL ? who : n->name);
}

void replay_on_lease_end(struct replay *rp, struct node *n, const struct rec *r)
{
    (void)rp;
    (void)r;
    n->lease.given_up = true;
}

/* ---- a read that rests on one ---- */

static const char *wrong_lease(const struct node *n, const struct rec *r, int64_t until)
{
    const struct lease *l = &n->lease;
    if (l->rec == 0 || l->term != n->term || l->until != until)
        return "read-on-no-lease";
    if (l->given_up)
        return "read-on-a-lease-given-up";
    if (r->t > until && !n->wrong_clock)
        return "read-after-the-lease";
    return l->transfer_rec != 0 && l->since <= l->transfer_t ? "read-on-a-lease-after-transfer" : NULL;
}

void replay_leased_read(struct replay *rp, struct node *n, const struct rec *r, int64_t until)
{
    const struct lease *l = &n->lease;
    judged(rp, RULE_R48);
    const char *class = wrong_lease(n, r, until);
    if (class != NULL) {
        struct finding *f =
            replay_found(rp, RULE_R48, n, r, class, "%s answers a read at %.3f ms by a lease until %.3f ms%s", n->name,
                         (double)r->t / 1e6, (double)until / 1e6,
                         l->rec == 0 || l->until != until ? ", which it has not"
                         : l->given_up                    ? ", which it has given up"
                         : r->t > until                   ? ", which is over"
                                                          : ", although it has handed leadership over");
        if (l->rec != 0)
            finding_add(f, "cause", l->rec, "its lease is since %.3f until %.3f ms", (double)l->since / 1e6,
                        (double)l->until / 1e6);
        if (l->transfer_rec != 0)
            finding_rec(f, "cause", l->transfer_rec);
        finding_rec(f, "cause", r->id);
        return;
    }
    if (rp->separate_clocks || rp->newest.term <= n->term || rp->newest.node == replay_self(rp, n))
        return;
    struct finding *f =
        replay_found(rp, RULE_R48, n, r, "lease-read-beside-a-newer-leader",
                     "%s answers a read by its lease of term %lld, %.1f ms after %s became leader of term %lld",
                     n->name, (long long)n->term, (double)(r->t - rp->newest.t) / 1e6,
                     replay_node(rp, rp->newest.node)->name, (long long)rp->newest.term);
    finding_add(f, "cause", l->rec, "lease since %.3f until %.3f ms", (double)l->since / 1e6, (double)l->until / 1e6);
    finding_rec(f, "cause", rp->newest.rec);
    finding_rec(f, "cause", r->id);
}

/* ---- the voters ---- */

void replay_leader_heard(struct node *n, const struct rec *r, const struct msg *m)
{
    struct heard *h = &n->heard;
    n->in.heard_before = *h;
    if (m->mterm < n->term)
        return;
    h->alive_t = r->t;
    if (m->ts >= 0 && h->term == m->mterm && m->ts < h->ts)
        return;
    *h = (struct heard){.t = r->t, .rec = r->id, .term = m->mterm, .ts = m->ts, .from = m->peer, .alive_t = r->t};
}

void replay_vote_while_leader_lives(struct replay *rp, struct node *n, const struct rec *r, const char *what)
{
    const struct msg *m = replay_input_msg(n, r);
    if (!n->cfg.leases || n->cfg.election_min_ns <= 0 || m == NULL || m->kind != KIND_VOTE_REQ || m->xfer)
        return;
    int64_t heard = n->heard.t, rec = n->heard.rec;
    const char *since = "it had heard of leader";
    if (n->heard.from == m->peer)
        heard = -1; /* the leader itself asks: its lease ended with its term */
    if (n->restored && n->t_start > heard) {
        heard = n->t_start; /* what it promised before the restart it does not remember */
        rec = n->start_rec;
        since = "it started again";
    }
    judged(rp, RULE_R9c);
    if (heard < 0 || r->t - heard >= n->cfg.election_min_ns - ROUNDING_NS)
        return;
    struct finding *f =
        replay_found(rp, RULE_R9c, n, r, "vote-while-leader-lives",
                     "%s %s %s %.1f ms after %s%s%s; leases rest on %.1f ms of patience", n->name, what,
                     replay_node(rp, m->peer)->name, (double)(r->t - heard) / 1e6, since,
                     rec == n->heard.rec && n->heard.from >= 0 ? " " : "",
                     rec == n->heard.rec && n->heard.from >= 0 ? replay_node(rp, n->heard.from)->name : "",
                     (double)n->cfg.election_min_ns / 1e6);
    finding_rec(f, "cause", rec);
    finding_rec(f, "cause", n->in.rec);
    finding_rec(f, "cause", r->id);
}
