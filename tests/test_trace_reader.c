/* The reader: every finding of trace/README.md, "Damaged files", and the envelope's rules. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/spawn.h"
#include "support/trace_file.h"

#define LINE(s) "{\"n\":\"a\",\"b\":1,\"s\":" #s ",\"t\":5,\"lc\":9,\"ev\":\"note\",\"text\":\"x\"}"

struct reading {
    char dir[4096], path[4200];
    struct trace_reader *r;
    struct trace_record rec;
    size_t bytes;
    char err[TRACE_ERR_LEN];
};

static int setup(void **state)
{
    struct reading *in = calloc(1, sizeof *in);
    assert_non_null(in);
    spawn_tempdir(in->dir, sizeof in->dir);
    snprintf(in->path, sizeof in->path, "%s/a.1.jsonl", in->dir);
    *state = in;
    return 0;
}

static int teardown(void **state)
{
    struct reading *in = *state;
    trace_reader_close(in->r);
    spawn_remove(in->dir);
    free(in);
    return 0;
}

static void begin(struct reading *in, const char *bytes, size_t n)
{
    trace_file_save(in->path, bytes, n);
    trace_reader_close(in->r);
    in->r = trace_reader_open(in->path, in->err);
    if (in->r == NULL)
        fail_msg("%s", in->err);
    while (n > 0 && bytes[n - 1] == '\0')
        n--;
    assert_int_equal(trace_reader_size(in->r), n);
}

static enum trace_read next(struct reading *in)
{
    return trace_reader_next(in->r, &in->rec, &in->bytes, in->err);
}

static void assert_record(struct reading *in, int64_t s, int64_t line)
{
    enum trace_read kind = next(in);
    if (kind != TRACE_READ_RECORD)
        fail_msg("finding %d instead of record %lld: %s", (int)kind, (long long)s, in->err);
    assert_int_equal(in->rec.seq, s);
    assert_int_equal(in->rec.line, line);
}

static void assert_bad(struct reading *in, int64_t line, const char *words)
{
    assert_int_equal(next(in), TRACE_READ_BAD);
    assert_int_equal(in->rec.line, line);
    if (strstr(in->err, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", in->err, words);
}

static void assert_end(struct reading *in)
{
    assert_int_equal(next(in), TRACE_READ_END);
    assert_int_equal(next(in), TRACE_READ_END);
    assert_int_equal(trace_reader_offset(in->r), trace_reader_size(in->r));
}

#define BEGIN(in, text) begin((in), (text), sizeof(text) - 1)

static void an_empty_file_has_no_records(void **state)
{
    BEGIN(*state, "");
    assert_end(*state);
}

static void a_last_line_without_newline_is_torn(void **state)
{
    struct reading *in = *state;
    BEGIN(in, LINE(1) "\n" LINE(2) "\n{\"n\":\"a\",\"b\":1,\"s\":3,\"t\"");
    assert_record(in, 1, 1);
    assert_record(in, 2, 2);
    assert_int_equal(next(in), TRACE_READ_TORN);
    assert_int_equal(in->rec.line, 3);
    assert_int_equal(in->bytes, 24);
    assert_end(in);
}

/* Even when it parses: the writer was interrupted, and a number may have lost its last digits in other formats of line.
 */
static void a_whole_line_without_newline_is_torn_too(void **state)
{
    struct reading *in = *state;
    BEGIN(in, LINE(1));
    assert_int_equal(next(in), TRACE_READ_TORN);
    assert_int_equal(in->bytes, sizeof(LINE(1)) - 1);
    assert_end(in);
}

