/* What the course's simulator accepts as a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "../src/rng.h"
#include "../src/sim_message.h"

static char what[96];

static const char *reason(const char *text)
{
    struct sim_message m;
    const char *why = sim_message_parse(text, strlen(text), &m, what);
    if (!why)
        sim_message_free(&m);
    return why;
}

static void a_message_is_an_object_with_four_fields_and_anything_more(void **state)
{
    (void)state;
    struct sim_message m;
    const char *text = " {\"src\": \"0001\", \"dst\": \"FFFF\", \"leader\": \"0002\", \"type\": \"append\", \"term\": "
                       "7, \"lc\": 12, \"more\": [1.5, null]}\n";
    assert_null(sim_message_parse(text, strlen(text), &m, what));
    assert_int_equal(m.type, SIM_OTHER);
    assert_string_equal(m.src, "0001");
    assert_string_equal(m.dst, "FFFF");
    assert_string_equal(m.leader, "0002");
    assert_string_equal(m.ty, "append");
    assert_true(m.has_term && m.term == 7 && m.has_lc && m.lc == 12);
    assert_null(m.mid);
    sim_message_free(&m);
    text = "{\"src\": \"0001\", \"dst\": \"0015\", \"leader\": \"FFFF\", \"type\": \"ok\", \"MID\": \"ABC\", "
           "\"value\": \"\", \"term\": \"x\"}";
    assert_null(sim_message_parse(text, strlen(text), &m, what));
    assert_true(m.type == SIM_OK && !m.has_term && m.value_is_text && *m.value == '\0');
    assert_string_equal(m.mid, "ABC");
    sim_message_free(&m);
}

static void what_is_no_message_has_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "empty"},
        {"hello", "not_json"},
        {"{\"src\": \"0001\"", "not_json"},
        {"\xC0\xAF", "not_json"},
        {"[]", "not_object"},
        {"\"x\"", "not_object"},
        {"{}", "missing_field"},
        {"{\"src\": \"0001\", \"dst\": \"0002\", \"leader\": \"FFFF\"}", "missing_field"},
        {"{\"src\": \"0001\", \"dst\": \"0002\", \"type\": \"x\"}", "missing_field"},
        {"{\"src\": 1, \"dst\": \"0002\", \"leader\": \"FFFF\", \"type\": \"x\"}", "bad_type"},
        {"{\"src\": \"0001\", \"dst\": \"0002\", \"leader\": null, \"type\": \"x\"}", "bad_type"},
        {"{\"src\": \"0001\", \"dst\": \"0002\", \"leader\": \"FFFF\", \"type\": 4}", "bad_type"},
        {"{\"src\": \"0001\", \"dst\": \"002\", \"leader\": \"FFFF\", \"type\": \"x\"}", "bad_value"},
        {"{\"src\": \"0001\", \"dst\": \"0002\", \"leader\": \"NONE\", \"type\": \"x\"}", "bad_value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *why = reason(cases[i].text);
        assert_non_null(why);
        assert_string_equal(why, cases[i].why);
    }
    assert_string_equal(reason("\xFF"), "not_json");
    assert_string_equal(what, "not UTF-8");
    static const char nul[] = "{\"src\":\"0001\",\"dst\":\"0002\",\"leader\":\"FFFF\",\"type\":\"x\",\"n\":1\0}";
    struct sim_message m;
    assert_string_equal(sim_message_parse_whole(nul, sizeof nul - 1, &m, what), "not_json");
    assert_string_equal(what, "a NUL byte");
    sim_message_free(&m);
}

static void legal_json_that_c_finds_hard_is_accepted(void **state)
{
    (void)state;
    assert_null(reason("{\"src\": \"0001\", \"dst\": \"0002\", \"leader\": \"FFFF\", \"type\": \"x\", \"n\": "
                       "123456789012345678901234567890}"));
    assert_null(
        reason("{\"src\": \"0001\", \"dst\": \"0002\", \"leader\": \"FFFF\", \"type\": \"x\", \"s\": \"a\\u0000b\"}"));
    assert_null(reason("{\"src\": \"0001\", \"dst\": \"0002\", \"leader\": \"FFFF\", \"type\": \"\xC3\xA4\"}"));
}

/* Python's int(s, 16), which the course's simulator uses. */
static void an_address_is_what_python_reads_as_hexadecimal(void **state)
{
    (void)state;
    static const char *const good[] = {"0000", "FFFF", "ffff", "0x1f", "0X1F",   " 0a1",
                                       "0a1 ", "+123", "-123", "1_0a", "\t\n12", "0x_1"};
    static const char *const bad[] = {"",     "000",  "00000", "000G", "_123", "123_",
                                      "1__2", "    ", "0x  ",  "+-12", "1 23", "x123"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!sim_message_address(good[i]))
            fail_msg("%s is an address", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (sim_message_address(bad[i]))
            fail_msg("%s is no address", bad[i]);
}

static void utf8_is_judged_by_rfc_3629(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xC3",
                                      "\xC0\x80",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xE2\x82",
                                      "\xE2\x82\x41",
                                      "\xF0\x8F\xBF\xBF"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(sim_message_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sim_message_utf8(bad[i], strlen(bad[i])));
}

static void same_text(const char *a, const char *b)
{
    if ((a == NULL) != (b == NULL) || (a && strcmp(a, b) != 0))
        fail_msg("%s is not %s", a ? a : "(none)", b ? b : "(none)");
}

/* Where the quick reader can tell, the whole one says the same. True when it could tell. */
static bool readers_agree(const char *bytes, size_t n)
{
    struct sim_message quick, whole;
    if (!sim_message_scan(bytes, n, &quick))
        return false;
    const char *why = sim_message_parse_whole(bytes, n, &whole, what);
    if (why && strcmp(why, "bad_value") != 0) /* it does not judge addresses */
        fail_msg("%s: %s: %.*s", why, what, (int)n, bytes);
    if (!why) {
        same_text(quick.src, whole.src);
        same_text(quick.dst, whole.dst);
        same_text(quick.leader, whole.leader);
        same_text(quick.ty, whole.ty);
        same_text(quick.mid, whole.mid);
        same_text(quick.value, whole.value);
        assert_true(quick.value_is_text == whole.value_is_text);
        assert_true(quick.has_term == whole.has_term && quick.term == whole.term);
        assert_true(quick.has_lc == whole.has_lc && quick.lc == whole.lc);
        sim_message_free(&whole);
    }
    return true;
}

#define APPEND                                                                                                         \
    "{\"src\":\"0001\",\"dst\":\"0002\",\"leader\":\"FFFF\",\"type\":\"app_req\",\"MID\":\"0001.1.77\",\"term\":4,"    \
    "\"lc\":991,"                                                                                                      \
    "\"ents\":[[12,4,\"put\",\"0015\",\"ABC\",\"k1\",\"v\"],[13,4,\"noop\"]],\"ok\":true,\"x\":{\"a\":[],\"c\":null}}"
#define ANSWER                                                                                                         \
    " { \"value\" : \"\" , \"type\" : \"ok\" , \"MID\" : \"XYZ\" , \"leader\" : \"0000\" , \"dst\" : \"0015\" ,"       \
    "\t\"src\" : \"0000\" , \"term\" : -3 } \r\n"
#define HELLO                                                                                                          \
    "{\"src\": \"0003\", \"dst\": \"FFFF\", \"leader\": \"FFFF\", \"type\": \"hello\", \"lc\": 0, "                    \
    "\"n\": 999999999999999999}"
static const char *const plain[] = {APPEND, ANSWER, HELLO};
enum { PLAIN = 3 };

static void plain_messages_are_scanned_and_read_the_same_by_both_readers(void **state)
{
    (void)state;
    for (size_t i = 0; i < PLAIN; i++)
        if (!readers_agree(plain[i], strlen(plain[i])))
            fail_msg("not scanned: %s", plain[i]);
    static const char *const others[] = {
        "{\"src\":\"0001\",\"dst\":\"0002\",\"leader\":\"FFFF\",\"type\":\"x\",\"value\":[1, 2.50]}",
        "{\"src\":\"0001\",\"dst\":\"0002\",\"leader\":\"FFFF\",\"type\":\"x\",\"value\":\"\\u00e4\"}",
        "{\"src\":\"0001\",\"dst\":\"0002\",\"leader\":\"FFFF\",\"type\":\"x\",\"src\":\"0003\"}",
        "{\"src\":\"0001\",\"dst\":\"0002\",\"leader\":\"FFFF\",\"type\":\"x\",\"lc\":-1,\"MID\":7}",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(readers_agree(others[i], strlen(others[i])));
        assert_null(reason(others[i]));
    }
    struct sim_message m;
    assert_null(sim_message_parse(others[0], strlen(others[0]), &m, what));
    assert_true(!m.value_is_text && strcmp(m.value, "[1,2.5]") == 0);
    sim_message_free(&m);
}

/* Bytes changed, left out, doubled, cut off. */
static void the_quick_reader_takes_nothing_that_the_whole_one_refuses(void **state)
{
    (void)state;
    static const char bytes[] = "{}[]\",:0123456789-.eE+tfn\\ u\x7f\x1f\xc3\xa4\n\0";
    struct rng rng;
    unsigned scanned = 0;
    rng_seed(&rng, 5);
    for (int round = 0; round < 200000; round++) {
        char text[600];
        const char *from = plain[rng_below(&rng, PLAIN)];
        size_t n = strlen(from);
        memcpy(text, from, n);
        for (uint64_t k = rng_below(&rng, 3) + 1; k > 0 && n > 1; k--) {
            size_t at = rng_below(&rng, n), len = rng_below(&rng, 8) + 1;
            len = len > n - at ? n - at : len;
            switch (rng_below(&rng, 4)) {
            case 0:
                text[at] = bytes[rng_below(&rng, sizeof bytes)];
                break;
            case 1:
                memmove(text + at, text + at + len, n - at - len);
                n -= len;
                break;
            case 2:
                memmove(text + at + len, text + at, n - at);
                n += len;
                break;
            default:
                n = at;
            }
        }
        scanned += readers_agree(text, n);
    }
    assert_true(scanned > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_an_object_with_four_fields_and_anything_more),
        cmocka_unit_test(what_is_no_message_has_a_reason),
        cmocka_unit_test(legal_json_that_c_finds_hard_is_accepted),
        cmocka_unit_test(an_address_is_what_python_reads_as_hexadecimal),
        cmocka_unit_test(plain_messages_are_scanned_and_read_the_same_by_both_readers),
        cmocka_unit_test(the_quick_reader_takes_nothing_that_the_whole_one_refuses),
        cmocka_unit_test(utf8_is_judged_by_rfc_3629),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
