/* raft_seen.c -- the requests that reached this replica lately, so that none is answered twice.
 *
 * A network that duplicates datagrams may deliver a request again long after its answer. This record is this replica's
 * own; what makes a retry harmless on all replicas is the table in the state machine (§8, kv.h). */
#include "raft_int.h"

#define SEEN_FIRST 64

static uint64_t hash_of(node_id client, const char *mid)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ client;
    for (; *mid; mid++)
        h = (h ^ (unsigned char)*mid) * UINT64_C(0x100000001b3);
    return h ^ (h >> 32);
}

static uint32_t *chain_of(const struct seen *s, uint64_t hash)
{
    return &s->chains[hash & (s->room - 1)];
}

static void link_one(struct seen *s, uint32_t at)
{
    uint32_t *chain = chain_of(s, s->ring[at].hash);
    s->ring[at].next = *chain;
    *chain = at + 1;
}

static void unlink_one(struct seen *s, uint32_t at)
{
    uint32_t *link = chain_of(s, s->ring[at].hash);
    while (*link != at + 1)
        link = &s->ring[*link - 1].next;
    *link = s->ring[at].next;
}

/* Only while the ring has not wrapped: positions stay. */
static void grow(struct seen *s)
{
    s->room = s->room ? s->room * 2 : SEEN_FIRST;
    s->ring = realloc(s->ring, s->room * sizeof *s->ring);
    free(s->chains);
    s->chains = raft_alloc(s->room * sizeof *s->chains);
    if (!s->ring)
        abort();
    for (uint32_t i = 0; i < s->n; i++)
        link_one(s, i);
}

static struct seen_one *find(const struct seen *s, uint64_t hash, node_id client, const char *mid)
{
    if (s->room)
        for (uint32_t at = *chain_of(s, hash); at; at = s->ring[at - 1].next) {
            struct seen_one *one = &s->ring[at - 1];
            if (one->hash == hash && one->client == client && strcmp(one->mid, mid) == 0)
                return one;
        }
    return NULL;
}

/* A free place; the oldest answered request's when the ring is full. SEEN_MAX: all are open. */
static uint32_t place(struct seen *s)
{
    if (s->n == s->room && s->room < SEEN_MAX)
        grow(s);
    if (s->n < s->room)
        return s->n++;
    for (uint32_t tried = 0; tried < s->room; tried++) {
        uint32_t at = s->oldest;
        s->oldest = (s->oldest + 1) & (s->room - 1);
        if (!s->ring[at].open) {
            unlink_one(s, at);
            free(s->ring[at].mid);
            return at;
        }
    }
    return SEEN_MAX;
}

enum seen_result raft_seen_add(struct seen *s, node_id client, const char *mid, bool again)
{
    uint64_t hash = hash_of(client, mid);
    struct seen_one *known = find(s, hash, client, mid);
    if (known && (known->open || !again))
        return SEEN_BEFORE;
    if (known) {
        known->open = true;
        return SEEN_NEW;
    }
    uint32_t at = place(s);
    if (at == SEEN_MAX)
        return SEEN_FULL;
    size_t size = strlen(mid) + 1;
    s->ring[at] = (struct seen_one){.mid = raft_alloc(size), .hash = hash, .client = client, .open = true};
    memcpy(s->ring[at].mid, mid, size);
    link_one(s, at);
    return SEEN_NEW;
}

void raft_seen_answered(struct seen *s, node_id client, const char *mid)
{
    struct seen_one *one = find(s, hash_of(client, mid), client, mid);
    if (one)
        one->open = false;
}

void raft_seen_forget(struct seen *s, node_id client, const char *mid)
{
    struct seen_one *one = find(s, hash_of(client, mid), client, mid);
    if (!one)
        return;
    /* Its place stays in use: no client has this id, and no hash leads to it. */
    one->open = false;
    one->client = NODE_NONE;
}

void raft_seen_free(struct seen *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        free(s->ring[i].mid);
    free(s->ring);
    free(s->chains);
}
