/* test_replica.c -- whole replicas in memory: what they send and when, and what their traces say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/replica_group.h"

#define MS UINT64_C(1000000)

static struct group g;

static int end(void **state)
{
    (void)state;
    group_end(&g);
    return 0;
}

static void start(unsigned n)
{
    group_prepare(&g, n);
    group_start(&g);
}

static struct group_replica *other_than(const struct group_replica *r)
{
    return &g.v[r == &g.v[0] ? 1 : 0];
}

static struct raft_brief brief(const struct group_replica *r)
{
    return raft_brief(replica_core(r->rep));
}

/* ---- what leaves, and when ---- */

static void hello_leaves_first_and_nothing_follows_before_the_first_timeout(void **state)
{
    (void)state;
    start(3);
    group_run(&g, 1499 * MS);
    for (unsigned i = 0; i < g.n; i++) {
        assert_int_equal(g.v[i].n_sent, 1);
        assert_int_equal(g.v[i].sent[0].dst, NODE_NONE);
        char hello[80];
        snprintf(hello, sizeof hello, "{\"src\":\"%04X\",\"dst\":\"FFFF\",\"leader\":\"FFFF\",\"type\":\"hello\"}",
                 g.v[i].id);
        assert_int_equal(g.v[i].sent[0].n, strlen(hello));
        assert_memory_equal(g.v[i].sent[0].bytes, hello, strlen(hello));
    }
    group_elect(&g);
}

/* Write-ahead tracing: whatever another node can have seen is in the file, should we be killed now. */
static void every_datagram_stands_in_the_trace_file_before_it_is_sent(void **state)
{
    (void)state;
    start(3);
    struct group_replica *leader = group_elect(&g);
    for (int i = 0; i < 10; i++) {
        char mid[16];
        snprintf(mid, sizeof mid, "P%d", i);
        group_put(&g, leader, mid, "k", mid);
        mid[0] = 'G';
        group_get(&g, leader, mid, "k");
        group_run(&g, MS);
    }
    for (unsigned i = 0; i < g.n; i++)
        for (size_t k = 0; k < g.v[i].n_sent && k < GROUP_LOOKED_UP; k++)
            assert_true(g.v[i].sent[k].in_trace);
    assert_true(leader->n_sent > 40);
}

static void clients_are_answered_before_replicas_are_written_to(void **state)
{
    (void)state;
    start(3);
    struct group_replica *leader = group_elect(&g);
    for (int i = 0; i < 40; i++) {
        char mid[16];
        snprintf(mid, sizeof mid, "P%d", i);
        group_put(&g, leader, mid, "k", mid);
    }
    group_run(&g, 100 * MS);
    assert_true(g.steps_with_both > 0); /* group_deliver() looks at the order */
    assert_int_equal(group_answers(&g, leader, "P39", NULL), 1);
}

static void what_must_be_durable_is_so_before_anything_leaves(void **state)
{
    (void)state;
    start(1);
    struct group_replica *r = group_elect(&g);
    unsigned before = r->persists;
    size_t sent = r->n_sent;
    group_put(&g, r, "P1", "k", "v");
    assert_int_equal(r->persists, before + 1);
    assert_int_equal(r->sent_at_persist, sent);
    assert_int_equal(group_answers(&g, r, "P1", NULL), 1);
    group_get(&g, r, "G1", "k");
    assert_int_equal(r->persists, before + 1);
}

static void when_nothing_can_be_made_durable_nothing_is_answered_or_applied(void **state)
{
    (void)state;
    start(1);
    struct group_replica *r = group_elect(&g);
    uint64_t applied = kv_applied(replica_kv(r->rep));
    r->persist_fails = true;
    struct message m = {.type = MESSAGE_PUT,
                        .src = GROUP_CLIENT,
                        .dst = r->id,
                        .leader = NODE_NONE,
                        .mid = "P1",
                        .key = "k",
                        .value = "v"};
    static char bytes[DATAGRAM_MAX];
    assert_false(replica_on_datagram(r->rep, g.now_ns, bytes, wire_encode(&m, bytes, sizeof bytes)));
    assert_int_equal(group_answers(&g, r, "P1", NULL), 0);
    assert_int_equal(kv_applied(replica_kv(r->rep)), applied);
}

/* ---- answers ---- */

