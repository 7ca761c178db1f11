/* history_intern.c -- a hash table with linear probing; the texts lie in one block. */
#include "history_intern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

void intern_free(struct intern *t)
{
    free(t->bytes);
    free(t->at);
    free(t->slots);
    *t = (struct intern){0};
}

const char *intern_text(const struct intern *t, uint32_t id, size_t *n)
{
    if (n != NULL)
        *n = t->at[id + 1] - t->at[id] - 1;
    return t->bytes + t->at[id];
}

/* The slot that holds the text, or the free one where it would go. */
static size_t slot_of(const struct intern *t, const char *p, size_t n)
{
    size_t i = (size_t)trace_hash(p, n) & (t->n_slots - 1);
    while (t->slots[i] != 0) {
        size_t len;
        const char *text = intern_text(t, t->slots[i] - 1, &len);
        if (len == n && (n == 0 || memcmp(text, p, n) == 0))
            break;
        i = (i + 1) & (t->n_slots - 1);
    }
    return i;
}

uint32_t intern_find(const struct intern *t, const char *p, size_t n)
{
    if (t->n_slots == 0)
        return INTERN_NONE;
    size_t i = slot_of(t, p, n);
    return t->slots[i] != 0 ? t->slots[i] - 1 : INTERN_NONE;
}

static bool grow_slots(struct intern *t)
{
    size_t n_slots = t->n_slots == 0 ? 64 : t->n_slots * 2;
    uint32_t *slots = calloc(n_slots, sizeof *slots);
    if (slots == NULL)
        return false;
    free(t->slots);
    t->slots = slots;
    t->n_slots = n_slots;
    for (uint32_t id = 0; id < t->n; id++) {
        size_t len;
        const char *text = intern_text(t, id, &len);
        t->slots[slot_of(t, text, len)] = id + 1;
    }
    return true;
}

static bool grow_texts(struct intern *t, size_t more)
{
    if (t->n + 1 >= t->cap) {
        uint32_t cap = t->cap == 0 ? 64 : t->cap * 2;
        size_t *at = realloc(t->at, cap * sizeof *at);
        if (at == NULL)
            return false;
        if (t->n == 0)
            at[0] = 0;
        t->at = at;
        t->cap = cap;
    }
    if (t->bytes_n + more > t->bytes_cap) {
        size_t cap = (t->bytes_n + more) * 2;
        char *bytes = realloc(t->bytes, cap);
        if (bytes == NULL)
            return false;
        t->bytes = bytes;
        t->bytes_cap = cap;
    }
    return true;
}

uint32_t intern(struct intern *t, const char *p, size_t n)
{
    if ((t->n + 1) * (size_t)2 > t->n_slots && !grow_slots(t))
        return INTERN_NONE;
    size_t i = slot_of(t, p, n);
    if (t->slots[i] != 0)
        return t->slots[i] - 1;
    if (!grow_texts(t, n + 1))
        return INTERN_NONE;
    if (n > 0)
        memcpy(t->bytes + t->bytes_n, p, n);
    t->bytes[t->bytes_n + n] = '\0';
    t->bytes_n += n + 1;
    t->at[t->n + 1] = t->bytes_n;
    t->slots[i] = ++t->n;
    return t->n - 1;
}
