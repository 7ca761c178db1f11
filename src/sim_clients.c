/* What both kinds of clients do: send a try, judge whether an answer is expected, account for it. */
#include "sim_clients_int.h"
#include "sim_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_clients *sim_clients_new(const struct sim_clients_env *env)
{
    struct sim_clients *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->env = *env;
    c->kind = env->cfg->clients.shared ? &sim_clients_shared : &sim_clients_course;
    sim_ops_init(&c->ops, env->w, env->cfg->replicas + SIM_CLIENT_BASE, env->cfg->clients.count);
    c->own = c->kind->make(c);
    return c;
}

void sim_clients_free(struct sim_clients *c)
{
    if (!c)
        return;
    c->kind->destroy(c->own);
    sim_ops_free(&c->ops);
    free(c);
}

int64_t sim_clients_deadline(const struct sim_clients *c)
{
    return c->kind->deadline(c);
}

void sim_clients_tick(struct sim_clients *c, int64_t now)
{
    c->kind->tick(c, now);
}

void sim_clients_forget(struct sim_clients *c)
{
    c->kind->forget(c);
}

bool sim_clients_done(const struct sim_clients *c)
{
    return c->kind->done(c);
}

size_t sim_clients_tries(const struct sim_clients *c)
{
    return c->ops.n_tries;
}

int clients_random_living(struct sim_clients *c, uint32_t op)
{
    char id[SIM_OP_ID], name[SIM_OP_ID + 16];
    unsigned n = 0, living[SIM_REPLICAS_MAX];
    for (unsigned i = 0; i < c->env.cfg->replicas; i++)
        if (c->env.living[i])
            living[n++] = i;
    snprintf(name, sizeof name, "%s/%" PRIu32, sim_ops_id(&c->ops, op, id), c->ops.op[op].tries + 1);
    return n ? (int)living[sim_decide_between(c->env.decider, "server", name, 0, n - 1)] : -1;
}

int clients_living(const struct sim_clients *c, const char *id)
{
    int i = sim_id_index(id, 0, c->env.cfg->replicas);
    return i >= 0 && c->env.living[i] ? i : -1;
}

