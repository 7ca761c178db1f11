/* Requests of clients: who answers, when, and never twice. Raft paper §5.3 and §8. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/raft_one.h"

/* Zoo: reply-before-commit. */
static void a_put_is_answered_when_it_is_applied_not_when_it_is_appended_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    one_put(&o, CLIENT, "A", "k", "v");
    assert_int_equal(one_count(&o, RAFT_NOTE_APPEND), 1);
    assert_int_equal(one_count(&o, RAFT_DO_APPLY), 0);
    one_ack(&o, 1, 1, 2, 0);
    const struct raft_effect *e = NULL;
    for (size_t i = 0; i < o.fx.n; i++)
        if (o.fx.v[i].type == RAFT_DO_APPLY && o.fx.v[i].entry->op == ENTRY_PUT)
            e = &o.fx.v[i];
        else
            assert_false(o.fx.v[i].answer);
    assert_non_null(e);
    assert_true(e->answer);
    assert_int_equal(e->request.client, CLIENT);
    assert_string_equal(e->request.mid, "A");
    assert_string_equal(e->request.key, "k");
    assert_int_equal(e->request.tag, 1000 + 'A');
    one_free(&o);
}

static void answers_come_before_traffic_to_peers_in_a_step(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    one_get(&o, CLIENT, "B", "k");
    one_ack(&o, 1, 1, 1, 0); /* commits the no-op; the put goes out, and the read's round */
    assert_true(one_place(&o, RAFT_DO_APPLY) < one_place(&o, RAFT_DO_SEND));
    one_free(&o);
    o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 1, "11");
    assert_true(one_place(&o, RAFT_DO_APPLY) < one_place(&o, RAFT_DO_SEND));
    one_free(&o);
}

static void a_follower_redirects_to_the_leader_it_knows_8(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 2, 1, 0, 0, 0, "");
    one_get(&o, CLIENT, "A", "k");
    const struct raft_effect *e = one_effect(&o, RAFT_DO_REDIRECT);
    assert_int_equal(e->node, 2);
    assert_int_equal(e->why, WHY_NOT_LEADER);
    assert_string_equal(e->request.mid, "A");
    assert_int_equal(e->request.tag, 1000 + 'A');
    assert_int_equal(e->after.leader, 2);
    one_put(&o, CLIENT + 1, "B", "k", "v");
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 2);
    assert_string_equal(one_log(&o), "");
    one_free(&o);
}

/* A leader that was killed is the known leader until its followers time out: clients must not be sent to it in circles. */
static void a_client_that_comes_back_from_the_leader_waits_until_the_leader_is_heard_of_again(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 2, 1, 0, 0, 0, "");
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    one_get(&o, CLIENT, "B", "k");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_HOLD)->why, WHY_LEADER_SILENT);
    one_get(&o, CLIENT + 1, "C", "k"); /* another client may not have asked there yet */
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    one_append(&o, 2, 1, 0, 0, 0, "");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    assert_string_equal(one_effect(&o, RAFT_DO_REDIRECT)->request.mid, "B");
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 2);
    one_free(&o);
}

static void a_client_that_waits_for_a_silent_leader_is_sent_to_the_next_one(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 2, 1, 0, 0, 0, "");
    one_get(&o, CLIENT, "A", "k");
    one_get(&o, CLIENT, "B", "k");
    assert_int_equal(one_count(&o, RAFT_NOTE_HOLD), 1);
    one_append(&o, 1, 2, 0, 0, 0, "");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 1);
    one_free(&o);
}

static void without_a_leader_requests_wait_and_go_to_it_once_it_is_known(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_get(&o, CLIENT, "A", "k");
    assert_int_equal(one_effect(&o, RAFT_NOTE_HOLD)->why, WHY_NO_LEADER);
    assert_string_equal(one_effect(&o, RAFT_NOTE_HOLD)->request.mid, "A");
    one_put(&o, CLIENT, "B", "k", "v");
    assert_int_equal(one_count(&o, RAFT_NOTE_HOLD), 1);
    one_append(&o, 2, 1, 0, 0, 0, "");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 2);
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 2);
    assert_string_equal(one_effect(&o, RAFT_DO_REDIRECT)->request.mid, "A");
    assert_true(one_place(&o, RAFT_DO_REDIRECT) < one_place(&o, RAFT_DO_SEND));
    one_free(&o);
}

