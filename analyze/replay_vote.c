/* replay_vote.c -- starts, terms, roles and votes (Raft paper §5.1, §5.2, §5.4.1, Figures 3 and 4). */
#include "replay_int.h"
#include "words.h"

#include <string.h>

void replay_on_term(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t old = rec_int(r, "old", n->term);
    judged(rp, RULE_R1);
    if (r->term <= old || r->term < n->term)
        finding_add(replay_found(rp, RULE_R1, n, r, "term-goes-back", "%s goes from term %lld back to term %lld",
                                 n->name, (long long)(n->term > old ? n->term : old), (long long)r->term),
                    "cause", r->id, "a term only grows");
    const struct msg *m = replay_input_msg(n, r);
    const char *jump = NULL;
    if (rec_why(r, "timeout") && r->term != n->term + 1)
        jump = "its own timeout adds one";
    else if (rec_why(r, "higher_term_msg") && m != NULL && m->mterm >= 0 && m->mterm != r->term)
        jump = "the message that it handles has another";
    else if (rec_why(r, "transfer") && r->term != n->term + 1)
        jump = "an election that its leader asked for adds one";
    judged(rp, RULE_R2);
    replay_vote_while_leader_lives(rp, n, r, "follows");
    if (jump != NULL)
        finding_add(replay_found(rp, RULE_R2, n, r, "term-without-cause", "%s jumps from term %lld to term %lld",
                                 n->name, (long long)n->term, (long long)r->term),
                    "cause", r->id, "%s", jump);
    n->term = r->term;
    n->cand_rec = 0;
    n->due.idx = 0;
    n->step_over = true;
}

/* ---- roles ---- */

/* The letters of the format; other tracers may write words. */
static char role_letter(struct trace_text t)
{
    static const struct {
        const char *word;
        char letter;
    } words[] = {
        {"follower", 'F'}, {"precandidate", 'P'}, {"candidate", 'C'}, {"leader", 'L'}, {"learner", 'O'},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (trace_text_is(t, words[i].word))
            return words[i].letter;
    }
    return t.n == 1 ? t.p[0] : '?';
}

/* Figure 4, with the PreVote phase of dissertation §9.6. */
static bool may_become(char from, char to)
{
    static const struct {
        char from;
        const char *to;
    } legal[] = {
        {'F', "FPCO"}, {'P', "PCF"}, {'C', "CPLF"}, {'L', "F"}, {'O', "FO"},
    };
    for (size_t i = 0; i < sizeof legal / sizeof *legal; i++) {
        if (legal[i].from == from)
            return to != '\0' && strchr(legal[i].to, to) != NULL;
    }
    return false;
}

/* R12: votes received, each voter once, for this candidacy. The own vote is the candidacy itself. */
static void leader_needs_votes(struct replay *rp, struct node *n, const struct rec *r)
{
    if (!replay_quorum_known(rp, n, RULE_R12))
        return;
    judged(rp, RULE_R12);
    struct tally t = replay_tally(rp, n, RULE_R12, n->cand_rec != 0 && n->cand_term == n->term, peer_voted, 0);
    if (t.have >= t.need)
        return;
    struct finding *f =
        replay_found(rp, t.blame, n, r, tally_class(&t, RULE_R12, "leader-without-votes"),
                     "%s leads term %lld with %u of the %u votes needed", n->name, (long long)n->term, t.have, t.need);
    if (n->cand_rec != 0)
        finding_add(f, "cause", n->cand_rec, "its own vote");
    for (unsigned i = 0; i < n->n_peers; i++) {
        if (n->peer[i].vote_rec != 0)
            finding_add(f, "cause", n->peer[i].vote_rec, "vote of %s", replay_node(rp, n->peer[i].node)->name);
    }
    finding_add(f, "cause", r->id, "%u of %u members make a majority", t.need, t.of);
}

