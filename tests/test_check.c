/* test_check.c -- the catalogue, the runner, and the command `check` with its formats and exit statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "../analyze/cli.h"
#include "../analyze/commands.h"
#include "support/history_db.h"

#define assert_sql(h, sql, expected)                                                                                   \
    do {                                                                                                               \
        char r_[8000];                                                                                                 \
        assert_string_equal(hdb_rows(h, sql, r_, sizeof r_), expected);                                                \
    } while (0)

/* Two stale reads of one key by the clients 0010 and 0011. */
static void bad_history(struct hdb *h)
{
    hdb_open(h);
    hdb_op(h, "0012", "put", "k\x1b[2J", "a", 0, 10, "ok", "0000");
    hdb_op(h, "0012", "put", "k\x1b[2J", "b", 20, 30, "ok", "0000");
    hdb_op(h, "0010", "get", "k\x1b[2J", "a", 40, 50, "ok", "0000");
    hdb_op(h, "0011", "get", "k\x1b[2J", "a", 140, 150, "ok", "0000");
}

static void good_history(struct hdb *h)
{
    hdb_open(h);
    hdb_op(h, "0012", "put", "k", "a", 0, 10, "ok", "0000");
    hdb_op(h, "0010", "get", "k", "a", 40, 50, "ok", "0000");
}

/* ---- the catalogue ---- */

static void every_check_has_an_id_of_its_own_and_words(void **state)
{
    (void)state;
    size_t n = 0;
    for (const struct check *c; (c = check_at(n)) != NULL; n++) {
        assert_ptr_equal(check_find(c->id), c);
        assert_true(strlen(c->title) > 3 && strlen(c->title) < 40);
        assert_true(strlen(c->severity) >= 2);
        assert_true(strlen(c->help) > 20);
        assert_non_null(c->run);
    }
    assert_true(n >= check_client_n + check_wire_n + 2);
    assert_null(check_find("C99"));
    assert_null(check_find(""));
}

static void lists_take_ids_and_family_letters_and_refuse_the_rest(void **state)
{
    (void)state;
    char bad[16];
    assert_true(check_list_ok("C1,R13,T", bad, sizeof bad));
    assert_true(check_list_ok("C", bad, sizeof bad));
    assert_true(check_list_ok(NULL, bad, sizeof bad));
    assert_false(check_list_ok("C1,X9", bad, sizeof bad));
    assert_string_equal(bad, "X9");
    assert_false(check_list_ok("C1 ", bad, sizeof bad));
    assert_false(check_list_ok("1", bad, sizeof bad));
}

/* ---- the runner ---- */

static void only_and_skip_choose_the_checks(void **state)
{
    (void)state;
    struct hdb h;
    enum verdict v;
    good_history(&h);
    assert_true(check_all(&h.db, &(struct check_options){.only = "C", .skip = "C2,C4"}, &v));
    assert_sql(&h, "SELECT \"check\" FROM checks ORDER BY 1", "C1\nC10\nC11\nC3\nC5\nC6\nC7\nC8\nC9");
    assert_int_equal(v, VERDICT_PASS);
    hdb_close(&h);
}

#define EVERYTHING                                                                                                     \
    "SELECT violation_id, \"check\", t, title, (SELECT group_concat(pos || part || coalesce(op_id, '') || "            \
    "coalesce(note, ''))"                                                                                              \
    " FROM violation_evidence e WHERE e.violation_id = v.violation_id) FROM violations v ORDER BY violation_id"

static void running_again_stores_the_same_rows_under_the_same_numbers(void **state)
{
    (void)state;
    struct hdb h;
    enum verdict v;
    char first[8000], again[8000];
    bad_history(&h);
    assert_true(check_all(&h.db, &(struct check_options){.only = "C"}, &v));
    assert_int_equal(v, VERDICT_FAIL);
    hdb_rows(&h, EVERYTHING, first, sizeof first);
    assert_true(check_all(&h.db, &(struct check_options){.only = "C"}, &v));
    assert_string_equal(hdb_rows(&h, EVERYTHING, again, sizeof again), first);
    assert_true(check_all(&h.db, &(struct check_options){.only = "C2"}, &v));
    assert_string_equal(hdb_rows(&h, EVERYTHING, again, sizeof again), first);
    /* What a client saw comes first, the worst of it as V1. */
    assert_sql(&h, "SELECT violation_id, \"check\", t / 1000000 FROM violations ORDER BY 1",
               "1|C2|150\n2|C2|50\n3|C1|50");
    assert_sql(
        &h, "SELECT count(*) FROM violation_evidence WHERE violation_id NOT IN (SELECT violation_id FROM violations)",
        "0");
    hdb_close(&h);
}

