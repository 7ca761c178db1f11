/* The writer: what stands in the line, numbers and clocks, and what happens to hostile strings. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <jansson.h>

#include "../src/rng.h"
#include "support/spawn.h"
#include "support/trace_file.h"
#include "support/trace_samples.h"

static int setup(void **state)
{
    struct trace_file *t = malloc(sizeof *t);
    assert_non_null(t);
    trace_file_open(t, 0);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    trace_file_remove(*state);
    free(*state);
    return 0;
}

/* Flushes, and compares the whole file. */
static void assert_file(struct trace_file *t, const char *expected)
{
    size_t n;
    assert_true(trace_flush(t->w));
    char *text = trace_file_text(t->path, &n);
    assert_string_equal(text, expected);
    free(text);
}

/* trace/README.md, "The envelope": n b s t lc ev, then c, then the state, then the event's own fields. */
static void keys_of_a_record_come_in_the_documented_order(void **state)
{
    struct trace_file *t = *state;
    trace_set_time(t->w, 4516414562);
    trace_set_state(t->w, &(struct trace_state){.term = 1, .role = 'L', .ci = 34, .ai = 33, .li = 38});
    int64_t s =
        trace_put_msg_recv(t->w, &(struct trace_rec_msg_recv){.from = "0010", .ty = "get", .mid = "M#1", .key = "k3"});
    trace_set_cause(t->w, s);
    trace_put_read_local(t->w,
                         &(struct trace_rec_read_local){
                             .req = "M#1", .cli = "0010", .key = "k3", .val = "0012.17", .at = 33, .policy = "local"});
    trace_put_net_dup(t->w, &(struct trace_rec_net_dup){.d = 5, .cp = -2});
    assert_file(
        t, "{\"n\":\"0003\",\"b\":1,\"s\":1,\"t\":4516414562,\"lc\":1,\"ev\":\"msg.recv\",\"term\":1,\"role\":\"L\","
           "\"ci\":34,\"ai\":33,\"li\":38,\"from\":\"0010\",\"ty\":\"get\",\"mid\":\"M#1\",\"key\":\"k3\"}\n"
           "{\"n\":\"0003\",\"b\":1,\"s\":2,\"t\":4516414562,\"lc\":2,\"ev\":\"read.local\",\"c\":1,\"term\":1,"
           "\"role\":\"L\",\"ci\":34,\"ai\":33,\"li\":38,\"req\":\"M#1\",\"cli\":\"0010\",\"key\":\"k3\","
           "\"val\":\"0012.17\",\"at\":33,\"policy\":\"local\"}\n"
           "{\"n\":\"0003\",\"b\":1,\"s\":3,\"t\":4516414562,\"lc\":3,\"ev\":\"net.dup\",\"c\":1,\"d\":5,\"cp\":-2}\n");
}

/* The line of record `s` of node 0003 at time 0, as long as every record raises the clock by one. */
#define REC(s, ev, fields) "{\"n\":\"0003\",\"b\":1,\"s\":" s ",\"t\":0,\"lc\":" s ",\"ev\":\"" ev "\"" fields "}\n"
#define STATE              ",\"term\":0,\"role\":\"F\",\"ci\":0,\"ai\":0,\"li\":0"

static void assert_lines(struct trace_file *t, const char *const *lines, size_t n)
{
    char expected[4096] = "";
    for (size_t i = 0; i < n; i++)
        strncat(expected, lines[i], sizeof expected - 1 - strlen(expected));
    assert_file(t, expected);
}

