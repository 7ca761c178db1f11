/* Whole groups under faults, in virtual time: the properties of Raft's Figure 3, linearizable clients, progress. */
#include <inttypes.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/raft_cluster.h"

#define SECOND UINT64_C(1000000)

/* Sanitizers make a run many times slower: fewer seeds then, and less that must have been met. */
#if defined(__SANITIZE_ADDRESS__)
#define SLOWER 4
#else
#define SLOWER 1
#endif

static struct raft_cluster_counts total;

static void run(struct raft_cluster_config cfg)
{
    struct raft_cluster_result result;
    raft_cluster_run(&cfg, &result);
    if (result.error[0])
        fail_msg("%s", result.error);
    const uint64_t *from = (const uint64_t *)&result.counts;
    uint64_t *to = (uint64_t *)&total;
    for (size_t i = 0; i < sizeof total / sizeof *to; i++)
        to[i] += from[i];
}

/* FAULTLINE_SEEDS=N runs N of each instead. */
static void seeds(struct raft_cluster_config cfg, uint64_t n)
{
    const char *more = getenv("FAULTLINE_SEEDS");
    n = more ? strtoull(more, NULL, 10) : (n + SLOWER - 1) / SLOWER;
    for (cfg.seed = 1; cfg.seed <= n; cfg.seed++) {
        cfg.batches = cfg.seed % 2;
        cfg.answer_again = cfg.seed % 3 == 0;
        run(cfg);
    }
}

static void without_faults_every_size_from_1_to_21_elects_one_leader_and_answers(void **state)
{
    (void)state;
    for (unsigned size = 1; size <= RAFT_MEMBERS_MAX; size++)
        run((struct raft_cluster_config){.size = size, .seed = size, .faulty_us = 1, .clients = 2});
}

static void under_faults(unsigned size, uint64_t n)
{
    seeds(
        (struct raft_cluster_config){
            .size = size, .loss = 0.1, .duplication = 0.1, .faults = true, .faulty_us = 12 * SECOND, .clients = 4},
        n);
}

static void with_crashes(unsigned size, uint64_t n)
{
    struct raft_cluster_config cfg = {.size = size,
                                      .loss = 0.1,
                                      .duplication = 0.1,
                                      .faults = true,
                                      .crashes = true,
                                      .faulty_us = 12 * SECOND,
                                      .clients = 4,
                                      .reads = RAFT_READS_LEASE,
                                      .drift_ppm = 20000,
                                      .real_drift_ppm = 20000};
    for (cfg.compact_entries = 1; cfg.compact_entries <= 1000; cfg.compact_entries *= 10)
        seeds(cfg, n);
}

static void a_group_of_1_survives_crashes(void **state)
{
    (void)state;
    with_crashes(1, 3);
}
static void a_group_of_2_survives_crashes(void **state)
{
    (void)state;
    with_crashes(2, 6);
}
static void a_group_of_3_survives_crashes(void **state)
{
    (void)state;
    with_crashes(3, 12);
}
static void a_group_of_5_survives_crashes(void **state)
{
    (void)state;
    with_crashes(5, 8);
}

static void a_group_of_1_is_correct_under_faults(void **state)
{
    (void)state;
    under_faults(1, 5);
}
static void a_group_of_2_is_correct_under_faults(void **state)
{
    (void)state;
    under_faults(2, 18);
}
static void a_group_of_3_is_correct_under_faults(void **state)
{
    (void)state;
    under_faults(3, 36);
}
static void a_group_of_4_is_correct_under_faults(void **state)
{
    (void)state;
    under_faults(4, 24);
}
static void a_group_of_5_is_correct_under_faults(void **state)
{
    (void)state;
    under_faults(5, 24);
}
static void a_group_of_7_is_correct_under_faults(void **state)
{
    (void)state;
    under_faults(7, 8);
}

