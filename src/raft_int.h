/* raft_int.h -- the parts of the core, for each other. Nobody else includes it.
 *
 * Who may change what: role through raft_become(), term through raft_adopt_term() and the candidacy, the log through
 * raft_log_*(), commit through raft_commit_to(), the known leader through raft_leader_is(). */
#ifndef FAULTLINE_RAFT_INT_H
#define FAULTLINE_RAFT_INT_H

/* The invariants are checked in production too. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "raft.h"
#include "rng.h"

#define NEVER UINT64_MAX
/* Terms, indexes and rounds beyond this are nonsense: it leaves room to count on, and JSON numbers stay exact. */
#define COUNT_MAX (UINT64_C(1) << 53)
/* No member gets so far ahead of another by elections: in the upper half of the terms a message may not lead further
 * than this at once, or one forged datagram would use up the terms that there are. */
#define TERM_AHEAD_MAX (UINT64_C(1) << 32)
/* Appends under way to one follower, at most: further entries wait, and go together. */
#define APPENDS_MAX 8
/* The share of appends that are lost: the last 16 or so count. */
#define LOSSES_ALL 65536
#define LOSSES_MEMORY 16
/* Replies of one step, at most. */
#define REPLIES_MAX 32
/* Requests whose MID is remembered, so that none is answered twice. */
#define SEEN_MAX 8192
/* Bytes of a snapshot in one datagram, before base64, at most. */
#define CHUNK_BYTES 40000
/* Bytes of a snapshot that a follower takes, at most. */
#define SNAPSHOT_MAX (UINT64_C(1) << 30)

/* ---- entries and the log (raft_log.c) ---- */

/* One allocation: the strings follow. */
struct stored {
    struct entry e;
    unsigned refs;
    size_t bytes; /* raft_entry_bytes() */
    struct stored *next_dead;
};

/* Never grown in place: the messages of this step may borrow a part of it. */
struct shelf {
    struct shelf *next_dead;
    size_t room;
    const struct entry *v[]; /* each is the first member of a struct stored */
};

struct log {
    uint64_t base_index, base_term; /* of the last entry that was given up (§7); 0, 0: none was */
    uint64_t applied_bytes;         /* raft_entry_bytes() of the applied entries that are here */
    struct shelf *shelf;            /* shelf->v[i - base_index - 1] has index i; NULL: none so far */
    size_t n;
    struct stored *dead; /* no longer referred to, but perhaps by the effects of this step */
    struct shelf *dead_shelves;
};

/* ---- clients (raft_client.c) ---- */

/* A get or put while it waits. One allocation: the strings follow. */
struct request {
    struct request *next;
    enum message_type op;
    node_id client;
    int64_t tag;
    const char *mid, *key, *value; /* change: value is the address */
    enum change_op change;
    node_id node;
    uint64_t until_us;            /* held: redirected to nobody then */
    uint64_t index, term, round;  /* read: its index once taken (0 = not yet) and the round that must be answered */
};

struct queue {
    struct request *head, *tail;
    unsigned n;
};

/* A put whose entry is in the log, or was: what becomes of it shows when its index commits. */
struct waiter {
    uint64_t index, term;
    const struct entry *entry; /* counted */
    int64_t tag;
};

/* Waiters by index, in a window v[first, first + n). */
struct waiters {
    struct waiter *v;
    size_t first, n, room;
    uint64_t oldest_term; /* no waiter's term is below it */
};

/* The last SEEN_MAX requests: a ring in order of arrival, and chains by hash (raft_seen.c). */
struct seen_one {
    char *mid;
    uint64_t hash;
    uint32_t next; /* in the chain: 1 + position, 0 = end */
    node_id client;
    bool open;     /* not answered yet: must not be forgotten */
};
struct seen {
    struct seen_one *ring;
    uint32_t *chains;
    uint32_t n, room, oldest; /* room: a power of two, of ring and chains alike */
};

/* ---- members ---- */

#define PEERS_MAX (RAFT_MEMBERS_MAX + 1) /* the voters, and one that comes or goes */

struct voter {
    node_id id;
    const char *address; /* "" where nobody needs one */
};

