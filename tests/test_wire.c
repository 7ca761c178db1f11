/* test_wire.c -- datagrams: the shapes of the course's protocol and ours, there and back. */
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
#include "support/wire_random.h"

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

static void expect_text(const struct message *m, const char *text)
{
    size_t n = wire_encode(m, bytes, DATAGRAM_MAX);
    bytes[n] = '\0';
    assert_string_equal(bytes, text);
    struct message back;
    struct wire_refusal refusal;
    assert_true(wire_decode(decoder, text, strlen(text), &back, &refusal));
    assert_true(wire_equal(m, &back));
}

/* ---- the course's protocol ---- */

static void hello_has_the_four_common_fields_and_nothing_else(void **state)
{
    (void)state;
    const struct message m = {.type = MESSAGE_HELLO, .src = 0x001f, .dst = NODE_NONE, .leader = NODE_NONE};
    expect_text(&m, "{\"src\":\"001F\",\"dst\":\"FFFF\",\"leader\":\"FFFF\",\"type\":\"hello\"}");
}

static void requests_and_answers_have_the_fields_of_the_course(void **state)
{
    (void)state;
    struct message m = {.type = MESSAGE_GET, .src = 0x0015, .dst = 0, .leader = 1, .mid = "M1", .key = "K"};
    expect_text(
        &m, "{\"src\":\"0015\",\"dst\":\"0000\",\"leader\":\"0001\",\"type\":\"get\",\"MID\":\"M1\",\"key\":\"K\"}");
    m.type = MESSAGE_PUT;
    m.value = "V";
    expect_text(&m,
                "{\"src\":\"0015\",\"dst\":\"0000\",\"leader\":\"0001\",\"type\":\"put\",\"MID\":\"M1\",\"key\":\"K\","
                "\"value\":\"V\"}");
    struct message a = {.type = MESSAGE_OK, .src = 0, .dst = 0x0015, .leader = 0, .mid = "M1"};
    expect_text(&a, "{\"src\":\"0000\",\"dst\":\"0015\",\"leader\":\"0000\",\"type\":\"ok\",\"MID\":\"M1\"}");
    a.value = ""; /* of a missing key */
    expect_text(
        &a, "{\"src\":\"0000\",\"dst\":\"0015\",\"leader\":\"0000\",\"type\":\"ok\",\"MID\":\"M1\",\"value\":\"\"}");
    a.value = NULL;
    a.type = MESSAGE_FAIL;
    expect_text(&a, "{\"src\":\"0000\",\"dst\":\"0015\",\"leader\":\"0000\",\"type\":\"fail\",\"MID\":\"M1\"}");
    a.type = MESSAGE_REDIRECT;
    a.leader = NODE_NONE;
    expect_text(&a, "{\"src\":\"0000\",\"dst\":\"0015\",\"leader\":\"FFFF\",\"type\":\"redirect\",\"MID\":\"M1\"}");
}

static bool decodes(const char *text, struct message *m)
{
    struct wire_refusal refusal;
    return wire_decode(decoder, text, strlen(text), m, &refusal);
}

static void spacing_order_extra_fields_and_a_newline_at_the_end_do_not_matter(void **state)
{
    (void)state;
    struct message m;
    assert_true(
        decodes(" { \"type\" : \"get\", \"extra\": [1.5, {\"a\": null}], \"key\":\"\\u006b\\/\", \"MID\":\"x\",\n"
                "\"leader\":\"FFFF\", \"dst\":\"0002\",\"src\":\"001C\"}\n",
                &m));
    assert_string_equal(m.key, "k/");
    assert_int_equal(m.src, 0x1c);
}

/* ---- between replicas ---- */