/* records.def, the list of field types. */
static void every_kind_of_field_has_its_form(void **state)
{
    struct trace_file *t = *state;
    const char *const names[] = {"0000", "0001"}, *const alone[] = {"0002"};
    const struct trace_strs groups[] = {{names, 2}, {alone, 1}, {NULL, 0}};
    const struct trace_entry ents[] = {{7, 2, 0xfedcba9876543210u}, {8, 3, 0x1f}};
    const struct trace_count acks[] = {{"0000", 7}, {"0001", -1}};
    trace_put_fault_begin(
        t->w, &(struct trace_rec_fault_begin){.f = 1, .kind = "partition", .groups = {groups, 3}, .p = TRACE_OPT(50)});
    trace_put_lease_grant(t->w, &(struct trace_rec_lease_grant){.until = 9, .by = {names, 2}});
    trace_put_msg_send(t->w, &(struct trace_rec_msg_send){
                                 .to = "FFFF", .ty = "app", .mid = "m", .ents = {ents, 2}, .ok = TRACE_OPT(false)});
    trace_put_commit_advance(t->w, &(struct trace_rec_commit_advance){.new = 7, .why = "quorum", .acks = {acks, 2}});
    trace_put_net_in(
        t->w, &(struct trace_rec_net_in){.src = "a", .dst = "b", .body = " {\"k\" : [1, \"a b\\n\"] ,\n\"l\":-0.5} "});
    trace_put_vote_count(
        t->w, &(struct trace_rec_vote_count){.have = INT64_MAX, .need = INT64_MIN, .from = NULL, .pre = true});
    static const char *const lines[] = {
        REC("1", "fault.begin",
            ",\"f\":1,\"kind\":\"partition\",\"groups\":[[\"0000\",\"0001\"],[\"0002\"],[]],\"p\":50"),
        REC("2", "lease.grant", STATE ",\"since\":0,\"until\":9,\"by\":[\"0000\",\"0001\"]"),
        REC("3", "msg.send",
            STATE ",\"to\":\"FFFF\",\"ty\":\"app\",\"mid\":\"m\","
                  "\"ents\":[[7,2,\"fedcba9876543210\"],[8,3,\"000000000000001f\"]],\"ok\":false"),
        REC("4", "commit.advance", STATE ",\"old\":0,\"new\":7,\"why\":\"quorum\",\"acks\":{\"0000\":7,\"0001\":-1}"),
        REC("5", "net.in", ",\"d\":0,\"src\":\"a\",\"dst\":\"b\",\"sz\":0,\"body\":{\"k\":[1,\"a b\\n\"],\"l\":-0.5}"),
        REC("6", "vote.count",
            STATE ",\"have\":9223372036854775807,\"need\":-9223372036854775808,\"from\":\"\",\"pre\":true"),
    };
    assert_lines(t, lines, sizeof lines / sizeof lines[0]);
}

/* trace/README.md, "Values": 64 bytes stand in the line, 65 become hash and length; "" is a value, NULL is none. */
static void long_values_become_hash_and_length(void **state)
{
    struct trace_file *t = *state;
    char value[TRACE_VALUE_MAX + 2], long_one[512], whole[512];
    memset(value, 'v', sizeof value);
    value[TRACE_VALUE_MAX + 1] = '\0';
    trace_put_op_return(t->w, &(struct trace_rec_op_return){.op = "o", .res = "ok", .val = value});
    uint64_t hash = trace_hash(value, TRACE_VALUE_MAX + 1);
    value[TRACE_VALUE_MAX] = '\0';
    trace_put_op_return(t->w, &(struct trace_rec_op_return){.op = "o", .res = "ok", .val = value});
    trace_put_op_return(t->w, &(struct trace_rec_op_return){.op = "o", .res = "ok", .val = "", .by = ""});
    trace_put_op_return(t->w, &(struct trace_rec_op_return){.op = "o", .res = "ok"});
    snprintf(long_one, sizeof long_one,
             REC("1", "op.return", ",\"op\":\"o\",\"res\":\"ok\",\"vh\":\"%016llx\",\"vl\":65"),
             (unsigned long long)hash);
    snprintf(whole, sizeof whole, REC("2", "op.return", ",\"op\":\"o\",\"res\":\"ok\",\"val\":\"%s\""), value);
    const char *const lines[] = {
        long_one,
        whole,
        REC("3", "op.return", ",\"op\":\"o\",\"res\":\"ok\",\"val\":\"\""),
        REC("4", "op.return", ",\"op\":\"o\",\"res\":\"ok\""),
    };
    assert_lines(t, lines, sizeof lines / sizeof lines[0]);
}

