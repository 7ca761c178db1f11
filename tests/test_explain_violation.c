/* test_explain_violation.c -- what is told of each violation that clients can see; what led to it; and classes that
 * stay the same whoever did it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../analyze/explain_int.h"
#include "support/history_db.h"
#include "support/raft_trace.h"
#include "support/told.h"

static void expect_told(struct hdb *h, const char *check, const char *title)
{
    char verdict[16];
    assert_string_equal(hdb_check(h, check, verdict), "fail");
    told(&h->db, check, title, h->dir);
    hdb_close(h);
}

/* ---- what clients saw ---- */

/* `old` leads term 1 and is cut off with `mate`; `new` leads term 2 and takes a write; `old` answers a read from its
 * own state. All of it `later` ms later than told. */
struct cast {
    const char *old, *mate, *new, *third, *fourth, *key, *writer, *reader;
    double later;
};
static const struct cast usual = {"0003", "0001", "0000", "0002", "0004", "k3", "0012", "0010", 0};

static void deposed_leader(struct hdb *h, const struct cast *c, const char *origin)
{
    char groups[200];
    double t = c->later;
    hdb_open(h);
    hdb_leader(h, c->old, 1, t + 100, t + 4600, origin);
    hdb_leader(h, c->new, 2, t + 3336, HDB_OPEN, origin);
    hdb_op(h, c->writer, "put", c->key, "old", t + 2000, t + 2010, "ok", c->old);
    hdb_msg(h, c->mate, c->old, "app_res", "x1", 1, t + 2900, t + 2901, "delivered", NULL, 0);
    hdb_msg(h, c->third, c->old, "app_res", "x2", 1, t + 2950, t + 2951, "delivered", NULL, 0);
    snprintf(groups, sizeof groups, "{\"groups\":[[\"%s\",\"%s\"],[\"%s\",\"%s\",\"%s\"]]}", c->old, c->mate, c->new,
             c->third, c->fourth);
    int64_t f = hdb_fault(h, "partition", NULL, groups, t + 3000, t + 4500);
    hdb_msg(h, c->new, c->old, "vote_req", "x3", 2, t + 3177, 0, "dropped", "partition", f);
    hdb_msg(h, c->new, c->old, "app_req", "x4", 2, t + 3400, 0, "dropped", "partition", f);
    hdb_op(h, c->writer, "put", c->key, "new", t + 4150, t + 4166, "ok", c->new);
    hdb_op(h, c->reader, "get", c->key, "old", t + 4513, t + 4520, "ok", c->old);
    hdb_msg(h, c->new, c->old, "app_req", "x6", 2, t + 4550, t + 4551, "delivered", NULL, 0);
}

static void stale_reads_are_told_by_who_served_them(void **state)
{
    (void)state;
    struct hdb h;
    deposed_leader(&h, &usual, "trace");
    expect_told(&h, "C2", "C2: a leader that had been replaced answers a read");
    deposed_leader(&h, &usual, "wire");
    expect_told(&h, "C2", "C2: the same of a black box");
    deposed_leader(&h, &usual, "wire");
    hdb_msg(&h, "0001", "0003", "app_res", "y1", 1, 4514, 4515, "delivered", NULL, 0);
    hdb_msg(&h, "0002", "0003", "app_res", "y2", 1, 4514, 4515, "delivered", NULL, 0);
    expect_told(&h, "C2", "C2: it heard from others and answered all the same");

    hdb_open(&h);
    hdb_leader(&h, "0003", 1, 100, HDB_OPEN, "trace");
    hdb_op(&h, "0012", "put", "k3", "old", 2000, 2010, "ok", "0003");
    hdb_op(&h, "0012", "put", "k3", "new", 4150, 4166, "ok", "0003");
    hdb_op(&h, "0010", "get", "k3", "old", 4513, 4520, "ok", "0003");
    expect_told(&h, "C2", "C2: the leader itself lacks a write");

    hdb_open(&h);
    hdb_leader(&h, "0000", 1, 100, HDB_OPEN, "trace");
    hdb_op(&h, "0012", "put", "k3", "old", 2000, 2010, "ok", "0000");
    hdb_op(&h, "0012", "put", "k3", "new", 4150, 4166, "ok", "0000");
    hdb_op(&h, "0010", "get", "k3", "old", 4513, 4520, "ok", "0003");
    db_exec(&h.db, "UPDATE records SET body = json_set(body, '$.ld', '0000') WHERE ev = 'net.in'");
    expect_told(&h, "C2", "C2: a follower answers a read");

    hdb_open(&h);
    hdb_op(&h, "0012", "put", "k3", "new", 4150, 4166, "ok", NULL);
    hdb_op(&h, "0010", "get", "k3", "", 4513, 4520, "ok", NULL);
    expect_told(&h, "C2", "C2: nobody knows who answered");
}

