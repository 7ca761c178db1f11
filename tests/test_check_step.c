/* test_check_step.c -- a step of several inputs is judged as one, and the smaller rules: R6, R9b, R20, R31b, R43. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/raft_bad.h"

static const char cfg[] = "\"heartbeat_ms\":50,\"election_ms\":[100,200],\"reads\":\"index\"";

static void some_work(struct raft_trace *rt)
{
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt_put(rt, 0, RT_ALL);
}

/* ---- good: steps ---- */

/* One acknowledgement answers two appends, and names the last. */
static void one_acknowledgement_for_two_appends(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    rt_timer(&rt, 0, "heartbeat");
    rt_append(&rt, 0, 1, "0000000300000001");
    int one = rt_send_append(&rt, 0, 1, 2, 1);
    rt_append(&rt, 0, 1, "0000000400000001");
    int two = rt_send_append(&rt, 0, 1, 3, 1);
    rt_recv(&rt, one);
    rt_append(&rt, 1, 1, "0000000300000001");
    rt_recv(&rt, two);
    rt_append(&rt, 1, 1, "0000000400000001");
    rt_recv(&rt, rt_send(&rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":4", rt.msg[two].mid));
    rt_commit(&rt, 0, 4, "quorum");
    rt_timer(&rt, 0, "heartbeat");
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* An answer that counts and one of an older leader come together: the commit is due to the first. */
static void a_late_message_in_a_step_does_no_harm(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    int late = rt_send_append(&rt, 0, 1, 2, 0);
    rt_elect(&rt, 1, 2, 1u << 2);
    int ack = rt_follow(&rt, rt_send_append(&rt, 1, 2, 2, 1));
    rt_recv(&rt, ack);
    rt_recv(&rt, late); /* of term 1 */
    rt_rec(&rt, 1, "msg.ignore", "\"mid\":\"%s\",\"why\":\"stale_term\"", rt.msg[late].mid);
    rt_commit(&rt, 1, 3, "quorum");
    rt_send(&rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":false", rt.msg[late].mid);
    rt_replicate(&rt, 1, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* A good append and a stale one in one step: the positive answer names the good one. */
static void each_answer_is_judged_by_what_it_answers(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    int late = rt_send_append(&rt, 0, 2, 2, 0);
    rt_elect(&rt, 1, 2, 1u << 2);
    rt_timer(&rt, 1, "heartbeat");
    int good = rt_send_append(&rt, 1, 2, 2, 0);
    rt_recv(&rt, good);
    rt_recv(&rt, late);
    rt_rec(&rt, 2, "msg.ignore", "\"mid\":\"%s\",\"why\":\"stale_term\"", rt.msg[late].mid);
    rt_send(&rt, 2, 1, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":2", rt.msg[good].mid);
    rt_send(&rt, 2, 0, "app_res", "\"re\":\"%s\",\"ok\":false", rt.msg[late].mid);
    rt_timer(&rt, 2, "election");
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

static void good_refusals_and_views_are_let_pass(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    rt_recv(&rt, rt_send_term(&rt, 1, 2, "vote_req", 1, "\"lli\":9,\"llt\":1"));
    rt_rec(&rt, 2, "vote.deny",
           "\"cand\":\"0001\",\"cterm\":1,\"why\":\"already_voted\",\"cand_lli\":9,\"cand_llt\":1,\"voted\":\"0000\"");
    rt_recv(&rt, rt_send_term(&rt, 1, 2, "vote_req", 1, "\"lli\":1,\"llt\":1"));
    rt_rec(&rt, 2, "vote.deny", "\"cand\":\"0001\",\"cterm\":1,\"why\":\"log_behind\",\"cand_lli\":1,\"cand_llt\":1");
    rt_recv(&rt, rt_send_term(&rt, 1, 2, "prevote_req", 2, "\"lli\":2,\"llt\":1"));
    rt_rec(&rt, 2, "vote.deny",
           "\"cand\":\"0001\",\"cterm\":2,\"why\":\"leader_alive\",\"cand_lli\":2,\"cand_llt\":1,\"pre\":true");
    rt_recv(&rt, rt_follow(&rt, rt_send_append(&rt, 0, 1, 2, 0)));
    rt_rec(&rt, 0, "peer.state", "\"peer\":\"0001\",\"next\":3,\"match\":1,\"why\":\"replicate\"");
    rt_rec(&rt, 0, "peer.state", "\"peer\":\"0001\",\"next\":3,\"match\":2,\"why\":\"replicate\"");
    rt_timer(&rt, 0, "heartbeat");
    rt_check(&rt, "R6,R9b,R14,R20"); /* the candidate lies, for once */
    assert_rows(&rt.fx, "SELECT \"check\", title FROM violations", "");
    assert_rows(&rt.fx,
                "SELECT group_concat(\"check\", ' ') FROM checks WHERE verdict = 'pass' AND \"check\" IN"
                " ('R6', 'R9b', 'R14', 'R20')",
                "R14 R20 R6 R9b");
    rt_close(&rt);
}

/* ---- bad ---- */

static void commit_by_an_old_reply(struct raft_trace *rt)
{
    int late = rt_follow(rt, rt_send_append(rt, 0, 1, 2, 0));
    rt_elect(rt, 0, 2, RT_ALL);
    rt_timer(rt, 0, "heartbeat");
    rt_send_append(rt, 0, 1, 3, 0);
    rt_recv(rt, late);
    rt_commit(rt, 0, 3, "quorum");
}

static void view_changed_by_an_old_reply(struct raft_trace *rt)
{
    int late = rt_follow(rt, rt_send_append(rt, 0, 1, 2, 0));
    rt_elect(rt, 0, 2, RT_ALL);
    rt_timer(rt, 0, "heartbeat");
    rt_send_append(rt, 0, 1, 3, 0);
    rt_recv(rt, late);
    rt_rec(rt, 0, "peer.state", "\"peer\":\"0001\",\"next\":3,\"match\":2,\"why\":\"replicate\"");
}

static void refused_with_a_good_log(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_term(rt, 1, 2, "vote_req", 1, "\"lli\":9,\"llt\":1"));
    rt_rec(rt, 2, "vote.deny", "\"cand\":\"0001\",\"cterm\":1,\"why\":\"log_behind\",\"cand_lli\":9,\"cand_llt\":1");
}

static void refused_long_after_the_leader(struct raft_trace *rt)
{
    rt->t += 1000000000;
    rt_recv(rt, rt_send_term(rt, 1, 2, "prevote_req", 2, "\"lli\":9,\"llt\":1"));
    rt_rec(rt, 2, "vote.deny",
           "\"cand\":\"0001\",\"cterm\":2,\"why\":\"leader_alive\",\"cand_lli\":9,\"cand_llt\":1,\"pre\":true");
}

static void refused_for_a_vote_that_it_gave_him(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_term(rt, 0, 2, "vote_req", 1, "\"lli\":9,\"llt\":1"));
    rt_rec(rt, 2, "vote.deny",
           "\"cand\":\"0000\",\"cterm\":1,\"why\":\"already_voted\",\"cand_lli\":9,\"cand_llt\":1,\"voted\":\"0000\"");
}

static void match_goes_back(struct raft_trace *rt)
{
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 1, 2, 0)));
    rt_rec(rt, 0, "peer.state", "\"peer\":\"0001\",\"next\":3,\"match\":2,\"why\":\"replicate\"");
    rt_rec(rt, 0, "peer.state", "\"peer\":\"0001\",\"next\":2,\"match\":1,\"why\":\"probe\"");
}

