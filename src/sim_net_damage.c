#include "sim_net.h"

#include <string.h>

enum { BURST_MAX = 16 };

/* No JSON text has one of these bytes: control characters other than white space, and what UTF-8 never has. (NUL is not
 * among them, as readers made with jansson pass over it behind a number.) */
static char impossible(struct rng *rng)
{
    static const unsigned char bytes[] = {0x01, 0x07, 0x08, 0x0B, 0x0C, 0x0E, 0x1B, 0x1F,
                                          0xC0, 0xC1, 0xF5, 0xF8, 0xFC, 0xFE, 0xFF};
    return (char)bytes[rng_below(rng, sizeof bytes)];
}

/* Where the object ends: what is cut off must begin here at the latest. */
static size_t end_of_object(const char *bytes, size_t n)
{
    while (n > 0 && bytes[n - 1] != '}')
        n--;
    return n > 0 ? n - 1 : 0;
}

size_t sim_net_damage(struct rng *rng, enum sim_damage how, const char *bytes, size_t n, char *out)
{
    memcpy(out, bytes, n);
    if (how == SIM_INTACT || n == 0)
        return n;
    if (how == SIM_TRUNCATED)
        return (size_t)rng_below(rng, end_of_object(bytes, n) + 1);
    size_t at = (size_t)rng_below(rng, n), burst = 1 + (size_t)rng_below(rng, BURST_MAX);
    for (size_t i = at; i < n && i < at + burst; i++)
        out[i] = (char)rng_below(rng, 256);
    out[at] = impossible(rng);
    return n;
}
