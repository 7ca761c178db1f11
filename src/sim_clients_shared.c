/* Clients that share keys: closed loop, unique values, bounded patience. */
#include "sim_clients_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 20 };
static const int64_t PATIENCE = SIM_SECOND / 4; /* until what may have been lost is sent again */
static const int64_t BACKOFF_MIN = 10 * (SIM_SECOND / 1000), BACKOFF_MAX = 160 * (SIM_SECOND / 1000);

enum phase { LOAD, READ_BACK, DONE };

struct client {
    enum phase phase;
    uint32_t op;                            /* SIM_NO_OP: none under way */
    size_t last_try;                        /* of op */
    bool waiting;                           /* for an answer to last_try; else for retry_at, or for both */
    int64_t deadline, retry_at, next_start; /* ns */
    int leader;                             /* the last replica that answered, or was named; -1: none known */
    uint32_t writes;                        /* values used up */
    unsigned read_back;                     /* keys read at the end */
};

struct shared {
    struct client *client;
    int64_t interval; /* ns between the starts of one client's operations; 0: no pause */
    bool none;        /* rate 0: no load */
    bool one_mid;     /* messages can be lost or doubled: all tries of an operation have one MID, and come again */
};

static void *shared_make(struct sim_clients *c)
{
    const struct sim_clients_config *cfg = &c->env.cfg->clients;
    struct shared *own = calloc(1, sizeof *own);
    if (!own)
        abort();
    own->client = calloc(cfg->count, sizeof *own->client);
    if (!own->client)
        abort();
    own->none = !(cfg->rate > 0);
    own->one_mid = sim_config_clients_faulty(c->env.cfg);
    own->interval = own->none ? 0 : (int64_t)((double)cfg->count / cfg->rate * SIM_SECOND);
    for (unsigned i = 0; i < cfg->count; i++) {
        struct client *cl = &own->client[i];
        *cl = (struct client){.op = SIM_NO_OP, .leader = -1};
        cl->next_start =
            own->none ? c->env.load_end : c->env.load_start + own->interval * (int64_t)i / (int64_t)cfg->count;
    }
    return own;
}

static void shared_destroy(void *p)
{
    struct shared *own = p;
    free(own->client);
    free(own);
}

static int64_t client_deadline(const struct client *cl)
{
    if (cl->phase == DONE)
        return INT64_MAX;
    if (cl->op == SIM_NO_OP)
        return cl->next_start;
    return cl->deadline < cl->retry_at ? cl->deadline : cl->retry_at;
}

static int64_t shared_deadline(const struct sim_clients *c)
{
    const struct shared *own = c->own;
    int64_t first = INT64_MAX;
    for (unsigned i = 0; i < c->env.cfg->clients.count; i++) {
        int64_t t = client_deadline(&own->client[i]);
        first = t < first ? t : first;
    }
    return first;
}

/* Sends the operation under way to `to`, or, when that is nobody, waits a little. */
static void send_to(struct sim_clients *c, int64_t now, struct client *cl, int to)
{
    char leader[SIM_ID_LEN] = "FFFF";
    if (to < 0) {
        cl->waiting = false;
        cl->retry_at = now + BACKOFF_MAX;
        return;
    }
    if (cl->leader >= 0)
        sim_id((unsigned)cl->leader, leader);
    bool one_mid = ((const struct shared *)c->own)->one_mid;
    cl->waiting = true;
    cl->retry_at = one_mid ? now + PATIENCE : INT64_MAX;
    if (one_mid && c->ops.op[cl->op].tries > 0)
        clients_send_again(c, now, cl->last_try, (unsigned)to, leader);
    else
        cl->last_try = clients_send(c, now, cl->op, (unsigned)to, leader);
}

static void send_somewhere(struct sim_clients *c, int64_t now, struct client *cl)
{
    if (cl->leader >= 0 && !c->env.living[cl->leader])
        cl->leader = -1;
    send_to(c, now, cl, cl->leader >= 0 ? cl->leader : clients_random_living(c, cl->op));
}