static void who_becomes_leader_handles_the_requests_that_waited_with_it(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_put(&o, CLIENT, "A", "k", "v");
    one_tick(&o);
    assert_int_equal(one_role(&o), RAFT_PRECANDIDATE);
    one_get(&o, CLIENT, "B", "k"); /* a pre-candidate and a candidate hold too */
    assert_int_equal(one_count(&o, RAFT_NOTE_HOLD), 1);
    one_stand(&o);
    one_get(&o, CLIENT, "C", "k");
    assert_int_equal(one_count(&o, RAFT_NOTE_HOLD), 1);
    one_lead(&o);
    assert_string_equal(one_log(&o), "11");
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->n_entries, 2);
    one_ack(&o, 1, 1, 2, 0);
    assert_int_equal(one_count(&o, RAFT_NOTE_READ_INDEX), 2);
    assert_int_equal(one_effect(&o, RAFT_NOTE_READ_INDEX)->index, 2);
    one_free(&o);
}

static void at_its_deadline_a_waiting_request_is_redirected_to_nobody(void **state)
{
    (void)state;
    struct one o = one_new(3);
    uint64_t start = o.now_us;
    one_get(&o, CLIENT, "A", "k");
    o.now_us += 5000;
    one_get(&o, CLIENT, "B", "k");
    do
        one_tick(&o);
    while (!one_count(&o, RAFT_DO_REDIRECT));
    assert_int_equal(o.now_us - start, ONE_HOLD * 1000);
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    const struct raft_effect *e = one_effect(&o, RAFT_DO_REDIRECT);
    assert_string_equal(e->request.mid, "A");
    assert_int_equal(e->node, NODE_NONE);
    assert_int_equal(e->why, WHY_NO_LEADER);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_FIRE)->timer, RAFT_TIMER_HOLD);
    one_free(&o);
}

static void only_so_many_wait_and_the_rest_is_redirected_at_once(void **state)
{
    (void)state;
    struct one o = one_new(3);
    static const char *const mids[] = {"A", "B", "C", "D", "E"};
    for (size_t i = 0; i < 4; i++) {
        one_get(&o, CLIENT, mids[i], "k");
        assert_int_equal(one_count(&o, RAFT_NOTE_HOLD), 1);
    }
    one_get(&o, CLIENT, mids[4], "k");
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, NODE_NONE);
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->why, WHY_NO_LEADER);
    one_free(&o);
}

static void a_request_that_comes_again_is_ignored_before_and_after_its_answer(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_put(&o, CLIENT, "H", "k", "v"); /* held */
    one_put(&o, CLIENT, "H", "k", "v");
    one_ignored(&o, WHY_DUPLICATE);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    one_put(&o, CLIENT, "A", "k", "v");
    one_ignored(&o, WHY_DUPLICATE);
    one_ack(&o, 1, 1, 2, 0);
    one_ack(&o, 1, 1, 3, 0);
    assert_true(raft_brief(o.r).applied == 3);
    one_put(&o, CLIENT, "A", "k", "v");
    one_ignored(&o, WHY_DUPLICATE);
    assert_string_equal(one_log(&o), "111");
    one_get(&o, CLIENT, "A", "k"); /* whatever it asks now */
    one_ignored(&o, WHY_DUPLICATE);
    one_put(&o, CLIENT + 1, "A", "k", "v"); /* another client's is another request */
    assert_string_equal(one_log(&o), "1111");
    one_append(&o, 2, 2, 1, 1, 0, "");
    one_get(&o, CLIENT, "R", "k");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    one_get(&o, CLIENT, "R", "k");
    one_ignored(&o, WHY_DUPLICATE);
    one_free(&o);
}

static void on_a_network_that_loses_answers_a_request_is_answered_again_and_applied_once(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.answer_again = true;
    struct one o = one_from(&c);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    one_put(&o, CLIENT, "A", "k", "v"); /* it still waits: one answer will do */
    one_ignored(&o, WHY_DUPLICATE);
    one_ack(&o, 1, 1, 1, 0);
    one_ack(&o, 1, 1, 2, 0);
    assert_int_equal(raft_brief(o.r).applied, 2);
    one_put(&o, CLIENT, "A", "k", "v");
    assert_string_equal(one_log(&o), "111"); /* the state machine knows the request and does nothing */
    one_put(&o, CLIENT, "A", "k", "v");
    one_ignored(&o, WHY_DUPLICATE);
    one_ack(&o, 1, 1, 3, 0);
    assert_true(one_effect(&o, RAFT_DO_APPLY)->answer);
    one_append(&o, 2, 2, 3, 1, 3, "");
    one_get(&o, CLIENT, "R", "k");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    one_append(&o, 2, 2, 3, 1, 3, "");
    one_get(&o, CLIENT, "R", "k");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    one_free(&o);
}

