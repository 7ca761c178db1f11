#include "kv_requests.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 8

/* An entry of the table has room for it, and its place in the table can be told from the lower half of a hash. */
_Static_assert(KV_REQUESTS_PER_CLIENT < 0x8000, "a place and twice the room fit into 16 bits");
_Static_assert((KV_REQUESTS_PER_CLIENT & (KV_REQUESTS_PER_CLIENT - 1)) == 0, "rooms are powers of two");

static uint32_t entry_of(uint64_t hash, unsigned place)
{
    return (uint32_t)(hash & 0xffff) << 16 | (place + 1);
}

static unsigned mask_of(const struct kv_requests *r)
{
    return 2 * r->room - 1;
}

void kv_requests_free(struct kv_requests *r)
{
    free(r->ring);
    free(r->table);
    *r = (struct kv_requests){0};
}

const struct kv_request *kv_requests_find(const struct kv_requests *r, uint64_t hash, const char *mid)
{
    if (r->n == 0)
        return NULL;
    for (unsigned at = (unsigned)hash & mask_of(r); r->table[at] != 0; at = (at + 1) & mask_of(r)) {
        const struct kv_request *q = &r->ring[(r->table[at] & 0xffff) - 1];
        if (r->table[at] >> 16 == (hash & 0xffff) && q->hash == hash && strcmp(q->mid, mid) == 0)
            return q;
    }
    return NULL;
}

static void enter(struct kv_requests *r, uint64_t hash, unsigned place)
{
    unsigned at = (unsigned)hash & mask_of(r);
    while (r->table[at] != 0)
        at = (at + 1) & mask_of(r);
    r->table[at] = entry_of(hash, place);
}

static void grow(struct kv_requests *r)
{
    struct kv_requests more = {.room = r->room ? 2 * r->room : ROOM_FIRST, .n = r->n};
    more.ring = malloc(more.room * sizeof *more.ring);
    more.table = calloc(2 * (size_t)more.room, sizeof *more.table);
    if (!more.ring || !more.table)
        abort();
    for (unsigned k = 0; k < r->n; k++) {
        more.ring[k] = *kv_requests_at(r, k);
        enter(&more, more.ring[k].hash, k);
    }
    kv_requests_free(r);
    *r = more;
}

const struct kv_request *kv_requests_add(struct kv_requests *r, uint64_t hash, const char *mid, uint64_t index)
{
    size_t size = strlen(mid) + 1;
    if (size > sizeof r->ring->mid || r->n == KV_REQUESTS_PER_CLIENT)
        abort(); /* no message has such a MID, and nobody may forget to forget */
    if (r->n == r->room)
        grow(r);
    unsigned place = (r->first + r->n++) & (r->room - 1);
    struct kv_request *q = &r->ring[place];
    q->hash = hash;
    q->index = index;
    memcpy(q->mid, mid, size);
    enter(r, hash, place);
    return q;
}

const struct kv_request *kv_requests_at(const struct kv_requests *r, unsigned k)
{
    return &r->ring[(r->first + k) & (r->room - 1)];
}

/* Frees place `hole` of the table, and moves what follows up as far as its own hash allows, so that no search ends too
 * soon (Knuth, The Art of Computer Programming, vol. 3, §6.4, algorithm R). */
static void leave(struct kv_requests *r, unsigned hole)
{
    unsigned mask = mask_of(r);
    for (unsigned at = (hole + 1) & mask; r->table[at] != 0; at = (at + 1) & mask) {
        unsigned home = r->table[at] >> 16 & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it lies between its home and here: the hole is before its home */
        r->table[hole] = r->table[at];
        hole = at;
    }
    r->table[hole] = 0;
}

void kv_requests_forget_oldest(struct kv_requests *r)
{
    uint32_t entry = entry_of(r->ring[r->first].hash, r->first);
    unsigned at = (unsigned)r->ring[r->first].hash & mask_of(r);
    while (r->table[at] != entry)
        at = (at + 1) & mask_of(r);
    leave(r, at);
    r->first = (r->first + 1) & (r->room - 1);
    r->n--;
}
