/* lin_set.c -- members are compared in full, so that two different configurations are never taken for one. */
#include "lin_set.h"

#include <stdlib.h>
#include <string.h>

void lin_set_init(struct lin_set *s, size_t stride)
{
    *s = (struct lin_set){.stride = stride};
}

void lin_set_free(struct lin_set *s)
{
    free(s->words);
    free(s->slots);
    *s = (struct lin_set){0};
}

static void use_slots(struct lin_set *s, size_t n_slots)
{
    s->n_slots = n_slots;
    memset(s->slots, 0, n_slots * sizeof *s->slots);
}

/* The table shrinks with its contents, so that clearing a small set is cheap. */
void lin_set_clear(struct lin_set *s)
{
    s->n = 0;
    if (s->n_slots > 0)
        use_slots(s, s->n_slots > 64 ? 64 : s->n_slots);
}

static size_t slot_of(const struct lin_set *s, const uint32_t *member)
{
    uint64_t h = 0;
    for (size_t i = 0; i < s->stride; i++) {
        h = (h ^ member[i]) * UINT64_C(0x9E3779B97F4A7C15);
        h ^= h >> 29;
    }
    size_t i = (size_t)(h ^ h >> 32) & (s->n_slots - 1);
    while (s->slots[i] != 0 && memcmp(lin_set_at(s, s->slots[i] - 1), member, s->stride * sizeof *member) != 0)
        i = (i + 1) & (s->n_slots - 1);
    return i;
}

static void put_all(struct lin_set *s, size_t n_slots)
{
    use_slots(s, n_slots);
    for (size_t i = 0; i < s->n; i++)
        s->slots[slot_of(s, lin_set_at(s, i))] = (uint32_t)i + 1;
}

static bool grow_slots(struct lin_set *s)
{
    size_t n_slots = s->n_slots == 0 ? 64 : s->n_slots * 2;
    if (n_slots > s->cap_slots) {
        uint32_t *slots = realloc(s->slots, n_slots * sizeof *slots);
        if (slots == NULL)
            return false;
        s->slots = slots;
        s->cap_slots = n_slots;
    }
    put_all(s, n_slots);
    return true;
}

static bool grow_members(struct lin_set *s)
{
    size_t cap = s->cap + s->cap / 2 + 32;
    uint32_t *words = cap > UINT32_MAX / 2 ? NULL : realloc(s->words, cap * s->stride * sizeof *words);
    if (words == NULL)
        return false;
    s->words = words;
    s->cap = cap;
    return true;
}

bool lin_set_add(struct lin_set *s, const uint32_t *member, bool *added)
{
    *added = false;
    if (s->n * 2 >= s->n_slots && !grow_slots(s))
        return false;
    size_t i = slot_of(s, member);
    if (s->slots[i] != 0)
        return true;
    if (s->n == s->cap && !grow_members(s))
        return false;
    memcpy(lin_set_at(s, s->n), member, s->stride * sizeof *member);
    s->slots[i] = (uint32_t)++s->n;
    *added = true;
    return true;
}

void lin_set_filter(struct lin_set *s, const uint8_t *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (keep[i] == 0)
            continue;
        if (kept != i)
            memcpy(lin_set_at(s, kept), lin_set_at(s, i), s->stride * sizeof *s->words);
        kept++;
    }
    s->n = kept;
    if (s->n_slots > 0)
        put_all(s, s->n_slots);
}

size_t lin_set_bytes(const struct lin_set *s)
{
    return s->cap * s->stride * sizeof *s->words + s->cap_slots * sizeof *s->slots;
}