static void a_put_is_answered_ok_and_a_get_with_the_value_once_each(void **state)
{
    (void)state;
    start(3);
    struct group_replica *leader = group_elect(&g);
    struct message m;
    group_put(&g, leader, "P1", "k\n\"", "v\xe2\x82\xac");
    group_run(&g, MS);
    assert_int_equal(group_answers(&g, leader, "P1", &m), 1);
    assert_int_equal(m.type, MESSAGE_OK);
    assert_null(m.value);
    assert_int_equal(m.leader, leader->id);
    group_get(&g, leader, "G1", "k\n\"");
    group_run(&g, MS);
    assert_int_equal(group_answers(&g, leader, "G1", &m), 1);
    assert_string_equal(m.value, "v\xe2\x82\xac");
}

static void a_get_of_a_missing_key_is_answered_ok_with_an_empty_value(void **state)
{
    (void)state;
    start(3);
    struct group_replica *leader = group_elect(&g);
    struct message m;
    group_get(&g, leader, "G1", "never written");
    group_run(&g, MS);
    assert_int_equal(group_answers(&g, leader, "G1", &m), 1);
    assert_int_equal(m.type, MESSAGE_OK);
    assert_string_equal(m.value, "");
}

static void a_copy_of_a_request_is_not_answered_again(void **state)
{
    (void)state;
    start(3);
    struct group_replica *leader = group_elect(&g);
    for (int i = 0; i < 3; i++) {
        group_put(&g, leader, "P1", "k", "v");
        group_get(&g, leader, "G1", "k");
        group_run(&g, MS);
    }
    group_get(&g, other_than(leader), "G2", "k");
    group_get(&g, other_than(leader), "G2", "k");
    assert_int_equal(group_answers(&g, leader, "P1", NULL), 1);
    assert_int_equal(group_answers(&g, leader, "G1", NULL), 1);
    assert_int_equal(group_answers(&g, other_than(leader), "G2", NULL), 1);
    struct replica_trace t = group_trace(leader);
    assert_int_equal(replica_trace_count(&t, "msg.ignore", "why", "duplicate"), 4);
    replica_trace_free(&t);
}

static void a_follower_redirects_to_the_leader_and_the_leader_field_says_so(void **state)
{
    (void)state;
    start(3);
    struct group_replica *leader = group_elect(&g), *follower = other_than(leader);
    struct message m;
    group_put(&g, follower, "P1", "k", "v");
    assert_int_equal(group_answers(&g, follower, "P1", &m), 1);
    assert_int_equal(m.type, MESSAGE_REDIRECT);
    assert_int_equal(m.leader, leader->id);
    struct replica_trace t = group_trace(follower);
    const json_t *r = replica_trace_find(&t, 0, "req.redirect", "req", "P1", NULL);
    assert_non_null(r);
    assert_string_equal(replica_trace_text(r, "why"), "not_leader");
    replica_trace_free(&t);
}

static void a_request_that_comes_before_any_leader_is_held_and_answered_later(void **state)
{
    (void)state;
    start(3);
    group_put(&g, &g.v[0], "P1", "k", "v");
    assert_int_equal(group_answers(&g, &g.v[0], "P1", NULL), 0);
    struct group_replica *leader = group_elect(&g);
    struct message m;
    assert_int_equal(group_answers(&g, &g.v[0], "P1", &m), 1);
    assert_int_equal(m.type, leader == &g.v[0] ? MESSAGE_OK : MESSAGE_REDIRECT);
    struct replica_trace t = group_trace(&g.v[0]);
    assert_int_equal(replica_trace_count(&t, "req.hold", "req", "P1"), 1);
    replica_trace_free(&t);
}

static void a_put_too_great_for_an_append_is_answered_fail(void **state)
{
    (void)state;
    start(1);
    struct group_replica *r = group_elect(&g);
    static char value[RAFT_ENTRY_BYTES_MAX + 1];
    memset(value, 'v', sizeof value - 1);
    struct message m;
    group_put(&g, r, "P1", "k", value);
    assert_int_equal(group_answers(&g, r, "P1", &m), 1);
    assert_int_equal(m.type, MESSAGE_FAIL);
    struct replica_trace t = group_trace(r);
    assert_string_equal(replica_trace_text(replica_trace_find(&t, 0, "req.reply", "req", "P1", NULL), "why"),
                        "overload");
    replica_trace_free(&t);
}