static void an_append_has_its_entries_as_arrays_and_gives_them_index_and_hash(void **state)
{
    (void)state;
    const struct entry noop = {
        .index = 8, .term = 3, .op = ENTRY_NOOP, .client = NODE_NONE, .mid = "", .key = "", .value = ""};
    struct entry put = {.index = 9, .term = 4, .op = ENTRY_PUT, .client = 0x15, .mid = "M", .key = "k", .value = "v"};
    struct entry first = noop;
    put.hash = entry_hash(&put);
    first.hash = entry_hash(&first);
    const struct entry *const entries[] = {&first, &put};
    const struct message m = {.type = MESSAGE_APP_REQ,
                              .src = 2,
                              .dst = 3,
                              .leader = 2,
                              .mid = "0002-1-9",
                              .lc = 77,
                              .term = 4,
                              .prev_index = 7,
                              .prev_term = 3,
                              .commit = 6,
                              .round = 5,
                              .sent_us = 123456,
                              .n_entries = 2,
                              .entries = entries};
    expect_text(
        &m,
        "{\"src\":\"0002\",\"dst\":\"0003\",\"leader\":\"0002\",\"type\":\"app_req\",\"MID\":\"0002-1-9\",\"lc\":77,"
        "\"term\":4,\"pi\":7,\"pt\":3,\"lci\":6,\"round\":5,\"ts\":123456,\"ents\":[[3,\"noop\"],[4,\"put\",\"0015\","
        "\"M\",\"k\","
        "\"v\"]]}");
}

static void an_append_reply_tells_the_match_when_it_agrees_and_a_hint_when_not(void **state)
{
    (void)state;
    struct message m = {.type = MESSAGE_APP_RES,
                        .src = 3,
                        .dst = 2,
                        .leader = 2,
                        .mid = "0003-1-2",
                        .re = "0002-1-9",
                        .lc = 80,
                        .term = 4,
                        .round = 5,
                        .sent_us = 123456,
                        .ok = true,
                        .match = 9};
    expect_text(
        &m,
        "{\"src\":\"0003\",\"dst\":\"0002\",\"leader\":\"0002\",\"type\":\"app_res\",\"MID\":\"0003-1-2\",\"lc\":80,"
        "\"term\":4,\"re\":\"0002-1-9\",\"ok\":true,\"round\":5,\"ts\":123456,\"mi\":9}");
    m.ok = false;
    m.match = 0;
    m.hint_index = 6;
    m.hint_term = 2;
    expect_text(
        &m,
        "{\"src\":\"0003\",\"dst\":\"0002\",\"leader\":\"0002\",\"type\":\"app_res\",\"MID\":\"0003-1-2\",\"lc\":80,"
        "\"term\":4,\"re\":\"0002-1-9\",\"ok\":false,\"round\":5,\"ts\":123456,\"hint\":6,\"hterm\":2}");
}

