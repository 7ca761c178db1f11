/* raft_members.c -- who is in the group: configurations as they stand in the log (D §4.1), and what follows from the
 * latest one: the peers, the quorum, and whether we may stand.
 *
 * The latest configuration in the log is in force from the moment it is there, committed or not; truncating it restores
 * the one before. So those since the log's base are kept as a stack, with the base's at the bottom. */
#include "raft_int.h"

/* ---- the text form ---- */

static bool read_id(const char *s, node_id *id)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        if (s[i] >= '0' && s[i] <= '9')
            v = v * 16 + (unsigned)(s[i] - '0');
        else if (s[i] >= 'A' && s[i] <= 'F')
            v = v * 16 + (unsigned)(s[i] - 'A') + 10;
        else
            return false;
    }
    *id = (node_id)v;
    return v != NODE_NONE;
}

bool raft_address_is_sound(const char *address)
{
    size_t n = 0;
    for (; address[n]; n++)
        if (n == ADDRESS_MAX || address[n] == ',' || (unsigned char)address[n] <= ' ' || address[n] == 0x7f)
            return false;
    return true;
}

/* Cuts `text`, which is changed, into voters. -1: it is not what raft_conf_write() writes. */
static int parse(char *text, struct voter v[RAFT_MEMBERS_MAX])
{
    unsigned n = 0;
    for (char *at = text, *next; at; at = next) {
        next = strchr(at, ',');
        if (next)
            *next++ = 0;
        if (n == RAFT_MEMBERS_MAX || !read_id(at, &v[n].id) || (n && v[n].id <= v[n - 1].id))
            return -1;
        if (at[4] && (at[4] != '=' || !at[5] || !raft_address_is_sound(at + 5)))
            return -1;
        v[n++].address = at[4] ? at + 5 : at + 4;
    }
    return (int)n;
}

bool raft_conf_is_sound(const char *text)
{
    char copy[CONF_TEXT_MAX + 1];
    struct voter v[RAFT_MEMBERS_MAX];
    size_t size = strlen(text) + 1;
    return size <= sizeof copy && parse(memcpy(copy, text, size), v) > 0;
}

bool raft_op_is_sound(const struct entry *e)
{
    return e->op == ENTRY_NOOP || e->op == ENTRY_PUT || (e->op == ENTRY_CONF && raft_conf_is_sound(e->value));
}

void raft_conf_write(const struct voter *v, unsigned n, char text[CONF_TEXT_MAX + 1])
{
    static const char digits[] = "0123456789ABCDEF";
    char *at = text;
    for (unsigned i = 0; i < n; i++) {
        if (i)
            *at++ = ',';
        for (int shift = 12; shift >= 0; shift -= 4)
            *at++ = digits[v[i].id >> shift & 15];
        size_t size = strlen(v[i].address);
        if (!size)
            continue;
        *at++ = '=';
        memcpy(at, v[i].address, size);
        at += size;
    }
    *at = 0;
}

/* ---- the stack ---- */

/* One allocation: the text follows, and the same cut into the voters' addresses. */
static struct conf *make(uint64_t index, const char *text)
{
    size_t size = strlen(text) + 1;
    struct conf *c = raft_alloc(sizeof *c + 2 * size);
    char *whole = (char *)(c + 1);
    memcpy(whole, text, size);
    memcpy(whole + size, text, size);
    int n = *text ? parse(whole + size, c->v) : 0;
    assert(n >= 0); /* whoever stores it has asked raft_conf_is_sound() */
    c->index = index;
    c->text = whole;
    c->n = (unsigned)n;
    return c;
}

/* The effects of this step may name its text: freed in the next. */
static void bury(struct raft *r, struct conf *c)
{
    c->below = r->dead_confs;
    r->dead_confs = c;
}

void raft_conf_sweep(struct raft *r)
{
    while (r->dead_confs) {
        struct conf *c = r->dead_confs;
        r->dead_confs = c->below;
        free(c);
    }
}

void raft_conf_free(struct raft *r)
{
    raft_conf_sweep(r);
    r->dead_confs = r->conf;
    raft_conf_sweep(r);
}

const struct voter *raft_conf_find(const struct conf *c, node_id id)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->v[i].id == id)
            return &c->v[i];
    return NULL;
}

bool raft_may_stand(const struct raft *r)
{
    /* D §4.2.2: until the entry that removes us is committed, the group may need us to be elected. */
    const struct conf *c = r->conf;
    return r->voter || (c->below && c->index > r->commit && raft_conf_find(c->below, r->id));
}

/* A follower that may not stand has no election timer. */
void raft_conf_timer(struct raft *r)
{
    if (!r->step || r->role != RAFT_FOLLOWER || raft_may_stand(r) == (r->election_us != NEVER))
        return; /* step 0: raft_new() arms it */
    raft_arm_election(r, WHY_APPEND);
}

