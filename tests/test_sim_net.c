/* The network between replicas, decision by decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_net.h"

enum { MANY = 20000 };

static struct sim_net make(double loss, double duplicate, int64_t delay_min, int64_t delay_max, uint64_t seed)
{
    struct sim_net net;
    sim_net_init(&net, &(struct sim_network_config){loss, duplicate, delay_min, delay_max}, seed);
    return net;
}

static void without_faults_every_datagram_is_delivered_once_and_at_once(void **state)
{
    (void)state;
    struct sim_net net = make(0, 0, 0, 0, 1);
    for (int i = 0; i < 1000; i++) {
        struct sim_copy copies[2];
        assert_int_equal(sim_net_decide(&net, 0, 1, copies), 1);
        assert_true(copies[0].fate == SIM_DELIVER && copies[0].delay == 0);
    }
    sim_net_free(&net);
}

static void loss_and_duplication_happen_as_often_as_asked_and_independently(void **state)
{
    (void)state;
    struct sim_net net = make(0.3, 0.2, 0, 0, 7);
    int copies_made = 0, lost = 0, doubles = 0, both_lost = 0;
    for (int i = 0; i < MANY; i++) {
        struct sim_copy copies[2];
        unsigned n = sim_net_decide(&net, 0, 1, copies);
        copies_made += (int)n;
        doubles += n == 2;
        for (unsigned k = 0; k < n; k++)
            lost += copies[k].fate == SIM_LOSS;
        both_lost += n == 2 && copies[0].fate == SIM_LOSS && copies[1].fate == SIM_LOSS;
    }
    /* six standard deviations and more */
    assert_in_range(doubles, MANY / 5 - 350, MANY / 5 + 350);
    assert_in_range(lost * 100 / copies_made, 28, 32);
    assert_in_range(both_lost * 1000 / doubles, 60, 120);
    sim_net_free(&net);
}

static void total_loss_loses_everything(void **state)
{
    (void)state;
    struct sim_net net = make(1, 0, 0, 0, 3);
    struct sim_copy copies[2];
    for (int i = 0; i < 1000; i++)
        assert_true(sim_net_decide(&net, 0, 1, copies) == 1 && copies[0].fate == SIM_LOSS);
    sim_net_free(&net);
}

static void delays_fill_their_range_and_copies_have_their_own(void **state)
{
    (void)state;
    struct sim_net net = make(0, 1, 1000, 5000, 11);
    int64_t least = INT64_MAX, most = 0;
    int differ = 0;
    for (int i = 0; i < MANY; i++) {
        struct sim_copy copies[2];
        assert_int_equal(sim_net_decide(&net, 2, 3, copies), 2);
        for (int k = 0; k < 2; k++) {
            least = copies[k].delay < least ? copies[k].delay : least;
            most = copies[k].delay > most ? copies[k].delay : most;
        }
        differ += copies[0].delay != copies[1].delay;
    }
    assert_true(least >= 1000 && least < 1010 && most <= 5000 && most > 4990);
    assert_true(differ > MANY * 9 / 10);
    sim_net_free(&net);
}

static void the_same_seed_decides_the_same(void **state)
{
    (void)state;
    struct sim_net a = make(0.5, 0.5, 0, 100, 42), b = make(0.5, 0.5, 0, 100, 42), other = make(0.5, 0.5, 0, 100, 43);
    int different = 0;
    for (int i = 0; i < 1000; i++) {
        struct sim_copy x[2] = {{0}}, y[2] = {{0}}, z[2] = {{0}};
        unsigned n = sim_net_decide(&a, 0, 1, x), m = sim_net_decide(&b, 0, 1, y), k = sim_net_decide(&other, 0, 1, z);
        assert_int_equal(n, m);
        for (unsigned c = 0; c < n; c++)
            assert_true(x[c].fate == y[c].fate && x[c].delay == y[c].delay);
        different += n != k || x[0].fate != z[0].fate;
    }
    assert_true(different > 100);
    sim_net_free(&a);
    sim_net_free(&b);
    sim_net_free(&other);
}

