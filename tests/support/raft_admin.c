/* raft_admin.c -- see raft_admin.h. Configurations are read anew here: the core's own reading is what is tested. */
#include "raft_admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned admin_voters(const char *conf)
{
    unsigned n = *conf != 0;
    for (; *conf; conf++)
        n += *conf == ',';
    return n;
}

bool admin_is_voter(const char *conf, node_id id)
{
    for (const char *at = conf; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strtoul(at, NULL, 16) == id)
            return true;
    return false;
}

struct message admin_request(struct rng *rng, unsigned n, unsigned nodes)
{
    static const enum change_op ops[] = {CHANGE_ADD, CHANGE_ADD, CHANGE_REMOVE, CHANGE_REMOVE, CHANGE_TRANSFER};
    struct message m = {.type = MESSAGE_CHANGE,
                        .src = ADMIN,
                        .leader = NODE_NONE,
                        .change = ops[rng_below(rng, 5)],
                        .node = (node_id)rng_below(rng, nodes),
                        .address = ""};
    if (m.change == CHANGE_TRANSFER && rng_below(rng, 2))
        m.node = NODE_NONE;
    snprintf(m.mid, sizeof m.mid, "A%u", n);
    return m;
}

/* The configuration in force before `index`; *at: where it stands, 0 = before the log. */
static const char *before(const struct raft *r, uint64_t index, const char *first, uint64_t *at)
{
    uint64_t base = raft_base(r, NULL);
    for (*at = index - 1; *at > base; --*at)
        if (raft_entry(r, *at)->op == ENTRY_CONF)
            return raft_entry(r, *at)->value;
    return base ? NULL : first;
}

static unsigned differences(const char *a, const char *b, unsigned nodes)
{
    unsigned n = 0;
    for (node_id id = 0; id < nodes; id++)
        n += admin_is_voter(a, id) != admin_is_voter(b, id);
    return n;
}

const char *admin_objection(const struct raft *r, const struct raft_effect *e, const char *first)
{
    uint64_t at;
    const char *old = before(r, e->entry->index, first, &at);
    uint64_t base_term, base = raft_base(r, &base_term), commit = e->after.commit;
    if (commit < base)
        return NULL; /* given up in this very step: nobody can tell any more */
    uint64_t term = commit == base ? base_term : raft_entry(r, commit)->term;
    if (old && differences(old, e->entry->value, UINT8_MAX) != 1)
        return "R57: more than one voter changes";
    if (at > commit)
        return "R57: the configuration before is not committed";
    if (term != e->after.term)
        return "R59: nothing of the leader's own term is committed";
    return admin_voters(e->entry->value) ? NULL : "nobody is left";
}
