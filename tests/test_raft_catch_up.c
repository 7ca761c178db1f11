/* A follower far behind and its leader, over a network that loses and reorders: snapshots and appends together. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../src/kv.h"
#include "../src/rng.h"
#include "support/message_copy.h"
#include "support/raft_one.h"
#include "support/raft_state.h"

#define AWAY 100000
#define KEPT 5000
#define KEYS 5000

struct flight {
    uint64_t at;
    struct message *m;
};

struct pair {
    struct raft *r[2];
    struct kv *kv[2];
    struct raft_effects fx;
    struct rng rng;
    uint64_t now, datagrams, chunks;
    struct flight v[1024];
    size_t n;
};

static bool next_entry(void *ctx, struct entry *e)
{
    static char key[32], text[32];
    uint64_t *i = ctx;
    if (*i == AWAY)
        return false;
    ++*i;
    snprintf(key, sizeof key, "key %" PRIu64, *i % KEYS);
    snprintf(text, sizeof text, "%" PRIu64, *i);
    *e = (struct entry){
        .index = *i, .term = 1, .op = ENTRY_PUT, .client = CLIENT, .mid = text, .key = key, .value = text};
    return true;
}

static void carry_out(struct pair *p, unsigned id)
{
    for (size_t i = 0; i < p->fx.n; i++) {
        const struct raft_effect *e = &p->fx.v[i];
        if (e->type == RAFT_DO_APPLY) {
            kv_apply(p->kv[id], e->entry);
        } else if (e->type == RAFT_DO_INSTALL) {
            kv_free(p->kv[id]);
            p->kv[id] = kv_load(e->data, e->size);
            assert_int_equal(kv_applied(p->kv[id]), e->index);
        } else if (e->type == RAFT_DO_SNAPSHOT) {
            size_t n;
            unsigned char *bytes = kv_save(p->kv[id], &n);
            raft_give_snapshot(p->r[id], e->index, bytes, n);
        } else if (e->type == RAFT_DO_SEND) {
            p->datagrams++;
            p->chunks += e->message.type == MESSAGE_SNAP_REQ;
            if (rng_unit(&p->rng) < 0.2)
                continue;
            assert_true(p->n < sizeof p->v / sizeof *p->v);
            /* Late enough for what was sent later to overtake it. */
            p->v[p->n++] =
                (struct flight){.at = p->now + 200 + rng_below(&p->rng, 3000), .m = message_copy(&e->message)};
        }
    }
}

static void step(struct pair *p, unsigned id, const struct message *m)
{
    const struct raft_event ev = {.type = m ? RAFT_EVENT_MESSAGE : RAFT_EVENT_TICK, .now_us = p->now, .message = m};
    raft_step(p->r[id], &ev, &p->fx);
    carry_out(p, id);
}

static void advance(struct pair *p)
{
    size_t next = 0;
    for (size_t i = 1; i < p->n; i++)
        if (p->v[i].at < p->v[next].at)
            next = i;
    unsigned id = raft_deadline(p->r[0]) <= raft_deadline(p->r[1]) ? 0 : 1;
    uint64_t due = raft_deadline(p->r[id]);
    if (p->n && p->v[next].at <= due) {
        struct flight f = p->v[next];
        p->v[next] = p->v[--p->n];
        p->now = f.at;
        step(p, f.m->dst, f.m);
        free(f.m);
    } else {
        p->now = due > p->now ? due : p->now;
        step(p, id, NULL);
    }
}

static void a_follower_that_was_away_for_100000_entries_catches_up_over_a_lossy_network(void **state)
{
    (void)state;
    uint64_t all = 0, most = 0, size = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct pair p = {.now = 1000000};
        rng_seed(&p.rng, seed);
        uint64_t at = AWAY - KEPT;
        struct raft_restored restored = {.term = 1,
                                         .voted = NODE_NONE,
                                         .applied = AWAY,
                                         .base_index = AWAY - KEPT,
                                         .base_term = 1,
                                         .next_entry = next_entry,
                                         .ctx = &at};
        struct raft_config c = one_config(2);
        c.chunk_bytes = 1000;
        c.restored = &restored;
        p.r[0] = raft_new(&c, p.now, &p.fx);
        p.kv[0] = raft_state_after(AWAY, KEYS);
        node_id leader = 0;
        c.id = 1;
        c.peers = &leader;
        c.restored = NULL;
        p.r[1] = raft_new(&c, p.now, &p.fx);
        p.kv[1] = kv_new();
        while (raft_brief(p.r[1]).applied <= AWAY) {
            advance(&p);
            assert_true(p.now < 60 * 1000000);
        }
        if (!size)
            free(kv_save(p.kv[1], &size));
        for (unsigned i = 0; i < 2; i++) {
            all += i ? p.datagrams : 0;
            raft_free(p.r[i]);
        }
        most = p.datagrams > most ? p.datagrams : most;
        assert_true(kv_digest(p.kv[0]) == kv_digest(p.kv[1]) || kv_applied(p.kv[0]) != kv_applied(p.kv[1]));
        kv_free(p.kv[0]);
        kv_free(p.kv[1]);
        raft_effects_free(&p.fx);
        while (p.n)
            free(p.v[--p.n].m);
    }
    printf("a state of %" PRIu64 " bytes in chunks of 1000: %" PRIu64 " datagrams on average, %" PRIu64 " at most\n",
           size, all / 10, most);
    /* Chunks, as many answers, what was lost of both, the election: not a multiple of that. */
    assert_true(most < 4 * (size / 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_that_was_away_for_100000_entries_catches_up_over_a_lossy_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
