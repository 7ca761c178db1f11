/* test_check_members.c -- R57 to R60, and the quorums of the other rules, while members come and go (dissertation §4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/damage.h"
#include "support/raft_bad.h"

/* Four replicas run, of which 0 to 2 are the group; 3 waits to be taken in. */
static void open_three_of_four(struct raft_trace *rt)
{
    rt_open_bare(rt, 4);
    for (int i = 0; i < 4; i++) {
        fixture_recf(&rt->fx, rt->node[i].name, rt->t += 100000, "trace.open",
                     "\"schema\":\"faultline\",\"v\":1,\"run\":\"t\",\"wall_us\":0,\"epoch_ns\":0,\"clk\":\"virtual\","
                     "\"pid\":1,\"impl\":\"test\",\"peers\":[\"0000\",\"0001\",\"0002\"],"
                     "\"cfg\":{\"heartbeat_ms\":50}");
        rt_rec(rt, i, "node.start", "\"rterm\":0,\"rlast\":0,\"conf\":\"0000 0001 0002\"");
    }
    rt->n = 3; /* of whom the votes are asked */
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt->n = 4;
}

/* An entry "conf" at the leader: `members` are ids with spaces between. */
static void conf(struct raft_trace *rt, int node, const char *members)
{
    struct rt_node *n = &rt->node[node];
    n->terms[++n->li] = n->term;
    rt_rec(rt, node, "log.append", "\"idx\":%lld,\"eterm\":%lld,\"op\":\"conf\",\"h\":\"h%lld.%lld\",\"conf\":\"%s\"",
           (long long)n->li, (long long)n->term, (long long)n->li, (long long)n->term, members);
}

/* Sends entry `idx` of 0's log, or the last; the entries of configurations are told as such. */
static int follow_conf_at(struct raft_trace *rt, int to, int64_t idx, const char *members)
{
    struct rt_node *l = &rt->node[0], *n = &rt->node[to];
    int append = rt_send_append(rt, 0, to, idx - 1, 1);
    rt_recv(rt, append);
    n->terms[++n->li] = l->term;
    rt_rec(rt, to, "log.append", "\"idx\":%lld,\"eterm\":%lld,\"op\":\"conf\",\"h\":\"h%lld.%lld\",\"conf\":\"%s\"",
           (long long)n->li, (long long)l->term, (long long)n->li, (long long)l->term, members);
    return rt_send(rt, to, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":%lld", rt->msg[append].mid,
                   (long long)n->li);
}

static int follow_conf(struct raft_trace *rt, int to, const char *members)
{
    return follow_conf_at(rt, to, rt->node[0].li, members);
}

static const char four[] = "0000 0001 0002 0003";

/* ---- good ---- */