static void the_record_of_requests_remembers_the_last_8192(void **state)
{
    (void)state;
    struct one o = one_new(3);
    char mid[16];
    for (int i = 0; i < 20000; i++) {
        one_append(&o, 1, 1, 0, 0, 0, "");
        snprintf(mid, sizeof mid, "M%d", i);
        one_append(&o, 1, 1, 0, 0, 0, ""); /* the leader is alive: clients are sent to it at once */
        one_get(&o, (node_id)(CLIENT + i % 3), mid, "k");
        assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
        int back = i % 8192;
        if (i >= back && i % 7 == 0) {
            snprintf(mid, sizeof mid, "M%d", i - back);
            one_get(&o, (node_id)(CLIENT + (i - back) % 3), mid, "k");
            one_ignored(&o, WHY_DUPLICATE);
        }
    }
    one_get(&o, CLIENT + (20000 - 8192) % 3, "M11808", "k"); /* the oldest known */
    one_ignored(&o, WHY_DUPLICATE);
    one_append(&o, 1, 1, 0, 0, 0, "");
    one_append(&o, 1, 1, 0, 0, 0, "");
    one_get(&o, CLIENT + (20000 - 8193) % 3, "M11807", "k");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    one_free(&o);
}

static void a_deposed_leader_answers_a_put_that_commits_under_its_successor(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    one_append(&o, 2, 2, 2, 1, 1, "2");
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0);
    one_append(&o, 2, 2, 3, 2, 3, "");
    const struct raft_effect *e = one_effect(&o, RAFT_DO_APPLY);
    assert_int_equal(e->entry->index, 2);
    assert_true(e->answer);
    assert_string_equal(e->request.mid, "A");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0);
    one_free(&o);
}

static void a_put_replaced_in_the_log_is_redirected_only_when_the_other_entry_is_committed_5_4_2(void **state)
{
    (void)state;
    /* The removal alone proves nothing: the entry may survive elsewhere, win an election there and be committed. */
    struct one o = one_new(5);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    one_put(&o, CLIENT, "B", "k", "w");
    one_append(&o, 2, 2, 1, 1, 1, "2");
    assert_string_equal(one_log(&o), "12");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0);
    one_append(&o, 2, 2, 2, 2, 2, "");
    /* B too, although its index is still to come: behind a committed entry of term 2 there is none of term 1. */
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 2);
    const struct raft_effect *e = one_effect(&o, RAFT_DO_REDIRECT);
    assert_string_equal(e->request.mid, "A");
    assert_int_equal(e->node, 2);
    assert_int_equal(e->request.tag, 1000 + 'A');
    assert_string_equal(e[1].request.mid, "B");
    assert_false(one_effect(&o, RAFT_DO_APPLY)->answer);
    one_append(&o, 2, 2, 2, 2, 3, "2");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0);
    one_free(&o);
}

static void puts_of_a_deposed_leader_are_answered_without_traffic_at_their_indexes(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_lead(&o);
    for (char mid[] = "A"; *mid < 'D'; ++*mid)
        one_put(&o, CLIENT, mid, "k", "v");
    one_append(&o, 2, 2, 0, 0, 0, "2"); /* its log has one entry, where ours had the no-op */
    assert_string_equal(one_log(&o), "2");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0);
    one_append(&o, 2, 2, 1, 2, 1, "");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 3);
    one_free(&o);
}

static void a_request_that_waits_is_not_forgotten_however_many_others_pass(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "");
    one_get(&o, CLIENT, "first", "k");
    one_get(&o, CLIENT, "waits", "k");
    assert_int_equal(one_effect(&o, RAFT_NOTE_HOLD)->why, WHY_LEADER_SILENT);
    for (int i = 0; i < 3 * 8192; i++) {
        char mid[16];
        snprintf(mid, sizeof mid, "M%d", i);
        one_get(&o, (node_id)(CLIENT + 1 + i % 30000), mid, "k");
        assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 1);
    }
    one_get(&o, CLIENT, "waits", "k");
    one_ignored(&o, WHY_DUPLICATE);
    one_free(&o);
}

