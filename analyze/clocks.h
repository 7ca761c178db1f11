/* clocks.h -- how far the clocks of several hosts are apart, from the messages between them.
 *
 * A message is received after it was sent. So each message from a to b bounds b's clock, as seen at a moment of a's,
 * from above, and each from b to a from below; the fastest in each direction bound it best (Cristian 1989). Nothing is
 * assumed about delays, nor that drift is steady: only that two clocks never drift apart faster than CLOCKS_DRIFT_PPM.
 * Then what is known at one moment holds, with that much slack, at any other; the result is a line with an error that
 * covers all of the run. Times are ns on clocks whose zeros may be anywhere.
 *
 * Pure: no I/O. Ends the program where there is no memory (mem.h). */
#ifndef FAULTLINE_CLOCKS_H
#define FAULTLINE_CLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* adjtimex(2) slews a clock by at most 500 ppm, a crystal is off by at most 100: twice that between two clocks. */
#define CLOCKS_DRIFT_PPM 1200
enum { CLOCKS_MAX = 64 };

struct clocks;

/* From a clock to the reference clock: reference = t + offset + drift_ppb * (t - at) / 10^9, give or take `error`. */
struct clock_line {
    bool known; /* false: messages do not tell, or contradict each other (a clock was set) */
    int64_t at, offset, drift_ppb, error;
    int64_t messages; /* that bound it against the clock it was compared with */
};

/* n clocks (at most CLOCKS_MAX), each with the time on it of its first and last record. */
struct clocks *clocks_new(size_t n, const int64_t *first, const int64_t *last);
void clocks_free(struct clocks *c);
/* A message: when it was sent, on the sender's clock, and received, on the receiver's. */
void clocks_message(struct clocks *c, size_t from, int64_t sent, size_t to, int64_t received);
/* One line for each clock; that of `reference` is exact. */
void clocks_solve(struct clocks *c, size_t reference, struct clock_line *line);
/* The time on the reference clock that corresponds to t, without its error; saturating. */
int64_t clocks_convert(const struct clock_line *line, int64_t t);

#endif
