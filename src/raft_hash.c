/* raft_hash.c -- the hash of a command, by which traces of different replicas are compared: each entry of each append
 * is hashed by its sender, by its receiver and where it is stored, so eight bytes are taken at a time. */
#include <string.h>

#include "message.h"

/* Little end first on every machine: the hash is equal on all replicas. */
static uint64_t load8(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
           (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* For equal `v` different `h` give different results, and the other way round: no step loses anything. */
static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 32);
}

/* The length goes in first, so that ("ab", "c") differs from ("a", "bc"). */
static uint64_t hash_string(uint64_t h, const char *s)
{
    size_t n = strlen(s);
    h = mix(h, n);
    for (; n >= 8; n -= 8, s += 8)
        h = mix(h, load8(s));
    if (n == 0)
        return h;
    uint64_t rest = 0;
    for (size_t i = 0; i < n; i++)
        rest |= (uint64_t)(unsigned char)s[i] << (8 * i);
    return mix(h, rest);
}

uint64_t entry_hash(const struct entry *e)
{
    uint64_t h = mix(UINT64_C(0xcbf29ce484222325), (uint64_t)e->op | (uint64_t)e->client << 8);
    h = hash_string(hash_string(hash_string(h, e->mid), e->key), e->value);
    /* To the end as MurmurHash3 does (Appleby): every bit depends on every other. */
    h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}
