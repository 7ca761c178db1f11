/* test_check_raft_vote.c -- the rules of terms, votes and leaders (R1 to R13, R49, R63) fire on a trace that breaks
 * them.
 *
 * Sources in the names: "paper" is Ongaro and Ousterhout 2014 (extended version), "D" Ongaro's dissertation 2014. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/raft_bad.h"

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

static void vote_before_sync(struct raft_trace *rt)
{
    rt_timer(rt, 2, "election");
    rt_rec(rt, 2, "disk.sync", "\"what\":\"vote\",\"pterm\":1,\"pvote\":\"0000\",\"us\":10");
    rt_elect(rt, 1, 2, 1u << 2);
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

static const struct raft_bad bads[] = {
    {"R1: a term that goes back is found (paper 5.1)", "R1", "term-goes-back", term_back},
    {"R1: a term lost by a restart is found (paper Figure 2)", "R1", "term-forgotten", term_lost_by_restart},
    {"R2: a term that jumps is found (paper 5.2)", "R2", "term-without-cause", term_jumps},
    {"R3: a leader that ignores a newer term is found (paper 5.1)", "R3", "newer-term-not-followed",
     newer_term_ignored},
    {"R4: a message with another term is found (paper 5.1)", "R4", "wrong-term-on-message", wrong_stamp},
    {"R5: an entry taken from an old leader is found (paper Figure 2)", "R5", "stale-request-has-effect",
     stale_append_obeyed},
    {"R7: a second vote in a term is found (paper 5.2)", "R7", "two-votes-in-one-term", two_votes},
    {"R7: a candidacy after a vote in the same term is found (paper 5.2)", "R7", "two-votes-in-one-term",
     own_candidacy_is_a_vote},
    {"R8: a vote in another term is found (paper Figure 2)", "R8", "vote-in-other-term", vote_of_another_term},
    {"R9: a vote for a shorter log is found (paper 5.4.1)", "R9", "vote-for-outdated-log", vote_for_a_shorter_log},
    {"R9: a vote for a longer log of an older term is found (paper 5.4.1)", "R9", "vote-for-outdated-log",
     vote_by_index_only},
    {"R10: a candidate that misstates its log is found (paper 5.4.1)", "R10", "candidate-misstates-log", false_tail},
    {"R11: a follower that leads without being candidate is found (paper Figure 4)", "R11", "illegal-role-change",
     follower_leads_at_once},
    {"R11: a candidate that ignores its term's leader is found (paper 5.2)", "R11", "candidate-ignores-leader",
     candidate_stays},
    {"R12: a leader without votes is found (paper 5.2)", "R12", "leader-without-votes", leader_without_votes},
    {"R12: a vote of an older term is not counted (Students' Guide, term confusion)", "R12", "leader-without-votes",
     vote_of_an_older_term_counted},
    {"R13: two leaders in one term are found (paper Figure 3)", "R13", "two-leaders-in-one-term", second_leader},
    {"R49: a vote before it is durable is found (paper Figure 2)", "R49", "vote-not-durable", vote_before_sync},
    {"R63: a timer restarted without reason is found (Students' Guide, livelocks)", "R63",
     "election-timer-reset-without-reason", timer_without_reason},
    {"R63: a timer restarted for a refused vote is found (Students' Guide, livelocks)", "R63",
     "election-timer-reset-without-reason", timer_for_a_refused_vote},
};

/* xraft issue 27. */
static void a_vote_counted_twice_by_one_of_five_is_found(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 5);
    rt_work(&rt);
    one_vote_counted_twice(&rt);
    rt_expect(&rt, "R12", "leader-without-votes");
    rt_close(&rt);
}

static void a_violation_stays_one_when_records_are_missing_elsewhere(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_work(&rt);
    rt.fx.node[2].seq += 3;
    second_leader(&rt);
    assert_int_equal(rt_check(&rt, "R13"), VERDICT_FAIL);
    rt_close(&rt);
}

static void before(struct raft_trace *rt)
{
    rt_open(rt, 3);
    rt_work(rt);
}

int main(void)
{
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(a_vote_counted_twice_by_one_of_five_is_found),
        cmocka_unit_test(a_violation_stays_one_when_records_are_missing_elsewhere),
    };
    int failed = cmocka_run_group_tests_name("votes", fixed, NULL, NULL);
    return failed + raft_bad_run("votes, broken", bads, sizeof bads / sizeof *bads, before);
}
