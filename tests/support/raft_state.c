/* raft_state.c -- see raft_state.h. */
#include "raft_state.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

struct kv *raft_state_after(uint64_t n, uint64_t keys)
{
    struct kv *kv = kv_new();
    for (uint64_t i = 1; i <= n; i++) {
        char key[32], text[32];
        snprintf(key, sizeof key, "key %" PRIu64, i % keys);
        snprintf(text, sizeof text, "%" PRIu64, i);
        const struct entry e = {
            .index = i, .term = 1, .op = ENTRY_PUT, .client = CLIENT, .mid = text, .key = key, .value = text};
        kv_apply(kv, &e);
    }
    return kv;
}

struct snapshot raft_state_snapshot(uint64_t index, uint64_t term)
{
    struct kv *kv = raft_state_after(index, 10);
    struct snapshot s = {.index = index, .term = term};
    s.bytes = kv_save(kv, &s.size);
    s.digest = snapshot_digest(s.bytes, s.size);
    kv_free(kv);
    assert_true(s.size > 3 * CHUNK);
    return s;
}

uint64_t raft_state_chunks(const struct snapshot *s)
{
    return (s->size + CHUNK - 1) / CHUNK;
}

struct message raft_state_chunk(struct one *o, const struct snapshot *s, node_id src, uint64_t term, uint64_t i)
{
    struct message m = one_message(o, MESSAGE_SNAP_REQ, src, term);
    m.leader = src;
    m.snap_index = s->index;
    m.snap_term = s->term;
    m.size = s->size;
    m.digest = s->digest;
    m.conf = "0000,0001,0002";
    m.offset = i * CHUNK;
    m.data = s->bytes + m.offset;
    m.n_data = s->size - m.offset < CHUNK ? s->size - m.offset : CHUNK;
    m.sent_us = o->now_us;
    return m;
}
