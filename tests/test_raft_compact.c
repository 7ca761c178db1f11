/* Compaction of the log: when, how far, and what is kept for followers (Raft paper §7). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "support/raft_one.h"
#include "support/raft_state.h"

static struct one compacting(uint64_t entries, uint64_t bytes)
{
    struct raft_config c = one_config(3);
    c.compact_entries = entries;
    c.compact_bytes = bytes;
    c.chunk_bytes = CHUNK;
    return one_from(&c);
}

static void more_applied_entries_than_the_limit_are_given_up_but_half_of_it_7(void **state)
{
    (void)state;
    struct one o = compacting(8, 0);
    one_append(&o, 1, 2, 0, 0, 8, "111122222");
    assert_int_equal(one_count(&o, RAFT_DO_COMPACT), 0);
    one_append(&o, 1, 2, 9, 2, 9, "22");
    const struct raft_effect *e = one_effect(&o, RAFT_DO_COMPACT);
    assert_int_equal(e->index, 5);
    assert_int_equal(e->term, 2);
    assert_int_equal(e->match, 9);
    assert_string_equal(e->conf, "0000,0001,0002");
    assert_true(one_place(&o, RAFT_DO_APPLY) < one_place(&o, RAFT_DO_COMPACT));
    uint64_t term;
    assert_int_equal(raft_base(o.r, &term), 5);
    assert_int_equal(term, 2);
    assert_string_equal(one_log(&o), "222222");
    one_free(&o);
}

static void the_limit_may_be_in_bytes(void **state)
{
    (void)state;
    struct entry e = {.op = ENTRY_PUT, .mid = "1.1", .key = "k", .value = "1.1"};
    struct one o = compacting(0, 10 * raft_entry_bytes(&e));
    one_append(&o, 1, 1, 0, 0, 9, "111111111");
    one_append(&o, 1, 1, 9, 1, 9, "11");
    assert_int_equal(one_count(&o, RAFT_DO_COMPACT), 0);
    one_append(&o, 1, 1, 11, 1, 11, "");
    assert_int_equal(one_count(&o, RAFT_DO_COMPACT), 1);
    assert_in_range(raft_base(o.r, NULL), 5, 7);
    one_free(&o);
}

static void without_limits_the_log_keeps_everything(void **state)
{
    (void)state;
    struct one o = compacting(0, 0);
    for (uint64_t i = 0; i < 1000; i++)
        one_append(&o, 1, 1, i, i ? 1 : 0, i + 1, "1");
    assert_int_equal(raft_base(o.r, NULL), 0);
    one_free(&o);
}

/* R56: whoever makes entries durable reads them from the log, after the step. */
static void what_is_not_durable_yet_is_not_given_up(void **state)
{
    (void)state;
    struct one o = compacting(4, 0);
    one_append(&o, 1, 1, 0, 0, 10, "1111111111");
    assert_int_equal(o.fx.appended_from, 1);
    assert_int_equal(raft_base(o.r, NULL), 0);
    one_append(&o, 1, 1, 10, 1, 10, "");
    one_append(&o, 1, 1, 10, 1, 12, "11");
    assert_in_range(raft_base(o.r, NULL), 8, 10);
    assert_string_equal(one_log(&o) + 10 - raft_base(o.r, NULL), "11");
    one_free(&o);
}

static void a_leader_keeps_what_a_follower_that_answers_still_needs_but_not_for_ever(void **state)
{
    (void)state;
    struct one o = compacting(10, 0);
    one_lead(&o);
    uint64_t term = raft_brief(o.r).term;
    one_ack(&o, 1, term, 1, 0);
    one_ack(&o, 2, term, 1, 0);
    for (int i = 0; i < 5; i++) {
        one_put_n(&o, 5);
        one_ack(&o, 1, term, raft_brief(o.r).last, 0);
        one_ack(&o, 2, term, 3, 0); /* it answers, and is slow */
    }
    assert_true(raft_brief(o.r).commit > 20 && raft_base(o.r, NULL) <= 3);
    for (int i = 0; i < 10; i++) {
        one_put_n(&o, 5);
        one_ack(&o, 1, term, raft_brief(o.r).last, 0);
        one_ack(&o, 2, term, 3, 0);
    }
    assert_true(raft_brief(o.r).applied - raft_base(o.r, NULL) <= 4 * 10 + 10);
    one_free(&o);
}

static void a_leader_does_not_wait_for_a_follower_that_is_silent(void **state)
{
    (void)state;
    struct one o = compacting(10, 0);
    one_lead(&o);
    uint64_t term = raft_brief(o.r).term;
    for (int i = 0; i < 6; i++) {
        one_wait(&o, ONE_MAX / 2);
        one_put_n(&o, 5);
        one_ack(&o, 1, term, raft_brief(o.r).last, 0);
    }
    assert_true(raft_brief(o.r).applied - raft_base(o.r, NULL) <= 15);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_applied_entries_than_the_limit_are_given_up_but_half_of_it_7),
        cmocka_unit_test(the_limit_may_be_in_bytes),
        cmocka_unit_test(without_limits_the_log_keeps_everything),
        cmocka_unit_test(what_is_not_durable_yet_is_not_given_up),
        cmocka_unit_test(a_leader_keeps_what_a_follower_that_answers_still_needs_but_not_for_ever),
        cmocka_unit_test(a_leader_does_not_wait_for_a_follower_that_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