static void next_is_what_it_has(struct raft_trace *rt)
{
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 1, 2, 0)));
    rt_rec(rt, 0, "peer.state", "\"peer\":\"0001\",\"next\":2,\"match\":2,\"why\":\"replicate\"");
}

static void acknowledged_and_never_committed(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "0000000300000001");
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 1, 2, 1)));
    rt->t += 200000000;
    rt_timer(rt, 0, "heartbeat");
    rt_timer(rt, 0, "heartbeat");
}

static void failed_and_applied(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_rec(rt, 0, "req.reply", "\"req\":\"REQ1\",\"cli\":\"0100\",\"op\":\"put\",\"res\":\"fail\"");
}

static void failed_and_applied_later(struct raft_trace *rt)
{
    int64_t put = rt_request(rt, 0, "put", "k");
    rt_rec(rt, 0, "req.reply", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"op\":\"put\",\"res\":\"fail\"", (long long)put);
    rt_append(rt, 0, 1, "0000000300000001");
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 1, 2, 1)));
    rt_commit(rt, 0, 3, "quorum");
    rt->node[0].ai = 3;
    rt_rec(rt, 0, "apply",
           "\"idx\":3,\"eterm\":1,\"op\":\"put\",\"h\":\"0000000300000001\",\"key\":\"k\",\"val\":\"v\",\"req\":\"REQ%"
           "lld\","
           "\"cli\":\"0100\"",
           (long long)put);
}

static const struct raft_bad bads[] = {
    {"R6: a commit by an old reply is found (Students' Guide)", "R6", "stale-reply-has-effect", commit_by_an_old_reply},
    {"R6: a view changed by an old reply is found (Students' Guide)", "R6", "stale-reply-has-effect",
     view_changed_by_an_old_reply},
    {"R9b: a vote refused for a good log is found (paper 5.4.1)", "R9b", "vote-refused-without-reason",
     refused_with_a_good_log},
    {"R9b: a vote refused for a leader long gone is found (D 4.2.3)", "R9b", "vote-refused-without-reason",
     refused_long_after_the_leader},
    {"R9b: a vote refused to whom it was given is found (paper 5.2)", "R9b", "vote-refused-without-reason",
     refused_for_a_vote_that_it_gave_him},
    {"R20: a match index that goes back is found (paper Figure 2)", "R20", "match-goes-back", match_goes_back},
    {"R20: a next index at the match index is found (paper Figure 2)", "R20", "next-not-beyond-match",
     next_is_what_it_has},
    {"R31b: an entry with its majority that is not committed is found (paper 5.3)", "R31b",
     "acknowledged-but-not-committed", acknowledged_and_never_committed},
    {"R43: fail after the write took effect is found (D 6.3)", "R43", "failed-and-applied", failed_and_applied},
    {"R43: fail before the write takes effect is found (D 6.3)", "R43", "failed-and-applied", failed_and_applied_later},
};

static void before(struct raft_trace *rt)
{
    rt_open_durable(rt, 3, cfg);
    some_work(rt);
}

int main(void)
{
    const struct CMUnitTest good[] = {
        cmocka_unit_test(one_acknowledgement_for_two_appends),
        cmocka_unit_test(a_late_message_in_a_step_does_no_harm),
        cmocka_unit_test(each_answer_is_judged_by_what_it_answers),
        cmocka_unit_test(good_refusals_and_views_are_let_pass),
    };
    int failed = cmocka_run_group_tests_name("steps", good, NULL, NULL);
    return failed + raft_bad_run("steps, broken", bads, sizeof bads / sizeof *bads, before);
}
