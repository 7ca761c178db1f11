/* A follower puts a snapshot together and installs it, rule by rule (Raft paper §7, Figure 13). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/raft_one.h"
#include "support/raft_state.h"

static void take(struct one *o, const struct snapshot *s, node_id src, uint64_t term, uint64_t i)
{
    struct message m = raft_state_chunk(o, s, src, term, i);
    one_take(o, &m);
}

static void take_all(struct one *o, const struct snapshot *s, node_id src, uint64_t term)
{
    for (uint64_t i = 0; i < raft_state_chunks(s); i++)
        take(o, s, src, term, i);
}

static uint64_t there(const struct one *o, node_id dst)
{
    return one_sent(o, MESSAGE_SNAP_RES, dst)->offset;
}

static void a_snapshot_is_taken_in_any_order_and_installed_as_a_whole_7(void **state)
{
    (void)state;
    struct snapshot s = raft_state_snapshot(30, 2);
    struct one o = one_new(3);
    one_append(&o, 1, 3, 0, 0, 2, "111");
    uint64_t n = raft_state_chunks(&s);
    take(&o, &s, 1, 3, 1);
    assert_int_equal(there(&o, 1), 0);
    take(&o, &s, 1, 3, 0);
    assert_int_equal(there(&o, 1), 2 * CHUNK);
    take(&o, &s, 1, 3, 0); /* twice */
    assert_int_equal(there(&o, 1), 2 * CHUNK);
    for (uint64_t i = n - 1; i > 2; i--) {
        take(&o, &s, 1, 3, i);
        assert_int_equal(there(&o, 1), 2 * CHUNK);
        assert_int_equal(raft_brief(o.r).commit, 2);
    }
    take(&o, &s, 1, 3, 2);
    assert_int_equal(there(&o, 1), s.size);
    const struct raft_effect *e = one_effect(&o, RAFT_DO_INSTALL);
    assert_true(e->index == 30 && e->term == 2 && e->node == 1 && e->size == s.size);
    assert_memory_equal(e->data, s.bytes, s.size);
    assert_string_equal(e->conf, "0000,0001,0002");
    assert_true(one_place(&o, RAFT_DO_INSTALL) < one_place(&o, RAFT_DO_SEND));
    assert_int_equal(one_effect(&o, RAFT_NOTE_COMMIT)->why, WHY_SNAPSHOT);
    struct raft_brief b = raft_brief(o.r);
    assert_true(b.commit == 30 && b.applied == 30 && b.last == 30 && raft_base(o.r, NULL) == 30);
    /* R37: the next to be applied is the one after it. */
    one_append(&o, 1, 3, 30, 2, 31, "3");
    assert_int_equal(one_effect(&o, RAFT_DO_APPLY)->entry->index, 31);
    one_free(&o);
    free(s.bytes);
}

/* Zoo: old-snapshot-overwrites-log; R54. */
static void what_is_committed_is_never_replaced_by_a_snapshot(void **state)
{
    (void)state;
    struct snapshot s = raft_state_snapshot(30, 1);
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 30, "1111111111111111111111111111111");
    take(&o, &s, 1, 1, 0);
    assert_int_equal(there(&o, 1), s.size); /* there is no need to send more of it */
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 0);
    assert_int_equal(raft_brief(o.r).last, 31);
    one_free(&o);
    /* Nor by one whose last chunk comes after appends have brought as much. */
    o = one_new(3);
    for (uint64_t i = 0; i + 1 < raft_state_chunks(&s); i++)
        take(&o, &s, 1, 1, i);
    one_append(&o, 1, 1, 0, 0, 31, "1111111111111111111111111111111");
    take(&o, &s, 1, 1, raft_state_chunks(&s) - 1);
    assert_int_equal(there(&o, 1), s.size);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 0);
    assert_int_equal(raft_brief(o.r).commit, 31);
    one_free(&o);
    free(s.bytes);
}

