/* Run directories: names that are free, a link to the latest, nothing of others removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "../src/sim_dir.h"
#include "support/spawn.h"

static char here[SIM_PATH_MAX], temp[512], err[512];
static struct sim_dir dir = {.lock = -1};

static int enter(void **state)
{
    (void)state;
    spawn_tempdir(temp, sizeof temp);
    return getcwd(here, sizeof here) && chdir(temp) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    sim_dir_release(&dir);
    spawn_remove(temp);
    return chdir(here);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void touch(const char *path)
{
    write_file(path, "");
}

/* One run after the other. */
static int make(const char *out, const char *name, uint64_t seed, bool force)
{
    sim_dir_release(&dir);
    return sim_dir_make(out, name, seed, force, &dir, err);
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
    assert_int_equal(make(NULL, "x", 7, false), 0);
    assert_string_equal(dir.shown, "runs/x-7");
    assert_true(dir.path[0] == '/' && strcmp(dir.path + strlen(dir.path) - strlen("/runs/x-7"), "/runs/x-7") == 0);
    assert_latest_is("x-7");
    assert_int_equal(make(NULL, "x", 7, false), 0);
    assert_string_equal(dir.shown, "runs/x-7.2");
    assert_int_equal(make(NULL, "x", 7, false), 0);
    assert_string_equal(dir.shown, "runs/x-7.3");
    assert_latest_is("x-7.3");
    assert_int_equal(access("runs/x-7", F_OK), 0);
}

static void something_else_called_latest_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(mkdir("runs", 0777), 0);
    touch("runs/latest");
    assert_int_equal(make(NULL, "x", 7, false), 0);
    struct stat st;
    assert_true(lstat("runs/latest", &st) == 0 && S_ISREG(st.st_mode));
}

static void a_directory_that_cannot_be_made_is_named_with_the_reason(void **state)
{
    (void)state;
    touch("runs");
    assert_int_equal(make(NULL, "x", 7, false), 73);
    assert_string_equal(err, "runs/x-7: Not a directory");
    assert_int_equal(make("runs/deeper/down", "x", 7, false), 73);
    assert_string_equal(err, "runs/deeper/down: Not a directory");
    assert_int_equal(make("", "x", 7, false), 73);
}

static void an_explicit_directory_is_made_with_its_parents_or_used_when_empty(void **state)
{
    (void)state;
    assert_int_equal(make("a/b/c", "x", 7, false), 0);
    assert_string_equal(dir.shown, "a/b/c");
    assert_int_equal(make("a/b/c", "x", 7, false), 0);
    assert_int_equal(access("runs", F_OK), -1);
}

