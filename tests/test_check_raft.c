/* test_check_raft.c -- every Raft rule is silent on a good trace and fires on a trace that breaks it.
 *
 * Sources in the names: "paper" is Ongaro and Ousterhout 2014 (extended version), "D" Ongaro's dissertation 2014. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/damage.h"
#include "support/history_db.h"
#include "support/raft_trace.h"
#include "support/told.h"

/* ---- good ---- */

static void some_work(struct raft_trace *rt)
{
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt_put(rt, 0, RT_ALL);
    rt_get(rt, 0, RT_ALL);
}

/* Leader 0 is cut off with an entry that nobody else gets; 1 takes over, overwrites it, and 0 comes back. */
static void change_of_leader_to(struct raft_trace *rt, int next)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "lost");
    rt_elect(rt, next, 2, 1u << 2);
    rt_replicate(rt, next, 1u << 2);
    rt_put(rt, next, 1u << 2);
    rt_replicate(rt, next, RT_ALL);
    rt_get(rt, next, 1u << 0);
}

static void change_of_leader(struct raft_trace *rt)
{
    some_work(rt);
    change_of_leader_to(rt, 1);
}

static void assert_no_finding(struct raft_trace *rt)
{
    assert_rows(&rt->fx, "SELECT \"check\", title FROM violations", "");
    assert_rows(&rt->fx, "SELECT \"check\", note FROM checks WHERE verdict = 'unknown'", "");
}

static void no_rule_fires_on_an_election_a_put_a_get_and_a_change_of_leader(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    change_of_leader(&rt);
    assert_int_equal(rt_check(&rt, "R,T"), VERDICT_PASS);
    assert_no_finding(&rt);
    /* Only what the trace has nothing about is skipped. */
    assert_rows(&rt.fx, "SELECT group_concat(\"check\", ' ') FROM checks WHERE verdict = 'skipped'",
                "R10b R14 R20 R31b R48 R49 R50 R51 R53 R54 R55 R56 R57 R59 R61 R62 R65 R9b R9c");
    rt_close(&rt);
}

static void no_rule_fires_with_five_replicas_and_with_one(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 5);
    change_of_leader(&rt);
    /* A majority of five needs one more: that term's entries stay uncommitted. */
    rt_elect(&rt, 3, 3, RT_ALL);
    rt_replicate(&rt, 3, RT_ALL);
    rt_put(&rt, 3, RT_ALL);
    assert_int_equal(rt_check(&rt, "T"), VERDICT_PASS);
    rt_close(&rt);

    rt_open(&rt, 1);
    rt_timer(&rt, 0, "election");
    rt_term(&rt, 0, 1, "timeout");
    rt_role(&rt, 0, 'C', "election_timeout");
    rt_vote(&rt, 0, 0, 1, 0, 0);
    rt_role(&rt, 0, 'L', "quorum_votes");
    rt_append(&rt, 0, 1, "noop");
    rt_commit(&rt, 0, 1, "quorum");
    rt_apply(&rt, 0, 1, "noop");
    int64_t get = rt_request(&rt, 0, "get", "k");
    rt_rec(&rt, 0, "read.local", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"key\":\"k\",\"at\":1,\"policy\":\"local\"",
           (long long)get);
    rt_timer(&rt, 0, "heartbeat");
    assert_int_equal(rt_check(&rt, "R"), VERDICT_PASS);
    assert_no_finding(&rt);
    rt_close(&rt);
}

/* ---- bad: one deviation each ---- */

static void term_back(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_term(rt, 1, 0, "timeout");
}

static void term_lost_by_restart(struct raft_trace *rt)
{
    rt->node[2] = (struct rt_node){.name = "0002", .role = 'F'};
    fixture_reboot(&rt->fx, "0002");
    rt_rec(rt, 2, "node.start", "\"rterm\":0,\"rlast\":0");
}

static void term_jumps(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_term(rt, 1, 4, "timeout");
}

static void newer_term_ignored(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_term(rt, 2, 0, "app_res", 9, "\"ok\":false"));
    rt_timer(rt, 0, "heartbeat");
}

static void wrong_stamp(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_send_term(rt, 0, 1, "app_req", 7, "\"pi\":0,\"pt\":0,\"lci\":0");
}

static void stale_append_obeyed(struct raft_trace *rt)
{
    int late = rt_send_append(rt, 0, 2, 0, 2);
    rt_elect(rt, 1, 2, 1u << 2);
    rt_recv(rt, late);
    rt_append(rt, 2, 1, "old");
}

static void two_votes(struct raft_trace *rt)
{
    rt_recv(rt, rt_send(rt, 1, 2, "vote_req", "\"lli\":2,\"llt\":1"));
    rt_vote(rt, 2, 1, 1, 2, 1);
}

