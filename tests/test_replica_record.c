/* test_replica_record.c -- what replicas write down: every kind of record, with the state after it, its cause, and
 * clocks and ids by which the sends and receives of all replicas fit together. */
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
static struct replica_trace traces[GROUP_MAX]; /* of the eventful run */

static int end(void **state)
{
    (void)state;
    group_end(&g);
    return 0;
}

static void some_requests(unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        struct group_replica *to = &g.v[i % g.n];
        char mid[16], key[8];
        snprintf(key, sizeof key, "k%u", i % 5);
        snprintf(mid, sizeof mid, "P%u", i);
        group_put(&g, to, mid, key, mid);
        group_run(&g, 5 * MS);
        mid[0] = 'G';
        group_get(&g, to, mid, key);
        group_run(&g, 5 * MS);
    }
}

/* Five replicas, loss, two leaders cut off with writes that nobody else has, and healing: all that can happen does. */
static int eventful_run(void **state)
{
    (void)state;
    group_prepare(&g, 5);
    g.drop_percent = 20;
    group_start(&g);
    group_get(&g, &g.v[0], "early", "k");
    for (unsigned round = 0; round < 6; round++) {
        struct group_replica *leader = group_elect(&g);
        some_requests(100 * round, 30);
        leader->cut = true;
        char mid[16];
        snprintf(mid, sizeof mid, "lost%u", round);
        group_put(&g, leader, mid, "k", "lost");
        struct group_replica *next = group_elect(&g);
        some_requests(100 * round + 50, 10);
        snprintf(mid, sizeof mid, "P%u", 100 * round);
        group_put(&g, next, mid, "k", "retried at another leader");
        leader->cut = false;
        group_run(&g, 6000 * MS);
    }
    group_deliver(&g, &g.v[1], "garbage", 7);
    g.drop_percent = 0;
    group_run(&g, 5000 * MS);
    for (unsigned i = 0; i < g.n; i++)
        traces[i] = group_trace(&g.v[i]);
    return 0;
}

static int eventful_end(void **state)
{
    for (unsigned i = 0; i < g.n; i++)
        replica_trace_free(&traces[i]);
    return end(state);
}

static void every_kind_of_record_that_a_replica_in_memory_can_write_is_written(void **state)
{
    (void)state;
    static const char *const events[] = {
        "trace.open", "node.start",   "role.change", "term.change", "leader.change", "vote.grant",   "vote.deny",
        "vote.count", "timer.set",    "timer.fire",  "log.append",  "log.reject",    "log.truncate", "commit.advance",
        "apply",      "peer.state",   "state.hash",  "req.reply",   "req.redirect",  "req.dedup",    "req.hold",
        "read.index", "read.confirm", "read.serve",  "msg.send",    "msg.recv",      "msg.bad",      "msg.ignore"};
    size_t count[sizeof events / sizeof *events] = {0};
    for (unsigned i = 0; i < g.n; i++) {
        const struct replica_trace t = traces[i];
        for (size_t k = 0; k < sizeof events / sizeof *events; k++)
            count[k] += replica_trace_count(&t, events[k], NULL, NULL);
    }
    for (size_t k = 0; k < sizeof events / sizeof *events; k++) {
        if (count[k] == 0)
            print_message("no %s\n", events[k]);
        assert_true(count[k] > 0);
    }
}

