/* lin.c -- each key by the cheapest method that decides it. */
#include "lin.h"
#include "lin_shrink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "trace.h"

static bool registers_only(const struct op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ops[i].kind != OP_READ && ops[i].kind != OP_WRITE)
            return false;
    }
    return true;
}

static void forget_zones(struct lin_key *k)
{
    if (k->zoned) {
        lin_sources_free(&k->sources);
        zones_free(&k->zones);
    }
    k->zoned = false;
}

/* Zones for k->ops. LIN_UNDECIDED where reads are ambiguous and nothing is wrong with the others. */
static bool by_zones(struct lin_key *k, uint32_t *writer)
{
    k->answer = LIN_UNDECIDED;
    if (k->unread || !registers_only(k->ops, k->n))
        return true;
    if (!lin_sources_find(&k->sources, k->ops, k->n, writer))
        return false;
    if (!zones_build(&k->zones, k->ops, k->n, k->sources.of)) {
        lin_sources_free(&k->sources);
        return false;
    }
    k->zoned = true;
    if (!lin_witness_find(&k->witness, &k->zones, k->ops, k->n, k->sources.of))
        return false;
    if (k->witness.what != LIN_CLASS_NONE)
        k->answer = LIN_BAD;
    else if (k->sources.ambiguous == 0)
        k->answer = LIN_OK;
    return true;
}

static size_t count_ghosts(const struct history_key *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++)
        n += h->ops[i].ghost;
    return n;
}

static bool judge_key(struct lin_key *k, const struct history_key *h, uint32_t *writer)
{
    *k = (struct lin_key){.ops = h->ops, .n = h->n, .unread = h->unread};
    size_t ghosts = count_ghosts(h);
    if (ghosts == 0)
        return by_zones(k, writer);

    k->own = malloc((h->n + 1) * sizeof *k->own);
    if (k->own == NULL)
        return false;
    k->n = 0;
    for (size_t i = 0; i < h->n; i++) {
        if (!h->ops[i].ghost)
            k->own[k->n++] = h->ops[i];
    }
    k->ops = k->own;
    if (!by_zones(k, writer))
        return false;
    if (k->answer == LIN_OK)
        return true;
    forget_zones(k);
    lin_witness_free(&k->witness);
    free(k->own);
    *k = (struct lin_key){.ops = h->ops, .n = h->n, .unread = h->unread};
    return by_zones(k, writer);
}

/* A proof that fits on a page is worth some time, but not all there is. */
#define SHRINK_NS INT64_C(5000000000)

static void explain(struct lin_key *k, const struct history *h, const struct lin_options *o)
{
    int64_t deadline = (int64_t)trace_mono_ns() + SHRINK_NS;
    if (o->deadline_ns > 0 && o->deadline_ns < deadline)
        deadline = o->deadline_ns;
    lin_witness_free(&k->witness);
    k->witness = (struct lin_witness){.what = LIN_CLASS_SEARCH,
                                      .old_write = ZONE_NONE,
                                      .old_seen = ZONE_NONE,
                                      .new_write = ZONE_NONE,
                                      .new_seen = ZONE_NONE,
                                      .read = ZONE_NONE,
                                      .new_read = ZONE_NONE};
    if (!o->first_bad_ends)
        lin_shrink(&k->witness, k->ops, k->n, &h->values, h->failed_cas_reads, k->found.returns,
                   &(struct lin_limits){.memory = o->memory, .deadline_ns = deadline});
}

/* ---- the keys, on all processors ---- */

struct judge {
    struct lin_report *r;
    const struct history *h;
    struct lin_options o;
    size_t width;       /* of this round; 0: the round of zones */
    atomic_size_t next; /* the key that is nobody's yet */
    atomic_bool settled, no_memory;
};

static bool late(const struct judge *j)
{
    return j->o.deadline_ns > 0 && (int64_t)trace_mono_ns() >= j->o.deadline_ns;
}

