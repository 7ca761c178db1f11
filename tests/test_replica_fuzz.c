/* test_replica_fuzz.c -- damaged, forged and replayed datagrams into replicas that run. The core checks its invariants
 * after each of them (raft_check()) and aborts when one does not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/replica_group.h"
#include "support/wire_mutate.h"
#include "support/wire_random.h"

#define MS   UINT64_C(1000000)
#define ROOM 8192

static struct group g;

static int end(void **state)
{
    (void)state;
    group_end(&g);
    return 0;
}

/* Something that was really sent to a replica, some time ago. */
static size_t something_sent(char *out, struct rng *rng)
{
    for (;;) {
        const struct group_replica *from = &g.v[rng_below(rng, g.n)];
        const struct group_sent *s = &from->sent[rng_below(rng, from->n_sent)];
        if (s->n > ROOM)
            continue;
        memcpy(out, s->bytes, s->n);
        return s->n;
    }
}

/* At or near `v`. */
static uint64_t near(uint64_t v, struct rng *rng)
{
    uint64_t away = rng_below(rng, 8);
    return away < 5 ? v : away == 5 ? v + 1 : away == 6 && v > 0 ? v - 1 : rng_below(rng, v + 3);
}

/* A forged message that may well be taken seriously: of a member, about the terms and indexes that `to` is at. */
static size_t something_plausible(char *out, const struct group_replica *to, struct rng *rng)
{
    static struct wire_random r;
    const struct raft *core = replica_core(to->rep);
    const struct raft_brief b = raft_brief(core);
    wire_random(&r, (enum message_type)rng_below(rng, MESSAGE_TYPES), rng);
    struct message *m = &r.m;
    m->src = m->leader = rng_below(rng, 2) && b.leader != NODE_NONE ? b.leader : (node_id)(1 + rng_below(rng, g.n));
    m->dst = to->id;
    m->term = near(b.term, rng);
    m->prev_index = m->hint_index = m->match = near(b.last, rng);
    m->last_index = near(b.last, rng);
    const struct entry *prev = raft_entry(core, m->prev_index), *last = raft_entry(core, m->last_index);
    m->prev_term = m->hint_term = prev ? prev->term : near(b.term, rng);
    m->last_term = last ? last->term : near(b.term, rng);
    m->commit = near(b.commit, rng);
    m->round = rng_below(rng, 4);
    for (size_t i = 0; i < m->n_entries; i++)
        r.entry[i].term = near(m->term, rng);
    return wire_encode(m, out, ROOM);
}

/* A forged term near the end of the numbers ends all elections, as terms never go back: Raft trusts its members not to
 * lie, and so does this test. */
static bool exhausts_the_terms(const char *bytes, size_t n)
{
    struct message m;
    struct wire_refusal refusal;
    return wire_decode(g.decoder, bytes, n, &m, &refusal) && m.term > WIRE_INT_MAX / 2;
}

struct effect {
    unsigned long steps, applied;
};

/* 500 datagrams into one group: lies told by members may well stop it for good. */
static struct effect one_group(struct rng *rng)
{
    struct effect sum = {0};
    group_prepare(&g, 3);
    g.traced = false;
    group_start(&g);
    group_elect(&g);
    for (unsigned i = 0; i < 500; i++) {
        struct group_replica *to = &g.v[rng_below(rng, g.n)];
        const struct raft_brief before = raft_brief(replica_core(to->rep));
        char bytes[ROOM];
        size_t n = rng_below(rng, 3) ? something_sent(bytes, rng) : something_plausible(bytes, to, rng);
        if (rng_below(rng, 2))
            n = wire_mutate(bytes, n, sizeof bytes, rng);
        if (exhausts_the_terms(bytes, n))
            continue;
        group_deliver(&g, to, bytes, n);
        const struct raft_brief after = raft_brief(replica_core(to->rep));
        assert_true(after.term >= before.term && after.commit >= before.commit && after.applied >= before.applied);
        assert_true(after.applied <= after.commit && after.commit <= after.last);
        assert_int_equal(kv_applied(replica_kv(to->rep)), after.applied);
        sum.steps += !group_same_state(&before, &after);
        if (i % 20 == 0)
            group_run(&g, rng_below(rng, 3000) * MS);
        if (i % 25 == 0) {
            char mid[24];
            snprintf(mid, sizeof mid, "P%u", i);
            group_put(&g, to, mid, "k", mid);
        }
    }
    for (unsigned i = 0; i < g.n; i++)
        sum.applied += kv_applied(replica_kv(g.v[i].rep));
    return sum;
}

