/* From files to a database: order, damage, completeness, and never half a database. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../analyze/load.h"
#include "support/fixture.h"
#include "support/spawn.h"

static int open_fixture(void **state)
{
    struct fixture *fx = malloc(sizeof *fx);
    assert_non_null(fx);
    fixture_open(fx);
    *state = fx;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

#define HEADER                                                                                                         \
    "\"ev\":\"trace.open\",\"schema\":\"faultline\",\"v\":1,\"run\":\"%s\",\"wall_us\":0,\"epoch_ns\":0,"              \
    "\"clk\":\"virtual\",\"pid\":1,\"impl\":\"x\",\"peers\":[]"

static void line(struct fixture *fx, const char *file, const char *node, int boot, int s, int t, int lc,
                 const char *rest)
{
    char text[2048];
    snprintf(text, sizeof text, "{\"n\":\"%s\",\"b\":%d,\"s\":%d,\"t\":%d,\"lc\":%d,%s}\n", node, boot, s, t, lc, rest);
    fixture_text(fx, file, text);
}

static void note(struct fixture *fx, const char *file, const char *node, int s, int t, int lc)
{
    line(fx, file, node, 1, s, t, lc, "\"ev\":\"note\",\"text\":\"\"");
}

#define ORDER    "SELECT id, node, seq, t, lc FROM records ORDER BY id"
#define FINDINGS "SELECT name, severity, node, value, line FROM load_stats ORDER BY name, line"

/* ---- order ---- */

static void records_of_several_files_merge_by_time_clock_node_and_seq(void **state)
{
    struct fixture *fx = *state;
    note(fx, "b.jsonl", "b", 1, 10, 5);
    note(fx, "b.jsonl", "b", 2, 10, 7);
    note(fx, "b.jsonl", "b", 3, 30, 8);
    note(fx, "a.jsonl", "a", 1, 5, 1);
    note(fx, "a.jsonl", "a", 2, 10, 6);
    note(fx, "a.jsonl", "a", 3, 10, 7);
    note(fx, "a.jsonl", "a", 4, 20, 9);
    fixture_load(fx);
    assert_rows(fx, ORDER, "1|a|1|5|1\n2|b|1|10|5\n3|a|2|10|6\n4|a|3|10|7\n5|b|2|10|7\n6|a|4|20|9\n7|b|3|30|8");
}

static void a_record_keeps_every_field_and_its_place_in_the_file(void **state)
{
    struct fixture *fx = *state;
    line(fx, "a.jsonl", "0001", 2, 1, 7, 1, "\"ev\":\"note\",\"text\":\"x\",\"mine\":{\"deep\":[1,null]}");
    line(fx, "a.jsonl", "0001", 2, 2, 8, 2,
         "\"ev\":\"role.change\",\"c\":1,\"term\":4,\"role\":\"C\",\"ci\":1,\"ai\":2,\"li\":3,"
         "\"old\":\"F\",\"new\":\"C\",\"why\":\"election_timeout\"");
    line(fx, "a.jsonl", "0001", 2, 3, 9, 3, "\"ev\":\"my.own\"");
    fixture_load(fx);
    assert_rows(fx, "SELECT boot, seq, ev, cause, term, role, commit_idx, applied_idx, last_idx, line FROM records",
                "2|1|note|-|-|-|-|-|-|1\n2|2|role.change|1|4|C|1|2|3|2\n2|3|my.own|-|-|-|-|-|-|3");
    assert_rows(fx, "SELECT body ->> '$.mine.deep[0]', body ->> '$.n' FROM records WHERE id = 1", "1|-");
    assert_rows(fx, "SELECT json(body) FROM records WHERE id > 1",
                "{\"old\":\"F\",\"new\":\"C\",\"why\":\"election_timeout\"}\n{}");
    assert_rows(fx, "SELECT dst, src, kind FROM edges", "2|1|handled");
}

