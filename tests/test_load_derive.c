/* What the loader derives from records: messages, operations, logs, leaders, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/fixture.h"

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

static void state_of(struct fixture *fx, char role, int64_t term, int64_t ci, int64_t ai, int64_t li)
{
    fx->state.role = role;
    fx->state.term = term;
    fx->state.ci = ci;
    fx->state.ai = ai;
    fx->state.li = li;
}

#define MESSAGE_COLUMNS                                                                                                \
    "SELECT d, copy, mid, src, dst, type, fate, why, t_send, t_in, t_out, t_recv, ambiguous FROM messages ORDER BY "   \
    "d, copy"

/* trace/README.md, matching, case 2: msg.send -> net.in -> net.out -> msg.recv. */
static void a_message_through_the_simulator_becomes_one_row(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "0000", 100, "msg.send", "\"to\":\"0001\",\"ty\":\"app_req\",\"mid\":\"0000-1-1\",\"mterm\":1");
    fixture_rec(
        fx, "sim", 110, "net.in",
        "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"app_req\",\"mid\":\"0000-1-1\",\"sz\":120,\"term\":1");
    fixture_rec(fx, "sim", 120, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":10");
    fixture_rec(fx, "0001", 130, "msg.recv", "\"from\":\"0000\",\"ty\":\"app_req\",\"mid\":\"0000-1-1\",\"mterm\":1");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, MESSAGE_COLUMNS, "1|1|0000-1-1|0000|0001|app_req|delivered|-|100|110|120|130|0");
    assert_rows(fx, "SELECT term, size, latency FROM messages", "1|120|30");
    assert_rows(
        fx,
        "SELECT s.ev, i.ev, o.ev, r.ev, m.drop_rec FROM messages m JOIN records s ON s.id = send_rec JOIN records i"
        " ON i.id = in_rec JOIN records o ON o.id = out_rec JOIN records r ON r.id = recv_rec",
        "msg.send|net.in|net.out|msg.recv|-");
}

/* Virtual time: all records of one instant, and the simulator's Lamport clock is far behind: the merged order is
 * net.in, net.out, then msg.recv before or after msg.send. */
static void parts_of_one_instant_match_in_any_order(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    for (int i = 0; i < 5; i++)
        fixture_rec(fx, "0000", 50, "note", "\"text\":\"clock\"");
    fixture_rec(fx, "sim", 100, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"x\",\"mid\":\"m1\",\"sz\":1");
    fixture_rec(fx, "sim", 100, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":0");
    fixture_rec(fx, "0001", 100, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"m1\"");
    fixture_rec(fx, "0000", 100, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"m1\"");
    /* and a receipt that comes before its net.out */
    fixture_rec(fx, "0001", 200, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"m2\"");
    for (int i = 0; i < 5; i++)
        fixture_rec(fx, "sim", 150, "note", "\"text\":\"clock\"");
    fixture_rec(fx, "0000", 150, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"m2\"");
    fixture_rec(fx, "sim", 200, "net.in",
                "\"d\":2,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"x\",\"mid\":\"m2\",\"sz\":1");
    fixture_rec(fx, "sim", 200, "net.out", "\"d\":2,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":0");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, MESSAGE_COLUMNS,
                "1|1|m1|0000|0001|x|delivered|-|100|100|100|100|0\n2|1|m2|0000|0001|x|delivered|-|150|200|200|200|0");
}

