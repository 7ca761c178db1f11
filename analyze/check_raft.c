/* check_raft.c -- the catalogue of Raft rules and what each needs; the replay (replay.h) judges them all in one pass.
 *
 * Sources: "paper" is Ongaro and Ousterhout 2014, extended version; "D" is Ongaro's dissertation, 2014; "Guide" is the
 * Students' Guide to Raft, 2016. */
#include "replay.h"

#include <stdio.h>

static enum verdict run_rule(struct check_run *c);

#define RULE(number, title_, severity_, help_)                                                                         \
    [RULE_##number] = {.id = #number, .title = title_, .severity = severity_, .help = help_, .run = run_rule}

/* In the order of enum rule: check_raft[RULE_R13] is R13. */
const struct check check_raft[] = {
    RULE(R1, "terms only grow", "CONF",
         "A node's term never decreases, and a restarted node starts no lower than it ever spoke (paper §5.1, Figure "
         "2)."),
    RULE(R2, "terms have a cause", "CONF",
         "A term grows by one at a timeout, or to the term of the message being handled (paper §5.1, §5.2)."),
    RULE(R3, "newer terms are followed", "ES",
         "After any message of a newer term a node is a follower in that term (paper §5.1)."),
    RULE(R4, "messages carry the term", "CONF",
         "Each message carries its sender's current term; a PreVote the next one (paper §5.1, D §9.6)."),
    RULE(R5, "old requests have no effect", "LM",
         "An append or vote request of an older term changes nothing and is refused (paper Figure 2)."),
    RULE(R6, "old replies have no effect", "ES",
         "A reply of an older term makes no leader, moves no commit index and changes nothing known of a follower "
         "(D §3, Guide, \"Term confusion\")."),
    RULE(R7, "one vote per term", "ES",
         "A node votes for at most one candidate in a term, itself included, across restarts (paper §5.2)."),
    RULE(R8, "votes of the current term", "ES", "A vote is granted in the voter's current term only (paper Figure 2)."),
    RULE(R9, "votes need an up-to-date log", "LC",
         "A vote goes only to a candidate whose log is at least as up to date as the voter's (paper §5.4.1)."),
    RULE(R9b, "votes are refused for a reason", "LIVE",
         "A vote is refused for an older term, a vote for another, a log behind the voter's, or a leader that lives "
         "(paper §5.2, §5.4.1, D §4.2.3)."),
    RULE(R9c, "no votes while a leader lives", "ES",
         "Where reads rest on leases, nobody votes within the shortest election timeout of an append of the leader, or "
         "of "
         "its own restart, unless the leader asked for the election (D §4.2.3, §6.4.1)."),
    RULE(R10, "candidates tell the truth", "LC", "A vote request names the candidate's last entry (paper §5.4.1)."),
    RULE(R10b, "candidates have what they claim", "LC",
         "The last entry that a vote request names is on stable storage when it leaves (paper §5.4.1, Figure 2, D §3.8)."),
    RULE(R11, "legal role changes", "ES",
         "Follower, candidate and leader follow each other as in paper Figure 4, with D §9.6 for PreVote."),
    RULE(R12, "leaders have votes", "ES",
         "A leader has granted votes of its term from a majority, each voter counted once (paper §5.2)."),
    RULE(R13, "one leader per term", "ES", "At most one node leads in a term (paper Figure 3, Election Safety)."),
    RULE(R14, "votes are kept", "ES", "Within a term a vote given is not changed or forgotten (paper §5.2, Figure 2)."),
    RULE(R15, "leaders only append", "LAO",
         "A leader never removes or overwrites entries of its log (paper §5.3, Figure 3)."),
    RULE(R16, "leaders make entries once", "LM",
         "A leader appends at the next index, in its own term, and no (index, term) is made twice (paper §5.3)."),
    RULE(R17, "only leaders append", "LM", "Appends are sent only by the leader of their term (paper §5.2)."),
    RULE(R18, "appends are faithful", "LM",
         "An append carries entries of the sender's log and their true predecessor (paper §5.3, Figure 2)."),
    RULE(R19, "announced commits are true", "SMS",
         "leaderCommit is no higher than the sender's commit index (paper Figure 2)."),
    RULE(R20, "progress is sane", "LIVE",
         "What a leader knows a follower to hold never shrinks within a term, and it sends what lies beyond (paper "
         "Figure "
         "2)."),
    RULE(R21, "acks need the predecessor", "LM",
         "A positive answer to an append means that the log has its predecessor (paper Figure 2, receiver step 2)."),
    RULE(R22, "acks mean stored", "DUR",
         "A positive answer means that every entry of the append is in the log (paper Figure 2)."),
    RULE(R23, "acks within the request", "CONF",
         "An acknowledgement reaches no further than the request it answers (paper §5.3; Guide)."),
    RULE(R24, "truncation needs conflict", "DUR",
         "Entries are removed only when the leader's entry at that index has another term (paper Figure 2, receiver "
         "step 3)."),
    RULE(R25, "committed entries stay", "SMS", "No entry at or below the commit index is removed (paper §5.4)."),
    RULE(R26, "entries have a source", "LM",
         "A follower adds the entries of the append that it handles, in order (paper §5.3)."),
    RULE(R27, "log terms in order", "LM",
         "Terms never decrease along a log and never exceed the current one (paper §5.3)."),
    RULE(R28, "log matching", "LM",
         "The same index and term mean the same command after the same term, on all nodes (paper Figure 3, Log "
         "Matching)."),
    RULE(R29, "commit never goes back", "CONF", "The commit index only grows (paper Figure 2)."),
    RULE(R30, "followers commit what is confirmed", "SMS",
         "A follower commits no further than the last entry an append of this term confirmed (paper Figure 2, receiver "
         "step 5)."),
    RULE(R31, "leaders commit by quorum", "DUR",
         "A leader commits what a majority has acknowledged in its term, as far as the answered requests went (paper "
         "§5.3, Figure 2)."),
    RULE(R31b, "quorums are committed", "LIVE",
         "What a majority has acknowledged in the leader's term is committed within two heartbeats (paper §5.3)."),
    RULE(R32, "commit in the own term", "LC",
         "A leader commits by counting only entries of its own term (paper §5.4.2, Figure 8)."),
    RULE(R33, "commits agree", "SMS",
         "All nodes commit the same entry at an index (paper Figure 3, State Machine Safety)."),
    RULE(R34, "leader completeness", "LC",
         "A new leader's log has every entry committed in earlier terms (paper Figure 3, §5.4.3)."),
    RULE(R35, "commits are held by a majority", "DUR",
         "At the moment of a commit a majority has the entry, on stable storage where there is any (paper Figure 2, "
         "§5.3)."),
    RULE(R36, "committed entries are kept", "DUR",
         "What was committed never has fewer copies than a majority again, counting what restarts bring back (paper "
         "Figure 2, §5.5)."),
    RULE(R37, "apply in order", "SMS",
         "Entries are applied one after another, none beyond the commit index (paper Figure 2)."),
    RULE(R38, "apply what is logged", "SMS", "What is applied is the log's entry at that index (paper §5.3)."),
    RULE(R39, "state machine safety", "SMS", "All nodes apply the same entry at an index (paper Figure 3)."),
    RULE(R40, "states agree", "SMS",
         "After the same index all nodes have the same state, request table included (paper §5.3, D §6.3)."),
    RULE(R41, "requests applied once", "LIN-DUP",
         "A client's request takes effect at one index only (paper §8, D §6.3)."),
    RULE(R42, "answers follow application", "LIN-LOST",
         "A write is acknowledged only after the answering node has applied it (paper §5.3, §8)."),
    RULE(R43, "fail means not done", "LIN-PHANTOM",
         "A write that is answered with fail takes effect neither before nor after (D §6.3)."),
    RULE(R44, "reads by an established leader", "LIN-STALE",
         "A read index is taken by a leader that has committed an entry of its own term (paper §8, D §6.4)."),
    RULE(R45, "reads confirmed", "LIN-STALE",
         "A read is served after a majority answered appends that were sent after it arrived (paper §8, D §6.4)."),
    RULE(R46, "reads see what was committed", "LIN-STALE",
         "A read is served after everything committed at its arrival was applied (D §6.4)."),
    RULE(R48, "leases exclude other leaders", "LIN-STALE",
         "A lease lasts no longer than the shortest election timeout less the clocks' drift, from appends that a "
         "majority "
         "answered; reads rest on it while it lasts, and no later term has a leader then (D §6.4.1)."),
    RULE(R49, "votes are durable first", "ES",
         "A vote, and the term of any message, leaves a node only after it is on stable storage (paper Figure 2, D "
         "§3.8)."),
    RULE(R50, "acks are durable first", "DUR",
         "An entry is acknowledged only after it is on stable storage (paper Figure 2, D §3.8)."),
    RULE(
        R51, "restarts bring back what was stored", "DUR",
        "A node starts with the term, vote, log and snapshot that it had on stable storage: no less and no more (paper "
        "§5.5)."),
    RULE(R52, "restarts forget the rest", "SMS",
         "A node starts as follower, and has committed and applied no more than it had before (paper Figure 2)."),
    RULE(R53, "snapshots are applied prefixes", "SMS",
         "A snapshot covers applied entries, and names the term and the members at its last one (paper §7, D §5.1)."),
    RULE(R54, "snapshots lead forward", "SMS",
         "A snapshot is installed only ahead of the commit index (paper §7, Figure 13)."),
    RULE(R55, "entries after a snapshot", "DUR",
         "What follows an installed snapshot stays if the log agrees with it, and goes if not (paper Figure 13)."),
    RULE(R56, "logs are given up for durable snapshots", "DUR",
         "Entries are given up only when the snapshot that replaces them is on stable storage (paper §7)."),
    RULE(R57, "one change of members at a time", "ES",
         "A leader changes one member at a time, after the change before is committed (D §4.1)."),
    RULE(R58, "the latest configuration counts", "ES",
         "Majorities are those of the latest configuration in the log, committed or not (paper §6, D §4.1)."),
    RULE(R59, "changes wait for the term's commit", "ES",
         "A leader changes the members only after it has committed an entry of its own term (D §4.1 as amended in "
         "2015)."),
    RULE(R60, "only voters count", "ES",
         "Votes and copies count from members of the configuration only, the leader's own included; a leader that was "
         "removed steps down (D §4.2.2)."),
    RULE(R63, "timer reset with reason", "LIVE",
         "The election timer restarts only for the current leader's append, a vote granted, an election started, a "
         "restart or a step down (paper §5.2, Guide)."),
    RULE(R65, "honest redirects", "COST",
         "A redirect names the node that the replier believes to lead, never itself (paper §8)."),
    RULE(R66, "nothing is sent in vain", "COST",
         "Entries are not sent to one who has acknowledged them in this term, nor is a vote asked of one who has given "
         "it (paper §5.3, §5.2)."),
};
const size_t check_raft_n = sizeof check_raft / sizeof *check_raft;
_Static_assert(sizeof check_raft / sizeof *check_raft == RULE_T1, "one row per rule, in the order of enum rule");

/* Events without which a rule has nothing to look at. */
enum { NEEDS_MAX = 3 };
static const char *const needs[RULE_T1][NEEDS_MAX] = {
    [RULE_R1] = {"term.change"},
    [RULE_R2] = {"term.change"},
    [RULE_R3] = {"msg.recv"},
    [RULE_R4] = {"msg.send"},
    [RULE_R5] = {"msg.recv"},
    [RULE_R6] = {"msg.recv"},
    [RULE_R7] = {"vote.grant"},
    [RULE_R8] = {"vote.grant"},
    [RULE_R9] = {"vote.grant", "log.append"},
    [RULE_R9b] = {"vote.deny"},
    [RULE_R9c] = {"vote.grant", "msg.recv"},
    [RULE_R10] = {"msg.send"},
    [RULE_R10b] = {"disk.sync", "msg.send"},
    [RULE_R11] = {"role.change"},
    [RULE_R12] = {"role.change", "msg.recv"},
    [RULE_R13] = {"role.change"},
    [RULE_R20] = {"peer.state"},
    [RULE_R15] = {"log.append"},
    [RULE_R16] = {"log.append"},
    [RULE_R17] = {"msg.send", "role.change"},
    [RULE_R18] = {"msg.send", "log.append"},
    [RULE_R19] = {"msg.send", "commit.advance"},
    [RULE_R21] = {"msg.send", "msg.recv", "log.append"},
    [RULE_R22] = {"msg.send", "msg.recv", "log.append"},
    [RULE_R23] = {"msg.send"},
    [RULE_R24] = {"log.append", "msg.recv"},
    [RULE_R25] = {"log.append", "commit.advance"},
    [RULE_R26] = {"log.append", "msg.recv"},
    [RULE_R27] = {"log.append"},
    [RULE_R28] = {"log.append"},
    [RULE_R29] = {"commit.advance"},
    [RULE_R30] = {"commit.advance", "msg.recv"},
    [RULE_R31] = {"commit.advance", "msg.recv"},
    [RULE_R31b] = {"commit.advance", "msg.recv"},
    [RULE_R32] = {"commit.advance", "log.append"},
    [RULE_R33] = {"commit.advance", "log.append"},
    [RULE_R34] = {"role.change", "commit.advance", "log.append"},
    [RULE_R35] = {"commit.advance", "log.append"},
    [RULE_R36] = {"commit.advance", "log.append"},
    [RULE_R37] = {"apply"},
    [RULE_R38] = {"apply", "log.append"},
    [RULE_R39] = {"apply"},
    [RULE_R40] = {"state.hash"},
    [RULE_R41] = {"apply"},
    [RULE_R42] = {"req.reply", "apply"},
    [RULE_R43] = {"req.reply", "apply"},
    [RULE_R46] = {"read.serve"},
    [RULE_R49] = {"disk.sync"},
    [RULE_R50] = {"disk.sync"},
    [RULE_R51] = {"disk.sync", "node.start"},
    [RULE_R52] = {"node.start"},
    [RULE_R54] = {"snap.install"},
    [RULE_R55] = {"snap.install"},
    [RULE_R56] = {"disk.sync"},
    [RULE_R57] = {"log.append"},
    [RULE_R58] = {"commit.advance", "msg.recv"},
    [RULE_R59] = {"log.append"},
    [RULE_R60] = {"commit.advance", "msg.recv"},
    [RULE_R63] = {"timer.set"},
    [RULE_R65] = {"req.redirect"},
    [RULE_R66] = {"msg.send", "msg.recv"},
};

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
    for (size_t i = 0; i < NEEDS_MAX && needs[rule][i] != NULL; i++) {
        if (!check_has_event(c, needs[rule][i])) {
            snprintf(c->note, sizeof c->note, "no %s records in this trace", needs[rule][i]);
            return VERDICT_SKIPPED;
        }
    }
    if (rules[rule].examined == 0 && rules[rule].n_found == 0 && rules[rule].unknown[0] == '\0') {
        snprintf(c->note, sizeof c->note, "nothing happened that the rule is about");
        return VERDICT_SKIPPED;
    }
    return replay_answer(c, rule);
}
