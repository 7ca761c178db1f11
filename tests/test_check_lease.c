/* test_check_lease.c -- R48 and R9c: leases that hold are let pass, and each way to stretch one is found; and what the
 * table `reads` says of the proof behind each read (dissertation §6.4.1). */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../analyze/explain.h"
#include "support/damage.h"
#include "support/raft_bad.h"

#define MS INT64_C(1000000)
static const char cfg[] = "\"heartbeat_ms\":50,\"election_ms\":[100,200],\"drift_ppm\":1000,\"reads\":\"lease\"";
enum { LEASE_NS = 99900000 }; /* 100 ms less 1000 ppm */

static void some_work(struct raft_trace *rt)
{
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt_put(rt, 0, RT_ALL);
}

/* A round of heartbeats to node 1, which answers. Returns when it was sent. */
static int64_t round_of(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    int append = rt_send_append(rt, 0, 1, rt->node[0].li, 0);
    int64_t sent = rt->msg[append].ts * 1000;
    rt_recv(rt, rt_follow(rt, append));
    return sent;
}

static void grant(struct raft_trace *rt, int64_t since, int64_t until, const char *by)
{
    rt_rec(rt, 0, "lease.grant", "\"since\":%" PRId64 ",\"until\":%" PRId64 ",\"by\":[%s]", since, until, by);
}

static void read_by(struct raft_trace *rt, int64_t until)
{
    struct rt_node *l = &rt->node[0];
    int64_t get = rt_request(rt, 0, "get", "k");
    char val[24];
    snprintf(val, sizeof val, "v%" PRId64, rt->value);
    rt_rec(rt, 0, "read.serve",
           "\"req\":\"REQ%" PRId64 "\",\"cli\":\"0100\",\"key\":\"k\",\"val\":\"%s\",\"at\":%" PRId64
           ",\"idx\":%" PRId64 ",\"iterm\":%" PRId64 ",\"arrived\":%" PRId64 ",\"lease\":%" PRId64,
           get, val, l->ai, l->ci, l->terms[l->ci], l->input, until);
    rt_reply(rt, 0, get, val);
}

static void leased(struct raft_trace *rt)
{
    int64_t since = round_of(rt);
    grant(rt, since, since + LEASE_NS, "\"0001\"");
    read_by(rt, since + LEASE_NS);
}

/* ---- good ---- */

static void reads_while_the_lease_lasts_are_let_pass(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    leased(&rt);
    int64_t since = round_of(&rt);
    grant(&rt, since, since + LEASE_NS, "\"0001\"");
    rt.t = since + 60 * MS;
    read_by(&rt, since + LEASE_NS);
    rt_get(&rt, 0, RT_ALL);
    rt.t += 300 * MS; /* the voters' patience is over */
    rt_elect(&rt, 1, 2, 1u << 2);
    rt_replicate(&rt, 1, RT_ALL);
    rt_expect_nothing(&rt);
    assert_string_equal(rt_verdict(&rt, "R48"), "pass");
    assert_string_equal(rt_verdict(&rt, "R9c"), "pass");
    rt_close(&rt);
}

