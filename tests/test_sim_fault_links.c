/* Faults of links, in a run without processes: who is cut from whom, for how long, and what is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_run_int.h"
#include "support/spawn.h"

#define SECONDS(x) ((int64_t)(x)*SIM_SECOND)

struct group {
    char dir[512];
    struct sim_config cfg;
    struct sim_plan plan;
    struct sim_result result;
    struct sim_run *run;
};

static int64_t no_time(const struct sim_run *run)
{
    (void)run;
    return 0;
}

static bool nobody_runs(const struct sim_run *run, unsigned i)
{
    (void)run;
    (void)i;
    return false;
}

static int64_t rate[SIM_REPLICAS_MAX], ahead;

static void set_clock(struct sim_run *run, unsigned i, int64_t ppm, int64_t jump)
{
    (void)run;
    rate[i] = ppm;
    ahead += jump;
}

static const struct sim_world world = {
    .clock = "virtual", .now = no_time, .runs = nobody_runs, .set_clock = set_clock};

static void start(struct group *g, unsigned replicas, struct sim_fault *faults, size_t n, uint64_t seed)
{
    char err[TRACE_ERR_LEN];
    *g = (struct group){.cfg = {.replicas = replicas, .faults = faults, .n_faults = n},
                        .run = calloc(1, sizeof *g->run)};
    assert_non_null(g->run);
    spawn_tempdir(g->dir, sizeof g->dir);
    g->plan = (struct sim_plan){.cfg = &g->cfg, .dir = g->dir, .quiet = true};
    struct sim_run *run = g->run;
    *run = (struct sim_run){
        .plan = &g->plan, .cfg = &g->cfg, .result = &g->result, .stats = &g->result.stats, .world = &world};
    run->decider = sim_decider_new(seed);
    sim_net_init(&run->net, &g->cfg.network, run->decider);
    run->w = trace_writer_open(&(struct trace_writer_options){.dir = g->dir, .node = "sim", .boot = 1}, err);
    assert_non_null(run->w);
    for (unsigned i = 0; i < replicas; i++) {
        sim_id(i, run->node[i].id);
        run->node[i].restart_at = INT64_MAX;
        run->living[i] = true;
    }
}

/* Ends the run; what it recorded is in `text`. */
static void stop(struct group *g, char *text, size_t room)
{
    char path[600];
    trace_writer_close(g->run->w);
    snprintf(path, sizeof path, "%s/sim.1.jsonl", g->dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, room - 1, f)] = '\0';
    fclose(f);
    sim_net_free(&g->run->net);
    sim_decider_free(g->run->decider);
    free(g->run->open);
    free(g->run);
    spawn_remove(g->dir);
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("expected %s in:\n%s", part, text);
}

static bool reaches(const struct group *g, unsigned from, unsigned to)
{
    return sim_net_cut(&g->run->net, from, to) == 0;
}

static unsigned reached(const struct group *g, unsigned from)
{
    unsigned n = 0;
    for (unsigned to = 0; to < g->cfg.replicas; to++)
        n += reaches(g, from, to);
    return n;
}

static void one_replica_is_isolated_in_the_direction_asked_for(void **state)
{
    (void)state;
    char text[8192];
    static const enum sim_direction directions[] = {SIM_BOTH, SIM_INWARDS, SIM_OUTWARDS};
    for (size_t i = 0; i < 3; i++) {
        struct sim_fault f = {.kind = SIM_PARTITION_ISOLATE,
                              .target = SIM_TARGET_NODE,
                              .node = 2,
                              .direction = directions[i],
                              .begin = 0,
                              .end = SECONDS(5)};
        struct group g;
        start(&g, 5, &f, 1, 1);
        sim_fault_tick(g.run, 0);
        assert_int_equal(reached(&g, 2), directions[i] == SIM_INWARDS ? 5 : 1);
        assert_int_equal(reached(&g, 0), directions[i] == SIM_OUTWARDS ? 5 : 4);
        assert_true(reaches(&g, 0, 1));
        assert_int_equal(sim_fault_deadline(g.run), SECONDS(5));
        sim_fault_tick(g.run, SECONDS(5));
        assert_int_equal(reached(&g, 2) + reached(&g, 0), 10);
        stop(&g, text, sizeof text);
        has(text, "\"ev\":\"fault.begin\",\"f\":1,\"kind\":\"partition\"");
        has(text, i == 0   ? "\"groups\":[[\"0000\",\"0001\",\"0003\",\"0004\"],[\"0002\"]]"
                  : i == 1 ? "\"links\":[[\"0000\",\"0002\"],[\"0001\",\"0002\"]"
                           : "\"links\":[[\"0002\",\"0000\"],[\"0002\",\"0001\"]");
        has(text, "\"ev\":\"fault.end\",\"f\":1,\"kind\":\"partition\"");
    }
}

