/* raft_entry.c -- what is worked out from an entry's command: its hash, by which traces of different replicas are
 * compared, and what it may take on the wire. Each replica does both for each entry more than once, so eight bytes are
 * taken at a time. */
#include <string.h>

#include "raft.h"

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

static size_t char_bytes(unsigned char c)
{
    if (c < 0x20)
        return 6; /* \u0001 */
    if (c >= 0x7f)
        return 3; /* a character of 2 bytes as \u00e4, one of 4 bytes as two of them */
    return c == '"' || c == '\\' || c == '/' ? 2 : 1;
}

/* Is any of the eight bytes one that char_bytes() counts more than once? */
static bool any_longer(uint64_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\', slash = v ^ ones * '/';
    /* x - ones has a top bit that x has not where a byte of x is 0, or above such a byte. */
    return (((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
            ((slash - ones) & ~slash) | v | (v + ones)) &
           tops;
}

static size_t string_bytes(const char *s)
{
    size_t n = strlen(s), bytes = 0;
    const bool end_is_plain = n >= 8 && !any_longer(load8(s + n - 8));
    for (; n >= 8; n -= 8, s += 8)
        if (any_longer(load8(s)))
            for (unsigned i = 0; i < 8; i++)
                bytes += char_bytes((unsigned char)s[i]);
        else
            bytes += 8;
    if (end_is_plain)
        return bytes + n;
    for (; n > 0; n--)
        bytes += char_bytes((unsigned char)*s++);
    return bytes;
}

size_t raft_entry_bytes(const struct entry *e)
{
    return RAFT_ENTRY_BYTES_FIXED + string_bytes(e->mid) + string_bytes(e->key) + string_bytes(e->value);
}