/* trace-format: the state on a record is that after the event; it must agree with what the record says. */
static void each_record_carries_the_state_after_its_event(void **state)
{
    (void)state;
    for (unsigned i = 0; i < g.n; i++) {
        const struct replica_trace t = traces[i];
        int64_t term = 0, commit = 0, applied = 0, last = 0;
        const char *role = "F";
        for (size_t k = 0; k < t.n; k++) {
            const json_t *r = t.v[k];
            const char *ev = replica_trace_text(r, "ev");
            if (strcmp(ev, "trace.open") == 0)
                continue;
            if (strcmp(ev, "role.change") == 0) {
                assert_string_equal(replica_trace_text(r, "old"), role);
                role = replica_trace_text(r, "new");
                term = replica_trace_int(r, "term"); /* standing raises it too: its record comes first */
            } else if (strcmp(ev, "term.change") == 0) {
                assert_int_equal(replica_trace_int(r, "old"), term);
                assert_true(replica_trace_int(r, "term") > term);
                term = replica_trace_int(r, "term");
            } else if (strcmp(ev, "log.append") == 0) {
                assert_int_equal(replica_trace_int(r, "idx"), last + 1);
                last++;
            } else if (strcmp(ev, "log.truncate") == 0) {
                assert_int_equal(replica_trace_int(r, "old_last"), last);
                last = replica_trace_int(r, "from") - 1;
            } else if (strcmp(ev, "commit.advance") == 0) {
                assert_int_equal(replica_trace_int(r, "old"), commit);
                commit = replica_trace_int(r, "new");
            } else if (strcmp(ev, "apply") == 0) {
                assert_int_equal(replica_trace_int(r, "idx"), applied + 1);
                applied++;
            }
            assert_int_equal(replica_trace_int(r, "term"), term);
            assert_string_equal(replica_trace_text(r, "role"), role);
            assert_int_equal(replica_trace_int(r, "li"), last);
            assert_int_equal(replica_trace_int(r, "ci"), commit);
            assert_int_equal(replica_trace_int(r, "ai"), applied);
        }
        const struct raft_brief b = raft_brief(replica_core(g.v[i].rep));
        assert_int_equal(term, b.term);
        assert_int_equal(last, b.last);
        assert_int_equal(applied, b.applied);
    }
}

/* Inputs begin a chain; everything else that happens after the start has one as its cause. */
static void every_record_but_an_input_names_the_input_that_caused_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < g.n; i++) {
        const struct replica_trace t = traces[i];
        int64_t input = 0;
        for (size_t k = 0; k < t.n; k++) {
            const char *ev = replica_trace_text(t.v[k], "ev");
            const json_t *cause = json_object_get(t.v[k], "c");
            if (strcmp(ev, "msg.recv") == 0 || strcmp(ev, "timer.fire") == 0 || strcmp(ev, "msg.bad") == 0) {
                assert_null(cause);
                input = replica_trace_int(t.v[k], "s");
            } else if (input > 0) {
                assert_int_equal(json_integer_value(cause), input);
            }
        }
        assert_true(input > 0);
    }
}

/* Lamport 1978: a message is received later than it was sent; and each copy can be told from all others. */
static void sends_and_receives_of_all_replicas_fit_together(void **state)
{
    (void)state;
    const struct replica_trace *t = traces;
    json_t *sends = json_object();
    for (unsigned i = 0; i < g.n; i++) {
        for (size_t k = 0; k < t[i].n; k++) {
            const json_t *r = t[i].v[k];
            if (strcmp(replica_trace_text(r, "ev"), "msg.send") != 0 || !json_object_get(r, "mterm"))
                continue;
            assert_null(json_object_get(sends, replica_trace_text(r, "mid")));
            json_object_set(sends, replica_trace_text(r, "mid"), t[i].v[k]);
        }
    }
    size_t received = 0;
    for (unsigned i = 0; i < g.n; i++) {
        for (size_t k = 0; k < t[i].n; k++) {
            const json_t *r = t[i].v[k];
            if (strcmp(replica_trace_text(r, "ev"), "msg.recv") != 0 || !json_object_get(r, "mterm"))
                continue;
            const json_t *s = json_object_get(sends, replica_trace_text(r, "mid"));
            assert_non_null(s);
            assert_true(replica_trace_int(r, "lc") > replica_trace_int(s, "lc"));
            static const char *const same[] = {"ty",    "re", "mterm", "pi",   "pt",    "lci", "ents",
                                               "round", "ok", "mi",    "hint", "hterm", "lli", "llt"};
            for (size_t f = 0; f < sizeof same / sizeof *same; f++) {
                const json_t *a = json_object_get(s, same[f]), *b = json_object_get(r, same[f]);
                assert_true(a ? b && json_equal(a, b) : !b);
            }
            const json_t *re = json_object_get(r, "re");
            if (re)
                assert_non_null(json_object_get(sends, json_string_value(re)));
            received++;
        }
    }
    assert_true(received > 1000);
    json_decref(sends);
}