/* A configuration, in order of id. One allocation: the strings follow. */
struct conf {
    struct conf *below; /* the one that it replaced */
    uint64_t index;     /* of its entry; of the log's base for the lowest */
    const char *text;
    unsigned n; /* 0: that of a server that waits to be added */
    struct voter v[RAFT_MEMBERS_MAX];
};

/* A snapshot on its way to a follower (raft_snapshot_send.c). */
struct transfer {
    uint64_t index;       /* of the snapshot; 0: nothing is on its way yet */
    uint64_t there, sent; /* bytes: acknowledged without a gap, sent at least once */
    uint64_t recover;     /* how much had been sent when a chunk was last found lost */
    unsigned window;      /* chunks that may be under way */
    unsigned repeats;     /* answers since the last that brought news */
    uint64_t news_us;     /* when that came */
    uint64_t resend_us;   /* when the first missing chunk counts as lost; NEVER: nothing is under way */
    uint64_t retry_us;    /* how long it is waited for: doubles with each loss, up to the heartbeat interval */
};

/* The state machine as bytes, for all followers that need it. */
struct copy {
    struct copy *next_dead;
    unsigned char *bytes;
    uint64_t size, index, term, digest;
    char *conf;
};

/* A snapshot on its way to us (raft_snapshot_take.c). */
struct incoming {
    uint64_t index, term, size, digest;
    uint64_t from_term; /* in which its leader sent it */
    node_id from;
    char *conf;
    unsigned char *bytes; /* NULL: there is none */
    unsigned char *have;  /* a bit for each chunk */
    uint64_t chunk;       /* bytes of each but the last; 0: not known yet */
    uint64_t there;       /* bytes without a gap */
    bool whole;           /* and sound: installed at the end of this step */
};

struct peer {
    node_id id;
    bool voter;    /* in the latest configuration; if not, nothing of it counts */
    bool answered; /* our PreVote or vote request of now */
    /* A leader's view (§5.3). Replicating: `next` runs ahead of the acknowledgements, `flight` has the last index of
     * each append under way, in order. Probing: one append at a time from `next`, until one is accepted. */
    bool probing;
    bool snapshot;          /* its next entry was given up: it gets the state (§7), then it is probed */
    struct transfer snap;
    uint64_t match, next;
    uint64_t covered;   /* last index that any append of this term covered: an acknowledgement cannot be beyond */
    uint64_t flight[APPENDS_MAX];
    unsigned n_flight;
    uint64_t probed;    /* probing: the last entry of the append under way */
    uint64_t resend_us; /* when what is unacknowledged counts as lost; NEVER: nothing is under way */
    uint64_t retry_us;  /* how long it is waited for: doubles with each loss, up to the heartbeat interval */
    bool silent;        /* something counts as lost, and it has not answered since */
    uint64_t sent_us;   /* the last append of any kind */
    uint64_t invited_us; /* since when it is to be a member, if it was made one in this term; else 0 */
    uint64_t heard_us;  /* its last answer in this term */
    uint64_t confirmed_us;        /* the latest append of this term that it answered, by when it was sent; 0 = none */
    uint64_t srtt_us, rttvar_us;  /* RFC 6298 */
    bool measured;
    uint64_t round;     /* the highest round it has answered */
    uint64_t asked_round; /* that of the last append to it */
    uint64_t sent_step; /* the step in which it was last sent to */
};

/* The lease that was noted last. */
struct lease {
    uint64_t term, since_us, until_us;
};

struct node_set {
    uint64_t bits[(UINT16_MAX + 1) / 64];
    bool any;
};

struct raft {
    /* configuration */
    node_id id;
    uint64_t election_min_us, election_max_us, heartbeat_us, first_retry_us, hold_us;
    unsigned hold_max;
    size_t append_bytes, chunk_bytes;
    uint64_t compact_entries, compact_bytes; /* 0: any number */
    enum raft_reads reads_mode;
    bool fixed; /* the group never changes: strangers are not heard */
    bool answer_again;

    /* persistent state (Figure 2) */
    uint64_t term;
    node_id voted;
    struct log log;
    struct conf *conf; /* the latest in the log, those before it below */
    struct conf *dead_confs;

