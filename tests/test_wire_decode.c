/* test_wire_decode.c -- what is no message, and how a decoder says so: the reason and the field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../src/raft.h"
#include "../src/wire.h"

static char bytes[DATAGRAM_MAX + 2];
static struct wire_decoder *decoder;

static int make_decoder(void **state)
{
    (void)state;
    decoder = wire_decoder_new();
    return decoder ? 0 : -1;
}

static int free_decoder(void **state)
{
    (void)state;
    wire_decoder_free(decoder);
    return 0;
}

static void expect_refusal_n(const char *text, size_t n, const char *why, const char *what)
{
    struct message m;
    struct wire_refusal refusal;
    if (wire_decode(decoder, text, n, &m, &refusal)) {
        print_message("accepted: %.200s\n", text);
        fail();
    }
    if (strcmp(refusal.why, why) != 0 || strcmp(refusal.what, what) != 0)
        print_message("refused: %.200s\n", text);
    assert_string_equal(refusal.why, why);
    assert_string_equal(refusal.what, what);
}

#define TO   "\"src\":\"0001\",\"dst\":\"0002\",\"leader\":\"FFFF\","
#define VOTE "{" TO "\"type\":\"vote_req\",\"MID\":\"m\",\"lc\":1,\"term\":1,\"lli\":0,"
#define APPEND                                                                                                         \
    "{" TO "\"type\":\"app_req\",\"MID\":\"m\",\"lc\":1,\"term\":1,\"pi\":0,\"pt\":0,\"lci\":0,\"round\":0,\"ts\":0,"  \
    "\"ents\":"
#define CHANGE "{" TO "\"type\":\"change\",\"MID\":\"m\","
#define SNAPSHOT                                                                                                       \
    "{" TO "\"type\":\"snap_req\",\"MID\":\"m\",\"lc\":1,\"term\":1,\"ts\":0,\"si\":1,\"st\":1,\"off\":0,\"size\":9,"
#define STATUS                                                                                                         \
    "{" TO "\"type\":\"status_res\",\"MID\":\"m\",\"term\":1,\"role\":\"\",\"boot\":1,\"commit\":0,\"applied\":0,"     \
    "\"first\":1,"                                                                                                     \
    "\"last\":0,\"keys\":0,\"lease_ms\":0,\"durable\":\"\",\"members\":"
#define DIGEST "\"digest\":\"0123456789abcdef\",\"conf\":\"\","
#define REPLY  "{" TO "\"type\":\"app_res\",\"MID\":\"m\",\"lc\":1,\"term\":1,\"re\":\"q\","

static void what_is_no_message_is_refused_with_the_reason_and_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why, *what;
    } refused[] = {
        {"", "empty", "text"},
        {"hello", "not_json", "syntax"},
        {"{\"src\":", "not_json", "cut short"},
        {"{} {}", "not_json", "bytes after the end"},
        {"{\"a\":1,\"a\":2}", "not_json", "duplicate key"},
        {"{" TO "\"type\":\"get\",\"MID\":\"m\",\"key\":\"\xff\"}", "not_json", "utf-8"},
        {"{" TO "\"type\":\"get\",\"MID\":\"m\",\"key\":\"\xc0\x80\"}", "not_json", "utf-8"},
        {"{" TO "\"type\":\"get\",\"MID\":\"m\",\"key\":\"\xed\xa0\x80\"}", "not_json", "utf-8"},
        {"{" TO "\"type\":\"get\",\"MID\":\"m\",\"key\":\"\\ud800\"}", "not_json", "syntax"},
        {"[]", "not_object", "text"},
        {"null", "not_object", "text"},
        {"17", "not_object", "text"},
        {"{}", "missing_field", "src"},
        {"{\"src\":\"0001\",\"leader\":\"FFFF\",\"type\":\"hello\"}", "missing_field", "dst"},
        {"{\"src\":\"0001\",\"dst\":\"FFFF\",\"type\":\"hello\"}", "missing_field", "leader"},
        {"{\"src\":\"0001\",\"dst\":\"FFFF\",\"leader\":\"FFFF\"}", "missing_field", "type"},
        {"{\"src\":1,\"dst\":\"FFFF\",\"leader\":\"FFFF\",\"type\":\"hello\"}", "bad_type", "src"},
        {"{\"src\":\"1\",\"dst\":\"FFFF\",\"leader\":\"FFFF\",\"type\":\"hello\"}", "bad_value", "src"},
        {"{\"src\":\"FFFF\",\"dst\":\"FFFF\",\"leader\":\"FFFF\",\"type\":\"hello\"}", "bad_value", "src"},
        {"{\"src\":\"0001\",\"dst\":\"00a2\",\"leader\":\"FFFF\",\"type\":\"hello\"}", "bad_value", "dst"},
        {"{\"src\":\"0001\",\"dst\":\"FFFF\",\"leader\":\"0x1F\",\"type\":\"hello\"}", "bad_value", "leader"},
        {"{\"src\":\"0001\",\"dst\":\"FFFF\",\"leader\":\"0001\\u0000\",\"type\":\"hello\"}", "bad_value", "leader"},
        {"{" TO "\"type\":7}", "bad_type", "type"},
        {"{" TO "\"type\":\"GET\"}", "unknown_type", "type"},
        {"{" TO "\"type\":\"get\\u0000\"}", "unknown_type", "type"},
        {"{" TO "\"type\":\"get\",\"key\":\"k\"}", "missing_field", "MID"},
        {"{" TO "\"type\":\"get\",\"MID\":\"\",\"key\":\"k\"}", "bad_value", "MID"},
        {"{" TO "\"type\":\"get\",\"MID\":17,\"key\":\"k\"}", "bad_type", "MID"},
        {"{" TO "\"type\":\"get\",\"MID\":\"12345678901234567890123456789012345678901234567890123456789012345\","
         "\"key\":\"k\"}",
         "bad_value", "MID"},
        {"{" TO "\"type\":\"get\",\"MID\":\"m\"}", "missing_field", "key"},
        {"{" TO "\"type\":\"get\",\"MID\":\"m\",\"key\":null}", "bad_type", "key"},
        {"{" TO "\"type\":\"get\",\"MID\":\"m\",\"key\":\"a\\u0000b\"}", "bad_value", "key"},
        {"{" TO "\"type\":\"put\",\"MID\":\"m\",\"key\":\"k\"}", "missing_field", "value"},
        {"{" TO "\"type\":\"put\",\"MID\":\"m\",\"key\":\"k\",\"value\":1}", "bad_type", "value"},
        {"{" TO "\"type\":\"ok\",\"MID\":\"m\",\"value\":false}", "bad_type", "value"},
        {VOTE "\"llt\":-1}", "bad_value", "llt"},
        {VOTE "\"llt\":9007199254740992}", "bad_value", "llt"},
        {VOTE "\"llt\":99999999999999999999}", "bad_value", "integer"},
        {VOTE "\"llt\":1.0}", "bad_type", "llt"},
        {VOTE "\"llt\":true}", "bad_type", "llt"},
        {VOTE "\"llt\":\"1\"}", "bad_type", "llt"},
        {VOTE "\"LLT\":1}", "missing_field", "llt"},
        {REPLY "\"ok\":1,\"round\":0,\"ts\":0,\"mi\":1}", "bad_type", "ok"},
        {REPLY "\"ok\":true,\"round\":0,\"ts\":0,\"hint\":1,\"hterm\":1}", "missing_field", "mi"},
        {REPLY "\"ok\":false,\"round\":0,\"ts\":0,\"mi\":1}", "missing_field", "hint"},
        {REPLY "\"ok\":false,\"round\":0,\"ts\":0,\"hint\":1}", "missing_field", "hterm"},
        {"{" TO "\"type\":\"vote_res\",\"MID\":\"m\",\"lc\":1,\"term\":1,\"re\":\"\",\"ok\":true}", "bad_value", "re"},
        {APPEND "{}}", "bad_type", "ents"},
        {APPEND "[1]}", "bad_type", "ents"},
        {APPEND "[[]]}", "missing_field", "ents"},
        {APPEND "[[\"1\",\"noop\"]]}", "bad_type", "ents.term"},
        {APPEND "[[-1,\"noop\"]]}", "bad_value", "ents.term"},
        {APPEND "[[1,2]]}", "bad_type", "ents.op"},
        {APPEND "[[1,\"del\"]]}", "bad_value", "ents.op"},
        {APPEND "[[1,\"noop\",\"x\"]]}", "bad_value", "ents.op"},
        {APPEND "[[1,\"put\"]]}", "bad_value", "ents.op"},
        {APPEND "[[1,\"put\",\"0015\",\"m\",\"k\",\"v\",\"w\"]]}", "bad_value", "ents.op"},
        {APPEND "[[1,\"put\",\"15\",\"m\",\"k\",\"v\"]]}", "bad_value", "ents.client"},
        {APPEND "[[1,\"put\",\"FFFF\",\"m\",\"k\",\"v\"]]}", "bad_value", "ents.client"},
        {APPEND "[[1,\"put\",\"0015\",\"\",\"k\",\"v\"]]}", "bad_value", "ents.mid"},
        {APPEND "[[1,\"put\",\"0015\",\"m\",7,\"v\"]]}", "bad_type", "ents.key"},
        {APPEND "[[1,\"put\",\"0015\",\"m\",\"k\",\"\\u0000\"]]}", "bad_value", "ents.value"},
        {APPEND "[[1,\"conf\",\"0015\",\"m\",\"\",\"v\"]]}", "bad_value", "ents.op"},
        {APPEND "[[1,\"conf\",\"0015\",\"\",\"v\"]]}", "bad_value", "ents.client"},
        {APPEND "[[1,\"conf\",\"FFFF\",\"m\",\"v\"]]}", "bad_value", "ents.client"},
        {APPEND "[[1,\"conf\",\"FFFF\",\"\",7]]}", "bad_type", "ents.value"},
        {VOTE "\"llt\":1,\"xfer\":1}", "bad_type", "xfer"},
        {CHANGE "\"node\":\"0003\"}", "missing_field", "op"},
        {CHANGE "\"op\":\"Add\",\"node\":\"0003\",\"address\":\"\"}", "bad_value", "op"},
        {CHANGE "\"op\":1,\"node\":\"0003\"}", "bad_type", "op"},
        {CHANGE "\"op\":\"add\",\"node\":\"0003\"}", "missing_field", "address"},
        {CHANGE "\"op\":\"add\",\"node\":\"FFFF\",\"address\":\"\"}", "bad_value", "node"},
        {CHANGE "\"op\":\"remove\",\"node\":\"FFFF\"}", "bad_value", "node"},
        {CHANGE "\"op\":\"transfer\"}", "missing_field", "node"},
        {"{" TO "\"type\":\"fail\",\"MID\":\"m\",\"why\":7}", "bad_type", "why"},
        {SNAPSHOT "\"digest\":\"0123456789ABCDEF\",\"conf\":\"\",\"data\":\"\"}", "bad_value", "digest"},
        {SNAPSHOT "\"digest\":\"0123456789abcde\",\"conf\":\"\",\"data\":\"\"}", "bad_value", "digest"},
        {SNAPSHOT "\"digest\":\"0123456789abcdef0\",\"conf\":\"\",\"data\":\"\"}", "bad_value", "digest"},
        {SNAPSHOT "\"digest\":1,\"conf\":\"\",\"data\":\"\"}", "bad_type", "digest"},
        {SNAPSHOT DIGEST "\"data\":[]}", "bad_type", "data"},
        {SNAPSHOT DIGEST "\"data\":\"AA=\"}", "bad_value", "data"},
        {SNAPSHOT DIGEST "\"data\":\"AAA\"}", "bad_value", "data"},
        {SNAPSHOT DIGEST "\"data\":\"A===\"}", "bad_value", "data"},
        {SNAPSHOT DIGEST "\"data\":\"AB==\"}", "bad_value", "data"},
        {SNAPSHOT DIGEST "\"data\":\"AAB=\"}", "bad_value", "data"},
        {SNAPSHOT DIGEST "\"data\":\"AA=A\"}", "bad_value", "data"},
        {SNAPSHOT DIGEST "\"data\":\"AA==AAAA\"}", "bad_value", "data"},
        {SNAPSHOT DIGEST "\"data\":\"AA-_\"}", "bad_value", "data"},
        {SNAPSHOT DIGEST "\"data\":\"AAA\\u0000\"}", "bad_value", "data"},
        {STATUS "{}}", "bad_type", "members"},
        {STATUS "[7]}", "bad_type", "members"},
        {STATUS "[[\"0001\",\"\",\"\",0,0]]}", "bad_value", "members"},
        {STATUS "[[\"FFFF\",\"\",\"\",0,0,0]]}", "bad_value", "members.id"},
        {STATUS "[[\"0001\",7,\"\",0,0,0]]}", "bad_type", "members.address"},
        {STATUS "[[\"0001\",\"\",\"\",0,-1,0]]}", "bad_value", "members.next"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        expect_refusal_n(refused[i].text, strlen(refused[i].text), refused[i].why, refused[i].what);
}

static void a_nul_byte_is_never_json(void **state)
{
    (void)state;
    const char whole[] = "{" TO "\"type\":\"prevote_req\",\"MID\":\"m\",\"lc\":12,\"term\":34,\"lli\":56,\"llt\":78}";
    char text[sizeof whole];
    struct message m;
    struct wire_refusal refusal;
    assert_true(wire_decode(decoder, whole, sizeof whole - 1, &m, &refusal));
    for (size_t at = 0; at < sizeof whole; at++) { /* at the end too */
        memcpy(text, whole, sizeof whole);
        text[at] = '\0';
        expect_refusal_n(text, at + 1 < sizeof whole ? sizeof whole - 1 : sizeof whole, "not_json", "syntax");
    }
}

