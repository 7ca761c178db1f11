/* raft_one.h -- one core under test: events are made in a line each, and what it decided is easy to ask.
 *
 * Members are 0..n-1; the core under test is 0 unless said otherwise. Every step must keep the invariants that
 * raft_check() asserts. Times are in ms here. Asking for an effect that is not there fails the test. */
#ifndef FAULTLINE_TESTS_RAFT_ONE_H
#define FAULTLINE_TESTS_RAFT_ONE_H

#include "../../src/raft.h"

#define ONE_MIN       150 /* election timeout, ms */
#define ONE_MAX       250
#define ONE_HEARTBEAT 50
#define ONE_RETRY     10
#define ONE_HOLD      1000
#define CLIENT        ((node_id)0x100)

struct one {
    struct raft *r;
    struct raft_effects fx;
    uint64_t now_us;
    unsigned n;
    uint64_t mids;
};

/* A core of a group of n. The config can be changed before: one_config() has what one_new() uses. */
struct raft_config one_config(unsigned n);
struct one one_new(unsigned n);
struct one one_from(const struct raft_config *c);
/* What stable storage held: a log of the terms in `terms` (digits) after the base, as one_append() would make it. */
struct one_stored {
    uint64_t term, applied, base_index, base_term;
    node_id voted;
    const char *terms;
    uint64_t gap; /* this entry is missing; 0 = none */
};
/* NULL where raft_new() refuses it. */
struct raft *one_restored(const struct one_stored *stored, struct raft_config *c, struct raft_effects *fx);
struct one one_restart(const struct one_stored *stored, unsigned n);
void one_free(struct one *o);

/* Lets time pass, with ticks when they are due; the effects left are those of the last step. */
void one_wait(struct one *o, uint64_t ms);
/* To the next deadline, and the tick there. */
void one_tick(struct one *o);
void one_take(struct one *o, const struct message *m);

/* ---- messages to the core; src and term first; `dst` is the core ---- */
struct message one_message(struct one *o, enum message_type type, node_id src, uint64_t term);
void one_vote_req(struct one *o, node_id src, uint64_t term, uint64_t last_index, uint64_t last_term);
void one_prevote_req(struct one *o, node_id src, uint64_t term, uint64_t last_index, uint64_t last_term);
void one_vote_res(struct one *o, node_id src, uint64_t term, bool ok);
void one_prevote_res(struct one *o, node_id src, uint64_t term, bool ok);
/* Entries of the terms in `terms` (digits, e.g. "112"), from prev_index + 1; keys are "k", values the index and term.
 */
void one_append(struct one *o, node_id src, uint64_t term, uint64_t prev_index, uint64_t prev_term, uint64_t commit,
                const char *terms);
/* Accepts, in the leader's term, what it sent at `sent_us`, up to `match`. */
void one_accept(struct one *o, node_id src, uint64_t match, uint64_t sent_us);
void one_ack(struct one *o, node_id src, uint64_t term, uint64_t match, uint64_t round);
void one_refusal(struct one *o, node_id src, uint64_t term, uint64_t hint_index, uint64_t hint_term);
void one_put(struct one *o, node_id client, const char *mid, const char *key, const char *value);
/* `n` puts of CLIENT, each with an id never used before. */
void one_put_n(struct one *o, unsigned n);
void one_get(struct one *o, node_id client, const char *mid, const char *key);
void one_change(struct one *o, node_id client, const char *mid, enum change_op change, node_id node,
                const char *address);

/* ---- longer ways ---- */
/* Through the election timeout and PreVotes to a candidate: of term + 1. */
void one_stand(struct one *o);
/* And through the votes (of the candidacy that there is) to a leader; its no-op is the last entry. */
void one_lead(struct one *o);
/* Peers 1.. acknowledge everything in the log, up to a majority; so it commits. */
void one_ack_quorum(struct one *o);

/* ---- what was decided in the last step ---- */
size_t one_count(const struct one *o, enum raft_effect_type type);
const struct raft_effect *one_effect(const struct one *o, enum raft_effect_type type); /* the first; fails if none */
size_t one_sent_n(const struct one *o, enum message_type type);
const struct message *one_sent(const struct one *o, enum message_type type, node_id dst); /* fails if none */
bool one_sent_to(const struct one *o, enum message_type type, node_id dst);
size_t one_place(const struct one *o, enum raft_effect_type type); /* of the first; fails if none */
enum raft_role one_role(const struct one *o);
/* The terms of the log, from its base on, as digits, e.g. "1122"; static buffer. */
const char *one_log(const struct one *o);
/* The step changed nothing and says why. */
void one_ignored(const struct one *o, enum raft_why why);

#endif