static void own_candidacy_is_a_vote(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_role(rt, 1, 'C', "election_timeout"); /* in term 1, in which it voted for 0 */
}

static void vote_of_another_term(struct raft_trace *rt)
{
    rt_recv(rt, rt_send(rt, 1, 2, "vote_req", "\"lli\":9,\"llt\":1"));
    rt_vote(rt, 2, 1, 5, 9, 1);
}

static void vote_for_a_shorter_log(struct raft_trace *rt)
{
    rt_put(rt, 0, 1u << 2);
    rt_elect(rt, 1, 2, 1u << 2);
}

static void vote_by_index_only(struct raft_trace *rt)
{
    rt_elect(rt, 1, 2, 1u << 2);
    rt_replicate(rt, 1, 1u << 2);
    rt_timer(rt, 0, "heartbeat");
    for (int i = 0; i < 4; i++)
        rt_append(rt, 0, 1, "long and old");
    rt_role(rt, 0, 'F', "lost_quorum");
    rt_term(rt, 0, 2, "timeout"); /* so that its candidacy is in term 3 */
    rt_elect(rt, 0, 3, 1u << 2);
}

static void false_tail(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_send(rt, 1, 2, "vote_req", "\"lli\":99,\"llt\":1");
}

static void follower_leads_at_once(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_role(rt, 1, 'L', "quorum_votes");
}

static void candidate_stays(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_role(rt, 1, 'C', "election_timeout");
    rt_recv(rt, rt_send_append(rt, 0, 1, 2, 0));
    rt_timer(rt, 1, "retry");
}

static void leader_without_votes(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_term(rt, 1, 2, "timeout");
    rt_role(rt, 1, 'C', "election_timeout");
    rt_role(rt, 1, 'L', "quorum_votes");
}

/* Five replicas: one grant, delivered twice, and the own vote. */
static void one_vote_counted_twice(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_term(rt, 1, 2, "timeout");
    rt_role(rt, 1, 'C', "election_timeout");
    int ask = rt_send(rt, 1, 2, "vote_req", "\"lli\":2,\"llt\":1");
    rt_recv(rt, ask);
    rt_term(rt, 2, 2, "higher_term_msg");
    rt_vote(rt, 2, 1, 2, 2, 1);
    int grant = rt_send(rt, 2, 1, "vote_res", "\"re\":\"%s\",\"ok\":true", rt->msg[ask].mid);
    rt_recv(rt, grant);
    rt_recv(rt, grant);
    rt_role(rt, 1, 'L', "quorum_votes");
}

/* A grant of term 2 reaches the candidate of term 3. */
static void vote_of_an_older_term_counted(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_term(rt, 1, 2, "timeout");
    rt_role(rt, 1, 'C', "election_timeout");
    int ask = rt_send(rt, 1, 2, "vote_req", "\"lli\":2,\"llt\":1");
    rt_recv(rt, ask);
    rt_term(rt, 2, 2, "higher_term_msg");
    rt_vote(rt, 2, 1, 2, 2, 1);
    int grant = rt_send(rt, 2, 1, "vote_res", "\"re\":\"%s\",\"ok\":true", rt->msg[ask].mid);
    rt_timer(rt, 1, "election");
    rt_term(rt, 1, 3, "timeout");
    rt_role(rt, 1, 'C', "election_timeout");
    rt_recv(rt, grant);
    rt_role(rt, 1, 'L', "quorum_votes");
}

static void second_leader(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_role(rt, 1, 'C', "election_timeout");
    rt_role(rt, 1, 'L', "quorum_votes");
}

static void leader_truncates(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_truncate(rt, 0, 2);
}

static void leader_appends_of_another_term(struct raft_trace *rt)
{
    rt_elect(rt, 1, 2, 1u << 2);
    rt_timer(rt, 1, "heartbeat");
    rt_append(rt, 1, 1, "of an older term");
}

static void entry_made_twice(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "mine");
    rt_timer(rt, 1, "election");
    rt_role(rt, 1, 'C', "election_timeout");
    rt_role(rt, 1, 'L', "quorum_votes");
    rt_append(rt, 1, 1, "mine too");
}

static void follower_sends_append(struct raft_trace *rt)
{
    rt_timer(rt, 1, "heartbeat");
    rt_send_append(rt, 1, 2, 2, 0);
}

static void append_with_false_predecessor(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_send(rt, 0, 1, "app_req", "\"pi\":2,\"pt\":9,\"lci\":0");
}

static void append_with_false_entry(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_send(rt, 0, 1, "app_req", "\"pi\":1,\"pt\":1,\"lci\":0,\"ents\":[[2,1,\"forged\"]]");
}

static void announces_too_much(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_send(rt, 0, 1, "app_req", "\"pi\":2,\"pt\":1,\"lci\":99");
}