/* TimeoutNow: the leader gave its lease up before it asked for the election (D 3.10). */
static void an_election_that_the_leader_asked_for_needs_no_patience(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    leased(&rt);
    rt_rec(&rt, 0, "lease.expire", "\"until\":1,\"why\":\"transfer\"");
    rt_recv(&rt, rt_send(&rt, 0, 1, "transfer", "\"lci\":2"));
    rt_term(&rt, 1, 2, "transfer");
    rt_role(&rt, 1, 'C', "transfer");
    rt_vote(&rt, 1, 1, 2, 2, 1);
    int ask = rt_send(&rt, 1, 2, "vote_req", "\"lli\":2,\"llt\":1,\"xfer\":true");
    rt_recv(&rt, ask);
    rt_term(&rt, 2, 2, "higher_term_msg");
    rt_vote(&rt, 2, 1, 2, 2, 1);
    rt_recv(&rt, rt_send(&rt, 2, 1, "vote_res", "\"re\":\"%s\",\"ok\":true", rt.msg[ask].mid));
    rt_role(&rt, 1, 'L', "quorum_votes");
    rt_append(&rt, 1, 2, "0000000300000002");
    rt_replicate(&rt, 1, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* ---- bad ---- */

static void longer_than_promised(struct raft_trace *rt)
{
    int64_t since = round_of(rt);
    grant(rt, since, since + 100 * MS, "\"0001\""); /* no allowance for drift */
}

static void on_nobodys_word(struct raft_trace *rt)
{
    int64_t since = round_of(rt);
    grant(rt, since, since + LEASE_NS, "");
}

/* The answer is to an append that was sent earlier. */
static void since_the_answer(struct raft_trace *rt)
{
    round_of(rt);
    grant(rt, rt->t, rt->t + LEASE_NS, "\"0001\"");
}

static void of_a_follower(struct raft_trace *rt)
{
    int64_t since = round_of(rt);
    rt->node[0].role = 'F';
    rt_rec(rt, 0, "role.change", "\"old\":\"L\",\"new\":\"F\",\"why\":\"lost_quorum\"");
    grant(rt, since, since + LEASE_NS, "\"0001\"");
}

static void no_lease_at_all(struct raft_trace *rt)
{
    read_by(rt, rt->t + 50 * MS);
}

static void after_its_end(struct raft_trace *rt)
{
    leased(rt);
    int64_t since = round_of(rt);
    grant(rt, since, since + LEASE_NS, "\"0001\"");
    rt->t = since + 101 * MS;
    read_by(rt, since + LEASE_NS);
}

static void after_giving_it_up(struct raft_trace *rt)
{
    int64_t since = round_of(rt);
    grant(rt, since, since + LEASE_NS, "\"0001\"");
    rt_rec(rt, 0, "lease.expire", "\"until\":%" PRId64 ",\"why\":\"transfer\"", since + LEASE_NS);
    read_by(rt, since + LEASE_NS);
}

static void after_transfer(struct raft_trace *rt)
{
    int64_t since = round_of(rt);
    grant(rt, since, since + LEASE_NS, "\"0001\"");
    rt_send(rt, 0, 1, "transfer", "\"lci\":2");
    read_by(rt, since + LEASE_NS);
}

/* Voters that do not keep their promise: the other leader is there while the lease lasts. */
static void beside_another_leader(struct raft_trace *rt)
{
    int64_t since = round_of(rt);
    grant(rt, since, since + LEASE_NS, "\"0001\"");
    rt_elect(rt, 1, 2, 1u << 2);
    read_by(rt, since + LEASE_NS);
}

static void impatient_voter(struct raft_trace *rt)
{
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 0, 2, 2, 0)));
    rt->t += 50 * MS;
    rt_elect(rt, 1, 2, 1u << 2);
}

/* What was promised before the restart holds after it. */
static void voter_that_forgets_its_promise(struct raft_trace *rt)
{
    rt->t += 300 * MS;
    rt_kill(rt, 2);
    rt_restart(rt, 2);
    rt->t += 50 * MS;
    rt_elect(rt, 1, 2, 1u << 2);
}

static const struct raft_bad bads[] = {
    {"R48: a lease without allowance for drift is found (D 6.4.1)", "R48", "lease-too-long", longer_than_promised},
    {"R48: a lease on nobody's word is found (D 6.4.1)", "R48", "lease-without-quorum", on_nobodys_word},
    {"R48: a lease that counts from the answer is found (D 6.4.1)", "R48", "lease-without-quorum", since_the_answer},
    {"R48: a lease of one that does not lead is found (D 6.4.1)", "R48", "lease-without-quorum", of_a_follower},
    {"R48: a read on no lease is found (D 6.4.1)", "R48", "read-on-no-lease", no_lease_at_all},
    {"R48: a read after the lease is found (D 6.4.1)", "R48", "read-after-the-lease", after_its_end},
    {"R48: a read on a lease given up is found (D 3.10)", "R48", "read-on-a-lease-given-up", after_giving_it_up},
    {"R48: a read after leadership was handed over is found (D 3.10)", "R48", "read-on-a-lease-after-transfer",
     after_transfer},
    {"R48: a lease read beside a newer leader is found (D 6.4.1)", "R48", "lease-read-beside-a-newer-leader",
     beside_another_leader},
    {"R9c: a vote while the leader lives is found (D 4.2.3)", "R9c", "vote-while-leader-lives", impatient_voter},
    {"R9c: a promise forgotten by a restart is found (D 6.4.1)", "R9c", "vote-while-leader-lives",
     voter_that_forgets_its_promise},
};