static void shapes_part_as_they_are_called(void **state)
{
    (void)state;
    char text[16384];
    for (unsigned n = 2; n <= 9; n++)
        for (int kind = SIM_PARTITION_HALVES; kind <= SIM_PARTITION_RING; kind++) {
            struct sim_fault f = {.kind = (enum sim_fault_kind)kind, .end = SECONDS(1)};
            struct group g;
            if ((kind == SIM_PARTITION_BRIDGE && n < 3) || (kind == SIM_PARTITION_RING && n < 4))
                continue;
            start(&g, n, &f, 1, n);
            sim_fault_tick(g.run, 0);
            unsigned see_all = 0, least = n;
            for (unsigned a = 0; a < n; a++) {
                unsigned r = reached(&g, a);
                see_all += r == n;
                least = r < least ? r : least;
                for (unsigned b = 0; b < n; b++)
                    assert_int_equal(reaches(&g, a, b), reaches(&g, b, a));
                if (kind == SIM_PARTITION_RING)
                    assert_true(r > n / 2 && r < n);
            }
            if (kind == SIM_PARTITION_HALVES)
                assert_true(see_all == 0 && least == n / 2);
            if (kind == SIM_PARTITION_BRIDGE)
                assert_int_equal(see_all, 1);
            stop(&g, text, sizeof text);
        }
}

static void the_seed_chooses_who_is_where(void **state)
{
    (void)state;
    char text[8192];
    unsigned sides[2] = {0, 0};
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sim_fault f = {.kind = SIM_PARTITION_HALVES, .end = SECONDS(1)};
        struct group g;
        start(&g, 4, &f, 1, seed);
        sim_fault_tick(g.run, 0);
        sides[reaches(&g, 0, 1)]++;
        stop(&g, text, sizeof text);
    }
    assert_true(sides[0] > 5 && sides[1] > 5);
}

static void links_are_hit_one_way_and_clients_are_an_end(void **state)
{
    (void)state;
    char text[8192];
    struct sim_fault faults[] = {
        {.kind = SIM_PARTITION_LINKS,
         .pair = {{{SIM_TARGET_NODE, 0}, {SIM_TARGET_NODE, 1}}},
         .n_pairs = 1,
         .end = SECONDS(9)},
        {.kind = SIM_LINK_LOSS,
         .q = {.any = true, .loss = 1},
         .pair = {{{SIM_TARGET_CLIENTS, 0}, {SIM_TARGET_ALL, 0}}},
         .n_pairs = 1,
         .end = SECONDS(9)},
        {.kind = SIM_LINK_DELAY,
         .q = {.any = true, .tail = 0.5, .tail_min = 1000, .tail_max = 2000000},
         .end = SECONDS(9)},
    };
    struct group g;
    struct sim_copy copies[SIM_COPIES_MAX];
    start(&g, 3, faults, 3, 1);
    sim_fault_tick(g.run, 0);
    assert_true(!reaches(&g, 0, 1) && reaches(&g, 1, 0));
    assert_true(sim_net_decide(&g.run->net, "a", SIM_CLIENTS_END, 2, copies) == 1 && copies[0].fate == SIM_LOSS);
    assert_true(sim_net_decide(&g.run->net, "a", 2, SIM_CLIENTS_END, copies) == 1 && copies[0].fate == SIM_DELIVER);
    sim_fault_heal(g.run);
    assert_true(reaches(&g, 0, 1) && g.run->net.n_rules == 0);
    stop(&g, text, sizeof text);
    has(text, "\"kind\":\"partition\",\"links\":[[\"0000\",\"0001\"]],\"cause\":\"cut links\"");
    has(text,
        "\"kind\":\"loss\",\"links\":[[\"client\",\"0000\"],[\"client\",\"0001\"],[\"client\",\"0002\"]],\"p\":1000");
    has(text, "\"kind\":\"slow_link\",\"p\":500,\"min_us\":1,\"max_us\":2000,\"cause\":\"delay\"");
    has(text, "\"ev\":\"fault.end\",\"f\":2,\"kind\":\"loss\"");
}