static void a_file_of_several_nodes_in_any_order_loads_as_their_own_files_would(void **state)
{
    struct fixture *fx = *state;
    /* concatenated: first all of b, then all of a; then interleaved wrongly */
    note(fx, "all.jsonl", "b", 1, 10, 5);
    note(fx, "all.jsonl", "b", 2, 30, 8);
    note(fx, "all.jsonl", "a", 1, 5, 1);
    note(fx, "all.jsonl", "c", 1, 12, 1);
    note(fx, "all.jsonl", "a", 2, 20, 9);
    fixture_load(fx);
    assert_rows(fx, ORDER, "1|a|1|5|1\n2|b|1|10|5\n3|c|1|12|1\n4|a|2|20|9\n5|b|2|30|8");
    assert_rows(fx, "SELECT line FROM records ORDER BY id", "3\n1\n4\n5\n2");
    assert_rows(fx, "SELECT count(*) FROM load_stats WHERE severity = 'error'", "0");
}

static void lines_out_of_order_are_put_in_order_and_reported(void **state)
{
    struct fixture *fx = *state;
    note(fx, "a.jsonl", "a", 1, 5, 1);
    note(fx, "a.jsonl", "a", 3, 7, 3);
    note(fx, "a.jsonl", "a", 2, 6, 2);
    line(fx, "a.jsonl", "a", 1, 4, 8, 4, "\"ev\":\"trace.close\",\"records\":4,\"lost\":0");
    fixture_load(fx);
    assert_rows(fx, "SELECT seq, line FROM records ORDER BY id", "1|1\n2|3\n3|2\n4|4");
    assert_rows(fx, FINDINGS, "seq_back|error|a|1|3");
}

static void time_that_goes_back_is_reported_and_does_not_break_the_order_of_a_boot(void **state)
{
    struct fixture *fx = *state;
    note(fx, "a.jsonl", "a", 1, 5, 1);
    note(fx, "a.jsonl", "a", 2, 50, 2);
    note(fx, "a.jsonl", "a", 3, 6, 3);
    line(fx, "a.jsonl", "a", 1, 4, 60, 3, "\"ev\":\"trace.close\",\"records\":4,\"lost\":0");
    note(fx, "b.jsonl", "b", 1, 10, 1);
    line(fx, "b.jsonl", "b", 1, 2, 55, 4, "\"ev\":\"trace.close\",\"records\":2,\"lost\":0");
    fixture_load(fx);
    assert_rows(fx, ORDER, "1|a|1|5|1\n2|b|1|10|1\n3|a|2|50|2\n4|a|3|6|3\n5|b|2|55|4\n6|a|4|60|3");
    assert_rows(fx, FINDINGS, "lc_back|error|a|1|4\ntime_back|error|a|1|3");
}

static void a_cause_is_the_record_of_the_same_boot(void **state)
{
    struct fixture *fx = *state;
    line(fx, "a.1.jsonl", "a", 1, 1, 1, 1, "\"ev\":\"note\",\"text\":\"\"");
    line(fx, "a.2.jsonl", "a", 2, 1, 10, 1, "\"ev\":\"note\",\"text\":\"\"");
    line(fx, "a.2.jsonl", "a", 2, 2, 11, 2, "\"ev\":\"note\",\"text\":\"\",\"c\":1");
    line(fx, "a.2.jsonl", "a", 2, 3, 12, 3, "\"ev\":\"note\",\"text\":\"\",\"c\":77");
    line(fx, "a.2.jsonl", "a", 2, 4, 13, 4, "\"ev\":\"note\",\"text\":\"\",\"c\":5");
    line(fx, "a.2.jsonl", "a", 2, 5, 14, 5, "\"ev\":\"trace.close\",\"records\":5,\"lost\":0");
    fixture_load(fx);
    assert_rows(fx, "SELECT id, cause FROM records WHERE boot = 2", "2|-\n3|2\n4|-\n5|6\n6|-");
    assert_rows(fx, "SELECT severity, value, line FROM load_stats WHERE name = 'lost_cause'", "error|1|3");
}

/* ---- damage: trace/README.md, what the reader does with lost and torn records ---- */