/* No answer yet, or nobody was there: the next one may do better. */
static void try_again(struct sim_clients *c, int64_t now, struct client *cl)
{
    if (cl->waiting)
        cl->leader = -1;
    send_somewhere(c, now, cl);
}

/* The operation `id` is over: when does the next one start? */
static void next(struct sim_clients *c, int64_t now, struct client *cl, const char *id)
{
    struct shared *own = c->own;
    cl->op = SIM_NO_OP;
    if (cl->phase == READ_BACK) {
        cl->next_start = now;
        return;
    }
    /* Half to one and a half of the interval after the last start, but never a burst to catch up. */
    int64_t pause = 0;
    if (own->interval > 1)
        pause = own->interval / 2 + sim_decide_between(c->env.decider, "pause", id, 0, own->interval - 1);
    int64_t latest = c->env.load_end > now ? c->env.load_end : now;
    cl->next_start = cl->next_start + pause > now ? cl->next_start + pause : now;
    cl->next_start = cl->next_start < latest ? cl->next_start : latest;
}

static void next_after(struct sim_clients *c, int64_t now, struct client *cl)
{
    char id[SIM_OP_ID];
    next(c, now, cl, sim_ops_id(&c->ops, cl->op, id));
}

/* The same without success: what is to be read back is tried again, as long as the run lasts, and shows when a group
 * without faults does not come to itself. */
static void next_after_failure(struct sim_clients *c, int64_t now, struct client *cl)
{
    cl->leader = -1;
    next_after(c, now, cl);
    if (cl->phase != READ_BACK)
        return;
    cl->read_back--;
    cl->next_start = now + BACKOFF_MAX;
}

static void start(struct sim_clients *c, int64_t now, unsigned index)
{
    const struct sim_config *cfg = c->env.cfg;
    struct sim_decider *d = c->env.decider;
    struct client *cl = &((struct shared *)c->own)->client[index];
    char key[SIM_TEXT_LEN + 1], value[SIM_TEXT_LEN + 1], id[SIM_OP_ID];
    sim_ops_next_id(&c->ops, index, id);
    bool get = cl->phase == READ_BACK || sim_decide_chance(d, "get", id, cfg->mix);
    unsigned k =
        cl->phase == READ_BACK ? ++cl->read_back : (unsigned)sim_decide_between(d, "key", id, 1, cfg->clients.keys);
    snprintf(key, sizeof key, "k%u", k);
    if (!get)
        snprintf(value, sizeof value, "%04X.%" PRIu32, c->ops.base + index, ++cl->writes);
    if (sim_decide_chance(d, "leave_out", id, 0)) { /* only when that is given */
        sim_ops_leave_out(&c->ops, index);
        next(c, now, cl, id);
        return;
    }
    (*(get ? &c->env.stats->gets : &c->env.stats->puts))++;
    cl->op = sim_ops_invoke(&c->ops, index, key, get ? NULL : value);
    cl->deadline = now + cfg->clients.timeout;
    send_somewhere(c, now, cl);
}

static void give_up(struct sim_clients *c, int64_t now, struct client *cl)
{
    struct sim_op *op = &c->ops.op[cl->op];
    int64_t cause = op->tries ? c->ops.tries[cl->last_try].seq : op->invoke_seq;
    (*(op->put ? &c->env.stats->unanswered_puts : &c->env.stats->unanswered_gets))++;
    bool copies = ((const struct shared *)c->own)->one_mid && op->put && op->tries > 0;
    /* It may be under way although nobody was there for the last copy. */
    if (op->tries > 0 && c->ops.tries[cl->last_try].state == SIM_TRY_OPEN) {
        c->ops.tries[cl->last_try].state = SIM_TRY_GIVEN_UP;
        sim_ops_return(&c->ops, cl->op, "info", NULL, -1, "unanswered", cause);
    } else if (copies) /* one of them may still be under way */
        sim_ops_return(&c->ops, cl->op, "info", NULL, -1, "redirect", cause);
    else /* every try was redirected, or there was nobody to try: it did not happen */
        sim_ops_return(&c->ops, cl->op, "fail", NULL, -1, "redirect", cause);
    next_after_failure(c, now, cl);
}