/* Clocks that differ by 2 %, which the leases reckon with. */
static void reads_under_leases_are_correct_while_clocks_drift_as_little_as_promised_D_6_4_1(void **state)
{
    (void)state;
    uint64_t before = total.leased;
    for (unsigned size = 3; size <= 5; size += 2)
        seeds((struct raft_cluster_config){.size = size,
                                           .loss = 0.1,
                                           .duplication = 0.1,
                                           .faults = true,
                                           .faulty_us = 12 * SECOND,
                                           .clients = 4,
                                           .reads = RAFT_READS_LEASE,
                                           .drift_ppm = 20000,
                                           .real_drift_ppm = 20000},
              30);
    assert_true(total.leased > before + 10000 / SLOWER);
}

/* And the check must be able to fail: a leader whose clock stood still while it was paused believes in its lease. */
static void leases_break_when_clocks_stand_still_in_a_pause(void **state)
{
    (void)state;
    unsigned caught = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct raft_cluster_config cfg = {.size = 3,
                                          .seed = seed,
                                          .loss = 0.1,
                                          .faults = true,
                                          .faulty_us = 12 * SECOND,
                                          .clients = 4,
                                          .reads = RAFT_READS_LEASE,
                                          .clocks_sleep = true};
        struct raft_cluster_result result;
        raft_cluster_run(&cfg, &result);
        caught += result.error[0] != 0;
    }
    assert_true(caught > 0);
}

static void heavy_loss_alone_slows_but_breaks_nothing(void **state)
{
    (void)state;
    seeds(
        (struct raft_cluster_config){
            .size = 5, .loss = 0.4, .duplication = 0.3, .faulty_us = 10 * SECOND, .clients = 4},
        8);
}

static void while_members_come_and_go(unsigned size, unsigned outside, enum raft_reads reads, uint64_t n)
{
    seeds((struct raft_cluster_config){.size = size,
                                       .outside = outside,
                                       .changes = true,
                                       .loss = 0.1,
                                       .duplication = 0.1,
                                       .faults = true,
                                       .faulty_us = 12 * SECOND,
                                       .reads = reads,
                                       .clients = 4},
          n);
}

static void a_group_that_starts_alone_is_correct_while_members_come_and_go(void **state)
{
    (void)state;
    while_members_come_and_go(4, 3, RAFT_READS_INDEX, 40);
}
static void a_group_of_3_of_6_is_correct_while_members_come_and_go(void **state)
{
    (void)state;
    while_members_come_and_go(6, 3, RAFT_READS_INDEX, 60);
}
static void a_group_of_4_of_5_is_correct_with_leases_while_members_come_and_go(void **state)
{
    (void)state;
    while_members_come_and_go(5, 1, RAFT_READS_LEASE, 60);
}

static void members_come_and_go_while_replicas_crash_and_logs_are_given_up(void **state)
{
    (void)state;
    seeds((struct raft_cluster_config){.size = 5,
                                       .outside = 2,
                                       .changes = true,
                                       .loss = 0.1,
                                       .duplication = 0.1,
                                       .faults = true,
                                       .crashes = true,
                                       .compact_entries = 50,
                                       .reads = RAFT_READS_LEASE,
                                       .drift_ppm = 20000,
                                       .real_drift_ppm = 20000,
                                       .faulty_us = 12 * SECOND,
                                       .clients = 4},
          40);
}

