/* Decisions: chance by name, what is given first, and the record of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "../src/sim_decide.h"

enum { MANY = 20000 };

static const char *number(char out[SIM_DECIDE_NAME], int i)
{
    snprintf(out, SIM_DECIDE_NAME, "0000>0001 0000-1-%d/1", i);
    return out;
}

static void the_same_seed_kind_and_name_give_the_same_in_any_order(void **state)
{
    (void)state;
    char name[SIM_DECIDE_NAME];
    int64_t forward[100];
    struct sim_decider *a = sim_decider_new(7), *b = sim_decider_new(7);
    for (int i = 0; i < 100; i++)
        forward[i] = sim_decide_between(a, "delay", number(name, i), 0, 1000000);
    for (int i = 100; i-- > 0;)
        assert_int_equal(sim_decide_between(b, "delay", number(name, i), 0, 1000000), forward[i]);
    sim_decider_free(a);
    sim_decider_free(b);
}

/* The values are those of any compiler and any machine: a seed that is in a bug report must stay worth something. */
static void what_a_seed_gives_is_fixed(void **state)
{
    (void)state;
    struct sim_decider *d = sim_decider_new(1);
    assert_int_equal(sim_decide_between(d, "delay", "0000>0001 0000-1-1/1", 0, INT64_C(1000000000000)), 366348807546);
    assert_false(sim_decide_chance(d, "loss", "0000>0001 0000-1-1/1", 0.5));
    sim_decider_free(d);
}

static void seed_kind_and_name_all_matter(void **state)
{
    (void)state;
    char name[SIM_DECIDE_NAME];
    struct sim_decider *a = sim_decider_new(7), *b = sim_decider_new(8);
    int seeds = 0, kinds = 0, names = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t x = sim_decide_between(a, "delay", number(name, i), 0, 999);
        seeds += x == sim_decide_between(b, "delay", name, 0, 999);
        kinds += x == sim_decide_between(a, "relay", name, 0, 999);
        names += x == sim_decide_between(a, "delay", number(name, i + 1), 0, 999);
    }
    assert_true(seeds < 10 && kinds < 10 && names < 10); /* 1 is expected */
    sim_decider_free(a);
    sim_decider_free(b);
}

static void chance_is_as_great_as_asked(void **state)
{
    (void)state;
    char name[SIM_DECIDE_NAME];
    int yes = 0, low = 0;
    struct sim_decider *d = sim_decider_new(3);
    for (int i = 0; i < MANY; i++) {
        yes += sim_decide_chance(d, "loss", number(name, i), 0.3);
        low += sim_decide_between(d, "target", name, 0, 4) < 2;
        assert_false(sim_decide_chance(d, "loss", name, 0));
        assert_true(sim_decide_chance(d, "loss", name, 1));
        assert_int_equal(sim_decide_between(d, "target", name, 5, 5), 5);
    }
    assert_in_range(yes * 1000 / MANY, 280, 320); /* six standard deviations */
    assert_in_range(low * 1000 / MANY, 379, 421);
    sim_decider_free(d);
}

static void what_is_given_comes_before_chance_and_changes_nothing_else(void **state)
{
    (void)state;
    char name[SIM_DECIDE_NAME];
    struct sim_decider *a = sim_decider_new(7), *b = sim_decider_new(7);
    sim_decider_give(b, "loss", number(name, 50), 1);
    sim_decider_give(b, "target", "F3", 99);
    sim_decider_give(b, "delay", "x", -5);
    for (int i = 0; i < 100; i++) {
        bool one = sim_decide_chance(a, "loss", number(name, i), 0.5), other = sim_decide_chance(b, "loss", name, 0.5);
        assert_true(i == 50 ? other : one == other);
    }
    assert_true(sim_decide_chance(b, "loss", number(name, 50), 0)); /* chance alone could not */
    assert_int_equal(sim_decide_between(b, "target", "F3", 0, 4), 4);
    assert_int_equal(sim_decide(b, "delay", "x", 17), -5);
    assert_int_equal(sim_decide(b, "delay", "y", 17), 17);
    sim_decider_free(a);
    sim_decider_free(b);
}

static void a_record_that_is_loaded_decides_the_same_under_any_seed(void **state)
{
    (void)state;
    char path[] = "/tmp/faultline-decide-XXXXXX", name[SIM_DECIDE_NAME], err[SIM_DECIDE_ERR];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    struct sim_decider *a = sim_decider_new(7), *b = sim_decider_new(8);
    bool lost[300];
    int64_t delays[300];
    sim_decider_record(a, f);
    for (int i = 0; i < 300; i++) {
        lost[i] = sim_decide_chance(a, "loss", number(name, i), 0.5);
        delays[i] = sim_decide_between(a, "delay", name, 0, 1000000000);
    }
    bool odd = sim_decide_chance(a, "loss", "a \"quoted\" \\ \x01 MID", 0.5);
    assert_int_equal(fclose(f), 0);
    sim_decider_record(a, NULL);
    assert_int_equal(sim_decider_load(b, path, err), 0);
    for (int i = 0; i < 300; i++) {
        assert_true(sim_decide_chance(b, "loss", number(name, i), 0.5) == lost[i]);
        assert_int_equal(sim_decide_between(b, "delay", name, 0, 1000000000), delays[i]);
    }
    assert_true(sim_decide_chance(b, "loss", "a \"quoted\" \\ \x01 MID", 0.5) == odd);
    sim_decider_free(a);
    sim_decider_free(b);
    unlink(path);
}

static void a_bad_line_is_refused_with_its_number(void **state)
{
    (void)state;
    char path[] = "/tmp/faultline-decide-XXXXXX", err[SIM_DECIDE_ERR];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "{\"kind\":\"loss\",\"name\":\"x\",\"value\":1}\n\n{\"kind\":\"loss\",\"value\":1}\n";
    assert_int_equal(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    struct sim_decider *d = sim_decider_new(1);
    assert_int_equal(sim_decider_load(d, path, err), 65);
    assert_non_null(strstr(err, "line 3"));
    unlink(path);
    assert_int_equal(sim_decider_load(d, path, err), 66);
    sim_decider_free(d);
}

static void names_that_come_again_are_counted(void **state)
{
    (void)state;
    char name[SIM_DECIDE_NAME];
    struct sim_decider *d = sim_decider_new(1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(sim_decide_again(d, number(name, i)), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(sim_decide_again(d, number(name, i)), 1);
    sim_decider_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_kind_and_name_give_the_same_in_any_order),
        cmocka_unit_test(what_a_seed_gives_is_fixed),
        cmocka_unit_test(seed_kind_and_name_all_matter),
        cmocka_unit_test(chance_is_as_great_as_asked),
        cmocka_unit_test(what_is_given_comes_before_chance_and_changes_nothing_else),
        cmocka_unit_test(a_record_that_is_loaded_decides_the_same_under_any_seed),
        cmocka_unit_test(a_bad_line_is_refused_with_its_number),
        cmocka_unit_test(names_that_come_again_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