static void nul_runs_are_skipped_counted_and_reading_goes_on(void **state)
{
    struct reading *in = *state;
    BEGIN(in,
          LINE(1) "\n\0\0\0" LINE(2) "\n" LINE(3) "\0\0\0\0" LINE(4) "\n{\"n\":\"a\",\"b\"\0\0{}\n" LINE(5) "\n\0\0");
    assert_record(in, 1, 1);
    assert_int_equal(next(in), TRACE_READ_NULS); /* a hole at the start of a line */
    assert_int_equal(in->rec.line, 2);
    assert_int_equal(in->bytes, 3);
    assert_record(in, 2, 2);
    assert_record(in, 3, 3); /* whole, though its newline is gone */
    assert_int_equal(next(in), TRACE_READ_NULS);
    assert_int_equal(in->bytes, 4);
    assert_record(in, 4, 3);
    assert_bad(in, 4, "column"); /* cut by the hole */
    assert_int_equal(in->bytes, 12);
    assert_int_equal(next(in), TRACE_READ_NULS);
    assert_int_equal(in->rec.line, 4);
    assert_bad(in, 4, "\"n\" is missing");
    assert_record(in, 5, 5);
    assert_end(in); /* those at the end are the writer's room */
}

/* Whether the file was closed is told by trace.close, and a line that was not finished stays one. */
static void nuls_at_the_end_are_room_that_nobody_used(void **state)
{
    struct reading *in = *state;
    size_t n = sizeof(LINE(1)), room = (size_t)1 << 19;
    char *bytes = calloc(1, 2 * n + room);
    assert_non_null(bytes);
    memcpy(bytes, LINE(1) "\n", n);
    begin(in, bytes, 2 * n + room);
    assert_record(in, 1, 1);
    assert_end(in);
    memcpy(bytes + n, LINE(2), 20);
    begin(in, bytes, 2 * n + room);
    free(bytes);
    assert_record(in, 1, 1);
    assert_int_equal(next(in), TRACE_READ_TORN);
    assert_int_equal(in->bytes, 20);
    assert_end(in);
    BEGIN(in, "\0\0\0");
    assert_end(in);
}

static void a_nul_run_may_be_longer_than_the_buffer(void **state)
{
    struct reading *in = *state;
    size_t hole = (size_t)5 << 20, n = sizeof(LINE(1));
    char *bytes = calloc(1, hole + 2 * n);
    assert_non_null(bytes);
    memcpy(bytes, LINE(1) "\n", n);
    memcpy(bytes + n + hole, LINE(2) "\n", n);
    begin(in, bytes, hole + 2 * n);
    free(bytes);
    assert_record(in, 1, 1);
    assert_int_equal(next(in), TRACE_READ_NULS);
    assert_int_equal(in->bytes, hole);
    assert_record(in, 2, 2);
    assert_end(in);
}

static void bad_lines_are_named_with_line_and_column(void **state)
{
    struct reading *in = *state;
    BEGIN(in, LINE(1) "\nhello\n" LINE(2) "\n{\"n\":\"a\",\"b\":1,}\n[1,2]\n\n  \r\n" LINE(3) "\n\"x\xff\x1b[2J\"\n");
    assert_record(in, 1, 1);
    assert_bad(in, 2, "column 5");
    assert_int_equal(in->bytes, 5);
    assert_record(in, 2, 3);
    assert_bad(in, 4, "column 16");
    assert_bad(in, 5, "not a JSON object");
    assert_record(in, 3, 8); /* blank lines hold nothing that could be lost */
    assert_int_equal(next(in), TRACE_READ_BAD);
    for (const char *p = in->err; *p != '\0'; p++)
        assert_true(*p >= 0x20 && *p < 0x7f); /* words may reach a terminal */
    assert_end(in);
}

/* A crash between two writes can join two records into one object. */
static void two_records_spliced_into_one_are_found_by_their_duplicate_keys(void **state)
{
    struct reading *in = *state;
    BEGIN(in, "{\"n\":\"a\",\"b\":1,\"s\":3,\"t\":5,\"lc\":9,\"ev\":\"note\",\"te\"n\":\"a\",\"b\":1}\n"
              "{\"n\":\"a\",\"b\":1,\"s\":3,\"t\":5,\"lc\":9,\"ev\":\"note\",\"s\":4,\"text\":\"x\"}\n" LINE(1)
                  LINE(2) "\n");
    assert_bad(in, 1, "column");
    assert_bad(in, 2, "duplicate");
    assert_bad(in, 3, "column");
    assert_end(in);
}