static void bad_lines_are_skipped_and_named_with_file_line_and_reason(void **state)
{
    struct fixture *fx = *state;
    char err[8192], expected[8300];
    note(fx, "a.1.jsonl", "a", 1, 1, 1);
    fixture_text(fx, "a.1.jsonl", "{\"n\":\"a\",\"b\":1,\"s\":2,\"t\":2,\"lc\":2,\"ev\":\"note\",\n");
    note(fx, "a.1.jsonl", "a", 3, 3, 3);
    fixture_text(fx, "a.1.jsonl",
                 "{\"n\":\"a\",\"b\":1,\"s\":4,\"t\":2,\"lc\":2,\"ev\":\"note\",\"n\":\"a\",\"text\":\"\"}\n");
    fixture_load_expect(fx, 0, err, sizeof err);
    snprintf(expected, sizeof expected, "analyze load: %s/a.1.jsonl:2: ", fx->dir);
    assert_non_null(strstr(err, expected));
    snprintf(expected, sizeof expected, "analyze load: %s/a.1.jsonl:4: ", fx->dir);
    assert_non_null(strstr(err, expected));
    assert_rows(
        fx,
        "SELECT name, severity, node, value, line FROM load_stats WHERE name IN ('bad_line', 'missing') ORDER BY 1, 5",
        "bad_line|data_loss|a|1|2\nbad_line|data_loss|a|1|4\nmissing|data_loss|a|1|3");
    assert_rows(fx, "SELECT count(*) FROM load_stats WHERE name = 'bad_line' AND length(note) > 5", "2");
    assert_rows(fx, "SELECT bad_lines, lines, records FROM sources", "2|4|2");
    assert_rows(fx, "SELECT loss_free FROM runs", "0");
}

static void after_twenty_bad_lines_only_their_number_is_said(void **state)
{
    struct fixture *fx = *state;
    char err[8192];
    note(fx, "a.1.jsonl", "a", 1, 1, 1);
    for (int i = 0; i < 150; i++)
        fixture_text(fx, "a.1.jsonl", "no json\n");
    fixture_load_expect(fx, 0, err, sizeof err);
    int said = 0;
    for (const char *p = err; (p = strstr(p, "a.1.jsonl:")) != NULL; p++)
        said++;
    assert_int_equal(said, 20);
    assert_non_null(strstr(err, "130 more; all of them: analyze sql DB -n findings"));
    assert_rows(fx, "SELECT count(*), sum(value), max(line) FROM load_stats WHERE name = 'bad_line'", "101|150|101");
}

static void started(struct fixture *fx, int boot, const char *clk, long long epoch_ms, long long wall_ms,
                    long long t_ms)
{
    char file[32], line[400];
    snprintf(file, sizeof file, "0001.%d.jsonl", boot);
    snprintf(line, sizeof line,
             "{\"n\":\"0001\",\"b\":%d,\"s\":1,\"t\":%lld000000,\"lc\":1,\"ev\":\"trace.open\",\"schema\":"
             "\"faultline\",\"v\":1,"
             "\"run\":\"r\",\"wall_us\":%lld000,\"epoch_ns\":%lld000000,\"clk\":\"%s\",\"pid\":1,\"impl\":\"x\","
             "\"peers\":[]}\n",
             boot, t_ms, wall_ms, epoch_ms, clk);
    fixture_text(fx, file, line);
}

/* kill -9 loses nothing that was handed to the kernel; a host that goes down may. */
static void a_boot_without_an_end_is_explained_by_the_next_one_on_the_same_host(void **state)
{
    struct fixture *fx = *state;
    started(fx, 1, "mono-shared", 5000, 1000000, 10);
    started(fx, 2, "mono-shared", 5000, 1000400, 410); /* 400 ms later by both clocks */
    started(fx, 3, "mono-shared", 100, 1060000, 20);   /* the clock began anew: the host did */
    started(fx, 4, "virtual", 100, 1060000, 30);       /* says nothing of a host */
    fixture_load(fx);
    assert_rows(fx, "SELECT boot, end_kind FROM boots ORDER BY boot", "1|killed\n2|crashed\n3|crashed\n4|crashed");
    assert_rows(fx, "SELECT severity, count(*) FROM load_stats WHERE name = 'no_close' GROUP BY 1",
                "data_loss|3\ninfo|1");
}

static void a_torn_last_line_is_data_loss_of_so_many_bytes(void **state)
{
    struct fixture *fx = *state;
    note(fx, "a.1.jsonl", "a", 1, 1, 1);
    fixture_text(fx, "a.1.jsonl", "{\"n\":\"a\",\"b\":1,\"s\":2");
    fixture_load(fx);
    assert_rows(fx, "SELECT name, severity, node, value, line FROM load_stats ORDER BY name",
                "no_close|data_loss|a|1|1\ntorn_tail|data_loss|a|20|2");
    assert_rows(fx, "SELECT torn_tail FROM sources", "20");
    assert_rows(fx, "SELECT end_kind FROM boots", "torn");
}