/* Raft paper §8: a client that was not answered asks the next leader again under the same id. */
static void a_retry_at_the_next_leader_is_answered_ok_and_not_applied_again(void **state)
{
    (void)state;
    start(3);
    struct group_replica *first = group_elect(&g);
    group_put(&g, first, "P1", "k", "v");
    group_run(&g, 10 * MS);
    uint64_t index = kv_request_index(replica_kv(first->rep), GROUP_CLIENT, "P1");
    assert_true(index > 0);
    first->cut = true;
    struct group_replica *second = group_elect(&g);
    assert_ptr_not_equal(first, second);
    group_put(&g, second, "P1", "k", "v");
    group_run(&g, 10 * MS);
    assert_int_equal(group_answers(&g, second, "P1", NULL), 1);
    struct replica_trace t = group_trace(second);
    size_t at;
    assert_null(json_object_get(replica_trace_find(&t, 0, "apply", "req", "P1", &at), "dup"));
    const json_t *again = replica_trace_find(&t, at + 1, "apply", "req", "P1", &at);
    assert_true(json_is_true(json_object_get(again, "dup")));
    assert_int_equal(replica_trace_int(replica_trace_find(&t, at, "req.dedup", "req", "P1", &at), "idx"), index);
    assert_int_equal(replica_trace_int(replica_trace_find(&t, at, "req.reply", "req", "P1", NULL), "idx"), index);
    replica_trace_free(&t);
}

/* ---- what changes nothing ---- */

static void what_is_no_message_is_recorded_and_changes_nothing(void **state)
{
    (void)state;
    start(3);
    struct group_replica *r = group_elect(&g);
    const struct raft_brief before = brief(r);
    size_t sent = r->n_sent;
    uint64_t deadline = replica_deadline(r->rep);
    struct replica_trace t = group_trace(r);
    size_t records = t.n;
    replica_trace_free(&t);
    group_deliver(&g, r, "", 0);
    group_deliver(&g, r, "a\0b", 3);
    const char unknown[] = "{\"src\":\"0002\",\"dst\":\"0001\",\"leader\":\"FFFF\",\"type\":\"install\"}";
    group_deliver(&g, r, unknown, sizeof unknown - 1);
    static char big[DATAGRAM_MAX + 1];
    memset(big, '\xff', sizeof big);
    group_deliver(&g, r, big, sizeof big);
    const struct raft_brief after = brief(r);
    assert_true(group_same_state(&before, &after));
    assert_int_equal(r->n_sent, sent);
    assert_int_equal(replica_deadline(r->rep), deadline);
    t = group_trace(r);
    assert_int_equal(t.n, records + 4);
    static const char *const whys[] = {"empty", "not_json", "unknown_type", "too_big"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(replica_trace_text(t.v[records + i], "ev"), "msg.bad");
        assert_string_equal(replica_trace_text(t.v[records + i], "why"), whys[i]);
    }
    assert_string_equal(replica_trace_text(t.v[records + 1], "raw"), "a\xef\xbf\xbd"
                                                                     "b");
    assert_string_equal(replica_trace_text(t.v[records + 2], "from"), "0002");
    assert_int_equal(replica_trace_int(t.v[records + 3], "sz"), sizeof big);
    replica_trace_free(&t);
}

static void forged_and_misdirected_messages_are_recorded_as_ignored_with_the_reason(void **state)
{
    (void)state;
    start(3);
    struct group_replica *r = group_elect(&g);
    const struct raft_brief before = brief(r);
    size_t sent = r->n_sent;
    struct message m = {
        .type = MESSAGE_VOTE_RES, .dst = r->id, .leader = NODE_NONE, .re = "V-1", .lc = WIRE_INT_MAX / 4, .term = 99};
    static const struct {
        node_id src, dst;
        const char *why;
    } wrong[] = {{0x0077, 0, "not_member"}, {0, 0, "forged"}, {2, 0x0077, "wrong_dst"}};
    for (size_t i = 0; i < 3; i++) {
        snprintf(m.mid, sizeof m.mid, "X-%zu", i);
        m.src = wrong[i].src == 0 ? r->id : wrong[i].src == 2 ? other_than(r)->id : wrong[i].src;
        m.dst = wrong[i].dst == 0 ? r->id : wrong[i].dst;
        group_deliver_message(&g, r, &m);
    }
    const struct raft_brief after = brief(r);
    assert_true(group_same_state(&before, &after));
    assert_int_equal(r->n_sent, sent);
    struct replica_trace t = group_trace(r);
    for (size_t i = 0; i < 3; i++) {
        char mid[8];
        snprintf(mid, sizeof mid, "X-%zu", i);
        size_t at;
        assert_non_null(replica_trace_find(&t, 0, "msg.recv", "mid", mid, &at));
        assert_string_equal(replica_trace_text(t.v[at + 1], "ev"), "msg.ignore");
        assert_string_equal(replica_trace_text(t.v[at + 1], "why"), wrong[i].why);
        assert_int_equal(replica_trace_int(t.v[at + 1], "c"), at + 1);
        /* Nor does the clock of a stranger become ours. */
        if (i < 2)
            assert_true(replica_trace_int(t.v[at], "lc") < 100000);
    }
    replica_trace_free(&t);
}

