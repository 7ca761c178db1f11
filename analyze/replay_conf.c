/* replay_conf.c -- who votes: the configurations in the logs (Raft paper §6, dissertation §4.1), and the quorums that
 * are counted over the latest one, committed or not. */
#include "replay_int.h"

#include <string.h>

int replay_conf_number(struct replay *rp, struct trace_text ids)
{
    struct conf c = {.n = 0};
    const char *p = ids.p, *end = ids.p != NULL ? ids.p + ids.n : NULL;
    while (p < end) {
        size_t n = 0;
        while (p + n < end && p[n] != ' ' && p[n] != ',' && p[n] != '=')
            n++;
        if (n > 0) {
            int number = replay_number(rp, p, n);
            if (!conf_has(&c, number)) {
                if (c.n == PEERS_MAX)
                    return 0; /* too many to follow */
                unsigned at = c.n++;
                for (; at > 0 && c.node[at - 1] > number; at--)
                    c.node[at] = c.node[at - 1];
                c.node[at] = number;
            }
        }
        for (p += n; p < end && *p != ' ' && *p != ','; p++) {
        }
        p += p < end;
    }
    if (c.n == 0)
        return 0;
    for (size_t i = 0; i < rp->n_conf; i++) {
        if (rp->conf[i].n == c.n && memcmp(rp->conf[i].node, c.node, c.n * sizeof *c.node) == 0)
            return (int)i + 1;
    }
    rp->conf = vector_grow(rp->conf, &rp->conf_room, rp->n_conf, sizeof *rp->conf);
    rp->conf[rp->n_conf++] = c;
    return (int)rp->n_conf;
}

const struct conf *replay_conf(const struct replay *rp, int number)
{
    return number > 0 ? &rp->conf[number - 1] : NULL;
}

bool conf_has(const struct conf *c, int node)
{
    for (unsigned i = 0; c != NULL && i < c->n; i++) {
        if (c->node[i] == node)
            return true;
    }
    return false;
}

void replay_conf_refresh(struct node *n)
{
    n->conf_idx = log_last(&n->log);
    while (n->conf_idx > n->log.base && n->log.v[n->conf_idx - n->log.base - 1].conf == 0)
        n->conf_idx--;
    n->conf = n->conf_idx > n->log.base ? n->log.v[n->conf_idx - n->log.base - 1].conf : n->log.base_conf;
    if (n->conf == 0)
        n->conf = n->first_conf;
}

unsigned replay_members(const struct replay *rp, const struct node *n)
{
    const struct conf *c = replay_conf(rp, n->conf);
    return c != NULL ? c->n : (unsigned)rp->replicas;
}

unsigned replay_majority(const struct replay *rp, const struct node *n)
{
    return replay_members(rp, n) / 2 + 1;
}

/* ---- quorums ---- */

bool peer_voted(const struct peer *p, int64_t unused)
{
    (void)unused;
    return p->vote_rec != 0;
}

bool peer_acked(const struct peer *p, int64_t idx)
{
    return p->acked >= idx;
}

bool peer_answered_after(const struct peer *p, int64_t seq)
{
    return p->answered_seq > seq;
}

bool peer_answered_since(const struct peer *p, int64_t t)
{
    return p->answered_t >= t;
}

static unsigned count_in(const struct conf *c, const struct node *n, int self, bool own, peer_counts *counts,
                         int64_t arg)
{
    unsigned have = own && conf_has(c, self);
    for (unsigned i = 0; i < n->n_peers; i++)
        have += conf_has(c, n->peer[i].node) && counts(&n->peer[i], arg);
    return have;
}

unsigned replay_in_conf(struct replay *rp, struct node *n, bool own, peer_counts *counts, int64_t arg)
{
    return count_in(replay_conf(rp, n->conf), n, replay_self(rp, n), own, counts, arg);
}

struct tally replay_tally(struct replay *rp, struct node *n, enum rule rule, bool own, peer_counts *counts, int64_t arg)
{
    int self = replay_self(rp, n);
    const struct conf *c = replay_conf(rp, n->conf);
    struct tally t = {.blame = rule, .of = replay_members(rp, n), .need = replay_majority(rp, n)};
    t.have = c != NULL ? count_in(c, n, self, own, counts, arg) : own;
    if (c == NULL || t.have >= t.need)
        return t;
    /* Why was it taken for a majority? */
    unsigned anyone = own;
    for (unsigned i = 0; i < n->n_peers; i++)
        anyone += counts(&n->peer[i], arg);
    int before = n->conf_idx > n->log.base ? log_conf_at(&n->log, n->conf_idx - 1) : 0;
    const struct conf *old = replay_conf(rp, before != 0 ? before : n->conf_idx > n->log.base ? n->first_conf : 0);
    if (old != NULL && count_in(old, n, self, own, counts, arg) >= old->n / 2 + 1)
        t.blame = RULE_R58;
    else if (anyone >= t.need)
        t.blame = RULE_R60;
    return t;
}

