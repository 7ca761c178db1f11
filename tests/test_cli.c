/* analyze as a user meets it: help, versions, statuses, what RUN and DB mean, and output that cannot fool a terminal.
 */
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

#include "../analyze/cli.h"
#include "support/fixture.h"
#include "support/spawn.h"

static char analyze[4200], out[1 << 18];

static int open_fixture(void **state)
{
    struct fixture *fx = malloc(sizeof *fx);
    assert_non_null(fx);
    spawn_path("analyze", analyze, sizeof analyze);
    fixture_open(fx);
    fixture_rec(fx, "sim", 1000000, "note", "\"text\":\"hello\"");
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

static void expect(int got, int want)
{
    if (got != want)
        fail_msg("exit status %d, expected %d; it printed:\n%s", got, want, out);
}

#define RUN(want, ...) expect(spawn_run((const char *const[]){analyze, __VA_ARGS__, NULL}, 20, out, sizeof out), want)

static void shell(int want, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void shell(int want, const char *fmt, ...)
{
    char command[20000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    expect(spawn_run((const char *const[]){"/bin/sh", "-c", command, NULL}, 20, out, sizeof out), want);
}

static void has(const char *words)
{
    if (strstr(out, words) == NULL)
        fail_msg("\"%s\" is not in:\n%s", words, out);
}

static const char *const commands[] = {"load", "check", "explain", "timeline", "diff", "sql", "stat", "schema"};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* ---- help ---- */

static void help_lists_every_command(void **state)
{
    (void)state;
    RUN(0, "--help");
    for (int i = 0; i < COMMANDS; i++) {
        char start[32];
        snprintf(start, sizeof start, "\n  %s ", commands[i]);
        has(start);
    }
    RUN(0, "help");
    has("Exit status: 0 passed, 1 a violation, 2 undecided");
    expect(spawn_run((const char *const[]){analyze, NULL}, 20, out, sizeof out), 64);
}

static void each_command_has_help_with_examples_and_help_command_is_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < COMMANDS; i++) {
        char first[sizeof out], example[32];
        RUN(0, commands[i], "--help");
        snprintf(first, sizeof first, "%s", out);
        snprintf(example, sizeof example, "\n  analyze %s ", commands[i]);
        has(example);
        RUN(0, "help", commands[i]);
        assert_string_equal(out, first);
    }
}

static void the_version_names_program_schemas_and_libraries(void **state)
{
    (void)state;
    RUN(0, "--version");
    has("analyze ");
    has("traces: schema faultline 1\n");
    has("databases: schema 3\n");
    has("SQLite 3.");
    has("jansson 2.");
}

static void an_unknown_command_suggests_the_nearest(void **state)
{
    (void)state;
    RUN(64, "chekc");
    has("chekc is neither a command nor a run; did you mean check?");
    RUN(64, "laod");
    has("did you mean load?");
    RUN(64, "something-else-entirely");
    has("(see analyze --help)");
    RUN(64, "help", "sqll");
    has("did you mean sql?");
}

static void an_unknown_option_is_a_usage_error(void **state)
{
    (void)state;
    for (int i = 0; i < COMMANDS; i++)
        RUN(64, commands[i], "--no-such-option", "x");
}

/* ---- RUN and DB ---- */

static void a_run_directory_is_loaded_when_its_database_is_missing_or_stale(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "sql", fx->dir, "SELECT count(*) FROM records", "--format", "value");
    assert_string_equal(out, "3\n");
    struct stat before, after;
    assert_int_equal(stat(fx->path, &before), 0);
    RUN(0, "sql", fx->dir, "SELECT 1", "--format", "value");
    assert_int_equal(stat(fx->path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino); /* not loaded again */
    fixture_text(fx, "x.jsonl", "{\"n\":\"x\",\"b\":1,\"s\":1,\"t\":1,\"lc\":1,\"ev\":\"note\",\"text\":\"\"}\n");
    RUN(0, "sql", fx->dir, "SELECT count(*) FROM records", "--format", "value");
    assert_string_equal(out, "4\n");
}

static void a_directory_with_only_a_database_is_opened_as_it_is(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "load", fx->dir, "--quiet");
    shell(0, "rm %s/*.jsonl", fx->dir);
    RUN(0, "sql", fx->dir, "SELECT count(*) FROM records", "--format", "value");
    assert_string_equal(out, "3\n");
}

static void what_cannot_be_opened_is_named_with_status_66_or_65(void **state)
{
    struct fixture *fx = *state;
    RUN(66, "sql", "/no/such/run", "SELECT 1");
    has("analyze sql: cannot open /no/such/run: No such file or directory");
    RUN(66, "load", "/no/such/run");
    has("analyze load: cannot open /no/such/run");
    fixture_text(fx, "plain.txt", "text");
    shell(65, "%s sql %s/plain.txt 'SELECT 1'", analyze, fx->dir);
    has("plain.txt is not a database that analyze made");
}

