/* test_kv_process.c -- the programs as they are used: replicas on real addresses with their state on disk, and kv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/udp.h"
#include "support/kv_group.h"
#include "support/spawn.h"

static struct kv_group g;

static int clean(void **state)
{
    (void)state;
    kv_group_clean(&g);
    return 0;
}

static void start_three(int family, bool sealed)
{
    if (!kv_group_init(&g, 3, family, sealed)) {
        print_message("skipped: no port of %s is free here\n", family == AF_INET6 ? "IPv6" : "IPv4");
        skip();
    }
    for (unsigned i = 0; i < 3; i++)
        kv_group_start(&g, i, false);
}

static void reads(const char *key, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, "%s\n", value);
    assert_int_equal(KV(&g, "get", key), 0);
    assert_string_equal(g.out, line);
}

static void a_group_serves_survives_its_leader_and_takes_it_back(void **state)
{
    (void)state;
    start_three(AF_INET, false);
    assert_int_equal(KV(&g, "put", "color", "green"), 0);
    reads("color", "green");
    reads("never written", "");
    unsigned leader = kv_settled(&g, 3);
    assert_int_equal(KV(&g, "status"), 0);
    assert_non_null(strstr(g.out, "leader"));
    assert_non_null(strstr(g.out, g.at[2]));

    int status = kv_group_end(&g, leader, SIGKILL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(KV(&g, "put", "color", "red"), 0);
    assert_int_equal(KV(&g, "put", "-dashed-", "--value"), 0);
    reads("color", "red");
    assert_int_not_equal(kv_settled(&g, 2), leader);

    kv_group_start(&g, leader, false);
    kv_settled(&g, 3);
    json_t *told = kv_status(&g);
    const json_t *one = json_array_get(json_object_get(told, "servers"), leader);
    assert_int_equal(json_integer_value(json_object_get(one, "boot")), 2);
    assert_string_equal(json_string_value(json_object_get(one, "durable")), "disk");
    assert_int_equal(json_integer_value(json_object_get(one, "keys")), 2);
    json_decref(told);

    /* All of them, one after the other, and nothing is lost. */
    for (unsigned i = 0; i < 3; i++) {
        status = kv_group_end(&g, i, SIGTERM);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (unsigned i = 0; i < 3; i++)
        kv_group_start(&g, i, false);
    reads("color", "red");
    reads("-dashed-", "--value");
}

/* Runs `printf FORMAT | kv put piped -`. */
static int piped(const char *format)
{
    static char kv[4200], line[8192];
    spawn_path("kv", kv, sizeof kv);
    snprintf(line, sizeof line, "printf '%s' | '%s' --server %s,%s,%s put piped -", format, kv, g.at[0], g.at[1],
             g.at[2]);
    return spawn_run((const char *const[]){"/bin/sh", "-c", line, NULL}, 60, g.out, sizeof g.out);
}

static void a_value_may_come_from_standard_input_if_it_is_text(void **state)
{
    (void)state;
    start_three(AF_INET, false);
    assert_int_equal(piped("two\\nlines"), 0);
    reads("piped", "two\nlines");
    assert_int_equal(piped("%065509d"), 1); /* more than a datagram */
    assert_int_equal(piped("a\\000b"), 65);
    assert_non_null(strstr(g.out, "NUL"));
    assert_int_equal(piped("\\377"), 65);
    assert_non_null(strstr(g.out, "UTF-8"));
    reads("piped", "two\nlines");
    assert_int_equal(piped(""), 0);
    reads("piped", "");
}

static void without_a_majority_a_put_is_not_acknowledged(void **state)
{
    (void)state;
    start_three(AF_INET, false);
    assert_int_equal(KV(&g, "put", "k", "old"), 0);
    unsigned leader = kv_settled(&g, 3);
    for (unsigned i = 0; i < 3; i++)
        if (i != leader)
            (void)kv_group_end(&g, i, SIGKILL);
    assert_int_equal(KV(&g, "--timeout-ms", "300", "put", "k", "new"), 2);
    assert_non_null(strstr(g.out, "may have taken effect"));
    (void)kv_group_end(&g, leader, SIGKILL);
    assert_int_equal(KV(&g, "--timeout-ms", "300", "put", "k", "new"), 69);
    assert_non_null(strstr(g.out, "no server answered"));
}