static void a_member_is_added_and_counts_at_once(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_three_of_four(&rt);
    rt_recv(&rt, rt_follow(&rt, rt_send_append(&rt, 0, 3, 0, 1))); /* a learner */
    rt_timer(&rt, 0, "heartbeat");
    conf(&rt, 0, four);
    rt_recv(&rt, follow_conf(&rt, 1, four));
    rt_recv(&rt, follow_conf(&rt, 3, four));
    rt_commit(&rt, 0, 2, "quorum"); /* three of four */
    rt_apply(&rt, 0, 2, "h2.1");
    rt_recv(&rt, follow_conf(&rt, 2, four));
    rt_replicate(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    assert_rows(&rt.fx,
                "SELECT group_concat(\"check\", ' ') FROM checks WHERE verdict = 'pass'"
                " AND \"check\" IN ('R57', 'R58', 'R59', 'R60')",
                "R57 R58 R59 R60");
    rt_close(&rt);
}

/* The removed member's copy does not count, nor is it missed. */
static void a_member_is_removed(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_three_of_four(&rt);
    rt_timer(&rt, 0, "heartbeat");
    conf(&rt, 0, "0000 0001");
    rt_recv(&rt, follow_conf(&rt, 1, "0000 0001"));
    rt_commit(&rt, 0, 2, "quorum");
    rt_apply(&rt, 0, 2, "h2.1");
    rt_timer(&rt, 0, "heartbeat");
    rt_append(&rt, 0, 1, "h3.1");
    rt_recv(&rt, rt_follow(&rt, rt_send_append(&rt, 0, 1, 2, 1)));
    rt_commit(&rt, 0, 3, "quorum"); /* two of two */
    rt_timer(&rt, 0, "heartbeat");
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* A configuration that is overwritten takes its quorum with it. */
static void a_truncated_configuration_restores_the_one_before(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_three_of_four(&rt);
    rt_timer(&rt, 0, "heartbeat");
    conf(&rt, 0, four);
    rt.n = 3;
    rt_elect(&rt, 1, 2, 1u << 2);
    rt_replicate(&rt, 1, 1u << 2);
    rt_replicate(&rt, 1, RT_ALL); /* 0 drops the configuration */
    rt_elect(&rt, 0, 3, 1u << 2); /* and wins with two of three */
    rt_replicate(&rt, 0, RT_ALL);
    rt.n = 4;
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* ---- bad ---- */

static void two_changes_under_way(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    conf(rt, 0, four);
    conf(rt, 0, "0000 0001 0003");
}

static void two_members_at_once(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    conf(rt, 0, "0000");
}

/* The bug of 2015: the leader has not committed in its own term (raft-dev, 2015-07-10). */
static void change_before_the_terms_commit(struct raft_trace *rt)
{
    rt->n = 3;
    rt_elect(rt, 1, 2, 1u << 2);
    rt_timer(rt, 1, "heartbeat");
    conf(rt, 1, four);
}

/* Two of four, which were two of three. */
/* R31b: an entry has its majority, and in the same step the configuration changes: now another one must have it. */
static void a_majority_that_is_none_any_more_commits_nothing(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_three_of_four(&rt);
    rt_timer(&rt, 0, "heartbeat");
    rt_append(&rt, 0, 1, "h2.1");
    rt_recv(&rt, rt_follow(&rt, rt_send_append(&rt, 0, 1, 1, 1)));
    conf(&rt, 0, "0001 0002");
    rt.t += 200000000;
    rt_timer(&rt, 0, "heartbeat");
    rt_timer(&rt, 0, "heartbeat");
    rt_check(&rt, "R31b");
    assert_string_equal(rt_verdict(&rt, "R31b"), "skipped"); /* nothing was to be committed */
    rt_close(&rt);
}

static void two_leaves(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    conf(rt, 0, "0000 0001");
    rt_recv(rt, follow_conf(rt, 1, "0000 0001"));
    rt_commit(rt, 0, 2, "quorum");
    rt_timer(rt, 0, "heartbeat");
}

/* 2 is removed, and asked to come back: what it had may be gone. */
static void comes_back(struct raft_trace *rt)
{
    two_leaves(rt);
    rt_rec(rt, 0, "peer.state", "\"peer\":\"0002\",\"next\":3,\"match\":0,\"why\":\"probe\"");
}

/* R66: it is sent what it acknowledged before. */
static void who_comes_back_gets_everything_again(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_three_of_four(&rt);
    comes_back(&rt);
    rt_send_append(&rt, 0, 2, 0, 1);
    rt_check(&rt, "R66");
    assert_string_equal(rt_verdict(&rt, "R66"), "pass");
    rt_close(&rt);
}

/* It told the members of an entry when it started again, and then lost that entry: those before are in force again. */
static void what_is_told_at_a_start_may_be_truncated(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, "\"heartbeat_ms\":50");
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_timer(&rt, 0, "heartbeat");
    rt.node[0].terms[rt.node[0].li = 2] = 1;
    rt_rec(&rt, 0, "log.append",
           "\"idx\":2,\"eterm\":1,\"op\":\"conf\",\"h\":\"0000000200000001\",\"conf\":\"0000 0001\"");
    rt_rec(&rt, 0, "disk.sync", "\"what\":\"log\",\"upto\":2,\"pterm\":1,\"pvote\":\"0000\",\"us\":1");
    rt.node[0].disk.li = 2;
    rt.node[0].disk.terms[2] = 1;
    rt_kill(&rt, 0);
    rt.node[0].members = "0000 0001";
    rt_restart(&rt, 0);
    rt_elect(&rt, 1, 2, 1u << 2);
    rt_replicate(&rt, 1, RT_ALL); /* 0 drops the configuration */
    rt_elect(&rt, 0, 3, 1u << 2);
    rt_check(&rt, "R60,R12");
    assert_string_equal(rt_verdict(&rt, "R60"), "pass");
    assert_string_equal(rt_verdict(&rt, "R12"), "pass");
    rt_close(&rt);
}

static void majority_of_the_old_members(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    conf(rt, 0, four);
    rt_recv(rt, follow_conf(rt, 1, four));
    rt_commit(rt, 0, 2, "quorum");
}

static void majority_of_the_wrong_size(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    conf(rt, 0, four);
    rt_rec(rt, 0, "read.confirm", "\"round\":1,\"need\":2,\"have\":2");
}

/* It is probed twice before it answers the first. */
static void who_comes_back_may_be_probed_again(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_three_of_four(&rt);
    comes_back(&rt);
    rt_append(&rt, 0, 1, "h3.1");
    follow_conf_at(&rt, 2, 2, "0000 0001"); /* the answer is lost */
    int first = rt_send_append(&rt, 0, 2, 2, 1);
    rt_timer(&rt, 0, "retry");
    rt_rec(&rt, 0, "peer.state", "\"peer\":\"0002\",\"next\":1,\"match\":0,\"why\":\"probe\"");
    rt_recv(&rt, rt_follow(&rt, first));
    conf(&rt, 0, "0000 0001 0002");
    rt_commit(&rt, 0, 3, "quorum");
    rt_check(&rt, "R31");
    assert_string_equal(rt_verdict(&rt, "R31"), "pass");
    rt_close(&rt);
}

/* An answer to what was sent before it left makes an entry committed. */
static void copy_from_before_it_came_back(struct raft_trace *rt)
{
    two_leaves(rt);
    rt_append(rt, 0, 1, "h3.1");
    rt_recv(rt, follow_conf_at(rt, 2, 2, "0000 0001"));
    int late = rt_follow(rt, rt_send_append(rt, 0, 2, 2, 1));
    rt_timer(rt, 0, "heartbeat");
    rt_rec(rt, 0, "peer.state", "\"peer\":\"0002\",\"next\":4,\"match\":0,\"why\":\"probe\"");
    conf(rt, 0, "0000 0001 0002");
    rt_recv(rt, late);
    rt_commit(rt, 0, 3, "quorum");
}

/* A learner's copy is counted. */
static void copy_of_a_learner(struct raft_trace *rt)
{
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 3, 0, 1)));
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "h2.1");
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 3, 1, 1)));
    rt_commit(rt, 0, 2, "quorum");
}

