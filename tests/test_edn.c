/* The EDN reader: what it reads, what it refuses with the line, and that nothing makes it go too deep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../analyze/edn.h"

/* A source that gives one byte at a time: no value may depend on where a read ends. */
struct slow {
    const char *p;
    size_t n;
};

static ssize_t slow_read(void *ctx, void *to, size_t n)
{
    struct slow *s = ctx;
    if (s->n == 0 || n == 0)
        return 0;
    memcpy(to, s->p++, 1);
    s->n--;
    return 1;
}

/* All values of a text, printed again, with blanks between; an error as "line: words". */
static const char *read_all(const char *text, size_t n, bool flat, bool slowly)
{
    static char out[4096];
    size_t at = 0;
    struct slow s = {text, n};
    struct edn_reader *r = edn_open(slowly ? slow_read : NULL, &s, flat);
    const struct edn *v;
    enum edn_read got;
    assert_non_null(r);
    if (!slowly)
        edn_text(r, text, n, 1);
    out[0] = '\0';
    while ((got = edn_next(r, &v)) == EDN_VALUE) {
        if (at > 0)
            out[at++] = ' ';
        size_t len = edn_print(v, out + at, sizeof out - at - 2);
        assert_true(at + len < sizeof out - 2);
        at += len;
    }
    if (got == EDN_BAD)
        snprintf(out + at, sizeof out - at, "%lld: %s", (long long)edn_line(r), edn_error(r));
    assert_true(edn_next(r, &v) != EDN_VALUE); /* an end is an end */
    edn_close(r);
    return out;
}

static void expect(const char *text, const char *want)
{
    assert_string_equal(read_all(text, strlen(text), false, false), want);
    assert_string_equal(read_all(text, strlen(text), false, true), want);
}

static void values_of_all_kinds_are_read(void **state)
{
    (void)state;
    expect("nil true false 12 -3 +4 5N 007", "nil true false 12 -3 4 5 7");
    expect("99999999999999999999 1.5e3 2/3", "99999999999999999999 1.5e3 2/3");
    expect(":read :a.b/c sym - + \\a \\newline", ":read :a.b/c sym - + \\a \\newline");
    expect("[1 [2 3] ()] {:a 1, :b {}} #{1 2}", "[1 [2 3] ()] {:a 1 :b {}} #{1 2}");
    expect("; a comment\n#_gone 1 #_ #_ a b 2 [#_x 3]", "1 2 [3]");
    expect("#inst \"2020\" #jepsen.history.Op{:f :read} #a #b 1", "\"2020\" {:f :read} 1");
    expect("\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\"");
    expect("", "");
}

static void strings_are_decoded(void **state)
{
    (void)state;
    static const char text[] = "\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\\ud83dx\\t\\n\"";
    struct edn_reader *r = edn_open(NULL, NULL, false);
    const struct edn *v;
    edn_text(r, text, sizeof text - 1, 7);
    assert_int_equal(edn_next(r, &v), EDN_VALUE);
    assert_int_equal(v->line, 7);
    assert_int_equal(v->kind, EDN_STRING);
    assert_string_equal(v->text, "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbdx\t\n");
    edn_close(r);
}

static void halves_of_pairs_do_not_depend_on_where_a_read_ends(void **state)
{
    (void)state;
    expect("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
    expect("\"\\ud83d\\tx\\ud83d\\ud83d\\ude00\\ude00\"",
           "\"\xef\xbf\xbd\tx\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd\"");
}

static void a_vector_around_the_values_is_no_value_where_that_is_asked_for(void **state)
{
    (void)state;
    static const char text[] = "[{:a 1}\n {:b 2}]\n";
    assert_string_equal(read_all(text, sizeof text - 1, true, true), "{:a 1} {:b 2}");
    assert_string_equal(read_all(text, sizeof text - 1, false, true), "[{:a 1} {:b 2}]");
    assert_string_equal(read_all("[1 2", 4, true, false), "1 21: the vector of values has no end: the file is cut off");
    assert_string_equal(read_all("1 [2]", 5, true, false), "1 [2]");
}

static void bad_text_is_refused_with_its_line(void **state)
{
    (void)state;
    expect("1\n[2", "12: what begins with [ in line 2 has no end");
    expect("{:a}", "1: a map has a key without a value");
    expect("\"abc", "1: the string of line 1 has no end");
    expect("\"a\\q\"", "1: a string has an escape that EDN does not know");
    expect("\"\\u00g0\"", "1: \\u needs four hexadecimal digits");
    expect("]", "1: ] closes nothing");
    expect("[1)", "1: ) closes nothing");
    expect("#", "1: a tag is missing after #");
    expect("#_", "1: a value is missing at the end");
}

static void depth_and_size_are_bounded(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    char *text = malloc(EDN_BYTES_MAX + 100);
    assert_non_null(text);
    static const char *const units[] = {"[", "{", "(", "#{", "#a ", "#_", "[#_"};
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t n = 0, len = strlen(units[u]);
        for (int i = 0; i < DEEP; i++, n += len)
            memcpy(text + n, units[u], len);
        assert_non_null(strstr(read_all(text, n, false, false), "nested deeper than 64"));
    }
    memset(text, 'x', EDN_BYTES_MAX + 50);
    text[0] = '"';
    assert_non_null(strstr(read_all(text, EDN_BYTES_MAX + 50, false, false), "a value of over"));
    memset(text, ' ', EDN_BYTES_MAX + 50); /* blanks are no value */
    assert_string_equal(read_all(text, EDN_BYTES_MAX + 50, false, false), "");
    free(text);
}

static void any_bytes_end_in_values_or_words(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    static const char alphabet[] = "[](){}#_\"\\;:, \n019.+-NMu/nil\x80\xff\0tag";
    for (int round = 0; round < 20000; round++) {
        char text[64];
        size_t n = 0;
        for (; n < sizeof text && x % 61 != 0; n++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            text[n] = alphabet[x % (sizeof alphabet - 1)];
        }
        x += 11;
        struct edn_reader *r = edn_open(NULL, NULL, round % 2 == 0);
        const struct edn *v;
        edn_text(r, text, n, 1);
        enum edn_read got;
        while ((got = edn_next(r, &v)) == EDN_VALUE) {
            char out[32];
            edn_print(v, out, sizeof out - 1);
        }
        assert_true(got == EDN_END || (got == EDN_BAD && edn_error(r)[0] != '\0'));
        edn_close(r);
    }
}

static void maps_are_looked_into_by_keyword(void **state)
{
    (void)state;
    static const char text[] = "{:type :ok, \"type\" 1, :n nil}";
    struct edn_reader *r = edn_open(NULL, NULL, false);
    const struct edn *v;
    edn_text(r, text, sizeof text - 1, 1);
    assert_int_equal(edn_next(r, &v), EDN_VALUE);
    assert_true(edn_is(edn_get(v, "type"), "ok"));
    assert_false(edn_is(edn_get(v, "type"), "o"));
    assert_int_equal(edn_get(v, "n")->kind, EDN_NIL);
    assert_null(edn_get(v, "typ"));
    assert_null(edn_get(edn_get(v, "n"), "x"));
    edn_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_kinds_are_read),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(halves_of_pairs_do_not_depend_on_where_a_read_ends),
        cmocka_unit_test(a_vector_around_the_values_is_no_value_where_that_is_asked_for),
        cmocka_unit_test(bad_text_is_refused_with_its_line),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(any_bytes_end_in_values_or_words),
        cmocka_unit_test(maps_are_looked_into_by_keyword),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