/* trace/README.md, matching: duplicates are separate rows; net.drop names the fault. */
static void each_copy_of_a_datagram_is_a_row_with_its_own_fate(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "0001", 1, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"warm\"");
    fixture_rec(fx, "sim", 0, "fault.begin", "\"f\":7,\"kind\":\"partition\",\"groups\":[[\"0000\"],[\"0001\"]]");
    fixture_rec(fx, "0000", 10, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_rec(fx, "sim", 11, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"x\",\"mid\":\"a\",\"sz\":5");
    fixture_rec(fx, "sim", 12, "net.dup", "\"d\":1,\"cp\":2");
    fixture_rec(fx, "sim", 12, "net.dup", "\"d\":1,\"cp\":3");
    fixture_rec(fx, "sim", 13, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1");
    fixture_rec(fx, "sim", 14, "net.drop",
                "\"d\":1,\"cp\":2,\"src\":\"0000\",\"dst\":\"0001\",\"why\":\"partition\",\"f\":7");
    fixture_rec(fx, "0001", 15, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_rec(fx, "sim", 16, "net.out", "\"d\":1,\"cp\":3,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1");
    fixture_rec(fx, "0001", 17, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT copy, fate, why, t_send, t_out, t_recv, fault_id FROM messages WHERE d = 1 ORDER BY copy",
                "1|delivered|-|10|13|15|-\n2|dropped|partition|10|-|-|1\n3|delivered|-|10|16|17|-");
    assert_rows(fx, "SELECT fault_id, f, kind, node, target, t_begin, t_end FROM faults",
                "1|7|partition|-|{\"groups\":[[\"0000\"],[\"0001\"]]}|0|-");
}

static void what_arrives_damaged_is_lost_as_a_message(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "0001", 1, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"warm\"");
    fixture_rec(fx, "sim", 0, "fault.begin", "\"f\":7,\"kind\":\"corrupt\",\"p\":100");
    fixture_rec(fx, "0000", 10, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_rec(fx, "sim", 11, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"x\",\"mid\":\"a\",\"sz\":5");
    fixture_rec(fx, "sim", 12, "net.out",
                "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1,\"why\":\"corrupt\",\"sz\":5,\"f\":7");
    fixture_rec(fx, "0001", 13, "msg.bad", "\"why\":\"not_json\",\"sz\":5");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT copy, fate, why, t_send, t_out, t_recv, fault_id FROM messages WHERE d = 1",
                "1|dropped|corrupt|10|12|-|1");
}

static void what_is_under_way_at_the_end_is_in_flight(void **state)
{
    struct fixture *fx = *state;
    fixture_rec(fx, "sim", 11, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"x\",\"mid\":\"a\",\"sz\":5");
    fixture_rec(fx, "sim", 12, "net.in",
                "\"d\":2,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"x\",\"mid\":\"b\",\"sz\":5");
    fixture_rec(fx, "sim", 13, "net.dup", "\"d\":2,\"cp\":2");
    fixture_rec(fx, "sim", 14, "net.out", "\"d\":2,\"cp\":2,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT d, copy, fate FROM messages ORDER BY d, copy",
                "1|1|in_flight\n2|1|in_flight\n2|2|delivered");
}

/* trace/README.md, matching, case 4: replicas that talk directly. */
static void without_a_simulator_sends_match_receipts(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "0000", 10, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"a\",\"mterm\":3");
    fixture_rec(fx, "0001", 15, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"a\",\"mterm\":3");
    fixture_rec(fx, "0000", 20, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"b\",\"mterm\":3");
    /* clocks of two hosts: the receipt seems to come first */
    fixture_rec(fx, "0001", 30, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"c\",\"mterm\":3");
    fixture_rec(fx, "0000", 31, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"c\",\"mterm\":3");
    /* from a client that keeps no trace: nothing is missing */
    fixture_rec(fx, "0001", 40, "msg.recv", "\"from\":\"0010\",\"ty\":\"get\",\"mid\":\"d\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT mid, d, fate, t_send, t_recv, term FROM messages ORDER BY mid",
                "a|-|delivered|10|15|3\nb|-|unseen|20|-|3\nc|-|delivered|31|30|3\nd|-|delivered|-|40|-");
    assert_rows(fx, "SELECT count(*) FROM load_stats WHERE name = 'orphan_recv'", "0");
    assert_rows(fx, "SELECT count(*) FROM edges WHERE kind = 'wire'", "2");
}