/* The published test vectors of 64-bit FNV-1a. */
static void the_hash_is_fnv1a(void **state)
{
    (void)state;
    assert_int_equal(trace_hash("", 0), 0xcbf29ce484222325u);
    assert_int_equal(trace_hash("a", 1), 0xaf63dc4c8601ec8cu);
    assert_int_equal(trace_hash("foobar", 6), 0x85944171f73967e8u);
}

/* trace/README.md, "The header and the end": trace.close counts every record of the file, itself included. */
static void the_last_record_counts_all_of_them(void **state)
{
    struct trace_file *t = *state;
    int64_t lost, records;
    trace_file_header(t->w);
    for (int i = 0; i < 100; i++)
        trace_put_note(t->w, &(struct trace_rec_note){.text = "x"});
    trace_file_finish(t);
    assert_int_equal(trace_file_check(t->path, false, &lost), 102);
    size_t n;
    char *text = trace_file_text(t->path, &n), *end = strstr(text, "\"trace.close\"");
    assert_non_null(end);
    assert_int_equal(sscanf(end, "\"trace.close\",\"records\":%" SCNd64 ",\"lost\":0}", &records), 1);
    assert_int_equal(records, 102);
    free(text);
}

/* Lamport 1978, rule IR2: after a receipt the clock is greater than both its own and the message's. */
static void clocks_pass_what_was_observed_and_never_go_back(void **state)
{
    struct trace_file *t = *state;
    assert_int_equal(trace_put_note(t->w, &(struct trace_rec_note){.text = ""}), 1);
    assert_int_equal(trace_lc(t->w), 1);
    trace_observe_lc(t->w, 41);
    assert_int_equal(trace_lc(t->w), 41);
    assert_int_equal(trace_put_note(t->w, &(struct trace_rec_note){.text = ""}), 2);
    assert_int_equal(trace_lc(t->w), 42);
    trace_observe_lc(t->w, 7);
    trace_observe_lc(t->w, -1);
    trace_observe_lc(t->w, INT64_MAX); /* a hostile peer's: it would make our own addition overflow */
    assert_int_equal(trace_put_note(t->w, &(struct trace_rec_note){.text = ""}), 3);
    assert_int_equal(trace_lc(t->w), 43);
    assert_int_equal(trace_seq(t->w), 3);
    assert_int_equal(trace_lost(t->w), 0);
}

static void without_a_writer_nothing_happens(void **state)
{
    (void)state;
    assert_int_equal(trace_put_note(NULL, &(struct trace_rec_note){.text = "x"}), 0);
    trace_set_time(NULL, 1);
    trace_set_state(NULL, &(struct trace_state){.role = 'F'});
    trace_set_cause(NULL, 1);
    trace_observe_lc(NULL, 1);
    assert_int_equal(trace_lc(NULL) + trace_seq(NULL) + trace_lost(NULL), 0);
    assert_true(trace_flush(NULL));
    trace_writer_close(NULL);
}

/* records.def: what its macros say of a record is what the reader finds in the line. */
static void every_record_of_the_catalogue_comes_back_whole(void **state)
{
    struct trace_file *t = *state;
    struct trace_record *r = malloc(sizeof *r);
    assert_non_null(r);
    trace_samples_write(t->w, true, "te\"xt\n\xC3\xA9");
    trace_samples_write(t->w, false, "b");
    assert_true(trace_flush(t->w));
    char err[TRACE_ERR_LEN];
    struct trace_reader *in = trace_reader_open(t->path, err);
    assert_non_null(in);
    for (int full = 1; full >= 0; full--) {
        for (size_t i = 0; i < trace_record_types_n; i++) {
            const struct trace_record_type *type = &trace_record_types[i];
            size_t bytes, k = 0;
            assert_int_equal(trace_reader_next(in, r, &bytes, err), TRACE_READ_RECORD);
            assert_string_equal(err, "");
            assert_ptr_equal(r->type, type);
            assert_int_equal(r->has_state, type->raft);
            for (size_t j = 0; j < type->n_fields; j++) {
                const struct trace_field_type *want = &type->fields[j];
                if (full == 0 && want->optional)
                    continue;
                assert_true(k < r->n_fields);
                assert_true(trace_text_is(r->field[k].key, want->key));
                if (want->type == 'i')
                    assert_int_equal(r->field[k].i, SAMPLE_INT);
                if ((want->type == 's' || want->type == 'v') && want->words == NULL)
                    assert_true(trace_text_is(r->field[k].text, full == 1 ? "te\"xt\n\xC3\xA9" : "b"));
                k++;
            }
            assert_int_equal(k, r->n_fields);
        }
    }
    trace_reader_close(in);
    free(r);
}

