/* raft_cluster_world.c -- chance, the events to come, and the network between the replicas. */
#include "raft_cluster_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "message_copy.h"

void cluster_failed(struct sim *s, const char *format, ...)
{
    if (s->out->error[0])
        return;
    char text[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(s->out->error, sizeof s->out->error, "%s (size %u, seed %" PRIu64 ", at %" PRIu64 " us)", text,
             s->cfg->size, s->cfg->seed, s->now);
}

bool cluster_chance(struct sim *s, double p)
{
    return rng_unit(&s->rng) < p;
}

uint64_t cluster_between(struct sim *s, uint64_t low, uint64_t high)
{
    return low + rng_below(&s->rng, high - low + 1);
}

void *cluster_grown(void *v, size_t *room, size_t need, size_t size)
{
    if (need <= *room)
        return v;
    *room = need * 2;
    v = realloc(v, *room * size);
    if (!v)
        abort();
    return v;
}

/* ---- events in order of time ---- */

static bool earlier(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void cluster_push(struct sim *s, uint64_t at, enum what what, unsigned to, struct message *m)
{
    s->heap = cluster_grown(s->heap, &s->room_heap, s->n_heap + 1, sizeof *s->heap);
    struct event e = {.at = at, .order = s->order++, .what = what, .to = to, .message = m};
    size_t i = s->n_heap++;
    for (; i && earlier(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
}

struct event cluster_pop(struct sim *s)
{
    struct event top = s->heap[0], e = s->heap[--s->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < s->n_heap; i = child) {
        if (child + 1 < s->n_heap && earlier(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!earlier(&s->heap[child], &e))
            break;
        s->heap[i] = s->heap[child];
    }
    if (s->n_heap)
        s->heap[i] = e;
    return top;
}

/* ---- the network ---- */

static uint64_t delay(struct sim *s)
{
    if (s->now < s->cfg->faulty_us && s->cfg->faults) {
        if (cluster_chance(s, 0.01))
            return cluster_between(s, 100 * MS, 1500 * MS);
        if (cluster_chance(s, 0.05))
            return cluster_between(s, 5 * MS, 60 * MS);
    }
    return cluster_between(s, 200, 4 * MS);
}

void cluster_transmit(struct sim *s, const struct message *m)
{
    s->out->counts.messages++;
    s->out->counts.chunks += m->type == MESSAGE_SNAP_REQ;
    if (m->dst >= s->cfg->size || m->dst == m->src) {
        cluster_failed(s, "a message from %04X to %04X", m->src, m->dst);
        return;
    }
    bool faulty = s->now < s->cfg->faulty_us;
    if (faulty && (s->cut[m->src][m->dst] || cluster_chance(s, s->cfg->loss)))
        return;
    unsigned copies = faulty && cluster_chance(s, s->cfg->duplication) ? 2 : 1;
    while (copies--)
        cluster_push(s, s->now + delay(s), DATAGRAM, m->dst, message_copy(m));
}
