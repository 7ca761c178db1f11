#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC   "FLS1"
#define HEADER  21
#define TAG     crypto_auth_hmacsha256_BYTES
#define SESSION 8
#define NONCE   16
_Static_assert(HEADER + TAG == SEAL_OVERHEAD, "");
_Static_assert(SEAL_REPLY_MAX == SEAL_OVERHEAD + SESSION + NONCE, "");
_Static_assert(SEAL_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "");

enum kind { KIND_DATA = 1, KIND_CHALLENGE, KIND_PROOF };

/* Known sessions: sets by the session, which is random, and in each the one that was silent longest gives way. */
#define SETS   256
#define PLACES 8
/* Sessions whose proof is awaited, in a ring: recorded datagrams can drive each other out here, but never out of the
 * sessions that are known. */
#define CHALLENGES 256

struct session {
    unsigned char id[SESSION];
    uint64_t floor;                  /* the proof's counter: only what is above it is taken */
    uint64_t top, used;              /* used: when, in datagrams taken; 0: free place */
    uint64_t seen[SEAL_WINDOW / 64]; /* bit counter % SEAL_WINDOW, of those in (top - SEAL_WINDOW, top] */
};

struct challenge {
    bool open;
    unsigned char session[SESSION], nonce[NONCE];
};

struct seal {
    crypto_auth_hmacsha256_state keyed;
    enum seal_side side;
    unsigned char session[SESSION];
    uint64_t counter, taken;
    struct session known[SETS][PLACES];
    struct challenge challenges[CHALLENGES];
    unsigned next_challenge;
};

/* ---- the key ---- */

static bool wrong(char err[SEAL_ERR_LEN], const char *file, const char *what)
{
    snprintf(err, SEAL_ERR_LEN, "the key %.200s %s", file, what);
    return false;
}

/* 64 hex digits are the 32 bytes they stand for. */
static size_t from_hex(unsigned char *secret, size_t n)
{
    size_t whole = n;
    static const char spaces[] = " \t\r\n";
    unsigned char bytes[32];
    size_t got = 0, first = 0;
    while (first < n && memchr(spaces, secret[first], sizeof spaces - 1))
        first++;
    while (n > first && memchr(spaces, secret[n - 1], sizeof spaces - 1))
        n--;
    if (n - first != 2 * sizeof bytes ||
        sodium_hex2bin(bytes, sizeof bytes, (const char *)secret + first, n - first, NULL, &got, NULL) != 0)
        return whole;
    memcpy(secret, bytes, got);
    sodium_memzero(bytes, sizeof bytes);
    return got;
}

static void derive(const unsigned char *secret, size_t n, const char *cluster, unsigned char key[SEAL_KEY_BYTES])
{
    static const char purpose[] = "faultline seal 1";
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_hash_sha256(hash, secret, n);
    crypto_auth_hmacsha256_init(&state, hash, sizeof hash);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, sizeof purpose);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)cluster, strlen(cluster));
    crypto_auth_hmacsha256_final(&state, key);
    sodium_memzero(hash, sizeof hash);
    sodium_memzero(&state, sizeof state);
}

bool seal_read_key(const char *file, const char *cluster, unsigned char key[SEAL_KEY_BYTES], char err[SEAL_ERR_LEN])
{
    unsigned char secret[4096];
    struct stat st;
    char what[160];
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || sodium_init() < 0) {
        snprintf(what, sizeof what, "cannot be read: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return wrong(err, file, what);
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO))) {
        close(fd);
        return wrong(err, file,
                     S_ISREG(st.st_mode) ? "is open to others than its owner: chmod 600 it, and make a new secret if "
                                           "somebody may have read it"
                                         : "is no file");
    }
    ssize_t n = read(fd, secret, sizeof secret);
    close(fd);
    if (n < SEAL_SECRET_MIN)
        return wrong(err, file, "is too short: put 64 hex digits into it, or 32 bytes or more of anything random");
    derive(secret, from_hex(secret, (size_t)n), cluster, key);
    sodium_memzero(secret, sizeof secret);
    return true;
}

/* ---- sealing ---- */

struct seal *seal_new(const unsigned char key[SEAL_KEY_BYTES], enum seal_side side)
{
    struct seal *s = calloc(1, sizeof *s);
    if (!s || sodium_init() < 0)
        abort();
    crypto_auth_hmacsha256_init(&s->keyed, key, SEAL_KEY_BYTES);
    s->side = side;
    randombytes_buf(s->session, sizeof s->session);
    return s;
}

void seal_free(struct seal *s)
{
    if (s)
        sodium_memzero(s, sizeof *s);
    free(s);
}

static void tag_of(const struct seal *s, const unsigned char *bytes, size_t n, unsigned char tag[TAG])
{
    crypto_auth_hmacsha256_state state = s->keyed;
    crypto_auth_hmacsha256_update(&state, bytes, n);
    crypto_auth_hmacsha256_final(&state, tag);
}

static size_t wrap(struct seal *s, enum kind kind, const void *payload, size_t n, unsigned char *out)
{
    uint64_t counter = ++s->counter;
    memcpy(out, MAGIC, 4);
    out[4] = (unsigned char)kind;
    memcpy(out + 5, s->session, SESSION);
    for (int i = 0; i < 8; i++)
        out[13 + i] = (unsigned char)(counter >> (56 - 8 * i));
    memcpy(out + HEADER, payload, n);
    tag_of(s, out, HEADER + n, out + HEADER + n);
    return n + SEAL_OVERHEAD;
}