static void acks_without_predecessor(struct raft_trace *rt)
{
    int append = rt_send(rt, 0, 1, "app_req", "\"pi\":50,\"pt\":1,\"lci\":0");
    rt_recv(rt, append);
    rt_send(rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":50", rt->msg[append].mid);
}

static void acks_what_it_has_not(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "new");
    int append = rt_send_append(rt, 0, 1, 2, 1);
    rt_recv(rt, append);
    rt_send(rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":3", rt->msg[append].mid);
}

static void acks_too_far(struct raft_trace *rt)
{
    int append = rt_send_append(rt, 0, 1, 2, 0);
    rt_recv(rt, append);
    rt_send(rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":7", rt->msg[append].mid);
}

static void truncates_at_a_heartbeat(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_recv(rt, rt_send_append(rt, 0, 1, 2, 0));
    rt_truncate(rt, 1, 3);
}

static void truncates_committed(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_append(rt, 0, 1, 0, 1));
    rt_truncate(rt, 1, 1);
}

static void entry_out_of_nowhere(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_append(rt, 1, 1, "dreamt");
}

static void entry_of_a_future_term(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_append(rt, 1, 9, "future");
}

static void same_entry_other_command(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "one");
    rt_recv(rt, rt_send_append(rt, 0, 1, 2, 1));
    rt_append(rt, 1, 1, "another");
}

static void commit_back(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_commit(rt, 0, 1, "quorum");
}

/* The follower's log has an entry that this append does not confirm. */
static void commits_its_last(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_recv(rt, rt_send(rt, 0, 1, "app_req", "\"pi\":2,\"pt\":1,\"lci\":3"));
    rt_commit(rt, 1, 3, "leader_commit");
}

static void commits_alone(struct raft_trace *rt)
{
    rt_request(rt, 0, "put", "k");
    rt_append(rt, 0, 1, "new");
    rt_commit(rt, 0, 3, "quorum");
}

/* The answer to a heartbeat, taken as an acknowledgement of what was appended since. */
static void match_from_present_state(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    int append = rt_send_append(rt, 0, 1, 2, 0);
    rt_recv(rt, append);
    int ack = rt_send(rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":3", rt->msg[append].mid);
    rt_request(rt, 0, "put", "k");
    rt_append(rt, 0, 1, "new");
    rt_recv(rt, ack);
    rt_commit(rt, 0, 3, "quorum");
}

static void commits_older_term(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "h3.1");
    rt_follow(rt, rt_send_append(rt, 0, 1, 2, 1));
    rt_elect(rt, 1, 2, 1u << 2);
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 1, 2, 2, 1)));
    rt_commit(rt, 1, 3, "quorum");
}

static void commits_differ(struct raft_trace *rt)
{
    commits_alone(rt);
    rt_elect(rt, 1, 2, 1u << 2);
    rt_replicate(rt, 1, 1u << 2);
}

static void leader_lacks_committed(struct raft_trace *rt)
{
    rt_put(rt, 0, 1u << 2);
    rt_elect(rt, 1, 2, 1u << 2);
}

static void applied_again(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_recv(rt, rt_send_append(rt, 0, 1, 3, 0));
    rt_commit(rt, 1, 3, "leader_commit");
    rt_apply(rt, 1, 3, "h3.1");
    rt_rec(rt, 1, "apply", "\"idx\":3,\"eterm\":1,\"op\":\"put\",\"h\":\"h3.1\"");
}

static void apply_of_something_else(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_recv(rt, rt_send_append(rt, 0, 1, 3, 0));
    rt_commit(rt, 1, 3, "leader_commit");
    rt_rec(rt, 1, "apply", "\"idx\":2,\"eterm\":1,\"op\":\"put\",\"h\":\"else\"");
}

static void state_drifts(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_rec(rt, 1, "state.hash", "\"at\":1,\"h\":\"drifted\"");
}

static void request_applied_twice(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_timer(rt, 0, "heartbeat");
    rt_rec(rt, 0, "apply",
           "\"idx\":4,\"eterm\":1,\"op\":\"put\",\"h\":\"h4.1\",\"key\":\"k\",\"req\":\"REQ1\",\"cli\":\"0100\"");
}

static void reply_before_commit(struct raft_trace *rt)
{
    int64_t put = rt_request(rt, 0, "put", "k");
    rt_append(rt, 0, 1, "new");
    rt_rec(rt, 0, "req.reply", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"op\":\"put\",\"res\":\"ok\"", (long long)put);
}

static void follower_reads(struct raft_trace *rt)
{
    int64_t get = rt_request(rt, 1, "get", "k");
    rt_rec(rt, 1, "read.local",
           "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"key\":\"k\",\"val\":\"v\",\"at\":2,\"policy\":\"local\"",
           (long long)get);
}

