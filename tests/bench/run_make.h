/* run_make.h -- the traces of a run of any length, made without running it. */
#ifndef FAULTLINE_BENCH_RUN_MAKE_H
#define FAULTLINE_BENCH_RUN_MAKE_H

#include <stdint.h>

enum { RUN_MAKE_REPLICAS = 5 };

/* Writes at least `records` records to DIR/sim.1.jsonl, 0000.1.jsonl ... 0004.1.jsonl: the mix and the fields of our
 * replicas under `simulate --bodies`, with datagrams recorded whole, which hold values of 1,100 bytes, so that a record
 * has 300 bytes on average. The same records every time. The leader is there from the start, without an election: R11
 * says so, and no other rule finds anything. Returns how many; exits with words on stderr when a file cannot be made.
 */
int64_t run_make(const char *dir, int64_t records);

#endif
