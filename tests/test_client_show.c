/* test_client_show.c -- what kv prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include <unistd.h>

#include "../src/client_show.h"

static char printed[16384];

static const char *text(const char *s, bool terminal)
{
    FILE *f = fmemopen(printed, sizeof printed, "w");
    assert_non_null(f);
    kv_show_text(f, s, terminal);
    fclose(f);
    return printed;
}

static void control_characters_never_reach_a_terminal(void **state)
{
    (void)state;
    assert_string_equal(text("plain gr\xc3\xbcn", true), "plain gr\xc3\xbcn");
    assert_string_equal(text("a\x1b[2J\n\x7f", true), "a\\x1b[2J\\x0a\\x7f");
    assert_string_equal(text("\xc2\x9b"
                             "2J",
                             true),
                        "\\x9b2J");                               /* CSI as one character */
    assert_string_equal(text("a\x1b[2J\n", false), "a\x1b[2J\n"); /* a file gets what was stored */
}

static const struct member_status seen[] = {
    {.id = 1, .address = "h:1", .state = "self", .match = 100, .next = 101},
    {.id = 2, .address = "h:2", .state = "probe", .match = 58, .next = 59, .silent_ms = 12345},
    {.id = 3, .address = "h:3", .state = "replicate", .match = 100, .next = 101, .silent_ms = 1},
};
static const struct client_server servers[] = {
    {.id = 3,
     .text = "h:3",
     .answered = true,
     .leader = 1,
     .term = 7,
     .status = {.role = "leader\x1b[2J", .commit = 100, .applied = 99, .last = 100, .keys = 5, .durable = "disk"}},
    {.id = 1,
     .text = "h:1",
     .answered = true,
     .leader = 1,
     .term = 7,
     .status = {.role = "leader",
                .commit = 100,
                .applied = 100,
                .first = 41,
                .last = 100,
                .keys = 5,
                .durable = "disk",
                .n_members = 3,
                .members = seen}},
    {.id = NODE_NONE, .text = "h:4"},
    {.id = 2, .text = "h:2"},
    {.id = 5,
     .text = "h:5",
     .answered = true,
     .leader = NODE_NONE,
     .term = 6,
     .status = {.role = "follower", .commit = 9, .applied = 9, .last = 9, .keys = 1, .durable = "disk"}},
};

/* What `show` prints, by way of a file in the place of standard output. */
static const char *output(void (*show)(const struct client_server *, unsigned))
{
    FILE *f = tmpfile();
    assert_non_null(f);
    fflush(stdout);
    int old = dup(1);
    assert_true(old >= 0 && dup2(fileno(f), 1) == 1);
    show(servers, 5);
    fflush(stdout);
    dup2(old, 1);
    close(old);
    rewind(f);
    printed[fread(printed, 1, sizeof printed - 1, f)] = '\0';
    fclose(f);
    return printed;
}

static void the_table_is_aligned_and_tells_lag_and_silence_as_the_leader_sees_them(void **state)
{
    (void)state;
    static const char wanted[] =
        "ID    ADDRESS  ROLE        TERM  LEADER  COMMIT  APPLIED  LAST  LAG            SILENT    KEYS  STORE\n"
        "0003  h:3      leader?[2J  7     0001    100     99       100   0 (replicate)  1 ms      5     disk\n"
        "0001  h:1      leader      7     0001    100     100      100   -              -         5     disk\n"
        "-     h:4      no answer   -     -       -       -        -     -              -         -     -\n"
        "0002  h:2      no answer   -     -       -       -        -     42 (probe)     12345 ms  -     -\n"
        "0005  h:5      follower    6     -       9       9        9     (no member)    -         1     disk\n";
    assert_string_equal(output(kv_show_table), wanted);
}

static void json_has_the_same_and_more(void **state)
{
    (void)state;
    json_t *all = json_loads(output(kv_show_json), 0, NULL);
    assert_non_null(all);
    assert_string_equal(json_string_value(json_object_get(all, "leader")), "0001");
    const json_t *list = json_object_get(all, "servers"), *one = json_array_get(list, 3);
    assert_int_equal(json_array_size(list), 5);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 4), "state")), "no member");
    assert_true(json_is_false(json_object_get(one, "answered")));
    assert_int_equal(json_integer_value(json_object_get(one, "lag")), 42);
    assert_string_equal(json_string_value(json_object_get(one, "state")), "probe");
    one = json_array_get(list, 1);
    assert_int_equal(json_integer_value(json_object_get(one, "first")), 41);
    assert_null(json_object_get(one, "lag"));
    assert_true(json_is_null(json_object_get(json_array_get(list, 2), "id")));
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_never_reach_a_terminal),
        cmocka_unit_test(the_table_is_aligned_and_tells_lag_and_silence_as_the_leader_sees_them),
        cmocka_unit_test(json_has_the_same_and_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
