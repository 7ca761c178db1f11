/* The network, decision by decision: what the section "network" says, and the rules of faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_net.h"

enum { MANY = 20000, CLIENT = SIM_CLIENTS_END };

static struct sim_net make(struct sim_network_config cfg, uint64_t seed)
{
    struct sim_net net;
    sim_net_init(&net, &cfg, sim_decider_new(seed));
    return net;
}

static struct sim_net plain(double loss, double duplicate, int64_t delay_min, int64_t delay_max, uint64_t seed)
{
    return make(
        (struct sim_network_config){
            .loss = loss, .duplicate = duplicate, .delay_min = delay_min, .delay_max = delay_max},
        seed);
}

static void end(struct sim_net *net)
{
    sim_decider_free(net->decider);
    sim_net_free(net);
}

/* Datagram number i on this link. */
static unsigned decide(struct sim_net *net, int i, unsigned from, unsigned to, struct sim_copy copies[SIM_COPIES_MAX])
{
    char name[64];
    snprintf(name, sizeof name, "%u>%u %d", from, to, i);
    return sim_net_decide(net, name, from, to, copies);
}

static struct sim_rule on_link(int64_t f, unsigned from, unsigned to, struct sim_quality q)
{
    struct sim_rule rule = {.f = f, .q = q};
    snprintf(rule.name, sizeof rule.name, "fault %d", (int)f);
    rule.links.to[from] = UINT32_C(1) << to;
    return rule;
}

static void put(struct sim_net *net, struct sim_rule rule)
{
    assert_true(sim_net_rule(net, &rule));
}

static void without_faults_every_datagram_is_delivered_once_and_at_once(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 0, 0, 0, 1);
    assert_false(sim_net_chancy(&net, 0, 1));
    for (int i = 0; i < 1000; i++) {
        struct sim_copy copies[SIM_COPIES_MAX];
        assert_int_equal(decide(&net, i, 0, 1, copies), 1);
        assert_true(copies[0].fate == SIM_DELIVER && copies[0].delay == 0 && copies[0].damage == SIM_INTACT);
    }
    end(&net);
}

static void loss_and_duplication_happen_as_often_as_asked_and_independently(void **state)
{
    (void)state;
    struct sim_net net = plain(0.3, 0.2, 0, 0, 7);
    int copies_made = 0, lost = 0, doubles = 0, both_lost = 0;
    for (int i = 0; i < MANY; i++) {
        struct sim_copy copies[SIM_COPIES_MAX];
        unsigned n = decide(&net, i, 0, 1, copies);
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
    end(&net);
}

static void total_loss_loses_everything_between_replicas_and_nothing_of_clients(void **state)
{
    (void)state;
    struct sim_net net = plain(1, 0, 0, 0, 3);
    struct sim_copy copies[SIM_COPIES_MAX];
    for (int i = 0; i < 1000; i++) {
        assert_true(decide(&net, i, 0, 1, copies) == 1 && copies[0].fate == SIM_LOSS && copies[0].f == 0);
        assert_true(decide(&net, i, CLIENT, 1, copies) == 1 && copies[0].fate == SIM_DELIVER);
        assert_true(decide(&net, i, 1, CLIENT, copies) == 1 && copies[0].fate == SIM_DELIVER);
    }
    end(&net);
}

static void links_of_clients_have_qualities_of_their_own(void **state)
{
    (void)state;
    struct sim_net net = make((struct sim_network_config){.clients = {.any = true, .loss = 1}}, 3);
    struct sim_copy copies[SIM_COPIES_MAX];
    assert_true(decide(&net, 0, CLIENT, 1, copies) == 1 && copies[0].fate == SIM_LOSS);
    assert_true(decide(&net, 0, 1, CLIENT, copies) == 1 && copies[0].fate == SIM_LOSS);
    assert_true(decide(&net, 0, 1, 2, copies) == 1 && copies[0].fate == SIM_DELIVER);
    end(&net);
}

static void delays_fill_their_range_and_copies_have_their_own(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 1, 1000, 5000, 11);
    int64_t least = INT64_MAX, most = 0;
    int differ = 0;
    for (int i = 0; i < MANY; i++) {
        struct sim_copy copies[SIM_COPIES_MAX];
        assert_int_equal(decide(&net, i, 2, 3, copies), 2);
        for (int k = 0; k < 2; k++) {
            least = copies[k].delay < least ? copies[k].delay : least;
            most = copies[k].delay > most ? copies[k].delay : most;
        }
        differ += copies[0].delay != copies[1].delay;
    }
    assert_true(least >= 1000 && least < 1010 && most <= 5000 && most > 4990);
    assert_true(differ > MANY * 9 / 10);
    end(&net);
}

