/* test_raft_follow.c -- who is taken for a leader that lives: messages come late, and twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "support/raft_one.h"

/* An append without entries after `prev` of term 1, which leader 1 sent at `sent_us`. */
static void hear(struct one *o, uint64_t prev, uint64_t sent_us)
{
    struct message m = one_message(o, MESSAGE_APP_REQ, 1, 1);
    m.prev_index = prev;
    m.prev_term = prev > 0;
    m.sent_us = sent_us;
    one_take(o, &m);
}

static uint64_t election_at(struct one *o)
{
    return raft_deadline(o->r);
}

/* Copies of what a leader sent long ago come for many seconds after its end: they must not keep others from standing.
 */
static void what_comes_late_is_no_sign_of_life(void **state)
{
    (void)state;
    struct one o = one_new(3);
    hear(&o, 0, 1000);
    hear(&o, 0, 5000);
    uint64_t due = election_at(&o);
    o.now_us += 1000;
    hear(&o, 0, 4999);
    assert_int_equal(election_at(&o), due);
    assert_int_equal(one_count(&o, RAFT_NOTE_TIMER_SET), 0);
    /* It is answered, for what it brings may be new. */
    assert_int_equal(one_sent(&o, MESSAGE_APP_RES, 1)->sent_us, 4999);
    hear(&o, 0, 5001);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_SET)->why, WHY_APPEND);
    one_free(&o);
}

static void entries_that_come_late_are_taken(void **state)
{
    (void)state;
    struct one o = one_new(3);
    hear(&o, 1, 5000); /* what comes before it is still under way */
    assert_int_equal(one_effect(&o, RAFT_NOTE_REJECT)->why, WHY_NO_PREV);
    static struct entry e = {
        .index = 1, .term = 1, .op = ENTRY_NOOP, .client = NODE_NONE, .mid = "", .key = "", .value = ""};
    static const struct entry *entries[] = {&e};
    struct message m = one_message(&o, MESSAGE_APP_REQ, 1, 1);
    m.entries = entries;
    m.n_entries = 1;
    m.sent_us = 4000;
    one_take(&o, &m);
    assert_int_equal(raft_brief(o.r).last, 1);
    one_free(&o);
}

/* Who has given the leader up does not come back to it for what is old. */
static void who_asks_for_votes_is_not_called_back_by_the_past(void **state)
{
    (void)state;
    struct one o = one_new(3);
    hear(&o, 0, 5000);
    while (one_role(&o) == RAFT_FOLLOWER)
        one_tick(&o);
    assert_int_equal(one_role(&o), RAFT_PRECANDIDATE);
    hear(&o, 0, 4000);
    assert_int_equal(one_role(&o), RAFT_PRECANDIDATE);
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_DUPLICATE);
    hear(&o, 0, 6000);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_late_is_no_sign_of_life),
        cmocka_unit_test(entries_that_come_late_are_taken),
        cmocka_unit_test(who_asks_for_votes_is_not_called_back_by_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