static void equal_states_have_equal_digests_and_are_compared_at_equal_indexes(void **state)
{
    (void)state;
    json_t *digests = json_object();
    size_t compared = 0;
    for (unsigned i = 0; i < g.n; i++) {
        const struct replica_trace t = traces[i];
        for (size_t k = 0; replica_trace_find(&t, k, "state.hash", NULL, NULL, &k); k++) {
            char at[24];
            snprintf(at, sizeof at, "%lld", (long long)replica_trace_int(t.v[k], "at"));
            assert_int_equal(replica_trace_int(t.v[k], "at") % 2, 0); /* as the group asks for */
            assert_int_equal(strlen(replica_trace_text(t.v[k], "h")), 16);
            const json_t *other = json_object_get(digests, at);
            if (other) {
                assert_string_equal(json_string_value(other), replica_trace_text(t.v[k], "h"));
                compared++;
            }
            json_object_set_new(digests, at, json_string(replica_trace_text(t.v[k], "h")));
        }
    }
    assert_true(compared > 100);
    json_decref(digests);
}

static void a_read_tells_when_it_arrived_and_what_confirmed_it(void **state)
{
    (void)state;
    group_prepare(&g, 3);
    group_start(&g);
    struct group_replica *leader = group_elect(&g);
    group_put(&g, leader, "P1", "k", "v");
    group_run(&g, 10 * MS);
    group_get(&g, leader, "G1", "k");
    group_run(&g, 10 * MS);
    struct replica_trace t = group_trace(leader);
    size_t at;
    int64_t arrived = replica_trace_int(replica_trace_find(&t, 0, "msg.recv", "mid", "G1", NULL), "s");
    const json_t *index = replica_trace_find(&t, 0, "read.index", "req", "G1", NULL);
    assert_int_equal(replica_trace_int(index, "arrived"), arrived);
    const json_t *serve = replica_trace_find(&t, 0, "read.serve", "req", "G1", &at);
    assert_int_equal(replica_trace_int(serve, "arrived"), arrived);
    assert_string_equal(replica_trace_text(serve, "val"), "v");
    assert_string_equal(replica_trace_text(t.v[at - 1], "ev"), "read.confirm");
    assert_int_equal(replica_trace_int(t.v[at - 1], "round"), replica_trace_int(serve, "round"));
    assert_string_equal(replica_trace_text(t.v[at + 1], "ev"), "req.reply");
    assert_string_equal(replica_trace_text(t.v[at + 2], "ev"), "msg.send");
    assert_string_equal(replica_trace_text(t.v[at + 2], "mid"), "G1");
    /* The answer that made the quorum is the cause; it answers an append sent after the arrival. */
    const json_t *cause = t.v[replica_trace_int(serve, "c") - 1];
    const json_t *asked = replica_trace_find(&t, 0, "msg.send", "mid", replica_trace_text(cause, "re"), NULL);
    assert_true(replica_trace_int(asked, "s") > arrived);
    replica_trace_free(&t);
}

static void a_read_without_asking_anybody_is_recorded_as_such(void **state)
{
    (void)state;
    group_prepare(&g, 3);
    g.core.reads = RAFT_READS_LOCAL;
    group_start(&g);
    struct group_replica *leader = group_elect(&g);
    leader->cut = true;
    group_get(&g, leader, "G1", "k");
    assert_int_equal(group_answers(&g, leader, "G1", NULL), 1);
    struct replica_trace t = group_trace(leader);
    assert_string_equal(replica_trace_text(replica_trace_find(&t, 0, "read.local", "req", "G1", NULL), "policy"),
                        "local");
    const json_t *cfg = json_object_get(t.v[0], "cfg");
    assert_string_equal(replica_trace_text(cfg, "reads"), "local");
    replica_trace_free(&t);
}

static void a_stop_leaves_the_digest_the_reason_and_a_closed_trace(void **state)
{
    (void)state;
    group_prepare(&g, 1);
    group_start(&g);
    struct group_replica *r = group_elect(&g);
    group_put(&g, r, "P1", "k", "v");
    replica_stop(r->rep, g.now_ns, "signal", 15);
    trace_writer_close(r->trace);
    r->trace = NULL;
    struct replica_trace t = replica_trace_read(r->path);
    const json_t *close = t.v[t.n - 1], *stop = t.v[t.n - 2], *hash = t.v[t.n - 3];
    assert_string_equal(replica_trace_text(close, "ev"), "trace.close");
    assert_int_equal(replica_trace_int(close, "records"), t.n);
    assert_string_equal(replica_trace_text(stop, "ev"), "node.stop");
    assert_int_equal(replica_trace_int(stop, "sig"), 15);
    assert_string_equal(replica_trace_text(hash, "ev"), "state.hash");
    assert_int_equal(replica_trace_int(hash, "at"), kv_applied(replica_kv(r->rep)));
    replica_trace_free(&t);
}