static void leader_reads_alone(struct raft_trace *rt)
{
    int64_t get = rt_request(rt, 0, "get", "k");
    rt_rec(rt, 0, "read.local",
           "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"key\":\"k\",\"val\":\"v\",\"at\":2,\"policy\":\"local\"",
           (long long)get);
}

/* A new leader takes the read index before its no-op is committed. */
static void index_of_an_older_term(struct raft_trace *rt)
{
    rt_elect(rt, 1, 2, 1u << 2);
    int64_t get = rt_request(rt, 1, "get", "k");
    rt_rec(rt, 1, "read.index",
           "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"idx\":2,\"iterm\":1,\"round\":1,\"arrived\":1,\"acks\":1",
           (long long)get);
}

/* The appends that were answered had been sent before the read arrived. */
static void read_on_old_answers(struct raft_trace *rt)
{
    int append = rt_send_append(rt, 0, 1, 2, 0);
    int64_t get = rt_request(rt, 0, "get", "k"), arrived = rt->node[0].input;
    rt_rec(rt, 0, "read.index",
           "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"idx\":2,\"iterm\":1,\"round\":1,\"arrived\":%lld,\"acks\":1",
           (long long)get, (long long)arrived);
    rt_recv(rt, rt_follow(rt, append));
    rt_rec(rt, 0, "read.serve",
           "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"key\":\"k\",\"val\":\"v\",\"at\":2,\"idx\":2,\"iterm\":1,"
           "\"arrived\":%lld,\"round\":1",
           (long long)get, (long long)arrived);
}

static void read_of_the_past(struct raft_trace *rt)
{
    int64_t get = rt_request(rt, 0, "get", "k"), arrived = rt->node[0].input;
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 1, 2, 0)));
    rt_rec(rt, 0, "read.serve",
           "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"key\":\"k\",\"val\":\"v\",\"at\":1,\"idx\":1,\"iterm\":1,"
           "\"arrived\":%lld,\"round\":1",
           (long long)get, (long long)arrived);
}

/* The old leader has not applied what the new one acknowledged. */
static void read_behind_an_acknowledged_write(struct raft_trace *rt)
{
    rt_elect(rt, 1, 2, 1u << 2);
    rt_replicate(rt, 1, 1u << 2);
    rt_put(rt, 1, 1u << 2);
    leader_reads_alone(rt);
    rt_reply(rt, 0, rt->requests, "v1");
}

static void vote_before_sync(struct raft_trace *rt)
{
    rt_timer(rt, 2, "election");
    rt_rec(rt, 2, "disk.sync", "\"what\":\"vote\",\"pterm\":1,\"pvote\":\"0000\",\"us\":10");
    rt_elect(rt, 1, 2, 1u << 2);
}

static void ack_before_sync(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_rec(rt, 1, "disk.sync", "\"what\":\"log\",\"upto\":2,\"us\":10");
    rt_put(rt, 0, RT_ALL);
}

static void timer_without_reason(struct raft_trace *rt)
{
    rt_request(rt, 1, "get", "k");
    rt_rec(rt, 1, "timer.set", "\"tm\":\"election\",\"at\":1,\"why\":\"tick\"");
}

static void timer_for_a_refused_vote(struct raft_trace *rt)
{
    rt_recv(rt, rt_send(rt, 1, 2, "vote_req", "\"lli\":0,\"llt\":0"));
    rt_rec(rt, 2, "timer.set", "\"tm\":\"election\",\"at\":1,\"why\":\"vote_granted\"");
    rt_timer(rt, 2, "election");
}

static void redirect_to_itself(struct raft_trace *rt)
{
    int64_t get = rt_request(rt, 1, "get", "k");
    rt_rec(rt, 1, "req.redirect", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"to\":\"0001\",\"why\":\"not_leader\"",
           (long long)get);
}