static void results_go_when_the_reason_is_gone(void **state)
{
    (void)state;
    struct hdb h;
    enum verdict v;
    bad_history(&h);
    assert_true(check_all(&h.db, &(struct check_options){.only = "C1,C2"}, &v));
    db_exec(&h.db, "DELETE FROM ops WHERE f = 'get'");
    assert_true(check_all(&h.db, &(struct check_options){.only = "C1,C2"}, &v));
    assert_int_equal(v, VERDICT_PASS);
    assert_sql(&h, "SELECT count(*) FROM violations", "0");
    assert_sql(&h, "SELECT count(*) FROM violation_evidence", "0");
    hdb_close(&h);
}

static void each_run_of_a_database_is_checked(void **state)
{
    (void)state;
    struct hdb h;
    enum verdict v;
    bad_history(&h);
    db_exec(&h.db, "INSERT INTO runs(run_id, name, schema_v) VALUES (2, 'u', 1)");
    assert_true(check_all(&h.db, &(struct check_options){.only = "C1"}, &v));
    assert_int_equal(v, VERDICT_FAIL);
    assert_sql(&h, "SELECT run_id, verdict FROM checks ORDER BY 1", "1|fail\n2|skipped");
    hdb_close(&h);
}

static void a_database_error_names_the_check_and_stores_nothing_by_halves(void **state)
{
    (void)state;
    struct hdb h;
    enum verdict v;
    bad_history(&h);
    db_exec(&h.db, "CREATE TRIGGER broken BEFORE INSERT ON violation_evidence WHEN NEW.pos = 2 BEGIN SELECT "
                   "raise(ABORT, 'on purpose'); END");
    assert_false(check_all(&h.db, &(struct check_options){.only = "C2,C7"}, &v));
    assert_non_null(strstr(h.db.err, "check C2: "));
    assert_non_null(strstr(h.db.err, "on purpose"));
    h.db.failed = false;
    assert_sql(&h, "SELECT count(*) FROM violations", "0");
    assert_sql(&h, "SELECT DISTINCT verdict FROM checks", "unknown");
    hdb_close(&h);
}

/* ---- the command ---- */

/* Runs `check ARGS DB -o FILE`; what it wrote is in `out`. stderr is not shown. */
static int run_check(struct hdb *h, const char *const *args, char *out, size_t n)
{
    char file[128], *argv[16];
    int argc = 0;
    snprintf(file, sizeof file, "%s/out", h->dir);
    argv[argc++] = strdup("check");
    while (*args != NULL)
        argv[argc++] = strdup(*args++);
    argv[argc++] = strdup("-o");
    argv[argc++] = strdup(file);
    argv[argc++] = strdup(h->path);
    argv[argc] = NULL;
    char *owned[16]; /* getopt moves the pointers about */
    memcpy(owned, argv, sizeof owned);

    fflush(stderr);
    int saved = dup(2), null = open("/dev/null", O_WRONLY);
    dup2(null, 2);
    int status = cmd_check(argc, argv);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    close(null);

    out[0] = '\0';
    FILE *f = fopen(file, "r");
    if (f != NULL) {
        out[fread(out, 1, n - 1, f)] = '\0';
        fclose(f);
    }
    unlink(file);
    for (int i = 0; i < argc; i++)
        free(owned[i]);
    return status;
}

static void exit_statuses_are_0_1_2(void **state)
{
    (void)state;
    static char out[20000];
    struct hdb h;
    good_history(&h);
    assert_int_equal(run_check(&h, (const char *[]){"--only", "C", NULL}, out, sizeof out), EXIT_PASSED);
    hdb_op(&h, "0010", "cas", "k9", "a", 60, 70, "ok", "0000");
    assert_int_equal(run_check(&h, (const char *[]){"--only", "C", NULL}, out, sizeof out), EXIT_UNDECIDED);
    assert_int_equal(run_check(&h, (const char *[]){"--only", "C", "--unknown-ok", NULL}, out, sizeof out),
                     EXIT_PASSED);
    hdb_close(&h);
    bad_history(&h);
    assert_int_equal(run_check(&h, (const char *[]){"--only", "C", NULL}, out, sizeof out), EXIT_VIOLATION);
    assert_int_equal(run_check(&h, (const char *[]){"--only", "C", "--unknown-ok", NULL}, out, sizeof out),
                     EXIT_VIOLATION);
    assert_int_equal(run_check(&h, (const char *[]){"--only", "C", "--exit-zero", NULL}, out, sizeof out), EXIT_PASSED);
    hdb_close(&h);
}