static void histories_without_an_order_are_told_by_what_contradicts(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0011", "put", "k3", "x", 100, 110, "ok", "0000");
    hdb_op(&h, "0011", "put", "k3", "y", 120, 130, "ok", "0000");
    hdb_op(&h, "0010", "get", "k3", "x", 160, 170, "ok", "0000");
    expect_told(&h, "C1", "C1: a value after it was replaced");

    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, HDB_OPEN, "info", NULL);
    hdb_op(&h, "0011", "put", "k", "b", 0, HDB_OPEN, "info", NULL);
    hdb_op(&h, "0012", "get", "k", "a", 10, 20, "ok", "0000");
    hdb_op(&h, "0012", "get", "k", "b", 30, 40, "ok", "0000");
    hdb_op(&h, "0012", "get", "k", "a", 50, 60, "ok", "0000");
    expect_told(&h, "C1", "C1: readers disagree");

    hdb_open(&h);
    hdb_op(&h, "0010", "get", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "a", 20, 30, "ok", "0000");
    expect_told(&h, "C1", "C1: a value before its write began");

    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "v", 0, 100, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "v", 5, 90, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "w", 10, 95, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "w", 40, 50, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "v", 60, 70, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "w", 72, 74, "ok", "0000");
    expect_told(&h, "C1", "C1: no order at all");
}

static void broken_sessions_and_values_out_of_nowhere_are_told(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "b", 20, 30, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "a", 40, 50, "ok", "0001");
    expect_told(&h, "C3", "C3: a client misses its own write");

    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "put", "k", "b", 20, 30, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "b", 40, 50, "ok", "0000");
    hdb_op(&h, "0011", "get", "k", "a", 60, 70, "ok", "0001");
    expect_told(&h, "C8", "C8: a client reads backwards");

    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "get", "k", "zzz", 100, 110, "ok", "0000");
    expect_told(&h, "C4", "C4: a value that nobody wrote");

    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k1", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0010", "get", "k2", "a", 100, 110, "ok", "0000");
    expect_told(&h, "C4", "C4: a value of another key");

    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "fail", "0000");
    hdb_op(&h, "0011", "get", "k", "a", 20, 30, "ok", "0000");
    db_exec(&h.db, "UPDATE runs SET config = '{\"sim\":{\"fail_is\":\"definite\"}}'");
    expect_told(&h, "C4", "C4: the value of a write that failed");
}

static void wrong_answers_and_datagrams_and_silence_are_told(void **state)
{
    (void)state;
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_msg(&h, "0000", "0010", "redirect", "0010:1#1", 0, 12, 13, "delivered", NULL, 0);
    expect_told(&h, "C5", "C5: an answer too many");

    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_msg(&h, "0001", "0010", "ok", "NOBODYS", 0, 14, 15, "delivered", NULL, 0);
    expect_told(&h, "C5", "C5: an answer to nothing");

    hdb_open(&h);
    hdb_op(&h, "0011", "put", "k", "b", 20, HDB_OPEN, "info", NULL);
    hdb_msg(&h, "0002", "0010", "ok", "0011:1#1", 0, 22, 23, "delivered", NULL, 0);
    expect_told(&h, "C5", "C5: an answer to another");

    hdb_open(&h);
    hdb_op(&h, "0012", "put", "k", "c", 30, HDB_OPEN, "info", NULL);
    hdb_msg(&h, "0003", "0012", "sorry", "0012:1#1", 0, 32, 33, "delivered", NULL, 0);
    expect_told(&h, "C5", "C5: an answer of no known type");

    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_rec(&h, "sim", 20, "net.bad", "{\"d\":9,\"src\":\"0001\",\"why\":\"not_json\",\"sz\":3,\"raw\":\"{{{\"}");
    expect_told(&h, "C6", "C6: a datagram that is no message");

    hdb_open(&h);
    for (double t = 0; t < 15000; t += 100)
        hdb_op(&h, "0010", "get", "k", "", t, HDB_OPEN, "info", NULL);
    expect_told(&h, "C7", "C7: nothing is answered");
}

