/* kv.h -- the replicated state machine: a map, and the table of requests already applied.
 *
 * Both change only in kv_apply(), in log order, and only as a function of the entries: equal entries give equal state
 * and equal digests on every replica (Raft paper §8 for the request table). */
#ifndef FAULTLINE_KV_H
#define FAULTLINE_KV_H

#include "message.h"

/* Requests remembered per client. A retry older than this many of the client's later requests is applied again: the
 * bound is part of the replicated state, so all replicas decide alike. */
#define KV_REQUESTS_PER_CLIENT 1024

struct kv;

struct kv *kv_new(void); /* NULL: out of memory */
void kv_free(struct kv *kv);

/* Applies the entry `kv_applied() + 1`. Returns false when the request had been applied before: no effect then.
 * Aborts on out of memory: a replica that cannot apply must not go on. */
bool kv_apply(struct kv *kv, const struct entry *e);
/* Index of the last entry applied, 0 = none. */
uint64_t kv_applied(const struct kv *kv);
/* The value, owned by kv until its next change; "" for a missing key. */
const char *kv_get(const struct kv *kv, const char *key);
/* Index at which the client's request was applied; 0 = not in the table. */
uint64_t kv_request_index(const struct kv *kv, node_id client, const char *mid);
/* Digest of map and table, independent of insertion order of the hash table; O(1). */
uint64_t kv_digest(const struct kv *kv);
size_t kv_keys(const struct kv *kv);

#endif
