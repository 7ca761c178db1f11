/* test_check_raft_log.c -- the rules of entries, appends and their answers (R15 to R28, R50) fire on a trace that
 * breaks them.
 *
 * Sources in the names: "paper" is Ongaro and Ousterhout 2014 (extended version), "D" Ongaro's dissertation 2014. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/raft_bad.h"

static void leader_truncates(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_truncate(rt, 0, 2);
}

static void leader_appends_of_another_term(struct raft_trace *rt)
{
    rt_elect(rt, 1, 2, 1u << 2);
    rt_timer(rt, 1, "heartbeat");
    rt_append(rt, 1, 1, "of an older term");
}

static void entry_made_twice(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "mine");
    rt_timer(rt, 1, "election");
    rt_role(rt, 1, 'C', "election_timeout");
    rt_role(rt, 1, 'L', "quorum_votes");
    rt_append(rt, 1, 1, "mine too");
}

static void follower_sends_append(struct raft_trace *rt)
{
    rt_timer(rt, 1, "heartbeat");
    rt_send_append(rt, 1, 2, 2, 0);
}

static void append_with_false_predecessor(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_send(rt, 0, 1, "app_req", "\"pi\":2,\"pt\":9,\"lci\":0");
}

static void append_with_false_entry(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_send(rt, 0, 1, "app_req", "\"pi\":1,\"pt\":1,\"lci\":0,\"ents\":[[2,1,\"forged\"]]");
}

static void announces_too_much(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_send(rt, 0, 1, "app_req", "\"pi\":2,\"pt\":1,\"lci\":99");
}

static void acks_without_predecessor(struct raft_trace *rt)
{
    int append = rt_send(rt, 0, 1, "app_req", "\"pi\":50,\"pt\":1,\"lci\":0");
    rt_recv(rt, append);
    rt_send(rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":50", rt->msg[append].mid);
}

static void acks_what_it_has_not(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "new");
    int append = rt_send_append(rt, 0, 1, 2, 1);
    rt_recv(rt, append);
    rt_send(rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":3", rt->msg[append].mid);
}

static void acks_too_far(struct raft_trace *rt)
{
    int append = rt_send_append(rt, 0, 1, 2, 0);
    rt_recv(rt, append);
    rt_send(rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":7", rt->msg[append].mid);
}

static void truncates_at_a_heartbeat(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_recv(rt, rt_send_append(rt, 0, 1, 2, 0));
    rt_truncate(rt, 1, 3);
}

static void truncates_committed(struct raft_trace *rt)
{
    rt_recv(rt, rt_send_append(rt, 0, 1, 0, 1));
    rt_truncate(rt, 1, 1);
}

static void entry_out_of_nowhere(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_append(rt, 1, 1, "dreamt");
}

static void entry_of_a_future_term(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_append(rt, 1, 9, "future");
}

static void same_entry_other_command(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "one");
    rt_recv(rt, rt_send_append(rt, 0, 1, 2, 1));
    rt_append(rt, 1, 1, "another");
}

static void ack_before_sync(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_rec(rt, 1, "disk.sync", "\"what\":\"log\",\"upto\":2,\"us\":10");
    rt_put(rt, 0, RT_ALL);
}

static const struct raft_bad bads[] = {
    {"R15: a leader that removes entries is found (paper 5.3)", "R15", "leader-overwrites-log", leader_truncates},
    {"R16: a leader's entry of another term is found (paper 5.3)", "R16", "leader-appends-wrong-entry",
     leader_appends_of_another_term},
    {"R16: an entry made twice is found (paper 5.3)", "R16", "entry-made-twice", entry_made_twice},
    {"R17: an append of a follower is found (paper 5.2)", "R17", "append-from-non-leader", follower_sends_append},
    {"R18: an append with a false predecessor is found (paper Figure 2)", "R18", "append-differs-from-log",
     append_with_false_predecessor},
    {"R18: an append with a false entry is found (paper Figure 2)", "R18", "append-differs-from-log",
     append_with_false_entry},
    {"R19: a leader that announces more than it committed is found (paper Figure 2)", "R19",
     "append-announces-uncommitted", announces_too_much},
    {"R21: an acknowledgement without the predecessor is found (paper Figure 2)", "R21",
     "ack-without-matching-predecessor", acks_without_predecessor},
    {"R22: an acknowledgement of an entry that is not there is found (paper Figure 2)", "R22", "ack-without-entry",
     acks_what_it_has_not},
    {"R23: an acknowledgement beyond the request is found (Students' Guide)", "R23", "ack-beyond-request",
     acks_too_far},
    {"R24: a truncation by a heartbeat is found (raftos issue 26)", "R24", "truncation-without-conflict",
     truncates_at_a_heartbeat},
    {"R25: a truncation of committed entries is found (paper 5.4)", "R25", "committed-entry-removed",
     truncates_committed},
    {"R26: an entry that no leader sent is found (paper 5.3)", "R26", "entry-without-source", entry_out_of_nowhere},
    {"R27: an entry of a future term is found (paper 5.3)", "R27", "terms-out-of-order", entry_of_a_future_term},
    {"R28: different commands at the same index and term are found (paper Figure 3)", "R28", "logs-do-not-match",
     same_entry_other_command},
    {"R50: an acknowledgement before it is durable is found (D 3.8)", "R50", "ack-not-durable", ack_before_sync},
};

static void before(struct raft_trace *rt)
{
    rt_open(rt, 3);
    rt_work(rt);
}

int main(void)
{
    return raft_bad_run("log, broken", bads, sizeof bads / sizeof *bads, before);
}
