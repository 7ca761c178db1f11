/* test_check_raft_commit.c -- the rules of commit and apply (R29 to R42) fire on a trace that breaks them.
 *
 * Sources in the names: "paper" is Ongaro and Ousterhout 2014 (extended version), "D" Ongaro's dissertation 2014. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/raft_bad.h"

static void commit_back(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_commit(rt, 0, 1, "quorum");
}

/* The follower's log has an entry that this append does not confirm. */
static void commits_its_last(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_recv(rt, rt_send(rt, 0, 1, "app_req", "\"pi\":2,\"pt\":1,\"lci\":3"));
    rt_commit(rt, 1, 3, "leader_commit");
}

static void commits_alone(struct raft_trace *rt)
{
    rt_request(rt, 0, "put", "k");
    rt_append(rt, 0, 1, "new");
    rt_commit(rt, 0, 3, "quorum");
}

/* The answer to a heartbeat, taken as an acknowledgement of what was appended since. */
static void match_from_present_state(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    int append = rt_send_append(rt, 0, 1, 2, 0);
    rt_recv(rt, append);
    int ack = rt_send(rt, 1, 0, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":3", rt->msg[append].mid);
    rt_request(rt, 0, "put", "k");
    rt_append(rt, 0, 1, "new");
    rt_recv(rt, ack);
    rt_commit(rt, 0, 3, "quorum");
}

static void commits_older_term(struct raft_trace *rt)
{
    rt_timer(rt, 0, "heartbeat");
    rt_append(rt, 0, 1, "h3.1");
    rt_follow(rt, rt_send_append(rt, 0, 1, 2, 1));
    rt_elect(rt, 1, 2, 1u << 2);
    rt_recv(rt, rt_follow(rt, rt_send_append(rt, 1, 2, 2, 1)));
    rt_commit(rt, 1, 3, "quorum");
}

static void commits_differ(struct raft_trace *rt)
{
    commits_alone(rt);
    rt_elect(rt, 1, 2, 1u << 2);
    rt_replicate(rt, 1, 1u << 2);
}

static void leader_lacks_committed(struct raft_trace *rt)
{
    rt_put(rt, 0, 1u << 2);
    rt_elect(rt, 1, 2, 1u << 2);
}

static void applied_again(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_recv(rt, rt_send_append(rt, 0, 1, 3, 0));
    rt_commit(rt, 1, 3, "leader_commit");
    rt_apply(rt, 1, 3, "h3.1");
    rt_rec(rt, 1, "apply", "\"idx\":3,\"eterm\":1,\"op\":\"put\",\"h\":\"h3.1\"");
}

static void apply_of_something_else(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_recv(rt, rt_send_append(rt, 0, 1, 3, 0));
    rt_commit(rt, 1, 3, "leader_commit");
    rt_rec(rt, 1, "apply", "\"idx\":2,\"eterm\":1,\"op\":\"put\",\"h\":\"else\"");
}

static void state_drifts(struct raft_trace *rt)
{
    rt_timer(rt, 1, "election");
    rt_rec(rt, 1, "state.hash", "\"at\":1,\"h\":\"drifted\"");
}

static void request_applied_twice(struct raft_trace *rt)
{
    rt_put(rt, 0, RT_ALL);
    rt_timer(rt, 0, "heartbeat");
    rt_rec(rt, 0, "apply",
           "\"idx\":4,\"eterm\":1,\"op\":\"put\",\"h\":\"h4.1\",\"key\":\"k\",\"req\":\"REQ1\",\"cli\":\"0100\"");
}

static void reply_before_commit(struct raft_trace *rt)
{
    int64_t put = rt_request(rt, 0, "put", "k");
    rt_append(rt, 0, 1, "new");
    rt_rec(rt, 0, "req.reply", "\"req\":\"REQ%lld\",\"cli\":\"0100\",\"op\":\"put\",\"res\":\"ok\"", (long long)put);
}

static const struct raft_bad bads[] = {
    {"R29: a commit index that goes back is found (paper Figure 2)", "R29", "commit-goes-back", commit_back},
    {"R30: a follower that commits its own tail is found (etcd-raft b927fa8)", "R30", "commit-beyond-confirmed",
     commits_its_last},
    {"R31: a commit without acknowledgements is found (paper 5.3)", "R31", "commit-without-quorum", commits_alone},
    {"R31: a heartbeat's answer does not acknowledge later entries (Students' Guide)", "R31", "commit-without-quorum",
     match_from_present_state},
    {"R32: an older term's entry committed by counting is found (paper Figure 8)", "R32",
     "commit-older-term-by-counting", commits_older_term},
    {"R33: different entries committed at an index are found (paper Figure 3)", "R33", "different-entries-committed",
     commits_differ},
    {"R34: a leader without a committed entry is found (paper Figure 3)", "R34", "leader-misses-committed-entry",
     leader_lacks_committed},
    {"R35: a commit that only one replica holds is found (paper 5.3)", "R35", "committed-without-copies",
     commits_alone},
    {"R37: an entry applied out of order is found (paper Figure 2)", "R37", "applied-out-of-order", applied_again},
    {"R38: applying what is not in the log is found (paper 5.3)", "R38", "applied-what-is-not-logged",
     apply_of_something_else},
    {"R39: different entries applied at an index are found (paper Figure 3)", "R39", "different-entries-applied",
     apply_of_something_else},
    {"R40: states that differ at an index are found (D 6.3)", "R40", "states-differ", state_drifts},
    {"R41: a request applied twice is found (paper 8)", "R41", "retry-applied-twice", request_applied_twice},
    {"R42: a write acknowledged before it is applied is found (paper 5.3)", "R42", "reply-before-apply",
     reply_before_commit},
};

static void before(struct raft_trace *rt)
{
    rt_open(rt, 3);
    rt_work(rt);
}

int main(void)
{
    return raft_bad_run("commit, broken", bads, sizeof bads / sizeof *bads, before);
}
