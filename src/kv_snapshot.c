/* kv_snapshot.c -- the state machine as bytes (Raft paper §7), and back.
 *
 * Numbers are little-endian:
 *
 *   "FLkv0001"
 *   u64 applied, u64 number of pairs, u64 number of clients
 *   each pair, in ascending order of its key's bytes:  key NUL value NUL
 *   each client, in ascending order of its id:         u16 id, u16 number of requests, and of each, oldest first:
 *                                                      u64 index, mid NUL
 *
 * One state has one form only, so that replicas can compare states by their bytes; and what is in another form is not
 * sound. The bytes come from another host: nothing in them is believed before it was checked. */
#include "kv.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC_BYTES 8
static const char magic[MAGIC_BYTES + 1] = "FLkv0001";

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* ---- writing ---- */

struct writer {
    unsigned char *bytes;
    size_t n, room;
    size_t count_at; /* where the count of the client's requests stands */
    unsigned count;
    uint64_t clients;
    node_id client;
};

static unsigned char *more(struct writer *w, size_t n)
{
    if (w->room - w->n < n) {
        while (w->room - w->n < n)
            w->room = w->room ? w->room * 2 : 4096;
        w->bytes = must(realloc(w->bytes, w->room));
    }
    w->n += n;
    return w->bytes + w->n - n;
}

static void set_number(unsigned char *at, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(v >> 8 * i);
}

static void write_number(struct writer *w, uint64_t v, size_t bytes)
{
    set_number(more(w, bytes), v, bytes);
}

static void write_string(struct writer *w, const char *s)
{
    size_t size = strlen(s) + 1;
    memcpy(more(w, size), s, size);
}

/* Eight bytes of the key beside it: most comparisons then touch nothing else. They begin after what all keys have in
 * common. */
struct sorted {
    uint64_t some;
    const char *key, *value;
};

struct collected {
    struct sorted *v;
    size_t n, common; /* common: so many first bytes are the same in all keys so far */
};

static void collect(void *ctx, const char *key, const char *value)
{
    struct collected *c = ctx;
    size_t common = c->n ? 0 : strlen(key);
    while (common < c->common && key[common] == c->v[0].key[common])
        common++;
    c->common = common;
    c->v[c->n++] = (struct sorted){.key = key, .value = value};
}

static uint64_t eight_bytes(const char *s)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++) {
        v = v << 8 | (unsigned char)*s;
        s += *s != '\0';
    }
    return v;
}

static int by_key(const void *x, const void *y)
{
    const struct sorted *a = x, *b = y;
    return a->some != b->some ? (a->some < b->some ? -1 : 1) : strcmp(a->key, b->key);
}

static void write_pairs(struct writer *w, const struct kv *kv)
{
    struct collected c = {.v = must(malloc((kv_keys(kv) + 1) * sizeof *c.v))};
    kv_each_pair(kv, collect, &c);
    for (size_t i = 0; i < c.n; i++)
        c.v[i].some = eight_bytes(c.v[i].key + c.common);
    qsort(c.v, c.n, sizeof *c.v, by_key);
    for (size_t i = 0; i < c.n; i++) {
        write_string(w, c.v[i].key);
        write_string(w, c.v[i].value);
    }
    free(c.v);
}

static void write_request(void *ctx, node_id client, const char *mid, uint64_t index)
{
    struct writer *w = ctx;
    if (!w->count_at || w->client != client) {
        w->client = client;
        w->clients++;
        w->count = 0;
        write_number(w, client, 2);
        w->count_at = w->n;
        write_number(w, 0, 2);
    }
    set_number(w->bytes + w->count_at, ++w->count, 2);
    write_number(w, index, 8);
    write_string(w, mid);
}

unsigned char *kv_save(const struct kv *kv, size_t *n)
{
    struct writer w = {.bytes = NULL};
    memcpy(more(&w, MAGIC_BYTES), magic, MAGIC_BYTES);
    write_number(&w, kv_applied(kv), 8);
    write_number(&w, kv_keys(kv), 8);
    size_t clients_at = w.n;
    write_number(&w, 0, 8);
    write_pairs(&w, kv);
    kv_each_request(kv, write_request, &w);
    set_number(w.bytes + clients_at, w.clients, 8);
    *n = w.n;
    return w.bytes;
}

/* ---- reading ---- */

struct reader {
    const unsigned char *at, *end;
    bool bad; /* sticky: every read after it gives nothing */
};

static uint64_t read_number(struct reader *r, size_t bytes)
{
    uint64_t v = 0;
    if (r->bad || (size_t)(r->end - r->at) < bytes) {
        r->bad = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)r->at[i] << 8 * i;
    r->at += bytes;
    return v;
}

