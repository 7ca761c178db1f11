/* replica_words.c -- the core's roles, timers and reasons in the words of the trace. One that has no word does not
 * compile
 * (-Wswitch-enum, no default). */
#include "replica_record_int.h"

const char *role_word(enum raft_role role)
{
    static const char *const words[] = {
        [RAFT_FOLLOWER] = "F", [RAFT_PRECANDIDATE] = "P", [RAFT_CANDIDATE] = "C", [RAFT_LEADER] = "L"};
    return words[role];
}

const char *timer_word(enum raft_timer timer)
{
    static const char *const words[] = {[RAFT_TIMER_ELECTION] = "election",
                                        [RAFT_TIMER_HEARTBEAT] = "heartbeat",
                                        [RAFT_TIMER_RETRY] = "retry",
                                        [RAFT_TIMER_QUORUM] = "quorum",
                                        [RAFT_TIMER_HOLD] = "hold"};
    return words[timer];
}

const char *op_word(enum entry_op op)
{
    static const char *const words[] = {[ENTRY_NOOP] = "noop", [ENTRY_PUT] = "put", [ENTRY_CONF] = "conf"};
    return words[op];
}

const char *why_word(enum raft_why why)
{
    switch (why) {
    case WHY_NONE:
        return NULL;
    case WHY_ELECTION_TIMEOUT:
        return "election_timeout";
    case WHY_QUORUM_PREVOTES:
        return "quorum_prevotes";
    case WHY_QUORUM_VOTES:
        return "quorum_votes";
    case WHY_HIGHER_TERM:
        return "higher_term";
    case WHY_LEADER_SAME_TERM:
        return "leader_same_term";
    case WHY_LOST_QUORUM:
        return "lost_quorum";
    case WHY_STARTUP:
        return "startup";
    case WHY_TIMEOUT:
        return "timeout";
    case WHY_HIGHER_TERM_MSG:
        return "higher_term_msg";
    case WHY_STALE_TERM:
        return "stale_term";
    case WHY_ALREADY_VOTED:
        return "already_voted";
    case WHY_LOG_BEHIND:
        return "log_behind";
    case WHY_LEADER_ALIVE:
        return "leader_alive";
    case WHY_NOT_MEMBER:
        return "not_member";
    case WHY_APPEND:
        return "append";
    case WHY_VOTE_GRANTED:
        return "vote_granted";
    case WHY_ELECTION_STARTED:
        return "election_started";
    case WHY_RESTART:
        return "restart";
    case WHY_STEP_DOWN:
        return "step_down";
    case WHY_LEADER:
        return "leader";
    case WHY_TICK:
        return "tick";
    case WHY_NO_PREV:
        return "no_prev";
    case WHY_PREV_TERM:
        return "prev_term";
    case WHY_CONFLICT:
        return "conflict";
    case WHY_SNAPSHOT:
        return "snapshot";
    case WHY_TRANSFER:
        return "transfer";
    case WHY_REMOVED:
        return "removed";
    case WHY_RECOVERED:
        return "recovered";
    case WHY_BUSY:
        return "busy";
    case WHY_NOT_READY:
        return "not_ready";
    case WHY_UNKNOWN_MEMBER:
        return "unknown_member";
    case WHY_KNOWN_MEMBER:
        return "known_member";
    case WHY_GROUP_SIZE:
        return "group_size";
    case WHY_QUORUM:
        return "quorum";
    case WHY_LEADER_COMMIT:
        return "leader_commit";
    case WHY_PROBE:
        return "probe";
    case WHY_REPLICATE:
        return "replicate";
    case WHY_NOT_LEADER:
        return "not_leader";
    case WHY_NO_LEADER:
        return "no_leader";
    case WHY_LEADER_SILENT:
        return "leader_silent";
    case WHY_NOT_CANDIDATE:
        return "not_candidate";
    case WHY_DUPLICATE:
        return "duplicate";
    case WHY_OLD_ROUND:
        return "old_round";
    case WHY_FORGED:
        return "forged";
    case WHY_WRONG_DST:
        return "wrong_dst";
    case WHY_UNEXPECTED:
        return "unexpected";
    case WHY_OVERLOAD:
        return "overload";
    }
    return NULL;
}
