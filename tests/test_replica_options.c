/* test_replica_options.c -- the replica's command line and environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/replica_options.h"

/* One variable at a time is enough. */
static const char *env_name, *env_value;

static char *env(const char *name)
{
    return env_name && strcmp(name, env_name) == 0 ? (char *)(uintptr_t)env_value : NULL;
}

static struct options o;
static char err[OPTIONS_ERR_LEN];

/* The line is split at spaces; "''" is an empty argument. */
static bool parse(const char *line)
{
    static char copy[1024], program[] = "replica", empty[] = "";
    char *argv[64] = {program};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? empty : word;
    argv[argc] = NULL;
    *err = '\0';
    return options_parse(&o, argc, argv, env, err);
}

static int no_environment(void **state)
{
    (void)state;
    env_name = NULL;
    return 0;
}

static void port_id_and_peers_are_enough_as_the_course_starts_it(void **state)
{
    (void)state;
    assert_true(parse("40000 0002 0004 0000 0003 0001"));
    assert_int_equal(o.port, 40000);
    assert_int_equal(o.core.id, 2);
    assert_int_equal(o.core.n_peers, 4);
    assert_int_equal(o.core.peers[0], 4);
    assert_int_equal(o.core.peers[3], 1);
    assert_int_equal(o.core.reads, RAFT_READS_LEASE);
    assert_null(o.data_dir);
    assert_null(o.listen);
    assert_string_equal(o.cluster, "faultline");
    assert_int_equal(o.datagram_bytes, DATAGRAM_MAX);
    assert_int_equal(o.core.append_bytes, RAFT_ENTRY_BYTES_MAX);
    assert_null(o.core.conf);
    assert_true(o.core.election_min_us >= 500000);
    assert_string_equal(o.trace_dir, "traces");
    assert_false(o.seed_given);
    assert_int_equal(o.boot, 0);
}

static void groups_of_1_to_21_are_taken_and_22_are_not(void **state)
{
    (void)state;
    char line[256] = "1";
    for (int n = 1; n <= 22; n++) {
        snprintf(line + strlen(line), sizeof line - strlen(line), " %04X", n);
        assert_int_equal(parse(line), n <= 21);
    }
    assert_non_null(strstr(err, "at most 21"));
}

static void every_option_is_taken_as_one_word_or_two(void **state)
{
    (void)state;
    assert_true(
        parse("--trace here --reads local --heartbeat-ms 10 --election-ms 100-200 --retry-ms 7 --seed 5 1 0001"));
    assert_string_equal(o.trace_dir, "here");
    assert_int_equal(o.core.reads, RAFT_READS_LOCAL);
    assert_int_equal(o.core.heartbeat_us, 10000);
    assert_int_equal(o.core.election_min_us, 100000);
    assert_int_equal(o.core.election_max_us, 200000);
    assert_int_equal(o.core.retry_us, 7000);
    assert_true(o.seed_given);
    assert_int_equal(o.core.seed, 5);
    assert_true(parse("--data=d --cluster c --drift-ppm 0 --compact-entries 7 --compact-bytes 8 --join 1 0001"));
    assert_string_equal(o.data_dir, "d");
    assert_string_equal(o.cluster, "c");
    assert_int_equal(o.core.drift_ppm, 0);
    assert_int_equal(o.core.compact_entries, 7);
    assert_int_equal(o.core.compact_bytes, 8);
    assert_true(o.core.joining);
    assert_true(parse("--election-ms=600,600 --heartbeat-ms=599 --trace=off -- 65535 00FF"));
    assert_int_equal(o.core.election_max_us, 600000);
    assert_null(o.trace_dir);
    assert_int_equal(o.core.id, 0xff);
}

