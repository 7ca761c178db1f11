/* raft_status.c -- how a replica sees itself and, where it leads, the others: for people, not for the algorithm. */
#include "raft_int.h"

static const char *role_word(enum raft_role role)
{
    switch (role) {
    case RAFT_FOLLOWER:
        return "follower";
    case RAFT_PRECANDIDATE:
        return "precandidate";
    case RAFT_CANDIDATE:
        return "candidate";
    case RAFT_LEADER:
        return "leader";
    }
    abort();
}

static uint64_t silent_ms(const struct peer *p, uint64_t now_us)
{
    return p->heard_us && now_us > p->heard_us ? (now_us - p->heard_us) / 1000 : 0;
}

static void tell(const struct peer *p, uint64_t now_us, struct member_status *m)
{
    m->state = !p->voter ? "learner" : p->snapshot ? "snapshot" : p->probing ? "probe" : "replicate";
    m->match = p->match;
    m->next = p->next;
    m->silent_ms = silent_ms(p, now_us);
}

void raft_status(const struct raft *r, uint64_t now_us, struct status *s, struct member_status *members)
{
    bool leads = r->role == RAFT_LEADER;
    s->role = role_word(r->role);
    s->commit = r->commit;
    s->applied = r->applied;
    s->first = raft_base(r, NULL) + 1;
    s->lease_ms = raft_lease_left(r, now_us) / 1000;
    s->last = raft_last(r);
    s->n_members = 0;
    s->members = members;
    for (unsigned i = 0; i < r->conf->n; i++) {
        const struct voter *v = &r->conf->v[i];
        struct member_status *m = &members[s->n_members++];
        *m = (struct member_status){.id = v->id, .address = v->address, .state = ""};
        if (leads && v->id == r->id) {
            m->state = "self";
            m->match = raft_last(r);
            m->next = raft_last(r) + 1;
        }
    }
    if (r->change.asked)
        members[s->n_members++] =
            (struct member_status){.id = r->change.asked->node, .address = r->change.asked->value, .state = ""};
    for (unsigned i = 0; leads && i < r->n_peers; i++)
        for (size_t k = 0; k < s->n_members; k++)
            if (members[k].id == r->peers[i].id)
                tell(&r->peers[i], now_us, &members[k]);
}
