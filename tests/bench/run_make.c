/* run_make.c -- see run_make.h. */
#include "run_make.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

enum { REPLICAS = RUN_MAKE_REPLICAS, LEADER = 0, KEYS = 50, VALUE = 1100, HELD = 64, ENTRIES = 4 };

struct held {
    char key[16], val[VALUE + 1], req[48];
};

/* What a datagram says, and what is written of it by its sender, the network and its receiver. */
struct datagram {
    const char *src, *dst, *type, *mid, *re, *key, *val;
    int64_t pi, mi, round; /* of appends and their answers */
    struct trace_entry entry[ENTRIES];
    size_t n_entries;
};

/* Five replicas behind a simulator serving one client operation after the other; two datagrams in a hundred are lost,
 * one is duplicated. */
struct world {
    struct trace_writer *sim, *replica[REPLICAS];
    struct trace_state state[REPLICAS];
    char id[REPLICAS][12];
    int64_t t, d, records, mid[REPLICAS], random;
    int64_t round, match[REPLICAS]; /* match: what the leader knows each to have */
    char value[KEYS][VALUE + 1];
    struct held log[HELD]; /* entry i at i % HELD */
    char body[VALUE * (ENTRIES + 1) + 1024];
};

static int64_t chance(struct world *w)
{
    w->random = (int64_t)((uint64_t)w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407));
    return (int64_t)((uint64_t)w->random >> 33) % 100;
}

static struct trace_writer *open_writer(const char *dir, const char *node)
{
    char err[TRACE_ERR_LEN];
    struct trace_writer *t = trace_writer_open(
        &(struct trace_writer_options){.dir = dir, .node = node, .boot = 1, .buffer_bytes = 4 << 20}, err);
    if (t == NULL) {
        fprintf(stderr, "%s\n", err);
        exit(1);
    }
    static const char *const peers[] = {"0000", "0001", "0002", "0003", "0004"};
    trace_put_trace_open(t, &(struct trace_rec_trace_open){.schema = TRACE_SCHEMA,
                                                           .v = TRACE_VERSION,
                                                           .run = "bench",
                                                           .clk = "virtual",
                                                           .pid = 1,
                                                           .impl = "bench",
                                                           .peers = {peers, REPLICAS}});
    return t;
}

static void at(struct world *w, struct trace_writer *t, int64_t ns)
{
    w->t += ns;
    trace_set_time(t, w->t);
}

static void counted(struct world *w, struct trace_writer *t)
{
    w->records++;
    if ((w->records & 1023) == 0)
        trace_flush(t);
}

/* As the replicas encode it, and `simulate --bodies` records it. */
static const char *body(struct world *w, const struct datagram *m)
{
    char *p = w->body;
    size_t room = sizeof w->body, n = 0;
    n += (size_t)snprintf(p + n, room - n,
                          "{\"src\":\"%s\",\"dst\":\"%s\",\"leader\":\"0000\",\"type\":\"%s\",\"MID\":\"%s\"", m->src,
                          m->dst, m->type, m->mid);
    if (m->round > 0)
        n += (size_t)snprintf(p + n, room - n, ",\"lc\":%" PRId64 ",\"term\":1,\"round\":%" PRId64 ",\"ts\":%" PRId64,
                              w->t / 1000, m->round, w->t / 1000);
    if (m->re != NULL)
        n += (size_t)snprintf(p + n, room - n, ",\"re\":\"%s\",\"ok\":true,\"mi\":%" PRId64, m->re, m->mi);
    else if (m->round > 0)
        n += (size_t)snprintf(p + n, room - n, ",\"pi\":%" PRId64 ",\"pt\":%d,\"lci\":%" PRId64, m->pi, m->pi > 0,
                              w->state[LEADER].ci);
    for (size_t i = 0; i < m->n_entries; i++) {
        const struct held *h = &w->log[m->entry[i].idx % HELD];
        n += (size_t)snprintf(p + n, room - n, "%s[1,\"put\",\"0010\",\"%s\",\"%s\",\"%s\"]",
                              i == 0 ? ",\"ents\":[" : ",", h->req, h->key, h->val);
    }
    if (m->n_entries > 0)
        n += (size_t)snprintf(p + n, room - n, "]");
    if (m->key != NULL)
        n += (size_t)snprintf(p + n, room - n, ",\"key\":\"%s\"", m->key);
    if (m->val != NULL)
        n += (size_t)snprintf(p + n, room - n, ",\"value\":\"%s\"", m->val);
    snprintf(p + n, room - n, "}");
    return p;
}

