/* test_client_options.c -- kv's command line and environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/client_options.h"

static const char *env_name, *env_value;

static char *env(const char *name)
{
    return env_name && strcmp(name, env_name) == 0 ? (char *)(uintptr_t)env_value : NULL;
}

static struct kv_options o;
static char err[KV_ERR_LEN];

/* The line is split at spaces; "''" is an empty argument. */
static bool parse(const char *line)
{
    static char copy[8192], program[] = "kv", empty[] = "";
    char *argv[40] = {program};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? empty : word;
    argv[argc] = NULL;
    *err = '\0';
    return kv_options_parse(&o, argc, argv, env, err);
}

static int no_environment(void **state)
{
    (void)state;
    env_name = NULL;
    return 0;
}

#define S "--server localhost:1 "

static void each_command_takes_its_words(void **state)
{
    (void)state;
    assert_true(parse(S "get k"));
    assert_int_equal(o.command, MESSAGE_GET);
    assert_string_equal(o.key, "k");
    assert_int_equal(o.timeout_ms, 5000);
    assert_string_equal(o.cluster, "faultline");
    assert_true(parse("put k v --server=[::1]:2,h:3 --timeout-ms 7"));
    assert_int_equal(o.command, MESSAGE_PUT);
    assert_string_equal(o.value, "v");
    assert_int_equal(o.n_servers, 2);
    assert_string_equal(o.servers[0], "[::1]:2");
    assert_string_equal(o.servers[1], "h:3");
    assert_int_equal(o.timeout_ms, 7);
    assert_true(parse(S "put '' ''"));
    assert_string_equal(o.key, "");
    assert_true(parse(S "status --json"));
    assert_true(o.command == MESSAGE_STATUS && o.json);
    assert_true(parse(S "add 0004=h:4"));
    assert_true(o.command == MESSAGE_CHANGE && o.change == CHANGE_ADD && o.node == 4);
    assert_string_equal(o.address, "h:4");
    assert_int_equal(o.timeout_ms, 60000);
    assert_true(parse(S "remove 00AF"));
    assert_true(o.change == CHANGE_REMOVE && o.node == 0xaf);
    assert_true(parse(S "transfer"));
    assert_true(o.change == CHANGE_TRANSFER && o.node == NODE_NONE);
    assert_true(parse(S "transfer 0002"));
    assert_int_equal(o.node, 2);
}

static void keys_and_values_may_look_like_options(void **state)
{
    (void)state;
    assert_true(parse(S "put --server --help"));
    assert_string_equal(o.key, "--server");
    assert_string_equal(o.value, "--help");
    assert_true(parse(S "get -h"));
    assert_string_equal(o.key, "-h");
    assert_true(parse(S "put k - --timeout-ms 9"));
    assert_string_equal(o.value, "-");
    assert_int_equal(o.timeout_ms, 9);
    assert_true(parse("get k " S));
}

static void help_and_version_need_nothing_else(void **state)
{
    (void)state;
    assert_true(parse("--help") && o.help);
    assert_true(parse("get k -h") && o.help);
    assert_true(parse("--version") && o.version);
}

static void what_makes_no_sense_is_refused_with_a_line_that_says_what_would(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } bad[] = {{"", "what shall I do"},
               {"get k", "--server"},
               {S, "what shall I do"},
               {S "fetch k", "unknown command"},
               {S "get", "KEY"},
               {S "get k v", "KEY"},
               {S "put k", "KEY and VALUE"},
               {S "put k v w", "one word too many"},
               {S "put k \xff", "UTF-8"},
               {S "get \xc3", "UTF-8"},
               {S "status all", "nothing more"},
               {S "add 0004", "ID=HOST:PORT"},
               {S "add 4=h:1", "ID=HOST:PORT"},
               {S "add 0004=h", "ID=HOST:PORT"},
               {S "add FFFF=h:1", "ID=HOST:PORT"},
               {S "remove", "the ID"},
               {S "remove 00af", "upper-case"},
               {S "transfer FFFF", "upper-case"},
               {S "--frobnicate get k", "--help"},
               {"--server get", "HOST:PORT"},
               {"--server h:1, get k", "HOST:PORT"},
               {"--server", "needs a value"},
               {S "--timeout-ms 0 get k", "1 or more"},
               {S "--timeout-ms 1s get k", "1 or more"},
               {S "--key-file '' get k", "a file"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i].line) || !strstr(err, bad[i].says))
            fail_msg("'%s' gave '%s', not '%s'", bad[i].line, err, bad[i].says);
    assert_false(parse(S "\x1b[2J"));
    for (const char *p = err; *p; p++)
        assert_true((unsigned char)*p >= 0x20);
    char many[4096] = "--server h:1";
    for (int i = 1; i < 65; i++)
        strcat(many, ",h:1");
    assert_false(parse(strcat(many, " get k")));
}

static void the_environment_names_servers_key_and_cluster(void **state)
{
    (void)state;
    env_name = "FAULTLINE_SERVER";
    env_value = "a:1,b:2";
    assert_true(parse("get k"));
    assert_int_equal(o.n_servers, 2);
    assert_true(parse("--server c:3 get k")); /* the option wins */
    assert_int_equal(o.n_servers, 1);
    assert_string_equal(o.servers[0], "c:3");
    env_value = "nowhere";
    assert_false(parse("get k"));
    assert_non_null(strstr(err, "FAULTLINE_SERVER"));
    env_name = "FAULTLINE_KEY_FILE";
    env_value = "f";
    assert_true(parse(S "get k"));
    assert_string_equal(o.key_file, "f");
    env_name = "FAULTLINE_CLUSTER";
    assert_true(parse(S "get k"));
    assert_string_equal(o.cluster, "f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_command_takes_its_words, no_environment),
        cmocka_unit_test_setup(keys_and_values_may_look_like_options, no_environment),
        cmocka_unit_test_setup(help_and_version_need_nothing_else, no_environment),
        cmocka_unit_test_setup(what_makes_no_sense_is_refused_with_a_line_that_says_what_would, no_environment),
        cmocka_unit_test_setup(the_environment_names_servers_key_and_cluster, no_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