static const struct bad {
    const char *name, *rule, *class;
    void (*scenario)(struct raft_trace *rt);
    int n; /* replicas, 0 = 3 */
} bads[] = {
    {"R1: a term that goes back is found (paper 5.1)", "R1", "term-goes-back", term_back, 0},
    {"R1: a term lost by a restart is found (paper Figure 2)", "R1", "term-forgotten", term_lost_by_restart, 0},
    {"R2: a term that jumps is found (paper 5.2)", "R2", "term-without-cause", term_jumps, 0},
    {"R3: a leader that ignores a newer term is found (paper 5.1)", "R3", "newer-term-not-followed", newer_term_ignored,
     0},
    {"R4: a message with another term is found (paper 5.1)", "R4", "wrong-term-on-message", wrong_stamp, 0},
    {"R5: an entry taken from an old leader is found (paper Figure 2)", "R5", "stale-request-has-effect",
     stale_append_obeyed, 0},
    {"R7: a second vote in a term is found (paper 5.2)", "R7", "two-votes-in-one-term", two_votes, 0},
    {"R7: a candidacy after a vote in the same term is found (paper 5.2)", "R7", "two-votes-in-one-term",
     own_candidacy_is_a_vote, 0},
    {"R8: a vote in another term is found (paper Figure 2)", "R8", "vote-in-other-term", vote_of_another_term, 0},
    {"R9: a vote for a shorter log is found (paper 5.4.1)", "R9", "vote-for-outdated-log", vote_for_a_shorter_log, 0},
    {"R9: a vote for a longer log of an older term is found (paper 5.4.1)", "R9", "vote-for-outdated-log",
     vote_by_index_only, 0},
    {"R10: a candidate that misstates its log is found (paper 5.4.1)", "R10", "candidate-misstates-log", false_tail, 0},
    {"R11: a follower that leads without being candidate is found (paper Figure 4)", "R11", "illegal-role-change",
     follower_leads_at_once, 0},
    {"R11: a candidate that ignores its term's leader is found (paper 5.2)", "R11", "candidate-ignores-leader",
     candidate_stays, 0},
    {"R12: a leader without votes is found (paper 5.2)", "R12", "leader-without-votes", leader_without_votes, 0},
    {"R12: a vote counted twice is found (xraft issue 27)", "R12", "leader-without-votes", one_vote_counted_twice, 5},
    {"R12: a vote of an older term is not counted (Students' Guide, term confusion)", "R12", "leader-without-votes",
     vote_of_an_older_term_counted, 0},
    {"R13: two leaders in one term are found (paper Figure 3)", "R13", "two-leaders-in-one-term", second_leader, 0},
    {"R15: a leader that removes entries is found (paper 5.3)", "R15", "leader-overwrites-log", leader_truncates, 0},
    {"R16: a leader's entry of another term is found (paper 5.3)", "R16", "leader-appends-wrong-entry",
     leader_appends_of_another_term, 0},
    {"R16: an entry made twice is found (paper 5.3)", "R16", "entry-made-twice", entry_made_twice, 0},
    {"R17: an append of a follower is found (paper 5.2)", "R17", "append-from-non-leader", follower_sends_append, 0},
    {"R18: an append with a false predecessor is found (paper Figure 2)", "R18", "append-differs-from-log",
     append_with_false_predecessor, 0},
    {"R18: an append with a false entry is found (paper Figure 2)", "R18", "append-differs-from-log",
     append_with_false_entry, 0},
    {"R19: a leader that announces more than it committed is found (paper Figure 2)", "R19",
     "append-announces-uncommitted", announces_too_much, 0},
    {"R21: an acknowledgement without the predecessor is found (paper Figure 2)", "R21",
     "ack-without-matching-predecessor", acks_without_predecessor, 0},
    {"R22: an acknowledgement of an entry that is not there is found (paper Figure 2)", "R22", "ack-without-entry",
     acks_what_it_has_not, 0},
    {"R23: an acknowledgement beyond the request is found (Students' Guide)", "R23", "ack-beyond-request", acks_too_far,
     0},
    {"R24: a truncation by a heartbeat is found (raftos issue 26)", "R24", "truncation-without-conflict",
     truncates_at_a_heartbeat, 0},
    {"R25: a truncation of committed entries is found (paper 5.4)", "R25", "committed-entry-removed",
     truncates_committed, 0},
    {"R26: an entry that no leader sent is found (paper 5.3)", "R26", "entry-without-source", entry_out_of_nowhere, 0},
    {"R27: an entry of a future term is found (paper 5.3)", "R27", "terms-out-of-order", entry_of_a_future_term, 0},
    {"R28: different commands at the same index and term are found (paper Figure 3)", "R28", "logs-do-not-match",
     same_entry_other_command, 0},
    {"R29: a commit index that goes back is found (paper Figure 2)", "R29", "commit-goes-back", commit_back, 0},
    {"R30: a follower that commits its own tail is found (etcd-raft b927fa8)", "R30", "commit-beyond-confirmed",
     commits_its_last, 0},
    {"R31: a commit without acknowledgements is found (paper 5.3)", "R31", "commit-without-quorum", commits_alone, 0},
    {"R31: a heartbeat's answer does not acknowledge later entries (Students' Guide)", "R31", "commit-without-quorum",
     match_from_present_state, 0},
    {"R32: an older term's entry committed by counting is found (paper Figure 8)", "R32",
     "commit-older-term-by-counting", commits_older_term, 0},
    {"R33: different entries committed at an index are found (paper Figure 3)", "R33", "different-entries-committed",
     commits_differ, 0},
    {"R34: a leader without a committed entry is found (paper Figure 3)", "R34", "leader-misses-committed-entry",
     leader_lacks_committed, 0},
    {"R35: a commit that only one replica holds is found (paper 5.3)", "R35", "committed-without-copies", commits_alone,
     0},
    {"R37: an entry applied out of order is found (paper Figure 2)", "R37", "applied-out-of-order", applied_again, 0},
    {"R38: applying what is not in the log is found (paper 5.3)", "R38", "applied-what-is-not-logged",
     apply_of_something_else, 0},
    {"R39: different entries applied at an index are found (paper Figure 3)", "R39", "different-entries-applied",
     apply_of_something_else, 0},
    {"R40: states that differ at an index are found (D 6.3)", "R40", "states-differ", state_drifts, 0},
    {"R41: a request applied twice is found (paper 8)", "R41", "retry-applied-twice", request_applied_twice, 0},
    {"R42: a write acknowledged before it is applied is found (paper 5.3)", "R42", "reply-before-apply",
     reply_before_commit, 0},
    {"R44: a read served by a follower is found (paper 8)", "R44", "follower-serves-reads", follower_reads, 0},
    {"R44: a read index taken before the term's first commit is found (D 6.4)", "R44", "read-index-before-term-commit",
     index_of_an_older_term, 0},
    {"R45: a read that asked nobody is found (D 6.4)", "R45", "leader-reads-without-quorum", leader_reads_alone, 0},
    {"R45: answers to appends sent before the read do not confirm it (D 6.4)", "R45", "read-confirmed-by-old-answers",
     read_on_old_answers, 0},
    {"R46: a read behind what was committed at its arrival is found (D 6.4)", "R46", "read-before-apply",
     read_of_the_past, 0},
    {"R47: a read behind an acknowledged write is found (D 6.4)", "R47", "read-behind-acknowledged-write",
     read_behind_an_acknowledged_write, 0},
    {"R49: a vote before it is durable is found (paper Figure 2)", "R49", "vote-not-durable", vote_before_sync, 0},
    {"R50: an acknowledgement before it is durable is found (D 3.8)", "R50", "ack-not-durable", ack_before_sync, 0},
    {"R63: a timer restarted without reason is found (Students' Guide, livelocks)", "R63",
     "election-timer-reset-without-reason", timer_without_reason, 0},
    {"R63: a timer restarted for a refused vote is found (Students' Guide, livelocks)", "R63",
     "election-timer-reset-without-reason", timer_for_a_refused_vote, 0},
    {"R65: a redirect to oneself is found (paper 8)", "R65", "redirect-to-itself", redirect_to_itself, 0},
};
enum { BADS = sizeof bads / sizeof *bads };

