/* Log replication, both sides, rule by rule: Raft paper §5.3, Figure 2 and Figure 7. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/raft_one.h"

/* ---- the receiver ---- */

static void an_append_is_stored_and_acknowledged_up_to_what_it_covers_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 2, 0, 0, 0, "112");
    assert_string_equal(one_log(&o), "112");
    assert_int_equal(o.fx.appended_from, 1);
    assert_int_equal(one_count(&o, RAFT_NOTE_APPEND), 3);
    assert_true(one_sent(&o, MESSAGE_APP_RES, 1)->ok);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->match, 3);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->leader, 1);
    /* Of a log that is longer, only what this append covers is known to agree. */
    one_append(&o, 1, 2, 1, 1, 0, "");
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->match, 1);
    one_append(&o, 1, 2, 1, 1, 0, "1");
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->match, 2);
    assert_string_equal(one_log(&o), "112");
    one_free(&o);
}

static void an_append_whose_predecessor_is_missing_or_of_another_term_is_refused_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 3, 1, 1, 0, "2");
    assert_false(one_sent(&o, MESSAGE_APP_RES, 1)->ok);
    assert_int_equal(one_effect(&o, RAFT_NOTE_REJECT)->why, WHY_NO_PREV);
    one_append(&o, 1, 3, 0, 0, 0, "112");
    one_append(&o, 1, 3, 3, 3, 3, "3");
    assert_false(one_sent(&o, MESSAGE_APP_RES, 1)->ok);
    assert_int_equal(one_effect(&o, RAFT_NOTE_REJECT)->why, WHY_PREV_TERM);
    assert_int_equal(one_effect(&o, RAFT_NOTE_REJECT)->index, 3);
    assert_int_equal(raft_brief(o.r).commit, 0);
    /* A heartbeat is no exception. */
    one_append(&o, 1, 3, 9, 3, 3, "");
    assert_false(one_sent(&o, MESSAGE_APP_RES, 1)->ok);
    assert_string_equal(one_log(&o), "112");
    one_free(&o);
}

static void a_refusal_names_the_last_entry_that_may_agree_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    static const struct {
        uint64_t prev_index, prev_term, hint_index, hint_term;
    } t[] = {{9, 5, 7, 4}, {9, 3, 5, 3}, {9, 2, 4, 2}, {7, 3, 5, 3},
             {5, 2, 4, 2}, {6, 1, 2, 1}, {3, 1, 2, 1}, {1, 2, 0, 0}};
    one_append(&o, 1, 5, 0, 0, 0, "1122344");
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        one_append(&o, 1, 5, t[i].prev_index, t[i].prev_term, 0, "");
        const struct message *m = one_sent(&o, MESSAGE_APP_RES, 1);
        assert_false(m->ok);
        assert_int_equal(m->hint_index, t[i].hint_index);
        assert_int_equal(m->hint_term, t[i].hint_term);
    }
    one_free(&o);
}

static void a_conflicting_entry_and_all_after_it_are_removed_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 2, 0, 0, 0, "11222");
    one_append(&o, 2, 3, 1, 1, 0, "13");
    assert_string_equal(one_log(&o), "113");
    assert_int_equal(one_effect(&o, RAFT_NOTE_TRUNCATE)->index, 3);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TRUNCATE)->old, 5);
    assert_int_equal(o.fx.truncated_from, 3);
    assert_int_equal(o.fx.appended_from, 3);
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 2)->match, 3);
    one_free(&o);
}

/* Zoo: truncate-on-every-append. */
static void an_old_or_repeated_append_or_a_heartbeat_removes_nothing_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1111");
    static const char *const terms[] = {"", "1", "11", "111", "1111"};
    for (uint64_t prev = 0; prev <= 4; prev++)
        for (size_t n = 0; n + prev <= 4; n++) {
            one_append(&o, 1, 1, prev, prev ? 1 : 0, 0, terms[n]);
            assert_int_equal(one_count(&o, RAFT_NOTE_TRUNCATE), 0);
            assert_int_equal(o.fx.truncated_from, 0);
            assert_int_equal(o.fx.appended_from, 0);
            assert_string_equal(one_log(&o), "1111");
            assert_true(one_sent(&o, MESSAGE_APP_RES, 1)->ok);
            assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->match, prev + n);
        }
    one_append(&o, 1, 1, 3, 1, 0, "111");
    assert_string_equal(one_log(&o), "111111");
    assert_int_equal(o.fx.appended_from, 5);
    one_free(&o);
}

