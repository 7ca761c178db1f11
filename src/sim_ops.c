#include "sim_ops.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
enum { LETTERS = 36, NUMBER_LEN = 6 };

void sim_ops_random(struct rng *rng, char *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = alphabet[rng_below(rng, LETTERS)];
    out[n] = '\0';
}

void sim_ops_init(struct sim_ops *o, struct trace_writer *w, struct rng *rng, unsigned base, unsigned clients)
{
    *o = (struct sim_ops){.w = w, .rng = rng, .base = base, .numbers = calloc(clients, sizeof(uint32_t))};
    if (!o->numbers)
        abort();
}

void sim_ops_free(struct sim_ops *o)
{
    free(o->op);
    free(o->tries);
    free(o->numbers);
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

/* The id of an operation, CLIENT:NUMBER. */
static const char *op_id(const struct sim_ops *o, const struct sim_op *op, char out[32])
{
    snprintf(out, 32, "%04X:%" PRIu32, o->base + op->client, op->number);
    return out;
}

uint32_t sim_ops_invoke(struct sim_ops *o, unsigned client, const char *key, const char *value)
{
    char id[32], cli[SIM_ID_LEN];
    o->op = grow(o->op, o->n_ops, &o->op_room, sizeof *o->op);
    struct sim_op *op = &o->op[o->n_ops];
    *op = (struct sim_op){.client = client, .number = ++o->numbers[client], .put = value != NULL, .open = true};
    snprintf(op->key, sizeof op->key, "%s", key);
    snprintf(op->value, sizeof op->value, "%s", value ? value : "");
    trace_set_cause(o->w, 0);
    op->invoke_seq = trace_put_op_invoke(o->w, &(struct trace_rec_op_invoke){.op = op_id(o, op, id),
                                                                             .cli = sim_id(o->base + client, cli),
                                                                             .f = op->put ? "put" : "get",
                                                                             .key = op->key,
                                                                             .val = op->put ? op->value : NULL});
    return (uint32_t)o->n_ops++;
}

static void put_try(struct sim_ops *o, struct sim_try *t)
{
    char id[32], node[SIM_ID_LEN];
    struct sim_op *op = &o->op[t->op];
    trace_set_cause(o->w, op->invoke_seq);
    t->seq = trace_put_op_try(
        o->w, &(struct trace_rec_op_try){
                  .op = op_id(o, op, id), .att = ++op->tries, .mid = t->mid, .to = sim_id(t->to, node)});
}

const struct sim_try *sim_ops_try(struct sim_ops *o, uint32_t op_index, unsigned to, int64_t now)
{
    o->tries = grow(o->tries, o->n_tries, &o->try_room, sizeof *o->tries);
    struct sim_try *t = &o->tries[o->n_tries];
    *t = (struct sim_try){.op = op_index, .to = to, .sent = now};
    /* The try's number in base 36, then chance: unique, and found again without a table. */
    size_t number = o->n_tries++;
    for (size_t i = NUMBER_LEN; i-- > 0; number /= LETTERS)
        t->mid[i] = alphabet[number % LETTERS];
    sim_ops_random(o->rng, t->mid + NUMBER_LEN, SIM_MID_LEN - NUMBER_LEN);
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
    size_t number = 0;
    if (strlen(mid) != SIM_MID_LEN)
        return NULL;
    for (size_t i = 0; i < NUMBER_LEN; i++) {
        const char *at = strchr(alphabet, mid[i]);
        if (!at)
            return NULL;
        number = number * LETTERS + (size_t)(at - alphabet);
    }
    return number < o->n_tries && strcmp(o->tries[number].mid, mid) == 0 ? &o->tries[number] : NULL;
}

void sim_ops_return(struct sim_ops *o, uint32_t op_index, const char *res, const char *val, int by, const char *why,
                    int64_t cause)
{
    char id[32], node[SIM_ID_LEN];
    struct sim_op *op = &o->op[op_index];
    op->open = false;
    trace_set_cause(o->w, cause);
    trace_put_op_return(o->w, &(struct trace_rec_op_return){.op = op_id(o, op, id),
                                                            .res = res,
                                                            .val = val,
                                                            .by = by >= 0 ? sim_id((unsigned)by, node) : NULL,
                                                            .why = why});
}