static void heavy_tails_are_short_for_most_and_reach_the_maximum_for_a_few(void **state)
{
    (void)state;
    const int64_t ms = 1000000;
    struct sim_quality q = {.any = true, .tail = 1, .tail_min = ms, .tail_max = 10000 * ms};
    struct sim_net net = make((struct sim_network_config){.more = q}, 5);
    int below_2 = 0, beyond_100 = 0, beyond_2000 = 0;
    for (int i = 0; i < MANY; i++) {
        struct sim_copy copies[SIM_COPIES_MAX];
        assert_int_equal(decide(&net, i, 0, 1, copies), 1);
        assert_in_range(copies[0].delay, ms, 10000 * ms);
        below_2 += copies[0].delay < 2 * ms;
        beyond_100 += copies[0].delay > 100 * ms;
        beyond_2000 += copies[0].delay > 2000 * ms;
    }
    assert_in_range(below_2 * 100 / MANY, 47, 53);
    assert_in_range(beyond_100 * 1000 / MANY, 6, 14);
    assert_in_range(beyond_2000, 1, MANY / 500);
    end(&net);
}

static void a_duplicate_of_a_rule_comes_after_its_original(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 0, 0, 0, 5);
    struct sim_copy copies[SIM_COPIES_MAX];
    put(&net,
        on_link(7, CLIENT, 2, (struct sim_quality){.any = true, .duplicate = 1, .after_min = 50, .after_max = 90}));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(decide(&net, i, CLIENT, 2, copies), 2);
        assert_true(copies[0].delay == 0 && copies[1].delay >= 50 && copies[1].delay <= 90);
        assert_int_equal(decide(&net, i, 2, CLIENT, copies), 1);
    }
    end(&net);
}

static void what_a_rule_does_is_said_to_be_its_doing(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 0, 0, 0, 5);
    struct sim_copy copies[SIM_COPIES_MAX];
    put(&net, on_link(3, 0, 1, (struct sim_quality){.any = true, .loss = 1}));
    put(&net, on_link(4, 0, 2, (struct sim_quality){.any = true, .corrupt = 1}));
    put(&net, on_link(5, 0, 3, (struct sim_quality){.any = true, .truncate = 1}));
    assert_true(decide(&net, 0, 0, 1, copies) == 1 && copies[0].fate == SIM_LOSS && copies[0].f == 3);
    assert_true(decide(&net, 0, 0, 2, copies) == 1 && copies[0].damage == SIM_CORRUPT && copies[0].f == 4);
    assert_true(decide(&net, 0, 0, 3, copies) == 1 && copies[0].damage == SIM_TRUNCATED && copies[0].f == 5);
    assert_true(decide(&net, 0, 1, 0, copies) == 1 && copies[0].fate == SIM_DELIVER && copies[0].damage == SIM_INTACT);
    end(&net);
}

static void a_queue_takes_as_many_as_its_capacity(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 0, 0, 0, 5);
    struct sim_copy copies[SIM_COPIES_MAX];
    put(&net, on_link(9, 0, 1, (struct sim_quality){.any = true, .queue = 3, .delay_min = 5, .delay_max = 5}));
    for (int i = 0; i < 3; i++) {
        assert_true(decide(&net, i, 0, 1, copies) == 1 && copies[0].fate == SIM_DELIVER);
        sim_net_fly(&net, &(struct sim_flight){.due = 5, .from = 0, .to = 1}, "");
    }
    assert_true(decide(&net, 3, 0, 1, copies) == 1 && copies[0].fate == SIM_QUEUE_FULL && copies[0].f == 9);
    for (int i = 0; i < 3; i++) /* duplicates take no place */
        sim_net_fly(&net, &(struct sim_flight){.due = 9, .cp = 2, .from = 0, .to = 1}, "");
    free(sim_net_arrive(&net).bytes);
    assert_true(decide(&net, 4, 0, 1, copies) == 1 && copies[0].fate == SIM_DELIVER);
    end(&net);
}