static void replicas_that_talk_directly_are_told_where_the_others_are(void **state)
{
    (void)state;
    assert_true(parse("--listen 127.0.0.1:4001 --peer 000A=localhost:4002 --peer 0002=[::1]:4003 000B"));
    assert_string_equal(o.listen, "127.0.0.1:4001");
    assert_int_equal(o.port, 0);
    assert_int_equal(o.core.id, 11);
    assert_int_equal(o.core.n_peers, 2);
    assert_int_equal(o.core.peers[0], 10);
    assert_int_equal(o.core.peers[1], 2);
    assert_string_equal(o.core.conf, "0002=[::1]:4003,000A=localhost:4002,000B=127.0.0.1:4001");
    assert_int_equal(o.datagram_bytes, DATAGRAM_MAX);
    /* All members may be given the same list, themselves included. */
    assert_true(parse("--listen 0.0.0.0:1 --peer 0002=b:2 --peer 0001=a:1 0001"));
    assert_int_equal(o.core.n_peers, 1);
    assert_string_equal(o.core.conf, "0001=a:1,0002=b:2");
    /* One that joins is not a member yet. */
    assert_true(parse("--listen localhost:1 --join --peer 0002=localhost:2 0001"));
    assert_true(o.core.joining);
    assert_string_equal(o.core.conf, "0002=localhost:2");
    char line[1024] = "--listen localhost:9";
    for (int n = 2; n <= 22; n++) {
        assert_int_equal(parse(strcat(strcpy((char[1024]){0}, line), " 0001")), n <= 22);
        snprintf(line + strlen(line), sizeof line - strlen(line), " --peer %04X=localhost:%d", n, n);
    }
    assert_false(parse(strcat(line, " 0001")));
}

static void datagrams_are_small_where_they_leave_the_machine(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t bytes;
    } sizes[] = {{"--listen 127.1.2.3:1 --peer 0002=[::1]:2 0001", DATAGRAM_MAX},
                 {"--listen 10.0.0.1:1 0001", 1400},
                 {"--listen localhost:1 --peer 0002=elsewhere:2 0001", 1400},
                 {"--listen 10.0.0.1:1 --datagram-bytes 9000 0001", 9000},
                 {"--datagram-bytes 548 1 0001", 548}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_true(parse(sizes[i].line));
        assert_int_equal(o.datagram_bytes, sizes[i].bytes);
        assert_true(o.core.append_bytes > 0 && o.core.append_bytes < sizes[i].bytes);
        assert_true(o.core.chunk_bytes >= 48 && o.core.chunk_bytes / 3 * 4 < sizes[i].bytes);
    }
}

static void help_and_version_need_nothing_else(void **state)
{
    (void)state;
    assert_true(parse("--help") && o.help);
    assert_true(parse("-h") && o.help);
    assert_true(parse("--version") && o.version);
    assert_non_null(strstr(options_help, "UNSAFE"));
}