static void without_a_trace_all_goes_on_and_the_lamport_clock_too(void **state)
{
    (void)state;
    group_prepare(&g, 3);
    g.traced = false;
    group_start(&g);
    struct group_replica *leader = group_elect(&g);
    group_put(&g, leader, "P1", "k", "v");
    group_run(&g, 1000 * MS);
    assert_int_equal(group_answers(&g, leader, "P1", NULL), 1);
    uint64_t last = 0, replies = 0;
    for (size_t i = 0; i < leader->n_sent; i++) {
        struct message m;
        struct wire_refusal refusal;
        assert_true(wire_decode(g.decoder, leader->sent[i].bytes, leader->sent[i].n, &m, &refusal));
        if (!wire_between_replicas(m.type))
            continue;
        assert_true(m.lc > last);
        last = m.lc;
    }
    for (unsigned k = 0; k < g.n; k++)
        for (size_t i = 0; &g.v[k] != leader && i < g.v[k].n_sent; i++) {
            struct message m;
            struct wire_refusal refusal;
            assert_true(wire_decode(g.decoder, g.v[k].sent[i].bytes, g.v[k].sent[i].n, &m, &refusal));
            if (m.type != MESSAGE_APP_RES)
                continue;
            uint64_t replied = m.lc;
            char re[MID_MAX + 1];
            memcpy(re, m.re, sizeof re);
            for (size_t j = 0; j < leader->n_sent; j++) {
                assert_true(wire_decode(g.decoder, leader->sent[j].bytes, leader->sent[j].n, &m, &refusal));
                if (strcmp(m.mid, re) == 0) {
                    assert_true(m.lc < replied);
                    replies++;
                }
            }
        }
    assert_true(replies > 3);
}

/* What is no message, or asks for no step, may come between the inputs of one. */
static void what_follows_from_a_step_has_its_last_input_as_cause_whatever_came_after(void **state)
{
    (void)state;
    group_prepare(&g, 3);
    group_start(&g);
    struct group_replica *leader = group_elect(&g);
    struct message m = {.type = MESSAGE_PUT,
                        .src = GROUP_CLIENT,
                        .dst = leader->id,
                        .leader = NODE_NONE,
                        .mid = "P1",
                        .key = "k",
                        .value = "v"};
    static char bytes[DATAGRAM_MAX];
    assert_true(replica_take(leader->rep, g.now_ns, bytes, wire_encode(&m, bytes, sizeof bytes)));
    assert_true(replica_take(leader->rep, g.now_ns, "rubbish", 7));
    assert_true(replica_flush(leader->rep));
    struct replica_trace t = group_trace(leader);
    size_t at, sent;
    const json_t *put = replica_trace_find(&t, 0, "msg.recv", "mid", "P1", &at);
    assert_non_null(put);
    assert_non_null(replica_trace_find(&t, at, "msg.bad", NULL, NULL, NULL));
    const json_t *append = replica_trace_find(&t, at, "msg.send", "ty", "app_req", &sent);
    assert_non_null(append);
    assert_int_equal(replica_trace_int(append, "c"), replica_trace_int(put, "s"));
    replica_trace_free(&t);
}

int main(void)
{
    const struct CMUnitTest eventful[] = {
        cmocka_unit_test(every_kind_of_record_that_a_replica_in_memory_can_write_is_written),
        cmocka_unit_test(each_record_carries_the_state_after_its_event),
        cmocka_unit_test(every_record_but_an_input_names_the_input_that_caused_it),
        cmocka_unit_test(sends_and_receives_of_all_replicas_fit_together),
        cmocka_unit_test(equal_states_have_equal_digests_and_are_compared_at_equal_indexes),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_read_tells_when_it_arrived_and_what_confirmed_it, end),
        cmocka_unit_test_teardown(a_read_without_asking_anybody_is_recorded_as_such, end),
        cmocka_unit_test_teardown(what_follows_from_a_step_has_its_last_input_as_cause_whatever_came_after, end),
        cmocka_unit_test_teardown(a_stop_leaves_the_digest_the_reason_and_a_closed_trace, end),
        cmocka_unit_test_teardown(without_a_trace_all_goes_on_and_the_lamport_clock_too, end),
    };
    int failed = cmocka_run_group_tests(eventful, eventful_run, eventful_end);
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