/* trace/README.md, matching, case 5: only the simulator's file. */
static void a_simulator_file_alone_gives_messages_and_leaders(void **state)
{
    struct fixture *fx = *state;
    fixture_rec(fx, "sim", 1, "trace.open",
                "\"schema\":\"faultline\",\"v\":1,\"run\":\"bb\",\"wall_us\":5000000,\"epoch_ns\":0,\"clk\":"
                "\"virtual\",\"pid\":1,"
                "\"impl\":\"sim\",\"peers\":[\"0000\",\"0001\",\"0002\"],\"seed\":7");
    fixture_rec(
        fx, "sim", 10, "net.in",
        "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"app\",\"mid\":\"a\",\"sz\":5,\"term\":1,\"ld\":\"0000\"");
    fixture_rec(fx, "sim", 11, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1");
    fixture_rec(
        fx, "sim", 12, "net.in",
        "\"d\":2,\"src\":\"0001\",\"dst\":\"0000\",\"ty\":\"res\",\"mid\":\"b\",\"sz\":5,\"term\":1,\"ld\":\"0000\"");
    fixture_rec(fx, "sim", 13, "net.drop", "\"d\":2,\"cp\":1,\"src\":\"0001\",\"dst\":\"0000\",\"why\":\"loss\"");
    fixture_rec(
        fx, "sim", 14, "net.in",
        "\"d\":3,\"src\":\"0001\",\"dst\":\"0002\",\"ty\":\"vote\",\"mid\":\"c\",\"sz\":5,\"term\":2,\"ld\":\"FFFF\"");
    fixture_rec(
        fx, "sim", 16, "net.in",
        "\"d\":4,\"src\":\"0001\",\"dst\":\"0002\",\"ty\":\"app\",\"mid\":\"d\",\"sz\":5,\"term\":2,\"ld\":\"0001\"");
    fixture_rec(
        fx, "sim", 17, "net.in",
        "\"d\":7,\"src\":\"0001\",\"dst\":\"0002\",\"ty\":\"app\",\"mid\":\"g\",\"sz\":5,\"term\":2,\"ld\":\"0001\"");
    fixture_rec(fx, "sim", 18, "net.in",
                "\"d\":5,\"src\":\"0000\",\"dst\":\"0010\",\"ty\":\"ok\",\"mid\":\"e\",\"sz\":5,\"ld\":\"0000\"");
    fixture_rec(
        fx, "sim", 20, "net.in",
        "\"d\":6,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"res\",\"mid\":\"f\",\"sz\":5,\"term\":2,\"ld\":\"0001\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT d, fate, why, send_rec, recv_rec FROM messages ORDER BY d LIMIT 2",
                "1|delivered|-|-|-\n2|dropped|loss|-|-");
    assert_rows(fx, "SELECT node, term, t_start, t_end, end_why, origin, boot FROM leader_terms ORDER BY t_start",
                "0000|1|10|18|last_claim|wire|-\n0001|2|16|17|last_claim|wire|-");
    assert_rows(fx, "SELECT node, kind, instrumented FROM nodes ORDER BY node",
                "0000|replica|0\n0001|replica|0\n0002|replica|0\nsim|sim|1");
    assert_rows(fx, "SELECT name, seed, started_us, t_end, schema_v, loss_free FROM runs", "bb|7|5000000|20|1|1");
    assert_rows(fx, "SELECT node, severity FROM load_stats WHERE name = 'black_box' ORDER BY node",
                "0000|info\n0001|info\n0002|info");
    assert_rows(fx, "SELECT old_leader, new_leader FROM split_brain", "0000|0001");
}

/* A vote is one of a voter, however often it is said; what is granted before the candidacy is none. */
static void votes_of_an_election_are_counted_once_a_voter_and_pre_votes_are_none(void **state)
{
    struct fixture *fx = *state;
    const char *const vote = "\"cand\":\"0000\",\"cterm\":1,\"lli\":0,\"llt\":0";
    fx->state.role = 'F';
    fx->state.term = 1;
    fixture_recf(fx, "0002", 1, "vote.grant", "%s,\"pre\":true", vote);
    fixture_recf(fx, "0001", 2, "vote.deny", "%s,\"pre\":true,\"why\":\"sticky\"", vote);
    fx->state.role = 'C';
    fixture_rec(fx, "0000", 3, "role.change", "\"old\":\"P\",\"new\":\"C\",\"why\":\"quorum_prevotes\"");
    fixture_rec(fx, "0000", 4, "vote.grant", vote);
    fx->state.role = 'F';
    fixture_rec(fx, "0001", 5, "vote.grant", vote);
    fixture_rec(fx, "0001", 6, "vote.grant", vote);
    fixture_recf(fx, "0002", 7, "vote.deny", "%s,\"why\":\"voted\"", vote);
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT node, term, votes, denials, won FROM elections", "0000|1|2|1|0");
}

static void a_message_without_effect_is_ignored_and_says_why(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 2, 0, 0, 0);
    fixture_rec(fx, "0000", 10, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"a\"");
    fx->cause = fixture_rec(fx, "0001", 15, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_rec(fx, "0001", 15, "msg.ignore", "\"mid\":\"a\",\"from\":\"0000\",\"why\":\"stale_term\"");
    fx->cause = 0;
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT fate, why, t_recv FROM messages", "ignored|stale_term|15");
}

/* trace/README.md, matching, case 3: no ids: the bytes' hash, in order; where several fit, flagged and not guessed. */
static void messages_without_ids_match_by_their_bytes_or_are_flagged(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "0000", 10, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"\",\"h\":\"aa\"");
    fixture_rec(fx, "sim", 11, "net.in", "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"sz\":5,\"h\":\"aa\"");
    fixture_rec(fx, "sim", 12, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1");
    fixture_rec(fx, "0001", 13, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"\",\"h\":\"aa\"");
    fixture_rec(fx, "0000", 20, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"\",\"h\":\"bb\"");
    fixture_rec(fx, "0000", 21, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"\",\"h\":\"bb\"");
    fixture_rec(fx, "sim", 22, "net.in", "\"d\":2,\"src\":\"0000\",\"dst\":\"0001\",\"sz\":5,\"h\":\"bb\"");
    fixture_rec(fx, "sim", 23, "net.drop", "\"d\":2,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"why\":\"loss\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT d, fate, t_send, t_recv, ambiguous FROM messages ORDER BY coalesce(d, 9)",
                "1|delivered|10|13|0\n2|dropped|-|-|1\n-|unseen|21|-|0");
    assert_rows(fx, "SELECT severity, value FROM load_stats WHERE name = 'ambiguous'", "info|1");
}

static void one_send_to_everybody_is_the_send_of_each_datagram(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "0000", 10, "msg.send", "\"to\":\"FFFF\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_rec(fx, "sim", 11, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"x\",\"mid\":\"a\",\"sz\":5");
    fixture_rec(fx, "sim", 11, "net.in",
                "\"d\":2,\"src\":\"0000\",\"dst\":\"0002\",\"ty\":\"x\",\"mid\":\"a\",\"sz\":5");
    fixture_rec(fx, "sim", 12, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1");
    fixture_rec(fx, "sim", 12, "net.out", "\"d\":2,\"cp\":1,\"src\":\"0000\",\"dst\":\"0002\",\"dly\":1");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT d, dst, fate, t_send FROM messages ORDER BY d", "1|0001|delivered|10\n2|0002|delivered|10");
}

static void a_datagram_to_everybody_has_one_copy_for_each_receiver(void **state)
{
    struct fixture *fx = *state;
    fixture_rec(fx, "sim", 11, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"FFFF\",\"ty\":\"x\",\"mid\":\"a\",\"sz\":5");
    fixture_rec(fx, "sim", 12, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0001\",\"dly\":1");
    fixture_rec(fx, "sim", 13, "net.drop", "\"d\":1,\"cp\":2,\"src\":\"0000\",\"dst\":\"0002\",\"why\":\"loss\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT copy, dst, fate FROM messages ORDER BY copy", "1|0001|delivered\n2|0002|dropped");
    assert_rows(fx, "SELECT count(*) FROM load_stats WHERE severity <> 'info'", "0");
}

/* The course's protocol: the first message, to everybody, has no id on the wire and ends in the simulator. */
static void a_hello_without_an_id_is_the_one_that_was_sent(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "0000", 10, "msg.send", "\"to\":\"FFFF\",\"ty\":\"hello\",\"mid\":\"0000-1-1\"");
    fixture_rec(fx, "sim", 11, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"FFFF\",\"ty\":\"hello\",\"sz\":5,\"h\":\"aa\"");
    fixture_rec(fx, "sim", 11, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"sim\",\"dly\":0");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT d, src, dst, fate, t_send FROM messages", "1|0000|sim|delivered|10");
}

