/* history.c -- building a history. */
#include "history.h"

#include <assert.h>
#include <stdlib.h>

void history_init(struct history *h)
{
    *h = (struct history){0};
    h->no_memory = intern(&h->values, "", 0) != HISTORY_INITIAL;
}

void history_free(struct history *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->keys[i].ops);
    free(h->keys);
    intern_free(&h->values);
    intern_free(&h->clients);
    intern_free(&h->names);
    *h = (struct history){0};
}

static uint32_t number(struct history *h, struct intern *t, const char *p, size_t n)
{
    uint32_t id = intern(t, p, n);
    if (id == INTERN_NONE)
        h->no_memory = true;
    return id;
}

uint32_t history_value(struct history *h, const char *p, size_t n)
{
    return number(h, &h->values, p, n);
}

uint32_t history_client(struct history *h, const char *p, size_t n)
{
    return number(h, &h->clients, p, n);
}

static struct history_key *key_of(struct history *h, const char *p, size_t n)
{
    uint32_t name = number(h, &h->names, p, n);
    if (name == INTERN_NONE || name < h->n)
        return name == INTERN_NONE ? NULL : &h->keys[name];
    if (h->n == h->cap) {
        size_t cap = h->cap == 0 ? 16 : h->cap * 2;
        struct history_key *keys = realloc(h->keys, cap * sizeof *keys);
        if (keys == NULL)
            return NULL;
        h->keys = keys;
        h->cap = cap;
    }
    h->keys[h->n] = (struct history_key){.name = name};
    return &h->keys[h->n++];
}

void history_add(struct history *h, const char *key, size_t key_n, const struct op *op)
{
    assert(op->call <= op->ret && op->kind <= OP_APPEND && op->outcome <= OUTCOME_UNKNOWN);
    assert(op->outcome != OUTCOME_UNKNOWN || op->ret == HISTORY_OPEN);
    assert(h->no_memory || (op->value < h->values.n && (op->kind != OP_CAS || op->expect < h->values.n)));
    assert(!op->ghost || op->outcome == OUTCOME_UNKNOWN);
    if (op->kind == OP_READ && op->outcome != OUTCOME_OK)
        return;
    struct history_key *k = h->no_memory ? NULL : key_of(h, key, key_n);
    if (k != NULL && k->n == k->cap) {
        size_t cap = k->cap == 0 ? 16 : k->cap * 2;
        struct op *ops = realloc(k->ops, cap * sizeof *ops);
        if (ops != NULL) {
            k->ops = ops;
            k->cap = cap;
        }
    }
    if (k == NULL || k->n == k->cap) {
        h->no_memory = true;
        return;
    }
    k->ops[k->n++] = *op;
}

void history_unread(struct history *h, const char *key, size_t key_n)
{
    struct history_key *k = key_of(h, key, key_n);
    if (k != NULL)
        k->unread = true;
    else
        h->no_memory = true;
}

/* Merge sort: stable, and already sorted input (the usual case) costs one pass. */
static bool sort_ops(struct op *ops, size_t n)
{
    size_t i = 1;
    while (i < n && ops[i - 1].call <= ops[i].call)
        i++;
    if (i >= n)
        return true;
    struct op *other = malloc(n * sizeof *other);
    if (other == NULL)
        return false;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t lo = 0; lo < n; lo += 2 * width) {
            size_t mid = lo + width < n ? lo + width : n, hi = lo + 2 * width < n ? lo + 2 * width : n;
            size_t a = lo, b = mid;
            for (size_t k = lo; k < hi; k++)
                other[k] = b >= hi || (a < mid && ops[a].call <= ops[b].call) ? ops[a++] : ops[b++];
        }
        for (size_t k = 0; k < n; k++)
            ops[k] = other[k];
    }
    free(other);
    return true;
}

void history_sort(struct history *h)
{
    for (size_t i = 0; i < h->n; i++) {
        if (!sort_ops(h->keys[i].ops, h->keys[i].n))
            h->no_memory = true;
    }
}
