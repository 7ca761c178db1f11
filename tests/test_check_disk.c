/* test_check_disk.c -- the rules about stable storage and restarts (R1, R7, R14, R35, R36, R49 to R52) are silent on
 * replicas that are killed and start again, and fire on each way to get it wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/explain.h"
#include "support/damage.h"
#include "support/raft_bad.h"

/* ---- good ---- */

static void a_killed_follower_comes_back_and_catches_up(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    rt_work(&rt);
    rt_kill(&rt, 2);
    rt_put(&rt, 0, 1u << 1);
    rt_restart(&rt, 2);
    rt_replicate(&rt, 0, RT_ALL);
    rt_get(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    assert_rows(&rt.fx, "SELECT node, boot, end_kind FROM boots WHERE node = '0002' ORDER BY boot",
                "0002|1|killed\n0002|2|close");
    assert_rows(&rt.fx, "SELECT loss_free FROM runs", "1");
    assert_rows(&rt.fx,
                "SELECT \"check\" FROM checks WHERE verdict = 'pass' AND \"check\" IN"
                " ('R1', 'R7', 'R10b', 'R35', 'R49', 'R50', 'R51', 'R52') ORDER BY 1",
                "R1\nR10b\nR35\nR49\nR50\nR51\nR52\nR7");
    rt_close(&rt);
}

static void all_replicas_are_killed_and_the_next_leader_has_everything(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    rt_work(&rt);
    for (int i = 0; i < 3; i++)
        rt_kill(&rt, i);
    for (int i = 0; i < 3; i++)
        rt_restart(&rt, i);
    rt_elect(&rt, 2, 2, RT_ALL);
    rt_replicate(&rt, 2, RT_ALL);
    rt_put(&rt, 2, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* Not synced, not acknowledged: it may go. */
static void an_entry_that_was_not_synced_may_vanish(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    rt_work(&rt);
    rt_recv(&rt, rt_send_append(&rt, 0, 1, 2, 0));
    rt_request(&rt, 0, "put", "k");
    rt_append(&rt, 0, 1, "0000000300000001");
    rt_recv(&rt, rt_send_append(&rt, 0, 1, 2, 1));
    rt_append(&rt, 1, 1, "0000000300000001");
    rt_kill(&rt, 1);
    rt_restart(&rt, 1);
    rt_replicate(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* The write was done, and the process killed before it could say so. */
static void what_was_written_just_before_the_kill_may_be_there(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    rt_work(&rt);
    rt_request(&rt, 0, "put", "k");
    rt_append(&rt, 0, 1, "0000000300000001");
    rt_recv(&rt, rt_send_append(&rt, 0, 1, 2, 1));
    rt_append(&rt, 1, 1, "0000000300000001");
    rt.node[1].disk.li = rt.node[1].li;
    memcpy(rt.node[1].disk.terms, rt.node[1].terms, sizeof rt.node[1].terms);
    rt_kill(&rt, 1);
    rt_restart(&rt, 1);
    rt_replicate(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* It stood for election and was killed before that was stored, or its disk refused: nobody was told, so nothing binds
 * it. */
static void a_vote_that_nobody_was_told_of_may_be_given_to_another(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    rt_work(&rt);
    rt_timer(&rt, 2, "election");
    rt_term(&rt, 2, 2, "timeout");
    rt_role(&rt, 2, 'C', "election_timeout");
    rt_vote(&rt, 2, 2, 2, 2, 1);
    rt_kill(&rt, 2);
    rt_restart(&rt, 2);
    rt_elect(&rt, 1, 2, RT_ALL);
    rt_replicate(&rt, 1, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* A truncation and what replaced it are one write. */
static void a_conflict_is_resolved_on_disk_too(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    rt_work(&rt);
    rt_timer(&rt, 0, "heartbeat");
    rt_append(&rt, 0, 1, "0000000300000001");
    rt_sync(&rt, 0, "log", "");
    rt_elect(&rt, 1, 2, 1u << 2);
    rt_replicate(&rt, 1, 1u << 2);
    rt_put(&rt, 1, 1u << 2);
    rt_replicate(&rt, 1, RT_ALL);
    rt_kill(&rt, 0);
    rt_restart(&rt, 0);
    rt_replicate(&rt, 1, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* ---- bad ---- */

/* The usual lie: what the disk should hold is forgotten, as a fixed copy of the right words. */
static void restart_with(struct raft_trace *rt, int node, const char *fields)
{
    rt_kill(rt, node);
    fixture_recf(&rt->fx, rt->node[node].name, rt->t += 100000, "trace.open",
                 "\"schema\":\"faultline\",\"v\":1,\"run\":\"t\",\"wall_us\":0,\"epoch_ns\":0,\"clk\":\"virtual\","
                 "\"pid\":1,\"impl\":\"test\",\"peers\":[\"0000\",\"0001\",\"0002\"]");
    rt_rec(rt, node, "node.start", "%s", fields);
}

static void the_vote_is_lost(struct raft_trace *rt)
{
    restart_with(rt, 2, "\"rterm\":1,\"rlast\":2,\"rlastt\":1,\"rcommit\":0");
}

static void the_last_entry_is_lost(struct raft_trace *rt)
{
    rt->node[2].disk.li--;
    rt_kill(rt, 2);
    rt_restart(rt, 2);
}

/* Trap: the right length, other entries. */
static void a_removed_suffix_comes_back(struct raft_trace *rt)
{
    rt_elect(rt, 1, 2, 1u << 2);
    rt_replicate(rt, 1, 1u << 2);
    restart_with(rt, 2,
                 "\"rterm\":2,\"rvote\":\"0001\",\"rlast\":3,\"rlastt\":2,\"rcommit\":0,\"lh\":\"00000000deadbeef\"");
}

static void the_term_goes_back(struct raft_trace *rt)
{
    rt_elect(rt, 1, 2, 1u << 2);
    rt->node[2].disk.term = 1;
    rt->node[2].disk.vote = 0;
    rt_kill(rt, 2);
    rt_restart(rt, 2);
}

static void more_than_was_stored(struct raft_trace *rt)
{
    rt->node[2].disk.li++;
    rt->node[2].disk.terms[rt->node[2].disk.li] = 1;
    rt_kill(rt, 2);
    rt_restart(rt, 2);
}

static void it_starts_as_candidate(struct raft_trace *rt)
{
    rt_kill(rt, 2);
    rt->node[2].role = 'C';
    rt_restart(rt, 2);
}

static void it_starts_with_all_committed(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "0000000300000001");
    rt_recv(rt, rt_send_append(rt, 0, 2, 2, 1));
    rt_append(rt, 2, 1, "0000000300000001");
    rt_sync(rt, 2, "log", "");
    rt_kill(rt, 2);
    rt->node[2].ci = rt->node[2].ai = 3;
    rt_restart(rt, 2);
}

/* It votes again for another in the same term, after a restart that lost nothing. */
static void votes_again_after_restart(struct raft_trace *rt)
{
    rt_kill(rt, 2);
    rt_restart(rt, 2);
    rt_recv(rt, rt_send_term(rt, 1, 2, "vote_req", 1, "\"lli\":9,\"llt\":1"));
    rt_vote(rt, 2, 1, 1, 9, 1);
}

static void vote_on_disk_changes(struct raft_trace *rt)
{
    rt_timer(rt, 2, "retry");
    rt->node[2].vote = 1;
    rt_sync(rt, 2, "vote", "");
}

static void says_that_it_voted_for_another(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_term(rt, 1, 2, "vote_req", 1, "\"lli\":9,\"llt\":1"));
    rt_rec(rt, 2, "vote.deny",
           "\"cand\":\"0001\",\"cterm\":1,\"why\":\"already_voted\",\"cand_lli\":9,\"cand_llt\":1,\"voted\":\"0002\"");
}

static void vote_leaves_before_the_disk_has_it(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_term(rt, 1, 2, "vote_req", 2, "\"lli\":2,\"llt\":1"));
    rt_term(rt, 2, 2, "higher_term_msg");
    rt_vote(rt, 2, 1, 2, 2, 1);
    rt->node[2].dirty = false;
    rt_send(rt, 2, 1, "vote_res", "\"ok\":true");
}

static void a_term_leaves_before_the_disk_has_it(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_term(rt, 1, 2, "vote_req", 2, "\"lli\":0,\"llt\":0"));
    rt_term(rt, 2, 2, "higher_term_msg");
    rt->node[2].dirty = false;
    rt_send(rt, 2, 1, "vote_res", "\"ok\":false");
}

/* The entry is in the log and synced, the acknowledgement names the next one. */
static void ack_before_the_disk_has_it(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "0000000300000001");
    int append = rt_send_append(rt, 0, 2, 2, 1);
    rt_recv(rt, append);
    rt_append(rt, 2, 1, "0000000300000001");
    rt->node[2].dirty = false;
    rt_send(rt, 2, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":3", rt->msg[append].mid);
}

/* The vote is stored, the entry that it rests on is not. */
static void candidate_whose_tail_is_not_stored(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "0000000300000001");
    rt_recv(rt, rt_send_append(rt, 0, 2, 2, 1));
    rt_append(rt, 2, 1, "0000000300000001");
    rt->node[2].dirty = false;
    rt_timer(rt, 2, "election");
    rt_term(rt, 2, 2, "timeout");
    rt_role(rt, 2, 'C', "election_timeout");
    rt_vote(rt, 2, 2, 2, 3, 1);
    rt_rec(rt, 2, "disk.sync", "\"what\":\"vote\",\"pterm\":2,\"pvote\":\"0002\",\"dur\":1");
    rt->node[2].dirty = false;
    rt_send(rt, 2, 0, "vote_req", "\"lli\":3,\"llt\":1");
}

/* It was told before it was stored: it binds, whatever the disk says after the restart. */
static void a_vote_that_was_told_is_given_again(struct raft_trace *rt)
{
    vote_leaves_before_the_disk_has_it(rt);
    rt_kill(rt, 2);
    rt_restart(rt, 2);
    rt_recv(rt, rt_send_term(rt, 0, 2, "vote_req", 2, "\"lli\":2,\"llt\":1"));
    rt_term(rt, 2, 2, "higher_term_msg");
    rt_vote(rt, 2, 0, 2, 2, 1);
}

/* The leader counts its own copy, which its disk has not. */
static void leader_counts_itself_too_early(struct raft_trace *rt)
{
    rt_request(rt, 0, "put", "k");
    rt_append(rt, 0, 1, "0000000300000001");
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 1, 2, 1)));
    rt->node[0].dirty = false;
    rt_commit(rt, 0, 3, "quorum");
}

/* Acknowledged, committed, and then two disks forget it. */
static void committed_entries_are_forgotten(struct raft_trace *rt)
{
    for (int i = 1; i < 3; i++) {
        rt->node[i].disk.li = 1;
        rt_kill(rt, i);
        rt_restart(rt, i);
    }
}

static const struct raft_bad bads[] = {
    {"R51: a vote lost by a restart is found (paper 5.5)", "R51", "restart-is-not-what-was-synced", the_vote_is_lost},
    {"R51: an entry lost by a restart is found (paper 5.5)", "R51", "restart-is-not-what-was-synced",
     the_last_entry_is_lost},
    {"R51: a suffix that comes back is found by the digest (paper 5.5)", "R51", "restart-is-not-what-was-synced",
     a_removed_suffix_comes_back},
    {"R51: a term that goes back is found (paper Figure 2)", "R51", "restart-is-not-what-was-synced",
     the_term_goes_back},
    {"R51: entries that nobody wrote are found (paper 5.5)", "R51", "restart-is-not-what-was-synced",
     more_than_was_stored},
    {"R1: a term forgotten over boots is found (paper Figure 2)", "R1", "term-forgotten", the_term_goes_back},
    {"R52: a start in another role is found (paper Figure 2)", "R52", "volatile-state-survives",
     it_starts_as_candidate},
    {"R52: a commit index that nobody had is found (paper Figure 2)", "R52", "volatile-state-survives",
     it_starts_with_all_committed},
    {"R7: a second vote over a restart is found (paper Figure 2)", "R7", "two-votes-in-one-term",
     votes_again_after_restart},
    {"R7: a second vote is found where the first was told and not stored (paper Figure 2)", "R7",
     "two-votes-in-one-term", a_vote_that_was_told_is_given_again},
    {"R14: a stored vote that changes is found (paper 5.2)", "R14", "vote-changed-in-term", vote_on_disk_changes},
    {"R14: a vote told otherwise is found (paper 5.2)", "R14", "vote-forgotten-in-term",
     says_that_it_voted_for_another},
    {"R49: a vote sent before the disk has it is found (paper Figure 2)", "R49", "vote-not-durable",
     vote_leaves_before_the_disk_has_it},
    {"R49: a term sent before the disk has it is found (paper Figure 2)", "R49", "term-not-durable",
     a_term_leaves_before_the_disk_has_it},
    {"R50: an acknowledgement before the disk has it is found (D 3.8)", "R50", "ack-not-durable",
     ack_before_the_disk_has_it},
    {"R10b: a candidate whose last entry is not stored is found (D 3.8)", "R10b", "candidate-tail-not-durable",
     candidate_whose_tail_is_not_stored},
    {"R31: a leader that counts its own copy too early is found (D 10.2.1)", "R31", "commit-without-quorum",
     leader_counts_itself_too_early},
    {"R35: a commit that a majority of disks has not is found (paper Figure 2)", "R35", "committed-without-copies",
     leader_counts_itself_too_early},
    {"R36: a committed entry that a majority forgets is found (paper 5.5)", "R36", "committed-entry-lost",
     committed_entries_are_forgotten},
};

/* Without disk.sync nobody can say what was stored. */
static void nothing_is_said_of_disks_that_nobody_records(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_check(&rt, "R49,R50,R51");
    assert_rows(&rt.fx, "SELECT DISTINCT verdict FROM checks", "skipped");
    rt_close(&rt);
}

/* Of what comes of it only the second vote is seen at first; the story begins with what was lost. */
static void a_vote_lost_by_a_restart_explains_the_second_one(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    rt_work(&rt);
    the_vote_is_lost(&rt);
    rt_recv(&rt, rt_send_term(&rt, 1, 2, "vote_req", 1, "\"lli\":9,\"llt\":1"));
    rt_vote(&rt, 2, 1, 1, 9, 1);
    rt_check(&rt, "R7,R51");
    assert_rows(&rt.fx, "SELECT group_concat(\"check\", ' ') FROM violations", "R7 R51");
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT \"check\" FROM violations WHERE violation_id = %lld",
             (long long)explain_worst(&rt.fx.db));
    assert_rows(&rt.fx, sql, "R51");
    rt_close(&rt);
}

static void what_is_missing_around_a_restart_is_never_a_violation(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    rt_work(&rt);
    rt_kill(&rt, 2);
    rt_put(&rt, 0, 1u << 1);
    rt_restart(&rt, 2);
    rt_elect(&rt, 1, 2, RT_ALL);
    rt_replicate(&rt, 1, RT_ALL);
    rt_get(&rt, 1, RT_ALL);
    rt_expect_nothing(&rt);
    damage_in_turn(&rt, 4);
    rt_close(&rt);
}

/* Three lives: of how the first ended nothing is known, so of the second's log no more than its end. */
static void three_lives(struct raft_trace *rt)
{
    rt_open_durable(rt, 3, NULL);
    rt_work(rt);
    rt_kill(rt, 2);
    rt_restart(rt, 2);
    rt_put(rt, 0, RT_ALL);
}

static void check_without_the_first_end(struct raft_trace *rt)
{
    enum verdict worst;
    rt_check(rt, NULL);
    struct damaged f = damage_read(&rt->fx, "0002.1.jsonl");
    assert_true(damage_write(&f, 12, true));
    free(f.text);
    db_close(&rt->fx.db);
    unlink(rt->fx.path);
    fixture_load(&rt->fx);
    assert_rows(&rt->fx, "SELECT end_kind FROM boots WHERE node = '0002' AND boot = 1", "cut");
    assert_true(check_all(&rt->fx.db, &(struct check_options){0}, &worst));
}

static void where_a_log_begins_that_nobody_knows_is_no_violation(void **state)
{
    (void)state;
    struct raft_trace rt;
    three_lives(&rt);
    rt_kill(&rt, 2);
    rt_restart(&rt, 2);
    rt_replicate(&rt, 0, RT_ALL);
    check_without_the_first_end(&rt);
    assert_rows(&rt.fx, "SELECT \"check\" FROM violations", "");
    assert_string_equal(rt_verdict(&rt, "R51"), "unknown");
    rt_close(&rt);
}

static void a_loss_after_such_a_start_is_found(void **state)
{
    (void)state;
    struct raft_trace rt;
    three_lives(&rt);
    the_last_entry_is_lost(&rt);
    check_without_the_first_end(&rt);
    assert_string_equal(rt_verdict(&rt, "R51"), "fail");
    rt_close(&rt);
}

static void before(struct raft_trace *rt)
{
    rt_open_durable(rt, 3, NULL);
    rt_work(rt);
}

int main(void)
{
    const struct CMUnitTest good[] = {
        cmocka_unit_test(a_killed_follower_comes_back_and_catches_up),
        cmocka_unit_test(all_replicas_are_killed_and_the_next_leader_has_everything),
        cmocka_unit_test(an_entry_that_was_not_synced_may_vanish),
        cmocka_unit_test(what_was_written_just_before_the_kill_may_be_there),
        cmocka_unit_test(a_vote_that_nobody_was_told_of_may_be_given_to_another),
        cmocka_unit_test(a_conflict_is_resolved_on_disk_too),
        cmocka_unit_test(nothing_is_said_of_disks_that_nobody_records),
        cmocka_unit_test(a_vote_lost_by_a_restart_explains_the_second_one),
        cmocka_unit_test(what_is_missing_around_a_restart_is_never_a_violation),
        cmocka_unit_test(where_a_log_begins_that_nobody_knows_is_no_violation),
        cmocka_unit_test(a_loss_after_such_a_start_is_found),
    };
    int failed = cmocka_run_group_tests_name("stable storage", good, NULL, NULL);
    return failed + raft_bad_run("stable storage, broken", bads, sizeof bads / sizeof *bads, before);
}