static void rule_fires(void **state)
{
    const struct bad *bad = *state;
    struct raft_trace rt;
    rt_open(&rt, bad->n != 0 ? bad->n : 3);
    some_work(&rt);
    bad->scenario(&rt);
    assert_int_equal(rt_check(&rt, bad->rule), VERDICT_FAIL);
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM violations WHERE fingerprint = '%s' AND \"check\" = '%s'",
             bad->class, bad->rule);
    if (db_int(&rt.fx.db, sql, 0) == 0)
        fail_msg("%s found only: %s", bad->rule, fixture_rows(&rt.fx, "SELECT fingerprint, title FROM violations"));
    assert_rows(&rt.fx, "SELECT count(*) FROM violations WHERE first_bad_rec IS NULL", "0");
    assert_rows(&rt.fx, "SELECT count(*) > 0 FROM violation_evidence", "1");
    told(&rt.fx.db, bad->rule, bad->name, rt.fx.dir);
    rt_close(&rt);
}

/* ---- what cannot be known ---- */

static void nothing_passes_where_a_replica_left_no_trace(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_bare(&rt, 3);
    for (int i = 0; i < 2; i++) {
        fixture_recf(
            &rt.fx, rt.node[i].name, rt.t, "trace.open",
            "\"schema\":\"faultline\",\"v\":1,\"run\":\"t\",\"wall_us\":0,\"epoch_ns\":0,\"clk\":\"virtual\",\"pid\":1,"
            "\"impl\":\"test\",\"peers\":[\"0000\",\"0001\",\"0002\"]");
        rt_rec(&rt, i, "node.start", "\"rterm\":0,\"rlast\":0");
    }
    rt.n = 2; /* 0002 takes part, but nobody sees what it does */
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    assert_int_equal(rt_check(&rt, "R13,R29,R31"), VERDICT_UNKNOWN);
    assert_string_equal(rt_verdict(&rt, "R13"), "unknown");
    assert_rows(&rt.fx, "SELECT note FROM checks WHERE \"check\" = 'R13'", "0002 has no trace");
    rt_close(&rt);
}

