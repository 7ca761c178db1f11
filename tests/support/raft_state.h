/* raft_state.h -- for tests of snapshots: states of the key-value store, and the chunks in which they travel. */
#ifndef FAULTLINE_TESTS_RAFT_STATE_H
#define FAULTLINE_TESTS_RAFT_STATE_H

#include "../../src/kv.h"
#include "raft_one.h"

#define CHUNK 30 /* bytes */

/* The state after `n` entries, which put `keys` keys in turn; to be given to kv_free(). */
struct kv *raft_state_after(uint64_t n, uint64_t keys);

struct snapshot {
    unsigned char *bytes;
    size_t size;
    uint64_t index, term, digest;
};

/* The state after `index` entries, the last of this term: more than three chunks. The caller frees `bytes`. */
struct snapshot raft_state_snapshot(uint64_t index, uint64_t term);
uint64_t raft_state_chunks(const struct snapshot *s);
/* The i-th chunk of `s`, from 0, sent now by leader `src` of `term` to the core; it points into `s`. */
struct message raft_state_chunk(struct one *o, const struct snapshot *s, node_id src, uint64_t term, uint64_t i);

#endif