/* R55; Figure 13, steps 6 and 7. */
static void the_log_after_a_snapshot_stays_only_where_it_agrees_with_it(void **state)
{
    (void)state;
    struct snapshot s = raft_state_snapshot(10, 2);
    struct one o = one_new(3);
    one_append(&o, 1, 3, 0, 0, 4, "111122222233");
    take_all(&o, &s, 1, 3);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 1);
    assert_int_equal(one_count(&o, RAFT_NOTE_TRUNCATE), 0);
    assert_string_equal(one_log(&o), "33");
    assert_int_equal(raft_brief(o.r).last, 12);
    one_free(&o);

    o = one_new(3);
    one_append(&o, 1, 3, 0, 0, 4, "111111111133");
    take_all(&o, &s, 1, 3);
    const struct raft_effect *e = one_effect(&o, RAFT_NOTE_TRUNCATE);
    assert_true(e->index == 5 && e->old == 12 && e->why == WHY_SNAPSHOT);
    assert_string_equal(one_log(&o), "");
    assert_int_equal(raft_brief(o.r).last, 10);
    assert_int_equal(o.fx.truncated_from, 0); /* RAFT_DO_INSTALL says all that is to be written */
    one_free(&o);
    free(s.bytes);
}

static void entries_of_the_same_step_become_durable_with_the_snapshot(void **state)
{
    (void)state;
    struct snapshot s = raft_state_snapshot(10, 2);
    struct one o = one_new(3);
    for (uint64_t i = 0; i + 1 < raft_state_chunks(&s); i++)
        take(&o, &s, 1, 2, i);
    raft_begin(o.r, o.now_us, &o.fx);
    struct entry e = {.index = 1, .term = 1, .op = ENTRY_NOOP, .client = NODE_NONE, .mid = "", .key = "", .value = ""};
    const struct entry *list[] = {&e};
    struct message append = one_message(&o, MESSAGE_APP_REQ, 1, 2);
    append.n_entries = 1;
    append.entries = list;
    append.commit = 1;
    raft_input(o.r, &(struct raft_event){.type = RAFT_EVENT_MESSAGE, .now_us = o.now_us, .message = &append});
    struct message last = raft_state_chunk(&o, &s, 1, 2, raft_state_chunks(&s) - 1);
    raft_input(o.r, &(struct raft_event){.type = RAFT_EVENT_MESSAGE, .now_us = o.now_us, .message = &last});
    assert_false(raft_may_join(o.r)); /* nothing may come between */
    raft_finish(o.r);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 1);
    assert_int_equal(one_count(&o, RAFT_DO_APPLY), 0);
    assert_int_equal(one_count(&o, RAFT_DO_PERSIST), 0);
    assert_int_equal(raft_brief(o.r).applied, 10);
    one_free(&o);
    free(s.bytes);
}

static void a_snapshot_counts_as_word_from_the_leader(void **state)
{
    (void)state;
    struct snapshot s = raft_state_snapshot(30, 2);
    struct one o = one_new(3);
    take(&o, &s, 1, 3, 0); /* a newer term */
    assert_int_equal(raft_brief(o.r).term, 3);
    assert_int_equal(raft_brief(o.r).leader, 1);
    assert_true(o.fx.persist_vote);
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_SET)->why, WHY_SNAPSHOT);
    one_prevote_req(&o, 2, 4, 99, 3);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    take(&o, &s, 2, 2, 0); /* an older one */
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_STALE_TERM);
    assert_int_equal(one_sent(&o, MESSAGE_SNAP_RES, 2)->term, 3);
    take(&o, &s, 2, 3, 0); /* a second leader of the same */
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
    o = one_new(3);
    one_stand(&o);
    take(&o, &s, 1, raft_brief(o.r).term + 1, 0);
    assert_int_equal(one_role(&o), RAFT_FOLLOWER);
    one_free(&o);
    free(s.bytes);
}

static void damage_is_found_and_the_whole_asked_for_anew(void **state)
{
    (void)state;
    struct snapshot s = raft_state_snapshot(30, 2), bad = s;
    struct one o = one_new(3);
    bad.bytes = malloc(s.size);
    memcpy(bad.bytes, s.bytes, s.size);
    bad.bytes[s.size / 2] ^= 1;
    take_all(&o, &bad, 1, 3);
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_UNEXPECTED);
    assert_int_equal(one_count(&o, RAFT_DO_SEND), 0);
    take(&o, &s, 1, 3, 3);
    assert_int_equal(there(&o, 1), 0);
    take_all(&o, &s, 1, 3);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 1);
    one_free(&o);
    /* What its sender has made wrong has the right digest, and is no state at that index. */
    o = one_new(3);
    bad.digest = snapshot_digest(bad.bytes, bad.size);
    take_all(&o, &bad, 1, 3);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 0);
    free(bad.bytes);
    bad = s;
    bad.index++;
    take_all(&o, &bad, 1, 3);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 0);
    assert_int_equal(raft_brief(o.r).commit, 0);
    one_free(&o);
    free(s.bytes);
}