static void an_absurd_lamport_clock_is_not_taken_over(void **state)
{
    (void)state;
    start(3);
    struct group_replica *r = group_elect(&g);
    struct message m = {.type = MESSAGE_PREVOTE_REQ,
                        .src = other_than(r)->id,
                        .dst = r->id,
                        .leader = NODE_NONE,
                        .mid = "X",
                        .lc = WIRE_INT_MAX,
                        .term = 1,
                        .last_index = 0};
    group_deliver_message(&g, r, &m);
    struct replica_trace t = group_trace(r);
    assert_true(replica_trace_int(t.v[t.n - 1], "lc") < 100000);
    replica_trace_free(&t);
}

static void time_that_is_not_due_leaves_no_record(void **state)
{
    (void)state;
    start(1);
    struct replica_trace t = group_trace(&g.v[0]);
    size_t before = t.n;
    replica_trace_free(&t);
    assert_true(replica_on_tick(g.v[0].rep, g.now_ns + 1000 * MS));
    t = group_trace(&g.v[0]);
    assert_int_equal(t.n, before);
    replica_trace_free(&t);
}

/* ---- who asks, and from where ---- */

static void anybody_is_told_the_status(void **state)
{
    (void)state;
    start(3);
    struct group_replica *leader = group_elect(&g);
    group_put(&g, leader, "P", "k", "v");
    group_run(&g, 2 * g.core.heartbeat_us * 1000); /* the last follower hears of it by its heartbeat */
    struct message ask = {.type = MESSAGE_STATUS, .src = GROUP_CLIENT, .dst = NODE_NONE, .leader = NODE_NONE}, m;
    snprintf(ask.mid, sizeof ask.mid, "S");
    for (unsigned i = 0; i < g.n; i++) {
        group_deliver_message(&g, &g.v[i], &ask);
        assert_int_equal(group_answers(&g, &g.v[i], "S", &m), 1);
        assert_int_equal(m.type, MESSAGE_STATUS_RES);
        assert_int_equal(m.leader, leader->id);
        assert_int_equal(m.term, brief(leader).term);
        assert_int_equal(m.status->last, brief(leader).last);
        assert_int_equal(m.status->commit, brief(&g.v[i]).commit);
        assert_int_equal(m.status->boot, 1);
        assert_int_equal(m.status->n_members, 3);
        if (&g.v[i] != leader) {
            assert_string_equal(m.status->role, "follower");
            continue;
        }
        assert_string_equal(m.status->role, "leader");
        assert_int_equal(m.status->keys, 1);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(m.status->members[k].match, brief(leader).last);
    }
    ask.dst = (node_id)(leader->id % 3 + 1); /* somebody else's */
    snprintf(ask.mid, sizeof ask.mid, "S2");
    group_deliver_message(&g, leader, &ask);
    assert_int_equal(group_answers(&g, leader, "S2", NULL), 0);
}

static bool admit_no_puts_nor_0003(void *ctx, const struct message *m, struct replica_denial *denial)
{
    (void)ctx;
    *denial = (struct replica_denial){.why = "unknown_source", .what = "src", .addr = "192.0.2.1:9"};
    return m->type != MESSAGE_PUT && m->src != 3;
}

static void sent_nowhere(void *ctx, const char *bytes, size_t n, node_id dst, const char *answered)
{
    (void)ctx, (void)bytes, (void)n, (void)dst, (void)answered;
}

