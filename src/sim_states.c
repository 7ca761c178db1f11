#include "sim_states.h"

#include <stdlib.h>
#include <string.h>
#include "sim_config.h"
#include "trace.h"

struct node {
    bool runs;
    struct raft_brief brief;
    uint64_t last_term, base;
    uint64_t conf, conf_at; /* hash of the configuration; the log when it came to be */
};

struct sim_states {
    struct sim_coverage *coverage;
    uint64_t seed, before; /* before: the last state */
    unsigned n;
    struct node node[SIM_REPLICAS_MAX];
};

struct sim_states *sim_states_new(struct sim_coverage *c, uint64_t seed, unsigned replicas)
{
    struct sim_states *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->coverage = c;
    s->seed = seed;
    s->n = replicas;
    return s;
}

void sim_states_free(struct sim_states *s)
{
    free(s);
}

/* 0, 1 or many. */
static unsigned some(uint64_t n)
{
    return n > 1 ? 2 : (unsigned)n;
}

static bool more_up_to_date(const struct node *a, const struct node *b)
{
    return a->last_term != b->last_term ? a->last_term > b->last_term : a->brief.last > b->brief.last;
}

/* What all are compared with. */
struct heights {
    uint64_t term, commit, base;
    const struct node *log;
};

static struct heights measure(const struct sim_states *s)
{
    struct heights h = {.log = &s->node[0]};
    for (unsigned i = 0; i < s->n; i++) {
        const struct node *x = &s->node[i];
        h.term = x->brief.term > h.term ? x->brief.term : h.term;
        h.commit = x->brief.commit > h.commit ? x->brief.commit : h.commit;
        h.base = x->base > h.base ? x->base : h.base;
        if (more_up_to_date(x, h.log))
            h.log = x;
    }
    return h;
}

static unsigned abstract(const struct node *x, const struct heights *h)
{
    unsigned tail = x->last_term < h->log->last_term ? 2 : more_up_to_date(h->log, x);
    unsigned a = x->runs ? 1 + (unsigned)x->brief.role : 0;
    a = a * 3 + some(h->term - x->brief.term);
    a = a * 3 + tail;
    a = a * 3 + some(x->brief.last - x->brief.commit);
    a = a * 2 + (x->brief.commit < h->commit);
    a = a * 2 + (x->conf_at > x->brief.commit);
    a = a * 2 + (x->brief.last < h->base);
    return a;
}

static void note(struct sim_states *s)
{
    const struct heights h = measure(s);
    unsigned all[SIM_REPLICAS_MAX];
    for (unsigned i = 0; i < s->n; i++) { /* sorted as they come: there are few */
        unsigned a = abstract(&s->node[i], &h), at = i;
        for (; at > 0 && all[at - 1] > a; at--)
            all[at] = all[at - 1];
        all[at] = a;
    }
    unsigned char bytes[2 * SIM_REPLICAS_MAX]; /* the same on every machine */
    for (unsigned i = 0; i < s->n; i++) {
        bytes[2 * i] = (unsigned char)(all[i] & 0xff);
        bytes[2 * i + 1] = (unsigned char)(all[i] >> 8);
    }
    uint64_t hash = trace_hash(bytes, 2 * (size_t)s->n);
    if (hash == s->before)
        return;
    s->before = hash;
    sim_coverage_state(s->coverage, s->seed, hash);
}

void sim_states_step(struct sim_states *s, unsigned node, const struct raft *core)
{
    if (!s)
        return;
    struct node *x = &s->node[node];
    const char *conf = raft_conf(core);
    uint64_t base_term, hash = trace_hash(conf, strlen(conf));
    x->brief = raft_brief(core);
    x->base = raft_base(core, &base_term);
    const struct entry *e = raft_entry(core, x->brief.last);
    x->last_term = e ? e->term : base_term;
    if (hash != x->conf) {
        x->conf_at = x->conf != 0 ? x->brief.last : 0; /* the first one needs nobody's consent */
        x->conf = hash;
    }
    x->runs = true;
    note(s);
}

void sim_states_end(struct sim_states *s, unsigned node)
{
    if (!s)
        return;
    s->node[node].runs = false;
    s->node[node].conf = 0;
    note(s);
}