static void what_damaged_and_forged_datagrams_do_to_a_replica_never_breaks_an_invariant(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 30);
    struct effect sum = {0};
    const char *more = getenv("FAULTLINE_FUZZ_GROUPS"); /* 2000: a million datagrams */
    unsigned long groups = more ? strtoul(more, NULL, 10) : 200;
    for (unsigned long round = 0; round < groups; round++) {
        struct effect one = one_group(&rng);
        sum.steps += one.steps;
        sum.applied += one.applied;
        group_end(&g);
    }
    /* It was not all refused at the door. */
    assert_true(sum.steps > 300);
    assert_true(sum.applied > 3000);
}

static bool anybody_may_send(enum message_type type)
{
    return type == MESSAGE_GET || type == MESSAGE_PUT || type == MESSAGE_STATUS;
}

/* Datagrams that the group has recorded to be without effect. */
static size_t refused(void)
{
    static const char *const whys[] = {"not_member", "stale_term", "wrong_dst", "unexpected"};
    size_t n = 0;
    for (unsigned i = 0; i < g.n; i++) {
        struct replica_trace t = group_trace(&g.v[i]);
        for (size_t k = 0; k < sizeof whys / sizeof *whys; k++)
            n += replica_trace_count(&t, "msg.ignore", "why", whys[k]);
        n += replica_trace_count(&t, "msg.bad", NULL, NULL);
        replica_trace_free(&t);
    }
    return n;
}

static void datagrams_of_strangers_leave_the_group_as_it_is(void **state)
{
    (void)state;
    group_prepare(&g, 3);
    g.core.fixed = true; /* else a member that the group does not know of yet may ask (dissertation §4.1) */
    group_start(&g);
    struct group_replica *leader = group_elect(&g);
    group_put(&g, leader, "P1", "k", "v");
    group_run(&g, 600 * MS);
    struct rng rng;
    rng_seed(&rng, 31);
    unsigned inputs = 0;
    size_t before_all = refused();
    for (unsigned i = 0; i < 6000; i++) {
        static struct wire_random r;
        char bytes[ROOM];
        enum message_type type = (enum message_type)rng_below(&rng, MESSAGE_TYPES);
        if (anybody_may_send(type))
            continue;
        wire_random(&r, type, &rng);
        r.m.src = (node_id)(0x100 + rng_below(&rng, 0x100));
        size_t n = wire_encode(&r.m, bytes, sizeof bytes);
        if (rng_below(&rng, 2))
            n = wire_mutate(bytes, n, sizeof bytes, &rng);
        struct message m;
        struct wire_refusal refusal;
        /* The damage may have made a member or a client of the stranger. */
        if (wire_decode(g.decoder, bytes, n, &m, &refusal) && (m.src < 0x100 || anybody_may_send(m.type)))
            continue;
        struct group_replica *to = &g.v[rng_below(&rng, g.n)];
        const struct raft_brief before = raft_brief(replica_core(to->rep));
        uint64_t deadline = replica_deadline(to->rep), digest = kv_digest(replica_kv(to->rep));
        size_t sent = to->n_sent;
        group_deliver(&g, to, bytes, n);
        const struct raft_brief after = raft_brief(replica_core(to->rep));
        assert_true(group_same_state(&before, &after));
        assert_int_equal(replica_deadline(to->rep), deadline);
        assert_true(kv_digest(replica_kv(to->rep)) == digest);
        assert_int_equal(to->n_sent, sent);
        inputs++;
    }
    assert_int_equal(refused() - before_all, inputs);
    assert_true(inputs > 3000);
    group_get(&g, leader, "G1", "k");
    group_run(&g, 10 * MS);
    struct message m;
    assert_int_equal(group_answers(&g, leader, "G1", &m), 1);
    assert_string_equal(m.value, "v");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_damaged_and_forged_datagrams_do_to_a_replica_never_breaks_an_invariant),
        cmocka_unit_test_teardown(datagrams_of_strangers_leave_the_group_as_it_is, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