static void the_messages_of_snapshots_and_of_a_transfer_have_their_fields(void **state)
{
    (void)state;
    struct message m = {.type = MESSAGE_SNAP_REQ,
                        .src = 2,
                        .dst = 3,
                        .leader = 2,
                        .mid = "0002-1-9",
                        .lc = 77,
                        .term = 4,
                        .sent_us = 1234,
                        .snap_index = 100,
                        .snap_term = 3,
                        .offset = 4096,
                        .size = 5000,
                        .digest = UINT64_C(0xfedcba9876543210),
                        .conf = "0002,0003=h:1",
                        .data = (const unsigned char *)"\0\xff>?",
                        .n_data = 4};
    expect_text(&m, "{\"src\":\"0002\",\"dst\":\"0003\",\"leader\":\"0002\",\"type\":\"snap_req\",\"MID\":\"0002-1-9\","
                    "\"lc\":77,\"term\":4,\"ts\":1234,\"si\":100,\"st\":3,\"off\":4096,\"size\":5000,\"digest\":"
                    "\"fedcba9876543210\",\"conf\":\"0002,0003=h:1\",\"data\":\"AP8+Pw==\"}");
    struct message res = {.type = MESSAGE_SNAP_RES,
                          .src = 3,
                          .dst = 2,
                          .leader = 2,
                          .mid = "0003-1-2",
                          .re = "0002-1-9",
                          .lc = 78,
                          .term = 4,
                          .sent_us = 1234,
                          .snap_index = 100,
                          .snap_term = 3,
                          .offset = 4100};
    expect_text(&res,
                "{\"src\":\"0003\",\"dst\":\"0002\",\"leader\":\"0002\",\"type\":\"snap_res\",\"MID\":\"0003-1-2\","
                "\"lc\":78,\"term\":4,\"re\":\"0002-1-9\",\"ts\":1234,\"si\":100,\"st\":3,\"off\":4100}");
    struct message go = {.type = MESSAGE_TRANSFER, .src = 2, .dst = 3, .leader = 2, .mid = "a", .lc = 1, .term = 4};
    expect_text(&go,
                "{\"src\":\"0002\",\"dst\":\"0003\",\"leader\":\"0002\",\"type\":\"transfer\",\"MID\":\"a\",\"lc\":1,"
                "\"term\":4}");
    struct message vote = {
        .type = MESSAGE_VOTE_REQ, .src = 3, .dst = 2, .leader = NODE_NONE, .mid = "a", .lc = 1, .term = 5};
    expect_text(&vote,
                "{\"src\":\"0003\",\"dst\":\"0002\",\"leader\":\"FFFF\",\"type\":\"vote_req\",\"MID\":\"a\",\"lc\":1,"
                "\"term\":5,\"lli\":0,\"llt\":0}");
    vote.transfer = true;
    expect_text(&vote,
                "{\"src\":\"0003\",\"dst\":\"0002\",\"leader\":\"FFFF\",\"type\":\"vote_req\",\"MID\":\"a\",\"lc\":1,"
                "\"term\":5,\"lli\":0,\"llt\":0,\"xfer\":true}");
}

static void entries_of_configurations_have_no_key_and_may_have_no_client(void **state)
{
    (void)state;
    struct entry own = {
        .index = 1, .term = 1, .op = ENTRY_CONF, .client = NODE_NONE, .mid = "", .key = "", .value = "0001,0002"};
    struct entry asked = {
        .index = 2, .term = 1, .op = ENTRY_CONF, .client = 0x15, .mid = "M", .key = "", .value = "0001"};
    own.hash = entry_hash(&own);
    asked.hash = entry_hash(&asked);
    const struct entry *const entries[] = {&own, &asked};
    struct message m = {
        .type = MESSAGE_APP_REQ, .src = 2, .dst = 3, .leader = 2, .mid = "a", .n_entries = 2, .entries = entries};
    expect_text(&m,
                "{\"src\":\"0002\",\"dst\":\"0003\",\"leader\":\"0002\",\"type\":\"app_req\",\"MID\":\"a\",\"lc\":0,"
                "\"term\":0,\"pi\":0,\"pt\":0,\"lci\":0,\"round\":0,\"ts\":0,\"ents\":[[1,\"conf\",\"FFFF\",\"\","
                "\"0001,0002\"],"
                "[1,\"conf\",\"0015\",\"M\",\"0001\"]]}");
}

/* ---- an administrator's ---- */

static void changes_of_members_name_the_operation_and_the_node(void **state)
{
    (void)state;
    struct message m = {.type = MESSAGE_CHANGE,
                        .src = 0x15,
                        .dst = 0,
                        .leader = 0,
                        .mid = "M",
                        .change = CHANGE_ADD,
                        .node = 3,
                        .address = "[::1]:70"};
    expect_text(
        &m, "{\"src\":\"0015\",\"dst\":\"0000\",\"leader\":\"0000\",\"type\":\"change\",\"MID\":\"M\",\"op\":\"add\","
            "\"node\":\"0003\",\"address\":\"[::1]:70\"}");
    m.change = CHANGE_REMOVE;
    m.address = NULL;
    expect_text(
        &m,
        "{\"src\":\"0015\",\"dst\":\"0000\",\"leader\":\"0000\",\"type\":\"change\",\"MID\":\"M\",\"op\":\"remove\","
        "\"node\":\"0003\"}");
    m.change = CHANGE_TRANSFER;
    m.node = NODE_NONE;
    expect_text(
        &m,
        "{\"src\":\"0015\",\"dst\":\"0000\",\"leader\":\"0000\",\"type\":\"change\",\"MID\":\"M\",\"op\":\"transfer\","
        "\"node\":\"FFFF\"}");
    struct message f = {.type = MESSAGE_FAIL, .src = 0, .dst = 0x15, .leader = 0, .mid = "M", .why = "busy"};
    expect_text(
        &f, "{\"src\":\"0000\",\"dst\":\"0015\",\"leader\":\"0000\",\"type\":\"fail\",\"MID\":\"M\",\"why\":\"busy\"}");
}