/* The reader takes the envelope's keys out of the record, so no field may have the name of one. */
static void no_field_has_the_name_of_an_envelope_key(void **state)
{
    static const char *const keys[] = {"n", "b", "s", "t", "lc", "ev", "c", "role", "ci", "ai", "li"};
    (void)state;
    for (size_t i = 0; i < trace_record_types_n; i++) {
        const struct trace_record_type *type = &trace_record_types[i];
        int values = 0;
        assert_ptr_equal(trace_record_type_find(type->ev, strlen(type->ev)), type);
        assert_true(type->n_fields <= TRACE_FIELDS_MAX);
        for (size_t j = 0; j < type->n_fields; j++) {
            for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
                assert_string_not_equal(type->fields[j].key, keys[k]);
            if (type->raft)
                assert_string_not_equal(type->fields[j].key, "term");
            for (size_t k = 0; k < j; k++)
                assert_string_not_equal(type->fields[j].key, type->fields[k].key);
            values += type->fields[j].type == 'v'; /* a second one's "vh" would come twice */
        }
        assert_true(values <= 1);
    }
    assert_null(trace_record_type_find("trace.ope", 9));
    assert_null(trace_record_type_find("trace.open2", 11));
    assert_null(trace_record_type_find("note\0more", 9));
}

/* Random bytes, with everything that JSON and UTF-8 find special more often than chance has it; one text in two is
 * valid UTF-8. */
static void hostile_text(struct rng *rng, char *out, size_t max)
{
    static const char *const spice[] = {"\"",
                                        "\\",
                                        "\n",
                                        "\r",
                                        "\t",
                                        "\x01",
                                        "\x7f",
                                        "\\u0000",
                                        "{",
                                        "}",
                                        "null",
                                        ",",
                                        "\xC3\xA9",
                                        "\xE2\x82\xAC",
                                        "\xF0\x9F\x98\x80",
                                        "\xED\xA0\x80",
                                        "\xC0\x80",
                                        "\xFF",
                                        "\xF4\x90\x80\x80",
                                        "\xE2\x82"};
    enum { SPICE = sizeof spice / sizeof spice[0], VALID = SPICE - 5 };
    bool valid = rng_below(rng, 2) == 0;
    size_t n = rng_below(rng, max - 8), used = 0;
    while (used < n) {
        if (rng_below(rng, 2) == 0) {
            const char *s = spice[rng_below(rng, valid ? VALID : SPICE)];
            memcpy(out + used, s, strlen(s));
            used += strlen(s);
        } else {
            out[used++] = (char)(1 + rng_below(rng, valid ? 127 : 255));
        }
    }
    out[used] = '\0';
}

/* A datagram's text, changed in up to two places. */
static void hostile_json(struct rng *rng, char *out, size_t max)
{
    int n = snprintf(
        out, max,
        "{\"type\":\"put\", \"key\" : \"a\\\"b\",\n\"v\":[1,-2.5e3,{\"x\":null,\"y\":true},\"\\ud83d\\ude00\"] }");
    for (uint64_t changes = rng_below(rng, 3); changes > 0; changes--)
        out[rng_below(rng, (uint64_t)n)] = "{}[]\",:0e-\\un \n\x01\xff"[rng_below(rng, 17)];
}

