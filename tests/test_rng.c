/* The generator: the published algorithm, no bias, the whole range. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../src/rng.h"

static void it_is_xoroshiro128plusplus_as_published(void **state)
{
    (void)state;
    /* First outputs for the state (1, 2), worked out by hand from the definition: rotl(s0 + s1, 17) + s0, and then
     * s1 ^= s0; s0' = rotl(s0, 49) ^ s1 ^ (s1 << 21); s1' = rotl(s1, 28). */
    struct rng r = {.s = {1, 2}};
    assert_true(rng_next(&r) == 393217);
    assert_true(r.s[0] == ((UINT64_C(1) << 49) ^ 3 ^ (UINT64_C(3) << 21)));
    assert_true(r.s[1] == UINT64_C(3) << 28);
}

static void the_seed_goes_through_splitmix64(void **state)
{
    (void)state;
    /* Known outputs of splitmix64 for the seed 0. */
    struct rng r;
    rng_seed(&r, 0);
    assert_true(r.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(r.s[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void the_same_seed_gives_the_same_numbers_and_another_others(void **state)
{
    (void)state;
    struct rng a, b, c;
    rng_seed(&a, 5);
    rng_seed(&b, 5);
    rng_seed(&c, 6);
    unsigned same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rng_next(&a);
        assert_true(x == rng_next(&b));
        same += x == rng_next(&c);
    }
    assert_int_equal(same, 0);
}

static void below_is_in_range_and_even(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 1);
    enum { N = 10, DRAWS = 100000 };
    unsigned count[N] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t x = rng_below(&r, N);
        assert_true(x < N);
        count[x]++;
    }
    for (int i = 0; i < N; i++)
        assert_in_range(count[i], DRAWS / N - 500, DRAWS / N + 500); /* more than 5 standard deviations */
    assert_true(rng_below(&r, 1) == 0);
    /* 3 * 2^62 values: without drawing again, the first third would come up twice as often as the others. */
    unsigned low = 0;
    for (int i = 0; i < 30000; i++)
        low += rng_below(&r, UINT64_C(3) << 62) < UINT64_C(1) << 62;
    assert_in_range(low, 9500, 10500);
}

static void unit_is_in_0_to_1_and_centred(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 2);
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double x = rng_unit(&r);
        assert_true(x >= 0 && x < 1);
        sum += x;
    }
    assert_true(sum > 49500 && sum < 50500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_xoroshiro128plusplus_as_published),
        cmocka_unit_test(the_seed_goes_through_splitmix64),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers_and_another_others),
        cmocka_unit_test(below_is_in_range_and_even),
        cmocka_unit_test(unit_is_in_0_to_1_and_centred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