static void search_key(struct judge *j, struct lin_key *k)
{
    if (k->answer != LIN_UNDECIDED || k->unread || (k->searched && !k->found.narrow) || late(j))
        return;
    struct lin_limits limits = {
        .width = j->width, .steps = j->o.steps, .memory = j->o.memory, .deadline_ns = j->o.deadline_ns};
    k->answer = lin_search(k->ops, k->n, &j->h->values, j->h->failed_cas_reads, &limits, &k->found);
    k->searched = true;
    if (k->answer != LIN_BAD)
        return;
    if (j->o.first_bad_ends)
        j->settled = true;
    explain(k, j->h, &j->o);
}

/* One of several at the same work: takes a key at a time. */
static void *work(void *arg)
{
    struct judge *j = arg;
    uint32_t *writer = j->width == 0 ? calloc((size_t)j->h->values.n + 1, sizeof *writer) : NULL;
    if (j->width == 0 && writer == NULL)
        j->no_memory = true;
    for (size_t i = j->next++; i < j->r->n && !j->no_memory && !j->settled; i = j->next++) {
        if (j->width > 0)
            search_key(j, &j->r->keys[i]);
        else if (!judge_key(&j->r->keys[i], &j->h->keys[i], writer))
            j->no_memory = true;
    }
    free(writer);
    return NULL;
}

enum { THREADS_MAX = 16, WORTH_A_THREAD = 20000 }; /* operations */

/* All keys by as many threads as there are processors; each has its share of the memory. */
static void one_round(struct judge *j, size_t threads)
{
    pthread_t others[THREADS_MAX];
    size_t started = 0;
    j->next = 0;
    while (started + 1 < threads && pthread_create(&others[started], NULL, work, j) == 0)
        started++;
    work(j);
    for (size_t i = 0; i < started; i++)
        pthread_join(others[i], NULL);
}

static size_t threads_for(const struct history *h, const struct lin_options *o)
{
    size_t ops = 0, most = o->threads;
    if (most == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        for (size_t i = 0; i < h->n; i++)
            ops += h->keys[i].n;
        most = processors > 1 && ops >= WORTH_A_THREAD ? (size_t)processors : 1;
    }
    most = most < THREADS_MAX ? most : THREADS_MAX;
    return most < h->n ? most : h->n > 0 ? h->n : 1;
}

static size_t count(const struct lin_report *r, enum lin_answer answer)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->keys[i].answer == answer;
    return n;
}

static bool worth_another(const struct lin_report *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct lin_key *k = &r->keys[i];
        if (k->answer == LIN_UNDECIDED && !k->unread && (!k->searched || k->found.narrow))
            return true;
    }
    return false;
}

bool lin_judge(struct lin_report *r, const struct history *h, const struct lin_options *o)
{
    *r = (struct lin_report){.keys = calloc(h->n + 1, sizeof *r->keys), .n = h->n};
    struct judge j = {.r = r, .h = h, .o = *o};
    if (r->keys == NULL || h->no_memory) {
        r->n = 0;
        return false;
    }
    size_t threads = threads_for(h, o);
    j.o.memory = (o->memory > 0 ? o->memory : LIN_MEMORY) / threads;
    one_round(&j, threads);
    if (j.no_memory)
        return false;
    j.settled = o->first_bad_ends && count(r, LIN_BAD) > 0;
    int64_t start = (int64_t)trace_mono_ns();
    /* Rounds over the undecided keys, each wider than the one before, so that a key that is easy is never kept waiting
     * by one that is hard. */
    for (j.width = LIN_WIDTH; !o->no_search && worth_another(r) && !j.settled && !late(&j); j.width *= LIN_WIDTH_FACTOR)
        one_round(&j, threads);
    r->searched_ns = (int64_t)trace_mono_ns() - start;
    r->bad = count(r, LIN_BAD);
    r->undecided = count(r, LIN_UNDECIDED);
    return true;
}

void lin_report_free(struct lin_report *r)
{
    for (size_t i = 0; i < r->n; i++) {
        forget_zones(&r->keys[i]);
        lin_witness_free(&r->keys[i].witness);
        free(r->keys[i].own);
    }
    free(r->keys);
    *r = (struct lin_report){0};
}