/* The peers are the voters of the latest configuration, in its order, which is the same as long as its voters are: what
 * is known of a peer goes with it. A leader keeps those who are no voters after them: the one that is caught up to be
 * added, and the one that was removed, so that it learns of it (D §4.2.1, §4.2.2). */
static void take_effect(struct raft *r)
{
    struct peer old[PEERS_MAX];
    unsigned n_old = r->n_peers;
    memcpy(old, r->peers, n_old * sizeof *old);
    const struct conf *c = r->conf;
    r->n_peers = 0;
    r->voter = false;
    r->quorum = c->n / 2 + 1;
    for (unsigned i = 0; i < c->n; i++) {
        node_id id = c->v[i].id;
        if (id == r->id) {
            r->voter = true;
            continue;
        }
        struct peer *p = &r->peers[r->n_peers++];
        *p = (struct peer){.id = id};
        raft_append_forget(r, p);
        for (unsigned k = 0; k < n_old; k++)
            if (old[k].id == id)
                *p = old[k];
        p->voter = true;
    }
    for (unsigned k = 0; k < n_old && r->role == RAFT_LEADER; k++) {
        if (raft_conf_find(c, old[k].id))
            continue;
        assert(r->n_peers < PEERS_MAX);
        r->peers[r->n_peers] = old[k];
        r->peers[r->n_peers++].voter = false;
    }
    raft_conf_timer(r);
    if (r->role == RAFT_LEADER)
        raft_arm_quorum(r);
}

void raft_conf_appended(struct raft *r, const struct entry *e)
{
    struct conf *c = make(e->index, e->value);
    c->below = r->conf;
    r->conf = c;
    take_effect(r);
}

void raft_conf_truncated(struct raft *r, uint64_t from)
{
    bool changed = false;
    while (r->conf->below && r->conf->index >= from) {
        struct conf *c = r->conf;
        r->conf = c->below;
        bury(r, c);
        changed = true;
    }
    if (changed)
        take_effect(r);
}

void raft_conf_reset(struct raft *r, uint64_t index, const char *text)
{
    struct conf *bottom = make(index, text);
    struct conf **link = &r->conf;
    while (*link && (*link)->index > index)
        link = &(*link)->below;
    for (struct conf *c = *link, *below; c; c = below) {
        below = c->below;
        bury(r, c);
    }
    *link = bottom;
    take_effect(r);
}

const char *raft_conf_at(const struct raft *r, uint64_t index)
{
    const struct conf *c = r->conf;
    while (c->below && c->index > index)
        c = c->below;
    return c->text;
}

/* ---- the first configuration ---- */

static void from_peers(const struct raft_config *cfg, char text[CONF_TEXT_MAX + 1])
{
    struct voter v[RAFT_MEMBERS_MAX] = {{.id = cfg->id, .address = ""}};
    for (unsigned i = 0; i < cfg->n_peers; i++) {
        unsigned at = i + 1;
        for (; at && v[at - 1].id > cfg->peers[i]; at--)
            v[at] = v[at - 1];
        v[at] = (struct voter){.id = cfg->peers[i], .address = ""};
    }
    raft_conf_write(v, cfg->n_peers + 1, text);
}

void raft_conf_first(struct raft *r, const struct raft_config *cfg)
{
    char text[CONF_TEXT_MAX + 1] = "";
    const struct raft_restored *was = cfg->restored;
    const char *first = was && was->base_conf ? was->base_conf : cfg->joining ? "" : cfg->conf ? cfg->conf : text;
    if (first == text)
        from_peers(cfg, text);
    raft_conf_reset(r, was ? was->base_index : 0, first);
}

/* ---- what others may ask ---- */

const char *raft_conf(const struct raft *r)
{
    return r->conf->text;
}

bool raft_is_member(const struct raft *r, node_id id)
{
    for (unsigned i = 0; i < r->n_peers; i++)
        if (r->peers[i].id == id)
            return true;
    return id == r->id;
}

bool raft_hears(const struct raft *r, const struct message *m)
{
    bool asks = m->type == MESSAGE_PREVOTE_REQ || m->type == MESSAGE_VOTE_REQ || m->type == MESSAGE_APP_REQ ||
                m->type == MESSAGE_SNAP_REQ || m->type == MESSAGE_TRANSFER;
    return m->src != r->id && m->src != NODE_NONE && ((asks && !r->fixed) || raft_is_member(r, m->src));
}

struct peer *raft_peer(struct raft *r, node_id id)
{
    for (unsigned i = 0; i < r->n_peers; i++)
        if (r->peers[i].id == id)
            return &r->peers[i];
    return NULL;
}
