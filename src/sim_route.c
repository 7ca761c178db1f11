/* Datagrams as they come: received, judged, recorded. What becomes of them then is in sim_copy.c.
 *
 * Who sent a datagram is known from the socket it came to; the src in the message is only compared with it. The
 * course's simulator believes src. */
#include "sim_route_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INCORRECT_MAX = 10000 };
static const int64_t LC_MAX = INT64_C(1) << 52; /* as for replicas: a clock beyond it is not one */

struct hash_text {
    char hex[17];
};

static struct hash_text hash_of(const struct sim_run *run, const char *bytes, size_t n)
{
    struct hash_text h;
    uint64_t sum = run->w ? trace_hash(bytes, n) : 0; /* nobody would read it */
    for (size_t i = sizeof h.hex - 1; i-- > 0; sum >>= 4)
        h.hex[i] = "0123456789abcdef"[sum & 0xF];
    h.hex[sizeof h.hex - 1] = '\0';
    return h;
}

static void incorrect(struct sim_run *run)
{
    if (++run->stats->incorrect > INCORRECT_MAX)
        sim_end_early(run, SIM_ENDED_INCORRECT);
}

/* ---- from a client ---- */

void sim_route_request(void *ctx, const struct sim_request *r)
{
    struct sim_run *run = ctx;
    char client[SIM_ID_LEN];
    sim_id(run->cfg->replicas + SIM_CLIENT_BASE + r->client, client);
    struct sim_route_copy c = {.from = SIM_CLIENTS_END,
                               .to = r->to,
                               .client = r->client,
                               .d = ++run->d,
                               .t_in = sim_now(run),
                               .bytes = r->bytes,
                               .n = r->n};
    trace_set_cause(run->w, r->try_seq);
    c.in_seq = trace_put_net_in(run->w, &(struct trace_rec_net_in){.d = c.d,
                                                                   .src = client,
                                                                   .dst = run->node[r->to].id,
                                                                   .ty = r->type,
                                                                   .mid = r->mid,
                                                                   .sz = (int64_t)r->n,
                                                                   .h = hash_of(run, r->bytes, r->n).hex,
                                                                   .ld = r->leader,
                                                                   .body = run->plan->bodies ? r->bytes : NULL});
    sim_copy_send(run, &c, r->mid);
}

void sim_route_admin(struct sim_run *run, unsigned to, const char *bytes, size_t n, const char *mid)
{
    char admin[SIM_ID_LEN];
    sim_run_admin(run, admin);
    trace_set_cause(run->w, 0);
    int64_t in_seq = trace_put_net_in(run->w, &(struct trace_rec_net_in){.d = ++run->d,
                                                                         .src = admin,
                                                                         .dst = run->node[to].id,
                                                                         .ty = "change",
                                                                         .mid = mid,
                                                                         .sz = (int64_t)n,
                                                                         .h = hash_of(run, bytes, n).hex,
                                                                         .ld = "FFFF"});
    trace_set_cause(run->w, in_seq);
    trace_put_net_out(
        run->w, &(struct trace_rec_net_out){.d = run->d, .cp = 1, .src = admin, .dst = run->node[to].id, .dly = 0});
    run->world->deliver(run, to, bytes, n);
}

/* ---- from a replica ---- */

static void bad(struct sim_run *run, unsigned i, const char *why, const char *what, const char *bytes, size_t n)
{
    char raw[TRACE_RAW_MAX + 1];
    size_t keep = n < TRACE_RAW_MAX ? n : TRACE_RAW_MAX;
    for (size_t k = 0; k < keep; k++)
        raw[k] = bytes[k] ? bytes[k] : '?';
    raw[keep] = '\0';
    trace_set_cause(run->w, 0);
    trace_put_net_bad(run->w, &(struct trace_rec_net_bad){.d = run->d,
                                                          .src = run->node[i].id,
                                                          .why = why,
                                                          .sz = (int64_t)n,
                                                          .raw = raw,
                                                          .what = *what ? what : NULL});
    bool fatal = strcmp(why, "empty") == 0 || strcmp(what, "not UTF-8") == 0;
    sim_warn(run, i, "%s sent a malformed message: %s%s%s%s", run->node[i].id, why, *what ? ", " : "", what,
             fatal ? " (the course's simulator ends a replica for that)" : "");
    incorrect(run);
}

