/* lin_sequential.h -- sequential consistency (Lamport 1979): one order of all operations of all keys in which each
 * client's come in its own order and each read returns the latest write. Real time does not count.
 *
 * For keys with reads and writes whose reads name their writes. Unlike linearizability this is no property of each key
 * alone, and deciding it is NP-complete even so (Gibbons and Korach, Testing Shared Memories, SIAM J. Comput. 1997).
 * So: first each key by itself, exactly: the operations of one value are one block, and the clients' orders must leave
 * the blocks without a cycle. Then one order for all keys together is looked for, depth first, under a budget: reads go
 * as soon as they can, a write when the value that it replaces has no readers left. */
#ifndef FAULTLINE_LIN_SEQUENTIAL_H
#define FAULTLINE_LIN_SEQUENTIAL_H

#include "lin_search.h"

struct sequential {
    enum lin_answer answer;
    size_t key;       /* LIN_BAD for one key alone: which; else the number of keys */
    struct op *proof; /* and a cycle: pairs of operations of one client, the first of each pair before the second; the
                       * second of a pair has the same value as the first of the next, and the last as the first */
    size_t n_proof;
    size_t left_out; /* keys that were not judged: other operations, values written more than once */
};

/* The history must be sorted. Attempts that their clients gave up are left aside; where that could matter, no answer is
 * LIN_BAD. False without memory. */
bool lin_sequential(struct sequential *s, const struct history *h, const struct lin_limits *limits);
void lin_sequential_free(struct sequential *s);

#endif