/* The datagram through the simulator. True when it got through. */
static bool cross(struct world *w, const struct datagram *m)
{
    int64_t d = ++w->d, luck = chance(w);
    at(w, w->sim, 20000);
    trace_set_cause(w->sim, 0);
    const char *whole = body(w, m);
    int64_t in = trace_put_net_in(w->sim, &(struct trace_rec_net_in){.d = d,
                                                                     .src = m->src,
                                                                     .dst = m->dst,
                                                                     .ty = m->type,
                                                                     .mid = m->mid,
                                                                     .sz = (int64_t)strlen(whole),
                                                                     .h = "0123456789abcdef",
                                                                     .term = {m->round > 0, 1},
                                                                     .ld = "0000",
                                                                     .body = whole});
    trace_set_cause(w->sim, in);
    at(w, w->sim, 300000);
    counted(w, w->sim);
    counted(w, w->sim);
    if (luck < 2) {
        trace_put_net_drop(w->sim,
                           &(struct trace_rec_net_drop){.d = d, .cp = 1, .src = m->src, .dst = m->dst, .why = "loss"});
        return false;
    }
    trace_put_net_out(w->sim,
                      &(struct trace_rec_net_out){.d = d, .cp = 1, .src = m->src, .dst = m->dst, .dly = 300000});
    if (luck == 2) {
        trace_put_net_dup(w->sim, &(struct trace_rec_net_dup){.d = d, .cp = 2});
        trace_put_net_drop(w->sim,
                           &(struct trace_rec_net_drop){.d = d, .cp = 2, .src = m->src, .dst = m->dst, .why = "loss"});
        w->records += 2;
    }
    return true;
}

static void send_to(struct world *w, int from, const struct datagram *m)
{
    struct trace_writer *t = w->replica[from];
    bool raft = m->round > 0, request = raft && m->re == NULL;
    at(w, t, 2000);
    trace_set_state(t, &w->state[from]);
    trace_put_msg_send(t, &(struct trace_rec_msg_send){.to = m->dst,
                                                       .ty = m->type,
                                                       .mid = m->mid,
                                                       .re = m->re,
                                                       .mterm = {raft, 1},
                                                       .pi = {request, m->pi},
                                                       .pt = {request, m->pi > 0},
                                                       .lci = {request, w->state[from].ci},
                                                       .ents = {m->entry, m->n_entries},
                                                       .round = {raft, m->round},
                                                       .ts = {raft, w->t / 1000},
                                                       .ok = {m->re != NULL, 1},
                                                       .mi = {m->re != NULL, m->mi}});
    counted(w, t);
}

static void receive(struct world *w, int node, const struct datagram *m)
{
    struct trace_writer *t = w->replica[node];
    bool raft = m->round > 0, request = raft && m->re == NULL;
    at(w, t, 5000);
    trace_set_state(t, &w->state[node]);
    for (int i = 0; i < REPLICAS; i++) {
        if (strcmp(m->src, w->id[i]) == 0)
            trace_observe_lc(t, trace_lc(w->replica[i]));
    }
    trace_set_cause(t, 0);
    trace_set_cause(t, trace_put_msg_recv(t, &(struct trace_rec_msg_recv){.from = m->src,
                                                                          .ty = m->type,
                                                                          .mid = m->mid,
                                                                          .re = m->re,
                                                                          .mterm = {raft, 1},
                                                                          .key = m->key,
                                                                          .pi = {request, m->pi},
                                                                          .pt = {request, m->pi > 0},
                                                                          .lci = {request, w->state[LEADER].ci},
                                                                          .ents = {m->entry, m->n_entries},
                                                                          .round = {raft, m->round},
                                                                          .ts = {raft, w->t / 1000},
                                                                          .ok = {m->re != NULL, 1},
                                                                          .mi = {m->re != NULL, m->mi}}));
    counted(w, t);
}