static void an_explicit_directory_with_something_in_it_needs_force_which_removes_a_run_only(void **state)
{
    (void)state;
    static const char *const files[] = {"a/sim.1.jsonl", "a/0000.12.jsonl", "a/run.json", "a/run.db", "a/run.db-wal"},
                             *const others[] = {"a/notes.txt", "a/mine.jsonl", "a/a.b.jsonl", "a/.1.jsonl"};
    assert_int_equal(mkdir("a", 0777), 0);
    for (size_t i = 0; i < 5; i++)
        touch(files[i]);
    for (size_t i = 0; i < 4; i++)
        touch(others[i]);
    write_file("a/run.json", "{\"schema\": \"faultline-run/1\"}");
    assert_int_equal(make("a", "x", 7, false), 73);
    assert_non_null(strstr(err, "not empty"));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(access(files[i], F_OK), 0);
    assert_int_equal(make("a", "x", 7, true), 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(access(files[i], F_OK), -1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(access(others[i], F_OK), 0);
}

static void force_removes_nothing_where_no_run_was(void **state)
{
    (void)state;
    assert_int_equal(mkdir("a", 0777), 0);
    touch("a/sales.1.jsonl");
    assert_int_equal(make("a", "x", 7, true), 73);
    assert_non_null(strstr(err, "no run.json of a run"));
    write_file("a/run.json", "{\"schema\": \"something else\"}");
    assert_int_equal(make("a", "x", 7, true), 73);
    assert_int_equal(access("a/sales.1.jsonl", F_OK), 0);
    assert_int_equal(access("a/run.json", F_OK), 0);
    assert_int_equal(make("b", "x", 7, true), 0); /* new, or empty */
    assert_int_equal(make("b", "x", 7, true), 0);
}

/* A durable run must not begin with what the last one left, nor remove what is not the replicas'. */
static void the_replicas_data_go_with_the_run_and_nothing_else(void **state)
{
    (void)state;
    char path[SIM_PATH_MAX + 8];
    assert_int_equal(make("a", "x", 7, false), 0);
    assert_int_equal(sim_dir_data(&dir, path, err), 0);
    assert_true(strcmp(path + strlen(path) - strlen("/a/data"), "/a/data") == 0);
    write_file("a/run.json", "{\"schema\": \"faultline-run/1\"}");
    touch("a/data/0001.db");
    touch("a/data/001F.db-wal");
    assert_int_equal(make("a", "x", 7, true), 0);
    assert_int_equal(access("a/data", F_OK), -1);
    assert_int_equal(sim_dir_data(&dir, path, err), 0);
    write_file("a/run.json", "{\"schema\": \"faultline-run/1\"}");
    touch("a/data/0001.db");
    touch("a/data/novel.txt");
    assert_int_equal(make("a", "x", 7, true), 0);
    assert_int_equal(access("a/data/0001.db", F_OK), -1);
    assert_int_equal(access("a/data/novel.txt", F_OK), 0);
    assert_int_equal(sim_dir_data(&dir, path, err), 73);
    assert_non_null(strstr(err, "a/data: it holds more than replicas leave there"));
}

static void a_directory_is_not_replaced_while_its_run_goes_on(void **state)
{
    (void)state;
    struct sim_dir second;
    assert_int_equal(make("a", "x", 7, false), 0);
    write_file("a/run.json", "{\"schema\": \"faultline-run/1\"}");
    assert_int_equal(sim_dir_make("a", "x", 7, true, &second, err), 73);
    assert_non_null(strstr(err, "another run is going on in it"));
    assert_int_equal(access("a/run.json", F_OK), 0);
    assert_int_equal(make("a", "x", 7, true), 0);
}

static void a_name_that_replicas_would_refuse_is_refused_first(void **state)
{
    (void)state;
    char name[202];
    memset(name, 'n', 201);
    name[201] = '\0';
    assert_int_equal(make(name, "x", 7, false), 64);
    assert_int_equal(access(name, F_OK), -1);
    assert_int_equal(make("a\x1b[2J/", "x", 7, false), 64);
    assert_null(strchr(err, '\x1b'));
    name[200] = '\0';
    assert_int_equal(make(name, "x", 7, false), 0);
    assert_int_equal(make(".a b\xc3\xa4", "x", 7, false), 0);
}

static void runs_that_start_at_once_do_not_fail_over_the_link_to_the_latest(void **state)
{
    (void)state;
    enum { PROCESSES = 4, EACH = 100 };
    pid_t pid[PROCESSES];
    for (unsigned i = 0; i < PROCESSES; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);
        if (pid[i] > 0)
            continue;
        int rc = 0;
        for (unsigned k = 0; k < EACH && rc == 0; k++)
            rc = make(NULL, "x", i * EACH + k, false) + (*err != '\0');
        _exit(rc);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status;
        assert_true(waitpid(pid[i], &status, 0) == pid[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(access("runs/latest", F_OK), 0);
}

static void a_link_that_cannot_be_made_is_a_warning(void **state)
{
    (void)state;
    char in_the_way[64];
    snprintf(in_the_way, sizeof in_the_way, "runs/.latest.%ld", (long)getpid());
    assert_true(mkdir("runs", 0777) == 0 && mkdir(in_the_way, 0777) == 0);
    assert_int_equal(make(NULL, "x", 7, false), 0);
    assert_non_null(strstr(err, "runs/latest does not point to this run: "));
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
        cmocka_unit_test_setup_teardown(the_replicas_data_go_with_the_run_and_nothing_else, enter, leave),
        cmocka_unit_test_setup_teardown(force_removes_nothing_where_no_run_was, enter, leave),
        cmocka_unit_test_setup_teardown(a_directory_is_not_replaced_while_its_run_goes_on, enter, leave),
        cmocka_unit_test_setup_teardown(a_name_that_replicas_would_refuse_is_refused_first, enter, leave),
        cmocka_unit_test_setup_teardown(runs_that_start_at_once_do_not_fail_over_the_link_to_the_latest, enter, leave),
        cmocka_unit_test_setup_teardown(a_link_that_cannot_be_made_is_a_warning, enter, leave),
        cmocka_unit_test_setup_teardown(run_json_is_replaced_as_a_whole, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
