/* derive_msg_queue.c -- the datagrams, copies and receipts that wait for their other records, by key; and the
 * simulator's datagrams by number. */
#include "derive_msg_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- keys and queues ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

struct key key_of(const struct name *src, const struct name *dst, const struct name *type, struct trace_text id,
                  bool by_bytes)
{
    struct key k = {.src = src, .dst = dst, .type = by_bytes ? NULL : type, .by_bytes = by_bytes};
    uint64_t h = trace_hash(id.p, id.n);
    if (id.n <= sizeof k.id) {
        memcpy(k.id, id.p, id.n);
        k.n = (uint8_t)id.n;
    } else {
        memcpy(k.id, id.p, sizeof k.id - sizeof h);
        memcpy(k.id + sizeof k.id - sizeof h, &h, sizeof h);
        k.n = (uint8_t)sizeof k.id;
    }
    k.hash = mix(mix(mix(h, src->hash), dst->hash), k.type != NULL ? k.type->hash : by_bytes);
    return k;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->hash == b->hash && a->src == b->src && a->dst == b->dst && a->type == b->type &&
           a->by_bytes == b->by_bytes && a->n == b->n && memcmp(a->id, b->id, a->n) == 0;
}

/* The key of a record's message: by its id, else by the hash of its bytes. False: it has neither. */
bool record_key(const struct trace_record *r, const struct name *src, const struct name *dst, const struct name *type,
                struct key *k)
{
    struct trace_text mid = trace_find_text(r, "mid"), h = trace_find_text(r, "h");
    if (src == NULL || dst == NULL || (mid.n == 0 && h.n == 0))
        return false;
    *k = mid.n > 0 ? key_of(src, dst, type, mid, false) : key_of(src, dst, NULL, h, true);
    return true;
}

struct key towards(struct key k, const struct name *dst)
{
    struct trace_text id = {k.id, k.n};
    return key_of(k.src, dst, k.type, id, k.by_bytes);
}

static void enqueue_in(struct bucket *b, struct waiter *w)
{
    w->next = NULL;
    w->prev = b->last;
    *(b->last != NULL ? &b->last->next : &b->first) = w;
    b->last = w;
}

void wait_in(struct msgs *m, struct waiter *w, enum stage stage)
{
    if (m->waiting >= m->buckets) {
        size_t size = m->buckets > 0 ? m->buckets * 4 : 1024;
        struct bucket *bigger = mem_new(size * sizeof *bigger);
        for (size_t i = 0; i < m->buckets; i++) {
            for (struct waiter *x = m->bucket[i].first, *next; x != NULL; x = next) {
                next = x->next;
                enqueue_in(&bigger[x->key.hash & (size - 1)], x);
            }
        }
        free(m->bucket);
        m->bucket = bigger;
        m->buckets = size;
    }
    w->stage = stage;
    enqueue_in(&m->bucket[w->key.hash & (m->buckets - 1)], w);
    m->waiting++;
}

void wait_no_more(struct msgs *m, struct waiter *w)
{
    if (w->stage == WAITS_NOT)
        return;
    struct bucket *b = &m->bucket[w->key.hash & (m->buckets - 1)];
    *(w->prev != NULL ? &w->prev->next : &b->first) = w->next;
    *(w->next != NULL ? &w->next->prev : &b->last) = w->prev;
    w->stage = WAITS_NOT;
    m->waiting--;
}

/* The one that waits longest at that stage with that key; *more: others wait as well. */
void *first_waiting(struct msgs *m, enum stage stage, const struct key *k, bool *more)
{
    struct waiter *found = NULL;
    *more = false;
    if (m->buckets == 0)
        return NULL;
    for (struct waiter *w = m->bucket[k->hash & (m->buckets - 1)].first; w != NULL; w = w->next) {
        if (w->stage != stage || !same_key(&w->key, k))
            continue;
        if (found != NULL) {
            *more = true;
            break;
        }
        found = w;
    }
    return found;
}

/* ---- datagrams by number ---- */

static struct datagram **number_slot(const struct msgs *m, int64_t d)
{
    return &m->by_number[mix(0, (uint64_t)d) & (m->numbers - 1)];
}

struct datagram *numbered(const struct msgs *m, int64_t d)
{
    if (d == NONE || m->numbers == 0)
        return NULL;
    struct datagram *g = *number_slot(m, d);
    while (g != NULL && g->d != d)
        g = g->same;
    return g;
}

void give_number(struct msgs *m, struct datagram *g, int64_t d)
{
    g->d = d;
    if (d == NONE)
        return;
    if (m->numbered >= m->numbers) {
        struct datagram **old = m->by_number;
        size_t n = m->numbers;
        m->numbers = n > 0 ? n * 4 : 1024;
        m->by_number = mem_new(m->numbers * sizeof(struct datagram *));
        for (size_t i = 0; i < n; i++) {
            for (struct datagram *x = old[i], *next; x != NULL; x = next) {
                next = x->same;
                struct datagram **slot = number_slot(m, x->d);
                x->same = *slot;
                *slot = x;
            }
        }
        free(old);
    }
    struct datagram **slot = number_slot(m, d);
    g->same = *slot;
    *slot = g;
    m->numbered++;
}

void forget_number(struct msgs *m, struct datagram *g)
{
    if (g->d == NONE)
        return;
    struct datagram **at = number_slot(m, g->d);
    while (*at != g)
        at = &(*at)->same;
    *at = g->same;
    m->numbered--;
}