/* Zoo: commit-to-last-log-index. */
static void a_follower_commits_only_what_the_append_covers_not_its_own_tail_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 2, 0, 0, 0, "11222"); /* 2s: an uncommitted tail of a deposed leader */
    one_append(&o, 2, 3, 2, 1, 4, "");      /* the new leader has committed 4, of its own */
    assert_int_equal(raft_brief(o.r).commit, 2);
    assert_int_equal(one_count(&o, RAFT_DO_APPLY), 2);
    assert_int_equal(one_effect(&o, RAFT_NOTE_COMMIT)->why, WHY_LEADER_COMMIT);
    one_append(&o, 2, 3, 2, 1, 4, "3");
    assert_int_equal(raft_brief(o.r).commit, 3);
    one_append(&o, 2, 3, 3, 3, 4, "33");
    assert_int_equal(raft_brief(o.r).commit, 4);
    one_free(&o);
}

/* Zoo: commit-index-goes-back. */
static void an_older_commit_index_does_not_lower_the_followers_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 3, "1111");
    assert_int_equal(raft_brief(o.r).commit, 3);
    one_append(&o, 1, 1, 0, 0, 1, "11");
    assert_int_equal(raft_brief(o.r).commit, 3);
    one_append(&o, 2, 2, 4, 1, 0, "");
    assert_int_equal(raft_brief(o.r).commit, 3);
    assert_int_equal(one_count(&o, RAFT_NOTE_COMMIT), 0);
    one_free(&o);
}

static void an_append_that_contradicts_a_committed_entry_changes_nothing(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 2, "111");
    one_append(&o, 1, 1, 0, 0, 2, "");
    one_append(&o, 2, 2, 1, 1, 2, "2"); /* its term is news all the same (§5.1) */
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_UNEXPECTED);
    assert_int_equal(one_count(&o, RAFT_DO_SEND), 0);
    assert_string_equal(one_log(&o), "111");
    one_free(&o);
}

static void a_second_leader_of_the_same_term_is_not_followed(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    one_append(&o, 2, 1, 1, 1, 0, "1");
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
    o = one_new(3);
    one_lead(&o);
    one_append(&o, 2, 1, 1, 1, 0, "1");
    one_ignored(&o, WHY_UNEXPECTED);
    assert_int_equal(one_role(&o), RAFT_LEADER);
    one_free(&o);
}

static void appends_that_no_leader_could_send_change_nothing(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 2, 0, 0, 0, "21"); /* terms go back */
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, 2, 0, 0, 0, "13"); /* beyond the leader's own term */
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, 2, 0, 0, 0, "0");
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, 2, 5, 3, 0, "");
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, 2, 5, 0, 0, "");
    one_ignored(&o, WHY_UNEXPECTED);
    one_append(&o, 1, 2, UINT64_MAX, 1, 0, "");
    one_ignored(&o, WHY_UNEXPECTED);
    struct entry e = {.index = 2, .term = 1, .op = ENTRY_PUT, .client = CLIENT, .mid = "m", .key = "k", .value = "v"};
    const struct entry *list[] = {&e};
    struct message m = one_message(&o, MESSAGE_APP_REQ, 1, 2);
    m.n_entries = 1;
    m.entries = list; /* entry 2 after 0 */
    one_take(&o, &m);
    one_ignored(&o, WHY_UNEXPECTED);
    assert_int_equal(raft_brief(o.r).term, 0);
    one_free(&o);
}