static void a_malformed_datagram_is_a_dropped_message(void **state)
{
    struct fixture *fx = *state;
    fixture_rec(fx, "sim", 11, "net.bad", "\"d\":1,\"src\":\"0000\",\"why\":\"not_json\",\"sz\":5,\"raw\":\"hello\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT d, src, fate, why, size FROM messages", "1|0000|dropped|not_json|5");
}

/* trace/README.md, lost records: a copy with two ends, and a receipt of what nobody delivered, are a tracer's errors.
 */
static void broken_conservation_of_datagrams_is_an_error(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "sim", 11, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"x\",\"mid\":\"a\",\"sz\":5");
    fixture_rec(fx, "sim", 12, "net.out", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0009\",\"dly\":1");
    fixture_rec(fx, "sim", 13, "net.drop", "\"d\":1,\"cp\":1,\"src\":\"0000\",\"dst\":\"0009\",\"why\":\"loss\"");
    fixture_rec(fx, "sim", 14, "net.out", "\"d\":8,\"cp\":1,\"src\":\"0000\",\"dst\":\"0009\",\"dly\":1");
    fixture_rec(fx, "0001", 15, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"zz\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT name, severity, line, note FROM load_stats WHERE severity = 'error' ORDER BY name, line",
                "conservation|error|4|copy d:1.1 has two ends\n"
                "conservation|error|5|net.out of d:8, which never entered\n"
                "orphan_recv|error|2|received from 0000, but nobody recorded that it was delivered");
    assert_rows(fx, "SELECT fate, mid FROM messages WHERE d IS NULL", "delivered|zz");
}

