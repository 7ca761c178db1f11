/* The state machine as a whole (Raft paper §7): the log is given up for it, and a replica that was away gets it; what
 * goes to stable storage is what the next start needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

static struct raft_brief brief(const struct group_replica *r)
{
    return raft_brief(replica_core(r->rep));
}

static void puts_of(struct group_replica *leader, int from, int to)
{
    for (int i = from; i < to; i++) {
        char mid[16], key[16];
        snprintf(mid, sizeof mid, "P%d", i);
        snprintf(key, sizeof key, "k%d", i % 7);
        group_put(&g, leader, mid, key, mid);
        group_run(&g, MS);
    }
}

static void a_replica_that_was_away_gets_the_state_and_says_so(void **state)
{
    (void)state;
    group_prepare(&g, 3);
    g.core.compact_entries = 20;
    g.core.chunk_bytes = 100; /* many chunks */
    group_start(&g);
    struct group_replica *leader = group_elect(&g), *away = &g.v[leader == &g.v[0] ? 1 : 0];
    away->cut = true;
    puts_of(leader, 0, 200);
    assert_true(raft_base(replica_core(leader->rep), NULL) > 100);
    away->cut = false;
    group_run(&g, 4000 * MS);
    puts_of(leader, 200, 210);
    group_run(&g, 2000 * MS);
    assert_int_equal(brief(away).applied, brief(leader).applied);
    assert_true(kv_digest(replica_kv(away->rep)) == kv_digest(replica_kv(leader->rep)));
    assert_string_equal(kv_get(replica_kv(away->rep), "k3"), kv_get(replica_kv(leader->rep), "k3"));
    struct replica_trace t = group_trace(away);
    const json_t *installed = replica_trace_find(&t, 0, "snap.install", NULL, NULL, NULL);
    assert_non_null(installed);
    assert_string_equal(replica_trace_text(installed, "conf"), "0001 0002 0003");
    assert_int_equal(replica_trace_int(installed, "ai"), replica_trace_int(installed, "idx"));
    replica_trace_free(&t);
    t = group_trace(leader);
    assert_true(replica_trace_count(&t, "snap.save", NULL, NULL) > 2);
    assert_true(replica_trace_count(&t, "snap.send", "peer", away->id == 1 ? "0001" : "0002") >= 1);
    replica_trace_free(&t);
}

/* The storage is told the state, where the log begins, and the configuration there; replica_group.c looks at each
 * change. */
static void snapshots_reach_stable_storage_those_of_the_leader_and_their_own(void **state)
{
    (void)state;
    group_prepare(&g, 3);
    g.core.compact_entries = 20;
    group_start(&g);
    struct group_replica *leader = group_elect(&g), *away = &g.v[leader == &g.v[0] ? 1 : 0];
    away->cut = true;
    puts_of(leader, 0, 100);
    away->cut = false;
    unsigned before = away->persists;
    group_run(&g, 4000 * MS);
    assert_true(away->persists > before);
    assert_true(away->installed);
    assert_true(leader->compacted >= 1 && !leader->installed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_replica_that_was_away_gets_the_state_and_says_so, end),
        cmocka_unit_test_teardown(snapshots_reach_stable_storage_those_of_the_leader_and_their_own, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