static void what_makes_no_sense_is_refused_with_a_line_that_says_what_would(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } bad[] = {
        {"", "PORT and ID"},
        {"40000", "PORT and ID"},
        {"0 0001", "UDP port"},
        {"65536 0001", "UDP port"},
        {"+1 0001", "UDP port"},
        {"40000x 0001", "UDP port"},
        {"40000 1", "four upper-case hex digits"},
        {"40000 00a1", "four upper-case hex digits"},
        {"40000 FFFF", "four upper-case hex digits"},
        {"40000 0001 00001", "four upper-case hex digits"},
        {"40000 0001 0001", "twice"},
        {"40000 0001 0002 0002", "twice"},
        {"--frobnicate 40000 0001", "--help"},
        {"-x 40000 0001", "--help"},
        {"--reads stale 40000 0001", "index or local"},
        {"--reads", "needs a value"},
        {"--trace '' 40000 0001", "directory"},
        {"--heartbeat-ms 0 40000 0001", "1 or more"},
        {"--heartbeat-ms 5s 40000 0001", "1 or more"},
        {"--heartbeat-ms -5 40000 0001", "1 or more"},
        {"--heartbeat-ms 1500 40000 0001", "--heartbeat-ms smaller"},
        {"--election-ms 2000 40000 0001", "MIN-MAX"},
        {"--election-ms 2000-1000 40000 0001", "MIN-MAX"},
        {"--election-ms 2000-1000000000000000000000 40000 0001", "MIN-MAX"},
        {"--retry-ms 0 40000 0001", "1 or more"},
        {"--seed -1 40000 0001", "2^63"},
        {"--seed 9223372036854775808 40000 0001", "2^63"},
        {"--data '' 40000 0001", "a directory"},
        {"--cluster '' 40000 0001", "a name"},
        {"--drift-ppm 500001 40000 0001", "500000"},
        {"--drift-ppm -1 40000 0001", "500000"},
        {"--compact-entries x 40000 0001", "entries"},
        {"--compact-bytes 1M 40000 0001", "bytes"},
        {"--datagram-bytes 547 40000 0001", "from 548"},
        {"--datagram-bytes 65508 40000 0001", "to 65507"},
        {"--join=1 40000 0001", "no value"},
        {"--key-file '' 40000 0001", "a file"},
        {"--key-file f 40000 0001", "--listen"},
        {"--peer 0002=localhost:1 40000 0001", "--listen"},
        {"--listen 4000 0001", "HOST:PORT"},
        {"--listen :4000 0001", "HOST:PORT"},
        {"--listen ::1:4000 0001", "HOST:PORT"},
        {"--listen [::1:4000 0001", "HOST:PORT"},
        {"--listen [localhost]:4000 0001", "HOST:PORT"},
        {"--listen localhost:0 0001", "HOST:PORT"},
        {"--listen localhost:65536 0001", "HOST:PORT"},
        {"--listen localhost:+1 0001", "HOST:PORT"},
        {"--listen localhost:1", "our own ID"},
        {"--listen localhost:1 0001 0002", "our own ID"},
        {"--listen localhost:1 1", "four upper-case"},
        {"--listen localhost:1 --peer 0002 0001", "ID=HOST:PORT"},
        {"--listen localhost:1 --peer 0002= 0001", "ID=HOST:PORT"},
        {"--listen localhost:1 --peer FFFF=h:1 0001", "ID=HOST:PORT"},
        {"--listen localhost:1 --peer 0002=h,h:1 0001", "ID=HOST:PORT"},
        {"--listen localhost:1 --peer 0002=h:1 --peer 0002=g:1 0001", "each ID and address once"},
        {"--listen localhost:1 --peer 0002=h:1 --peer 0003=h:1 0001", "each ID and address once"},
        {"--listen 0.0.0.0:1 --peer 0002=h:1 0001", "--peer 0001=HOST:PORT"},
        {"--listen [::]:1 --peer 0002=h:1 0001", "--peer 0001=HOST:PORT"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parse(bad[i].line) || !strstr(err, bad[i].says)) {
            print_message("'%s' gave '%s', not '%s'\n", bad[i].line, err, bad[i].says);
            fail();
        }
    }
}

static void what_is_quoted_in_an_error_cannot_steer_a_terminal(void **state)
{
    (void)state;
    assert_false(parse("--reads \x1b[2J\x07 40000 0001"));
    for (const char *p = err; *p; p++)
        assert_true((unsigned char)*p >= 0x20);
}

static void each_variable_of_the_environment_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
    } set[] = {{"FAULTLINE_TRACE", "off"},          {"FAULTLINE_READS", "local"},
               {"FAULTLINE_RUN", "run-1.x_Y"},      {"FAULTLINE_BOOT", "3"},
               {"FAULTLINE_EPOCH_NS", "12"},        {"FAULTLINE_TRACE_STRICT", "1"},
               {"FAULTLINE_TRACE_HASH_EVERY", "1"}, {"FAULTLINE_DATA", "d"},
               {"FAULTLINE_CLUSTER", "c"}};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
        env_name = set[i].name;
        env_value = set[i].value;
        assert_true(parse("40000 0001"));
        assert_true((o.trace_dir == NULL) == (i == 0));
        assert_true((o.core.reads == RAFT_READS_LOCAL) == (i == 1));
        assert_true((o.run != NULL) == (i == 2));
        assert_int_equal(o.boot, i == 3 ? 3 : 0);
        assert_true(o.epoch_given == (i == 4) && o.epoch_ns == (i == 4 ? 12 : 0));
        assert_true(o.strict == (i == 5));
        assert_int_equal(o.hash_every, i == 6 ? 1 : 256);
        assert_true((o.data_dir != NULL) == (i == 7));
        assert_string_equal(o.cluster, i == 8 ? "c" : "faultline");
    }
    env_name = "FAULTLINE_READS";
    env_value = "local";
    assert_true(parse("--reads index 40000 0001")); /* the option wins */
    assert_int_equal(o.core.reads, RAFT_READS_INDEX);
    env_value = ""; /* as if it were not set */
    assert_true(parse("40000 0001"));
}