static void what_comes_from_elsewhere_than_it_says_is_recorded_and_changes_nothing(void **state)
{
    (void)state;
    start(1); /* for its directory and configuration */
    char err[TRACE_ERR_LEN], path[sizeof g.dir + 16], bytes[512];
    struct trace_writer *w =
        trace_writer_open(&(struct trace_writer_options){.dir = g.dir, .node = "0009", .boot = 1}, err);
    assert_non_null(w);
    struct replica_options o = {
        .core = g.core, .trace = w, .header = {.run = "t", .clock = "virtual", .impl = "t"}, .boot = 1};
    o.core.id = 9;
    struct replica *rep = replica_new(&o, (struct replica_io){.send = sent_nowhere, .admit = admit_no_puts_nor_0003}, 1);
    assert_non_null(rep);
    struct message m = {
        .type = MESSAGE_PUT, .src = GROUP_CLIENT, .dst = 9, .leader = NODE_NONE, .key = "k", .value = "v"};
    snprintf(m.mid, sizeof m.mid, "P");
    assert_true(replica_on_datagram(rep, 2, bytes, wire_encode(&m, bytes, sizeof bytes)));
    replica_refuse(rep, 3, "\x01\x02", 2,
                   &(struct replica_denial){.why = "bad_seal", .what = "tag", .addr = "[2001:db8::1]:7"});
    static const char of_2[] = "{\"src\":\"0002\",\"type\":1}", of_3[] = "{\"src\":\"0003\",\"type\":\"nonsense\"}";
    assert_true(replica_on_datagram(rep, 4, of_2, sizeof of_2 - 1));
    assert_true(replica_on_datagram(rep, 5, of_3, sizeof of_3 - 1));
    assert_true(replica_flush(rep));
    replica_free(rep);
    trace_writer_close(w);
    snprintf(path, sizeof path, "%s/0009.1.jsonl", g.dir);
    struct replica_trace t = replica_trace_read(path);
    assert_int_equal(replica_trace_count(&t, "msg.bad", NULL, NULL), 4);
    assert_int_equal(replica_trace_count(&t, "msg.recv", NULL, NULL), 0);
    /* What is no message is nobody's word when it comes from elsewhere than it says. */
    assert_int_equal(replica_trace_count(&t, "msg.bad", "from", "0002"), 1);
    assert_int_equal(replica_trace_count(&t, "msg.bad", "from", "0003"), 0);
    assert_int_equal(replica_trace_count(&t, "msg.bad", "addr", "192.0.2.1:9"), 2);
    const json_t *r = replica_trace_find(&t, 0, "msg.bad", "why", "unknown_source", NULL);
    assert_non_null(r);
    assert_string_equal(replica_trace_text(r, "addr"), "192.0.2.1:9");
    assert_string_equal(replica_trace_text(r, "from"), "00A0");
    r = replica_trace_find(&t, 0, "msg.bad", "why", "bad_seal", NULL);
    assert_non_null(r);
    assert_string_equal(replica_trace_text(r, "addr"), "[2001:db8::1]:7");
    replica_trace_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(hello_leaves_first_and_nothing_follows_before_the_first_timeout, end),
        cmocka_unit_test_teardown(every_datagram_stands_in_the_trace_file_before_it_is_sent, end),
        cmocka_unit_test_teardown(clients_are_answered_before_replicas_are_written_to, end),
        cmocka_unit_test_teardown(what_must_be_durable_is_so_before_anything_leaves, end),
        cmocka_unit_test_teardown(when_nothing_can_be_made_durable_nothing_is_answered_or_applied, end),
        cmocka_unit_test_teardown(a_put_is_answered_ok_and_a_get_with_the_value_once_each, end),
        cmocka_unit_test_teardown(a_get_of_a_missing_key_is_answered_ok_with_an_empty_value, end),
        cmocka_unit_test_teardown(a_copy_of_a_request_is_not_answered_again, end),
        cmocka_unit_test_teardown(a_follower_redirects_to_the_leader_and_the_leader_field_says_so, end),
        cmocka_unit_test_teardown(a_request_that_comes_before_any_leader_is_held_and_answered_later, end),
        cmocka_unit_test_teardown(a_put_too_great_for_an_append_is_answered_fail, end),
        cmocka_unit_test_teardown(a_retry_at_the_next_leader_is_answered_ok_and_not_applied_again, end),
        cmocka_unit_test_teardown(what_is_no_message_is_recorded_and_changes_nothing, end),
        cmocka_unit_test_teardown(forged_and_misdirected_messages_are_recorded_as_ignored_with_the_reason, end),
        cmocka_unit_test_teardown(an_absurd_lamport_clock_is_not_taken_over, end),
        cmocka_unit_test_teardown(anybody_is_told_the_status, end),
        cmocka_unit_test_teardown(what_comes_from_elsewhere_than_it_says_is_recorded_and_changes_nothing, end),
        cmocka_unit_test_teardown(time_that_is_not_due_leaves_no_record, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