static void lines_over_one_mebibyte_are_reported_and_skipped(void **state)
{
    struct reading *in = *state;
    enum { MIB = 1 << 20 };
    const char head[] = "{\"n\":\"a\",\"b\":1,\"s\":2,\"t\":5,\"lc\":9,\"ev\":\"note\",\"text\":\"";
    size_t n = 0, longest;
    char *bytes = malloc(4 * MIB);
    assert_non_null(bytes);
    memcpy(bytes, head, sizeof head - 1); /* as long as allowed */
    memset(bytes + sizeof head - 1, 'x', MIB - (sizeof head - 1) - 2);
    memcpy(bytes + MIB - 2, "\"}\n", 3);
    n = MIB + 1;
    memset(bytes + n, 'y', 2 * MIB); /* too long */
    n += 2 * MIB;
    memcpy(bytes + n, "\n" LINE(3) "\n", sizeof(LINE(3)) + 1);
    n += sizeof(LINE(3)) + 1;
    longest = MIB - (sizeof head - 1) - 2;
    begin(in, bytes, n);
    assert_record(in, 2, 1);
    assert_int_equal(trace_find_text(&in->rec, "text").n, longest);
    assert_bad(in, 2, "longest");
    assert_int_equal(in->bytes, 2 * MIB);
    assert_record(in, 3, 3);
    assert_end(in);
    memset(bytes, 'z', 2 * MIB); /* too long and torn */
    begin(in, bytes, 2 * MIB);
    assert_int_equal(next(in), TRACE_READ_TORN);
    assert_int_equal(in->bytes, 2 * MIB);
    assert_end(in);
    free(bytes);
}

/* Records of all lengths, so that each byte of one falls on a boundary of the read buffer some time. */
static void records_that_span_two_reads_come_whole(void **state)
{
    struct reading *in = *state;
    size_t room = (size_t)3 << 20, n = 0;
    char *bytes = malloc(room);
    assert_non_null(bytes);
    int64_t records = 0;
    while (n < room - 400) {
        records++;
        n += (size_t)snprintf(bytes + n, room - n,
                              "{\"n\":\"a\",\"b\":1,\"s\":%lld,\"t\":5,\"lc\":9,\"ev\":\"note\",\"text\":\"%*s\"}\n",
                              (long long)records, (int)(records % 211), "");
    }
    begin(in, bytes, n);
    free(bytes);
    for (int64_t i = 1; i <= records; i++) {
        assert_record(in, i, i);
        assert_int_equal(trace_find_text(&in->rec, "text").n, i % 211);
    }
    assert_end(in);
}

static void a_directory_and_a_missing_file_are_refused_with_a_remedy(void **state)
{
    struct reading *in = *state;
    assert_null(trace_reader_open(in->dir, in->err));
    assert_non_null(strstr(in->err, in->dir));
    assert_non_null(strstr(in->err, "directory"));
    assert_non_null(strstr(in->err, ".jsonl"));
    assert_null(trace_reader_open(in->path, in->err));
    assert_non_null(strstr(in->err, in->path));
    assert_non_null(strstr(in->err, "No such file"));
}

/* A file that opens but cannot be read: /proc/self/mem at offset 0 gives EIO. */
static void a_read_error_is_reported_and_ends_the_reading(void **state)
{
    struct reading *in = *state;
    in->r = trace_reader_open("/proc/self/mem", in->err);
    if (in->r == NULL)
        skip(); /* no /proc */
    assert_int_equal(next(in), TRACE_READ_ERROR);
    assert_non_null(strstr(in->err, "/proc/self/mem"));
    assert_int_equal(next(in), TRACE_READ_END);
}

