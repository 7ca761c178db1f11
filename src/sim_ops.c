#include "sim_ops.h"
#include "rng.h"
#include "sim_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/* A MID is client, number and try in base 36, so that it is found again without a table, and then some letters. */
enum { LETTERS = 36, CLIENT_LEN = 2, NUMBER_LEN = 5, TRY_LEN = 4 };

void sim_ops_text(const char *name, char *out, size_t n)
{
    struct rng rng;
    rng_seed(&rng, trace_hash(name, strlen(name)));
    for (size_t i = 0; i < n; i++)
        out[i] = alphabet[rng_below(&rng, LETTERS)];
    out[n] = '\0';
}

static char *put_number(char *at, size_t n, size_t number)
{
    for (size_t i = n; i-- > 0; number /= LETTERS)
        at[i] = alphabet[number % LETTERS];
    return at + n;
}

/* -1: it is none. */
static int64_t take_number(const char *at, size_t n)
{
    int64_t number = 0;
    for (size_t i = 0; i < n; i++) {
        const char *letter = strchr(alphabet, at[i]);
        if (!letter || !at[i])
            return -1;
        number = number * LETTERS + (letter - alphabet);
    }
    return number;
}

void sim_ops_init(struct sim_ops *o, struct trace_writer *w, unsigned base, unsigned clients)
{
    *o = (struct sim_ops){.w = w, .base = base, .of = calloc(clients, sizeof *o->of), .clients = clients};
    if (!o->of)
        abort();
}

void sim_ops_free(struct sim_ops *o)
{
    free(o->op);
    free(o->tries);
    for (unsigned i = 0; i < o->clients; i++)
        free(o->of[i].op);
    free(o->of);
    *o = (struct sim_ops){0};
}

static void *grow(void *v, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return v;
    *room = *room ? 2 * *room : 256;
    v = realloc(v, *room * size);
    if (!v)
        abort();
    return v;
}

static const char *write_id(const struct sim_ops *o, unsigned client, uint32_t number, char out[SIM_OP_ID])
{
    char cli[SIM_ID_LEN];
    struct sim_text t = sim_text_in(out, SIM_OP_ID);
    sim_text_add(&t, sim_id(o->base + client, cli));
    sim_text_add(&t, ":");
    sim_text_number(&t, number);
    return out;
}

const char *sim_ops_id(const struct sim_ops *o, uint32_t op, char out[SIM_OP_ID])
{
    return write_id(o, o->op[op].client, o->op[op].number, out);
}

const char *sim_ops_next_id(const struct sim_ops *o, unsigned client, char out[SIM_OP_ID])
{
    return write_id(o, client, o->of[client].number + 1, out);
}

static uint32_t use_number(struct sim_ops *o, unsigned client, uint32_t op)
{
    struct sim_ops_of *of = &o->of[client];
    of->op = grow(of->op, of->number, &of->room, sizeof *of->op);
    of->op[of->number] = op;
    return ++of->number;
}

void sim_ops_leave_out(struct sim_ops *o, unsigned client)
{
    use_number(o, client, SIM_NO_OP);
}

uint32_t sim_ops_invoke(struct sim_ops *o, unsigned client, const char *key, const char *value)
{
    char id[SIM_OP_ID], cli[SIM_ID_LEN];
    uint32_t number = use_number(o, client, (uint32_t)o->n_ops);
    o->op = grow(o->op, o->n_ops, &o->op_room, sizeof *o->op);
    struct sim_op *op = &o->op[o->n_ops];
    *op =
        (struct sim_op){.client = client, .number = number, .put = value != NULL, .open = true, .last_try = SIM_NO_OP};
    struct sim_text t = sim_text_in(op->key, sizeof op->key);
    sim_text_add(&t, key);
    t = sim_text_in(op->value, sizeof op->value);
    sim_text_add(&t, value ? value : "");
    trace_set_cause(o->w, 0);
    op->invoke_seq =
        trace_put_op_invoke(o->w, &(struct trace_rec_op_invoke){.op = write_id(o, op->client, op->number, id),
                                                                .cli = sim_id(o->base + client, cli),
                                                                .f = op->put ? "put" : "get",
                                                                .key = op->key,
                                                                .val = op->put ? op->value : NULL});
    return (uint32_t)o->n_ops++;
}

static void put_try(struct sim_ops *o, struct sim_try *t)
{
    char id[SIM_OP_ID], node[SIM_ID_LEN];
    struct sim_op *op = &o->op[t->op];
    trace_set_cause(o->w, op->invoke_seq);
    t->seq = trace_put_op_try(o->w, &(struct trace_rec_op_try){.op = write_id(o, op->client, op->number, id),
                                                               .att = ++op->tries,
                                                               .mid = t->mid,
                                                               .to = sim_id(t->to, node)});
}

const struct sim_try *sim_ops_try(struct sim_ops *o, uint32_t op_index, unsigned to, int64_t now)
{
    struct sim_op *op = &o->op[op_index];
    o->tries = grow(o->tries, o->n_tries, &o->try_room, sizeof *o->tries);
    struct sim_try *t = &o->tries[o->n_tries];
    *t = (struct sim_try){.op = op_index, .before = op->last_try, .to = to, .sent = now};
    char *at = put_number(t->mid, CLIENT_LEN, op->client);
    at = put_number(at, NUMBER_LEN, op->number);
    at = put_number(at, TRY_LEN, op->tries + 1);
    *at = '\0';
    sim_ops_text(t->mid, at, (size_t)(t->mid + SIM_MID_LEN - at));
    op->last_try = (uint32_t)o->n_tries++;
    put_try(o, t);
    return t;
}

const struct sim_try *sim_ops_again(struct sim_ops *o, size_t index, unsigned to, int64_t now)
{
    struct sim_try *t = &o->tries[index];
    t->to = to;
    t->sent = now;
    t->state = SIM_TRY_OPEN;
    t->spares++;
    put_try(o, t);
    return t;
}

struct sim_try *sim_ops_find(struct sim_ops *o, const char *mid)
{
    if (strlen(mid) != SIM_MID_LEN)
        return NULL;
    int64_t client = take_number(mid, CLIENT_LEN), number = take_number(mid + CLIENT_LEN, NUMBER_LEN);
    if (client < 0 || client >= o->clients || number < 1 || number > o->of[client].number)
        return NULL;
    uint32_t op = o->of[client].op[number - 1];
    if (op == SIM_NO_OP)
        return NULL;
    for (uint32_t at = o->op[op].last_try; at != SIM_NO_OP; at = o->tries[at].before)
        if (strcmp(o->tries[at].mid, mid) == 0)
            return &o->tries[at];
    return NULL;
}

void sim_ops_return(struct sim_ops *o, uint32_t op_index, const char *res, const char *val, int by, const char *why,
                    int64_t cause)
{
    char id[SIM_OP_ID], node[SIM_ID_LEN];
    struct sim_op *op = &o->op[op_index];
    op->open = false;
    trace_set_cause(o->w, cause);
    trace_put_op_return(o->w, &(struct trace_rec_op_return){.op = write_id(o, op->client, op->number, id),
                                                            .res = res,
                                                            .val = val,
                                                            .by = by >= 0 ? sim_id((unsigned)by, node) : NULL,
                                                            .why = why});
}
