/* Where a database may be written, and when the one that is there is not of these traces any more. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/load.h"
#include "support/fixture.h"

static int open_fixture(void **state)
{
    struct fixture *fx = malloc(sizeof *fx);
    assert_non_null(fx);
    fixture_open(fx);
    fixture_rec(fx, "sim", 1000, "note", "\"text\":\"hello\"");
    fixture_finish(fx);
    *state = fx;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

static int load_to(struct fixture *fx, const char *out)
{
    const char *const paths[] = {fx->dir};
    alarm(20); /* one that hangs fails */
    int status = load_run(&(struct load_options){.paths = paths, .n_paths = 1, .quiet = true, .out = out}, NULL);
    alarm(0);
    return status;
}

/* A pipe everywhere; a device (with no driver behind it) where the system lets one be made. */
static void a_device_or_a_pipe_is_neither_opened_nor_replaced(void **state)
{
    struct fixture *fx = *state;
    char path[4300], link[4300], tmp[4400];
    struct stat before, after;
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/node%d", fx->dir, i);
        snprintf(link, sizeof link, "%s/link%d", fx->dir, i);
        if (i == 0)
            assert_int_equal(mkfifo(path, 0600), 0);
        else if (mknod(path, S_IFCHR | 0600, makedev(240, 77)) != 0)
            continue;
        assert_int_equal(symlink(path, link), 0);
        assert_int_equal(stat(path, &before), 0);
        assert_int_equal(load_to(fx, path), 73);
        assert_int_equal(load_to(fx, link), 73);
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_int_equal(before.st_mode, after.st_mode);
        assert_int_equal(lstat(link, &after), 0);
        assert_true(S_ISLNK(after.st_mode));
        snprintf(tmp, sizeof tmp, "%s.tmp", path);
        assert_int_equal(access(tmp, F_OK), -1);
    }
}

static void a_pipe_in_the_place_of_the_temporary_file_is_refused(void **state)
{
    struct fixture *fx = *state;
    char path[4300];
    snprintf(path, sizeof path, "%s.tmp", fx->path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(load_to(fx, NULL), 73);
}

static void a_symbolic_link_stays_one_and_the_file_it_names_is_replaced(void **state)
{
    struct fixture *fx = *state;
    char real[4300], link[4300];
    struct stat st;
    snprintf(real, sizeof real, "%s/real.db", fx->dir);
    snprintf(link, sizeof link, "%s/link.db", fx->dir);
    assert_int_equal(symlink(real, link), 0);
    assert_int_equal(load_to(fx, link), 73); /* it leads nowhere */
    assert_int_equal(load_to(fx, real), 0);
    assert_int_equal(load_to(fx, link), 0);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(db_kind(real), DB_OURS);
}

static void a_directory_and_an_empty_name_are_no_databases(void **state)
{
    struct fixture *fx = *state;
    assert_int_equal(load_to(fx, fx->dir), 73);
    assert_int_equal(load_to(fx, ""), 64);
}

static void set_old(const char *path)
{
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

static void a_database_is_stale_when_older_traces_took_the_place_of_its_own(void **state)
{
    struct fixture *fx = *state;
    char path[4300], other[4300];
    static const char text[] = "{\"n\":\"x\",\"b\":1,\"s\":1,\"t\":1,\"lc\":1,\"ev\":\"note\",\"text\":\"\"}\n";
    fixture_load(fx);
    db_close(&fx->db);
    assert_false(load_needed(fx->dir, fx->path));

    snprintf(path, sizeof path, "%s/x.jsonl", fx->dir);
    fixture_text(fx, "x.jsonl", text); /* one more file, with an old date */
    set_old(path);
    assert_true(load_needed(fx->dir, fx->path));
    fixture_load(fx);
    db_close(&fx->db);
    assert_false(load_needed(fx->dir, fx->path));

    fixture_text(fx, "x.jsonl", "{\"torn"); /* another size */
    set_old(path);
    assert_true(load_needed(fx->dir, fx->path));
    fixture_load(fx);
    db_close(&fx->db);
    assert_false(load_needed(fx->dir, fx->path)); /* the size includes the torn end */

    fixture_bytes(fx, "x.jsonl", (const char[500]){0}, 500); /* room: nothing more to load */
    set_old(path);
    assert_false(load_needed(fx->dir, fx->path));

    snprintf(other, sizeof other, "%s/y.jsonl", fx->dir);
    assert_int_equal(rename(path, other), 0); /* another name */
    set_old(other);
    assert_true(load_needed(fx->dir, fx->path));
    fixture_load(fx);
    db_close(&fx->db);
    assert_int_equal(remove(other), 0); /* one less */
    assert_true(load_needed(fx->dir, fx->path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_or_a_pipe_is_neither_opened_nor_replaced, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_pipe_in_the_place_of_the_temporary_file_is_refused, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_symbolic_link_stays_one_and_the_file_it_names_is_replaced, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_directory_and_an_empty_name_are_no_databases, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_database_is_stale_when_older_traces_took_the_place_of_its_own, open_fixture,
                                        close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
