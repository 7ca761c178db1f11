/* Offsets between clocks: whatever the delays and however clocks drift, the truth lies within the error; and the error
 * is no larger than the fastest round trips and the drift in between make it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <cmocka.h>

#include "../analyze/clocks.h"

static uint64_t x;

static double chance(void)
{
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (double)(x >> 11) / 9007199254740992.0;
}

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

/* A clock as a function of true time, in ns: offset, drift, and a drift that itself changes (as NTP makes it). */
struct true_clock {
    double offset, ppm, wobble_ppm, period_s;
};

static int64_t show(const struct true_clock *c, double t)
{
    double wobble = c->period_s > 0 ? c->wobble_ppm / 1e6 * c->period_s / 6.283185307 *
                                          sin(t / 1e9 * 6.283185307 / c->period_s) * 1e9
                                    : 0;
    return (int64_t)(t + c->offset + t * c->ppm / 1e6 + wobble);
}

/* Random messages among n clocks over so long; all lines are checked against the truth. Returns the largest error. */
static int64_t trial(size_t n, const struct true_clock *clock, double seconds, int messages, double least_ms,
                     double mean_ms)
{
    int64_t first[CLOCKS_MAX], last[CLOCKS_MAX], worst = 0;
    for (size_t i = 0; i < n; i++) {
        first[i] = show(&clock[i], 0);
        last[i] = show(&clock[i], seconds * 1e9);
    }
    struct clocks *c = clocks_new(n, first, last);
    for (int m = 0; m < messages; m++) {
        double delay = (least_ms - mean_ms * log(1 - chance())) * 1e6, sent = chance() * seconds * 1e9;
        size_t from = (size_t)(chance() * (double)n), to = (size_t)(chance() * (double)n);
        if (sent + delay <= seconds * 1e9)
            clocks_message(c, from, show(&clock[from], sent), to, show(&clock[to], sent + delay));
    }
    struct clock_line line[CLOCKS_MAX];
    clocks_solve(c, 0, line);
    clocks_free(c);
    assert_true(line[0].known && line[0].error == 0 && line[0].offset == 0);
    for (size_t i = 1; i < n; i++) {
        assert_true(line[i].known);
        assert_true(line[i].messages > 0);
        for (int k = 0; k <= 200; k++) {
            double t = seconds * 1e9 * k / 200;
            int64_t off = clocks_convert(&line[i], show(&clock[i], t)) - show(&clock[0], t);
            if ((off < 0 ? -off : off) > line[i].error + 2)
                fail_msg("clock %zu at %.3f s: off by %lld ns, said to be within %lld", i, t / 1e9, (long long)off,
                         (long long)line[i].error);
        }
        worst = line[i].error > worst ? line[i].error : worst;
    }
    return worst;
}

static void the_truth_lies_within_the_error(void **state)
{
    (void)state;
    x = 20261125;
    for (int round = 0; round < 300; round++) {
        struct true_clock clock[8];
        size_t n = 2 + (size_t)(chance() * 6);
        for (size_t i = 0; i < n; i++)
            clock[i] = (struct true_clock){.offset = (chance() - 0.5) * 1e13,
                                           .ppm = (chance() - 0.5) * 800,
                                           .wobble_ppm = chance() * 150,
                                           .period_s = 0.1 + chance() * 20};
        trial(n, clock, 0.05 + chance() * 100, 200 + (int)(chance() * 3000), chance(), 0.1 + chance() * 5);
    }
}

static void the_error_is_about_half_the_fastest_round_trip(void **state)
{
    (void)state;
    x = 7;
    struct true_clock steady[] = {{.offset = 0}, {.offset = 5e9, .ppm = 40}};
    int64_t error = trial(2, steady, 20, 20000, 0.2, 0.5);
    assert_in_range(error, MS / 5, MS / 2); /* the least delay is 0.2 ms each way */
    error = trial(2, steady, 3600, 200000, 0.2, 0.5);
    assert_in_range(error, MS / 5, 15 * MS); /* an hour: drift between messages adds to it */
}

static void an_offset_of_days_and_a_late_epoch_do_no_harm(void **state)
{
    (void)state;
    x = 9;
    struct true_clock far[] = {{.offset = 1.6e18}, {.offset = 3e14, .ppm = -20}};
    assert_in_range(trial(2, far, 10, 5000, 0.2, 0.5), 1, 2 * MS);
}

static void clocks_are_compared_by_way_of_others(void **state)
{
    (void)state;
    int64_t first[] = {0, 10 * S, 20 * S}, last[] = {S, 11 * S, 21 * S};
    struct clocks *c = clocks_new(3, first, last);
    for (int64_t t = 0; t < S - 10 * MS; t += MS) {
        clocks_message(c, 0, t, 1, t + 10 * S + MS);
        clocks_message(c, 1, t + 10 * S, 0, t + MS);
        clocks_message(c, 1, t + 10 * S, 2, t + 20 * S + MS);
        clocks_message(c, 2, t + 20 * S, 1, t + 10 * S + MS);
    }
    struct clock_line line[3];
    clocks_solve(c, 0, line);
    assert_true(line[2].known);
    assert_in_range(line[2].error, 2 * MS, 2 * MS + MS / 5);
    assert_in_range(clocks_convert(&line[2], 20 * S + S / 2), S / 2 - 2 * MS, S / 2 + 2 * MS);
    clocks_free(c);
}

static void what_cannot_be_known_is_unknown(void **state)
{
    (void)state;
    int64_t first[] = {0, 0, 0, 0}, last[] = {S, S, S, S};
    struct clocks *c = clocks_new(4, first, last);
    struct clock_line line[4];
    clocks_message(c, 0, MS, 1, 3 * MS);           /* one way only */
    for (int64_t t = 0; t < S - 3 * MS; t += MS) { /* a clock that was set in the middle */
        int64_t set = t < S / 2 ? 0 : -200 * MS;
        clocks_message(c, 0, t, 2, t + MS + set > 0 ? t + MS + set : 0);
        clocks_message(c, 2, t + set > 0 ? t + set : 0, 0, t + MS);
    }
    clocks_message(c, 3, -5, 0, 5); /* times outside of the run are no times */
    clocks_message(c, 0, 5, 3, 2 * S);
    clocks_message(c, 9, 5, 0, 5);
    clocks_solve(c, 0, line);
    assert_true(line[0].known);
    assert_false(line[1].known || line[2].known || line[3].known);
    clocks_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_truth_lies_within_the_error),
        cmocka_unit_test(the_error_is_about_half_the_fastest_round_trip),
        cmocka_unit_test(an_offset_of_days_and_a_late_epoch_do_no_harm),
        cmocka_unit_test(clocks_are_compared_by_way_of_others),
        cmocka_unit_test(what_cannot_be_known_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
