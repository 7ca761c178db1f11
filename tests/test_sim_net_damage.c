/* Damaged datagrams: whatever is done to them, nobody can take them for a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "../src/sim_message.h"
#include "../src/sim_net.h"

static const char *const samples[] = {
    "{\"src\": \"0001\", \"dst\": \"0002\", \"leader\": \"FFFF\", \"type\": \"get\", \"MID\": \"A\", \"key\": \"k\"}\n",
    "{\"src\":\"0001\",\"dst\":\"0002\",\"leader\":\"0001\",\"type\":\"x\",\"v\":\"\xc3\xa9}}\",\"o\":{\"a\":[1,2]}}",
    "{}",
    "{\"src\":\"0001\",\"dst\":\"0002\",\"leader\":\"0001\",\"type\":\"x\",\"n\":7,\"m\":123456789}",
};

static void damaged_bytes_are_no_message_for_any_reader(enum sim_damage how)
{
    struct rng rng;
    rng_seed(&rng, 12);
    for (int i = 0; i < 3000; i++) {
        const char *whole = samples[i % 4];
        size_t n = strlen(whole), left;
        char out[200], what[96];
        struct sim_message m;
        left = sim_net_damage(&rng, how, whole, n, out);
        assert_true(left <= n && (how != SIM_TRUNCATED || left < n));
        assert_non_null(sim_message_parse_whole(out, left, &m, what));
        json_t *any = json_loadb(out, left, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (any)
            fail_msg("still JSON: %.*s", (int)left, out);
    }
}

static void a_truncated_object_is_no_object(void **state)
{
    (void)state;
    damaged_bytes_are_no_message_for_any_reader(SIM_TRUNCATED);
}

static void a_corrupt_object_is_no_object(void **state)
{
    (void)state;
    damaged_bytes_are_no_message_for_any_reader(SIM_CORRUPT);
}

static void what_is_intact_or_empty_stays_as_it_is(void **state)
{
    (void)state;
    struct rng rng;
    char out[200];
    rng_seed(&rng, 1);
    assert_int_equal(sim_net_damage(&rng, SIM_INTACT, samples[0], strlen(samples[0]), out), strlen(samples[0]));
    assert_memory_equal(out, samples[0], strlen(samples[0]));
    assert_int_equal(sim_net_damage(&rng, SIM_CORRUPT, "", 0, out), 0);
    assert_int_equal(sim_net_damage(&rng, SIM_TRUNCATED, "", 0, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_truncated_object_is_no_object),
        cmocka_unit_test(a_corrupt_object_is_no_object),
        cmocka_unit_test(what_is_intact_or_empty_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
