/* lin_blocks.h -- sequential consistency of one key: the order of its blocks. */
#ifndef FAULTLINE_LIN_BLOCKS_H
#define FAULTLINE_LIN_BLOCKS_H

#include "lin_source.h"

/* The operations of a key are by call; `source` as from lin_sources_find(), none of them ambiguous. A block is a write
 * with its reads; it is known by the write's index, that of the initial value by n. False without memory; else *cycle
 * is how many operations were put into `proof` (room for 2 * n + 2): 0 when the clients' orders agree. Pairs as in
 * struct sequential; a single operation: a read of what nobody wrote. */
bool lin_blocks_cycle(const struct op *ops, size_t n, const int32_t *source, uint32_t clients, uint32_t *proof,
                      size_t *cycle);

#endif
