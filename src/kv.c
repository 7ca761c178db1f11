/* kv.c -- the state machine: a hash table with chains, the requests of each client, and a digest kept up with every
 * change.
 *
 * The digest is the sum of one mixed hash per key with its value and one per remembered request with its index: sums do
 * not depend on order, so neither does the digest on how the tables grew. */
#include "kv_requests.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 64

struct pair {
    struct pair *next;
    uint64_t hash, digest;
    uint64_t changed; /* by which entry; 0 = before this state was loaded */
    char *value;
    size_t room; /* of value: one that replaces it may fit */
    char key[];
};

struct kv {
    uint64_t applied, digest;
    struct pair **pairs;
    size_t bytes;                          /* of keys and values */
    size_t n_pairs, n_requests, pair_room; /* room: a power of two */
    struct kv_requests *clients[256];      /* blocks of 256, by the high byte of the id */
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* FNV-1a (Fowler, Noll, Vo), the terminating NUL included, so that strings can be hashed one after the other. */
static uint64_t hash_string(uint64_t h, const char *s)
{
    do
        h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    while (*s++);
    return h;
}

/* The finish of MurmurHash3 (Appleby): every bit of the input reaches every bit of the result. */
static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}

static uint64_t hash_key(const char *key)
{
    return mix(hash_string(UINT64_C(0xcbf29ce484222325), key));
}

static uint64_t hash_request(node_id client, const char *mid)
{
    return mix(hash_string(UINT64_C(0x84222325cbf29ce4) + client, mid));
}

struct kv *kv_new(void)
{
    struct kv *kv = calloc(1, sizeof *kv);
    if (!kv)
        return NULL;
    kv->pairs = calloc(BUCKETS_FIRST, sizeof *kv->pairs);
    kv->pair_room = BUCKETS_FIRST;
    if (kv->pairs)
        return kv;
    free(kv);
    return NULL;
}

void kv_free(struct kv *kv)
{
    if (!kv)
        return;
    for (size_t i = 0; i < kv->pair_room; i++)
        for (struct pair *p = kv->pairs[i]; p;) {
            struct pair *next = p->next;
            free(p->value);
            free(p);
            p = next;
        }
    for (size_t high = 0; high < 256; high++) {
        for (size_t low = 0; kv->clients[high] && low < 256; low++)
            kv_requests_free(&kv->clients[high][low]);
        free(kv->clients[high]);
    }
    free(kv->pairs);
    free(kv);
}

/* ---- the map ---- */

static struct pair *find_pair(const struct kv *kv, uint64_t hash, const char *key)
{
    struct pair *p = kv->pairs[hash & (kv->pair_room - 1)];
    while (p && (p->hash != hash || strcmp(p->key, key) != 0))
        p = p->next;
    return p;
}

static void grow_pairs(struct kv *kv)
{
    size_t room = kv->pair_room * 2;
    struct pair **v = must(calloc(room, sizeof *v));
    for (size_t i = 0; i < kv->pair_room; i++)
        for (struct pair *p = kv->pairs[i]; p;) {
            struct pair *next = p->next;
            p->next = v[p->hash & (room - 1)];
            v[p->hash & (room - 1)] = p;
            p = next;
        }
    free(kv->pairs);
    kv->pairs = v;
    kv->pair_room = room;
}

static void put(struct kv *kv, const char *key, const char *value, uint64_t index)
{
    uint64_t hash = hash_key(key);
    struct pair *p = find_pair(kv, hash, key);
    if (p) {
        kv->digest -= p->digest;
        kv->bytes -= strlen(p->value);
    } else {
        if (kv->n_pairs == kv->pair_room)
            grow_pairs(kv);
        size_t size = strlen(key) + 1;
        p = must(malloc(sizeof *p + size));
        memcpy(p->key, key, size);
        kv->bytes += size - 1;
        p->hash = hash;
        p->value = NULL;
        p->room = 0;
        p->next = kv->pairs[hash & (kv->pair_room - 1)];
        kv->pairs[hash & (kv->pair_room - 1)] = p;
        kv->n_pairs++;
    }
    p->changed = index;
    size_t size = strlen(value) + 1;
    if (size > p->room || size < p->room / 2) {
        free(p->value);
        p->value = must(malloc(size));
        p->room = size;
    }
    memcpy(p->value, value, size);
    p->digest = mix(hash ^ snapshot_digest((const unsigned char *)value, size)); /* values can be long: by words */
    kv->bytes += size - 1;
    kv->digest += p->digest;
}