static void the_hash_of_an_entry_depends_on_its_command_alone(void **state)
{
    (void)state;
    struct entry a = {.index = 1, .term = 1, .op = ENTRY_PUT, .client = 7, .mid = "ab", .key = "c", .value = "d"};
    struct entry b = a;
    b.index = 9;
    b.term = 4;
    assert_true(entry_hash(&a) == entry_hash(&b));
    b.mid = "a", b.key = "bc";
    assert_true(entry_hash(&a) != entry_hash(&b));
    b = a, b.client = 8;
    assert_true(entry_hash(&a) != entry_hash(&b));
    b = a, b.op = ENTRY_NOOP;
    assert_true(entry_hash(&a) != entry_hash(&b));
    b = a, b.value = "e";
    assert_true(entry_hash(&a) != entry_hash(&b));
    /* What an append claims is not believed. */
    struct one o = one_new(3);
    const struct entry *list[] = {&a};
    struct message m = one_message(&o, MESSAGE_APP_REQ, 1, 2);
    a.hash = 42;
    m.n_entries = 1;
    m.entries = list;
    one_take(&o, &m);
    assert_true(raft_entry(o.r, 1)->hash == entry_hash(&a));
    one_free(&o);
}

/* ---- the leader ---- */

/* The follower, other than `not`, that got an append with entries in the last step; 0 = none. */
static node_id entries_to(const struct one *o, node_id not )
{
    for (size_t i = 0; i < o->fx.n; i++)
        if (o->fx.v[i].type == RAFT_DO_SEND && o->fx.v[i].message.n_entries && o->fx.v[i].message.dst != not )
            return o->fx.v[i].message.dst;
    return 0;
}

static void a_put_goes_to_as_many_as_a_quorum_needs_and_to_others_the_next_time_5_3(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_lead(&o);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 4); /* everybody is to hear of a new leader */
    for (node_id i = 1; i < 5; i++)
        one_ack(&o, i, 1, 1, 0);
    o.now_us += 1000;
    one_put(&o, CLIENT, "A", "k", "v");
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 2);
    node_id a = entries_to(&o, 0), b = entries_to(&o, a);
    const struct message *m = one_sent(&o, MESSAGE_APP_REQ, a);
    assert_int_equal(m->prev_index, 1);
    assert_int_equal(m->prev_term, 1);
    assert_int_equal(m->n_entries, 1);
    assert_string_equal(m->entries[0]->value, "v");
    assert_int_equal(m->commit, 1);
    /* The next goes without waiting: to the other two, which lack both. */
    o.now_us += 1000;
    one_put(&o, CLIENT, "B", "k", "w");
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 2);
    node_id c = entries_to(&o, 0), d = entries_to(&o, c);
    assert_true(c != a && c != b && d != a && d != b && c != d);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, d)->prev_index, 1);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, d)->n_entries, 2);
    /* And the one after to the first two again, which lack two by now: what is under way is not sent again. */
    o.now_us += 1000;
    one_put(&o, CLIENT, "C", "k", "x");
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, a)->prev_index, 2);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, b)->n_entries, 2);
    one_free(&o);
}

static void what_is_not_acknowledged_in_time_is_asked_of_somebody_else_first(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_lead(&o);
    for (node_id i = 1; i < 5; i++)
        one_ack(&o, i, 1, 1, 0);
    o.now_us += 1000;
    one_put(&o, CLIENT, "A", "k", "v");
    node_id a = entries_to(&o, 0), b = entries_to(&o, a);
    one_ack(&o, a, 1, 2, 0);
    one_tick(&o);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_FIRE)->timer, RAFT_TIMER_RETRY);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 1);
    node_id c = entries_to(&o, 0);
    assert_true(c != a && c != b);
    one_ack(&o, c, 1, 2, 0);
    assert_int_equal(raft_brief(o.r).commit, 2);
    /* Who is silent comes last from now on, until it answers. */
    o.now_us += 1000;
    one_put(&o, CLIENT, "B", "k", "w");
    assert_false(one_sent_to(&o, MESSAGE_APP_REQ, b));
    one_ack(&o, b, 1, 1, 0);
    o.now_us += 1000;
    one_put(&o, CLIENT, "C", "k", "x");
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, b)->n_entries, 3);
    one_free(&o);
}

