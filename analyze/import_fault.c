/* import_fault.c -- from the lines of a Jepsen nemesis to faults.
 *
 * A nemesis' operation has two lines, both :info: when it is begun, and when it is done. A fault lasts from the first
 * line that begins it to the last that ends it, which is the longest that it can have been in force. Names are those of
 * jepsen.nemesis and jepsen.nemesis.combined; what is none of these is a moment, not a band. */
#include "import_int.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *begin, *end, *kind;
} bands[] = {
    {"start-partition", "stop-partition", "partition"},
    {"partition", "heal", "partition"},
    {"kill", "restart", "kill"},
    {"kill", "start", "kill"},
    {"pause", "resume", "pause"},
    {"start-pause", "stop-pause", "pause"},
    {"start-kill", "stop-kill", "kill"},
    {"bump-clock", "reset-clock", "skew"},
    {"strobe-clock", "reset-clock", "skew"},
    {"start-clock", "stop-clock", "skew"},
    {"start-packet", "stop-packet", "slow_link"},
    {"start", "stop", "partition"}, /* jepsen.nemesis/partitioner */
};
enum { BANDS = sizeof bands / sizeof *bands };

size_t import_faults(const struct import *m, struct import_fault **out)
{
    struct import_fault *f = NULL;
    size_t n = 0, room = 0, open[BANDS] = {0}; /* place in f + 1 */
    for (size_t i = 0; i < m->n_events; i++) {
        const struct import_event *e = &m->event[i];
        if (e->kind != EVENT_NEMESIS)
            continue;
        bool known = false;
        for (size_t b = 0; b < BANDS && !known; b++) {
            struct import_fault *x = open[b] != 0 ? &f[open[b] - 1] : NULL;
            if (x == NULL || strcmp(e->what->text, bands[b].end) != 0)
                continue;
            x->t_end = e->t;
            x->end = i;
            x->ending = known = true;
        }
        for (size_t b = 0; b < BANDS && !known; b++) {
            if (strcmp(e->what->text, bands[b].begin) != 0)
                continue;
            known = true;
            if (open[b] != 0 && !f[open[b] - 1].ending)
                continue; /* its second line */
            if (n == room) {
                room = room > 0 ? room * 2 : 16;
                f = mem_grow(f, room, sizeof *f);
            }
            f[n++] = (struct import_fault){.kind = bands[b].kind,
                                           .text = e->text,
                                           .t_begin = e->t,
                                           .t_end = IMPORT_OPEN,
                                           .begin = i,
                                           .end = SIZE_MAX};
            for (size_t k = 0; k < BANDS; k++) { /* whichever way it ends */
                if (strcmp(bands[k].begin, bands[b].begin) == 0)
                    open[k] = n;
            }
        }
    }
    *out = f;
    return n;
}