static void a_receipt_whose_delivery_was_not_recorded_is_found_again(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    fixture_rec(fx, "sim", 11, "net.in",
                "\"d\":1,\"src\":\"0000\",\"dst\":\"0001\",\"ty\":\"x\",\"mid\":\"a\",\"sz\":5");
    fixture_rec(fx, "0001", 15, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT d, fate, t_in, t_out, t_recv FROM messages", "1|delivered|11|-|15");
}

/* Lamport 1978: the clock condition. */
static void a_receipt_with_a_smaller_clock_than_its_send_is_an_error(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    for (int i = 0; i < 9; i++)
        fixture_rec(fx, "0000", 5, "note", "\"text\":\"\"");
    fixture_rec(fx, "0000", 10, "msg.send", "\"to\":\"0001\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_rec(fx, "0001", 15, "msg.recv", "\"from\":\"0000\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT node, severity, line, note FROM load_stats WHERE name = 'clock'",
                "0001|error|2|received at lc 2 what 0000 sent at lc 11");
}

/* ---- logs ---- */

static void append(struct fixture *fx, const char *node, int64_t t, int idx, int term, const char *val)
{
    fx->state.li = idx;
    fixture_recf(fx, node, t, "log.append",
                 "\"idx\":%d,\"eterm\":%d,\"op\":\"put\",\"h\":\"%d%s\",\"key\":\"k\",\"val\":\"%s\",\"req\":\"r%d\"",
                 idx, term, term, val, val, idx);
}

static void apply(struct fixture *fx, const char *node, int64_t t, int idx, int term, const char *val)
{
    fixture_recf(fx, node, t, "apply",
                 "\"idx\":%d,\"eterm\":%d,\"op\":\"put\",\"h\":\"%d%s\",\"key\":\"k\",\"val\":\"%s\"", idx, term, term,
                 val, val);
}

#define LOG_COLUMNS                                                                                                    \
    "SELECT node, idx, eterm, val, t_append, t_sync, t_commit, t_apply, t_gone, gone_why FROM log_entries ORDER BY "   \
    "entry_id"

static void an_entry_has_the_times_of_its_life(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    append(fx, "0000", 10, 1, 1, "a");
    append(fx, "0000", 11, 2, 1, "b");
    fixture_rec(fx, "0000", 12, "disk.sync", "\"what\":\"log\",\"upto\":1,\"us\":1");
    fixture_rec(fx, "0000", 13, "disk.sync", "\"what\":\"vote\",\"us\":1");
    fixture_rec(fx, "0000", 14, "commit.advance", "\"old\":0,\"new\":2,\"why\":\"quorum\"");
    apply(fx, "0000", 15, 1, 1, "a");
    apply(fx, "0000", 16, 2, 1, "b");
    fixture_rec(fx, "0000", 17, "disk.sync", "\"what\":\"log\",\"upto\":2,\"us\":1");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, LOG_COLUMNS, "0000|1|1|a|10|12|14|15|-|-\n0000|2|1|b|11|17|14|16|-|-");
    assert_rows(fx,
                "SELECT a.ev, p.ev, e.req, e.h FROM log_entries e JOIN records a ON a.id = append_rec JOIN records p "
                "ON p.id = apply_rec",
                "log.append|apply|r1|1a\nlog.append|apply|r2|1b");
}