static void wrong_arguments_are_usage_errors_and_no_verdict(void **state)
{
    (void)state;
    static char out[2000];
    struct hdb h;
    good_history(&h);
    assert_int_equal(run_check(&h, (const char *[]){"--only", "C99", NULL}, out, sizeof out), EXIT_USAGE);
    assert_int_equal(run_check(&h, (const char *[]){"--budget", "soon", NULL}, out, sizeof out), EXIT_USAGE);
    assert_int_equal(run_check(&h, (const char *[]){"--format", "pdf", NULL}, out, sizeof out), EXIT_USAGE);
    assert_int_equal(run_check(&h, (const char *[]){"--colour", NULL}, out, sizeof out), EXIT_USAGE);
    assert_int_equal(run_check(&h, (const char *[]){"/nonexistent/run.db", NULL}, out, sizeof out), EXIT_NOINPUT);
    hdb_close(&h);
}

static void text_lists_failures_classes_and_totals_without_raw_control_characters(void **state)
{
    (void)state;
    static char out[20000];
    struct hdb h;
    bad_history(&h);
    run_check(&h, (const char *[]){"--only", "C1,C2,C3", NULL}, out, sizeof out);
    assert_non_null(strstr(out, "FAIL  C1"));
    assert_non_null(strstr(out, "FAIL  C2"));
    assert_non_null(strstr(out, "ok"));
    assert_non_null(strstr(out, "C3"));
    assert_non_null(strstr(out, "     2  C2   leader-local-read   V1\n"));
    assert_null(strchr(out, '\x1b'));
    hdb_close(&h);
}

static void json_has_the_stable_keys_and_is_the_same_each_time(void **state)
{
    (void)state;
    static char out[30000], again[30000];
    struct hdb h;
    bad_history(&h);
    assert_int_equal(run_check(&h, (const char *[]){"--only", "C1,C2", "--format", "json", NULL}, out, sizeof out),
                     EXIT_VIOLATION);
    run_check(&h, (const char *[]){"--only", "C1,C2", "--format", "json", NULL}, again, sizeof again);
    assert_string_equal(out, again);
    json_t *j = json_loads(out, 0, NULL);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "schema")), "faultline-check/1");
    json_t *run = json_array_get(json_object_get(j, "runs"), 0);
    assert_string_equal(json_string_value(json_object_get(run, "run")), "t");
    assert_string_equal(json_string_value(json_object_get(run, "verdict")), "fail");
    assert_int_equal(json_array_size(json_object_get(run, "checks")), 2);
    json_t *v = json_array_get(json_object_get(run, "violations"), 0);
    static const char *const keys[] = {"id", "check", "severity", "class",     "title",
                                       "t",  "node",  "key",      "first_bad", "evidence"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_non_null(json_object_get(v, keys[i]));
    assert_string_equal(json_string_value(json_object_get(v, "id")), "V1");
    assert_int_equal(json_integer_value(json_object_get(v, "t")), 150000000);
    assert_string_equal(json_string_value(json_object_get(v, "key")), "k\x1b[2J");
    json_t *e = json_array_get(json_object_get(v, "evidence"), 0);
    static const char *const parts[] = {"part", "note", "t", "op", "datagram", "fault", "record", "file", "line"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(json_object_get(e, parts[i]));
    assert_string_equal(json_string_value(json_object_get(e, "op")), "0012:1");
    assert_string_equal(json_string_value(json_object_get(e, "file")), "sim.1.jsonl");
    json_decref(j);
    hdb_close(&h);
}

static void junit_has_a_case_for_each_check_and_no_control_characters(void **state)
{
    (void)state;
    static char out[30000];
    struct hdb h;
    bad_history(&h);
    hdb_op(&h, "0012", "put", "<&>", "zz", 160, 170, "ok", "0000");
    hdb_op(&h, "0012", "get", "<&>", "", 180, 190, "ok", "0000");
    run_check(&h, (const char *[]){"--only", "C", "--format", "junit", NULL}, out, sizeof out);
    assert_non_null(strstr(out, "<testsuite name=\"faultline.t\" timestamp=\"1970-01-01T00:00:00\" hostname=\""));
    assert_non_null(strstr(out, "tests=\"11\" failures=\"4\" errors=\"0\" skipped=\"0\""));
    assert_non_null(strstr(out, "name=\"C2 stale reads\""));
    assert_non_null(strstr(out, "stale read of &lt;&amp;&gt;"));
    assert_null(strchr(out, '\x1b'));
    assert_non_null(strstr(out, "</testsuites>\n"));
    hdb_close(&h);
}

static void results_of_earlier_runs_are_neither_printed_nor_counted(void **state)
{
    (void)state;
    static char out[30000];
    static const char *const formats[] = {"text", "json", "junit"};
    struct hdb h;
    bad_history(&h);
    enum verdict v;
    assert_true(check_all(&h.db, &(struct check_options){.only = "C"}, &v));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        assert_int_equal(run_check(&h, (const char *[]){"--only", "C3", "--format", formats[i], NULL}, out, sizeof out),
                         EXIT_PASSED);
        assert_non_null(strstr(out, "C3"));
        assert_null(strstr(out, "C2"));
        assert_null(strstr(out, "stale"));
    }
    hdb_close(&h);
}