static void the_runs_above_met_what_they_are_for(void **state)
{
    (void)state;
    printf("steps %" PRIu64 ", leaders %" PRIu64 ", truncations %" PRIu64 ", refusals %" PRIu64 ", step downs %" PRIu64
           ", commits %" PRIu64 ", reads %" PRIu64 ", redirects %" PRIu64 " (late puts %" PRIu64 "), holds %" PRIu64
           ", repeated puts %" PRIu64 ", answers %" PRIu64 ", messages %" PRIu64 ", crashes %" PRIu64
           ", compactions %" PRIu64 ", snapshots %" PRIu64 ", chunks %" PRIu64 ", installs %" PRIu64 "\n",
           total.steps, total.leaders, total.truncations, total.refusals, total.step_downs, total.commits, total.reads,
           total.redirects, total.late_losers, total.holds, total.duplicates, total.acknowledged, total.messages,
           total.crashes, total.compactions, total.snapshots, total.chunks, total.installs);
    printf("members added %" PRIu64 ", removed %" PRIu64 " (leaders %" PRIu64 "), transfers %" PRIu64
           ", changes refused %" PRIu64 "\n",
           total.members_added, total.members_removed, total.leaders_removed, total.transfers, total.changes_refused);
    printf("inputs that joined another's step %" PRIu64 "\n", total.joined);
    assert_true(total.joined > 100000 / SLOWER);
    assert_true(total.members_added > 200 / SLOWER);
    assert_true(total.members_removed > 200 / SLOWER);
    assert_true(total.leaders_removed > 50 / SLOWER);
    assert_true(total.transfers > 50 / SLOWER);
    assert_true(total.changes_refused > 100 / SLOWER);
    assert_true(total.truncations > 100 / SLOWER);
    assert_true(total.refusals > 100 / SLOWER);
    assert_true(total.step_downs > 100 / SLOWER);
    assert_true(total.leaders > 500 / SLOWER);
    assert_true(total.reads > 10000 / SLOWER);
    assert_true(total.redirects > 100 / SLOWER);
    assert_true(total.late_losers > 50 / SLOWER);
    assert_true(total.holds > 100 / SLOWER);
    assert_true(total.duplicates > 50 / SLOWER);
    assert_true(total.crashes > 1000 / SLOWER);
    assert_true(total.compactions > 1000 / SLOWER);
    assert_true(total.snapshots > 200 / SLOWER);
    assert_true(total.chunks > 1000 / SLOWER);
    assert_true(total.installs > 200 / SLOWER);
}

static void a_leader_that_reads_without_a_quorum_is_caught(void **state)
{
    (void)state;
    /* The check must be able to fail: RAFT_READS_LOCAL is unsafe on purpose. */
    unsigned caught = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct raft_cluster_config cfg = {.size = 3,
                                          .seed = seed,
                                          .loss = 0.1,
                                          .faults = true,
                                          .faulty_us = 12 * SECOND,
                                          .clients = 4,
                                          .reads = RAFT_READS_LOCAL};
        struct raft_cluster_result result;
        raft_cluster_run(&cfg, &result);
        caught += result.error[0] != 0;
    }
    assert_true(caught > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_every_size_from_1_to_21_elects_one_leader_and_answers),
        cmocka_unit_test(a_group_of_1_is_correct_under_faults),
        cmocka_unit_test(a_group_of_2_is_correct_under_faults),
        cmocka_unit_test(a_group_of_3_is_correct_under_faults),
        cmocka_unit_test(a_group_of_4_is_correct_under_faults),
        cmocka_unit_test(a_group_of_5_is_correct_under_faults),
        cmocka_unit_test(a_group_of_7_is_correct_under_faults),
        cmocka_unit_test(reads_under_leases_are_correct_while_clocks_drift_as_little_as_promised_D_6_4_1),
        cmocka_unit_test(leases_break_when_clocks_stand_still_in_a_pause),
        cmocka_unit_test(heavy_loss_alone_slows_but_breaks_nothing),
        cmocka_unit_test(a_group_that_starts_alone_is_correct_while_members_come_and_go),
        cmocka_unit_test(a_group_of_3_of_6_is_correct_while_members_come_and_go),
        cmocka_unit_test(a_group_of_4_of_5_is_correct_with_leases_while_members_come_and_go),
        cmocka_unit_test(a_group_of_1_survives_crashes),
        cmocka_unit_test(a_group_of_2_survives_crashes),
        cmocka_unit_test(a_group_of_3_survives_crashes),
        cmocka_unit_test(a_group_of_5_survives_crashes),
        cmocka_unit_test(members_come_and_go_while_replicas_crash_and_logs_are_given_up),
        cmocka_unit_test(the_runs_above_met_what_they_are_for),
        cmocka_unit_test(a_leader_that_reads_without_a_quorum_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