static void nothing_passes_where_records_are_missing(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    some_work(&rt);
    rt.fx.node[1].seq += 3; /* three records of 0001 never reached us */
    some_work(&rt);
    assert_int_equal(rt_check(&rt, "R29,T2"), VERDICT_UNKNOWN);
    assert_rows(&rt.fx, "SELECT \"check\" FROM violations", "");
    assert_rows(&rt.fx,
                "SELECT verdict, note LIKE '0001.1: 3 records missing after s=%' FROM checks WHERE \"check\" = 'T2'",
                "unknown|1");
    rt_close(&rt);
}

static void what_was_lost_is_not_held_against_a_leader(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    some_work(&rt);
    rt.fx.node[0].seq += 3; /* among them, perhaps, the acknowledgements */
    rt_timer(&rt, 0, "heartbeat");
    rt_append(&rt, 0, 1, "h3.1");
    rt_commit(&rt, 0, 3, "quorum");
    rt_timer(&rt, 0, "heartbeat");
    assert_int_equal(rt_check(&rt, "R31,R35,R45"), VERDICT_UNKNOWN);
    assert_rows(&rt.fx, "SELECT \"check\" FROM violations", "");
    rt_close(&rt);
}

static void a_violation_stays_one_when_records_are_missing_elsewhere(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    some_work(&rt);
    rt.fx.node[2].seq += 3;
    second_leader(&rt);
    assert_int_equal(rt_check(&rt, "R13"), VERDICT_FAIL);
    rt_close(&rt);
}

static void all_rules_are_skipped_without_replica_traces(void **state)
{
    (void)state;
    struct fixture fx;
    enum verdict worst;
    fixture_open(&fx);
    fixture_rec(&fx, "sim", 1000, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"app_req\",\"sz\":9,\"term\":1,\"ld\":\"0000\"");
    fixture_rec(&fx, "sim", 2000, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1");
    fixture_finish(&fx);
    fixture_load(&fx);
    assert_true(check_all(&fx.db, &(struct check_options){.only = "R"}, &worst));
    assert_rows(&fx, "SELECT DISTINCT verdict, note FROM checks", "skipped|no replica trace");
    fixture_close(&fx);
}

static void two_claims_on_the_wire_are_no_verdict(void **state)
{
    (void)state;
    struct fixture fx;
    enum verdict worst;
    fixture_open(&fx);
    for (int i = 0; i < 2; i++)
        fixture_recf(
            &fx, "sim", 1000 + i, "net.in",
            "\"d\":%d,\"src\":\"000%d\",\"dst\":\"0002\",\"ty\":\"app_req\",\"sz\":9,\"term\":1,\"ld\":\"000%d\"",
            i + 1, i, i);
    fixture_finish(&fx);
    fixture_load(&fx);
    assert_true(check_all(&fx.db, &(struct check_options){.only = "R13"}, &worst));
    assert_int_equal(worst, VERDICT_UNKNOWN);
    fixture_close(&fx);
}

static void a_rule_is_counted_once_for_a_class_however_often_it_is_broken(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    some_work(&rt);
    for (int i = 0; i < 5; i++)
        leader_reads_alone(&rt);
    assert_int_equal(rt_check(&rt, "R45"), VERDICT_FAIL);
    assert_rows(&rt.fx, "SELECT count(*), title LIKE '%(and 4 more like it)' FROM violations", "1|1");
    rt_close(&rt);
}

/* ---- what is missing is never held against anyone ---- */

/* A good run in which the rules about timers and redirects have something to judge, too. */
static void busy_work(struct raft_trace *rt)
{
    some_work(rt);
    rt_recv(rt, rt_send_append(rt, 0, 1, rt->node[0].li, 0));
    rt_rec(rt, 1, "leader.change", "\"new\":\"0000\"");
    rt_rec(rt, 1, "timer.set", "\"tm\":\"election\",\"at\":1,\"why\":\"append\"");
    change_of_leader_to(rt, 1);
    rt_recv(rt, rt_send_append(rt, 1, 2, rt->node[1].li, 0));
    rt_rec(rt, 2, "leader.change", "\"new\":\"0001\"");
    rt_rec(rt, 2, "timer.set", "\"tm\":\"election\",\"at\":1,\"why\":\"append\"");
    int64_t get = rt_request(rt, 2, "get", "k");
    rt_rec(rt, 2, "req.redirect", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"to\":\"0001\",\"why\":\"follower\"",
           (long long)get);
}

/* Each line lost, and each tail cut off, in turn, of the files of replicas and of the simulator. */
static void missing_records_are_never_a_violation(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    busy_work(&rt);
    rt_expect_nothing(&rt);
    damage_in_turn(&rt, 3);
    rt_close(&rt);
}

/* The follower whose copy made the majority has a trace that ends before the copy: nobody can say that it lacks it. */
static void an_ended_trace_does_not_prove_that_copies_are_missing(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_put(&rt, 0, 1u << 1);
    rt.fx.state.role = 0;
    fixture_finish(&rt.fx);
    struct damaged f = damage_read(&rt.fx, "0001.1.jsonl");
    size_t lines = 0;
    for (size_t i = 0; i < f.n; i++)
        lines += f.text[i] == '\n';
    /* all but: msg.recv of the put, log.append, what follows, trace.close */
    size_t line = 0;
    while (line < lines && damage_write(&f, line, true)) {
        struct damaged cut = damage_read(&rt.fx, "0001.1.jsonl");
        cut.text[cut.n] = '\0';
        bool has_put = strstr(cut.text, "\"op\":\"put\"") != NULL;
        free(cut.text);
        if (has_put)
            break;
        line++;
    }
    assert_true(damage_write(&f, line - 1, true));
    free(f.text);
    fixture_load(&rt.fx);
    enum verdict worst;
    assert_true(check_all(&rt.fx.db, &(struct check_options){.only = "R35"}, &worst));
    assert_int_equal(worst, VERDICT_UNKNOWN);
    rt_close(&rt);
}

/* A leader of term 2 that answers from what term 1 left, before anything of its own term is applied (paper §8). */
static void a_new_leaders_local_read_before_its_own_entry_breaks_r44(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    some_work(&rt);
    rt_elect(&rt, 1, 2, RT_ALL);
    int64_t get = rt_request(&rt, 1, "get", "k");
    rt_rec(&rt, 1, "read.local", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"key\":\"k\",\"at\":%lld,\"policy\":\"local\"",
           (long long)get, (long long)rt.node[1].ai);
    assert_int_equal(rt_check(&rt, "R44"), VERDICT_FAIL);
    assert_rows(&rt.fx, "SELECT fingerprint FROM violations", "local-read-before-term-commit");
    rt_close(&rt);
}

/* A request that came twice is in the log twice; only the first entry has an effect, and was acknowledged. */
static void a_read_owes_nothing_to_a_later_copy_of_an_acknowledged_write(void **state)
{
    (void)state;
    struct hdb h;
    char verdict[16];
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "a", 20, 30, "ok", "0000");
    hdb_rec(&h, "sim", 0, "op.invoke", "{}");
    hdb_rec(&h, "0000", 9, "apply", "{\"idx\":5}");
    hdb_rec(&h, "sim", 10, "op.return", "{}");
    hdb_rec(&h, "0000", 25, "read.serve", "{\"req\":\"0011:2#1\",\"key\":\"k\",\"at\":5}");
    db_exec(&h.db, "UPDATE nodes SET instrumented = 1;"
                   "INSERT INTO log_entries(run_id, node, idx, eterm, req, t_apply) VALUES"
                   " (1, '0000', 5, 1, '0010:1#1', 9000000), (1, '0000', 7, 1, '0010:1#1', 40000000)");
    assert_string_equal(hdb_check(&h, "R47", verdict), "pass");
    db_exec(&h.db, "UPDATE log_entries SET idx = 6 WHERE idx = 5");
    assert_string_equal(hdb_check(&h, "R47", verdict), "fail");
    hdb_close(&h);
}