static void append(struct world *w, int node, int64_t idx)
{
    struct trace_writer *t = w->replica[node];
    const struct held *h = &w->log[idx % HELD];
    w->state[node].li = idx;
    trace_set_state(t, &w->state[node]);
    trace_put_log_append(t, &(struct trace_rec_log_append){.idx = idx,
                                                           .eterm = 1,
                                                           .op = "put",
                                                           .h = "00ffee00ffee00ff",
                                                           .key = h->key,
                                                           .val = h->val,
                                                           .req = h->req,
                                                           .cli = "0010"});
    at(w, t, 100000);
    trace_put_disk_sync(
        t, &(struct trace_rec_disk_sync){.what = "log", .upto = TRACE_OPT(idx), .uptot = TRACE_OPT(1), .us = 100});
    w->records++;
    counted(w, t);
}

static void commit(struct world *w, int node, int64_t upto, const char *why)
{
    struct trace_writer *t = w->replica[node];
    struct trace_state *s = &w->state[node];
    if (upto <= s->ci)
        return;
    int64_t old = s->ci;
    s->ci = upto;
    trace_set_state(t, s);
    trace_put_commit_advance(t, &(struct trace_rec_commit_advance){.old = old, .new = upto, .why = why});
    counted(w, t);
    while (s->ai < s->ci) {
        s->ai++;
        trace_set_state(t, s);
        trace_put_apply(t, &(struct trace_rec_apply){.idx = s->ai,
                                                     .eterm = 1,
                                                     .op = "put",
                                                     .h = "00ffee00ffee00ff",
                                                     .req = w->log[s->ai % HELD].req,
                                                     .cli = "0010"});
        counted(w, t);
    }
}

/* What the leader sends to member `i`: the entries that it has not got, as far as one datagram holds them. */
static void replicate(struct world *w, int i)
{
    char mid[48], answer[48];
    struct datagram m = {.src = "0000", .dst = w->id[i], .type = "app_req", .mid = mid, .pi = w->state[i].li};
    m.round = ++w->round;
    snprintf(mid, sizeof mid, "0000-1-%" PRId64, ++w->mid[LEADER]);
    for (int64_t x = m.pi + 1; x <= w->state[LEADER].li && m.n_entries < ENTRIES; x++)
        m.entry[m.n_entries++] = (struct trace_entry){.idx = x, .term = 1, .h = UINT64_C(0x00ffee00ffee00ff)};
    send_to(w, LEADER, &m);
    if (!cross(w, &m))
        return;
    receive(w, i, &m);
    for (size_t e = 0; e < m.n_entries; e++)
        append(w, i, m.entry[e].idx);
    commit(w, i, w->state[LEADER].ci < w->state[i].li ? w->state[LEADER].ci : w->state[i].li, "leader_commit");
    snprintf(answer, sizeof answer, "%s-1-%" PRId64, w->id[i], ++w->mid[i]);
    struct datagram a = {.src = w->id[i], .dst = "0000", .type = "app_res", .mid = answer, .re = mid};
    a.mi = w->state[i].li;
    a.round = m.round;
    send_to(w, i, &a);
    if (!cross(w, &a))
        return;
    receive(w, LEADER, &a);
    w->match[i] = a.mi;
}

/* The last entry that a majority has. */
static int64_t majority(const struct world *w)
{
    for (int64_t idx = w->state[LEADER].li; idx > 0; idx--) {
        int have = 1;
        for (int i = 1; i < REPLICAS; i++)
            have += w->match[i] >= idx;
        if (have > REPLICAS / 2)
            return idx;
    }
    return 0;
}

