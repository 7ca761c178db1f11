/* replay_node.c -- nodes and their peers by number, and logs: in memory, or on stable storage. */
#include "replay_int.h"

#include <string.h>

#include "mem.h"

/* ---- nodes ---- */

struct node *replay_node(struct replay *rp, int number)
{
    return rp->node[number];
}

int replay_number(struct replay *rp, const char *p, size_t len)
{
    if (rp->n_nodes > 0) {
        const char *last = rp->node[rp->last_node]->name;
        if (strlen(last) == len && memcmp(last, p, len) == 0)
            return rp->last_node;
    }
    uint64_t h = trace_hash(p, len);
    uint64_t *at = pairmap_at(&rp->node_of, h != 0 ? h : 1, len);
    if (*at == 0) {
        rp->node = vector_grow(rp->node, &rp->nodes_room, (size_t)rp->n_nodes, sizeof *rp->node);
        struct node *n = mem_new(sizeof *n);
        n->name = mem_text(p, len);
        n->role = 'F';
        n->leader = n->disk.vote = -1;
        n->heard = HEARD_NOTHING;
        n->disk.known = true;
        n->disk.changed = INT64_MAX;
        rp->node[rp->n_nodes++] = n;
        *at = (uint64_t)rp->n_nodes;
    }
    rp->last_node = (int)*at - 1;
    return rp->last_node;
}

int replay_self(struct replay *rp, const struct node *n)
{
    return replay_number(rp, n->name, strlen(n->name));
}

struct peer *replay_peer(struct node *n, int number)
{
    for (unsigned i = 0; i < n->n_peers; i++) {
        if (n->peer[i].node == number)
            return &n->peer[i];
    }
    return NULL;
}

struct peer *replay_peer_made(struct node *n, int number)
{
    struct peer *p = replay_peer(n, number);
    if (p != NULL || n->n_peers == PEERS_MAX)
        return p;
    p = &n->peer[n->n_peers++];
    *p = (struct peer){.node = number, .answered_t = -1, .match = -1};
    return p;
}

bool replay_quorum_known(struct replay *rp, const struct node *n, enum rule rule)
{
    if (n->conf == 0 && n->lives == 0) /* a new server knows of no members, and needs none to follow */
        replay_unknown(rp, rule, "%s: no trace.open that names the group", n->name);
    else if (n->term <= n->hole_term)
        replay_unknown(rp, rule, "%s.%lld: records of term %lld are missing", n->name, (long long)n->boot,
                       (long long)n->term);
    else if (!n->saw_msgs && replay_members(rp, n) > 1)
        replay_unknown(rp, rule, "%s: messages are not recorded", n->name);
    else
        return true;
    return false;
}

/* ---- logs ---- */

int64_t log_last(const struct node_log *g)
{
    return g->base + (int64_t)g->n;
}

const struct log_entry *log_at(const struct node_log *g, int64_t idx)
{
    return idx > g->base && idx <= log_last(g) ? &g->v[idx - g->base - 1] : NULL;
}

int64_t log_term(const struct node_log *g, int64_t idx)
{
    if (idx == 0)
        return 0;
    if (idx == g->base)
        return g->base_term;
    const struct log_entry *e = log_at(g, idx);
    return e != NULL ? e->term : TERM_UNKNOWN;
}

void log_reset(struct node_log *g, int64_t base, int64_t base_term)
{
    g->n = 0;
    g->base = base;
    g->base_term = base == 0 ? 0 : base_term;
}

void log_push(struct node_log *g, const struct log_entry *e)
{
    g->v = vector_grow(g->v, &g->room, g->n, sizeof *g->v);
    g->v[g->n++] = *e;
}

void log_cut(struct node_log *g, int64_t from)
{
    if (from <= g->base)
        log_reset(g, from > 0 ? from - 1 : 0, TERM_UNKNOWN);
    else if (from - g->base - 1 < (int64_t)g->n)
        g->n = (size_t)(from - g->base - 1);
}

void log_rebase(struct node_log *g, int64_t idx, int64_t eterm, int conf)
{
    if (log_at(g, idx) != NULL && log_term(g, idx) == eterm) {
        size_t gone = (size_t)(idx - g->base);
        memmove(g->v, g->v + gone, (g->n - gone) * sizeof *g->v);
        g->n -= gone;
        g->base = idx;
        g->base_term = eterm;
    } else if (idx != g->base || g->base_term != eterm) {
        log_reset(g, idx, eterm);
    }
    g->base_conf = conf;
}

void log_copy(struct node_log *to, const struct node_log *from, int64_t upto)
{
    int64_t n = upto - from->base;
    size_t count = n < 0 ? 0 : n < (int64_t)from->n ? (size_t)n : from->n;
    if (to->room < count) {
        to->v = mem_grow(to->v, count, sizeof *to->v);
        to->room = count;
    }
    if (count > 0)
        memcpy(to->v, from->v, count * sizeof *to->v);
    to->n = count;
    to->base = from->base;
    to->base_term = from->base_term;
    to->base_conf = from->base_conf;
}

int log_conf_at(const struct node_log *g, int64_t idx)
{
    for (int64_t i = idx < log_last(g) ? idx : log_last(g); i > g->base; i--) {
        if (g->v[i - g->base - 1].conf != 0)
            return g->v[i - g->base - 1].conf;
    }
    return g->base_conf;
}

bool log_holds(const struct node_log *g, int64_t idx, int64_t eterm, uint64_t h)
{
    const struct log_entry *e = log_at(g, idx);
    return g->base >= idx || (e != NULL && e->term == eterm && (e->h == 0 || h == 0 || e->h == h));
}
