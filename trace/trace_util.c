/* trace_util.c -- the hash of the format, and its clock. */
#include "trace.h"

#include <endian.h>
#include <string.h>
#include <time.h>

uint64_t trace_hash(const void *p, size_t n)
{
    const unsigned char *b = p;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 0x100000001b3u;
    return h;
}

uint64_t trace_mono_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The digits of eight nibbles at once, the first in the highest byte. */
static uint64_t hex_8(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u;
    v = (v & 0xffff0000u) << 16 | (v & 0xffffu);
    v = (v << 8 & 0x00ff000000ff0000u) | (v & 0x000000ff000000ffu);
    v = (v << 4 & 0x0f000f000f000f00u) | (v & 0x000f000f000f000fu);
    uint64_t letters = (v + ones * 6) >> 4 & ones;
    return v + ones * '0' + letters * ('a' - '0' - 10);
}

void trace_hash_text(uint64_t h, char text[TRACE_HASH_TEXT])
{
    const uint64_t digits[] = {htobe64(hex_8(h >> 32)), htobe64(hex_8(h & 0xffffffffu))};
    memcpy(text, digits, sizeof digits);
    text[16] = '\0';
}