/* ---- an acknowledged write that is lost ---- */

/* Leader 0 acknowledges a write that it only appended; leader 1 is elected without it. */
static void an_early_answer_is_named_as_the_cause_of_the_lost_write(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_elect(&rt, 0, 1, RT_ALL);
    rt_replicate(&rt, 0, RT_ALL);
    rt_put(&rt, 0, RT_ALL);
    rt_sim(&rt, "fault.begin", "\"f\":1,\"kind\":\"partition\",\"groups\":[[\"0000\"],[\"0001\",\"0002\"]]");
    int64_t put = rt_request(&rt, 0, "put", "k");
    rt_rec(&rt, 0, "log.append",
           "\"idx\":3,\"eterm\":1,\"op\":\"put\",\"key\":\"k\",\"val\":\"v%lld\",\"req\":\"REQ%lld\",\"h\":\"h3.1\"",
           (long long)rt.value, (long long)put);
    rt.node[0].li = 3;
    rt.node[0].terms[3] = 1;
    rt_drop(&rt, rt_send_append(&rt, 0, 1, 2, 1));
    rt_drop(&rt, rt_send_append(&rt, 0, 2, 2, 1));
    rt_reply(&rt, 0, put, NULL);
    rt_elect(&rt, 1, 2, 1u << 2);
    rt_replicate(&rt, 1, 1u << 2);
    rt_sim(&rt, "fault.end", "\"f\":1,\"kind\":\"partition\"");
    rt.t += INT64_C(6000000000); /* all has been quiet for long */
    int64_t before = rt.value;
    rt.value = before - 1;
    rt_get(&rt, 1, 1u << 2);
    assert_int_equal(rt_check(&rt, NULL), VERDICT_FAIL);
    told(&rt.fx.db, "C4", "C4: a write that was acknowledged too early is lost", rt.fx.dir);
    told(&rt.fx.db, "R42", "R42: the answer that was too early", rt.fx.dir);
    int64_t lost = db_int(&rt.fx.db, "SELECT violation_id FROM violations WHERE fingerprint = 'lost-write'", 0);
    int64_t chain[EXPLAIN_CAUSES];
    struct explain_facts root;
    size_t n = explain_causes(&rt.fx.db, lost, chain);
    assert_true(n > 0 && explain_facts(&rt.fx.db, chain[n - 1], &root));
    assert_string_equal(root.class, "reply-before-apply");
    struct explain_defect d;
    assert_true(explain_defect(&rt.fx.db, &root, &d));
    assert_string_equal(d.id, "reply-before-commit");
    rt_close(&rt);
}

/* ---- classes ---- */

static void a_class_is_the_same_under_other_names_keys_and_times(void **state)
{
    (void)state;
    static const struct cast casts[] = {
        {"0003", "0001", "0000", "0002", "0004", "k3", "0012", "0010", 0},
        {"0001", "0004", "0002", "0003", "0000", "another", "0010", "0011", 123.4},
        {"0004", "0000", "0003", "0001", "0002", "", "0011", "0012", 77777},
    };
    for (size_t i = 0; i < sizeof casts / sizeof *casts; i++) {
        struct hdb h;
        char verdict[16], rows[400];
        deposed_leader(&h, &casts[i], i == 1 ? "wire" : "trace");
        assert_string_equal(hdb_check(&h, "C2", verdict), "fail");
        assert_string_equal(hdb_rows(&h, "SELECT fingerprint FROM violations", rows, sizeof rows),
                            "deposed-leader-local-read");
        hdb_close(&h);
    }
}