const char *tally_class(const struct tally *t, enum rule rule, const char *class)
{
    return t->blame == rule ? class : t->blame == RULE_R58 ? "quorum-of-an-older-configuration" : "non-voter-counted";
}

/* What a node says that it needs is a majority of its latest configuration: R58. */
static void needs_majority(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t need = rec_int(r, "need", 0);
    if (n->conf == 0 || need <= 0)
        return;
    judged(rp, RULE_R58);
    if (need == replay_majority(rp, n))
        return;
    finding_add(replay_found(rp, RULE_R58, n, r, "quorum-of-wrong-size",
                             "%s, in term %lld, takes %lld for a majority of %u members", n->name, (long long)n->term,
                             (long long)need, replay_members(rp, n)),
                "cause", r->id, "its latest configuration is that of entry %lld", (long long)n->conf_idx);
}

void replay_on_count(struct replay *rp, struct node *n, const struct rec *r)
{
    needs_majority(rp, n, r);
}

void replay_on_confirm(struct replay *rp, struct node *n, const struct rec *r)
{
    needs_majority(rp, n, r);
}

/* ---- changes ---- */

static unsigned difference(const struct conf *a, const struct conf *b)
{
    unsigned n = 0;
    for (unsigned i = 0; i < a->n; i++)
        n += !conf_has(b, a->node[i]);
    for (unsigned i = 0; i < b->n; i++)
        n += !conf_has(a, b->node[i]);
    return n;
}

void replay_conf_appended(struct replay *rp, struct node *n, const struct rec *r, int64_t idx, int conf)
{
    const struct conf *was = replay_conf(rp, n->conf), *new = replay_conf(rp, conf);
    if (n->role != 'L' || was == NULL || new == NULL)
        return;
    n->due.idx = 0; /* R31b: other members make a majority now */
    judged(rp, RULE_R57);
    unsigned by = difference(was, new);
    if (n->conf_idx > n->commit && n->conf_idx > n->log.base)
        finding_add(replay_found(rp, RULE_R57, n, r, "second-change-before-the-first-committed",
                                 "%s appends configuration %lld before that of entry %lld is committed", n->name,
                                 (long long)idx, (long long)n->conf_idx),
                    "cause", r->id, "committed up to %lld", (long long)n->commit);
    else if (by > 1)
        finding_add(replay_found(rp, RULE_R57, n, r, "more-than-one-member-changed",
                                 "%s changes %u members at once with entry %lld", n->name, by, (long long)idx),
                    "cause", r->id, "majorities of two configurations that differ by more than one need not overlap");

    int64_t eterm = log_term(&n->log, n->commit);
    if (eterm == TERM_UNKNOWN)
        return;
    judged(rp, RULE_R59);
    if (eterm != n->term)
        finding_add(replay_found(rp, RULE_R59, n, r, "change-before-term-commit",
                                 "%s, leader of term %lld, changes the members before it has committed in its term",
                                 n->name, (long long)n->term),
                    "cause", r->id, "the last committed entry, %lld, is of term %lld", (long long)n->commit,
                    (long long)eterm);
}

void replay_removed_leader(struct replay *rp, struct node *n, const struct rec *end)
{
    enum { PATIENCE_NS = 1000000000 };
    const struct conf *c = replay_conf(rp, n->conf);
    bool removed =
        n->role == 'L' && c != NULL && !conf_has(c, replay_self(rp, n)) && n->conf_idx <= n->commit && n->conf_idx > 0;
    if (!removed) {
        n->removed_rec = 0;
        return;
    }
    if (n->removed_rec == 0) {
        n->removed_t = end->t;
        n->removed_rec = end->id;
        judged(rp, RULE_R60);
        return;
    }
    int64_t patience = n->cfg.election_max_ns > 0 ? n->cfg.election_max_ns : PATIENCE_NS;
    if (n->removed_rec > 0 && end->t - n->removed_t > patience) {
        finding_add(replay_found(rp, RULE_R60, n, end, "removed-leader-stays",
                                 "%s still leads %.0f ms after the configuration without it was committed", n->name,
                                 (double)(end->t - n->removed_t) / 1e6),
                    "cause", n->removed_rec, "the configuration of entry %lld is committed", (long long)n->conf_idx);
        n->removed_rec = -1; /* said once */
    }
}
