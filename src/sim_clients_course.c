/* The course's clients. */
#include "sim_clients_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known {
    char key[SIM_TEXT_LEN + 1], value[SIM_TEXT_LEN + 1];
}; /* acknowledged */

struct client {
    char leader[8];
    bool wrote; /* has ever sent a put */
    struct known *known;
    size_t n_known, room;
};

struct course {
    struct client *client;
    unsigned n_clients;
    bool *is_get; /* drawn in advance, one per request */
    int64_t next; /* request, from 0 */
};

static void forget_all(struct course *own)
{
    for (unsigned i = 0; i < own->n_clients; i++)
        strcpy(own->client[i].leader, "FFFF");
}

static const char *name_of(int64_t request, char out[SIM_OP_ID])
{
    snprintf(out, SIM_OP_ID, "request %" PRId64, request + 1);
    return out;
}

static void *course_make(struct sim_clients *c)
{
    char name[SIM_OP_ID];
    const struct sim_config *cfg = c->env.cfg;
    struct course *own = calloc(1, sizeof *own);
    if (!own)
        abort();
    own->n_clients = cfg->clients.count;
    own->client = calloc(own->n_clients, sizeof *own->client);
    own->is_get = calloc((size_t)cfg->requests + 1, sizeof *own->is_get);
    if (!own->client || !own->is_get)
        abort();
    for (int64_t i = 0; i < cfg->requests; i++)
        own->is_get[i] = sim_decide_chance(c->env.decider, "get", name_of(i, name), cfg->mix);
    forget_all(own);
    return own;
}

static void course_destroy(void *p)
{
    struct course *own = p;
    for (unsigned i = 0; i < own->n_clients; i++)
        free(own->client[i].known);
    free(own->client);
    free(own->is_get);
    free(own);
}

static int64_t due(const struct sim_clients *c, int64_t request)
{
    const struct sim_config *cfg = c->env.cfg;
    return c->env.load_start + (int64_t)((double)cfg->lifetime / (double)cfg->requests * (double)request);
}

static int64_t course_deadline(const struct sim_clients *c)
{
    const struct course *own = c->own;
    return own->next < c->env.cfg->requests ? due(c, own->next) : INT64_MAX;
}

/* The next value of a chain: 128 bits as 32 hex digits, from two hashes that start differently. */
static void chain(const char *text, char out[SIM_TEXT_LEN + 1])
{
    char salted[SIM_TEXT_LEN + 2];
    int n = snprintf(salted, sizeof salted, "+%s", text);
    snprintf(out, SIM_TEXT_LEN + 1, "%016llx%016llx", (unsigned long long)trace_hash(text, strlen(text)),
             (unsigned long long)trace_hash(salted, (size_t)n));
}

static void issue(struct sim_clients *c, int64_t now, uint32_t op)
{
    struct course *own = c->own;
    struct client *cl = &own->client[c->ops.op[op].client];
    int to = clients_living(c, cl->leader);
    if (to < 0)
        to = clients_random_living(c, op);
    if (to >= 0)
        clients_send(c, now, op, (unsigned)to, cl->leader);
}

static void request(struct sim_clients *c, int64_t now, int64_t number)
{
    struct course *own = c->own;
    struct sim_decider *d = c->env.decider;
    char name[SIM_OP_ID];
    bool get = own->is_get[number];
    unsigned index = (unsigned)sim_decide_between(d, "client", name_of(number, name), 0, own->n_clients - 1);
    if (sim_decide_chance(d, "leave_out", name, 0)) /* only when that is given */
        return;
    struct client *cl = &own->client[index];
    char key[SIM_TEXT_LEN + 1], value[SIM_TEXT_LEN + 1];
    if (get && cl->n_known == 0) {
        c->env.stats->failed_to_generate_get++;
        c->env.stats->get_before_any_put += !cl->wrote;
        get = false;
    }
    if (get || (cl->n_known > 0 && sim_decide_chance(d, "known_key", name, 0.5))) {
        const struct known *k = &cl->known[sim_decide_between(d, "which_key", name, 0, (int64_t)cl->n_known - 1)];
        strcpy(key, k->key);
        chain(k->value, value);
    } else {
        sim_ops_text(name, key, SIM_TEXT_LEN);
        chain(key, value);
    }
    (*(get ? &c->env.stats->gets : &c->env.stats->puts))++;
    cl->wrote = cl->wrote || !get;
    issue(c, now, sim_ops_invoke(&c->ops, index, key, get ? NULL : value));
}

static void course_tick(struct sim_clients *c, int64_t now)
{
    struct course *own = c->own;
    if (course_deadline(c) <= now)
        request(c, now, own->next++);
}

static struct known *find(struct client *cl, const char *key)
{
    for (size_t i = 0; i < cl->n_known; i++)
        if (strcmp(cl->known[i].key, key) == 0)
            return &cl->known[i];
    return NULL;
}

static void acknowledge(struct client *cl, const struct sim_op *op)
{
    struct known *k = find(cl, op->key);
    if (!k) {
        if (cl->n_known == cl->room) {
            cl->room = cl->room ? 2 * cl->room : 16;
            cl->known = realloc(cl->known, cl->room * sizeof *cl->known);
            if (!cl->known)
                abort();
        }
        k = &cl->known[cl->n_known++];
        strcpy(k->key, op->key);
    }
    strcpy(k->value, op->value);
}

/* The value must be the last one that was acknowledged to this client. */
static void compare(struct sim_clients *c, const struct sim_answer *a, struct client *cl, const struct sim_op *op)
{
    const char *value = a->m->value;
    const struct known *k = find(cl, op->key);
    if (k && (!a->m->value_is_text || strcmp(k->value, value) != 0)) {
        c->env.stats->wrong_values++;
        clients_incorrect(c, "%04X answered client %04X's get of %s with %.40s; %s had been acknowledged", a->by,
                          c->ops.base + op->client, op->key, value ? value : "?", k->value);
    }
}

static void course_answer(struct sim_clients *c, int64_t now, const struct sim_answer *a, const struct sim_try *t)
{
    struct course *own = c->own;
    const struct sim_op op = c->ops.op[t->op];
    struct client *cl = &own->client[op.client];
    bool plain = strspn(a->m->leader, "0123456789ABCDEFabcdef") == 4; /* it goes into our next message as it is */
    strcpy(cl->leader, plain ? a->m->leader : "FFFF");
    if (a->m->type == SIM_OK) {
        clients_ok(c, now, a, t->op);
        if (op.put)
            acknowledge(cl, &op);
        else
            compare(c, a, cl, &op);
        return;
    }
    if (a->m->type == SIM_REDIRECT) {
        issue(c, now, t->op);
        return;
    }
    /* A failed put may still happen: the same put again is another operation. */
    sim_ops_return(&c->ops, t->op, op.put ? "info" : "fail", NULL, (int)a->by, "fail", a->out_seq);
    issue(c, now, sim_ops_invoke(&c->ops, op.client, op.key, op.put ? op.value : NULL));
}

static void course_forget(struct sim_clients *c)
{
    forget_all(c->own);
}

static bool course_done(const struct sim_clients *c)
{
    (void)c;
    return false; /* the course's runs last as long as their file says */
}

const struct sim_clients_kind sim_clients_course = {
    .make = course_make,
    .destroy = course_destroy,
    .deadline = course_deadline,
    .tick = course_tick,
    .answer = course_answer,
    .forget = course_forget,
    .done = course_done,
};