/* Raft paper §5.3: a conflicting entry and all that follow it go. */
static void a_truncated_entry_is_gone_and_its_index_starts_anew(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    append(fx, "0000", 10, 1, 1, "a");
    append(fx, "0000", 11, 2, 1, "b");
    append(fx, "0000", 12, 3, 1, "c");
    fixture_rec(fx, "0000", 20, "log.truncate", "\"from\":2,\"old_last\":3,\"why\":\"conflict\"");
    append(fx, "0000", 21, 2, 2, "d");
    fixture_rec(fx, "0000", 22, "commit.advance", "\"old\":0,\"new\":2,\"why\":\"leader_commit\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, LOG_COLUMNS,
                "0000|1|1|a|10|-|22|-|-|-\n0000|2|1|b|11|-|-|-|20|conflict\n0000|3|1|c|12|-|-|-|20|conflict\n0000|2|2|"
                "d|21|-|22|-|-|-");
}

static void an_applied_entry_that_is_cut_off_after_all_is_marked(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    append(fx, "0000", 10, 1, 1, "a");
    fixture_rec(fx, "0000", 11, "disk.sync", "\"what\":\"log\",\"upto\":1,\"us\":1");
    fixture_rec(fx, "0000", 12, "commit.advance", "\"old\":0,\"new\":1,\"why\":\"quorum\"");
    apply(fx, "0000", 13, 1, 1, "a");
    append(fx, "0000", 20, 1, 2, "z"); /* overwritten without a log.truncate */
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, LOG_COLUMNS, "0000|1|1|a|10|11|12|13|20|conflict\n0000|1|2|z|20|-|-|-|-|-");
}

static void a_restart_takes_what_was_not_recovered(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    append(fx, "0000", 10, 1, 1, "a");
    append(fx, "0000", 11, 2, 1, "b");
    fixture_rec(fx, "sim", 15, "fault.begin", "\"f\":1,\"kind\":\"kill\",\"node\":\"0000\"");
    fixture_rec(fx, "sim", 16, "fault.end", "\"f\":1,\"kind\":\"kill\",\"node\":\"0000\"");
    fixture_reboot(fx, "0000");
    fixture_rec(fx, "0000", 20, "node.start", "\"rterm\":1,\"rlast\":1");
    fixture_rec(fx, "0000", 21, "commit.advance", "\"old\":0,\"new\":1,\"why\":\"leader_commit\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT idx, t_commit, t_gone, gone_why FROM log_entries ORDER BY idx", "1|21|-|-\n2|-|20|crash");
    assert_rows(fx, "SELECT node, boot, end_kind FROM boots ORDER BY node, boot",
                "0000|1|killed\n0000|2|close\nsim|1|close");
    assert_rows(fx, "SELECT name, severity, node FROM load_stats", "no_close|info|0000");
    assert_rows(fx, "SELECT loss_free FROM runs", "1");
    assert_rows(fx, "SELECT t_begin, t_end, node FROM faults", "15|16|0000");
}

static void a_snapshot_replaces_what_was_not_applied(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    append(fx, "0000", 10, 1, 1, "a");
    append(fx, "0000", 11, 2, 1, "b");
    append(fx, "0000", 12, 9, 1, "c");
    fixture_rec(fx, "0000", 13, "commit.advance", "\"old\":0,\"new\":1,\"why\":\"leader_commit\"");
    apply(fx, "0000", 14, 1, 1, "a");
    fx->state.li = 5; /* the log ends with the snapshot */
    fixture_rec(fx, "0000", 20, "snap.install", "\"idx\":5,\"eterm\":2,\"size\":10");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT idx, t_gone, gone_why FROM log_entries ORDER BY idx",
                "1|-|-\n2|20|snapshot\n9|20|snapshot");
}

/* Raft paper, Figure 13, step 6; and §7: what a node gives up for its own snapshot is not lost. */
static void what_follows_a_snapshot_that_the_log_agrees_with_stays(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    append(fx, "0000", 10, 1, 1, "a");
    append(fx, "0000", 11, 2, 1, "b");
    append(fx, "0000", 12, 3, 1, "c");
    fixture_rec(fx, "0000", 13, "commit.advance", "\"old\":0,\"new\":1,\"why\":\"leader_commit\"");
    apply(fx, "0000", 14, 1, 1, "a");
    fx->state.li = 3;
    fixture_rec(fx, "0000", 15, "snap.save", "\"idx\":1,\"eterm\":1,\"size\":10");
    fixture_rec(fx, "0000", 20, "snap.install", "\"idx\":2,\"eterm\":1,\"size\":10,\"kept\":1");
    fixture_rec(fx, "0000", 21, "disk.sync", "\"what\":\"snap\",\"upto\":3,\"us\":1");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT idx, t_sync, t_gone, gone_why FROM log_entries ORDER BY idx",
                "1|21|-|-\n2|-|20|snapshot\n3|21|-|-");
}

