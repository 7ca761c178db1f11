/* Real processes, real sockets, real time: the whole path from a lossy run to a verdict. Few and generous on purpose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "support/spawn.h"

static char simulate[4200], replica[4200], analyze[4200];
static char out[1 << 20];

static int find_programs(void **state)
{
    (void)state;
    spawn_path("simulate", simulate, sizeof simulate);
    spawn_path("replica", replica, sizeof replica);
    spawn_path("analyze", analyze, sizeof analyze);
    return 0;
}

struct run {
    char parent[4096], dir[4200];
};

static int new_run(void **state)
{
    struct run *r = malloc(sizeof *r);
    assert_non_null(r);
    spawn_tempdir(r->parent, sizeof r->parent);
    snprintf(r->dir, sizeof r->dir, "%s/run", r->parent);
    *state = r;
    return 0;
}

static int end_run(void **state)
{
    struct run *r = *state;
    spawn_remove(r->parent);
    free(r);
    return 0;
}

static int run_scenario(const struct run *r, const char *reads, const char *scenario)
{
    const char *argv[] = {simulate, "--replica", replica, "--reads", reads,    "--seed",
                          "7",      "--out",     r->dir,  "--check", scenario, NULL};
    return spawn_run(argv, 120, out, sizeof out);
}

static void expect_status(int got, int want)
{
    if (got != want) {
        print_message("exit status %d, expected %d; it printed:\n%s\n", got, want, out);
        fail();
    }
}

/* Checks the database for stale reads. Their operations, a line each, go to `ops`; returns how many. */
static size_t stale_reads(const char *db, char *ops, size_t n)
{
    const char *check[] = {analyze, "check", db, "--only", "C2", "--exit-zero", NULL};
    expect_status(spawn_run(check, 60, out, sizeof out), 0);
    const char *sql[] = {
        analyze,
        "sql",
        db,
        "--format",
        "csv",
        "SELECT o.op FROM violations v JOIN violation_evidence e USING (violation_id) JOIN ops o USING (op_id) "
        "WHERE v.\"check\" = 'C2' AND o.f = 'get' AND o.result = 'ok' GROUP BY o.op ORDER BY o.op",
        NULL};
    expect_status(spawn_run(sql, 60, out, sizeof out), 0);
    size_t used = strlen(out);
    assert_true(used < n);
    memcpy(ops, out, used + 1);
    size_t lines = 0;
    for (const char *p = ops; (p = strchr(p, '\n')); p++)
        lines++;
    return lines > 0 ? lines - 1 : 0; /* without the header */
}

static void five_replicas_in_a_lossy_run_with_partition_and_leader_kill_pass_every_check(void **state)
{
    const struct run *r = *state;
    expect_status(run_scenario(r, "index", "tests/scenarios/lossy-partition-kill.json"), 0);
    assert_null(strstr(out, "FAIL"));
    assert_null(strstr(out, "UNKNOWN"));
    assert_null(strstr(out, "LOSSY"));
}

/* And the same stale reads are found from the simulator's file alone. */
static void local_reads_around_a_partitioned_leader_are_caught_with_and_without_the_replicas_traces(void **state)
{
    const struct run *r = *state;
    expect_status(run_scenario(r, "local", "tests/scenarios/stale-read.json"), 1);
    assert_non_null(strstr(out, "stale read of"));

    char white[4300], black[4300], sim[4300];
    static char ops_white[1 << 16], ops_black[1 << 16];
    snprintf(white, sizeof white, "%s/run.db", r->dir);
    snprintf(sim, sizeof sim, "%s/sim.1.jsonl", r->dir);
    snprintf(black, sizeof black, "%s/black.db", r->parent);
    const char *deposed[] = {
        analyze,    "sql",   white,
        "--format", "value", "SELECT count(*) > 0 FROM violations WHERE fingerprint = 'deposed-leader-local-read'",
        NULL};
    expect_status(spawn_run(deposed, 60, out, sizeof out), 0);
    assert_string_equal(out, "1\n");
    const char *load[] = {analyze, "load", sim, "-o", black, NULL};
    expect_status(spawn_run(load, 60, out, sizeof out), 0);
    size_t n = stale_reads(white, ops_white, sizeof ops_white);
    assert_true(n > 0);
    assert_int_equal(stale_reads(black, ops_black, sizeof ops_black), n);
    assert_string_equal(ops_black, ops_white);
}

/* SIGKILL each second, the second time for all five at once; they come back with what they have on disk. One is away
 * for so long that the others have given up what it lacks: it gets their state. At the end each client reads every key.
 */
static void durable_replicas_that_are_killed_and_started_again_lose_nothing_that_was_acknowledged(void **state)
{
    const struct run *r = *state;
    static const char scenario[] =
        "{\"name\": \"kill9-short\", \"lifetime\": 12, \"replicas\": 5, \"mix\": 0.5, \"start_wait\": 4, \"end_wait\": "
        "12, "
        "\"clients\": {\"mode\": \"shared\", \"count\": 4, \"keys\": 10, \"rate\": 80, \"timeout_ms\": 1500}, "
        "\"network\": {\"loss\": 0.1, \"duplicate\": 0.05, \"delay_ms\": [0, 10]}, \"faults\": [{\"kind\": \"kill\", "
        "\"node\": \"random\", \"signal\": 9, \"begin\": 1, \"end\": 4, \"every\": 1, \"all_every\": 2, "
        "\"restart_after_ms\": [50, 400]}, {\"kind\": \"kill\", \"node\": \"non_leader\", \"signal\": 9, \"at\": 5.5, "
        "\"restart_after_ms\": [4500, 4600]}]}";
    const char *argv[] = {simulate,
                          "--replica",
                          replica,
                          "--replica-arg",
                          "--compact-entries",
                          "--replica-arg",
                          "40",
                          "--data",
                          "--quiet",
                          "--seed",
                          "7",
                          "--out",
                          r->dir,
                          "--check",
                          scenario,
                          NULL};
    expect_status(spawn_run(argv, 120, out, sizeof out), 0);
    assert_null(strstr(out, "FAIL"));
    assert_null(strstr(out, "UNKNOWN"));
    assert_null(strstr(out, "LOSSY"));
    assert_non_null(strstr(out, " restart"));
    const char *sql[] = {analyze,
                         "sql",
                         r->dir,
                         "--format",
                         "value",
                         "SELECT count(DISTINCT key) FROM ops WHERE f = 'get' AND result = 'ok' AND t_invoke > "
                         "(SELECT max(t_invoke) FROM ops WHERE f = 'put')",
                         NULL};
    expect_status(spawn_run(sql, 60, out, sizeof out), 0);
    assert_string_equal(out, "10\n");
    const char *installed[] = {analyze,    "sql",   r->dir,
                               "--format", "value", "SELECT count(*) > 0 FROM records WHERE ev = 'snap.install'",
                               NULL};
    expect_status(spawn_run(installed, 60, out, sizeof out), 0);
    assert_string_equal(out, "1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(five_replicas_in_a_lossy_run_with_partition_and_leader_kill_pass_every_check,
                                        new_run, end_run),
        cmocka_unit_test_setup_teardown(
            local_reads_around_a_partitioned_leader_are_caught_with_and_without_the_replicas_traces, new_run, end_run),
        cmocka_unit_test_setup_teardown(
            durable_replicas_that_are_killed_and_started_again_lose_nothing_that_was_acknowledged, new_run, end_run),
    };
    return cmocka_run_group_tests(tests, find_programs, NULL);
}