static void a_run_of_nuls_is_skipped_and_counted(void **state)
{
    struct fixture *fx = *state;
    static const char nuls[300];
    note(fx, "a.1.jsonl", "a", 1, 1, 1);
    fixture_bytes(fx, "a.1.jsonl", nuls, sizeof nuls);
    note(fx, "a.1.jsonl", "a", 2, 2, 2);
    fixture_load(fx);
    assert_rows(fx, "SELECT seq, line FROM records", "1|1\n2|2");
    assert_rows(fx, "SELECT severity, value, line FROM load_stats WHERE name = 'nul_run'", "data_loss|300|2");
}

/* The room that a killed writer had made. The boot's end is still to be explained. */
static void nuls_at_the_end_are_no_finding(void **state)
{
    struct fixture *fx = *state;
    static const char nuls[300];
    note(fx, "a.1.jsonl", "a", 1, 1, 1);
    fixture_bytes(fx, "a.1.jsonl", nuls, sizeof nuls);
    fixture_load(fx);
    assert_rows(fx, "SELECT name, value FROM load_stats", "no_close|1");
    assert_rows(fx, "SELECT lines, bad_lines, torn_tail FROM sources", "1|0|0");
}

static void a_gap_in_s_is_reported_with_its_size_and_time_range(void **state)
{
    struct fixture *fx = *state;
    note(fx, "a.1.jsonl", "a", 3, 1000000, 1);
    note(fx, "a.1.jsonl", "a", 4, 2000000, 2);
    note(fx, "a.1.jsonl", "a", 8, 4000000, 6);
    line(fx, "a.1.jsonl", "a", 1, 12, 5000000, 8, "\"ev\":\"trace.lost\",\"first\":9,\"last\":11,\"why\":\"overflow\"");
    line(fx, "a.1.jsonl", "a", 1, 13, 6000000, 9, "\"ev\":\"trace.close\",\"records\":13,\"lost\":3");
    fixture_load(fx);
    assert_rows(fx, "SELECT name, severity, value, note FROM load_stats ORDER BY line",
                "missing|data_loss|2|a.1: gap 1 of 3: the first 2 records, before 1.000 ms\n"
                "missing|data_loss|3|a.1: gap 2 of 3: 3 after s=4 between 2.000 and 4.000 ms\n"
                "declared_lost|data_loss|3|a.1: gap 3 of 3: 3 after s=8 between 4.000 and 5.000 ms, confessed by the "
                "writer (trace.lost)");
    assert_rows(fx, "SELECT records, last_seq, missing, end_kind FROM boots", "5|13|8|close");
    assert_rows(fx, "SELECT after_seq, missing FROM seq_gaps", "4|3\n8|3");
}

static void the_end_of_a_boot_is_explained_or_it_is_data_loss(void **state)
{
    struct fixture *fx = *state;
    static const struct {
        const char *node, *record;
    } ends[] = {{"closed", "\"ev\":\"trace.close\",\"records\":1,\"lost\":0"},
                {"asserted", "\"ev\":\"node.stop\",\"why\":\"assert\""},
                {"signalled", "\"ev\":\"node.stop\",\"why\":\"signal\",\"sig\":15"},
                {"vanished", "\"ev\":\"note\",\"text\":\"\""},
                {"exited", "\"ev\":\"note\",\"text\":\"\""},
                {"died", "\"ev\":\"note\",\"text\":\"\""},
                {"killed", "\"ev\":\"note\",\"text\":\"\""}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.1.jsonl", ends[i].node);
        line(fx, file, ends[i].node, 1, 1, 1, 1, ends[i].record);
    }
    fixture_rec(fx, "sim", 10, "node.exit", "\"of\":\"exited\",\"status\":0,\"why\":\"stopped\"");
    fixture_rec(fx, "sim", 11, "node.exit", "\"of\":\"died\",\"sig\":11,\"why\":\"died\"");
    fixture_rec(fx, "sim", 12, "fault.begin", "\"f\":1,\"kind\":\"kill\",\"node\":\"killed\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx,
                "SELECT b.node, end_kind, s.severity FROM boots b LEFT JOIN load_stats s ON s.node = b.node AND s.name "
                "= 'no_close'"
                " ORDER BY b.node",
                "asserted|crashed|info\nclosed|close|-\ndied|killed|info\nexited|crashed|data_loss\nkilled|killed|"
                "info\nsignalled|stopped|info\n"
                "sim|close|-\nvanished|crashed|data_loss");
}