/* RFC 8259 §8.1 and §7; a peer chooses keys, values and ids, and must not be able to break a line. */
static void hostile_strings_always_give_one_line_of_json(void **state)
{
    struct trace_file *t = *state;
    struct rng rng;
    char text[128], json[128];
    enum { ROUNDS = 20000 };
    rng_seed(&rng, 20240607);
    for (int i = 0; i < ROUNDS; i++) {
        hostile_text(&rng, text, sizeof text);
        hostile_json(&rng, json, sizeof json);
        trace_put_net_in(t->w, &(struct trace_rec_net_in){.src = text, .dst = "", .body = json});
    }
    assert_true(trace_flush(t->w));
    size_t n;
    char *file = trace_file_text(t->path, &n), *line = file;
    int same = 0, replaced = 0, embedded = 0, quoted = 0;
    rng_seed(&rng, 20240607);
    for (int i = 0; i < ROUNDS; i++) {
        hostile_text(&rng, text, sizeof text);
        hostile_json(&rng, json, sizeof json);
        char *end = strchr(line, '\n');
        assert_non_null(end);
        json_error_t e;
        json_t *root = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e), *body;
        if (root == NULL)
            fail_msg("record %d: %s: %.*s", i + 1, e.text, (int)(end - line), line);
        const char *src = json_string_value(json_object_get(root, "src"));
        assert_non_null(src);
        json_t *valid = json_string(text); /* NULL when it is not UTF-8 */
        if (valid != NULL) {
            assert_string_equal(src, text);
            same++;
        } else {
            assert_non_null(strstr(src, "\xEF\xBF\xBD"));
            replaced++;
        }
        json_decref(valid);
        body = json_object_get(root, "body");
        json_t *expected = json_loads(json, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
        if (json_is_object(body)) {
            assert_true(json_equal(expected, body));
            embedded++;
        } else {
            assert_true(json_is_string(body));
            quoted++;
        }
        json_decref(expected);
        json_decref(root);
        line = end + 1;
    }
    assert_int_equal(*line, '\0');
    assert_true(same > ROUNDS / 4 && replaced > ROUNDS / 4);
    assert_true(embedded > ROUNDS / 4 && quoted > ROUNDS / 4);
    free(file);
}

/* ---- opening ---- */

struct kept {
    char text[4096];
    size_t n, calls;
};

static void keep(void *ctx, const char *bytes, size_t n)
{
    struct kept *k = ctx;
    assert_true(k->n + n < sizeof k->text);
    memcpy(k->text + k->n, bytes, n);
    k->n += n;
    k->calls++;
}

static void a_sink_gets_the_bytes_of_the_file_flush_by_flush_and_no_file_is_made(void **state)
{
    struct trace_file *t = *state;
    struct kept kept = {.n = 0};
    char err[TRACE_ERR_LEN];
    struct trace_writer *w = trace_writer_open(
        &(struct trace_writer_options){
            .node = "0003", .boot = 1, .buffer_bytes = 1024, .sink = keep, .sink_ctx = &kept},
        err);
    assert_non_null(w);
    for (int i = 0; i < 20; i++) { /* more than the buffer holds */
        trace_put_note(t->w,
                       &(struct trace_rec_note){.text = "a line that is repeated until there are enough of them"});
        trace_put_note(w, &(struct trace_rec_note){.text = "a line that is repeated until there are enough of them"});
        assert_true(trace_lost(w) == 0);
    }
    assert_true(kept.calls > 0 && trace_flush(w) && trace_flush(w));
    kept.text[kept.n] = '\0';
    assert_file(t, kept.text);
    size_t calls = kept.calls;
    trace_writer_close(w);
    assert_int_equal(kept.calls, calls + 1);
    assert_non_null(strstr(kept.text, "trace.close"));
}

