/* raft_members.c: configurations in the log (dissertation §4.1), and what follows from the latest one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/raft_one.h"

/* An append of one configuration entry. */
static void append_conf(struct one *o, node_id src, uint64_t term, uint64_t prev_index, uint64_t prev_term,
                        uint64_t commit, const char *conf)
{
    const struct entry e = {.index = prev_index + 1,
                            .term = term,
                            .op = ENTRY_CONF,
                            .client = CLIENT,
                            .mid = "C",
                            .key = "",
                            .value = conf};
    const struct entry *list[] = {&e};
    struct message m = one_message(o, MESSAGE_APP_REQ, src, term);
    m.leader = src;
    m.prev_index = prev_index;
    m.prev_term = prev_term;
    m.commit = commit;
    m.n_entries = 1;
    m.entries = list;
    one_take(o, &m);
}

static struct one with_conf(const char *conf)
{
    struct raft_config c = one_config(3);
    c.conf = conf;
    return one_from(&c);
}

static bool accepted(const char *conf)
{
    struct raft_config c = one_config(3);
    c.conf = conf;
    struct raft_effects fx = {0};
    struct raft *r = raft_new(&c, 0, &fx);
    bool ok = r != NULL && strcmp(raft_conf(r), conf) == 0;
    raft_free(r);
    raft_effects_free(&fx);
    return ok;
}

static void the_first_configuration_is_that_of_the_config_or_the_peers_and_ourselves_by_id(void **state)
{
    (void)state;
    node_id peers[] = {0x0c, 0x0a, 0xfffe};
    struct raft_config c = one_config(3);
    c.id = 0x0b;
    c.peers = peers;
    c.n_peers = 3;
    struct one o = one_from(&c);
    assert_string_equal(raft_conf(o.r), "000A,000B,000C,FFFE");
    one_free(&o);
    o = with_conf("0000=[::1]:7000,0002,0009=h:1");
    assert_string_equal(raft_conf(o.r), "0000=[::1]:7000,0002,0009=h:1");
    assert_true(raft_is_member(o.r, 9));
    assert_false(raft_is_member(o.r, 1));
    one_free(&o);
}

static void only_what_a_configuration_looks_like_is_one(void **state)
{
    (void)state;
    assert_true(accepted("0000"));
    assert_true(accepted("0000,0001=a"));
    static const char *const bad[] = {"",          "0",     "0000,",      ",0000",      "0001,0000", "0000,0000",
                                      "000a",      "00000", "0000 ,0001", "0000=",      "0000=a b",  "0000=a\tb",
                                      "0000=a,,b", "FFFF",  "0000,FFFF",  "0000=a\x7f", "0000;0001"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (accepted(bad[i]))
            fail_msg("\"%s\" was taken for a configuration", bad[i]);
    char text[22 * 5 + 1] = "";
    for (unsigned i = 0; i < RAFT_MEMBERS_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%04X", i ? "," : "", i);
    assert_true(accepted(text));
    snprintf(text + strlen(text), sizeof text - strlen(text), ",%04X", RAFT_MEMBERS_MAX);
    assert_false(accepted(text));
    char address[6 + ADDRESS_MAX + 1] = "0000=";
    memset(address + 5, 'x', ADDRESS_MAX);
    assert_true(accepted(address));
    address[5 + ADDRESS_MAX] = 'x';
    assert_false(accepted(address));
}

static void the_latest_configuration_counts_as_soon_as_it_is_in_the_log_R58(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    append_conf(&o, 1, 1, 1, 1, 0, "0000,0001,0002,0007");
    assert_true(one_sent(&o, MESSAGE_APP_RES, 1)->ok);
    assert_string_equal(raft_conf(o.r), "0000,0001,0002,0007");
    assert_int_equal(raft_brief(o.r).commit, 0);
    /* A majority of four is three: our own vote and two others. */
    while (one_role(&o) != RAFT_PRECANDIDATE)
        one_tick(&o);
    assert_true(one_sent_to(&o, MESSAGE_PREVOTE_REQ, 7));
    one_prevote_res(&o, 7, 2, true);
    assert_int_equal(one_role(&o), RAFT_PRECANDIDATE);
    one_prevote_res(&o, 2, 2, true);
    assert_int_equal(one_role(&o), RAFT_CANDIDATE);
    one_vote_res(&o, 7, 2, true);
    assert_int_equal(one_role(&o), RAFT_CANDIDATE);
    one_vote_res(&o, 1, 2, true);
    assert_int_equal(one_role(&o), RAFT_LEADER);
    one_free(&o);
}

static void truncation_restores_the_configuration_before_R58(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_append(&o, 1, 1, 0, 0, 0, "1");
    append_conf(&o, 1, 1, 1, 1, 1, "0000,0001,0002,0007");
    one_append(&o, 2, 3, 1, 1, 1, "3");
    assert_int_equal(one_effect(&o, RAFT_NOTE_TRUNCATE)->index, 2);
    assert_string_equal(raft_conf(o.r), "0000,0001,0002");
    assert_false(raft_is_member(o.r, 7));
    one_free(&o);
}

static void an_append_with_an_unreadable_configuration_is_nonsense(void **state)
{
    (void)state;
    struct one o = one_new(3);
    append_conf(&o, 1, 1, 0, 0, 0, "0000,,0002");
    one_ignored(&o, WHY_UNEXPECTED);
    append_conf(&o, 1, 1, 0, 0, 0, "");
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
}

static void who_joins_does_not_stand_until_a_configuration_names_it(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.joining = true;
    struct one o = one_from(&c);
    assert_string_equal(raft_conf(o.r), "");
    assert_true(raft_deadline(o.r) == UINT64_MAX);
    /* From a leader that no configuration names yet. */
    one_append(&o, 5, 2, 0, 0, 0, "12");
    assert_true(one_sent(&o, MESSAGE_APP_RES, 5)->ok);
    assert_int_equal(raft_brief(o.r).leader, 5);
    assert_true(raft_deadline(o.r) == UINT64_MAX);
    append_conf(&o, 5, 2, 2, 2, 2, "0000,0005,0006");
    assert_int_equal(one_effect(&o, RAFT_NOTE_TIMER_SET)->timer, RAFT_TIMER_ELECTION);
    assert_true(raft_deadline(o.r) != UINT64_MAX);
    one_stand(&o);
    one_free(&o);
}

static void a_stranger_may_ask_for_votes_and_lead_D_4_1(void **state)
{
    (void)state;
    struct one o = one_new(3);
    one_vote_req(&o, 9, 2, 0, 0);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 9)->ok);
    one_append(&o, 9, 2, 0, 0, 0, "2");
    assert_true(one_sent(&o, MESSAGE_APP_RES, 9)->ok);
    assert_int_equal(raft_brief(o.r).leader, 9);
    /* But not while a leader is alive (D §4.2.3). */
    one_vote_req(&o, 8, 3, 5, 2);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_DENY)->why, WHY_LEADER_ALIVE);
    assert_int_equal(raft_brief(o.r).term, 2);
    one_free(&o);
}

