/* raft_trace.h -- for tests: traces of a small Raft group, written record by record by hand.
 *
 * The primitives keep what a correct replica would declare (term, role, commit, applied, last index, cause, Lamport
 * clock, message ids), so that a test says only what happens; what is wrong is then one line of the test. Nodes are
 * numbers from 0, named "0000", "0001" ... Time advances by 0.1 ms with each record. */
#ifndef FAULTLINE_TEST_RAFT_TRACE_H
#define FAULTLINE_TEST_RAFT_TRACE_H

#include "../../analyze/check.h"
#include "fixture.h"

enum { RT_NODES = 5, RT_MSGS = 400, RT_LOG = 64, RT_CLIENT = 100 };

struct raft_trace {
    struct fixture fx;
    int n;
    int64_t t; /* ns */
    struct rt_node {
        char name[16], role;
        int64_t term, ci, ai, li;
        int64_t input;            /* s of the input being handled: the cause of its records */
        int64_t terms[RT_LOG];    /* of the entries 1..li */
        int64_t sent, boot, base; /* base: the log begins after it */
        int vote;                 /* in this term; -1 = nobody */
        const char *members;      /* as it tells them when it starts again; NULL = it does not */
        /* durable: what is on stable storage, and what is not yet */
        struct {
            int64_t term, li, base, terms[RT_LOG];
            int vote;
        } disk;
        bool dirty;  /* something is not synced */
        int64_t cut; /* entries from here on were removed since; 0 = none */
    } node[RT_NODES];
    struct rt_msg {
        int from, to;
        char ty[16], mid[32], fields[800];
        int64_t lc, d, in, pi, n_ents, term, ts; /* in: s of its net.in */
    } msg[RT_MSGS];
    int n_msgs;
    int64_t requests, timers;
    int64_t value; /* number of the last put: its value is "v<number>", 0 = none */
    bool no_sim;   /* no records of a simulator */
    bool durable;  /* what must be on stable storage is synced, and recorded, before what depends on it */
    bool timed;    /* appends and their answers carry the time of sending */
    const char *cfg;
    bool own_epochs; /* of headers to come: on one host, but each node counts from another moment */
};

/* A group of n replicas, started, in term 0. */
void rt_open(struct raft_trace *rt, int n);
/* The same without trace.open and node.start: for those who write their own. */
void rt_open_bare(struct raft_trace *rt, int n);
/* A group of durable replicas whose header has `cfg`, the inside of a JSON object. */
void rt_open_durable(struct raft_trace *rt, int n, const char *cfg);
void rt_close(struct raft_trace *rt);

/* ---- primitives: one record ---- */

/* disk.sync of all that is not on stable storage yet; `fields`: more of them, "" for none. */
void rt_sync(struct raft_trace *rt, int node, const char *what, const char *fields);
/* The node is killed (a fault of the simulator, with nothing said by the node itself): the next record is of its next
 * boot, and what was not synced is gone. */
void rt_kill(struct raft_trace *rt, int node);
/* Its disk is empty: of a node that was killed. */
void rt_forget(struct raft_trace *rt, int node);
/* trace.open and node.start with what is on the node's disk. */
void rt_restart(struct raft_trace *rt, int node);
/* A record of the node with its present state. Returns its s. */
int64_t rt_rec(struct raft_trace *rt, int node, const char *ev, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void rt_timer(struct raft_trace *rt, int node, const char *tm); /* timer.fire: a new input */
void rt_term(struct raft_trace *rt, int node, int64_t term, const char *why);
void rt_role(struct raft_trace *rt, int node, char role, const char *why);
void rt_vote(struct raft_trace *rt, int node, int cand, int64_t term, int64_t lli, int64_t llt);
void rt_append(struct raft_trace *rt, int node, int64_t eterm, const char *command); /* the next entry */
void rt_truncate(struct raft_trace *rt, int node, int64_t from);
void rt_commit(struct raft_trace *rt, int node, int64_t new, const char *why);
void rt_apply(struct raft_trace *rt, int node, int64_t idx, const char *command); /* with its state.hash */
/* msg.send (and net.in); `fields` beyond to, ty, mid, mterm. Returns the number of the message. */
int rt_send(struct raft_trace *rt, int from, int to, const char *ty, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The same with a term of its own in mterm. */
int rt_send_term(struct raft_trace *rt, int from, int to, const char *ty, int64_t mterm, const char *fields);
/* (net.out and) msg.recv: a new input of its receiver. */
void rt_recv(struct raft_trace *rt, int msg);
/* The message is lost to fault 1, a partition (net.drop). */
void rt_drop(struct raft_trace *rt, int msg);
/* A request of client 0100 arrives: an input. Returns the request's number; its MID is "REQ<number>". */
int64_t rt_request(struct raft_trace *rt, int node, const char *ty, const char *key);

/* req.reply and msg.send (net.in, net.out, op.return) of an ok; `val` is a get's value, NULL for a put. */
void rt_reply(struct raft_trace *rt, int node, int64_t request, const char *val);
/* A record of the simulator. */
void rt_sim(struct raft_trace *rt, const char *ev, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- the usual course of things ---- */

/* app_req of entries from+1..to of the sender's log; -1 entries: a heartbeat at its last index. */
int rt_send_append(struct raft_trace *rt, int from, int to, int64_t pi, int64_t n_ents);
/* The follower takes the append as it should and answers. Returns the reply's number. */
int rt_follow(struct raft_trace *rt, int append);
/* `leader` becomes candidate and gets the votes of the others; those in `voters` (bits) only. Ends with the no-op
 * appended. */
void rt_elect(struct raft_trace *rt, int leader, int64_t term, unsigned voters);
/* All of the leader's log to each follower in `followers`; then what a majority has is committed and applied by the
 * leader, and another round tells the followers. */
void rt_replicate(struct raft_trace *rt, int leader, unsigned followers);
/* A put of a new value to key k: arrives, is replicated to `followers`, committed, applied and answered. */
void rt_put(struct raft_trace *rt, int leader, unsigned followers);
/* A get, confirmed by a round of appends to `followers`, served. */
void rt_get(struct raft_trace *rt, int leader, unsigned followers);

/* Partition F1 cuts leader 0 off; 1 leads term 2 and acknowledges a newer value of k; then 0, which has heard nothing,
 * answers a get of k from its own state with the older value: a stale read. Healed, 0 steps down. */
void rt_stale_read(struct raft_trace *rt);

#define RT_ALL ((1u << RT_NODES) - 1)

/* 0 is elected by all in term 1, replicates to all, and serves a put and a get. */
void rt_work(struct raft_trace *rt);

/* Ends the trace, loads it and runs the checks named (NULL = all). Returns the verdict of all of them together. */
enum verdict rt_check(struct raft_trace *rt, const char *only);
/* Checks everything: nothing may be found, nothing be undecided. */
void rt_expect_nothing(struct raft_trace *rt);
/* Checks `rule`: it must find `class`, with evidence and the first wrong record. */
void rt_expect(struct raft_trace *rt, const char *rule, const char *class);
/* The verdict stored for one check: "pass", "fail", "unknown", "skipped". Static. */
const char *rt_verdict(struct raft_trace *rt, const char *id);

#endif