/* The last of two may be dead, the other only lost something. */
static void of_those_that_are_silent_who_was_heard_last_is_asked_first(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    o.now_us += 1000;
    one_ack(&o, 2, 1, 1, 0);
    one_put(&o, CLIENT, "A", "k", "v");
    node_id first = entries_to(&o, 0);
    one_tick(&o);
    node_id second = entries_to(&o, 0);
    assert_int_not_equal(first, second);
    one_tick(&o); /* both are silent now */
    assert_int_equal(entries_to(&o, 0), 2);
    one_free(&o);
}

/* A put; `lost`: whoever gets it first does not, and everybody acknowledges at last. How many got it first. */
static size_t put_somewhere(struct one *o, int n, bool lost)
{
    char mid[16];
    snprintf(mid, sizeof mid, "M%d", n);
    o->now_us += 1000;
    one_put(o, CLIENT, mid, "k", "v");
    size_t asked = one_sent_n(o, MESSAGE_APP_REQ);
    bool got[5];
    for (node_id p = 1; p < 5; p++)
        got[p] = one_sent_to(o, MESSAGE_APP_REQ, p);
    if (lost)
        one_tick(o);
    for (node_id p = 1; p < 5; p++)
        got[p] = got[p] || one_sent_to(o, MESSAGE_APP_REQ, p);
    for (node_id p = 1; p < 5; p++)
        if (got[p])
            one_ack(o, p, 1, raft_brief(o->r).last, 0);
    one_ack_quorum(o);
    return asked;
}

static void when_much_is_lost_one_more_is_asked_than_a_quorum_needs(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_lead(&o);
    for (node_id i = 1; i < 5; i++)
        one_ack(&o, i, 1, 1, 0);
    assert_int_equal(put_somewhere(&o, 0, true), 2);
    size_t most = 0;
    for (int i = 1; i < 40; i++) {
        size_t asked = put_somewhere(&o, i, true);
        most = asked > most ? asked : most;
    }
    assert_int_equal(most, 3);
    for (int i = 40; i < 100; i++)
        most = put_somewhere(&o, i, false);
    assert_int_equal(most, 2);
    one_free(&o);
}

static void who_lags_far_behind_does_not_wait_for_its_turn(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    for (int i = 0; i < 200; i++) {
        char mid[16];
        snprintf(mid, sizeof mid, "M%d", i);
        one_put(&o, CLIENT, mid, "k", "v");
        one_ack(&o, 1, 1, raft_brief(o.r).last, 0);
    }
    one_ack(&o, 2, 1, 1, 0); /* everything is committed, but this one has nothing */
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 2)->prev_index, 1);
    one_free(&o);
}

static void heartbeats_go_only_where_nothing_else_went_5_2(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    one_ack(&o, 2, 1, 1, 0);
    o.now_us += 30000;
    one_put(&o, CLIENT, "A", "k", "v");
    node_id first = entries_to(&o, 0), other = (node_id)(3 - first);
    one_ack(&o, first, 1, 2, 0);
    /* 20 ms later it is time for the other, which got nothing: its heartbeat has the entry. */
    one_tick(&o);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_FIRE)->timer, RAFT_TIMER_HEARTBEAT);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 1);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, other)->n_entries, 1);
    one_ack(&o, other, 1, 2, 0);
    one_tick(&o);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 1);
    const struct message *m = one_sent(&o, MESSAGE_APP_REQ, first);
    assert_int_equal(m->n_entries, 0);
    assert_int_equal(m->prev_index, 2);
    assert_int_equal(m->commit, 2);
    /* A needless tick sends nothing. */
    struct raft_event ev = {.type = RAFT_EVENT_TICK, .now_us = o.now_us + 1000};
    raft_step(o.r, &ev, &o.fx);
    assert_int_equal(o.fx.n, 0);
    one_free(&o);
}