static void a_close_that_counts_more_records_than_there_are_is_an_error(void **state)
{
    struct fixture *fx = *state;
    note(fx, "a.1.jsonl", "a", 1, 1, 1);
    line(fx, "a.1.jsonl", "a", 1, 2, 2, 2, "\"ev\":\"trace.close\",\"records\":9,\"lost\":0");
    fixture_load(fx);
    assert_rows(fx, "SELECT name, severity, value FROM load_stats", "close_count|error|7");
}

static void records_that_the_catalogue_does_not_describe_so_are_kept_and_mentioned(void **state)
{
    struct fixture *fx = *state;
    line(fx, "a.1.jsonl", "a", 1, 1, 1, 1, "\"ev\":\"node.stop\",\"why\":\"boredom\"");
    fixture_load(fx);
    assert_rows(fx, "SELECT ev, body FROM records", "node.stop|{\"why\":\"boredom\"}");
    assert_rows(fx, "SELECT severity, value, line FROM load_stats WHERE name = 'suspect'", "info|1|1");
}

static void a_repeated_record_is_left_out_and_counted(void **state)
{
    struct fixture *fx = *state;
    for (int i = 0; i < 2; i++) {
        note(fx, "a.1.jsonl", "a", 1, 1, 1);
        note(fx, "a.1.jsonl", "a", 2, 2, 2);
    }
    fixture_load(fx);
    assert_rows(fx, "SELECT seq, line FROM records", "1|1\n2|2");
    assert_rows(fx, "SELECT value FROM load_stats WHERE name = 'duplicate'", "2");
}

/* ---- what is refused ---- */

static void two_files_of_the_same_boot_are_refused_unless_forced(void **state)
{
    struct fixture *fx = *state;
    char err[8192];
    note(fx, "a.jsonl", "a", 1, 1, 1);
    note(fx, "b.jsonl", "a", 1, 1, 1);
    note(fx, "b.jsonl", "a", 2, 2, 2);
    fixture_load_expect(fx, 65, err, sizeof err);
    assert_non_null(strstr(err, "b.jsonl:1: a boot 1 is in "));
    assert_non_null(strstr(err, "a.jsonl:1 as well; remove one, or load both with -f"));
    assert_int_equal(access(fx->path, F_OK), -1);

    const char *paths[] = {fx->dir};
    assert_int_equal(load_run(&(struct load_options){.paths = paths, .n_paths = 1, .force = true, .quiet = true}, NULL),
                     0);
    assert_true(db_open(&fx->db, fx->path, false));
    assert_rows(fx, "SELECT seq FROM records", "1\n2");
    assert_rows(fx, "SELECT value FROM load_stats WHERE name = 'claimed_twice'", "1");
}

static void files_of_two_runs_are_refused_unless_the_run_is_named(void **state)
{
    struct fixture *fx = *state;
    char err[8192], header[512];
    snprintf(header, sizeof header, HEADER, "r1");
    line(fx, "a.jsonl", "a", 1, 1, 1, 1, header);
    snprintf(header, sizeof header, HEADER, "r2");
    line(fx, "b.jsonl", "b", 1, 1, 1, 1, header);
    fixture_load_expect(fx, 65, err, sizeof err);
    assert_non_null(strstr(err, "is of run r1, but "));

    const char *paths[] = {fx->dir};
    assert_int_equal(load_run(&(struct load_options){.paths = paths, .n_paths = 1, .run = "both", .quiet = true}, NULL),
                     0);
    assert_true(db_open(&fx->db, fx->path, false));
    assert_rows(fx, "SELECT name FROM runs", "both");
}

