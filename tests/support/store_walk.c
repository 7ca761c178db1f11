#include "store_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- states ---- */

static uint64_t fold(uint64_t sum, const struct entry *e)
{
    const uint64_t of[] = {sum, e->index, e->term, e->hash};
    return snapshot_digest((const unsigned char *)of, sizeof of);
}

/* Hands the entries on to the core, and notes what they are. */
struct tap {
    struct raft_restored from;
    uint64_t log;
};

static bool next_through(void *ctx, struct entry *e)
{
    struct tap *t = ctx;
    if (!t->from.next_entry(t->from.ctx, e))
        return false;
    t->log = fold(t->log, e);
    return true;
}

static struct walk_state state_after(const struct walk *w, const struct store_change *c)
{
    struct walk_state s = w->known;
    if (c->vote) {
        s.term = raft_brief(c->core).term;
        s.voted = raft_voted_for(c->core);
    }
    if (c->snapshot) {
        s.base = c->base_index;
        s.base_term = c->base_term;
        s.applied = kv_applied(c->kv);
        s.map = kv_digest(c->kv);
    }
    s.last = raft_brief(c->core).last;
    s.log = 0;
    for (uint64_t i = s.base + 1; i <= s.last; i++)
        s.log = fold(s.log, raft_entry(c->core, i));
    return s;
}

static bool same(const struct walk_state *a, const struct walk_state *b)
{
    return memcmp(a, b, sizeof *a) == 0; /* numbers of the same size: no padding */
}

static void show(const char *what, const struct walk_state *s)
{
    printf("%s: term %llu voted %llx base %llu (term %llu) applied %llu last %llu log %llx map %llx\n", what,
           (unsigned long long)s->term, (unsigned long long)s->voted, (unsigned long long)s->base,
           (unsigned long long)s->base_term, (unsigned long long)s->applied, (unsigned long long)s->last,
           (unsigned long long)s->log, (unsigned long long)s->map);
}

void walk_init(struct walk *w, uint64_t seed, int checkpoint_pages)
{
    struct kv *empty = kv_new();
    *w = (struct walk){.disk = sim_disk_new(seed),
                       .checkpoint_pages = checkpoint_pages,
                       .known = {.voted = NODE_NONE, .map = kv_digest(empty)}};
    w->next = w->known;
    rng_seed(&w->rng, seed);
    kv_free(empty);
}

void walk_free(struct walk *w)
{
    walk_close(w);
    sim_disk_free(w->disk);
}

void walk_close(struct walk *w)
{
    if (!w->store)
        return;
    store_close(w->store);
    model_free(&w->m);
    w->store = NULL;
}

/* ---- steps ---- */

enum store_opened walk_open(struct walk *w, bool *sound)
{
    struct store_found f;
    const struct store_options o = {.dir = WALK_DIR,
                                    .id = MODEL_ID,
                                    .cluster = "test",
                                    .vfs = sim_disk_vfs(w->disk),
                                    .checkpoint_pages = w->checkpoint_pages};
    enum store_opened result = store_open(&w->store, &o, &f, w->error);
    *sound = false;
    if (result != STORE_OPENED)
        return result;
    struct walk_state found = {.term = f.core.term,
                               .voted = f.core.voted,
                               .base = f.core.base_index,
                               .base_term = f.core.base_term,
                               .applied = f.core.applied,
                               .last = f.last,
                               .map = kv_digest(f.kv)};
    struct tap tap = {.from = f.core};
    if (f.core.next_entry) {
        f.core.next_entry = next_through;
        f.core.ctx = &tap;
    }
    model_restore(&w->m, &f);
    if (!store_restored(w->store, w->error)) {
        walk_close(w);
        return STORE_IO_ERROR;
    }
    found.log = tap.log;
    *sound = (same(&found, &w->known) || same(&found, &w->next)) && (uint64_t)f.boot > w->boot;
    if (!*sound) {
        show("known", &w->known);
        show("next ", &w->next);
        show("found", &found);
        printf("boot %llu after %llu\n", (unsigned long long)f.boot, (unsigned long long)w->boot);
    }
    w->boot = (uint64_t)f.boot;
    w->known = w->next = found;
    return STORE_OPENED;
}

/* From a leader of this term or a later one: after what we have, or over what is not committed. */
static void append(struct walk *w)
{
    struct raft_brief b = raft_brief(w->m.core);
    uint64_t prev = rng_below(&w->rng, 4) ? b.last : b.commit + rng_below(&w->rng, b.last - b.commit + 1);
    uint64_t term = (b.term ? b.term : 1) + (prev < b.last || !rng_below(&w->rng, 9));
    size_t n = (size_t)rng_below(&w->rng, rng_below(&w->rng, 9) ? 5 : 40) + (prev < b.last);
    model_append(&w->m, term, prev, n, (unsigned)rng_below(&w->rng, 2),
                 b.commit + rng_below(&w->rng, prev + n - b.commit + 1));
}

/* `from` the leader: the same state comes as a whole. */
static struct store_change snapshot(struct walk *w, bool installed)
{
    uint64_t applied = kv_applied(w->m.kv), base = w->known.base;
    struct store_change c = {.core = w->m.core, .kv = w->m.kv, .snapshot = true, .installed = installed};
    c.base_index = installed ? applied : base + 1 + rng_below(&w->rng, applied - base);
    c.base_term = model_term_at(&w->m, c.base_index);
    return c;
}

bool walk_save(struct walk *w)
{
    uint64_t what = rng_below(&w->rng, 20);
    bool more = kv_applied(w->m.kv) > w->known.base;
    struct store_change c;
    if (what < 2 && raft_brief(w->m.core).term) {
        model_vote(&w->m, raft_brief(w->m.core).term + 1);
        c = model_change(&w->m);
    } else if (what < 5 && more) {
        c = snapshot(w, what == 4);
    } else {
        append(w);
        c = model_change(&w->m);
    }
    w->next = state_after(w, &c);
    if (!store_save(w->store, &c)) {
        snprintf(w->error, sizeof w->error, "%s", store_error(w->store));
        return false;
    }
    w->known = w->next;
    w->saves++;
    return true;
}
