/* test_check_raft_read.c -- the rules of reads and redirects (R44 to R47, R65) fire on a trace that breaks them.
 *
 * Sources in the names: "paper" is Ongaro and Ousterhout 2014 (extended version), "D" Ongaro's dissertation 2014. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/history_db.h"
#include "support/raft_bad.h"

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

static void redirect_to_itself(struct raft_trace *rt)
{
    int64_t get = rt_request(rt, 1, "get", "k");
    rt_rec(rt, 1, "req.redirect", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"to\":\"0001\",\"why\":\"not_leader\"",
           (long long)get);
}

static const struct raft_bad bads[] = {
    {"R44: a read served by a follower is found (paper 8)", "R44", "follower-serves-reads", follower_reads},
    {"R44: a read index taken before the term's first commit is found (D 6.4)", "R44", "read-index-before-term-commit",
     index_of_an_older_term},
    {"R45: a read that asked nobody is found (D 6.4)", "R45", "leader-reads-without-quorum", leader_reads_alone},
    {"R45: answers to appends sent before the read do not confirm it (D 6.4)", "R45", "read-confirmed-by-old-answers",
     read_on_old_answers},
    {"R46: a read behind what was committed at its arrival is found (D 6.4)", "R46", "read-before-apply",
     read_of_the_past},
    {"R47: a read behind an acknowledged write is found (D 6.4)", "R47", "read-behind-acknowledged-write",
     read_behind_an_acknowledged_write},
    {"R65: a redirect to oneself is found (paper 8)", "R65", "redirect-to-itself", redirect_to_itself},
};

static void a_rule_is_counted_once_for_a_class_however_often_it_is_broken(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_work(&rt);
    for (int i = 0; i < 5; i++)
        leader_reads_alone(&rt);
    assert_int_equal(rt_check(&rt, "R45"), VERDICT_FAIL);
    assert_rows(&rt.fx, "SELECT count(*), title LIKE '%(and 4 more like it)' FROM violations", "1|1");
    rt_close(&rt);
}

/* A leader of term 2 that answers from what term 1 left, before anything of its own term is applied (paper §8). */
static void a_new_leaders_local_read_before_its_own_entry_breaks_r44(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open(&rt, 3);
    rt_work(&rt);
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

static void before(struct raft_trace *rt)
{
    rt_open(rt, 3);
    rt_work(rt);
}

int main(void)
{
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(a_rule_is_counted_once_for_a_class_however_often_it_is_broken),
        cmocka_unit_test(a_new_leaders_local_read_before_its_own_entry_breaks_r44),
        cmocka_unit_test(a_read_owes_nothing_to_a_later_copy_of_an_acknowledged_write),
    };
    int failed = cmocka_run_group_tests_name("reads", fixed, NULL, NULL);
    return failed + raft_bad_run("reads, broken", bads, sizeof bads / sizeof *bads, before);
}