int main(void)
{
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(a_read_owes_nothing_to_a_later_copy_of_an_acknowledged_write),
        cmocka_unit_test(no_rule_fires_on_an_election_a_put_a_get_and_a_change_of_leader),
        cmocka_unit_test(no_rule_fires_with_five_replicas_and_with_one),
        cmocka_unit_test(nothing_passes_where_a_replica_left_no_trace),
        cmocka_unit_test(nothing_passes_where_records_are_missing),
        cmocka_unit_test(what_was_lost_is_not_held_against_a_leader),
        cmocka_unit_test(a_violation_stays_one_when_records_are_missing_elsewhere),
        cmocka_unit_test(all_rules_are_skipped_without_replica_traces),
        cmocka_unit_test(two_claims_on_the_wire_are_no_verdict),
        cmocka_unit_test(a_rule_is_counted_once_for_a_class_however_often_it_is_broken),
        cmocka_unit_test(missing_records_are_never_a_violation),
        cmocka_unit_test(an_ended_trace_does_not_prove_that_copies_are_missing),
        cmocka_unit_test(a_new_leaders_local_read_before_its_own_entry_breaks_r44),
    };
    struct CMUnitTest bad[BADS];
    for (size_t i = 0; i < BADS; i++)
        bad[i] = (struct CMUnitTest){
            .name = bads[i].name, .test_func = rule_fires, .initial_state = (void *)(uintptr_t)&bads[i]};
    int failed = cmocka_run_group_tests_name("Raft rules", fixed, NULL, NULL);
    return failed + cmocka_run_group_tests_name("Raft rules broken", bad, NULL, NULL);
}