/* ---- requests already applied ---- */

static const struct kv_request *find_request(const struct kv *kv, uint64_t hash, node_id client, const char *mid)
{
    const struct kv_requests *block = kv->clients[client >> 8];
    return block ? kv_requests_find(&block[client & 0xff], hash, mid) : NULL;
}

static uint64_t digest_of(const struct kv_request *q)
{
    return mix(q->hash ^ mix(q->index));
}

static void remember(struct kv *kv, uint64_t hash, node_id client, const char *mid, uint64_t index)
{
    struct kv_requests **block = &kv->clients[client >> 8];
    if (!*block)
        *block = must(calloc(256, sizeof **block));
    struct kv_requests *of_client = &(*block)[client & 0xff];
    if (of_client->n == KV_REQUESTS_PER_CLIENT) {
        kv->digest -= digest_of(kv_requests_at(of_client, 0));
        kv_requests_forget_oldest(of_client);
        kv->n_requests--;
    }
    kv->digest += digest_of(kv_requests_add(of_client, hash, mid, index));
    kv->n_requests++;
}

bool kv_apply(struct kv *kv, const struct entry *e)
{
    if (e->index != kv->applied + 1)
        abort(); /* a gap or a repetition: the state would differ from the other replicas' for ever */
    kv->applied = e->index;
    switch (e->op) {
    case ENTRY_NOOP:
    case ENTRY_CONF:
        return true;
    case ENTRY_PUT:
        break;
    }
    uint64_t hash = hash_request(e->client, e->mid);
    if (find_request(kv, hash, e->client, e->mid))
        return false;
    put(kv, e->key, e->value, e->index);
    remember(kv, hash, e->client, e->mid, e->index);
    return true;
}

/* ---- questions ---- */

uint64_t kv_applied(const struct kv *kv)
{
    return kv->applied;
}

const char *kv_get(const struct kv *kv, const char *key)
{
    const struct pair *p = find_pair(kv, hash_key(key), key);
    return p ? p->value : "";
}

uint64_t kv_request_index(const struct kv *kv, node_id client, const char *mid)
{
    const struct kv_request *q = find_request(kv, hash_request(client, mid), client, mid);
    return q ? q->index : 0;
}

uint64_t kv_digest(const struct kv *kv)
{
    return kv->digest;
}

size_t kv_keys(const struct kv *kv)
{
    return kv->n_pairs;
}

size_t kv_bytes(const struct kv *kv)
{
    return kv->bytes;
}

size_t kv_requests(const struct kv *kv)
{
    return kv->n_requests;
}

/* ---- all of it, and from its parts ---- */

void kv_each_pair_since(const struct kv *kv, uint64_t from, void (*each)(void *ctx, const char *key, const char *value),
                        void *ctx)
{
    for (size_t i = 0; i < kv->pair_room; i++)
        for (const struct pair *p = kv->pairs[i]; p; p = p->next)
            if (p->changed >= from)
                each(ctx, p->key, p->value);
}

void kv_each_pair(const struct kv *kv, void (*each)(void *ctx, const char *key, const char *value), void *ctx)
{
    kv_each_pair_since(kv, 0, each, ctx);
}

void kv_each_request_since(const struct kv *kv, uint64_t from,
                           void (*each)(void *ctx, node_id client, const char *mid, uint64_t index), void *ctx)
{
    for (size_t high = 0; high < 256; high++)
        for (size_t low = 0; kv->clients[high] && low < 256; low++) {
            const struct kv_requests *c = &kv->clients[high][low];
            if (c->n > 0 && kv_requests_at(c, c->n - 1)->index >= from)
                for (unsigned k = 0; k < c->n; k++)
                    each(ctx, (node_id)(high << 8 | low), kv_requests_at(c, k)->mid, kv_requests_at(c, k)->index);
        }
}

void kv_each_request(const struct kv *kv, void (*each)(void *ctx, node_id client, const char *mid, uint64_t index),
                     void *ctx)
{
    kv_each_request_since(kv, 0, each, ctx);
}

void kv_put_pair(struct kv *kv, const char *key, const char *value)
{
    put(kv, key, value, 0);
}

void kv_put_request(struct kv *kv, node_id client, const char *mid, uint64_t index)
{
    remember(kv, hash_request(client, mid), client, mid, index);
}

void kv_set_applied(struct kv *kv, uint64_t index)
{
    kv->applied = index;
}