static void a_datagram_beyond_65507_bytes_is_too_big_whatever_it_says(void **state)
{
    (void)state;
    const char text[] = "{" TO "\"type\":\"hello\"}";
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, text, sizeof text - 1);
    expect_refusal_n(bytes, DATAGRAM_MAX + 1, "too_big", "text");
    struct message m;
    struct wire_refusal refusal;
    assert_true(wire_decode(decoder, bytes, DATAGRAM_MAX, &m, &refusal));
}

static void an_append_of_more_entries_than_a_message_may_have_is_refused(void **state)
{
    (void)state;
    for (unsigned n = MESSAGE_ENTRIES_MAX; n <= MESSAGE_ENTRIES_MAX + 1; n++) {
        char *p = bytes + sprintf(bytes, "%s[", APPEND);
        for (unsigned i = 0; i < n; i++)
            p += sprintf(p, "%s[1,\"noop\"]", i ? "," : "");
        p += sprintf(p, "]}");
        struct message m;
        struct wire_refusal refusal;
        if (n > MESSAGE_ENTRIES_MAX) {
            expect_refusal_n(bytes, (size_t)(p - bytes), "bad_value", "ents");
        } else {
            assert_true(wire_decode(decoder, bytes, (size_t)(p - bytes), &m, &refusal));
            assert_int_equal(m.n_entries, n);
            assert_int_equal(m.entries[n - 1]->index, n);
        }
    }
}

