/* raft.h -- what the core takes and decides.
 *
 * The algorithm is a function: raft_step(state, event, effects). Time and chance are inputs; nothing here reads a
 * clock, a socket or a file, or knows about JSON or traces. Section numbers without a source are the extended Raft
 * paper's (Ongaro and Ousterhout 2014); "D" is Ongaro's dissertation (2014).
 *
 * One thread per struct raft. All times are microseconds on the caller's monotonic clock. */
#ifndef FAULTLINE_RAFT_H
#define FAULTLINE_RAFT_H

#include "message.h"

#define RAFT_MEMBERS_MAX 21

/* What the entries of one append may take on the wire, at most (raft_config.append_bytes is cut to it): the rest of
 * DATAGRAM_MAX is room for the other fields. A put whose entry alone would take more is refused with RAFT_DO_FAIL. */
#define RAFT_ENTRY_BYTES_MAX 64000
/* The part of an entry's bytes that does not depend on its strings: names of fields, numbers, punctuation. wire.c must
 * not need more; nor more for a string than the worst case that raft_entry_bytes() counts. */
#define RAFT_ENTRY_BYTES_FIXED 256

/* Bytes that the entry takes on the wire, at most: JSON strings, escaped without need where they are not ASCII. */
size_t raft_entry_bytes(const struct entry *e);

