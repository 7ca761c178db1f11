/* replay_snap.c -- snapshots: taken, sent, installed (Raft paper §7, Figure 13; dissertation §5.1). */
#include "replay_int.h"

/* What a snapshot says of the log up to its index, against the log itself: R53. */
static void is_applied_prefix(struct replay *rp, struct node *n, const struct rec *r, int64_t idx, int64_t eterm,
                              int conf, const char *what)
{
    int64_t own = log_term(&n->log, idx);
    int there = idx >= n->log.base ? log_conf_at(&n->log, idx) : 0;
    if (there == 0 && idx >= n->log.base && !n->restored)
        there = n->first_conf; /* after a restart it is the latest, not the first */
    judged(rp, RULE_R53);
    struct finding *f = NULL;
    if (idx > n->applied)
        f = replay_found(rp, RULE_R53, n, r, "snapshot-of-unapplied", "%s %s a snapshot at %lld with %lld applied",
                         n->name, what, (long long)idx, (long long)n->applied);
    else if (own != TERM_UNKNOWN && eterm != own)
        f = replay_found(rp, RULE_R53, n, r, "snapshot-of-another-term",
                         "%s %s a snapshot at %lld of term %lld; its entry there is of term %lld", n->name, what,
                         (long long)idx, (long long)eterm, (long long)own);
    else if (conf != 0 && there != 0 && conf != there)
        f = replay_found(rp, RULE_R53, n, r, "snapshot-of-other-members",
                         "%s %s a snapshot at %lld with members that were not in force there", n->name, what,
                         (long long)idx);
    finding_add(f, "cause", r->id, "applied %lld, log after %lld", (long long)n->applied, (long long)n->log.base);
}

static void becomes_due(struct replay *rp, struct node *n, const struct rec *r)
{
    struct disk *d = &n->disk;
    if (d->used)
        judged(rp, RULE_R56);
    if (d->used && d->snap_synced) {
        d->snap_synced = false;
        log_copy(&d->log, &n->log, log_last(&n->log) < log_last(&d->log) ? log_last(&n->log) : log_last(&d->log));
        return; /* the sync came first */
    }
    if (d->used && d->known && d->snap_due == 0)
        d->snap_due = r->id;
}

void replay_on_save(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t idx = rec_int(r, "idx", 0), eterm = rec_int(r, "eterm", 0);
    int conf = replay_conf_number(rp, rec_text(r, "conf"));
    is_applied_prefix(rp, n, r, idx, eterm, conf, "saves");
    replay_state_agrees(rp, n, r, rec_int(r, "at", idx == n->applied ? idx : 0));
    if (idx <= n->log.base)
        return; /* nothing to give up */
    int there = log_conf_at(&n->log, idx);
    log_rebase(&n->log, idx, eterm, there != 0 ? there : conf);
    replay_conf_refresh(n);
    becomes_due(rp, n, r);
}

bool replay_snap_is_whole(const struct replay *rp, const struct node *n, const struct msg *m)
{
    const struct msg *in = replay_step_msg(n, m->re);
    const struct sent *req = replay_sent(rp, m->re);
    int64_t size = m->size > 0 ? m->size : in != NULL && in->size > 0 ? in->size : req != NULL ? req->size : 0;
    return size > 0 && m->off == size;
}

void replay_on_snap_send(struct replay *rp, struct node *n, const struct rec *r)
{
    is_applied_prefix(rp, n, r, rec_int(r, "idx", 0), rec_int(r, "eterm", 0), 0, "sends");
}

void replay_snap_sent(struct replay *rp, struct node *n, const struct rec *r, const struct msg *m)
{
    if (m->si > 0)
        is_applied_prefix(rp, n, r, m->si, m->st, m->conf, "sends");
}

void replay_snap_is_durable(struct replay *rp, struct node *n, const struct rec *r)
{
    if (n->disk.snap_due == 0)
        return;
    struct finding *f = replay_found(rp, RULE_R56, n, r, "log-given-up-before-snapshot-is-durable",
                                     "%s gave up its log up to %lld before the snapshot is on stable storage", n->name,
                                     (long long)n->log.base);
    finding_add(f, "cause", n->disk.snap_due, "no disk.sync of the snapshot follows it");
    n->disk.snap_due = 0;
}

/* ---- installed ---- */

static void never_back(struct replay *rp, struct node *n, const struct rec *r, int64_t idx)
{
    int64_t commit = r->cause != 0 && r->cause == n->in.rec ? n->in.commit_before : n->commit;
    judged(rp, RULE_R54);
    if (idx <= commit)
        finding_add(replay_found(rp, RULE_R54, n, r, "install-goes-back",
                                 "%s installs a snapshot at %lld with %lld committed already", n->name, (long long)idx,
                                 (long long)commit),
                    "cause", r->id, "only a snapshot ahead of the commit index is installed");
}

/* R55: what follows the snapshot stays if the log agrees with it, and else goes. */
static void suffix(struct replay *rp, struct node *n, const struct rec *r, int64_t idx, bool agrees, int64_t last)
{
    int64_t due = agrees ? last : idx, kept = rec_int(r, "kept", -1);
    judged(rp, RULE_R55);
    if (r->li == due && (kept < 0 || kept == due || kept == due - idx))
        return;
    finding_add(replay_found(rp, RULE_R55, n, r, agrees ? "matching-suffix-dropped" : "contradicted-log-kept",
                             "%s, whose log %s with the snapshot at %lld, has entries up to %lld after it", n->name,
                             agrees ? "agrees" : "does not agree", (long long)idx, (long long)r->li),
                "cause", r->id, "must be %lld", (long long)due);
}

void replay_on_install(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t idx = rec_int(r, "idx", 0), eterm = rec_int(r, "eterm", 0), last = log_last(&n->log);
    int conf = replay_conf_number(rp, rec_text(r, "conf"));
    int64_t own = log_term(&n->log, idx);
    bool agrees = own == eterm && idx <= last;
    if (n->role == 'L' && r->role == 'L')
        finding_add(replay_found(rp, RULE_R15, n, r, "leader-overwrites-log",
                                 "%s, leader of term %lld, installs a snapshot", n->name, (long long)n->term),
                    "cause", r->id, "a leader only appends");
    judged(rp, RULE_R15);
    replay_not_by_stale(rp, n, r, "installs a snapshot");
    never_back(rp, n, r, idx);
    if (own != TERM_UNKNOWN || idx > last)
        suffix(rp, n, r, idx, agrees, last);
    replay_state_agrees(rp, n, r, idx);
    int64_t before = log_last(&n->log);
    log_rebase(&n->log, idx, eterm, conf);
    replay_conf_refresh(n);
    becomes_due(rp, n, r);
    n->commit = n->commit > idx ? n->commit : idx;
    n->applied = n->applied > idx ? n->applied : idx;
    n->max_commit = n->max_commit > n->commit ? n->max_commit : n->commit;
    if (!n->disk.used && log_last(&n->log) < before)
        replay_lost_entries(rp, n, r, log_last(&n->log) + 1, before);
}
