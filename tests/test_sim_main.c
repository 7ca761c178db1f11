/* `simulate` as it is called: what is refused and with which status, where things cannot be, and what reaches the
 * replicas. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "support/sim_made.h"
#include "support/spawn.h"

#define SCENARIO "{\"lifetime\": 5, \"replicas\": 3, \"requests\": 9, \"clients\": {\"mode\": \"shared\"}}"

/* What follows "{" in a scenario of the course's kind, as short as can be. */
#define COURSE                                                                                                         \
    "\"lifetime\": 5, \"start_wait\": 0.8, \"end_wait\": 0.3, \"replicas\": 3, \"requests\": 9, \"tests\": "           \
    "{\"benchmarks\": {"                                                                                               \
    "\"total_msgs\": [1, 2, 90000], \"failures\": [1, 2, 3], \"duplicates\": [0, 2, 5], \"median_latency\": [1, 2, "   \
    "3]}}}"

static char simulate[4200], parent[512], out[1 << 16];

static int enter(void **state)
{
    (void)state;
    spawn_path("simulate", simulate, sizeof simulate);
    spawn_tempdir(parent, sizeof parent);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    spawn_remove(parent);
    return 0;
}

static int run(const char *const *args)
{
    const char *argv[32] = {simulate};
    for (int i = 0; args[i] && i < 30; i++)
        argv[i + 1] = args[i];
    return spawn_run(argv, 60, out, sizeof out);
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void a_program_that_cannot_be_run_leaves_no_run_directory(void **state)
{
    (void)state;
    char dir[600];
    snprintf(dir, sizeof dir, "%s/not-made", parent);
    static const char *const programs[] = {"no-such-program-anywhere", "", "/dev/null", "/tmp"};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        assert_int_equal(RUN("--replica", programs[i], "--out", dir, SCENARIO), 66);
        assert_int_equal(access(dir, F_OK), -1);
    }
}

static void help_that_cannot_be_written_is_an_error_and_not_a_death(void **state)
{
    (void)state;
    char file[600];
    int status;
    snprintf(file, sizeof file, "%s/small", parent);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGXFSZ, SIG_DFL);
        if (freopen(file, "w", stdout) && setrlimit(RLIMIT_FSIZE, &(struct rlimit){16, 16}) == 0)
            execl(simulate, simulate, "--help", (char *)NULL);
        _exit(98);
    }
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 74);
}

static void a_trace_that_could_not_be_written_to_its_end_is_an_input_output_error(void **state)
{
    (void)state;
    char dir[600];
    snprintf(dir, sizeof dir, "%s/full", parent);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 16384;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int status = RUN("--replica", "sh", "--replica-arg", "-c", "--replica-arg",
                     "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done", "--out", dir, SCENARIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, 74);
    assert_non_null(strstr(out, "the end of the trace could not be written"));
}

static void bad_usage_and_bad_input_have_statuses_of_their_own(void **state)
{
    (void)state;
    char file[700];
    snprintf(file, sizeof file, "%s/file", parent);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(run((const char *const[]){NULL}), 64);
    assert_int_equal(RUN("--replica", "sh", "--seed", "-4", "x.json"), 64);
    assert_int_equal(RUN("--replica", "sh", "--wrong", "x.json"), 64);
    assert_int_equal(RUN("--replica", "sh", "a.json", "b.json"), 64);
    assert_int_equal(RUN("--replica", "sh", "{\"lifetime\": 3}"), 65);
    assert_non_null(strstr(out, "scenario: lifetime: 3 is less than 5"));
    assert_int_equal(RUN("--replica", "sh", "tests/scenarios/none.json"), 66);
    assert_int_equal(RUN("--replica", "./no-such-program", "tests/scenarios/simple-1.json"), 66);
    assert_int_equal(RUN("--replica", "sh", "--out", file, "tests/scenarios/simple-1.json"), 73);
    assert_int_equal(RUN("--replica", "sh", "--out", parent, "tests/scenarios/simple-1.json"), 73); /* it has a file */
    assert_non_null(strstr(out, "--force"));
    assert_int_equal(RUN("--help"), 0);
    assert_int_equal(RUN("--version"), 0);
    assert_int_equal(RUN("--help-scenario"), 0);
}

/* The name has what shells and replicas dislike; the scenario is longer than any line that is meant to be read. */
static void a_long_scenario_and_an_odd_directory_are_kept_whole(void **state)
{
    (void)state;
    struct made r = {.status = 0};
    char scenario[12000];
    snprintf(r.dir, sizeof r.dir, "%s/.an odd 'name'", parent);
    snprintf(scenario, sizeof scenario, "{\"comment\": \"%09000d\", " COURSE, 0);
    assert_int_equal(
        RUN("--replica", "sh", "--replica-arg", "-c", "--replica-arg", "exec true", "--out", r.dir, scenario), 1);
    made_read(&r);
    const char *rerun = made_text(r.summary, "rerun");
    size_t n = strlen(rerun), m = strlen(scenario);
    assert_true(n > m + 2 && strncmp(rerun + n - m - 1, scenario, m) == 0 && rerun[n - 1] == '\'');
    made_free(&r);
}

/* PROGRAM [args] PORT ID OTHER..., and where to leave a trace; and a run without replicas ends at once. */
static void replicas_get_their_arguments_and_the_environment_of_the_run(void **state)
{
    (void)state;
    char expected[900];
    struct made r = {.status = 0};
    snprintf(r.dir, sizeof r.dir, "%s/shell", parent);
    for (int again = 0; again < 2; again++) { /* the second time over the first */
        assert_int_equal(RUN("--replica", "/bin/sh", "--replica-arg", "-c", "--replica-arg",
                             "echo $FAULTLINE_TRACE/$FAULTLINE_RUN $FAULTLINE_BOOT $FAULTLINE_READS; echo $# $1 >&2; "
                             "echo $2$3 | tr -d 1-9 | wc -c",
                             "--reads", "local", "--out", r.dir, "--force", "{" COURSE),
                         1);
        assert_non_null(strstr(out, "no replica is running"));
    }
    snprintf(expected, sizeof expected, "%s 1 local", r.dir);
    made_read(&r);
    assert_int_equal(made_count(&r, "node.out", "line", expected), 3);
    assert_int_equal(made_count(&r, "node.out", "line", "3 0001"), 1);
    assert_int_equal(made_count(&r, "node.exit", "why", "died"), 3);
    made_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_that_cannot_be_run_leaves_no_run_directory),
        cmocka_unit_test(help_that_cannot_be_written_is_an_error_and_not_a_death),
        cmocka_unit_test(a_trace_that_could_not_be_written_to_its_end_is_an_input_output_error),
        cmocka_unit_test(bad_usage_and_bad_input_have_statuses_of_their_own),
        cmocka_unit_test(a_long_scenario_and_an_odd_directory_are_kept_whole),
        cmocka_unit_test(replicas_get_their_arguments_and_the_environment_of_the_run),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