static void a_dash_is_standard_input(void **state)
{
    struct reading *in = *state;
    int saved = dup(STDIN_FILENO), fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], LINE(1) "\n" LINE(2), 2 * sizeof(LINE(1)) - 1), 2 * sizeof(LINE(1)) - 1);
    close(fds[1]);
    dup2(fds[0], STDIN_FILENO);
    close(fds[0]);
    in->r = trace_reader_open("-", in->err);
    assert_non_null(in->r);
    assert_int_equal(trace_reader_size(in->r), 0);
    assert_record(in, 1, 1);
    assert_int_equal(next(in), TRACE_READ_TORN);
    assert_int_equal(next(in), TRACE_READ_END);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

/* ---- one line ---- */

/* trace/README.md, "The envelope". */
static void the_envelope_is_checked_key_by_key(void **state)
{
    static const struct {
        const char *line, *words; /* NULL: good */
    } cases[] = {
        {LINE(1), NULL},
        {" { \"ev\" : \"x.y\", \"lc\":0,\"t\":0,\"s\":1,\"b\":1,\"n\":\"\\u0061\" } ", NULL},
        {"{\"b\":1,\"s\":1,\"t\":5,\"lc\":9,\"ev\":\"x\"}", "\"n\" is missing"},
        {"{\"n\":\"\",\"b\":1,\"s\":1,\"t\":5,\"lc\":9,\"ev\":\"x\"}", "\"n\""},
        {"{\"n\":7,\"b\":1,\"s\":1,\"t\":5,\"lc\":9,\"ev\":\"x\"}", "\"n\""},
        {"{\"n\":\"a\",\"b\":0,\"s\":1,\"t\":5,\"lc\":9,\"ev\":\"x\"}", "\"b\" is too small"},
        {"{\"n\":\"a\",\"b\":1.0,\"s\":1,\"t\":5,\"lc\":9,\"ev\":\"x\"}", "\"b\" is no integer"},
        {"{\"n\":\"a\",\"b\":1,\"s\":0,\"t\":5,\"lc\":9,\"ev\":\"x\"}", "\"s\" is too small"},
        {"{\"n\":\"a\",\"b\":1,\"s\":\"1\",\"t\":5,\"lc\":9,\"ev\":\"x\"}", "\"s\" is no integer"},
        {"{\"n\":\"a\",\"b\":1,\"s\":1,\"lc\":9,\"ev\":\"x\"}", "\"t\" is missing"},
        {"{\"n\":\"a\",\"b\":1,\"s\":1,\"t\":-1,\"lc\":9,\"ev\":\"x\"}", "\"t\" is too small"},
        {"{\"n\":\"a\",\"b\":1,\"s\":1,\"t\":1,\"ev\":\"x\"}", "\"lc\" is missing"},
        {"{\"n\":\"a\",\"b\":1,\"s\":1,\"t\":1,\"lc\":1}", "\"ev\" is missing"},
        {"{\"n\":\"a\",\"b\":1,\"s\":1,\"t\":1,\"lc\":1,\"ev\":\"\"}", "\"ev\""},
        {"{\"n\":\"a\",\"b\":1,\"s\":1,\"t\":1,\"lc\":1,\"ev\":\"x\",\"c\":0}", "\"c\""},
        {"{\"n\":\"a\",\"b\":1,\"s\":1,\"t\":1,\"lc\":1,\"ev\":\"x\",\"c\":null}", "\"c\""},
        {"{\"n\":\"a\",\"b\":1,\"s\":99999999999999999999,\"t\":1,\"lc\":1,\"ev\":\"x\"}", "too big"},
        {"{\"n\":\"a\xff\",\"b\":1,\"s\":1,\"t\":1,\"lc\":1,\"ev\":\"x\"}", "unable to decode byte 0xff"},
    };
    struct reading *in = *state;
    struct trace_scratch *s = trace_scratch_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool suspect, good = trace_parse(cases[i].line, strlen(cases[i].line), s, &in->rec, &suspect, in->err);
        if (good != (cases[i].words == NULL) || (!good && strstr(in->err, cases[i].words) == NULL))
            fail_msg("%s: %s", cases[i].line, in->err);
    }
    trace_scratch_free(s);
}

