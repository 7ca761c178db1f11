/* raft_trace.c -- see raft_trace.h. */
#include "raft_trace.h"
#include "told.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { STEP_NS = 100000 };

static void tick(struct raft_trace *rt)
{
    rt->t += STEP_NS;
}

static int64_t sim_from(struct raft_trace *rt, int64_t cause, const char *ev, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static int64_t sim_from(struct raft_trace *rt, int64_t cause, const char *ev, const char *fmt, va_list ap)
{
    char fields[1024];
    vsnprintf(fields, sizeof fields, fmt, ap);
    rt->fx.cause = cause;
    rt->fx.state.role = 0;
    tick(rt);
    return rt->no_sim ? 0 : fixture_rec(&rt->fx, "sim", rt->t, ev, fields);
}

void rt_sim(struct raft_trace *rt, const char *ev, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sim_from(rt, 0, ev, fmt, ap);
    va_end(ap);
}

/* A record of the simulator that follows from its record `cause`. */
static int64_t then(struct raft_trace *rt, int64_t cause, const char *ev, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static int64_t then(struct raft_trace *rt, int64_t cause, const char *ev, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int64_t s = sim_from(rt, cause, ev, fmt, ap);
    va_end(ap);
    return s;
}

void rt_open_bare(struct raft_trace *rt, int n)
{
    memset(rt, 0, sizeof *rt);
    fixture_open(&rt->fx);
    rt->n = n;
    rt->t = 1000000;
    for (int i = 0; i < n; i++) {
        snprintf(rt->node[i].name, sizeof rt->node[i].name, "%04d", i);
        rt->node[i].role = 'F';
        rt->node[i].vote = rt->node[i].disk.vote = -1;
        rt->node[i].boot = 1;
    }
}

static void header(struct raft_trace *rt, int node)
{
    char peers[128] = "";
    for (int k = 0; k < rt->n; k++) {
        size_t len = strlen(peers);
        if (k != node)
            snprintf(peers + len, sizeof peers - len, "%s\"%04d\"", len > 0 ? "," : "", k);
    }
    tick(rt);
    fixture_recf(
        &rt->fx, rt->node[node].name, rt->t, "trace.open",
        "\"schema\":\"faultline\",\"v\":1,\"run\":\"t\",\"wall_us\":0,\"epoch_ns\":%d,\"clk\":\"%s\",\"pid\":1,"
        "\"impl\":\"test\",\"peers\":[%s]%s%s%s",
        rt->own_epochs ? node : 0, rt->own_epochs ? "mono-shared" : "virtual", peers,
        rt->cfg != NULL ? ",\"cfg\":{" : "", rt->cfg != NULL ? rt->cfg : "", rt->cfg != NULL ? "}" : "");
}

void rt_open(struct raft_trace *rt, int n)
{
    rt_open_bare(rt, n);
    for (int i = 0; i < n; i++) {
        header(rt, i);
        rt_rec(rt, i, "node.start", "\"rterm\":0,\"rlast\":0");
    }
}

void rt_open_durable(struct raft_trace *rt, int n, const char *cfg)
{
    rt_open_bare(rt, n);
    rt->durable = rt->timed = true;
    rt->cfg = cfg;
    for (int i = 0; i < n; i++)
        rt_restart(rt, i);
}

void rt_close(struct raft_trace *rt)
{
    fixture_close(&rt->fx);
}

/* ---- stable storage ---- */

static const char *command_of(const struct raft_trace *rt, int64_t idx, int64_t term)
{
    static char text[8][48];
    static int next;
    char *c = text[next++ % 8];
    snprintf(c, sizeof text[0], rt->durable ? "%08" PRIx64 "%08" PRIx64 : "h%" PRId64 ".%" PRId64, idx, term);
    return c;
}

void rt_sync(struct raft_trace *rt, int node, const char *what, const char *fields)
{
    struct rt_node *n = &rt->node[node];
    char vote[40] = "", cut[40] = "";
    if (n->vote >= 0)
        snprintf(vote, sizeof vote, ",\"pvote\":\"%s\"", rt->node[n->vote].name);
    if (n->cut > 0)
        snprintf(cut, sizeof cut, ",\"cut\":%" PRId64, n->cut);
    n->disk.term = n->term;
    n->disk.vote = n->vote;
    n->disk.li = n->li;
    n->disk.base = n->base;
    memcpy(n->disk.terms, n->terms, sizeof n->terms);
    n->dirty = false;
    n->cut = 0;
    rt_rec(rt, node, "disk.sync",
           "\"what\":\"%s\",\"upto\":%" PRId64 ",\"uptot\":%" PRId64 "%s,\"pterm\":%" PRId64 "%s,\"us\":10%s", what,
           n->li, n->li > 0 ? n->terms[n->li] : 0, cut, n->term, vote, fields);
}

static void settle(struct raft_trace *rt, int node)
{
    if (rt->durable && rt->node[node].dirty)
        rt_sync(rt, node, "log", "");
}

void rt_kill(struct raft_trace *rt, int node)
{
    struct rt_node *n = &rt->node[node];
    int64_t fault = 100 + n->boot * 10 + node;
    rt_sim(rt, "fault.begin", "\"f\":%" PRId64 ",\"kind\":\"kill\",\"node\":\"%s\"", fault, n->name);
    rt_sim(rt, "fault.end", "\"f\":%" PRId64 ",\"kind\":\"kill\",\"node\":\"%s\"", fault, n->name);
    rt->fx.cause = 0;
    fixture_reboot(&rt->fx, n->name);
    n->boot++;
    n->input = 0;
    n->role = 'F';
    n->term = n->disk.term;
    n->vote = n->disk.vote;
    n->li = n->disk.li;
    n->base = n->disk.base;
    memcpy(n->terms, n->disk.terms, sizeof n->terms);
    n->ci = n->ai = n->base;
    n->dirty = false;
    n->cut = 0;
}

/* FNV-1a of index, term and hash of each entry: "lh". */
static uint64_t log_digest(const struct raft_trace *rt, const struct rt_node *n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (int64_t i = n->base + 1; i <= n->li; i++) {
        uint64_t part[3] = {(uint64_t)i, (uint64_t)n->terms[i], strtoull(command_of(rt, i, n->terms[i]), NULL, 16)};
        for (int k = 0; k < 24; k++) {
            h ^= part[k / 8] >> k % 8 * 8 & 0xff;
            h *= UINT64_C(0x100000001b3);
        }
    }
    return h;
}

void rt_forget(struct raft_trace *rt, int node)
{
    struct rt_node *n = &rt->node[node];
    n->term = n->li = n->base = n->ci = n->ai = 0;
    n->vote = -1;
    n->terms[0] = 0;
}

void rt_restart(struct raft_trace *rt, int node)
{
    struct rt_node *n = &rt->node[node];
    char vote[40] = "";
    char conf[80] = "";
    if (n->vote >= 0)
        snprintf(vote, sizeof vote, ",\"rvote\":\"%s\"", rt->node[n->vote].name);
    if (n->members != NULL)
        snprintf(conf, sizeof conf, ",\"conf\":\"%s\"", n->members);
    header(rt, node);
    rt_rec(rt, node, "node.start",
           "\"rterm\":%" PRId64 "%s,\"rlast\":%" PRId64 ",\"rlastt\":%" PRId64 ",\"rcommit\":%" PRId64
           ",\"snap\":%" PRId64 ",\"snapt\":%" PRId64 ",\"lh\":\"%016" PRIx64 "\"%s",
           n->term, vote, n->li, n->terms[n->li], n->ci, n->base, n->terms[n->base], log_digest(rt, n), conf);
}

/* ---- primitives ---- */

int64_t rt_rec(struct raft_trace *rt, int node, const char *ev, const char *fmt, ...)
{
    struct rt_node *n = &rt->node[node];
    char fields[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(fields, sizeof fields, fmt, ap);
    va_end(ap);
    rt->fx.state.role = n->role;
    rt->fx.state.term = n->term;
    rt->fx.state.ci = n->ci;
    rt->fx.state.ai = n->ai;
    rt->fx.state.li = n->li;
    rt->fx.cause = n->input;
    tick(rt);
    return fixture_rec(&rt->fx, n->name, rt->t, ev, fields);
}

static void begin_input(struct raft_trace *rt, int node)
{
    rt->node[node].input = 0;
}

void rt_timer(struct raft_trace *rt, int node, const char *tm)
{
    begin_input(rt, node);
    rt->node[node].input = rt_rec(rt, node, "timer.fire", "\"tm\":\"%s\",\"late\":0", tm);
}

void rt_term(struct raft_trace *rt, int node, int64_t term, const char *why)
{
    int64_t old = rt->node[node].term;
    rt->node[node].term = term;
    rt->node[node].vote = -1;
    rt->node[node].dirty = true;
    rt_rec(rt, node, "term.change", "\"old\":%" PRId64 ",\"why\":\"%s\"", old, why);
}

void rt_role(struct raft_trace *rt, int node, char role, const char *why)
{
    char old = rt->node[node].role;
    rt->node[node].role = role;
    rt_rec(rt, node, "role.change", "\"old\":\"%c\",\"new\":\"%c\",\"why\":\"%s\"", old, role, why);
}

void rt_vote(struct raft_trace *rt, int node, int cand, int64_t term, int64_t lli, int64_t llt)
{
    rt->node[node].vote = cand;
    rt->node[node].dirty = true;
    rt_rec(rt, node, "vote.grant", "\"cand\":\"%s\",\"cterm\":%" PRId64 ",\"lli\":%" PRId64 ",\"llt\":%" PRId64,
           rt->node[cand].name, term, lli, llt);
}

void rt_append(struct raft_trace *rt, int node, int64_t eterm, const char *command)
{
    struct rt_node *n = &rt->node[node];
    n->li++;
    n->terms[n->li] = eterm;
    n->dirty = true;
    rt_rec(rt, node, "log.append", "\"idx\":%" PRId64 ",\"eterm\":%" PRId64 ",\"op\":\"put\",\"h\":\"%s\"", n->li,
           eterm, command);
}

void rt_truncate(struct raft_trace *rt, int node, int64_t from)
{
    int64_t old = rt->node[node].li;
    rt->node[node].li = from - 1;
    rt->node[node].dirty = true;
    if (rt->node[node].cut == 0 || from < rt->node[node].cut)
        rt->node[node].cut = from;
    rt_rec(rt, node, "log.truncate", "\"from\":%" PRId64 ",\"old_last\":%" PRId64 ",\"why\":\"conflict\"", from, old);
}

void rt_commit(struct raft_trace *rt, int node, int64_t new, const char *why)
{
    int64_t old = rt->node[node].ci;
    if (strcmp(why, "quorum") == 0)
        settle(rt, node); /* a leader counts itself after its own disk */
    rt->node[node].ci = new;
    rt_rec(rt, node, "commit.advance", "\"old\":%" PRId64 ",\"new\":%" PRId64 ",\"why\":\"%s\"", old, new, why);
}

void rt_apply(struct raft_trace *rt, int node, int64_t idx, const char *command)
{
    struct rt_node *n = &rt->node[node];
    n->ai = idx;
    rt_rec(rt, node, "apply", "\"idx\":%" PRId64 ",\"eterm\":%" PRId64 ",\"op\":\"put\",\"h\":\"%s\"", idx,
           n->terms[idx], command);
    rt_rec(rt, node, "state.hash", "\"at\":%" PRId64 ",\"h\":\"state%" PRId64 "\"", idx, idx);
}

int rt_send_term(struct raft_trace *rt, int from, int to, const char *ty, int64_t mterm, const char *fields)
{
    assert_true(rt->n_msgs < RT_MSGS);
    if (strcmp(ty, "app_req") != 0)
        settle(rt, from); /* a leader may send its entries before they are on its own disk */
    int number = rt->n_msgs++;
    struct rt_msg *m = &rt->msg[number];
    m->from = from;
    m->to = to;
    m->term = mterm;
    m->d = number + 1;
    snprintf(m->ty, sizeof m->ty, "%s", ty);
    snprintf(m->mid, sizeof m->mid, "%04d-%" PRId64 "-%" PRId64, from, rt->node[from].boot, ++rt->node[from].sent);
    snprintf(m->fields, sizeof m->fields, "%s%s", *fields != '\0' ? "," : "", fields);
    rt_rec(rt, from, "msg.send", "\"to\":\"%s\",\"ty\":\"%s\",\"mid\":\"%s\",\"mterm\":%" PRId64 "%s",
           rt->node[to].name, ty, m->mid, mterm, m->fields);
    for (int i = 0; i < rt->fx.n_nodes; i++) {
        if (strcmp(rt->fx.node[i].name, rt->node[from].name) == 0)
            m->lc = rt->fx.node[i].lc;
    }
    m->in = then(rt, 0, "net.in",
                 "\"d\":%" PRId64
                 ",\"src\":\"%s\",\"dst\":\"%s\",\"ty\":\"%s\",\"mid\":\"%s\",\"sz\":100,\"term\":%" PRId64,
                 m->d, rt->node[from].name, rt->node[to].name, ty, m->mid, mterm);
    return number;
}

int rt_send(struct raft_trace *rt, int from, int to, const char *ty, const char *fmt, ...)
{
    char fields[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(fields, sizeof fields, fmt, ap);
    va_end(ap);
    return rt_send_term(rt, from, to, ty, rt->node[from].term, fields);
}

/* A receive follows its send in the Lamport order. */
static void observe(struct raft_trace *rt, int node, int64_t lc)
{
    for (int i = 0; i < rt->fx.n_nodes; i++) {
        if (strcmp(rt->fx.node[i].name, rt->node[node].name) == 0 && rt->fx.node[i].lc < lc)
            rt->fx.node[i].lc = lc;
    }
}

void rt_recv(struct raft_trace *rt, int msg)
{
    struct rt_msg *m = &rt->msg[msg];
    then(rt, m->in, "net.out", "\"d\":%" PRId64 ",\"cp\":1,\"src\":\"%s\",\"dst\":\"%s\",\"dly\":100", m->d,
         rt->node[m->from].name, rt->node[m->to].name);
    observe(rt, m->to, m->lc);
    begin_input(rt, m->to);
    rt->node[m->to].input =
        rt_rec(rt, m->to, "msg.recv", "\"from\":\"%s\",\"ty\":\"%s\",\"mid\":\"%s\",\"mterm\":%" PRId64 "%s",
               rt->node[m->from].name, m->ty, m->mid, m->term, m->fields);
}

void rt_drop(struct raft_trace *rt, int msg)
{
    const struct rt_msg *m = &rt->msg[msg];
    then(rt, m->in, "net.drop",
         "\"d\":%" PRId64 ",\"cp\":1,\"src\":\"%s\",\"dst\":\"%s\",\"why\":\"partition\",\"f\":1", m->d,
         rt->node[m->from].name, rt->node[m->to].name);
}

int64_t rt_request(struct raft_trace *rt, int node, const char *ty, const char *key)
{
    int64_t number = ++rt->requests, d = 100000 + number;
    char val[40] = "";
    if (strcmp(ty, "put") == 0)
        snprintf(val, sizeof val, ",\"val\":\"v%" PRId64 "\"", rt->value = number);
    int64_t cause =
        then(rt, 0, "op.invoke", "\"op\":\"0100:%" PRId64 "\",\"cli\":\"0100\",\"f\":\"%s\",\"key\":\"%s\"%s", number,
             ty, key, val);
    cause = then(rt, cause, "op.try", "\"op\":\"0100:%" PRId64 "\",\"att\":1,\"mid\":\"REQ%" PRId64 "\",\"to\":\"%s\"",
                 number, number, rt->node[node].name);
    cause = then(rt, cause, "net.in",
                 "\"d\":%" PRId64 ",\"src\":\"0100\",\"dst\":\"%s\",\"ty\":\"%s\",\"mid\":\"REQ%" PRId64 "\",\"sz\":50",
                 d, rt->node[node].name, ty, number);
    then(rt, cause, "net.out", "\"d\":%" PRId64 ",\"cp\":1,\"src\":\"0100\",\"dst\":\"%s\",\"dly\":100", d,
         rt->node[node].name);
    begin_input(rt, node);
    rt->node[node].input =
        rt_rec(rt, node, "msg.recv", "\"from\":\"0100\",\"ty\":\"%s\",\"mid\":\"REQ%" PRId64 "\",\"key\":\"%s\"", ty,
               number, key);
    return number;
}

/* ---- the usual course of things ---- */

static int64_t last_term(const struct rt_node *n)
{
    return n->li > 0 ? n->terms[n->li] : 0;
}

int rt_send_append(struct raft_trace *rt, int from, int to, int64_t pi, int64_t n_ents)
{
    struct rt_node *n = &rt->node[from];
    char ents[512] = "";
    for (int64_t i = pi + 1; i <= pi + n_ents; i++) {
        size_t len = strlen(ents);
        snprintf(ents + len, sizeof ents - len, "%s[%" PRId64 ",%" PRId64 ",\"%s\"]", len > 0 ? "," : "", i,
                 n->terms[i], command_of(rt, i, n->terms[i]));
    }
    int64_t us = (rt->t + STEP_NS) / 1000;
    char ts[40] = "";
    if (rt->timed)
        snprintf(ts, sizeof ts, ",\"ts\":%" PRId64, us);
    int msg =
        rt_send(rt, from, to, "app_req", "\"pi\":%" PRId64 ",\"pt\":%" PRId64 ",\"lci\":%" PRId64 "%s%s%s%s", pi,
                pi > 0 ? n->terms[pi] : 0, n->ci, n_ents > 0 ? ",\"ents\":[" : "", ents, n_ents > 0 ? "]" : "", ts);
    rt->msg[msg].ts = us;
    rt->msg[msg].pi = pi;
    rt->msg[msg].n_ents = n_ents;
    return msg;
}

/* Timeouts of 110 to 190 ms, no two in a row the same. */
static void arm_election(struct raft_trace *rt, int node, const char *why)
{
    int64_t drawn = 110000000 + ++rt->timers * 7919 % 80000 * 1000;
    rt_rec(rt, node, "timer.set", "\"tm\":\"election\",\"at\":%" PRId64 ",\"why\":\"%s\"", rt->t + drawn, why);
}

int rt_follow(struct raft_trace *rt, int append)
{
    struct rt_msg *m = &rt->msg[append];
    struct rt_node *leader = &rt->node[m->from], *n = &rt->node[m->to];
    int64_t lci = leader->ci;
    rt_recv(rt, append);
    if (m->term > n->term) {
        if (n->role != 'F')
            rt_role(rt, m->to, 'F', "higher_term");
        rt_term(rt, m->to, m->term, "higher_term_msg");
    }
    if (n->role != 'F')
        rt_role(rt, m->to, 'F', "leader_same_term");
    arm_election(rt, m->to, "append");
    for (int64_t i = m->pi + 1; i <= m->pi + m->n_ents; i++) {
        if (i <= n->li && n->terms[i] != leader->terms[i])
            rt_truncate(rt, m->to, i);
        if (i > n->li)
            rt_append(rt, m->to, leader->terms[i], command_of(rt, i, leader->terms[i]));
    }
    int64_t covered = m->pi + m->n_ents;
    if (lci > covered)
        lci = covered;
    if (lci > n->ci) {
        rt_commit(rt, m->to, lci, "leader_commit");
        for (int64_t i = n->ai + 1; i <= lci; i++)
            rt_apply(rt, m->to, i, command_of(rt, i, n->terms[i]));
    }
    char ts[40] = "";
    if (rt->timed)
        snprintf(ts, sizeof ts, ",\"ts\":%" PRId64, m->ts);
    return rt_send(rt, m->to, m->from, "app_res", "\"re\":\"%s\",\"ok\":true,\"mi\":%" PRId64 "%s", m->mid, covered,
                   ts);
}

void rt_elect(struct raft_trace *rt, int leader, int64_t term, unsigned voters)
{
    struct rt_node *l = &rt->node[leader];
    int asked[RT_NODES], have = 1;
    rt_timer(rt, leader, "election");
    rt_term(rt, leader, term, "timeout");
    rt_role(rt, leader, 'C', "election_timeout");
    rt_vote(rt, leader, leader, term, l->li, last_term(l));
    arm_election(rt, leader, "election_started");
    for (int i = 0; i < rt->n; i++) {
        if (i != leader)
            asked[i] = rt_send(rt, leader, i, "vote_req", "\"lli\":%" PRId64 ",\"llt\":%" PRId64, l->li, last_term(l));
    }
    for (int i = 0; i < rt->n; i++) {
        if (i == leader || (voters & (1u << i)) == 0)
            continue;
        rt_recv(rt, asked[i]);
        if (rt->node[i].term < term) {
            if (rt->node[i].role != 'F')
                rt_role(rt, i, 'F', "higher_term");
            rt_term(rt, i, term, "higher_term_msg");
        }
        rt_vote(rt, i, leader, term, l->li, last_term(l));
        arm_election(rt, i, "vote_granted");
        int reply = rt_send(rt, i, leader, "vote_res", "\"re\":\"%s\",\"ok\":true", rt->msg[asked[i]].mid);
        rt_recv(rt, reply);
        if (++have == rt->n / 2 + 1) {
            rt_role(rt, leader, 'L', "quorum_votes");
            rt_rec(rt, leader, "leader.change", "\"new\":\"%s\"", l->name);
            rt_append(rt, leader, term, command_of(rt, l->li + 1, term));
        }
    }
}

void rt_replicate(struct raft_trace *rt, int leader, unsigned followers)
{
    struct rt_node *l = &rt->node[leader];
    int have = 1;
    for (int i = 0; i < rt->n; i++) {
        if (i == leader || (followers & (1u << i)) == 0)
            continue;
        /* From where the logs agree. */
        int64_t pi = rt->node[i].li < l->li ? rt->node[i].li : l->li;
        while (pi > 0 && rt->node[i].terms[pi] != l->terms[pi])
            pi--;
        int append = rt_send_append(rt, leader, i, pi, l->li - pi);
        rt_recv(rt, rt_follow(rt, append));
        if (++have == rt->n / 2 + 1 && l->ci < l->li) {
            rt_commit(rt, leader, l->li, "quorum");
            for (int64_t k = l->ai + 1; k <= l->li; k++)
                rt_apply(rt, leader, k, command_of(rt, k, l->terms[k]));
        }
    }
    for (int i = 0; i < rt->n; i++) {
        if (i != leader && (followers & (1u << i)) != 0)
            rt_recv(rt, rt_follow(rt, rt_send_append(rt, leader, i, l->li, 0)));
    }
}

void rt_reply(struct raft_trace *rt, int node, int64_t request, const char *val)
{
    struct rt_node *n = &rt->node[node];
    int64_t d = 200000 + request;
    char field[80] = "";
    if (val != NULL)
        snprintf(field, sizeof field, ",\"val\":\"%s\"", val);
    rt_rec(rt, node, "req.reply",
           "\"req\":\"REQ%" PRId64 "\",\"cli\":\"0100\",\"op\":\"%s\",\"res\":\"ok\",\"key\":\"k\"%s", request,
           val != NULL ? "get" : "put", field);
    rt_rec(rt, node, "msg.send", "\"to\":\"0100\",\"ty\":\"ok\",\"mid\":\"REQ%" PRId64 "\"", request);
    int64_t cause =
        then(rt, 0, "net.in",
             "\"d\":%" PRId64 ",\"src\":\"%s\",\"dst\":\"0100\",\"ty\":\"ok\",\"mid\":\"REQ%" PRId64 "\",\"sz\":50", d,
             n->name, request);
    cause = then(rt, cause, "net.out", "\"d\":%" PRId64 ",\"cp\":1,\"src\":\"%s\",\"dst\":\"0100\",\"dly\":100", d,
                 n->name);
    then(rt, cause, "op.return", "\"op\":\"0100:%" PRId64 "\",\"res\":\"ok\"%s,\"by\":\"%s\"", request, field, n->name);
}

void rt_put(struct raft_trace *rt, int leader, unsigned followers)
{
    struct rt_node *l = &rt->node[leader];
    int64_t number = rt_request(rt, leader, "put", "k");
    int have = 1;
    l->terms[++l->li] = l->term;
    l->dirty = true;
    rt_rec(rt, leader, "log.append",
           "\"idx\":%" PRId64 ",\"eterm\":%" PRId64 ",\"op\":\"put\",\"h\":\"%s\",\"key\":\"k\",\"val\":\"v%" PRId64
           "\",\"req\":\"REQ%" PRId64 "\",\"cli\":\"0100\"",
           l->li, l->term, command_of(rt, l->li, l->term), number, number);
    for (int i = 0; i < rt->n; i++) {
        if (i == leader || (followers & (1u << i)) == 0)
            continue;
        rt_recv(rt, rt_follow(rt, rt_send_append(rt, leader, i, l->li - 1, 1)));
        if (++have == rt->n / 2 + 1) {
            rt_commit(rt, leader, l->li, "quorum");
            l->ai = l->li;
            rt_rec(rt, leader, "apply",
                   "\"idx\":%" PRId64 ",\"eterm\":%" PRId64
                   ",\"op\":\"put\",\"h\":\"%s\",\"key\":\"k\",\"val\":\"v%" PRId64 "\","
                   "\"req\":\"REQ%" PRId64 "\",\"cli\":\"0100\"",
                   l->li, l->term, command_of(rt, l->li, l->term), number, number);
            rt_reply(rt, leader, number, NULL);
        }
    }
}

void rt_get(struct raft_trace *rt, int leader, unsigned followers)
{
    struct rt_node *l = &rt->node[leader];
    int64_t number = rt_request(rt, leader, "get", "k"), arrived = l->input;
    int have = 1;
    char val[24] = "";
    if (rt->value != 0)
        snprintf(val, sizeof val, "v%" PRId64, rt->value);
    rt_rec(rt, leader, "read.index",
           "\"req\":\"REQ%" PRId64 "\",\"cli\":\"0100\",\"idx\":%" PRId64 ",\"iterm\":%" PRId64 ",\"round\":%" PRId64
           ",\"arrived\":%" PRId64 ",\"acks\":1",
           number, l->ci, l->terms[l->ci], number, arrived);
    for (int i = 0; i < rt->n; i++) {
        if (i == leader || (followers & (1u << i)) == 0)
            continue;
        rt_recv(rt, rt_follow(rt, rt_send_append(rt, leader, i, l->li, 0)));
        if (++have == rt->n / 2 + 1) {
            rt_rec(rt, leader, "read.serve",
                   "\"req\":\"REQ%" PRId64 "\",\"cli\":\"0100\",\"key\":\"k\",\"val\":\"%s\",\"at\":%" PRId64
                   ",\"idx\":%" PRId64 ",\"iterm\":%" PRId64 ",\"arrived\":%" PRId64 ",\"round\":%" PRId64,
                   number, val, l->ai, l->ci, l->terms[l->ci], arrived, number);
            rt_reply(rt, leader, number, val);
        }
    }
}

void rt_stale_read(struct raft_trace *rt)
{
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt_put(rt, 0, RT_ALL);
    int64_t old = rt->value;
    rt_sim(rt, "fault.begin", "\"f\":1,\"kind\":\"partition\",\"groups\":[[\"0000\"],[\"0001\",\"0002\"]]");
    int first = rt->n_msgs;
    rt_elect(rt, 1, 2, 1u << 2);
    for (int i = first; i < rt->n_msgs; i++) {
        if (rt->msg[i].to == 0)
            rt_drop(rt, i);
    }
    rt_replicate(rt, 1, 1u << 2);
    rt_put(rt, 1, 1u << 2);
    int64_t get = rt_request(rt, 0, "get", "k");
    rt_rec(rt, 0, "read.local",
           "\"req\":\"REQ%" PRId64 "\",\"cli\":\"0100\",\"key\":\"k\",\"val\":\"v%" PRId64 "\",\"at\":%" PRId64
           ",\"policy\":\"local\"",
           get, old, rt->node[0].ai);
    char val[24];
    snprintf(val, sizeof val, "v%" PRId64, old);
    rt_reply(rt, 0, get, val);
    rt_sim(rt, "fault.end", "\"f\":1,\"kind\":\"partition\"");
    rt_replicate(rt, 1, 1u << 0);
}

void rt_work(struct raft_trace *rt)
{
    rt_elect(rt, 0, 1, RT_ALL);
    rt_replicate(rt, 0, RT_ALL);
    rt_put(rt, 0, RT_ALL);
    rt_get(rt, 0, RT_ALL);
}

/* ---- the end ---- */

enum verdict rt_check(struct raft_trace *rt, const char *only)
{
    enum verdict worst;
    rt->fx.state.role = 0;
    fixture_finish(&rt->fx);
    fixture_load(&rt->fx);
    if (!check_all(&rt->fx.db, &(struct check_options){.only = only}, &worst))
        fail_msg("%s", rt->fx.db.err);
    return worst;
}

void rt_expect_nothing(struct raft_trace *rt)
{
    rt_check(rt, NULL);
    assert_rows(&rt->fx, "SELECT \"check\", title FROM violations", "");
    assert_rows(&rt->fx, "SELECT \"check\", note FROM checks WHERE verdict = 'unknown'", "");
}

void rt_expect(struct raft_trace *rt, const char *rule, const char *class)
{
    char sql[200];
    rt_check(rt, rule);
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM violations JOIN violation_evidence USING (violation_id) WHERE fingerprint = '%s' AND "
        "\"check\" = '%s'",
        class, rule);
    if (db_int(&rt->fx.db, sql, 0) == 0)
        fail_msg("%s found only: %s; %s", rule, fixture_rows(&rt->fx, "SELECT fingerprint, title FROM violations"),
                 rt_verdict(rt, rule));
    assert_rows(&rt->fx, "SELECT count(*) FROM violations WHERE first_bad_rec IS NULL", "0");
    snprintf(sql, sizeof sql, "%s %s", rule, class);
    told(&rt->fx.db, rule, sql, rt->fx.dir);
}

const char *rt_verdict(struct raft_trace *rt, const char *id)
{
    static char word[16];
    sqlite3_stmt *q = db_prepare(&rt->fx.db, "SELECT verdict FROM checks WHERE \"check\" = :id");
    db_bind_text(&rt->fx.db, q, ":id", id);
    snprintf(word, sizeof word, "%s", db_row(&rt->fx.db, q) ? (const char *)sqlite3_column_text(q, 0) : "none");
    db_done(&rt->fx.db, q);
    return word;
}
