/* replica_snapshot.c -- what concerns the state machine as a whole (Raft paper §7): it is given up for sending,
 * replaced by its leader's, or takes the place of the beginning of the log on stable storage. */
#include "replica_int.h"

#include <stdlib.h>

void replica_give_snapshot(struct replica *rep)
{
    size_t n;
    unsigned char *bytes = kv_save(rep->kv, &n);
    raft_give_snapshot(rep->core, kv_applied(rep->kv), bytes, n);
}

/* What the step has not made durable yet goes along. */
static bool store(struct replica *rep, const struct raft_effect *e, bool installed)
{
    struct store_change change = {
        .snapshot = true, .base_index = e->index, .base_term = e->term, .base_conf = e->conf, .installed = installed};
    return !rep->io.persist || replica_persist(rep, &e->after, &change);
}

bool replica_compact(struct replica *rep, const struct raft_effect *e)
{
    /* The log before it was durable already, and answers need not wait for the tidying up. */
    record_flush(rep);
    replica_send_all(rep);
    if (!store(rep, e, false))
        return false;
    record_compacted(rep, e);
    return true;
}

bool replica_install(struct replica *rep, const struct raft_effect *e)
{
    struct kv *kv = kv_load(e->data, (size_t)e->size);
    if (!kv)
        abort(); /* the core has seen that it is sound */
    kv_free(rep->kv);
    rep->kv = kv;
    record_installed(rep, e);
    return store(rep, e, true);
}