/* A vote that is counted twice, after more or less work, by this or that candidate and voter. */
static void vote_counted_twice(struct raft_trace *rt, int cand, int voter, int puts)
{
    rt_open(rt, 5);
    int leader = cand == 0 ? 1 : 0;
    rt_elect(rt, leader, 1, RT_ALL);
    rt_replicate(rt, leader, RT_ALL);
    for (int i = 0; i < puts; i++)
        rt_put(rt, leader, RT_ALL);
    rt_timer(rt, cand, "election");
    rt_term(rt, cand, 2, "timeout");
    rt_role(rt, cand, 'C', "election_timeout");
    long long last = (long long)rt->node[cand].li;
    int ask = rt_send(rt, cand, voter, "vote_req", "\"lli\":%lld,\"llt\":1", last);
    rt_recv(rt, ask);
    rt_term(rt, voter, 2, "higher_term_msg");
    rt_vote(rt, voter, cand, 2, last, 1);
    int grant = rt_send(rt, voter, cand, "vote_res", "\"re\":\"%s\",\"ok\":true", rt->msg[ask].mid);
    rt_recv(rt, grant);
    rt_recv(rt, grant);
    rt_role(rt, cand, 'L', "quorum_votes");
}

static void class_and_defect_are_the_same_whoever_it_was(void **state)
{
    (void)state;
    static const int casts[][3] = {{1, 2, 0}, {4, 2, 3}, {0, 3, 7}};
    for (size_t i = 0; i < sizeof casts / sizeof *casts; i++) {
        struct raft_trace rt;
        vote_counted_twice(&rt, casts[i][0], casts[i][1], casts[i][2]);
        assert_int_equal(rt_check(&rt, "R"), VERDICT_FAIL);
        struct explain_facts f;
        struct explain_defect d;
        assert_true(explain_facts(&rt.fx.db, explain_worst(&rt.fx.db), &f));
        if (strcmp(f.class, "leader-without-votes") != 0)
            fail_msg("%s: %s", f.check, f.title);
        assert_true(explain_defect(&rt.fx.db, &f, &d));
        assert_string_equal(d.id, "duplicate-vote-counted");
        rt_close(&rt);
    }
}

static void every_class_has_its_own_words(void **state)
{
    (void)state;
    const struct violation_class *c, *other;
    for (size_t i = 0; (c = class_at(i)) != NULL; i++) {
        assert_ptr_equal(class_find(c->id), c);
        assert_true(strlen(c->says) > 20 && c->says[strlen(c->says) - 1] == '.');
        assert_true(c->layer < LAYERS && strlen(layer_name(c->layer)) > 0);
        for (size_t k = 0; k < i && (other = class_at(k)) != NULL; k++) {
            if (strcmp(c->says, other->says) == 0)
                fail_msg("%s and %s have the same words", c->id, other->id);
        }
    }
    assert_non_null(class_find("bad-datagram-not_json"));
    assert_null(class_find("lost-write-of-another-kind"));
    assert_null(class_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stale_reads_are_told_by_who_served_them),
        cmocka_unit_test(histories_without_an_order_are_told_by_what_contradicts),
        cmocka_unit_test(broken_sessions_and_values_out_of_nowhere_are_told),
        cmocka_unit_test(wrong_answers_and_datagrams_and_silence_are_told),
        cmocka_unit_test(an_early_answer_is_named_as_the_cause_of_the_lost_write),
        cmocka_unit_test(a_class_is_the_same_under_other_names_keys_and_times),
        cmocka_unit_test(class_and_defect_are_the_same_whoever_it_was),
        cmocka_unit_test(every_class_has_its_own_words),
    };
    return cmocka_run_group_tests_name("explain_violation", tests, NULL, NULL);
}
