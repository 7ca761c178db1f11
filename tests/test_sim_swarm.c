/* Swarm scenarios: each is a scenario, the same for the same seed, and together they have every kind of fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_config.h"
#include "../src/sim_swarm.h"

enum { SEEDS = 2000 };

static struct sim_config load(uint64_t seed)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR];
    struct sim_config c;
    char *text = sim_swarm(seed);
    if (sim_config_load(text, &c, err, warnings) != SIM_CONFIG_OK)
        fail_msg("seed %llu: %s\n%s", (unsigned long long)seed, err, text);
    assert_string_equal(warnings, "");
    free(text);
    return c;
}

static void the_same_seed_gives_the_same_scenario(void **state)
{
    (void)state;
    char *a = sim_swarm(17), *b = sim_swarm(17), *other = sim_swarm(18);
    assert_string_equal(a, b);
    assert_string_not_equal(a, other);
    free(a);
    free(b);
    free(other);
}

static void every_seed_makes_a_scenario_whose_faults_leave_time_to_recover(void **state)
{
    (void)state;
    unsigned kinds[SIM_REPLACE + 1] = {0}, whens[SIM_WHENS] = {0}, sizes[8] = {0}, depth[6] = {0}, quiet = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_config c = load(seed);
        unsigned faults = 0;
        sizes[c.replicas]++;
        depth[c.pct]++;
        for (size_t i = 0; i < c.n_faults; i++, faults++) {
            kinds[c.faults[i].kind]++;
            assert_true(c.faults[i].end <= c.lifetime - 4 * SIM_SECOND);
        }
        for (size_t i = 0; i < c.n_triggers; i++, faults++) {
            kinds[c.triggers[i].kind]++;
            whens[c.triggers[i].when]++;
            assert_true(c.triggers[i].end + c.triggers[i].for_max <= c.lifetime - 5 * SIM_SECOND);
        }
        quiet += faults == 0;
        sim_config_free(&c);
    }
    for (int k = SIM_PARTITION_LEADER; k <= SIM_REPLACE; k++)
        if (kinds[k] == 0 && k != SIM_PARTITION_GROUPS)
            fail_msg("no seed has a fault of kind %d", k);
    for (int w = SIM_WHEN_LEADS; w < SIM_WHENS; w++)
        if (whens[w] == 0)
            fail_msg("no seed waits until somebody %s", sim_when_names[w]);
    assert_true(sizes[1] && sizes[3] && sizes[4] && sizes[5] && sizes[7]);
    assert_true(depth[0] > SEEDS / 2 && depth[2] && depth[3] && depth[4] && depth[5]);
    assert_true(quiet > 0 && quiet < SEEDS / 10);
}

/* Who comes back without what it had promised breaks what Raft rests on: it would be no defect that this finds. */
static void what_is_not_on_disk_is_not_started_again_and_a_majority_stays(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_config c = load(seed);
        unsigned kills = 0;
        for (size_t i = 0; i < c.n_faults && !c.disk.durable; i++) {
            kills += c.faults[i].kind == SIM_KILL;
            assert_true(c.faults[i].kind != SIM_KILL ||
                        (!c.faults[i].restarts && c.faults[i].target != SIM_TARGET_ALL));
        }
        assert_true(kills <= (c.replicas - 1) / 2);
        sim_config_free(&c);
    }
}

/* Leases rest on a bound on drift: of any two clocks of the group. */
static void clocks_of_replicas_with_leases_keep_to_the_drift_that_these_allow_for(void **state)
{
    unsigned drifting = 0;
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_config c = load(seed);
        int64_t drift = 0;
        for (const char *const *a = c.replica.args; *a; a++)
            if (strcmp(*a, "--drift-ppm") == 0)
                drift = atoll(a[1]);
        for (size_t i = 0; i < c.n_faults && strcmp(c.replica.reads, "index") != 0; i++) {
            const struct sim_fault *f = &c.faults[i];
            if (f->kind != SIM_CLOCK)
                continue;
            assert_true(f->jump_max == 0 && f->ppm_min > 0);
            assert_true((f->ppm_max - f->ppm_min) * 1000000 <= drift * f->ppm_min);
            drifting++;
        }
        sim_config_free(&c);
    }
    assert_true(drifting > 0);
}

/* Who finds its disk rotten, or was killed for good, stays away: where the group may shrink too, nobody would be left.
 */
static void a_group_that_changes_loses_nobody_for_good_and_no_disk_lies(void **state)
{
    unsigned changing = 0, rotting = 0;
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_config c = load(seed);
        changing += c.members;
        assert_true(!c.members || c.disk.durable);
        assert_true(c.clients.shared);
        for (size_t i = 0; i < c.n_faults; i++) {
            rotting += c.faults[i].disk.rot > 0;
            assert_true(!c.members || c.faults[i].disk.rot == 0);
            assert_true(c.faults[i].disk.sync_lies <= 0);
        }
        sim_config_free(&c);
    }
    assert_true(changing > 0 && rotting > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_scenario),
        cmocka_unit_test(every_seed_makes_a_scenario_whose_faults_leave_time_to_recover),
        cmocka_unit_test(what_is_not_on_disk_is_not_started_again_and_a_majority_stays),
        cmocka_unit_test(clocks_of_replicas_with_leases_keep_to_the_drift_that_these_allow_for),
        cmocka_unit_test(a_group_that_changes_loses_nobody_for_good_and_no_disk_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
