/* analyze sql, stat and schema, as programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "../trace/trace.h"
#include "../analyze/queries.h"
#include "support/fixture.h"
#include "support/spawn.h"

static char analyze[4200], out[1 << 18];

static int open_fixture(void **state)
{
    struct fixture *fx = malloc(sizeof *fx);
    assert_non_null(fx);
    spawn_path("analyze", analyze, sizeof analyze);
    fixture_open(fx);
    fixture_rec(fx, "sim", 1000000, "op.invoke",
                "\"op\":\"c:1\",\"cli\":\"c\",\"f\":\"put\",\"key\":\"\\u001b[31mk\",\"val\":\"a|b,\\\"c\\\"\"");
    fixture_rec(fx, "sim", 2000000, "op.return", "\"op\":\"c:1\",\"res\":\"ok\",\"by\":\"0000\"");
    fixture_rec(fx, "sim", 3000000, "op.invoke", "\"op\":\"c:2\",\"cli\":\"c\",\"f\":\"get\",\"key\":\"\\u001b[31mk\"");
    fixture_rec(fx, "sim", 3500000, "net.in",
                "\"d\":1,\"src\":\"c\",\"dst\":\"0000\",\"ty\":\"get\",\"mid\":\"m\",\"sz\":5");
    fixture_rec(fx, "sim", 3600000, "net.drop", "\"d\":1,\"cp\":1,\"src\":\"c\",\"dst\":\"0000\",\"why\":\"loss\"");
    fixture_finish(fx);
    fixture_load(fx);
    *state = fx;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

static void expect(int got, int want)
{
    if (got != want)
        fail_msg("exit status %d, expected %d; it printed:\n%s", got, want, out);
}

#define RUN(want, ...) expect(spawn_run((const char *const[]){analyze, __VA_ARGS__, NULL}, 20, out, sizeof out), want)

static void has(const char *words)
{
    if (strstr(out, words) == NULL)
        fail_msg("\"%s\" is not in:\n%s", words, out);
}

/* ---- formats ---- */

#define QUERY "SELECT op, val, t_return, served_by FROM ops"

static void a_table_aligns_shows_null_and_escapes_control_characters(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "sql", fx->path, "SELECT key, t_return, served_by FROM ops");
    assert_string_equal(out, "key        t_return  served_by\n"
                             "---------  --------  ---------\n"
                             "\\x1b[31mk   2000000  0000\n"
                             "\\x1b[31mk  NULL      NULL\n");
}

static void each_machine_format_is_exact(void **state)
{
    struct fixture *fx = *state;
    static const struct {
        const char *format, *text;
    } formats[] = {
        {"csv", "op,val,t_return,served_by\nc:1,\"a|b,\"\"c\"\"\",2000000,0000\nc:2,,,\n"},
        {"tsv", "op\tval\tt_return\tserved_by\nc:1\ta|b,\"c\"\t2000000\t0000\nc:2\t\t\t\n"},
        {"json", "[\n{\"op\":\"c:1\",\"val\":\"a|b,\\\"c\\\"\",\"t_return\":2000000,\"served_by\":\"0000\"},\n"
                 "{\"op\":\"c:2\",\"val\":null,\"t_return\":null,\"served_by\":null}\n]\n"},
        {"jsonl", "{\"op\":\"c:1\",\"val\":\"a|b,\\\"c\\\"\",\"t_return\":2000000,\"served_by\":\"0000\"}\n"
                  "{\"op\":\"c:2\",\"val\":null,\"t_return\":null,\"served_by\":null}\n"},
        {"md",
         "| op | val | t_return | served_by |\n| --- | --- | --- | --- |\n| c:1 | a\\|b,\"c\" | 2000000 | 0000 |\n"
         "| c:2 | NULL | NULL | NULL |\n"},
        {"value", "c:1|a|b,\"c\"|2000000|0000\nc:2|||\n"},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        RUN(0, "sql", fx->path, QUERY, "--format", formats[i].format);
        assert_string_equal(out, formats[i].text);
    }
    RUN(64, "sql", fx->path, QUERY, "--format", "xml");
    has("the formats are table, csv, tsv, json, jsonl, md, value");
}