/* Without leases an early vote harms nobody. */
static void impatience_is_no_fault_without_leases(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, "\"heartbeat_ms\":50,\"election_ms\":[100,200],\"drift_ppm\":1000,\"reads\":\"index\"");
    some_work(&rt);
    impatient_voter(&rt);
    rt_replicate(&rt, 1, RT_ALL);
    rt_expect_nothing(&rt);
    rt_close(&rt);
}

/* An append that was sent before the last one that came promises nothing: the leader may be gone since. */
static void a_voter_waits_for_no_late_append(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    int late = rt_send_append(&rt, 0, 2, 2, 0);
    rt.t += 10 * MS;
    rt_recv(&rt, rt_follow(&rt, rt_send_append(&rt, 0, 2, 2, 0)));
    rt.t += 150 * MS;
    rt_follow(&rt, late);
    rt.t += 10 * MS;
    rt_elect(&rt, 1, 2, 1u << 2);
    rt_check(&rt, "R9c");
    assert_string_equal(rt_verdict(&rt, "R9c"), "pass");
    rt_close(&rt);
}

/* Started from elsewhere, a replica counts its time from another moment: who was first, only messages tell. */
static void times_since_different_moments_are_not_compared(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    rt.own_epochs = true;
    for (int i = 0; i < 3; i++) {
        rt_kill(&rt, i);
        rt_restart(&rt, i);
    }
    some_work(&rt);
    beside_another_leader(&rt);
    rt_check(&rt, "R48");
    assert_string_equal(rt_verdict(&rt, "R48"), "pass");
    rt_close(&rt);
}

/* What a clock shows that was made to run wrong is not the time of the records. */
static void times_of_a_wrong_clock_are_not_compared_with_the_time_of_records(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    rt_sim(&rt, "fault.begin", "\"f\":1,\"kind\":\"skew\",\"node\":\"0000\",\"ppm\":500000");
    after_its_end(&rt);
    rt_check(&rt, "R48");
    assert_string_equal(rt_verdict(&rt, "R48"), "pass");
    rt_close(&rt);
}

/* ---- what each read rested on ---- */

static void the_table_reads_tells_proof_and_age(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    int64_t since = round_of(&rt);
    grant(&rt, since, since + LEASE_NS, "\"0001\"");
    rt.t = since + 60 * MS - 6 * MS / 10; /* five records until the read */
    read_by(&rt, since + LEASE_NS);
    /* A round: sent, answered, confirmed. */
    int64_t get = rt_request(&rt, 0, "get", "k");
    int append = rt_send(&rt, 0, 1, "app_req", "\"pi\":2,\"pt\":1,\"lci\":2,\"round\":7");
    int64_t sent = rt.t - MS / 10; /* net.in follows it */
    rt_recv(&rt, append);
    rt_recv(&rt, rt_send(&rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":2,\"round\":7", rt.msg[append].mid));
    rt_rec(&rt, 0, "read.confirm", "\"round\":7,\"need\":2,\"have\":2");
    rt_rec(&rt, 0, "read.serve",
           "\"req\":\"REQ%" PRId64 "\",\"cli\":\"0100\",\"key\":\"k\",\"val\":\"v1\",\"at\":2,\"idx\":2,\"iterm\":1,"
           "\"arrived\":1,\"round\":7",
           get);
    double age = (double)(rt.t - sent) / 1e6;
    get = rt_request(&rt, 0, "get", "k");
    rt_rec(&rt, 0, "read.local",
           "\"req\":\"REQ%" PRId64 "\",\"cli\":\"0100\",\"key\":\"k\",\"at\":2,\"policy\":\"local\"", get);
    rt_check(&rt, "R46");
    char expected[200];
    snprintf(expected, sizeof expected, "lease|60.0|39.9|0001|-\nround|%.1f|-|0001|7\nlocal|-|-|-|-", age);
    assert_rows(&rt.fx, "SELECT proof, proof_age_ms, margin_ms, confirmed_by, round FROM reads ORDER BY rec", expected);
    assert_rows(&rt.fx,
                "SELECT count(*) FROM reads r JOIN records p ON p.id = r.proof_rec"
                " WHERE p.ev IN ('lease.grant', 'read.confirm')",
                "2");
    rt_close(&rt);
}