static void records_have_the_time_of_the_clock_that_is_followed(void **state)
{
    struct trace_file *t = *state;
    int64_t clock = 7;
    trace_follow_clock(t->w, &clock);
    trace_set_time(t->w, 1000);
    trace_put_net_dup(t->w, &(struct trace_rec_net_dup){.d = 5, .cp = 2});
    clock = 9;
    trace_set_time(t->w, 1000);
    trace_put_net_dup(t->w, &(struct trace_rec_net_dup){.d = 5, .cp = 3});
    trace_follow_clock(t->w, NULL);
    trace_set_time(t->w, 1000);
    trace_put_net_dup(t->w, &(struct trace_rec_net_dup){.d = 5, .cp = 4});
    assert_file(t, "{\"n\":\"0003\",\"b\":1,\"s\":1,\"t\":7,\"lc\":1,\"ev\":\"net.dup\",\"d\":5,\"cp\":2}\n"
                   "{\"n\":\"0003\",\"b\":1,\"s\":2,\"t\":9,\"lc\":2,\"ev\":\"net.dup\",\"d\":5,\"cp\":3}\n"
                   "{\"n\":\"0003\",\"b\":1,\"s\":3,\"t\":1000,\"lc\":3,\"ev\":\"net.dup\",\"d\":5,\"cp\":4}\n");
}

static void missing_directories_are_made(void **state)
{
    struct trace_file *t = *state;
    char dir[4200], path[4300], err[TRACE_ERR_LEN];
    struct stat st;
    snprintf(dir, sizeof dir, "%s/a/b//c/", t->dir);
    struct trace_writer *w =
        trace_writer_open(&(struct trace_writer_options){.dir = dir, .node = "sim", .boot = 12}, err);
    assert_non_null(w);
    trace_writer_close(w);
    snprintf(path, sizeof path, "%s/a/b/c/sim.12.jsonl", t->dir);
    assert_int_equal(stat(path, &st), 0);
}

/* One file per boot: two processes that share a file splice their lines. */
static void a_file_that_exists_is_never_written(void **state)
{
    struct trace_file *t = *state;
    char err[TRACE_ERR_LEN];
    assert_null(trace_writer_open(&(struct trace_writer_options){.dir = t->dir, .node = "0003", .boot = 1}, err));
    assert_non_null(strstr(err, t->path));
    assert_non_null(strstr(err, "File exists"));
    assert_non_null(strstr(err, "boot"));
}

static void a_node_that_could_leave_the_directory_is_refused(void **state)
{
    struct trace_file *t = *state;
    static const char *const bad[] = {"", "../x", "a/b", "a.b", "a b", "\xC3\xA9", NULL};
    char err[TRACE_ERR_LEN], dir[4300];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(trace_writer_open(&(struct trace_writer_options){.dir = t->dir, .node = bad[i], .boot = 1}, err));
        assert_non_null(strstr(err, "file name"));
    }
    assert_null(trace_writer_open(&(struct trace_writer_options){.dir = t->dir, .node = "x", .boot = 0}, err));
    assert_non_null(strstr(err, "boot 0"));
    assert_null(trace_writer_open(&(struct trace_writer_options){.dir = "", .node = "x", .boot = 1}, err));
    assert_non_null(strstr(err, "directory"));
    snprintf(dir, sizeof dir, "%s/below", t->path); /* a file stands in the way */
    assert_null(trace_writer_open(&(struct trace_writer_options){.dir = dir, .node = "x", .boot = 1}, err));
    assert_non_null(strstr(err, t->path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_FILE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        WITH_FILE(keys_of_a_record_come_in_the_documented_order),
        WITH_FILE(every_kind_of_field_has_its_form),
        WITH_FILE(long_values_become_hash_and_length),
        cmocka_unit_test(the_hash_is_fnv1a),
        WITH_FILE(the_last_record_counts_all_of_them),
        WITH_FILE(clocks_pass_what_was_observed_and_never_go_back),
        cmocka_unit_test(without_a_writer_nothing_happens),
        WITH_FILE(records_have_the_time_of_the_clock_that_is_followed),
        WITH_FILE(a_sink_gets_the_bytes_of_the_file_flush_by_flush_and_no_file_is_made),
        WITH_FILE(every_record_of_the_catalogue_comes_back_whole),
        cmocka_unit_test(no_field_has_the_name_of_an_envelope_key),
        WITH_FILE(hostile_strings_always_give_one_line_of_json),
        WITH_FILE(missing_directories_are_made),
        WITH_FILE(a_file_that_exists_is_never_written),
        WITH_FILE(a_node_that_could_leave_the_directory_is_refused),
    };
    return cmocka_run_group_tests_name("trace writer", tests, NULL, NULL);
}