static void a_stranger_in_a_members_name_is_refused_and_recorded(void **state)
{
    (void)state;
    struct udp stranger;
    struct address to;
    char err[ADDRESS_ERR_LEN];
    start_three(AF_INET, false);
    kv_settled(&g, 3);
    assert_true(udp_open(&stranger, 1, err) && address_resolve(g.at[0], AF_INET, &to, err));
    static const char forged[] =
        "{\"src\":\"0002\",\"dst\":\"0001\",\"leader\":\"FFFF\",\"type\":\"prevote_req\",\"MID\":"
        "\"M\",\"lc\":1,\"term\":99,\"lli\":99,\"llt\":99}";
    assert_true(udp_send_to(&stranger, &to, forged, sizeof forged - 1));
    udp_close(&stranger);
    assert_int_equal(KV(&g, "put", "k", "v"), 0); /* still there, and the forged one has been dealt with before */
    (void)kv_group_end(&g, 0, SIGTERM);
    assert_int_equal(kv_refused(&g, 0, "unknown_source"), 1);
}

static void with_a_key_only_its_holders_take_part(void **state)
{
    (void)state;
    char wrong[4300];
    start_three(AF_INET, true);
    assert_int_equal(KV(&g, "put", "k", "v"), 0);
    unsigned leader = kv_settled(&g, 3);

    g.sealed = false;
    assert_int_equal(KV(&g, "--timeout-ms", "300", "get", "k"), 69);
    assert_int_equal(KV(&g, "--timeout-ms", "300", "status"), 69);
    snprintf(wrong, sizeof wrong, "%s/wrong", g.dir);
    FILE *f = fopen(wrong, "w");
    assert_non_null(f);
    fprintf(f, "another secret that is long enough to be one\n");
    fclose(f);
    assert_int_equal(KV(&g, "--key-file", wrong, "get", "k"), 66); /* others may read it */
    assert_non_null(strstr(g.out, "chmod 600"));
    assert_int_equal(chmod(wrong, 0600), 0);
    assert_int_equal(KV(&g, "--timeout-ms", "300", "--key-file", wrong, "get", "k"), 69);
    assert_int_equal(KV(&g, "--timeout-ms", "300", "--key-file", g.key_file, "--cluster", "other", "get", "k"), 69);
    assert_int_equal(KV(&g, "--key-file", g.key_file, "get", "k"), 0);
    g.sealed = true;

    /* Proofs are given anew where one starts again. */
    (void)kv_group_end(&g, leader, SIGKILL);
    assert_int_equal(KV(&g, "put", "k", "w"), 0);
    kv_group_start(&g, leader, false);
    kv_settled(&g, 3);
    reads("k", "w");
    for (unsigned i = 0; i < 3; i++) {
        (void)kv_group_end(&g, i, SIGTERM);
        assert_true(kv_refused(&g, i, "bad_seal") >= 4);
    }
}

static void a_group_may_live_on_ipv6(void **state)
{
    (void)state;
    start_three(AF_INET6, true);
    assert_int_equal(KV(&g, "put", "k", "v"), 0);
    reads("k", "v");
}

static void members_come_and_go_and_leadership_with_them(void **state)
{
    (void)state;
    char fourth[80], elsewhere[80];
    start_three(AF_INET, true);
    assert_int_equal(KV(&g, "put", "k", "v"), 0);
    kv_group_start(&g, 3, true);
    snprintf(fourth, sizeof fourth, "0004=%s", g.at[3]);
    snprintf(elsewhere, sizeof elsewhere, "0004=%s", g.at[0]);
    assert_int_equal(KV(&g, "add", fourth), 0);
    assert_int_equal(KV(&g, "add", fourth), 0); /* it is there: nothing to do */
    assert_int_equal(KV(&g, "add", elsewhere), 1);
    assert_non_null(strstr(g.out, "another address"));
    kv_settled(&g, 4);
    assert_int_equal(KV(&g, "transfer", "0004"), 0);
    assert_int_equal(kv_settled(&g, 4), 3);
    assert_int_equal(KV(&g, "remove", "0001"), 0);
    assert_int_equal(KV(&g, "remove", "0001"), 1);
    assert_non_null(strstr(g.out, "no such member"));
    (void)kv_group_end(&g, 0, SIGTERM);
    kv_settled(&g, 3);
    /* Two of the three that are left suffice, and the new one remembers its place. */
    (void)kv_group_end(&g, 1, SIGKILL);
    (void)kv_group_end(&g, 3, SIGKILL);
    kv_group_start(&g, 3, true);
    reads("k", "v");
    assert_int_equal(KV(&g, "put", "k", "w"), 0);
    kv_settled(&g, 2);
}

static void a_leader_that_is_removed_leaves_a_group_that_goes_on(void **state)
{
    (void)state;
    start_three(AF_INET, false);
    assert_int_equal(KV(&g, "put", "k", "1"), 0);
    char id[16];
    unsigned first = kv_settled(&g, 3);
    snprintf(id, sizeof id, "%04X", first + 1);
    assert_int_equal(KV(&g, "remove", id), 0);
    assert_int_equal(KV(&g, "put", "k", "2"), 0);
    (void)kv_group_end(&g, first, SIGTERM);
    assert_int_not_equal(kv_settled(&g, 2), first);
    reads("k", "2");
}

