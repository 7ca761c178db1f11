/* history_brute.c -- all orders, one by one. */
#include "history_brute.h"

#include <stdio.h>
#include <string.h>

struct brute {
    const struct op *ops;
    size_t n;
    struct intern *values;
    bool failed_cas_reads;
};

static bool takes_part(const struct brute *b, size_t i)
{
    const struct op *o = &b->ops[i];
    return o->outcome != OUTCOME_FAILED || (o->kind == OP_CAS && b->failed_cas_reads);
}

/* The value after the operation, or INTERN_NONE when it cannot happen on this value. */
static uint32_t happen(struct brute *b, const struct op *o, uint32_t value)
{
    if (o->kind == OP_READ)
        return o->value == value ? value : INTERN_NONE;
    if (o->kind == OP_WRITE)
        return o->value;
    if (o->kind == OP_CAS) {
        if (o->outcome == OUTCOME_FAILED)
            return o->expect != value ? value : INTERN_NONE;
        return o->expect == value ? o->value : INTERN_NONE;
    }
    char text[256];
    size_t n, m;
    const char *p = intern_text(b->values, value, &n);
    memcpy(text, p, n);
    p = intern_text(b->values, o->value, &m);
    memcpy(text + n, p, m);
    return intern(b->values, text, n + m);
}

static bool order_exists(struct brute *b, unsigned left, uint32_t value)
{
    bool all_optional = true;
    for (size_t i = 0; i < b->n; i++)
        all_optional &= (left >> i & 1u) == 0 || b->ops[i].outcome == OUTCOME_UNKNOWN;
    if (all_optional)
        return true;
    for (size_t i = 0; i < b->n; i++) {
        if ((left >> i & 1u) == 0)
            continue;
        bool first = true;
        for (size_t k = 0; k < b->n; k++)
            first &= k == i || (left >> k & 1u) == 0 || !(b->ops[k].ret < b->ops[i].call);
        if (!first)
            continue;
        uint32_t next = happen(b, &b->ops[i], value);
        if (next != INTERN_NONE && order_exists(b, left & ~(1u << i), next))
            return true;
    }
    return false;
}

bool brute_linearizable(const struct op *ops, size_t n, unsigned mask, struct intern *values, bool failed_cas_reads)
{
    struct brute b = {ops, n, values, failed_cas_reads};
    for (size_t i = 0; i < n; i++) {
        if (!takes_part(&b, i))
            mask &= ~(1u << i);
    }
    return order_exists(&b, mask & ((1u << n) - 1), HISTORY_INITIAL);
}

unsigned brute_random(uint64_t *seed, unsigned n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((*seed >> 33) % n);
}

static uint32_t value_of(struct history *h, unsigned v)
{
    char text[16];
    int n = v == 0 ? 0 : snprintf(text, sizeof text, "%u", v);
    return history_value(h, text, (size_t)n);
}

void brute_history(struct history *h, uint64_t *seed, const struct brute_shape *shape)
{
    unsigned n = 1 + brute_random(seed, shape->ops_max), written = 0;
    unsigned known = shape->values > 0 ? shape->values : n / 2 + 1; /* about half of the operations write */
    for (unsigned i = 0; i < n; i++) {
        struct op op = {.id = i, .client = history_client(h, "c", 1)};
        unsigned a = brute_random(seed, shape->times), b = brute_random(seed, shape->times);
        op.call = a < b ? a : b;
        op.ret = a < b ? b : a;
        unsigned kind = brute_random(seed, 10);
        op.kind = kind < 5                    ? OP_READ
                  : shape->cas && kind < 7    ? OP_CAS
                  : shape->append && kind < 9 ? OP_APPEND
                                              : OP_WRITE;
        if (op.kind == OP_READ) {
            unsigned v = brute_random(seed, known + 1);
            op.value = value_of(h, v);
            if (shape->append && brute_random(seed, 2) == 0) {
                char text[16];
                int len = snprintf(text, sizeof text, "%u%u", v + 1, 1 + brute_random(seed, known));
                op.value = history_value(h, text, (size_t)len);
            }
        } else {
            op.value = value_of(h, shape->values > 0 ? brute_random(seed, known + 1) : ++written);
            op.expect = value_of(h, brute_random(seed, known + 1));
            if (brute_random(seed, 100) < shape->unknown_pct) {
                op.outcome = OUTCOME_UNKNOWN;
                op.ret = HISTORY_OPEN;
                op.ghost = shape->ghosts && brute_random(seed, 2) == 0;
            } else if (brute_random(seed, 100) < shape->failed_pct) {
                op.outcome = OUTCOME_FAILED;
            }
        }
        history_add(h, "k", 1, &op);
    }
    history_sort(h);
}
