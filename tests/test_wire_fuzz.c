/* test_wire_fuzz.c -- damaged datagrams by the hundred thousand: decoding never goes wrong, the scanner never disagrees
 * with jansson, and what is accepted is a message like any other. Run it with the sanitizers.
 *
 * FAULTLINE_WIRE_ROUNDS: how many datagrams, FAULTLINE_WIRE_SEED: other ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "support/wire_check.h"
#include "support/wire_mutate.h"
#include "support/wire_random.h"

#define ROOM 8192

static struct wire_check check;

static const char *const reasons[] = {"not_json",  "not_object", "missing_field", "bad_type",
                                      "bad_value", "too_big",    "unknown_type",  "empty"};
#define REASONS (sizeof reasons / sizeof *reasons)

static int begin(void **state)
{
    (void)state;
    return wire_check_begin(&check) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    wire_check_end(&check);
    return 0;
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static struct rng seeded(uint64_t seed)
{
    struct rng rng;
    seed += number_of("FAULTLINE_WIRE_SEED", 0);
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    return rng;
}

static size_t reason_number(const char *why)
{
    for (size_t i = 0; i < REASONS; i++)
        if (strcmp(reasons[i], why) == 0)
            return i;
    print_message("unknown reason %s\n", why);
    fail();
    return 0;
}

/* Exactly its bytes, so that a sanitizer sees a read beyond them. */
static enum wire_verdict verdict_on(const char *whole, size_t n)
{
    char *bytes = malloc(n ? n : 1);
    assert_non_null(bytes);
    memcpy(bytes, whole, n);
    const char *wrong;
    enum wire_verdict v = wire_check(&check, bytes, n, &wrong);
    if (v == WIRE_WRONG) {
        print_message("%s: %.*s\n", wrong, (int)n, whole);
        fail();
    }
    free(bytes);
    return v;
}

static void damaged_datagrams_are_refused_or_are_messages_that_survive_the_wire(void **state)
{
    (void)state;
    struct rng rng = seeded(20);
    uint64_t rounds = number_of("FAULTLINE_WIRE_ROUNDS", 120000), accepted = 0, scanned = 0, refused[REASONS] = {0};
    for (uint64_t i = 0; i < rounds; i++) {
        static struct wire_random r;
        wire_random(&r, (enum message_type)rng_below(&rng, MESSAGE_TYPES), &rng);
        char whole[ROOM];
        size_t n = wire_encode(&r.m, whole, ROOM);
        assert_true(n > 0);
        n = wire_mutate(whole, n, ROOM, &rng);
        if (verdict_on(whole, n) == WIRE_ACCEPTED) {
            accepted++;
            scanned += check.scanned;
        } else {
            refused[reason_number(check.refusal.why)]++;
            assert_non_null(check.refusal.what);
        }
    }
    print_message("%llu datagrams, %llu accepted, %llu of them by the scanner\n", (unsigned long long)rounds,
                  (unsigned long long)accepted, (unsigned long long)scanned);
    /* It damages neither too much nor too little to say something. */
    assert_in_range(accepted, rounds / 20, rounds / 2);
    assert_in_range(scanned, rounds / 30, accepted - rounds / 200);
    for (size_t i = 0; i < REASONS; i++)
        if (strcmp(reasons[i], "too_big") != 0)
            assert_true(refused[i] > 0);
}

/* As a client in another language writes it: any order, white space, other escapes. */
static size_t request_of_another_program(char *out, struct rng *rng)
{
    static const size_t styles[] = {0, JSON_ENSURE_ASCII, JSON_INDENT(2), JSON_COMPACT, JSON_ESCAPE_SLASH};
    static struct wire_random r;
    char bytes[ROOM];
    wire_random(&r, rng_below(rng, 2) ? MESSAGE_GET : MESSAGE_PUT, rng);
    json_t *ours = json_loadb(bytes, wire_encode(&r.m, bytes, ROOM), 0, NULL), *theirs = json_object();
    assert_non_null(ours);
    while (json_object_size(ours) > 0) {
        uint64_t skip = rng_below(rng, json_object_size(ours));
        void *at = json_object_iter(ours);
        while (skip-- > 0)
            at = json_object_iter_next(ours, at);
        const char *key = json_object_iter_key(at);
        json_object_set(theirs, key, json_object_iter_value(at));
        json_object_del(ours, key);
    }
    size_t n = json_dumpb(theirs, out, ROOM, styles[rng_below(rng, sizeof styles / sizeof *styles)]);
    json_decref(theirs);
    json_decref(ours);
    return n;
}

static void requests_of_other_programs_are_read_alike_by_scanner_and_reference(void **state)
{
    (void)state;
    struct rng rng = seeded(22);
    uint64_t rounds = number_of("FAULTLINE_WIRE_ROUNDS", 120000) / 4, scanned = 0, accepted = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        char whole[ROOM];
        size_t n = request_of_another_program(whole, &rng);
        assert_int_equal(verdict_on(whole, n), WIRE_ACCEPTED);
        scanned += check.scanned;
        n = wire_mutate(whole, n, ROOM, &rng);
        accepted += verdict_on(whole, n) == WIRE_ACCEPTED;
    }
    /* Left to jansson: surrogate pairs, and what looks like ours at first. */
    assert_in_range(scanned, rounds / 2, rounds - 1);
    assert_in_range(accepted, rounds / 20, rounds / 2);
}

/* Those that libFuzzer starts from (`make fuzz`). */
static void the_fuzzer_starts_from_messages_of_every_type(void **state)
{
    (void)state;
    glob_t found;
    bool seen[MESSAGE_TYPES] = {0};
    assert_int_equal(glob("tests/fuzz/wire/*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char bytes[ROOM];
        struct message m;
        struct wire_refusal refusal;
        FILE *f = fopen(found.gl_pathv[i], "rb");
        assert_non_null(f);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        assert_int_equal(verdict_on(bytes, n), WIRE_ACCEPTED);
        assert_true(wire_decode(check.again, bytes, n, &m, &refusal));
        seen[m.type] = true;
    }
    globfree(&found);
    for (unsigned i = 0; i < MESSAGE_TYPES; i++)
        assert_true(seen[i]);
}

static void random_bytes_are_refused(void **state)
{
    (void)state;
    struct rng rng = seeded(21);
    for (unsigned i = 0; i < 20000; i++) {
        char bytes[64];
        size_t n = rng_below(&rng, sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)rng_below(&rng, 256);
        assert_int_equal(verdict_on(bytes, n), WIRE_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_datagrams_are_refused_or_are_messages_that_survive_the_wire),
        cmocka_unit_test(requests_of_other_programs_are_read_alike_by_scanner_and_reference),
        cmocka_unit_test(the_fuzzer_starts_from_messages_of_every_type),
        cmocka_unit_test(random_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