static void the_newer_of_two_snapshots_is_taken(void **state)
{
    (void)state;
    struct snapshot s = raft_state_snapshot(30, 2), newer = raft_state_snapshot(40, 2);
    struct one o = one_new(3);
    take(&o, &s, 1, 3, 0);
    take(&o, &newer, 1, 3, 0);
    take(&o, &newer, 1, 3, 1);
    take(&o, &s, 1, 3, 1); /* late */
    assert_int_equal(one_effect(&o, RAFT_NOTE_IGNORE)->why, WHY_DUPLICATE);
    take(&o, &newer, 1, 3, 2);
    assert_int_equal(there(&o, 1), 3 * CHUNK);
    /* The next leader's is taken, whichever it is. */
    take(&o, &s, 2, 4, 0);
    assert_int_equal(there(&o, 2), CHUNK);
    for (uint64_t i = 1; i < raft_state_chunks(&s); i++)
        take(&o, &s, 2, 4, i);
    assert_int_equal(one_effect(&o, RAFT_DO_INSTALL)->index, 30);
    one_free(&o);
    free(s.bytes);
    free(newer.bytes);
}

static void chunks_that_no_leader_could_send_change_nothing(void **state)
{
    (void)state;
    struct snapshot s = raft_state_snapshot(30, 2);
    struct one o = one_new(3);
    struct message good = raft_state_chunk(&o, &s, 1, 3, 0), m;
#define REFUSED(change)                                                                                                \
    m = good;                                                                                                          \
    change;                                                                                                            \
    one_take(&o, &m);                                                                                                  \
    one_ignored(&o, WHY_UNEXPECTED)
    REFUSED(m.snap_index = 0);
    REFUSED(m.snap_term = 0);
    REFUSED(m.snap_term = 4);
    REFUSED(m.snap_index = UINT64_MAX);
    REFUSED(m.size = 0);
    REFUSED(m.size = UINT64_MAX);
    REFUSED(m.n_data = 0);
    REFUSED(m.offset = m.size);
    REFUSED(m.offset = UINT64_MAX);
    REFUSED(m.n_data = m.size + 1);
    REFUSED(m.conf = "nobody");
#undef REFUSED
    assert_int_equal(raft_brief(o.r).term, 0);
    /* Against what is committed here. */
    one_append(&o, 1, 3, 0, 0, 3, "333");
    take(&o, &s, 1, 3, 0);
    one_ignored(&o, WHY_UNEXPECTED);
    s.index = 3;
    take(&o, &s, 1, 3, 0);
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
    free(s.bytes);
}

/* Of a put in a deposed leader's log a snapshot does not tell what became of it. */
static void a_client_whose_entry_a_snapshot_covers_gets_its_answer_when_it_asks_again(void **state)
{
    (void)state;
    struct snapshot s = raft_state_snapshot(30, 2);
    struct one o = one_new(3);
    one_lead(&o);
    one_put(&o, CLIENT, "a", "k", "v");
    uint64_t term = raft_brief(o.r).term;
    assert_int_equal(term, 1);
    take_all(&o, &s, 1, 2);
    assert_int_equal(one_count(&o, RAFT_DO_INSTALL), 1);
    assert_int_equal(one_count(&o, RAFT_DO_REDIRECT), 0);
    one_put(&o, CLIENT, "a", "k", "v");
    assert_int_equal(one_effect(&o, RAFT_DO_REDIRECT)->node, 1);
    one_free(&o);
    free(s.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_is_taken_in_any_order_and_installed_as_a_whole_7),
        cmocka_unit_test(what_is_committed_is_never_replaced_by_a_snapshot),
        cmocka_unit_test(the_log_after_a_snapshot_stays_only_where_it_agrees_with_it),
        cmocka_unit_test(entries_of_the_same_step_become_durable_with_the_snapshot),
        cmocka_unit_test(a_snapshot_counts_as_word_from_the_leader),
        cmocka_unit_test(damage_is_found_and_the_whole_asked_for_anew),
        cmocka_unit_test(the_newer_of_two_snapshots_is_taken),
        cmocka_unit_test(chunks_that_no_leader_could_send_change_nothing),
        cmocka_unit_test(a_client_whose_entry_a_snapshot_covers_gets_its_answer_when_it_asks_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