static void vote_of_a_stranger(struct raft_trace *rt)
{
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 3, 0, 1)));
    rt_elect(rt, 1, 2, 0);
    int ask = rt_send(rt, 1, 3, "vote_req", "\"lli\":1,\"llt\":1");
    rt_recv(rt, ask);
    rt_term(rt, 3, 2, "higher_term_msg");
    rt_vote(rt, 3, 1, 2, 1, 1);
    rt_recv(rt, rt_send(rt, 3, 1, "vote_res", "\"re\":\"%s\",\"ok\":true", rt->msg[ask].mid));
    rt_role(rt, 1, 'L', "quorum_votes");
}

static void removed_leader_goes_on(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    conf(rt, 0, "0001 0002");
    rt_recv(rt, follow_conf(rt, 1, "0001 0002"));
    rt_recv(rt, follow_conf(rt, 2, "0001 0002"));
    rt_commit(rt, 0, 2, "quorum");
    rt_timer(rt, 0, "heartbeat");
    rt->t += 2000000000;
    rt_timer(rt, 0, "heartbeat");
    rt_timer(rt, 0, "heartbeat");
}

/* A leader that is no member counts itself: with it there would be two of two. */
static void removed_leader_counts_itself(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    conf(rt, 0, "0001 0002");
    rt_recv(rt, follow_conf(rt, 1, "0001 0002"));
    rt_commit(rt, 0, 2, "quorum");
}