static void one_leader_per_term(struct replay *rp, struct node *n, const struct rec *r)
{
    judged(rp, RULE_R13);
    if (n->term <= 0)
        return;
    if (n->term > rp->newest.term)
        rp->newest = (struct led){.term = n->term, .t = r->t, .rec = r->id, .node = replay_self(rp, n)};
    uint64_t *at = pairmap_at(&rp->leader_of, (uint64_t)n->term, 0);
    uint64_t self = (uint64_t)replay_self(rp, n) + 1;
    if (*at == 0) {
        *at = self;
        *pairmap_at(&rp->leader_of, (uint64_t)n->term, 1) = (uint64_t)r->id;
    } else if (*at != self) {
        struct finding *f = replay_found(rp, RULE_R13, n, r, "two-leaders-in-one-term", "%s and %s both lead term %lld",
                                         replay_node(rp, (int)*at - 1)->name, n->name, (long long)n->term);
        finding_add(f, "witness", (int64_t)pairmap_get(&rp->leader_of, (uint64_t)n->term, 1), "the first");
        finding_add(f, "cause", r->id, "the second");
    }
}

/* R34: everything committed in earlier terms is in the new leader's log. */
static void leader_has_committed(struct replay *rp, struct node *n, const struct rec *r)
{
    judged(rp, RULE_R34);
    for (size_t i = 0; i < rp->n_committed; i++) {
        const struct settled *c = &rp->committed[i];
        if (c->term >= n->term || c->idx <= n->log.base)
            continue;
        const struct log_entry *e = log_at(&n->log, c->idx);
        if (e != NULL && e->term == c->eterm && (e->h == 0 || c->h == 0 || e->h == c->h))
            continue;
        struct finding *f =
            replay_found(rp, RULE_R34, n, r, "leader-misses-committed-entry",
                         "%s leads term %lld without entry %lld of term %lld, committed in term %lld", n->name,
                         (long long)n->term, (long long)c->idx, (long long)c->eterm, (long long)c->term);
        finding_add(f, "witness", c->rec, "commits entry %lld", (long long)c->idx);
        finding_add(f, "cause", r->id, e == NULL ? "its log ends at %lld" : "its entry there is of term %lld",
                    (long long)(e == NULL ? log_last(&n->log) : e->term));
        return;
    }
}

void replay_on_role(struct replay *rp, struct node *n, const struct rec *r)
{
    char old = role_letter(rec_text(r, "old")), new = role_letter(rec_text(r, "new"));
    bool startup = rec_why(r, "startup");
    judged(rp, RULE_R11);
    if (!startup && (!may_become(n->role, new) || old != n->role))
        finding_add(replay_found(rp, RULE_R11, n, r, "illegal-role-change", "%s goes from %s to %s in term %lld",
                                 n->name, words_role(old != n->role ? old : n->role), words_role(new),
                                 (long long)n->term),
                    "cause", r->id, "it was %s before", words_role(n->role));
    n->role = new;
    if (new == 'C') {
        n->cand_term = n->term;
        n->cand_rec = r->id;
        for (unsigned i = 0; i < n->n_peers; i++)
            n->peer[i].vote_rec = 0;
        /* R7: a candidacy is a vote for oneself. */
        replay_voted(rp, n, r, replay_self(rp, n), n->term);
    }
    n->due.idx = 0;
    n->step_over = true; /* such an input ends its step */
    if (new != 'L')
        return;
    replay_not_by_stale_reply(rp, n, r, "makes a leader");
    leader_needs_votes(rp, n, r);
    one_leader_per_term(rp, n, r);
    leader_has_committed(rp, n, r);
    n->lease = (struct lease){.rec = 0};
    for (unsigned i = 0; i < n->n_peers; i++)
        n->peer[i] =
            (struct peer){.node = n->peer[i].node, .vote_rec = n->peer[i].vote_rec, .answered_t = -1, .match = -1};
}

void replay_on_leader(struct replay *rp, struct node *n, const struct rec *r)
{
    struct trace_text new = rec_text(r, "new");
    n->leader_told = true;
    n->leader = new.n == 0 || trace_text_is(new, "FFFF") ? -1 : replay_number(rp, new.p, new.n);
}