static void json_is_json_whatever_the_bytes(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "sql", fx->path, "SELECT CAST(x'ff1b22' AS TEXT) AS a, x'00ff' AS b, 1e999 AS c, 1.5 AS d, char(9) AS e",
        "--format", "json");
    json_t *j = json_loads(out, 0, NULL);
    assert_non_null(j);
    const json_t *row = json_array_get(j, 0);
    assert_string_equal(json_string_value(json_object_get(row, "a")), "\xef\xbf\xbd\x1b\"");
    assert_string_equal(json_string_value(json_object_get(row, "b")), "00ff");
    assert_true(json_is_null(json_object_get(row, "c")));
    assert_true(json_real_value(json_object_get(row, "d")) == 1.5);
    assert_string_equal(json_string_value(json_object_get(row, "e")), "\t");
    json_decref(j);
    RUN(0, "sql", fx->path, "SELECT 1 AS x WHERE 0", "--format", "json");
    assert_string_equal(out, "[]\n");
}

static void a_table_of_more_rows_than_are_measured_is_printed_whole(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "sql", fx->path,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT i FROM n");
    int lines = 0;
    for (const char *p = out; *p != '\0'; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 2502);
    has("\n2500\n");
}

/* ---- read-only ---- */

static void nothing_can_be_written_or_attached(void **state)
{
    struct fixture *fx = *state;
    static const char *const attempts[] = {"DELETE FROM ops",
                                           "INSERT INTO runs(name, schema_v) VALUES ('x', 1)",
                                           "UPDATE ops SET key = 'x'",
                                           "DROP TABLE ops",
                                           "CREATE TABLE t(x)",
                                           "CREATE TEMP TABLE t(x)",
                                           "ATTACH '/tmp/other.db' AS o",
                                           "VACUUM INTO '/tmp/copy.db'",
                                           "PRAGMA user_version = 5",
                                           "PRAGMA writable_schema = 1",
                                           "PRAGMA journal_mode = WAL",
                                           "PRAGMA query_only = 0",
                                           "SELECT load_extension('x')",
                                           "BEGIN",
                                           "REINDEX",
                                           "ANALYZE",
                                           "INSERT INTO sqlite_master VALUES (1,2,3,4,5)",
                                           "UPDATE sqlite_master SET sql = ''"};
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        if (spawn_run((const char *const[]){analyze, "sql", fx->path, attempts[i], NULL}, 20, out, sizeof out) != 64)
            fail_msg("%s: %s", attempts[i], out);
    }
    RUN(0, "sql", fx->path, "SELECT count(*) FROM ops; PRAGMA user_version", "--format", "value");
    assert_string_equal(out, "2\n3\n");
    RUN(0, "sql", fx->path, "SELECT name FROM pragma_table_info('runs') LIMIT 1", "--format", "value");
    assert_string_equal(out, "run_id\n");
    RUN(0, "sql", fx->path, "SELECT sum(value) FROM json_each('[1,2]')", "--format", "value");
    assert_string_equal(out, "3\n");
}

static void a_query_that_takes_too_long_is_stopped(void **state)
{
    struct fixture *fx = *state;
    RUN(2, "sql", fx->path, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "--timeout", "200ms");
    has("stopped after 0.2 s; more with --timeout");
}

static void an_error_in_the_sql_is_told(void **state)
{
    struct fixture *fx = *state;
    RUN(64, "sql", fx->path, "SELEC 1");
    has("syntax error");
    RUN(64, "sql", fx->path);
    RUN(64, "sql", fx->path, "SELECT 1", "-n", "trust");
    RUN(64, "sql");
}

/* ---- where queries come from ---- */

static void every_named_query_runs_and_is_listed_with_a_description(void **state)
{
    struct fixture *fx = *state;
    char listed[sizeof out];
    RUN(0, "sql", "--list");
    snprintf(listed, sizeof listed, "%s", out);
    int n = 0;
    for (char *line = strtok(listed, "\n"); line != NULL; line = strtok(NULL, "\n"), n++) {
        char name[64], id[16];
        assert_int_equal(sscanf(line, "%63s %15s", name, id), 2);
        assert_true(strlen(line) > 40);
        RUN(0, "sql", fx->path, "-n", name);
        if (id[0] == 'Q')
            RUN(0, "sql", fx->path, "-n", id);
    }
    assert_int_equal(n, 22);
    static const char *const given[][3] = {{"Q3", "op=c:1"}, {"Q4", "node=0000", "term=1"}, {"Q5", "op=c:1"},
                                           {"Q8", "val=x"},  {"Q6", "from=0", "to=9"},      {"Q18", "t=3"}};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        RUN(0, "sql", fx->path, "-n", given[i][0], "-p", given[i][1], given[i][2] != NULL ? "-p" : NULL, given[i][2]);
    RUN(64, "sql", fx->path, "-n", "no-such");
    has("no query is named no-such; analyze sql --list shows them");
}