/* ---- load ---- */

static void load_says_what_it_loaded_on_standard_output(void **state)
{
    struct fixture *fx = *state;
    shell(0, "%s load %s 2>/dev/null", analyze, fx->dir);
    has("loaded   3 records from 1 file, 0.0 MB, 0.0 s of trace   complete: no gaps, no torn lines\n");
    shell(0, "%s load --quiet %s", analyze, fx->dir);
    assert_string_equal(out, "");
}

static void load_needs_a_database_for_single_files_and_reads_standard_input(void **state)
{
    struct fixture *fx = *state;
    shell(64, "%s load %s/sim.1.jsonl", analyze, fx->dir);
    has("-o DB is needed");
    shell(0, "%s load %s/sim.1.jsonl -o %s/o.db --run mine", analyze, fx->dir, fx->dir);
    shell(0, "cat %s/sim.1.jsonl | %s load - -o %s/p.db", fx->dir, analyze, fx->dir);
    shell(0, "%s sql %s/o.db 'SELECT name FROM runs' --format value", analyze, fx->dir);
    assert_string_equal(out, "mine\n");
    shell(0, "%s sql %s/p.db 'SELECT name, path FROM runs, sources' --format value", analyze, fx->dir);
    assert_string_equal(out, "t|-\n");
    shell(0, "tail -n 1 %s/sim.1.jsonl | %s load - -o %s/q.db --run cut", fx->dir, analyze, fx->dir);
    has("finding");
    RUN(64, "load");
}

static void a_load_without_a_place_to_write_is_status_73(void **state)
{
    struct fixture *fx = *state;
    RUN(73, "load", fx->dir, "-o", "/no/such/place/x.db");
    has("cannot create /no/such/place/x.db.tmp");
    RUN(73, "load", fx->dir, "-o", "/etc/hostname");
    has("not overwritten");
}

/* ---- printing ---- */

static void check_printed(const char *text, size_t n, const char *expected)
{
    char *got = NULL;
    size_t len;
    FILE *f = open_memstream(&got, &len);
    assert_non_null(f);
    cli_printn(f, text, n);
    fclose(f);
    assert_string_equal(got, expected);
    free(got);
}

static void text_of_unknown_origin_cannot_fool_a_terminal(void **state)
{
    (void)state;
    check_printed("plain", 5, "plain");
    check_printed("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", 15,
                  "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    check_printed("\x1b]0;title\x07", 10, "\\x1b]0;title\\x07");
    check_printed("a\nb\rc\td\x7f", 8, "a\\x0ab\\x0dc\\x09d\\x7f");
    check_printed("nul\0x", 5, "nul\\x00x");
    check_printed("\xc2\x9b"
                  "31m",
                  5, "\\xc2\\x9b31m"); /* C1 control: CSI in one character */
    check_printed("\xe2\x80\xae"
                  "abc",
                  6, "\\xe2\\x80\\xaeabc");                         /* right-to-left override */
    check_printed("\xff\xc3(\xe2\x82", 5, "\\xff\\xc3(\\xe2\\x82"); /* not UTF-8, and cut off */
    check_printed("\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", 9,
                  "\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80"); /* overlong, surrogate, too big */
}

static void error_messages_are_escaped_too(void **state)
{
    (void)state;
    RUN(66, "sql", "/no/\x1b[31msuch", "SELECT 1");
    has("/no/\\x1b[31msuch");
}

static void bad_options_are_told_in_words_of_ours_and_escaped(void **state)
{
    (void)state;
    RUN(64, "sql", "--\x1b[31mx");
    has("analyze sql: option --\\x1b[31mx is unknown (see analyze sql --help)");
    assert_null(strchr(out, 0x1b));
    RUN(64, "stat", "x", "--format");
    has("analyze stat: option --format needs a value");
    RUN(64, "load", "--quiet=1", "x");
    has("analyze load: option --quiet takes no value");
    RUN(64, "load", "--quiet", "-zf", "x");
    has("analyze load: option -z is unknown");
}

static void errors_name_the_command_that_the_user_wrote(void **state)
{
    struct fixture *fx = *state;
    RUN(64, "no-such-thing");
    has("analyze: no-such-thing is neither");
    RUN(0, "help", "help");
    has("usage: analyze RUN");
    RUN(0, "help", "--help");
    has("usage: analyze RUN");
    char trace[4300];
    snprintf(trace, sizeof trace, "%s/sim.1.jsonl", fx->dir);
    RUN(64, trace);
    has("-o X.db makes a database of it");
    assert_int_equal(unlink(fx->path) != 0, 1); /* there was none yet, and none was made */
}