    /* what follows from the latest configuration */
    unsigned n_peers, quorum; /* quorum: of its voters */
    bool voter;               /* we are one */
    struct peer peers[PEERS_MAX];

    /* volatile state */
    enum raft_role role;
    node_id leader;
    uint64_t commit, applied;
    uint64_t compact_at; /* no use to try to compact the log before that is applied */
    struct copy *copy, *dead_copies; /* leader: what followers get whose next entry was given up; NULL: nothing */
    bool copy_wanted, copy_given;    /* asked for in the last step; to be sent in the next */
    struct incoming incoming;
    struct incoming dead_incoming;   /* the effects of this step may name it */
    uint64_t durable; /* our own entries up to here count for a quorum */
    uint64_t quiet_until_us;  /* no votes before: see raft_vote.c */
    uint64_t heard_term;      /* of the leader of this term the latest message */
    uint64_t heard_sent_us;   /* was sent then */
    uint64_t election_us;     /* NEVER: leader, or may not stand */
    uint32_t votes; /* bit i: peers[i]; bit n_peers: ourselves */
    uint64_t vote_resend_us, vote_retry_us;
    uint64_t quorum_us; /* leader: when to judge whether a quorum still answers */
    bool announce;      /* new leader: everybody is to hear of it */
    uint32_t losses;    /* leader: how many of the last appends were lost, of LOSSES_ALL; of followers that answer */

    /* the members change (D §4): a request for somebody to be added, until its entry is in the log; NULL: none */
    struct {
        struct request *asked;
        uint64_t goal, round_us; /* the round under way (D §4.2.1): its last index, its beginning */
        unsigned rounds;
        bool told;         /* one that was removed: that this is committed */
        uint64_t match, bytes; /* how far the new server was when last looked at: in the log, in the snapshot */
        uint64_t until_us; /* it is given up, or one that was removed forgotten, then; NEVER: nobody is */
    } change;

    /* leadership goes to another (D §3.10); NULL: it does not */
    struct {
        struct request *asked;
        node_id to;
        uint64_t term, until_us;
        uint64_t resend_us, retry_us; /* resend_us NEVER: not told yet */
    } transfer;
    bool by_transfer; /* candidate: the leader told us to stand */

    /* reads (D §6.4) */
    struct queue reads;
    uint64_t round; /* carried by every append: the highest that was opened */
    uint64_t read_resend_us, read_retry_us;
    struct lease lease;
    uint64_t no_lease_term; /* in this term the lease was given up for good */
    unsigned drift_ppm;

    /* other requests */
    struct queue held;
    bool release; /* the leader has become known or spoken in this step: it is worth sending held requests there */
    struct node_set sent_back; /* clients redirected to the leader since it last spoke */
    struct waiters waiters;
    struct seen seen;
    struct request *trash; /* answered in this step */

    struct rng rng;

    /* the step under way */
    uint64_t now_us, step;
    struct raft_effects *fx;
    struct message replies[REPLIES_MAX];
    unsigned n_replies;
    bool ask; /* a candidacy began: everybody is to be asked for the vote */

    /* what the last raft_check() saw */
    struct {
        uint64_t term, commit, applied, base, last;
        node_id voted;
        enum raft_role role;
    } before;
};

/* ---- raft.c ---- */
/* The one door to another role; the transition must be legal, and votes are forgotten. */
void raft_become(struct raft *r, enum raft_role role, enum raft_why why);
/* A term newer than ours: follower, no vote, no leader (§5.1). */
void raft_adopt_term(struct raft *r, uint64_t term, enum raft_why why);
/* Follower in the same term. The caller re-arms the election timer. */
void raft_leader_is(struct raft *r, node_id leader);
/* Draws the timeout anew; no timer for those who may not stand. */
void raft_arm_election(struct raft *r, enum raft_why why);
static inline uint64_t raft_after(const struct raft *r, uint64_t us)
{
    return us > NEVER - 1 - r->now_us ? NEVER - 1 : r->now_us + us;
}
static inline uint64_t raft_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}
static inline uint64_t raft_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- raft_effects.c ---- */
void *raft_alloc(size_t size); /* zeroed; aborts on out of memory */
char *raft_text(const char *text); /* a copy, to be freed */
void *raft_grow(void *v, size_t *room, size_t need, size_t size);
struct raft_effect *raft_emit(struct raft *r, enum raft_effect_type type);
void raft_ignore(struct raft *r, enum raft_why why);
void raft_fired(struct raft *r, enum raft_timer timer, uint64_t due_us);
/* Sends now; the caller fills in the rest. Valid until the next effect. */
struct message *raft_send(struct raft *r, enum message_type type, node_id dst);
/* A reply, which goes out at the end of the step: after the answers to clients, and after what it promises is durable.
 * Valid until the next input. */