static void parse(struct reading *in, struct trace_scratch *s, const char *line, const char *suspicion)
{
    bool suspect;
    if (!trace_parse(line, strlen(line), s, &in->rec, &suspect, in->err))
        fail_msg("%s: %s", line, in->err);
    if (suspect != (suspicion != NULL) || (suspect && strstr(in->err, suspicion) == NULL))
        fail_msg("%s: suspect %d: %s", line, suspect, in->err);
}

#define HEAD  "{\"n\":\"a\",\"b\":1,\"s\":1,\"t\":1,\"lc\":1,\"ev\":"
#define STATE ",\"term\":2,\"role\":\"L\",\"ci\":3,\"ai\":4,\"li\":5"

/* A new writer may know more than an old reader: such records are kept, and only said to be odd. */
static void odd_records_are_kept_and_said_to_be_odd(void **state)
{
    struct reading *in = *state;
    struct trace_scratch *s = trace_scratch_new();
    parse(in, s, HEAD "\"note\"}", "note without \"text\"");
    parse(in, s, HEAD "\"note\",\"text\":1}", "\"text\" has the wrong type");
    parse(in, s, HEAD "\"net.drop\",\"d\":1,\"cp\":0,\"src\":\"a\",\"dst\":\"b\",\"why\":\"gremlins\"}",
          "none of: loss partition");
    parse(in, s, HEAD "\"net.drop\",\"d\":1,\"cp\":0,\"src\":\"a\",\"dst\":\"b\",\"why\":\"los\"}", "none of");
    parse(in, s, HEAD "\"net.drop\",\"d\":1,\"cp\":0,\"src\":\"a\",\"dst\":\"b\",\"why\":\"loss\"}", NULL);
    parse(in, s, HEAD "\"net.drop\",\"why\":\"loss\",\"d\":1,\"cp\":0,\"dst\":\"b\",\"src\":\"a\",\"more\":[]}", NULL);
    parse(in, s, HEAD "\"leader.change\",\"new\":\"a\"}", "without the replica's state");
    parse(in, s, HEAD "\"leader.change\",\"term\":2,\"role\":\"X\",\"ci\":3,\"ai\":4,\"li\":5}",
          "without the replica's state");
    parse(in, s, HEAD "\"leader.change\"" STATE ",\"new\":\"a\"}", NULL);
    parse(in, s, HEAD "\"made.up\",\"anything\":{\"a\":[null]}}", NULL);
    assert_null(in->rec.type);
    trace_scratch_free(s);
}

