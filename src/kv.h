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

/* Applies the entry `kv_applied() + 1`, whose MID has at most MID_MAX bytes. Returns false when the request had been
 * applied before: no effect then. Aborts on out of memory: a replica that cannot apply must not go on. */
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
/* Bytes of all keys and values. */
size_t kv_bytes(const struct kv *kv);

size_t kv_requests(const struct kv *kv);

/* ---- snapshots (Raft paper §7): map, request table and index, as bytes; equal states give equal bytes ---- */

/* The bytes are the caller's (free()). Aborts on out of memory. */
unsigned char *kv_save(const struct kv *kv, size_t *n);
/* Is it a state at `index`, whole and sound? Any bytes are allowed. */
bool kv_sound(const unsigned char *bytes, size_t n, uint64_t index);
/* The state at whichever index the bytes say; NULL: not sound. Aborts on out of memory. */
struct kv *kv_load(const unsigned char *bytes, size_t n);
/* The digest of a whole snapshot, which its receiver compares: against damage, not against forgery. */
uint64_t snapshot_digest(const unsigned char *bytes, size_t n);

/* For stable storage, which keeps map and table as rows: each pair in any order; the requests by client in order of id,
 * of each client oldest first. Building a state the other way round: kv_new(), kv_put_pair(), kv_put_request() in the
 * same order (none twice), kv_set_applied(). */
void kv_each_pair(const struct kv *kv, void (*each)(void *ctx, const char *key, const char *value), void *ctx);
void kv_each_request(const struct kv *kv, void (*each)(void *ctx, node_id client, const char *mid, uint64_t index),
                     void *ctx);
/* The same of what changed by entry `from` or later: pairs that were put; all requests of each client that made any. */
void kv_each_pair_since(const struct kv *kv, uint64_t from, void (*each)(void *ctx, const char *key, const char *value),
                        void *ctx);
void kv_each_request_since(const struct kv *kv, uint64_t from,
                           void (*each)(void *ctx, node_id client, const char *mid, uint64_t index), void *ctx);
void kv_put_pair(struct kv *kv, const char *key, const char *value);
void kv_put_request(struct kv *kv, node_id client, const char *mid, uint64_t index);
void kv_set_applied(struct kv *kv, uint64_t index);

#endif
