/* sim_lines.h -- what a replica prints, cut into lines and kept within bounds: a line longer than 4 KiB is cut, and a
 * replica that prints more than it may has the rest counted instead of kept. Pure: fed with bytes and the time. */
#ifndef FAULTLINE_SIM_LINES_H
#define FAULTLINE_SIM_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIM_LINE_MAX = 4096,
    SIM_LINES_BURST = 256 * 1024, /* bytes that are kept at once */
    SIM_LINES_RATE = 128 * 1024   /* and bytes a second after that */
};

struct sim_lines {
    char buffer[SIM_LINE_MAX + 1];
    size_t n;
    bool cut;          /* the line in the buffer is longer than it */
    int64_t budget, t; /* bytes that may still be kept; time of the last refill, ns */
    int64_t dropped_lines, dropped_bytes;
};

/* One line without its '\n'; NUL bytes in it become '?'. Valid during the call. */
typedef void sim_line_fn(void *ctx, const char *line, bool truncated);

void sim_lines_init(struct sim_lines *l, int64_t now);
void sim_lines_feed(struct sim_lines *l, int64_t now, const char *bytes, size_t n, sim_line_fn *fn, void *ctx);
/* The stream has ended: hands over what is left, and the last account of what was dropped. */
void sim_lines_end(struct sim_lines *l, int64_t now, sim_line_fn *fn, void *ctx);

#endif
