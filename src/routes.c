#include "routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raft.h"
#include "wire.h"

/* Members of now, and some of before. */
#define KNOWN_MAX (2 * RAFT_MEMBERS_MAX)
/* A power of two of sets, and a few places in each, of which the oldest is given up: requests whose answers are still
 * to come are far fewer, so that what is given up has long been answered. */
#define SETS   8192
#define PLACES 4

struct known {
    node_id id;
    char text[ADDRESS_MAX + 1];
    struct address at; /* n = 0: could not be found */
    uint64_t learned;
};

struct waiting {
    struct address from;
    node_id client;
    char mid[MID_MAX + 1];
};

struct routes {
    int family;
    struct known known[KNOWN_MAX];
    unsigned n_known;
    uint64_t learned;
    struct waiting waiting[SETS][PLACES];
    uint8_t next[SETS];
};

struct routes *routes_new(int family)
{
    struct routes *r = calloc(1, sizeof *r);
    if (r)
        r->family = family;
    return r;
}

void routes_free(struct routes *r)
{
    free(r);
}

/* ---- members ---- */

static struct known *find(const struct routes *r, node_id id)
{
    for (unsigned i = 0; i < r->n_known; i++)
        if (r->known[i].id == id)
            return (struct known *)&r->known[i];
    return NULL;
}

static struct known *place(struct routes *r)
{
    if (r->n_known < KNOWN_MAX)
        return &r->known[r->n_known++];
    struct known *oldest = &r->known[0];
    for (unsigned i = 1; i < KNOWN_MAX; i++)
        if (r->known[i].learned < oldest->learned)
            oldest = &r->known[i];
    return oldest;
}

bool routes_learn_one(struct routes *r, node_id id, const char *address, char err[ADDRESS_ERR_LEN])
{
    struct known *k = find(r, id);
    if (!k) {
        k = place(r);
        *k = (struct known){.id = id};
    }
    k->learned = ++r->learned;
    if (k->at.n && strcmp(k->text, address) == 0)
        return true;
    snprintf(k->text, sizeof k->text, "%s", address);
    k->at.n = 0;
    return address_resolve(address, r->family, &k->at, err);
}

bool routes_learn(struct routes *r, const char *conf, char err[ADDRESS_ERR_LEN])
{
    bool well = true;
    for (const char *at = conf; *at;) {
        char one[NODE_TEXT + ADDRESS_MAX + 1], id_text[NODE_TEXT];
        size_t n = strcspn(at, ",");
        node_id id;
        snprintf(one, sizeof one, "%.*s", (int)(n < sizeof one ? n : sizeof one - 1), at);
        snprintf(id_text, sizeof id_text, "%.4s", one);
        if (wire_node_parse(id_text, &id) && one[4] == '=' && !routes_learn_one(r, id, one + NODE_TEXT, err))
            well = false;
        at += n + (at[n] == ',');
    }
    return well;
}

const struct address *routes_member(const struct routes *r, node_id id)
{
    const struct known *k = find(r, id);
    return k ? &k->at : NULL;
}

/* ---- clients ---- */

static size_t set_of(node_id client, const char *mid)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ client;
    for (; *mid; mid++)
        h = (h ^ (unsigned char)*mid) * UINT64_C(0x100000001b3);
    return (h ^ (h >> 32)) % SETS;
}

static const struct waiting *find_waiting(const struct routes *r, size_t set, node_id client, const char *mid)
{
    for (unsigned i = 0; i < PLACES; i++) {
        const struct waiting *w = &r->waiting[set][i];
        if (w->from.n && w->client == client && strcmp(w->mid, mid) == 0)
            return w;
    }
    return NULL;
}

void routes_note(struct routes *r, node_id client, const char *mid, const struct address *from)
{
    size_t set = set_of(client, mid);
    struct waiting *w = (struct waiting *)find_waiting(r, set, client, mid);
    if (!w)
        w = &r->waiting[set][r->next[set]++ % PLACES];
    w->from = *from;
    w->client = client;
    snprintf(w->mid, sizeof w->mid, "%s", mid);
}

const struct address *routes_client(const struct routes *r, node_id client, const char *mid)
{
    const struct waiting *w = find_waiting(r, set_of(client, mid), client, mid);
    return w ? &w->from : NULL;
}