static void choosing_nothing_is_a_usage_error_and_deciding_nothing_no_pass(void **state)
{
    (void)state;
    static char out[2000];
    struct hdb h;
    good_history(&h);
    assert_int_equal(run_check(&h, (const char *[]){"--only", ",", NULL}, out, sizeof out), EXIT_USAGE);
    assert_int_equal(run_check(&h, (const char *[]){"--skip", "C,R,T", NULL}, out, sizeof out), EXIT_USAGE);
    assert_int_equal(run_check(&h, (const char *[]){"--only", "R13,R47", NULL}, out, sizeof out), EXIT_UNDECIDED);
    hdb_close(&h);
}

/* U+0085 and U+202E: a terminal obeys them as it obeys an escape sequence. */
static void json_and_junit_let_no_c1_or_bidi_control_through(void **state)
{
    (void)state;
    static char out[30000];
    static const char *const formats[] = {"json", "junit"};
    struct hdb h;
    hdb_open(&h);
    hdb_op(&h, "0012", "put", "k\xc2\x85\xe2\x80\xae", "a", 0, 10, "ok", "0000");
    hdb_op(&h, "0012", "put", "k\xc2\x85\xe2\x80\xae", "b", 20, 30, "ok", "0000");
    hdb_op(&h, "0010", "get", "k\xc2\x85\xe2\x80\xae", "a", 40, 50, "ok", "0000");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        run_check(&h, (const char *[]){"--only", "C2", "--format", formats[i], NULL}, out, sizeof out);
        assert_non_null(strstr(out, "stale read of k"));
        assert_null(strstr(out, "\xc2\x85"));
        assert_null(strstr(out, "\xe2\x80\xae"));
    }
    hdb_close(&h);
}

/* Ctrl-C, kill -9, a full disk: what was not looked at does not pass, and is looked at the next time. */
static void checks_that_were_not_reached_are_unknown_and_due(void **state)
{
    (void)state;
    struct hdb h;
    enum verdict v;
    hdb_open(&h);
    hdb_op(&h, "0010", "put", "k", "a", 0, 10, "ok", "0000");
    assert_true(check_due(&h.db));
    db_exec(&h.db, "CREATE TRIGGER stop BEFORE INSERT ON checks WHEN new.\"check\" = 'C3' AND new.verdict <> 'unknown'"
                   " BEGIN SELECT RAISE(ABORT, 'stopped'); END");
    assert_false(check_all(&h.db, &(struct check_options){.only = "C1,C2,C3,C4"}, &v));
    h.db.failed = false;
    assert_sql(&h, "SELECT \"check\", verdict FROM checks ORDER BY 1", "C1|pass\nC2|pass\nC3|unknown\nC4|unknown");
    assert_sql(&h, "SELECT DISTINCT note FROM checks WHERE verdict = 'unknown'",
               "analyze was ended before it came to this check");
    assert_true(check_due(&h.db));
    db_exec(&h.db, "DROP TRIGGER stop");
    assert_true(check_all(&h.db, &(struct check_options){.only = "C1,C2,C3,C4"}, &v));
    assert_true(check_due(&h.db)); /* the others were not chosen */
    assert_true(check_all(&h.db, &(struct check_options){0}, &v));
    assert_false(check_due(&h.db));
    hdb_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_that_were_not_reached_are_unknown_and_due),
        cmocka_unit_test(every_check_has_an_id_of_its_own_and_words),
        cmocka_unit_test(lists_take_ids_and_family_letters_and_refuse_the_rest),
        cmocka_unit_test(only_and_skip_choose_the_checks),
        cmocka_unit_test(running_again_stores_the_same_rows_under_the_same_numbers),
        cmocka_unit_test(results_go_when_the_reason_is_gone),
        cmocka_unit_test(each_run_of_a_database_is_checked),
        cmocka_unit_test(a_database_error_names_the_check_and_stores_nothing_by_halves),
        cmocka_unit_test(exit_statuses_are_0_1_2),
        cmocka_unit_test(wrong_arguments_are_usage_errors_and_no_verdict),
        cmocka_unit_test(text_lists_failures_classes_and_totals_without_raw_control_characters),
        cmocka_unit_test(json_has_the_stable_keys_and_is_the_same_each_time),
        cmocka_unit_test(junit_has_a_case_for_each_check_and_no_control_characters),
        cmocka_unit_test(results_of_earlier_runs_are_neither_printed_nor_counted),
        cmocka_unit_test(choosing_nothing_is_a_usage_error_and_deciding_nothing_no_pass),
        cmocka_unit_test(json_and_junit_let_no_c1_or_bidi_control_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
