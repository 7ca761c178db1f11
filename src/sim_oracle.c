#include "sim_oracle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim_config.h"
#include "wire.h"

/* What an index was committed with, by whoever was seen to have committed it first. */
struct committed {
    uint64_t term, hash; /* of the entry; term 0: nobody was seen to */
    uint64_t in_term;    /* of who was seen: the entry was committed in this term or before */
    uint64_t digest;     /* of the state after it, */
    bool applied;        /* when somebody was seen just there */
    unsigned char node, applied_node;
};

struct watched {
    bool durable;
    uint64_t term, commit, applied;
    node_id voted; /* in `term` */
    enum raft_role role;
};

struct sim_oracle {
    struct watched node[SIM_REPLICAS_MAX];
    struct committed *at; /* by index - 1 */
    size_t n, room;
    unsigned char *leader; /* by term: node + 1; 0: nobody */
    size_t terms;
    struct sim_violation verdict;
};

/* A defect may claim any term or index. What is beyond this is not watched. */
enum { INDEX_MAX = 1 << 24 };

struct sim_oracle *sim_oracle_new(void)
{
    struct sim_oracle *o = calloc(1, sizeof *o);
    if (!o)
        abort();
    return o;
}

void sim_oracle_free(struct sim_oracle *o)
{
    if (!o)
        return;
    free(o->at);
    free(o->leader);
    free(o);
}

const struct sim_violation *sim_oracle_verdict(const struct sim_oracle *o)
{
    return &o->verdict;
}

__attribute__((format(printf, 4, 5))) static void found(struct sim_oracle *o, const char *rule, const char *class,
                                                        const char *format, ...)
{
    va_list ap;
    if (o->verdict.found)
        return;
    o->verdict = (struct sim_violation){.found = true, .rule = rule, .class = class};
    va_start(ap, format);
    vsnprintf(o->verdict.words, sizeof o->verdict.words, format, ap);
    va_end(ap);
}

void sim_oracle_start(struct sim_oracle *o, unsigned node, bool durable)
{
    struct watched *w = &o->node[node];
    const struct watched before = *w;
    *w = (struct watched){.durable = durable, .voted = NODE_NONE};
    if (durable) {
        w->term = before.term;
        w->voted = before.term ? before.voted : NODE_NONE;
    }
}

void sim_oracle_wipe(struct sim_oracle *o, unsigned node)
{
    o->node[node] = (struct watched){.voted = NODE_NONE};
}

/* Room for `need`, cleared. */
static void *grow(void *v, size_t *room, size_t need, size_t size)
{
    if (need <= *room)
        return v;
    size_t more = *room ? *room : 256;
    while (more < need)
        more *= 2;
    v = realloc(v, more * size);
    if (!v)
        abort();
    memset((char *)v + *room * size, 0, (more - *room) * size);
    *room = more;
    return v;
}

static struct committed *slot(struct sim_oracle *o, uint64_t index)
{
    o->at = grow(o->at, &o->room, (size_t)index, sizeof *o->at);
    o->n = index > o->n ? (size_t)index : o->n;
    return &o->at[index - 1];
}

/* ---- the rules ---- */

static void look_at_vote(struct sim_oracle *o, unsigned node, const struct raft_brief *b, node_id voted)
{
    const struct watched *w = &o->node[node];
    if (b->term < w->term)
        found(o, "R29", "term-goes-back", "%04X goes from term %" PRIu64 " back to %" PRIu64, node, w->term, b->term);
    else if (b->term == w->term && w->voted != NODE_NONE && voted != w->voted)
        found(o, "R7", "two-votes-in-one-term", "%04X voted for %04X in term %" PRIu64 ", and now for %04X", node,
              w->voted, b->term, voted);
}

static void look_at_leader(struct sim_oracle *o, unsigned node, const struct raft *core, const struct raft_brief *b)
{
    const struct watched *w = &o->node[node];
    if (b->role != RAFT_LEADER || b->term >= INDEX_MAX || (w->role == RAFT_LEADER && w->term == b->term))
        return;
    o->leader = grow(o->leader, &o->terms, (size_t)b->term + 1, 1);
    unsigned char *leader = &o->leader[b->term];
    if (*leader != 0 && *leader != node + 1)
        found(o, "R13", "two-leaders-in-one-term", "%04X and %04X both lead term %" PRIu64, *leader - 1u, node,
              b->term);
    *leader = (unsigned char)(node + 1);
    /* Its log agrees up to any entry that it shares: looking at the last one committed before its term is enough. */
    for (size_t i = o->n; i > 0; i--) {
        const struct committed *c = &o->at[i - 1];
        if (c->term == 0 || c->in_term >= b->term)
            continue;
        uint64_t base_term, base = raft_base(core, &base_term);
        const struct entry *e = raft_entry(core, i);
        if (i > base && (!e || e->term != c->term || e->hash != c->hash))
            found(o, "R34", "leader-misses-committed-entry",
                  "%04X leads term %" PRIu64 " without entry %zu of term %" PRIu64 ", which %04X had committed", node,
                  b->term, i, c->term, c->node);
        return;
    }
}

static void look_at_commits(struct sim_oracle *o, unsigned node, const struct raft *core, const struct raft_brief *b)
{
    const struct watched *w = &o->node[node];
    uint64_t base_term, base = raft_base(core, &base_term), from = w->commit > base ? w->commit : base;
    if (b->commit < w->commit || b->applied < w->applied)
        found(o, "R29", "commit-goes-back",
              "%04X goes back: commit %" PRIu64 " to %" PRIu64 ", applied %" PRIu64 " to %" PRIu64, node, w->commit,
              b->commit, w->applied, b->applied);
    for (uint64_t i = from + 1; i <= b->commit && i < INDEX_MAX; i++) {
        const struct entry *e = raft_entry(core, i);
        if (!e)
            break;
        struct committed *c = slot(o, i);
        if (c->term == 0) {
            c->term = e->term;
            c->hash = e->hash;
            c->in_term = b->term;
            c->node = (unsigned char)node;
        } else if (c->term != e->term || c->hash != e->hash)
            found(o, "R33", "different-entries-committed",
                  "%04X commits entry %" PRIu64 " of term %" PRIu64 ", where %04X had committed one of term %" PRIu64,
                  node, i, e->term, c->node, c->term);
    }
}

static void look_at_state(struct sim_oracle *o, unsigned node, const struct raft_brief *b, const struct kv *kv)
{
    const uint64_t digest = kv_digest(kv);
    if (b->applied == o->node[node].applied || b->applied >= INDEX_MAX || kv_applied(kv) != b->applied)
        return;
    struct committed *c = slot(o, b->applied);
    if (!c->applied) {
        c->applied = true;
        c->digest = digest;
        c->applied_node = (unsigned char)node;
    } else if (c->digest != digest)
        found(o, "R40", "states-differ", "the states of %04X and %04X differ after entry %" PRIu64, c->applied_node,
              node, b->applied);
}

void sim_oracle_step(struct sim_oracle *o, unsigned node, const struct raft *core, const struct kv *kv)
{
    const struct raft_brief b = raft_brief(core);
    const node_id voted = raft_voted_for(core);
    struct watched *w = &o->node[node];
    look_at_vote(o, node, &b, voted);
    look_at_leader(o, node, core, &b);
    look_at_commits(o, node, core, &b);
    look_at_state(o, node, &b, kv);
    w->term = b.term;
    w->voted = voted;
    w->role = b.role;
    w->commit = b.commit;
    w->applied = b.applied;
}