struct message *raft_reply(struct raft *r, enum message_type type, const struct message *to);
void raft_replies_now(struct raft *r);

/* ---- raft_log.c ---- */
static inline uint64_t raft_last(const struct raft *r)
{
    return r->log.base_index + r->log.n;
}
/* 0 for index 0; the index must be in the log or its base. */
uint64_t raft_term_at(const struct raft *r, uint64_t index);
/* The entries from `index` on, which must be in the log; valid until the next step. */
const struct entry *const *raft_log_from(const struct raft *r, uint64_t index);
/* The last index <= limit whose term is <= term; terms never decrease along a log (§5.3). Where that lies before the
 * base, nobody can tell any more: an index <= limit before the base then. */
uint64_t raft_last_at_most(const struct raft *r, uint64_t limit, uint64_t term);
/* Appends a copy of the command as entry last + 1 of `term`. */
const struct entry *raft_log_append(struct raft *r, uint64_t term, const struct entry *command);
/* Gives up the entries up to `index`, which had `term` in the leader's log and so perhaps not in ours: beyond the last,
 * or where ours has another term, all of them go. What is applied must have come to `index` before the next apply. */
void raft_log_give_up(struct raft *r, uint64_t index, uint64_t term, const char *conf);
/* Removes `from` and all that follow: never committed entries. */
void raft_log_truncate(struct raft *r, uint64_t from);
size_t raft_log_bytes(const struct entry *e);
/* What stable storage held; r->term is set. False: no sound log, or one that does not go with `applied`. */
bool raft_log_restore(struct raft *r, const struct raft_restored *from);
void raft_entry_hold(const struct entry *e);
void raft_entry_drop(struct raft *r, const struct entry *e);
void raft_log_sweep(struct raft *r);
void raft_log_free(struct raft *r);

/* ---- raft_members.c ---- */
/* The first configuration, before entries are restored on top of it. */
void raft_conf_first(struct raft *r, const struct raft_config *cfg);
/* An ENTRY_CONF was appended: it is in force now. */
void raft_conf_appended(struct raft *r, const struct entry *e);
/* Entries `from` and on were removed: what was in force before is so again. */
void raft_conf_truncated(struct raft *r, uint64_t from);
/* `text` is the configuration at `index`, before which nothing need be known any more. What entries after `index` say
 * stays: raft_conf_truncated() first where those are gone too. */
void raft_conf_reset(struct raft *r, uint64_t index, const char *text);
/* The configuration at `index` (of the log, or its base). Valid until the next step. */
const char *raft_conf_at(const struct raft *r, uint64_t index);
/* May it stand in a log? */
bool raft_conf_is_sound(const char *text);
bool raft_address_is_sound(const char *address);
/* An entry may hold it: a configuration must be readable. */
bool raft_op_is_sound(const struct entry *e);
void raft_conf_write(const struct voter *v, unsigned n, char text[CONF_TEXT_MAX + 1]);
const struct voter *raft_conf_find(const struct conf *c, node_id id);
/* The commit index or a configuration has changed: a follower's election timer runs while it may stand. */
void raft_conf_timer(struct raft *r);
bool raft_may_stand(const struct raft *r);
/* No other voter's word is needed for anything. */
static inline bool raft_alone(const struct raft *r)
{
    return r->voter && r->conf->n == 1;
}
struct peer *raft_peer(struct raft *r, node_id id);
void raft_conf_sweep(struct raft *r);
void raft_conf_free(struct raft *r);