static void a_run_directory_whose_database_is_damaged_is_loaded_again(void **state)
{
    struct fixture *fx = *state;
    static const char *const damage[] = {"truncate -s 0", "truncate -s 5000", "truncate -s 50",
                                         "dd if=/dev/zero bs=200 count=1 conv=notrunc 2>&1 of="};
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        RUN(0, "load", fx->dir, "--quiet");
        shell(0, "%s%s%s", damage[i], damage[i][0] == 't' ? " " : "", fx->path);
        RUN(0, "sql", fx->dir, "SELECT count(*) FROM records", "--format", "value");
        assert_string_equal(out, "3\n");
    }
    /* A database of somebody else's is left alone, with the words. */
    sqlite3 *h;
    assert_int_equal(remove(fx->path), 0);
    assert_int_equal(sqlite3_open(fx->path, &h), SQLITE_OK);
    assert_int_equal(sqlite3_exec(h, "CREATE TABLE precious(x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
    RUN(65, "sql", fx->dir, "SELECT 1");
    has("is not a database that analyze made: move it away, and load the traces");
    RUN(73, "load", fx->dir);
    shell(0, "grep -c precious %s", fx->path);
}

static void colour_is_for_terminals_and_for_who_asks(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_true(cli_color("always", f));
    assert_false(cli_color("auto", f));
    assert_false(cli_color("never", f));
    fclose(f);
}

static void a_result_that_cannot_be_written_is_status_74(void **state)
{
    struct fixture *fx = *state;
    RUN(0, "load", fx->dir, "--quiet");
    for (int i = 0; i < COMMANDS; i++)
        shell(74, "%s %s --help >/dev/full", analyze, commands[i]);
    shell(74, "%s stat %s >/dev/full", analyze, fx->dir);
    shell(74, "%s explain %s sim.1:1 >/dev/full", analyze, fx->dir);
}

/* A rename would put a file in the place of the pipe, the device or the link. */
static void only_a_plain_file_is_replaced(void **state)
{
    struct fixture *fx = *state;
    char target[4300], link[4300], written[4300];
    snprintf(target, sizeof target, "%s/target", fx->dir);
    snprintf(link, sizeof link, "%s/link", fx->dir);
    snprintf(written, sizeof written, "%s/none", fx->dir);
    assert_true(cli_renames(written));
    fixture_text(fx, "target", "");
    assert_true(cli_renames(target));
    assert_int_equal(symlink(target, link), 0);
    assert_false(cli_renames(link));
    assert_false(cli_renames("/dev/null"));
    shell(0, "%s export %s --to csv -o %s && %s report %s -o %s", analyze, fx->dir, link, analyze, fx->dir, link);
    struct stat st;
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    shell(0, "grep -c '<!doctype html>' %s", target);
}

static void a_trace_in_the_place_of_a_run_is_told_what_to_do(void **state)
{
    struct fixture *fx = *state;
    static const char *const forms[] = {"", "check", "timeline", "stat"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        shell(64, "%s %s %s/sim.1.jsonl", analyze, forms[i], fx->dir);
        has("sim.1.jsonl is one trace; analyze load ");
    }
    RUN(66, "/no/such/run");
    has("analyze: cannot open /no/such/run: No such file or directory");
    RUN(64, "timeline", fx->dir, "--from", "4s", "--to", "3s");
    has("--from must be before --to");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(help_lists_every_command, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(each_command_has_help_with_examples_and_help_command_is_the_same, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(the_version_names_program_schemas_and_libraries, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_unknown_command_suggests_the_nearest, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_unknown_option_is_a_usage_error, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_run_directory_is_loaded_when_its_database_is_missing_or_stale, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_directory_with_only_a_database_is_opened_as_it_is, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_named_with_status_66_or_65, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(load_says_what_it_loaded_on_standard_output, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(load_needs_a_database_for_single_files_and_reads_standard_input, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_load_without_a_place_to_write_is_status_73, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(text_of_unknown_origin_cannot_fool_a_terminal, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(error_messages_are_escaped_too, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(bad_options_are_told_in_words_of_ours_and_escaped, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(errors_name_the_command_that_the_user_wrote, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_run_directory_whose_database_is_damaged_is_loaded_again, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_result_that_cannot_be_written_is_status_74, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(only_a_plain_file_is_replaced, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_trace_in_the_place_of_a_run_is_told_what_to_do, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(colour_is_for_terminals_and_for_who_asks, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
