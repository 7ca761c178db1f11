/* check_raft.c -- the catalogue of Raft rules and what each needs; the replay (replay.h) judges them all in one pass.
 *
 * Sources: "paper" is Ongaro and Ousterhout 2014, extended version; "D" is Ongaro's dissertation, 2014; "Guide" is the
 * Students' Guide to Raft, 2016. */
#include "replay.h"

#include <stdio.h>

static enum verdict run_rule(struct check_run *c);

#define RULE(number, title_, severity_, needs_, help_)                                                                 \
    [RULE_##number] = {                                                                                                \
        .id = #number, .title = title_, .severity = severity_, .needs = needs_, .help = help_, .run = run_rule}

/* In the order of enum rule: check_raft[RULE_R13] is R13. */
const struct check check_raft[] = {
    RULE(R1, "terms only grow", "CONF", "term.change",
         "A node's term never decreases, and a restarted node starts no lower than it ever spoke (paper §5.1, Figure "
         "2)."),
    RULE(R2, "terms have a cause", "CONF", "term.change",
         "A term grows by one at a timeout, or to the term of the message being handled (paper §5.1, §5.2)."),
    RULE(R3, "newer terms are followed", "ES", "msg.recv",
         "After any message of a newer term a node is a follower in that term (paper §5.1)."),
    RULE(R4, "messages carry the term", "CONF", "msg.send",
         "Each message carries its sender's current term; a PreVote the next one (paper §5.1, D §9.6)."),
    RULE(R5, "old requests have no effect", "LM", "msg.recv",
         "An append or vote request of an older term changes nothing and is refused (paper Figure 2)."),
    RULE(R6, "old replies have no effect", "ES", "msg.recv",
         "A reply of an older term makes no leader, moves no commit index and changes nothing known of a follower "
         "(D §3, Guide, \"Term confusion\")."),
    RULE(R7, "one vote per term", "ES", "vote.grant",
         "A node votes for at most one candidate in a term, itself included, across restarts (paper §5.2)."),
    RULE(R8, "votes of the current term", "ES", "vote.grant",
         "A vote is granted in the voter's current term only (paper Figure 2)."),
    RULE(R9, "votes need an up-to-date log", "LC", "vote.grant log.append",
         "A vote goes only to a candidate whose log is at least as up to date as the voter's (paper §5.4.1)."),
    RULE(R9b, "votes are refused for a reason", "LIVE", "vote.deny",
         "A vote is refused for an older term, a vote for another, a log behind the voter's, or a leader that lives "
         "(paper §5.2, §5.4.1, D §4.2.3)."),
    RULE(R9c, "no votes while a leader lives", "ES", "vote.grant msg.recv",
         "Where reads rest on leases, nobody votes within the shortest election timeout of an append of the leader, or "
         "of "
         "its own restart, unless the leader asked for the election (D §4.2.3, §6.4.1)."),
    RULE(R10, "candidates tell the truth", "LC", "msg.send",
         "A vote request names the candidate's last entry (paper §5.4.1)."),
    RULE(R10b, "candidates have what they claim", "LC", "disk.sync msg.send",
         "The last entry that a vote request names is on stable storage when it leaves (paper §5.4.1, Figure 2, D "
         "§3.8)."),
    RULE(R11, "legal role changes", "ES", "role.change",
         "Follower, candidate and leader follow each other as in paper Figure 4, with D §9.6 for PreVote."),
    RULE(R12, "leaders have votes", "ES", "role.change msg.recv",
         "A leader has granted votes of its term from a majority, each voter counted once (paper §5.2)."),
    RULE(R13, "one leader per term", "ES", "role.change",
         "At most one node leads in a term (paper Figure 3, Election Safety)."),
    RULE(R14, "votes are kept", "ES", "",
         "Within a term a vote given is not changed or forgotten (paper §5.2, Figure 2)."),
    RULE(R15, "leaders only append", "LAO", "log.append",
         "A leader never removes or overwrites entries of its log (paper §5.3, Figure 3)."),
    RULE(R16, "leaders make entries once", "LM", "log.append",
         "A leader appends at the next index, in its own term, and no (index, term) is made twice (paper §5.3)."),
    RULE(R17, "only leaders append", "LM", "msg.send role.change",
         "Appends are sent only by the leader of their term (paper §5.2)."),
    RULE(R18, "appends are faithful", "LM", "msg.send log.append",
         "An append carries entries of the sender's log and their true predecessor (paper §5.3, Figure 2)."),
    RULE(R19, "announced commits are true", "SMS", "msg.send commit.advance",
         "leaderCommit is no higher than the sender's commit index (paper Figure 2)."),
    RULE(R20, "progress is sane", "LIVE", "peer.state",
         "What a leader knows a follower to hold never shrinks within a term, and it sends what lies beyond (paper "
         "Figure "
         "2)."),
    RULE(R21, "acks need the predecessor", "LM", "msg.send msg.recv log.append",
         "A positive answer to an append means that the log has its predecessor (paper Figure 2, receiver step 2)."),
    RULE(R22, "acks mean stored", "DUR", "msg.send msg.recv log.append",
         "A positive answer means that every entry of the append is in the log (paper Figure 2)."),
    RULE(R23, "acks within the request", "CONF", "msg.send",
         "An acknowledgement reaches no further than the request it answers (paper §5.3; Guide)."),
    RULE(R24, "truncation needs conflict", "DUR", "log.append msg.recv",
         "Entries are removed only when the leader's entry at that index has another term (paper Figure 2, receiver "
         "step 3)."),
    RULE(R25, "committed entries stay", "SMS", "log.append commit.advance",
         "No entry at or below the commit index is removed (paper §5.4)."),
    RULE(R26, "entries have a source", "LM", "log.append msg.recv",
         "A follower adds the entries of the append that it handles, in order (paper §5.3)."),
    RULE(R27, "log terms in order", "LM", "log.append",
         "Terms never decrease along a log and never exceed the current one (paper §5.3)."),
    RULE(R28, "log matching", "LM", "log.append",
         "The same index and term mean the same command after the same term, on all nodes (paper Figure 3, Log "
         "Matching)."),
    RULE(R29, "commit never goes back", "CONF", "commit.advance", "The commit index only grows (paper Figure 2)."),
    RULE(R30, "followers commit what is confirmed", "SMS", "commit.advance msg.recv",
         "A follower commits no further than the last entry an append of this term confirmed (paper Figure 2, receiver "
         "step 5)."),
    RULE(R31, "leaders commit by quorum", "DUR", "commit.advance msg.recv",
         "A leader commits what a majority has acknowledged in its term, as far as the answered requests went (paper "
         "§5.3, Figure 2)."),
    RULE(R31b, "quorums are committed", "LIVE", "commit.advance msg.recv",
         "What a majority has acknowledged in the leader's term is committed within two heartbeats (paper §5.3)."),
    RULE(R32, "commit in the own term", "LC", "commit.advance log.append",
         "A leader commits by counting only entries of its own term (paper §5.4.2, Figure 8)."),
    RULE(R33, "commits agree", "SMS", "commit.advance log.append",
         "All nodes commit the same entry at an index (paper Figure 3, State Machine Safety)."),
    RULE(R34, "leader completeness", "LC", "role.change commit.advance log.append",
         "A new leader's log has every entry committed in earlier terms (paper Figure 3, §5.4.3)."),
    RULE(R35, "commits are held by a majority", "DUR", "commit.advance log.append",
         "At the moment of a commit a majority has the entry, on stable storage where there is any (paper Figure 2, "
         "§5.3)."),
    RULE(R36, "committed entries are kept", "DUR", "commit.advance log.append",
         "What was committed never has fewer copies than a majority again, counting what restarts bring back (paper "
         "Figure 2, §5.5)."),
    RULE(R37, "apply in order", "SMS", "apply",
         "Entries are applied one after another, none beyond the commit index (paper Figure 2)."),
    RULE(R38, "apply what is logged", "SMS", "apply log.append",
         "What is applied is the log's entry at that index (paper §5.3)."),
    RULE(R39, "state machine safety", "SMS", "apply", "All nodes apply the same entry at an index (paper Figure 3)."),
    RULE(R40, "states agree", "SMS", "state.hash",
         "After the same index all nodes have the same state, request table included (paper §5.3, D §6.3)."),
    RULE(R41, "requests applied once", "LIN-DUP", "apply",
         "A client's request takes effect at one index only (paper §8, D §6.3)."),
    RULE(R42, "answers follow application", "LIN-LOST", "req.reply apply",
         "A write is acknowledged only after the answering node has applied it (paper §5.3, §8)."),
    RULE(R43, "fail means not done", "LIN-PHANTOM", "req.reply apply",
         "A write that is answered with fail takes effect neither before nor after (D §6.3)."),
    RULE(R44, "reads by an established leader", "LIN-STALE", "",
         "A read index is taken by a leader that has committed an entry of its own term (paper §8, D §6.4)."),
    RULE(R45, "reads confirmed", "LIN-STALE", "",
         "A read is served after a majority answered appends that were sent after it arrived (paper §8, D §6.4)."),
    RULE(R46, "reads see what was committed", "LIN-STALE", "read.serve",
         "A read is served after everything committed at its arrival was applied (D §6.4)."),
    RULE(R48, "leases exclude other leaders", "LIN-STALE", "",
         "A lease lasts no longer than the shortest election timeout less the clocks' drift, from appends that a "
         "majority "
         "answered; reads rest on it while it lasts, and no later term has a leader then (D §6.4.1)."),
    RULE(R49, "votes are durable first", "ES", "disk.sync",
         "A vote, and the term of any message, leaves a node only after it is on stable storage (paper Figure 2, D "
         "§3.8)."),
    RULE(R50, "acks are durable first", "DUR", "disk.sync",
         "An entry is acknowledged only after it is on stable storage (paper Figure 2, D §3.8)."),
    RULE(
        R51, "restarts bring back what was stored", "DUR", "disk.sync node.start",
        "A node starts with the term, vote, log and snapshot that it had on stable storage: no less and no more (paper "
        "§5.5)."),
    RULE(R52, "restarts forget the rest", "SMS", "node.start",
         "A node starts as follower, and has committed and applied no more than it had before (paper Figure 2)."),
    RULE(R53, "snapshots are applied prefixes", "SMS", "",
         "A snapshot covers applied entries, and names the term and the members at its last one (paper §7, D §5.1)."),
    RULE(R54, "snapshots lead forward", "SMS", "snap.install",
         "A snapshot is installed only ahead of the commit index (paper §7, Figure 13)."),
    RULE(R55, "entries after a snapshot", "DUR", "snap.install",
         "What follows an installed snapshot stays if the log agrees with it, and goes if not (paper Figure 13)."),
    RULE(R56, "logs are given up for durable snapshots", "DUR", "disk.sync",
         "Entries are given up only when the snapshot that replaces them is on stable storage (paper §7)."),
    RULE(R57, "one change of members at a time", "ES", "log.append",
         "A leader changes one member at a time, after the change before is committed (D §4.1)."),
    RULE(R58, "the latest configuration counts", "ES", "commit.advance msg.recv",
         "Majorities are those of the latest configuration in the log, committed or not (paper §6, D §4.1)."),
    RULE(R59, "changes wait for the term's commit", "ES", "log.append",
         "A leader changes the members only after it has committed an entry of its own term (D §4.1 as amended in "
         "2015)."),
    RULE(R60, "only voters count", "ES", "commit.advance msg.recv",
         "Votes and copies count from members of the configuration only, the leader's own included; a leader that was "
         "removed steps down (D §4.2.2)."),
    RULE(R63, "timer reset with reason", "LIVE", "timer.set",
         "The election timer restarts only for the current leader's append, a vote granted, an election started, a "
         "restart or a step down (paper §5.2, Guide)."),
    RULE(R65, "honest redirects", "COST", "req.redirect",
         "A redirect names the node that the replier believes to lead, never itself (paper §8)."),
    RULE(R66, "nothing is sent in vain", "COST", "msg.send msg.recv",
         "Entries are not sent to one who has acknowledged them in this term, nor is a vote asked of one who has given "
         "it (paper §5.3, §5.2)."),
};
const size_t check_raft_n = sizeof check_raft / sizeof *check_raft;
_Static_assert(sizeof check_raft / sizeof *check_raft == RULE_T1, "one row per rule, in the order of enum rule");

/* No replica left records: what the wire claims about leaders is a hint, not a verdict, because a `leader` field may be
 * a candidate's hope. */
static enum verdict black_box(struct check_run *c)
{
    snprintf(c->note, sizeof c->note, "no replica trace");
    if (c->check != &check_raft[RULE_R13])
        return VERDICT_SKIPPED;
    sqlite3_stmt *q =
        db_prepare(c->db, "SELECT a.node, b.node, a.term FROM leader_terms a JOIN leader_terms b USING (run_id, term)"
                          " WHERE a.run_id = :run AND a.node < b.node ORDER BY a.term LIMIT 1");
    db_bind_int(c->db, q, ":run", c->run_id);
    bool two = db_row(c->db, q);
    if (two)
        snprintf(c->note, sizeof c->note,
                 "%.40s and %.40s both claimed term %lld on the wire; their state is unknown (no replica trace)",
                 (const char *)sqlite3_column_text(q, 0), (const char *)sqlite3_column_text(q, 1),
                 (long long)sqlite3_column_int64(q, 2));
    db_done(c->db, q);
    return two ? VERDICT_UNKNOWN : VERDICT_SKIPPED;
}

static enum verdict run_rule(struct check_run *c)
{
    enum rule rule = (enum rule)(c->check - check_raft);
    const struct rule_state *rules = replay_rules(c);
    if (rules == NULL)
        return VERDICT_UNKNOWN;
    if (replay_black_box(c))
        return black_box(c);
    char lacks[CHECK_EVENT];
    if (!check_has_needs(c, lacks)) {
        snprintf(c->note, sizeof c->note, "no %s records in this trace", lacks);
        return VERDICT_SKIPPED;
    }
    if (rules[rule].examined == 0 && rules[rule].n_found == 0 && rules[rule].unknown[0] == '\0') {
        snprintf(c->note, sizeof c->note, "nothing happened that the rule is about");
        return VERDICT_SKIPPED;
    }
    return replay_answer(c, rule);
}