static void remark(struct sim_run *run, unsigned i, int64_t in_seq, const char *text)
{
    trace_set_cause(run->w, in_seq);
    trace_put_note(run->w, &(struct trace_rec_note){.text = text});
    sim_warn(run, i, "%s", text);
}

/* What the sender says of who leads. */
static void hear_leader(struct sim_run *run, unsigned i, const struct sim_message *m, int64_t in_seq)
{
    struct sim_node *node = &run->node[i];
    bool claimed = node->claims;
    node->claims = strcmp(m->leader, node->id) == 0;
    if (node->claims) {
        node->claim_t = sim_now(run);
        node->claim_term = m->has_term ? m->term : node->claim_term;
        if (!claimed && !run->world->constant) /* the virtual world sees for itself who leads */
            sim_fault_happens(run, SIM_WHEN_LEADS, i);
    }
    if (sim_id_index(m->leader, 0, run->cfg->replicas) < 0 && strcmp(m->leader, "FFFF") != 0) {
        char text[100];
        snprintf(text, sizeof text, "%s names a leader that does not exist: %.4s (the course's simulator would crash)",
                 node->id, m->leader);
        remark(run, i, in_seq, text);
        incorrect(run);
        return;
    }
    if (!sim_net_heard(&run->net, i) || strcmp(run->leader, m->leader) == 0)
        return;
    strcpy(run->leader, m->leader);
    if (run->result->n_leaders < SIM_LEADERS_KEPT)
        strcpy(run->result->leaders[run->result->n_leaders], m->leader);
    run->result->n_leaders++;
}

/* One of a replica's answers that the network had on its way: read again. */
static void answer_of(const struct sim_route_copy *c, struct sim_message *m)
{
    char what[96];
    if (sim_message_parse(c->bytes, c->n, m, what) != NULL)
        abort(); /* it was a message when it was sent */
}

void sim_route_answer(struct sim_run *run, const struct sim_route_copy *c)
{
    struct sim_message again;
    const struct sim_message *m = c->m;
    if (!m)
        answer_of(c, &again);
    m = m ? m : &again;
    int64_t now = sim_now(run);
    trace_set_cause(run->w, c->in_seq);
    int64_t out = trace_put_net_out(
        run->w, &(struct trace_rec_net_out){
                    .d = c->d, .cp = c->cp, .src = run->node[c->from].id, .dst = m->dst, .dly = now - c->t_in});
    sim_clients_answer(run->clients, now,
                       &(struct sim_answer){.client = c->client, .by = c->from, .m = m, .out_seq = out});
    if (m == &again)
        sim_message_free(&again);
    if (run->stats->incorrect > INCORRECT_MAX)
        sim_end_early(run, SIM_ENDED_INCORRECT);
}

static void say_hello(struct sim_run *run, unsigned i, const struct sim_route_copy *c)
{
    run->node[i].said_hello = true;
    trace_set_cause(run->w, c->in_seq);
    trace_put_net_out(run->w,
                      &(struct trace_rec_net_out){.d = c->d, .cp = 1, .src = run->node[i].id, .dst = "sim", .dly = 0});
    if (run->node[i].down && run->node[i].restart_f != 0)
        sim_kill_back(run, i);
}