static void send(struct sim_clients *c, const struct sim_try *t, const char *leader)
{
    const struct sim_op *op = &c->ops.op[t->op];
    char bytes[400], src[SIM_ID_LEN], dst[SIM_ID_LEN];
    const char *const parts[] = {"{\"src\": \"",
                                 sim_id(c->ops.base + op->client, src),
                                 "\", \"dst\": \"",
                                 sim_id(t->to, dst),
                                 "\", \"leader\": \"",
                                 leader,
                                 "\", \"type\": \"",
                                 op->put ? "put" : "get",
                                 "\", \"MID\": \"",
                                 t->mid,
                                 "\", \"key\": \"",
                                 op->key,
                                 op->put ? "\", \"value\": \"" : "",
                                 op->value,
                                 "\"}"};
    struct sim_text text = sim_text_in(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        sim_text_add(&text, parts[i]);
    c->env.send(c->env.ctx, &(struct sim_request){.client = op->client,
                                                  .to = t->to,
                                                  .type = op->put ? "put" : "get",
                                                  .mid = t->mid,
                                                  .leader = leader,
                                                  .bytes = bytes,
                                                  .n = (size_t)(text.at - bytes),
                                                  .try_seq = t->seq});
}

size_t clients_send(struct sim_clients *c, int64_t now, uint32_t op, unsigned to, const char *leader)
{
    const struct sim_try t = *sim_ops_try(&c->ops, op, to, now); /* the table may move when an answer comes at once */
    size_t index = c->ops.n_tries - 1;
    send(c, &t, leader);
    return index;
}

void clients_send_again(struct sim_clients *c, int64_t now, size_t index, unsigned to, const char *leader)
{
    const struct sim_try t = *sim_ops_again(&c->ops, index, to, now);
    send(c, &t, leader);
}

void sim_clients_doubled(struct sim_clients *c, const char *mid)
{
    struct sim_try *t = sim_ops_find(&c->ops, mid);
    if (t)
        t->spares++;
}

void clients_incorrect(struct sim_clients *c, const char *format, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    c->env.stats->incorrect++;
    c->env.warn(c->env.ctx, text);
}

static void success_at(struct sim_clients *c, int64_t now)
{
    struct sim_stats *s = c->env.stats;
    int64_t since = s->last_ok > c->env.load_start ? s->last_ok : c->env.load_start;
    if (now - since > s->longest_gap) {
        s->longest_gap = now - since;
        s->gap_at = now;
    }
    s->last_ok = now;
    if (now > c->env.quiet_at)
        s->ok_after_faults++;
}

void clients_ok(struct sim_clients *c, int64_t now, const struct sim_answer *a, uint32_t op_index)
{
    bool put = c->ops.op[op_index].put;
    sim_ops_return(&c->ops, op_index, "ok", put ? NULL : a->m->value, (int)a->by, NULL, a->out_seq);
    (*(put ? &c->env.stats->acked_puts : &c->env.stats->acked_gets))++;
    success_at(c, now);
}

/* An answer that no open try waits for. */
static void extra(struct sim_clients *c, const struct sim_answer *a, const char *why)
{
    char by[SIM_ID_LEN], cli[SIM_ID_LEN];
    trace_set_cause(c->env.w, a->out_seq);
    trace_put_op_extra(c->env.w, &(struct trace_rec_op_extra){.mid = a->m->mid,
                                                              .by = sim_id(a->by, by),
                                                              .cli = sim_id(c->ops.base + a->client, cli),
                                                              .why = why});
}

void sim_clients_answer(struct sim_clients *c, int64_t now, const struct sim_answer *a)
{
    struct sim_try *t = sim_ops_find(&c->ops, a->m->mid);
    if (t && t->spares > 0 && (t->state == SIM_TRY_OK || t->state == SIM_TRY_REFUSED)) {
        t->spares--;
        extra(c, a, "duplicate");
        return;
    }
    if (t && t->state == SIM_TRY_OK) {
        c->env.stats->duplicates++;
        extra(c, a, "duplicate");
        return;
    }
    bool ours = t && c->ops.op[t->op].client == a->client;
    if (ours && t->state == SIM_TRY_GIVEN_UP) {
        c->env.stats->late++;
        extra(c, a, "late");
        t->state = a->m->type == SIM_OK ? SIM_TRY_OK : SIM_TRY_REFUSED;
        return;
    }
    if (!ours || t->state != SIM_TRY_OPEN) {
        extra(c, a, "unknown_mid");
        clients_incorrect(c, "%04X answered %.16s to client %04X with an unexpected MID %.32s%s", a->by, a->m->ty,
                          c->ops.base + a->client, a->m->mid,
                          !t     ? ""
                          : ours ? ": it had answered that request before"
                                 : ": another client's request");
        return;
    }
    if (a->m->type == SIM_OK && !c->ops.op[t->op].put && !a->m->value) {
        extra(c, a, "unknown_mid");
        clients_incorrect(c, "%04X answered ok to a get without a value (MID %s)", a->by, a->m->mid);
        return;
    }
    sim_stats_latency(c->env.stats, now - t->sent);
    struct sim_stats *s = c->env.stats;
    t->state = a->m->type == SIM_OK ? SIM_TRY_OK : SIM_TRY_REFUSED;
    if (a->m->type != SIM_OK)
        s->redirects++;
    if (a->m->type == SIM_FAIL)
        (*(c->ops.op[t->op].put ? &s->failed_puts : &s->failed_gets))++;
    const struct sim_try answered = *t; /* the table may move when the client sends */
    c->kind->answer(c, now, a, &answered);
}

void sim_clients_end(struct sim_clients *c, int64_t now, bool stopped)
{
    struct sim_stats *s = c->env.stats;
    int64_t since = s->last_ok > c->env.load_start ? s->last_ok : c->env.load_start;
    int64_t until = now < c->env.load_end ? now : c->env.load_end;
    if (until - since > s->longest_gap) {
        s->longest_gap = until - since;
        s->gap_at = until;
    }
    for (uint32_t i = 0; i < c->ops.n_ops; i++) {
        if (!c->ops.op[i].open)
            continue;
        (*(c->ops.op[i].put ? &s->unanswered_puts : &s->unanswered_gets))++;
        sim_ops_return(&c->ops, i, "info", NULL, -1, stopped ? "stopped" : "unanswered", c->ops.op[i].invoke_seq);
    }
}