enum raft_role { RAFT_FOLLOWER, RAFT_PRECANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

enum raft_reads {
    RAFT_READS_INDEX,        /* ReadIndex: a quorum confirms leadership after the read arrived (D §6.4) */
    RAFT_READS_LEASE,        /* at once while a quorum's promise not to elect another lasts (D §6.4.1), else ReadIndex */
    RAFT_READS_LOCAL         /* a leader answers from its own state without asking anyone: UNSAFE, for demonstration */
};

/* What stable storage held. Entries come one by one: next_entry() returns false after the last; what it fills in is
 * borrowed until the next call. */
struct raft_restored {
    uint64_t term;
    node_id voted;
    uint64_t applied;                /* where the state machine is: base_index or later, and not beyond the last entry */
    uint64_t base_index, base_term;  /* the log begins after it; 0 = at the beginning */
    const char *base_conf;           /* the configuration at base_index; NULL = that of the config */
    bool (*next_entry)(void *ctx, struct entry *e);   /* base_index + 1 and on; NULL = none */
    void *ctx;
};

struct raft_config {
    node_id id;
    const node_id *peers;            /* without ourselves; order is irrelevant; copied */
    unsigned n_peers;                /* 0 to RAFT_MEMBERS_MAX - 1 */
    uint64_t election_min_us, election_max_us;   /* drawn anew each time, uniform */
    uint64_t heartbeat_us;
    uint64_t retry_us;               /* an unacknowledged append is sent again after this long */
    uint64_t hold_us;                /* how long a request may wait for a leader to be known */
    unsigned hold_max;               /* how many may; more are redirected to nobody at once */
    size_t append_bytes;             /* budget for the entries of one append, in bytes on the wire */
    size_t chunk_bytes;              /* of a snapshot in one datagram, before base64; 0: as many as any datagram takes */
    enum raft_reads reads;
    unsigned drift_ppm;              /* no clock of the group runs faster or slower than another by more */
    uint64_t compact_entries;        /* the log is compacted when that many applied entries are in it; 0 = never */
    uint64_t compact_bytes;          /* or that many bytes of them; 0 = any */
    const char *conf;                /* the first configuration with addresses, as text; NULL: peers and ourselves, without */
    bool fixed;                      /* the group stays as it is: no change is taken, and nobody else is heard */
    bool joining;                    /* not a member yet: stands only once a configuration names us (D §4.1: but votes) */
    const struct raft_restored *restored; /* NULL: nothing was there. Borrowed for raft_new() */
    /* Answer a request that comes again after its answer: on a real network the answer may be lost, and the request table
     * keeps a put from being applied twice (§8). False: never, for a network whose clients count answers. */
    bool answer_again;
    uint64_t seed;                   /* of the election timeouts */
};

/* ---- what the core takes ---- */

enum raft_event_type {
    RAFT_EVENT_TICK,                 /* time has passed: raft_deadline() is due */
    RAFT_EVENT_MESSAGE               /* a decoded datagram from a peer or a client, as wire.c accepted it */
};

struct raft_event {
    enum raft_event_type type;
    uint64_t now_us;
    const struct message *message;   /* borrowed for the call */
    int64_t tag;                     /* GET, PUT: given back in the effects about this request (where its arrival was recorded) */
};

/* ---- what the core decides: an ordered list of effects ---- */

/* Small state, as it is after the effect: every effect carries its own copy. */
struct raft_brief { uint64_t term, commit, applied, last; enum raft_role role; node_id leader; };

enum raft_why {
    WHY_NONE,
    WHY_ELECTION_TIMEOUT, WHY_QUORUM_PREVOTES, WHY_QUORUM_VOTES, WHY_HIGHER_TERM, WHY_LEADER_SAME_TERM,
    WHY_LOST_QUORUM, WHY_STARTUP,      /* role; also WHY_VOTE_GRANTED: a pre-candidate that votes for another gives up */
    WHY_TIMEOUT, WHY_HIGHER_TERM_MSG,                                                    /* term */
    WHY_STALE_TERM, WHY_ALREADY_VOTED, WHY_LOG_BEHIND, WHY_LEADER_ALIVE, WHY_NOT_MEMBER, /* vote, ignore */
    WHY_APPEND, WHY_VOTE_GRANTED, WHY_ELECTION_STARTED, WHY_RESTART, WHY_STEP_DOWN, WHY_LEADER, WHY_TICK, /* timer */
    WHY_NO_PREV, WHY_PREV_TERM,                                                          /* log.reject */
    WHY_CONFLICT, WHY_SNAPSHOT,                                                          /* log.truncate; commit, peer.state, timer */
    WHY_TRANSFER, WHY_REMOVED, WHY_RECOVERED,                                            /* role, term, lease */
    WHY_BUSY, WHY_NOT_READY, WHY_UNKNOWN_MEMBER, WHY_KNOWN_MEMBER, WHY_GROUP_SIZE,       /* a change of members refused */
    WHY_QUORUM, WHY_LEADER_COMMIT,                                                       /* commit */
    WHY_PROBE, WHY_REPLICATE,                                                            /* peer.state */
    WHY_NOT_LEADER, WHY_NO_LEADER, WHY_LEADER_SILENT,                                                       /* redirect, hold */
    WHY_NOT_CANDIDATE, WHY_DUPLICATE, WHY_OLD_ROUND, WHY_FORGED, WHY_WRONG_DST, WHY_UNEXPECTED, /* ignore */
    WHY_OVERLOAD
};

enum raft_timer { RAFT_TIMER_ELECTION, RAFT_TIMER_HEARTBEAT, RAFT_TIMER_RETRY, RAFT_TIMER_QUORUM, RAFT_TIMER_HOLD };

/* A client's request, as the core keeps it while it waits. Strings are valid until the next raft_step(). */
struct raft_request {
    node_id client;
    const char *mid, *key;
    int64_t tag;                     /* of the event that brought it */
};

enum raft_effect_type {
    /* notes: nothing to do but to record them */
    RAFT_NOTE_ROLE,                  /* from_role, to_role, why */
    RAFT_NOTE_TERM,                  /* old, why */
    RAFT_NOTE_LEADER,                /* old, peer (NODE_NONE = nobody) in from_node, node */
    RAFT_NOTE_VOTE_GRANT,            /* node, term_asked, index, term (candidate's tail), pre */
    RAFT_NOTE_VOTE_DENY,             /* the same, voted, why */
    RAFT_NOTE_VOTE_COUNT,            /* have, need, node, pre */
    RAFT_NOTE_TIMER_SET,             /* timer, at_us, why */
    RAFT_NOTE_TIMER_FIRE,            /* timer, late_us: the cause of what follows it */
    RAFT_NOTE_APPEND,                /* entry */
    RAFT_NOTE_REJECT,                /* index, term (the missing predecessor), why */
    RAFT_NOTE_TRUNCATE,              /* index (first removed), old (last before), why */
    RAFT_NOTE_COMMIT,                /* old, index (new), why, acks */
    RAFT_NOTE_PEER,                  /* node, next, match, why */
    RAFT_NOTE_HOLD,                  /* request: waits for a leader to be known, or to be heard of again, why */
    RAFT_NOTE_READ_INDEX,            /* request, index, term (of the entry at index), round, have */
    RAFT_NOTE_READ_CONFIRM,          /* round, need, have */
    RAFT_NOTE_LEASE,                 /* the lease that the reads that follow rest on: since_us, until_us, by, n_by */
    RAFT_NOTE_LEASE_END,             /* given up before its time: until_us, why */
    RAFT_NOTE_SNAP_SEND,             /* a snapshot goes to node: index, term, size */
    RAFT_NOTE_IGNORE,                /* the event's message had no effect, why */
    /* things to do, in this order relative to each other */
    RAFT_DO_PERSIST,                 /* what raft_effects says must be on stable storage before anything that follows.
                                      * Messages before it may go out before: they do not depend on it */
    RAFT_DO_INSTALL,                 /* the state machine becomes the snapshot: index, term, data, size, conf, from node;
                                      * durable, with the log that is left, before anything that follows */
    RAFT_DO_COMPACT,                 /* the log up to (index, term), where the configuration is conf, is given up: the state
                                      * machine, which is at `match` >= index, must be on stable storage in its place before
                                      * anything that follows */
    RAFT_DO_SNAPSHOT,                /* give the state machine, which is at index, to raft_give_snapshot() before the next step */
    RAFT_DO_APPLY,                   /* hand `entry` to the state machine; if `answer`, its client waits here for ok */
    RAFT_DO_READ,                    /* answer `request` from the state machine: index, term, round; local = unconfirmed */
    RAFT_DO_REDIRECT,                /* answer `request` with redirect to `node` (NODE_NONE: nobody known), why */
    RAFT_DO_FAIL,                    /* answer `request` with fail: it was not and will not be applied; why = WHY_OVERLOAD:
                                      * a put that does not fit into one append (RAFT_ENTRY_BYTES_MAX). Or a change of
                                      * members is refused, or leadership did not move in time (WHY_NOT_READY): then
                                      * it may still move, for the message that asks for it may be late */
    RAFT_DO_OK,                      /* answer `request` with ok: a transfer of leadership is done, or nothing was to do */
    RAFT_DO_SEND                     /* send `message`; src, dst, leader are set, mid and lc are the caller's to fill in */
};

struct raft_effect {
    enum raft_effect_type type;
    struct raft_brief after;
    enum raft_why why;
    enum raft_role from_role, to_role;
    node_id node, from_node, voted;
    uint64_t index, term, old, round, term_asked, next, match;
    unsigned have, need;
    bool pre, answer, local, leased; /* leased: DO_READ rests on the lease of since_us, until_us, not on a round */
    uint64_t since_us, until_us;     /* lease: a quorum answered appends sent at since_us or later */
    unsigned n_by;
    const char *conf;                /* valid until the next raft_step() */
    const unsigned char *data;
    uint64_t size;
    enum raft_timer timer;
    uint64_t at_us, late_us;
    const struct entry *entry;       /* valid until the next raft_step() */
    struct raft_request request;
    unsigned n_acks;
    /* What is not said to be there is not set: most of the bytes, in few of the effects. */
    node_id by[RAFT_MEMBERS_MAX];
    struct { node_id node; uint64_t match; } acks[RAFT_MEMBERS_MAX];
    struct message message;          /* RAFT_DO_SEND; its entries are valid until the next raft_step() */
};

/* Grows as needed and is reused from step to step; raft_step() empties it first. */
struct raft_effects {
    struct raft_effect *v;
    size_t n, room;
    /* What must be on stable storage before the first RAFT_DO_*: */
    bool persist_vote;               /* term and vote changed */
    uint64_t truncated_from;         /* 0 = nothing was removed */
    uint64_t appended_from;          /* 0 = nothing was added; entries appended_from..last are new */
};
/* How a step is made of more than one event: raft_begin(), raft_input() for each, raft_finish(). What is the same for
 * all of them (one write to stable storage, one append to each follower, one acknowledgement) is then done once. */
void raft_effects_free(struct raft_effects *fx);

/* ---- the core ---- */

struct raft;

/* A follower, in term 0 with an empty log or in the state that was restored; nothing else outlives a crash. For
 * election_min_us after a restart it grants no vote: it may have promised that to a leader (D §6.4.1). NULL: a config
 * out of bounds (an interval or append_bytes 0, min > max, too many peers, a peer twice, ourselves or NODE_NONE as a
 * peer), or a restored state that is not sound. The first election timeout counts from `now_us`; what there is to
 * record at the start is in `fx` (role with why startup, timer). Aborts on out of memory. */
struct raft *raft_new(const struct raft_config *cfg, uint64_t now_us, struct raft_effects *fx);
void raft_free(struct raft *r);

/* Handles one event and fills `fx`. Never fails on any message: what is stale, forged or nonsense has only a
 * RAFT_NOTE_IGNORE. Aborts on out of memory. Ends with raft_check(). */
void raft_step(struct raft *r, const struct raft_event *ev, struct raft_effects *fx);

/* The same in parts. After each raft_input() the effects so far may be carried out already. raft_input() may only follow
 * another one while raft_may_join(): an event that changed role, term or vote ends the step. */
void raft_begin(struct raft *r, uint64_t now_us, struct raft_effects *fx);
void raft_input(struct raft *r, const struct raft_event *ev);
bool raft_may_join(const struct raft *r);
/* Is a change of members asked for or not committed yet, as far as this replica knows? Then no other is begun (D §4.1). */
bool raft_change_under_way(const struct raft *r);
void raft_finish(struct raft *r);

/* After RAFT_DO_SNAPSHOT: the bytes, which become the core's (free()), and what kv_save() made of. */
void raft_give_snapshot(struct raft *r, uint64_t index, unsigned char *bytes, size_t n);

/* When the next RAFT_EVENT_TICK is due; UINT64_MAX: no timer is armed. An earlier or needless tick does nothing. */
uint64_t raft_deadline(const struct raft *r);
struct raft_brief raft_brief(const struct raft *r);
node_id raft_voted_for(const struct raft *r);
/* NULL when there is no such entry. Valid until the next raft_step(). */
const struct entry *raft_entry(const struct raft *r, uint64_t index);
/* What the log begins after; 0 = nothing was given up yet. */
uint64_t raft_base(const struct raft *r, uint64_t *term);
/* The latest configuration in the log, as text. Valid until the next raft_step(). */
const char *raft_conf(const struct raft *r);
/* Fills what the core knows of `s`; `members` has room for RAFT_MEMBERS_MAX + 1. Strings as raft_conf(). */
void raft_status(const struct raft *r, uint64_t now_us, struct status *s, struct member_status *members);
/* Is `id` one of the group (ourselves included), as far as our log tells? */
bool raft_is_member(const struct raft *r, node_id id);
/* Does it matter what the message says? An answer, only of a member; a request of another replica, of anybody but
 * ourselves: the sender may have been added by an entry that has not come here yet (D §4.1). In a group that is fixed, only
 * of members. */
bool raft_hears(const struct raft *r, const struct message *m);

#endif
