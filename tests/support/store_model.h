/* store_model.h -- a follower to store: a real core that is fed by an invented leader, and its state machine. What its
 * entries are depends on their index only, so that whoever reads them back knows what they must be. */
#ifndef FAULTLINE_TESTS_STORE_MODEL_H
#define FAULTLINE_TESTS_STORE_MODEL_H

#include "../../src/store.h"

struct model {
    struct raft *core;
    struct raft_effects fx; /* of the last step */
    struct kv *kv;
    uint64_t now_us;
};

#define MODEL_ID     ((node_id)0x000A)
#define MODEL_LEADER ((node_id)0x000B)

struct model_entry {
    struct entry e;
    char mid[MID_MAX + 1], key[64], value[512];
};
/* The entry that belongs to `index`: puts of few clients and keys, some of them repeated requests, some no-ops.
 * `flavour`: another history. */
void model_make(struct model_entry *m, uint64_t index, uint64_t term, unsigned flavour);

void model_init(struct model *m);
/* Goes on from what was found, whose kv it takes. */
void model_restore(struct model *m, const struct store_found *found);
void model_free(struct model *m);
uint64_t model_term_at(const struct model *m, uint64_t index);
/* A leader's appends of `n` entries after `prev`, which are new or conflict, and its commit; what is committed is applied to kv. */
void model_append(struct model *m, uint64_t term, uint64_t prev, size_t n, unsigned flavour, uint64_t commit);
void model_append_these(struct model *m, uint64_t term, uint64_t prev, const struct entry *const *entries, size_t n,
                        uint64_t commit);
/* A candidate asks for our vote in a term from 2 on. */
void model_vote(struct model *m, uint64_t term);
/* What the last step says must be durable. */
struct store_change model_change(const struct model *m);
/* The state machine after the entries of flavour 0 up to there. The caller's. */
struct kv *model_kv(uint64_t applied);

/* A new directory, and its removal with what is in it. */
char *model_dir(void);
void model_remove(char *dir);
/* All of the file's bytes, the caller's; NULL: there is none. */
unsigned char *model_bytes(const char *path, size_t *n);

#endif