static void a_partition_cuts_between_its_groups_only_until_it_is_healed(void **state)
{
    (void)state;
    struct sim_net net = make(0, 1, 0, 0, 5);
    const unsigned char group[SIM_REPLICAS_MAX] = {0, 0, 1, 1, 1};
    struct sim_copy copies[2];
    assert_true(sim_net_part(&net, 17, group, 1));
    assert_int_equal(sim_net_decide(&net, 0, 2, copies), 1); /* and no duplicate of what is lost */
    assert_true(copies[0].fate == SIM_PARTITION && copies[0].f == 17);
    assert_true(sim_net_cut(&net, 4, 1) == 17);
    assert_true(sim_net_cut(&net, 0, 1) == 0 && sim_net_cut(&net, 2, 4) == 0 && sim_net_cut(&net, 3, 3) == 0);
    assert_true(sim_net_heard(&net, 2) && !sim_net_heard(&net, 0));
    assert_false(sim_net_heal(&net, 18));
    assert_true(sim_net_heal(&net, 17));
    assert_true(sim_net_cut(&net, 0, 2) == 0 && sim_net_heard(&net, 0));
    sim_net_free(&net);
}

static void partitions_in_force_together_cut_together(void **state)
{
    (void)state;
    struct sim_net net = make(0, 0, 0, 0, 5);
    const unsigned char first[SIM_REPLICAS_MAX] = {0, 1, 1}, second[SIM_REPLICAS_MAX] = {0, 0, 1};
    assert_true(sim_net_part(&net, 1, first, 1));
    assert_true(sim_net_part(&net, 2, second, 0));
    assert_true(sim_net_cut(&net, 0, 1) == 1 && sim_net_cut(&net, 1, 2) == 2);
    assert_true(sim_net_heal(&net, 1));
    assert_true(sim_net_cut(&net, 0, 1) == 0 && sim_net_cut(&net, 1, 2) == 2);
    for (int64_t f = 3; net.n_cuts < SIM_CUTS_MAX; f++)
        assert_true(sim_net_part(&net, f, second, 0));
    assert_false(sim_net_part(&net, 99, second, 0));
    sim_net_free(&net);
}

static void copies_on_their_way_arrive_by_time_and_then_by_age(void **state)
{
    (void)state;
    struct sim_net net = make(0, 0, 0, 0, 9);
    struct rng r;
    rng_seed(&r, 4);
    assert_true(sim_net_deadline(&net) == INT64_MAX);
    for (int i = 0; i < 500; i++) {
        char bytes[8];
        memcpy(bytes, &i, sizeof i);
        sim_net_fly(&net, &(struct sim_flight){.due = (int64_t)rng_below(&r, 50), .d = i, .n = sizeof i}, bytes);
    }
    int64_t due = -1, d = -1;
    for (int i = 0; i < 500; i++) {
        int64_t expected = sim_net_deadline(&net);
        struct sim_flight f = sim_net_arrive(&net);
        assert_true(f.due == expected && (f.due > due || (f.due == due && f.d > d)));
        due = f.due;
        d = f.d;
        int number;
        memcpy(&number, f.bytes, sizeof number);
        assert_int_equal(number, f.d);
        free(f.bytes);
    }
    assert_true(sim_net_deadline(&net) == INT64_MAX);
    sim_net_fly(&net, &(struct sim_flight){.due = 1, .n = 0}, ""); /* freed with the network */
    sim_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_every_datagram_is_delivered_once_and_at_once),
        cmocka_unit_test(loss_and_duplication_happen_as_often_as_asked_and_independently),
        cmocka_unit_test(total_loss_loses_everything),
        cmocka_unit_test(delays_fill_their_range_and_copies_have_their_own),
        cmocka_unit_test(the_same_seed_decides_the_same),
        cmocka_unit_test(a_partition_cuts_between_its_groups_only_until_it_is_healed),
        cmocka_unit_test(partitions_in_force_together_cut_together),
        cmocka_unit_test(copies_on_their_way_arrive_by_time_and_then_by_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
