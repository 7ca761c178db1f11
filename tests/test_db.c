/* db.c: a sequence of calls needs one look at its end, and foreign files are refused in words. */
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

#include "support/fixture.h"

static int open_fixture(void **state)
{
    struct fixture *fx = malloc(sizeof *fx);
    assert_non_null(fx);
    fixture_open(fx);
    assert_true(db_create(&fx->db, fx->path));
    *state = fx;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

static void a_new_database_has_the_released_tables_and_views(void **state)
{
    struct fixture *fx = *state;
    assert_rows(
        fx, "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name)",
        "boots checks clocks edges faults leader_terms load_stats log_entries messages nodes op_tries ops reads "
        "records runs sources"
        " violation_evidence violations");
    assert_rows(
        fx, "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name)",
        "clusters divergence elections msg not_linearizable op seq_gaps split_brain stale_reads timeline");
    assert_rows(fx, "PRAGMA user_version", "3");
    assert_int_equal(db_int(&fx->db, "PRAGMA application_id", 0), DB_APPLICATION_ID);
}

static void the_first_error_stays_and_later_calls_do_nothing(void **state)
{
    struct db *db = &((struct fixture *)*state)->db;
    assert_false(db_exec(db, "INSERT INTO nowhere VALUES (1)"));
    assert_true(db->failed);
    assert_non_null(strstr(db->err, "no such table: nowhere"));
    char first[DB_ERR_LEN];
    memcpy(first, db->err, sizeof first);
    sqlite3_stmt *q = db_prepare(db, "SELECT 1");
    assert_null(q);
    db_bind_int(db, q, ":x", 1);
    assert_false(db_row(db, q));
    assert_false(db_run(db, q));
    assert_false(db_step(db, q));
    db_done(db, q);
    assert_false(db_exec(db, "also wrong"));
    assert_int_equal(db_int(db, "SELECT 5", 9), 9);
    assert_string_equal(db->err, first);
    assert_int_equal(db->status, 70);
}

static void a_misspelt_parameter_names_itself(void **state)
{
    struct db *db = &((struct fixture *)*state)->db;
    sqlite3_stmt *q = db_prepare(db, "SELECT :node");
    db_bind_text(db, q, ":nod", "x");
    db_done(db, q);
    assert_true(db->failed);
    assert_string_equal(db->err, "no parameter :nod in: SELECT :node");
}

static void what_is_bound_comes_back_byte_for_byte(void **state)
{
    struct db *db = &((struct fixture *)*state)->db;
    sqlite3_stmt *q = db_prepare(db, "SELECT :i, :t, :n, :z, :zero");
    db_bind_int(db, q, ":i", INT64_MIN);
    db_bind_text(db, q, ":t", "'; DROP TABLE runs; --");
    db_bind_textn(db, q, ":n", "ab\0cd", 5);
    db_bind_text(db, q, ":z", NULL);
    db_bind_null(db, q, ":zero");
    assert_true(db_row(db, q));
    assert_true(sqlite3_column_int64(q, 0) == INT64_MIN);
    assert_string_equal(sqlite3_column_text(q, 1), "'; DROP TABLE runs; --");
    assert_int_equal(sqlite3_column_bytes(q, 2), 5);
    assert_memory_equal(sqlite3_column_text(q, 2), "ab\0cd", 5);
    assert_int_equal(sqlite3_column_type(q, 3), SQLITE_NULL);
    assert_int_equal(sqlite3_column_type(q, 4), SQLITE_NULL);
    assert_false(db_row(db, q));
    db_done(db, q);
    assert_false(db->failed);
}

static void a_run_statement_starts_with_no_bindings_again(void **state)
{
    struct fixture *fx = *state;
    db_exec(&fx->db, "CREATE TABLE x(a)");
    sqlite3_stmt *q = db_prepare(&fx->db, "INSERT INTO x VALUES (:a)");
    db_bind_int(&fx->db, q, ":a", 1);
    assert_true(db_run(&fx->db, q));
    assert_true(db_run(&fx->db, q));
    db_done(&fx->db, q);
    assert_rows(fx, "SELECT a FROM x", "1\n-");
}

static void the_default_of_an_integer_is_for_no_row_and_for_null(void **state)
{
    struct db *db = &((struct fixture *)*state)->db;
    assert_int_equal(db_int(db, "SELECT 7", 1), 7);
    assert_int_equal(db_int(db, "SELECT max(run_id) FROM runs", 3), 3);
    assert_int_equal(db_int(db, "SELECT run_id FROM runs", 4), 4);
}

/* ---- opening ---- */

static void make(struct fixture *fx, const char *sql)
{
    sqlite3 *h;
    db_close(&fx->db);
    remove(fx->path);
    assert_int_equal(sqlite3_open(fx->path, &h), SQLITE_OK);
    assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
}

static void refuse(struct fixture *fx, enum db_kind kind, int status, const char *words)
{
    assert_int_equal(db_kind(fx->path), kind);
    assert_false(db_open(&fx->db, fx->path, false));
    assert_int_equal(fx->db.status, status);
    if (strstr(fx->db.err, words) == NULL)
        fail_msg("%s", fx->db.err);
    db_close(&fx->db);
}

static void a_foreign_database_is_refused(void **state)
{
    make(*state, "CREATE TABLE runs(x); PRAGMA user_version = 3");
    refuse(*state, DB_FOREIGN, 65, "is not a database that analyze made");
}

static void our_database_of_another_version_is_refused_with_the_remedy(void **state)
{
    char sql[200];
    snprintf(sql, sizeof sql, "CREATE TABLE runs(x); PRAGMA user_version = 9; PRAGMA application_id = %d",
             DB_APPLICATION_ID);
    make(*state, sql);
    refuse(*state, DB_OURS_OTHER_VERSION, 65, "of another schema version, this analyze reads 3: load the traces again");
}

static void a_database_that_cannot_be_written_says_to_copy_it(void **state)
{
    struct fixture *fx = *state;
    db_close(&fx->db);
    assert_true(db_open(&fx->db, fx->path, false));
    assert_false(db_exec(&fx->db, "DELETE FROM records"));
    assert_int_equal(fx->db.status, 74);
    assert_non_null(strstr(fx->db.err, "copy it to a directory where you may write"));
    assert_non_null(strstr(fx->db.err, "run.db"));
}

static void a_text_an_empty_file_a_directory_and_nothing_are_no_databases(void **state)
{
    struct fixture *fx = *state;
    db_close(&fx->db);
    remove(fx->path);
    refuse(fx, DB_ABSENT, 66, "No such file");
    fixture_text(fx, "run.db", "");
    refuse(fx, DB_ABSENT, 65, "is not a database that analyze made");
    fixture_text(fx, "run.db", "SQLite format 3");
    refuse(fx, DB_DAMAGED, 65, "is not a database that analyze made, or is damaged: load the traces again");
    remove(fx->path);
    fixture_text(fx, "run.db", "my notes");
    refuse(fx, DB_FOREIGN, 65, "is not a database that analyze made: move it away");
    remove(fx->path);
    assert_int_equal(mkfifo(fx->path, 0600), 0);
    refuse(fx, DB_FOREIGN, 66, "is not a file"); /* and it did not wait for a writer */
    snprintf(fx->path, sizeof fx->path, "%s", fx->dir);
    refuse(fx, DB_FOREIGN, 66, "is not a file");
}

static void a_damaged_database_fails_with_words_and_status_65(void **state)
{
    struct fixture *fx = *state;
    db_exec(&fx->db, "INSERT INTO runs(name, schema_v) VALUES ('r', 1)");
    db_close(&fx->db);
    FILE *f = fopen(fx->path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 100, SEEK_SET), 0);
    for (int i = 0; i < 8000; i++)
        fputc(0xa5, f);
    fclose(f);
    if (db_open(&fx->db, fx->path, false))
        db_int(&fx->db, "SELECT count(*) FROM runs", 0);
    assert_true(fx->db.failed);
    assert_int_equal(fx->db.status, 65);
}

