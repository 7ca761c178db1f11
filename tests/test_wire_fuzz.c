/* test_wire_fuzz.c -- damaged datagrams by the hundred thousand: decoding never goes wrong, and what it accepts is a
 * message like any other. Run it with the sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/wire.h"
#include "support/wire_mutate.h"
#include "support/wire_random.h"

#define ROUNDS 150000
#define ROOM   8192

static const char *const reasons[] = {"not_json",  "not_object", "missing_field", "bad_type",
                                      "bad_value", "too_big",    "unknown_type",  "empty"};
#define REASONS (sizeof reasons / sizeof *reasons)

static size_t reason_number(const char *why)
{
    for (size_t i = 0; i < REASONS; i++)
        if (strcmp(reasons[i], why) == 0)
            return i;
    print_message("unknown reason %s\n", why);
    fail();
    return 0;
}

static void damaged_datagrams_are_refused_or_are_messages_that_survive_the_wire(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 20);
    struct wire_decoder *first = wire_decoder_new(), *second = wire_decoder_new();
    assert_non_null(first);
    assert_non_null(second);
    unsigned accepted = 0, refused[REASONS] = {0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        static struct wire_random r;
        wire_random(&r, (enum message_type)rng_below(&rng, MESSAGE_TYPES), &rng);
        char whole[ROOM];
        size_t n = wire_encode(&r.m, whole, ROOM);
        assert_true(n > 0);
        n = wire_mutate(whole, n, ROOM, &rng);
        /* Exactly its bytes, so that a sanitizer sees a read beyond them. */
        char *bytes = malloc(n ? n : 1);
        assert_non_null(bytes);
        memcpy(bytes, whole, n);
        struct message m, again;
        struct wire_refusal refusal;
        bool ok = wire_decode(first, bytes, n, &m, &refusal);
        free(bytes);
        if (!ok) {
            refused[reason_number(refusal.why)]++;
            assert_non_null(refusal.what);
            continue;
        }
        accepted++;
        static char back[DATAGRAM_MAX];
        size_t len = wire_encode(&m, back, sizeof back);
        assert_true(len > 0);
        assert_true(wire_decode(second, back, len, &again, &refusal));
        if (!wire_equal(&m, &again)) {
            print_message("round %u changed on the wire: %.*s\n", i, (int)len, back);
            fail();
        }
    }
    wire_decoder_free(first);
    wire_decoder_free(second);
    /* It damages neither too much nor too little to say something. */
    assert_in_range(accepted, ROUNDS / 20, ROUNDS / 2);
    for (size_t i = 0; i < REASONS; i++)
        if (strcmp(reasons[i], "too_big") != 0)
            assert_true(refused[i] > 0);
}

static void random_bytes_are_refused(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 21);
    struct wire_decoder *d = wire_decoder_new();
    assert_non_null(d);
    for (unsigned i = 0; i < 20000; i++) {
        char bytes[64];
        size_t n = rng_below(&rng, sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)rng_below(&rng, 256);
        struct message m;
        struct wire_refusal refusal;
        assert_false(wire_decode(d, bytes, n, &m, &refusal));
    }
    wire_decoder_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_datagrams_are_refused_or_are_messages_that_survive_the_wire),
        cmocka_unit_test(random_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