static void parameters_are_bound_not_pasted(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "sql", fx->path, "SELECT :x, :y", "-p", "x='); DROP TABLE ops; --", "--format", "json");
    has("{\":x\":\"'); DROP TABLE ops; --\",\":y\":null}");
    RUN(64, "sql", fx->path, "SELECT :x", "-p", "x");
}

static void a_parameter_that_the_query_does_not_have_is_refused_with_those_it_has(void **state)
{
    struct fixture *fx = *state;
    RUN(64, "sql", fx->path, "-n", "why-leader", "-p", "nod=0000");
    has("-p nod=0000: the query has no such parameter; it has node, term");
    RUN(64, "sql", fx->path, "SELECT 1", "-p", "x=1");
    has("it has none");
}

static void several_results_are_still_one_json_value(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "sql", fx->path, "SELECT 1 AS a; SELECT 2 AS b WHERE 0; -- that was all", "--format", "json");
    json_t *j = json_loads(out, 0, NULL);
    assert_int_equal(json_array_size(j), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json_array_get(j, 0), 0), "a")), 1);
    assert_int_equal(json_array_size(json_array_get(j, 1)), 0);
    json_decref(j);
    RUN(0, "stat", fx->path, "nodes", "links", "--format", "json");
    j = json_loads(out, 0, NULL);
    assert_true(json_array_size(json_object_get(j, "nodes")) > 0);
    assert_true(json_array_size(json_object_get(j, "links")) > 0);
    json_decref(j);
    RUN(0, "stat", fx->path, "nodes", "--format", "json");
    j = json_loads(out, 0, NULL);
    assert_true(json_is_array(j));
    json_decref(j);
}

static void json_escapes_what_would_fool_a_terminal(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "sql", fx->path, "SELECT char(0x9b, 0x85, 0x202e, 0x2066, 0xe9) AS x", "--format", "json");
    has("\\u009b\\u0085\\u202e\\u2066\xc3\xa9");
}

static void a_long_value_is_cut_in_a_table_only(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "sql", fx->path, "SELECT printf('%.*c', 5000, 'x') AS x");
    has("x\xe2\x80\xa6(+4000 bytes)");
    RUN(0, "sql", fx->path, "SELECT printf('%.*c', 5000, 'x') AS x", "--format", "value");
    assert_int_equal(strlen(out), 5001);
}

/* Raft dissertation §9.6: a pre-vote does not change terms, so losing one left nobody in office. */
static void lost_prevotes_deposed_nobody_and_runs_without_syncs_have_no_early_acks(void **state)
{
    struct fixture *fx = *state;
    char sql[4096];
    assert_true(db_exec(&fx->db, "INSERT INTO log_entries(run_id, node, idx, eterm, req, t_append, append_rec) VALUES "
                                 "(1, '0000', 1, 1, 'r', 1, 1)"));
    assert_true(db_exec(
        &fx->db, "INSERT INTO records(id, run_id, node, boot, seq, t, lc, ev, source_id, line, body)"
                 " VALUES (9001, 1, '0000', 1, 901, 10, 1, 'req.reply', 1, 1, '{\"op\":\"put\",\"req\":\"r\"}')"));
    RUN(0, "sql", fx->path, "-n", "early-acks", "--format", "json");
    assert_string_equal(out, "[]\n");
    assert_true(db_exec(&fx->db, "INSERT INTO records(id, run_id, node, boot, seq, t, lc, ev, source_id, line, body)"
                                 " VALUES (9002, 1, '0000', 1, 902, 11, 2, 'disk.sync', 1, 1, '{}')"));
    RUN(0, "sql", fx->path, "-n", "early-acks", "--format", "json");
    has("\"req\":\"r\"");

    /* The query on tables of its own: only what it says of types matters here. */
    struct named_query q;
    assert_true(query_find("queries.sql", "stale-lost", &q));
    snprintf(sql, sizeof sql,
             "WITH stale_reads(run_id, op_id, op, served_by, t_invoke) AS (VALUES (1, 1, 'o', '0000', 9000000)),"
             " leader_terms(run_id, node, term, t_start, t_end) AS (VALUES (1, '0000', 1, 0, NULL)),"
             " msg(run_id, sent_ms, src, dst, type, term, why, fate, fault_id) AS (VALUES"
             " (1, 1, '0001', '0000', 'prevote_req', 2, 'loss', 'dropped', NULL),"
             " (1, 2, '0001', '0000', 'vote_req', 2, 'loss', 'dropped', NULL)) %.*s",
             (int)q.n, q.sql);
    RUN(0, "sql", fx->path, sql, "--format", "csv");
    has("vote_req");
    assert_null(strstr(out, "prevote_req"));
}