static void replicas_that_only_tell_what_they_apply_have_a_log_too(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 1, 0, 0, 0);
    apply(fx, "0000", 13, 1, 1, "a");
    apply(fx, "0001", 14, 1, 2, "b");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT idx, node_a, val_a, node_b, val_b, both_applied FROM divergence", "1|0000|a|0001|b|1");
}

static void long_values_are_known_by_hash_and_length(void **state)
{
    struct fixture *fx = *state;
    fixture_rec(fx, "sim", 1, "op.invoke",
                "\"op\":\"c:1\",\"cli\":\"c\",\"f\":\"put\",\"key\":\"k\",\"vh\":\"00ff\",\"vl\":1000");
    fixture_rec(fx, "sim", 2, "op.return", "\"op\":\"c:1\",\"res\":\"ok\"");
    fixture_rec(fx, "sim", 3, "op.invoke", "\"op\":\"c:2\",\"cli\":\"c\",\"f\":\"get\",\"key\":\"k\"");
    fixture_rec(fx, "sim", 4, "op.return", "\"op\":\"c:2\",\"res\":\"ok\",\"vh\":\"00ff\",\"vl\":1000");
    fixture_rec(fx, "sim", 5, "op.invoke", "\"op\":\"c:3\",\"cli\":\"c\",\"f\":\"get\",\"key\":\"never\"");
    fixture_rec(fx, "sim", 6, "op.return", "\"op\":\"c:3\",\"res\":\"ok\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT val FROM ops ORDER BY op_id", "#00ff:1000\n#00ff:1000\n");
}

/* ---- leaders ---- */

static void role_changes_make_leader_terms(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'L', 3, 0, 0, 0);
    fixture_rec(fx, "0000", 10, "role.change", "\"old\":\"C\",\"new\":\"L\",\"why\":\"quorum_votes\"");
    state_of(fx, 'F', 4, 0, 0, 0);
    fixture_rec(fx, "0000", 20, "role.change", "\"old\":\"L\",\"new\":\"F\",\"why\":\"higher_term\"");
    state_of(fx, 'L', 4, 0, 0, 0);
    fixture_rec(fx, "0001", 25, "role.change", "\"old\":\"C\",\"new\":\"L\",\"why\":\"quorum_votes\"");
    fixture_rec(fx, "sim", 30, "node.exit", "\"of\":\"0001\",\"sig\":11,\"why\":\"died\"");
    state_of(fx, 'L', 5, 0, 0, 0);
    fixture_rec(fx, "0002", 40, "role.change", "\"old\":\"C\",\"new\":\"L\",\"why\":\"quorum_votes\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT node, term, boot, t_start, t_end, end_why, origin FROM leader_terms ORDER BY t_start",
                "0000|3|1|10|20|higher_term|trace\n0001|4|1|25|30|crashed|trace\n0002|5|1|40|-|-|trace");
}

/* Between term.change and role.change a trace shows the old role with the new term: no second leader. */
static void a_passing_state_is_no_leader(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'L', 3, 0, 0, 0);
    fixture_rec(fx, "0000", 10, "role.change", "\"old\":\"C\",\"new\":\"L\",\"why\":\"quorum_votes\"");
    fx->cause = fixture_rec(fx, "0000", 19, "msg.recv", "\"from\":\"0001\",\"ty\":\"x\",\"mid\":\"a\"");
    state_of(fx, 'L', 4, 0, 0, 0);
    fixture_rec(fx, "0000", 20, "term.change", "\"old\":3,\"why\":\"higher_term_msg\"");
    state_of(fx, 'F', 4, 0, 0, 0);
    fixture_rec(fx, "0000", 20, "role.change", "\"old\":\"L\",\"new\":\"F\",\"why\":\"higher_term\"");
    fx->cause = 0;
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT node, term, t_start, t_end FROM leader_terms", "0000|3|10|20");
}

