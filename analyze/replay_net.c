/* replay_net.c -- T5: each copy of a datagram ends at most once, and nothing comes out that did not go in. */
#include "replay_int.h"

/* Numbers are users' data: the key is never 0. */
static uint64_t key_of(int64_t d)
{
    return (uint64_t)d << 1 | 1;
}

void replay_on_net_in(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t d = rec_int(r, "d", 0);
    uint64_t *at = pairmap_at(&rp->datagram_of, key_of(d), 0);
    n->network = true;
    judged(rp, RULE_T5);
    if (*at != 0) {
        struct finding *f =
            replay_found(rp, RULE_T5, n, r, "datagram-number-twice", "datagram d:%lld came in twice", (long long)d);
        finding_rec(f, "witness", (int64_t)*at);
        finding_rec(f, "cause", r->id);
    }
    *at = (uint64_t)r->id;
}

void replay_on_net_dup(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t d = rec_int(r, "d", 0);
    judged(rp, RULE_T5);
    if (pairmap_get(&rp->datagram_of, key_of(d), 0) == 0 && n->missing == 0)
        finding_rec(replay_found(rp, RULE_T5, n, r, "datagram-from-nowhere",
                                 "datagram d:%lld was copied but never came in", (long long)d),
                    "cause", r->id);
}

static void ended(struct replay *rp, struct node *n, const struct rec *r)
{
    int64_t d = rec_int(r, "d", 0), copy = rec_int(r, "cp", 1);
    judged(rp, RULE_T5);
    if (pairmap_get(&rp->datagram_of, key_of(d), 0) == 0) {
        if (n->missing == 0)
            finding_rec(replay_found(rp, RULE_T5, n, r, "datagram-from-nowhere",
                                     "datagram d:%lld came out but never came in", (long long)d),
                        "cause", r->id);
        return;
    }
    uint64_t *at = pairmap_at(&rp->datagram_of, key_of(d), (uint64_t)copy + 1);
    if (*at != 0) {
        struct finding *f = replay_found(rp, RULE_T5, n, r, "datagram-ends-twice",
                                         "copy %lld of datagram d:%lld ends twice", (long long)copy, (long long)d);
        finding_rec(f, "witness", (int64_t)*at);
        finding_rec(f, "cause", r->id);
    }
    *at = (uint64_t)r->id;
}

void replay_on_net_out(struct replay *rp, struct node *n, const struct rec *r)
{
    ended(rp, n, r);
}

void replay_on_net_drop(struct replay *rp, struct node *n, const struct rec *r)
{
    ended(rp, n, r);
}
