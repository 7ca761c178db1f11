/* raft_cluster_disk.c -- what each replica made durable, and finds again after a crash. */
#include "raft_cluster_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void cut_log(struct disk *d, uint64_t last)
{
    while (d->n && d->base_index + d->n > last)
        free(d->log[--d->n]);
}

static void write_log(struct disk *d, const struct raft *r, uint64_t from)
{
    cut_log(d, from - 1);
    for (uint64_t i = from; i <= raft_brief(r).last; i++) {
        const struct entry *e = raft_entry(r, i);
        size_t mid = strlen(e->mid) + 1, key = strlen(e->key) + 1, value = strlen(e->value) + 1;
        struct entry *own = malloc(sizeof *own + mid + key + value);
        if (!own)
            abort();
        *own = *e;
        own->mid = memcpy(own + 1, e->mid, mid);
        own->key = memcpy((char *)(own + 1) + mid, e->key, key);
        own->value = memcpy((char *)(own + 1) + mid + key, e->value, value);
        d->log = cluster_grown(d->log, &d->room, d->n + 1, sizeof(struct entry *));
        d->log[d->n++] = own;
    }
}

void cluster_disk_persist(struct sim *s, unsigned id)
{
    struct node *node = &s->nodes[id];
    struct disk *d = &node->disk;
    const struct raft_effects *fx = &node->fx;
    if (fx->persist_vote) {
        d->term = raft_brief(node->raft).term;
        d->voted = raft_voted_for(node->raft);
    }
    if (fx->truncated_from)
        cut_log(d, fx->truncated_from - 1);
    if (fx->appended_from)
        write_log(d, node->raft, fx->appended_from);
}

/* The log begins after (index, term): the state stands in its place. */
void cluster_disk_rebase(struct node *node, uint64_t index, uint64_t term, const char *conf)
{
    struct disk *d = &node->disk;
    size_t gone = index - d->base_index < d->n ? index - d->base_index : d->n;
    for (size_t i = 0; i < gone; i++)
        free(d->log[i]);
    d->n -= gone;
    if (d->n)
        memmove(d->log, d->log + gone, d->n * sizeof(struct entry *));
    d->base_index = index;
    d->base_term = term;
    free(d->conf);
    d->conf = strdup(conf);
    free(d->state);
    d->state = kv_save(node->kv, &d->state_size);
}

void cluster_disk_install(struct sim *s, unsigned id, const struct raft_effect *e)
{
    struct node *node = &s->nodes[id];
    s->out->counts.installs++;
    if (e->index <= kv_applied(node->kv))
        cluster_failed(s, "%u goes back from %" PRIu64 " to a snapshot", id, kv_applied(node->kv));
    kv_free(node->kv);
    node->kv = kv_load(e->data, e->size);
    if (!node->kv || kv_applied(node->kv) != e->index || e->index > s->n_log || e->term != s->log[e->index - 1].term ||
        kv_digest(node->kv) != s->log[e->index - 1].state) {
        cluster_failed(s, "%u installs what was not the state at %" PRIu64, id, e->index);
        return;
    }
    cut_log(&node->disk, 0);
    cluster_disk_rebase(node, e->index, e->term, e->conf);
    write_log(&node->disk, node->raft, e->index + 1);
}

static bool next_entry(void *ctx, struct entry *e)
{
    struct disk *d = ctx;
    if (d->read == d->n)
        return false;
    *e = *d->log[d->read++];
    return true;
}

struct raft_restored cluster_disk_restored(struct disk *d, uint64_t applied)
{
    d->read = 0;
    return (struct raft_restored){.term = d->term,
                                  .voted = d->voted,
                                  .applied = applied,
                                  .base_index = d->base_index,
                                  .base_term = d->base_term,
                                  .base_conf = d->conf,
                                  .next_entry = next_entry,
                                  .ctx = d};
}

void cluster_disk_free(struct disk *d)
{
    cut_log(d, 0);
    free(d->log);
    free(d->conf);
    free(d->state);
}
