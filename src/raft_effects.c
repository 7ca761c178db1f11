/* raft_effects.c -- what a step decided, as a list in the order in which it must be done. */
#include "raft_int.h"

void *raft_alloc(size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        abort();
    return p;
}

char *raft_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(raft_alloc(size), text, size);
}

void *raft_grow(void *v, size_t *room, size_t need, size_t size)
{
    if (need <= *room)
        return v;
    size_t more = *room ? *room : 16;
    while (more < need)
        more *= 2;
    v = realloc(v, more * size);
    if (!v)
        abort();
    *room = more;
    return v;
}

void raft_effects_free(struct raft_effects *fx)
{
    free(fx->v);
    memset(fx, 0, sizeof *fx);
}

struct raft_effect *raft_emit(struct raft *r, enum raft_effect_type type)
{
    struct raft_effects *fx = r->fx;
    fx->v = raft_grow(fx->v, &fx->room, fx->n + 1, sizeof *fx->v);
    struct raft_effect *e = &fx->v[fx->n++];
    memset(e, 0, offsetof(struct raft_effect, by));
    e->type = type;
    e->after = raft_brief(r);
    e->node = e->from_node = e->voted = e->request.client = NODE_NONE;
    return e;
}

void raft_ignore(struct raft *r, enum raft_why why)
{
    raft_emit(r, RAFT_NOTE_IGNORE)->why = why;
}

void raft_fired(struct raft *r, enum raft_timer timer, uint64_t due_us)
{
    struct raft_effect *e = raft_emit(r, RAFT_NOTE_TIMER_FIRE);
    e->timer = timer;
    e->late_us = r->now_us - due_us;
}

struct message *raft_send(struct raft *r, enum message_type type, node_id dst)
{
    struct message *m = &raft_emit(r, RAFT_DO_SEND)->message;
    *m = (struct message){.type = type, .src = r->id, .dst = dst, .leader = r->leader, .term = r->term};
    return m;
}

struct message *raft_reply(struct raft *r, enum message_type type, const struct message *to)
{
    assert(r->n_replies < REPLIES_MAX);
    struct message *m = &r->replies[r->n_replies++];
    *m = (struct message){.type = type, .src = r->id, .dst = to->src, .term = r->term};
    memcpy(m->re, to->mid, sizeof m->re);
    return m;
}

void raft_replies_now(struct raft *r)
{
    for (unsigned i = 0; i < r->n_replies; i++) {
        struct message *m = &r->replies[i];
        /* A later input of the step brought a newer term: nothing is sent in the old one any more (§5.1). Its leader or
         * candidate hears of the new one instead, and what was promised to it is void: a truncation may have come
         * since. A granted PreVote speaks of a term to come. */
        if (m->term < r->term && !(m->type == MESSAGE_PREVOTE_RES && m->ok)) {
            m->term = r->term;
            m->ok = false;
            m->match = 0;
        }
        m->leader = r->leader;
        raft_emit(r, RAFT_DO_SEND)->message = *m;
    }
    r->n_replies = 0;
}