static void what_arrives_on_a_clogged_link_waits_for_the_end_and_keeps_its_order(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 0, 0, 0, 5);
    put(&net, on_link(1, 0, 1, (struct sim_quality){.any = true, .clog = true}));
    put(&net, on_link(2, 0, 1, (struct sim_quality){.any = true, .clog = true}));
    assert_true(sim_net_clogged(&net, 0, 1) && !sim_net_clogged(&net, 1, 0));
    for (int i = 0; i < 50; i++)
        sim_net_fly(&net, &(struct sim_flight){.due = INT64_MAX, .d = i, .from = 0, .to = 1}, "");
    sim_net_fly(&net, &(struct sim_flight){.due = 70, .d = 99, .from = 1, .to = 0}, "");
    assert_true(sim_net_deadline(&net) == 70);
    assert_true(sim_net_heal(&net, 1, 40));
    assert_true(sim_net_deadline(&net) == 70); /* the other fault still clogs it */
    assert_true(sim_net_heal(&net, 2, 60));
    for (int i = 0; i < 50; i++) {
        assert_true(sim_net_deadline(&net) == 60);
        struct sim_flight f = sim_net_arrive(&net);
        assert_int_equal(f.d, i);
        free(f.bytes);
    }
    assert_true(sim_net_deadline(&net) == 70);
    end(&net);
}

static void a_slow_end_takes_its_inputs_one_after_another(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 0, 0, 0, 5);
    assert_int_equal(sim_net_linger(&net, "a", 1, 100), 0);
    struct sim_rule slow = {.f = 1, .q = {.any = true, .worker = 1, .work_min = 10, .work_max = 10}};
    put(&net, slow);
    assert_true(sim_net_chancy(&net, 0, 1) && !sim_net_chancy(&net, 1, 0));
    assert_int_equal(sim_net_linger(&net, "a", 1, 100), 10);
    assert_int_equal(sim_net_linger(&net, "b", 1, 100), 20);
    assert_int_equal(sim_net_linger(&net, "c", 1, 115), 15);
    assert_int_equal(sim_net_linger(&net, "d", 1, 200), 10);
    assert_int_equal(sim_net_linger(&net, "d", 0, 200), 0);
    assert_true(sim_net_heal(&net, 1, 210));
    assert_int_equal(sim_net_linger(&net, "e", 1, 210), 0);
    end(&net);
}

static void the_same_seed_decides_the_same(void **state)
{
    (void)state;
    struct sim_net a = plain(0.5, 0.5, 0, 100, 42), b = plain(0.5, 0.5, 0, 100, 42),
                   other = plain(0.5, 0.5, 0, 100, 43);
    int different = 0;
    for (int i = 0; i < 1000; i++) {
        struct sim_copy x[SIM_COPIES_MAX] = {{0}}, y[SIM_COPIES_MAX] = {{0}}, z[SIM_COPIES_MAX] = {{0}};
        unsigned n = decide(&a, i, 0, 1, x), m = decide(&b, i, 0, 1, y), k = decide(&other, i, 0, 1, z);
        assert_int_equal(n, m);
        for (unsigned c = 0; c < n; c++)
            assert_true(x[c].fate == y[c].fate && x[c].delay == y[c].delay);
        different += n != k || x[0].fate != z[0].fate;
    }
    assert_true(different > 100);
    end(&a);
    end(&b);
    end(&other);
}

/* What one rule decides does not depend on whether another is there. */
static void a_rule_more_leaves_the_decisions_of_the_others(void **state)
{
    (void)state;
    struct sim_net alone = plain(0.2, 0, 0, 0, 8), both = plain(0.2, 0, 0, 0, 8);
    put(&both, on_link(3, 0, 1, (struct sim_quality){.any = true, .loss = 0.5}));
    for (int i = 0; i < 1000; i++) {
        struct sim_copy x[SIM_COPIES_MAX], y[SIM_COPIES_MAX];
        decide(&alone, i, 0, 1, x);
        decide(&both, i, 0, 1, y);
        if (x[0].fate == SIM_LOSS)
            assert_true(y[0].fate == SIM_LOSS && y[0].f == 0);
        else
            assert_true(y[0].fate == SIM_DELIVER || y[0].f == 3);
    }
    end(&alone);
    end(&both);
}