static struct one full(bool answer_again)
{
    struct raft_config c = one_config(3);
    c.answer_again = answer_again;
    struct one o = one_from(&c);
    one_lead(&o);
    for (int i = 0; i < 8192; i++) {
        char mid[16];
        snprintf(mid, sizeof mid, "M%d", i);
        one_put(&o, CLIENT, mid, "k", "v");
    }
    one_put(&o, CLIENT, "more", "k", "v");
    assert_int_equal(raft_brief(o.r).last, 8193);
    return o;
}

/* A refusal says that it is not and will not be applied. Of a request that its client sends to several replicas that
 * cannot be said. */
static void when_too_many_wait_a_request_is_refused_unless_it_may_come_again(void **state)
{
    (void)state;
    struct one o = full(false);
    assert_int_equal(one_effect(&o, RAFT_DO_FAIL)->why, WHY_OVERLOAD);
    one_free(&o);
    o = full(true);
    one_ignored(&o, WHY_OVERLOAD);
    one_ack(&o, 1, 1, 1, 0);
    const struct message *m = one_sent(&o, MESSAGE_APP_REQ, 1);
    one_ack(&o, 1, 1, m->prev_index + m->n_entries, 0);
    one_put(&o, CLIENT, "more", "k", "v");
    assert_int_equal(raft_brief(o.r).last, 8194);
    one_free(&o);
}

/* It could not be sent on, should we lead one day with this log. */
static void an_append_with_an_entry_larger_than_any_leader_takes_is_ignored(void **state)
{
    (void)state;
    struct one o = one_new(3);
    size_t room = RAFT_ENTRY_BYTES_MAX;
    char *value = malloc(room + 1);
    assert_non_null(value);
    memset(value, 'v', room);
    value[room] = '\0';
    struct entry large = {.index = 1, .term = 1, .op = ENTRY_PUT, .client = CLIENT, .mid = "A", .key = "k", .value = value};
    const struct entry *entries[] = {&large};
    struct message m = one_message(&o, MESSAGE_APP_REQ, 1, 1);
    m.entries = entries;
    m.n_entries = 1;
    one_take(&o, &m);
    one_ignored(&o, WHY_UNEXPECTED);
    value[room - RAFT_ENTRY_BYTES_FIXED - 2] = '\0';
    one_take(&o, &m);
    assert_string_equal(one_log(&o), "1");
    free(value);
    one_free(&o);
}

static void a_put_removed_here_and_committed_from_elsewhere_is_answered_ok(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    struct entry mine = *raft_entry(o.r, 2);
    mine.mid = "A", mine.key = "k", mine.value = "v";
    one_append(&o, 2, 2, 1, 1, 1, "2"); /* removed by a leader that commits nothing */
    o.now_us += ONE_MIN * 1000;
    const struct entry *list[] = {&mine};
    struct message m = one_message(&o, MESSAGE_APP_REQ, 3, 3); /* another had it, and leads now */
    m.prev_index = m.prev_term = m.n_entries = 1;
    m.entries = list;
    m.commit = 2;
    one_take(&o, &m);
    assert_true(one_effect(&o, RAFT_DO_APPLY)->answer);
    assert_string_equal(one_effect(&o, RAFT_DO_APPLY)->request.mid, "A");
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0);
    one_free(&o);
}

static void a_leader_twice_deposed_settles_each_put_at_its_own_index(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v"); /* 2, 3, 4 of term 1 */
    one_put(&o, CLIENT, "B", "k", "v");
    one_put(&o, CLIENT, "C", "k", "v");
    one_append(&o, 2, 2, 1, 1, 1, "2"); /* replaced by 2 of term 2 */
    while (raft_brief(o.r).term < 3)
        one_stand(&o);
    one_lead(&o);                       /* 3: no-op */
    one_put(&o, CLIENT, "D", "k", "v"); /* 4 of term 3 */
    assert_string_equal(one_log(&o), "1233");
    static const char *const redirected[] = {"A", "B", "C"};
    size_t n = 0;
    for (uint64_t match = 3; match <= 4; match++) {
        one_ack(&o, 1, 3, match, 0);
        for (size_t i = 0; i < o.fx.n; i++)
            if (o.fx.v[i].type == RAFT_DO_REDIRECT) {
                assert_string_equal(o.fx.v[i].request.mid, redirected[n++]);
                assert_int_equal(o.fx.v[i].node, NODE_NONE); /* never to itself */
            } else if (o.fx.v[i].type == RAFT_DO_APPLY) {
                assert_int_equal(o.fx.v[i].answer, o.fx.v[i].entry->index == 4);
            }
    }
    assert_int_equal(n, 3);
    one_free(&o);
}