/* ---- raft_change.c: the leader's side of a change of members ---- */
void raft_change(struct raft *r, struct request *q);
/* Is a change asked for, or not committed yet? */
/* At the end of a step, before what it appends must be durable: goes on with a change, or leaves it to the next leader. */
void raft_change_settle(struct raft *r);
/* After commits: who was removed is told so; a leader that was steps down. */
void raft_change_end(struct raft *r);
uint64_t raft_change_deadline(const struct raft *r);

/* ---- raft_transfer.c ---- */
void raft_transfer(struct raft *r, struct request *q);
/* A leader that keeps new requests for its successor. */
bool raft_holds(const struct raft *r);
/* Sends the successor what it lacks, then its turn to stand. */
void raft_transfer_push(struct raft *r);
void raft_transfer_settle(struct raft *r);
uint64_t raft_transfer_deadline(const struct raft *r);
/* A leader about to step down for good: somebody fit need not wait for an election timeout. */
void raft_transfer_bequeath(struct raft *r);
void raft_on_transfer(struct raft *r, const struct message *m);

/* ---- raft_vote.c ---- */
/* How many voters have voted for us so far: ourselves only if we are one. */
unsigned raft_tally(const struct raft *r);
void raft_election_timeout(struct raft *r);
/* A candidate at once, without PreVotes: the leader wants it. */
void raft_stand_at_once(struct raft *r);
void raft_vote_retry(struct raft *r);
/* Asks every other member for its vote, or PreVote. */
void raft_ask_all(struct raft *r);
void raft_on_vote_request(struct raft *r, const struct message *m);
void raft_on_vote_reply(struct raft *r, const struct message *m, struct peer *p);

/* ---- raft_append.c: one follower, as its leader sees it ---- */
void raft_on_append_reply(struct raft *r, const struct message *m, struct peer *p);
/* May entries, or a probe, go to it now? */
bool raft_append_may(const struct raft *r, const struct peer *p);
/* Has it all entries, or will it when what is under way arrives? */
bool raft_append_covers(const struct raft *r, const struct peer *p);
void raft_append_entries(struct raft *r, struct peer *p);
void raft_append_empty(struct raft *r, struct peer *p);
/* What is under way to it counts as lost. */
void raft_append_lost(struct raft *r, struct peer *p);
/* A new peer, or a new term as its leader: nothing is known of it. */
void raft_append_forget(const struct raft *r, struct peer *p);
/* Does it answer what was sent before it was invited? It was a member then, and its disk may have been another. */
bool raft_before_invited(const struct peer *p, const struct message *m);
/* Records what the leader thinks of it. */
void raft_append_note(struct raft *r, const struct peer *p);

/* ---- raft_replicate.c: who gets what ---- */
void raft_lead(struct raft *r);
/* The timer that judges whether a quorum still answers; unless it runs, or nobody's answer is needed. */
void raft_arm_quorum(struct raft *r);
/* Sends what each follower lacks, and opens the next round of reads when it may. */
void raft_replicate(struct raft *r);
void raft_leader_timers(struct raft *r);
uint64_t raft_leader_deadline(const struct raft *r);

/* ---- raft_follow.c: the follower's side ---- */
void raft_on_append_request(struct raft *r, const struct message *m);

/* The sender leads our term: we follow. Re-arms the election timer, `why`, unless later messages of it were here already:
 * then the leader may be long gone. False: that was so, and we do not follow any more; it is ignored. */
bool raft_follow(struct raft *r, const struct message *m, enum raft_why why);

/* ---- raft_snapshot_send.c ---- */
/* Its next entry was given up. */
void raft_snap_need(struct raft *r, struct peer *p);
/* It has all up to `match`, which is in the log or its base. */
void raft_snap_over(struct raft *r, struct peer *p, uint64_t match);
void raft_on_snapshot_reply(struct raft *r, const struct message *m, struct peer *p);
/* Sends the chunks that may go. */
void raft_snap_replicate(struct raft *r);
/* At the end of a step: who needs a snapshot now, and is there one? */
void raft_snap_finish(struct raft *r);
void raft_snap_timers(struct raft *r);
uint64_t raft_snap_deadline(const struct raft *r);
void raft_snap_sweep(struct raft *r);
void raft_snap_free(struct raft *r);