static void a_status_tells_of_the_replica_and_of_each_member(void **state)
{
    (void)state;
    struct message ask = {.type = MESSAGE_STATUS, .src = 0x15, .dst = 0, .leader = NODE_NONE, .mid = "M"};
    expect_text(&ask, "{\"src\":\"0015\",\"dst\":\"0000\",\"leader\":\"FFFF\",\"type\":\"status\",\"MID\":\"M\"}");
    const struct member_status members[] = {
        {.id = 0, .address = "", .state = "self", .match = 9, .next = 10},
        {.id = 1, .address = "h:1", .state = "probe", .match = 7, .next = 8, .silent_ms = 20}};
    const struct status status = {.role = "leader",
                                  .boot = 2,
                                  .commit = 8,
                                  .applied = 7,
                                  .first = 3,
                                  .last = 9,
                                  .keys = 5,
                                  .lease_ms = 1400,
                                  .durable = "disk",
                                  .n_members = 2,
                                  .members = members};
    struct message m = {
        .type = MESSAGE_STATUS_RES, .src = 0, .dst = 0x15, .leader = 0, .mid = "M", .term = 4, .status = &status};
    expect_text(
        &m,
        "{\"src\":\"0000\",\"dst\":\"0015\",\"leader\":\"0000\",\"type\":\"status_res\",\"MID\":\"M\",\"term\":4,"
        "\"role\":\"leader\",\"boot\":2,\"commit\":8,\"applied\":7,\"first\":3,\"last\":9,\"keys\":5,\"lease_ms\":1400,"
        "\"durable\":\"disk\",\"members\":[[\"0000\",\"\",\"self\",9,10,0],[\"0001\",\"h:1\",\"probe\",7,8,20]]}");
}

static void every_type_survives_the_wire_with_hostile_strings_and_extreme_numbers(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 1);
    for (unsigned i = 0; i < 12000; i++) {
        static struct wire_random r;
        struct message back;
        struct wire_refusal refusal;
        wire_random(&r, (enum message_type)(i % MESSAGE_TYPES), &rng);
        size_t n = wire_encode(&r.m, bytes, DATAGRAM_MAX);
        assert_true(n > 0);
        if (!wire_decode(decoder, bytes, n, &back, &refusal) || !wire_equal(&r.m, &back)) {
            print_message("message %u did not survive: %.*s\n", i, (int)n, bytes);
            fail();
        }
    }
}

/* raft.h: the core cuts appends by this bound, so that they fit into a datagram. */
static void no_entry_takes_more_bytes_than_the_core_counts(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 2);
    for (unsigned i = 0; i < 3000; i++) {
        static struct wire_random r;
        wire_random(&r, MESSAGE_APP_REQ, &rng);
        size_t counted = 0, with = wire_encode(&r.m, bytes, DATAGRAM_MAX);
        for (size_t k = 0; k < r.m.n_entries; k++)
            counted += raft_entry_bytes(r.m.entries[k]);
        r.m.n_entries = 0;
        assert_true(with - wire_encode(&r.m, bytes, DATAGRAM_MAX) <= counted);
    }
}

