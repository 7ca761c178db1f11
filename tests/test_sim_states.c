/* States of a group, abstracted: what matters to Raft makes another one, names do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../src/sim_states.h"

enum { REPLICAS = 3 };

static struct raft *core(node_id id)
{
    node_id peers[REPLICAS - 1];
    unsigned n = 0;
    for (node_id i = 0; i < REPLICAS; i++)
        if (i != id)
            peers[n++] = i;
    struct raft_effects fx = {.n = 0};
    struct raft *r = raft_new(&(struct raft_config){.id = id,
                                                    .peers = peers,
                                                    .n_peers = n,
                                                    .election_min_us = 1000,
                                                    .election_max_us = 2000,
                                                    .heartbeat_us = 300,
                                                    .retry_us = 300,
                                                    .append_bytes = 1000,
                                                    .seed = 1},
                              0, &fx);
    raft_effects_free(&fx);
    assert_non_null(r);
    return r;
}

/* It asks whether it would be elected. */
static void stand(struct raft *r)
{
    struct raft_effects fx = {.n = 0};
    raft_step(r, &(struct raft_event){.type = RAFT_EVENT_TICK, .now_us = 5000}, &fx);
    raft_effects_free(&fx);
    assert_int_equal(raft_brief(r).role, RAFT_PRECANDIDATE);
}

static json_int_t states(const struct sim_coverage *c)
{
    json_t *o = sim_coverage_json(c, UINT64_MAX);
    json_int_t n = json_integer_value(json_object_get(o, "states"));
    json_decref(o);
    return n;
}

static void another_replica_in_the_same_state_is_the_same_state(void **state)
{
    (void)state;
    struct sim_coverage *c = sim_coverage_new();
    struct raft *r[REPLICAS];
    for (node_id i = 0; i < REPLICAS; i++)
        r[i] = core(i);
    struct sim_states *s = sim_states_new(c, 1, REPLICAS);
    for (unsigned i = 0; i < REPLICAS; i++)
        sim_states_step(s, i, r[i]);
    assert_int_equal(states(c), 3); /* one, two and three of them run */
    sim_states_end(s, 0);
    assert_int_equal(states(c), 3); /* two run: seen before */
    sim_states_step(s, 0, r[0]);
    stand(r[0]);
    sim_states_step(s, 0, r[0]);
    assert_int_equal(states(c), 4);
    sim_states_free(s);
    s = sim_states_new(c, 2, REPLICAS);
    for (unsigned i = 0; i < REPLICAS; i++)
        if (i != 0)
            sim_states_step(s, i, r[i]);
    struct raft *third = core(2);
    sim_states_step(s, 0, third); /* a follower where the candidate was */
    assert_int_equal(states(c), 4);
    sim_states_step(s, 2, r[0]); /* and the other way round */
    assert_int_equal(states(c), 4);
    sim_states_free(s);
    raft_free(third);
    for (unsigned i = 0; i < REPLICAS; i++)
        raft_free(r[i]);
    sim_coverage_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_replica_in_the_same_state_is_the_same_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