static void statements_come_from_a_file_or_standard_input(void **state)
{
    struct fixture *fx = *state;
    char file[4300], command[9000];
    fixture_text(fx, "q.sql", "-- two\nSELECT 1;\nSELECT 'x';\n");
    snprintf(file, sizeof file, "%s/q.sql", fx->dir);
    RUN(0, "sql", fx->path, "-f", file, "--format", "value");
    assert_string_equal(out, "1\nx\n");
    snprintf(command, sizeof command, "echo 'SELECT 42' | %s sql %s -f - --format value", analyze, fx->dir);
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    expect(spawn_run(argv, 20, out, sizeof out), 0);
    assert_string_equal(out, "42\n");
    RUN(66, "sql", fx->path, "-f", "/nonexistent.sql");
}

static void dot_schema_and_dot_tables_work(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "sql", fx->path, ".tables");
    has("\nlog_entries\n");
    has("\nsplit_brain\n");
    RUN(0, "sql", fx->path, ".schema ops");
    has("CREATE TABLE ops (");
    assert_null(strstr(out, "CREATE TABLE runs"));
    RUN(0, "sql", fx->path, ".schema");
    has("CREATE TABLE runs");
    RUN(64, "sql", fx->path, ".import x y");
}

/* ---- stat and schema ---- */

static void stat_says_what_is_in_a_run(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "stat", fx->dir);
    has("nodes and their boots");
    has("(clients: 1)");
    has("links: lost datagrams and latency in ms");
    has("client operations, by who answered");
    has("records by event");
    has("op.invoke");
    assert_null(strchr(out, '\x1b'));
    RUN(0, "stat", fx->path, "links", "--format", "csv");
    assert_string_equal(out, "src,dst,sent,lost,pct,p50,p99,worst\n(clients),0000,1,1,100.0,,,\n");
    RUN(0, "stat", fx->path, "ops", "--format", "csv");
    assert_string_equal(
        out, "op,served_by,ops,ok,fail,info,p50,p99,worst\nget,(nobody),1,0,0,1,,,\nput,0000,1,1,0,0,1.0,1.0,1.0\n");
    RUN(64, "stat", fx->path, "weather");
}

static void the_schema_is_printed_as_sql_events_and_json_schema(void **state)
{
    (void)state;
    RUN(0, "schema");
    has("CREATE TABLE records (");
    has("CREATE VIEW timeline");
    has("CREATE UNIQUE INDEX records_key");
    RUN(0, "schema", "--events");
    for (size_t i = 0; i < trace_record_types_n; i++) {
        char start[64];
        snprintf(start, sizeof start, "\n%s ", trace_record_types[i].ev);
        has(start);
    }
    RUN(0, "schema", "--json-schema");
    json_t *j = json_loads(out, 0, NULL);
    assert_non_null(j);
    assert_int_equal(json_array_size(json_object_get(j, "allOf")), trace_record_types_n);
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_table_aligns_shows_null_and_escapes_control_characters, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(each_machine_format_is_exact, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(json_is_json_whatever_the_bytes, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_table_of_more_rows_than_are_measured_is_printed_whole, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(nothing_can_be_written_or_attached, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_query_that_takes_too_long_is_stopped, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_error_in_the_sql_is_told, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(every_named_query_runs_and_is_listed_with_a_description, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(parameters_are_bound_not_pasted, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_parameter_that_the_query_does_not_have_is_refused_with_those_it_has,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(several_results_are_still_one_json_value, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(json_escapes_what_would_fool_a_terminal, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_long_value_is_cut_in_a_table_only, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(lost_prevotes_deposed_nobody_and_runs_without_syncs_have_no_early_acks,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(statements_come_from_a_file_or_standard_input, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(dot_schema_and_dot_tables_work, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(stat_says_what_is_in_a_run, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_schema_is_printed_as_sql_events_and_json_schema, open_fixture,
                                        close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
