/* lin.c -- each key by the cheapest method that decides it. */
#include "lin.h"
#include "lin_shrink.h"

#include <stdlib.h>

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
    free(k->own);
    *k = (struct lin_key){.ops = h->ops, .n = h->n, .unread = h->unread};
    return by_zones(k, writer);
}

/* A short proof is worth a second of everybody's time, not more. */
#define SHRINK_NS INT64_C(1000000000)

static void explain(struct lin_key *k, struct history *h, const struct lin_options *o)
{
    int64_t deadline = (int64_t)trace_mono_ns() + SHRINK_NS;
    struct lin_limits limits = {.memory = o->memory,
                                .deadline_ns =
                                    o->deadline_ns > 0 && o->deadline_ns < deadline ? o->deadline_ns : deadline};
    k->witness = (struct lin_witness){.what = LIN_CLASS_SEARCH,
                                      .old_write = ZONE_NONE,
                                      .old_seen = ZONE_NONE,
                                      .new_write = ZONE_NONE,
                                      .new_seen = ZONE_NONE,
                                      .read = ZONE_NONE};
    if (!o->first_bad_ends)
        lin_shrink(&k->witness, k->ops, k->n, &h->values, h->failed_cas_reads, &limits);
}

/* Rounds over the undecided keys, each wider than the one before, so that a key that is easy is never kept waiting by
 * one that is hard. */
static void search_rounds(struct lin_report *r, struct history *h, const struct lin_options *o)
{
    int64_t start = (int64_t)trace_mono_ns();
    bool left = true;
    for (size_t width = LIN_WIDTH; left; width *= LIN_WIDTH_FACTOR) {
        left = false;
        for (size_t i = 0; i < r->n; i++) {
            struct lin_key *k = &r->keys[i];
            if (k->answer != LIN_UNDECIDED || k->unread || (k->searched && !k->found.narrow))
                continue;
            if ((o->first_bad_ends && r->bad > 0) || (o->deadline_ns > 0 && (int64_t)trace_mono_ns() >= o->deadline_ns))
                break;
            struct lin_limits limits = {
                .width = width, .steps = o->steps, .memory = o->memory, .deadline_ns = o->deadline_ns};
            k->answer = lin_search(k->ops, k->n, &h->values, h->failed_cas_reads, &limits, &k->found);
            k->searched = true;
            left |= k->answer == LIN_UNDECIDED && k->found.narrow;
            r->undecided -= k->answer != LIN_UNDECIDED;
            if (k->answer == LIN_BAD) {
                r->bad++;
                explain(k, h, o);
            }
        }
    }
    r->searched_ns = (int64_t)trace_mono_ns() - start;
}

bool lin_judge(struct lin_report *r, struct history *h, const struct lin_options *o)
{
    *r = (struct lin_report){.keys = calloc(h->n + 1, sizeof *r->keys)};
    uint32_t *writer = calloc((size_t)h->values.n + 1, sizeof *writer);
    bool ok = r->keys != NULL && writer != NULL && !h->no_memory;
    for (; ok && r->n < h->n; r->n++) {
        ok = judge_key(&r->keys[r->n], &h->keys[r->n], writer);
        r->bad += r->keys[r->n].answer == LIN_BAD;
        r->undecided += r->keys[r->n].answer == LIN_UNDECIDED;
    }
    free(writer);
    if (ok && !o->no_search)
        search_rounds(r, h, o);
    return ok;
}

void lin_report_free(struct lin_report *r)
{
    for (size_t i = 0; i < r->n; i++) {
        forget_zones(&r->keys[i]);
        free(r->keys[i].own);
    }
    free(r->keys);
    *r = (struct lin_report){0};
}