static void a_put_too_large_for_a_datagram_is_refused(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    size_t room = RAFT_ENTRY_BYTES_MAX - RAFT_ENTRY_BYTES_FIXED - 2;
    char *value = malloc(room + 2);
    memset(value, 'v', room + 1);
    value[room + 1] = 0;
    one_put(&o, CLIENT, "A", "k", value);
    assert_string_equal(one_effect(&o, RAFT_DO_FAIL)->request.mid, "A");
    assert_int_equal(one_effect(&o, RAFT_DO_FAIL)->why, WHY_OVERLOAD);
    assert_string_equal(one_log(&o), "1");
    value[room] = 0;
    one_put(&o, CLIENT, "B", "k", value);
    assert_string_equal(one_log(&o), "11");
    one_ack(&o, 1, 1, 1, 0); /* alone in its append, whatever the budget */
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->n_entries, 1);
    value[room - 1] = '"'; /* two bytes in JSON */
    one_put(&o, CLIENT, "C", "k", value);
    assert_int_equal(one_count(&o, RAFT_DO_FAIL), 1);
    free(value);
    one_free(&o);
}

static void requests_of_members_of_nobody_or_for_others_are_ignored(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_get(&o, 1, "A", "k");
    one_ignored(&o, WHY_FORGED);
    one_get(&o, 0, "A", "k");
    one_ignored(&o, WHY_FORGED);
    one_get(&o, NODE_NONE, "A", "k");
    one_ignored(&o, WHY_FORGED);
    struct message m = one_message(&o, MESSAGE_GET, CLIENT, 0);
    m.key = "k";
    m.dst = 2;
    one_take(&o, &m);
    one_ignored(&o, WHY_WRONG_DST);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_is_answered_when_it_is_applied_not_when_it_is_appended_5_3),
        cmocka_unit_test(answers_come_before_traffic_to_peers_in_a_step),
        cmocka_unit_test(a_follower_redirects_to_the_leader_it_knows_8),
        cmocka_unit_test(a_client_that_comes_back_from_the_leader_waits_until_the_leader_is_heard_of_again),
        cmocka_unit_test(a_client_that_waits_for_a_silent_leader_is_sent_to_the_next_one),
        cmocka_unit_test(without_a_leader_requests_wait_and_go_to_it_once_it_is_known),
        cmocka_unit_test(who_becomes_leader_handles_the_requests_that_waited_with_it),
        cmocka_unit_test(at_its_deadline_a_waiting_request_is_redirected_to_nobody),
        cmocka_unit_test(only_so_many_wait_and_the_rest_is_redirected_at_once),
        cmocka_unit_test(a_request_that_comes_again_is_ignored_before_and_after_its_answer),
        cmocka_unit_test(on_a_network_that_loses_answers_a_request_is_answered_again_and_applied_once),
        cmocka_unit_test(the_record_of_requests_remembers_the_last_8192),
        cmocka_unit_test(a_deposed_leader_answers_a_put_that_commits_under_its_successor),
        cmocka_unit_test(a_put_replaced_in_the_log_is_redirected_only_when_the_other_entry_is_committed_5_4_2),
        cmocka_unit_test(puts_of_a_deposed_leader_are_answered_without_traffic_at_their_indexes),
        cmocka_unit_test(a_request_that_waits_is_not_forgotten_however_many_others_pass),
        cmocka_unit_test(when_too_many_wait_a_request_is_refused_unless_it_may_come_again),
        cmocka_unit_test(an_append_with_an_entry_larger_than_any_leader_takes_is_ignored),
        cmocka_unit_test(a_put_removed_here_and_committed_from_elsewhere_is_answered_ok),
        cmocka_unit_test(a_leader_twice_deposed_settles_each_put_at_its_own_index),
        cmocka_unit_test(a_put_too_large_for_a_datagram_is_refused),
        cmocka_unit_test(requests_of_members_of_nobody_or_for_others_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
