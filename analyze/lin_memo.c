/* lin_memo.c -- members lie one after the other in one block; members are compared in full, so that two different
 * configurations are never taken for one. */
#include "lin_memo.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void lin_memo_init(struct lin_memo *m, size_t bytes_max)
{
    *m = (struct lin_memo){.bytes_max = bytes_max};
}

void lin_memo_free(struct lin_memo *m)
{
    free(m->words);
    free(m->slots);
    *m = (struct lin_memo){0};
}

static uint64_t hash_words(const uint64_t *w, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ w[i]) * UINT64_C(0x9E3779B97F4A7C15);
        h ^= h >> 29;
    }
    return h ^ h >> 32;
}

static size_t slot_of(const struct lin_memo *m, const uint64_t *words, size_t n)
{
    size_t i = (size_t)hash_words(words, n) & (m->n_slots - 1);
    while (m->slots[i] != 0) {
        const uint64_t *member = m->words + m->slots[i] - 1;
        if (member[0] == n && memcmp(member + 1, words, n * sizeof *words) == 0)
            break;
        i = (i + 1) & (m->n_slots - 1);
    }
    return i;
}

static bool grow_slots(struct lin_memo *m)
{
    size_t n_slots = m->n_slots == 0 ? 1024 : m->n_slots * 2;
    if ((n_slots + m->cap_words) * sizeof(uint64_t) > m->bytes_max)
        return false;
    size_t *slots = calloc(n_slots, sizeof *slots);
    if (slots == NULL)
        return false;
    free(m->slots);
    m->slots = slots;
    m->n_slots = n_slots;
    for (size_t at = 0; at < m->n_words; at += m->words[at] + 1)
        m->slots[slot_of(m, m->words + at + 1, m->words[at])] = at + 1;
    return true;
}

static bool grow_words(struct lin_memo *m, size_t more)
{
    size_t cap = (m->cap_words + more + 512) * 2;
    if ((m->n_slots + cap) * sizeof(uint64_t) > m->bytes_max)
        return false;
    uint64_t *words = realloc(m->words, cap * sizeof *words);
    if (words == NULL)
        return false;
    m->words = words;
    m->cap_words = cap;
    return true;
}

enum lin_memo_answer lin_memo_add(struct lin_memo *m, const uint64_t *words, size_t n)
{
    if (m->n * 2 >= m->n_slots && !grow_slots(m))
        return LIN_MEMO_FULL;
    size_t i = slot_of(m, words, n);
    if (m->slots[i] != 0)
        return LIN_MEMO_KNOWN;
    if (m->n_words + n + 1 > m->cap_words && !grow_words(m, n + 1))
        return LIN_MEMO_FULL;
    m->words[m->n_words] = n;
    memcpy(m->words + m->n_words + 1, words, n * sizeof *words);
    m->slots[i] = m->n_words + 1;
    m->n_words += n + 1;
    m->n++;
    return LIN_MEMO_NEW;
}
