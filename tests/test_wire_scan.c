/* test_wire_scan.c -- what never gets as far as jansson: all that we write ourselves, and the requests of other
 * programs. Seen by jansson's allocations; that both read alike is for test_wire_fuzz.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "../src/wire.h"
#include "support/wire_random.h"

static struct wire_decoder *decoder;
static size_t allocations;

static void *counted(size_t n)
{
    allocations++;
    return malloc(n);
}

static int begin(void **state)
{
    (void)state;
    json_set_alloc_funcs(counted, free);
    decoder = wire_decoder_new();
    return decoder ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    wire_decoder_free(decoder);
    return 0;
}

static bool decodes_by_hand(const char *text, size_t n, struct message *m)
{
    struct wire_refusal refusal;
    size_t before = allocations;
    assert_true(wire_decode(decoder, text, n, m, &refusal));
    return allocations == before;
}

static void what_we_write_is_read_without_jansson(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 3);
    for (unsigned i = 0; i < 5000; i++) {
        static struct wire_random r;
        static char bytes[DATAGRAM_MAX];
        struct message m;
        wire_random(&r, (enum message_type)(i % MESSAGE_TYPES), &rng);
        size_t n = wire_encode(&r.m, bytes, sizeof bytes);
        assert_true(decodes_by_hand(bytes, n, &m));
        assert_true(wire_equal(&r.m, &m));
    }
}

static void get_and_put_of_other_programs_are_read_without_jansson(void **state)
{
    (void)state;
    /* Python's json.dumps(). */
    static const char python[] = "{\"src\": \"0015\", \"dst\": \"0000\", \"leader\": \"FFFF\", \"type\": \"put\", "
                                 "\"MID\": \"M\", \"key\": \"k\", "
                                 "\"value\": \"\\u00e9\\u20ac/\\n\"}";
    static const char any_order_and_space[] =
        "{\n\t\"value\" : \"\xc3\xa9\xe2\x82\xac\\/\\n\",\r\n\t\"key\" : \"k\", \"MID\":\"M\",\"type\":\"put\","
        "\"leader\":\"FFFF\",\"dst\":\"0000\", \"src\":\"0015\" }\n";
    /* JavaScript's JSON.stringify() writes as we do. */
    static const char javascript[] =
        "{\"src\":\"0015\",\"dst\":\"0000\",\"leader\":\"FFFF\",\"type\":\"put\",\"MID\":\"M\",\"key\":\"k\",\"value\":"
        "\"\xc3\xa9\xe2\x82\xac/\\n\"}";
    static const char *const texts[] = {python, any_order_and_space, javascript};
    const struct message expected = {.type = MESSAGE_PUT,
                                     .src = 0x15,
                                     .dst = 0,
                                     .leader = NODE_NONE,
                                     .mid = "M",
                                     .key = "k",
                                     .value = "\xc3\xa9\xe2\x82\xac/\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct message m;
        assert_true(decodes_by_hand(texts[i], strlen(texts[i]), &m));
        assert_true(wire_equal(&m, &expected));
    }
    const char get[] = "{\"type\": \"get\", \"MID\": \"M\", \"key\": \"\", \"src\": \"0015\", \"dst\": \"0000\", "
                       "\"leader\": \"0002\"}";
    struct message m;
    assert_true(decodes_by_hand(get, sizeof get - 1, &m));
    assert_int_equal(m.type, MESSAGE_GET);
    assert_string_equal(m.key, "");
    assert_null(m.value);
}

static void what_deviates_is_left_to_jansson(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"src\": \"0015\", \"dst\": \"0000\", \"leader\": \"FFFF\", \"type\": \"get\", \"MID\": \"M\", \"key\": "
        "\"k\", \"more\": 1}",
        "{\"src\": \"0015\", \"dst\": \"0000\", \"leader\": \"FFFF\", \"type\": \"get\", \"MID\": \"M\", \"key\": "
        "\"\\ud83d\\ude00\"}",
        "{\"src\":\"0015\",\"dst\":\"0000\",\"leader\":\"FFFF\",\"type\":\"get\",\"MID\":\"M\",\"key\":\"k\"} ",
        "{\"src\": \"0015\", \"dst\": \"0000\", \"leader\": \"FFFF\", \"type\": \"status\", \"MID\": \"M\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct message m;
        assert_false(decodes_by_hand(texts[i], strlen(texts[i]), &m));
        assert_int_equal(m.src, 0x15);
        assert_string_equal(m.mid, "M");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_write_is_read_without_jansson),
        cmocka_unit_test(get_and_put_of_other_programs_are_read_without_jansson),
        cmocka_unit_test(what_deviates_is_left_to_jansson),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