/* The reason why a well-formed message cannot be delivered, NULL when it can. */
static const char *misaddressed(const struct sim_message *m, int client, int replica, char what[96])
{
    if (m->type == SIM_HELLO)
        return NULL;
    if (client < 0) {
        if (replica >= 0 || strcmp(m->dst, "FFFF") == 0)
            return NULL;
        snprintf(what, 96, "nobody has the address %.4s", m->dst);
        return "unknown_dst";
    }
    if (m->type == SIM_OTHER) {
        snprintf(what, 96, "a client takes ok, redirect and fail only");
        return "bad_value";
    }
    if (!m->mid)
        snprintf(what, 96, "an answer without a MID");
    return m->mid ? NULL : "missing_field";
}

static bool is_admin(const struct sim_run *run, const char *id)
{
    char admin[SIM_ID_LEN];
    sim_run_admin(run, admin);
    return run->cfg->members && strcmp(id, admin) == 0;
}

bool sim_route_datagram(struct sim_run *run, unsigned i, const char *bytes, size_t n)
{
    struct sim_message m;
    char what[96];
    sim_now(run);
    run->d++;
    const char *why =
        run->plan->bodies ? sim_message_parse_whole(bytes, n, &m, what) : sim_message_parse(bytes, n, &m, what);
    if (why) {
        bad(run, i, why, what, bytes, n);
        return false;
    }
    int client = sim_id_index(m.dst, run->cfg->replicas + SIM_CLIENT_BASE, run->cfg->clients.count),
        replica = sim_id_index(m.dst, 0, run->cfg->replicas);
    bool to_admin = is_admin(run, m.dst);
    why = misaddressed(&m, to_admin ? 0 : client, replica, what);
    if (why) {
        bad(run, i, why, what, bytes, n);
        sim_message_free(&m);
        return false;
    }
    if (m.has_lc && m.lc < LC_MAX)
        trace_observe_lc(run->w, m.lc);
    const char *src = run->node[i].id;
    struct sim_route_copy c = {.from = i, .d = run->d, .t_in = sim_now(run), .bytes = bytes, .n = n, .m = &m};
    char *body = run->plan->bodies ? json_dumps(m.root, JSON_COMPACT) : NULL;
    trace_set_cause(run->w, 0);
    c.in_seq = trace_put_net_in(run->w, &(struct trace_rec_net_in){.d = c.d,
                                                                   .src = src,
                                                                   .dst = m.dst,
                                                                   .ty = m.ty,
                                                                   .mid = m.mid,
                                                                   .sz = (int64_t)n,
                                                                   .h = hash_of(run, c.bytes, n).hex,
                                                                   .term = {.set = m.has_term, .v = m.term},
                                                                   .ld = m.leader,
                                                                   .body = body});
    free(body);
    if (strcmp(m.src, src) != 0) {
        char text[100];
        run->stats->forged++;
        snprintf(text, sizeof text, "%s sent a message in the name of %.4s", src, m.src);
        remark(run, i, c.in_seq, text);
    }
    hear_leader(run, i, &m, c.in_seq);
    if (m.type == SIM_HELLO)
        say_hello(run, i, &c);
    else if (to_admin) {
        trace_set_cause(run->w, c.in_seq);
        trace_put_net_out(run->w, &(struct trace_rec_net_out){.d = c.d, .cp = 1, .src = src, .dst = m.dst, .dly = 0});
    } else if (client >= 0) {
        c.to = SIM_CLIENTS_END;
        c.client = (unsigned)client;
        if (m.type == SIM_OK)
            sim_fault_happens(run, SIM_WHEN_ANSWERS, i);
        sim_copy_send(run, &c, m.mid);
    } else
        for (unsigned to = 0; to < run->cfg->replicas; to++)
            if (replica < 0 ? to != i : to == (unsigned)replica) {
                if (++run->stats->total_msgs >= run->cfg->max_packets)
                    sim_end_early(run, SIM_ENDED_PACKETS);
                c.to = to;
                sim_copy_send(run, &c, m.mid);
            }
    bool hello = m.type == SIM_HELLO;
    sim_message_free(&m);
    return hello;
}
