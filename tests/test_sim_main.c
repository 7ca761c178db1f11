/* `simulate` where things cannot be: a program that is none, files that may not grow. */
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
#include "support/spawn.h"

#define SCENARIO "{\"lifetime\": 5, \"replicas\": 3, \"requests\": 9, \"clients\": {\"mode\": \"shared\"}}"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_that_cannot_be_run_leaves_no_run_directory),
        cmocka_unit_test(help_that_cannot_be_written_is_an_error_and_not_a_death),
        cmocka_unit_test(a_trace_that_could_not_be_written_to_its_end_is_an_input_output_error),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