/* The client is told an old value: the evidence says by what lease, how old, on whose word. */
static void the_evidence_of_a_stale_read_names_its_lease(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    int64_t since = round_of(&rt), old = rt.value;
    grant(&rt, since, since + LEASE_NS, "\"0001\"");
    rt_elect(&rt, 1, 2, 1u << 2);
    rt_replicate(&rt, 1, 1u << 2);
    rt_put(&rt, 1, 1u << 2);
    rt.value = old;
    rt.t = since + 60 * MS;
    read_by(&rt, since + LEASE_NS);
    rt_check(&rt, "C2");
    assert_rows(
        &rt.fx,
        "SELECT part, note LIKE 'it rested on a lease until % ms, which lasted another % ms, from appends sent % ms "
        "before, which 0001 answered', ev FROM violation_evidence JOIN records ON id = rec"
        " WHERE note LIKE 'it rested%'",
        "cause|1|lease.grant");
    char *said = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&said, &n);
    assert_non_null(out);
    struct story *story = story_new(&rt.fx.db, 1);
    explain_read(story, &rt.fx.db, 1, db_int(&rt.fx.db, "SELECT op_id FROM ops WHERE f = 'get'", 0), true);
    story_print(story, out);
    story_free(story);
    fclose(out);
    if (strstr(said, "has a lease since") == NULL || strstr(said, "on the word of 0001") == NULL ||
        strstr(said, "0000 answered the read, and it rested on a lease until") == NULL)
        fail_msg("%s", said);
    free(said);
    rt_close(&rt);
}

static void what_is_missing_around_a_lease_is_never_a_violation(void **state)
{
    (void)state;
    struct raft_trace rt;
    rt_open_durable(&rt, 3, cfg);
    some_work(&rt);
    leased(&rt);
    rt.t += 300 * MS;
    rt_elect(&rt, 1, 2, 1u << 2);
    rt_replicate(&rt, 1, RT_ALL);
    rt_expect_nothing(&rt);
    damage_in_turn(&rt, 4);
    rt_close(&rt);
}

static void before(struct raft_trace *rt)
{
    rt_open_durable(rt, 3, cfg);
    some_work(rt);
}

int main(void)
{
    const struct CMUnitTest good[] = {
        cmocka_unit_test(reads_while_the_lease_lasts_are_let_pass),
        cmocka_unit_test(an_election_that_the_leader_asked_for_needs_no_patience),
        cmocka_unit_test(impatience_is_no_fault_without_leases),
        cmocka_unit_test(a_voter_waits_for_no_late_append),
        cmocka_unit_test(times_since_different_moments_are_not_compared),
        cmocka_unit_test(times_of_a_wrong_clock_are_not_compared_with_the_time_of_records),
        cmocka_unit_test(the_table_reads_tells_proof_and_age),
        cmocka_unit_test(the_evidence_of_a_stale_read_names_its_lease),
        cmocka_unit_test(what_is_missing_around_a_lease_is_never_a_violation),
    };
    int failed = cmocka_run_group_tests_name("leases", good, NULL, NULL);
    return failed + raft_bad_run("leases, broken", bads, sizeof bads / sizeof *bads, before);
}