static void a_leader_whose_role_change_is_missing_is_seen_by_its_state(void **state)
{
    struct fixture *fx = *state;
    state_of(fx, 'F', 3, 0, 0, 0);
    fixture_rec(fx, "0000", 10, "timer.fire", "\"tm\":\"election\",\"late\":0");
    state_of(fx, 'L', 4, 0, 0, 0);
    fixture_rec(fx, "0000", 20, "timer.fire", "\"tm\":\"heartbeat\",\"late\":0");
    state_of(fx, 'F', 5, 0, 0, 0);
    fixture_rec(fx, "0000", 30, "msg.recv", "\"from\":\"0001\",\"ty\":\"x\",\"mid\":\"a\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx, "SELECT node, term, t_start, t_end, end_why FROM leader_terms", "0000|4|20|30|unrecorded");
}

static void operations_carry_their_tries_and_result(void **state)
{
    struct fixture *fx = *state;
    fixture_rec(fx, "sim", 100, "op.invoke",
                "\"op\":\"0010:1\",\"cli\":\"0010\",\"f\":\"put\",\"key\":\"k\",\"val\":\"v\"");
    fixture_rec(fx, "sim", 101, "op.try", "\"op\":\"0010:1\",\"att\":1,\"mid\":\"0010:1#1\",\"to\":\"0000\"");
    fixture_rec(fx, "sim", 105, "op.try", "\"op\":\"0010:1\",\"att\":2,\"mid\":\"0010:1#2\",\"to\":\"0001\"");
    fixture_rec(fx, "sim", 110, "op.invoke", "\"op\":\"0011:1\",\"cli\":\"0011\",\"f\":\"get\",\"key\":\"k\"");
    fixture_rec(fx, "sim", 120, "op.return", "\"op\":\"0010:1\",\"res\":\"ok\",\"by\":\"0001\"");
    fixture_rec(fx, "sim", 130, "op.return", "\"op\":\"0011:1\",\"res\":\"ok\",\"val\":\"v\",\"by\":\"0001\"");
    fixture_rec(fx, "sim", 140, "op.invoke", "\"op\":\"0011:2\",\"cli\":\"0011\",\"f\":\"get\",\"key\":\"k\"");
    fixture_finish(fx);
    fixture_load(fx);
    assert_rows(fx,
                "SELECT op, client, f, key, val, t_invoke, t_return, result, served_by, tries FROM ops ORDER BY op_id",
                "0010:1|0010|put|k|v|100|120|ok|0001|2\n0011:1|0011|get|k|v|110|130|ok|0001|0\n0011:2|0011|get|k|-|140|"
                "-|info|-|0");
    assert_rows(fx, "SELECT op_id, try, mid, node, t FROM op_tries", "1|1|0010:1#1|0000|101\n1|2|0010:1#2|0001|105");
    assert_rows(fx, "SELECT node, kind FROM nodes ORDER BY node",
                "0000|replica\n0001|replica\n0010|client\n0011|client\nsim|sim");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_through_the_simulator_becomes_one_row, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(parts_of_one_instant_match_in_any_order, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(each_copy_of_a_datagram_is_a_row_with_its_own_fate, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(what_arrives_damaged_is_lost_as_a_message, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_is_under_way_at_the_end_is_in_flight, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(without_a_simulator_sends_match_receipts, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_simulator_file_alone_gives_messages_and_leaders, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(votes_of_an_election_are_counted_once_a_voter_and_pre_votes_are_none,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_message_without_effect_is_ignored_and_says_why, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(messages_without_ids_match_by_their_bytes_or_are_flagged, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(one_send_to_everybody_is_the_send_of_each_datagram, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_datagram_to_everybody_has_one_copy_for_each_receiver, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_hello_without_an_id_is_the_one_that_was_sent, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_malformed_datagram_is_a_dropped_message, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(broken_conservation_of_datagrams_is_an_error, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_receipt_whose_delivery_was_not_recorded_is_found_again, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_receipt_with_a_smaller_clock_than_its_send_is_an_error, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(an_entry_has_the_times_of_its_life, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_truncated_entry_is_gone_and_its_index_starts_anew, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(an_applied_entry_that_is_cut_off_after_all_is_marked, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(a_restart_takes_what_was_not_recovered, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_snapshot_replaces_what_was_not_applied, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(what_follows_a_snapshot_that_the_log_agrees_with_stays, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(replicas_that_only_tell_what_they_apply_have_a_log_too, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(long_values_are_known_by_hash_and_length, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(role_changes_make_leader_terms, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_passing_state_is_no_leader, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(a_leader_whose_role_change_is_missing_is_seen_by_its_state, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(operations_carry_their_tries_and_result, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