/* ---- votes ---- */

/* By node, not by boot: a vote survives restarts (Figure 2), though not the loss of the disk that a new server has. */
uint64_t replay_voter(struct replay *rp, const struct node *n)
{
    return (uint64_t)replay_self(rp, n) * 2 | (uint64_t)n->lives << 32;
}

void replay_voted(struct replay *rp, struct node *n, const struct rec *r, int cand, int64_t term)
{
    judged(rp, RULE_R7);
    if (term <= 0)
        return;
    uint64_t key = replay_voter(rp, n);
    uint64_t *at = pairmap_at(&rp->vote_of, (uint64_t)term, key);
    if (*at == 0) {
        *at = (uint64_t)cand + 1;
        *pairmap_at(&rp->vote_of, (uint64_t)term, key + 1) = (uint64_t)r->id;
    } else if (*at != (uint64_t)cand + 1) {
        struct finding *f =
            replay_found(rp, RULE_R7, n, r, "two-votes-in-one-term", "%s votes for %s and for %s in term %lld", n->name,
                         replay_node(rp, (int)*at - 1)->name, replay_node(rp, cand)->name, (long long)term);
        finding_add(f, "witness", (int64_t)pairmap_get(&rp->vote_of, (uint64_t)term, key + 1), "the first vote");
        finding_add(f, "cause", r->id, "the second vote");
    }
}

void replay_on_grant(struct replay *rp, struct node *n, const struct rec *r)
{
    if (rec_int(r, "pre", 0) != 0)
        return; /* a PreVote promises nothing */
    struct trace_text cand = rec_text(r, "cand");
    int64_t cterm = rec_int(r, "cterm", n->term), lli = rec_int(r, "lli", -1), llt = rec_int(r, "llt", -1);
    int number = cand.p != NULL ? replay_number(rp, cand.p, cand.n) : -1;
    if (r->cause == n->in.rec)
        n->in.granted = true;
    replay_not_by_stale(rp, n, r, "gets a vote");
    judged(rp, RULE_R8);
    if (cterm != n->term)
        finding_add(replay_found(rp, RULE_R8, n, r, "vote-in-other-term",
                                 "%s grants a vote of term %lld while in term %lld", n->name, (long long)cterm,
                                 (long long)n->term),
                    "cause", r->id, "a vote belongs to the current term");
    if (number < 0)
        return;
    if (number != replay_self(rp, n))
        replay_vote_while_leader_lives(rp, n, r, "votes for");
    replay_voted(rp, n, r, number, cterm);
    int64_t last = log_last(&n->log), last_term = log_term(&n->log, last);
    if (number == replay_self(rp, n) || lli < 0 || llt < 0)
        return;
    if (last_term == TERM_UNKNOWN) {
        replay_unknown(rp, RULE_R9, "%s.%lld: the end of its log is not known", n->name, (long long)n->boot);
        return;
    }
    judged(rp, RULE_R9);
    if (llt > last_term || (llt == last_term && lli >= last))
        return;
    struct finding *f =
        replay_found(rp, RULE_R9, n, r, "vote-for-outdated-log",
                     "%s votes for %s in term %lld, whose log ends at %lld of term %lld; its own at %lld of term %lld",
                     n->name, replay_node(rp, number)->name, (long long)cterm, (long long)lli, (long long)llt,
                     (long long)last, (long long)last_term);
    finding_rec(f, "cause", n->in.rec);
    finding_add(f, "cause", r->id, "the candidate's log is behind the voter's");
}

/* ---- refusals ---- */

/* Is a leader alive, as far as this node can know? Within the longest election timeout; a node that has just started
 * waits as well, since it may have promised so. */
static bool leader_may_live(const struct node *n, const struct rec *r)
{
    int64_t since = n->heard.alive_t > n->t_start ? n->heard.alive_t : n->t_start;
    return n->role == 'L' || n->cfg.election_max_ns == 0 || r->t - since <= n->cfg.election_max_ns;
}

