/* test_routes.c -- where members and waiting clients are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/routes.h"

static struct routes *r;
static char err[ADDRESS_ERR_LEN];

static int begin(void **state)
{
    (void)state;
    r = routes_new(AF_INET);
    return r ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    routes_free(r);
    return 0;
}

static void is_at(const struct address *a, const char *text)
{
    char numeric[ADDRESS_NUMERIC_MAX];
    assert_non_null(a);
    address_numeric(a, numeric);
    assert_string_equal(numeric, text);
}

static void members_are_where_the_last_configuration_says(void **state)
{
    (void)state;
    assert_true(routes_learn(r, "0001=127.0.0.1:1,0002=127.0.0.1:2,0003", err));
    is_at(routes_member(r, 1), "127.0.0.1:1");
    is_at(routes_member(r, 2), "127.0.0.1:2");
    assert_null(routes_member(r, 3)); /* nobody knows */
    assert_null(routes_member(r, 4));
    assert_true(routes_learn(r, "0002=127.0.0.1:22,0004=127.0.0.1:4", err));
    is_at(routes_member(r, 2), "127.0.0.1:22");
    is_at(routes_member(r, 4), "127.0.0.1:4");
    is_at(routes_member(r, 1), "127.0.0.1:1"); /* it must hear that it is out */
    assert_true(routes_learn_one(r, 5, "127.0.0.1:5", err));
    is_at(routes_member(r, 5), "127.0.0.1:5");
}

static void an_address_that_is_not_found_does_not_keep_the_others_from_being_learned(void **state)
{
    (void)state;
    assert_false(routes_learn(r, "0001=[::1]:1,0002=127.0.0.1:2", err)); /* no IPv6 through a socket of IPv4 */
    assert_non_null(strstr(err, "[::1]:1"));
    is_at(routes_member(r, 2), "127.0.0.1:2");
    assert_int_equal(routes_member(r, 1)->n, 0);
}

static void any_text_is_survived(void **state)
{
    (void)state;
    static const char *const odd[] = {"",   ",", ",,,", "0001", "0001=", "0001=,", "=", "FFFFF=1", "0001127.0.0.1:1",
                                      "000"};
    char much[9000];
    memset(much, '9', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        (void)routes_learn(r, odd[i], err);
    (void)routes_learn(r, much, err);
    for (unsigned i = 0; i < 1000; i++) { /* far more than a group ever has */
        char text[32];
        snprintf(text, sizeof text, "%04X=127.0.0.1:%u", i + 1, i + 1);
        assert_true(routes_learn(r, text, err));
        assert_non_null(routes_member(r, (node_id)(i + 1)));
    }
}

static void answers_go_to_where_the_request_came_from_last(void **state)
{
    (void)state;
    struct address a, b;
    assert_true(address_resolve("127.0.0.1:100", AF_INET, &a, err) &&
                address_resolve("127.0.0.1:200", AF_INET, &b, err));
    assert_null(routes_client(r, 7, "M"));
    routes_note(r, 7, "M", &a);
    routes_note(r, 7, "N", &b);
    routes_note(r, 8, "M", &b);
    is_at(routes_client(r, 7, "M"), "127.0.0.1:100");
    is_at(routes_client(r, 7, "N"), "127.0.0.1:200");
    is_at(routes_client(r, 8, "M"), "127.0.0.1:200");
    routes_note(r, 7, "M", &b); /* a retry from another socket */
    is_at(routes_client(r, 7, "M"), "127.0.0.1:200");
}

static void of_the_last_thousands_of_requests_hardly_any_is_forgotten(void **state)
{
    (void)state;
    struct address a;
    char mid[32];
    unsigned forgotten = 0;
    assert_true(address_resolve("127.0.0.1:100", AF_INET, &a, err));
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(mid, sizeof mid, "mid-%u", i);
        routes_note(r, (node_id)(i % 100), mid, &a);
        if (i < 2048)
            continue;
        snprintf(mid, sizeof mid, "mid-%u", i - 2048);
        forgotten += !routes_client(r, (node_id)((i - 2048) % 100), mid);
    }
    assert_true(forgotten < 100); /* 1 in 1000; a replica holds 1024 at most */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(members_are_where_the_last_configuration_says, begin, end),
        cmocka_unit_test_setup_teardown(an_address_that_is_not_found_does_not_keep_the_others_from_being_learned, begin,
                                        end),
        cmocka_unit_test_setup_teardown(any_text_is_survived, begin, end),
        cmocka_unit_test_setup_teardown(answers_go_to_where_the_request_came_from_last, begin, end),
        cmocka_unit_test_setup_teardown(of_the_last_thousands_of_requests_hardly_any_is_forgotten, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