static void who_is_removed_stands_only_while_the_removal_may_be_undone_D_4_2_2(void **state)
{
    (void)state;
    struct one o = one_new(3);
    append_conf(&o, 1, 1, 0, 0, 0, "0001,0002");
    /* Not committed as far as we know: the group may need us; but our own vote does not count. */
    while (one_role(&o) != RAFT_PRECANDIDATE)
        one_tick(&o);
    assert_int_equal(one_effect(&o, RAFT_NOTE_VOTE_COUNT)->have, 0);
    one_prevote_res(&o, 1, 2, true);
    assert_int_equal(one_role(&o), RAFT_PRECANDIDATE);
    one_prevote_res(&o, 2, 2, true);
    assert_int_equal(one_role(&o), RAFT_CANDIDATE);
    one_append(&o, 1, 2, 1, 1, 1, "");
    assert_int_equal(raft_brief(o.r).commit, 1);
    assert_true(raft_deadline(o.r) == UINT64_MAX);
    /* Votes are given as before (D §4.1). */
    o.now_us += ONE_MAX * 1000;
    one_vote_req(&o, 2, 3, 1, 1);
    assert_true(one_sent(&o, MESSAGE_VOTE_RES, 2)->ok);
    assert_true(raft_deadline(o.r) == UINT64_MAX);
    one_free(&o);
}

/* As the course's groups are. */
static void a_fixed_group_hears_no_strangers_and_takes_no_change(void **state)
{
    (void)state;
    struct raft_config c = one_config(3);
    c.fixed = true;
    struct one o = one_from(&c);
    o.now_us += ONE_MAX * 1000;
    one_vote_req(&o, 9, 7, 9, 6);
    one_ignored(&o, WHY_NOT_MEMBER);
    one_append(&o, 9, 7, 0, 0, 0, "7");
    one_ignored(&o, WHY_NOT_MEMBER);
    assert_int_equal(raft_brief(o.r).term, 0);
    one_lead(&o);
    struct message m = one_message(&o, MESSAGE_CHANGE, CLIENT, 0);
    m.change = CHANGE_REMOVE;
    m.node = 1;
    one_take(&o, &m);
    one_ignored(&o, WHY_UNEXPECTED);
    one_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fixed_group_hears_no_strangers_and_takes_no_change),
        cmocka_unit_test(the_first_configuration_is_that_of_the_config_or_the_peers_and_ourselves_by_id),
        cmocka_unit_test(only_what_a_configuration_looks_like_is_one),
        cmocka_unit_test(the_latest_configuration_counts_as_soon_as_it_is_in_the_log_R58),
        cmocka_unit_test(truncation_restores_the_configuration_before_R58),
        cmocka_unit_test(an_append_with_an_unreadable_configuration_is_nonsense),
        cmocka_unit_test(who_joins_does_not_stand_until_a_configuration_names_it),
        cmocka_unit_test(a_stranger_may_ask_for_votes_and_lead_D_4_1),
        cmocka_unit_test(who_is_removed_stands_only_while_the_removal_may_be_undone_D_4_2_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
