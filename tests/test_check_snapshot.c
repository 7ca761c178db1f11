/* test_check_snapshot.c -- R53 to R56, and what other rules must know of snapshots: taken, sent, installed, restarted
 * from (Raft paper §7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/damage.h"
#include "support/raft_bad.h"

/* Leader 0 and follower 1 have three entries, all applied; 2 has the first two. */
static void some_work(struct raft_trace *rt)
{
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt_put(rt, 0, RT_ALL);
    rt_put(rt, 0, 1u << 1);
    rt_replicate(rt, 0, 1u << 1);
}

/* Compaction as the replica does it: the write first, then the record that tells of it. */
static void save(struct raft_trace *rt, int node, int64_t idx)
{
    struct rt_node *n = &rt->node[node];
    n->base = idx;
    rt_sync(rt, node, "snap", "");
    rt_rec(rt, node, "snap.save", "\"idx\":%lld,\"eterm\":%lld,\"size\":10,\"at\":%lld,\"h\":\"state%lld\"",
           (long long)idx, (long long)n->terms[idx], (long long)n->ai, (long long)n->ai);
}

static int send_snapshot(struct raft_trace *rt, int to, int64_t idx, int64_t term)
{
    rt_timer(rt, 0, "retry");
    rt_rec(rt, 0, "snap.send", "\"idx\":%lld,\"eterm\":%lld,\"size\":10,\"peer\":\"%s\"", (long long)idx,
           (long long)term, rt->node[to].name);
    int msg = rt_send(rt, 0, to, "snap_req", "\"si\":%lld,\"st\":%lld,\"off\":0,\"size\":10", (long long)idx,
                      (long long)term);
    rt_recv(rt, msg);
    return msg;
}

/* What snap.install tells; the caller says what is left of the log. */
static void install(struct raft_trace *rt, int node, int64_t idx, int64_t term, int64_t last, const char *state)
{
    struct rt_node *n = &rt->node[node];
    n->base = n->ci = n->ai = idx;
    n->li = last;
    n->terms[idx] = term;
    n->dirty = true;
    rt_rec(rt, node, "snap.install",
           "\"idx\":%lld,\"eterm\":%lld,\"size\":10,\"peer\":\"0000\",\"h\":\"%s\",\"kept\":%lld", (long long)idx,
           (long long)term, state, (long long)(last - idx));
}

static void answer_snapshot(struct raft_trace *rt, int node, int msg, int64_t idx)
{
    rt_recv(rt, rt_send(rt, node, 0, "snap_res", "\"re\":\"%s\",\"si\":%lld,\"st\":1,\"off\":10", rt->msg[msg].mid,
                        (long long)idx));
}

/* ---- good ---- */