static void traces_of_a_newer_schema_are_refused(void **state)
{
    struct fixture *fx = *state;
    char err[8192];
    line(fx, "a.jsonl", "a", 1, 1, 1, 1,
         "\"ev\":\"trace.open\",\"schema\":\"faultline\",\"v\":99,\"run\":\"r\",\"wall_us\":0,\"epoch_ns\":0,\"clk\":"
         "\"virtual\",\"pid\":1,"
         "\"impl\":\"x\",\"peers\":[]");
    fixture_load_expect(fx, 65, err, sizeof err);
    assert_non_null(strstr(err, "trace schema version 99; this analyze reads up to 1"));
}

static void a_directory_without_traces_or_records_is_refused(void **state)
{
    struct fixture *fx = *state;
    char err[8192];
    fixture_load_expect(fx, 66, err, sizeof err);
    assert_non_null(strstr(err, "no *.jsonl in "));
    fixture_text(fx, "a.jsonl", "");
    fixture_load_expect(fx, 65, err, sizeof err);
    assert_non_null(strstr(err, "no records"));
}

static void a_foreign_file_is_never_overwritten(void **state)
{
    struct fixture *fx = *state;
    char err[8192];
    note(fx, "a.jsonl", "a", 1, 1, 1);
    fixture_text(fx, "run.db", "my precious notes\n");
    fixture_load_expect(fx, 73, err, sizeof err);
    assert_non_null(strstr(err, "run.db exists and is not a database of analyze: not overwritten"));
    FILE *f = fopen(fx->path, "r");
    assert_non_null(f);
    assert_non_null(fgets(err, sizeof err, f));
    fclose(f);
    assert_string_equal(err, "my precious notes\n");
}

static void strict_refuses_missing_records_and_leaves_no_database(void **state)
{
    struct fixture *fx = *state;
    note(fx, "a.jsonl", "a", 1, 1, 1);
    note(fx, "a.jsonl", "a", 3, 3, 3);
    const char *paths[] = {fx->dir};
    assert_int_equal(
        load_run(&(struct load_options){.paths = paths, .n_paths = 1, .strict = true, .quiet = true}, NULL), 65);
    assert_int_equal(access(fx->path, F_OK), -1);
    char tmp[4300];
    snprintf(tmp, sizeof tmp, "%s.tmp", fx->path);
    assert_int_equal(access(tmp, F_OK), -1);
}

/* ---- several runs, several times ---- */

/* All rows of all tables, as text. */
static char *dump(struct fixture *fx)
{
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);
    sqlite3_stmt *t = db_prepare(
        &fx->db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name");
    while (db_row(&fx->db, t)) {
        char sql[256];
        snprintf(sql, sizeof sql, "SELECT * FROM %s", (const char *)sqlite3_column_text(t, 0));
        fprintf(f, "%s\n%s\n", sql, fixture_rows(fx, sql));
    }
    db_done(&fx->db, t);
    fclose(f);
    assert_non_null(out);
    return out;
}

