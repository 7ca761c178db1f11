/* test_address.c -- addresses as text and as the socket takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/address.h"

static void host_and_port_are_split_and_nothing_else_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *port;
    } good[] = {{"localhost:1", "localhost", "1"},
                {"127.0.0.1:65535", "127.0.0.1", "65535"},
                {"[::1]:4000", "::1", "4000"},
                {"[fe80::1%eth0]:4000", "fe80::1%eth0", "4000"},
                {"a.b-c.example:00080", "a.b-c.example", "00080"}};
    static const char *const bad[] = {"",        "host",    "host:",     ":1",      "host:0",   "host:65536",
                                      "host:-1", "host:1x", "host: 1",   "::1:1",   "[::1]",    "[]:1",
                                      "[::1:1",  "::1]:1",  "[host]:1",  "ho st:1", "a,b:1",    "a=b:1",
                                      "a\x1b:1", "a\x7f:1", "[[::1]]:1", "h:1:2",   "[::1]x:1", "h:123456"};
    struct address_text t;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(address_split(good[i].text, &t));
        assert_string_equal(t.host, good[i].host);
        assert_string_equal(t.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (address_split(bad[i], &t))
            fail_msg("'%s' was taken", bad[i]);
    char longest[ADDRESS_MAX + 2];
    memset(longest, 'h', sizeof longest);
    strcpy(longest + ADDRESS_MAX - 2, ":1");
    assert_true(address_split(longest, &t));
    strcpy(longest + ADDRESS_MAX - 1, ":1");
    assert_false(address_split(longest, &t));
}

static bool loopback(const char *text)
{
    struct address_text t;
    assert_true(address_split(text, &t));
    return address_names_loopback(&t);
}

static bool any(const char *text)
{
    struct address_text t;
    assert_true(address_split(text, &t));
    return address_names_any(&t);
}

static void loopback_and_wildcard_are_told_from_others(void **state)
{
    (void)state;
    assert_true(loopback("localhost:1") && loopback("127.9.9.9:1") && loopback("[::1]:1"));
    assert_false(loopback("128.0.0.1:1") || loopback("[::2]:1") || loopback("127.example:1") || loopback("0.0.0.0:1"));
    assert_true(any("0.0.0.0:1") && any("[::]:1"));
    assert_false(any("127.0.0.1:1") || any("[::1]:1") || any("host:1"));
}

static void numeric_addresses_are_resolved_without_a_name_server_and_come_back_as_text(void **state)
{
    (void)state;
    static const char *const numeric[] = {"127.0.0.1:4000", "[::1]:1", "192.0.2.7:65535", "[2001:db8::5]:9"};
    char err[ADDRESS_ERR_LEN], text[ADDRESS_NUMERIC_MAX];
    struct address a, b;
    for (size_t i = 0; i < sizeof numeric / sizeof *numeric; i++) {
        assert_true(address_resolve(numeric[i], AF_UNSPEC, &a, err));
        address_numeric(&a, text);
        assert_string_equal(text, numeric[i]);
        assert_true(address_same(&a, &a));
        assert_true(address_resolve(numeric[(i + 1) % 4], AF_UNSPEC, &b, err));
        assert_false(address_same(&a, &b));
    }
    assert_true(address_resolve("localhost:4000", AF_UNSPEC, &a, err)); /* whether there is IPv6 or not */
    address_numeric(&a, text);
    assert_string_equal(text, "127.0.0.1:4000");
    assert_true(address_resolve("127.0.0.1:4001", AF_UNSPEC, &b, err));
    assert_false(address_same(&a, &b));
    /* A socket of IPv6 reaches IPv4 hosts under mapped addresses. */
    assert_true(address_resolve("127.0.0.1:4000", AF_INET6, &a, err));
    address_numeric(&a, text);
    assert_string_equal(text, "[::ffff:127.0.0.1]:4000");
    assert_false(address_resolve("[::1]:4000", AF_INET, &a, err));
    assert_non_null(strstr(err, "is IPv6"));
    assert_non_null(strstr(err, "[::1]:4000"));
    assert_false(address_resolve("nonsense", AF_UNSPEC, &a, err));
    assert_non_null(strstr(err, "HOST:PORT"));
    a.n = 0;
    assert_false(address_same(&a, &a)); /* nowhere is not a place */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_and_port_are_split_and_nothing_else_is_taken),
        cmocka_unit_test(loopback_and_wildcard_are_told_from_others),
        cmocka_unit_test(numeric_addresses_are_resolved_without_a_name_server_and_come_back_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
