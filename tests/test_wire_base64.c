/* test_wire_base64.c -- base64 by the book (RFC 4648), and one spelling only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../src/wire_int.h"

static void the_published_vectors(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"},
                                             {"\xfb\xff\xbf", "+/+/"}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char text[16];
        unsigned char bytes[16];
        size_t n = strlen(vectors[i][0]), len = strlen(vectors[i][1]), n_back = 99;
        assert_int_equal(WIRE_BASE64_LEN(n), len);
        wire_base64_encode((const unsigned char *)vectors[i][0], n, text);
        assert_memory_equal(text, vectors[i][1], len);
        assert_true(wire_base64_decode(vectors[i][1], len, bytes, &n_back));
        assert_int_equal(n_back, n);
        assert_memory_equal(bytes, vectors[i][0], n);
    }
}

/* Whatever four bytes are accepted are what the bytes they stand for are encoded to. */
static void each_text_that_is_accepted_is_the_only_one_for_its_bytes(void **state)
{
    (void)state;
    static const char some[] = "AB/+z0=-_ \xc3";
    unsigned accepted = 0;
    for (unsigned c = 0; c < 256; c++)
        for (size_t i = 0; i + 1 < sizeof some; i++)
            for (unsigned d = 0; d < 256; d++) {
                const char text[4] = {'Q', some[i], (char)c, (char)d};
                unsigned char bytes[3];
                char back[4];
                size_t n;
                if (!wire_base64_decode(text, 4, bytes, &n))
                    continue;
                accepted++;
                assert_in_range(n, 1, 3);
                wire_base64_encode(bytes, n, back);
                assert_memory_equal(back, text, 4);
            }
    /* Of the six digits: three bytes, 64 * 64 each; two bytes, where the last two bits are unused, 16 each; one byte,
     * where four are: only with 'A'. */
    assert_int_equal(accepted, 6 * 64 * 64 + 6 * 16 + 1);
}

static void other_lengths_are_refused(void **state)
{
    (void)state;
    unsigned char bytes[16];
    size_t n;
    for (size_t len = 1; len < 12; len++)
        assert_int_equal(wire_base64_decode("AAAAAAAAAAAA", len, bytes, &n), len % 4 == 0);
    assert_false(wire_base64_decode("AA==AAAA", 8, bytes, &n));
    assert_false(wire_base64_decode("AAA=AAAA", 8, bytes, &n));
    assert_false(wire_base64_decode("AAAA\nAAA", 8, bytes, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vectors),
        cmocka_unit_test(each_text_that_is_accepted_is_the_only_one_for_its_bytes),
        cmocka_unit_test(other_lengths_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