/* ---- raft_snapshot_take.c ---- */
void raft_on_snapshot_request(struct raft *r, const struct message *m);
/* A whole snapshot that came in this step: our state from now on. In two parts: what the log loses, before the rest of it
 * is made durable; and the effect, after. */
void raft_install_log(struct raft *r);
void raft_install(struct raft *r);
void raft_take_sweep(struct raft *r);
void raft_take_free(struct raft *r);

/* ---- raft_commit.c ---- */
void raft_commit_by_quorum(struct raft *r);
void raft_commit_to(struct raft *r, uint64_t index, enum raft_why why);
void raft_apply(struct raft *r);
/* The highest value that a quorum of members has; `own` is ours. */
uint64_t raft_quorum_value(const struct raft *r, uint64_t own, uint64_t (*of)(const struct peer *));

/* ---- raft_compact.c ---- */
/* At the end of a step: does the log hold more applied entries than it should? */
void raft_compact(struct raft *r);

/* ---- raft_client.c ---- */
void raft_on_request(struct raft *r, const struct message *m, int64_t tag);
/* Passes on, or handles, what waits at the wrong place: reads of a deposed leader, held requests once a leader is known. */
void raft_settle(struct raft *r);
void raft_hold_timeout(struct raft *r);
/* At the end of a step: the requests that it answers need not be remembered at any price any more. */
void raft_note_answers(struct raft *r);
/* The leader has become known, or has spoken. */
void raft_leader_spoke(struct raft *r);
/* An entry is about to be applied: who waits for this index? True: a client waits for this very entry; *tag is set. */
bool raft_wait_over(struct raft *r, const struct entry *e, int64_t *tag);
/* Everything up to (index, term) is applied, but what it was we do not know (§7). */
void raft_wait_skip(struct raft *r, uint64_t index, uint64_t term);
void raft_client_free(struct raft *r);
void raft_sweep_requests(struct raft *r);
/* Not for us: redirected, or held until a leader is known. */
void raft_pass_on(struct raft *r, struct request *q);
/* Answers it, and is done with it. */
void raft_fail(struct raft *r, struct request *q, enum raft_why why);
void raft_done(struct raft *r, struct request *q);
/* The client gets its answer when `e` is applied. */
void raft_wait_for(struct raft *r, const struct entry *e, int64_t tag);
struct raft_request raft_request_of(const struct request *q);
void raft_queue_push(struct queue *q, struct request *one);
struct request *raft_queue_pop(struct queue *q);
void raft_trash(struct raft *r, struct request *q);

/* ---- raft_read.c ---- */
void raft_read_arrived(struct raft *r, struct request *q);
void raft_reads_serve(struct raft *r);
/* May the next round open: does a read wait for it, and none for an earlier one? `anyway`: appends go out as it is. */
bool raft_read_wants_round(const struct raft *r, bool anyway);
void raft_read_open_round(struct raft *r);

/* ---- raft_lease.c ---- */
/* May a read be answered now without asking? Notes what it rests on, in r->lease. An entry of our term must have
 * committed: that is the caller's to know. */
bool raft_lease_holds(struct raft *r);
/* For the rest of this term: others are, or may be, free to elect. */
void raft_lease_surrender(struct raft *r, enum raft_why why);
/* How long reads need no round from `now_us`; 0 = they do. */
uint64_t raft_lease_left(const struct raft *r, uint64_t now_us);

/* ---- raft_seen.c ---- */
enum seen_result { SEEN_NEW, SEEN_BEFORE, SEEN_FULL /* SEEN_MAX requests wait for their answers */ };
/* `again`: one that was answered counts as new. */
enum seen_result raft_seen_add(struct seen *s, node_id client, const char *mid, bool again);
/* The request is answered now: it may be forgotten when newer ones need its place. */
void raft_seen_answered(struct seen *s, node_id client, const char *mid);
/* It was not answered, and will not be: it is new when it comes again. */
void raft_seen_forget(struct seen *s, node_id client, const char *mid);
void raft_seen_free(struct seen *s);

/* ---- raft_check.c ---- */
void raft_check(struct raft *r);

#endif
