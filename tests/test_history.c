/* test_history.c -- long histories are judged at the speed of their length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../analyze/history.h"
#include "../analyze/lin.h"
#include "../trace/trace.h"

/* Printed, not asserted: machines differ. */
static void the_speed_of_a_long_history_is_printed(void **state)
{
    (void)state;
    enum { OPS = 100000 };
    struct history h;
    history_init(&h);
    int64_t t = 0;
    unsigned stale_at = OPS * 3 / 4;
    for (unsigned i = 0; i < OPS; i++) {
        char text[16];
        bool read = i % 2 == 1;
        unsigned v = i / 2 + 1 - (i > stale_at && i % 50 == 1 ? 20 : 0);
        int n = snprintf(text, sizeof text, "%u", v);
        history_add(&h, "k", 1,
                    &(struct op){.call = t,
                                 .ret = t + 25,
                                 .id = i,
                                 .kind = read ? OP_READ : OP_WRITE,
                                 .value = history_value(&h, text, (size_t)n)});
        t += 10;
    }
    uint64_t start = trace_mono_ns();
    history_sort(&h);
    struct lin_report r;
    assert_true(lin_judge(&r, &h, &(struct lin_options){0}));
    uint64_t judged = trace_mono_ns();
    assert_int_equal(r.bad, 1);
    size_t n;
    free(zones_stale(&r.keys[0].zones, r.keys[0].ops, r.keys[0].n, &n));
    assert_int_equal(n, OPS / 4 / 50);
    print_message("%d operations on one key: judged in %.1f ms, stale reads measured in %.1f ms\n", OPS,
                  (double)(judged - start) / 1e6, (double)(trace_mono_ns() - judged) / 1e6);
    lin_report_free(&r);
    history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_speed_of_a_long_history_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