/* The independent witness: no datagram refused, no rule of Raft broken, nothing missing. */
static void the_traces_of_a_sealed_group_pass_every_check(void **state)
{
    (void)state;
    static char program[4200], traces[4300], out[65536];
    char fourth[80];
    start_three(AF_INET, true);
    assert_int_equal(KV(&g, "put", "k", "v"), 0);
    kv_group_start(&g, 3, true);
    snprintf(fourth, sizeof fourth, "0004=%s", g.at[3]);
    assert_int_equal(KV(&g, "add", fourth), 0);
    assert_int_equal(KV(&g, "transfer", "0002"), 0);
    reads("k", "v");
    assert_int_equal(KV(&g, "remove", "0003"), 0);
    unsigned leader = kv_settled(&g, 3);
    (void)kv_group_end(&g, leader, SIGTERM);
    assert_int_equal(KV(&g, "put", "k", "w"), 0);
    kv_group_start(&g, leader, leader == 3);
    kv_settled(&g, 3);
    for (unsigned i = 0; i < 4; i++)
        (void)kv_group_end(&g, i, SIGTERM);
    spawn_path("analyze", program, sizeof program);
    snprintf(traces, sizeof traces, "%s/traces/run", g.dir);
    int status = spawn_run((const char *const[]){program, traces, NULL}, 60, out, sizeof out);
    if (status != 0)
        fail_msg("analyze: %d\n%s", status, out);
    assert_non_null(strstr(out, "complete"));
}

static void what_cannot_start_says_why_in_its_exit_status(void **state)
{
    (void)state;
    static char program[4200], data[4200], none[4300], out[4096];
    start_three(AF_INET, false);
    kv_settled(&g, 3);
    spawn_path("replica", program, sizeof program);
    snprintf(data, sizeof data, "%s/data", g.dir);
    snprintf(none, sizeof none, "%s/none", g.dir);
    const struct {
        const char *option, *value, *id, *says;
        int status;
    } bad[] = {
        {"--data", data, "0001", "0001.db", 73}, /* in use */
        {"--data", none, "0001", none, 66},         {"--key-file", none, "0009", none, 66},
        {"--listen", g.at[0], "0009", g.at[0], 74}, /* in use too */
        {"--cluster", "", "0009", "--cluster", 64},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const argv[] = {program,       "--trace",    "off",     "--listen", g.at[3],
                                    bad[i].option, bad[i].value, bad[i].id, NULL};
        assert_int_equal(spawn_run(argv, 30, out, sizeof out), bad[i].status);
        if (!strstr(out, bad[i].says))
            fail_msg("not in '%s': %s", out, bad[i].says);
    }
    for (unsigned i = 0; i < 3; i++)
        (void)kv_group_end(&g, i, SIGTERM);
    const char *const other[] = {program, "--trace",   "off",     "--listen", g.at[3], "--data",
                                 data,    "--cluster", "another", "0001",     NULL};
    assert_int_equal(spawn_run(other, 30, out, sizeof out), 65);
    assert_non_null(strstr(out, "another"));
    setenv("FAULTLINE_BOOT", "1", 1); /* the store has counted further */
    const char *const old[] = {program, "--trace", "off", "--listen", g.at[3], "--data", data, "0001", NULL};
    assert_int_equal(spawn_run(old, 30, out, sizeof out), 64);
    unsetenv("FAULTLINE_BOOT");
    assert_non_null(strstr(out, "FAULTLINE_BOOT"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_group_serves_survives_its_leader_and_takes_it_back, clean),
        cmocka_unit_test_teardown(a_value_may_come_from_standard_input_if_it_is_text, clean),
        cmocka_unit_test_teardown(without_a_majority_a_put_is_not_acknowledged, clean),
        cmocka_unit_test_teardown(a_stranger_in_a_members_name_is_refused_and_recorded, clean),
        cmocka_unit_test_teardown(with_a_key_only_its_holders_take_part, clean),
        cmocka_unit_test_teardown(a_group_may_live_on_ipv6, clean),
        cmocka_unit_test_teardown(members_come_and_go_and_leadership_with_them, clean),
        cmocka_unit_test_teardown(a_leader_that_is_removed_leaves_a_group_that_goes_on, clean),
        cmocka_unit_test_teardown(the_traces_of_a_sealed_group_pass_every_check, clean),
        cmocka_unit_test_teardown(what_cannot_start_says_why_in_its_exit_status, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