static void loading_again_gives_the_same_database(void **state)
{
    struct fixture *fx = *state;
    fx->state.role = 'F';
    fixture_rec(fx, "0000", 10, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_rec(fx, "0001", 15, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_rec(fx, "sim", 20, "op.invoke", "\"op\":\"c:1\",\"cli\":\"c\",\"f\":\"put\",\"key\":\"k\",\"val\":\"v\"");
    fixture_load(fx);
    char *first = dump(fx);
    fixture_load(fx);
    char *second = dump(fx);
    assert_string_equal(first, second);
    assert_true(strlen(first) > 500);
    free(first);
    free(second);
}

static void a_second_run_is_added_when_asked(void **state)
{
    struct fixture *fx = *state;
    char header[512], b[4300];
    snprintf(header, sizeof header, HEADER, "r1");
    line(fx, "a.jsonl", "a", 1, 1, 1, 1, header);
    line(fx, "a.jsonl", "a", 1, 2, 2, 2, "\"ev\":\"note\",\"text\":\"\",\"c\":1");
    fixture_load(fx);
    db_close(&fx->db);
    snprintf(header, sizeof header, HEADER, "r2");
    line(fx, "b.x", "a", 1, 1, 1, 1, header);
    line(fx, "b.x", "a", 1, 2, 2, 2, "\"ev\":\"note\",\"text\":\"\",\"c\":1");
    snprintf(b, sizeof b, "%s/b.x", fx->dir);
    const char *paths[] = {b};
    struct load_options o = {.paths = paths, .n_paths = 1, .out = fx->path, .append = true, .quiet = true};
    assert_int_equal(load_run(&o, NULL), 0);
    assert_true(db_open(&fx->db, fx->path, false));
    assert_rows(fx, "SELECT run_id, name FROM runs", "1|r1\n2|r2");
    assert_rows(fx, "SELECT run_id, id, seq, cause, source_id FROM records ORDER BY id",
                "1|1|1|-|1\n1|2|2|1|1\n2|3|1|-|2\n2|4|2|3|2");
    assert_rows(fx, "SELECT dst, src FROM edges", "2|1\n4|3");
    assert_rows(fx, "SELECT count(*) > 10 FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL", "1");
    db_close(&fx->db);
    assert_int_equal(load_run(&o, NULL), 65); /* the same run once more */
    o.run = "r3";
    assert_int_equal(load_run(&o, NULL), 0);
}

static void a_fragment_takes_the_name_of_its_directory(void **state)
{
    struct fixture *fx = *state;
    note(fx, "a.jsonl", "a", 1, 1, 1);
    fixture_load(fx);
    assert_string_equal(fixture_rows(fx, "SELECT name FROM runs"), strrchr(fx->dir, '/') + 1);
}

static void headers_of_all_nodes_become_the_runs_configuration(void **state)
{
    struct fixture *fx = *state;
    line(fx, "a.jsonl", "a", 1, 1, 1000, 1,
         "\"ev\":\"trace.open\",\"schema\":\"faultline\",\"v\":1,\"run\":\"r\",\"wall_us\":70,\"epoch_ns\":0,\"clk\":"
         "\"virtual\",\"pid\":1,"
         "\"impl\":\"mine 1.0\",\"peers\":[\"a\",\"b\"],\"cfg\":{\"reads\":\"lease\"},\"seed\":3");
    fixture_load(fx);
    assert_rows(fx, "SELECT name, seed, started_us, config FROM runs", "r|3|69|{\"a\":{\"reads\":\"lease\"}}");
    assert_rows(fx, "SELECT node, kind, impl, instrumented FROM nodes", "a|replica|mine 1.0|0\nb|replica|-|0");
}

/* ---- whole or not at all ---- */

static void big_trace(struct fixture *fx)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/a.1.jsonl", fx->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 1; i <= 200000; i++)
        fprintf(
            f,
            "{\"n\":\"a\",\"b\":1,\"s\":%d,\"t\":%d,\"lc\":%d,\"ev\":\"note\",\"text\":\"so that it takes a while\"}\n",
            i, i, i);
    assert_int_equal(fclose(f), 0);
}

/* Sends `sig` to a load as soon as it has written something; returns its wait status. */
static int signalled_load(struct fixture *fx, int sig)
{
    char tmp[4300];
    struct stat st;
    int status = 0;
    snprintf(tmp, sizeof tmp, "%s.tmp", fx->path);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const char *paths[] = {fx->dir};
        _exit(load_run(&(struct load_options){.paths = paths, .n_paths = 1, .quiet = true}, NULL));
    }
    while (stat(tmp, &st) != 0 || st.st_size < 4096) {
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0); /* it is not done before we have seen it begin */
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    kill(pid, sig);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void a_load_killed_half_way_leaves_no_database_and_is_simply_done_again(void **state)
{
    struct fixture *fx = *state;
    big_trace(fx);
    int status = signalled_load(fx, SIGKILL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(access(fx->path, F_OK), -1);
    fixture_load(fx);
    assert_rows(fx, "SELECT count(*) FROM records", "200000");
}

static void an_interrupted_load_cleans_up_and_exits_with_130(void **state)
{
    struct fixture *fx = *state;
    char tmp[4300];
    snprintf(tmp, sizeof tmp, "%s.tmp", fx->path);
    big_trace(fx);
    int status = signalled_load(fx, SIGINT);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    assert_int_equal(access(fx->path, F_OK), -1);
    assert_int_equal(access(tmp, F_OK), -1);
}

static void the_old_database_stays_when_a_load_fails(void **state)
{
    struct fixture *fx = *state;
    char err[8192];
    note(fx, "a.jsonl", "a", 1, 1, 1);
    fixture_load(fx);
    note(fx, "b.jsonl", "a", 1, 1, 1);
    fixture_load_expect(fx, 65, err, sizeof err);
    assert_true(db_open(&fx->db, fx->path, false));
    assert_rows(fx, "SELECT count(*) FROM records", "1");
}

static void a_database_is_stale_when_a_trace_is_newer(void **state)
{
    struct fixture *fx = *state;
    note(fx, "a.jsonl", "a", 1, 1, 1);
    assert_true(load_needed(fx->dir, fx->path));
    fixture_load(fx);
    assert_false(load_needed(fx->dir, fx->path));
    char trace[4300];
    struct stat st;
    snprintf(trace, sizeof trace, "%s/a.jsonl", fx->dir);
    assert_int_equal(stat(fx->path, &st), 0);
    struct timespec times[2] = {st.st_mtim, st.st_mtim};
    times[1].tv_nsec = times[1].tv_nsec < 999999999 ? times[1].tv_nsec + 1 : 0;
    times[1].tv_sec += times[1].tv_nsec == 0;
    assert_int_equal(utimensat(AT_FDCWD, trace, times, 0), 0);
    assert_true(load_needed(fx->dir, fx->path));
    fixture_load(fx);
    db_exec(&fx->db, "PRAGMA user_version = 77");
    db_close(&fx->db);
    fx->db = (struct db){.h = NULL};
    utimensat(AT_FDCWD, trace, (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}, 0);
    assert_true(load_needed(fx->dir, fx->path));
    fixture_load(fx); /* ours, of another version: replaced */
    assert_rows(fx, "PRAGMA user_version", "3");
}

static void hostile_keys_and_values_are_only_data(void **state)
{
    struct fixture *fx = *state;
    fixture_rec(fx, "sim", 1, "op.invoke",
                "\"op\":\"c:1\",\"cli\":\"c\",\"f\":\"put\",\"key\":\"'); DROP TABLE ops; "
                "--\",\"val\":\"\\u001b[2J\\\" OR 1=1\"");
    fixture_rec(fx, "sim", 2, "op.return", "\"op\":\"c:1\",\"res\":\"ok\"");
    fixture_load(fx);
    assert_rows(fx, "SELECT key, val FROM ops", "'); DROP TABLE ops; --|\x1b[2J\" OR 1=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_of_several_files_merge_by_time_clock_node_and_seq, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_record_keeps_every_field_and_its_place_in_the_file, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_file_of_several_nodes_in_any_order_loads_as_their_own_files_would,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(lines_out_of_order_are_put_in_order_and_reported, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(time_that_goes_back_is_reported_and_does_not_break_the_order_of_a_boot,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_cause_is_the_record_of_the_same_boot, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(bad_lines_are_skipped_and_named_with_file_line_and_reason, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(after_twenty_bad_lines_only_their_number_is_said, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_boot_without_an_end_is_explained_by_the_next_one_on_the_same_host,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_torn_last_line_is_data_loss_of_so_many_bytes, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_run_of_nuls_is_skipped_and_counted, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(nuls_at_the_end_are_no_finding, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_gap_in_s_is_reported_with_its_size_and_time_range, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(the_end_of_a_boot_is_explained_or_it_is_data_loss, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_close_that_counts_more_records_than_there_are_is_an_error, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(records_that_the_catalogue_does_not_describe_so_are_kept_and_mentioned,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_repeated_record_is_left_out_and_counted, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(two_files_of_the_same_boot_are_refused_unless_forced, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(files_of_two_runs_are_refused_unless_the_run_is_named, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(traces_of_a_newer_schema_are_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_directory_without_traces_or_records_is_refused, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_foreign_file_is_never_overwritten, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(strict_refuses_missing_records_and_leaves_no_database, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(loading_again_gives_the_same_database, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_second_run_is_added_when_asked, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_fragment_takes_the_name_of_its_directory, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(headers_of_all_nodes_become_the_runs_configuration, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_load_killed_half_way_leaves_no_database_and_is_simply_done_again,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_interrupted_load_cleans_up_and_exits_with_130, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_old_database_stays_when_a_load_fails, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_database_is_stale_when_a_trace_is_newer, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(hostile_keys_and_values_are_only_data, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