/* Bytes of the character at `p`, 0 = it is none: UTF-8 as Unicode (table 3-7) wants it, no NUL. */
static size_t character(const unsigned char *p, const unsigned char *end)
{
    size_t n = *p < 0x80                 ? 1
               : *p >= 0xc2 && *p < 0xe0 ? 2
               : *p >= 0xe0 && *p < 0xf0 ? 3
               : *p >= 0xf0 && *p < 0xf5 ? 4
                                         : 0;
    if (!*p || !n || (size_t)(end - p) < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool shortest = !(*p == 0xe0 && p[1] < 0xa0) && !(*p == 0xf0 && p[1] < 0x90);
    bool surrogate = *p == 0xed && p[1] >= 0xa0, beyond = *p == 0xf4 && p[1] >= 0x90;
    return shortest && !surrogate && !beyond ? n : 0;
}

/* "" when it is none, or longer than `max` bytes. */
static const char *read_string(struct reader *r, size_t max)
{
    const unsigned char *start = r->at, *p = start;
    while (!r->bad && p < r->end && *p) {
        size_t n = character(p, r->end);
        p += n;
        r->bad = !n || (size_t)(p - start) > max;
    }
    if (r->bad || p == r->end) {
        r->bad = true;
        return "";
    }
    r->at = p + 1;
    return (const char *)start;
}

struct header {
    uint64_t applied, pairs, clients;
};

static struct header read_header(struct reader *r)
{
    if ((size_t)(r->end - r->at) < MAGIC_BYTES || memcmp(r->at, magic, MAGIC_BYTES) != 0) {
        r->bad = true;
        return (struct header){0};
    }
    r->at += MAGIC_BYTES;
    struct header h = {.applied = read_number(r, 8)};
    h.pairs = read_number(r, 8);
    h.clients = read_number(r, 8);
    return h;
}

static void read_pairs(struct reader *r, uint64_t n, struct kv *into)
{
    const char *before = NULL;
    for (; n && !r->bad; n--) {
        const char *key = read_string(r, DATAGRAM_MAX), *value = read_string(r, DATAGRAM_MAX);
        r->bad = r->bad || (before && strcmp(before, key) >= 0);
        if (into && !r->bad)
            kv_put_pair(into, key, value);
        before = key;
    }
}

/* A client's mids: places by hash, with the next free one on collision. */
#define MID_PLACES (4 * KV_REQUESTS_PER_CLIENT)

/* False: it is there already. */
static bool add_mid(const char **places, size_t mask, const char *mid)
{
    uint64_t h = snapshot_digest((const unsigned char *)mid, strlen(mid));
    for (size_t i = h & mask;; i = (i + 1) & mask) {
        if (!places[i]) {
            places[i] = mid;
            return true;
        }
        if (strcmp(places[i], mid) == 0)
            return false;
    }
}

static void read_requests(struct reader *r, node_id client, size_t n, uint64_t applied, struct kv *into)
{
    const char *places[MID_PLACES];
    size_t mask = 3;
    while (mask < 2 * n)
        mask = mask * 2 + 1;
    memset(places, 0, (mask + 1) * sizeof *places);
    uint64_t before = 0;
    for (; n && !r->bad; n--) {
        uint64_t index = read_number(r, 8);
        const char *mid = read_string(r, MID_MAX);
        r->bad = r->bad || index <= before || index > applied || !add_mid(places, mask, mid);
        if (into && !r->bad)
            kv_put_request(into, client, mid, index);
        before = index;
    }
}

static void read_clients(struct reader *r, const struct header *h, struct kv *into)
{
    uint64_t before = 0; /* 1 + the id */
    for (uint64_t n = h->clients; n && !r->bad; n--) {
        uint64_t client = read_number(r, 2), requests = read_number(r, 2);
        r->bad =
            r->bad || client + 1 <= before || client == NODE_NONE || !requests || requests > KV_REQUESTS_PER_CLIENT;
        if (!r->bad)
            read_requests(r, (node_id)client, (size_t)requests, h->applied, into);
        before = client + 1;
    }
}

/* The index of the state, put into `into` unless that is NULL; false: not sound. */
static bool read_all(const unsigned char *bytes, size_t n, uint64_t *applied, struct kv *into)
{
    struct reader r = {bytes, bytes + n, false};
    struct header h = read_header(&r);
    read_pairs(&r, h.pairs, into);
    read_clients(&r, &h, into);
    *applied = h.applied;
    return !r.bad && r.at == r.end;
}

bool kv_sound(const unsigned char *bytes, size_t n, uint64_t index)
{
    uint64_t applied;
    return n && read_all(bytes, n, &applied, NULL) && applied == index;
}

struct kv *kv_load(const unsigned char *bytes, size_t n)
{
    struct kv *kv = must(kv_new());
    uint64_t applied;
    if (n && read_all(bytes, n, &applied, kv)) {
        kv_set_applied(kv, applied);
        return kv;
    }
    kv_free(kv);
    return NULL;
}

/* ---- the digest ---- */

/* FNV-1a (Fowler, Noll, Vo) over words of eight bytes, each spread first, with the finish of MurmurHash3 (Appleby). */
uint64_t snapshot_digest(const unsigned char *bytes, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ n;
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;
        if (n - i >= 8)
            for (size_t j = 0; j < 8; j++)
                word |= (uint64_t)bytes[i + j] << 8 * j;
        else
            for (size_t j = 0; j < n - i; j++)
                word |= (uint64_t)bytes[i + j] << 8 * j;
        word *= UINT64_C(0xff51afd7ed558ccd);
        h = (h ^ word ^ word >> 32) * UINT64_C(0x100000001b3);
    }
    h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}