static const struct raft_bad bads[] = {
    {"R57: a second change before the first is committed is found (D 4.1)", "R57",
     "second-change-before-the-first-committed", two_changes_under_way},
    {"R57: two members changed at once are found (D 4.1)", "R57", "more-than-one-member-changed", two_members_at_once},
    {"R59: a change before the term's commit is found (raft-dev, 2015-07-10)", "R59", "change-before-term-commit",
     change_before_the_terms_commit},
    {"R58: a majority of the members before is found (D 4.1)", "R58", "quorum-of-an-older-configuration",
     majority_of_the_old_members},
    {"R58: a majority of the wrong size is found (D 4.1)", "R58", "quorum-of-wrong-size", majority_of_the_wrong_size},
    {"R60: a learner's copy that counts is found (D 4.2.1)", "R60", "non-voter-counted", copy_of_a_learner},
    {"R60: a stranger's vote that counts is found (D 4.2.2)", "R60", "non-voter-counted", vote_of_a_stranger},
    {"R31: an answer from before it came back that counts is found (dissertation 4)", "R31", "commit-without-quorum",
     copy_from_before_it_came_back},
    {"R60: a removed leader that goes on is found (D 4.2.2)", "R60", "removed-leader-stays", removed_leader_goes_on},
    {"R58: a removed leader that counts itself is found (D 4.2.2)", "R58", "quorum-of-an-older-configuration",
     removed_leader_counts_itself},
};

static void what_is_missing_around_a_change_is_never_a_violation(void **state)
{
    (void)state;
    struct raft_trace rt;
    open_three_of_four(&rt);
    rt_recv(&rt, rt_follow(&rt, rt_send_append(&rt, 0, 3, 0, 1)));
    rt_timer(&rt, 0, "heartbeat");
    conf(&rt, 0, four);
    rt_recv(&rt, follow_conf(&rt, 1, four));
    rt_recv(&rt, follow_conf(&rt, 3, four));
    rt_commit(&rt, 0, 2, "quorum");
    rt_apply(&rt, 0, 2, "h2.1");
    rt_recv(&rt, follow_conf(&rt, 2, four));
    rt_replicate(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    damage_in_turn(&rt, 4);
    rt_close(&rt);
}

static void before(struct raft_trace *rt)
{
    open_three_of_four(rt);
}

int main(void)
{
    const struct CMUnitTest good[] = {
        cmocka_unit_test(a_member_is_added_and_counts_at_once),
        cmocka_unit_test(a_member_is_removed),
        cmocka_unit_test(a_truncated_configuration_restores_the_one_before),
        cmocka_unit_test(a_majority_that_is_none_any_more_commits_nothing),
        cmocka_unit_test(who_comes_back_gets_everything_again),
        cmocka_unit_test(who_comes_back_may_be_probed_again),
        cmocka_unit_test(what_is_told_at_a_start_may_be_truncated),
        cmocka_unit_test(what_is_missing_around_a_change_is_never_a_violation),
    };
    int failed = cmocka_run_group_tests_name("members", good, NULL, NULL);
    return failed + raft_bad_run("members, broken", bads, sizeof bads / sizeof *bads, before);
}