static void a_fault_lasts_as_long_as_chance_says_within_its_span(void **state)
{
    (void)state;
    char text[8192];
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct sim_fault f = {.kind = SIM_LINK_CLOG,
                              .q = {.any = true, .clog = true},
                              .begin = 10,
                              .end = 30,
                              .for_min = 5,
                              .for_max = 20};
        struct group g;
        start(&g, 3, &f, 1, seed);
        assert_int_equal(sim_fault_deadline(g.run), 10);
        sim_fault_tick(g.run, 10);
        int64_t end = sim_fault_deadline(g.run);
        least = end < least ? end : least;
        most = end > most ? end : most;
        stop(&g, text, sizeof text);
    }
    assert_true(least >= 15 && least < 18 && most <= 30 && most > 27);
}

static void a_slow_replica_is_named(void **state)
{
    (void)state;
    char text[8192];
    struct sim_fault f = {.kind = SIM_SLOW,
                          .target = SIM_TARGET_NODE,
                          .node = 1,
                          .q = {.any = true, .work_min = 5000, .work_max = 5000},
                          .end = SECONDS(1)};
    struct group g;
    start(&g, 3, &f, 1, 1);
    sim_fault_tick(g.run, 0);
    assert_int_equal(sim_net_linger(&g.run->net, "x", 1, 0), 5000);
    sim_fault_tick(g.run, SECONDS(1));
    assert_int_equal(sim_net_linger(&g.run->net, "y", 1, SECONDS(2)), 0);
    stop(&g, text, sizeof text);
    has(text, "\"kind\":\"slow\",\"node\":\"0001\",\"min_us\":5,\"max_us\":5,\"cause\":\"slow\"");
    has(text, "\"ev\":\"fault.end\",\"f\":1,\"kind\":\"slow\",\"node\":\"0001\"");
}

/* The last of several that go on counts. */
static void a_clock_runs_wrong_until_its_faults_end(void **state)
{
    (void)state;
    char text[8192];
    struct sim_fault first = {.kind = SIM_CLOCK,
                              .target = SIM_TARGET_NODE,
                              .node = 1,
                              .ppm_min = 500000,
                              .ppm_max = 500000,
                              .jump_min = 3000,
                              .jump_max = 3000,
                              .end = 30};
    struct sim_fault faults[] = {first, first};
    faults[1].begin = 10;
    faults[1].end = 20;
    faults[1].ppm_min = faults[1].ppm_max = 2000000;
    struct group g;
    ahead = 0;
    start(&g, 3, faults, 2, 1);
    sim_fault_tick(g.run, 0);
    assert_true(rate[1] == 500000 && ahead == 3000);
    sim_fault_tick(g.run, 10);
    assert_true(rate[1] == 2000000 && ahead == 6000);
    sim_fault_tick(g.run, 20);
    assert_true(rate[1] == 500000 && ahead == 6000);
    sim_fault_tick(g.run, 30);
    assert_true(rate[1] == 1000000 && ahead == 6000);
    stop(&g, text, sizeof text);
    has(text, "\"kind\":\"skew\",\"node\":\"0001\",\"skew_us\":3,\"ppm\":500000,\"cause\":\"clock\"");
    has(text, "\"ev\":\"fault.end\",\"f\":1,\"kind\":\"skew\",\"node\":\"0001\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_replica_is_isolated_in_the_direction_asked_for),
        cmocka_unit_test(shapes_part_as_they_are_called),
        cmocka_unit_test(the_seed_chooses_who_is_where),
        cmocka_unit_test(links_are_hit_one_way_and_clients_are_an_end),
        cmocka_unit_test(a_fault_lasts_as_long_as_chance_says_within_its_span),
        cmocka_unit_test(a_slow_replica_is_named),
        cmocka_unit_test(a_clock_runs_wrong_until_its_faults_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