static void the_greatest_append_that_the_core_may_send_fits_into_a_datagram(void **state)
{
    (void)state;
    static char value[RAFT_ENTRY_BYTES_MAX];
    struct message m = {.type = MESSAGE_APP_REQ,
                        .src = 1,
                        .dst = 2,
                        .leader = 1,
                        .lc = WIRE_INT_MAX,
                        .term = WIRE_INT_MAX,
                        .prev_index = WIRE_INT_MAX,
                        .prev_term = WIRE_INT_MAX,
                        .commit = WIRE_INT_MAX,
                        .round = WIRE_INT_MAX,
                        .sent_us = WIRE_INT_MAX};
    memset(m.mid, '\x01', MID_MAX);
    struct entry e = {.op = ENTRY_PUT, .term = WIRE_INT_MAX, .client = 1, .mid = m.mid, .key = "", .value = value};
    for (size_t n = 0; raft_entry_bytes(&e) + 6 <= RAFT_ENTRY_BYTES_MAX; n++)
        value[n] = '\x02';
    const struct entry *const entries[] = {&e};
    m.entries = entries;
    m.n_entries = 1;
    assert_true(wire_encode(&m, bytes, DATAGRAM_MAX) > RAFT_ENTRY_BYTES_MAX - 512);
}

static void what_does_not_fit_is_not_written_beyond_the_room(void **state)
{
    (void)state;
    const struct message m = {
        .type = MESSAGE_PUT, .src = 1, .dst = 2, .leader = 3, .mid = "M", .key = "k", .value = "\n\x01v"};
    size_t whole = wire_encode(&m, bytes, DATAGRAM_MAX);
    for (size_t room = 0; room < whole; room++) {
        bytes[room] = '!';
        assert_int_equal(wire_encode(&m, bytes, room), 0);
        assert_int_equal(bytes[room], '!');
    }
    assert_int_equal(wire_encode(&m, bytes, whole), whole);
}

static void nothing_is_written_beyond_the_greatest_datagram_whatever_the_room(void **state)
{
    (void)state;
    static char value[DATAGRAM_MAX], more[2 * DATAGRAM_MAX];
    memset(value, 'v', sizeof value - 1);
    const struct message m = {
        .type = MESSAGE_PUT, .src = 1, .dst = 2, .leader = 3, .mid = "M", .key = "k", .value = value};
    assert_int_equal(wire_encode(&m, more, sizeof more), 0);
}

static void ids_are_four_upper_case_hex_digits(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "0",    "000",  "00000", "00a1",      "0x1F",
                                      " 001", "001 ", "+001", "00G0",  "00\xc3\xa9"};
    node_id id;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(wire_node_parse(bad[i], &id));
    for (unsigned i = 0; i <= UINT16_MAX; i += 257) {
        char text[NODE_TEXT];
        wire_node_text((node_id)i, text);
        assert_true(wire_node_parse(text, &id));
        assert_int_equal(id, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_has_the_four_common_fields_and_nothing_else),
        cmocka_unit_test(requests_and_answers_have_the_fields_of_the_course),
        cmocka_unit_test(spacing_order_extra_fields_and_a_newline_at_the_end_do_not_matter),
        cmocka_unit_test(an_append_has_its_entries_as_arrays_and_gives_them_index_and_hash),
        cmocka_unit_test(an_append_reply_tells_the_match_when_it_agrees_and_a_hint_when_not),
        cmocka_unit_test(the_messages_of_snapshots_and_of_a_transfer_have_their_fields),
        cmocka_unit_test(entries_of_configurations_have_no_key_and_may_have_no_client),
        cmocka_unit_test(changes_of_members_name_the_operation_and_the_node),
        cmocka_unit_test(a_status_tells_of_the_replica_and_of_each_member),
        cmocka_unit_test(every_type_survives_the_wire_with_hostile_strings_and_extreme_numbers),
        cmocka_unit_test(no_entry_takes_more_bytes_than_the_core_counts),
        cmocka_unit_test(the_greatest_append_that_the_core_may_send_fits_into_a_datagram),
        cmocka_unit_test(what_does_not_fit_is_not_written_beyond_the_room),
        cmocka_unit_test(nothing_is_written_beyond_the_greatest_datagram_whatever_the_room),
        cmocka_unit_test(ids_are_four_upper_case_hex_digits),
    };
    return cmocka_run_group_tests(tests, make_decoder, free_decoder);
}
