/* lin_zones.h -- linearizability of a read/write register whose reads name their writes: no search.
 *
 * The zone of a write is the write and all reads that returned its value; the initial value has a zone too. Of zone i
 *     f = the earliest return of its operations   (the value was in place by then, at the latest)
 *     s = the latest call of its operations       (the value was in place then, or not yet)
 * In a legal order each zone is one contiguous block, and block i must precede block j iff f_i < s_j. So the key is
 * linearizable iff (a) no read returns a value that nobody wrote, (b) no read ends before its write begins, and (c) no
 * two zones have f_i < s_j and f_j < s_i. (After Gibbons and Korach, Testing Shared Memories, SIAM J. Comput. 1997.)
 * Writes of unknown outcome that nobody read have f = infinity, conflict with nothing and are left out.
 *
 * O(n log n) in time, O(n) in memory. */
#ifndef FAULTLINE_LIN_ZONES_H
#define FAULTLINE_LIN_ZONES_H

#include "lin_source.h"

#define ZONE_NONE    UINT32_MAX
#define ZONE_INITIAL 0u /* zone number of the initial value */

struct zone {
    int64_t f, s;
    int64_t call, ret;    /* of the write; both INT64_MIN for the initial value */
    int32_t write;        /* its index, or SOURCE_INITIAL */
    uint32_t first, last; /* the operations that f and s come from; ZONE_NONE: none (an unread initial value) */
    uint32_t reads;
};

struct zones {
    struct zone *z; /* z[ZONE_INITIAL], then one per write that counts, by call */
    size_t n;
    uint32_t *of;             /* per operation its zone; ZONE_NONE: left out */
    struct lin_at *by_f;      /* the zones by f */
    uint32_t phantom, future; /* the phantom read (a) and the future read (b) that returned first; ZONE_NONE: none */
};

/* `source` as lin_sources_find() gives it; ambiguous reads are left out (so that a violation is still one, but its
 * absence proves nothing). False without memory. */
bool zones_build(struct zones *z, const struct op *ops, size_t n, const int32_t *source);
void zones_free(struct zones *z);

/* (c): true, and the zones in *a and *b, when two zones conflict. */
bool zones_conflict(const struct zones *z, uint32_t *a, uint32_t *b);

/* For each zone, 1 when it conflicts with some other, else 0; the caller's to free, NULL without memory. */
uint8_t *zones_conflicting(const struct zones *z);

/* A read of zone i is stale when some zone j is newer (its write began after f_i) and had been in place when the read
 * began (f_j < read.call). The newer zones that it missed: */
struct stale_read {
    uint32_t read;           /* index of the operation */
    uint32_t oldest, newest; /* zones: the missed one that was in place first, and last */
    int64_t stale_for;       /* since the first had been in place: how long the value had provably been overwritten */
    int64_t behind_newest;   /* since the last had been */
    uint32_t versions;       /* how many there are: at least so many writes lie between, in any legal order */
};

/* All stale reads, by call. The array is the caller's to free; NULL with *count = 0 when there are none, *count =
 * SIZE_MAX without memory. */
struct stale_read *zones_stale(const struct zones *z, const struct op *ops, size_t n, size_t *count);

#endif