static void a_cut_loses_what_is_sent_on_its_links_until_it_is_healed(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 1, 0, 0, 5);
    struct sim_copy copies[SIM_COPIES_MAX];
    struct sim_rule cut = on_link(17, 0, 2, (struct sim_quality){.any = true, .cut = true});
    cut.unheard = 1;
    put(&net, cut);
    assert_int_equal(decide(&net, 0, 0, 2, copies), 1); /* and no duplicate of what is lost */
    assert_true(copies[0].fate == SIM_PARTITION && copies[0].f == 17);
    assert_true(sim_net_cut(&net, 0, 2) == 17 && sim_net_cut(&net, 2, 0) == 0 && sim_net_cut(&net, 0, 0) == 0);
    assert_true(sim_net_heard(&net, 2) && !sim_net_heard(&net, 0));
    assert_false(sim_net_heal(&net, 18, 0));
    assert_true(sim_net_heal(&net, 17, 0));
    assert_true(sim_net_cut(&net, 0, 2) == 0 && sim_net_heard(&net, 0));
    end(&net);
}

static void rules_in_force_together_work_together_and_are_bounded_in_number(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 0, 0, 0, 5);
    struct sim_quality cut = {.any = true, .cut = true};
    put(&net, on_link(1, 0, 1, cut));
    put(&net, on_link(2, 1, 2, cut));
    assert_true(sim_net_cut(&net, 0, 1) == 1 && sim_net_cut(&net, 1, 2) == 2);
    assert_true(sim_net_heal(&net, 1, 0));
    assert_true(sim_net_cut(&net, 0, 1) == 0 && sim_net_cut(&net, 1, 2) == 2);
    while (net.n_rules < SIM_RULES_MAX)
        put(&net, on_link((int64_t)net.n_rules + 2, 1, 2, cut));
    struct sim_rule more = on_link(99, 1, 2, cut);
    assert_false(sim_net_rule(&net, &more));
    end(&net);
}

/* A link of lower priority is overtaken by all others; what crosses one link keeps its order. */
static void links_have_priorities_of_which_depth_less_one_fall(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 0, 0, 0, 3);
    enum { ENDS = 5, ROUNDS = 200 };
    int64_t last[ENDS][ENDS] = {{0}}, least = INT64_MAX, most = 0;
    unsigned fallen = 0;
    sim_net_schedule(&net, 4, ROUNDS * ENDS * (ENDS - 1));
    for (int i = 0; i < ROUNDS; i++)
        for (unsigned from = 0; from < ENDS; from++)
            for (unsigned to = 0; to < ENDS; to++) {
                struct sim_copy copies[SIM_COPIES_MAX];
                if (from == to)
                    continue;
                assert_int_equal(decide(&net, i, from, to, copies), 1);
                int64_t delay = copies[0].delay;
                if (last[from][to] && delay != last[from][to]) {
                    assert_true(delay > last[from][to]);
                    fallen++;
                }
                last[from][to] = delay;
                least = delay < least ? delay : least;
                most = delay > most ? delay : most;
            }
    assert_in_range(fallen, 1, 3); /* three changes; two may hit one link, or one that is the lowest already */
    assert_true(least < SIM_SECOND / 100 && most > SIM_SECOND / 10 && most < SIM_SECOND);
    end(&net);
}

static void copies_on_their_way_arrive_by_time_and_then_by_age(void **state)
{
    (void)state;
    struct sim_net net = plain(0, 0, 0, 0, 9);
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
    end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_every_datagram_is_delivered_once_and_at_once),
        cmocka_unit_test(loss_and_duplication_happen_as_often_as_asked_and_independently),
        cmocka_unit_test(total_loss_loses_everything_between_replicas_and_nothing_of_clients),
        cmocka_unit_test(links_of_clients_have_qualities_of_their_own),
        cmocka_unit_test(delays_fill_their_range_and_copies_have_their_own),
        cmocka_unit_test(heavy_tails_are_short_for_most_and_reach_the_maximum_for_a_few),
        cmocka_unit_test(a_duplicate_of_a_rule_comes_after_its_original),
        cmocka_unit_test(what_a_rule_does_is_said_to_be_its_doing),
        cmocka_unit_test(a_queue_takes_as_many_as_its_capacity),
        cmocka_unit_test(what_arrives_on_a_clogged_link_waits_for_the_end_and_keeps_its_order),
        cmocka_unit_test(a_slow_end_takes_its_inputs_one_after_another),
        cmocka_unit_test(the_same_seed_decides_the_same),
        cmocka_unit_test(a_rule_more_leaves_the_decisions_of_the_others),
        cmocka_unit_test(a_cut_loses_what_is_sent_on_its_links_until_it_is_healed),
        cmocka_unit_test(rules_in_force_together_work_together_and_are_bounded_in_number),
        cmocka_unit_test(links_have_priorities_of_which_depth_less_one_fall),
        cmocka_unit_test(copies_on_their_way_arrive_by_time_and_then_by_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