static void a_key_leaves_room_for_the_seal_and_is_not_for_the_simulated_network(void **state)
{
    (void)state;
    assert_true(parse("--listen localhost:1 --datagram-bytes 1400 0001"));
    size_t plain = o.core.append_bytes;
    assert_true(parse("--listen localhost:1 --datagram-bytes 1400 --key-file f 0001"));
    assert_string_equal(o.key_file, "f");
    assert_int_equal(o.core.append_bytes, plain - 53);
    env_name = "FAULTLINE_KEY_FILE";
    env_value = "usual";
    assert_true(parse("--listen localhost:1 0001"));
    assert_string_equal(o.key_file, "usual");
    assert_true(parse("40000 0001"));
    assert_null(o.key_file);
    assert_false(parse("--key-file usual-too 40000 0001"));
}

static void a_run_may_have_any_name_that_a_directory_may_have_up_to_200_bytes(void **state)
{
    (void)state;
    static char longest[202];
    memset(longest, 'n', 200);
    const char *const good[] = {"a b", ".hidden", "...", "L\xc3\xa4uf 'x' $y", longest};
    env_name = "FAULTLINE_RUN";
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        env_value = good[i];
        assert_true(parse("40000 0001"));
        assert_string_equal(o.run, good[i]);
    }
    longest[200] = 'n';
    assert_false(parse("40000 0001"));
}

static void a_variable_that_makes_no_sense_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
    } bad[] = {{"FAULTLINE_READS", "no"},
               {"FAULTLINE_RUN", "../up"},
               {"FAULTLINE_RUN", ".."},
               {"FAULTLINE_RUN", "a/b"},
               {"FAULTLINE_RUN", "."},
               {"FAULTLINE_RUN", "\x1b[2J"},
               {"FAULTLINE_BOOT", "0"},
               {"FAULTLINE_BOOT", "one"},
               {"FAULTLINE_EPOCH_NS", "-1"},
               {"FAULTLINE_EPOCH_NS", "1e9"},
               {"FAULTLINE_TRACE_STRICT", "yes"},
               {"FAULTLINE_TRACE_HASH_EVERY", "-1"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        env_name = bad[i].name;
        env_value = bad[i].value;
        assert_false(parse("40000 0001"));
        assert_non_null(strstr(err, bad[i].name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(port_id_and_peers_are_enough_as_the_course_starts_it, no_environment),
        cmocka_unit_test_setup(groups_of_1_to_21_are_taken_and_22_are_not, no_environment),
        cmocka_unit_test_setup(every_option_is_taken_as_one_word_or_two, no_environment),
        cmocka_unit_test_setup(replicas_that_talk_directly_are_told_where_the_others_are, no_environment),
        cmocka_unit_test_setup(datagrams_are_small_where_they_leave_the_machine, no_environment),
        cmocka_unit_test_setup(help_and_version_need_nothing_else, no_environment),
        cmocka_unit_test_setup(what_makes_no_sense_is_refused_with_a_line_that_says_what_would, no_environment),
        cmocka_unit_test_setup(what_is_quoted_in_an_error_cannot_steer_a_terminal, no_environment),
        cmocka_unit_test_setup(each_variable_of_the_environment_is_taken, no_environment),
        cmocka_unit_test_setup(a_key_leaves_room_for_the_seal_and_is_not_for_the_simulated_network, no_environment),
        cmocka_unit_test_setup(a_run_may_have_any_name_that_a_directory_may_have_up_to_200_bytes, no_environment),
        cmocka_unit_test_setup(a_variable_that_makes_no_sense_is_refused_by_name, no_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