/* `text` with `n` times `piece` in place of its '#'. */
static size_t repeated(const char *text, const char *piece, unsigned n)
{
    const char *hash = strchr(text, '#');
    char *p = bytes + sprintf(bytes, "%.*s", (int)(hash - text), text);
    for (unsigned i = 0; i < n; i++)
        p += sprintf(p, "%s", piece);
    p += sprintf(p, "%s", hash + 1);
    return (size_t)(p - bytes);
}

static void texts_and_members_beyond_their_bounds_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *piece;
        unsigned max;
        const char *what;
    } bounds[] = {
        {CHANGE "\"op\":\"add\",\"node\":\"0003\",\"address\":\"#\"}", "a", ADDRESS_MAX, "address"},
        {SNAPSHOT "\"digest\":\"0123456789abcdef\",\"conf\":\"#\",\"data\":\"\"}", "a", CONF_TEXT_MAX - 1, "conf"},
        {APPEND "[[1,\"conf\",\"FFFF\",\"\",\"#\"]]}", "a", CONF_TEXT_MAX - 1, "ents.value"},
        {APPEND "[[1,\"conf\",\"0001\",\"#\",\"\"]]}", "a", MID_MAX, "ents.mid"},
        {STATUS "[[\"0001\",\"#\",\"\",0,0,0]]}", "a", ADDRESS_MAX, "members.address"},
        {STATUS "[[\"0001\",\"\",\"\",0,0,0]#]}", ",[\"0001\",\"\",\"\",0,0,0]", RAFT_MEMBERS_MAX, "members"},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        struct message m;
        struct wire_refusal refusal;
        size_t n = repeated(bounds[i].text, bounds[i].piece, bounds[i].max);
        assert_true(wire_decode(decoder, bytes, n, &m, &refusal));
        n = repeated(bounds[i].text, bounds[i].piece, bounds[i].max + 1);
        expect_refusal_n(bytes, n, "bad_value", bounds[i].what);
    }
}

