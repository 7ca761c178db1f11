/* Run directories: names that are free, a link to the latest, nothing of others removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "../src/sim_dir.h"
#include "support/spawn.h"

static char here[SIM_PATH_MAX], temp[512], dir[SIM_PATH_MAX], shown[SIM_PATH_MAX], err[512];

static int enter(void **state)
{
    (void)state;
    spawn_tempdir(temp, sizeof temp);
    return getcwd(here, sizeof here) && chdir(temp) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    spawn_remove(temp);
    return chdir(here);
}

static void touch(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void assert_latest_is(const char *name)
{
    char to[200];
    ssize_t n = readlink("runs/latest", to, sizeof to - 1);
    assert_true(n > 0);
    to[n] = '\0';
    assert_string_equal(to, name);
}

static void the_default_directory_is_new_each_time_and_latest_points_to_it(void **state)
{
    (void)state;
    assert_int_equal(sim_dir_make(NULL, "x", 7, false, dir, shown, err), 0);
    assert_string_equal(shown, "runs/x-7");
    assert_true(dir[0] == '/' && strcmp(dir + strlen(dir) - strlen("/runs/x-7"), "/runs/x-7") == 0);
    assert_latest_is("x-7");
    assert_int_equal(sim_dir_make(NULL, "x", 7, false, dir, shown, err), 0);
    assert_string_equal(shown, "runs/x-7.2");
    assert_int_equal(sim_dir_make(NULL, "x", 7, false, dir, shown, err), 0);
    assert_string_equal(shown, "runs/x-7.3");
    assert_latest_is("x-7.3");
    assert_int_equal(access("runs/x-7", F_OK), 0);
}

static void something_else_called_latest_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(mkdir("runs", 0777), 0);
    touch("runs/latest");
    assert_int_equal(sim_dir_make(NULL, "x", 7, false, dir, shown, err), 0);
    struct stat st;
    assert_true(lstat("runs/latest", &st) == 0 && S_ISREG(st.st_mode));
}

static void a_directory_that_cannot_be_made_is_named_with_the_reason(void **state)
{
    (void)state;
    touch("runs");
    assert_int_equal(sim_dir_make(NULL, "x", 7, false, dir, shown, err), 73);
    assert_string_equal(err, "runs/x-7: Not a directory");
    assert_int_equal(sim_dir_make("runs/deeper/down", "x", 7, false, dir, shown, err), 73);
    assert_string_equal(err, "runs/deeper/down: Not a directory");
    assert_int_equal(sim_dir_make("", "x", 7, false, dir, shown, err), 73);
}

static void an_explicit_directory_is_made_with_its_parents_or_used_when_empty(void **state)
{
    (void)state;
    assert_int_equal(sim_dir_make("a/b/c", "x", 7, false, dir, shown, err), 0);
    assert_string_equal(shown, "a/b/c");
    assert_int_equal(sim_dir_make("a/b/c", "x", 7, false, dir, shown, err), 0);
    assert_int_equal(access("runs", F_OK), -1);
}

static void an_explicit_directory_with_something_in_it_needs_force_which_removes_a_run_only(void **state)
{
    (void)state;
    static const char *const files[] = {"a/sim.1.jsonl", "a/0000.1.jsonl", "a/run.json", "a/run.db", "a/run.db-wal"};
    assert_int_equal(mkdir("a", 0777), 0);
    for (size_t i = 0; i < 5; i++)
        touch(files[i]);
    touch("a/notes.txt");
    assert_int_equal(sim_dir_make("a", "x", 7, false, dir, shown, err), 73);
    assert_non_null(strstr(err, "not empty"));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(access(files[i], F_OK), 0);
    assert_int_equal(sim_dir_make("a", "x", 7, true, dir, shown, err), 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(access(files[i], F_OK), -1);
    assert_int_equal(access("a/notes.txt", F_OK), 0);
}

static void run_json_is_replaced_as_a_whole(void **state)
{
    (void)state;
    json_t *run = json_pack("{s:i, s:f}", "status", 1, "drops", 0.05);
    assert_int_equal(sim_dir_write(temp, run, err), 0);
    assert_int_equal(sim_dir_write(temp, run, err), 0);
    json_t *back = json_load_file("run.json", 0, NULL);
    assert_true(json_equal(run, back));
    json_decref(back);
    assert_int_equal(access("run.json.part", F_OK), -1);
    assert_int_equal(sim_dir_write("no/such/place", run, err), 74);
    assert_non_null(strstr(err, "no/such/place/run.json.part: No such file"));
    json_decref(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_default_directory_is_new_each_time_and_latest_points_to_it, enter, leave),
        cmocka_unit_test_setup_teardown(something_else_called_latest_is_left_alone, enter, leave),
        cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_made_is_named_with_the_reason, enter, leave),
        cmocka_unit_test_setup_teardown(an_explicit_directory_is_made_with_its_parents_or_used_when_empty, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(an_explicit_directory_with_something_in_it_needs_force_which_removes_a_run_only,
                                        enter, leave),
        cmocka_unit_test_setup_teardown(run_json_is_replaced_as_a_whole, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