size_t seal_wrap(struct seal *s, const void *payload, size_t n, unsigned char *out)
{
    return wrap(s, KIND_DATA, payload, n, out);
}

/* ---- sessions that are known ---- */

static struct session *set_of(struct seal *s, const unsigned char id[SESSION])
{
    return s->known[id[0] % SETS];
}

static struct session *find(struct seal *s, const unsigned char id[SESSION])
{
    struct session *set = set_of(s, id);
    for (unsigned i = 0; i < PLACES; i++)
        if (set[i].used && memcmp(set[i].id, id, SESSION) == 0)
            return &set[i];
    return NULL;
}

static void make_known(struct seal *s, const unsigned char id[SESSION], uint64_t top)
{
    struct session *set = set_of(s, id), *place = find(s, id);
    for (unsigned i = 0; !place && i < PLACES; i++)
        if (!set[i].used)
            place = &set[i];
    if (!place) {
        place = set;
        for (unsigned i = 1; i < PLACES; i++)
            if (set[i].used < place->used)
                place = &set[i];
    }
    *place = (struct session){.floor = top, .top = top, .used = ++s->taken};
    memcpy(place->id, id, SESSION);
}

/* The first time that this counter comes? Then it never will be again. */
static bool take_once(struct session *k, uint64_t counter)
{
    if (counter > k->top) {
        uint64_t clear = counter - k->top < SEAL_WINDOW ? counter - k->top : SEAL_WINDOW;
        for (uint64_t i = 0; i < clear; i++)
            k->seen[(counter - i) % SEAL_WINDOW / 64] &= ~(UINT64_C(1) << (counter - i) % 64);
        k->top = counter;
    } else if (k->top - counter >= SEAL_WINDOW) {
        return false;
    }
    uint64_t *word = &k->seen[counter % SEAL_WINDOW / 64], bit = UINT64_C(1) << counter % 64;
    bool fresh = !(*word & bit);
    *word |= bit;
    return fresh;
}

/* ---- challenge and proof ---- */

static struct challenge *challenge_of(struct seal *s, const unsigned char session[SESSION])
{
    for (unsigned i = 0; i < CHALLENGES; i++)
        if (s->challenges[i].open && memcmp(s->challenges[i].session, session, SESSION) == 0)
            return &s->challenges[i];
    return NULL;
}

static size_t ask_for_proof(struct seal *s, const unsigned char session[SESSION], unsigned char reply[SEAL_REPLY_MAX])
{
    struct challenge *c = challenge_of(s, session);
    if (!c) {
        c = &s->challenges[s->next_challenge++ % CHALLENGES];
        c->open = true;
        memcpy(c->session, session, SESSION);
        randombytes_buf(c->nonce, NONCE);
    }
    unsigned char payload[SESSION + NONCE];
    memcpy(payload, session, SESSION);
    memcpy(payload + SESSION, c->nonce, NONCE);
    return wrap(s, KIND_CHALLENGE, payload, sizeof payload, reply);
}

static enum seal_opened take_proof(struct seal *s, const unsigned char session[SESSION], uint64_t counter,
                                   const unsigned char *payload, size_t n)
{
    struct challenge *c = challenge_of(s, session);
    if (!c || n != NONCE || sodium_memcmp(payload, c->nonce, NONCE) != 0)
        return SEAL_NOTHING; /* one proof was enough, or the nonce is of no use any more */
    c->open = false;
    make_known(s, session, counter);
    return SEAL_NOTHING;
}

enum seal_opened seal_open(struct seal *s, const void *bytes, size_t n, const char **payload, size_t *payload_n,
                           unsigned char reply[SEAL_REPLY_MAX], size_t *reply_n)
{
    const unsigned char *in = bytes, *session = in + 5, *body = in + HEADER;
    unsigned char tag[TAG];
    if (n < SEAL_OVERHEAD || memcmp(in, MAGIC, 4) != 0)
        return SEAL_BAD;
    size_t body_n = n - SEAL_OVERHEAD;
    tag_of(s, in, n - TAG, tag);
    if (sodium_memcmp(tag, in + n - TAG, TAG) != 0)
        return SEAL_BAD;
    uint64_t counter = 0;
    for (int i = 0; i < 8; i++)
        counter = counter << 8 | in[13 + i];
    bool ours = memcmp(session, s->session, SESSION) == 0;
    if (in[4] == KIND_CHALLENGE) {
        /* An old one may be answered too: its nonce is of no use any more. */
        if (body_n != SESSION + NONCE || memcmp(body, s->session, SESSION) != 0)
            return SEAL_NOTHING;
        *reply_n = wrap(s, KIND_PROOF, body + SESSION, NONCE, reply);
        return SEAL_REPLY;
    }
    if (ours)
        return SEAL_REPLAYED; /* our own, sent back to us */
    if (in[4] == KIND_PROOF)
        return take_proof(s, session, counter, body, body_n);
    if (in[4] != KIND_DATA)
        return SEAL_BAD;
    struct session *k = find(s, session);
    if (s->side == SEAL_REPLICA && !k) {
        *reply_n = ask_for_proof(s, session, reply);
        return SEAL_REPLY;
    }
    if (k && !take_once(k, counter))
        return SEAL_REPLAYED;
    if (k && counter <= k->floor)
        return SEAL_NOTHING;
    if (k)
        k->used = ++s->taken;
    *payload = (const char *)body;
    *payload_n = body_n;
    return SEAL_PAYLOAD;
}