/* Where nobody else can be asked: from the last acknowledged entry, ever more slowly. */
static void silences_are_answered_at_doubling_intervals_up_to_the_heartbeat_5_3(void **state)
{
    (void)state;
    struct one o = one_new(2);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    one_put(&o, CLIENT, "A", "k", "v");
    one_put(&o, CLIENT, "B", "k", "w");
    uint64_t sent = o.now_us, wait = ONE_RETRY * 1000;
    for (int i = 0; i < 4; i++) {
        one_tick(&o);
        assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_FIRE)->timer, RAFT_TIMER_RETRY);
        assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 1);
        assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->prev_index, 1);
        assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->n_entries, 2);
        assert_int_equal(o.now_us - sent, wait);
        sent = o.now_us;
        if (i > 0) /* one loss says little */
            wait = wait * 2 < ONE_HEARTBEAT * 1000 ? wait * 2 : ONE_HEARTBEAT * 1000;
    }
    one_ack(&o, 1, 1, 3, 0);
    assert_int_equal(one_effect(&o, RAFT_NOTE_PEER)->why, WHY_REPLICATE);
    assert_int_equal(raft_brief(o.r).commit, 3);
    one_tick(&o);
    assert_int_not_equal(one_effect(&o, RAFT_NOTE_TIMER_FIRE)->timer, RAFT_TIMER_RETRY);
    one_free(&o);
}

/* RFC 6298: who answers fast is waited for less long than the first time, but never for less than 3 ms. */
static void patience_follows_the_round_trips(void **state)
{
    (void)state;
    struct raft_config c = one_config(2);
    c.retry_us = 1000000;
    struct one o = one_from(&c);
    one_lead(&o);
    struct message m = one_message(&o, MESSAGE_APP_RES, 1, 1);
    m.ok = true;
    m.match = 1;
    m.sent_us = o.now_us;
    o.now_us += 2000;
    one_take(&o, &m);
    uint64_t before = o.now_us;
    one_put(&o, CLIENT, "A", "k", "v");
    one_tick(&o);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_FIRE)->timer, RAFT_TIMER_RETRY);
    assert_int_equal(o.now_us - before, 2000 + 4 * 1000);
    one_free(&o);
    o = one_from(&c);
    one_lead(&o);
    m.sent_us = o.now_us;
    one_take(&o, &m);
    before = o.now_us;
    one_put(&o, CLIENT, "A", "k", "v");
    one_tick(&o);
    assert_int_equal(o.now_us - before, 3000);
    one_free(&o);
}

static void a_refusal_moves_the_next_index_back_to_where_the_logs_may_agree_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 6, 0, 0, 0, "1114455666"); /* Figure 7's leader */
    one_lead(&o);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->prev_index, 10);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->prev_term, 6);
    one_refusal(&o, 2, 7, 11, 3); /* Figure 7 (f): 11122233333 */
    const struct message *m = one_sent(&o, MESSAGE_APP_REQ, 2);
    assert_int_equal(m->prev_index, 3);
    assert_int_equal(m->n_entries, 8);
    assert_int_equal(one_effect(&o, RAFT_NOTE_PEER)->why, WHY_PROBE);
    assert_int_equal(one_effect(&o, RAFT_NOTE_PEER)->next, 4);
    /* The same refusal again, while the answer to that is under way. */
    one_refusal(&o, 2, 7, 11, 3);
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_DUPLICATE);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 0);
    one_ack(&o, 2, 7, 11, 0);
    /* A refusal that is older than the acknowledgement. */
    one_refusal(&o, 2, 7, 4, 4);
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_DUPLICATE);
    one_put(&o, CLIENT, "A", "k", "v");
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 2)->prev_index, 11);
    one_free(&o);
}

/* Moves the message between two cores; member 1's core believes it is 0, so ids are swapped on the way. */
static bool exchange(struct one *from, struct one *to, enum message_type type, node_id dst)
{
    if (!one_sent_to(from, type, dst))
        return false;
    struct message m = *one_sent(from, type, dst);
    m.src = 1;
    m.dst = 0;
    to->now_us += 1;
    one_take(to, &m);
    return true;
}