static void operation(struct world *w, int64_t n)
{
    char op[32], mid[48], key[16], val[VALUE + 1];
    bool write = n % 2 == 0;
    int k = (int)(n / 2 % KEYS);
    const char *type = write ? "put" : "get";
    snprintf(op, sizeof op, "0010:%" PRId64, n);
    snprintf(mid, sizeof mid, "ABAA%08" PRIX64 "Q7ZK", n);
    snprintf(key, sizeof key, "k%d", k);
    size_t len = (size_t)snprintf(val, sizeof val, "0010.%" PRId64 ".", n);
    for (; len < VALUE; len++) /* longer than TRACE_VALUE_MAX: records of the replicas have its hash */
        val[len] = (char)('a' + chance(w) % 26);
    val[len] = '\0';

    at(w, w->sim, 1000000);
    trace_set_cause(w->sim, 0);
    trace_put_op_invoke(w->sim, &(struct trace_rec_op_invoke){
                                    .op = op, .cli = "0010", .f = type, .key = key, .val = write ? val : NULL});
    trace_put_op_try(w->sim, &(struct trace_rec_op_try){.op = op, .att = 1, .mid = mid, .to = "0000"});
    w->records += 2;
    struct datagram ask = {
        .src = "0010", .dst = "0000", .type = type, .mid = mid, .key = key, .val = write ? val : NULL};
    if (!cross(w, &ask)) {
        trace_put_op_return(w->sim, &(struct trace_rec_op_return){.op = op, .res = "info", .why = "unanswered"});
        counted(w, w->sim);
        return;
    }
    receive(w, LEADER, &ask);
    if (write) {
        int64_t idx = w->state[LEADER].li + 1;
        struct held *h = &w->log[idx % HELD];
        memcpy(h->key, key, sizeof key);
        memcpy(h->val, val, sizeof val);
        memcpy(h->req, mid, sizeof mid);
        append(w, LEADER, idx);
    }
    for (int i = 1; i < REPLICAS; i++)
        replicate(w, i);
    while (majority(w) < w->state[LEADER].li) /* what was lost is sent again until it counts */
        for (int i = 1; i < REPLICAS; i++)
            replicate(w, i);
    commit(w, LEADER, w->state[LEADER].li, "quorum");
    if (write)
        memcpy(w->value[k], val, sizeof val);
    trace_put_req_reply(w->replica[LEADER],
                        &(struct trace_rec_req_reply){
                            .req = mid, .cli = "0010", .op = type, .res = "ok", .key = key, .val = w->value[k]});
    counted(w, w->replica[LEADER]);
    struct datagram ok = {.src = "0000", .dst = "0010", .type = "ok", .mid = mid, .val = write ? NULL : w->value[k]};
    send_to(w, LEADER, &ok);
    bool answered = cross(w, &ok);
    trace_put_op_return(w->sim, &(struct trace_rec_op_return){.op = op,
                                                              .res = answered ? "ok" : "info",
                                                              .by = answered ? "0000" : NULL,
                                                              .val = write || !answered ? NULL : w->value[k]});
    counted(w, w->sim);
}

int64_t run_make(const char *dir, int64_t records)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        abort();
    w->random = 1;
    w->sim = open_writer(dir, "sim");
    for (int i = 0; i < REPLICAS; i++) {
        snprintf(w->id[i], sizeof w->id[i], "%04d", i);
        w->replica[i] = open_writer(dir, w->id[i]);
        w->state[i] = (struct trace_state){.term = 1, .role = i == LEADER ? 'L' : 'F'};
    }
    trace_set_state(w->replica[LEADER], &w->state[LEADER]);
    trace_put_role_change(w->replica[LEADER],
                          &(struct trace_rec_role_change){.old = "C", .new = "L", .why = "quorum_votes"});
    for (int64_t n = 1; w->records < records; n++)
        operation(w, n);
    for (int i = 0; i < REPLICAS; i++)
        trace_writer_close(w->replica[i]);
    trace_writer_close(w->sim);
    int64_t n = w->records;
    free(w);
    return n;
}
