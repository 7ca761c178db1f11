/* Replicas of the virtual world with disks that are slow, fail, fill up, rot and lose power. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "support/virtual_run.h"

#define BEGINNING                                                                                                      \
    "{\"name\": \"disks\", \"lifetime\": 10, \"start_wait\": 1, \"end_wait\": 5, \"replicas\": 5, \"mix\": 0.5,"       \
    " \"durable\": true, \"clients\": {\"mode\": \"shared\", \"count\": 6, \"keys\": 3, \"timeout_ms\": 500,"          \
    " \"rate\": 60}, \"network\": {\"loss\": 0.02, \"duplicate\": 0.02, \"delay_ms\": [0, 4]},"

static const char killed[] =
    BEGINNING "\"disk\": {\"latency_ms\": [0.2, 6], \"checkpoint_pages\": 20},"
              "\"faults\": [{\"kind\": \"kill\", \"node\": \"random\", \"begin\": 0.5, \"end\": 8, \"every\": 1,"
              "\"restart_after_ms\": [10, 300], \"all_every\": 3},"
              "{\"kind\": \"kill\", \"when\": \"votes\", \"chance\": 0.3, \"within_ms\": [0, 6],"
              "\"restart_after_ms\": [10, 200]}]}";

static const char failing[] =
    BEGINNING "\"disk\": {\"latency_ms\": [0.2, 4], \"restart_after_ms\": [50, 300]},"
              "\"faults\": [{\"kind\": \"disk\", \"node\": \"random\", \"begin\": 1, \"end\": 8, \"every\": 1,"
              "\"for_ms\": [300, 900], \"fsync_fails\": 0.05, \"write_errors\": 0.01, \"read_errors\": 0.01},"
              "{\"kind\": \"disk\", \"node\": \"leader\", \"begin\": 4, \"end\": 5, \"full\": true},"
              "{\"kind\": \"disk\", \"node\": \"random\", \"begin\": 6, \"end\": 7, \"latency_ms\": [20, 50]},"
              "{\"kind\": \"kill\", \"node\": \"random\", \"at\": 7.5, \"restart_after_ms\": [10, 20]}]}";

static const char rotting[] =
    BEGINNING "\"faults\": [{\"kind\": \"disk\", \"node\": \"random\", \"begin\": 3, \"end\": 7, \"every\": 0.5,"
              "\"for_ms\": [100, 200], \"bit_rot\": 30},"
              "{\"kind\": \"kill\", \"node\": \"all\", \"at\": 8, \"restart_after_ms\": [10, 20]}]}";

static void replicas_that_lose_their_power_keep_what_they_promised(void **state)
{
    (void)state;
    unsigned syncs = 0, restarts = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct virtual_run *o = virtual_run_of(killed, seed);
        virtual_run_well(o);
        syncs += virtual_run_count(o, "\"ev\":\"disk.sync\"");
        restarts += o->r.stats.restarted;
        virtual_run_free(o);
    }
    print_message("%u syncs, %u restarts\n", syncs, restarts);
    assert_true(syncs > 1000 && restarts > 60);
}

static void a_replica_whose_disk_fails_ends_and_comes_back(void **state)
{
    (void)state;
    unsigned failed = 0, refused = 0, slow = 0, full = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct virtual_run *o = virtual_run_of(failing, seed);
        virtual_run_well(o);
        failed += virtual_run_count(o, "\"status\":74");
        refused += virtual_run_count(o, "\"err\":1}");
        slow += virtual_run_count(o, "\"cause\":\"disk: slow\"");
        full += virtual_run_count(o, "\"cause\":\"disk: full\""); /* of a leader, when there is one */
        virtual_run_free(o);
    }
    print_message("%u ends with status 74, %u saves refused\n", failed, refused);
    assert_true(failed > 10 && refused > 5 && slow == 6 && full > 2);
}

static void damage_is_noticed_and_a_majority_stays_whole(void **state)
{
    (void)state;
    unsigned damaged = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct virtual_run *o = virtual_run_of(rotting, seed);
        virtual_run_well(o);
        unsigned down = virtual_run_count(o, "\"status\":65"),
                 rotten = virtual_run_count(o, "\"cause\":\"disk: bit rot\"");
        assert_true(down <= 2 && rotten > 0);
        damaged += down;
        virtual_run_free(o);
    }
    print_message("%u replicas refused what they found\n", damaged);
    assert_true(damaged > 2);
}

static void all_of_it_together(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct virtual_run *o = virtual_run_of("tests/scenarios/disks.json", seed);
        virtual_run_well(o);
        assert_true(o->r.stats.acked_puts > 200 && o->r.stats.restarted >= 10);
        virtual_run_free(o);
    }
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    static const char *const all[] = {killed, failing, rotting};
    for (size_t i = 0; i < 3; i++)
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct virtual_run *a = virtual_run_of(all[i], seed), *b = virtual_run_of(all[i], seed);
            assert_true(a->r.hash == b->r.hash);
            virtual_run_free(a);
            virtual_run_free(b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_that_lose_their_power_keep_what_they_promised),
        cmocka_unit_test(a_replica_whose_disk_fails_ends_and_comes_back),
        cmocka_unit_test(damage_is_noticed_and_a_majority_stays_whole),
        cmocka_unit_test(all_of_it_together),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
