/* replay_close.c -- when the handling of an input is over: what must hold then, for the records in between show states
 * on the way. */
#include "replay_int.h"
#include "words.h"

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
        replay_found(rp, RULE_R3, n, r, "newer-term-not-followed", "%s hears of term %lld and stays %s in term %lld",
                     n->name, (long long)m->mterm, words_role(n->role), (long long)n->term);
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
                         "%s declares to be %s, but its records make it %s", n->name, words_role(end->role),
                         words_role(n->role));
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