static void a_record_gives_envelope_state_body_and_fields(void **state)
{
    struct reading *in = *state;
    struct trace_scratch *s = trace_scratch_new();
    int64_t v;
    parse(in, s,
          "{\"n\":\"00\\u00e9\",\"b\":2,\"s\":3,\"t\":4,\"lc\":5,\"ev\":\"apply\",\"c\":1" STATE
          ",\"idx\":7,\"eterm\":2,\"op\":\"put\",\"h\":\"ab\",\"val\":\"q\\\"\\n\\ud83d\\ude00\",\"dup\":true,\"x\":{"
          "\"y\":[1]}}",
          NULL);
    assert_true(trace_text_is(in->rec.node, "00\xC3\xA9"));
    assert_int_equal(in->rec.boot, 2);
    assert_int_equal(in->rec.seq, 3);
    assert_int_equal(in->rec.t, 4);
    assert_int_equal(in->rec.lc, 5);
    assert_int_equal(in->rec.cause, 1);
    assert_true(in->rec.has_state && in->rec.term == 2 && in->rec.role == 'L');
    assert_true(in->rec.commit == 3 && in->rec.applied == 4 && in->rec.last == 5);
    assert_true(trace_text_is(in->rec.body,
                              "{\"idx\":7,\"eterm\":2,\"op\":\"put\",\"h\":\"ab\",\"val\":\"q\\\"\\n\\ud83d\\ude00\","
                              "\"dup\":true,\"x\":{\"y\":[1]}}"));
    assert_int_equal(in->rec.n_fields, 7);
    assert_true(trace_text_is(trace_find_text(&in->rec, "val"), "q\"\n\xF0\x9F\x98\x80"));
    assert_true(trace_text_is(trace_find(&in->rec, "x")->raw, "{\"y\":[1]}"));
    assert_true(trace_find_int(&in->rec, "idx", &v) && v == 7);
    assert_true(trace_find_int(&in->rec, "dup", &v) && v == 1);
    assert_false(trace_find_int(&in->rec, "op", &v));
    assert_false(trace_find_int(&in->rec, "no", &v));
    assert_null(trace_find_text(&in->rec, "idx").p);
    assert_null(trace_find(&in->rec, "term"));
    parse(in, s, HEAD "\"x\"}", NULL);
    assert_true(trace_text_is(in->rec.body, "{}"));
    assert_false(in->rec.has_state);
    assert_int_equal(in->rec.cause, 0);
    /* Without a whole state, "term" is the event's own: the simulator peeks it from a datagram. */
    parse(in, s, HEAD "\"net.in\",\"d\":1,\"src\":\"a\",\"dst\":\"b\",\"sz\":1,\"term\":9}", NULL);
    assert_true(trace_find_int(&in->rec, "term", &v) && v == 9);
    assert_false(in->rec.has_state);
    trace_scratch_free(s);
}

static void fields_past_the_most_that_can_be_looked_up_stay_in_the_body(void **state)
{
    struct reading *in = *state;
    struct trace_scratch *s = trace_scratch_new();
    char line[4096];
    int n = snprintf(line, sizeof line, HEAD "\"x\"");
    for (int i = 0; i < TRACE_FIELDS_MAX + 6; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, ",\"f%d\":%d", i, i);
    snprintf(line + n, sizeof line - (size_t)n, "}");
    parse(in, s, line, "70 fields");
    assert_int_equal(in->rec.n_fields, TRACE_FIELDS_MAX);
    assert_memory_equal(in->rec.body.p + in->rec.body.n - 9, "\"f69\":69}", 9);
    trace_scratch_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define READING(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        READING(an_empty_file_has_no_records),
        READING(a_last_line_without_newline_is_torn),
        READING(a_whole_line_without_newline_is_torn_too),
        READING(nul_runs_are_skipped_counted_and_reading_goes_on),
        READING(nuls_at_the_end_are_room_that_nobody_used),
        READING(a_nul_run_may_be_longer_than_the_buffer),
        READING(bad_lines_are_named_with_line_and_column),
        READING(two_records_spliced_into_one_are_found_by_their_duplicate_keys),
        READING(lines_over_one_mebibyte_are_reported_and_skipped),
        READING(records_that_span_two_reads_come_whole),
        READING(a_directory_and_a_missing_file_are_refused_with_a_remedy),
        READING(a_read_error_is_reported_and_ends_the_reading),
        READING(a_dash_is_standard_input),
        READING(the_envelope_is_checked_key_by_key),
        READING(odd_records_are_kept_and_said_to_be_odd),
        READING(a_record_gives_envelope_state_body_and_fields),
        READING(fields_past_the_most_that_can_be_looked_up_stay_in_the_body),
    };
    return cmocka_run_group_tests_name("trace reader", tests, NULL, NULL);
}