static void every_follower_of_figure_7_is_brought_to_the_leaders_log_in_few_messages_5_3(void **state)
{
    (void)state;
    static const char *const followers[] = {
        "111445566",    /* (a) */
        "1114",         /* (b) */
        "11144556666",  /* (c) */
        "111445566677", /* (d) */
        "1114444",      /* (e) */
        "11122233333",  /* (f) */
        "",
        "1111111111",
        "2222222222222",
    };
    for (size_t i = 0; i < sizeof followers / sizeof *followers; i++) {
        struct one leader = one_new(3), follower = one_new(3);
        one_append(&leader, 2, 7, 0, 0, 0, "1114455666");
        one_append(&follower, 2, 7, 0, 0, 0, followers[i]);
        one_lead(&leader); /* term 8; both followers are asked */
        int trips = 0;
        while (strcmp(one_log(&follower), "11144556668") != 0) {
            assert_true(++trips <= 3);
            assert_true(exchange(&leader, &follower, MESSAGE_APP_REQ, 1));
            assert_true(exchange(&follower, &leader, MESSAGE_APP_RES, 1));
        }
        assert_int_equal(raft_brief(leader.r).commit, 11);
        for (uint64_t k = 1; k <= 11; k++)
            assert_int_equal(raft_entry(leader.r, k)->hash, raft_entry(follower.r, k)->hash);
        one_free(&leader);
        one_free(&follower);
    }
}

static void an_append_stays_within_its_budget_and_a_datagram(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.append_bytes = 3000;
    struct one o = one_from(&c);
    one_lead(&o);
    char value[1001], mid[16];
    memset(value, 'v', 1000);
    value[1000] = 0;
    for (int i = 0; i < 10; i++) {
        snprintf(mid, sizeof mid, "M%d", i);
        one_put(&o, CLIENT, mid, "k", value);
        assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 0); /* probing: the no-op is not acknowledged */
    }
    one_ack(&o, 1, 1, 1, 0);
    assert_int_equal(one_sent_n(&o, MESSAGE_APP_REQ), 5);
    for (size_t i = 0; i < o.fx.n; i++)
        if (o.fx.v[i].type == RAFT_DO_SEND) {
            assert_int_equal(o.fx.v[i].message.n_entries, 2);
            assert_int_equal(o.fx.v[i].message.prev_index % 2, 1);
        }
    one_free(&o);
}

static void only_so_many_appends_are_under_way_and_the_rest_goes_together(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    char mid[16];
    unsigned sent = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(mid, sizeof mid, "M%d", i);
        one_put(&o, CLIENT, mid, "k", "v");
        sent += one_sent_to(&o, MESSAGE_APP_REQ, 1);
    }
    assert_int_equal(sent, 8);
    one_ack(&o, 1, 1, 2, 0);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->prev_index, 9);
    assert_int_equal(one_sent(&o, MESSAGE_APP_REQ, 1)->n_entries, 12);
    one_free(&o);
}

static void no_append_has_more_entries_than_a_message_may(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.append_bytes = 1000000;
    c.hold_max = 2000;
    struct one o = one_from(&c);
    one_tick(&o);
    char mid[16];
    for (int i = 0; i < 300; i++) {
        snprintf(mid, sizeof mid, "M%d", i);
        one_put(&o, CLIENT, mid, "", "");
    }
    one_lead(&o);
    uint64_t next = 1;
    for (size_t i = 0; i < o.fx.n; i++)
        if (o.fx.v[i].type == RAFT_DO_SEND && o.fx.v[i].message.dst == 1)
            next = o.fx.v[i].message.prev_index + o.fx.v[i].message.n_entries + 1;
    size_t first = next - 1;
    assert_true(first > 200 && first * (RAFT_ENTRY_BYTES_FIXED + 2) <= RAFT_ENTRY_BYTES_MAX);
    one_free(&o);
}

/* Zoo: match-index-from-present-state. */
static void an_acknowledgement_confirms_what_its_append_covered_not_what_was_sent_since_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    one_ack(&o, 1, 1, 1, 0); /* the no-op; 2 is under way now */
    assert_int_equal(raft_brief(o.r).commit, 1);
    one_put(&o, CLIENT, "B", "k", "w");
    one_ack(&o, 1, 1, 2, 0);
    assert_int_equal(raft_brief(o.r).commit, 2);
    one_wait(&o, ONE_HEARTBEAT); /* an answer to an empty append */
    one_ack(&o, 2, 1, 0, 0);
    assert_int_equal(raft_brief(o.r).commit, 2);
    /* More than was ever sent: nobody can have it. */
    one_ack(&o, 2, 1, 4, 0);
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
}

