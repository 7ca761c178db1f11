/* `simulate --without` and `--deliver`: whole programs, analyzer included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "support/spawn.h"

/* A leader is cut off, and with --reads local it answers from its own state meanwhile: reads are stale. The pause
 * before that has nothing to do with it. */
static const char scenario[] =
    "{\"name\": \"stale\", \"seed\": 3, \"lifetime\": 7, \"start_wait\": 3, \"end_wait\": 3, \"replicas\": 3, \"mix\": "
    "0.7,"
    " \"clients\": {\"mode\": \"shared\", \"count\": 6, \"keys\": 1, \"timeout_ms\": 300, \"rate\": 60},"
    " \"faults\": [{\"kind\": \"pause\", \"node\": \"non_leader\", \"begin\": 0.2, \"end\": 0.3},"
    " {\"kind\": \"partition\", \"around\": \"leader\", \"begin\": 1, \"end\": 5}]}";

static char dir[512], simulate[4200], run[600], out[1 << 16];

#define RUN(...) spawn_run((const char *const[]){simulate, __VA_ARGS__, NULL}, 120, out, sizeof out)

static int setup(void **state)
{
    (void)state;
    spawn_tempdir(dir, sizeof dir);
    spawn_path("simulate", simulate, sizeof simulate);
    snprintf(run, sizeof run, "%s/run", dir);
    RUN("--reads", "local", "--quiet", "--out", run, scenario);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    spawn_remove(dir);
    return 0;
}

static void without_the_fault_that_matters_it_is_gone(void **state)
{
    (void)state;
    assert_int_equal(RUN("--without", "F2", run), 0);
    assert_non_null(strstr(out, "partition around the leader"));
    assert_non_null(strstr(out, "the violation is gone"));
    assert_int_equal(RUN("--without", "F1", run), 1);
    assert_non_null(strstr(out, "the violation still happens"));
    assert_int_equal(RUN("--without", "F1", "--without", "F2", run), 0);
}

static void what_is_undone_is_what_was_named(void **state)
{
    char kept[620];
    (void)state;
    snprintf(kept, sizeof kept, "%s/kept", dir);
    assert_int_equal(RUN("--without", "F2", "--out", kept, run), 0);
    char analyze[4200];
    spawn_path("analyze", analyze, sizeof analyze);
    spawn_run((const char *const[]){analyze, "timeline", kept, NULL}, 60, out, sizeof out);
    assert_null(strstr(out, "partition"));
}

/* The number of a datagram that the partition lost, from the trace. */
static void a_lost_datagram(char text[40])
{
    char path[700], line[1 << 12];
    snprintf(path, sizeof path, "%s/sim.1.jsonl", run);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        const char *d = strstr(line, "\"d\":");
        if (strstr(line, "\"ev\":\"net.drop\"") && d) {
            snprintf(text, 40, "d:%ld", strtol(d + 4, NULL, 10));
            break;
        }
    }
    fclose(f);
}

static void a_lost_datagram_is_delivered(void **state)
{
    char d[40] = "";
    (void)state;
    a_lost_datagram(d);
    assert_string_not_equal(d, "");
    int rc = RUN("--deliver", d, run);
    assert_true(rc == 0 || rc == 1);
    assert_non_null(strstr(out, "lost by partition"));
    assert_non_null(strstr(out, rc == 0 ? "is gone" : "still happens"));
}

static void analyze_finds_what_must_be_undone(void **state)
{
    char analyze[4200], good[620];
    (void)state;
    spawn_path("analyze", analyze, sizeof analyze);
    assert_int_equal(spawn_run((const char *const[]){analyze, "explain", "--minimal", run, NULL}, 120, out, sizeof out),
                     0);
    assert_non_null(strstr(out, "stale read"));
    assert_non_null(strstr(out, "fault F2"));
    assert_null(strstr(out, "fault F1"));
    snprintf(good, sizeof good, "%s/fine", dir);
    assert_int_equal(RUN("--quiet", "--out", good, scenario), 0);
    assert_int_equal(
        spawn_run((const char *const[]){analyze, "explain", "--minimal", good, NULL}, 120, out, sizeof out), 0);
    assert_non_null(strstr(out, "no violation to explain"));
    assert_int_equal(
        spawn_run((const char *const[]){analyze, "explain", "--minimal", good, "V1", NULL}, 120, out, sizeof out), 64);
}

/* The requests, the kill, the wipe and the restart of a replacement have numbers of their own: they go with the whole.
 */
static void a_part_of_a_replacement_is_undone_with_the_whole(void **state)
{
    static const char replaced[] =
        "{\"name\": \"replaced\", \"seed\": 3, \"lifetime\": 13, \"start_wait\": 3, \"end_wait\": 3, \"replicas\": 3,"
        " \"mix\": 0.7, \"members\": true, \"durable\": true,"
        " \"clients\": {\"mode\": \"shared\", \"count\": 6, \"keys\": 1, \"timeout_ms\": 300, \"rate\": 60},"
        " \"faults\": [{\"kind\": \"partition\", \"around\": \"leader\", \"begin\": 1, \"end\": 5},"
        " {\"kind\": \"replace\", \"node\": \"non_leader\", \"begin\": 6, \"end\": 12}]}";
    static const char *const parts[] = {"F2", "F3", "F4", "F5", "F6"};
    char with[620];
    (void)state;
    snprintf(with, sizeof with, "%s/replaced", dir);
    RUN("--reads", "local", "--quiet", "--out", with, replaced);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_int_equal(RUN("--without", parts[i], with), 1);
        assert_non_null(strstr(out, ": replace at "));
    }
}

static void what_is_not_there_cannot_be_undone(void **state)
{
    (void)state;
    assert_int_equal(RUN("--without", "F9", run), 64);
    assert_non_null(strstr(out, "no such fault"));
    assert_int_equal(RUN("--without", "3", run), 64);
    assert_int_equal(RUN("--deliver", "d:1", run), 64);
    assert_non_null(strstr(out, "has lost no such datagram"));
    assert_int_equal(RUN("--without", "F1"), 64);
    assert_int_equal(RUN("--without", "F1", dir), 66);
}

static void a_run_that_passes_has_nothing_to_undo(void **state)
{
    char good[620];
    (void)state;
    snprintf(good, sizeof good, "%s/good", dir);
    assert_int_equal(RUN("--quiet", "--out", good, scenario), 0);
    assert_int_equal(RUN("--without", "F1", good), 2);
    assert_non_null(strstr(out, "does not fail"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_fault_that_matters_it_is_gone),
        cmocka_unit_test(what_is_undone_is_what_was_named),
        cmocka_unit_test(a_lost_datagram_is_delivered),
        cmocka_unit_test(analyze_finds_what_must_be_undone),
        cmocka_unit_test(a_part_of_a_replacement_is_undone_with_the_whole),
        cmocka_unit_test(what_is_not_there_cannot_be_undone),
        cmocka_unit_test(a_run_that_passes_has_nothing_to_undo),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
