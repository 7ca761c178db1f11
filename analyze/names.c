/* names.c -- a hash set of texts. */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "trace.h"

static struct name **place(const struct names *set, uint64_t hash, const char *p, size_t n)
{
    size_t i = (size_t)hash & (set->size - 1);
    for (;; i = (i + 1) & (set->size - 1)) {
        struct name *s = set->slot[i];
        if (s == NULL || (s->hash == hash && s->n == n && memcmp(s->text, p, n) == 0))
            return &set->slot[i];
    }
}

static void grow(struct names *set)
{
    struct names bigger = {.size = set->size > 0 ? set->size * 2 : 64};
    bigger.slot = mem_new(bigger.size * sizeof(struct name *));
    for (size_t i = 0; i < set->size; i++) {
        struct name *s = set->slot[i];
        if (s != NULL)
            *place(&bigger, s->hash, s->text, s->n) = s;
    }
    bigger.used = set->used;
    free(set->slot);
    *set = bigger;
}

struct name *names_get(struct names *set, const char *p, size_t n)
{
    if (set->used * 2 >= set->size)
        grow(set);
    uint64_t hash = trace_hash(p, n);
    struct name **at = place(set, hash, p, n);
    if (*at == NULL) {
        *at = mem_new(sizeof **at + n + 1);
        (*at)->hash = hash;
        (*at)->n = n;
        memcpy((*at)->text, p, n);
        set->used++;
    }
    return *at;
}

struct name *names_find(const struct names *set, const char *p, size_t n)
{
    return set->size > 0 ? *place(set, trace_hash(p, n), p, n) : NULL;
}

void names_free(struct names *set)
{
    for (size_t i = 0; i < set->size; i++)
        free(set->slot[i]);
    free(set->slot);
    *set = (struct names){.size = 0};
}
