#include "sim_lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const int64_t second = INT64_C(1000000000);

void sim_lines_init(struct sim_lines *l, int64_t now)
{
    *l = (struct sim_lines){.budget = SIM_LINES_BURST, .t = now};
}

static void refill(struct sim_lines *l, int64_t now)
{
    int64_t passed = now - l->t;
    if (passed > 4 * second)
        passed = 4 * second; /* more than fills it; keeps the product small */
    int64_t more = passed * SIM_LINES_RATE / second;
    if (more == 0)
        return;
    l->budget = l->budget + more > SIM_LINES_BURST ? SIM_LINES_BURST : l->budget + more;
    l->t = now;
}

static void account(struct sim_lines *l, sim_line_fn *fn, void *ctx)
{
    if (l->dropped_lines == 0)
        return;
    char text[120];
    snprintf(text, sizeof text, "[simulate: %" PRId64 " lines, %" PRId64 " bytes too many were not recorded here]",
             l->dropped_lines, l->dropped_bytes);
    l->dropped_lines = l->dropped_bytes = 0;
    fn(ctx, text, true);
}

static void line_done(struct sim_lines *l, sim_line_fn *fn, void *ctx)
{
    int64_t cost = (int64_t)l->n + 64; /* a record costs more than its line */
    if (l->budget < cost || (l->dropped_lines > 0 && l->budget < SIM_LINES_BURST / 2)) {
        l->dropped_lines++;
        l->dropped_bytes += (int64_t)l->n + 1;
    } else {
        account(l, fn, ctx);
        l->budget -= cost;
        l->buffer[l->n] = '\0';
        fn(ctx, l->buffer, l->cut);
    }
    l->n = 0;
    l->cut = false;
}

void sim_lines_feed(struct sim_lines *l, int64_t now, const char *bytes, size_t n, sim_line_fn *fn, void *ctx)
{
    refill(l, now);
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n')
            line_done(l, fn, ctx);
        else if (l->n == SIM_LINE_MAX) {
            if (l->cut)
                l->dropped_bytes++;
            l->cut = true;
        } else
            l->buffer[l->n++] = bytes[i] ? bytes[i] : '?';
    }
}

void sim_lines_end(struct sim_lines *l, int64_t now, sim_line_fn *fn, void *ctx)
{
    refill(l, now);
    if (l->n > 0)
        line_done(l, fn, ctx);
    account(l, fn, ctx);
}