static void a_follower_that_lags_gets_a_snapshot_and_goes_on(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    some_work(&rt);
    save(&rt, 0, 3);
    int msg = send_snapshot(&rt, 2, 3, 1);
    install(&rt, 2, 3, 1, 3, "state3");
    rt_sync(&rt, 2, "snap", "");
    answer_snapshot(&rt, 2, msg, 3);
    rt_put(&rt, 0, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    assert_rows(&rt.fx,
                "SELECT group_concat(\"check\", ' ') FROM checks WHERE verdict = 'pass'"
                " AND \"check\" IN ('R53', 'R54', 'R55', 'R56', 'R40')",
                "R40 R53 R54 R55 R56");
    rt_close(&rt);
}

static void a_restart_begins_at_the_snapshot(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    some_work(&rt);
    save(&rt, 1, 2);
    rt_kill(&rt, 1);
    rt_restart(&rt, 1);
    rt_replicate(&rt, 0, RT_ALL);
    rt_put(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* The disk refuses, and the replica ends: on disk the log is as it was. */
static void a_snapshot_that_the_disk_refuses_gives_nothing_up(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    some_work(&rt);
    save(&rt, 0, 3);
    send_snapshot(&rt, 2, 3, 1);
    install(&rt, 2, 3, 1, 3, "state3");
    rt_rec(&rt, 2, "disk.sync", "\"what\":\"snap\",\"upto\":3,\"uptot\":1,\"us\":10,\"err\":5");
    rt_kill(&rt, 2);
    rt_restart(&rt, 2);
    rt_put(&rt, 0, 1u << 1);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* Killed after the write, before snap.save: the log may begin later than the trace tells. */
static void a_kill_between_the_snapshot_and_its_record_is_no_fault(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    some_work(&rt);
    rt.node[1].disk.base = 2;
    rt_kill(&rt, 1);
    rt_restart(&rt, 1);
    rt_replicate(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* Figure 13, step 6: what follows the snapshot and agrees with it stays. */
static void a_matching_suffix_stays(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    some_work(&rt);
    save(&rt, 0, 2);
    rt_follow(&rt, rt_send_append(&rt, 0, 2, 2, 1));
    int64_t ci = rt.node[2].ci;
    rt_kill(&rt, 2); /* it forgets what is committed */
    rt_restart(&rt, 2);
    assert_true(ci > 0);
    int msg = send_snapshot(&rt, 2, 2, 1);
    install(&rt, 2, 2, 1, 3, "state2");
    rt_sync(&rt, 2, "snap", "");
    answer_snapshot(&rt, 2, msg, 2);
    rt_replicate(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* A retry of a put that came with the snapshot is answered from the table of requests. */
static void a_request_known_from_a_snapshot_may_be_answered(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    some_work(&rt);
    int msg = send_snapshot(&rt, 2, 3, 1);
    install(&rt, 2, 3, 1, 3, "state3");
    rt_sync(&rt, 2, "snap", "");
    answer_snapshot(&rt, 2, msg, 3);
    rt_rec(&rt, 2, "req.reply", "\"req\":\"REQ2\",\"cli\":\"0100\",\"op\":\"put\",\"res\":\"ok\",\"idx\":3");
    rt_check(&rt, "R42");
    assert_string_equal(rt_verdict(&rt, "R42"), "pass");
    rt_close(&rt);
}

/* ---- bad ---- */

static void snapshot_of_the_unapplied(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_append(rt, 0, 2, 2, 1));
    rt_append(rt, 2, 1, "0000000300000001");
    rt->node[2].base = 3;
    rt_sync(rt, 2, "snap", "");
    rt_rec(rt, 2, "snap.save", "\"idx\":3,\"eterm\":1,\"size\":10");
}

static void snapshot_with_a_wrong_term(struct raft_trace *rt)
{
    rt_timer(rt, 0, "retry");
    rt_sync(rt, 0, "snap", "");
    rt_rec(rt, 0, "snap.save", "\"idx\":2,\"eterm\":7,\"size\":10");
}

static void snapshot_with_other_members(struct raft_trace *rt)
{
    rt_timer(rt, 0, "retry");
    rt_sync(rt, 0, "snap", "");
    rt_rec(rt, 0, "snap.save", "\"idx\":2,\"eterm\":1,\"size\":10,\"conf\":\"0000 0001\"");
}

static void snapshot_sent_beyond_what_is_applied(struct raft_trace *rt)
{
    rt_timer(rt, 0, "retry");
    rt_send(rt, 0, 2, "snap_req", "\"si\":9,\"st\":1,\"off\":0,\"size\":10");
}

static void state_of_a_snapshot_differs(struct raft_trace *rt)
{
    send_snapshot(rt, 2, 3, 1);
    install(rt, 2, 3, 1, 3, "another state");
}

static void install_that_goes_back(struct raft_trace *rt)
{
    rt_timer(rt, 0, "retry");
    rt_recv(rt, rt_send(rt, 0, 1, "snap_req", "\"si\":2,\"st\":1,\"off\":0,\"size\":10"));
    install(rt, 1, 2, 1, 3, "state2");
}

static void matching_suffix_is_dropped(struct raft_trace *rt)
{
    rt_follow(rt, rt_send_append(rt, 0, 2, 2, 1));
    rt_kill(rt, 2);
    rt_restart(rt, 2);
    send_snapshot(rt, 2, 2, 1);
    install(rt, 2, 2, 1, 2, "state2");
}

/* Its entry at the snapshot is of another term: nothing of that log may stay. */
static void contradicted_log_is_kept(struct raft_trace *rt)
{
    rt_kill(rt, 2);
    rt_restart(rt, 2);
    send_snapshot(rt, 2, 3, 1);
    rt->node[2].terms[3] = 1;
    install(rt, 2, 3, 1, 5, "state3");
}

static void log_given_up_before_the_snapshot_is_durable(struct raft_trace *rt)
{
    rt_timer(rt, 0, "retry");
    rt->node[0].base = 2;
    rt_rec(rt, 0, "snap.save", "\"idx\":2,\"eterm\":1,\"size\":10");
    rt_timer(rt, 0, "heartbeat");
}

static void snapshot_acknowledged_before_it_is_durable(struct raft_trace *rt)
{
    int msg = send_snapshot(rt, 2, 3, 1);
    install(rt, 2, 3, 1, 3, "state3");
    rt->node[2].dirty = false;
    answer_snapshot(rt, 2, msg, 3);
}

/* The disk says what the trace never told: a snapshot beyond what was applied. */
static void restart_from_a_snapshot_that_nobody_took(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_append(rt, 0, 2, 2, 1));
    rt_append(rt, 2, 1, "0000000300000001");
    rt_sync(rt, 2, "log", "");
    rt->node[2].disk.base = 3;
    rt_kill(rt, 2);
    rt_restart(rt, 2);
}

static const struct raft_bad bads[] = {
    {"R53: a snapshot of what is not applied is found (paper 7)", "R53", "snapshot-of-unapplied",
     snapshot_of_the_unapplied},
    {"R53: a snapshot with another term is found (paper 7)", "R53", "snapshot-of-another-term",
     snapshot_with_a_wrong_term},
    {"R53: a snapshot with other members is found (D 5.1)", "R53", "snapshot-of-other-members",
     snapshot_with_other_members},
    {"R53: a snapshot sent beyond what is applied is found (paper 7)", "R53", "snapshot-of-unapplied",
     snapshot_sent_beyond_what_is_applied},
    {"R40: another state in a snapshot is found (D 6.3)", "R40", "states-differ", state_of_a_snapshot_differs},
    {"R54: a snapshot that leads back is found (paper Figure 13)", "R54", "install-goes-back", install_that_goes_back},
    {"R55: a matching suffix that is dropped is found (paper Figure 13)", "R55", "matching-suffix-dropped",
     matching_suffix_is_dropped},
    {"R55: a contradicted log that is kept is found (paper Figure 13)", "R55", "contradicted-log-kept",
     contradicted_log_is_kept},
    {"R56: a log given up before its snapshot is durable is found (paper 7)", "R56",
     "log-given-up-before-snapshot-is-durable", log_given_up_before_the_snapshot_is_durable},
    {"R50: a snapshot acknowledged before it is durable is found (D 3.8)", "R50", "snapshot-not-durable",
     snapshot_acknowledged_before_it_is_durable},
    {"R51: a snapshot that nobody took is found (paper 5.5)", "R51", "restart-is-not-what-was-synced",
     restart_from_a_snapshot_that_nobody_took},
};

static void what_is_missing_around_a_snapshot_is_never_a_violation(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, NULL);
    some_work(&rt);
    save(&rt, 0, 3);
    int msg = send_snapshot(&rt, 2, 3, 1);
    install(&rt, 2, 3, 1, 3, "state3");
    rt_sync(&rt, 2, "snap", "");
    answer_snapshot(&rt, 2, msg, 3);
    rt_put(&rt, 0, RT_ALL);
    rt_kill(&rt, 2);
    rt_restart(&rt, 2);
    rt_replicate(&rt, 0, RT_ALL);
    rt_expect_nothing(&rt);
    damage_in_turn(&rt, 4);
    rt_close(&rt);
}

static void before(struct raft_trace *rt)
{
    rt_open_durable(rt, 3, NULL);
    some_work(rt);
}

int main(void)
{
    const struct CMUnitTest good[] = {
        cmocka_unit_test(a_follower_that_lags_gets_a_snapshot_and_goes_on),
        cmocka_unit_test(a_restart_begins_at_the_snapshot),
        cmocka_unit_test(a_snapshot_that_the_disk_refuses_gives_nothing_up),
        cmocka_unit_test(a_kill_between_the_snapshot_and_its_record_is_no_fault),
        cmocka_unit_test(a_matching_suffix_stays),
        cmocka_unit_test(a_request_known_from_a_snapshot_may_be_answered),
        cmocka_unit_test(what_is_missing_around_a_snapshot_is_never_a_violation),
    };
    int failed = cmocka_run_group_tests_name("snapshots", good, NULL, NULL);
    return failed + raft_bad_run("snapshots, broken", bads, sizeof bads / sizeof *bads, before);
}