static void an_acknowledgement_of_an_earlier_term_counts_for_nothing_5_3(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_lead(&o);
    one_put(&o, CLIENT, "A", "k", "v");
    one_wait(&o, 2 * ONE_MAX);
    one_lead(&o);
    assert_int_equal(raft_brief(o.r).term, 2);
    one_ack(&o, 1, 1, 2, 0);
    one_ignored(&o, WHY_STALE_TERM);
    assert_int_equal(raft_brief(o.r).commit, 0);
    one_free(&o);
}

static void acknowledgements_in_any_order_leave_the_highest_5_3(void **state)
{
    (void)state;
    struct one o = one_new(5);
    one_lead(&o);
    one_ack(&o, 1, 1, 1, 0);
    one_ack(&o, 2, 1, 1, 0);
    one_put(&o, CLIENT, "A", "k", "v");
    one_put(&o, CLIENT, "B", "k", "w");
    one_ack(&o, 1, 1, 3, 0);
    one_ack(&o, 1, 1, 2, 0);
    one_ack(&o, 2, 1, 2, 0);
    assert_int_equal(raft_brief(o.r).commit, 2);
    one_ack(&o, 2, 1, 3, 0);
    assert_int_equal(raft_brief(o.r).commit, 3);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_append_is_stored_and_acknowledged_up_to_what_it_covers_5_3),
        cmocka_unit_test(an_append_whose_predecessor_is_missing_or_of_another_term_is_refused_5_3),
        cmocka_unit_test(a_refusal_names_the_last_entry_that_may_agree_5_3),
        cmocka_unit_test(a_conflicting_entry_and_all_after_it_are_removed_5_3),
        cmocka_unit_test(an_old_or_repeated_append_or_a_heartbeat_removes_nothing_5_3),
        cmocka_unit_test(a_follower_commits_only_what_the_append_covers_not_its_own_tail_5_3),
        cmocka_unit_test(an_older_commit_index_does_not_lower_the_followers_5_3),
        cmocka_unit_test(an_append_that_contradicts_a_committed_entry_changes_nothing),
        cmocka_unit_test(a_second_leader_of_the_same_term_is_not_followed),
        cmocka_unit_test(appends_that_no_leader_could_send_change_nothing),
        cmocka_unit_test(the_hash_of_an_entry_depends_on_its_command_alone),
        cmocka_unit_test(a_put_goes_to_as_many_as_a_quorum_needs_and_to_others_the_next_time_5_3),
        cmocka_unit_test(what_is_not_acknowledged_in_time_is_asked_of_somebody_else_first),
        cmocka_unit_test(of_those_that_are_silent_who_was_heard_last_is_asked_first),
        cmocka_unit_test(when_much_is_lost_one_more_is_asked_than_a_quorum_needs),
        cmocka_unit_test(who_lags_far_behind_does_not_wait_for_its_turn),
        cmocka_unit_test(heartbeats_go_only_where_nothing_else_went_5_2),
        cmocka_unit_test(silences_are_answered_at_doubling_intervals_up_to_the_heartbeat_5_3),
        cmocka_unit_test(patience_follows_the_round_trips),
        cmocka_unit_test(a_refusal_moves_the_next_index_back_to_where_the_logs_may_agree_5_3),
        cmocka_unit_test(every_follower_of_figure_7_is_brought_to_the_leaders_log_in_few_messages_5_3),
        cmocka_unit_test(an_append_stays_within_its_budget_and_a_datagram),
        cmocka_unit_test(only_so_many_appends_are_under_way_and_the_rest_goes_together),
        cmocka_unit_test(no_append_has_more_entries_than_a_message_may),
        cmocka_unit_test(an_acknowledgement_confirms_what_its_append_covered_not_what_was_sent_since_5_3),
        cmocka_unit_test(an_acknowledgement_of_an_earlier_term_counts_for_nothing_5_3),
        cmocka_unit_test(acknowledgements_in_any_order_leave_the_highest_5_3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