/* R14: whom it says that it voted for is whom it voted for. */
static void vote_kept(struct replay *rp, struct node *n, const struct rec *r)
{
    struct trace_text voted = rec_text(r, "voted");
    uint64_t key = replay_voter(rp, n);
    uint64_t at = n->term > 0 ? pairmap_get(&rp->vote_of, (uint64_t)n->term, key) : 0;
    if (at == 0 || n->term <= n->hole_term)
        return;
    judged(rp, RULE_R14);
    if (voted.p != NULL && trace_text_is(voted, replay_node(rp, (int)at - 1)->name))
        return;
    struct finding *f =
        replay_found(rp, RULE_R14, n, r, "vote-forgotten-in-term",
                     "%s, which voted for %s in term %lld, says that it voted for %.*s", n->name,
                     replay_node(rp, (int)at - 1)->name, (long long)n->term,
                     voted.p != NULL ? (int)(voted.n < 64 ? voted.n : 64) : 6, voted.p != NULL ? voted.p : "nobody");
    finding_add(f, "witness", (int64_t)pairmap_get(&rp->vote_of, (uint64_t)n->term, key + 1), "its vote");
    finding_rec(f, "cause", r->id);
}

/* R9b: a vote is refused for a reason. */
void replay_refusal(struct replay *rp, struct node *n, const struct rec *r)
{
    bool pre = rec_int(r, "pre", 0) != 0;
    struct trace_text cand = rec_text(r, "cand");
    int64_t cterm = rec_int(r, "cterm", n->term), lli = rec_int(r, "cand_lli", -1), llt = rec_int(r, "cand_llt", -1);
    int64_t last = log_last(&n->log), last_term = log_term(&n->log, last);
    const char *wrong = NULL;
    if (n->term <= n->hole_term)
        return;
    if (rec_why(r, "stale_term") && cterm > n->term)
        wrong = "its term is the newer one";
    if (rec_why(r, "log_behind") && last_term != TERM_UNKNOWN && llt >= 0 && lli >= 0 &&
        (llt > last_term || (llt == last_term && lli >= last)))
        wrong = "the candidate's log is as up to date as its own";
    if (rec_why(r, "already_voted") && !pre && cterm == n->term) {
        uint64_t at = n->term > 0 ? pairmap_get(&rp->vote_of, (uint64_t)n->term, replay_voter(rp, n)) : 0;
        if (at == 0)
            wrong = "it has voted for nobody in this term";
        else if (cand.p != NULL && trace_text_is(cand, replay_node(rp, (int)at - 1)->name))
            wrong = "it has voted for this very candidate";
    }
    if (rec_why(r, "leader_alive") && !leader_may_live(n, r))
        wrong = "it has heard of no leader for longer than the longest election timeout";
    judged(rp, RULE_R9b);
    if (wrong == NULL)
        return;
    struct trace_text why = rec_text(r, "why");
    struct finding *f = replay_found(rp, RULE_R9b, n, r, "vote-refused-without-reason",
                                     "%s refuses %.*s its vote in term %lld (%.*s), although %s", n->name,
                                     (int)(cand.n < 64 ? cand.n : 64), cand.p != NULL ? cand.p : "", (long long)cterm,
                                     (int)(why.n < 64 ? why.n : 64), why.p != NULL ? why.p : "", wrong);
    finding_rec(f, "cause", n->in.rec);
    finding_add(f, "cause", r->id, "its own log ends at %lld of term %lld", (long long)last, (long long)last_term);
}

void replay_on_deny(struct replay *rp, struct node *n, const struct rec *r)
{
    if (r->cause == n->in.rec && (rec_why(r, "leader_alive") || rec_why(r, "not_member")))
        n->in.denied_alive = true;
    replay_refusal(rp, n, r);
    if (rec_why(r, "already_voted") && rec_int(r, "pre", 0) == 0)
        vote_kept(rp, n, r);
}
