/* pairmap.c -- open addressing, linear probing, at most half full; no deletion. */
#include "pairmap.h"

#include <stdlib.h>

#include "mem.h"

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * UINT64_C(0x9E3779B97F4A7C15) + b;
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    return x ^ (x >> 29);
}

/* The slot of (a, b), or the empty one where it belongs. */
static struct pairmap_slot *slot_of(const struct pairmap *m, uint64_t a, uint64_t b)
{
    size_t i = (size_t)mix(a, b) & (m->room - 1);
    while (m->slot[i].a != 0 && (m->slot[i].a != a || m->slot[i].b != b))
        i = (i + 1) & (m->room - 1);
    return &m->slot[i];
}

static void double_room(struct pairmap *m)
{
    struct pairmap bigger = {.room = m->room == 0 ? 64 : 2 * m->room, .n = m->n};
    bigger.slot = mem_new(bigger.room * sizeof *bigger.slot);
    for (size_t i = 0; i < m->room; i++) {
        if (m->slot[i].a != 0)
            *slot_of(&bigger, m->slot[i].a, m->slot[i].b) = m->slot[i];
    }
    free(m->slot);
    *m = bigger;
}

uint64_t *pairmap_at(struct pairmap *m, uint64_t a, uint64_t b)
{
    if (2 * (m->n + 1) > m->room)
        double_room(m);
    struct pairmap_slot *s = slot_of(m, a, b);
    if (s->a == 0) {
        *s = (struct pairmap_slot){.a = a, .b = b};
        m->n++;
    }
    return &s->value;
}

uint64_t pairmap_get(const struct pairmap *m, uint64_t a, uint64_t b)
{
    return m->room == 0 ? 0 : slot_of(m, a, b)->value;
}

void pairmap_free(struct pairmap *m)
{
    free(m->slot);
    *m = (struct pairmap){0};
}

void *vector_grow(void *p, size_t *room, size_t n, size_t size)
{
    if (n < *room)
        return p;
    *room = *room == 0 ? 16 : 2 * *room;
    return mem_grow(p, *room, size);
}