/* Idle and due: more load, then the reading back, then nothing. */
static void proceed(struct sim_clients *c, int64_t now, unsigned index)
{
    struct client *cl = &((struct shared *)c->own)->client[index];
    if (cl->phase == LOAD && now >= c->env.load_end)
        cl->phase = READ_BACK;
    if (cl->phase == READ_BACK && cl->read_back == c->env.cfg->clients.keys)
        cl->phase = DONE;
    if (cl->phase != DONE)
        start(c, now, index);
}

static void shared_tick(struct sim_clients *c, int64_t now)
{
    struct shared *own = c->own;
    for (unsigned i = 0; i < c->env.cfg->clients.count; i++) {
        struct client *cl = &own->client[i];
        if (client_deadline(cl) > now)
            continue;
        if (cl->op == SIM_NO_OP)
            proceed(c, now, i);
        else if (now >= cl->deadline)
            give_up(c, now, cl);
        else
            try_again(c, now, cl);
    }
}

/* Nobody known to lead: wait a little, longer each time, then ask anybody. */
static void back_off(struct sim_clients *c, int64_t now, struct client *cl, uint32_t tries)
{
    char id[SIM_OP_ID], name[SIM_OP_ID + 16];
    snprintf(name, sizeof name, "%s/%" PRIu32, sim_ops_id(&c->ops, cl->op, id), tries);
    int64_t pause = BACKOFF_MIN << (tries < 5 ? tries : 5);
    pause = pause > BACKOFF_MAX ? BACKOFF_MAX : pause;
    cl->leader = -1;
    cl->waiting = false;
    cl->retry_at = now + pause / 2 + sim_decide_between(c->env.decider, "back_off", name, 0, pause - 1);
}

static void redirected(struct sim_clients *c, int64_t now, const struct sim_answer *a, struct client *cl)
{
    const struct sim_op *op = &c->ops.op[cl->op];
    cl->waiting = false;
    if (op->tries >= TRIES_MAX) {
        give_up(c, now, cl);
        return;
    }
    int to = clients_living(c, a->m->leader);
    if (to < 0 || to == (int)a->by) {
        back_off(c, now, cl, op->tries);
        return;
    }
    cl->leader = to;
    send_to(c, now, cl, to);
}

static void shared_answer(struct sim_clients *c, int64_t now, const struct sim_answer *a, const struct sim_try *t)
{
    struct client *cl = &((struct shared *)c->own)->client[a->client];
    if (a->m->type == SIM_REDIRECT) {
        redirected(c, now, a, cl);
        return;
    }
    if (a->m->type == SIM_OK) {
        cl->leader = (int)a->by;
        clients_ok(c, now, a, t->op);
        next_after(c, now, cl);
    } else {
        /* A put that failed may still happen, and its value is used up. */
        sim_ops_return(&c->ops, t->op, c->ops.op[t->op].put ? "info" : "fail", NULL, (int)a->by, "fail", a->out_seq);
        next_after_failure(c, now, cl);
    }
}

static void shared_forget(struct sim_clients *c)
{
    struct shared *own = c->own;
    for (unsigned i = 0; i < c->env.cfg->clients.count; i++)
        own->client[i].leader = -1;
}

static bool shared_done(const struct sim_clients *c)
{
    return shared_deadline(c) == INT64_MAX;
}

const struct sim_clients_kind sim_clients_shared = {
    .make = shared_make,
    .destroy = shared_destroy,
    .deadline = shared_deadline,
    .tick = shared_tick,
    .answer = shared_answer,
    .forget = shared_forget,
    .done = shared_done,
};