static void deep_nesting_is_refused_and_not_followed(void **state)
{
    (void)state;
    memset(bytes, '[', DATAGRAM_MAX);
    expect_refusal_n(bytes, DATAGRAM_MAX, "not_json", "syntax");
}

static void a_refusal_names_the_sender_once_it_is_known(void **state)
{
    (void)state;
    struct message m;
    struct wire_refusal refusal;
    const char known[] = "{" TO "\"type\":\"nonsense\"}", unknown[] = "{\"type\":\"get\"}";
    assert_false(wire_decode(decoder, known, sizeof known - 1, &m, &refusal));
    assert_int_equal(refusal.src, 1);
    assert_false(wire_decode(decoder, unknown, sizeof unknown - 1, &m, &refusal));
    assert_int_equal(refusal.src, NODE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_message_is_refused_with_the_reason_and_the_field),
        cmocka_unit_test(a_nul_byte_is_never_json),
        cmocka_unit_test(a_datagram_beyond_65507_bytes_is_too_big_whatever_it_says),
        cmocka_unit_test(an_append_of_more_entries_than_a_message_may_have_is_refused),
        cmocka_unit_test(texts_and_members_beyond_their_bounds_are_refused),
        cmocka_unit_test(deep_nesting_is_refused_and_not_followed),
        cmocka_unit_test(a_refusal_names_the_sender_once_it_is_known),
    };
    return cmocka_run_group_tests(tests, make_decoder, free_decoder);
}