static void a_database_opened_for_reading_cannot_be_written(void **state)
{
    struct fixture *fx = *state;
    db_close(&fx->db);
    assert_true(db_open(&fx->db, fx->path, false));
    assert_false(db_exec(&fx->db, "DELETE FROM runs"));
    assert_int_equal(fx->db.status, 74);
}

static void every_column_of_every_view_can_be_asked(void **state)
{
    struct fixture *fx = *state;
    sqlite3_stmt *v = db_prepare(&fx->db, "SELECT name FROM sqlite_master WHERE type = 'view'");
    int n = 0;
    while (db_row(&fx->db, v)) {
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT * FROM %s", (const char *)sqlite3_column_text(v, 0));
        sqlite3_stmt *q = db_prepare(&fx->db, sql);
        assert_non_null(q);
        assert_false(db_row(&fx->db, q));
        db_done(&fx->db, q);
        n++;
    }
    db_done(&fx->db, v);
    assert_int_equal(n, 10);
    assert_false(fx->db.failed);
}

/* Its journal is still there: whoever only reads takes back what was half written, and writes nothing else. */
static void a_database_whose_writer_was_killed_can_be_read(void **state)
{
    struct fixture *fx = *state;
    db_close(&fx->db);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct db db;
        bool spilt =
            db_open(&db, fx->path, true) &&
            db_exec(&db,
                    "PRAGMA cache_size=1; BEGIN; WITH RECURSIVE i(n) AS"
                    " (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT 20000)"
                    " INSERT INTO load_stats(run_id, node, name, value, severity) SELECT 1, n, 'x', 1, 'info' FROM i");
        _exit(spilt ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    char journal[4300];
    snprintf(journal, sizeof journal, "%s-journal", fx->path);
    assert_int_equal(access(journal, F_OK), 0);
    assert_true(db_open(&fx->db, fx->path, false));
    assert_rows(fx, "SELECT count(*) FROM load_stats", "0");
    assert_int_not_equal(access(journal, F_OK), 0);
    assert_false(db_exec(&fx->db, "DELETE FROM records"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_database_has_the_released_tables_and_views, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_database_whose_writer_was_killed_can_be_read, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_first_error_stays_and_later_calls_do_nothing, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_misspelt_parameter_names_itself, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_is_bound_comes_back_byte_for_byte, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_run_statement_starts_with_no_bindings_again, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_default_of_an_integer_is_for_no_row_and_for_null, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_foreign_database_is_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(our_database_of_another_version_is_refused_with_the_remedy, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_database_that_cannot_be_written_says_to_copy_it, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_text_an_empty_file_a_directory_and_nothing_are_no_databases, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_damaged_database_fails_with_words_and_status_65, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_database_opened_for_reading_cannot_be_written, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(every_column_of_every_view_can_be_asked, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
