/* Classes of failures: the same whatever the order in which outcomes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_class.h"

static const struct sim_outcome outcomes[] = {
    {.seed = 1, .elapsed = 10},
    {.seed = 2, .status = 1, .rule = "R13", .class = "two-leaders-in-one-term", .title = "a", .size = 500},
    {.seed = 3, .status = 1, .rule = "R45", .class = "local-read", .title = "b\nc", .size = 100},
    {.seed = 4, .status = 1, .rule = "R13", .class = "two-leaders-in-one-term", .title = "d", .size = 300},
    {.seed = 5, .status = 2, .rule = "run", .class = "no-progress", .size = 1},
    {.seed = 6, .status = 1, .rule = "R13", .class = "two-leaders-in-one-term", .title = "e", .size = 300},
    {.seed = 7, .elapsed = 20},
    {.seed = 8, .status = 1, .rule = "R7", .class = "two-leaders-in-one-term", .title = "f", .size = 9},
};
enum { N = sizeof outcomes / sizeof *outcomes };

static char *printed(const struct sim_classes *c)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    sim_classes_print(c, f, "dir");
    assert_int_equal(fclose(f), 0);
    return text;
}

static void a_class_is_a_rule_and_what_was_done_wrong(void **state)
{
    (void)state;
    struct sim_classes forth = {.n = 0}, back = {.n = 0};
    for (size_t i = 0; i < N; i++) {
        sim_classes_add(&forth, &outcomes[i]);
        sim_classes_add(&back, &outcomes[N - 1 - i]);
    }
    sim_classes_sort(&forth);
    sim_classes_sort(&back);
    assert_true(forth.n == 4 && forth.runs == 8 && forth.failed == 5 && forth.undecided == 1 && forth.elapsed == 30);
    const struct sim_class *k = &forth.v[0];
    assert_string_equal(k->first.class, "two-leaders-in-one-term");
    assert_true(k->n == 3 && k->first.seed == 2 && k->smallest.seed == 4);
    char *a = printed(&forth), *b = printed(&back);
    assert_string_equal(a, b);
    assert_string_equal(a, "FAIL  R13  two-leaders-in-one-term: 3 of 8 seeds, first 2, smallest 4    dir/4    a\n"
                           "FAIL  R45  local-read: 1 of 8 seeds, first 3, smallest 3    dir/3    b?c\n"
                           "open  run  no-progress: 1 of 8 seeds, first 5, smallest 5    dir/5    \n"
                           "FAIL  R7   two-leaders-in-one-term: 1 of 8 seeds, first 8, smallest 8    dir/8    f\n");
    json_t *x = sim_classes_json(&forth), *y = sim_classes_json(&back);
    assert_true(json_equal(x, y) && json_array_size(x) == 4);
    json_decref(x);
    json_decref(y);
    free(a);
    free(b);
    sim_classes_free(&forth);
    sim_classes_free(&back);
}

static void the_status_is_the_worst(void **state)
{
    (void)state;
    static const struct sim_outcome passed = {.seed = 1}, undecided = {.seed = 2, .status = 2, .class = "u"},
                                    failed = {.seed = 3, .status = 1, .class = "f"},
                                    broken = {.seed = 4, .status = 70, .class = "b"};
    const struct sim_outcome *const all[] = {&passed, &undecided, &failed, &broken};
    static const int due[] = {0, 2, 1, 70};
    struct sim_classes c = {.n = 0};
    for (size_t i = 0; i < 4; i++) {
        sim_classes_add(&c, all[i]);
        assert_int_equal(sim_classes_status(&c), due[i]);
    }
    sim_classes_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_is_a_rule_and_what_was_done_wrong),
        cmocka_unit_test(the_status_is_the_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
